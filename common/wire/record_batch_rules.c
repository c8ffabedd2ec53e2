#include "common/wire/record_batch_rules.h"
#include "common/wire/record_batch_scan.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

/* Older requests cannot carry zstd (KIP-110). */
#define PRODUCE_VERSION_ZSTD 7

PRINTF_LIKE(3, 4)
static void refuse(struct produce_verdict *verdict, enum kafka_error error, const char *fmt, ...)
{
    assert(error != KAFKA_NONE && verdict->error == KAFKA_NONE);
    verdict->error = error;
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(verdict->text, sizeof(verdict->text), fmt, args);
    va_end(args);
}

/* Exactly one batch of a format that we keep. False: the verdict is given. */
static bool check_frame(struct slice bytes, struct produce_verdict *verdict)
{
    struct batch_header *h = &verdict->header;
    err_t err = batch_parse(bytes, h);
    if (err == OK && batch_bytes(h) > bytes.n) {
        err = ERR_TRUNCATED;
    }
    switch (err) {
    case OK: break;
    case ERR_VERSION: {
        int magic = (int)bytes.p[16];
        bool known = magic >= 0 && magic < BATCH_MAGIC;
        refuse(verdict, known ? KAFKA_INVALID_RECORD : KAFKA_CORRUPT_MESSAGE,
               "The batch has magic %d; only magic 2 is taken.", magic);
        return false;
    }
    case ERR_TRUNCATED:
        refuse(verdict, KAFKA_INVALID_RECORD, "There is no whole record batch in %zu bytes.",
               bytes.n);
        return false;
    default:
        refuse(verdict, KAFKA_CORRUPT_MESSAGE, "The batch has an impossible length.");
        return false;
    }
    size_t size = batch_bytes(h);
    if (size < bytes.n) {
        refuse(verdict, KAFKA_INVALID_RECORD,
               "Exactly one record batch per partition is taken; %zu bytes follow the first one.",
               bytes.n - size);
        return false;
    }
    verdict->records = slice_of(bytes.p + BATCH_HEADER_BYTES, size - BATCH_HEADER_BYTES);
    return true;
}

static void check_counts(struct produce_verdict *verdict)
{
    const struct batch_header *h = &verdict->header;
    if (h->last_offset_delta < 0) {
        refuse(verdict, KAFKA_INVALID_RECORD,
               "The batch has an invalid offset range: last offset delta %d.",
               h->last_offset_delta);
    } else if (h->records <= 0) {
        refuse(verdict, KAFKA_INVALID_RECORD, "The batch announces %d records.", h->records);
    } else if ((int64_t)h->records != (int64_t)h->last_offset_delta + 1) {
        refuse(verdict, KAFKA_INVALID_RECORD,
               "The batch announces %d records for %" PRId64 " offsets.", h->records,
               (int64_t)h->last_offset_delta + 1);
    }
}

static void check_producer(struct produce_verdict *verdict)
{
    const struct batch_header *h = &verdict->header;
    if ((h->attributes & BATCH_CONTROL) != 0) {
        refuse(verdict, KAFKA_INVALID_RECORD, "Clients may not write control records.");
    } else if ((h->attributes & BATCH_DELETE_HORIZON) != 0) {
        refuse(verdict, KAFKA_INVALID_RECORD, "Clients may not set a delete horizon.");
    } else if (h->producer_id >= 0 && h->producer_epoch < 0) {
        refuse(verdict, KAFKA_INVALID_RECORD,
               "Producer id %" PRId64 " comes with the invalid epoch %d.", h->producer_id,
               h->producer_epoch);
    } else if (h->producer_id >= 0 && h->base_sequence < 0) {
        refuse(verdict, KAFKA_INVALID_RECORD,
               "Producer id %" PRId64 " comes with the invalid sequence %d.", h->producer_id,
               h->base_sequence);
    } else if (h->producer_id < 0 && (h->attributes & BATCH_TRANSACTIONAL) != 0) {
        refuse(verdict, KAFKA_INVALID_RECORD, "A transactional batch needs a producer id.");
    }
}

void produce_check_batch(const struct produce_rules *rules, const struct crc32c_impl *crc,
                         struct slice bytes, struct produce_verdict *ret_verdict)
{
    struct produce_verdict *verdict = ret_verdict;
    *verdict = (struct produce_verdict){.error = KAFKA_NONE, .max_timestamp = NO_TIMESTAMP};
    if (!check_frame(bytes, verdict)) {
        return;
    }
    const struct batch_header *h = &verdict->header;
    const unsigned compression = h->attributes & BATCH_COMPRESSION_MASK;
    struct batch_header checked;
    if (compression >= COMPRESSION_COUNT) {
        refuse(verdict, KAFKA_UNSUPPORTED_COMPRESSION_TYPE, "There is no compression type %u.",
               compression);
    } else if (compression == COMPRESSION_ZSTD && rules->produce_version < PRODUCE_VERSION_ZSTD) {
        refuse(verdict, KAFKA_UNSUPPORTED_COMPRESSION_TYPE,
               "zstd needs Produce version %d; this is version %d.", PRODUCE_VERSION_ZSTD,
               rules->produce_version);
    } else if (h->base_offset != 0) {
        refuse(verdict, KAFKA_INVALID_RECORD,
               "The base offset of an appended batch is 0, not %" PRId64 ".", h->base_offset);
    } else if (bytes.n > (size_t)max_i64(rules->batch_bytes_max, 0)) {
        refuse(verdict, KAFKA_MESSAGE_TOO_LARGE,
               "The record batch has %zu bytes; max.message.bytes allows %d.", bytes.n,
               rules->batch_bytes_max);
    } else if (batch_check(crc, bytes, &checked) == ERR_CORRUPT) {
        refuse(verdict, KAFKA_CORRUPT_MESSAGE, "The batch's CRC %08x is not that of its bytes.",
               h->crc);
    } else {
        check_counts(verdict);
    }
    if (verdict->error == KAFKA_NONE) {
        check_producer(verdict);
    }
}

/* Timestamps are the client's: differences are taken without overflow. */
static bool in_range(const struct produce_rules *rules, int64_t timestamp)
{
    int64_t age;
    if (__builtin_sub_overflow(rules->now, timestamp, &age)) {
        age = timestamp < 0 ? INT64_MAX : INT64_MIN + 1;
    }
    return age <= rules->before_max_ms && -age <= rules->after_max_ms;
}

static void note_fault(struct produce_verdict *verdict, const struct record_facts *record,
                       enum record_fault_kind kind)
{
    if (verdict->faults < RECORD_FAULTS_MAX) {
        verdict->fault[verdict->faults] = (struct record_fault){
            .index = record->offset_delta, .kind = kind, .timestamp = record->timestamp};
    }
    verdict->faults++;
}

static void check_record(const struct produce_rules *rules, const struct record_facts *record,
                         struct produce_verdict *verdict)
{
    if (UNLIKELY(rules->key_required && !record->has_key)) {
        note_fault(verdict, record, RECORD_FAULT_KEY);
    } else if (!rules->log_append_time) {
        if (UNLIKELY((verdict->header.attributes & BATCH_LOG_APPEND_TIME) != 0)) {
            note_fault(verdict, record, RECORD_FAULT_TIMESTAMP_TYPE);
        } else if (UNLIKELY(record->timestamp != NO_TIMESTAMP &&
                            !in_range(rules, record->timestamp))) {
            note_fault(verdict, record, RECORD_FAULT_TIMESTAMP);
        }
    }
    if (record->timestamp > verdict->max_timestamp) {
        verdict->max_timestamp = record->timestamp;
        verdict->max_timestamp_delta = record->offset_delta;
    }
}

/* The records of one piece. False: the verdict is given. */
static bool check_piece(const struct produce_rules *rules, struct record_scan *scan,
                        struct slice piece, struct produce_verdict *verdict)
{
    const struct record_facts *record;
    for (int32_t index = scan->seen;; index++) {
        if (UNLIKELY(record_scan_step(scan, &piece, &record) != OK)) {
            refuse(verdict, KAFKA_INVALID_RECORD, "Record %d: %s.", scan->seen, scan->reason);
            return false;
        }
        if (record == NULL) {
            assert(piece.n == 0);
            return true;
        }
        if (UNLIKELY(record->offset_delta != index)) {
            refuse(verdict, KAFKA_INVALID_RECORD,
                   "Record %d has the offset delta %d; they are consecutive.", index,
                   record->offset_delta);
            return false;
        }
        check_record(rules, record, verdict);
    }
}

static void refuse_stream(struct produce_verdict *verdict, const struct byte_source *plain,
                          err_t err)
{
    enum kafka_error error = err == ERR_TOO_LARGE ? KAFKA_MESSAGE_TOO_LARGE
                             : err == ERR_NO_MEMORY
                                 ? KAFKA_REQUEST_TIMED_OUT /* the client tries again */
                                 : KAFKA_INVALID_RECORD;
    refuse(verdict, error, "The batch's %s records cannot be read: %s.",
           compression_name(batch_compression(&verdict->header)), source_reason(plain, err));
}

static void judge_faults(const struct produce_rules *rules, struct produce_verdict *verdict)
{
    bool timestamp = false;
    for (uint32_t i = 0; i < verdict->faults && i < RECORD_FAULTS_MAX; i++) {
        timestamp |= verdict->fault[i].kind != RECORD_FAULT_KEY;
    }
    char first[160];
    (void)record_fault_text(rules, &verdict->fault[0], first, sizeof(first));
    refuse(verdict, timestamp ? KAFKA_INVALID_TIMESTAMP : KAFKA_INVALID_RECORD,
           "%u records are refused; record %d: %s", verdict->faults, verdict->fault[0].index,
           first);
}

void produce_check_records(const struct produce_rules *rules, const struct byte_source *plain,
                           struct produce_verdict *verdict)
{
    assert(verdict->error == KAFKA_NONE && verdict->header.records > 0);
    struct record_scan scan;
    record_scan_init(&scan, &verdict->header);
    for (;;) {
        struct slice piece;
        err_t err = source_pull(plain, &piece);
        if (err != OK) {
            refuse_stream(verdict, plain, err);
            return;
        }
        if (piece.n == 0) {
            break;
        }
        verdict->plain_bytes += piece.n;
        if (!check_piece(rules, &scan, piece, verdict)) {
            return;
        }
    }
    if (record_scan_finish(&scan) != OK) {
        refuse(verdict, KAFKA_INVALID_RECORD, "After record %d: %s.", scan.seen, scan.reason);
        return;
    }
    assert(scan.seen == verdict->header.records);
    if (verdict->faults > 0) {
        judge_faults(rules, verdict);
        return;
    }
    if (rules->log_append_time) {
        verdict->max_timestamp = rules->now;
        verdict->max_timestamp_delta = 0; /* all have it */
        verdict->restamp = true;
    } else {
        verdict->restamp = verdict->max_timestamp != verdict->header.max_timestamp;
    }
}

void produce_stamp(const struct produce_rules *rules, const struct crc32c_impl *crc, uint8_t *batch,
                   const struct produce_verdict *verdict)
{
    assert(verdict->error == KAFKA_NONE);
    size_t n = batch_bytes(&verdict->header);
    if (!verdict->restamp) {
        return;
    }
    if (rules->log_append_time) {
        batch_stamp_append_time(crc, batch, n, verdict->max_timestamp);
    } else {
        batch_stamp_max_timestamp(crc, batch, n, verdict->max_timestamp);
    }
}

int record_fault_text(const struct produce_rules *rules, const struct record_fault *fault,
                      char *out, size_t room)
{
    switch (fault->kind) {
    case RECORD_FAULT_KEY:
        return snprintf(out, room, "a compacted topic takes no record without a key.");
    case RECORD_FAULT_TIMESTAMP_TYPE:
        return snprintf(out, room, "a producer may not set the timestamp type LogAppendTime.");
    default: break;
    }
    assert(fault->kind == RECORD_FAULT_TIMESTAMP);
    int64_t from;
    int64_t to;
    if (__builtin_sub_overflow(rules->now, rules->before_max_ms, &from)) {
        from = INT64_MIN;
    }
    if (__builtin_add_overflow(rules->now, rules->after_max_ms, &to)) {
        to = INT64_MAX;
    }
    return snprintf(out, room,
                    "its timestamp %" PRId64 " lies outside of [%" PRId64 ", %" PRId64 "].",
                    fault->timestamp, from, to);
}
