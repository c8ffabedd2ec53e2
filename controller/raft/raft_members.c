/* Who takes part (thesis §4, KIP-853), reads (thesis §6.4), leadership transfer (thesis §3.10). */
#include "controller/raft/raft_internal.h"

/* ---- voters ---- */

/* How many nodes are in `a` but not in `b`; ret_one: one of them. */
static uint32_t missing(const struct raft_voters *a, const struct raft_voters *b,
                        struct raft_node *ret_one)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        if (!raft_voters_has(b, a->node[i])) {
            *ret_one = a->node[i];
            n++;
        }
    }
    return n;
}

/* The last round was quick, and the one under way is not slow yet: who caught up once may be far behind by now. */
static bool keeps_up(const struct raft *raft, const struct raft_peer *peer)
{
    return peer->caught_up && raft->now - peer->round_began <= raft->config.election_max_ms;
}

static err_t change_judge(struct raft *raft, const struct raft_event *event)
{
    const struct raft_voters *now = raft_voters_now(raft);
    const struct raft_voters *want = &event->change.voters;
    struct raft_node came = RAFT_NOBODY;
    struct raft_node went = RAFT_NOBODY;
    ENSURE(raft->role == RAFT_LEADER && event->change.term == raft->term, ERR_NOT_LEADER);
    ENSURE(raft_voters_valid(want) && want->count > 0, ERR_INVALID);
    if (!MUTANT(
            60)) { /* one at a time, and an entry of our own term is committed (thesis, bug of 2015) */
        ENSURE(raft->leader.ready && raft_log_voters_index(&raft->log) <= raft->commit, ERR_BUSY);
    }
    uint32_t more = missing(want, now, &came);
    uint32_t less = missing(now, want, &went);
    ENSURE(more + less == 1, ERR_INVALID);
    if (more == 1) {
        const struct raft_peer *peer = raft_peer_of(raft, came);
        ENSURE(peer != NULL && (keeps_up(raft, peer) || MUTANT(64)), ERR_NOT_FOUND);
    }
    return OK;
}

/* Peers and their seats as the newest set says; whoever lost its seat goes on as an observer for a while. */
void raft_peers_refresh(struct raft *raft)
{
    const struct raft_voters *voters = raft_voters_now(raft);
    for (uint32_t i = 0; i < raft->leader.peer_count; i++) {
        struct raft_peer *peer = &raft->leader.peer[i];
        bool voter = raft_voters_has(voters, peer->node);
        if (peer->voter && !voter) {
            raft_peer_observes(raft, peer);
        }
        peer->voter = voter;
    }
    for (uint32_t i = 0; i < voters->count; i++) {
        if (!raft_node_eq(voters->node[i], raft->config.self) &&
            raft_peer_of(raft, voters->node[i]) == NULL) {
            (void)raft_peer_add(raft, voters->node[i], true);
        }
    }
}

void raft_on_change(struct raft *raft, struct raft_actions *actions, const struct raft_event *event)
{
    err_t why = change_judge(raft, event);
    if (why != OK) {
        struct raft_action *action = raft_emit(actions, RAFT_REFUSED);
        action->refused.ticket = event->change.ticket;
        action->refused.why = why;
        return;
    }
    if (raft_append_own(raft, actions, RAFT_VOTERS, 1, event->change.ticket,
                        &event->change.voters)) {
        raft_voters_changed(raft, actions);
        raft_peers_refresh(raft);
        raft_replicate(raft, actions);
    }
}

/* ---- observers ---- */

void raft_on_observe(struct raft *raft, struct raft_node node)
{
    if (raft->role != RAFT_LEADER || node.id < 0 || raft_node_eq(node, raft->config.self)) {
        return;
    }
    struct raft_peer *peer = raft_peer_of(raft, node);
    uint32_t observers = 0;
    for (uint32_t i = 0; i < raft->leader.peer_count; i++) {
        observers += !raft->leader.peer[i].voter;
    }
    if (peer == NULL && observers < RAFT_OBSERVERS_MAX) {
        peer = raft_peer_add(raft, node, false);
    }
    if (peer != NULL) {
        peer->observed_at = raft->now;
    }
}

/*
 * It has to catch up with all that we have now, whatever it had before: a voter that lost its seat is an observer like any
 * other, and what a leader has at its election does not even end in its own term.
 */
void raft_peer_observes(const struct raft *raft, struct raft_peer *peer)
{
    assert(raft->role == RAFT_LEADER);
    peer->caught_up = false;
    peer->round_target = raft->log.last;
    peer->round_began = raft->now;
    peer->observed_at = raft->now;
}

/* Catch-up in rounds (thesis §4.2.1): one that took no longer than an election time-out is good enough. */
void raft_observer_answered(struct raft *raft, struct raft_actions *actions, struct raft_peer *peer)
{
    assert(!peer->voter);
    if (peer->match < peer->round_target) {
        return;
    }
    peer->caught_up = raft->now - peer->round_began <= raft->config.election_max_ms;
    if (peer->caught_up) {
        raft_emit(actions, RAFT_CAUGHT_UP)->node = peer->node;
    }
    peer->round_target = raft->log.last;
    peer->round_began = raft->now;
}

/* ---- reads ---- */

static void read_failed(struct raft_actions *actions, const struct raft_read_round *round)
{
    if (round->open) {
        raft_emit(actions, RAFT_READ_FAILED)->read.ticket = round->ticket;
    }
}

void raft_reads_fail(struct raft *raft, struct raft_actions *actions)
{
    assert(raft->role == RAFT_LEADER);
    read_failed(actions, raft->leader.waiting.open ? &raft->leader.waiting : &raft->leader.reading);
    raft->leader.reading.open = false;
    raft->leader.waiting.open = false;
}

static void round_begin(struct raft *raft, struct raft_actions *actions,
                        struct raft_read_round *round)
{
    round->index = raft->commit;
    round->request = raft->leader.request + 1;
    raft_heartbeat(raft, actions);
}

void raft_on_read(struct raft *raft, struct raft_actions *actions, uint64_t ticket)
{
    if (raft->role != RAFT_LEADER) {
        raft_emit(actions, RAFT_READ_FAILED)->read.ticket = ticket;
        return;
    }
    struct raft_leadership *l = &raft->leader;
    if (l->reading.open) {
        assert(ticket >= l->reading.ticket);
        l->waiting = (struct raft_read_round){.open = true, .ticket = ticket};
        return;
    }
    l->reading = (struct raft_read_round){.open = true, .ticket = ticket};
    if (l->ready) {
        round_begin(raft, actions, &l->reading);
        raft_reads_confirm(raft, actions);
    }
}

static bool round_confirmed(const struct raft *raft, const struct raft_read_round *round)
{
    uint32_t n = raft_is_voter(raft);
    for (uint32_t i = 0; i < raft->leader.peer_count; i++) {
        n += raft->leader.peer[i].voter && raft->leader.peer[i].answered >= round->request;
    }
    return n >= raft_majority(raft);
}

void raft_reads_confirm(struct raft *raft, struct raft_actions *actions)
{
    struct raft_leadership *l = &raft->leader;
    while (l->reading.open && l->ready) {
        if (l->reading.request == 0) {
            round_begin(raft, actions, &l->reading);
        }
        if (!round_confirmed(raft, &l->reading) && !MUTANT(57)) {
            return;
        }
        struct raft_action *action = raft_emit(actions, RAFT_READ_READY);
        action->read.ticket = l->reading.ticket;
        action->read.index = l->reading.index;
        l->reading = l->waiting;
        l->waiting.open = false;
    }
}

/* ---- transfer ---- */

static struct raft_peer *heir(struct raft *raft, struct raft_node node)
{
    struct raft_peer *best = NULL;
    for (uint32_t i = 0; i < raft->leader.peer_count; i++) {
        struct raft_peer *peer = &raft->leader.peer[i];
        bool fits = peer->voter &&
                    (node.id == RAFT_NO_ID ? peer->heard : raft_node_eq(peer->node, node));
        if (fits && (best == NULL || peer->match > best->match)) {
            best = peer;
        }
    }
    return best;
}

void raft_on_transfer(struct raft *raft, struct raft_actions *actions, struct raft_node node)
{
    if (raft->role != RAFT_LEADER) {
        return;
    }
    const struct raft_peer *peer = heir(raft, node);
    if (peer == NULL) {
        raft_emit(actions, RAFT_TRANSFER_FAILED)->node = node;
        return;
    }
    raft->leader.transfer_to = peer->node;
    raft->leader.transfer_sent = false;
    raft->leader.transfer_ends_at = raft->now + raft->config.election_max_ms;
    raft_transfer_step(raft, actions);
}

void raft_transfer_step(struct raft *raft, struct raft_actions *actions)
{
    struct raft_leadership *l = &raft->leader;
    if (l->transfer_to.id == RAFT_NO_ID) {
        return;
    }
    const struct raft_peer *peer = raft_peer_of(raft, l->transfer_to);
    if (raft->now >= l->transfer_ends_at || peer == NULL) {
        raft_emit(actions, RAFT_TRANSFER_FAILED)->node = l->transfer_to;
        l->transfer_to = RAFT_NOBODY;
        l->transfer_sent = false;
        return;
    }
    if (!l->transfer_sent && peer->match == raft->log.last) {
        (void)raft_send(raft, actions, RAFT_TIMEOUT_NOW, peer->node, 0);
        l->transfer_sent = true;
    }
}
