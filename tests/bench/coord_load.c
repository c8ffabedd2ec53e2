/*
 * How long a coordinator shard takes to begin, and what its offsets cost in memory.
 *
 *   bench_coord_load [--offsets N] [--records M]
 *
 * Two nodes on this machine's file system; M records (3 N) leave N live offsets of 100 partitions a group in one partition of
 * __consumer_offsets. Then: how long the follower took to know them, how long it needs to lead (warm), and how long a
 * broker needs that has just started (cold: the whole log, its checksums included). Prints three lines of figures.
 */
#include <getopt.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/broker/coord/coord_bench.h"

#define BATCH_RECORDS    1000
#define GROUP_PARTITIONS 100
/* Visits every key once a pass, in no order: coprime to any number of keys that is a power of ten. */
#define STRIDE           7919
#define PATIENCE_S       600

struct keys {
    struct group_record records[BATCH_RECORDS];
    struct kmsg_offset_commit_key keys[BATCH_RECORDS];
    struct kmsg_offset_commit_value values[BATCH_RECORDS];
    char groups[BATCH_RECORDS][24];
};

static void key_fill(struct keys *keys, uint32_t i, uint64_t number, uint64_t offsets)
{
    uint64_t key = number * STRIDE % offsets;
    int n = snprintf(keys->groups[i], sizeof(keys->groups[i]), "group-%08llu",
                     (unsigned long long)(key / GROUP_PARTITIONS));
    keys->keys[i] = (struct kmsg_offset_commit_key){.group = slice_of(keys->groups[i], (size_t)n),
                                                    .topic = slice_str("orders"),
                                                    .partition = (int32_t)(key % GROUP_PARTITIONS)};
    kmsg_offset_commit_value_init(&keys->values[i]);
    keys->values[i].offset = (int64_t)number;
    keys->values[i].metadata = slice_of("", 0);
    keys->values[i].commit_timestamp = 1700000000000;
    keys->records[i] = (struct group_record){.key_desc = &kmsg_offset_commit_key_desc,
                                             .key = &keys->keys[i],
                                             .value_desc = &kmsg_offset_commit_value_desc,
                                             .value = &keys->values[i],
                                             .value_version = 3};
}

static void fill(struct bench *b, uint64_t offsets, uint64_t records)
{
    struct keys *keys = calloc(1, sizeof(*keys));
    struct heap heap;
    CHECK(keys != NULL);
    heap_init(&heap, memory_source(b->host), (size_t)64 << 20);
    for (uint64_t done = 0; done < records;) {
        uint32_t count = (uint32_t)(records - done < BATCH_RECORDS ? records - done
                                                                   : BATCH_RECORDS);
        struct buf out;
        for (uint32_t i = 0; i < count; i++) {
            key_fill(keys, i, done + i, offsets);
        }
        buf_init(&out, &heap, (size_t)8 << 20);
        CHECK(records_encode(crc32c_detect(), keys->records, count, clock_wall_ms(b->host), &heap,
                             &out) == OK);
        done += count;
        enum kafka_error error;
        do {
            error = coord_bench_send(b, 0, done == records ? -1 : 1, &out);
        } while (error == KAFKA_NOT_LEADER_OR_FOLLOWER && usleep(1000) == 0);
        CHECK(error == KAFKA_NONE);
        buf_release(&out);
    }
    heap_release(&heap);
    free(keys);
}

struct wait {
    struct coord_shard *shard;
    bool leads;
    int64_t end;
    bool done;
    uint64_t read;
    uint64_t kept;
    time_us took_us;
    uint32_t offsets;
    size_t bytes;
    size_t live;
};

static void look(void *arg)
{
    struct wait *wait = arg;
    struct coord_shard *shard = wait->shard;
    uint32_t at = 0;
    shard_enter(shard);
    wait->done = wait->leads ? shard->state == SHARD_ACTIVE
                             : shard->state == SHARD_FOLLOWING && shard->loader.begun &&
                                   shard->loader.offset >= wait->end;
    if (wait->done) {
        for (const struct group *g; (g = group_next(&shard->core, &at)) != NULL;) {
            wait->offsets += g->offset_count;
        }
        wait->read = shard->load_read;
        wait->kept = shard->load_kept;
        wait->took_us = shard->load_us;
        wait->bytes = shard->memory.bytes;
        wait->live = shard->heap.live;
    }
    shard_leave(shard);
}

static struct wait wait_for(struct bench *b, uint32_t node, bool leads, int64_t end)
{
    struct wait wait = {.shard = coord_bench_shard(b, node), .leads = leads, .end = end};
    for (int i = 0; i < PATIENCE_S * 1000 && !wait.done; i++) {
        bench_call(wait.shard->home, look, &wait);
        (void)usleep(1000);
    }
    CHECK(wait.done);
    return wait;
}

static int64_t cpu_us(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static double ms(time_us us)
{
    return (double)us / 1000;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"offsets", required_argument, NULL, 'o'}, {"records", required_argument, NULL, 'r'}, {0}};
    struct bench *b = calloc(1, sizeof(*b));
    uint64_t offsets = 1000000, records = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        CHECK(c == 'o' || c == 'r');
        *(c == 'o' ? &offsets : &records) = strtoull(optarg, NULL, 10);
    }
    CHECK(b != NULL && offsets > 0 && offsets % STRIDE != 0);
    records = records == 0 ? 3 * offsets : records;
    coord_bench_open(b, 2);
    time_us begun = clock_mono_us(b->host);
    fill(b, offsets, records);
    time_us filled = clock_mono_us(b->host);
    struct wait follow = wait_for(b, 1, false, bench_facts(b, 0).high_watermark);
    time_us followed = clock_mono_us(b->host);
    int64_t log_bytes = bench_facts(b, 0).bytes;
    bench_lead(b, 2);
    struct wait warm = wait_for(b, 1, true, 0);
    coord_bench_stop(b, 0, true);
    coord_bench_stop(b, 1, true);
    int64_t cpu = cpu_us();
    bench_start(b, 1);
    struct wait cold = wait_for(b, 1, true, 0);
    cpu = cpu_us() - cpu;
    CHECK(warm.offsets == cold.offsets && follow.offsets == cold.offsets);
    printf("offsets %u records %llu log_bytes %lld fill_ms %.0f follow_ms %.0f\n", cold.offsets,
           (unsigned long long)records, (long long)log_bytes, ms(filled - begun),
           ms(followed - begun));
    printf("warm_ms %.2f warm_read %llu cold_ms %.1f cold_cpu_ms %.1f cold_read %llu\n",
           ms(warm.took_us), (unsigned long long)warm.read, ms(cold.took_us), ms(cpu),
           (unsigned long long)cold.read);
    printf("bytes_per_offset %.1f live_per_offset %.1f\n", (double)cold.bytes / cold.offsets,
           (double)cold.live / cold.offsets);
    coord_bench_close(b);
    free(b);
    return 0;
}
