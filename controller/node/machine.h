/*
 * The machine: the decision core (controller/state) on top of the quorum. Lives on the controller's loop.
 *
 * An order is a command with whoever wants its answer. While we lead, orders are decided one after the other; each batch
 * of records becomes one entry of the quorum's log; the answer leaves when everything it was derived from is committed.
 * When leadership goes, waiting orders end without an answer. Committed batches of other leaders are replayed.
 */
#ifndef ODRADEK_CONTROLLER_MACHINE_H
#define ODRADEK_CONTROLLER_MACHINE_H

#include "common/base/buf.h"
#include "common/base/mutant.h"
#include "controller/node/news.h"
#include "controller/node/quorum.h"
#include "controller/state/controller_state.h"

struct machine;

/* One command on its way. Made by order_new; the machine frees it after `answer`. */
struct order {
    struct list_node node; /* the machine's own */
    struct arena arena;    /* the command's, the decision's and the answer's memory */
    struct command command;
    struct decision decision;
    struct decision_news news;
    int64_t wait_offset;
    bool written; /* a batch of it is in our log: another leader may commit that */
    struct rpc_asker asker;
    void *ctx;               /* the maker's */
    int16_t forward_version; /* of the Kafka request behind it, if there is one */
    const void
        *request; /* that request decoded, in the arena; NULL if its answer needs nothing of it */
    /* Once: `answer` is NULL when the order ended without one (not the active controller any more). What was written of it by then
     * may be done, or not. */
    void (*answer)(void *machine_ctx, struct order *, const struct answer *);
};

struct machine_options {
    struct controller_settings settings;
    int64_t snapshot_bytes; /* metadata.log.max.record.bytes.between.snapshots */
    uint64_t seed;
};

struct machine_events {
    /* The committed image has moved; entries in order. payload: the batch, empty for entries of other kinds. */
    void (*committed)(void *ctx, raft_index, raft_term, struct slice payload);
    /* We begin or cease to be the active controller. */
    void (*active)(void *ctx, bool active);
    void (*failed)(void *ctx, const char *sentence);
};

err_t machine_open(struct loop *, struct heap *, struct trace *, const struct machine_options *,
                   const struct machine_events *, void *ctx, struct machine **ret_machine) MUST_USE;
void machine_close(struct machine *);
/* The quorum that carries its log; before anything is submitted. */
void machine_attach(struct machine *, struct quorum *);

/* The quorum's callbacks come in here (quorum_events). */
void machine_leading(struct machine *, raft_term);
void machine_following(struct machine *);
void machine_committed(struct machine *, raft_index, const struct raft_entry *);
void machine_restored(struct machine *, const struct raft_snapshot *, struct slice body);

/* cluster id for the bootstrap of a new cluster. */
void machine_set_cluster_id(struct machine *, struct slice cluster_id);

struct order *order_new(struct machine *) MUST_USE; /* NULL: out of memory */
void machine_submit(struct machine *, struct order *);
/* Throws an order away that was never submitted. */
void order_free(struct machine *, struct order *);

bool machine_active(const struct machine *);
const struct meta_image *machine_image(const struct machine *); /* committed */
const struct controller_state *machine_state(const struct machine *);
struct meta_store *machine_store(struct machine *);
/* While active: how far this broker's metadata is. false: nothing was heard of it. */
bool machine_contact(const struct machine *, int32_t broker,
                     struct controller_contact *ret_contact) MUST_USE;

/* What machine_pack puts beyond bytes_max at most: one batch, of settings, for no record is larger. */
#define PACK_RECORDS   96
#define PACK_BATCH_MAX (PACK_RECORDS * (2 * META_NAME_MAX + META_VALUE_MAX + 64))

/* The records of an image as bytes: 4-byte length and packed batch, again and again. Used by snapshots and tails. The arena is cleared. */
err_t machine_pack(const struct meta_image *, struct meta_cursor *, struct arena *,
                   size_t bytes_max, struct buf *out, bool *ret_done) MUST_USE;

#endif
