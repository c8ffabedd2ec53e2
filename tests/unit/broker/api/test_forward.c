/* What a client's request for the controllers may weigh: it travels in one frame between nodes. */
#include <criterion/criterion.h>

#include "broker/api/forward.h"
#include "broker/meta/control_internal.h"
#include "common/port/memory.h"
#include "kmsg/create_topics.h"
#include "tests/sim/sim.h"

#define CREATE_TOPICS 19
#define CONFIGS       271
#define VALUE_BYTES   31000
#define SECOND        INT64_C(1000000)

struct stage {
    struct world *world;
    struct host *host;
    struct loop *loop;
    struct heap heap;
    struct edge edge;
    struct api api;
    struct control control; /* of a broker that is stopping: what comes to it goes back at once */
    struct kmsg_create_topics_request ask;
    struct kmsg_create_topics_request_topic topic;
    struct kmsg_create_topics_request_config configs[CONFIGS];
    struct mail mail;
    size_t sent; /* bytes that the control was given */
    bool taken;
    bool done;
};

static char text[META_VALUE_MAX];

static void nothing(void *ctx)
{
    cr_assert_not_null(ctx);
}

static bool is_done(void *ctx)
{
    return ((struct stage *)ctx)->done;
}

static void on_answered(struct forwarded *forwarded, enum kafka_error error)
{
    struct stage *s = forwarded->ctx;
    cr_assert_eq(error, KAFKA_REQUEST_TIMED_OUT);
    s->sent = forwarded->body.n;
    s->done = true;
    request_no_answer(forwarded->request);
}

/* Of a client that has gone: nobody is to be told. */
static void send_it(struct mail *mail)
{
    struct stage *s = CONTAINER_OF(mail, struct stage, mail);
    struct request *request = HEAP_NEW(&s->heap, struct request);
    cr_assert_not_null(request);
    request->edge = &s->edge;
    request->cut = true;
    request->frame.api = kmsg_api_find(CREATE_TOPICS);
    request->frame.key = CREATE_TOPICS;
    request->frame.version = request->frame.api->version_max;
    arena_init(&request->arena, memory_source(s->host), 4096, 65536);
    chain_init(&request->out, &s->heap);
    s->edge.request_count++;
    s->taken = forward_send(request, &s->ask, 1000, on_answered, s);
    s->done = !s->taken;
}

static void stage_begin(struct stage *s)
{
    *s = (struct stage){.world = world_open(1, false)};
    s->host = world_host(s->world, "10.0.0.1");
    heap_init(&s->heap, memory_source(s->host), 64 << 20);
    cr_assert_eq(loop_open(s->host, "reactor", &s->loop), OK);
    loop_start(s->loop, nothing, s);
    edge_init(&s->edge, s->loop, &s->heap, NULL);
    s->edge.api = &s->api;
    s->api.loop = s->loop;
    s->api.control = &s->control;
    s->control.loop = s->loop;
    s->control.state = CONTROL_ENDED;
}

static void stage_end(struct stage *s)
{
    cr_assert_eq(s->edge.request_count, 0);
    cr_assert_eq(s->heap.live, 0);
    loop_stop(s->loop);
    loop_join(s->loop);
    heap_release(&s->heap);
    world_close(s->world);
}

/* A topic with so many settings, as an administrator may ask for it, that the request has exactly these bytes. */
static void weigh(struct stage *s, size_t bytes)
{
    const struct kmsg_api *api = kmsg_api_find(CREATE_TOPICS);
    size_t n = 0;
    size_t last = VALUE_BYTES / 2;
    memset(text, 'x', sizeof(text));
    kmsg_create_topics_request_init(&s->ask);
    kmsg_create_topics_request_topic_init(&s->topic);
    s->ask.topics.items = &s->topic;
    s->ask.topics.count = 1;
    s->topic.name = slice_str("t");
    s->topic.configs.items = s->configs;
    s->topic.configs.count = CONFIGS;
    for (size_t i = 0; i < CONFIGS; i++) {
        kmsg_create_topics_request_config_init(&s->configs[i]);
        s->configs[i].name = slice_str("k");
        s->configs[i].value = slice_of(text, VALUE_BYTES);
    }
    for (unsigned i = 0; i < 3 && n != bytes; i++) { /* the length of a length may change, once */
        last += n == 0 ? 0 : bytes - n;
        cr_assert_lt(last, sizeof(text));
        s->configs[0].value = slice_of(text, last);
        cr_assert_eq(kmsg_size(api->request, api->version_max, &s->ask, &n), OK);
    }
    cr_assert_eq(n, bytes);
}

static bool takes(struct stage *s, size_t bytes)
{
    weigh(s, bytes);
    s->done = false;
    s->mail.deliver = send_it;
    loop_post(s->loop, &s->mail);
    cr_assert(world_run(s->world, is_done, s, SECOND));
    cr_assert(!s->taken || s->sent == bytes);
    return s->taken;
}

/* The frame around it needs some bytes too: a request that filled the frame by itself aborted the broker. */
Test(forward, a_request_that_leaves_its_frame_no_room_is_refused)
{
    static struct stage s;
    stage_begin(&s);
    cr_assert_not(takes(&s, RPC_FRAME_MAX - 5));
    cr_assert_not(takes(&s, RPC_BODY_MAX + 1));
    cr_assert(takes(&s, RPC_BODY_MAX));
    stage_end(&s);
}

Test(forward, the_largest_body_fits_into_a_frame)
{
    Odradek__Forward body = ODRADEK__FORWARD__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    body.api_key = INT16_MAX;
    body.api_version = INT16_MAX;
    body.body.len = RPC_BODY_MAX;
    frame.version = RPC_VERSION;
    frame.id = UINT64_MAX;
    frame.deadline_ms = UINT32_MAX;
    frame.body_case = ODRADEK__FRAME__BODY_FORWARD;
    frame.forward = &body;
    cr_assert_leq(odradek__frame__get_packed_size(&frame), RPC_FRAME_MAX);
}
