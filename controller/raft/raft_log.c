#include "controller/raft/raft_log.h"

enum { ROOM_MIN = 8 };

/* Room for `count` pieces of `size` bytes behind p, growing by doubling. */
static err_t reserve(struct heap *heap, void **p, uint32_t *room, size_t count, size_t size)
{
    assert(heap != NULL && size > 0);
    if (count <= *room) {
        return OK;
    }
    ENSURE(count <= UINT32_MAX / 2, ERR_NO_MEMORY);
    size_t bigger = *room == 0 ? ROOM_MIN : *room;
    while (bigger < count) {
        bigger *= 2;
    }
    void *q = heap_resize(heap, *p, *room * size, bigger * size);
    ENSURE(q != NULL, ERR_NO_MEMORY);
    *p = q;
    *room = (uint32_t)bigger;
    return OK;
}

err_t raft_log_reserve(struct raft_log *log, size_t terms, size_t voters)
{
    assert(terms <= SIZE_MAX - log->term_count && voters <= SIZE_MAX - log->voters_count);
    void *p = log->terms;
    TRY(reserve(log->heap, &p, &log->term_room, log->term_count + terms, sizeof(*log->terms)));
    log->terms = p;
    p = log->voters;
    TRY(reserve(log->heap, &p, &log->voters_room, log->voters_count + voters,
                sizeof(*log->voters)));
    log->voters = p;
    return OK;
}

static err_t load_terms(struct raft_log *log, const struct raft_durable_state *state)
{
    TRY(raft_log_reserve(log, state->run_count, state->voters_count));
    raft_term term = 0;
    for (size_t i = 0; i < state->run_count; i++) {
        const struct raft_run *run = &state->runs[i];
        ENSURE(run->term >= 1 && run->term >= term && run->term <= state->term, ERR_CORRUPT);
        ENSURE(run->count >= 1 && run->count <= INT64_MAX / 2 - log->last, ERR_CORRUPT);
        raft_log_append(log, run->term, run->count);
        term = run->term;
    }
    return OK;
}

static err_t load_voters(struct raft_log *log, const struct raft_durable_state *state)
{
    raft_index index = 0;
    for (size_t i = 0; i < state->voters_count; i++) {
        const struct raft_voters_entry *entry = &state->voters[i];
        ENSURE(entry->index > index && entry->index >= log->first && entry->index <= log->last,
               ERR_CORRUPT);
        ENSURE(raft_voters_valid(&entry->voters) && entry->voters.count > 0, ERR_CORRUPT);
        index = entry->index;
        if (index > log->snapshot.index) {
            raft_log_add_voters(log, index, &entry->voters);
        }
    }
    return OK;
}

err_t raft_log_init(struct raft_log *log, struct heap *heap, const struct raft_durable_state *state)
{
    assert(log != NULL && heap != NULL && state != NULL);
    const struct raft_snapshot *snapshot = &state->snapshot;
    *log = (struct raft_log){.heap = heap,
                             .snapshot = *snapshot,
                             .first = state->first_index,
                             .last = state->first_index - 1};
    ENSURE(snapshot->index >= 0 && snapshot->index < INT64_MAX / 4, ERR_CORRUPT);
    ENSURE((snapshot->term == 0) == (snapshot->index == 0), ERR_CORRUPT);
    ENSURE(snapshot->term >= 0 && snapshot->term <= state->term, ERR_CORRUPT);
    ENSURE(raft_voters_valid(&snapshot->voters), ERR_CORRUPT);
    ENSURE(state->first_index >= 1 && state->first_index <= snapshot->index + 1, ERR_CORRUPT);
    err_t err = load_terms(log, state);
    if (err == OK) {
        err = load_voters(log, state);
    }
    if (err == OK &&
        (log->last < snapshot->index || raft_log_term(log, snapshot->index) != snapshot->term)) {
        err = ERR_CORRUPT;
    }
    if (err == OK && log->last > snapshot->index &&
        raft_log_term(log, snapshot->index + 1) < snapshot->term) {
        err = ERR_CORRUPT;
    }
    if (err != OK) {
        raft_log_release(log);
        return err;
    }
    raft_log_check(log);
    return OK;
}

void raft_log_release(struct raft_log *log)
{
    heap_free(log->heap, log->terms, log->term_room * sizeof(*log->terms));
    heap_free(log->heap, log->voters, log->voters_room * sizeof(*log->voters));
    log->terms = NULL;
    log->voters = NULL;
    log->term_count = log->term_room = log->voters_count = log->voters_room = 0;
}

void raft_log_check(const struct raft_log *log)
{
    assert(log->heap != NULL);
    assert(log->first >= 1 && log->last >= log->first - 1);
    assert(log->snapshot.index >= log->first - 1 && log->snapshot.index <= log->last);
    assert((log->snapshot.index == 0) == (log->snapshot.term == 0));
    assert(raft_voters_valid(&log->snapshot.voters));
    assert(log->term_count <= log->term_room && log->voters_count <= log->voters_room);
    assert((log->term_count == 0) == (log->last < log->first));
    for (uint32_t i = 0; i < log->term_count; i++) {
        const struct raft_term_start *t = &log->terms[i];
        assert(t->term >= 1 && t->start <= log->last);
        assert(i == 0 ? t->start == log->first : t->start > t[-1].start && t->term > t[-1].term);
    }
    for (uint32_t i = 0; i < log->voters_count; i++) {
        const struct raft_voters_entry *v = &log->voters[i];
        assert(v->index > log->snapshot.index && v->index <= log->last);
        assert(i == 0 || v->index > v[-1].index);
        assert(v->voters.count > 0 && raft_voters_valid(&v->voters));
    }
    assert(raft_log_term(log, log->snapshot.index) == log->snapshot.term);
}

/* The term start that covers index, which the log has: the last start <= index; most ask for the newest term. */
static uint32_t find_term(const struct raft_log *log, raft_index index)
{
    assert(index >= log->first && index <= log->last && log->term_count > 0);
    uint32_t high = log->term_count;
    uint32_t low = log->terms[high - 1].start <= index ? high - 1 : 0;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (log->terms[middle].start <= index) {
            low = middle;
        } else {
            high = middle;
        }
    }
    assert(log->terms[low].start <= index);
    return low;
}

raft_term raft_log_term(const struct raft_log *log, raft_index index)
{
    if (index >= log->first && index <= log->last) {
        return log->terms[find_term(log, index)].term;
    }
    if (index == log->snapshot.index) {
        return log->snapshot.term;
    }
    return index == 0 ? 0 : -1;
}

raft_term raft_log_last_term(const struct raft_log *log)
{
    raft_term term = raft_log_term(log, log->last);
    assert(term >= 0);
    return term;
}

void raft_log_append(struct raft_log *log, raft_term term, raft_index count)
{
    assert(term >= 1 && count >= 1);
    assert(log->term_count == 0 || term >= log->terms[log->term_count - 1].term);
    if (log->term_count == 0 || log->terms[log->term_count - 1].term != term) {
        assert(log->term_count < log->term_room);
        log->terms[log->term_count++] = (struct raft_term_start){.term = term,
                                                                 .start = log->last + 1};
    }
    log->last += count;
}

void raft_log_add_voters(struct raft_log *log, raft_index index, const struct raft_voters *voters)
{
    assert(log->voters_count < log->voters_room);
    assert(index > log->snapshot.index && index <= log->last);
    assert(voters->count > 0 && raft_voters_valid(voters));
    assert(log->voters_count == 0 || index > log->voters[log->voters_count - 1].index);
    log->voters[log->voters_count++] = (struct raft_voters_entry){.index = index,
                                                                  .voters = *voters};
}

void raft_log_truncate(struct raft_log *log, raft_index from)
{
    assert(from > log->snapshot.index && from <= log->last);
    assert(from >= log->first);
    while (log->term_count > 0 && log->terms[log->term_count - 1].start >= from) {
        log->term_count--;
    }
    while (log->voters_count > 0 && log->voters[log->voters_count - 1].index >= from &&
           !MUTANT(62)) {
        log->voters_count--;
    }
    log->last = from - 1;
}

void raft_log_drop_prefix(struct raft_log *log, raft_index to)
{
    assert(to <= log->snapshot.index && to <= log->last);
    if (to < log->first) {
        return;
    }
    if (to == log->last) {
        log->term_count = 0;
    } else {
        uint32_t keep = find_term(log, to + 1);
        memmove(log->terms, log->terms + keep, (log->term_count - keep) * sizeof(*log->terms));
        log->term_count -= keep;
        log->terms[0].start = to + 1;
    }
    log->first = to + 1;
}

static void drop_covered_voters(struct raft_log *log, raft_index index)
{
    uint32_t covered = 0;
    while (covered < log->voters_count && log->voters[covered].index <= index) {
        covered++;
    }
    assert(covered <= log->voters_count);
    if (covered > 0) {
        memmove(log->voters, log->voters + covered,
                (log->voters_count - covered) * sizeof(*log->voters));
        log->voters_count -= covered;
    }
}

void raft_log_snapshot_taken(struct raft_log *log, const struct raft_snapshot *snapshot)
{
    assert(snapshot->index > log->snapshot.index && snapshot->index <= log->last);
    assert(raft_log_term(log, snapshot->index) == snapshot->term);
    log->snapshot = *snapshot;
    drop_covered_voters(log, snapshot->index);
}

void raft_log_install(struct raft_log *log, const struct raft_snapshot *snapshot, bool keep)
{
    assert(snapshot->index > log->snapshot.index && snapshot->term >= 1);
    if (keep) {
        assert(raft_log_term(log, snapshot->index) == snapshot->term);
        log->snapshot = *snapshot;
        drop_covered_voters(log, snapshot->index);
        raft_log_drop_prefix(log, snapshot->index);
        return;
    }
    log->snapshot = *snapshot;
    log->first = snapshot->index + 1;
    log->last = snapshot->index;
    log->term_count = 0;
    log->voters_count = 0;
}

raft_index raft_log_agreement(const struct raft_log *log, raft_index index, raft_term term)
{
    index = min_i64(index, log->last);
    while (index >= log->first) {
        uint32_t at = find_term(log, index);
        if (log->terms[at].term <= term) {
            return index;
        }
        index = log->terms[at].start - 1;
    }
    if (index >= log->snapshot.index && log->snapshot.term <= term) {
        return log->snapshot.index;
    }
    return 0;
}

const struct raft_voters *raft_log_voters_at(const struct raft_log *log, raft_index index)
{
    assert(index >= log->snapshot.index && index <= log->last);
    for (uint32_t i = log->voters_count; i > 0; i--) {
        if (log->voters[i - 1].index <= index) {
            return &log->voters[i - 1].voters;
        }
    }
    return &log->snapshot.voters;
}

bool raft_log_voters_any(const struct raft_log *log, raft_index index, struct raft_node node)
{
    assert(node.id != RAFT_NO_ID);
    for (uint32_t i = log->voters_count; i > 0 && log->voters[i - 1].index > index; i--) {
        if (raft_voters_has(&log->voters[i - 1].voters, node)) {
            return true;
        }
    }
    return raft_voters_has(raft_log_voters_at(log, index), node);
}

raft_index raft_log_voters_index(const struct raft_log *log)
{
    return log->voters_count > 0 ? log->voters[log->voters_count - 1].index : log->snapshot.index;
}
