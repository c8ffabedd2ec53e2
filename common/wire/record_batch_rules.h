/*
 * What a producer may write: the checks of Kafka's Produce path as one verdict with the protocol's error code and a
 * sentence for the client. In Kafka they are spread over ProduceRequest, UnifiedLog, LogValidator and DefaultRecord.
 *
 *     rule                                                              error
 *     there is a batch, exactly one, of magic 2                         INVALID_RECORD (magic above 2: CORRUPT_MESSAGE)
 *     its length is possible                                            CORRUPT_MESSAGE
 *     zstd from Produce v7 on, no unknown compression                   UNSUPPORTED_COMPRESSION_TYPE
 *     base offset 0                                                     INVALID_RECORD
 *     not larger than max.message.bytes                                 MESSAGE_TOO_LARGE
 *     CRC                                                               CORRUPT_MESSAGE
 *     records = last offset delta + 1 >= 1                              INVALID_RECORD
 *     no control batch, no delete horizon                               INVALID_RECORD
 *     producer id with epoch >= 0 and sequence >= 0; transactional only with a producer id     INVALID_RECORD
 *     every record: format, consecutive offsets, nothing behind them    INVALID_RECORD
 *     every record: a key, on compacted topics                          INVALID_RECORD
 *     every record: timestamp inside before.max / after.max, unless LogAppendTime;
 *     attribute LogAppendTime only on such topics                       INVALID_TIMESTAMP
 *     decompression fails                                               INVALID_RECORD
 *     decompression passes a bound (BATCH_OUTPUT_MAX, BATCH_RATIO_MAX)  MESSAGE_TOO_LARGE: producers split the batch
 *
 * Three are stricter than Kafka 4: it rewrites batches whose inner offsets have gaps (we refuse; no v2 client writes
 * them), answers UNKNOWN_SERVER_ERROR where decompression fails, and does not look at horizon and lone transactional bits.
 * Whether a transactional id was given and allowed is the API's question, sequences and epochs are the replica core's.
 *
 * A wrong max timestamp is put right, not refused, as in Kafka: see `restamp`.
 *
 * The check has two halves, so that this folder need not know codecs and the second half can run on another thread:
 *
 *     produce_check_batch(&rules, crc, bytes, &verdict);
 *     if (verdict.error == KAFKA_NONE) {
 *         ... decoder_open(&decoder, batch_compression(&verdict.header), verdict.records) ...
 *         struct byte_source plain = decoder_source(&decoder);
 *         produce_check_records(&rules, &plain, &verdict);
 *     }
 *     if (verdict.error == KAFKA_NONE) {
 *         produce_stamp(&rules, crc, batch, &verdict);
 *     }
 */
#ifndef ODRADEK_WIRE_RECORD_BATCH_RULES_H
#define ODRADEK_WIRE_RECORD_BATCH_RULES_H

#include "common/base/stream.h"
#include "common/wire/kafka_error.h"
#include "common/wire/record_batch.h"

/* Records that are named in the answer (Produce v8+, KIP-467); more are only counted. */
#define RECORD_FAULTS_MAX 8

struct produce_rules {
    time_ms now;             /* wall clock */
    int64_t before_max_ms;   /* message.timestamp.before.max.ms */
    int64_t after_max_ms;    /* message.timestamp.after.max.ms */
    int32_t batch_bytes_max; /* max.message.bytes of the topic */
    int16_t produce_version; /* of the request */
    bool log_append_time;    /* message.timestamp.type */
    bool key_required;       /* cleanup.policy has compact */
};

enum record_fault_kind {
    RECORD_FAULT_KEY,
    RECORD_FAULT_TIMESTAMP,
    RECORD_FAULT_TIMESTAMP_TYPE,
};

/* One record that breaks a rule, for RecordErrors of the response. */
struct record_fault {
    int32_t index; /* in the batch */
    enum record_fault_kind kind;
    int64_t timestamp;
};

struct produce_verdict {
    enum kafka_error error;
    char text[240];              /* for the client; empty if there is no error */
    struct batch_header header;  /* as sent */
    struct slice records;        /* the compressed bytes behind the header */
    uint64_t plain_bytes;        /* of the records, decompressed */
    int64_t max_timestamp;       /* after produce_stamp; NO_TIMESTAMP if no record has one */
    int32_t max_timestamp_delta; /* offset delta of the first record that has it */
    bool restamp;                /* produce_stamp changes bytes under the CRC */
    uint32_t faults;             /* records that break a rule */
    struct record_fault fault[RECORD_FAULTS_MAX]; /* the first of them */
};

/* First half: what the header tells, and the CRC. `bytes` is the whole records field of one partition. */
void produce_check_batch(const struct produce_rules *, const struct crc32c_impl *,
                         struct slice bytes, struct produce_verdict *ret_verdict);

/* Second half, after a first one without error: the plain records. */
void produce_check_records(const struct produce_rules *, const struct byte_source *plain,
                           struct produce_verdict *verdict);

/* Puts timestamps and CRC of an accepted batch as the topic wants them. Base offset and leader epoch: batch_stamp. */
void produce_stamp(const struct produce_rules *, const struct crc32c_impl *, uint8_t *batch,
                   const struct produce_verdict *);

/* The sentence about one record, for BatchIndexErrorMessage; returns as snprintf does. */
int record_fault_text(const struct produce_rules *, const struct record_fault *, char *out,
                      size_t room);

#endif
