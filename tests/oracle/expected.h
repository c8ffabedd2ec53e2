/*
 * Random batches, and what Kafka's tools must say about them: one JSON line a batch, kept until the log is done, because
 * truncation and retention take some of them back.
 */
#ifndef ODRADEK_TESTS_ORACLE_EXPECTED_H
#define ODRADEK_TESTS_ORACLE_EXPECTED_H

#include "common/base/prng.h"
#include "common/codec/codec.h"
#include "common/log/log.h"
#include "common/wire/record_batch_build.h"

#define PRODUCERS 5

struct expected_batch {
    int64_t last_offset;
    int64_t segment_base;
    char *json; /* malloc'ed; without position, which follows from the sizes */
    int64_t position;
};

struct expected {
    struct heap *heap;
    struct prng prng;
    struct encoder encoder;
    struct buf bytes;
    struct buf json;
    struct buf headers;
    struct expected_batch *batches;
    size_t count;
    int32_t epoch;
    int64_t now_ms;
    int32_t sequences[PRODUCERS];
};

void expected_init(struct expected *, struct heap *, uint64_t seed);
void expected_release(struct expected *);

/* Makes a batch at the log's end, appends it and remembers it. */
err_t expected_append(struct expected *, struct log *);
/* A transaction marker of producer 0. */
err_t expected_marker(struct expected *, struct log *, bool commit);
void expected_truncated(struct expected *, int64_t end);
void expected_dropped(struct expected *, int64_t first_segment_base);
/* One line a batch: {"dir":...,"segment":...,"position":...,...}. */
void expected_print(const struct expected *, const char *dir);

#endif
