/* Consumer groups: what they stored stays, nobody shares a partition, nothing is passed over, all get on. */
#include <stdlib.h>

#include "tests/check/history_internal.h"

/* Intervals of one partition that may still reach into a later one are few. */
#define OWNERS_BACK 64

static bool same_part(const struct history_op *a, const struct history_op *b)
{
    return a->group == b->group && a->partition == b->partition;
}

static int by_part(const struct history_op *a, const struct history_op *b)
{
    int order = history_compare(a->group, b->group);
    return order != 0 ? order : history_compare(a->partition, b->partition);
}

static int by_began(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = by_part(a, b);
    return order != 0 ? order : history_compare(a->began_us, b->began_us);
}

static int by_ended(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = by_part(a, b);
    return order != 0 ? order : history_compare(a->ended_us, b->ended_us);
}

/* A group's offsets; of one offset the latest first, and those of which nobody knows when they came before all. */
static int by_offset(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = by_part(a, b);
    order = order != 0 ? order : history_compare(a->offset, b->offset);
    order = order != 0 ? order : history_compare(a->status == HISTORY_OK, b->status == HISTORY_OK);
    return order != 0 ? order : history_compare(b->ended_us, a->ended_us);
}

static int by_group_time(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = history_compare(a->group, b->group);
    return order != 0 ? order : history_compare(a->began_us, b->began_us);
}

static bool is_commit(const struct history_op *op)
{
    return op->kind == HISTORY_COMMIT && op->status != HISTORY_FAILED;
}

static bool is_stored(const struct history_op *op)
{
    return op->kind == HISTORY_COMMIT && op->status == HISTORY_OK;
}

static bool is_fetched(const struct history_op *op)
{
    return op->kind == HISTORY_FETCHED && op->status == HISTORY_OK;
}

static bool is_owned(const struct history_op *op)
{
    return op->kind == HISTORY_OWNED && op->ended_us > op->began_us;
}

/* ---- what was stored is told ---- */

/* The first in [0, n) that is not below (group, partition, offset). */
static size_t first_of(struct history_op *const *commits, size_t n, const struct history_op *op)
{
    size_t low = 0;
    for (size_t high = n; low < high;) {
        size_t middle = low + (high - low) / 2;
        int order = by_part(commits[middle], op);
        order = order != 0 ? order : history_compare(commits[middle]->offset, op->offset);
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* ---- offsets that may be forgotten ---- */

static bool is_member(const struct history_op *op)
{
    return op->kind == HISTORY_MEMBER && op->ended_us > op->began_us;
}

struct crowd { /* by group, in the order of their beginnings */
    struct history_op **members;
    size_t count;
};

/* Whether the group surely had a member at any time between. */
static bool had_members(const struct crowd *crowd, uint32_t group, int64_t from_us, int64_t to_us)
{
    int64_t reached = from_us;
    for (size_t i = 0; i < crowd->count && reached < to_us; i++) {
        const struct history_op *member = crowd->members[i];
        if (member->group == group && member->began_us <= reached) {
            reached = max_i64(reached, member->ended_us);
        }
    }
    return reached >= to_us;
}

/* stored_since: the latest beginning of a store that had ended when this was asked; -1: there was none. What ended before
 * that beginning had been replaced. */
static void judge_fetched(struct history_verdict *verdict, struct history_op *const *commits,
                          size_t n, const struct history_op *op, int64_t stored_since,
                          const struct crowd *crowd)
{
    bool ever = op->offset < 0;
    bool good = op->offset < 0 &&
                (stored_since < 0 ||
                 (crowd != NULL && !had_members(crowd, op->group, stored_since, op->ended_us)));
    for (size_t i = first_of(commits, n, op); i < n && op->offset >= 0 && !good; i++) {
        const struct history_op *commit = commits[i];
        if (!same_part(commit, op) || commit->offset != op->offset) {
            break;
        }
        bool before = commit->began_us < op->ended_us;
        ever = ever || before;
        good = before && (commit->status != HISTORY_OK || commit->ended_us >= stored_since);
    }
    if (!ever) {
        history_tell(verdict, ANOMALY_COMMIT_UNWRITTEN, op, stored_since);
    } else if (!good) {
        history_tell(verdict, ANOMALY_COMMIT_LOST, op, stored_since);
    }
}

static void judge_commits(const struct history *history, struct history_verdict *verdict)
{
    size_t commit_count = 0;
    size_t stored_count = 0;
    size_t fetched_count = 0;
    struct history_op **commits = history_chosen(history, is_commit, by_offset, &commit_count);
    struct history_op **stored = history_chosen(history, is_stored, by_ended, &stored_count);
    struct history_op **fetched = history_chosen(history, is_fetched, by_began, &fetched_count);
    struct crowd crowd;
    crowd.members = history_chosen(history, is_member, by_group_time, &crowd.count);
    size_t at = 0;
    int64_t since = -1;
    for (size_t i = 0; i < fetched_count; i++) {
        const struct history_op *op = fetched[i];
        since = i > 0 && same_part(fetched[i - 1], op) ? since : -1;
        for (; at < stored_count; at++) {
            int order = by_part(stored[at], op);
            if (order > 0 || (order == 0 && stored[at]->ended_us >= op->began_us)) {
                break;
            }
            since = order == 0 ? max_i64(since, stored[at]->began_us) : since;
        }
        judge_fetched(verdict, commits, commit_count, op, since,
                      history->offsets_expire ? &crowd : NULL);
    }
    free(crowd.members);
    free(commits);
    free(stored);
    free(fetched);
}

/* ---- one owner, and only the newest generation stores ---- */

static void judge_owners(const struct history *history, struct history_verdict *verdict)
{
    size_t n = 0;
    struct history_op **list = history_chosen(history, is_owned, by_began, &n);
    for (size_t i = 0; i < n; i++) {
        const struct history_op *op = list[i];
        for (size_t j = i; j > 0 && i - j < OWNERS_BACK && same_part(list[j - 1], op); j--) {
            const struct history_op *other = list[j - 1];
            /* A coordinator that has been replaced and cannot know may let its members go on: not that of one generation. */
            bool one = other->generation == op->generation && op->generation >= 0;
            bool known = one || other->value == op->value;
            if (other->client != op->client && other->ended_us > op->began_us && known) {
                history_tell(verdict, ANOMALY_DOUBLE_OWNER, op, other->client);
                break;
            }
        }
    }
    free(list);
}

static bool is_owned_or_stored(const struct history_op *op)
{
    return (op->kind == HISTORY_OWNED || is_stored(op)) && op->generation >= 0;
}

static void judge_zombies(const struct history *history, struct history_verdict *verdict)
{
    size_t n = 0;
    struct history_op **list = history_chosen(history, is_owned_or_stored, by_group_time, &n);
    int32_t newest = -1;
    for (size_t i = 0; i < n; i++) {
        newest = i > 0 && list[i - 1]->group == list[i]->group ? newest : -1;
        if (list[i]->kind == HISTORY_COMMIT && list[i]->generation < newest) {
            history_tell(verdict, ANOMALY_ZOMBIE_COMMIT, list[i], newest);
        }
        if (list[i]->kind == HISTORY_OWNED && list[i]->generation > newest) {
            newest = list[i]->generation;
        }
    }
    free(list);
}

/* ---- everything is read ---- */

static bool is_groups_read(const struct history_op *op)
{
    return op->kind == HISTORY_READ && op->group != 0 && op->status == HISTORY_OK &&
           !(op->flags & HISTORY_WEAK);
}

static int by_place(const void *x, const void *y)
{
    const struct history_op *a = *(const struct history_op *const *)x;
    const struct history_op *b = *(const struct history_op *const *)y;
    int order = by_part(a, b);
    return order != 0 ? order : history_compare(a->offset, b->offset);
}

/* Up to where the group has stored; -1: nothing. */
static int64_t stored_end(struct history_op *const *stored, size_t n, const struct history_op *part)
{
    struct history_op above = *part;
    above.offset = INT64_MAX;
    size_t at = first_of(stored, n, &above);
    return at > 0 && same_part(stored[at - 1], part) ? stored[at - 1]->offset : -1;
}

/* Where the last reading began; what lay below was deleted. */
static int64_t start_of(struct history_op *const *ranges, size_t n, uint32_t partition)
{
    for (size_t i = 0; i < n; i++) {
        if (ranges[i]->partition == partition) {
            return ranges[i]->offset;
        }
    }
    return 0;
}

/* Whether somebody was told that the partition begins there. */
static bool told_begin(const struct history *history, uint32_t partition, int64_t offset)
{
    for (size_t i = 0; i < history->count; i++) {
        const struct history_op *op = &history->ops[i];
        if (op->kind == HISTORY_BEGIN && op->partition == partition && op->offset == offset) {
            return true;
        }
    }
    return false;
}

static bool is_range(const struct history_op *op)
{
    return op->kind == HISTORY_RANGE;
}

static void judge_skips(const struct history *history, struct history_verdict *verdict)
{
    size_t range_count = 0;
    struct history_op **ranges = history_chosen(history, is_range, by_place, &range_count);
    size_t n = 0;
    size_t stored_count = 0;
    struct history_op **reads = history_chosen(history, is_groups_read, by_place, &n);
    struct history_op **stored = history_chosen(history, is_stored, by_offset, &stored_count);
    for (size_t i = 0; i < n; i++) {
        bool last = i + 1 == n || !same_part(reads[i], reads[i + 1]);
        int64_t next = last ? stored_end(stored, stored_count, reads[i]) : reads[i + 1]->offset;
        bool stored_behind = last || stored_end(stored, stored_count, reads[i]) >= next;
        int64_t start = start_of(ranges, range_count, reads[i]->partition);
        if (next > max_i64(reads[i]->offset + 1, start) && stored_behind &&
            !told_begin(history, reads[i]->partition, next)) {
            history_tell(verdict, ANOMALY_GROUP_SKIP, reads[i], next);
        }
    }
    free(ranges);
    free(reads);
    free(stored);
}

/* ---- everybody gets on ---- */

static bool is_due(const struct history_op *op)
{
    return op->kind == HISTORY_DUE;
}

/* Also who may be deposed tells nothing that was not stored. */
static bool is_known_stored(const struct history_op *op)
{
    return is_stored(op) || op->kind == HISTORY_FETCHED;
}

static void judge_stuck(const struct history *history, struct history_verdict *verdict)
{
    size_t n = 0;
    size_t stored_count = 0;
    struct history_op **due = history_chosen(history, is_due, by_ended, &n);
    struct history_op **stored = history_chosen(history, is_known_stored, by_ended, &stored_count);
    size_t at = 0;
    int64_t most = -1;
    for (size_t i = 0; i < n; i++) {
        most = i > 0 && same_part(due[i - 1], due[i]) ? most : -1;
        for (; at < stored_count; at++) {
            int order = by_part(stored[at], due[i]);
            if (order > 0 || (order == 0 && stored[at]->ended_us > due[i]->ended_us)) {
                break;
            }
            most = order == 0 ? max_i64(most, stored[at]->offset) : most;
        }
        if (most < due[i]->offset) {
            history_tell(verdict, ANOMALY_GROUP_STUCK, due[i], most);
        }
    }
    free(due);
    free(stored);
}

void history_judge_groups(const struct history *history, struct history_verdict *verdict)
{
    judge_commits(history, verdict);
    judge_owners(history, verdict);
    judge_zombies(history, verdict);
    judge_skips(history, verdict);
    judge_stuck(history, verdict);
}
