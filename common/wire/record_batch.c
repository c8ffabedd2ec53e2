#include "common/wire/record_batch.h"
#include "common/base/bytes.h"

#include <inttypes.h>
#include <stdio.h>

enum batch_at {
    AT_BASE_OFFSET = 0,
    AT_LENGTH = 8,
    AT_LEADER_EPOCH = 12,
    AT_MAGIC = 16,
    AT_CRC = 17,
    AT_ATTRIBUTES = 21,
    AT_LAST_OFFSET_DELTA = 23,
    AT_BASE_TIMESTAMP = 27,
    AT_MAX_TIMESTAMP = 35,
    AT_PRODUCER_ID = 43,
    AT_PRODUCER_EPOCH = 51,
    AT_BASE_SEQUENCE = 53,
    AT_RECORDS = 57,
};

static_assert(AT_RECORDS + 4 == BATCH_HEADER_BYTES, "the fields fill the header");
static_assert(AT_ATTRIBUTES == BATCH_CRC_FROM, "the CRC begins at the attributes");

err_t batch_size(struct slice bytes, size_t *ret_bytes)
{
    ENSURE(bytes.n >= BATCH_PREFIX_BYTES, ERR_TRUNCATED);
    int32_t length = (int32_t)load_be32(bytes.p + AT_LENGTH);
    ENSURE(length >= BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES, ERR_CORRUPT);
    *ret_bytes = (size_t)length + BATCH_PREFIX_BYTES;
    return OK;
}

err_t batch_parse(struct slice bytes, struct batch_header *ret_header)
{
    ENSURE(bytes.n >= BATCH_PREFIX_BYTES, ERR_TRUNCATED);
    /* Older magics have shorter headers: say so before their length looks wrong. */
    ENSURE(bytes.n <= AT_MAGIC || bytes.p[AT_MAGIC] == BATCH_MAGIC, ERR_VERSION);
    size_t size;
    TRY(batch_size(bytes, &size));
    ENSURE(bytes.n >= BATCH_HEADER_BYTES, ERR_TRUNCATED);
    const uint8_t *p = bytes.p;
    *ret_header = (struct batch_header){
        .base_offset = (int64_t)load_be64(p + AT_BASE_OFFSET),
        .length = (int32_t)load_be32(p + AT_LENGTH),
        .leader_epoch = (int32_t)load_be32(p + AT_LEADER_EPOCH),
        .magic = (int8_t)p[AT_MAGIC],
        .crc = load_be32(p + AT_CRC),
        .attributes = load_be16(p + AT_ATTRIBUTES),
        .last_offset_delta = (int32_t)load_be32(p + AT_LAST_OFFSET_DELTA),
        .base_timestamp = (int64_t)load_be64(p + AT_BASE_TIMESTAMP),
        .max_timestamp = (int64_t)load_be64(p + AT_MAX_TIMESTAMP),
        .producer_id = (int64_t)load_be64(p + AT_PRODUCER_ID),
        .producer_epoch = (int16_t)load_be16(p + AT_PRODUCER_EPOCH),
        .base_sequence = (int32_t)load_be32(p + AT_BASE_SEQUENCE),
        .records = (int32_t)load_be32(p + AT_RECORDS),
    };
    assert(batch_bytes(ret_header) == size);
    return OK;
}

err_t batch_cut(struct slice *rest, struct slice *ret_batch)
{
    size_t size;
    TRY(batch_size(*rest, &size));
    ENSURE(size <= rest->n, ERR_TRUNCATED);
    *ret_batch = slice_of(rest->p, size);
    *rest = slice_of(rest->p + size, rest->n - size);
    return OK;
}

err_t batch_check_counts(const struct batch_header *h)
{
    ENSURE(h->last_offset_delta >= 0 && h->records >= 0, ERR_MALFORMED);
    ENSURE((int64_t)h->records <= (int64_t)h->last_offset_delta + 1, ERR_MALFORMED);
    ENSURE(h->base_offset >= 0 && h->base_offset <= INT64_MAX - INT32_MAX, ERR_MALFORMED);
    ENSURE(batch_compression(h) < COMPRESSION_COUNT, ERR_MALFORMED);
    return OK;
}

err_t batch_check(const struct crc32c_impl *crc, struct slice bytes,
                  struct batch_header *ret_header)
{
    TRY(batch_parse(bytes, ret_header));
    const struct batch_header *h = ret_header;
    size_t size = batch_bytes(h);
    ENSURE(size <= bytes.n, ERR_TRUNCATED);
    ENSURE(crc32c(crc, bytes.p + BATCH_CRC_FROM, size - BATCH_CRC_FROM) == h->crc, ERR_CORRUPT);
    return batch_check_counts(h);
}

int32_t batch_sequence_add(int32_t sequence, int32_t delta)
{
    assert(delta >= 0);
    if (sequence < 0) {
        return sequence;
    }
    return (int32_t)(((int64_t)sequence + delta) & INT32_MAX);
}

struct batch_facts batch_facts(const struct batch_header *h)
{
    assert(h->magic == BATCH_MAGIC);
    assert(h->last_offset_delta >= 0 && h->base_offset <= INT64_MAX - h->last_offset_delta);
    bool horizon = (h->attributes & BATCH_DELETE_HORIZON) != 0;
    return (struct batch_facts){
        .base_offset = h->base_offset,
        .last_offset = h->base_offset + h->last_offset_delta,
        .base_timestamp = h->base_timestamp,
        .max_timestamp = h->max_timestamp,
        .delete_horizon_ms = horizon ? h->base_timestamp : NO_TIMESTAMP,
        .producer_id = h->producer_id,
        .base_sequence = h->base_sequence,
        .last_sequence = batch_sequence_add(h->base_sequence, h->last_offset_delta),
        .leader_epoch = h->leader_epoch,
        .records = h->records,
        .bytes = (uint32_t)batch_bytes(h),
        .crc = h->crc,
        .producer_epoch = h->producer_epoch,
        .compression = batch_compression(h),
        .log_append_time = (h->attributes & BATCH_LOG_APPEND_TIME) != 0,
        .transactional = (h->attributes & BATCH_TRANSACTIONAL) != 0,
        .control = (h->attributes & BATCH_CONTROL) != 0,
    };
}

void batch_print_header(const struct batch_header *h, uint8_t *out)
{
    assert(h->length >= BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES);
    store_be64(out + AT_BASE_OFFSET, (uint64_t)h->base_offset);
    store_be32(out + AT_LENGTH, (uint32_t)h->length);
    store_be32(out + AT_LEADER_EPOCH, (uint32_t)h->leader_epoch);
    out[AT_MAGIC] = (uint8_t)h->magic;
    store_be32(out + AT_CRC, h->crc);
    store_be16(out + AT_ATTRIBUTES, h->attributes);
    store_be32(out + AT_LAST_OFFSET_DELTA, (uint32_t)h->last_offset_delta);
    store_be64(out + AT_BASE_TIMESTAMP, (uint64_t)h->base_timestamp);
    store_be64(out + AT_MAX_TIMESTAMP, (uint64_t)h->max_timestamp);
    store_be64(out + AT_PRODUCER_ID, (uint64_t)h->producer_id);
    store_be16(out + AT_PRODUCER_EPOCH, (uint16_t)h->producer_epoch);
    store_be32(out + AT_BASE_SEQUENCE, (uint32_t)h->base_sequence);
    store_be32(out + AT_RECORDS, (uint32_t)h->records);
}

void batch_stamp(uint8_t *batch, int64_t base_offset, int32_t leader_epoch)
{
    assert(base_offset >= 0 && leader_epoch >= NO_LEADER_EPOCH);
    assert(batch[AT_MAGIC] == BATCH_MAGIC);
    store_be64(batch + AT_BASE_OFFSET, (uint64_t)base_offset);
    store_be32(batch + AT_LEADER_EPOCH, (uint32_t)leader_epoch);
}

static void stamp_crc(const struct crc32c_impl *crc, uint8_t *batch, size_t n)
{
    assert(n == (size_t)load_be32(batch + AT_LENGTH) + BATCH_PREFIX_BYTES);
    store_be32(batch + AT_CRC, crc32c(crc, batch + BATCH_CRC_FROM, n - BATCH_CRC_FROM));
}

void batch_stamp_append_time(const struct crc32c_impl *crc, uint8_t *batch, size_t n, time_ms now)
{
    assert(batch[AT_MAGIC] == BATCH_MAGIC && now >= 0);
    uint16_t attributes = load_be16(batch + AT_ATTRIBUTES);
    store_be16(batch + AT_ATTRIBUTES, attributes | BATCH_LOG_APPEND_TIME);
    store_be64(batch + AT_MAX_TIMESTAMP, (uint64_t)now);
    stamp_crc(crc, batch, n);
}

void batch_stamp_max_timestamp(const struct crc32c_impl *crc, uint8_t *batch, size_t n,
                               int64_t max_timestamp)
{
    assert(batch[AT_MAGIC] == BATCH_MAGIC);
    assert((load_be16(batch + AT_ATTRIBUTES) & BATCH_LOG_APPEND_TIME) == 0);
    store_be64(batch + AT_MAX_TIMESTAMP, (uint64_t)max_timestamp);
    stamp_crc(crc, batch, n);
}

static const char *yes(bool b)
{
    return b ? "true" : "false";
}

int batch_describe(const struct batch_header *h, char *out, size_t room)
{
    struct batch_facts f = batch_facts(h);
    char horizon[48] = "OptionalLong.empty";
    if (f.delete_horizon_ms != NO_TIMESTAMP) {
        (void)snprintf(horizon, sizeof(horizon), "OptionalLong[%" PRId64 "]", f.delete_horizon_ms);
    }
    return snprintf(out, room,
                    "baseOffset: %" PRId64 " lastOffset: %" PRId64 " count: %d baseSequence: %d"
                    " lastSequence: %d producerId: %" PRId64 " producerEpoch: %d"
                    " partitionLeaderEpoch: %d isTransactional: %s isControl: %s"
                    " deleteHorizonMs: %s %s: %" PRId64 " size: %u magic: %d compresscodec: %s"
                    " crc: %u",
                    f.base_offset, f.last_offset, f.records, f.base_sequence, f.last_sequence,
                    f.producer_id, f.producer_epoch, f.leader_epoch, yes(f.transactional),
                    yes(f.control), horizon, f.log_append_time ? "LogAppendTime" : "CreateTime",
                    f.max_timestamp, f.bytes, h->magic, compression_name(f.compression), f.crc);
}
