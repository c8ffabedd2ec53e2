#include "common/log/log_internal.h"

void log_set_start(struct log *log, int64_t offset)
{
    assert(offset <= log->end);
    log->start = max_i64(log->start, offset);
}

/* Kafka's judgement of age: by the youngest record, and by the file where records have no time. */
static bool segment_old(const struct log_segment *segment, int64_t retention_ms,
                        time_ms now_wall_ms)
{
    time_ms youngest = segment->max_timestamp >= 0 ? segment->max_timestamp
                                                   : segment->modified_wall_ms;
    return now_wall_ms - youngest > retention_ms;
}

/* How many of the oldest segments may go at all: not one record at or above the limit, and never an empty active one. */
static uint32_t expire_room(const struct log *log, int64_t limit)
{
    uint32_t n = 0;
    while (n < log->count && log_segment_end(log, n) <= limit &&
           (n + 1 < log->count || log->segments[n]->bytes > 0)) {
        n++;
    }
    return n;
}

static uint32_t expire_count(const struct log *log, const struct log_retention *retention,
                             time_ms now_wall_ms)
{
    uint32_t room = expire_room(log, retention->limit);
    uint32_t n = 0;
    int64_t kept = log->bytes;
    while (n < room && retention->retention_ms >= 0 &&
           segment_old(log->segments[n], retention->retention_ms, now_wall_ms)) {
        kept -= log->segments[n]->bytes;
        n++;
    }
    while (n < room && retention->retention_bytes >= 0 &&
           kept - log->segments[n]->bytes >= retention->retention_bytes) {
        kept -= log->segments[n]->bytes;
        n++;
    }
    assert(kept >= 0 && n <= log->count);
    return n;
}

err_t log_expire(struct log *log, const struct log_retention *retention, time_ms now_wall_ms,
                 bool *ret_moved)
{
    *ret_moved = false;
    ENSURE(!log->offline, ERR_OFFLINE);
    uint32_t n = expire_count(log, retention, now_wall_ms);
    if (n == log->count && log_cut_proven(log)) {
        err_t err = log_roll(log, now_wall_ms);
        ENSURE(err == OK || err == ERR_NO_SPACE,
               err); /* where there is none the others make some */
    }
    n -= n == log->count; /* rolls another time */
    assert(n < log->count);
    int64_t start = log->segments[n]->base;
    if (n > 0 && start > log->start) {
        log_set_start(log, start);
        *ret_moved = true;
    }
    return OK;
}

void log_thin(struct log *log)
{
    bool good = !log->offline;
    for (uint32_t i = 0; good && i + 1 < log->count && log->segments[i + 1]->base <= log->start;
         i++) {
        good = segment_drop_indexes(log, log->segments[i]) == OK;
    }
}

err_t log_drop(struct log *log, int64_t saved_start)
{
    ENSURE(!log->offline, ERR_OFFLINE);
    assert(saved_start <= log->start);
    if (log->renewed) {
        return OK; /* while its note stands, what was saved would not be believed */
    }
    uint32_t n = 0;
    err_t err = OK;
    int64_t limit = min_i64(MUTANT(48) ? log->start : saved_start, log->named_base);
    while (n + 1 < log->count && log->segments[n + 1]->base <= limit) {
        struct log_segment *segment = log->segments[n];
        err = log_doom_segment(log, segment);
        if (err != OK) {
            break;
        }
        log->bytes -= segment->bytes;
        segment_free(log, segment);
        n++;
    }
    memmove(log->segments, log->segments + n, (log->count - n) * sizeof(struct log_segment *));
    log->count -= n;
    assert(log->count > 0);
    return err;
}
