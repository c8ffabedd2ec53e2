/*
 * A bench for the room of partitions: nodes of one cluster on the real host, each with its loops, its image and its
 * directories in /tmp, and a small Fetch server on each so that they can follow each other. The cluster's metadata is one
 * record of one topic, changed by the test and by what leaders ask for.
 */
#ifndef ODRADEK_TEST_PARTITION_BENCH_H
#define ODRADEK_TEST_PARTITION_BENCH_H

#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/partition/partition_table.h"
#include "common/host/host.h"
#include "common/trace/trace.h"

#define BENCH_NODES        3
#define BENCH_REACTORS     2
#define BENCH_TOPIC        "orders"
/* Of all nodes. */
#define BENCH_MEMORY_BYTES ((size_t)2 << 30)

#define CHECK(cond)                                                          \
    do {                                                                     \
        if (!(cond)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)

struct bench;

struct bench_node {
    struct bench *bench;
    int32_t id;
    struct loop *control;
    struct loop *reactors[BENCH_REACTORS];
    struct heap heap;     /* control loop */
    struct heap net_heap; /* reactor 0: the fetch server */
    struct meta_store store;
    struct meta_image *image;
    struct partitions *table;
    struct trace trace;
    struct net_listener *listener;
    struct list conns;
    uint16_t port;
    bool up;
    sem_t ready;
    sem_t stopped;
    atomic_int lost;
    atomic_int rotten;
    atomic_int assigned;
    atomic_int dirs_failed;
    atomic_int synced;
    atomic_int short_of_memory;
    struct mail again;  /* its image is to be applied again */
    atomic_int fetches; /* served */
    atomic_int named;   /* partitions that polls in sessions named */
    atomic_bool deaf;   /* what is asked is never answered */
    atomic_int
        unknowing; /* so many questions for partition 1 are answered as if the image did not have it yet */
    atomic_int
        left_out_ms; /* the longest that a poll without partition 1 would wait, after one with it */
    atomic_bool homeless; /* the metadata does not take up where its replica lies */
    void *above;          /* the test's: a room above this one; the control loop's */
};

struct bench {
    struct host *host;
    char root[128];
    uint32_t node_count;
    struct bench_node nodes[BENCH_NODES];
    struct partition_settings
        settings;              /* counts from the next image on, which says that it moved */
    bool cluster_wide;         /* ... by a default of the cluster, not the topic's own */
    atomic_int settings_asked; /* so often somebody looked */
    const char *other_dir;     /* a log directory before the usual one; NULL: none */
    const char *topic_name;    /* BENCH_TOPIC */
    time_ms checkpoint_ms;     /* between checkpoints, from the next start on */
    /* After an image was applied, on the control loop; may be NULL. */
    void (*applied)(struct bench_node *, const struct meta_image *old, const struct meta_image *,
                    const struct meta_changes *);
    /* Before its first image is applied; before one is applied again for want of memory. On the control loop; may be NULL. */
    void (*opened)(struct bench_node *);
    void (*again)(struct bench_node *);
    pthread_mutex_t mutex;          /* of what follows */
    int64_t offset;                 /* of the metadata log */
    struct partition_settings told; /* as the last image left them */
    struct uuid topic;
    struct meta_partition partition;
    struct uuid dirs[BENCH_NODES];
    int64_t epochs[BENCH_NODES];
};

/* Fresh directories, no node running. */
void bench_init(struct bench *, uint32_t node_count);
/* Stops what runs, removes the directories. */
void bench_release(struct bench *);

/* Of node i. Opens its directories and registers it; it follows the metadata from here on. Waits until it is ready. */
void bench_start(struct bench *, uint32_t i);
/* Opens its directories and dies before it has registered. */
void bench_glimpse(struct bench *, uint32_t i);
/* In order, or as a crash leaves it. */
void bench_stop(struct bench *, uint32_t i, bool clean);

/* Changes the topic's one partition and tells every node: leader -1 is none; the leader epoch grows. */
void bench_lead(struct bench *, int32_t leader);
/* The same for this broker, or for the first of the in-sync set if it is not in it. */
void bench_lead_in_sync(struct bench *, int32_t wanted);
/* The metadata knows where this node's replica lies. */
void bench_place(struct bench *, uint32_t node);
/* The in-sync set is this bit set of nodes. */
void bench_isr(struct bench *, uint32_t nodes);
/* Its broker says that this node's replica is rotten, running or not. */
void bench_rotten(struct bench *, uint32_t node);
void bench_create(struct bench *);
void bench_delete(struct bench *);
/* The topic gets another partition, led by the first node; what is told of it stays as it begins. */
void bench_second(struct bench *);
/* Another topic, without partitions, is there; NULL: it is gone. The name must stay. */
void bench_other_topic(struct bench *, struct uuid, const char *name);
/* That one goes and another one of this name comes, by one image. */
void bench_other_topic_anew(struct bench *, struct uuid gone, struct uuid, const char *name);

struct partition *bench_partition(struct bench *, uint32_t node);

/* Runs fn on a loop and waits for it. */
void bench_call(struct loop *, void (*fn)(void *arg), void *arg);

/* One batch of `records` records of `bytes` bytes, produced from the calling thread; the answer. Waits for the letter. */
struct produce_ticket bench_produce(struct bench *, uint32_t node, int16_t acks, int32_t records,
                                    size_t bytes);
/* The same with a producer's id and sequence. */
struct produce_ticket bench_produce_as(struct bench *, uint32_t node, int16_t acks,
                                       int64_t producer, int32_t sequence);
/* Deletes the records below this offset. */
enum kafka_error bench_delete_below(struct bench *, uint32_t node, int64_t to);
/* A ticket whose letter a loop reads, while the thread that produces waits until it is told. */
struct bench_ticket {
    struct produce_ticket ticket;
    sem_t told;
};
void bench_ticket_init(struct bench_ticket *, struct loop *);
/* A batch in malloc'ed memory. */
uint8_t *bench_batch(int64_t producer, int32_t sequence, int32_t records, size_t bytes,
                     size_t *ret_n);

/* Whether the condition holds within five seconds. */
bool bench_soon(bool (*holds)(void *arg), void *arg);
/* The partition of this node has this log end / durable end / high watermark within five seconds. */
bool bench_soon_end(struct bench *, uint32_t node, int64_t end);
bool bench_soon_durable(struct bench *, uint32_t node, int64_t end);
bool bench_soon_high_watermark(struct bench *, uint32_t node, int64_t offset);
/* It is in the in-sync set, likewise. */
bool bench_soon_in_isr(struct bench *, uint32_t node);
/* Nothing is under way beside it: no chore, no sync. */
bool bench_soon_idle(struct bench *, uint32_t node);
/* A count of the node's (bench_node.lost to short_of_memory) is above zero. */
bool bench_soon_told(atomic_int *count);
/* A checkpoint file of the node's usual directory says this offset. */
bool bench_soon_noted(struct bench *, uint32_t node, const char *file, int64_t offset);

/* Whether this command succeeds, in the folder in which the nodes have theirs (node1, ...). What it prints is not seen. */
bool bench_shell(struct bench *, const char *format, ...) PRINTF_LIKE(2, 3);
/* How many paths below the node's usual directory end so: a pattern of find's. */
int bench_entries(struct bench *, uint32_t node, const char *end);

struct partition_facts bench_facts(struct bench *, uint32_t node);

/* The same for who reads. */
struct bench_wait {
    struct fetch_wait wait;
    sem_t told;
};
void bench_wait_init(struct bench_wait *, struct loop *);
/* Up to 64 KiB; what is cold is warmed and asked for again. */
void bench_fetch(struct partition *, struct fetch_part *, struct bench_wait *);

/* Asks and waits for the answer. */
void bench_find_offset_in(struct bench *, uint32_t node, struct partition *,
                          struct offset_question *);
void bench_find_offset(struct bench *, uint32_t node, struct offset_question *);

/* What a consumer is told who fetches there, once it has been read in. */
enum kafka_error bench_refusal(struct bench *, uint32_t node, int64_t offset);
/* All record bytes from `offset` on, as a consumer (replica -1) sees them; malloc'ed. */
uint8_t *bench_read(struct bench *, uint32_t node, int64_t offset, size_t *ret_n, int64_t *ret_end);

#endif
