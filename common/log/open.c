#include <stdio.h>

#include "common/log/log_internal.h"
#include "common/port/memory.h"

#define LIST_CHUNK_BYTES 4096
#define LIST_BYTES_MAX   (64u << 20)

static bool name_ends(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t end = strlen(suffix);
    return n >= end && strcmp(name + n - end, suffix) == 0;
}

/* The folder that holds this one. */
static void parent_of(const char *dir, struct log_path *ret_parent)
{
    const char *slash = strrchr(dir, '/');
    int n = slash == NULL || slash == dir
                ? snprintf(ret_parent->s, sizeof(ret_parent->s), slash == NULL ? "." : "/")
                : snprintf(ret_parent->s, sizeof(ret_parent->s), "%.*s", (int)(slash - dir), dir);
    assert(n > 0 && (size_t)n < sizeof(ret_parent->s));
}

static err_t dir_make(struct log *log)
{
    err_t err = disk_mkdir(log->host, log->dir);
    return err == ERR_EXISTS ? OK : err_of_write(err);
}

/* An empty one was made just now, or by whoever died or failed before its name was on disk. */
static err_t dir_name_sync(const struct log *log)
{
    struct log_path parent;
    parent_of(log->dir, &parent);
    return err_of_write(disk_sync_dir(log->host, parent.s));
}

/* What an earlier life left behind. */
static err_t leftovers_remove(struct log_recovery *r)
{
    static const char *const gone[] = {DELETED_SUFFIX, ".cleaned", ".tmp"};
    for (size_t i = 0; i < r->entry_count; i++) {
        const char *name = r->entries[i].name;
        ENSURE(!name_ends(name, ".swap"), ERR_UNSUPPORTED);
        for (size_t g = 0; g < ARRAY_LEN(gone); g++) {
            if (!r->entries[i].is_dir && name_ends(name, gone[g])) {
                struct log_path path;
                log_path_file(r->log, name, &path);
                TRY(err_of_write(disk_unlink(r->log->host, path.s)));
            }
        }
    }
    return OK;
}

/* Indexes whose batches are gone. Names are in order, and ".index" comes before ".log". */
static err_t orphans_remove(struct log_recovery *r)
{
    static const char *const suffixes[] = {OFFSETS_SUFFIX, TIMES_SUFFIX};
    for (size_t i = 0; i < r->entry_count; i++) {
        for (size_t s = 0; s < ARRAY_LEN(suffixes); s++) {
            int64_t base = 0;
            struct log_path path;
            if (strlen(r->entries[i].name) == 20 + strlen(suffixes[s]) &&
                log_name_parse(r->entries[i].name, suffixes[s], &base) &&
                recovery_file_bytes(r, base, LOG_SUFFIX) < 0) {
                log_path_file(r->log, r->entries[i].name, &path);
                TRY(err_of_write(disk_unlink(r->log->host, path.s)));
            }
        }
    }
    return OK;
}

static err_t segments_find(struct log_recovery *r)
{
    for (size_t i = 0; i < r->entry_count; i++) {
        const struct disk_entry *entry = &r->entries[i];
        struct log_segment *segment = NULL;
        int64_t base = 0;
        if (entry->is_dir || strlen(entry->name) != 20 + strlen(LOG_SUFFIX) ||
            !log_name_parse(entry->name, LOG_SUFFIX, &base)) {
            continue;
        }
        ENSURE(entry->bytes <= INT32_MAX, ERR_UNSUPPORTED);
        TRY(segment_new(r->log, base, entry->modified_wall_ms, &segment));
        segment->bytes = entry->bytes;
        segment->trusted_from = entry->bytes;
        err_t err = segment_push(r->log, segment);
        if (err != OK) {
            segment_free(r->log, segment);
            return err;
        }
    }
    return OK;
}

/* Segments wholly below the start were on their way out; a crash may have brought back any of them. */
static err_t segments_below_start(struct log *log, int64_t start)
{
    uint32_t n = 0;
    while (n + 1 < log->count && log->segments[n + 1]->base <= start) {
        TRY(err_of_write(log_doom_segment(log, log->segments[n])));
        segment_free(log, log->segments[n]);
        log->segments[n] = NULL;
        n++;
    }
    for (uint32_t i = n; i < log->count; i++) {
        log->segments[i - n] = log->segments[i];
    }
    log->count -= n;
    return OK;
}

/* Nothing lies in it, but perhaps the note of that which its maker was writing when he died. */
static bool only_just_made(const struct log_recovery *r)
{
    bool made = true;
    for (size_t i = 0; i < r->entry_count; i++) {
        made = made && name_ends(r->entries[i].name, ".tmp");
    }
    return made;
}

static err_t open_empty(struct log *log, int64_t start, struct log_report *report)
{
    log->start = start;
    log->end = start;
    log->durable_end = start;
    if (report->recovery_point > start) { /* what was synced is gone, files and all */
        report->bad_offset = start;
        return ERR_CORRUPT;
    }
    report->segments = 1;
    TRY(err_of_write(log_roll_new(log, 0)));
    return log_sync_all(log);
}

static err_t open_segments(struct log_recovery *r, int64_t start)
{
    struct log *log = r->log;
    log->start = log->segments[0]->base;
    TRY(log_recover(r));
    if (start > log->end) {
        r->report->restarted = true;
        TRY(err_of_write(log_restart(log, start, false, 0)));
        TRY(log_sync_all(log));
    }
    log->start = max_i64(log->start, start);
    log->durable_end = log->end;
    return OK;
}

static err_t open_files(struct log_recovery *r, const struct log_known *known,
                        struct arena *scratch)
{
    struct log *log = r->log;
    struct disk_entry *entries = NULL;
    int64_t noted = INT64_MAX;
    TRY(dir_make(log));
    TRY(disk_list(log->host, log->dir, scratch, &entries, &r->entry_count));
    r->entries = entries;
    TRY(r->entry_count == 0 ? dir_name_sync(log) : OK);
    TRY(leftovers_remove(r));
    TRY(truncated_note_load(log, scratch, &noted));
    TRY(segments_find(r));
    TRY(orphans_remove(r));
    /* Of a log without its files what is given is believed; an empty folder was just made, by whoever died before it had a log. */
    bool made = only_just_made(r);
    bool fresh = log->count == 0 && known->recovery_point == 0 && (made || known->log_start == 0);
    bool another = known->renewed || known->written_point > 0 || known->log_start > 0;
    if (fresh && another && !MUTANT(148)) {
        TRY(err_of_write(renewed_note(log)));
    }
    if (log->renewed && known->clean) {
        /* Whoever stopped in order has written them anew; and it is gone for good before segments go on their word. */
        TRY(err_of_write(note_forget(log)));
        TRY(err_of_write(disk_sync_dir(log->host, log->dir)));
        noted = INT64_MAX; /* ... and they count: a cut below them has to be noted */
    }
    r->report->renewed = log->renewed && !known->told_here;
    int64_t most = log->renewed ? 0 : noted; /* whatever the checkpoint says */
    r->point = min_i64(known->recovery_point, most);
    r->report->recovery_point = r->point;
    log->saved_point = min_i64(max_i64(known->recovery_point, known->written_point), most);
    int64_t start = r->report->renewed ? 0 : known->log_start;
    if (log->count == 0) {
        TRY(open_empty(log, start, r->report));
    } else {
        TRY(segments_below_start(log, start));
        TRY(hole_fill(r, scratch));
        TRY(open_segments(r, start));
    }
    log->named_base = log_active(log)->base;
    for (uint32_t i = 0; i < log->count; i++) {
        assert(log->segments[i] != NULL);
        log->segments[i]->used = false;
    }
    log_rest(log);
    return OK;
}

static struct log *log_new(struct host *host, struct heap *heap, const char *dir,
                           const struct log_config *config)
{
    struct slice copy;
    struct log *log = HEAP_NEW(heap, struct log);
    if (log == NULL) {
        return NULL;
    }
    if (!heap_copy(heap, slice_of(dir, strlen(dir) + 1), &copy)) {
        heap_free(heap, log, sizeof(*log));
        return NULL;
    }
    log->host = host;
    log->heap = heap;
    log->source = memory_source(host);
    log->dir = (char *)(uintptr_t)copy.p;
    log->config = *config;
    log->dirty_base = INT64_MAX;
    return log;
}

err_t log_open(struct host *host, struct heap *heap, const char *dir,
               const struct log_config *config, const struct log_known *known, struct log **ret_log,
               struct log_report *ret_report)
{
    assert(config->crc != NULL && config->segment_bytes > 0 && config->index_interval_bytes >= 0);
    assert(known->recovery_point >= 0 && known->log_start >= 0);
    *ret_log = NULL;
    *ret_report = (struct log_report){.bad_offset = LOG_OFFSET_NONE};
    ENSURE(dir[0] != '\0' && strlen(dir) <= LOG_DIR_PATH_MAX, ERR_INVALID);
    struct log *log = log_new(host, heap, dir, config);
    ENSURE(log != NULL, ERR_NO_MEMORY);
    log->cut = known->told_here ? known->cuts + 1 : 0;
    log->proven_cut = log->cut;
    struct arena scratch;
    arena_init(&scratch, log->source, LIST_CHUNK_BYTES, LIST_BYTES_MAX);
    struct log_recovery r = {
        .log = log, .report = ret_report, .clean = known->clean, .rewrite = known->rewrite};
    r.scratch = log->source->take(log->source->ctx, SCAN_BYTES);
    err_t err = r.scratch == NULL ? ERR_NO_MEMORY : open_files(&r, known, &scratch);
    if (r.scratch != NULL) {
        log->source->give(log->source->ctx, r.scratch, SCAN_BYTES);
    }
    arena_release(&scratch);
    if (err != OK) {
        log_abandon(log);
        return err;
    }
    *ret_log = log;
    return OK;
}

void log_abandon(struct log *log)
{
    assert(!log->syncing);
    for (uint32_t i = 0; i < log->count; i++) {
        if (log->segments[i] != NULL) {
            segment_free(log, log->segments[i]);
        }
    }
    while (log->doomed != NULL) {
        struct log_doomed *next = log->doomed->next;
        log->source->give(log->source->ctx, log->doomed, log->doomed->bytes);
        log->doomed = next;
    }
    heap_free(log->heap, log->segments, log->room * sizeof(struct log_segment *));
    heap_free(log->heap, log->dir, strlen(log->dir) + 1);
    heap_free(log->heap, log, sizeof(*log));
}

err_t log_close(struct log *log)
{
    assert(!log->syncing);
    struct log_segment *active = log_active(log);
    err_t err = log->offline ? ERR_OFFLINE : OK;
    if (err == OK && active->bytes > 0) {
        err = segment_seal(log, active);
    }
    if (err == OK && !MUTANT(32)) {
        err = log_sync_all(log);
    }
    struct log_index *indexes[] = {&active->offsets, &active->times};
    for (size_t i = 0; i < ARRAY_LEN(indexes) && err == OK; i++) {
        if (indexes[i]->dirty) {
            err = disk_sync(indexes[i]->file->disk);
        }
    }
    if (err == OK && active->bytes > 0) {
        err = disk_sync_dir(log->host, log->dir); /* of the active indexes */
    }
    log_abandon(log);
    return err;
}

err_t log_remove(struct host *host, const char *dir)
{
    struct arena scratch;
    struct disk_entry *entries = NULL;
    size_t count = 0;
    arena_init(&scratch, memory_source(host), LIST_CHUNK_BYTES, LIST_BYTES_MAX);
    err_t err = disk_list(host, dir, &scratch, &entries, &count);
    for (size_t i = 0; i < count && err == OK; i++) {
        char *path = arena_printf(&scratch, "%s/%s", dir, entries[i].name);
        err = path == NULL ? ERR_NO_MEMORY : disk_unlink(host, path);
    }
    arena_release(&scratch);
    TRY(err);
    return disk_rmdir(host, dir);
}
