/*
 * Small files that are read and replaced as a whole: paths, bounds and the steps that all of them share.
 */
#ifndef ODRADEK_LOG_SMALL_FILE_H
#define ODRADEK_LOG_SMALL_FILE_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/err.h"

struct host;

/* <folder>/<name> into the arena. ERR_NOT_FOUND, ERR_TOO_LARGE, ERR_NO_MEMORY, ERR_IO. Blocking. */
err_t small_file_load(struct host *, const char *folder, const char *name, size_t bytes_max,
                      struct arena *, struct slice *ret_bytes) MUST_USE;
/* Replaces it by what the buf holds, unless the buf has an error, and releases the buf. Safe after OK. Blocking. */
err_t small_file_save(struct host *, const char *folder, const char *name, struct buf *) MUST_USE;
/* The file in memory of its own, for files of a few lines; then call arena_release. */
err_t small_file_read(struct host *, const char *folder, const char *name, size_t bytes_max,
                      struct arena *ret_arena, struct slice *ret_bytes) MUST_USE;
/* What whoever reads one is told where there is none, or it says nothing: it goes on without. Any other error: what it says cannot be
 * known now. */
static inline bool small_file_missing(err_t err)
{
    return err == ERR_NOT_FOUND || err == ERR_MALFORMED || err == ERR_VERSION ||
           err == ERR_TOO_LARGE;
}
/* Removes it and syncs the folder; OK when it is not there. Blocking. */
err_t small_file_remove(struct host *, const char *folder, const char *name) MUST_USE;

/* A folder with all that it lies in; OK when it is there. What is made is safe. Blocking. ERR_NOT_FOUND: a file stands in the
 * way; ERR_PERMISSION, ... */
err_t small_file_folders(struct host *, const char *path) MUST_USE;

#endif
