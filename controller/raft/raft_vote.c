/* Elections: pre-vote (thesis §9.6, KIP-996), then the vote itself (paper §5.2). */
#include "controller/raft/raft_internal.h"

static int32_t voter_number(const struct raft *raft, struct raft_node node)
{
    const struct raft_voters *voters = raft_voters_now(raft);
    for (uint32_t i = 0; i < voters->count; i++) {
        if (raft_node_eq(voters->node[i], node)) {
            return (int32_t)i;
        }
    }
    return -1;
}

static bool ballot_won(const struct raft *raft)
{
    return (uint32_t)__builtin_popcount(raft->ballot.granted) >= raft_majority(raft);
}

static void ballot_count(struct raft *raft, struct raft_node from, bool granted)
{
    int32_t number = voter_number(raft, from);
    assert(number < VOTERS_MAX);
    if (number >= 0) {
        raft->ballot.answered |= 1U << number;
        raft->ballot.granted |= granted ? 1U << number : 0;
    }
}

/* To all other voters. */
static void requests_send(struct raft *raft, struct raft_actions *actions,
                          enum raft_message_kind kind, raft_term term)
{
    const struct raft_voters *voters = raft_voters_now(raft);
    for (uint32_t i = 0; i < voters->count; i++) {
        if (!raft_node_eq(voters->node[i], raft->config.self)) {
            struct raft_message *message = raft_send(raft, actions, kind, voters->node[i], 0);
            message->vote.term = term;
            message->vote.last_index = raft->log.last;
            message->vote.last_term = raft_log_last_term(&raft->log);
        }
    }
}

void raft_stand(struct raft *raft, struct raft_actions *actions)
{
    assert(raft_may_stand(raft) && raft->term < INT32_MAX);
    raft->term++;
    raft->voted_for = raft->config.self;
    raft->role = RAFT_CANDIDATE;
    raft_save_vote(raft, actions);
    raft->ballot = (struct raft_ballot){.vote_write = raft->write, .ends_at = TIME_NEVER};
    if (MUTANT(103)) {
        raft->ballot.ends_at = raft->now + raft_draw_timeout(raft);
    }
    requests_send(raft, actions, RAFT_VOTE, raft->term);
}

void raft_campaign(struct raft *raft, struct raft_actions *actions)
{
    assert(raft->role != RAFT_LEADER && raft_may_stand(raft));
    if (raft->role == RAFT_FOLLOWER && raft->follower.leader.id != RAFT_NO_ID) {
        struct raft_action *action = raft_emit(
            actions, RAFT_BECAME_FOLLOWER); /* of nobody: it is not heard any more */
        action->role.term = raft->term;
        action->role.leader = RAFT_NOBODY;
    }
    raft->role = RAFT_PROSPECTIVE;
    raft->ballot = (struct raft_ballot){.ends_at = raft->now + raft_draw_timeout(raft)};
    raft->ballot.ends_at = MUTANT(56) ? TIME_NEVER : raft->ballot.ends_at;
    ballot_count(raft, raft->config.self, true);
    if (ballot_won(raft)) {
        raft_stand(raft, actions);
        return;
    }
    requests_send(raft, actions, RAFT_PRE_VOTE, raft->term + 1);
}

void raft_tick_ballot(struct raft *raft, struct raft_actions *actions)
{
    if (raft->now >= raft->ballot.ends_at) {
        PROBE(RAFT_ROUND_FAILED);
        raft->failed_rounds += raft->failed_rounds < 8 && !MUTANT(104);
        raft_campaign(raft, actions);
    }
}

/* Our own vote is durable: it counts, and the candidate's time begins (calm on slow disks). */
void raft_ballot_written(struct raft *raft, struct raft_actions *actions)
{
    struct raft_ballot *ballot = &raft->ballot;
    assert(raft->role == RAFT_CANDIDATE);
    if (ballot->vote_write == 0 || ballot->vote_write > raft->written) {
        return;
    }
    ballot->vote_write = 0;
    ballot->ends_at = raft->now + raft_draw_timeout(raft);
    ballot_count(raft, raft->config.self, true);
    if (ballot_won(raft)) {
        raft_lead(raft, actions);
    }
}

static bool log_up_to_date(const struct raft *raft, const struct raft_vote_request *request)
{
    raft_term last_term = raft_log_last_term(&raft->log);
    if (MUTANT(51)) {
        return true;
    }
    return request->last_term > last_term ||
           (request->last_term == last_term && request->last_index >= raft->log.last);
}

/* Whether a leader is alive as far as we know: then nobody is helped to depose it. */
static bool leader_is_well(const struct raft *raft)
{
    if (MUTANT(55)) {
        return false;
    }
    if (raft->role == RAFT_LEADER) {
        return true;
    }
    return raft->role == RAFT_FOLLOWER && raft->follower.heard && !raft->follower.leader_closed &&
           raft->now - raft->follower.heard_at < raft->config.election_min_ms;
}

/*
 * Who may vote is the candidate's question: it asks the voters of its newest set. One of them may not know yet that it is
 * one; if it refused, a set whose majority needs it could never elect anybody (thesis §4.2.1, KIP-853).
 */
static void on_pre_vote(struct raft *raft, struct raft_actions *actions,
                        const struct raft_message *message)
{
    struct raft_message *answer = raft_send(raft, actions, RAFT_PRE_VOTE_ANSWER, message->from, 0);
    answer->vote_answer.term = message->vote.term;
    bool may = message->vote.term > raft->term && log_up_to_date(raft, &message->vote);
    answer->vote_answer.granted = may && !leader_is_well(raft);
    if (may && !answer->vote_answer.granted) {
        PROBE(RAFT_PRE_VOTE_LEADER_WELL);
    }
}

static void on_vote(struct raft *raft, struct raft_actions *actions,
                    const struct raft_message *message)
{
    bool free = raft->voted_for.id == RAFT_NO_ID || raft_node_eq(raft->voted_for, message->from);
    bool granted = message->vote.term == raft->term && free && raft->role == RAFT_FOLLOWER &&
                   raft->follower.leader.id == RAFT_NO_ID && log_up_to_date(raft, &message->vote);
    if (message->vote.term == raft->term && !free) {
        PROBE(RAFT_VOTED_FOR_OTHER);
    }
    if (granted && raft->voted_for.id == RAFT_NO_ID) {
        raft->voted_for = message->from;
        raft_save_vote(raft, actions);
        raft_reset_patience(raft);
    }
    struct raft_message *answer = raft_send(raft, actions, RAFT_VOTE_ANSWER, message->from, 0);
    answer->vote_answer.term = message->vote.term;
    answer->vote_answer.granted = granted;
}

void raft_on_vote_request(struct raft *raft, struct raft_actions *actions,
                          const struct raft_message *message)
{
    const struct raft_vote_request *request = &message->vote;
    if (request->last_index < 0 || request->last_term < 0 || request->last_term > request->term) {
        return;
    }
    if (message->kind == RAFT_PRE_VOTE) {
        on_pre_vote(raft, actions, message);
    } else {
        on_vote(raft, actions, message);
    }
}

void raft_on_vote_answer(struct raft *raft, struct raft_actions *actions,
                         const struct raft_message *message)
{
    bool pre = message->kind == RAFT_PRE_VOTE_ANSWER;
    raft_term asked = pre ? raft->term + 1 : raft->term;
    if (raft->role != (pre ? RAFT_PROSPECTIVE : RAFT_CANDIDATE) ||
        message->vote_answer.term != asked) {
        return;
    }
    ballot_count(raft, message->from, message->vote_answer.granted);
    if (!ballot_won(raft)) {
        return;
    }
    if (pre) {
        raft_stand(raft, actions);
    } else if (raft->ballot.vote_write == 0) {
        raft_lead(raft, actions);
    }
}
