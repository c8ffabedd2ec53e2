/*
 * A small world for the Raft core: up to eight nodes with model disks and a network, driven by one seed. It carries the
 * core's actions out as the controller's shell does, breaks what may break, and judges every step:
 *
 *   one leader a term; equal (term, index) means equal entries all the way down; what is committed never changes, is on a
 *   majority of disks and in every later leader's log; a commit point never descends; reads see all that was committed when
 *   they were asked; nobody halts; a leader without a majority resigns; pre-votes do not depose a leader that is well.
 *   After the faults end: a leader, everything committed everywhere, and calm.
 *
 * A disk applies writes in order. A crash keeps those that were fsynced and perhaps some after them. In a `lossy` run disks
 * also lose what they had promised; then only what a node can see by itself is judged.
 */
#ifndef ODRADEK_TEST_RAFT_WORLD_H
#define ODRADEK_TEST_RAFT_WORLD_H

#include "controller/raft/raft.h"

enum {
    NODES_MAX = 8,
    LOG_MAX = 4096,
    WHEEL = 8192, /* nothing is put off for so many ms */
    SETS_MAX = 512,
    TERMS_MAX = 4096,
    SEEN_MAX = 32768,
    PIECE = 64, /* what the pool gives is a multiple of this */
    PIECES_MAX = 1100
};

struct entry {
    raft_term term;
    uint8_t kind;    /* enum raft_entry_kind */
    uint16_t voters; /* kind VOTERS: its place in world.sets */
    uint64_t value;
};

/* Its deadline was past when its clock was set: at once. */
#define TICK_DUE (-1)

/* What a disk holds: as the node sees it (page cache), and as a crash leaves it. */
struct image {
    raft_term term;
    struct raft_node voted_for;
    struct raft_snapshot snapshot;
    int maker; /* the node whose bytes the snapshot's are */
    raft_index download;
    uint64_t download_bytes;
    int download_maker;
    raft_index first;
    raft_index last;
    struct entry log[LOG_MAX];
};

struct op {
    struct op *next;
    uint64_t write;
    struct raft_action action;
    int maker;
    uint32_t count;
    struct entry entries[];
};

struct held {
    struct held *next;
    uint64_t after_write;
    struct raft_message message;
};

struct node {
    int place;
    int generation; /* of its directory */
    struct raft_node self;
    bool up;
    uint64_t incarnation;
    struct raft raft;
    struct heap heap;
    struct op *ops; /* not durable yet */
    struct op **ops_end;
    struct held *held;
    struct held **held_end;
    uint64_t durable;
    uint64_t issued;
    bool syncing;
    bool slow; /* its disk */
    /* Its clock: what it showed at a moment of the world, and how much faster it goes. */
    time_ms clock_then;
    time_ms clock_since;
    int64_t clock_ppm;
    time_ms paused_until;
    time_ms observe_at;
    bool ready;
    bool snapshotting;
    uint64_t snapshot_after; /* it is published once these writes are durable */
    raft_index commit;
    struct raft_node joining;
    uint64_t read_ticket;       /* last one asked */
    uint64_t read_done;         /* last one answered */
    raft_index read_floor[256]; /* what was committed when ticket % 256 was asked */
    /* for the judge: */
    time_ms leader_heard_at; /* by its clock: an append of the current term's leader arrived */
    bool leader_closed;
    bool round_open; /* of pre-votes, the last it asked for; nothing else has come of it yet */
    time_ms round_at;
    unsigned rounds_failed; /* right before it */
    time_ms cut_since;      /* leading without a majority in reach; TIME_NEVER */
    /* last, for their logs are not cleared between runs */
    struct image mem;
    struct image disk;
};

enum event_kind {
    EV_MESSAGE,
    EV_OBSERVE,
    EV_CLOSED,
    EV_SYNCED,
    EV_SNAPPED,
    EV_RESTART,
    EV_FAULT,
    EV_CLIENT,
    EV_HEAL_LINKS,
    EV_REST
};

struct event {
    struct event *next;
    enum event_kind kind;
    int from;
    int to;
    uint64_t incarnation;
    uint64_t number; /* SYNCED: write; SNAPPED: index */
    struct raft_node node;
    int maker;     /* of the chunk's bytes */
    uint32_t room; /* for entries */
    uint32_t count;
    struct raft_message message; /* MESSAGE; what its kind has no use for is not set */
    struct entry entries[];
};

/* What happens in one millisecond, in the order of coming in. */
struct slot {
    struct event *first;
    struct event *last;
};

struct seen {
    uint32_t run; /* of another run: it was not seen */
    raft_term term;
    raft_term prev_term;
    uint32_t index;
    uint64_t value;
};

struct led {
    uint32_t run; /* of another run: nobody has led */
    struct raft_node by;
};

enum { RESTS_MAX = 3 };

/* From `at` on nobody strikes, and clients hardly ask, for so long. */
struct rest {
    time_ms at;
    time_ms lasts;
};

struct plan {
    uint32_t voters;
    uint32_t nodes;
    unsigned loss; /* per mille */
    unsigned twice;
    unsigned straggle;
    unsigned slow_sync;
    int fault_ms;    /* mean distance */
    time_ms heal_at; /* later by the rests that there were */
    uint32_t rest_count;
    struct rest rests[RESTS_MAX];
    time_ms calm_ms; /* the last rest, when all is well */
    bool lossy;
    bool members; /* voters come and go */
    bool clocks;  /* go at rates of their own */
    int32_t append_entries_max;
    raft_index trailing_entries;
    raft_index uncommitted_max;
};

struct world {
    /* Stays from run to run, so that a short one need not clear what a long one could use. */
    bool loud;
    bool unchecked;
    uint32_t run;
    void *pool[PIECES_MAX + 1]; /* what is free, by size */
    struct slot wheel[WHEEL]; /* by time modulo its size; only those with a bit in `busy` are set */
    struct raft_actions actions;
    struct raft_voters sets[SETS_MAX];
    struct led leader_of[TERMS_MAX];
    struct entry committed[LOG_MAX];
    raft_term committed_in[LOG_MAX]; /* the term in which it was first seen to be */
    time_ms committed_at[LOG_MAX];
    struct seen seen[SEEN_MAX];
    struct node node[NODES_MAX]; /* cleared but for the logs */
    /* From here on cleared by every run. */
    uint64_t seed;
    struct prng prng;
    struct prng rest_prng; /* of its own: a run goes as it would, up to its first rest */
    time_ms rest_until;
    struct plan plan;
    time_ms now;
    bool healing;
    time_ms tick[NODES_MAX]; /* when each is to be told the time; TICK_DUE, TIME_NEVER */
    bool cut[NODES_MAX][NODES_MAX];
    uint64_t busy[WHEEL / 64];
    struct memory_source source;
    uint32_t set_count;
    uint64_t value;
    raft_index committed_last;
    const char *wrong;
    bool stuck; /* what is wrong is that it did not recover */
    char text[300];
    /* totals of this run */
    uint64_t steps;
    uint64_t elections;
    uint64_t crashes;
    uint64_t cuts; /* of a log's end */
    uint64_t installs;
    uint64_t changes;
    uint64_t reads;
    uint64_t halts;
};

/* world_memory.c: pieces that are used again; their bytes are whatever they were. */
void *world_take(struct world *, size_t bytes);
void world_give(struct world *, void *, size_t bytes);
void world_release(struct world *);

/* world.c */
bool world_run(struct world *, uint64_t seed);
void world_wrong(struct world *, const char *fmt, ...) PRINTF_LIKE(2, 3);
void world_trace(struct world *, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct event *world_event(struct world *, enum event_kind, int to, uint32_t entries);
void world_event_free(struct world *, struct event *);
void world_at(struct world *, struct event *, time_ms);

/* world_disk.c */
void disk_write(struct world *, struct node *, const struct raft_action *,
                const struct event *cargo);
void disk_synced(struct world *, struct node *, uint64_t write);
void disk_crash(struct world *, struct node *);
void disk_lose(struct world *, struct node *);
void disk_snapshot_taken(struct world *, struct node *, raft_index);
uint64_t snapshot_bytes(raft_index, int maker);
raft_term image_term(const struct image *, raft_index);

/* world_node.c */
time_ms node_clock(const struct world *, const struct node *);
/* What it waits for has changed, or its clock: world.tick. */
void node_tick_noted(struct world *, const struct node *);
void node_clock_rate(struct world *, struct node *, int64_t ppm);
void node_start(struct world *, struct node *, bool fresh);
void node_crash(struct world *, struct node *);
void node_step(struct world *, struct node *, struct raft_event *, const struct event *cargo);
void node_event(struct world *, struct node *, struct event *);
void node_tick(struct world *, struct node *);
struct raft_node node_name(int place, int generation);

/* world_fault.c */
void fault_strike(struct world *);
void fault_heal(struct world *);
void client_act(struct world *);
void client_propose(struct world *, struct node *, uint32_t count, raft_term);
bool set_has_dead(const struct world *, const struct raft_voters *);

/* world_judge.c */
void judge_leader(struct world *, struct node *);
void judge_stored(struct world *, struct node *, raft_index first, raft_index last);
void judge_cut(struct world *, struct node *, raft_index from);
void judge_committed(struct world *, struct node *, raft_index);
void judge_restored(struct world *, const struct node *, const struct raft_snapshot *);
void judge_stands(struct world *, struct node *, const struct raft_message *);
void judge_send(struct world *, const struct node *, const struct raft_message *);
void judge_own_voters(struct world *, const struct node *, raft_index);
void judge_after_step(struct world *, struct node *);
void judge_read(struct world *, struct node *, const struct raft_action *);

#endif
