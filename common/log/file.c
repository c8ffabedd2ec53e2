#include <inttypes.h>
#include <stdio.h>

#include "common/log/log_internal.h"
#include "common/port/memory.h"

#define BASE_DIGITS 20

void log_path_file(const struct log *log, const char *name, struct log_path *ret_path)
{
    int n = snprintf(ret_path->s, sizeof(ret_path->s), "%s/%s", log->dir, name);
    assert(n > 0 && (size_t)n < sizeof(ret_path->s));
}

void log_path_segment(const struct log *log, int64_t base, const char *suffix,
                      struct log_path *ret_path)
{
    assert(base >= 0);
    int n = snprintf(ret_path->s, sizeof(ret_path->s), "%s/%020" PRId64 "%s", log->dir, base,
                     suffix);
    assert(n > 0 && (size_t)n < sizeof(ret_path->s));
}

bool log_name_parse(const char *name, const char *suffix, int64_t *ret_base)
{
    int64_t base = 0;
    for (int i = 0; i < BASE_DIGITS; i++) {
        if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(base, 10, &base) ||
            __builtin_add_overflow(base, name[i] - '0', &base)) {
            return false;
        }
    }
    *ret_base = base;
    return strcmp(name + BASE_DIGITS, suffix) == 0;
}

err_t log_file_open(struct host *host, const char *path, unsigned flags, struct log_file **ret_file)
{
    const struct memory_source *source = memory_source(host);
    struct disk_file *disk = NULL;
    TRY(disk_open(host, path, flags, &disk));
    struct log_file *file = source->take(source->ctx, sizeof(*file));
    if (file == NULL) {
        disk_close(disk);
        return ERR_NO_MEMORY;
    }
    atomic_init(&file->references, 1);
    file->source = source;
    file->disk = disk;
    *ret_file = file;
    return OK;
}

struct log_file *log_file_share(struct log_file *file)
{
    if (file != NULL) {
        unsigned before = atomic_fetch_add_explicit(&file->references, 1, memory_order_relaxed);
        assert(before > 0);
        (void)before;
    }
    return file;
}

void log_file_release(void *log_file)
{
    struct log_file *file = log_file;
    if (file == NULL) {
        return;
    }
    unsigned before = atomic_fetch_sub_explicit(&file->references, 1, memory_order_acq_rel);
    assert(before > 0);
    if (before == 1) {
        disk_close(file->disk);
        file->source->give(file->source->ctx, file, sizeof(*file));
    }
}

void log_file_drop(struct log_file **slot)
{
    log_file_release(*slot);
    *slot = NULL;
}

static struct log_doomed *doomed_new(struct log *log, const char *path)
{
    size_t n = strlen(path) + 1;
    struct log_doomed *doomed = log->source->take(log->source->ctx, sizeof(*doomed) + n);
    if (doomed != NULL) {
        doomed->next = NULL;
        doomed->host = log->host;
        doomed->bytes = sizeof(*doomed) + n;
        memcpy(doomed->path, path, n);
    }
    return doomed;
}

err_t log_doom(struct log *log, const char *path)
{
    struct log_path to;
    int n = snprintf(to.s, sizeof(to.s), "%s%s", path, DELETED_SUFFIX);
    assert(n > 0 && (size_t)n < sizeof(to.s));
    struct log_doomed *doomed = doomed_new(log, to.s);
    ENSURE(doomed != NULL, ERR_NO_MEMORY);
    err_t err = disk_rename(log->host, path, to.s);
    bool renamed = err == OK;
    if (err == ERR_NO_SPACE) { /* for the longer name: then it goes at once */
        err = disk_unlink(log->host, path);
    }
    if (!renamed) {
        log->source->give(log->source->ctx, doomed, doomed->bytes);
        return err == ERR_NOT_FOUND ? OK : err;
    }
    doomed->next = log->doomed;
    log->doomed = doomed;
    return OK;
}

err_t log_doom_hints(struct log *log, const struct log_segment *segment)
{
    static const char *const suffixes[] = {OFFSETS_SUFFIX, TIMES_SUFFIX, ".txnindex"};
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        struct log_path path;
        log_path_segment(log, segment->base, suffixes[i], &path);
        TRY(log_doom(log, path.s));
    }
    return OK;
}

/* The batches last: as long as they have their name, the segment is there. */
err_t log_doom_segment(struct log *log, const struct log_segment *segment)
{
    struct log_path path;
    TRY(log_doom_hints(log, segment));
    log_path_segment(log, segment->base, LOG_SUFFIX, &path);
    return log_doom(log, path.s);
}

struct log_doomed *log_doomed_take(struct log *log)
{
    struct log_doomed *doomed = log->doomed;
    log->doomed = NULL;
    return doomed;
}

void log_doomed_run(struct log_doomed *doomed)
{
    while (doomed != NULL) {
        struct log_doomed *next = doomed->next;
        struct host *host = doomed->host;
        const struct memory_source *source = memory_source(host);
        if (disk_unlink(host, doomed->path) != OK) {
            /* Gone already, or it goes when the log is opened again. */
            assert(doomed->bytes > sizeof(*doomed));
        }
        source->give(source->ctx, doomed, doomed->bytes);
        doomed = next;
    }
}
