/*
 * The reading half of the raw client: follows tails (`tail`) or reads everything once (`read`), and writes what it is given.
 */
#include "tests/failover/raw_client.h"

#include <assert.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/failover/raw_conn.h"
#include "tests/failover/raw_history.h"

enum { CALL_TIMEOUT_MS = 500, WAIT_MS = 20, TAIL_BYTES_MIN = 16384, MS = 1000000 };

struct reader {
    const struct options *o;
    FILE *history;
    struct raw_broker seeds[BROKERS_MAX];
    int seed_count, turn, fds[BROKERS_MAX]; /* fds[i] belongs to view.brokers[i]; -1 closed */
    struct raw_view view;
    int64_t position[PARTITIONS_MAX], end[PARTITIONS_MAX];
    uint32_t topic_crc;
    bool final;
    uint64_t progress_ns;
    struct out frame, buf;
    int32_t correlation;
};

static void pause_ms(int ms)
{
    struct timespec t = {.tv_nsec = ms * (long)MS};
    nanosleep(&t, NULL);
}

static void forget_brokers(struct reader *r)
{
    for (int k = 0; k < BROKERS_MAX; k++) {
        if (r->fds[k] >= 0)
            close(r->fds[k]);
        r->fds[k] = -1;
    }
}

static bool look(struct reader *r)
{
    forget_brokers(r);
    return raw_metadata(r->seeds, r->seed_count, &r->turn, r->o->topic, &r->view);
}

/* The answer of the broker at place k of the view; false: forget all and look again. */
static bool ask(struct reader *r, int k, struct in *ret)
{
    if (r->fds[k] < 0)
        r->fds[k] = raw_dial(&r->view.brokers[k], CALL_TIMEOUT_MS);
    return r->fds[k] >= 0 && raw_call(r->fds[k], &r->frame, &r->buf, ret);
}

static int leader_place(const struct reader *r, int partition)
{
    for (int k = 0; k < r->view.broker_count; k++)
        if (r->view.brokers[k].id == r->view.leader[partition])
            return k;
    return -1;
}

/* Log start (at_time -2) or end (-1) of a partition, from its leader. */
static bool ask_offset(struct reader *r, int partition, int64_t at_time, int64_t *ret_offset)
{
    int k = leader_place(r, partition);
    struct in i;
    if (k < 0)
        return false;
    r->frame.len = 0;
    list_offset_request(&r->frame, ++r->correlation, r->o->topic, partition, at_time);
    return ask(r, k, &i) && list_offset_answer(&i, ret_offset) == RAW_NONE;
}

static void note_record(struct reader *r, int32_t partition, int64_t offset, const uint8_t *value,
                        size_t len, bool whole)
{
    uint64_t id = 0, now = now_ns();
    bool good = payload_check(value, len, r->topic_crc, partition, &id) && whole;
    history_add(r->history, &(struct history_event){.invoked_ns = now,
                                                    .returned_ns = now,
                                                    .value = id,
                                                    .offset = offset,
                                                    .partition = partition,
                                                    .client = (uint16_t)r->o->client,
                                                    .op = r->final ? HISTORY_FINAL : HISTORY_POLL,
                                                    .status = good ? HISTORY_OK : HISTORY_CORRUPT});
}

static void take_batches(struct reader *r, const struct raw_fetched *f)
{
    struct in records = {.at = f->records, .end = f->records + f->len}, body;
    struct raw_batch b;
    int64_t limit = r->final ? r->end[f->partition] : INT64_MAX;
    while (batch_next(&records, &b, &body)) {
        const uint8_t *value;
        size_t len;
        int64_t delta;
        for (int32_t n = 0; n < b.count && record_next(&body, &delta, &value, &len); n++)
            if (b.base_offset + delta >= r->position[f->partition] && b.base_offset + delta < limit)
                note_record(r, f->partition, b.base_offset + delta, value, len, b.crc_good);
        if (b.end_offset > r->position[f->partition]) {
            r->position[f->partition] = b.end_offset;
            r->progress_ns = now_ns();
        }
    }
}

/* One fetch from the broker at place k for all partitions that it leads; false: look again. */
static bool fetch_from(struct reader *r, int k)
{
    int32_t wanted[PARTITIONS_MAX];
    int64_t offsets[PARTITIONS_MAX];
    int count = 0;
    for (int p = 0; p < r->view.partition_count; p++)
        if (leader_place(r, p) == k && !(r->final && r->position[p] >= r->end[p])) {
            wanted[count] = p;
            offsets[count++] = r->position[p];
        }
    if (count == 0)
        return true;
    r->frame.len = 0;
    fetch_request(&r->frame, ++r->correlation, r->o->topic, wanted, offsets, count, WAIT_MS,
                  r->final ? 1 : TAIL_BYTES_MIN);
    struct in i;
    struct raw_fetched f;
    int answers;
    if (!ask(r, k, &i))
        return false;
    bool good = true;
    for (fetch_answer(&i, &answers); answers > 0 && fetch_next(&i, &f); answers--) {
        if (f.error != RAW_NONE || f.partition < 0 || f.partition >= PARTITIONS_MAX)
            good = false;
        else if (f.records != NULL)
            take_batches(r, &f);
    }
    return good;
}

static bool all_read(const struct reader *r)
{
    for (int p = 0; p < r->view.partition_count; p++)
        if (r->position[p] < r->end[p])
            return false;
    return true;
}

/* Starts (and, for a final read, ends) of all partitions; tried until --hang-ms are over. */
static bool find_range(struct reader *r)
{
    int done = 0;
    while (now_ns() - r->progress_ns < (uint64_t)r->o->hang_ms * MS) {
        if (look(r)) {
            for (done = 0; done < r->view.partition_count; done++)
                if (!ask_offset(r, done, -2, &r->position[done]) ||
                    !ask_offset(r, done, -1, &r->end[done]))
                    break;
            if (done == r->view.partition_count)
                return true;
        }
        pause_ms(WAIT_MS);
    }
    return false;
}

int read_main(const struct options *o, bool final)
{
    struct reader r = {.o = o, .final = final, .progress_ns = now_ns()};
    int64_t start[PARTITIONS_MAX];
    r.seed_count = parse_brokers(o->bootstrap, r.seeds, BROKERS_MAX);
    r.topic_crc = crc32_ieee(o->topic, strlen(o->topic));
    r.history = history_open(o->history);
    memset(r.fds, -1, sizeof r.fds);
    if (!find_range(&r)) {
        fprintf(stderr, "raw_client: the offsets of %s were not answered for %d ms\n", o->topic,
                o->hang_ms);
        return EXIT_HUNG;
    }
    memcpy(start, r.position, sizeof start);
    while (!stop_asked && !(final && all_read(&r))) {
        bool good = true;
        for (int k = 0; k < r.view.broker_count && good; k++)
            good = fetch_from(&r, k);
        fflush(r.history);
        if (!good || leader_place(&r, 0) < 0) {
            pause_ms(WAIT_MS);
            look(&r);
        }
        if (final && now_ns() - r.progress_ns > (uint64_t)o->hang_ms * MS) {
            fprintf(stderr, "raw_client: reading %s made no progress for %d ms\n", o->topic,
                    o->hang_ms);
            return EXIT_HUNG;
        }
    }
    for (int p = 0; final && p < r.view.partition_count; p++)
        history_add(r.history, &(struct history_event){.value = (uint64_t)start[p],
                                                       .offset = r.end[p],
                                                       .partition = p,
                                                       .client = (uint16_t)o->client,
                                                       .op = HISTORY_RANGE});
    fclose(r.history);
    forget_brokers(&r);
    out_free(&r.frame);
    out_free(&r.buf);
    return EXIT_WELL;
}
