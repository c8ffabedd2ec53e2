/*
 * The requests that the raw client speaks: Metadata 7, InitProducerId 1, Produce 10 (KIP-951 leader hints), ListOffsets 1,
 * Fetch 4, and record batches of format 2. Shapes as published in the Kafka protocol guide.
 *
 * `*_request` append one whole frame (length included) to `o`. `*_answer` read an answer behind its correlation id.
 */
#ifndef ODRADEK_TESTS_FAILOVER_RAW_PROTO_H
#define ODRADEK_TESTS_FAILOVER_RAW_PROTO_H

#include "tests/failover/raw_bytes.h"

enum { BROKERS_MAX = 16, PARTITIONS_MAX = 64 };

enum raw_error {
    RAW_NONE = 0,
    RAW_NOT_LEADER = 6,
    RAW_OUT_OF_ORDER = 45,
    RAW_FENCED_LEADER_EPOCH = 74,
};

struct raw_broker {
    int32_t id;
    char host[64];
    int32_t port;
};

/* What one broker knows: the brokers, and leader (-1: none) and leader epoch of each partition of the topic. */
struct raw_view {
    struct raw_broker brokers[BROKERS_MAX];
    int broker_count;
    int32_t leader[PARTITIONS_MAX], epoch[PARTITIONS_MAX];
    int partition_count;
    int16_t error;
};

struct raw_producer_id {
    int64_t id;
    int16_t epoch;
};

struct raw_produced {
    int16_t error;
    int64_t base_offset;
    int32_t hint_leader, hint_epoch; /* -1 without a hint */
    struct raw_broker hint_broker;   /* id -1 when the answer names no address */
};

struct raw_fetched {
    int32_t partition;
    int16_t error;
    const uint8_t *records;
    size_t len;
};

void metadata_request(struct out *o, int32_t correlation, const char *topic);
void metadata_answer(struct in *i, struct raw_view *ret_view);
void init_producer_request(struct out *o, int32_t correlation);
int16_t init_producer_answer(struct in *i, struct raw_producer_id *ret_id);
void produce_request(struct out *o, int32_t correlation, const char *topic, int32_t partition,
                     const struct out *batch);
void produce_answer(struct in *i, struct raw_produced *ret);
void list_offset_request(struct out *o, int32_t correlation, const char *topic, int32_t partition,
                         int64_t at);
int16_t list_offset_answer(struct in *i, int64_t *ret_offset);
void fetch_request(struct out *o, int32_t correlation, const char *topic, const int32_t *partitions,
                   const int64_t *offsets, int count, int wait_ms, int bytes_min);
/* Calls take `fetch_next` until it answers false. */
void fetch_answer(struct in *i, int *ret_count);
bool fetch_next(struct in *i, struct raw_fetched *ret);

/* A batch is built record by record; `batch_end` fills in lengths and CRC. */
void batch_begin(struct out *o, const struct raw_producer_id *id, int32_t sequence, int32_t count);
void batch_record(struct out *o, int32_t index, const void *value, size_t len);
void batch_end(struct out *o, size_t began_at);

/* Takes one whole batch off the front of `records`; false when there is none. Its records follow in `ret_body`. */
struct raw_batch {
    int64_t base_offset;
    int32_t count;
    int64_t end_offset;
    bool crc_good;
};
bool batch_next(struct in *records, struct raw_batch *ret, struct in *ret_body);
bool record_next(struct in *body, int64_t *ret_delta, const uint8_t **ret_value, size_t *ret_len);

#endif
