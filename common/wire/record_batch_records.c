#include "common/wire/record_batch_records.h"
#include "common/wire/varint.h"

/* Reads a signed number and steps over it; false when there is none. */
static inline bool take_varint(const uint8_t **p, const uint8_t *end, int32_t *ret_value)
{
    int used = varint_get(*p, (size_t)(end - *p), ret_value);
    *p += used > 0 ? used : 0;
    return used > 0;
}

/* Reads a length and that many bytes; NULL for -1. */
static inline bool take_bytes(const uint8_t **p, const uint8_t *end, struct slice *ret_bytes)
{
    int32_t n;
    if (UNLIKELY(!take_varint(p, end, &n) || n < -1 || n > end - *p)) {
        return false;
    }
    *ret_bytes = n < 0 ? (struct slice){0} : slice_of(*p, (size_t)n);
    *p += ret_bytes->n;
    return true;
}

static const char *check_headers(const uint8_t *p, const uint8_t *end, int32_t count)
{
    /* Each header takes two bytes at least: a hostile count ends here. */
    if (count < 0 || count > (end - p) / 2) {
        return "a record has an impossible number of headers";
    }
    for (int32_t i = 0; i < count; i++) {
        struct slice key;
        struct slice value;
        if (!take_bytes(&p, end, &key) || key.p == NULL) {
            return "a record has a header without a key";
        }
        if (!take_bytes(&p, end, &value)) {
            return "a record has a header value of an impossible length";
        }
    }
    return p == end ? NULL : "a record is longer than its fields";
}

const char *record_body_parse(const uint8_t *p, size_t n, struct record_body *ret_body)
{
    const uint8_t *end = p + n;
    if (UNLIKELY(n == 0)) {
        return "a record is empty";
    }
    p++; /* attributes: no bit of them has a meaning yet */
    int used = varlong_get(p, (size_t)(end - p), &ret_body->timestamp_delta);
    if (UNLIKELY(used <= 0)) {
        return "a record has no valid timestamp delta";
    }
    p += used;
    if (UNLIKELY(!take_varint(&p, end, &ret_body->offset_delta))) {
        return "a record has no valid offset delta";
    }
    if (UNLIKELY(!take_bytes(&p, end, &ret_body->key))) {
        return "a record has a key of an impossible length";
    }
    if (UNLIKELY(!take_bytes(&p, end, &ret_body->value))) {
        return "a record has a value of an impossible length";
    }
    if (UNLIKELY(!take_varint(&p, end, &ret_body->header_count))) {
        return "a record has no valid number of headers";
    }
    assert(p <= end);
    ret_body->headers = slice_of(p, (size_t)(end - p));
    if (LIKELY(ret_body->header_count == 0)) {
        return p == end ? NULL : "a record is longer than its fields";
    }
    return check_headers(p, end, ret_body->header_count);
}

void record_reader_init(struct record_reader *reader, const struct batch_header *header,
                        struct slice plain)
{
    assert(header->records >= 0 && header->last_offset_delta >= 0);
    *reader = (struct record_reader){
        .rest = plain,
        .base_offset = header->base_offset,
        .base_timestamp = header->base_timestamp,
        .append_time = (header->attributes & BATCH_LOG_APPEND_TIME) != 0 ? header->max_timestamp
                                                                         : NO_TIMESTAMP,
        .left = header->records,
        .last_delta = -1,
        .last_offset_delta = header->last_offset_delta,
    };
}

static err_t refuse(struct record_reader *reader, const char *reason)
{
    assert(reason != NULL);
    reader->reason = reason;
    return ERR_MALFORMED;
}

err_t record_reader_next(struct record_reader *reader, struct record *ret_record, bool *ret_more)
{
    *ret_more = reader->left > 0;
    if (reader->left == 0) {
        return reader->rest.n == 0 ? OK : refuse(reader, "bytes stand behind the last record");
    }
    const uint8_t *p = reader->rest.p;
    const uint8_t *end = p + reader->rest.n;
    int32_t length;
    if (!take_varint(&p, end, &length) || length < 0 || length > end - p) {
        return refuse(reader, "a record's length goes beyond its batch");
    }
    struct record_body body;
    const char *reason = record_body_parse(p, (size_t)length, &body);
    if (reason != NULL) {
        return refuse(reader, reason);
    }
    if (body.offset_delta <= reader->last_delta || body.offset_delta > reader->last_offset_delta) {
        return refuse(reader, "a record's offset is out of order or outside of its batch");
    }
    int64_t timestamp;
    if (__builtin_add_overflow(reader->base_timestamp, body.timestamp_delta, &timestamp)) {
        return refuse(reader, "a record's timestamp does not fit 64 bits");
    }
    *ret_record = (struct record){
        .offset = reader->base_offset + body.offset_delta,
        .timestamp = reader->append_time != NO_TIMESTAMP ? reader->append_time : timestamp,
        .key = body.key,
        .value = body.value,
        .headers = body.headers,
        .header_count = body.header_count,
    };
    p += length;
    reader->rest = slice_of(p, (size_t)(end - p));
    reader->last_delta = body.offset_delta;
    reader->left--;
    return OK;
}

bool record_header_next(struct slice *headers, struct slice *ret_key, struct slice *ret_value)
{
    if (headers->n == 0) {
        return false;
    }
    const uint8_t *p = headers->p;
    const uint8_t *end = p + headers->n;
    bool whole = take_bytes(&p, end, ret_key) && take_bytes(&p, end, ret_value);
    assert(whole && ret_key->p != NULL);
    *headers = slice_of(p, (size_t)(end - p));
    return true;
}

static void put_bytes(struct buf *buf, struct slice bytes)
{
    assert(bytes.n <= INT32_MAX);
    uint8_t length[VARINT_BYTES_MAX];
    buf_put(buf, length, varint_put(length, bytes.p == NULL ? -1 : (int32_t)bytes.n));
    buf_put(buf, bytes.p, bytes.n);
}

void record_header_put(struct buf *buf, struct slice key, struct slice value)
{
    assert(key.p != NULL);
    put_bytes(buf, key);
    put_bytes(buf, value);
}

static size_t bytes_size(struct slice bytes)
{
    return varint_size(bytes.p == NULL ? -1 : (int32_t)bytes.n) + bytes.n;
}

size_t record_body_size(const struct record *record, int64_t timestamp_delta, int32_t offset_delta)
{
    assert(record->key.n <= INT32_MAX && record->value.n <= INT32_MAX && record->header_count >= 0);
    return 1 + varlong_size(timestamp_delta) + varint_size(offset_delta) + bytes_size(record->key) +
           bytes_size(record->value) + varint_size(record->header_count) + record->headers.n;
}
