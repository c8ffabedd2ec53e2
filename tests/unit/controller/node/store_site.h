/* A controller's disk room in a fake world, with the loop and the memory that it lives on: what tests of raft_disk.h begin with. */
#ifndef ODRADEK_TESTS_STORE_SITE_H
#define ODRADEK_TESTS_STORE_SITE_H

#include <criterion/criterion.h>

#include "common/port/clock.h"
#include "common/port/memory.h"
#include "common/trace/trace.h"
#include "controller/node/raft_disk.h"
#include "tests/sim/sim.h"

struct store_site {
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct arena arena;
    struct raft_disk *store;
    struct raft_durable_state found;
    struct mail mail;
    void (*turn)(void *ctx); /* what its loop is to do; NULL: done */
    void *ctx;
};

static inline void store_site_turn(void *arg)
{
    cr_assert_not_null(arg);
}

/* A process on `host`: a crash of the host ends it, store_site_end otherwise. */
static inline void store_site_begin(struct store_site *at, struct host *host)
{
    at->host = host;
    heap_init(&at->heap, memory_source(host), 64 << 20);
    arena_init(&at->arena, memory_source(host), 4096, 64 << 20);
    cr_assert_eq(loop_open(host, "store", &at->loop), OK);
    loop_start(at->loop, store_site_turn, at);
}

static inline err_t store_site_open(struct store_site *at, const struct raft_disk_events *events,
                                    void *ctx)
{
    return raft_disk_open(at->loop, &at->heap, "/meta", events, ctx, &at->arena, &at->found,
                          &at->store);
}

static inline void store_site_take_turn(struct mail *mail)
{
    struct store_site *at = CONTAINER_OF(mail, struct store_site, mail);
    at->turn(at->ctx);
    at->turn = NULL;
}

static inline bool store_site_is_done(void *site)
{
    return ((struct store_site *)site)->turn == NULL;
}

/* Its loop does this, and has done it on return. */
static inline void store_site_do(struct store_site *at, struct world *world, void (*turn)(void *),
                                 void *ctx)
{
    at->turn = turn;
    at->ctx = ctx;
    at->mail.deliver = store_site_take_turn;
    loop_post(at->loop, &at->mail);
    cr_assert(world_run(world, store_site_is_done, at, 1000000));
}

static inline void store_site_end(struct store_site *at)
{
    loop_stop(at->loop);
    loop_join(at->loop);
    arena_release(&at->arena);
    heap_release(&at->heap);
}

static inline void store_site_line(void *host, struct slice line)
{
    cr_assert(host != NULL && line.n > 0);
}

static inline time_ms store_site_wall_now(void *host)
{
    return clock_wall_ms(host);
}

/* What controllers on `host` log with; nobody reads it. */
static inline void store_site_trace(struct trace *trace, struct host *host)
{
    trace_init(trace, "controller", store_site_line, store_site_wall_now, host);
}

#endif
