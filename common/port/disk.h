/*
 * Files. Calls marked [pool] can wait for the device: they run inside a disk job, or before the node serves anyone.
 * The others touch the page cache or the directory cache only and may run on a loop.
 *
 * Durability is literal: bytes are safe after disk_sync, names (create, rename, unlink) after disk_sync_dir of their folder.
 * A failed disk_sync means that bytes may be lost, also ones written before: never retry and trust it (the kernel reports a
 * writeback error once and marks the pages clean).
 *
 * Paths are plain strings relative to the process's working folder or absolute. A file handle may be used from any thread;
 * positions are given with every call.
 */
#ifndef ODRADEK_PORT_DISK_H
#define ODRADEK_PORT_DISK_H

#include "common/base/arena.h"
#include "common/base/err.h"
#include "common/base/uuid.h"
#include "common/port/loop.h"

struct disk_file;
struct disk_lock;

enum disk_flags {
    DISK_READ = 0,      /* read only */
    DISK_WRITE = 1,     /* read and write */
    DISK_CREATE = 2,    /* make it if it is not there (with DISK_WRITE) */
    DISK_EXCLUSIVE = 4, /* ERR_EXISTS if it is there (with DISK_CREATE) */
};

/* ERR_NOT_FOUND, ERR_EXISTS, ERR_PERMISSION, ERR_LIMIT (too many open files), ERR_NO_SPACE, ERR_IO. */
err_t disk_open(struct host *, const char *path, unsigned flags,
                struct disk_file **ret_file) MUST_USE;
void disk_close(struct disk_file *);

/* Writes all pieces, one behind the other, at this position. On an error any part of them may be in the file.
 * ERR_NO_SPACE, ERR_IO. */
err_t disk_write(struct disk_file *, const struct slice *pieces, size_t count, int64_t at) MUST_USE;
/* Reads up to n bytes; fewer only at the end of the file. Can wait for the device if the range is cold. */
err_t disk_read(struct disk_file *, int64_t at, void *p, size_t n, size_t *ret_n) MUST_USE;
/* Whether this range can be read without waiting for the device. */
bool disk_hot(struct disk_file *, int64_t at, size_t n);
err_t disk_size(struct disk_file *, int64_t *ret_bytes) MUST_USE;
err_t disk_truncate(struct disk_file *, int64_t bytes) MUST_USE;
/* [pool] */
err_t disk_sync(struct disk_file *) MUST_USE;

err_t disk_mkdir(struct host *,
                 const char *path) MUST_USE; /* ERR_EXISTS if it is there; parents must exist */
err_t disk_rmdir(struct host *, const char *path) MUST_USE;                  /* must be empty */
err_t disk_rename(struct host *, const char *from, const char *to) MUST_USE; /* replaces */
err_t disk_unlink(struct host *, const char *path) MUST_USE;   /* [pool] for large files */
err_t disk_sync_dir(struct host *, const char *path) MUST_USE; /* [pool] */

struct disk_entry {
    const char *name; /* without the folder */
    bool is_dir;
    int64_t bytes;
    time_ms modified_wall_ms;
};
/* Entries of a folder in bytewise order of their names, without "." and ".."; in the arena. */
err_t disk_list(struct host *, const char *path, struct arena *, struct disk_entry **ret_entries,
                size_t *ret_count) MUST_USE;

/* A whole small file into the arena. ERR_TOO_LARGE above bytes_max. [pool] */
err_t disk_read_file(struct host *, const char *path, size_t bytes_max, struct arena *,
                     struct slice *ret_bytes) MUST_USE;
/* Write a temporary file beside it, sync, rename, sync the folder: after OK the new content is safe, before it the old one
 * is. [pool] */
err_t disk_replace_file(struct host *, const char *path, struct slice bytes) MUST_USE;

/* Takes the lock file of a data folder, ERR_LOCKED when another living process has it. */
err_t disk_lock(struct host *, const char *path, struct disk_lock **ret_lock) MUST_USE;
void disk_unlock(struct disk_lock *);

/* Free and total bytes of the device behind a path. */
err_t disk_space(struct host *, const char *path, int64_t *ret_free_bytes,
                 int64_t *ret_total_bytes) MUST_USE;

/* An id that changes when the machine boots, not when the process starts. */
void disk_boot_id(struct host *, struct uuid *ret_boot_id);

/*
 * A job for the pool: `work` runs on a pool thread, then `done` on the loop that submitted it. The job lives inside its
 * owner and must stay in place until done. Jobs may run in any order and side by side.
 * done == NULL: nobody is told, and the pool does not touch the job from `work` on, which may free it or submit it again.
 */
struct disk_job {
    struct mail mail; /* the pool's own from submission to done */
    struct loop *loop;
    struct disk_job *next; /* the pool's own */
    void (*work)(struct disk_job *);
    void (*done)(struct disk_job *);
};
void disk_submit(struct loop *, struct disk_job *);

#endif
