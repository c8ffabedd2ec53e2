#include "tests/unit/controller/raft/world/world.h"

static bool same_entry(const struct entry *a, const struct entry *b)
{
    return a->term == b->term && a->value == b->value && a->kind == b->kind;
}

void judge_leader(struct world *w, struct node *n)
{
    raft_term term = n->raft.term;
    assert(term > 0 && term < TERMS_MAX);
    if (w->plan.lossy) {
        return;
    }
    struct led *led = &w->leader_of[term];
    if (led->run == w->run) {
        world_wrong(w, "term %d has two leaders: %d and %d", term, led->by.id, n->self.id);
    }
    *led = (struct led){.run = w->run, .by = n->self};
    raft_index last =
        w->committed_last; /* in earlier terms: a late leader may lack what a later one committed */
    while (last > 0 && w->committed_in[last] >= term) {
        last--;
    }
    if (n->mem.last < last) {
        world_wrong(w, "leader %d of term %d ends at %ld, committed is %ld", n->self.id, term,
                    (long)n->mem.last, (long)last);
        return;
    }
    for (raft_index i = n->mem.first; i <= last; i++) {
        if (!same_entry(&n->mem.log[i], &w->committed[i])) {
            world_wrong(w, "leader %d of term %d has another entry %ld than was committed",
                        n->self.id, term, (long)i);
            return;
        }
    }
}

/* Log matching: what is stored anywhere at (term, index) is one entry, behind an entry of one term. */
static void match_one(struct world *w, const struct node *n, raft_index index)
{
    const struct entry *e = &n->mem.log[index];
    raft_term prev = image_term(&n->mem, index - 1);
    uint64_t at = ((uint64_t)e->term * 40503 + (uint64_t)index) % SEEN_MAX;
    while (w->seen[at].run == w->run &&
           (w->seen[at].term != e->term || w->seen[at].index != index)) {
        at = (at + 1) % SEEN_MAX;
    }
    struct seen *s = &w->seen[at];
    if (s->run != w->run) {
        *s = (struct seen){.run = w->run,
                           .term = e->term,
                           .prev_term = prev,
                           .index = (uint32_t)index,
                           .value = e->value};
    } else if (s->value != e->value || (prev >= 0 && s->prev_term >= 0 && s->prev_term != prev)) {
        world_wrong(w, "%d stores another entry %ld of term %d than was seen before", n->self.id,
                    (long)index, e->term);
    }
}

void judge_stored(struct world *w, struct node *n, raft_index first, raft_index last)
{
    for (raft_index i = first; i <= last && w->wrong == NULL && !w->plan.lossy; i++) {
        match_one(w, n, i);
    }
}

void judge_cut(struct world *w, struct node *n, raft_index from)
{
    world_trace(w, "%d cuts its log from %ld (commit %ld)", n->self.id, (long)from,
                (long)n->commit);
    if (from <= n->commit) {
        world_wrong(w, "%d cuts its log from %ld, committed is %ld", n->self.id, (long)from,
                    (long)n->commit);
    }
}

static bool on_disk(const struct node *n, raft_index index, raft_term term)
{
    const struct image *d = &n->disk;
    return d->snapshot.index >= index ||
           (index >= d->first && index <= d->last && image_term(d, index) == term);
}

/* A leader's commit point is on a majority of its voters' disks. */
static void commit_is_durable(struct world *w, const struct node *n, raft_index index)
{
    const struct raft_voters *voters = raft_voters_now(&n->raft);
    uint32_t have = 0;
    for (uint32_t i = 0; i < voters->count; i++) {
        const struct node *voter = &w->node[voters->node[i].id - 1];
        bool dead = !raft_node_eq(voter->self, voters->node[i]); /* it had it when it said so */
        have += dead || on_disk(voter, index, n->raft.term);
    }
    if (have < voters->count / 2 + 1) {
        world_wrong(w, "%d commits %ld, which is on %u of %u disks", n->self.id, (long)index, have,
                    voters->count);
    }
}

void judge_committed(struct world *w, struct node *n, raft_index to)
{
    if (to < n->commit) {
        world_wrong(w, "the commit point of %d descends from %ld to %ld", n->self.id,
                    (long)n->commit, (long)to);
    }
    if (n->raft.role == RAFT_LEADER && !w->plan.lossy) {
        commit_is_durable(w, n, to);
    }
    for (raft_index i = max_i64(n->commit + 1, n->mem.first); i <= to && !w->plan.lossy; i++) {
        const struct entry *e = &n->mem.log[i];
        if (i > w->committed_last + 1) {
            world_wrong(w, "%d commits %ld, nobody has committed %ld", n->self.id, (long)i,
                        (long)i - 1);
            return;
        }
        if (i == w->committed_last + 1) {
            w->committed[i] = *e;
            w->committed_in[i] = n->raft.term;
            w->committed_at[i] = w->now;
            w->committed_last = i;
        } else if (!same_entry(e, &w->committed[i])) {
            world_wrong(w, "entry %ld was committed as %lu of term %d, %d commits %lu of term %d",
                        (long)i, (unsigned long)w->committed[i].value, w->committed[i].term,
                        n->self.id, (unsigned long)e->value, e->term);
            return;
        }
    }
    n->commit = to;
}

void judge_restored(struct world *w, const struct node *n, const struct raft_snapshot *s)
{
    if (s->index == 0 || w->plan.lossy) {
        return;
    }
    if (s->index > w->committed_last || w->committed[s->index].term != s->term) {
        world_wrong(w, "%d starts from a snapshot at %ld of term %d, which was not committed",
                    n->self.id, (long)s->index, s->term);
        return;
    }
    for (raft_index i = s->index; i > 0; i--) {
        if (w->committed[i].kind == RAFT_VOTERS) {
            if (!raft_voters_eq(&w->sets[w->committed[i].voters], &s->voters)) {
                world_wrong(w, "the snapshot %ld of %d names other voters than entry %ld",
                            (long)s->index, n->self.id, (long)i);
            }
            return;
        }
    }
}

/* Rounds that nobody wins, one behind the other, get longer: else rivals whose disks or links are slower than the shortest of them
 * never elect anybody. */
static void judge_round(struct world *w, struct node *n)
{
    time_ms now = node_clock(w, n);
    time_ms lasted = now - n->round_at;
    if (n->round_open && lasted == 0) {
        return; /* to the next voter */
    }
    time_ms least = n->raft.config.election_min_ms << n->rounds_failed;
    least = min_i64(least, n->raft.config.backoff_max_ms / 2);
    if (n->round_open && lasted < least) {
        world_wrong(w, "%d gives a round up after %lld ms, behind %u that failed", n->self.id,
                    (long long)lasted, n->rounds_failed);
    }
    n->rounds_failed = !n->round_open ? 0 : n->rounds_failed + (n->rounds_failed < 8);
    n->round_at = now;
}

/* A node that hears its leader does not try to depose it, however slow its own disk is. When it decides so, not when its writes let
 * the message go. */
void judge_stands(struct world *w, struct node *n, const struct raft_message *m)
{
    if (m->kind == RAFT_PRE_VOTE) {
        judge_round(w, n);
    }
    n->round_open = m->kind == RAFT_PRE_VOTE || (m->kind != RAFT_VOTE && n->round_open);
    if (m->kind == RAFT_PRE_VOTE && !n->leader_closed && n->leader_heard_at >= 0 &&
        node_clock(w, n) - n->leader_heard_at < n->raft.config.election_min_ms) {
        world_wrong(w, "%d stands for election in reach of its leader", n->self.id);
    }
}

/* ... and helps nobody else to. */
void judge_send(struct world *w, const struct node *n, const struct raft_message *m)
{
    if (m->kind == RAFT_PRE_VOTE_ANSWER && m->vote_answer.granted) {
        bool well = n->raft.role == RAFT_LEADER ||
                    (n->raft.role == RAFT_FOLLOWER && n->raft.follower.leader.id != RAFT_NO_ID &&
                     !n->leader_closed && n->leader_heard_at >= 0 &&
                     node_clock(w, n) - n->leader_heard_at < n->raft.config.election_min_ms);
        if (well && n->raft.written == n->raft.write) {
            world_wrong(w, "%d grants a pre-vote to %d in reach of its leader", n->self.id,
                        m->to.id);
        }
    }
}

static const struct raft_voters *set_before(const struct world *w, const struct image *m,
                                            raft_index index)
{
    while (--index >= m->first) {
        if (m->log[index].kind == RAFT_VOTERS) {
            return &w->sets[m->log[index].voters];
        }
    }
    return &m->snapshot.voters;
}

/* What a node that keeps up with the leader has: two rounds of catching up take no longer than two election time-outs. */
static raft_index end_to_keep_up(const struct world *w, const struct node *n)
{
    time_ms long_ago = w->now - 2L * n->raft.config.election_max_ms * 106 / 100; /* by any clock */
    raft_index end = w->committed_last;
    while (end > 0 && (w->committed_at[end] >= long_ago || w->committed_in[end] > n->raft.term)) {
        end--;
    }
    return end;
}

/* Who becomes a voter has caught up with this leader: it has something of its term, and what was committed a while ago. */
static void newcomer_has_caught_up(struct world *w, const struct node *n, raft_index index)
{
    const struct raft_voters *before = set_before(w, &n->mem, index);
    const struct raft_voters *set = &w->sets[n->mem.log[index].voters];
    for (uint32_t i = 0; i < set->count && !w->plan.lossy; i++) {
        const struct node *o = &w->node[set->node[i].id - 1];
        if (raft_voters_has(before, set->node[i]) || !raft_node_eq(o->self, set->node[i]) ||
            o->mem.term != n->raft.term) {
            continue; /* what it had is gone, or a later leader has cut it */
        }
        if (image_term(&o->mem, o->mem.last) < n->raft.term) {
            world_wrong(w, "%d makes %d a voter at %ld, which ends at %ld of term %d", n->self.id,
                        o->self.id, (long)index, (long)o->mem.last,
                        image_term(&o->mem, o->mem.last));
        }
        if (o->mem.last < end_to_keep_up(w, n)) {
            world_wrong(w, "%d makes %d a voter at %ld, which ends at %ld and so has fallen behind",
                        n->self.id, o->self.id, (long)index, (long)o->mem.last);
        }
    }
}

/* One change at a time: the set before this one is committed, and so is an entry of this term. */
void judge_own_voters(struct world *w, const struct node *n, raft_index index)
{
    newcomer_has_caught_up(w, n, index);
    for (raft_index i = index - 1; i > n->commit && i >= n->mem.first; i--) {
        if (n->mem.log[i].kind == RAFT_VOTERS) {
            world_wrong(w, "%d changes voters at %ld while the change at %ld is not committed",
                        n->self.id, (long)index, (long)i);
        }
    }
}

static bool majority_in_reach(const struct world *w, const struct node *n)
{
    const struct raft_voters *voters = raft_voters_now(&n->raft);
    uint32_t reach = 0;
    for (uint32_t i = 0; i < voters->count; i++) {
        const struct node *o = &w->node[voters->node[i].id - 1];
        reach += raft_node_eq(o->self, voters->node[i]) &&
                 (o == n || (o->up && !w->cut[o->place][n->place] && !w->cut[n->place][o->place]));
    }
    return reach > voters->count / 2;
}

void judge_after_step(struct world *w, struct node *n)
{
    if (!w->unchecked) {
        raft_check(&n->raft);
    }
    if (n->raft.role == RAFT_HALTED) {
        return;
    }
    if (raft_commit_index(&n->raft) != n->commit || n->raft.log.last != n->mem.last ||
        n->raft.term != n->mem.term) {
        world_wrong(w, "%d and its shell disagree: commit %ld %ld, end %ld %ld, term %d %d",
                    n->self.id, (long)raft_commit_index(&n->raft), (long)n->commit,
                    (long)n->raft.log.last, (long)n->mem.last, n->raft.term, n->mem.term);
    }
    if (n->raft.role != RAFT_LEADER || majority_in_reach(w, n)) {
        n->cut_since = TIME_NEVER;
    } else if (n->cut_since == TIME_NEVER) {
        n->cut_since = w->now;
    } else if (w->now - n->cut_since > 4L * n->raft.config.resign_ms &&
               n->paused_until + n->raft.config.resign_ms * 3 < w->now) {
        world_wrong(w, "%d leads for %ld ms without a majority in reach", n->self.id,
                    (long)(w->now - n->cut_since));
    }
}

void judge_read(struct world *w, struct node *n, const struct raft_action *a)
{
    uint64_t ticket = a->read.ticket;
    if (ticket <= n->read_done || ticket > n->read_ticket) {
        world_wrong(w, "%d answers read %lu, after %lu of %lu", n->self.id, (unsigned long)ticket,
                    (unsigned long)n->read_done, (unsigned long)n->read_ticket);
        return;
    }
    if (a->kind == RAFT_READ_READY) {
        w->reads++;
        for (uint64_t t = n->read_done + 1; t <= ticket && !w->plan.lossy; t++) {
            if (a->read.index < n->read_floor[t % 256]) {
                world_wrong(w, "%d serves read %lu at %ld, when it was asked %ld was committed",
                            n->self.id, (unsigned long)t, (long)a->read.index,
                            (long)n->read_floor[t % 256]);
            }
        }
        if (a->read.index > n->commit) {
            world_wrong(w, "%d serves a read at %ld, committed is %ld", n->self.id,
                        (long)a->read.index, (long)n->commit);
        }
    }
    n->read_done = ticket;
}
