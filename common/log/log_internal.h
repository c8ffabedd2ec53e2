/*
 * What the files of the log engine share. Nothing outside of common/log includes this.
 *
 * A log is an array of segments, oldest first, never empty; the last one is active. A segment is a file of batches and two
 * indexes, each a file of sorted entries whose newest ones stay in memory until 512 have come together or the segment is
 * sealed. Files are opened when they are needed.
 */
#ifndef ODRADEK_LOG_INTERNAL_H
#define ODRADEK_LOG_INTERNAL_H

#include <stdatomic.h>

#include "common/base/mutant.h"
#include "common/base/probe.h"
#include "common/log/log.h"
#include "common/port/disk.h"

#define LOG_SUFFIX     ".log"
#define OFFSETS_SUFFIX ".index"
#define TIMES_SUFFIX   ".timeindex"
#define DELETED_SUFFIX ".deleted"
#define TRUNCATED_FILE "truncated-below"

/* Working memory of a walk on the stack: with ordinary index intervals one read finds a batch. */
#define WALK_BYTES 4096
/* Of a recovery scan or a replay. */
#define SCAN_BYTES (256u << 10)

/* Where batches begin that were read up to or appended lately: readers that follow the log need no index. */
#define READ_MARKS   8
#define APPEND_MARKS 16

struct log_path {
    char s[LOG_DIR_PATH_MAX + 64];
};

struct log_file {
    atomic_uint references;
    const struct memory_source *source;
    struct disk_file *disk;
};

enum log_file_kind {
    FILE_BATCHES,
    FILE_OFFSETS,
    FILE_TIMES,
};

#define OFFSET_ENTRY_BYTES 8  /* be32 offset - base, be32 position */
#define TIME_ENTRY_BYTES   12 /* be64 timestamp, be32 offset - base */
#define INDEX_TAIL_MAX     512

struct log_index {
    struct log_file *file; /* NULL: not open, or not there yet */
    uint8_t *tail;         /* entries not yet in the file */
    uint16_t tail_room;
    uint16_t tail_count;
    uint32_t flushed; /* entries in the file */
    uint8_t entry_bytes;
    bool dirty; /* the file was written since it was last synced */
};

struct log_segment {
    int64_t base;
    int64_t bytes;
    int64_t max_timestamp;        /* LOG_TIMESTAMP_NONE: none */
    int64_t max_timestamp_offset; /* last offset of the batch that has it */
    int64_t indexed_timestamp;    /* of the newest time index entry */
    int64_t first_timestamp;      /* largest of the first batch: the segment's age counts from it */
    time_ms born_wall_ms;         /* its age where records have no time */
    time_ms modified_wall_ms;
    int64_t since_index; /* bytes appended behind the newest index entry */
    struct log_file *file;
    struct log_index offsets;
    struct log_index times;
    int64_t trusted_from; /* bytes from here on were appended or scanned since the log was opened */
    int64_t warm_from;    /* and these were checked for readers */
    int64_t warm_to;
    bool dirty; /* bytes or length not on disk */
    bool used;  /* since the last log_rest */
};

struct log_mark {
    int64_t offset; /* the first batch at or behind it ... */
    int64_t at;     /* ... begins here */
    int64_t segment_base;
};

struct log_doomed {
    struct log_doomed *next;
    struct host *host;
    size_t bytes; /* of this struct with its path */
    char path[];
};

struct log {
    struct host *host;
    struct heap *heap;
    const struct memory_source *source;
    struct log_config config;
    char *dir;
    struct log_segment **segments;
    uint32_t count;
    uint32_t room;
    int64_t start;
    int64_t end;
    int64_t durable_end;
    int64_t bytes;
    bool offline;
    bool dir_dirty;
    bool syncing;
    int64_t sync_end;    /* what the sync under way will prove */
    int64_t sync_base;   /* it took what was dirty of segments from this base on */
    int64_t dirty_base;  /* no segment below this one is dirty */
    int64_t saved_point; /* the highest recovery point that the checkpoint file may hold */
    int64_t taken_point; /* the last one taken */
    uint32_t cut;        /* truncations so far */
    uint32_t sync_cut;   /* of these, what the sync under way will prove */
    uint32_t proven_cut; /* of these, what is on disk */
    int64_t sync_named;  /* the sync under way proves the names of segments up to this base */
    int64_t named_base;  /* and these are proven */
    bool noted;          /* the file `truncated-below` is there */
    int64_t noted_at;    /* ... and says this */
    bool renewed;        /* ... and says that checkpoints tell of another log */
    struct log_mark read_marks[READ_MARKS];
    struct log_mark append_marks[APPEND_MARKS];
    uint8_t read_mark_next;
    uint8_t append_mark_next;
    struct log_doomed *doomed;
};

/* --- files and names (file.c) --- */
void log_path_file(const struct log *, const char *name, struct log_path *ret_path);
void log_path_segment(const struct log *, int64_t base, const char *suffix,
                      struct log_path *ret_path);
/* The base offset of "<20 digits><suffix>". */
bool log_name_parse(const char *name, const char *suffix, int64_t *ret_base) MUST_USE;
err_t log_file_open(struct host *, const char *path, unsigned flags,
                    struct log_file **ret_file) MUST_USE;
struct log_file *log_file_share(struct log_file *);
/* Drops the reference in a slot, which is NULL afterwards. */
void log_file_drop(struct log_file **);
/* Renames to `.deleted` and remembers it to be unlinked. */
err_t log_doom(struct log *, const char *path) MUST_USE;
/* Its indexes; with its batches. */
err_t log_doom_hints(struct log *, const struct log_segment *) MUST_USE;
err_t log_doom_segment(struct log *, const struct log_segment *) MUST_USE;

/* --- segments (segment.c) --- */
err_t segment_new(struct log *, int64_t base, time_ms now_wall_ms,
                  struct log_segment **ret_segment) MUST_USE;
/* Closes and frees; nothing is written. */
void segment_free(struct log *, struct log_segment *);
/* Adds at the end of the array. */
err_t segment_push(struct log *, struct log_segment *) MUST_USE;
/* The open file of a kind; with create it is made. ERR_NOT_FOUND. */
err_t segment_file(struct log *, struct log_segment *, enum log_file_kind, bool create,
                   struct log_file **ret_file) MUST_USE;
/* A batch at this position is in the file: entries, timestamps, length. */
void segment_note(struct log *, struct log_segment *, const struct batch_header *, int64_t at);
/* Last time entry, entries to the files: nothing more is appended to it. */
err_t segment_seal(struct log *, struct log_segment *) MUST_USE;
/* Of one that is not active: there are none any more, until the log is opened again. */
err_t segment_drop_indexes(struct log *, struct log_segment *) MUST_USE;
/* Makes the active segment; the log is rolled to its end. */
err_t log_roll_new(struct log *, time_ms now_wall_ms) MUST_USE;
void segment_mark_dirty(struct log *, struct log_segment *);
/* Index of the last segment with base <= offset (the first one where none is). */
uint32_t log_segment_floor(const struct log *, int64_t offset);
static inline struct log_segment *log_active(const struct log *log)
{
    assert(log->count > 0);
    return log->segments[log->count - 1];
}
/* Where the records of segment i end at the latest. */
int64_t log_segment_end(const struct log *, uint32_t i);

/* --- syncing (sync.c) --- */
/* Takes, runs and puts in syncs until nothing is left. Blocking. ERR_OFFLINE. */
err_t log_sync_all(struct log *) MUST_USE;
/* The cuts so far are on disk, and with them the segment behind the last one. */
static inline bool log_cut_proven(const struct log *log)
{
    return log->proven_cut == log->cut;
}
/* Makes it so, also while a sync is under way. Blocking. ERR_OFFLINE. */
err_t log_cut_prove(struct log *) MUST_USE;

/* --- indexes (index.c) --- */
bool index_add(struct log *, struct log_segment *, enum log_file_kind, const uint8_t *entry);
err_t index_flush(struct log *, struct log_segment *, enum log_file_kind) MUST_USE;
/* Keeps the first `count` entries. */
err_t index_cut(struct log *, struct log_segment *, enum log_file_kind, uint32_t count) MUST_USE;
void index_release(struct log *, struct log_index *);
struct log_index *segment_index(struct log_segment *, enum log_file_kind);
static inline uint32_t index_count(const struct log_index *index)
{
    return index->flushed + index->tail_count;
}
void offset_entry_put(uint8_t *entry, int64_t relative, int64_t at);
void time_entry_put(uint8_t *entry, int64_t timestamp, int64_t relative);

/* An index as a search sees it. */
struct index_view {
    struct disk_file *disk;
    const uint8_t *tail; /* NULL: the file alone */
    uint32_t flushed;
    uint32_t count;
    uint32_t entry_bytes;
    bool hot; /* ERR_BUSY instead of waiting */
};
enum index_key {
    KEY_OFFSET,      /* of an offset entry, relative */
    KEY_POSITION,    /* of an offset entry */
    KEY_TIMESTAMP,   /* of a time entry */
    KEY_TIME_OFFSET, /* of a time entry, relative */
};
int64_t index_key_of(const uint8_t *entry, enum index_key);
err_t index_view_get(const struct index_view *, uint32_t i, uint8_t *ret_entry) MUST_USE;
/* How many entries have a key <= this one. */
err_t index_view_rank(const struct index_view *, enum index_key, int64_t value,
                      uint32_t *ret_count) MUST_USE;

/* --- walking over batches (walk.c) --- */
struct batch_walk {
    struct disk_file *disk;
    int64_t at;  /* of the next batch */
    int64_t end; /* of the bytes that count */
    bool hot;    /* ERR_BUSY instead of waiting */
    uint8_t *buf;
    size_t room;
    int64_t buf_at;
    size_t buf_n;
};
void walk_init(struct batch_walk *, struct disk_file *, int64_t at, int64_t end, uint8_t *buf,
               size_t room);
/* ERR_NOT_FOUND at the end; ERR_TRUNCATED: the batch passes the end; ERR_VERSION, ERR_CORRUPT, ERR_MALFORMED: no batch;
 * ERR_RANGE: the file is shorter than `end`; ERR_BUSY, ERR_IO. After an error `at` has not moved. */
err_t walk_next(struct batch_walk *, struct batch_header *ret_header, int64_t *ret_at) MUST_USE;
/* Of a batch that walk_next gave. */
err_t walk_check_crc(struct batch_walk *, const struct crc32c_impl *, const struct batch_header *,
                     int64_t at) MUST_USE;
/* n <= room bytes at a position, in the walk's buffer. */
err_t walk_bytes(struct batch_walk *, int64_t at, size_t n, const uint8_t **ret_p) MUST_USE;

/* --- searching one segment (search.c) --- */
struct segment_view {
    struct disk_file *disk;
    int64_t base;
    int64_t bytes;
    struct index_view offsets;
    struct index_view times;
    bool hot;
};
/* Known positions, -1: not known. */
struct search_hints {
    int64_t start_at; /* of `offset` */
    int64_t limit_at; /* of `limit` */
};
err_t segment_view_open(struct log *, struct log_segment *, bool hot,
                        struct segment_view *ret_view) MUST_USE;
/* The first batch that ends at or behind an offset; ERR_NOT_FOUND: none. Fills the walk, which stands behind it. */
err_t search_offset(const struct segment_view *, int64_t offset, struct batch_walk *,
                    struct batch_header *ret_header, int64_t *ret_at) MUST_USE;
/* Sets at, bytes, base_offset, end_offset. bytes = 0: nothing; at = -1 as well: no batch at all behind the offset. */
err_t search_run(const struct segment_view *, const struct log_search *,
                 const struct search_hints *, struct log_range *) MUST_USE;

/* --- marks (read.c) --- */
void log_mark_put(struct log_mark *marks, uint8_t *next, uint8_t room, struct log_mark);
void log_marks_clear(struct log *);

/* --- opening (open.c, recover.c, adopt.c, hole.c) --- */
struct log_recovery {
    struct log *log;
    struct log_report *report;
    const struct disk_entry *entries; /* of the folder, by name */
    size_t entry_count;
    int64_t point; /* below it every byte was on disk */
    bool clean;
    bool rewrite;
    uint8_t *scratch; /* SCAN_BYTES */
};
/* How far a scan has come. */
struct log_scan {
    int64_t next;     /* the offset that must follow */
    int64_t crc_from; /* batches that end at or behind this offset are checked */
    int64_t bad_at;   /* where the first bad batch begins in its segment */
    int32_t epoch;
    bool rotten; /* what ends it is no torn tail, though it lies behind the recovery point */
};
/* Segments stand in the array with their sizes; finds the end, cuts what is torn, makes indexes again. */
err_t log_recover(struct log_recovery *) MUST_USE;
/* Batches of one segment from a position on, into its entries and timestamps. ERR_CORRUPT: scan->bad_at. */
err_t recovery_scan(struct log_recovery *, struct log_segment *, int64_t from,
                    struct log_scan *) MUST_USE;
/* A segment that is not scanned: its indexes are looked over, and made again if they are wrong. */
err_t recovery_adopt(struct log_recovery *, uint32_t i) MUST_USE;
/* The index entries of the first scanned segment that can be kept, and where the scan begins. */
err_t recovery_resume(struct log_recovery *, struct log_segment *, int64_t *ret_from) MUST_USE;
/* Empties the indexes of a segment and what was known from them: a scan from its beginning makes them again. */
err_t recovery_forget(struct log_recovery *, struct log_segment *) MUST_USE;
/* Size of a file of the folder, -1: not there. */
int64_t recovery_file_bytes(const struct log_recovery *, int64_t base, const char *suffix);

/* --- ending in a hole (hole.c) --- */
/* Before it is recovered: one that compaction left at its end is filled. */
err_t hole_fill(struct log_recovery *, struct arena *scratch) MUST_USE;

/* --- cutting (cut.c) --- */
/* Seals a segment that was scanned; on a full device it goes without indexes, which readers can do without: what would make room there,
 * retention, could not begin else. */
err_t recovery_seal(struct log *, struct log_segment *) MUST_USE;
/* Takes segments from the end of the array off, newest first, until `keep` are left. */
err_t log_retire_newest(struct log *, uint32_t keep) MUST_USE;
err_t truncated_note_load(struct log *, struct arena *scratch, int64_t *ret_offset) MUST_USE;
/* Before the first segment of a log is there (see log_known), or before all that there is goes. */
err_t renewed_note(struct log *) MUST_USE;
/* The checkpoints tell of this log as it is by now. The note is gone for good with the next sync; a power cut before may bring it
 * back, which costs scanning, and would take rot that has come in the same moment for a torn tail. */
err_t note_forget(struct log *) MUST_USE;

#endif
