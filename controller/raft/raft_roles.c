#include "controller/raft/raft_internal.h"

/* Drawn from [min, max], doubled by every failed round up to backoff_max_ms. */
time_ms raft_draw_timeout(struct raft *raft)
{
    const struct raft_config *c = &raft->config;
    int64_t drawn = prng_between(&raft->prng, c->election_min_ms, c->election_max_ms);
    for (uint32_t i = 0; i < raft->failed_rounds && drawn < c->backoff_max_ms; i++) {
        drawn *= 2;
    }
    assert(drawn >= c->election_min_ms);
    /* Jitter must survive the ceiling, or two rivals collide for ever. */
    if (drawn > c->backoff_max_ms) {
        drawn = prng_between(&raft->prng, c->backoff_max_ms / 2, c->backoff_max_ms);
    }
    return drawn;
}

void raft_reset_patience(struct raft *raft)
{
    assert(raft->role == RAFT_FOLLOWER);
    const struct raft_voters *voters = raft_voters_now(raft);
    if (!raft_may_stand(raft)) {
        raft->follower.campaign_at = TIME_NEVER;
    } else if (voters->count == 1 && raft_is_voter(raft)) {
        raft->follower.campaign_at = raft->now;
    } else {
        raft->follower.campaign_at = raft->now + raft_draw_timeout(raft);
    }
}

void raft_become_follower(struct raft *raft, struct raft_actions *actions, struct raft_node leader)
{
    assert(raft->role != RAFT_HALTED && !raft_node_eq(leader, raft->config.self));
    if (raft->role == RAFT_LEADER) {
        raft_reads_fail(raft, actions);
    }
    raft->role = RAFT_FOLLOWER;
    raft->follower = (struct raft_follower){.leader = leader};
    raft_reset_patience(raft);
    struct raft_action *action = raft_emit(actions, RAFT_BECAME_FOLLOWER);
    action->role.term = raft->term;
    action->role.leader = leader;
}

void raft_adopt_term(struct raft *raft, struct raft_actions *actions, raft_term term)
{
    assert(term > raft->term);
    raft->term = term;
    raft->voted_for = RAFT_NOBODY;
    raft_save_vote(raft, actions);
    raft_become_follower(raft, actions, RAFT_NOBODY);
}

bool raft_hear_leader(struct raft *raft, struct raft_actions *actions, struct raft_node from)
{
    if (raft->role == RAFT_LEADER) {
        raft_halt(
            raft, actions,
            "two leaders of one term: a vote was lost from a disk, or a data directory was copied");
        return false;
    }
    if (raft->role != RAFT_FOLLOWER || !raft_node_eq(raft->follower.leader, from)) {
        raft_become_follower(raft, actions, from);
    }
    raft->follower.heard = true;
    raft->follower.heard_at = raft->now;
    raft->follower.leader_closed = false;
    raft->failed_rounds = 0;
    raft->late_once = false;
    /* On receipt: a slow disk of ours is no reason to depose anyone. */
    if (!MUTANT(102) || raft->write_count == 0) {
        raft_reset_patience(raft);
    }
    return true;
}
