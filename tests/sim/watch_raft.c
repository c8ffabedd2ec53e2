/*
 * The controllers' quorum, from outside (Raft, figure 3): one leader for a term, one term for a committed index, whoever leads
 * has everything that was ever committed, and what is committed lies on the disks of a majority.
 */
#include "tests/sim/watch.h"

/* Between two of a leader's own looks; and its timers may be late. */
#define ALONE_SLACK_MS 125

static const struct raft *raft_of(const struct watch *watch, uint32_t i)
{
    const struct sim_controller *c = &watch->cluster->controllers[i];
    return c->node == NULL || c->halted ? NULL : controller_node_raft(c->node);
}

/* Check-quorum (thesis 6.2): who has heard no majority for so long leads nobody. */
static void majority_look(struct watch *watch, const struct raft *raft, uint32_t who)
{
    const struct raft_voters *voters = raft_voters_now(raft);
    time_ms slack = raft->config.heartbeat_ms + ALONE_SLACK_MS;
    time_ms most = raft->config.resign_ms + slack;
    uint32_t heard = raft_voters_has(voters, raft->config.self);
    for (uint32_t i = 0; i < raft->leader.peer_count; i++) {
        const struct raft_peer *peer = &raft->leader.peer[i];
        heard += raft_voters_has(voters, peer->node) && peer->heard &&
                 raft->now - peer->heard_at <= most;
    }
    /* It looks itself when it sends heartbeats; one that was paused has not come to that yet. */
    bool looked = raft->now < raft->leader.heartbeat_at;
    struct watch_voters *known = &watch->voters[who];
    if (known->count != voters->count ||
        known->term != raft->term) { /* ... and asks more of others now */
        *known = (struct watch_voters){.count = voters->count, .term = raft->term, .at = raft->now};
    }
    looked = looked && raft->now > known->at + slack;
    if (looked && heard < voters->count / 2 + 1 && raft->now > raft->leader.grace_until + slack) {
        watch_wrong(watch, "controller %u leads term %d, and only %u of %u voters answer it",
                    who + 1, raft->term, heard, voters->count);
    }
}

static void leader_look(struct watch *watch, const struct raft *raft, uint32_t who)
{
    majority_look(watch, raft, who);
    int32_t *leader = &watch->term_leader[raft->term % WATCH_TERMS];
    if (raft->term >= WATCH_TERMS) {
        return;
    }
    if (*leader == 0) {
        *leader = (int32_t)who + 1;
    } else if (*leader != (int32_t)who + 1) {
        watch_wrong(watch, "controllers %d and %u both lead term %d", *leader, who + 1, raft->term);
    }
    if (raft->term < watch->term) {
        return; /* a late one may lack what its successors have committed */
    }
    const struct watch_entry *entry = &watch->entries[watch->committed % WATCH_IMAGES];
    raft_term term = entry->index == watch->committed ? entry->term : 0;
    if (raft->log.last < watch->committed ||
        (term > 0 && watch->committed > raft->log.snapshot.index &&
         raft_term_at(raft, watch->committed) != term)) {
        watch_wrong(watch,
                    "controller %u leads term %d without entry %lld of term %d, which is committed",
                    who + 1, raft->term, (long long)watch->committed, term);
    }
}

/* Only what the log still has, and what the table still remembers. */
static void commit_look(struct watch *watch, const struct raft *raft, uint32_t who)
{
    raft_index at = raft->commit;
    raft_term term = at > 0 ? raft_term_at(raft, at) : -1;
    if (term <= 0) {
        return;
    }
    struct watch_entry *entry = &watch->entries[at % WATCH_IMAGES];
    if (entry->index == at && entry->term != term) {
        watch_wrong(watch, "entry %lld is committed with the terms %d and %d (controller %u)",
                    (long long)at, entry->term, term, who + 1);
    }
    *entry = (struct watch_entry){.index = at, .term = term};
}

/* With all of them before our eyes. */
static void disks_look(struct watch *watch, raft_index committed)
{
    const struct raft *newest = NULL;
    uint32_t durable = 0;
    for (uint32_t i = 0; i < watch->cluster->controller_count; i++) {
        const struct raft *raft = raft_of(watch, i);
        if (raft == NULL) {
            return;
        }
        newest = raft->commit == committed ? raft : newest;
    }
    const struct raft_voters *voters = newest == NULL ? NULL : raft_voters_now(newest);
    for (uint32_t i = 0; i < watch->cluster->controller_count && voters != NULL; i++) {
        const struct raft *raft = raft_of(watch, i);
        durable += raft_voters_has(voters, raft->config.self) && raft->durable >= committed;
    }
    if (voters != NULL && durable < voters->count / 2 + 1) {
        watch_wrong(watch, "entry %lld is committed, and only %u of %u voters have it on disk",
                    (long long)committed, durable, voters->count);
    }
}

void watch_raft_look(struct watch *watch)
{
    raft_index committed = watch->committed;
    for (uint32_t i = 0; i < watch->cluster->controller_count; i++) {
        const struct raft *raft = raft_of(watch, i);
        if (raft == NULL || raft->role == RAFT_HALTED) {
            continue;
        }
        raft_check(raft);
        if (watch->elections_calm &&
            (raft->role == RAFT_PROSPECTIVE || raft->role == RAFT_CANDIDATE)) {
            watch_wrong(watch,
                        "controller %u stands for election in term %d, and the leader is well",
                        i + 1, raft->term);
        }
        if (watch->terms_calm && raft->term > watch->term) {
            watch_wrong(watch, "controller %u is in term %d, and the leader of term %d is well",
                        i + 1, raft->term, watch->term);
        }
        commit_look(watch, raft, i);
        watch->term = raft->term > watch->term ? raft->term : watch->term;
        if (raft->role == RAFT_LEADER) {
            leader_look(watch, raft, i);
        }
        committed = max_i64(committed, raft->commit);
    }
    if (committed > watch->committed) {
        disks_look(watch, committed);
        watch->committed = committed;
    }
}
