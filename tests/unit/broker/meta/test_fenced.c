/* What a broker knows of whether it is fenced; its controller is played by this test. */
#include <criterion/criterion.h>

#include "broker/meta/control.h"
#include "common/port/memory.h"
#include "tests/sim/sim.h"

#define SECOND INT64_C(1000000)

/* A process of one loop. */
struct site {
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct mail mail;
    void (*turn)(void *ctx); /* what its loop is to do; NULL: done */
    void *ctx;
};

struct stage {
    struct world *world;
    struct trace trace;
    /* The controller. */
    struct site active;
    struct rpc rpc;
    Odradek__Hello hello;
    Odradek__Node self;
    struct net_listener *listener;
    bool fences;       /* what it answers */
    bool hangs_up;     /* ... instead, and is not there any more */
    uint32_t answered; /* heartbeats */
    bool left;
    /* The broker. */
    struct site site;
    struct metadata metadata;
    struct control *control;
    uint32_t may_stop;
};

static const struct net_address address = {.host = "10.0.0.1", .port = 9093};

static void turn_first(void *arg)
{
    cr_assert_not_null(arg);
}

static void site_begin(struct site *at, struct host *host)
{
    at->host = host;
    heap_init(&at->heap, memory_source(host), 16 << 20);
    cr_assert_eq(loop_open(host, "control", &at->loop), OK);
    loop_start(at->loop, turn_first, at);
}

static void site_turn(struct mail *mail)
{
    struct site *at = CONTAINER_OF(mail, struct site, mail);
    at->turn(at->ctx);
    at->turn = NULL;
}

static bool site_done(void *ctx)
{
    return ((struct site *)ctx)->turn == NULL;
}

static void site_do(struct site *at, struct world *world, void (*turn)(void *ctx), void *ctx)
{
    at->turn = turn;
    at->ctx = ctx;
    at->mail.deliver = site_turn;
    loop_post(at->loop, &at->mail);
    cr_assert(world_run(world, site_done, at, SECOND));
}

static void site_end(struct site *at)
{
    loop_stop(at->loop);
    loop_join(at->loop);
    heap_release(&at->heap);
}

/* ---- the controller ---- */

static void answer(struct stage *s, const struct rpc_conn *conn, const Odradek__Frame *frame)
{
    Odradek__Registered registered = ODRADEK__REGISTERED__INIT;
    Odradek__Heartbeaten heartbeaten = ODRADEK__HEARTBEATEN__INIT;
    Odradek__Done done = ODRADEK__DONE__INIT;
    Odradek__Frame to = ODRADEK__FRAME__INIT;
    if (frame->body_case == ODRADEK__FRAME__BODY_REGISTER) {
        registered.epoch = 5;
        registered.cluster_id = (char *)"a-cluster";
        to.body_case = ODRADEK__FRAME__BODY_REGISTERED;
        to.registered = &registered;
    } else if (frame->body_case == ODRADEK__FRAME__BODY_TAIL) {
        to.body_case = ODRADEK__FRAME__BODY_DONE;
        to.done = &done;
    } else {
        cr_assert_eq(frame->body_case, ODRADEK__FRAME__BODY_HEARTBEAT);
        heartbeaten.fenced = s->fences;
        heartbeaten.should_shut_down = frame->heartbeat->want_shutdown;
        to.body_case = ODRADEK__FRAME__BODY_HEARTBEATEN;
        to.heartbeaten = &heartbeaten;
        s->answered++;
    }
    rpc_answer(&s->rpc, rpc_asker_of(conn, frame), &to);
}

static void on_up(void *ctx, struct rpc_conn *conn, const Odradek__Hello *peer)
{
    cr_assert(ctx != NULL && conn != NULL && peer->node->id == 7);
}

static void on_frame(void *ctx, struct rpc_conn *conn, const Odradek__Frame *frame)
{
    struct stage *s = ctx;
    if (s->hangs_up && frame->body_case == ODRADEK__FRAME__BODY_HEARTBEAT) {
        rpc_close(conn);
        net_unlisten(s->listener);
        s->listener = NULL;
        s->left = true;
        return;
    }
    answer(s, conn, frame);
}

static void on_down(void *ctx, struct rpc_conn *conn, err_t why)
{
    cr_assert(ctx != NULL && conn != NULL && why != OK);
}

static const struct rpc_events rpc_events = {.up = on_up, .frame = on_frame, .down = on_down};

static void on_accept(void *ctx, struct net_conn *net)
{
    struct stage *s = ctx;
    struct rpc_conn *conn;
    cr_assert_eq(rpc_accept(&s->rpc, net, &rpc_events, s, &conn), OK);
}

static void listen_here(void *ctx)
{
    struct stage *s = ctx;
    cr_assert_eq(net_listen(s->active.loop, &address, 8, on_accept, s, &s->listener), OK);
}

static void active_begin(void *ctx)
{
    struct stage *s = ctx;
    odradek__hello__init(&s->hello);
    odradek__node__init(&s->self);
    s->self.id = 1;
    s->hello.role = ODRADEK__ROLE__ROLE_CONTROLLER;
    s->hello.node = &s->self;
    rpc_init(&s->rpc, s->active.loop, &s->active.heap, (struct hash_key){1, 2}, &s->hello);
    listen_here(s);
}

static void active_end(void *ctx)
{
    struct stage *s = ctx;
    rpc_release(&s->rpc);
    if (s->listener != NULL) {
        net_unlisten(s->listener);
    }
}

/* ---- the broker ---- */

static void on_joined(void *ctx, const char *cluster_id, int64_t epoch)
{
    cr_assert(ctx != NULL && strcmp(cluster_id, "a-cluster") == 0 && epoch == 5);
}

static void on_image(void *ctx, const struct meta_image *old, const struct meta_image *now,
                     const struct meta_changes *changes)
{
    cr_assert(ctx == NULL && old == now && changes == NULL, "nothing is pushed");
}

static void on_fenced(void *ctx, bool fenced)
{
    const struct stage *s = ctx;
    cr_assert_eq(control_fenced(s->control), fenced);
}

static void on_may_stop(void *ctx)
{
    ((struct stage *)ctx)->may_stop++;
}

static void on_fatal(void *ctx, const char *sentence)
{
    cr_assert(ctx == NULL, "%s", sentence);
}

static const struct control_events events = {.joined = on_joined,
                                             .image = on_image,
                                             .fenced = on_fenced,
                                             .may_stop = on_may_stop,
                                             .fatal = on_fatal};

static void broker_begin(void *ctx)
{
    struct stage *s = ctx;
    struct control_options options = {
        .broker = 7, .previous_epoch = -1, .heartbeat_ms = 100, .session_ms = 1000, .seed = 3};
    options.endpoints[0].listener = slice_str("PLAINTEXT");
    options.endpoints[0].host = slice_str("10.0.1.1");
    options.endpoints[0].port = 9092;
    options.endpoint_count = 1;
    options.dirs[0].id = (struct uuid){.b = {1}};
    options.dir_count = 1;
    options.controllers[0] = address;
    options.controller_count = 1;
    cr_assert_eq(metadata_init(&s->metadata, s->site.loop, &s->site.heap), OK);
    cr_assert_eq(control_open(s->site.loop, &s->site.heap, &s->trace, &s->metadata, &options,
                              &events, s, &s->control),
                 OK);
    control_want_fence(s->control, false); /* it has nothing to open */
    control_start(s->control);
}

static void broker_end(void *ctx)
{
    struct stage *s = ctx;
    control_end(s->control);
    control_close(s->control);
    metadata_release(&s->metadata);
}

static void want_shutdown(void *ctx)
{
    control_want_shutdown(((struct stage *)ctx)->control);
}

/* ---- the stage ---- */

static void no_line(void *ctx, struct slice line)
{
    (void)ctx;
    (void)line;
}

static time_ms no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void stage_begin(struct stage *s, bool fences)
{
    *s = (struct stage){.world = world_open(1, false), .fences = fences};
    trace_init(&s->trace, "broker", no_line, no_time, NULL);
    site_begin(&s->active, world_host(s->world, "10.0.0.1"));
    site_begin(&s->site, world_host(s->world, "10.0.1.1"));
    site_do(&s->active, s->world, active_begin, s);
    site_do(&s->site, s->world, broker_begin, s);
}

static void stage_end(struct stage *s)
{
    site_do(&s->site, s->world, broker_end, s);
    site_do(&s->active, s->world, active_end, s);
    site_end(&s->site);
    site_end(&s->active);
    world_close(s->world);
}

static bool stays(void *ctx)
{
    const struct stage *s = ctx;
    return s->answered > 0 && control_stays_fenced(s->control);
}

static bool is_left(void *ctx)
{
    return ((struct stage *)ctx)->left;
}

static bool may_stop(void *ctx)
{
    return ((struct stage *)ctx)->may_stop > 0;
}

/* A heartbeat that may unfence it was sent, and its connection ends without an answer: the controllers may have made it lead by then. Asked
 * to stop in that moment it does not go at once, as who is fenced for sure does. */
Test(fenced, who_was_not_answered_does_not_know_that_it_is_fenced)
{
    struct stage s;
    stage_begin(&s, true);
    cr_assert(world_run(s.world, stays, &s, SECOND));
    s.hangs_up = true;
    cr_assert(world_run(s.world, is_left, &s, SECOND));
    world_sleep(s.world, SECOND / 5);
    cr_assert(control_fenced(s.control));
    cr_assert_not(control_stays_fenced(s.control));
    s.hangs_up = false;
    s.answered = 0;
    site_do(&s.active, s.world, listen_here, &s);
    cr_assert(world_run(s.world, stays, &s, 3 * SECOND), "it is told");
    site_do(&s.site, s.world, want_shutdown, &s);
    cr_assert(control_stays_fenced(s.control), "what it says now unfences nobody");
    cr_assert(world_run(s.world, may_stop, &s, SECOND));
    stage_end(&s);
}
