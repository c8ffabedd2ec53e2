/*
 * One controller: everything of it, from ports. Used by main.c and by the simulator alike.
 *
 * start opens the data folder (lock, identity), forms or joins the quorum and serves on its listener; it returns when the
 * node has taken its folder and its port, the rest goes on in its loop. stop hands leadership over if we have it.
 */
#ifndef ODRADEK_CONTROLLER_NODE_H
#define ODRADEK_CONTROLLER_NODE_H

#include "common/trace/trace.h"
#include "controller/node/machine.h"
#include "controller/node/quorum.h"

struct controller_options {
    int32_t node_id;
    const char *data_dir; /* must outlive the node */
    struct net_address listener;
    struct quorum_address voters[VOTERS_MAX];
    uint32_t voter_count;
    int32_t election_min_ms;
    int32_t election_max_ms;
    int32_t backoff_max_ms; /* of the election time-out; 0: 2000 */
    struct controller_settings settings;
    int64_t snapshot_bytes;
    int64_t
        trailing_entries; /* kept behind a snapshot for followers that are a little late; 0: 10,000 */
    struct net_address admin; /* port 0: no HTTP side door */
    bool has_admin;
};

struct controller_node;

/* ret_why: on an error a sentence that says what to do, in the buffer given. */
err_t controller_node_start(struct host *, const struct controller_options *, const struct trace *,
                            void (*halted)(void *ctx), void *ctx, char *ret_why, size_t why_bytes,
                            struct controller_node **ret_node) MUST_USE;

/* Asks it to end: leadership goes to another, writes under way are waited for. From anywhere. */
void controller_node_stop(struct controller_node *);
/* Waits for that end and frees. Not from its loop. */
void controller_node_join(struct controller_node *);

/* After `halted`: it never began to serve, since its folder or its port could not be used. */
bool controller_node_no_place(const struct controller_node *);

/* For tests and the simulator. */
bool controller_node_active(const struct controller_node *);
/* Committed; NULL before it has started. */
const struct meta_image *controller_node_image(const struct controller_node *);
/* What it decides by, committed or not; for tests. */
const struct controller_state *controller_node_state(const struct controller_node *);
/* NULL before the quorum has been formed. */
const struct raft *controller_node_raft(const struct controller_node *);

#endif
