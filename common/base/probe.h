/*
 * Probes: rare paths, counted by a build that wants to know whether its tests ever come there (meson setup -Dmutants=true; the
 * simulator prints the table). In the product a PROBE is nothing: its name is checked, and no instruction is left of it.
 */
#ifndef ODRADEK_BASE_PROBE_H
#define ODRADEK_BASE_PROBE_H

/* X(id, what happens there) */
#define PROBE_TABLE(X)                                                                            \
    X(RAFT_CONFLICT_CUT, "a follower cuts entries that its leader does not have")                 \
    X(RAFT_VOTERS_REVERTED, "a voter set goes with the entries that are cut")                     \
    X(RAFT_APPEND_REFUSED, "an append does not fit the log")                                      \
    X(RAFT_HEARTBEAT_QUIET, "a heartbeat needs no answer")                                        \
    X(RAFT_APPEND_BELOW_SNAPSHOT, "an append begins below the snapshot")                          \
    X(RAFT_INSTALL_KEEPS_LOG, "a snapshot is installed below entries that stay")                  \
    X(RAFT_INSTALL_REPLACES_LOG, "a snapshot is installed in place of the log")                   \
    X(RAFT_CHUNK_NOT_NEEDED, "a snapshot comes that is not needed any more")                      \
    X(RAFT_CHUNK_TORN, "a chunk of a snapshot is not the next one")                               \
    X(RAFT_ROUND_FAILED, "an election ends without a winner")                                     \
    X(RAFT_PRE_VOTE_LEADER_WELL, "a pre-vote is refused for the leader is well")                  \
    X(RAFT_VOTED_FOR_OTHER, "a vote is refused for it was given to another")                      \
    X(RAFT_LEADER_RESIGNS, "a leader that no majority answers resigns")                           \
    X(RAFT_EARLIER_TERM_WAITS,                                                                    \
      "a majority has entries of an earlier term, and they are not committed yet")                \
    X(RAFT_SNAPSHOT_SENT, "a follower is too far behind for the log")                             \
    X(RAFT_LEADER_VOTED_OUT, "a leader commits the set that it is not in")                        \
    X(REPLICA_DIVERGED, "a follower cuts what its leader does not have")                          \
    X(REPLICA_EPOCH_UNKNOWN, "the epoch of the agreement is not known here: more than one round") \
    X(REPLICA_DIVERGED_BELOW_START, "logs agree where the follower begins, or below")             \
    X(REPLICA_BEHIND_START, "a follower is behind its leader's start")                            \
    X(REPLICA_BEGINS_INSIDE_BATCH, "an empty log begins inside a batch")                          \
    X(REPLICA_STALE_ANSWER, "what a leader sent comes after the follower has moved")              \
    X(REPLICA_WATERMARK_FALLS, "a follower's high watermark goes back")                           \
    X(REPLICA_JOINER_REBORN, "a broker asked for as in sync comes back as another incarnation")   \
    X(REPLICA_SAME_EPOCH_VIEW, "an image with nothing new about the partition")                   \
    X(REPLICA_LEADS_BY_OLD_IMAGE, "an image names a broker leader that has restarted since")      \
    X(REPLICA_OLD_VIEW, "a view of an earlier leader epoch")                                      \
    X(REPLICA_WAITER_FAILED, "who waits for an ack is told an error")                             \
    X(REPLICA_BELOW_MIN_ISR, "too few are in sync: the high watermark stands")                    \
    X(REPLICA_FETCH_OF_OLD_INCARNATION, "a fetch of an earlier incarnation")                      \
    X(REPLICA_ISR_SHRINKS, "a follower is to leave the in-sync set")                              \
    X(REPLICA_ISR_GROWS, "a follower is to join the in-sync set")                                 \
    X(REPLICA_ISR_NOT_DONE, "the controller says that the in-sync set did not change")            \
    X(REPLICA_ISR_STALE_REQUEST, "the in-sync set was asked for by what is not so any more")      \
    X(REPLICA_ISR_ANSWER_LOST, "nobody knows whether the in-sync set was changed")                \
    X(REPLICA_ISR_NOTHING_TO_CHANGE, "the in-sync set asked for is the one there is")             \
    X(PRODUCE_DUPLICATE_WAITS, "a duplicate waits with its original")                             \
    X(PRODUCE_DUPLICATE_TOLD, "a duplicate is told its original's offset at once")                \
    X(PRODUCE_OUT_OF_ORDER, "a sequence is not the next one")                                     \
    X(READ_DIVERGING, "a leader finds that a follower's log is another")                          \
    X(ELECTED_FROM_ELR, "an eligible replica from outside the in-sync set leads")                 \
    X(ELECTED_UNCLEAN, "an unclean leader")                                                       \
    X(LEADERLESS, "nobody may lead")                                                              \
    X(SEAT_AWAITED, "who alone has everything registers without its directory")                   \
    X(SEAT_LOST, "a registration costs a replica its seat")                                       \
    X(SEAT_ROTTEN, "a rotten replica gives its seat up")                                          \
    X(SEAT_ROTTEN_KEPT, "a rotten replica keeps its seat: it is the only one with everything")    \
    X(LOG_GOOD_BEFORE_ROT, "what is good before rotten bytes is served")                          \
    X(REPLICATION_RAISED, "a partition of the cluster's own topics gets more replicas")           \
    X(LOG_TAIL_CUT, "recovery finds a torn tail, and cuts it")                                    \
    X(LOG_SEGMENT_DROPPED, "... and whole segments behind it")                                    \
    X(LOG_TAIL_UNSYNCED, "a tail is found that nobody knows to be on disk")                       \
    X(LOG_TAIL_REWRITTEN, "... and written anew, for a sync had failed")                          \
    X(LOG_SYNC_FAILED, "a sync fails: the log is not trusted any more")                           \
    X(LOG_TIMES_AHEAD, "a time index speaks of records that are not there")                       \
    X(COORD_WRITE_LOST, "a coordinator's write is not committed: it loads anew")                  \
    X(GROUP_MEMBER_ABSENT, "a member does not join in time")                                      \
    X(GROUP_SYNC_OWED, "a member does not ask for its assignment in time")                        \
    X(GROUP_SESSION_OVER, "a member is not heard of any more")                                    \
    X(GROUP_STATIC_RETURNS, "a static member comes back under another id")                        \
    X(GROUP_OLD_GENERATION_COMMITS, "an earlier generation wants to store an offset")

enum probe {
#define PROBE_ENUM(id, text) PROBE_##id,
    PROBE_TABLE(PROBE_ENUM)
#undef PROBE_ENUM
        PROBES,
};

#ifdef ODRADEK_PROBE_COUNT
#define PROBE(id) ODRADEK_PROBE_COUNT(PROBE_##id)
#else
#define PROBE(id) ((void)PROBE_##id)
#endif

#endif
