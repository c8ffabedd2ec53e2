#include "controller/raft/raft_internal.h"

struct raft_action *raft_emit(struct raft_actions *actions, enum raft_action_kind kind)
{
    assert(actions->count < RAFT_ACTIONS_MAX && kind < RAFT_ACTION_KINDS);
    struct raft_action *action = &actions->at[actions->count++];
    memset(action, 0, sizeof(*action));
    action->kind = kind;
    return action;
}

struct raft_message *raft_send(struct raft *raft, struct raft_actions *actions,
                               enum raft_message_kind kind, struct raft_node to,
                               uint64_t after_write)
{
    assert(!raft_node_eq(to, raft->config.self) && after_write <= raft->write);
    struct raft_action *action = raft_emit(actions, RAFT_SEND);
    action->after_write = after_write > raft->term_write ? after_write : raft->term_write;
    if (action->after_write <= raft->written) {
        action->after_write = 0;
    }
    action->message.kind = kind;
    action->message.from = raft->config.self;
    action->message.to = to;
    action->message.term = raft->term;
    return &action->message;
}

void raft_halt(struct raft *raft, struct raft_actions *actions, const char *why)
{
    assert(why != NULL && raft->role != RAFT_HALTED);
    raft->role = RAFT_HALTED;
    raft->halted = why;
    raft_emit(actions, RAFT_HALT)->why = why;
}

void raft_save_vote(struct raft *raft, struct raft_actions *actions)
{
    assert(raft->term > 0);
    struct raft_action *action = raft_emit(actions, RAFT_SAVE_VOTE);
    action->write = ++raft->write;
    action->save_vote = (struct raft_save_vote){.term = raft->term, .voted_for = raft->voted_for};
    raft->term_write = MUTANT(49) ? 0 : action->write;
}

void raft_note_write(struct raft *raft, uint64_t write)
{
    assert(write == raft->write && raft->durable <= raft->log.last);
    const struct raft_write note = {.write = write, .end = raft->log.last};
    if (raft->write_count == RAFT_WRITES_MAX) {
        raft->writes[RAFT_WRITES_MAX - 1] = note;
    } else {
        raft->writes[raft->write_count++] = note;
    }
}

uint64_t raft_write_of(const struct raft *raft, raft_index index)
{
    assert(index <= raft->log.last);
    if (index <= raft->durable || MUTANT(53)) {
        return 0;
    }
    for (uint32_t i = 0; i < raft->write_count; i++) {
        if (raft->writes[i].end >= index) {
            return raft->writes[i].write;
        }
    }
    assert(!"an entry that is not durable and not being written");
    return raft->write;
}

bool raft_append_own(struct raft *raft, struct raft_actions *actions, enum raft_entry_kind kind,
                     raft_index count, uint64_t ticket, const struct raft_voters *voters)
{
    assert(raft->role == RAFT_LEADER && count > 0 && (voters != NULL) == (kind == RAFT_VOTERS));
    if (raft_log_reserve(&raft->log, 1, 1) != OK) {
        raft_halt(raft, actions, "no memory left for the bounds of the Raft log");
        return false;
    }
    raft_index first = raft->log.last + 1;
    raft_log_append(&raft->log, raft->term, count);
    struct raft_action *action = raft_emit(actions, RAFT_STORE);
    action->write = ++raft->write;
    action->store = (struct raft_store){
        .first = first, .last = raft->log.last, .kind = kind, .term = raft->term, .ticket = ticket};
    if (voters != NULL) {
        action->store.voters = *voters;
        raft_log_add_voters(&raft->log, first, voters);
    }
    raft_note_write(raft, action->write);
    return true;
}

void raft_voters_changed(struct raft *raft, struct raft_actions *actions)
{
    struct raft_action *action = raft_emit(actions, RAFT_VOTERS_NOW);
    action->voters.voters = *raft_voters_now(raft);
    action->voters.index = raft_log_voters_index(&raft->log);
    assert(action->voters.index <= raft->log.last);
}

/* ---- events ---- */

static void on_written(struct raft *raft, struct raft_actions *actions, uint64_t write)
{
    assert(write >= raft->written && write <= raft->write);
    raft->written = write;
    uint32_t done = 0;
    while (done < raft->write_count && raft->writes[done].write <= write) {
        raft->durable = max_i64(raft->durable,
                                raft->writes[done].end); /* a snapshot may be ahead */
        done++;
    }
    raft->write_count -= done;
    memmove(raft->writes, raft->writes + done, raft->write_count * sizeof(raft->writes[0]));
    if (raft->term_write <= write) {
        raft->term_write = 0;
    }
    if (raft->role == RAFT_CANDIDATE) {
        raft_ballot_written(raft, actions);
    } else if (raft->role == RAFT_LEADER) {
        raft_advance_commit(raft, actions);
    }
}

static void on_propose(struct raft *raft, struct raft_actions *actions,
                       const struct raft_event *event)
{
    err_t why = OK;
    assert(event->propose.count > 0);
    if (raft->role != RAFT_LEADER || event->propose.term != raft->term) {
        why = ERR_NOT_LEADER;
    } else if (raft->log.last - raft->commit + event->propose.count >
                   raft->config.uncommitted_max ||
               raft->leader.transfer_to.id != RAFT_NO_ID) {
        why = ERR_BUSY;
    }
    if (why != OK) {
        struct raft_action *action = raft_emit(actions, RAFT_REFUSED);
        action->refused.ticket = event->propose.ticket;
        action->refused.why = why;
        return;
    }
    if (raft_append_own(raft, actions, RAFT_DATA, event->propose.count, event->propose.ticket,
                        NULL)) {
        raft_replicate(raft, actions);
    }
}

static void on_snapshot_taken(struct raft *raft, struct raft_actions *actions, raft_index index,
                              raft_term term)
{
    if (index <= raft->log.snapshot.index) {
        return;
    }
    assert(index <= raft->commit && raft_term_at(raft, index) == term);
    const struct raft_snapshot snapshot = {
        .index = index, .term = term, .voters = *raft_voters_at(raft, index)};
    raft_log_snapshot_taken(&raft->log, &snapshot);
    raft->durable = max_i64(raft->durable, index);
    raft->download.open = raft->download.open && raft->download.index > index;
    raft_index drop = index - raft->config.trailing_entries;
    if (drop >= raft->log.first) {
        raft_log_drop_prefix(&raft->log, drop);
        struct raft_action *action = raft_emit(actions, RAFT_DROP_PREFIX);
        action->write = ++raft->write;
        action->drop_to = drop;
    }
}

static void on_peer_closed(struct raft *raft, struct raft_node node)
{
    if (raft->role == RAFT_FOLLOWER && raft_node_eq(raft->follower.leader, node)) {
        struct raft_follower *f = &raft->follower;
        f->leader_closed = true;
        if (f->campaign_at != TIME_NEVER) {
            f->campaign_at = min_i64(f->campaign_at,
                                     raft->now +
                                         prng_between(&raft->prng, 0, raft->config.eof_jitter_ms));
        }
    } else if (raft->role == RAFT_LEADER) {
        struct raft_peer *peer = raft_peer_of(raft, node);
        if (peer != NULL) {
            raft_peer_probe(raft, peer);
        }
    }
}

static void on_resign(struct raft *raft, struct raft_actions *actions)
{
    if (raft->role == RAFT_LEADER) {
        raft_become_follower(raft, actions, RAFT_NOBODY);
    }
}

/* Whoever has seen a term may have a leader that it does not hear yet. */
static void on_gathered(struct raft *raft)
{
    if (raft->role == RAFT_FOLLOWER && raft->term == 0 &&
        raft->follower.campaign_at != TIME_NEVER) {
        assert(raft->log.last == 0 && raft->follower.leader.id == RAFT_NO_ID);
        raft->follower.campaign_at = raft->now;
    }
}

static void on_late(struct raft *raft)
{
    if (raft->role == RAFT_LEADER && !MUTANT(92)) {
        raft->leader.grace_until = max_i64(raft->leader.grace_until,
                                           raft->now + raft->config.resign_ms);
    } else if (raft->role == RAFT_FOLLOWER && !raft->late_once && !MUTANT(92) &&
               raft->follower.campaign_at != TIME_NEVER) {
        raft->late_once = true;
        raft->follower.campaign_at = max_i64(raft->follower.campaign_at,
                                             raft->now + raft->config.election_min_ms);
    }
}

static void on_tick(struct raft *raft, struct raft_actions *actions)
{
    switch (raft->role) {
    case RAFT_FOLLOWER:
        if (raft->now >= raft->follower.campaign_at) {
            raft_campaign(raft, actions);
        }
        break;
    case RAFT_PROSPECTIVE:
    case RAFT_CANDIDATE: raft_tick_ballot(raft, actions); break;
    case RAFT_LEADER: raft_tick_leader(raft, actions); break;
    case RAFT_HALTED:
    case RAFT_ROLES: break;
    }
}

/* An older term: whoever asks something learns ours from the answer; whoever answers is too late. */
static void answer_stale(struct raft *raft, struct raft_actions *actions,
                         const struct raft_message *message)
{
    struct raft_message *answer;
    switch (message->kind) {
    case RAFT_PRE_VOTE:
    case RAFT_VOTE:
        answer = raft_send(raft, actions,
                           message->kind == RAFT_VOTE ? RAFT_VOTE_ANSWER : RAFT_PRE_VOTE_ANSWER,
                           message->from, 0);
        answer->vote_answer.term = message->vote.term;
        break;
    case RAFT_APPEND:
        answer = raft_send(raft, actions, RAFT_APPEND_ANSWER, message->from, 0);
        answer->append_answer.request = message->append.request;
        break;
    case RAFT_SEND_SNAPSHOT:
        answer = raft_send(raft, actions, RAFT_SNAPSHOT_ANSWER, message->from, 0);
        answer->chunk_answer.request = message->chunk.request;
        answer->chunk_answer.index = message->chunk.snapshot.index;
        break;
    default: break;
    }
}

static void on_timeout_now(struct raft *raft, struct raft_actions *actions,
                           const struct raft_message *message)
{
    if (raft->role == RAFT_FOLLOWER && raft_node_eq(raft->follower.leader, message->from) &&
        raft_is_voter(raft)) {
        raft_stand(raft, actions);
    }
}

static void on_receive(struct raft *raft, struct raft_actions *actions,
                       const struct raft_message *message)
{
    if (!raft_node_eq(message->to, raft->config.self) || message->from.id == raft->config.self.id ||
        message->term < 0) {
        return;
    }
    if (message->term > raft->term) {
        raft_adopt_term(raft, actions, message->term);
    } else if (message->term < raft->term) {
        answer_stale(raft, actions, message);
        return;
    }
    switch (message->kind) {
    case RAFT_PRE_VOTE:
    case RAFT_VOTE: raft_on_vote_request(raft, actions, message); break;
    case RAFT_PRE_VOTE_ANSWER:
    case RAFT_VOTE_ANSWER: raft_on_vote_answer(raft, actions, message); break;
    case RAFT_APPEND: raft_on_append(raft, actions, message); break;
    case RAFT_APPEND_ANSWER: raft_on_append_answer(raft, actions, message); break;
    case RAFT_SEND_SNAPSHOT: raft_on_chunk(raft, actions, message); break;
    case RAFT_SNAPSHOT_ANSWER: raft_on_chunk_answer(raft, actions, message); break;
    case RAFT_TIMEOUT_NOW: on_timeout_now(raft, actions, message); break;
    case RAFT_MESSAGE_KINDS: break;
    }
}

void raft_step(struct raft *raft, const struct raft_event *event, struct raft_actions *actions)
{
    actions->count = 0;
    if (raft->role == RAFT_HALTED) {
        return;
    }
    assert(event->now >= raft->now);
    raft->now = event->now;
    switch (event->kind) {
    case RAFT_EV_TICK: on_tick(raft, actions); break;
    case RAFT_EV_RECEIVE: on_receive(raft, actions, event->message); break;
    case RAFT_EV_WRITTEN: on_written(raft, actions, event->write); break;
    case RAFT_EV_PROPOSE: on_propose(raft, actions, event); break;
    case RAFT_EV_CHANGE_VOTERS: raft_on_change(raft, actions, event); break;
    case RAFT_EV_READ: raft_on_read(raft, actions, event->read_ticket); break;
    case RAFT_EV_SNAPSHOT_TAKEN:
        on_snapshot_taken(raft, actions, event->snapshot.index, event->snapshot.term);
        break;
    case RAFT_EV_OBSERVE: raft_on_observe(raft, event->node); break;
    case RAFT_EV_TRANSFER: raft_on_transfer(raft, actions, event->node); break;
    case RAFT_EV_RESIGN: on_resign(raft, actions); break;
    case RAFT_EV_PEER_CLOSED: on_peer_closed(raft, event->node); break;
    case RAFT_EV_GATHERED: on_gathered(raft); break;
    case RAFT_EV_LATE: on_late(raft); break;
    }
}

static time_ms leader_deadline(const struct raft_leadership *l)
{
    time_ms at = l->heartbeat_at; /* chunks are sent again by heartbeats */
    return l->transfer_to.id == RAFT_NO_ID ? at : min_i64(at, l->transfer_ends_at);
}

time_ms raft_deadline(const struct raft *raft)
{
    switch (raft->role) {
    case RAFT_FOLLOWER: return raft->follower.campaign_at;
    case RAFT_PROSPECTIVE:
    case RAFT_CANDIDATE: return raft->ballot.ends_at;
    case RAFT_LEADER: return leader_deadline(&raft->leader);
    case RAFT_HALTED:
    case RAFT_ROLES: break;
    }
    return TIME_NEVER;
}
