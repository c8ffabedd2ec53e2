/* What a cluster may forget that was told to: only of who was silent, and of groups without members. */
#include <stdio.h>

#include "tests/check/selftest.h"

#define ALL (HISTORY_IDEMPOTENT | HISTORY_ACKS_ALL)

static void add(struct history *history, struct history_op op)
{
    history_add(history, &op);
}

static uint64_t found_of(struct history *history, enum anomaly anomaly)
{
    struct history_verdict verdict;
    (void)history_judge(history, &verdict);
    uint64_t found = verdict.found[anomaly];
    history_release(history);
    return found;
}

/* A record that lies there twice; what was written behind the second was acknowledged then, by those that these flags say. */
static uint64_t twice(int64_t expiry_us, int64_t behind_us, uint32_t behind_flags)
{
    struct history history;
    history_init(&history);
    history.producer_expiry_us = expiry_us;
    add(&history, (struct history_op){.kind = HISTORY_SEND,
                                      .value = 7,
                                      .offset = 0,
                                      .began_us = 100,
                                      .ended_us = 110,
                                      .session = 1,
                                      .flags = ALL});
    add(&history, (struct history_op){.kind = HISTORY_FINAL, .value = 7, .offset = 0});
    add(&history,
        (struct history_op){.kind = HISTORY_FINAL, .value = 7, .offset = 5, .sequence = 1});
    add(&history, (struct history_op){.kind = HISTORY_SEND,
                                      .value = 8,
                                      .offset = 6,
                                      .began_us = behind_us - 10,
                                      .ended_us = behind_us,
                                      .session = 2,
                                      .flags = behind_flags});
    return found_of(&history, ANOMALY_DUPLICATE);
}

/* Two batches in this order; the first was told that it lies behind the second, at that time. */
static uint64_t overtaken(int64_t expiry_us, int64_t told_us)
{
    struct history history;
    struct history_op op = {.kind = HISTORY_SEND, .session = 1, .flags = ALL};
    history_init(&history);
    history.producer_expiry_us = expiry_us;
    op.value = 7;
    op.offset = 9;
    op.began_us = 100;
    op.ended_us = told_us;
    add(&history, op);
    op.value = 8;
    op.offset = 3;
    op.sequence = 1;
    op.began_us = 110;
    op.ended_us = 130;
    add(&history, op);
    return found_of(&history, ANOMALY_SEND_ORDER);
}

/* A group stored a place, had members with this time between them, and was told that there is none. */
static uint64_t told_none(bool expire, int64_t without_us)
{
    struct history history;
    struct history_op op = {.group = 1, .client = 5};
    history_init(&history);
    history.offsets_expire = expire;
    op.kind = HISTORY_COMMIT;
    op.began_us = 100;
    op.ended_us = 110;
    op.offset = 4;
    add(&history, op);
    op.kind = HISTORY_FETCHED;
    op.began_us = 300;
    op.ended_us = 310;
    op.offset = -1;
    add(&history, op);
    op.kind = HISTORY_MEMBER;
    op.began_us = 50;
    op.ended_us = 200;
    add(&history, op);
    op.began_us = 200 + without_us;
    op.ended_us = 400;
    op.client = 6;
    add(&history, op);
    return found_of(&history, ANOMALY_COMMIT_LOST);
}

/* Where a group is that nobody saw store anything: one that may be deposed told its place. */
static uint64_t told_by_deposed(int64_t offset)
{
    struct history history;
    struct history_op op = {.group = 1, .status = HISTORY_INFO};
    history_init(&history);
    op.kind = HISTORY_COMMIT;
    op.offset = 10;
    op.ended_us = 10;
    add(&history, op);
    op.kind = HISTORY_FETCHED;
    op.offset = offset;
    op.began_us = 30;
    op.ended_us = 50;
    add(&history, op);
    op.kind = HISTORY_DUE;
    op.offset = 10;
    op.ended_us = 100;
    add(&history, op);
    return found_of(&history, ANOMALY_GROUP_STUCK);
}

static uint32_t expect(const char *what, uint64_t found, uint64_t wanted)
{
    if (found != wanted) {
        (void)printf("FAILED %s: told %llu times\n", what, (unsigned long long)found);
    }
    return found == wanted;
}

uint32_t selftest_forget(void)
{
    uint32_t passed = 0;
    passed += expect("a second copy that came soon", twice(1000, 150, ALL), 1);
    passed += expect("a second copy that may have come late", twice(1000, 5000, ALL), 0);
    passed += expect("a second copy in the place of what only one replica had", twice(1000, 150, 0),
                     0);
    passed += expect("a second copy where nobody is forgotten", twice(0, 5000, ALL), 1);
    passed += expect("a batch behind the next one, soon", overtaken(1000, 150), 1);
    passed += expect("a batch behind the next one, told late", overtaken(1000, 5000), 0);
    passed += expect("a batch behind the next one where nobody is forgotten", overtaken(0, 5000),
                     1);
    passed += expect("a place lost by a group with members", told_none(true, -20), 1);
    passed += expect("a place lost by a group that was empty", told_none(true, 20), 0);
    passed += expect("a place lost where none expires", told_none(false, 20), 1);
    passed += expect("a place that one told who may be deposed", told_by_deposed(10), 0);
    passed += expect("a place short of the end, told by one who may be deposed", told_by_deposed(9),
                     1);
    return passed;
}
