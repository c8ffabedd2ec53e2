#include "tests/check/selftest.h"

#include <stdio.h>
#include <time.h>

#include "common/base/prng.h"

#define LEGAL      1000
#define MANY       10000000
#define ALL        (HISTORY_IDEMPOTENT | HISTORY_ACKS_ALL)
#define PARTITIONS 3
#define RECORDS    60
#define GROUPS     4

/* ---- histories ---- */

static struct history_op op_of(enum history_kind kind, uint32_t partition, uint64_t value,
                               int64_t offset, int64_t at_us)
{
    return (struct history_op){.began_us = at_us,
                               .ended_us = at_us + 1,
                               .value = value,
                               .offset = offset,
                               .sequence = offset,
                               .session = kind == HISTORY_SEND ? 1 : 2,
                               .partition = partition,
                               .kind = (uint8_t)kind,
                               .flags = kind == HISTORY_SEND ? ALL : 0};
}

/* One partition where all went well; what is legal and looks odd is drawn. */
static void legal_partition(struct history *history, struct prng *prng, uint32_t p, int64_t records)
{
    int64_t offset = 0;
    for (int64_t i = 0; i < records; i++) {
        uint64_t value = (uint64_t)i + 1;
        uint64_t what = prng_below(prng, 20);
        struct history_op send = op_of(HISTORY_SEND, p, value, offset, 10 * i);
        struct history_op read = op_of(HISTORY_READ, p, value, offset, 10 * i + 3);
        struct history_op final = op_of(HISTORY_FINAL, p, value, offset, 10 * records);
        if (what == 0) { /* refused, or not known and never there */
            send.offset = -1;
            send.status = prng_chance(prng, 500) ? HISTORY_FAILED : HISTORY_INFO;
            history_add(history, &send);
            continue;
        }
        if (what == 1) { /* not known, and there */
            send.offset = -1;
            send.status = HISTORY_INFO;
        } else if (what == 2) { /* a plain producer wrote it twice */
            send.flags = HISTORY_ACKS_ALL;
            send.session = 3;
            history_add(history, &final);
            history_add(history, &read);
            offset++;
            read.offset = final.offset = send.offset = read.sequence = offset;
        } else if (what == 3) { /* acks=1: lost */
            send.flags = 0;
            send.session = 4;
            history_add(history, &send);
            continue;
        }
        history_add(history, &send);
        history_add(history, &read);
        history_add(history, &final);
        offset++;
    }
    struct history_op range = op_of(HISTORY_RANGE, p, (uint64_t)offset, 0, 10 * records + 3);
    history_add(history, &range);
    /* What nobody knew of was committed after the end had been asked for, and read. */
    struct history_op send = op_of(HISTORY_SEND, p, (uint64_t)records + 1, -1, 10 * records);
    send.status = HISTORY_INFO;
    history_add(history, &send);
    struct history_op read = op_of(HISTORY_READ, p, (uint64_t)records + 1, offset,
                                   10 * records + 5);
    history_add(history, &read);
}

static bool legal(uint64_t seed)
{
    struct history history;
    struct history_verdict verdict;
    struct prng prng;
    prng_init(&prng, seed);
    history_init(&history);
    for (uint32_t p = 0; p < PARTITIONS; p++) {
        legal_partition(&history, &prng, p, RECORDS);
    }
    for (uint32_t g = 1; g <= GROUPS; g++) {
        legal_group(&history, seed, g, g % PARTITIONS);
    }
    uint64_t found = history_judge(&history, &verdict);
    for (int i = 0; i < ANOMALIES && found > 0; i++) {
        if (verdict.found[i] > 0) {
            (void)printf("FAILED legal history %llu: %s: %s\n", (unsigned long long)seed,
                         anomaly_name((enum anomaly)i), verdict.first[i]);
        }
    }
    history_release(&history);
    return found == 0;
}

/* ---- planted anomalies ---- */

/* Ten records 1..10 at offsets 0..9, sent, read and found at the end; ops[3 * i] sends, [3 * i + 1] reads, [3 * i + 2] final. */
static void good_ten(struct history *history)
{
    for (int64_t i = 0; i < 10; i++) {
        struct history_op send = op_of(HISTORY_SEND, 0, (uint64_t)i + 1, i, 10 * i);
        struct history_op read = op_of(HISTORY_READ, 0, (uint64_t)i + 1, i, 10 * i + 3);
        struct history_op final = op_of(HISTORY_FINAL, 0, (uint64_t)i + 1, i, 1000);
        history_add(history, &send);
        history_add(history, &read);
        history_add(history, &final);
    }
    struct history_op range = op_of(HISTORY_RANGE, 0, 10, 0, 1000);
    history_add(history, &range);
}

/*
 * Deleted meanwhile, which is legal: the last reader had read offset 0, begins anew at 2, and nothing lies at 1. And a group went on
 * at 6 when it was told that the partition begins there, though 5 is back at the end. The last reader also read offset 4 twice, for it
 * began anew at a leader whose beginning had come back.
 */
static bool legal_deleted(void)
{
    struct history history;
    struct history_verdict verdict;
    history_init(&history);
    good_ten(&history);
    history.ops[3 * 10].offset = 2;
    history.ops[3 * 1 + 1].kind = HISTORY_BEGIN;
    history.ops[3 * 1 + 2].kind = HISTORY_BEGIN;
    size_t first = history.count;
    good_group(&history);
    plant_group(&history, first, ANOMALY_GROUP_SKIP);
    struct history_op begin = op_of(HISTORY_BEGIN, 0, 0, 6, 250);
    history_add(&history, &begin);
    struct history_op again = op_of(HISTORY_FINAL, 0, 5, 4, 1010);
    history_add(&history, &again);
    uint64_t found = history_judge(&history, &verdict);
    for (int i = 0; i < ANOMALIES && found > 0; i++) {
        (void)printf("%s%s", verdict.first[i], verdict.found[i] > 0 ? "\n" : "");
    }
    history_release(&history);
    return found == 0;
}

static void remove_op(struct history *history, size_t i)
{
    history->ops[i] = history->ops[--history->count];
}

static void plant_send(struct history *history, enum anomaly anomaly)
{
    struct history_op *ops = history->ops;
    struct history_op more = op_of(HISTORY_READ, 0, 5, 4, 500);
    switch (anomaly) {
    case ANOMALY_INCONSISTENT_OFFSETS: /* an acknowledgement names another's offset, and the end agrees with the other */
        more = op_of(HISTORY_SEND, 0, 11, 4, 0);
        more.flags = HISTORY_ACKS_ALL;
        more.ended_us = 2000;
        history_add(history, &more);
        more = op_of(HISTORY_FINAL, 0, 11, 10, 1000);
        history_add(history, &more);
        history->ops[30].value = 11; /* the range's end */
        break;
    case ANOMALY_DUPLICATE:
        more = op_of(HISTORY_FINAL, 0, 10, 10, 1000);
        history_add(history, &more);
        history->ops[30].value = 11;
        break;
    case ANOMALY_LOST_WRITE: /* nobody had read it */
        more = op_of(HISTORY_SEND, 0, 99, -1, 100);
        history_add(history, &more);
        break;
    case ANOMALY_UNSTABLE_READ: /* another one is there at the end */
        more = op_of(HISTORY_SEND, 0, 98, -1, 0);
        more.status = HISTORY_INFO;
        history_add(history, &more);
        more = op_of(HISTORY_READ, 0, 98, 4, 40);
        more.session = 9;
        history_add(history, &more);
        break;
    case ANOMALY_ABORTED_READ:
        ops[3 * 4].status = HISTORY_FAILED;
        ops[3 * 4].offset = -1;
        break;
    case ANOMALY_SEND_ORDER: /* not in the order of their numbers, though side by side in time */
        ops[3 * 4].sequence = 5;
        ops[3 * 5].sequence = 4;
        ops[3 * 4].ended_us = ops[3 * 5].ended_us;
        ops[3 * 5].began_us = ops[3 * 4].began_us;
        break;
    case ANOMALY_REAL_TIME:
        ops[3 * 4].began_us = 300;
        ops[3 * 4].ended_us = 301;
        break;
    default: assert(!"planted elsewhere");
    }
}

static void plant(struct history *history, enum anomaly anomaly)
{
    struct history_op *ops = history->ops;
    struct history_op more = op_of(HISTORY_READ, 0, 5, 4, 500);
    switch (anomaly) {
    case ANOMALY_STALE_END:
        more = op_of(HISTORY_END, 0, 0, 5, 400);
        history_add(history, &more);
        break;
    case ANOMALY_POLL_SKIP: remove_op(history, 3 * 4 + 1); break;
    case ANOMALY_POLL_BACK: history_add(history, &more); break;
    case ANOMALY_CORRUPT:
        more.status = HISTORY_CORRUPT;
        more.session = 9;
        more.value = 1;
        history_add(history, &more);
        break;
    case ANOMALY_UNWRITTEN: remove_op(history, 3 * 4); break;
    case ANOMALY_GAP:
        remove_op(history, 3 * 4 + 2);
        ops[3 * 4].status = HISTORY_INFO;
        ops[3 * 4].offset = -1;
        ops[3 * 4 + 1].kind = HISTORY_SEND; /* nobody had read it */
        ops[3 * 4 + 1].status = HISTORY_INFO;
        ops[3 * 4 + 1].value = 97;
        ops[3 * 4 + 1].offset = -1;
        for (int i = 0; i < 5; i++) { /* reading had begun later */
            ops[3 * i + 1].session = 8;
        }
        break;
    case ANOMALY_RESURRECTED:
        more.session = 9;
        history_add(history, &more);
        more = op_of(HISTORY_START, 0, 0, 6, 200);
        history_add(history, &more);
        break;
    default: plant_send(history, anomaly); break;
    }
}

static bool planted(enum anomaly anomaly)
{
    struct history history;
    struct history_verdict verdict;
    history_init(&history);
    good_ten(&history);
    if (anomaly >= ANOMALY_COMMIT_LOST) {
        size_t first = history.count;
        good_group(&history);
        plant_group(&history, first, anomaly);
    } else {
        plant(&history, anomaly);
    }
    (void)history_judge(&history, &verdict);
    bool good = true;
    for (int i = 0; i < ANOMALIES; i++) {
        uint64_t want = i == (int)anomaly ? 1 : 0;
        if (verdict.found[i] != want) {
            good = false;
            (void)printf("FAILED planted %s: %llu of %s\n", anomaly_name(anomaly),
                         (unsigned long long)verdict.found[i], anomaly_name((enum anomaly)i));
        }
    }
    history_release(&history);
    return good;
}

static bool many(void)
{
    struct history history;
    struct history_verdict verdict;
    struct prng prng;
    struct timespec a;
    struct timespec b;
    prng_init(&prng, 7);
    history_init(&history);
    for (uint32_t p = 0; history.count < MANY; p++) {
        legal_partition(&history, &prng, p, 100000);
    }
    clock_gettime(CLOCK_MONOTONIC, &a);
    uint64_t found = history_judge(&history, &verdict);
    clock_gettime(CLOCK_MONOTONIC, &b);
    (void)printf("%zu operations in %.1f s\n", history.count,
                 (double)(b.tv_sec - a.tv_sec) + (double)(b.tv_nsec - a.tv_nsec) / 1e9);
    history_release(&history);
    return found == 0;
}

int selftest(bool with_many)
{
    uint32_t passed = 0;
    uint32_t failed = 0;
    for (int i = 0; i < ANOMALIES; i++) {
        bool good = planted((enum anomaly)i);
        passed += good;
        failed += !good;
    }
    bool deleted = legal_deleted();
    passed += deleted;
    failed += !deleted;
    uint32_t right = selftest_forget();
    passed += right;
    failed += SELFTEST_FORGET - right;
    for (uint64_t seed = 1; seed <= LEGAL; seed++) {
        bool good = legal(seed);
        passed += good;
        failed += !good;
    }
    if (with_many) {
        bool good = many();
        passed += good;
        failed += !good;
    }
    (void)printf("%u passed, %u failed\n", passed, failed);
    return failed > 0 ? 1 : 0;
}
