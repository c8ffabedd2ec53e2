#include "controller/raft/raft_internal.h"

void raft_config_defaults(struct raft_config *config, struct raft_node self)
{
    *config = (struct raft_config){
        .self = self,
        .election_min_ms = 150,
        .election_max_ms = 300,
        .backoff_max_ms = 2000,
        .heartbeat_ms = 50,
        .resign_ms = 450,
        .eof_jitter_ms = 20,
        .append_entries_max = 64,
        .uncommitted_max = 10000,
        .trailing_entries = 10000,
    };
}

void raft_config_elections(struct raft_config *config, int32_t min_ms, int32_t max_ms,
                           int32_t backoff_max_ms)
{
    assert(min_ms > 0 && max_ms >= min_ms);
    config->election_min_ms = min_ms;
    config->election_max_ms = max_ms;
    config->backoff_max_ms = backoff_max_ms > max_ms ? backoff_max_ms : max_ms;
    config->heartbeat_ms = min_ms > 1 ? min_ms / 2 : 1;
    config->resign_ms = max_ms + max_ms / 2;
}

static bool config_valid(const struct raft_config *c)
{
    return c->self.id >= 0 && !uuid_is_none(c->self.directory) && c->heartbeat_ms > 0 &&
           c->election_min_ms > c->heartbeat_ms && c->election_max_ms >= c->election_min_ms &&
           c->backoff_max_ms >= c->election_max_ms && c->resign_ms >= c->election_min_ms &&
           c->eof_jitter_ms >= 0 && c->append_entries_max > 0 && c->uncommitted_max > 0 &&
           c->trailing_entries >= 0;
}

err_t raft_init(struct raft *raft, const struct raft_config *config,
                const struct raft_durable_state *state, struct heap *heap, uint64_t seed,
                time_ms now)
{
    assert(raft != NULL && config != NULL && state != NULL && heap != NULL);
    assert(now >= 0 && now < TIME_NEVER);
    ENSURE(config_valid(config), ERR_INVALID);
    ENSURE(state->term >= 0 && state->voted_for.id >= RAFT_NO_ID, ERR_CORRUPT);
    ENSURE(state->voted_for.id == RAFT_NO_ID || state->term > 0, ERR_CORRUPT);
    memset(raft, 0, sizeof(*raft));
    raft->config = *config;
    raft->now = now;
    prng_init(&raft->prng, seed);
    TRY(raft_log_init(&raft->log, heap, state));
    raft->term = state->term;
    raft->voted_for = state->voted_for;
    raft->commit = raft->log.snapshot.index;
    raft->durable = raft->log.last;
    raft->role = RAFT_FOLLOWER;
    raft->follower = (struct raft_follower){.leader = RAFT_NOBODY};
    raft_reset_patience(raft);
    raft_check(raft);
    return OK;
}

void raft_release(struct raft *raft)
{
    raft_log_release(&raft->log);
}

enum raft_role raft_role_now(const struct raft *raft)
{
    return raft->role;
}

const char *raft_role_name(enum raft_role role)
{
    static const char *const names[RAFT_ROLES] = {"follower", "prospective", "candidate", "leader",
                                                  "halted"};
    assert(role < RAFT_ROLES);
    return names[role];
}

const char *raft_action_name(enum raft_action_kind kind)
{
#define NAME(name, text) text,
    static const char *const names[] = {RAFT_ACTION_TABLE(NAME)};
#undef NAME
    assert(kind < RAFT_ACTION_KINDS);
    return names[kind];
}

const char *raft_message_name(enum raft_message_kind kind)
{
#define NAME(name, text) text,
    static const char *const names[] = {RAFT_MESSAGE_TABLE(NAME)};
#undef NAME
    assert(kind < RAFT_MESSAGE_KINDS);
    return names[kind];
}

struct raft_node raft_leader(const struct raft *raft)
{
    if (raft->role == RAFT_LEADER) {
        return raft->config.self;
    }
    return raft->role == RAFT_FOLLOWER ? raft->follower.leader : RAFT_NOBODY;
}

raft_term raft_current_term(const struct raft *raft)
{
    return raft->term;
}

raft_index raft_last_index(const struct raft *raft)
{
    return raft->log.last;
}

raft_index raft_commit_index(const struct raft *raft)
{
    return raft->commit;
}

raft_term raft_term_at(const struct raft *raft, raft_index index)
{
    return raft_log_term(&raft->log, index);
}

const struct raft_voters *raft_voters_at(const struct raft *raft, raft_index index)
{
    return raft_log_voters_at(&raft->log, index);
}

const struct raft_voters *raft_voters_now(const struct raft *raft)
{
    return raft_log_voters_at(&raft->log, MUTANT(61) ? raft->commit : raft->log.last);
}

bool raft_replica(const struct raft *raft, uint32_t i, struct raft_replica *ret_replica)
{
    if (raft->role != RAFT_LEADER || i >= raft->leader.peer_count) {
        return false;
    }
    const struct raft_peer *peer = &raft->leader.peer[i];
    assert(peer->match <= raft->log.last);
    *ret_replica = (struct raft_replica){.node = peer->node,
                                         .voter = peer->voter,
                                         .match = peer->match,
                                         .heard = peer->heard,
                                         .heard_at = peer->heard_at,
                                         .was_caught_up = peer->was_caught_up,
                                         .caught_up_at = peer->caught_up_at};
    return true;
}
