/* What an active controller does with the connections of brokers, and with words that come by one it does not push the metadata to. */
#include "common/wire/kafka_error.h"
#include "kmsg/elect_leaders.h"
#include "tests/unit/controller/node/askers.h"

#define FAR        102
#define ELECT      43
/* Brokers that were registered once, with all that a record can hold, and the bytes of metadata between two snapshots. */
#define PAST       1600
#define PAST_FIRST 1000
#define PAST_BYTES ((int64_t)2 << 20)

/* Of a topic that is not there: whoever carries it out says so. */
static void ask_isr(void *ctx)
{
    struct uuid topic = {.b = {7}};
    Odradek__TopicPartition at = ODRADEK__TOPIC_PARTITION__INIT;
    Odradek__IsrMember member = ODRADEK__ISR_MEMBER__INIT;
    Odradek__IsrMember *members[] = {&member};
    Odradek__AlterIsr body = ODRADEK__ALTER_ISR__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    at.topic = rpc_uuid(&topic);
    member.id = body.broker = BROKER;
    body.partition = &at;
    body.isr = members;
    body.n_isr = 1;
    frame.body_case = ODRADEK__FRAME__BODY_ALTER_ISR;
    frame.alter_isr = &body;
    asker_ask(ctx, &frame);
}

static void say_lost(void *ctx)
{
    struct uuid topic = {.b = {7}};
    Odradek__TopicPartition at = ODRADEK__TOPIC_PARTITION__INIT;
    Odradek__TopicPartition *all[] = {&at};
    Odradek__ReplicasLost body = ODRADEK__REPLICAS_LOST__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    at.topic = rpc_uuid(&topic);
    body.broker = BROKER;
    body.partitions = all;
    body.n_partitions = 1;
    frame.body_case = ODRADEK__FRAME__BODY_REPLICAS_LOST;
    frame.replicas_lost = &body;
    asker_ask(ctx, &frame);
}

/* One of those that were there once. */
static void register_past(void *ctx)
{
    struct asker *asker = ctx;
    char text[HOST_NAME_MAX_BYTES + 1];
    struct uuid id = {.b = {9, (uint8_t)(asker->broker >> 8), (uint8_t)asker->broker}};
    Odradek__Endpoint endpoints[LISTENERS_MAX], *all[LISTENERS_MAX];
    Odradek__LogDir dir = ODRADEK__LOG_DIR__INIT, *dirs[] = {&dir};
    Odradek__Register body = ODRADEK__REGISTER__INIT;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    for (size_t i = 0; i < LISTENERS_MAX; i++) {
        odradek__endpoint__init(&endpoints[i]);
        endpoints[i].listener = endpoints[i].host = text;
        endpoints[i].port = 9092;
        all[i] = &endpoints[i];
    }
    dir.id = body.incarnation = rpc_uuid(&id);
    dir.state = ODRADEK__DIR_STATE__DIR_NEW;
    body.broker = asker->broker;
    body.endpoints = all;
    body.n_endpoints = LISTENERS_MAX;
    body.dirs = dirs;
    body.n_dirs = 1;
    frame.body_case = ODRADEK__FRAME__BODY_REGISTER;
    frame.register_ = &body;
    asker_ask(asker, &frame);
}

/* So many of one topic's partitions, by a client of it. */
static int32_t elections;

static void ask_to_elect(void *ctx)
{
    static int32_t partitions[TOPIC_PARTITIONS_MAX + 1];
    struct kmsg_elect_leaders_request request;
    struct kmsg_elect_leaders_request_topic_partition topic = {
        .topic = slice_str("t"), .partitions = {.items = partitions, .count = elections}};
    kmsg_elect_leaders_request_init(&request);
    request.topic_partitions.items = &topic;
    request.topic_partitions.count = 1;
    asker_forward(ctx, ELECT, &request);
}

/* A controller was active, was not, and is again. A broker that went to another one in between has still a change of an in-sync set on
 * its way to this one, which it has given up since: the other one refused it, and records were acknowledged without the member that
 * was to join. Carried out now it would put that member, without them, into the set. */
Test(brokers, a_change_of_an_in_sync_set_counts_by_a_connection_that_follows_the_metadata)
{
    struct askers s;
    askers_begin(&s, 1, 1000, PAST_BYTES);
    asker_up(&s.processes[0]);
    cr_assert_eq(asker_answer(&s.processes[0], ask_isr), KAFKA_NOT_CONTROLLER);
    askers_end(&s);
}

/* The same, of a replica that was lost: it has told the other one as well, was made anew, and may be the only one in sync by now. */
Test(brokers, what_is_said_of_replicas_counts_by_a_connection_that_follows_the_metadata)
{
    struct askers s;
    askers_begin(&s, 1, 1000, PAST_BYTES);
    asker_up(&s.processes[0]);
    cr_assert_eq(asker_answer(&s.processes[0], asker_register), KAFKA_NONE);
    cr_assert_eq(asker_answer(&s.processes[0], say_lost), KAFKA_NOT_CONTROLLER);
    askers_end(&s);
}

/* A process wanted to register and died; its word stands still on its way. The next one of the broker has registered, and holds
 * seats by now, when that word comes: it would end its sessions and leaderships, and its seats, where the machine had lost power
 * before the first one. */
Test(brokers, who_died_does_not_register_behind_who_came_next)
{
    struct askers s;
    askers_begin(&s, 1, 1000, PAST_BYTES);
    asker_up(&s.processes[0]);
    asker_up(&s.processes[1]);
    cr_assert_eq(asker_answer(&s.processes[1], asker_register), KAFKA_NONE);
    cr_assert_eq(asker_answer(&s.processes[0], asker_register),
                 KAFKA_DUPLICATE_BROKER_REGISTRATION);
    cr_assert_eq(asker_answer(&s.processes[1], asker_register), KAFKA_NONE, "it is who it was");
    askers_end(&s);
}

/* Nor when the next one is gone as well; who comes then has connected since. */
Test(brokers, who_died_does_not_register_behind_who_is_gone_too)
{
    struct askers s;
    askers_begin(&s, 1, 1000, PAST_BYTES);
    asker_up(&s.processes[0]);
    asker_up(&s.processes[1]);
    cr_assert_eq(asker_answer(&s.processes[1], asker_register), KAFKA_NONE);
    asker_leave(&s.processes[1]);
    cr_assert_eq(asker_answer(&s.processes[0], asker_register),
                 KAFKA_DUPLICATE_BROKER_REGISTRATION);
    asker_leave(&s.processes[0]);
    asker_up(&s.processes[0]);
    cr_assert_eq(asker_answer(&s.processes[0], asker_register), KAFKA_NONE);
    askers_end(&s);
}

/* One request named two million: while it was looked at nobody heard of this controller, and there was no memory for what to say of
 * them, for which it gave up; the next one was asked, and so did that. */
Test(brokers, an_election_of_too_many_partitions_is_refused)
{
    struct askers s;
    askers_begin(&s, 1, 1000, PAST_BYTES);
    asker_up(&s.processes[0]);
    cr_assert_eq(asker_answer(&s.processes[0], asker_register), KAFKA_NONE);
    cr_assert_eq(asker_answer(&s.processes[0], asker_subscribe), KAFKA_NONE);
    elections = TOPIC_PARTITIONS_MAX + 1;
    cr_assert_eq(asker_answer(&s.processes[0], ask_to_elect), KAFKA_INVALID_REQUEST);
    elections = 3;
    cr_assert_eq(asker_answer(&s.processes[0], ask_to_elect), KAFKA_NONE);
    askers_end(&s);
}

static bool appends(void *ctx)
{
    const struct raft *raft = controller_node_raft(((struct askers *)ctx)->node);
    return raft_last_index(raft) > raft_commit_index(raft);
}

static int32_t answer_to_who_has(struct askers *s, int64_t offset, int32_t epoch)
{
    struct asker *asker = &s->processes[1];
    asker->reached = offset;
    asker->epoch = epoch;
    return asker_answer(asker, asker_subscribe);
}

/* Seed 56 of odradek-sim, the other half: an entry of a leader that was cut off was committed by the next one, which pushed it to a broker
 * and nothing behind it. With that the broker comes to the first one, which still leads as far as it knows: it is no other history, for
 * which a broker stops until an operator has looked. */
Test(brokers, who_has_an_entry_of_ours_that_somebody_else_committed_is_sent_away)
{
    struct askers s;
    askers_begin(&s, 1, 1000, PAST_BYTES);
    asker_up(&s.processes[0]);
    asker_up(&s.processes[1]);
    world_disk_pace(s.host, SECOND, SECOND);
    asker_say(&s.processes[0], asker_register);
    cr_assert(world_run(s.world, appends, &s, SECOND / 2));
    const struct raft *raft = controller_node_raft(s.node);
    raft_index last = raft_last_index(raft);
    raft_term term = raft_current_term(raft);
    cr_assert_eq(answer_to_who_has(&s, last, term), KAFKA_NOT_CONTROLLER);
    cr_assert_eq(answer_to_who_has(&s, last, term - 1), KAFKA_OFFSET_OUT_OF_RANGE);
    cr_assert_eq(answer_to_who_has(&s, raft_last_index(raft) + 1, term), KAFKA_OFFSET_OUT_OF_RANGE,
                 "nobody else appends in our term");
    cr_assert(appends(&s));
    askers_end(&s);
}

static bool down(void *ctx)
{
    return ((struct asker *)ctx)->conn == NULL;
}

/* A broker did not read for so long that the log no longer had what it was to be pushed next. Its connection was closed, and the
 * controller kept what it knew of it: when the broker was back, whoever had got that memory since lost its connection. */
Test(brokers, whose_tail_is_broken_off_takes_nobody_elses_connection)
{
    struct askers s;
    struct store_site away;
    struct asker far;
    askers_begin(&s, 1, 1000, PAST_BYTES);
    store_site_begin(&away, world_host(s.world, "10.0.1.2"));
    asker_begin(&far, &s, &away, FAR, 100);
    asker_up(&far);
    far.reached = -1;
    cr_assert_eq(asker_answer(&far, asker_subscribe), KAFKA_NONE);
    asker_up(&s.processes[0]);
    world_cut(s.host, away.host, world_now_us(s.world) + 60 * SECOND);
    for (int32_t i = 0; i < PAST; i++) {
        s.processes[0].broker = PAST_FIRST + i;
        cr_assert_eq(asker_answer(&s.processes[0], register_past), KAFKA_NONE);
    }
    cr_assert_gt(controller_node_raft(s.node)->log.first, PAST * 3 / 4);
    cr_assert_not(down(&far));
    cr_assert(world_run(s.world, down, &far, 60 * SECOND));
    for (size_t i = 1; i < ARRAY_LEN(s.processes); i++) {
        asker_up(&s.processes[i]);
    }
    asker_up(&far);
    cr_assert_eq(asker_answer(&far, asker_subscribe), KAFKA_NONE);
    world_sleep(s.world, SECOND);
    cr_assert_not(down(&far));
    for (size_t i = 0; i < ARRAY_LEN(s.processes); i++) {
        cr_assert_not(down(&s.processes[i]), "%zu", i);
    }
    asker_end(&far);
    store_site_end(&away);
    askers_end(&s);
}
