#include "common/wire/record_batch_build.h"
#include "common/wire/varint.h"

struct batch_options batch_options_plain(void)
{
    return (struct batch_options){
        .producer_id = NO_PRODUCER_ID,
        .append_time = NO_TIMESTAMP,
        .base_sequence = NO_SEQUENCE,
        .leader_epoch = NO_LEADER_EPOCH,
        .producer_epoch = NO_PRODUCER_EPOCH,
        .compression = COMPRESSION_NONE,
    };
}

static void reserve_header(struct batch_builder *builder)
{
    if (buf_reserve(builder->out, BATCH_HEADER_BYTES) == NULL) {
        builder->err = builder->out->err;
        return;
    }
    buf_commit(builder->out, BATCH_HEADER_BYTES);
}

void batch_begin(struct batch_builder *builder, const struct batch_options *options,
                 struct buf *out)
{
    assert(options->base_offset >= 0);
    bool has_producer = options->producer_id != NO_PRODUCER_ID;
    assert(!options->transactional || has_producer);
    unsigned attributes = (unsigned)options->compression;
    attributes |= options->append_time != NO_TIMESTAMP ? BATCH_LOG_APPEND_TIME : 0;
    attributes |= options->transactional ? BATCH_TRANSACTIONAL : 0;
    attributes |= options->control ? BATCH_CONTROL : 0;
    *builder = (struct batch_builder){
        .out = out,
        .at = out->n,
        .header =
            {
                .base_offset = options->base_offset,
                .leader_epoch = options->leader_epoch,
                .magic = BATCH_MAGIC,
                .attributes = (uint16_t)attributes,
                .last_offset_delta = -1,
                .base_timestamp = NO_TIMESTAMP,
                .max_timestamp = options->append_time,
                .producer_id = options->producer_id,
                .producer_epoch = has_producer ? options->producer_epoch : NO_PRODUCER_EPOCH,
                .base_sequence = has_producer ? options->base_sequence : NO_SEQUENCE,
            },
    };
    reserve_header(builder);
}

void batch_begin_like(struct batch_builder *builder, const struct batch_header *header,
                      enum compression compression, struct buf *out)
{
    assert(header->magic == BATCH_MAGIC && header->records > 0);
    *builder = (struct batch_builder){.out = out, .at = out->n, .header = *header};
    unsigned attributes = header->attributes & ~(unsigned)BATCH_COMPRESSION_MASK;
    builder->header.attributes = (uint16_t)(attributes | (unsigned)compression);
    reserve_header(builder);
}

void batch_set_sink(struct batch_builder *builder, const struct byte_sink *sink)
{
    assert(builder->plain_bytes == 0 && batch_compression(&builder->header) != COMPRESSION_NONE);
    builder->sink = sink;
}

static void emit(struct batch_builder *builder, const void *p, size_t n)
{
    builder->plain_bytes += n;
    if (builder->err != OK || n == 0) {
        return;
    }
    if (builder->sink != NULL) {
        builder->err = sink_push(builder->sink, slice_of(p, n));
        return;
    }
    buf_put(builder->out, p, n);
    builder->err = builder->out->err;
}

err_t batch_pour(struct batch_builder *builder, struct slice plain)
{
    emit(builder, plain.p, plain.n);
    return builder->err;
}

static size_t put_length(uint8_t *out, struct slice bytes)
{
    return varint_put(out, bytes.p == NULL ? -1 : (int32_t)bytes.n);
}

static void emit_record(struct batch_builder *builder, const struct record *record,
                        int64_t timestamp_delta, int32_t offset_delta)
{
    const size_t size = record_body_size(record, timestamp_delta, offset_delta);
    const uint64_t before = builder->plain_bytes;
    uint8_t front[RECORD_OVERHEAD_MAX];
    const size_t length_bytes = varint_put(front, (int32_t)size);
    size_t n = length_bytes;
    front[n++] = 0; /* attributes */
    n += varlong_put(front + n, timestamp_delta);
    n += varint_put(front + n, offset_delta);
    n += put_length(front + n, record->key);
    emit(builder, front, n);
    emit(builder, record->key.p, record->key.n);
    uint8_t number[VARINT_BYTES_MAX];
    emit(builder, number, put_length(number, record->value));
    emit(builder, record->value.p, record->value.n);
    emit(builder, number, varint_put(number, record->header_count));
    emit(builder, record->headers.p, record->headers.n);
    assert(builder->plain_bytes - before == length_bytes + size);
}

err_t batch_add(struct batch_builder *builder, const struct record *record)
{
    struct batch_header *h = &builder->header;
    TRY(builder->err);
    int64_t delta = record->offset - h->base_offset;
    assert(delta > h->last_offset_delta && delta < INT32_MAX);
    assert(record->headers.n == 0 || record->header_count > 0);
    ENSURE(batch_record_bytes_max(record) <= INT32_MAX, ERR_TOO_LARGE);
    if (h->records == 0) {
        h->base_timestamp = record->timestamp;
    }
    int64_t timestamp_delta;
    ENSURE(!__builtin_sub_overflow(record->timestamp, h->base_timestamp, &timestamp_delta),
           ERR_RANGE);
    emit_record(builder, record, timestamp_delta, (int32_t)delta);
    TRY(builder->err);
    h->records++;
    h->last_offset_delta = (int32_t)delta;
    if ((h->attributes & BATCH_LOG_APPEND_TIME) == 0) {
        h->max_timestamp = max_i64(h->max_timestamp, record->timestamp);
    }
    return OK;
}

err_t batch_append(struct batch_builder *builder, int64_t timestamp, struct slice key,
                   struct slice value)
{
    const struct batch_header *h = &builder->header;
    struct record record = {
        .offset = h->base_offset + h->last_offset_delta + 1,
        .timestamp = timestamp,
        .key = key,
        .value = value,
    };
    return batch_add(builder, &record);
}

err_t batch_finish(struct batch_builder *builder, const struct crc32c_impl *crc,
                   struct batch_header *ret_header)
{
    struct batch_header *h = &builder->header;
    TRY(builder->err);
    TRY(builder->out->err);
    assert((builder->sink != NULL) == ((h->attributes & BATCH_COMPRESSION_MASK) != 0));
    size_t size = builder->out->n - builder->at;
    assert(size >= BATCH_HEADER_BYTES);
    ENSURE(size - BATCH_PREFIX_BYTES <= INT32_MAX, ERR_TOO_LARGE);
    h->length = (int32_t)(size - BATCH_PREFIX_BYTES);
    h->last_offset_delta = h->last_offset_delta < 0 ? 0 : h->last_offset_delta;
    uint8_t *batch = builder->out->p + builder->at;
    batch_print_header(h, batch);
    h->crc = crc32c(crc, batch + BATCH_CRC_FROM, size - BATCH_CRC_FROM);
    batch_print_header(h, batch);
    *ret_header = *h;
    return OK;
}

void batch_abandon(struct batch_builder *builder)
{
    struct buf *out = builder->out;
    assert(out->n >= builder->at);
    out->n = builder->at;
    out->err = OK;
}

size_t batch_record_bytes_max(const struct record *record)
{
    return RECORD_OVERHEAD_MAX + record->key.n + record->value.n + record->headers.n;
}
