#include "tests/oracle/expected.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/base/bytes.h"

#define BYTES_MAX (32u << 20)

void expected_init(struct expected *e, struct heap *heap, uint64_t seed)
{
    memset(e, 0, sizeof(*e));
    e->heap = heap;
    e->now_ms = 1700000000000;
    prng_init(&e->prng, seed);
    encoder_init(&e->encoder, heap);
    buf_init(&e->bytes, heap, BYTES_MAX);
    buf_init(&e->json, heap, BYTES_MAX);
    buf_init(&e->headers, heap, BYTES_MAX);
}

void expected_release(struct expected *e)
{
    expected_truncated(e, 0);
    free(e->batches);
    encoder_release(&e->encoder);
    buf_release(&e->bytes);
    buf_release(&e->json);
    buf_release(&e->headers);
}

static void json_text(struct buf *json, const char *name, struct slice text)
{
    if (text.p == NULL) {
        buf_printf(json, "\"%s\":null", name);
    } else {
        buf_printf(json, "\"%s\":\"%.*s\"", name, (int)text.n, (const char *)text.p);
    }
}

/* Letters, so that Kafka's tool prints them as they are. Null, empty, short or long. */
static struct slice random_text(struct expected *e, char *room, size_t room_bytes)
{
    static const char empty[] = "";
    unsigned dice = (unsigned)prng_below(&e->prng, 10);
    if (dice < 2) {
        return dice == 0 ? slice_of(NULL, 0) : slice_of(empty, 0);
    }
    size_t n = prng_below(&e->prng, dice == 9 ? room_bytes : 40);
    for (size_t i = 0; i < n; i++) {
        room[i] = (char)('a' + prng_below(&e->prng, 4) + i % 7);
    }
    return slice_of(room, n);
}

static void random_headers(struct expected *e, struct record *record)
{
    static const char *const names[] = {"trace", "source", "trace"};
    buf_clear(&e->headers);
    record->header_count = prng_chance(&e->prng, 300) ? (int32_t)prng_between(&e->prng, 1, 3) : 0;
    buf_printf(&e->json, ",\"headers\":[");
    for (int32_t i = 0; i < record->header_count; i++) {
        record_header_put(&e->headers, slice_str(names[i]),
                          i == 1 ? slice_of(NULL, 0) : slice_str("v"));
        buf_printf(&e->json, "%s\"%s\"", i == 0 ? "" : ",", names[i]);
    }
    buf_printf(&e->json, "]");
    record->headers = buf_slice(&e->headers);
}

/* What a reader is told of a record's time: that of the append, where the batch says so. */
static void add_records(struct expected *e, struct batch_builder *builder,
                        const struct batch_options *options)
{
    char key[1000];
    static char value[20000];
    int32_t count = (int32_t)prng_between(&e->prng, 1, prng_chance(&e->prng, 100) ? 60 : 6);
    buf_printf(&e->json, "\"records\":[");
    for (int32_t i = 0; i < count; i++) {
        struct record record = {.offset = options->base_offset + i,
                                .timestamp = e->now_ms + prng_between(&e->prng, -20, 20)};
        record.key = random_text(e, key, sizeof(key));
        record.value = random_text(e, value, sizeof(value));
        bool own_time = options->append_time == NO_TIMESTAMP;
        int32_t sequence = options->base_sequence < 0 ? -1 : options->base_sequence + i;
        buf_printf(&e->json, "%s{\"offset\":%" PRId64 ",\"time\":%" PRId64 ",\"sequence\":%d,",
                   i == 0 ? "" : ",", record.offset,
                   own_time ? record.timestamp : options->append_time, sequence);
        json_text(&e->json, "key", record.key);
        buf_printf(&e->json, ",");
        json_text(&e->json, "value", record.value);
        random_headers(e, &record);
        buf_printf(&e->json, "}");
        err_t err = batch_add(builder, &record);
        assert(err == OK);
        (void)err;
    }
    buf_printf(&e->json, "]");
    e->now_ms += prng_between(&e->prng, 0, 30);
}

/* The batch is the whole of e->bytes, its JSON (but for the header) the whole of e->json. */
static err_t append(struct expected *e, struct log *log, const struct batch_header *h)
{
    struct slice batch = buf_slice(&e->bytes);
    struct batch_facts facts = batch_facts(h);
    TRY(log_append(log, &batch, 1, e->now_ms));
    buf_printf(&e->json,
               ",\"base\":%" PRId64 ",\"last\":%" PRId64 ",\"count\":%d,\"baseSequence\":%d,"
               "\"lastSequence\":%d,\"producer\":%" PRId64 ",\"producerEpoch\":%d,\"epoch\":%d,"
               "\"transactional\":%s,\"control\":%s,\"size\":%zu,\"codec\":\"%s\",\"crc\":%u,"
               "\"time\":%" PRId64,
               facts.base_offset, facts.last_offset, h->records, h->base_sequence,
               facts.last_sequence, h->producer_id, h->producer_epoch, h->leader_epoch,
               facts.transactional ? "true" : "false", facts.control ? "true" : "false", batch.n,
               compression_name(facts.compression), h->crc, h->max_timestamp);
    assert(e->json.err == OK && e->bytes.err == OK);
    struct log_segment_info active = log_segment(log, log_segment_count(log) - 1);
    e->batches = realloc(e->batches, (e->count + 1) * sizeof(e->batches[0]));
    assert(e->batches != NULL);
    struct expected_batch *kept = &e->batches[e->count++];
    *kept = (struct expected_batch){.last_offset = facts.last_offset,
                                    .segment_base = active.base_offset,
                                    .json = malloc(e->json.n + 1),
                                    .position = active.bytes - (int64_t)batch.n};
    assert(kept->json != NULL);
    memcpy(kept->json, e->json.p, e->json.n);
    kept->json[e->json.n] = '\0';
    return OK;
}

static struct batch_options random_options(struct expected *e, int *ret_producer)
{
    struct batch_options options = batch_options_plain();
    options.compression = (enum compression)prng_below(&e->prng, COMPRESSION_COUNT);
    options.leader_epoch = e->epoch;
    *ret_producer = prng_chance(&e->prng, 600) ? (int)prng_below(&e->prng, PRODUCERS) : -1;
    if (*ret_producer >= 0) {
        options.producer_id = 4000 + *ret_producer;
        options.producer_epoch = 2;
        options.base_sequence = e->sequences[*ret_producer];
        options.transactional = *ret_producer == 0;
    } else if (prng_chance(&e->prng, 100)) {
        options.append_time = e->now_ms;
    }
    return options;
}

err_t expected_append(struct expected *e, struct log *log)
{
    struct batch_builder builder;
    struct batch_header header;
    int producer = -1;
    struct batch_options options = random_options(e, &producer);
    options.base_offset = log_end(log);
    buf_clear(&e->bytes);
    buf_clear(&e->json);
    batch_begin(&builder, &options, &e->bytes);
    struct byte_sink sink = encoder_sink(&e->encoder);
    if (options.compression != COMPRESSION_NONE) {
        TRY(encoder_open(&e->encoder, options.compression, CODEC_LEVEL_DEFAULT, &e->bytes));
        batch_set_sink(&builder, &sink);
    }
    add_records(e, &builder, &options);
    if (options.compression != COMPRESSION_NONE) {
        TRY(encoder_finish(&e->encoder));
    }
    TRY(batch_finish(&builder, crc32c_detect(), &header));
    if (producer >= 0) {
        e->sequences[producer] += header.records;
    }
    buf_printf(&e->json, ",\"appendTime\":%s",
               options.append_time == NO_TIMESTAMP ? "false" : "true");
    return append(e, log, &header);
}

err_t expected_marker(struct expected *e, struct log *log, bool commit)
{
    struct batch_builder builder;
    struct batch_header header;
    uint8_t key[4];
    uint8_t value[6];
    struct batch_options options = batch_options_plain();
    options.base_offset = log_end(log);
    options.leader_epoch = e->epoch;
    options.producer_id = 4000;
    options.producer_epoch = 2;
    options.base_sequence = NO_SEQUENCE;
    options.transactional = true;
    options.control = true;
    store_be16(key, 0);
    store_be16(key + 2, commit);
    store_be16(value, 0);
    store_be32(value + 2, 7); /* the coordinator's epoch */
    buf_clear(&e->bytes);
    buf_clear(&e->json);
    batch_begin(&builder, &options, &e->bytes);
    TRY(batch_append(&builder, e->now_ms, slice_of(key, sizeof(key)),
                     slice_of(value, sizeof(value))));
    TRY(batch_finish(&builder, crc32c_detect(), &header));
    buf_printf(&e->json, "\"records\":[],\"marker\":\"%s\",\"appendTime\":false",
               commit ? "COMMIT" : "ABORT");
    return append(e, log, &header);
}

void expected_truncated(struct expected *e, int64_t end)
{
    while (e->count > 0 && e->batches[e->count - 1].last_offset >= end) {
        free(e->batches[--e->count].json);
    }
}

void expected_dropped(struct expected *e, int64_t first_segment_base)
{
    size_t gone = 0;
    while (gone < e->count && e->batches[gone].segment_base < first_segment_base) {
        free(e->batches[gone++].json);
    }
    e->count -= gone;
    memmove(e->batches, e->batches + gone, e->count * sizeof(e->batches[0]));
}

void expected_print(const struct expected *e, const char *dir)
{
    for (size_t i = 0; i < e->count; i++) {
        printf("{\"dir\":\"%s\",\"segment\":%" PRId64 ",\"position\":%" PRId64 ",%s}\n", dir,
               e->batches[i].segment_base, e->batches[i].position, e->batches[i].json);
    }
}
