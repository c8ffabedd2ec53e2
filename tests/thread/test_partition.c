/*
 * Partitions under many threads, as a plain program so that ThreadSanitizer can run it: three brokers follow each other,
 * producers on threads of their own write with acks 0, 1 and all, some give up waiting, a reader reads, a waiter parks and is
 * woken, leadership moves, the topic is deleted and made again meanwhile.
 */
#include <unistd.h>

#include "common/wire/record_batch.h"
#include "partition_bench.h"

#define PRODUCERS 4
#define MOVES     6

struct test {
    struct bench bench;
    atomic_bool over;
    atomic_int accepted;
    atomic_int refused;
    atomic_int forgotten;
    atomic_int woken;
    atomic_int read;
    atomic_int looked;
};

static struct partition *find(struct test *t, uint32_t node)
{
    return partitions_find_named(t->bench.nodes[node].table, slice_str(BENCH_TOPIC), 0);
}

static void produce_one(struct test *t, struct partition *p, uint32_t node, int round)
{
    size_t n;
    uint8_t *batch = bench_batch(-1, -1, 1 + round % 3, 200, &n);
    struct bench_ticket asked;
    bench_ticket_init(&asked, t->bench.nodes[node].reactors[round % 2]);
    bool waits = !partition_produce(p, &asked.ticket, batch, n,
                                    (int16_t)(round % 8 == 0   ? 0
                                              : round % 4 == 1 ? 1
                                                               : -1));
    if (waits && round % 7 == 3 && partition_produce_forget(p, &asked.ticket)) {
        atomic_fetch_add(&t->forgotten, 1);
        waits = false;
    } else if (waits) {
        CHECK(sem_wait(&asked.told) == 0);
        waits = false;
    }
    CHECK(!waits);
    atomic_fetch_add(asked.ticket.error == KAFKA_NONE ? &t->accepted : &t->refused, 1);
    CHECK(sem_destroy(&asked.told) == 0);
    free(batch);
}

struct worker {
    struct test *test;
    int number;
    pthread_t thread;
};

static void *produce_main(void *arg)
{
    struct worker *worker = arg;
    struct test *t = worker->test;
    for (int round = worker->number; !atomic_load(&t->over); round++) {
        for (uint32_t node = 0; node < t->bench.node_count; node++) {
            struct partition *p = find(t, node);
            if (p == NULL) {
                continue;
            }
            struct partition_facts facts;
            partition_facts(p, &facts);
            if (facts.leader || round % 50 == 0) {
                produce_one(t, p, node, round);
            }
            partition_drop(p);
        }
    }
    return NULL;
}

/* Reads one stretch; parks at the end of the log for a while. The next offset. */
static int64_t read_one(struct test *t, struct partition *p, struct bench_wait *waiting,
                        int64_t offset)
{
    struct fetch_part part = {
        .replica_id = -1, .current_leader_epoch = -1, .last_fetched_epoch = -1};
    struct timespec until;
    part.fetch_offset = offset;
    bench_fetch(p, &part, waiting);
    if (part.error != KAFKA_NONE) {
        offset = part.error == KAFKA_OFFSET_OUT_OF_RANGE ? 0 : offset;
        (void)usleep(1000);
    } else if (part.records.file != NULL) {
        uint8_t head[61];
        size_t n;
        CHECK(disk_read(part.records.file, part.records.at, head, sizeof(head), &n) == OK &&
              n == sizeof(head));
        struct batch_header header;
        CHECK(batch_parse(slice_of(head, n), &header) == OK);
        offset = header.base_offset + header.last_offset_delta + 1;
        atomic_fetch_add(&t->read, 1);
    } else if (partition_watch(p, &part, &waiting->wait)) {
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += 5000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        bool news = sem_timedwait(&waiting->told, &until) == 0;
        partition_unwatch(&part);
        if (!news && !fetch_wait_idle(&waiting->wait)) {
            CHECK(sem_wait(&waiting->told) == 0);
            news = true;
        }
        fetch_wait_again(&waiting->wait);
        atomic_fetch_add(&t->woken, news ? 1 : 0);
    }
    fetch_part_clear(&part);
    return offset;
}

static void *read_main(void *arg)
{
    struct worker *worker = arg;
    struct test *t = worker->test;
    uint32_t node = (uint32_t)worker->number;
    struct bench_wait waiting;
    int64_t offset = 0;
    bench_wait_init(&waiting, t->bench.nodes[node].reactors[1]);
    while (!atomic_load(&t->over)) {
        struct partition *p = find(t, node);
        if (p != NULL) {
            offset = read_one(t, p, &waiting, offset);
            partition_drop(p);
        }
        uint32_t at = 0;
        while ((p = partitions_next(t->bench.nodes[node].table, &at)) != NULL) {
            struct partition_settings settings;
            partition_settings_now(p, &settings);
            struct offset_question question = {.timestamp_ms = 1700000000001,
                                               .current_leader_epoch = -1};
            if (offset % 16 == 0) {
                bench_find_offset_in(&t->bench, node, p, &question);
                atomic_fetch_add(&t->looked, 1);
            }
            partition_drop(p);
        }
    }
    return NULL;
}

int main(void)
{
    static struct test t;
    struct worker producers[PRODUCERS];
    struct worker readers[BENCH_NODES];
    bench_init(&t.bench, BENCH_NODES);
    t.bench.settings.segment_bytes = 100000;
    t.bench.settings.retention_bytes = 300000;
    t.bench.settings.min_isr = 2;
    for (uint32_t i = 0; i < BENCH_NODES; i++) {
        bench_start(&t.bench, i);
    }
    bench_create(&t.bench);
    for (int i = 0; i < PRODUCERS; i++) {
        producers[i] = (struct worker){.test = &t, .number = i};
        CHECK(pthread_create(&producers[i].thread, NULL, produce_main, &producers[i]) == 0);
    }
    for (int i = 0; i < BENCH_NODES; i++) {
        readers[i] = (struct worker){.test = &t, .number = i};
        CHECK(pthread_create(&readers[i].thread, NULL, read_main, &readers[i]) == 0);
    }
    for (int i = 0; i < MOVES; i++) {
        (void)usleep(300000);
        if (i == MOVES / 2) {
            bench_delete(&t.bench);
            bench_create(&t.bench);
            bench_lead(&t.bench, 1); /* while it is being opened */
        } else {
            bench_lead_in_sync(&t.bench, i % BENCH_NODES + 1);
        }
    }
    (void)usleep(300000);
    atomic_store(&t.over, true);
    for (int i = 0; i < PRODUCERS; i++) {
        CHECK(pthread_join(producers[i].thread, NULL) == 0);
    }
    for (int i = 0; i < BENCH_NODES; i++) {
        CHECK(pthread_join(readers[i].thread, NULL) == 0);
    }
    CHECK(atomic_load(&t.accepted) > 0 && atomic_load(&t.read) > 0 && atomic_load(&t.woken) > 0);
    for (uint32_t i = 0; i < BENCH_NODES; i++) {
        bench_stop(&t.bench, i, i != 0);
    }
    bench_release(&t.bench);
    (void)printf(
        "partition: %d batches accepted, %d refused, %d given up; %d read, %d wake-ups, %d look-ups\n",
        atomic_load(&t.accepted), atomic_load(&t.refused), atomic_load(&t.forgotten),
        atomic_load(&t.read), atomic_load(&t.woken), atomic_load(&t.looked));
    return 0;
}
