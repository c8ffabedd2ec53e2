#include "tests/check/history_internal.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const names[ANOMALIES] = {
    "inconsistent-offsets",
    "duplicate",
    "lost-write",
    "unstable-read",
    "aborted-read",
    "poll-skip",
    "poll-back",
    "send-order",
    "real-time",
    "corrupt",
    "unwritten",
    "unexplained-gap",
    "resurrected",
    "stale-end",
    "commit-lost",
    "commit-unwritten",
    "zombie-commit",
    "double-owner",
    "group-skip",
    "group-stuck",
};

const char *anomaly_name(enum anomaly anomaly)
{
    assert(anomaly < ANOMALIES);
    return names[anomaly];
}

void history_init(struct history *history)
{
    *history = (struct history){0};
}

void history_release(struct history *history)
{
    free(history->ops);
    history_init(history);
}

void history_add(struct history *history, const struct history_op *op)
{
    if (history->count == history->room) {
        history->room = history->room == 0 ? 1024 : history->room * 2;
        history->ops = realloc(history->ops, history->room * sizeof(*op));
        assert(history->ops != NULL);
    }
    history->ops[history->count++] = *op;
}

/* ---- telling ---- */

void history_tell(struct history_verdict *verdict, enum anomaly anomaly,
                  const struct history_op *op, int64_t other)
{
    if (verdict->found[anomaly]++ == 0) {
        (void)snprintf(verdict->first[anomaly], sizeof(verdict->first[anomaly]),
                       "partition %u offset %lld value %llx client %u at %lld us (%lld)",
                       op->partition, (long long)op->offset, (unsigned long long)op->value,
                       op->client, (long long)op->ended_us, (long long)other);
    }
}

/* ---- orders ---- */

int history_compare(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static bool is_sight(const struct history_op *op)
{
    return op->kind == HISTORY_READ || op->kind == HISTORY_FINAL;
}

static bool is_acked(const struct history_op *op)
{
    return op->kind == HISTORY_SEND && op->status == HISTORY_OK;
}

/* An offset where this value was seen or is said to be. */
static bool is_placed(const struct history_op *op)
{
    return op->offset >= 0 && op->status != HISTORY_CORRUPT && (is_sight(op) || is_acked(op));
}

static int by_value(const void *x, const void *y)
{
    const struct history_op *a = x;
    const struct history_op *b = y;
    int order = history_compare(a->partition, b->partition);
    order = order != 0 ? order : a->value < b->value ? -1 : a->value > b->value;
    order = order != 0 ? order : history_compare(a->kind, b->kind);
    return order != 0 ? order : history_compare(a->offset, b->offset);
}

static int by_offset(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = history_compare(a->partition, b->partition);
    order = order != 0 ? order : history_compare(a->offset, b->offset);
    order = order != 0 ? order : history_compare(a->kind, b->kind);
    return order != 0 ? order : history_compare(a->ended_us, b->ended_us);
}

static int by_session(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = history_compare(a->partition, b->partition);
    order = order != 0 ? order : history_compare(a->session, b->session);
    order = order != 0 ? order : history_compare(a->ended_us, b->ended_us);
    /* what came in one answer comes in the order in which it was noted */
    return order != 0 ? order : history_compare(a->sequence, b->sequence);
}

static int by_sequence(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = history_compare(a->partition, b->partition);
    order = order != 0 ? order : history_compare(a->session, b->session);
    return order != 0 ? order : history_compare(a->sequence, b->sequence);
}

struct history_op **history_chosen(const struct history *history, history_select *select,
                                   history_order *order, size_t *ret_count)
{
    size_t n = 0;
    for (size_t i = 0; i < history->count; i++) {
        n += select(&history->ops[i]);
    }
    struct history_op **list = malloc((n + 1) * sizeof(struct history_op *));
    assert(list != NULL);
    n = 0;
    for (size_t i = 0; i < history->count; i++) {
        if (select(&history->ops[i])) {
            list[n++] = &history->ops[i];
        }
    }
    qsort(list, n, sizeof(struct history_op *), order);
    *ret_count = n;
    return list;
}

/* ---- who may be forgotten ---- */

/* Of what was acknowledged for good, by place: the earliest time by which all of it up to there was in the log. What one replica
 * alone acknowledged may have been lost since, and others' records lie in its place. */
struct deadlines {
    struct history_op **acked; /* by partition and offset */
    int64_t *by_us;            /* ... of this one or any behind it */
    size_t count;
    int64_t expiry_us; /* 0: nobody is forgotten */
};

static bool is_promised(const struct history_op *op)
{
    return (op->flags & HISTORY_ACKS_ALL) && !(op->flags & HISTORY_WEAK);
}

static bool is_kept_ack(const struct history_op *op)
{
    return is_acked(op) && op->offset >= 0 && is_promised(op);
}

static struct deadlines deadlines_of(const struct history *history)
{
    struct deadlines d = {.expiry_us = history->producer_expiry_us};
    if (d.expiry_us == 0) {
        return d;
    }
    d.acked = history_chosen(history, is_kept_ack, by_offset, &d.count);
    d.by_us = malloc((d.count + 1) * sizeof(int64_t));
    assert(d.by_us != NULL);
    for (size_t i = d.count; i-- > 0;) {
        bool last = i + 1 == d.count || d.acked[i + 1]->partition != d.acked[i]->partition;
        d.by_us[i] = last ? d.acked[i]->ended_us : min_i64(d.acked[i]->ended_us, d.by_us[i + 1]);
    }
    return d;
}

static void deadlines_release(struct deadlines *d)
{
    free(d->acked);
    free(d->by_us);
}

/* When what lies at this offset was surely in the log; never: INT64_MAX. */
static int64_t written_by(const struct deadlines *d, uint32_t partition, int64_t offset)
{
    size_t low = 0;
    for (size_t high = d->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct history_op *op = d->acked[middle];
        bool below = op->partition < partition ||
                     (op->partition == partition && op->offset < offset);
        low = below ? middle + 1 : low;
        high = below ? high : middle;
    }
    return low < d->count && d->acked[low]->partition == partition ? d->by_us[low] : INT64_MAX;
}

/* Its second copy may be that of a producer that nobody knew any more: nothing shows that it came soon enough. */
static bool forgotten(const struct deadlines *d, const struct history_op *send, int64_t second)
{
    int64_t by_us = written_by(d, send->partition, second);
    return d->expiry_us > 0 &&
           (by_us == INT64_MAX || by_us - send->began_us >= d->expiry_us * 8 / 10);
}

/* ---- one value: is it where it should be, once, and was it ever sent ---- */

struct value_facts {
    const struct history_op *send; /* NULL: never sent */
    const struct history_op *final;
    bool seen;
};

struct ranges {
    int64_t *start; /* by partition; -1: not read at the end */
    int64_t *end;
    int64_t *asked; /* when its end was asked for: what was committed later may lie behind it */
    uint32_t count;
};

static struct ranges ranges_of(const struct history *history)
{
    struct ranges ranges = {0};
    for (size_t i = 0; i < history->count; i++) {
        if (history->ops[i].partition >= ranges.count) {
            ranges.count = history->ops[i].partition + 1;
        }
    }
    ranges.start = malloc((ranges.count + 1) * sizeof(int64_t));
    ranges.end = malloc((ranges.count + 1) * sizeof(int64_t));
    ranges.asked = calloc(ranges.count + 1, sizeof(int64_t));
    assert(ranges.start != NULL && ranges.end != NULL && ranges.asked != NULL);
    for (uint32_t i = 0; i < ranges.count; i++) {
        ranges.start[i] = ranges.end[i] = -1;
    }
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *op = &history->ops[i];
        if (op->kind == HISTORY_RANGE) {
            ranges.start[op->partition] = op->offset;
            ranges.end[op->partition] = (int64_t)op->value;
            ranges.asked[op->partition] = op->began_us;
        }
    }
    return ranges;
}

/* The last reading would have found what lay at this offset at that time. */
static bool range_covers(const struct ranges *ranges, uint32_t partition, int64_t offset,
                         int64_t at_us)
{
    return ranges->start[partition] >= 0 && offset >= ranges->start[partition] &&
           (offset < ranges->end[partition] || at_us <= ranges->asked[partition]);
}

static void judge_send(struct history_verdict *verdict, const struct ranges *ranges,
                       const struct value_facts *facts)
{
    const struct history_op *send = facts->send;
    bool covered = ranges->start[send->partition] >= 0;
    /* Of an offset that nobody was told it may be below. */
    bool deleted = ranges->start[send->partition] > max_i64(send->offset, 0);
    verdict->acked += send->status == HISTORY_OK;
    if (send->status == HISTORY_OK && facts->final == NULL && covered && !deleted) {
        if (is_promised(send)) {
            history_tell(verdict, ANOMALY_LOST_WRITE, send, ranges->end[send->partition]);
        } else {
            verdict->permitted_loss++;
        }
    }
    if (send->status == HISTORY_FAILED && facts->seen) {
        history_tell(verdict, ANOMALY_ABORTED_READ, send, 0);
    }
}

/* All operations of one value. */
static void judge_value(struct history_verdict *verdict, const struct ranges *ranges,
                        const struct deadlines *deadlines, const struct history_op *ops, size_t n)
{
    struct value_facts facts = {0};
    int64_t place = -1;
    int64_t farthest = -1;
    bool dup = false;
    for (size_t i = 0; i < n; i++) {
        const struct history_op *op = &ops[i];
        if (op->kind == HISTORY_SEND) {
            facts.send = op;
        }
        if (op->kind == HISTORY_FINAL && facts.final == NULL) {
            facts.final = op;
        }
        facts.seen = facts.seen || (is_sight(op) && op->status != HISTORY_CORRUPT);
        /* At one place twice: the last reading began anew. */
        dup = dup || (is_placed(op) && place >= 0 && op->offset != place);
        place = is_placed(op) ? op->offset : place;
        farthest = max_i64(farthest, place);
    }
    if (facts.send == NULL) {
        if (facts.seen) {
            history_tell(verdict, ANOMALY_UNWRITTEN, &ops[0], 0);
        }
        return;
    }
    if ((facts.send->flags & HISTORY_IDEMPOTENT) && dup && !(facts.send->flags & HISTORY_WEAK) &&
        !forgotten(deadlines, facts.send, farthest)) {
        history_tell(verdict, ANOMALY_DUPLICATE, facts.send, place);
    }
    judge_send(verdict, ranges, &facts);
}

static bool has_value(const struct history_op *op)
{
    return op->kind <= HISTORY_FINAL;
}

static void judge_values(struct history *history, struct history_verdict *verdict,
                         const struct ranges *ranges)
{
    qsort(history->ops, history->count, sizeof(history->ops[0]), by_value);
    struct deadlines deadlines = deadlines_of(history);
    for (size_t i = 0; i < history->count;) {
        const struct history_op *first = &history->ops[i];
        size_t n = 1;
        while (i + n < history->count && first[n].partition == first->partition &&
               first[n].value == first->value) {
            n++;
        }
        size_t usable = 0; /* kinds with values come first within a value */
        while (usable < n && has_value(&first[usable])) {
            usable++;
        }
        if (usable > 0) {
            judge_value(verdict, ranges, &deadlines, first, usable);
        }
        i += n;
    }
    deadlines_release(&deadlines);
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *op = &history->ops[i];
        verdict->read += is_sight(op);
        if (op->status == HISTORY_CORRUPT) {
            history_tell(verdict, ANOMALY_CORRUPT, op, 0);
        }
    }
}

/* ---- one offset: one value, and what was read stays ---- */

static void judge_offset(struct history_verdict *verdict, const struct ranges *ranges,
                         struct history_op *const *ops, size_t n)
{
    const struct history_op *final = NULL;
    for (size_t i = 0; i < n; i++) {
        final = ops[i]->kind == HISTORY_FINAL ? ops[i] : final;
    }
    const struct history_op *any = ops[0];
    bool told = false;
    for (size_t i = 0; i < n; i++) {
        const struct history_op *op = ops[i];
        bool promised = !(op->flags & HISTORY_WEAK);
        bool reading = op->kind == HISTORY_READ;
        bool covered = range_covers(ranges, op->partition, op->offset, op->ended_us);
        if (reading && promised && covered && (final == NULL || final->value != op->value)) {
            history_tell(verdict, ANOMALY_UNSTABLE_READ, op,
                         final == NULL ? -1 : (int64_t) final->value);
        } else if (op->value != any->value && promised && !told &&
                   (op->kind != HISTORY_SEND || (op->flags & HISTORY_ACKS_ALL)) &&
                   (any->kind != HISTORY_SEND || (any->flags & HISTORY_ACKS_ALL))) {
            told = true;
            history_tell(verdict, ANOMALY_INCONSISTENT_OFFSETS, op, (int64_t)any->value);
        }
    }
}

/* acks=1 may be told an offset that another record gets. */
static bool placed_for_good(const struct history_op *op)
{
    return is_placed(op) && (op->kind != HISTORY_SEND || (op->flags & HISTORY_ACKS_ALL));
}

static void judge_offsets(const struct history *history, struct history_verdict *verdict,
                          const struct ranges *ranges)
{
    size_t n = 0;
    struct history_op **list = history_chosen(history, placed_for_good, by_offset, &n);
    for (size_t i = 0; i < n;) {
        size_t same = 1;
        while (i + same < n && list[i + same]->partition == list[i]->partition &&
               list[i + same]->offset == list[i]->offset) {
            same++;
        }
        judge_offset(verdict, ranges, list + i, same);
        i += same;
    }
    free(list);
}

/* ---- the whole reading at the end: every offset is there ---- */

static bool is_final(const struct history_op *op)
{
    return op->kind == HISTORY_FINAL;
}

static void judge_gaps(const struct history *history, struct history_verdict *verdict,
                       const struct ranges *ranges)
{
    size_t n = 0;
    struct history_op **list = history_chosen(history, is_final, by_offset, &n);
    size_t i = 0;
    for (uint32_t p = 0; p < ranges->count; p++) {
        int64_t next = ranges->start[p];
        for (; i < n && list[i]->partition == p; i++) {
            if (next >= 0 && list[i]->offset < ranges->start[p]) {
                continue; /* deleted while it read, and it began anew */
            }
            if (next >= 0 && list[i]->offset > next) {
                history_tell(verdict, ANOMALY_GAP, list[i], next);
            }
            next = list[i]->offset + 1;
        }
        if (ranges->start[p] >= 0 && next < ranges->end[p]) {
            struct history_op op = {.partition = p, .offset = next};
            history_tell(verdict, ANOMALY_GAP, &op, ranges->end[p]);
        }
    }
    free(list);
}

/* ---- sessions of consumers: forwards, without jumps ---- */

static bool is_read(const struct history_op *op)
{
    return op->kind == HISTORY_READ;
}

/* The log's start may have moved over what was jumped over: only what is there at the end counts. */
static void judge_polls(const struct history *history, struct history_verdict *verdict,
                        const struct ranges *ranges)
{
    size_t n = 0;
    struct history_op **list = history_chosen(history, is_read, by_session, &n);
    for (size_t i = 1; i < n; i++) {
        const struct history_op *before = list[i - 1];
        const struct history_op *op = list[i];
        if (op->partition != before->partition || op->session != before->session ||
            (op->flags & HISTORY_WEAK)) {
            continue;
        }
        int64_t start = ranges->start[op->partition];
        if (op->offset <= before->offset) {
            history_tell(verdict, ANOMALY_POLL_BACK, op, before->offset);
        } else if (op->offset > before->offset + 1 && start >= 0 && before->offset + 1 >= start) {
            history_tell(verdict, ANOMALY_POLL_SKIP, op, before->offset);
        }
    }
    free(list);
}

/* ---- producers ---- */

static bool is_promised_send(const struct history_op *op)
{
    return is_acked(op) && op->offset >= 0 && (op->flags & HISTORY_ACKS_ALL) &&
           !(op->flags & HISTORY_WEAK);
}

static bool is_idempotent_send(const struct history_op *op)
{
    return is_promised_send(op) && (op->flags & HISTORY_IDEMPOTENT);
}

/* An acknowledgement names the second copy where nobody knew any more that the first is there. */
static void judge_sends(const struct history *history, struct history_verdict *verdict)
{
    size_t n = 0;
    struct history_op **list = history_chosen(history, is_idempotent_send, by_sequence, &n);
    struct deadlines deadlines = deadlines_of(history);
    for (size_t i = 1; i < n; i++) {
        const struct history_op *before = list[i - 1];
        if (list[i]->partition == before->partition && list[i]->session == before->session &&
            list[i]->offset <= before->offset && !forgotten(&deadlines, before, before->offset)) {
            history_tell(verdict, ANOMALY_SEND_ORDER, list[i], before->offset);
        }
    }
    deadlines_release(&deadlines);
    free(list);
}

static int by_ended(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = history_compare(a->partition, b->partition);
    return order != 0 ? order : history_compare(a->ended_us, b->ended_us);
}

/* How far a partition had come at any time, as operations tell that had ended by then. */
struct peaks {
    struct history_op **ops; /* by partition and end */
    int64_t *most;           /* the highest offset of this one and all before it in its partition */
    size_t count;
};

static struct peaks peaks_of(const struct history *history, history_select *select)
{
    struct peaks peaks;
    peaks.ops = history_chosen(history, select, by_ended, &peaks.count);
    peaks.most = malloc((peaks.count + 1) * sizeof(int64_t));
    assert(peaks.most != NULL);
    for (size_t i = 0; i < peaks.count; i++) {
        bool first = i == 0 || peaks.ops[i - 1]->partition != peaks.ops[i]->partition;
        int64_t offset = peaks.ops[i]->offset;
        peaks.most[i] = first ? offset : max_i64(offset, peaks.most[i - 1]);
    }
    return peaks;
}

static void peaks_release(struct peaks *peaks)
{
    free(peaks->ops);
    free(peaks->most);
}

/* -1: nothing of this partition had ended when that began. */
static int64_t peak_before(const struct peaks *peaks, const struct history_op *op)
{
    size_t low = 0;
    for (size_t high = peaks->count; low < high;) {
        size_t middle = low + (high - low) / 2;
        const struct history_op *other = peaks->ops[middle];
        bool before = other->partition < op->partition ||
                      (other->partition == op->partition && other->ended_us < op->began_us);
        low = before ? middle + 1 : low;
        high = before ? high : middle;
    }
    return low > 0 && peaks->ops[low - 1]->partition == op->partition ? peaks->most[low - 1] : -1;
}

/* What was acknowledged before something began lies below it. */
static void judge_time(const struct history *history, struct history_verdict *verdict)
{
    struct peaks acked = peaks_of(history, is_promised_send);
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *op = &history->ops[i];
        bool end = op->kind == HISTORY_END && !(op->flags & HISTORY_WEAK);
        int64_t most = end || is_promised_send(op) ? peak_before(&acked, op) : -1;
        if (most >= 0 && op->offset <= most) {
            history_tell(verdict, end ? ANOMALY_STALE_END : ANOMALY_REAL_TIME, op, most);
        }
    }
    peaks_release(&acked);
}

static bool is_start(const struct history_op *op)
{
    return op->kind == HISTORY_START;
}

/* Deleted records are not read by whoever asks later. */
static void judge_starts(const struct history *history, struct history_verdict *verdict)
{
    struct peaks starts = peaks_of(history, is_start);
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *op = &history->ops[i];
        int64_t start = op->kind == HISTORY_READ ? peak_before(&starts, op) : -1;
        if (op->kind == HISTORY_READ && op->offset < start) {
            history_tell(verdict, ANOMALY_RESURRECTED, op, start);
        }
    }
    peaks_release(&starts);
}

uint64_t history_judge(struct history *history, struct history_verdict *ret_verdict)
{
    *ret_verdict = (struct history_verdict){0};
    struct ranges ranges = ranges_of(history);
    judge_values(history, ret_verdict, &ranges);
    judge_offsets(history, ret_verdict, &ranges);
    judge_gaps(history, ret_verdict, &ranges);
    judge_polls(history, ret_verdict, &ranges);
    judge_sends(history, ret_verdict);
    judge_time(history, ret_verdict);
    judge_starts(history, ret_verdict);
    history_judge_groups(history, ret_verdict);
    free(ranges.start);
    free(ranges.end);
    free(ranges.asked);
    uint64_t total = 0;
    for (int i = 0; i < ANOMALIES; i++) {
        total += ret_verdict->found[i];
    }
    return total;
}
