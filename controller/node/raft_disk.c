#include <stdio.h>

#include "common/log/small_file.h"
#include "common/log/text.h"
#include "common/port/clock.h"
#include "common/wire/record_batch_build.h"
#include "controller/node/raft_disk_internal.h"

#define STORE_FOLDER      "__cluster_metadata-0"
#define STATE_FILE        "quorum-state"
#define STATE_BYTES_MAX   65536
/* One line: the offset below which the log was once on disk. What is broken below it has rotted; behind it, where whole entries
 * follow too, a device without power may have written pages out of order. Told every so many entries; too low is no harm but
 * that rot is taken for a torn tail. Too high is the reverse, and the controller would not start again: before the log is cut
 * below it, another file says so, until it has been told anew. */
#define DURABLE_FILE      "durable-end"
#define CUT_FILE          "durable-cut"
#define DURABLE_BYTES_MAX 64
#define DURABLE_EVERY     64
#define SEGMENT_BYTES     (64 << 20)
#define BATCH_ROOM        256u
/* Control records of the metadata log: the key is two int16, a version and 100 + enum raft_entry_kind. */
#define CONTROL_TYPE_BASE 100

void store_path(const struct raft_disk *store, const char *name, char *ret_path)
{
    int n = snprintf(ret_path, STORE_PATH_MAX, "%s/%s", store->dir, name);
    assert(n > 0 && n < STORE_PATH_MAX);
}

void store_fail(struct raft_disk *store, const char *doing, err_t err)
{
    if (!store->failed) {
        char sentence[STORE_PATH_MAX + 256];
        store->failed = true;
        (void)snprintf(sentence, sizeof(sentence),
                       "%s in %s failed: %s; stopping, since a vote or an entry may be lost", doing,
                       store->dir, err_text(err));
        store->events->failed(store->ctx, sentence);
    }
}

void store_rotten(struct raft_disk *store, const char *what)
{
    if (!store->failed) {
        char sentence[STORE_PATH_MAX + 256];
        store->failed = true;
        (void)snprintf(
            sentence, sizeof(sentence),
            "%s in %s does not come back as it was written; stopping: empty this controller's "
            "directory while its peers run, and it is made anew from them",
            what, store->dir);
        store->events->failed(store->ctx, sentence);
    }
}

static err_t state_load(struct raft_disk *store, struct arena *arena)
{
    char path[STORE_PATH_MAX];
    struct slice text;
    struct quorum_state state; /* borrows from the text: the store's own owns what it holds */
    store_path(store, STATE_FILE, path);
    store->state = (struct quorum_state){.voted_for = RAFT_NOBODY};
    err_t err = disk_read_file(store->host, path, STATE_BYTES_MAX, arena, &text);
    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    TRY(err);
    TRY(quorum_state_parse(text, &state));
    struct slice kept;
    ENSURE(heap_copy(store->heap, state.cluster_id, &kept), ERR_NO_MEMORY);
    store->state = state;
    store->state.cluster_id = kept;
    store->founding = (struct raft_founding){.cluster_id = kept, .voters = store->state.founders};
    return OK;
}

/* One line with an offset; `none` where there is no such file, or it says nothing. One that cannot be opened now is no such. */
static err_t offset_load(struct raft_disk *store, const char *name, struct arena *arena,
                         int64_t none, int64_t *ret_offset)
{
    char path[STORE_PATH_MAX];
    struct slice text;
    store_path(store, name, path);
    err_t err = disk_read_file(store->host, path, DURABLE_BYTES_MAX, arena, &text);
    err = err == OK ? text_number_line(&text, 0, INT64_MAX, ret_offset) : err;
    ENSURE(err == OK || small_file_missing(err), err);
    *ret_offset = err == OK ? *ret_offset : none;
    return OK;
}

static err_t offset_save(struct raft_disk *store, const char *name, int64_t offset)
{
    char path[STORE_PATH_MAX];
    char text[DURABLE_BYTES_MAX];
    int n = snprintf(text, sizeof(text), "%lld\n", (long long)offset);
    assert(n > 0 && n < (int)sizeof(text));
    store_path(store, name, path);
    return disk_replace_file(store->host, path, slice_of(text, (size_t)n));
}

static err_t point_load(struct raft_disk *store, struct arena *arena)
{
    TRY(offset_load(store, DURABLE_FILE, arena, 0, &store->point));
    TRY(offset_load(store, CUT_FILE, arena, INT64_MAX, &store->cut));
    store->point = min_i64(store->point, store->cut);
    return OK;
}

/* Waits for the disk: leaders cut each other's entries rarely, and below what was told of them hardly ever. */
static err_t cut_tell(struct raft_disk *store, int64_t offset)
{
    int64_t told = max_i64(store->point, store->syncing ? store->sync_point : -1);
    if (offset >= told) {
        return OK;
    }
    if (offset < store->cut) {
        TRY(offset_save(store, CUT_FILE, offset));
        store->cut = offset;
    }
    store->cut_told = true;
    store->point = min_i64(store->point, offset);
    return OK;
}

/* The file of the point has been written anew, and covers what was cut before. */
static void cut_forget(struct raft_disk *store)
{
    char path[STORE_PATH_MAX];
    store_path(store, CUT_FILE, path);
    IGNORE(disk_unlink(store->host, path)); /* one that comes back says less than is true */
    store->cut = INT64_MAX;
}

err_t raft_disk_open(struct loop *loop, struct heap *heap, const char *folder,
                     const struct raft_disk_events *events, void *ctx, struct arena *arena,
                     struct raft_durable_state *ret_durable, struct raft_disk **ret_store)
{
    struct raft_disk *store = HEAP_NEW(heap, struct raft_disk);
    ENSURE(store != NULL, ERR_NO_MEMORY);
    store->host = loop_host(loop);
    store->loop = loop;
    store->heap = heap;
    store->events = events;
    store->ctx = ctx;
    store->crc = crc32c_detect();
    buf_init(&store->sync_text, heap, STATE_BYTES_MAX);
    int n = snprintf(store->dir, sizeof(store->dir), "%s/%s", folder, STORE_FOLDER);
    err_t err = n > 0 && (size_t)n < sizeof(store->dir) - 64 ? OK : ERR_INVALID;
    err = err == OK ? small_file_folders(store->host, store->dir) : err;
    err = err == OK ? state_load(store, arena) : err;
    err = err == OK ? point_load(store, arena) : err;
    err = err == OK ? store_snapshots_open(store, arena) : err;
    err = err == OK ? store_log_open(store, arena, ret_durable) : err;
    if (err != OK) {
        raft_disk_close(store);
        return err;
    }
    *ret_store = store;
    return OK;
}

bool raft_disk_busy(const struct raft_disk *store)
{
    return store->syncing || store->saving.busy;
}

bool raft_disk_saving(const struct raft_disk *store)
{
    return store->saving.busy;
}

void raft_disk_close(struct raft_disk *store)
{
    if (store == NULL) {
        return;
    }
    store_snapshots_close(store);
    if (store->log != NULL) {
        log_abandon(store->log);
    }
    buf_release(&store->sync_text);
    heap_free(store->heap, (void *)store->state.cluster_id.p, store->state.cluster_id.n);
    heap_free(store->heap, store, sizeof(*store));
}

const struct raft_founding *raft_disk_founding(const struct raft_disk *store)
{
    return &store->founding;
}

err_t raft_disk_found(struct raft_disk *store, struct slice cluster_id,
                      const struct raft_voters *voters)
{
    assert(store->founding.cluster_id.n == 0 && cluster_id.n > 0 && voters->count > 0);
    struct slice kept;
    char path[STORE_PATH_MAX];
    store_path(store, STATE_FILE, path);
    ENSURE(heap_copy(store->heap, cluster_id, &kept), ERR_NO_MEMORY);
    store->state.cluster_id = kept;
    store->state.founders = *voters;
    buf_clear(&store->sync_text);
    quorum_state_print(&store->state, &store->sync_text);
    TRY(store->sync_text.err);
    TRY(disk_replace_file(store->host, path, buf_slice(&store->sync_text)));
    store->founding = (struct raft_founding){.cluster_id = kept, .voters = *voters};
    return OK;
}

/* ---- the log ---- */

/* The entry in a batch; its payload borrows the batch's bytes. */
static err_t batch_entry(struct slice batch, struct raft_entry *ret_entry)
{
    struct batch_header header;
    struct record_reader reader;
    struct record record;
    bool more;
    TRY(batch_parse(batch, &header));
    ENSURE(header.records == 1 && header.leader_epoch > 0, ERR_CORRUPT);
    record_reader_init(&reader, &header,
                       slice_of(batch.p + BATCH_HEADER_BYTES, batch.n - BATCH_HEADER_BYTES));
    TRY(record_reader_next(&reader, &record, &more));
    ENSURE(more, ERR_CORRUPT);
    *ret_entry = (struct raft_entry){
        .term = header.leader_epoch, .kind = RAFT_DATA, .payload = record.value};
    if (header.attributes & BATCH_CONTROL) {
        ENSURE(record.key.n == 4, ERR_CORRUPT);
        int kind = record.key.p[3] - CONTROL_TYPE_BASE;
        ENSURE(kind == RAFT_LEADER_CHANGE || kind == RAFT_VOTERS, ERR_CORRUPT);
        ret_entry->kind = (enum raft_entry_kind)kind;
    }
    return OK;
}

/* What a replayed batch is: only control batches are handed out whole, and only they matter beyond their term. */
static err_t entry_check(const struct log_batch *batch, struct raft_entry *ret_entry)
{
    ENSURE(batch->facts.records == 1 && batch->facts.leader_epoch > 0, ERR_CORRUPT);
    *ret_entry = (struct raft_entry){.term = batch->facts.leader_epoch, .kind = RAFT_DATA};
    return batch->facts.control ? batch_entry(batch->whole, ret_entry) : OK;
}

struct facts {
    struct raft_run *runs;
    size_t run_count;
    size_t run_room;
    struct raft_voters_entry *voters;
    size_t voters_count;
    size_t voters_room;
};

static void *room_for_one(struct arena *arena, void *items, size_t count, size_t *room, size_t size)
{
    if (count < *room) {
        return items;
    }
    size_t more = *room == 0 ? 16 : *room * 2;
    void *grown = arena_array(arena, more, size);
    if (grown != NULL && count > 0) {
        memcpy(grown, items, count * size);
    }
    *room = more;
    return grown;
}

static err_t facts_add(struct facts *facts, struct arena *arena, raft_index index,
                       const struct raft_entry *entry)
{
    if (facts->run_count == 0 || facts->runs[facts->run_count - 1].term != entry->term) {
        facts->runs = room_for_one(arena, facts->runs, facts->run_count, &facts->run_room,
                                   sizeof(*facts->runs));
        ENSURE(facts->runs != NULL, ERR_NO_MEMORY);
        facts->runs[facts->run_count++] = (struct raft_run){.term = entry->term};
    }
    facts->runs[facts->run_count - 1].count++;
    if (entry->kind == RAFT_VOTERS) {
        facts->voters = room_for_one(arena, facts->voters, facts->voters_count, &facts->voters_room,
                                     sizeof(*facts->voters));
        ENSURE(facts->voters != NULL, ERR_NO_MEMORY);
        facts->voters[facts->voters_count].index = index;
        TRY(raft_wire_voters_unpack(entry->payload, &facts->voters[facts->voters_count].voters));
        facts->voters_count++;
    }
    return OK;
}

static err_t facts_gather(struct raft_disk *store, struct arena *arena, struct facts *facts)
{
    struct log_replay *replay;
    TRY(log_replay_open(store->log, log_start(store->log), &replay));
    err_t err;
    do {
        struct log_batch batch;
        struct raft_entry entry;
        err = log_replay_next(replay, &batch);
        if (err == OK) {
            err = entry_check(&batch, &entry);
        }
        if (err == OK) {
            err = facts_add(facts, arena, index_of_offset(batch.facts.base_offset), &entry);
        }
    } while (err == OK);
    log_replay_close(replay);
    return err == ERR_NOT_FOUND ? OK : err;
}

/* Whether the log and the snapshot belong together: it begins at or before the snapshot's end, reaches it, and has the
 * same term there. */
static bool log_fits(const struct raft_disk *store, const struct facts *facts)
{
    raft_index first = index_of_offset(log_start(store->log));
    raft_index at = first;
    raft_index index = store->snapshot.index;
    if (index == 0) {
        return at == 1;
    }
    if (at > index + 1 || index_of_offset(log_end(store->log)) <= index) {
        return false;
    }
    for (size_t i = 0; i < facts->run_count; at += facts->runs[i].count, i++) {
        if (index >= at && index < at + facts->runs[i].count) {
            return facts->runs[i].term == store->snapshot.term;
        }
    }
    return first == index + 1;
}

/* Empty, behind the snapshot. */
static err_t log_anew(struct raft_disk *store, raft_index snapshot)
{
    int64_t offset = offset_of_index(snapshot + 1);
    TRY(cut_tell(store, 0)); /* on the way it ends, or has a hole, anywhere */
    return log_restart(store->log, offset, false, clock_wall_ms(store->host));
}

/* Opening the log has cut it below what was told to be on disk: that had rotted, and what was acknowledged behind it is gone with it,
 * also behind the snapshot. The next start would find a log that ends before a snapshot, as an install that broke off leaves it: so it
 * is told of more than there will ever be. */
static err_t rot_refuse(struct raft_disk *store)
{
    TRY(store->cut == INT64_MAX ? OK : offset_save(store, CUT_FILE, INT64_MAX));
    TRY(offset_save(store, DURABLE_FILE, INT64_MAX));
    return ERR_CORRUPT;
}

err_t store_log_open(struct raft_disk *store, struct arena *arena,
                     struct raft_durable_state *ret_durable)
{
    const struct log_config config = {.segment_bytes = SEGMENT_BYTES,
                                      .segment_ms = INT64_MAX,
                                      .index_interval_bytes = 4096,
                                      .index_bytes_max = 1 << 20,
                                      .crc = store->crc};
    /* Whether an earlier process of this boot saw an fsync fail is not known here, and the log is short. */
    struct log_known known = {.rewrite = true};
    /* Of segments that were dropped a power cut may bring back some and not others: what lies before the snapshot is not looked
     * at, or the hole would take all that follows it. Its own entry is, for the term. */
    if (store->snapshot.index > 0) {
        known.log_start = offset_of_index(store->snapshot.index);
    }
    struct log_report report;
    TRY(log_open(store->host, store->heap, store->dir, &config, &known, &store->log, &report));
    bool rotten = report.bad_offset != LOG_OFFSET_NONE && report.bad_offset < store->point;
    TRY(rotten ? rot_refuse(store) : OK);
    /* What was once on disk is in the log, or a snapshot stands for it. (Whether whole entries lay behind what is broken is no
     * question to ask: opening the log has cut them off, and the next start would find nothing wrong.) */
    ENSURE(max_i64(log_end(store->log), offset_of_index(store->snapshot.index + 1)) >= store->point,
           ERR_CORRUPT);
    struct facts facts = {0};
    TRY(facts_gather(store, arena, &facts));
    if (!log_fits(store, &facts)) {
        ENSURE(store->snapshot.index > 0,
               ERR_CORRUPT); /* a log without its beginning and without a snapshot */
        TRY(log_anew(store, store->snapshot.index));
        facts = (struct facts){0};
    }
    raft_term last = facts.run_count == 0 ? store->snapshot.term
                                          : facts.runs[facts.run_count - 1].term;
    if (last >
        store->state
            .term) { /* the vote of that term was never durable, so it was never told to anyone */
        store->state.term = last;
        store->state.voted_for = RAFT_NOBODY;
    }
    *ret_durable = (struct raft_durable_state){
        .term = store->state.term,
        .voted_for = store->state.voted_for,
        .snapshot = store->snapshot,
        .first_index = index_of_offset(log_start(store->log)),
        .runs = facts.runs,
        .run_count = facts.run_count,
        .voters = facts.voters,
        .voters_count = facts.voters_count};
    return OK;
}

/* ---- writes and their sync ---- */

static void sync_begin(struct raft_disk *store);

static void sync_work(struct disk_job *job)
{
    struct raft_disk *store = CONTAINER_OF(job, struct raft_disk, job);
    char path[STORE_PATH_MAX];
    store->sync_err = OK;
    if (store
            ->sync_state) { /* the vote first: what the log says must never be newer than the term */
        store_path(store, STATE_FILE, path);
        store->sync_err = disk_replace_file(store->host, path, buf_slice(&store->sync_text));
    }
    if (store->sync_err == OK && store->sync_log) {
        store->sync_err = log_sync_run(&store->sync);
    }
    if (store->sync_err == OK && store->sync_point >= 0) {
        store->sync_err = offset_save(store, DURABLE_FILE, store->sync_point);
    }
}

static void sync_done(struct disk_job *job)
{
    struct raft_disk *store = CONTAINER_OF(job, struct raft_disk, job);
    store->syncing = false;
    if (store->sync_log) {
        (void)log_sync_done(store->log, &store->sync, store->sync_err);
    }
    if (store->sync_err != OK) {
        store_fail(store, "an fsync", store->sync_err);
        return;
    }
    if (store->sync_point >= 0) {
        if (!store->cut_told && store->cut != INT64_MAX) {
            cut_forget(store);
        }
        store->point = min_i64(store->sync_point, store->cut);
    }
    uint64_t durable = store->sync_write;
    if (store->written > durable) {
        sync_begin(store);
    }
    store->events->durable(store->ctx, durable);
}

static void sync_begin(struct raft_disk *store)
{
    if (store->syncing || store->failed) {
        return;
    }
    store->sync_state = store->state_dirty;
    if (store->state_dirty) {
        buf_clear(&store->sync_text);
        quorum_state_print(&store->state, &store->sync_text);
        store->state_dirty = false;
        if (store->sync_text.err != OK) {
            store_fail(store, "writing " STATE_FILE, store->sync_text.err);
            return;
        }
    }
    int64_t end = log_durable_end(store->log);
    bool told = end >= store->point && end < store->point + DURABLE_EVERY;
    store->sync_point = told ? -1 : end;
    store->sync_log = log_sync_take(store->log, &store->sync);
    store->sync_write = store->written;
    store->cut_told = false;
    store->syncing = true;
    store->job.work = sync_work;
    store->job.done = sync_done;
    disk_submit(store->loop, &store->job);
}

void store_written(struct raft_disk *store, uint64_t write)
{
    assert(write == store->written + 1);
    store->written = write;
    sync_begin(store);
}

void raft_disk_vote(struct raft_disk *store, uint64_t write, raft_term term,
                    struct raft_node voted_for)
{
    if (store->failed) {
        return;
    }
    assert(term >= store->state.term);
    store->state.term = term;
    store->state.voted_for = voted_for;
    store->state_dirty = true;
    store_written(store, write);
}

static err_t entry_write(struct raft_disk *store, int64_t offset, const struct raft_entry *entry)
{
    struct buf bytes;
    buf_init(&bytes, store->heap, RPC_FRAME_MAX + BATCH_ROOM);
    struct batch_options options = batch_options_plain();
    options.base_offset = offset;
    options.leader_epoch = entry->term;
    options.control = entry->kind != RAFT_DATA;
    struct batch_builder builder;
    struct batch_header header;
    batch_begin(&builder, &options, &bytes);
    const uint8_t key[4] = {0, 0, 0, (uint8_t)(CONTROL_TYPE_BASE + entry->kind)};
    struct slice value = entry->payload.p == NULL ? slice_of("", 0) : entry->payload;
    time_ms now = clock_wall_ms(store->host);
    err_t err = batch_append(&builder, now, options.control ? slice_of(key, 4) : (struct slice){0},
                             value);
    err = err == OK ? batch_finish(&builder, store->crc, &header) : err;
    if (err == OK) {
        struct slice batch = buf_slice(&bytes);
        err = log_append(store->log, &batch, 1, now);
    }
    buf_release(&bytes);
    return err;
}

void raft_disk_append(struct raft_disk *store, uint64_t write, raft_index truncate_from,
                      raft_index first, const struct raft_entry *entries, size_t count)
{
    err_t err = OK;
    if (store->failed) {
        return; /* the node is stopping: what is not on disk is not told to be */
    }
    if (truncate_from > 0) {
        err = cut_tell(store, offset_of_index(truncate_from));
        err = err == OK ? log_truncate(store->log, offset_of_index(truncate_from),
                                       clock_wall_ms(store->host))
                        : err;
    }
    assert(err != OK || log_end(store->log) == offset_of_index(first));
    for (size_t i = 0; i < count && err == OK; i++) {
        err = entry_write(store, offset_of_index(first) + (int64_t)i, &entries[i]);
    }
    if (err != OK) {
        store_fail(store, "an append to the metadata log", err);
        return;
    }
    store_written(store, write);
}

void raft_disk_install(struct raft_disk *store, uint64_t write,
                       const struct raft_snapshot *snapshot, bool keep_log)
{
    if (store->failed) {
        return;
    }
    /* Published before the log is cut: a crash between the two finds a log that the snapshot covers. Rare, so it may wait. */
    err_t err = store_download_publish(store, snapshot);
    if (err == OK && !keep_log) {
        err = log_anew(store, snapshot->index);
    }
    if (err != OK) {
        store_fail(store, "installing a snapshot", err);
        return;
    }
    store_written(store, write);
}

void raft_disk_drop_prefix(struct raft_disk *store, uint64_t write, raft_index up_to)
{
    if (store->failed) {
        return;
    }
    assert(up_to <= store->snapshot.index);
    int64_t start = offset_of_index(up_to + 1);
    log_set_start(store->log, start);
    /* The durable snapshot is what stands for the prefix; the file with its own entry stays (store_log_open). */
    err_t err = log_drop(store->log, min_i64(start, offset_of_index(store->snapshot.index)));
    if (err != OK) {
        store_fail(store, "dropping old segments", err);
        return;
    }
    struct log_doomed *doomed = log_doomed_take(store->log);
    if (doomed != NULL) {
        log_doomed_run(doomed);
    }
    store_written(store, write);
}

/* ---- reading ---- */

/* Checked again: whoever gets an entry from here puts another checksum around it. */
static err_t range_entries(const struct raft_disk *store, const struct log_range *range,
                           raft_index last, struct arena *arena, struct raft_entry **ret_entries,
                           size_t *ret_count)
{
    struct batch_header header;
    uint8_t *bytes = arena_alloc(arena, range->bytes);
    ENSURE(bytes != NULL, ERR_NO_MEMORY);
    size_t n = 0;
    TRY(log_range_read(range, bytes, &n));
    struct slice rest = slice_of(bytes, n);
    size_t room = (size_t)(index_of_offset(range->end_offset) -
                           index_of_offset(range->base_offset));
    /* An offset has no checksum. */
    ENSURE(room > 0 && room <= range->bytes / BATCH_HEADER_BYTES, ERR_CORRUPT);
    *ret_entries = arena_array(arena, room, sizeof(**ret_entries));
    ENSURE(*ret_entries != NULL, ERR_NO_MEMORY);
    *ret_count = 0;
    while (rest.n > 0 && *ret_count < room &&
           index_of_offset(range->base_offset) + (raft_index)*ret_count <= last) {
        struct slice batch;
        TRY(batch_cut(&rest, &batch));
        TRY(MUTANT(146) ? OK : batch_check(store->crc, batch, &header));
        TRY(batch_entry(batch, &(*ret_entries)[*ret_count]));
        (*ret_count)++;
    }
    return OK;
}

err_t raft_disk_read(struct raft_disk *store, raft_index first, raft_index last, size_t bytes_max,
                     struct arena *arena, struct raft_entry **ret_entries, size_t *ret_count)
{
    struct log_range range;
    assert(first >= 1 && last >= first);
    TRY(log_read(store->log, offset_of_index(first), offset_of_index(last) + 1, bytes_max, true,
                 LOG_READ_ANY, &range));
    err_t err = ERR_RANGE;
    if (range.bytes > 0) {
        err = range.base_offset == offset_of_index(first)
                  ? range_entries(store, &range, last, arena, ret_entries, ret_count)
                  : ERR_CORRUPT; /* each batch is one entry */
    }
    log_range_release(&range);
    err = err_as_rot(err);
    if (err == ERR_CORRUPT) {
        store_rotten(store, "the metadata log");
    }
    return err;
}

void raft_disk_snapshot_id(const struct raft_disk *store, struct raft_snapshot *ret_snapshot)
{
    *ret_snapshot = store->snapshot;
}
