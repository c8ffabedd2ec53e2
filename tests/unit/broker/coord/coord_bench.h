/*
 * Coordinator shards on the bench of partitions: its one topic is __consumer_offsets, and every node has the room of shards above
 * its partitions. What the shards know is written past them, at the leader's partition.
 */
#ifndef ODRADEK_TEST_COORD_BENCH_H
#define ODRADEK_TEST_COORD_BENCH_H

#include "broker/coord/coord_internal.h"
#include "tests/unit/broker/partition/partition_bench.h"

/* All nodes run, the topic is there and node 0 leads it. */
void coord_bench_open(struct bench *, uint32_t nodes);
void coord_bench_close(struct bench *);
void coord_bench_stop(struct bench *, uint32_t node, bool clean);

struct coord_shard *coord_bench_shard(struct bench *, uint32_t node);

/* Appends the batch in `out` at this node and waits for the answer. */
enum kafka_error coord_bench_send(struct bench *, uint32_t node, int16_t acks, struct buf *out);

/* A loop that stands still, from coord_gate_close on until coord_gate_open. */
struct coord_gate {
    struct mail mail;
    sem_t stands;
    sem_t goes;
};

void coord_gate_close(struct coord_gate *, struct loop *);
void coord_gate_open(struct coord_gate *);

#endif
