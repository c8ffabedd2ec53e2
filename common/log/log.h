/*
 * Log: the records of one partition (or of the metadata quorum) as Kafka lays them out, in segments of whole v2 batches
 * with sparse indexes: <base offset, 20 digits>.log .index .timeindex in one folder.
 *
 * Not safe by itself: every call is made inside the owner's monitor, or before anyone else knows the log. Three kinds of
 * calls need no monitor, so that the pool and other threads can work: log_sync_run, log_range_* and log_file_release,
 * log_doomed_run. "Blocking" calls wait for the device: before the node serves this log, or in a job of the pool that has
 * the log to itself.
 *
 * What holds:
 * - The end moves by whole batches. A write that fails half way is cut off before the call returns.
 * - The durable end is what a finished sync proved: files, the folder of new ones (a new segment counts only then), and a
 *   cut made by a truncation. A failed sync is never tried again: the log is offline from then on.
 * - Bytes once written are never replaced. A truncation cuts the file and goes on in a new one; whoever still holds a range
 *   of the old file gets fewer bytes, never other ones.
 * - An index is a hint: it is bounds-checked when the log is opened and at every look-up, and made again when it is wrong.
 * - Below the recovery point every byte was proven durable; a fault there is rot and never cut off (log_open fails with
 *   ERR_CORRUPT and changes nothing). Behind it the first batch that is not whole ends the log.
 *
 * Index entries are those of Kafka: behind every index.interval.bytes (last offset of the batch, position of the batch)
 * and (largest timestamp so far, last offset of the batch that has it). Kafka maps the files at full size and trims them at
 * a roll; here they are plain files that begin to exist at the first roll or close, or when 512 entries have come together,
 * and always have their true size. A log that is never written needs one empty file and no descriptor.
 */
#ifndef ODRADEK_LOG_LOG_H
#define ODRADEK_LOG_LOG_H

#include "common/base/err.h"
#include "common/base/heap.h"
#include "common/base/types.h"
#include "common/wire/record_batch.h"

struct host;
struct disk_file;
struct log;
struct log_file; /* a reference-counted open file of a segment */

#define LOG_OFFSET_NONE    (-1)
#define LOG_TIMESTAMP_NONE (-1)
/* A folder's path; the files in it need 33 characters more. */
#define LOG_DIR_PATH_MAX   960

struct log_config {
    int64_t
        segment_bytes; /* segment.bytes: a segment rolls before it would grow beyond (one batch always fits) */
    int64_t segment_ms;           /* segment.ms, by the records' timestamps as in Kafka */
    int64_t segment_jitter_ms;    /* segment.jitter.ms, drawn by the owner; taken off segment_ms */
    int32_t index_interval_bytes; /* index.interval.bytes */
    int32_t index_bytes_max;      /* segment.index.bytes */
    bool gaps; /* compaction may have left holes between batches: offsets need only grow */
    /* A truncation lies between two batches, always: a batch that goes over it is rotten. */
    bool whole_cuts;
    const struct crc32c_impl *crc; /* of the node; lives as long as the log */
};

/* What the owner knows from its checkpoint files. */
struct log_known {
    bool clean; /* the node was shut down cleanly: nothing to scan, the tail is whole and on disk */
    int64_t recovery_point; /* recovery-point-offset-checkpoint; 0: nothing known, all is scanned */
    /* What that file says where not all of it is believed, or 0: a cut below it is noted, for the next process may believe it. */
    int64_t written_point;
    int64_t log_start; /* log-start-offset-checkpoint; 0: begin with the first segment */
    /* Pages that an fsync failed on are called clean by the kernel while the machine runs, and are not on disk: what lies
     * behind the recovery point is written once more before it is synced. */
    bool rewrite;
    /* If the log is made now: the checkpoint files still tell of another log that lay in a folder of this name. What they say of
     * it must not be said of this one: a note beside the log says so until they have been written anew. */
    bool renewed;
    bool
        told_here; /* the words of a log that this process had open, not those of checkpoint files */
    /* Of that log: log_cuts. What was read of it and comes back late is not taken for this one's. */
    uint32_t cuts;
};

/* What log_open found and did, for the log line and the counters. */
struct log_report {
    uint32_t segments;
    uint32_t scanned_segments;
    uint32_t rebuilt_indexes;  /* segments whose indexes were made again */
    uint32_t dropped_segments; /* behind the first bad batch */
    int64_t scanned_bytes;     /* whose CRC was checked */
    int64_t cut_bytes;         /* taken off the log: torn tail and dropped segments */
    int64_t
        bad_offset; /* ERR_CORRUPT, or cut_bytes > 0: where the first bad batch stands; else LOG_OFFSET_NONE */
    int64_t recovery_point; /* what was believed: the one given, or a truncation's note below it */
    bool
        rot_suspected; /* whole batches lay behind the first bad one: hardly a torn tail, tell someone */
    bool restarted; /* everything lay below the log start: the log begins there, empty */
    bool
        renewed; /* what was given is of another log that lay here before: nothing of it was believed */
};

/*
 * Opens, and makes if it is not there (folder, first segment and the folder's entry are on disk before it returns).
 * Blocking. After an unclean stop it scans behind the recovery point and syncs what it keeps before it returns, so that
 * log_durable_end is true at once. heap: the log's own memory, used inside the monitor only. known.recovery_point may be
 * above the end where a truncation came after the checkpoint: a note beside the log says so.
 * log_start may have moved: save its checkpoint before anything is cut.
 * ERR_CORRUPT: rot below the recovery point (ret_report->bad_offset), or the log ends there; nothing was changed.
 * ERR_OFFLINE: a sync failed, and its pages are not to be believed in this boot; or something else could not be written.
 * ERR_IO: it cannot be read. ERR_NO_MEMORY, ...
 * ERR_UNSUPPORTED: a half-finished compaction of another server (.swap files) lies there.
 */
err_t log_open(struct host *, struct heap *, const char *dir, const struct log_config *,
               const struct log_known *, struct log **ret_log,
               struct log_report *ret_report) MUST_USE;

/* Writes index ends, syncs everything, frees. Blocking. OK: the log may be called clean. No sync may be under way; ranges
 * that are out stay good. */
err_t log_close(struct log *) MUST_USE;
/* Frees without writing: an offline log, a deleted partition, a simulated crash. */
void log_abandon(struct log *);
/* Removes the folder of a closed log with all that is in it. Blocking. */
err_t log_remove(struct host *, const char *dir) MUST_USE;

/* New settings; they count from the next append on. */
void log_configure(struct log *, const struct log_config *);

/* Invariants; for tests, after every call. */
void log_check(const struct log *);

/* --- facts --------------------------------------------------------------------------------------------------------- */

int64_t log_start(const struct log *);
/* Behind the last record: offset of the next one. */
int64_t log_end(const struct log *);
int64_t log_durable_end(const struct log *);
int64_t log_size_bytes(const struct log *);
const char *log_dir(const struct log *);
bool log_offline(const struct log *);
/* Truncations so far. */
uint32_t log_cuts(const struct log *);
/* Another log of this device failed, or its directory is gone: as after a failed sync. */
void log_set_offline(struct log *);

struct log_segment_info {
    int64_t base_offset;
    int64_t bytes;
    int64_t max_timestamp_ms; /* LOG_TIMESTAMP_NONE: no record */
};
/* Oldest first; at least one, the last is the active one. */
uint32_t log_segment_count(const struct log *);
struct log_segment_info log_segment(const struct log *, uint32_t i);

/* --- append -------------------------------------------------------------------------------------------------------- */

/*
 * Appends batches, one a slice, whole, checked and stamped (base offset and leader epoch): the first begins at the log's
 * end (with config.gaps: at or behind it), each next one where the one before ended. Waits for no device. Rolls where
 * needed; log_rolled tells.
 * Error: the log ends behind the last batch that is wholly in it (mostly none of these): ERR_NO_SPACE, ERR_IO; ERR_OFFLINE
 * from a log that is offline, also when a failed write could not be cut off.
 */
err_t log_append(struct log *, const struct slice *batches, uint32_t count,
                 time_ms now_wall_ms) MUST_USE;

/* Starts a new segment unless the active one is empty. Behind a truncation that no sync has proven yet it waits for the
 * device; log_append rather lets the segment grow beyond its size until one has. */
err_t log_roll(struct log *, time_ms now_wall_ms) MUST_USE;
/* Base offset of the active segment: it changes when the log rolls (time to write a producer snapshot). */
int64_t log_active_base(const struct log *);

/* --- sync: group commit -------------------------------------------------------------------------------------------- */

#define LOG_SYNC_FILES_MAX 16

/* One sync on its way through the pool. Lives in the owner; filled by take, empty again after done. */
struct log_sync {
    struct host *host;
    const char *dir; /* to be synced too; NULL: not needed. Borrowed from the log */
    uint32_t file_count;
    struct log_file *files[LOG_SYNC_FILES_MAX]; /* references */
    int64_t end;                                /* durable when all went well */
};

/*
 * Collects what is not on disk. false: nothing to do, or one is under way already, or offline.
 * What is appended after take waits for the next one.
 */
bool log_sync_take(struct log *, struct log_sync *) MUST_USE;
/* [pool, no monitor] */
err_t log_sync_run(struct log_sync *) MUST_USE;
/* Puts the result in; err is what run said. Returns the durable end: below sync.end when the log was truncated meanwhile,
 * unchanged after an error, which takes the log offline. */
int64_t log_sync_done(struct log *, struct log_sync *, err_t err);

/*
 * The recovery point: what may be written into the checkpoint file. take before writing it, saved after, with what take
 * gave; one checkpoint of a log at a time. Never above the durable end, and not moved by opening the log.
 */
struct log_recovery_point {
    int64_t offset;
    uint32_t cut; /* truncations so far */
    bool proven;  /* and they are on disk */
};
struct log_recovery_point log_recovery_point_take(struct log *);
void log_recovery_point_saved(struct log *, struct log_recovery_point);

/* --- read ---------------------------------------------------------------------------------------------------------- */

/* What a cold range is looking for: the log's own. */
struct log_search {
    int64_t segment_base;
    int64_t segment_bytes;
    int64_t segment_end;      /* offset: no batch of the segment reaches it */
    struct log_file *offsets; /* the index files, references; NULL: none */
    struct log_file *times;
    uint32_t cut; /* truncations so far */
    uint32_t offset_entries;
    uint32_t time_entries;
    int64_t offset;    /* at or behind this */
    int64_t limit;     /* below this */
    int64_t timestamp; /* by_time: not older than this */
    size_t bytes_max;
    bool first_whole;
    bool by_time;
    bool gaps; /* as log_config */
};

/* Whole batches of one segment, as a range of its file. Holds a reference on the file until log_range_release. */
struct log_range {
    struct log_file *file; /* NULL: nothing there */
    int64_t at;            /* position in the file */
    size_t bytes;
    int64_t base_offset; /* of the first batch: may be below the offset asked */
    int64_t end_offset;  /* behind the last record */
    bool
        cold; /* nothing of this is known yet but the file: log_range_warm finds it (only in LOG_READ_HOT) */
    struct log_search search;
};

/* What readers of batches say where there is none though one must be, in one word: ERR_CORRUPT. Other errors as they are. */
static inline err_t err_as_rot(err_t err)
{
    bool no_batch = err == ERR_TRUNCATED || err == ERR_VERSION || err == ERR_MALFORMED;
    return no_batch ? ERR_CORRUPT : err;
}

/* Of a full device, full memory, too many open files: nothing is broken, and what was to be done is done another time. */
static inline bool err_is_shortage(err_t err)
{
    return err == ERR_NO_SPACE || err == ERR_NO_MEMORY || err == ERR_LIMIT;
}

/* While a log is opened: what cannot be read is its own rot, what cannot be written its directory's failure, like a failed sync. */
static inline err_t err_of_write(err_t err)
{
    return err == ERR_IO ? ERR_OFFLINE : err;
}

enum log_read_mode {
    LOG_READ_HOT, /* never waits: what is not in the page cache, or was not checked since the start, comes back cold */
    LOG_READ_ANY, /* may wait for the device, and leaves checking to the caller: for the pool's time, and small logs */
};

/*
 * The batches from the one that holds `offset` on, below `limit` (batches that end above it are left out), at most
 * bytes_max bytes; with first_whole the first batch comes even if it is larger. bytes = 0: nothing there (yet).
 * offset = log_end is fine. ERR_RANGE outside of log_start..log_end; ERR_CORRUPT: what lies there is no batch (rot: stop
 * serving, never take it for the end); ERR_OFFLINE.
 */
err_t log_read(struct log *, int64_t offset, int64_t limit, size_t bytes_max, bool first_whole,
               enum log_read_mode, struct log_range *ret_range) MUST_USE;

/*
 * [pool, no monitor] Finds what a cold range asks for, reads it in and checks the CRC of every batch; then it is as if
 * log_read had given it, perhaps with bytes = 0, or with fewer bytes: what is good before the first bad batch. ERR_CORRUPT,
 * ERR_IO: the first one is bad already; ERR_RANGE: the file is shorter than it was.
 * scratch: working memory of at least 4 KiB, more is faster.
 */
err_t log_range_warm(struct log_range *, const struct crc32c_impl *, uint8_t *scratch,
                     size_t scratch_bytes) MUST_USE;
/* err: what warm said. OK: these bytes are checked once and for all, the range may be served. ERR_BUSY: the log was cut
 * meanwhile, read again. ERR_CORRUPT: rot. ERR_IO. The range is released unless OK. */
err_t log_range_warmed(struct log *, struct log_range *, err_t err) MUST_USE;

/* The bytes into memory (room >= range.bytes); fewer when the file was cut meanwhile. Can wait if they left the cache. */
err_t log_range_read(const struct log_range *, uint8_t *p, size_t *ret_n) MUST_USE;
/* Of the range, without a reference of its own. */
struct disk_file *log_range_disk_file(const struct log_range *);
/* From any thread; an empty range is fine. */
void log_range_release(struct log_range *);
/* The reference for whoever took range.file over, as the `drop` of a chain piece (set range.file to NULL then). From any
 * thread. */
void log_file_release(void *log_file);

/*
 * ListOffsets by time: the first batch at or behind log_start and wholly below limit with a largest timestamp >=
 * timestamp_ms, as a range of that one batch (the record inside is the caller's to find). bytes = 0: none.
 * As in Kafka one segment is searched, the oldest that has such a timestamp.
 */
err_t log_find_timestamp(struct log *, time_ms timestamp_ms, int64_t limit, enum log_read_mode,
                         struct log_range *ret_range) MUST_USE;
/* The batch with the largest timestamp of the log (the earliest of equals); bytes = 0: none, or not below limit. */
err_t log_find_max_timestamp(struct log *, int64_t limit, enum log_read_mode,
                             struct log_range *ret_range) MUST_USE;

/* Closes files that were not used since the last call and have nothing unsynced; the owner calls it every minute or so. */
void log_rest(struct log *);

/* --- replay: batch headers in order -------------------------------------------------------------------------------- */

/* A batch in the log. */
struct log_batch {
    struct batch_facts facts;
    /* All of it where it is a control batch of at most LOG_CONTROL_BYTES_MAX, to read its marker; else empty. Borrowed
     * until the next call. */
    struct slice whole;
};
#define LOG_CONTROL_BYTES_MAX 1024

/* A walk over the batches from the one that holds an offset on. The log must stay as it is meanwhile. */
struct log_replay;
/* Blocking. from within log_start..log_end. */
err_t log_replay_open(struct log *, int64_t from, struct log_replay **ret_replay) MUST_USE;
/* A batch whose checksum was looked at: whoever follows the log may believe its header. ERR_NOT_FOUND: that was the last one.
 * ERR_CORRUPT, ERR_IO. Blocking. */
err_t log_replay_next(struct log_replay *, struct log_batch *ret_batch) MUST_USE;
void log_replay_close(struct log_replay *);

/* --- cutting and dropping ------------------------------------------------------------------------------------------ */

/*
 * The log ends at `offset` now; batches that reach beyond it are gone (inside a batch: the log ends at that batch's base
 * offset), and the next append goes to a new file. Not below log_start. Nothing happens when offset >= log_end. Syncs take
 * it to the disk; until then a crash may bring back what was cut.
 * It waits for the device in four rare cases: the page at the cut is cold; no sync has proven the truncation before; nothing
 * is left; or the cut lies below the recovery point in the checkpoint. Then a note is written beside the log first (file
 * `truncated-below`: what lies behind is to be scanned, whatever the checkpoint says). An error takes the log offline; but for
 * ERR_NO_SPACE, after which it may be abandoned and opened again, and nothing else.
 */
err_t log_truncate(struct log *, int64_t offset, time_ms now_wall_ms) MUST_USE;
/* Throws everything away; the log is empty and begins at `offset` (a follower behind its leader's start, a snapshot). Waits
 * for the device. Save the log start checkpoint then. renewed: that file may say a later start, by which a crash would throw away
 * what comes; a note says, until it has been written anew, that checkpoints tell of another log. Errors as above. */
err_t log_restart(struct log *, int64_t offset, bool renewed, time_ms now_wall_ms) MUST_USE;

/* Before a truncation below a start that the checkpoint may tell: the same note. Errors as above. */
err_t log_renew(struct log *) MUST_USE;

/* Moves the start (DeleteRecords, a follower whose leader moved it, a snapshot). Within log_start..log_end; lower is nothing.
 * Files go with log_drop. */
void log_set_start(struct log *, int64_t offset);

struct log_retention {
    int64_t retention_ms;    /* -1: for ever */
    int64_t retention_bytes; /* -1: no limit */
    int64_t limit;           /* the high watermark: nothing at or above it goes */
};
/*
 * Moves the start over the segments whose time has come, oldest first, as Kafka judges them; an expired active segment is
 * rolled first. ret_moved: save the log start checkpoint, then call log_drop.
 */
err_t log_expire(struct log *, const struct log_retention *, time_ms now_wall_ms,
                 bool *ret_moved) MUST_USE;

/*
 * Takes away the segments wholly below saved_start, which stands in the checkpoint on disk (first the checkpoint, then the
 * files: otherwise a crash brings back a log with a hole). They are renamed to `.deleted` and wait for log_doomed_take.
 * One stays as long as no sync has proven the name of the segment behind it: call again some time later.
 */
err_t log_drop(struct log *, int64_t saved_start) MUST_USE;

/*
 * The indexes of segments wholly below the start go at once. On a full device that makes room for the checkpoint that log_drop
 * waits for, and needs none itself: nobody asks for them any more, and where a crash brings the old start back they are made again.
 */
void log_thin(struct log *);

/* Files renamed `.deleted` by drop, truncate and restart, to be unlinked after file.delete.delay.ms. */
struct log_doomed;
/* All of them, NULL: none. They are the caller's now. */
struct log_doomed *log_doomed_take(struct log *);
/* [pool, no monitor] Unlinks and frees them. Files that are gone already are fine; what is left after a crash goes when the
 * log is opened. */
void log_doomed_run(struct log_doomed *);

#endif
