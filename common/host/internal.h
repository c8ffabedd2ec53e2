/* What the files of the real host share. Nothing outside of common/host includes this. */
#ifndef ODRADEK_HOST_INTERNAL_H
#define ODRADEK_HOST_INTERNAL_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "common/host/host.h"
#include "common/host/wheel.h"
#include "common/port/disk.h"

#define SCRATCH_BYTES (256u << 10)

struct pool {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    struct disk_job *head;
    struct disk_job *tail;
    bool stopping;
    unsigned thread_count;
    pthread_t threads[16];
};

struct host {
    struct memory_source memory;
    _Atomic size_t memory_taken;
    size_t memory_max_bytes;
    struct pool pool;
    unsigned conns_max;           /* accepted ones: what descriptors leave beside the files */
    _Atomic unsigned conns_taken; /* accepted and not closed */
    _Atomic bool stopping;
    _Atomic uint64_t name_counter; /* for names of temporary files */
};

struct disk_file {
    struct host *host;
    int fd;
};

struct loop {
    struct host *host;
    struct event_base *base;
    struct event *wake_event;
    struct event *timer_event;
    int wake_fd;
    int timer_fd;
    time_us timer_at;     /* what the kernel's timer is set for */
    time_us timer_set_us; /* when it was set */
    pthread_t thread;
    char name[16];
    void (*first)(void *arg);
    void *first_arg;
    time_us now_us; /* 0: not read in this turn */
    struct wheel wheel;
    struct list turn_ends;
    struct list graves; /* connections closed in this turn: freed at its end */
    struct list conns;  /* connections and listeners that are alive: they die with the loop */
    struct list listeners;
    uint8_t *scratch;
    _Atomic(struct mail *) mailbox; /* newest first */
    _Atomic bool sleeping;
    _Atomic bool stopping;
    _Atomic unsigned hands; /* threads that are posting or stopping: it is not freed under them */
    _Atomic time_us last_turn_us;
};

/* Starts and ends the pool's threads. */
err_t pool_start(struct pool *, unsigned threads) MUST_USE;
void pool_stop(struct pool *);

/* Frees connections that were closed in this turn. */
void net_bury(struct loop *);
/* Closes everything that is still open: the loop has ended. */
void net_end(struct loop *);

/* The err_t behind an errno. */
err_t host_err(int error_number);

#endif
