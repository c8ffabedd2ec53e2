/*
 * Between the files of the core; nobody else includes this.
 *
 * Every function that may change the role or emit actions takes the raft and the step's action list. After a call that can
 * halt (raft_halt) the caller returns at once.
 */
#ifndef ODRADEK_RAFT_INTERNAL_H
#define ODRADEK_RAFT_INTERNAL_H

#include "common/base/mutant.h"
#include "common/base/probe.h"
#include "controller/raft/raft.h"

/* Is this node in the newest voter set? */
static inline bool raft_is_voter(const struct raft *raft)
{
    return raft_voters_has(raft_voters_now(raft), raft->config.self);
}

/*
 * A voter may stand for election, and so may a node of any set that may still be in force: until the newest is known to be
 * committed nobody else may be electable (thesis §4.2.2). It does not count its own vote if that set leaves it out.
 */
static inline bool raft_may_stand(const struct raft *raft)
{
    return raft_log_voters_any(&raft->log, raft->commit, raft->config.self);
}

static inline uint32_t raft_majority(const struct raft *raft)
{
    return raft_voters_now(raft)->count / 2 + 1;
}

/* ---- raft_step.c: actions and writes ---- */

struct raft_action *raft_emit(struct raft_actions *, enum raft_action_kind);
/* A message to `to`, released when `after_write` and our term are durable. */
struct raft_message *raft_send(struct raft *, struct raft_actions *, enum raft_message_kind,
                               struct raft_node to, uint64_t after_write);
void raft_halt(struct raft *, struct raft_actions *, const char *why);
/* Term and vote as they are now become durable. */
void raft_save_vote(struct raft *, struct raft_actions *);
/* A STORE has been emitted with this write; the log ends at raft->log.last. */
void raft_note_write(struct raft *, uint64_t write);
/* The write that makes the log durable up to index; 0: it is. */
uint64_t raft_write_of(const struct raft *, raft_index);
/* Entries of ours at the end of the log, with their STORE. False: out of memory, halted. */
bool raft_append_own(struct raft *, struct raft_actions *, enum raft_entry_kind, raft_index count,
                     uint64_t ticket, const struct raft_voters *);
void raft_voters_changed(struct raft *, struct raft_actions *);

/* ---- raft_roles.c ---- */

/* FOLLOWER: a new election time-out from now on. A sole voter need not wait for anyone. */
void raft_reset_patience(struct raft *);
time_ms raft_draw_timeout(struct raft *);
/* Of `leader` (RAFT_NOBODY: unknown), in the current term. */
void raft_become_follower(struct raft *, struct raft_actions *, struct raft_node leader);
/* A newer term was seen. */
void raft_adopt_term(struct raft *, struct raft_actions *, raft_term);
/* A message of this term's leader came. False: halted. */
bool raft_hear_leader(struct raft *, struct raft_actions *, struct raft_node from);

/* ---- raft_vote.c ---- */

void raft_campaign(struct raft *, struct raft_actions *);
void raft_stand(struct raft *, struct raft_actions *); /* candidate at once */
void raft_tick_ballot(struct raft *, struct raft_actions *);
void raft_ballot_written(struct raft *, struct raft_actions *);
void raft_on_vote_request(struct raft *, struct raft_actions *, const struct raft_message *);
void raft_on_vote_answer(struct raft *, struct raft_actions *, const struct raft_message *);

/* ---- raft_lead.c ---- */

void raft_lead(struct raft *, struct raft_actions *);
void raft_tick_leader(struct raft *, struct raft_actions *);
void raft_replicate(struct raft *, struct raft_actions *);
void raft_advance_commit(struct raft *, struct raft_actions *);
void raft_on_append_answer(struct raft *, struct raft_actions *, const struct raft_message *);
void raft_on_chunk_answer(struct raft *, struct raft_actions *, const struct raft_message *);
struct raft_peer *raft_peer_of(struct raft *, struct raft_node);
struct raft_peer *raft_peer_add(struct raft *, struct raft_node, bool voter);
void raft_peer_probe(struct raft *, struct raft_peer *);
void raft_heartbeat(struct raft *, struct raft_actions *);

/* ---- raft_follow.c ---- */

void raft_on_append(struct raft *, struct raft_actions *, const struct raft_message *);
void raft_on_chunk(struct raft *, struct raft_actions *, const struct raft_message *);
void raft_commit_to(struct raft *, struct raft_actions *, raft_index);

/* ---- raft_members.c: voters, observers, reads, transfer ---- */

void raft_on_change(struct raft *, struct raft_actions *, const struct raft_event *);
void raft_on_observe(struct raft *, struct raft_node);
void raft_on_read(struct raft *, struct raft_actions *, uint64_t ticket);
void raft_on_transfer(struct raft *, struct raft_actions *, struct raft_node);
void raft_reads_confirm(struct raft *, struct raft_actions *);
void raft_reads_fail(struct raft *, struct raft_actions *);
void raft_transfer_step(struct raft *, struct raft_actions *);
void raft_peer_observes(const struct raft *, struct raft_peer *);
void raft_observer_answered(struct raft *, struct raft_actions *, struct raft_peer *);
void raft_peers_refresh(struct raft *);

#endif
