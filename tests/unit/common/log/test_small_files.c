#include <stdlib.h>

#include "common/base/prng.h"
#include "common/log/clean_shutdown.h"
#include "common/log/epoch_checkpoint.h"
#include "common/log/meta_properties.h"
#include "common/log/offset_checkpoint.h"
#include "common/log/partition_metadata.h"
#include "common/log/producer_snapshot.h"
#include "tests/unit/common/log/fixture.h"

struct files {
    struct ground g;
    struct arena arena;
    struct buf buf;
};

static void files_init(struct files *f)
{
    ground_init(&f->g, 7);
    arena_init(&f->arena, memory_source(f->g.host), 4096, 16 << 20);
    buf_init(&f->buf, &f->g.heap, 1 << 20);
}

static void files_release(struct files *f)
{
    buf_release(&f->buf);
    arena_release(&f->arena);
    ground_release(&f->g);
}

static void put(struct files *f, const char *path, const char *text)
{
    fake_disk_put(f->g.host, path, text, strlen(text));
}

static uint8_t memory_bytes[1 << 20] __attribute__((aligned(16)));

Test(epoch_checkpoint, is_written_as_kafka_writes_it_and_must_ascend)
{
    struct files f;
    files_init(&f);
    const struct epoch_line lines[] = {{0, 0}, {3, 17}, {4, 17}, {9, INT64_MAX}};
    cr_assert_eq(epoch_checkpoint_save(f.g.host, &f.g.heap, "data", lines, 4), OK);
    size_t n = 0;
    char *text = (char *)fake_disk_bytes(f.g.host, "data/leader-epoch-checkpoint", &n);
    cr_assert(
        slice_eq(slice_of(text, n), slice_str("0\n4\n0 0\n3 17\n4 17\n9 9223372036854775807\n")));
    free(text);
    fake_disk_power_cut(f.g.host, FAKE_CUT_NOTHING);
    struct epoch_line *got = NULL;
    size_t count = 0;
    cr_assert_eq(epoch_checkpoint_load(f.g.host, "data", &f.arena, &got, &count), OK);
    cr_assert_eq(count, 4);
    for (size_t i = 0; i < 4; i++) {
        cr_assert_eq(got[i].epoch, lines[i].epoch);
        cr_assert_eq(got[i].start_offset, lines[i].start_offset);
    }
    static const char *const wrong[] = {"0\n2\n1 5\n1 6\n", "0\n2\n2 5\n1 6\n", "0\n2\n1 5\n2 4\n",
                                        "0\n1\n-1 5\n",     "0\n1\n1 5 6\n",    "0\n9\n1 5\n",
                                        "0\n0\n1 5\n",      "0\n4000000000\n",  "\n\n"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        cr_assert_eq(epoch_checkpoint_decode(slice_str(wrong[i]), &f.arena, &got, &count),
                     ERR_MALFORMED, "row %zu", i);
    }
    cr_assert_eq(epoch_checkpoint_decode(slice_str("7\n0\n"), &f.arena, &got, &count), ERR_VERSION);
    cr_assert_eq(epoch_checkpoint_load(f.g.host, "nowhere", &f.arena, &got, &count), ERR_NOT_FOUND);
    files_release(&f);
}

Test(offset_checkpoint, is_there_after_a_power_cut_old_or_new)
{
    struct files f;
    files_init(&f);
    struct offset_line line = {slice_str("t"), 3, 10};
    struct offset_line *got = NULL;
    size_t count = 0;
    cr_assert_eq(offset_checkpoint_load(f.g.host, "data", LOG_START_FILE, &f.arena, &got, &count),
                 ERR_NOT_FOUND);
    cr_assert_eq(offset_checkpoint_save(f.g.host, &f.g.heap, "data", LOG_START_FILE, &line, 1), OK);
    line.offset = 20;
    for (int64_t changes = 0; changes < 5; changes++) {
        fake_disk_freeze_after(f.g.host, changes);
        err_t err = offset_checkpoint_save(f.g.host, &f.g.heap, "data", LOG_START_FILE, &line, 1);
        fake_disk_power_cut(f.g.host, FAKE_CUT_WILD);
        cr_assert_eq(
            offset_checkpoint_load(f.g.host, "data", LOG_START_FILE, &f.arena, &got, &count), OK);
        cr_assert_eq(count, 1);
        cr_assert(got[0].offset == 20 || (got[0].offset == 10 && err != OK));
    }
    files_release(&f);
}

Test(partition_metadata, names_the_topic)
{
    struct files f;
    files_init(&f);
    struct uuid id = {{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};
    struct uuid got;
    cr_assert_eq(partition_metadata_load(f.g.host, "data", &got), ERR_NOT_FOUND);
    cr_assert_eq(partition_metadata_save(f.g.host, "data", id), OK);
    cr_assert_eq(partition_metadata_load(f.g.host, "data", &got), OK);
    cr_assert(uuid_eq(id, got));
    static const struct {
        const char *text;
        err_t err;
    } rows[] = {
        {"version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA", OK},
        {"version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA\n", OK},
        {"version:0\r\ntopic_id:  AQIDBAUGBwgJCgsMDQ4PEA\r\n", OK},
        {"version: 1\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA", ERR_VERSION},
        {"version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA", ERR_MALFORMED},
        {"version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PE", ERR_MALFORMED},
        {"topic_id: AQIDBAUGBwgJCgsMDQ4PEA\nversion: 0", ERR_MALFORMED},
        {"version: 0\ntopic_id: AQIDBAUGBwgJCgsMDQ4PEA\nx", ERR_MALFORMED},
        {"version: 0", ERR_MALFORMED},
        {"", ERR_MALFORMED},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_assert_eq(partition_metadata_decode(slice_str(rows[i].text), &got), rows[i].err,
                     "row %zu", i);
    }
    files_release(&f);
}

Test(meta_properties, a_directory_older_than_its_cluster_names_none)
{
    struct memory_block block = {memory_bytes, sizeof(memory_bytes), 0};
    struct memory_source source = memory_block_source(&block);
    struct heap heap;
    struct buf buf;
    heap_init(&heap, &source, sizeof(memory_bytes));
    buf_init(&buf, &heap, 65536);
    struct meta_properties ours = {.node_id = 4, .directory_id = {{9, 9}}};
    struct meta_properties got;
    meta_properties_encode(&buf, &ours);
    cr_assert_eq(meta_properties_decode(buf_slice(&buf), &got), OK);
    cr_assert_str_eq(got.cluster_id, "");
    cr_assert_eq(got.node_id, 4);
}

Test(meta_properties, reads_what_kafka_and_we_write)
{
    struct files f;
    files_init(&f);
    struct meta_properties ours = {.node_id = 4, .cluster_id = "a:b=c d", .directory_id = {{9, 9}}};
    struct meta_properties got;
    cr_assert_eq(meta_properties_save(f.g.host, "data", &ours), OK);
    cr_assert_eq(meta_properties_load(f.g.host, "data", &got), OK);
    cr_assert_eq(got.version, 1);
    cr_assert_eq(got.node_id, 4);
    cr_assert_str_eq(got.cluster_id, "a:b=c d");
    cr_assert(uuid_eq(got.directory_id, ours.directory_id));
    const char *kafka = "#\n#Mon Jan 05 10:00:00 UTC 2026\ncluster.id=4L6g3nShT-eMCtK--X86sw\n"
                        "directory.id=AQIDBAUGBwgJCgsMDQ4PEA\nnode.id=2\nversion=1\n";
    cr_assert_eq(meta_properties_decode(slice_str(kafka), &got), OK);
    cr_assert_str_eq(got.cluster_id, "4L6g3nShT-eMCtK--X86sw");
    cr_assert_eq(got.node_id, 2);
    cr_assert_eq(meta_properties_decode(slice_str("broker.id=7\nversion=0\n"), &got), OK);
    cr_assert_eq(got.node_id, 7);
    cr_assert(uuid_is_none(got.directory_id));
    static const struct {
        const char *text;
        err_t err;
    } rows[] = {
        {"", ERR_MALFORMED},
        {"version=2\ncluster.id=a\nnode.id=1\n", ERR_VERSION},
        {"version=1\ncluster.id=a\n", ERR_MALFORMED},
        {"version=1\nnode.id=1\n", OK}, /* made before its node knew a cluster */
        {"version=1\ncluster.id=a\nnode.id=-1\n", ERR_MALFORMED},
        {"version=1\ncluster.id=a\nnode.id=1\ndirectory.id=x\n", ERR_MALFORMED},
        {"version=1\ncluster.id=a\\\nnode.id=1\n", ERR_MALFORMED},
        {"version=1\ncluster.id=\\u0041\nnode.id=1\n", ERR_MALFORMED},
        {"  version : 1\n! note\ncluster.id a\nnode.id =1\nother=\\u0041\n", OK},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_assert_eq(meta_properties_decode(slice_str(rows[i].text), &got), rows[i].err, "row %zu",
                     i);
    }
    char lang[200] = "version=1\nnode.id=1\ncluster.id=";
    memset(lang + strlen(lang), 'x', CLUSTER_ID_MAX + 1);
    cr_assert_eq(meta_properties_decode(slice_str(lang), &got), ERR_MALFORMED);
    files_release(&f);
}

static err_t clean_shutdown_take(struct host *host, const char *log_dir, bool *ret_clean,
                                 int64_t *ret_epoch)
{
    err_t err = clean_shutdown_load(host, log_dir, ret_clean, ret_epoch);
    return err == OK ? clean_shutdown_remove(host, log_dir) : err;
}

Test(clean_shutdown, is_taken_once)
{
    struct files f;
    files_init(&f);
    bool clean = true;
    int64_t epoch = 0;
    cr_assert_eq(clean_shutdown_take(f.g.host, "data", &clean, &epoch), OK);
    cr_assert(!clean);
    cr_assert_eq(clean_shutdown_save(f.g.host, "data", 77), OK);
    fake_disk_power_cut(f.g.host, FAKE_CUT_NOTHING);
    cr_assert_eq(clean_shutdown_take(f.g.host, "data", &clean, &epoch), OK);
    cr_assert(clean);
    cr_assert_eq(epoch, 77);
    fake_disk_power_cut(f.g.host, FAKE_CUT_NOTHING); /* the removal is on disk */
    cr_assert_eq(clean_shutdown_take(f.g.host, "data", &clean, &epoch), OK);
    cr_assert(!clean);
    put(&f, "data/" CLEAN_SHUTDOWN_FILE, "{\"version\":0");
    cr_assert_eq(clean_shutdown_take(f.g.host, "data", &clean, &epoch), OK);
    cr_assert(!clean, "half a file says nothing");
    size_t n = 0;
    cr_assert_null(fake_disk_bytes(f.g.host, "data/" CLEAN_SHUTDOWN_FILE, &n));
    static const struct {
        const char *text;
        err_t err;
        int64_t epoch;
    } rows[] = {
        {"{\"version\":0,\"brokerEpoch\":12}", OK, 12},
        {" { \"brokerEpoch\" : 12 , \"version\" : 0 } \n", OK, 12},
        {"{\"version\":0}", OK, -1},
        {"{\"version\":0,\"note\":\"a\\\"}b\",\"brokerEpoch\":3,\"x\":null}", OK, 3},
        {"", OK, -1},
        {"{}", ERR_MALFORMED, -1},
        {"{\"version\":1}", ERR_VERSION, -1},
        {"{\"version\":0,}", ERR_MALFORMED, -1},
        {"{\"version\":0} x", ERR_MALFORMED, -1},
        {"{\"version\":[0]}", ERR_MALFORMED, -1},
        {"{\"version", ERR_MALFORMED, -1},
        {"{\"version\\", ERR_MALFORMED, -1},
        {"[0]", ERR_MALFORMED, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        cr_assert_eq(clean_shutdown_decode(slice_str(rows[i].text), &epoch), rows[i].err, "row %zu",
                     i);
        cr_assert(rows[i].err != OK || epoch == rows[i].epoch, "row %zu", i);
    }
    files_release(&f);
}

static struct producer_line producer(int i)
{
    return (struct producer_line){.producer_id = 1000 + i,
                                  .epoch = (int16_t)i,
                                  .last_sequence = i * 3,
                                  .last_offset = i * 100,
                                  .offset_delta = 2,
                                  .timestamp_ms = 1700000000000 + i,
                                  .coordinator_epoch = -1,
                                  .txn_first_offset = -1};
}

Test(producer_snapshot, keeps_every_field_and_refuses_every_flipped_bit)
{
    struct files f;
    files_init(&f);
    struct producer_line lines[3] = {producer(1), producer(2), producer(3)};
    struct producer_line *got = NULL;
    size_t count = 0;
    producer_snapshot_encode(&f.buf, f.g.config.crc, lines, 3);
    cr_assert_eq(f.buf.n, 10 + 3 * 46);
    cr_assert_eq(
        producer_snapshot_decode(buf_slice(&f.buf), f.g.config.crc, &f.arena, &got, &count), OK);
    cr_assert_eq(count, 3);
    struct buf again;
    buf_init(&again, &f.g.heap, 1 << 20);
    producer_snapshot_encode(&again, f.g.config.crc, got, count);
    cr_assert(slice_eq(buf_slice(&again), buf_slice(&f.buf)));
    buf_release(&again);
    cr_assert_eq(got[2].producer_id, 1003);
    cr_assert_eq(got[2].timestamp_ms, lines[2].timestamp_ms);
    for (size_t bit = 0; bit < f.buf.n * 8; bit++) {
        f.buf.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        cr_assert_neq(
            producer_snapshot_decode(buf_slice(&f.buf), f.g.config.crc, &f.arena, &got, &count),
            OK);
        f.buf.p[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
    for (size_t n = 0; n < f.buf.n; n++) {
        cr_assert_neq(
            producer_snapshot_decode(slice_of(f.buf.p, n), f.g.config.crc, &f.arena, &got, &count),
            OK);
    }
    files_release(&f);
}

Test(producer_snapshot, a_count_that_lies_with_a_good_crc_takes_no_memory)
{
    struct files f;
    files_init(&f);
    uint8_t bytes[10] = {0, 1, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff};
    uint32_t crc = crc32c(f.g.config.crc, bytes + 6, 4);
    for (int i = 0; i < 4; i++) {
        bytes[2 + i] = (uint8_t)(crc >> (24 - 8 * i));
    }
    struct producer_line *got = NULL;
    size_t count = 0;
    cr_assert_eq(
        producer_snapshot_decode(slice_of(bytes, 10), f.g.config.crc, &f.arena, &got, &count),
        ERR_TRUNCATED);
    files_release(&f);
}

Test(producer_snapshot, the_newest_good_one_within_the_log_counts)
{
    struct files f;
    files_init(&f);
    struct producer_line lines[2] = {producer(1), producer(2)};
    struct producer_line *got = NULL;
    size_t count = 0;
    int64_t offset = 0;
    for (int64_t at = 0; at <= 400; at += 100) {
        cr_assert_eq(
            producer_snapshot_save(f.g.host, &f.g.heap, f.g.config.crc, "data", at, lines, 2), OK);
    }
    fake_disk_flip(f.g.host, "data/00000000000000000300.snapshot", 20, 1);
    cr_assert_eq(producer_snapshot_load(f.g.host, f.g.config.crc, "data", 0, 350, &f.arena, &got,
                                        &count, &offset),
                 OK);
    cr_assert_eq(offset, 200);
    cr_assert_eq(count, 2);
    size_t n = 0;
    cr_assert_null(fake_disk_bytes(f.g.host, "data/00000000000000000300.snapshot", &n), "broken");
    cr_assert_null(fake_disk_bytes(f.g.host, "data/00000000000000000400.snapshot", &n),
                   "beyond the end");
    cr_assert_eq(producer_snapshot_trim(f.g.host, "data", 100, 150, &f.arena), OK);
    cr_assert_eq(producer_snapshot_load(f.g.host, f.g.config.crc, "data", 0, 350, &f.arena, &got,
                                        &count, &offset),
                 OK);
    cr_assert_eq(offset, 100);
    cr_assert_eq(producer_snapshot_load(f.g.host, f.g.config.crc, "data", 101, 350, &f.arena, &got,
                                        &count, &offset),
                 ERR_NOT_FOUND);
    files_release(&f);
}

/* It may be the only one that tells who wrote what is deleted. */
Test(producer_snapshot, one_that_cannot_be_opened_now_stays)
{
    static const err_t errors[] = {ERR_LIMIT, ERR_PERMISSION, ERR_IO, ERR_NO_MEMORY};
    struct files f;
    files_init(&f);
    struct producer_line line = producer(1);
    struct producer_line *got = NULL;
    size_t count = 0;
    int64_t offset = 0;
    cr_assert_eq(producer_snapshot_save(f.g.host, &f.g.heap, f.g.config.crc, "data", 100, &line, 1),
                 OK);
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
        fake_disk_fail_read(f.g.host, 1, errors[i]);
        cr_assert_eq(producer_snapshot_load(f.g.host, f.g.config.crc, "data", 0, 350, &f.arena,
                                            &got, &count, &offset),
                     errors[i]);
        cr_assert_eq(producer_snapshot_load(f.g.host, f.g.config.crc, "data", 0, 350, &f.arena,
                                            &got, &count, &offset),
                     OK);
        cr_assert_eq(offset, 100);
    }
    files_release(&f);
}

/* Its directory has failed then, and the log beside it is as good as it was. */
Test(producer_snapshot, one_that_cannot_be_removed_is_no_rot)
{
    for (int n = 1; n <= 2; n++) {
        struct files f;
        files_init(&f);
        struct producer_line line = producer(1);
        struct producer_line *got = NULL;
        size_t count = 0;
        int64_t offset = 0;
        cr_assert_eq(
            producer_snapshot_save(f.g.host, &f.g.heap, f.g.config.crc, "data", 200, &line, 1), OK);
        fake_disk_fail_change(f.g.host, n, ERR_IO);
        cr_assert_eq(producer_snapshot_load(f.g.host, f.g.config.crc, "data", 0, 150, &f.arena,
                                            &got, &count, &offset),
                     ERR_OFFLINE);
        files_release(&f);
    }
}

Test(small_files, random_bytes_are_refused_or_read_but_never_believed_beyond_their_end)
{
    struct files f;
    files_init(&f);
    struct prng prng;
    prng_init(&prng, 99);
    static const char alphabet[] = "0123456789 \n\r\t-:={}\"\\,.abtopic_idversion";
    for (int round = 0; round < 20000; round++) {
        size_t n = prng_below(&prng, 60);
        uint8_t *text = malloc(n); /* exact, so that a sanitizer sees a step too far */
        for (size_t i = 0; i < n; i++) {
            text[i] = (uint8_t)alphabet[prng_below(&prng, sizeof(alphabet) - 1)];
        }
        struct slice s = slice_of(text, n);
        struct offset_line *offsets = NULL;
        struct epoch_line *epochs = NULL;
        struct producer_line *producers = NULL;
        struct meta_properties properties;
        struct uuid id;
        size_t count = 0;
        int64_t epoch = 0;
        err_t errs[] = {offset_checkpoint_decode(s, &f.arena, &offsets, &count),
                        epoch_checkpoint_decode(s, &f.arena, &epochs, &count),
                        producer_snapshot_decode(s, f.g.config.crc, &f.arena, &producers, &count),
                        meta_properties_decode(s, &properties),
                        partition_metadata_decode(s, &id),
                        clean_shutdown_decode(s, &epoch)};
        for (size_t i = 0; i < ARRAY_LEN(errs); i++) {
            cr_assert_neq(errs[i], ERR_NO_MEMORY);
        }
        free(text);
        arena_clear(&f.arena);
    }
    files_release(&f);
}
