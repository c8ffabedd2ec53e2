/*
 * Writes logs and small files with the engine into a folder and prints, as JSON lines, what is in them; or reads a
 * partition's folder that Apache Kafka has written and prints its batches, "base last largest-timestamp".
 * usage: oracle_writer <folder> <seed> <batches> | oracle_writer --read <folder> clean|crashed
 */
#include <stdio.h>
#include <stdlib.h>

#include "common/host/host.h"
#include "common/log/clean_shutdown.h"
#include "common/log/epoch_checkpoint.h"
#include "common/log/meta_properties.h"
#include "common/log/offset_checkpoint.h"
#include "common/log/partition_metadata.h"
#include "common/log/producer_snapshot.h"
#include "common/port/disk.h"
#include "common/port/memory.h"
#include "tests/oracle/expected.h"

struct story {
    struct host *host;
    struct heap heap;
    struct expected expected;
    struct log_config config;
    struct log_known known;
    struct log *log;
    const char *base;
    const char *name;
    char dir[900];
    int batches;
};

/* A story that fails ends the program: the suite says which. */
static void must(const struct story *s, err_t err, const char *what)
{
    if (err != OK) {
        (void)fprintf(stderr, "%s: %s: %s\n", s->name, what, err_text(err));
        exit(1);
    }
}

static void story_open(struct story *s)
{
    struct log_report report;
    must(s, log_open(s->host, &s->heap, s->dir, &s->config, &s->known, &s->log, &report), "open");
    if (s->known.clean && report.rebuilt_indexes > 0) {
        must(s, ERR_CORRUPT, "indexes were made again after a clean stop");
    }
}

static void story_begin(struct story *s, struct host *host, const char *base, const char *name,
                        int batches, uint64_t seed)
{
    memset(s, 0, sizeof(*s));
    s->host = host;
    s->base = base;
    s->name = name;
    s->batches = batches;
    heap_init(&s->heap, memory_source(host), 512u << 20);
    expected_init(&s->expected, &s->heap, seed);
    s->config = (struct log_config){.segment_bytes = 200000,
                                    .segment_ms = 604800000,
                                    .index_interval_bytes = 1000,
                                    .index_bytes_max = 10 << 20,
                                    .crc = crc32c_detect()};
    (void)snprintf(s->dir, sizeof(s->dir), "%s/%s", base, name);
    story_open(s);
}

static void story_append(struct story *s, int batches)
{
    for (int i = 0; i < batches; i++) {
        must(s, expected_append(&s->expected, s->log), "append");
        if (i % 20 == 19) {
            must(s, expected_marker(&s->expected, s->log, i % 40 == 19), "marker");
        }
        if (i % 50 == 49) {
            s->expected.epoch += 2;
        }
    }
}

static void story_sync(struct story *s)
{
    struct log_sync sync;
    while (log_sync_take(s->log, &sync)) {
        (void)log_sync_done(s->log, &sync, log_sync_run(&sync));
    }
}

static void story_close(struct story *s)
{
    must(s, log_close(s->log), "close");
    s->log = NULL;
    s->known.clean = true;
}

static void story_end(struct story *s)
{
    if (s->log != NULL) {
        story_close(s);
    }
    expected_print(&s->expected, s->name);
    expected_release(&s->expected);
    heap_release(&s->heap);
}

static void story_plain(struct story *s)
{
    story_append(s, s->batches);
}

/* Thousands of entries: the index goes to its file in several pieces. */
static void story_index(struct story *s)
{
    s->config.segment_bytes = INT32_MAX;
    s->config.index_interval_bytes = 0;
    log_configure(s->log, &s->config);
    story_append(s, s->batches * 2);
}

static void story_reopened(struct story *s)
{
    for (int i = 0; i < 5; i++) {
        story_append(s, s->batches / 5);
        story_close(s);
        story_open(s);
    }
}

static void story_truncated(struct story *s)
{
    for (int i = 1; i <= 4; i++) {
        story_append(s, s->batches / 4);
        int64_t end = log_end(s->log) - 3 * i * i;
        must(s, log_truncate(s->log, end, 0), "truncate");
        expected_truncated(&s->expected, end);
        s->expected.epoch++;
        story_append(s, 2);
        story_sync(s);
    }
}

/* A killed process, once with a torn batch at the end; and a log that goes on while it is looked at. */
static void story_killed(struct story *s)
{
    for (int i = 0; i < 3; i++) {
        story_append(s, s->batches / 3);
        int64_t base = log_active_base(s->log);
        log_abandon(s->log);
        char path[1000];
        (void)snprintf(path, sizeof(path), "%s/%020lld.log", s->dir, (long long)base);
        struct disk_file *file = NULL;
        int64_t bytes = 0;
        struct slice torn = slice_of("\0\0\0\0\0\0\0\1\0\0\1\0torn", 16);
        must(s, disk_open(s->host, path, DISK_WRITE, &file), path);
        must(s, disk_size(file, &bytes), path);
        must(s, disk_write(file, &torn, 1, bytes), path);
        disk_close(file);
        s->known.clean = false;
        story_open(s);
    }
    story_append(s, 3);
    log_abandon(s->log); /* no index end is written */
    s->log = NULL;
}

static void story_expired(struct story *s)
{
    story_append(s, s->batches);
    story_sync(s);
    struct log_retention retention = {-1, log_size_bytes(s->log) / 3, log_end(s->log)};
    bool moved = false;
    must(s, log_expire(s->log, &retention, s->expected.now_ms, &moved), "expire");
    must(s, moved ? OK : ERR_RANGE, "nothing expired");
    must(s, log_drop(s->log, log_start(s->log)), "drop");
    log_doomed_run(log_doomed_take(s->log));
    expected_dropped(&s->expected, log_segment(s->log, 0).base_offset);
    story_append(s, 5);
}

static void story_restarted(struct story *s)
{
    story_append(s, s->batches / 4);
    must(s, log_restart(s->log, log_end(s->log) + 100000, false, 0), "restart");
    log_doomed_run(log_doomed_take(s->log));
    expected_truncated(&s->expected, 0);
    story_append(s, s->batches / 4);
}

static void small_files(struct host *host, const char *base)
{
    struct story s = {.host = host, .name = "small files"};
    char dir[900];
    struct uuid id = {{0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc, 0x4d, 0xef, 0x81, 2, 3, 4, 5, 6, 7, 8}};
    struct meta_properties meta = {
        .node_id = 3, .cluster_id = "4L6g3nShT-eMCtK--X86sw", .directory_id = id};
    heap_init(&s.heap, memory_source(host), 1 << 20);
    (void)snprintf(dir, sizeof(dir), "%s/small", base);
    must(&s, disk_mkdir(host, dir), dir);
    struct offset_line points[] = {{slice_str("orders"), 0, 12},
                                   {slice_str("a_b.c-d"), 7, INT64_MAX}};
    must(&s, offset_checkpoint_save(host, &s.heap, dir, RECOVERY_POINT_FILE, points, 2), "points");
    struct epoch_line epochs[] = {{0, 0}, {5, 100}, {6, 100}};
    must(&s, epoch_checkpoint_save(host, &s.heap, dir, epochs, 3), "epochs");
    must(&s, partition_metadata_save(host, dir, id), "partition");
    must(&s, meta_properties_save(host, dir, &meta), "meta");
    must(&s, clean_shutdown_save(host, dir, 4711), "clean shutdown");
    struct producer_line producers[] = {
        {.producer_id = 4000,
         .last_offset = 17,
         .timestamp_ms = 1700000000000,
         .txn_first_offset = 11,
         .last_sequence = 5,
         .offset_delta = 3,
         .coordinator_epoch = 7,
         .epoch = 2},
        {.producer_id = INT64_MAX,
         .last_offset = 18,
         .timestamp_ms = -1,
         .txn_first_offset = -1,
         .last_sequence = INT32_MAX,
         .offset_delta = 0,
         .coordinator_epoch = -1,
         .epoch = 0},
    };
    must(&s, producer_snapshot_save(host, &s.heap, crc32c_detect(), dir, 19, producers, 2),
         "snapshot");
    heap_release(&s.heap);
}

/* Each batch by replay, and by its timestamp too; then the newest producer snapshot. */
static void read_batches(struct story *s)
{
    struct log_replay *replay = NULL;
    struct log_batch batch;
    int64_t largest = -1;
    err_t err = OK;
    must(s, log_replay_open(s->log, log_start(s->log), &replay), "replay");
    while ((err = log_replay_next(replay, &batch)) == OK) {
        const struct batch_facts *facts = &batch.facts;
        struct log_range range;
        printf("%lld %lld %lld\n", (long long)facts->base_offset, (long long)facts->last_offset,
               (long long)facts->max_timestamp);
        if (facts->max_timestamp <= largest) {
            continue;
        }
        largest = facts->max_timestamp;
        must(s, log_find_timestamp(s->log, largest, log_end(s->log), LOG_READ_ANY, &range), "find");
        must(s, range.base_offset == facts->base_offset ? OK : ERR_CORRUPT, "by timestamp");
        log_range_release(&range);
    }
    must(s, err == ERR_NOT_FOUND ? OK : err, "replay");
    log_replay_close(replay);
}

static void read_snapshot(struct story *s)
{
    struct arena arena;
    struct producer_line *lines = NULL;
    size_t count = 0;
    int64_t offset = 0;
    arena_init(&arena, memory_source(s->host), 4096, 1 << 20);
    must(s,
         producer_snapshot_load(s->host, s->config.crc, s->dir, 0, log_end(s->log), &arena, &lines,
                                &count, &offset),
         "snapshot");
    must(s, offset == log_end(s->log) && count == 1 ? OK : ERR_RANGE, "snapshot's offset");
    const struct producer_line *l = &lines[0];
    printf("producer %lld %d %d %lld %d %lld %d %lld\n", (long long)l->producer_id, l->epoch,
           l->last_sequence, (long long)l->last_offset, l->offset_delta, (long long)l->timestamp_ms,
           l->coordinator_epoch, (long long)l->txn_first_offset);
    arena_release(&arena);
}

static void read_foreign(struct host *host, const char *dir, bool clean)
{
    struct story s = {.host = host, .name = dir, .known = {.clean = clean}};
    heap_init(&s.heap, memory_source(host), 64u << 20);
    s.config = (struct log_config){.segment_bytes = 1 << 30,
                                   .segment_ms = 604800000,
                                   .index_interval_bytes = 4096,
                                   .index_bytes_max = 10 << 20,
                                   .crc = crc32c_detect()};
    (void)snprintf(s.dir, sizeof(s.dir), "%s", dir);
    story_open(&s);
    read_batches(&s);
    read_snapshot(&s);
    must(&s, log_close(s.log), "close");
    heap_release(&s.heap);
}

static void write_stories(struct host *host, const char *base, uint64_t seed, int batches)
{
    static const struct {
        const char *name;
        void (*tell)(struct story *);
    } stories[] = {{"plain-0", story_plain},        {"index-1", story_index},
                   {"reopened-2", story_reopened},  {"truncated-3", story_truncated},
                   {"killed-4", story_killed},      {"expired-5", story_expired},
                   {"restarted-6", story_restarted}};
    for (size_t i = 0; i < ARRAY_LEN(stories); i++) {
        struct story story;
        story_begin(&story, host, base, stories[i].name, batches, seed + i);
        stories[i].tell(&story);
        story_end(&story);
    }
    small_files(host, base);
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        (void)fprintf(
            stderr,
            "usage: oracle_writer <folder> <seed> <batches> | --read <folder> clean|crashed\n");
        return 2;
    }
    struct host_options options = {.pool_threads = 1, .memory_max_bytes = 1u << 30};
    struct host *host = host_open(&options);
    if (host == NULL) {
        return 1;
    }
    if (strcmp(argv[1], "--read") == 0) {
        read_foreign(host, argv[2], strcmp(argv[3], "clean") == 0);
    } else {
        write_stories(host, argv[1], strtoull(argv[2], NULL, 10), (int)strtol(argv[3], NULL, 10));
    }
    host_close(host);
    return 0;
}
