/*
 * Desk: up to five Raft cores moved by hand, for stories. Nothing happens unless a command says so; what a core does is told
 * as one line an action. A disk is as durable as the moment allows, unless it is `slow`: then `sync` says when.
 */
#ifndef ODRADEK_TEST_RAFT_DESK_H
#define ODRADEK_TEST_RAFT_DESK_H

#include "controller/raft/raft.h"
#include "tests/golden/story.h"

enum { DESK_NODES = 5, DESK_LOG = 64, DESK_MAIL = 512 };

struct desk_disk {
    raft_term term;
    struct raft_node voted_for;
    struct raft_snapshot snapshot;
    raft_index first;
    raft_index last;
    raft_term terms[DESK_LOG];
    struct raft_voters voters[DESK_LOG]; /* count 0: no voter entry */
};

struct desk_node {
    bool up;
    bool slow;
    bool cut;
    struct raft raft;
    struct heap heap;
    struct desk_disk mem;  /* as the node sees it */
    struct desk_disk disk; /* as a crash leaves it */
    uint64_t write;
    struct raft_action held[DESK_LOG];
    size_t held_count;
};

struct desk_mail {
    struct raft_message message;
    struct raft_run runs[DESK_LOG];
    struct raft_voters_entry voters[DESK_LOG];
};

struct desk {
    time_ms now;
    bool quiet; /* messages are not told */
    uint32_t count;
    struct raft_config config;
    struct desk_node node[DESK_NODES + 1];
    struct desk_mail mail[DESK_MAIL];
    size_t mail_count;
    struct memory_source source;
    struct raft_actions actions;
    struct story_out *out;
};

/* desk_core.c */
struct raft_node desk_name(int id);
void desk_start(struct desk *, int id);
void desk_crash(struct desk *, int id);
void desk_step(struct desk *, int id, struct raft_event *, const struct desk_mail *);
void desk_sync(struct desk *, int id);

#endif
