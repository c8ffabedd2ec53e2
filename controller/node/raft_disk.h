/*
 * What a controller keeps on disk: the entries of its Raft log, its vote, its snapshots. Carries out the core's writes in
 * their order and says when they are durable.
 *
 * Folder (metadata.log.dir, default the first log dir):
 *   __cluster_metadata-0/NNN.log ...   entries as v2 batches of one record (offset = Raft index, leader epoch = term);
 *                                      the record's value: a byte for the kind, then the payload (common/log's format,
 *                                      so DumpLogSegments reads the framing)
 *   __cluster_metadata-0/quorum-state  text: the term, the vote, the voters and the cluster id the quorum was formed with
 *   __cluster_metadata-0/<index20>-<term10>.checkpoint  snapshots: a header, then metadata batches, then a CRC32C
 *
 * One sync job runs at a time and covers every write made before it began; so many proposals share one fsync.
 * A write or sync that fails stops the node (`failed` with a sentence): a vote or entry that may be lost was never told.
 */
#ifndef ODRADEK_CONTROLLER_RAFT_DISK_H
#define ODRADEK_CONTROLLER_RAFT_DISK_H

#include "common/port/disk.h"
#include "controller/node/raft_wire.h"

struct raft_disk;

struct raft_disk_events {
    /* Writes up to `write` are durable. */
    void (*durable)(void *ctx, uint64_t write);
    /* The snapshot written by raft_disk_snapshot is durable. */
    void (*snapshot_durable)(void *ctx, raft_index index, raft_term term);
    void (*failed)(void *ctx, const char *sentence);
};

/* How the quorum was formed; absent (cluster_id.n == 0) in an empty folder. */
struct raft_founding {
    struct slice cluster_id; /* in the store's memory */
    struct raft_voters voters;
};

/*
 * Opens or makes the folder; blocks (before anything is served). ret_durable's arrays are in the arena.
 * ERR_CORRUPT, ERR_IO, ERR_NO_SPACE, ERR_PERMISSION.
 */
err_t raft_disk_open(struct loop *, struct heap *, const char *folder,
                     const struct raft_disk_events *, void *ctx, struct arena *,
                     struct raft_durable_state *ret_durable, struct raft_disk **ret_store) MUST_USE;
/* Whether a job of the pool is under way: it may not be closed then. */
bool raft_disk_busy(const struct raft_disk *);
/* Whether a snapshot of our own is being written. */
bool raft_disk_saving(const struct raft_disk *);
/* Waits for nothing: what is not durable was not told. */
void raft_disk_close(struct raft_disk *);

/* Text of 1 to CLUSTER_ID_MAX printable characters: it comes from peers and files, and goes to lines of files. */
bool raft_disk_cluster_id_valid(struct slice);
const struct raft_founding *raft_disk_founding(const struct raft_disk *);
/* Writes and fsyncs the founding; blocks: it happens once in a cluster's life, before the first election. */
err_t raft_disk_found(struct raft_disk *, struct slice cluster_id,
                      const struct raft_voters *) MUST_USE;

/* The core's writes; `write` is their running number. */
void raft_disk_vote(struct raft_disk *, uint64_t write, raft_term, struct raft_node voted_for);
/* First cuts entries >= truncate_from (0: none), then appends; entries of one term are neighbours. */
void raft_disk_append(struct raft_disk *, uint64_t write, raft_index truncate_from,
                      raft_index first, const struct raft_entry *, size_t count);
void raft_disk_chunk(struct raft_disk *, uint64_t write, raft_index snapshot, uint64_t offset,
                     struct slice bytes);
void raft_disk_install(struct raft_disk *, uint64_t write, const struct raft_snapshot *,
                       bool keep_log);
void raft_disk_drop_prefix(struct raft_disk *, uint64_t write, raft_index up_to);

/* Entries first..last into the arena, at most bytes_max of payload but at least one. ERR_RANGE, ERR_CORRUPT, ERR_IO. */
err_t raft_disk_read(struct raft_disk *, raft_index first, raft_index last, size_t bytes_max,
                     struct arena *, struct raft_entry **ret_entries, size_t *ret_count) MUST_USE;

/* A snapshot of the state machine at a committed index: `body` is the packed metadata batches (copied). One at a time:
 * ERR_BUSY while one is being written. */
err_t raft_disk_snapshot(struct raft_disk *, raft_index, raft_term, const struct raft_voters *,
                         struct slice body) MUST_USE;
/* The newest durable snapshot's id; index 0: none. */
void raft_disk_snapshot_id(const struct raft_disk *, struct raft_snapshot *ret_snapshot);
/* Bytes of its file from `offset` on, at most n, into the arena; ret_last at its end. */
err_t raft_disk_snapshot_chunk(struct raft_disk *, raft_index, uint64_t offset, size_t n,
                               struct arena *, struct slice *ret_bytes, bool *ret_last) MUST_USE;
/* Its body (the packed batches), checked, in the arena. ERR_NOT_FOUND without one. */
err_t raft_disk_snapshot_body(struct raft_disk *, struct arena *, struct slice *ret_body) MUST_USE;

#endif
