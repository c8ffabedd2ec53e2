/*
 * The Raft disk from inside: what its files share. The contract is in raft_disk.h; one struct, one loop, one sync job.
 */
#ifndef ODRADEK_CONTROLLER_RAFT_DISK_INTERNAL_H
#define ODRADEK_CONTROLLER_RAFT_DISK_INTERNAL_H

#include "common/base/crc32c.h"
#include "common/base/mutant.h"
#include "common/log/log.h"
#include "common/base/buf.h"
#include "controller/node/raft_disk.h"

#define STORE_PATH_MAX     1024
#define SNAPSHOT_BYTES_MAX ((size_t)1 << 30)

/* What quorum-state holds: one small file, replaced as a whole. */
struct quorum_state {
    struct slice cluster_id; /* n == 0: the quorum was never formed */
    struct raft_voters founders;
    raft_term term;
    struct raft_node voted_for;
};

struct snapshot_job {
    struct disk_job job;
    struct raft_disk *store;
    struct raft_snapshot snapshot;
    struct buf bytes; /* the whole file */
    char path[STORE_PATH_MAX];
    err_t err;
    bool busy;
};

struct raft_disk {
    struct host *host;
    struct loop *loop;
    struct heap *heap;
    const struct raft_disk_events *events;
    void *ctx;
    const struct crc32c_impl *crc;
    char dir[STORE_PATH_MAX];
    struct log *log;
    struct raft_founding founding;
    struct quorum_state state;
    struct raft_snapshot snapshot; /* newest durable one */
    /* writes and their sync */
    uint64_t written; /* newest write made */
    bool state_dirty; /* quorum-state differs from the disk */
    bool syncing;
    bool failed;
    struct disk_job job;
    struct log_sync sync;
    bool sync_log;
    bool sync_state;
    uint64_t sync_write;
    struct buf sync_text; /* quorum-state as it is to be written */
    int64_t point;        /* offset: as DURABLE_FILE says, all below it was synced */
    int64_t sync_point;   /* what it is to say; -1: what it says */
    int64_t
        cut; /* offset: as CUT_FILE says, what lies behind it was written anew; INT64_MAX: there is none */
    bool cut_told; /* since the sync under way began */
    err_t sync_err;
    /* snapshots */
    struct snapshot_job saving;
    struct disk_file *download;
    raft_index download_index;
    struct disk_file *reading; /* the snapshot being sent */
    raft_index reading_index;
};

void store_path(const struct raft_disk *, const char *name, char *ret_path);
/* Bytes that were on disk are not what they were: no vote and no entry of this directory counts any more. */
void store_rotten(struct raft_disk *, const char *what);
void store_fail(struct raft_disk *, const char *doing, err_t err);

/* One more write was made: it will be synced. */
void store_written(struct raft_disk *, uint64_t write);

/* quorum-state as text, and back. */
void quorum_state_print(const struct quorum_state *, struct buf *);
err_t quorum_state_parse(struct slice text,
                         struct quorum_state *ret_state) MUST_USE; /* cluster_id borrows */

/* Finds and checks the newest snapshot; removes leftovers. */
err_t store_snapshots_open(struct raft_disk *, struct arena *) MUST_USE;
/* What the log holds, for the core; a log that does not fit the snapshot is thrown away. */
err_t store_log_open(struct raft_disk *, struct arena *,
                     struct raft_durable_state *ret_durable) MUST_USE;
/* The whole download is here: check it, sync, publish it. */
err_t store_download_publish(struct raft_disk *, const struct raft_snapshot *) MUST_USE;
void store_snapshots_close(struct raft_disk *);

static inline int64_t offset_of_index(raft_index index)
{
    return index - 1; /* offsets begin at 0, indexes at 1 */
}

static inline raft_index index_of_offset(int64_t offset)
{
    return offset + 1;
}

#endif
