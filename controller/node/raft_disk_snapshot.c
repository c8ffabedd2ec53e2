/*
 * Snapshot files: an 8-byte mark, the snapshot's id packed as its voters with index and term before them, the body, and
 * a CRC32C over all of it. All integers big-endian.
 *
 *     at  bytes
 *      0      8  "odrsnap1"
 *      8      8  index
 *     16      4  term
 *     20      4  n: bytes of the packed voters (raft_wire_voters_pack)
 *     24      n  voters
 *   24+n         body: metadata batches, as the state machine wrote them
 *   last      4  CRC32C
 */
#include <stdio.h>

#include "common/base/bytes.h"
#include "controller/node/raft_disk_internal.h"

#define SNAPSHOT_MARK   "odrsnap1"
#define SNAPSHOT_HEAD   24u
#define SNAPSHOT_SUFFIX ".checkpoint"
#define DOWNLOAD_FILE   "download.part"

static void snapshot_path(const struct raft_disk *store, raft_index index, raft_term term,
                          char *ret_path)
{
    char name[64];
    (void)snprintf(name, sizeof(name), "%020lld-%010d" SNAPSHOT_SUFFIX, (long long)index, term);
    store_path(store, name, ret_path);
}

/* Checks a whole file and takes its id and body out of it. */
static err_t snapshot_parse(const struct raft_disk *store, struct slice file,
                            struct raft_snapshot *ret_snapshot, struct slice *ret_body)
{
    ENSURE(file.n >= SNAPSHOT_HEAD + 4 && memcmp(file.p, SNAPSHOT_MARK, 8) == 0, ERR_CORRUPT);
    ENSURE(crc32c(store->crc, file.p, file.n - 4) == load_be32(file.p + file.n - 4), ERR_CORRUPT);
    size_t voters = load_be32(file.p + 20);
    ENSURE(voters <= file.n - SNAPSHOT_HEAD - 4, ERR_CORRUPT);
    ret_snapshot->index = (raft_index)load_be64(file.p + 8);
    ret_snapshot->term = (raft_term)load_be32(file.p + 16);
    ENSURE(ret_snapshot->index > 0 && ret_snapshot->term > 0, ERR_CORRUPT);
    TRY(raft_wire_voters_unpack(slice_of(file.p + SNAPSHOT_HEAD, voters), &ret_snapshot->voters));
    *ret_body = slice_of(file.p + SNAPSHOT_HEAD + voters, file.n - SNAPSHOT_HEAD - 4 - voters);
    return OK;
}

static bool is_snapshot(const char *name)
{
    size_t n = strlen(name);
    size_t suffix = strlen(SNAPSHOT_SUFFIX);
    return n > suffix && strcmp(name + n - suffix, SNAPSHOT_SUFFIX) == 0;
}

static err_t snapshot_load(struct raft_disk *store, const char *path, struct arena *arena,
                           struct raft_snapshot *ret_snapshot, struct slice *ret_body)
{
    struct slice file;
    TRY(disk_read_file(store->host, path, SNAPSHOT_BYTES_MAX, arena, &file));
    return snapshot_parse(store, file, ret_snapshot, ret_body);
}

/* Older ones go, and a broken one is an error: it was durable once, and the log behind it is gone. */
err_t store_snapshots_open(struct raft_disk *store, struct arena *arena)
{
    struct disk_entry *entries;
    size_t count;
    const char *newest = NULL;
    store->snapshot.voters = store->founding.voters;
    TRY(disk_list(store->host, store->dir, arena, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        if (is_snapshot(entries[i].name)) {
            newest = entries[i].name; /* names sort by index */
        }
    }
    for (size_t i = 0; i < count; i++) {
        char path[STORE_PATH_MAX];
        store_path(store, entries[i].name, path);
        bool old = is_snapshot(entries[i].name) && entries[i].name != newest;
        if (old || strstr(entries[i].name, ".tmp") != NULL ||
            strcmp(entries[i].name, DOWNLOAD_FILE) == 0) {
            TRY(disk_unlink(store->host, path));
        }
    }
    if (newest == NULL) {
        return OK;
    }
    char path[STORE_PATH_MAX];
    struct slice body;
    char named[STORE_PATH_MAX];
    store_path(store, newest, path);
    TRY(snapshot_load(store, path, arena, &store->snapshot, &body));
    snapshot_path(store, store->snapshot.index, store->snapshot.term, named);
    ENSURE(strcmp(path, named) == 0, ERR_CORRUPT); /* it will be looked for by its id */
    return OK;
}

void store_snapshots_close(struct raft_disk *store)
{
    disk_close(store->download);
    disk_close(store->reading);
    if (store->saving.bytes.heap != NULL) {
        buf_release(&store->saving.bytes);
    }
}

/* The newest snapshot is another one now: its predecessor's file goes. */
static void snapshot_adopt(struct raft_disk *store, const struct raft_snapshot *snapshot)
{
    char path[STORE_PATH_MAX];
    raft_index old = store->snapshot.index;
    raft_term old_term = store->snapshot.term;
    assert(snapshot->index > old);
    store->snapshot = *snapshot;
    if (old > 0) {
        snapshot_path(store, old, old_term, path);
        IGNORE(
            disk_unlink(store->host, path)); /* left over, it goes when the store is opened next */
    }
}

/* ---- our own ---- */

static void save_work(struct disk_job *job)
{
    struct snapshot_job *saving = CONTAINER_OF(job, struct snapshot_job, job);
    saving->err = disk_replace_file(saving->store->host, saving->path, buf_slice(&saving->bytes));
}

static void save_done(struct disk_job *job)
{
    struct snapshot_job *saving = CONTAINER_OF(job, struct snapshot_job, job);
    struct raft_disk *store = saving->store;
    buf_release(&saving->bytes);
    saving->busy = false;
    if (saving->err != OK) {
        store_fail(store, "writing a snapshot", saving->err);
        return;
    }
    if (saving->snapshot.index <=
        store->snapshot.index) { /* the leader sent a newer one meanwhile */
        IGNORE(disk_unlink(store->host, saving->path));
        return;
    }
    snapshot_adopt(store, &saving->snapshot);
    store->events->snapshot_durable(store->ctx, saving->snapshot.index, saving->snapshot.term);
}

static void put_be(struct buf *out, uint64_t value, size_t bytes)
{
    uint8_t word[8];
    store_be64(word, value);
    buf_put(out, word + 8 - bytes, bytes);
}

err_t raft_disk_snapshot(struct raft_disk *store, raft_index index, raft_term term,
                         const struct raft_voters *voters, struct slice body)
{
    struct snapshot_job *saving = &store->saving;
    ENSURE(!saving->busy && !store->failed, ERR_BUSY);
    struct arena arena;
    struct slice packed;
    arena_init(&arena, store->heap->arena.source, 1024, 8192);
    err_t err = raft_wire_voters_pack(voters, &arena, &packed);
    buf_init(&saving->bytes, store->heap, SNAPSHOT_BYTES_MAX);
    if (err == OK) {
        buf_put(&saving->bytes, SNAPSHOT_MARK, 8);
        put_be(&saving->bytes, (uint64_t)index, 8);
        put_be(&saving->bytes, (uint64_t)term, 4);
        put_be(&saving->bytes, packed.n, 4);
        buf_put(&saving->bytes, packed.p, packed.n);
        buf_put(&saving->bytes, body.p, body.n);
        put_be(&saving->bytes, crc32c(store->crc, saving->bytes.p, saving->bytes.n), 4);
        err = saving->bytes.err;
    }
    arena_release(&arena);
    if (err != OK) {
        buf_release(&saving->bytes);
        return err;
    }
    saving->store = store;
    saving->snapshot = (struct raft_snapshot){.index = index, .term = term, .voters = *voters};
    snapshot_path(store, index, term, saving->path);
    saving->busy = true;
    saving->job.work = save_work;
    saving->job.done = save_done;
    disk_submit(store->loop, &saving->job);
    return OK;
}

/* ---- sent and received ---- */

err_t raft_disk_snapshot_body(struct raft_disk *store, struct arena *arena, struct slice *ret_body)
{
    char path[STORE_PATH_MAX];
    struct raft_snapshot snapshot;
    ENSURE(store->snapshot.index > 0, ERR_NOT_FOUND);
    snapshot_path(store, store->snapshot.index, store->snapshot.term, path);
    return snapshot_load(store, path, arena, &snapshot, ret_body);
}

/* Before it is sent: who receives rotten bytes cannot know whose fault that is. */
static err_t snapshot_check(struct raft_disk *store, const char *path)
{
    struct arena arena;
    struct raft_snapshot snapshot;
    struct slice body;
    arena_init(&arena, store->heap->arena.source, 4096, SNAPSHOT_BYTES_MAX + 4096);
    err_t err = snapshot_load(store, path, &arena, &snapshot, &body);
    arena_release(&arena);
    if (err == ERR_CORRUPT) {
        store_rotten(store, "the snapshot of the metadata");
    }
    return err;
}

static err_t reading_open(struct raft_disk *store, raft_index index)
{
    char path[STORE_PATH_MAX];
    ENSURE(index == store->snapshot.index && index > 0, ERR_NOT_FOUND);
    if (store->reading_index != index) {
        disk_close(store->reading);
        store->reading = NULL;
        store->reading_index = 0;
        snapshot_path(store, index, store->snapshot.term, path);
        TRY(snapshot_check(store, path));
        TRY(disk_open(store->host, path, DISK_READ, &store->reading));
        store->reading_index = index;
    }
    return OK;
}

err_t raft_disk_snapshot_chunk(struct raft_disk *store, raft_index index, uint64_t offset, size_t n,
                               struct arena *arena, struct slice *ret_bytes, bool *ret_last)
{
    int64_t size = 0;
    size_t got = 0;
    TRY(reading_open(store, index));
    TRY(disk_size(store->reading, &size));
    ENSURE(offset <= (uint64_t)size, ERR_RANGE);
    uint8_t *p = arena_alloc(arena, n);
    ENSURE(p != NULL, ERR_NO_MEMORY);
    TRY(disk_read(store->reading, (int64_t)offset, p, n, &got));
    *ret_bytes = slice_of(p, got);
    *ret_last = offset + got == (uint64_t)size;
    return OK;
}

static err_t download_open(struct raft_disk *store, raft_index snapshot, uint64_t offset)
{
    char path[STORE_PATH_MAX];
    if (offset == 0) {
        disk_close(store->download);
        store->download = NULL;
        store_path(store, DOWNLOAD_FILE, path);
        TRY(disk_open(store->host, path, DISK_WRITE | DISK_CREATE, &store->download));
        TRY(disk_truncate(store->download, 0));
        store->download_index = snapshot;
    }
    ENSURE(store->download != NULL && store->download_index == snapshot, ERR_RANGE);
    return OK;
}

void raft_disk_chunk(struct raft_disk *store, uint64_t write, raft_index snapshot, uint64_t offset,
                     struct slice bytes)
{
    if (store->failed) {
        return;
    }
    err_t err = download_open(store, snapshot, offset);
    if (err == OK) {
        err = disk_write(store->download, &bytes, 1, (int64_t)offset);
    }
    if (err != OK) {
        store_fail(store, "keeping a snapshot's chunk", err);
        return;
    }
    store_written(store, write); /* the chunk itself is synced when it is published */
}

err_t store_download_publish(struct raft_disk *store, const struct raft_snapshot *snapshot)
{
    char from[STORE_PATH_MAX];
    char to[STORE_PATH_MAX];
    struct arena arena;
    struct raft_snapshot found;
    struct slice body;
    ENSURE(store->download != NULL && store->download_index == snapshot->index, ERR_RANGE);
    TRY(MUTANT(59) ? OK : disk_sync(store->download));
    disk_close(store->download);
    store->download = NULL;
    store_path(store, DOWNLOAD_FILE, from);
    arena_init(&arena, store->heap->arena.source, 4096, SNAPSHOT_BYTES_MAX + 4096);
    err_t err = snapshot_load(store, from, &arena, &found, &body);
    arena_release(&arena);
    TRY(err);
    ENSURE(found.index == snapshot->index && found.term == snapshot->term, ERR_CORRUPT);
    snapshot_path(store, snapshot->index, snapshot->term, to);
    TRY(disk_rename(store->host, from, to));
    TRY(disk_sync_dir(store->host, store->dir));
    if (snapshot->index > store->snapshot.index) {
        snapshot_adopt(store, &found);
    }
    return OK;
}
