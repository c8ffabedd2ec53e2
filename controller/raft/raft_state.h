/*
 * The inside of the Raft core: what raft_step changes. Shells embed it and leave it alone.
 */
#ifndef ODRADEK_RAFT_STATE_H
#define ODRADEK_RAFT_STATE_H

#include "common/base/prng.h"
#include "controller/raft/raft_log.h"

/* Appends that we made but do not know to be durable; when the ring is full the two newest are taken for one. */
#define RAFT_WRITES_MAX 32

enum raft_role {
    RAFT_FOLLOWER,    /* follows a leader, or waits for one; an observer never goes further */
    RAFT_PROSPECTIVE, /* asks whether it would be voted for (pre-vote); nothing durable has changed */
    RAFT_CANDIDATE,   /* has voted for itself in a new term */
    RAFT_LEADER,
    RAFT_HALTED, /* for good */
    RAFT_ROLES
};

struct raft_follower {
    struct raft_node leader; /* RAFT_NOBODY: not known in this term */
    bool leader_closed;      /* its connection ended since it was heard of last */
    bool heard;              /* of the leader, at `heard_at` */
    time_ms heard_at;
    time_ms campaign_at; /* when patience ends; TIME_NEVER for an observer */
};

struct raft_ballot {
    uint32_t answered; /* bit i: voter i of the set in force answered; reset when the set changes */
    uint32_t granted;
    uint64_t
        vote_write; /* CANDIDATE: our own vote counts, and time runs, once this is durable; 0: it is */
    time_ms ends_at; /* TIME_NEVER until then */
};

enum raft_progress {
    RAFT_PROBE,     /* where the logs agree is not known: one append at a time */
    RAFT_REPLICATE, /* appends are sent ahead of their answers */
    RAFT_SNAPSHOT,  /* what the peer needs is no longer in the log */
};

/* What a leader knows about one other node. */
struct raft_peer {
    struct raft_node node;
    bool voter;
    enum raft_progress progress;
    raft_index match; /* durable there and equal to ours up to here */
    raft_index next;  /* the next entry to send */
    raft_index
        in_flight[RAFT_IN_FLIGHT_MAX]; /* last entries of the unanswered appends, ascending */
    uint32_t in_flight_count;
    bool probing; /* PROBE: an append with request `probe_request`, up to `probe_last`, ... */
    uint64_t probe_request; /* ... waits for its answer, or for one to what was sent behind it */
    raft_index probe_last;
    uint64_t refuse_from; /* refusals of requests below this are older than what we know */
    bool stalled; /* no progress since the heartbeat `stalled_request`, with appends on their way */
    uint64_t stalled_request;
    uint64_t answered;  /* highest request answered in this term */
    bool heard;         /* at `heard_at`, in this term */
    bool was_caught_up; /* it had all that we had, last at `caught_up_at` */
    time_ms heard_at;
    time_ms caught_up_at;
    raft_index measured_end; /* our last entry when it last accepted an append, at `measured_at` */
    time_ms measured_at;
    uint64_t chunk_offset;  /* SNAPSHOT: next byte to send, ... */
    raft_index chunk_index; /* ... of this one */
    uint64_t chunk_request; /* the chunk that is out; 0: none */
    time_ms chunk_resend_at;
    raft_index
        round_target; /* an observer's catch-up round (thesis §4.2.1): our last entry when it began */
    time_ms round_began;
    bool caught_up;      /* the last round took no longer than an election time-out */
    time_ms observed_at; /* when it last asked to observe */
};

struct raft_read_round {
    bool open;
    uint64_t ticket; /* newest one in it */
    raft_index index;
    uint64_t
        request; /* confirmed when a majority answered this or a later one; 0: waits for the own term's commit */
};

struct raft_leadership {
    raft_index term_start; /* our LEADER_CHANGE entry */
    bool ready;            /* it is committed */
    uint64_t request;      /* last number given */
    time_ms heartbeat_at;
    time_ms grace_until; /* check-quorum is silent until then: just elected, or our loop ran late */
    struct raft_peer peer[RAFT_PEERS_MAX];
    uint32_t peer_count;
    struct raft_read_round reading; /* on its way */
    struct raft_read_round waiting; /* came while that was on its way */
    struct raft_node transfer_to;   /* RAFT_NOBODY: none under way */
    bool transfer_sent;
    time_ms transfer_ends_at;
};

struct raft_write {
    uint64_t write;
    raft_index end; /* durable up to here when it is done */
};

/* A snapshot that is coming in. */
struct raft_download {
    bool open;
    raft_term term; /* of the leader that sends it: another leader's bytes may differ */
    raft_index index;
    uint64_t next_offset;
};

struct raft {
    struct raft_config config;
    struct prng prng;
    time_ms now; /* of the newest event */

    enum raft_role role;
    union {
        struct raft_follower follower;
        struct raft_ballot ballot; /* PROSPECTIVE and CANDIDATE */
        struct raft_leadership leader;
        const char *halted; /* the sentence */
    };

    raft_term term;
    struct raft_node voted_for;
    uint64_t
        term_write; /* the SAVE_VOTE that made term and vote durable; every answer waits for it; 0: it is */

    struct raft_log log;
    raft_index commit;
    raft_index durable; /* our log is durable up to here */
    uint64_t write;     /* last number given */
    uint64_t written;   /* last number reported */
    struct raft_write writes[RAFT_WRITES_MAX];
    uint32_t write_count;

    struct raft_download download;
    uint32_t failed_rounds; /* since a leader was last seen: the back-off */
    bool late_once;         /* a late tick was forgiven; the next is not */
};

#endif
