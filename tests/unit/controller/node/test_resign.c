/* What brokers that ask are told by a controller that resigns, and who dies while it asks. */
#include "common/wire/kafka_error.h"
#include "kmsg/unregister_broker.h"
#include "tests/unit/controller/node/askers.h"

#define VOTERS     3
#define UNREGISTER 64

static void beat(void *ctx)
{
    struct asker *asker = ctx;
    Odradek__Heartbeat body = ODRADEK__HEARTBEAT__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    body.broker = BROKER;
    body.epoch = asker->registered;
    body.metadata_offset = asker->registered;
    frame.body_case = ODRADEK__FRAME__BODY_HEARTBEAT;
    frame.heartbeat = &body;
    asker_ask(asker, &frame);
}

/* Of this broker: as an administrator asked for it, who is a client of it. */
static void ask_to_unregister(void *ctx)
{
    struct kmsg_unregister_broker_request request;
    kmsg_unregister_broker_request_init(&request);
    request.broker_id = BROKER;
    asker_forward(ctx, UNREGISTER, &request);
}

/* What it was asked by an administrator is in its log when it is cut off, and resigns: another one may commit that. It was said that
 * nothing had been done, and the broker asked the next controller: what somebody else had changed in between was changed back, and a
 * topic that had been deleted and made again was deleted once more. */
Test(resign, who_resigns_does_not_say_that_nothing_was_done)
{
    struct askers s;
    askers_begin(&s, VOTERS, 3000, INT64_MAX);
    asker_up(&s.processes[0]);
    cr_assert_eq(asker_answer(&s.processes[0], asker_register), KAFKA_NONE);
    cr_assert_eq(asker_answer(&s.processes[0], asker_subscribe), KAFKA_NONE);
    for (uint32_t i = 0; i < VOTERS; i++) {
        if (i != s.asked) {
            world_cut(s.host, s.hosts[i], world_now_us(s.world) + 5 * SECOND);
            world_cut(s.hosts[i], s.host, world_now_us(s.world) + 5 * SECOND);
        }
    }
    cr_assert_eq(asker_answer(&s.processes[0], ask_to_unregister), KAFKA_REQUEST_TIMED_OUT);
    cr_assert_eq(asker_answer(&s.processes[0], ask_to_unregister), KAFKA_NOT_CONTROLLER,
                 "of that nothing was written");
    askers_end(&s);
}

static bool is_fenced(void *ctx)
{
    const struct askers *s = ctx;
    return meta_broker(controller_newest(controller_node_state(s->node)), BROKER)->fenced;
}

static bool is_unfenced(void *ctx)
{
    return !is_fenced(ctx);
}

/* A broker dies as soon as it has sent the heartbeat that unfences it, and that is not committed yet when its connection ends. It was not
 * looked after, for it seemed to be fenced; then it led what it could until its session ended. */
Test(resign, who_dies_while_it_is_being_unfenced_is_suspected)
{
    struct askers s;
    askers_begin(&s, 1, 3000, INT64_MAX);
    asker_up(&s.processes[0]);
    cr_assert_eq(asker_answer(&s.processes[0], asker_register), KAFKA_NONE);
    cr_assert_eq(asker_answer(&s.processes[0], asker_subscribe), KAFKA_NONE);
    world_disk_pace(s.host, SECOND / 10, SECOND / 10);
    asker_say(&s.processes[0], beat);
    cr_assert(world_run(s.world, is_unfenced, &s, SECOND / 20));
    asker_leave(&s.processes[0]);
    cr_assert(world_run(s.world, is_fenced, &s, SECOND / 2), "not only when its session ends");
    askers_end(&s);
}
