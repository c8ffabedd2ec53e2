/* A log on a fake disk, and batches to put into it. */
#ifndef ODRADEK_TESTS_LOG_FIXTURE_H
#define ODRADEK_TESTS_LOG_FIXTURE_H

#include <criterion/criterion.h>

#include "common/log/log.h"
#include "tests/lib/fake_disk.h"

#define DIR "data/t-0"

struct ground {
    struct host *host;
    struct heap heap;
    struct log_config config;
    struct log_known known;
    struct log *log;
    struct log_report report;
};

/* A host with the folder `data`, and settings of small segments. No log is open. */
void ground_init(struct ground *, uint64_t seed);
/* Closes what is open and looks for leaks. */
void ground_release(struct ground *);
/* log_open with what ground.known says. */
err_t ground_open(struct ground *);
void ground_must_open(struct ground *);
/* The process dies: nothing is written any more. */
void ground_kill(struct ground *);
/* take, run, done until nothing is left; the durable end. */
int64_t ground_sync(struct ground *);

/* What a test batch looks like. */
struct sketch {
    int64_t base;
    int32_t records; /* at least 1 */
    int32_t epoch;
    int64_t timestamp; /* of the first record; the next ones are 1 ms later each */
    size_t value_bytes;
};
/* In malloc'ed memory. */
struct slice batch_make(const struct sketch *);
void batch_drop(struct slice);
/* Makes and appends one batch at the log's end, and says how. */
err_t ground_append(struct ground *, int32_t records, int32_t epoch, int64_t timestamp,
                    size_t value_bytes);
/* All records from `from` to `limit` as bytes in malloc'ed memory, read by ranges of at most bytes_max. */
uint8_t *ground_read(struct ground *, int64_t from, int64_t limit, size_t bytes_max,
                     enum log_read_mode, size_t *ret_n);
/* The batches' (base, last) one after the other from replay: how many, at most max written. */
uint32_t ground_replay(struct ground *, int64_t from, int64_t *ret_bases, uint32_t max);

#endif
