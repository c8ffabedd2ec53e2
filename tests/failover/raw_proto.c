#include "tests/failover/raw_proto.h"

#include <assert.h>
#include <string.h>

enum {
    API_PRODUCE = 0,
    API_FETCH = 1,
    API_LIST_OFFSETS = 2,
    API_METADATA = 3,
    API_INIT_PRODUCER_ID = 22
};

static size_t frame_begin(struct out *o, int16_t api, int16_t version, int32_t correlation,
                          bool flexible)
{
    size_t at = o->len;
    put_i32(o, 0);
    put_i16(o, api);
    put_i16(o, version);
    put_i32(o, correlation);
    put_text(o, "odradek-raw");
    if (flexible)
        put_uvarint(o, 0);
    return at;
}

static void frame_end(struct out *o, size_t at)
{
    patch_i32(o, at, (uint32_t)(o->len - at - 4));
}

void metadata_request(struct out *o, int32_t correlation, const char *topic)
{
    size_t at = frame_begin(o, API_METADATA, 7, correlation, false);
    put_i32(o, 1);
    put_text(o, topic);
    put_i8(o, 0); /* allow auto creation */
    frame_end(o, at);
}

static void skip_i32s(struct in *i)
{
    for (int32_t n = get_i32(i); n > 0 && !i->bad; n--)
        get_i32(i);
}

static void metadata_partition(struct in *i, struct raw_view *view)
{
    int16_t error = get_i16(i);
    int32_t index = get_i32(i), leader = get_i32(i), epoch = get_i32(i);
    skip_i32s(i);
    skip_i32s(i);
    skip_i32s(i);
    (void)error; /* LEADER_NOT_AVAILABLE comes with leader -1 */
    if (index < 0 || index >= PARTITIONS_MAX)
        return;
    view->leader[index] = leader;
    view->epoch[index] = epoch;
    if (index >= view->partition_count)
        view->partition_count = index + 1;
}

void metadata_answer(struct in *i, struct raw_view *ret_view)
{
    char skipped[256];
    memset(ret_view, 0, sizeof *ret_view);
    for (int p = 0; p < PARTITIONS_MAX; p++)
        ret_view->leader[p] = ret_view->epoch[p] = -1;
    get_i32(i);
    for (int32_t n = get_i32(i); n > 0 && !i->bad; n--) {
        struct raw_broker b = {.id = get_i32(i)};
        get_text(i, b.host, sizeof b.host);
        b.port = get_i32(i);
        get_text(i, skipped, sizeof skipped);
        if (ret_view->broker_count < BROKERS_MAX)
            ret_view->brokers[ret_view->broker_count++] = b;
    }
    get_text(i, skipped, sizeof skipped);
    get_i32(i);
    for (int32_t n = get_i32(i); n > 0 && !i->bad; n--) {
        ret_view->error = get_i16(i);
        get_text(i, skipped, sizeof skipped);
        get_i8(i);
        for (int32_t k = get_i32(i); k > 0 && !i->bad; k--)
            metadata_partition(i, ret_view);
    }
}

void init_producer_request(struct out *o, int32_t correlation)
{
    size_t at = frame_begin(o, API_INIT_PRODUCER_ID, 1, correlation, false);
    put_i16(o, -1);
    put_i32(o, 60000);
    frame_end(o, at);
}

int16_t init_producer_answer(struct in *i, struct raw_producer_id *ret_id)
{
    get_i32(i);
    int16_t error = get_i16(i);
    ret_id->id = get_i64(i);
    ret_id->epoch = get_i16(i);
    return i->bad ? -1 : error;
}

void produce_request(struct out *o, int32_t correlation, const char *topic, int32_t partition,
                     const struct out *batch)
{
    size_t at = frame_begin(o, API_PRODUCE, 10, correlation, true);
    put_uvarint(o, 0); /* no transactional id */
    put_i16(o, -1);    /* acks=all */
    put_i32(o, 30000);
    put_uvarint(o, 2); /* one topic */
    put_compact_text(o, topic);
    put_uvarint(o, 2); /* one partition */
    put_i32(o, partition);
    put_uvarint(o, batch->len + 1);
    put_raw(o, batch->data, batch->len);
    for (int tags = 0; tags < 3; tags++)
        put_uvarint(o, 0);
    frame_end(o, at);
}

static void current_leader(struct in *i, struct raw_produced *ret)
{
    for (uint64_t n = get_uvarint(i); n > 0 && !i->bad; n--) {
        uint64_t tag = get_uvarint(i), size = get_uvarint(i);
        struct in body = {.at = i->at, .end = i->at};
        const uint8_t *p = get_raw(i, size);
        if (tag != 0 || p == NULL)
            continue;
        body = (struct in){.at = p, .end = p + size};
        ret->hint_leader = get_i32(&body);
        ret->hint_epoch = get_i32(&body);
    }
}

static void node_endpoints(struct in *i, struct raw_produced *ret)
{
    char rack[64];
    for (uint64_t n = get_uvarint(i); n > 0 && !i->bad; n--) {
        uint64_t tag = get_uvarint(i), size = get_uvarint(i);
        const uint8_t *p = get_raw(i, size);
        if (tag != 0 || p == NULL)
            continue;
        struct in body = {.at = p, .end = p + size};
        for (uint64_t k = get_uvarint(&body); k > 1 && !body.bad; k--) {
            struct raw_broker b = {.id = get_i32(&body)};
            get_compact_text(&body, b.host, sizeof b.host);
            b.port = get_i32(&body);
            get_compact_text(&body, rack, sizeof rack);
            skip_tags(&body);
            if (b.id == ret->hint_leader)
                ret->hint_broker = b;
        }
    }
}

void produce_answer(struct in *i, struct raw_produced *ret)
{
    char text[256];
    *ret = (struct raw_produced){.hint_leader = -1, .hint_epoch = -1, .hint_broker = {.id = -1}};
    skip_tags(i);
    get_uvarint(i);
    get_compact_text(i, text, sizeof text);
    get_uvarint(i);
    get_i32(i);
    ret->error = get_i16(i);
    ret->base_offset = get_i64(i);
    get_i64(i);
    get_i64(i);
    for (uint64_t n = get_uvarint(i); n > 1 && !i->bad; n--) {
        get_i32(i);
        get_compact_text(i, text, sizeof text);
        skip_tags(i);
    }
    get_compact_text(i, text, sizeof text);
    current_leader(i, ret);
    skip_tags(i);
    get_i32(i);
    node_endpoints(i, ret);
}

void list_offset_request(struct out *o, int32_t correlation, const char *topic, int32_t partition,
                         int64_t at_time)
{
    size_t at = frame_begin(o, API_LIST_OFFSETS, 1, correlation, false);
    put_i32(o, -1);
    put_i32(o, 1);
    put_text(o, topic);
    put_i32(o, 1);
    put_i32(o, partition);
    put_i64(o, at_time);
    frame_end(o, at);
}

int16_t list_offset_answer(struct in *i, int64_t *ret_offset)
{
    char topic[256];
    get_i32(i);
    get_text(i, topic, sizeof topic);
    get_i32(i);
    get_i32(i);
    int16_t error = get_i16(i);
    get_i64(i);
    *ret_offset = get_i64(i);
    return i->bad ? -1 : error;
}

void fetch_request(struct out *o, int32_t correlation, const char *topic, const int32_t *partitions,
                   const int64_t *offsets, int count, int wait_ms, int bytes_min)
{
    size_t at = frame_begin(o, API_FETCH, 4, correlation, false);
    put_i32(o, -1);
    put_i32(o, wait_ms);
    put_i32(o, bytes_min);
    put_i32(o, 8 << 20);
    put_i8(o, 0);
    put_i32(o, 1);
    put_text(o, topic);
    put_i32(o, count);
    for (int k = 0; k < count; k++) {
        put_i32(o, partitions[k]);
        put_i64(o, offsets[k]);
        put_i32(o, 4 << 20);
    }
    frame_end(o, at);
}

void fetch_answer(struct in *i, int *ret_count)
{
    char topic[256];
    get_i32(i);
    int32_t topics = get_i32(i);
    *ret_count = 0;
    if (topics < 1)
        return;
    get_text(i, topic, sizeof topic);
    *ret_count = get_i32(i);
}

bool fetch_next(struct in *i, struct raw_fetched *ret)
{
    ret->partition = get_i32(i);
    ret->error = get_i16(i);
    get_i64(i);
    get_i64(i);
    for (int32_t n = get_i32(i); n > 0 && !i->bad; n--) {
        get_i64(i);
        get_i64(i);
    }
    int32_t len = get_i32(i);
    ret->len = len > 0 ? (size_t)len : 0;
    ret->records = ret->len > 0 ? get_raw(i, ret->len) : NULL;
    return !i->bad;
}

void batch_begin(struct out *o, const struct raw_producer_id *id, int32_t sequence, int32_t count)
{
    int64_t now = wall_ms();
    put_i64(o, 0);
    put_i32(o, 0);
    put_i32(o, -1);
    put_i8(o, 2);
    put_i32(o, 0); /* CRC, by batch_end */
    put_i16(o, 0);
    put_i32(o, count - 1);
    put_i64(o, now);
    put_i64(o, now);
    put_i64(o, id->id);
    put_i16(o, id->epoch);
    put_i32(o, sequence);
    put_i32(o, count);
}

static size_t varint_size(int64_t v)
{
    uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    size_t n = 1;
    for (; z >= 0x80; z >>= 7)
        n++;
    return n;
}

void batch_record(struct out *o, int32_t index, const void *value, size_t len)
{
    put_varint(o, (int64_t)(1 + 1 + varint_size(index) + 1 + varint_size((int64_t)len) + len + 1));
    put_i8(o, 0);
    put_varint(o, 0);
    put_varint(o, index);
    put_varint(o, -1); /* no key */
    put_varint(o, (int64_t)len);
    put_raw(o, value, len);
    put_varint(o, 0); /* no headers */
}

void batch_end(struct out *o, size_t at)
{
    patch_i32(o, at + 8, (uint32_t)(o->len - at - 12));
    patch_i32(o, at + 17, crc32c(o->data + at + 21, o->len - at - 21));
}

bool batch_next(struct in *records, struct raw_batch *ret, struct in *ret_body)
{
    struct in i = *records;
    ret->base_offset = get_i64(&i);
    int32_t length = get_i32(&i);
    if (i.bad || length < 49 ||
        i.end - i.at < length) /* the last batch of an answer may be cut short */
        return false;
    const uint8_t *end = i.at + length;
    get_i32(&i);
    get_i8(&i);
    uint32_t sum = (uint32_t)get_i32(&i);
    ret->crc_good = sum == crc32c(i.at, (size_t)(end - i.at));
    get_i16(&i);
    ret->end_offset = ret->base_offset + get_i32(&i) + 1;
    get_raw(&i, 8 + 8 + 8 + 2 + 4);
    ret->count = get_i32(&i);
    *ret_body = (struct in){.at = i.at, .end = end};
    records->at = end;
    return true;
}

bool record_next(struct in *body, int64_t *ret_delta, const uint8_t **ret_value, size_t *ret_len)
{
    int64_t size = get_varint(body);
    const uint8_t *p = size > 0 ? get_raw(body, (size_t)size) : NULL;
    if (p == NULL)
        return false;
    struct in r = {.at = p, .end = p + size};
    get_i8(&r);
    get_varint(&r);
    *ret_delta = get_varint(&r);
    int64_t key = get_varint(&r);
    if (key > 0)
        get_raw(&r, (size_t)key);
    int64_t len = get_varint(&r);
    *ret_len = len > 0 ? (size_t)len : 0;
    *ret_value = *ret_len > 0 ? get_raw(&r, *ret_len) : NULL;
    return !r.bad;
}
