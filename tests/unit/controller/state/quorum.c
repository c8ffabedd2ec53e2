#include "tests/unit/controller/state/quorum.h"

void quorum_init(struct quorum *quorum, const struct controller_settings *settings, uint64_t seed)
{
    memset(quorum, 0, sizeof(*quorum));
    test_memory_init(&quorum->memory);
    heap_init(&quorum->heap, &quorum->memory.source, (size_t)1 << 30);
    arena_init(&quorum->arena, &quorum->memory.source, 1 << 16, (size_t)1 << 30);
    arena_init(&quorum->scratch, &quorum->memory.source, 1 << 16, (size_t)1 << 30);
    err_t err = controller_init(&quorum->active, &quorum->heap, settings, seed);
    assert(err == OK);
    err = controller_init(&quorum->follower, &quorum->heap, settings, seed + 1);
    assert(err == OK);
    quorum->epoch = 1;
    struct command bootstrap = {.kind = COMMAND_BOOTSTRAP,
                                .bootstrap = {slice_str("MkU3OEVBNTcwNTJENDM2Qg")}};
    (void)quorum_submit(quorum, &bootstrap);
    (void)quorum_submit(quorum, &(struct command){.kind = COMMAND_NEW_ACTIVE});
}

struct quorum *quorum_with_orders(uint64_t seed)
{
    static struct quorum quorum;
    struct controller_settings settings = controller_settings_default();
    quorum_init(&quorum, &settings, seed);
    for (int b = 1; b <= 3; b++) {
        quorum_join(&quorum, b, 1);
    }
    struct create_topic topic = {
        .name = slice_str("orders"), .partitions = 2, .replication_factor = 3};
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, false}};
    const struct answer *answer = quorum_submit(&quorum, &command);
    assert(answer->create_topics.results[0].result.error == KAFKA_NONE);
    return &quorum;
}

void quorum_release(struct quorum *quorum)
{
    controller_release(&quorum->active);
    controller_release(&quorum->follower);
    assert(quorum->heap.live == 0);
    heap_release(&quorum->heap);
    arena_release(&quorum->arena);
    arena_release(&quorum->scratch);
    assert(quorum->memory.out == 0);
}

static void encode(struct meta_batch batch, struct buf *bytes)
{
    err_t err = meta_batch_encode(batch, bytes);
    assert(err == OK);
}

/* Decides once with memory for `most` pieces; true: that was enough. What is written must fit the image in any case, and
 * be what is written with plenty of memory, or nothing. */
static bool decide_within(struct quorum *quorum, const struct command *command, size_t most,
                          struct slice plenty)
{
    struct arena arena;
    arena_init(&arena, &quorum->memory.source, 1 << 16, (size_t)1 << 30);
    test_memory_by_piece(&arena);
    struct decision trial = quorum->decision; /* an array of results that is there may be written */
    trial.arena = &arena;
    size_t refused = quorum->memory.refused;
    quorum->memory.most = most;
    err_t err = controller_decide(&quorum->active, command, quorum->now, &trial);
    bool enough = quorum->memory.refused == refused;
    quorum->memory.most = SIZE_MAX;
    assert(err == OK || (err == ERR_NO_MEMORY && !enough));
    quorum->refusals += !enough;
    struct meta_image *image = NULL;
    if (err == OK) {
        err = meta_image_apply(&quorum->active.store, controller_newest(&quorum->active),
                               trial.batch, quorum->end, quorum->epoch, NULL, NULL, &image);
        assert(err == OK);
        meta_image_drop(&quorum->active.store, image);
        struct buf bytes;
        buf_init(&bytes, &quorum->heap, RPC_FRAME_MAX);
        encode(trial.batch, &bytes);
        assert(slice_eq(buf_slice(&bytes), plenty) || (!enough && trial.batch.count == 0));
        buf_release(&bytes);
    }
    arena_release(&arena);
    return enough;
}

static void decide_scarce(struct quorum *quorum, const struct command *command)
{
    struct decision *decision = &quorum->decision;
    struct decision before = *decision;
    struct buf plenty;
    buf_init(&plenty, &quorum->heap, RPC_FRAME_MAX);
    err_t err = controller_decide(&quorum->active, command, quorum->now, decision);
    assert(err == OK);
    encode(decision->batch, &plenty);
    struct decision after = *decision;
    *decision = before;
    for (unsigned once = 0; once < 2; once++) {
        quorum->memory.once = once == 1;
        for (size_t most = 0; !decide_within(quorum, command, most, buf_slice(&plenty)); most++) {}
    }
    quorum->memory.once = false;
    *decision = before;
    err = controller_decide(&quorum->active, command, quorum->now,
                            decision); /* results are shared */
    assert(err == OK && decision->batch.count == after.batch.count && decision->more == after.more);
    controller_check(&quorum->active);
    buf_release(&plenty);
}

/* A follower without memory for a batch has the image that it had, and can be asked again. */
static void replay_scarce(struct quorum *quorum, struct meta_batch batch, int64_t offset)
{
    uint64_t hash = meta_image_hash(controller_committed(&quorum->follower));
    size_t chunk_bytes = quorum->heap.arena.chunk_bytes;
    err_t err = ERR_NO_MEMORY;
    for (size_t most = 0; err != OK; most += 1 + most / 16) { /* of many records not each */
        test_memory_heap_by_piece(&quorum->heap);
        assert(meta_image_hash(controller_committed(&quorum->follower)) == hash);
        quorum->memory.most = most;
        err = controller_replay(&quorum->follower, batch, offset, quorum->epoch, &quorum->scratch);
        quorum->memory.most = SIZE_MAX;
        assert(err == OK || err == ERR_NO_MEMORY);
        quorum->refusals += err != OK;
    }
    quorum->heap.arena.chunk_bytes = chunk_bytes;
}

/* The batch as a follower gets it: through its bytes. */
static void follow(struct quorum *quorum, struct meta_batch batch, int64_t offset)
{
    struct buf bytes;
    buf_init(&bytes, &quorum->heap, RPC_FRAME_MAX);
    encode(batch, &bytes);
    arena_clear(&quorum->scratch);
    struct meta_batch read;
    err_t err = meta_batch_decode(buf_slice(&bytes), &quorum->scratch, &read, NULL);
    assert(err == OK);
    if (quorum->scarce) {
        replay_scarce(quorum, read, offset);
    } else {
        err = controller_replay(&quorum->follower, read, offset, quorum->epoch, &quorum->scratch);
        assert(err == OK);
    }
    buf_release(&bytes);
}

void quorum_commit(struct quorum *quorum)
{
    controller_commit(&quorum->active, quorum->end - 1);
    assert(controller_committed(&quorum->active) == controller_newest(&quorum->active));
    assert(meta_image_hash(controller_committed(&quorum->active)) ==
           meta_image_hash(controller_committed(&quorum->follower)));
    quorum->hold = false;
}

const struct answer *quorum_submit(struct quorum *quorum, const struct command *command)
{
    struct decision *decision = &quorum->decision;
    arena_clear(&quorum->arena);
    decision_start(decision, &quorum->arena);
    quorum->batches = 0;
    quorum->records = 0;
    do {
        if (quorum->scarce) {
            decide_scarce(quorum, command);
        } else {
            err_t err = controller_decide(&quorum->active, command, quorum->now, decision);
            assert(err == OK);
        }
        int64_t offset = -1;
        if (decision->batch.count > 0) {
            offset = quorum->end++;
            quorum->batches++;
            quorum->records += decision->batch.count;
            if (quorum->seen != NULL) {
                quorum->seen(quorum->ctx, &decision->batch, offset);
            }
            if (!quorum->hold) {
                follow(quorum, decision->batch, offset);
            }
        }
        err_t err = controller_accept(&quorum->active, decision, offset, quorum->epoch,
                                      quorum->now);
        assert(err == OK);
        controller_check(&quorum->active);
        quorum->end += quorum->end % 7 == 3; /* other entries of the log: new leaders, voters */
    } while (decision->more);
    if (!quorum->hold && quorum->batches > 0) {
        quorum_commit(quorum);
    }
    assert(decision->answer.kind == command->kind);
    return &decision->answer;
}

void quorum_failover(struct quorum *quorum)
{
    controller_resign(&quorum->active);
    controller_check(&quorum->active);
    assert(controller_newest(&quorum->active) == controller_committed(&quorum->active));
    assert(meta_image_hash(controller_committed(&quorum->active)) ==
           meta_image_hash(controller_committed(&quorum->follower)));
    quorum->hold = false;
    quorum->epoch++;
    struct controller_state swap = quorum->active;
    quorum->active = quorum->follower;
    quorum->follower = swap;
    (void)quorum_submit(quorum, &(struct command){.kind = COMMAND_NEW_ACTIVE});
}

const struct meta_image *quorum_image(const struct quorum *quorum)
{
    return controller_newest(&quorum->active);
}

const struct meta_partition *quorum_partition(const struct quorum *quorum, const char *topic,
                                              int32_t partition)
{
    const struct meta_topic *found = meta_topic_named(quorum_image(quorum), slice_str(topic));
    return found == NULL ? NULL : meta_partition(found, partition);
}

struct uuid quorum_dir(int32_t broker, int life, int which)
{
    return (struct uuid){{'D', (uint8_t)broker, (uint8_t)life, (uint8_t)which, 1}};
}

struct command quorum_registration(int32_t broker, int incarnation)
{
    struct command command = {.kind = COMMAND_REGISTER_BROKER};
    struct register_broker_command *wants = &command.register_broker;
    wants->broker = broker;
    wants->incarnation = (struct uuid){
        {'I', (uint8_t)broker, (uint8_t)(incarnation >> 8), (uint8_t)incarnation, 1}};
    wants->previous_epoch = -1;
    wants->endpoints[0] = (struct meta_endpoint){slice_str("PLAINTEXT"), slice_str("127.0.0.1"),
                                                 9092, 0};
    wants->endpoint_count = 1;
    wants->dirs[0].id = quorum_dir(broker, 0, 0);
    wants->dirs[0].condition = DIR_CRASHED;
    wants->dir_count = 1;
    return command;
}

struct command quorum_beat(const struct quorum *quorum, int32_t broker)
{
    const struct meta_broker *known = meta_broker(quorum_image(quorum), broker);
    struct command command = {.kind = COMMAND_HEARTBEAT};
    command.heartbeat.broker = broker;
    command.heartbeat.broker_epoch = known == NULL ? -1 : known->epoch;
    command.heartbeat.metadata_offset = meta_offset(controller_committed(&quorum->active));
    return command;
}

void quorum_join(struct quorum *quorum, int32_t broker, int incarnation)
{
    struct command command = quorum_registration(broker, incarnation);
    const struct answer *answer = quorum_submit(quorum, &command);
    assert(answer->register_broker.result.error == KAFKA_NONE);
    command = quorum_beat(quorum, broker);
    answer = quorum_submit(quorum, &command);
    assert(!answer->heartbeat.fenced);
    (void)answer;
}
