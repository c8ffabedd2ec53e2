#include "controller/state/state_internal.h"

/* Every partition of a settled image is a fixed point of settling; said out loud, one rule a line. */
static void check_partition(const struct world *world, struct slice topic,
                            const struct meta_partition *partition)
{
    assert(meta_partition_valid(partition));
    for (uint32_t i = 0; i < partition->isr.count; i++) {
        int32_t member = partition->isr.id[i];
        assert(world_active(world, member)); /* no fenced or leaving broker in an ISR */
        assert(world_seat(world, meta_partition_replica(partition, member)));
    }
    for (uint32_t i = 0; i < partition->elr.count; i++) {
        int32_t member = partition->elr.id[i];
        const struct meta_replica *replica = meta_partition_replica(partition, member);
        assert(world_kept(world, replica));
        assert(partition->leader != META_NO_BROKER || !world_active(world, member) ||
               !world_seat(world, replica));
    }
    assert((partition->leader == META_NO_BROKER) == (partition->isr.count == 0));
    assert(partition->elr.count == 0 ||
           (int32_t)partition->isr.count < world_min_isr(world, topic, partition->replica_count));
}

static void check_image(const struct controller_state *state)
{
    struct world world = world_of(state);
    uint32_t total = 0;
    for (const struct meta_topic *topic = meta_topic_next(world.image, (struct slice){0});
         topic != NULL; topic = meta_topic_next(world.image, meta_topic_name(topic))) {
        uint32_t count = meta_topic_partitions(topic);
        assert(meta_topic(world.image, meta_topic_id(topic)) == topic);
        for (uint32_t i = 0; i < count; i++) {
            const struct meta_partition *partition = meta_partition(topic, (int32_t)i);
            assert(partition != NULL && uuid_eq(partition->topic, meta_topic_id(topic)));
            check_partition(&world, meta_topic_name(topic), partition);
        }
        total += count;
    }
    assert(total == meta_partition_total(world.image));
}

static void check_sessions(const struct controller_state *state)
{
    const struct meta_image *image = controller_newest(state);
    assert(state->session_count <= state->session_room);
    for (uint32_t i = 0; i < state->session_count; i++) {
        const struct controller_session *session = &state->sessions[i];
        assert(i == 0 || state->sessions[i - 1].broker < session->broker);
        assert(session->reached >= -1 && session->shutdown_offset >= -1);
        assert(session_find(state, session->broker) == session);
    }
    for (const struct meta_broker *broker = meta_broker_next(image, META_NO_BROKER); broker != NULL;
         broker = meta_broker_next(image, broker->id)) {
        assert(broker->epoch >= 0 && broker->epoch <= meta_offset(image));
        assert(broker->fenced || broker->dir_count > 0);
        assert(session_find(state, broker->id) != NULL);
    }
}

void controller_check(const struct controller_state *state)
{
    assert(state->ahead_count <= state->ahead_room);
    int64_t offset = meta_offset(controller_committed(state));
    assert(offset == -1 || meta_offset(controller_newest(state)) >= offset);
    if (!state->active) {
        assert(state->ahead_count == 0 || meta_offset(controller_newest(state)) > offset);
        assert(state->session_count == 0);
        assert(controller_deadline(state) == TIME_NEVER);
        return;
    }
    check_sessions(state);
    if (!state
             ->deciding) { /* between the batches of one decision, some partitions are not settled yet */
        check_image(state);
    }
}
