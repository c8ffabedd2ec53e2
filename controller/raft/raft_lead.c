/* The leader: replication (paper §5.3), commit (§5.4), check-quorum (thesis §6.2), snapshots for those far behind (§7). */
#include "controller/raft/raft_internal.h"

/*
 * What has no answer yet is lost, or still on its way: over a thin one copies of it would only keep each other waiting. Messages to a
 * peer arrive in their order, so it is sent again when the peer has answered something that was sent behind it. To one from
 * whom nothing is heard there are heartbeats only.
 *
 * A chunk is sent again after this long at the soonest.
 */
#define CHUNK_RESEND_MS 1000
/* An observer that stopped asking is forgotten. */
#define OBSERVER_MS     3000

struct raft_peer *raft_peer_of(struct raft *raft, struct raft_node node)
{
    assert(raft->role == RAFT_LEADER);
    for (uint32_t i = 0; i < raft->leader.peer_count; i++) {
        if (raft_node_eq(raft->leader.peer[i].node, node)) {
            return &raft->leader.peer[i];
        }
    }
    return NULL;
}

struct raft_peer *raft_peer_add(struct raft *raft, struct raft_node node, bool voter)
{
    struct raft_leadership *l = &raft->leader;
    assert(raft_peer_of(raft, node) == NULL && !raft_node_eq(node, raft->config.self));
    if (l->peer_count == RAFT_PEERS_MAX) {
        return NULL;
    }
    struct raft_peer *peer = &l->peer[l->peer_count++];
    *peer = (struct raft_peer){.node = node, .voter = voter, .next = raft->log.last + 1};
    raft_peer_observes(raft, peer);
    return peer;
}

void raft_peer_probe(struct raft *raft, struct raft_peer *peer)
{
    peer->progress = RAFT_PROBE;
    peer->in_flight_count = 0;
    peer->stalled = false;
    peer->probing = false;
    peer->chunk_request = 0;
    peer->next = peer->match + 1 > peer->next ? peer->next : max_i64(peer->match + 1, 1);
    peer->refuse_from = raft->leader.request + 1;
    assert(peer->next <= raft->log.last + 1);
}

/* ---- sending ---- */

static void chunk_send(struct raft *raft, struct raft_actions *actions, struct raft_peer *peer)
{
    struct raft_leadership *l = &raft->leader;
    assert(raft->log.snapshot.index > 0);
    /* A newer one was taken meanwhile: it has other bytes, and perhaps not so many. */
    if (peer->chunk_index != raft->log.snapshot.index) {
        peer->chunk_index = raft->log.snapshot.index;
        peer->chunk_offset = 0;
    }
    struct raft_message *message = raft_send(raft, actions, RAFT_SEND_SNAPSHOT, peer->node, 0);
    message->chunk.request = ++l->request;
    message->chunk.snapshot = raft->log.snapshot;
    message->chunk.offset = peer->chunk_offset;
    peer->chunk_request = l->request;
    peer->chunk_resend_at = raft->now + CHUNK_RESEND_MS;
}

static void snapshot_begin(struct raft *raft, struct raft_actions *actions, struct raft_peer *peer)
{
    PROBE(RAFT_SNAPSHOT_SENT);
    peer->progress = RAFT_SNAPSHOT;
    peer->in_flight_count = 0;
    peer->probing = false;
    peer->chunk_offset = 0;
    chunk_send(raft, actions, peer);
}

/*
 * Whether the acceptance of a heartbeat would tell anything: is the peer there, how far is it, does it confirm a read? An
 * idle cluster hears so from each follower three times in what makes a leader resign, and every third heartbeat has an answer.
 */
static bool answer_needed(const struct raft *raft, const struct raft_peer *peer)
{
    const struct raft_leadership *l = &raft->leader;
    return peer->progress != RAFT_REPLICATE || !peer->voter || peer->match < raft->log.last ||
           l->reading.open || l->waiting.open || !raft_node_eq(l->transfer_to, RAFT_NOBODY) ||
           !peer->heard || raft->now - peer->heard_at >= raft->config.resign_ms / 3;
}

/* One append behind `prev`, up to `last` (prev: a heartbeat). */
static void append_send(struct raft *raft, struct raft_actions *actions,
                        const struct raft_peer *peer, raft_index prev, raft_index last)
{
    assert(prev >= 0 && last >= prev && last <= raft->log.last);
    raft_term prev_term = raft_log_term(&raft->log, prev);
    assert(prev_term >= 0);
    uint64_t after_write = MUTANT(101) ? raft->write : 0;
    struct raft_message *message = raft_send(raft, actions, RAFT_APPEND, peer->node, after_write);
    message->append.request = ++raft->leader.request;
    message->append.prev_index = prev;
    message->append.prev_term = prev_term;
    message->append.first = prev + 1;
    message->append.last = last;
    message->append.commit = raft->commit;
    message->append.quiet = last == prev && !answer_needed(raft, peer);
}

/* Whether the log still has everything from `next` on, and the term before it. */
static bool log_serves(const struct raft *raft, raft_index next)
{
    return next >= raft->log.first && raft_log_term(&raft->log, next - 1) >= 0;
}

static void peer_send(struct raft *raft, struct raft_actions *actions, struct raft_peer *peer)
{
    if (peer->progress == RAFT_SNAPSHOT || (peer->progress == RAFT_PROBE && peer->probing)) {
        return;
    }
    if (!log_serves(raft, peer->next)) {
        snapshot_begin(raft, actions, peer);
        return;
    }
    if (peer->progress == RAFT_PROBE) {
        raft_index last = min_i64(raft->log.last, peer->next + raft->config.append_entries_max - 1);
        append_send(raft, actions, peer, peer->next - 1, last);
        peer->probing = true;
        peer->probe_request = raft->leader.request;
        peer->probe_last = last;
        return;
    }
    while (peer->in_flight_count < RAFT_IN_FLIGHT_MAX && peer->next <= raft->log.last) {
        raft_index last = min_i64(raft->log.last, peer->next + raft->config.append_entries_max - 1);
        append_send(raft, actions, peer, peer->next - 1, last);
        peer->in_flight[peer->in_flight_count++] = last;
        peer->next = last + 1;
    }
}

void raft_replicate(struct raft *raft, struct raft_actions *actions)
{
    for (uint32_t i = 0; i < raft->leader.peer_count && raft->role == RAFT_LEADER; i++) {
        peer_send(raft, actions, &raft->leader.peer[i]);
    }
}

static void heartbeat_snapshot(struct raft *raft, struct raft_actions *actions,
                               struct raft_peer *peer)
{
    append_send(raft, actions, peer, raft->log.snapshot.index, raft->log.snapshot.index);
    if (raft->now >= peer->chunk_resend_at && peer->answered > peer->chunk_request) {
        chunk_send(raft, actions, peer);
    }
}

/* Where a probe is out, the same without its entries: the answer tells as much, or that the entries did not come. */
static void heartbeat_probe(struct raft *raft, struct raft_actions *actions, struct raft_peer *peer)
{
    if (peer->probing && log_serves(raft, peer->next)) {
        append_send(raft, actions, peer, peer->next - 1, peer->next - 1);
        return;
    }
    peer->probing = false;
    peer_send(raft, actions, peer);
}

/* A peer that has answered a heartbeat, and made no progress since that was sent, has perhaps lost what went before: it is probed. */
static void peer_stalls(struct raft *raft, struct raft_peer *peer)
{
    if (peer->in_flight_count > 0 && peer->stalled && peer->answered >= peer->stalled_request) {
        raft_peer_probe(raft, peer);
    }
    bool was = peer->stalled;
    peer->stalled = peer->in_flight_count > 0;
    if (peer->stalled && !was) {
        peer->stalled_request = raft->leader.request + 1; /* the heartbeat that is sent now */
    }
}

/*
 * To everybody, also to those whose appends are on their way: behind what is known to be durable there, so that its answer
 * waits for no disk (check-quorum measures the network, not fsyncs).
 */
void raft_heartbeat(struct raft *raft, struct raft_actions *actions)
{
    struct raft_leadership *l = &raft->leader;
    l->heartbeat_at = raft->now + raft->config.heartbeat_ms;
    for (uint32_t i = 0; i < l->peer_count; i++) {
        struct raft_peer *peer = &l->peer[i];
        if (peer->progress == RAFT_SNAPSHOT) {
            heartbeat_snapshot(raft, actions, peer);
            continue;
        }
        peer_stalls(raft, peer);
        if (peer->progress == RAFT_PROBE) {
            heartbeat_probe(raft, actions, peer);
        } else { /* where the log no longer reaches so far back, its refusal tells as much */
            raft_index at = log_serves(raft, peer->match + 1) ? peer->match
                                                              : raft->log.snapshot.index;
            append_send(raft, actions, peer, at, at);
        }
    }
}

void raft_lead(struct raft *raft, struct raft_actions *actions)
{
    assert(raft->role == RAFT_CANDIDATE && raft->term_write == 0);
    const struct raft_voters voters = *raft_voters_now(raft);
    raft->role = RAFT_LEADER;
    memset(&raft->leader, 0, sizeof(raft->leader));
    raft->leader.transfer_to = RAFT_NOBODY;
    raft->leader.grace_until = raft->now + raft->config.resign_ms;
    raft->failed_rounds = 0;
    raft->download.open = false;
    for (uint32_t i = 0; i < voters.count; i++) {
        if (!raft_node_eq(voters.node[i], raft->config.self)) {
            (void)raft_peer_add(raft, voters.node[i], true);
        }
    }
    raft->leader.term_start = raft->log.last + 1;
    struct raft_action *action = raft_emit(actions, RAFT_BECAME_LEADER);
    action->role.term = raft->term;
    action->role.leader = raft->config.self;
    if (raft_append_own(raft, actions, RAFT_LEADER_CHANGE, 1, 0, NULL)) {
        raft_heartbeat(raft, actions);
    }
}

/* ---- commit ---- */

void raft_advance_commit(struct raft *raft, struct raft_actions *actions)
{
    if (raft->commit == raft->log.last) {
        return; /* nothing waits for it */
    }
    const struct raft_voters *voters = raft_voters_now(raft);
    raft_index ends[VOTERS_MAX];
    uint32_t n = 0;
    for (uint32_t i = 0; i < voters->count; i++) {
        const struct raft_peer *peer = raft_peer_of(raft, voters->node[i]);
        raft_index own = MUTANT(112) ? raft->log.last : raft->durable;
        raft_index end = raft_node_eq(voters->node[i], raft->config.self) ? own
                         : peer == NULL                                   ? 0
                                                                          : peer->match;
        uint32_t at = n++;
        for (; at > 0 && ends[at - 1] < end; at--) {
            ends[at] = ends[at - 1];
        }
        ends[at] = end;
    }
    assert(n == voters->count && n > 0);
    if (MUTANT(63) && !raft_is_voter(raft)) {
        ends[n - 1] = ends[0];
    }
    raft_index committed = ends[raft_majority(raft) - 1]; /* a majority has at least this */
    if (committed <= raft->commit ||
        (raft_log_term(&raft->log, committed) != raft->term && !MUTANT(52))) {
        if (committed > raft->commit) {
            PROBE(RAFT_EARLIER_TERM_WAITS);
        }
        return;
    }
    raft_commit_to(raft, actions, committed);
    if (!raft->leader.ready && committed >= raft->leader.term_start) {
        raft->leader.ready = true;
        struct raft_action *action = raft_emit(actions, RAFT_LEADER_READY);
        action->ready.term = raft->term;
        action->ready.index = committed;
        raft_reads_confirm(raft, actions);
    }
    if (raft_log_voters_index(&raft->log) <= raft->commit && !raft_is_voter(raft)) {
        PROBE(RAFT_LEADER_VOTED_OUT);
        raft_heartbeat(raft,
                       actions); /* they learn that it is committed, then we go (thesis §4.2.2) */
        raft_become_follower(raft, actions, RAFT_NOBODY);
    }
}

/* ---- answers ---- */

/* As KIP-836 counts it: caught up when it has what we had at its answer before. */
static void peer_measure(const struct raft *raft, struct raft_peer *peer)
{
    bool all = peer->match >= raft->log.last;
    if (all || (peer->measured_end > 0 && peer->match >= peer->measured_end)) {
        peer->was_caught_up = true;
        peer->caught_up_at = all ? raft->now : max_i64(peer->caught_up_at, peer->measured_at);
    }
    peer->measured_end = raft->log.last;
    peer->measured_at = raft->now;
    assert(!peer->was_caught_up || peer->caught_up_at <= raft->now);
}

static void peer_accepted(struct raft *raft, struct raft_actions *actions, struct raft_peer *peer,
                          raft_index match)
{
    bool comes = match > peer->match;
    if (comes) {
        peer->match = match;
        peer->stalled = false;
    }
    peer_measure(raft, peer);
    uint32_t done = 0;
    while (done < peer->in_flight_count && peer->in_flight[done] <= peer->match) {
        done++;
    }
    peer->in_flight_count -= done;
    memmove(peer->in_flight, peer->in_flight + done,
            peer->in_flight_count * sizeof(peer->in_flight[0]));
    peer->next = max_i64(peer->next, peer->match + 1);
    /* A probe may come in parts, and who has what is before it may yet have it on its way. */
    if (peer->progress == RAFT_PROBE && (!peer->probing || peer->match >= peer->probe_last)) {
        peer->progress = RAFT_REPLICATE;
        peer->probing = false;
        peer->next = peer->match + 1;
    } else if (peer->progress == RAFT_PROBE && comes) { /* the rest is on its way like any append */
        peer->progress = RAFT_REPLICATE;
        peer->probing = false;
        peer->in_flight[peer->in_flight_count++] = peer->probe_last;
        peer->next = peer->probe_last + 1;
    }
    if (!peer->voter) {
        raft_observer_answered(raft, actions, peer);
    }
    raft_advance_commit(raft, actions);
}

/* The logs differ: go back to where they may agree (one round trip a term at most). */
static void peer_refused(struct raft *raft, struct raft_peer *peer,
                         const struct raft_append_answer *answer)
{
    if (answer->request < peer->refuse_from) {
        return;
    }
    raft_index agree = raft_log_agreement(&raft->log, answer->hint_index, answer->hint_term);
    raft_index next = max_i64(min_i64(agree + 1, peer->next), peer->match + 1);
    raft_peer_probe(raft, peer);
    peer->next = max_i64(min_i64(next, raft->log.last + 1), 1);
}

static struct raft_peer *peer_heard(struct raft *raft, const struct raft_message *message,
                                    uint64_t request)
{
    if (raft->role != RAFT_LEADER || request > raft->leader.request) {
        return NULL;
    }
    struct raft_peer *peer = raft_peer_of(raft, message->from);
    if (peer != NULL) {
        peer->heard = true;
        peer->heard_at = raft->now;
        peer->answered = request > peer->answered ? request : peer->answered;
    }
    return peer;
}

void raft_on_append_answer(struct raft *raft, struct raft_actions *actions,
                           const struct raft_message *message)
{
    const struct raft_append_answer *answer = &message->append_answer;
    struct raft_peer *peer = peer_heard(raft, message, answer->request);
    if (peer == NULL || answer->match < 0 || answer->match > raft->log.last ||
        answer->hint_index < 0) {
        return;
    }
    raft_reads_confirm(raft, actions);
    if (peer->progress == RAFT_SNAPSHOT) {
        if (!answer->accepted || answer->match < raft->log.snapshot.index) {
            return; /* the snapshot goes on */
        }
        raft_peer_probe(raft, peer);
        peer->next = answer->match + 1;
    }
    if (answer->accepted) {
        peer_accepted(raft, actions, peer, answer->match);
    } else {
        peer_refused(raft, peer, answer);
    }
    if (raft->role == RAFT_LEADER) {
        peer->probing = peer->probing && answer->request <= peer->probe_request;
        peer_send(raft, actions, peer);
        raft_transfer_step(raft, actions);
    }
}

/* Of the chunk that is out; or of one before it, which was asked for again because its answer took long: where that goes on from is news,
 * and who waits for the newest answer may wait for ever. */
static bool chunk_news(const struct raft_peer *peer, const struct raft_chunk_answer *answer)
{
    bool on = answer->installed || answer->next_offset > peer->chunk_offset;
    return answer->request == peer->chunk_request || (answer->index == peer->chunk_index && on);
}

void raft_on_chunk_answer(struct raft *raft, struct raft_actions *actions,
                          const struct raft_message *message)
{
    const struct raft_chunk_answer *answer = &message->chunk_answer;
    struct raft_peer *peer = peer_heard(raft, message, answer->request);
    if (peer == NULL || peer->progress != RAFT_SNAPSHOT || !chunk_news(peer, answer)) {
        return;
    }
    if (answer->installed && answer->index >= 0 && answer->index <= raft->log.last) {
        raft_peer_probe(raft, peer);
        peer->next = answer->index + 1;
        peer_accepted(raft, actions, peer, answer->index);
        if (raft->role == RAFT_LEADER) {
            peer_send(raft, actions, peer);
        }
        return;
    }
    peer->chunk_offset = answer->index == raft->log.snapshot.index ? answer->next_offset : 0;
    chunk_send(raft, actions, peer);
}

/* ---- time ---- */

/* Check-quorum: a leader that a majority of voters has not answered lately cannot commit anything, and is likely replaced. */
static bool majority_heard(const struct raft *raft)
{
    const struct raft_voters *voters = raft_voters_now(raft);
    uint32_t heard = raft_is_voter(raft);
    for (uint32_t i = 0; i < raft->leader.peer_count; i++) {
        const struct raft_peer *peer = &raft->leader.peer[i];
        heard += raft_voters_has(voters, peer->node) && peer->heard &&
                 raft->now - peer->heard_at <= raft->config.resign_ms;
    }
    return heard >= raft_majority(raft) || MUTANT(54);
}

static void observers_forget(struct raft *raft)
{
    struct raft_leadership *l = &raft->leader;
    for (uint32_t i = 0; i < l->peer_count;) {
        if (!l->peer[i].voter && raft->now - l->peer[i].observed_at > OBSERVER_MS) {
            l->peer[i] = l->peer[--l->peer_count];
        } else {
            i++;
        }
    }
}

void raft_tick_leader(struct raft *raft, struct raft_actions *actions)
{
    struct raft_leadership *l = &raft->leader;
    if (raft->now >= l->grace_until && !majority_heard(raft)) {
        PROBE(RAFT_LEADER_RESIGNS);
        raft_become_follower(raft, actions, RAFT_NOBODY);
        return;
    }
    observers_forget(raft);
    if (raft->now >= l->heartbeat_at) {
        raft_heartbeat(raft, actions);
    }
    raft_transfer_step(raft, actions);
}
