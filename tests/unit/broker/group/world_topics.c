/* Topics of the world: they appear, grow, go and come back; their replicas stand in racks; groups have settings. */
#include "tests/unit/broker/group/world.h"

const char *world_topic(int topic, char name[8])
{
    snprintf(name, 8, "t%d", topic);
    return name;
}

struct uuid world_topic_id(const struct world *w, int topic)
{
    return test_uuid('T', topic * 1000 + w->incarnation[topic]);
}

int world_topic_of(const struct world *w, struct uuid id)
{
    for (int t = 0; t < WORLD_TOPICS; t++) {
        if (uuid_eq(id, world_topic_id(w, t))) {
            return t;
        }
    }
    return -1;
}

bool world_pattern_has(int pattern, int topic)
{
    return pattern == 0 || topic % 2 == pattern - 1;
}

void world_topic_grow(struct world *w, int topic, uint32_t to)
{
    struct meta_record records[WORLD_PARTITIONS + 1];
    char name[8];
    uint32_t count = 0;
    struct uuid id = world_topic_id(w, topic);
    if (w->partitions[topic] == 0) {
        records[count++] = (struct meta_record){
            .kind = META_TOPIC, .topic = {.id = id, .name = slice_str(world_topic(topic, name))}};
    }
    for (uint32_t p = w->partitions[topic]; p < to; p++) {
        int32_t broker = 1 + (int32_t)prng_below(&w->prng, 3); /* the third one is not there */
        records[count++] = (struct meta_record){.kind = META_PARTITION,
                                                .partition = {.topic = id,
                                                              .index = (int32_t)p,
                                                              .replicas = {{.broker = broker}},
                                                              .replica_count = 1,
                                                              .isr = {.id = {broker}, .count = 1},
                                                              .leader = broker}};
    }
    meta_world_apply(&w->meta, records, count);
    w->topics_version = meta_offset(w->meta.image);
    w->partitions[topic] = to;
}

static void topic_delete(struct world *w, int topic)
{
    char name[8];
    struct meta_record gone = {.kind = META_TOPIC_GONE, .topic_gone = {world_topic_id(w, topic)}};
    struct group_event event = {
        .kind = GROUP_TOPIC_GONE,
        .topic_gone = {slice_str(world_topic(topic, name)), world_topic_id(w, topic), false}};
    meta_world_apply(&w->meta, &gone, 1);
    w->partitions[topic] = 0;
    w->incarnation[topic]++;
    world_event(w, &event);
}

static void broker_moves(struct world *w)
{
    static const char *const racks[] = {"r0", "r1", "r2"};
    struct meta_record broker = {.kind = META_BROKER,
                                 .broker = {.id = 1 + (int32_t)prng_below(&w->prng, 2),
                                            .epoch = -1,
                                            .incarnation = test_uuid('I', 1),
                                            .rack = world_chance(w, 800)
                                                        ? slice_str(racks[prng_below(&w->prng, 3)])
                                                        : (struct slice){0}}};
    meta_world_apply(&w->meta, &broker, 1);
}

/* Set when other bounds held, or by somebody who knows better than the broker. */
static void settings_change(struct world *w)
{
    static const char *const keys[] = {"consumer.session.timeout.ms",
                                       "consumer.heartbeat.interval.ms",
                                       "consumer.assignment.interval.ms"};
    static const char *const values[] = {"", "1", "3000", "100", "4000000000", "99999999999", "1x"};
    struct slice value = slice_str(values[prng_below(&w->prng, ARRAY_LEN(values))]);
    struct meta_record set = {
        .kind = META_CONFIG,
        .config = {.resource = META_RESOURCE_GROUP,
                   .name = slice_str("g1"),
                   .key = slice_str(keys[prng_below(&w->prng, 3)]),
                   .value = world_chance(w, 200) ? (struct slice){0} : value}};
    meta_world_apply(&w->meta, &set, 1);
}

void world_topics_change(struct world *w)
{
    int t = (int)prng_below(&w->prng, WORLD_TOPICS);
    uint64_t draw = prng_below(&w->prng, 100);
    if (w->older != NULL) {
        meta_image_drop(&w->meta.store, w->older);
    }
    w->older = w->meta.image;
    meta_image_hold(w->older);
    if (draw < 20) {
        broker_moves(w);
    } else if (draw < 40) {
        settings_change(w);
    } else if (w->partitions[t] > 0 && draw < 60) {
        topic_delete(w, t);
    } else if (w->partitions[t] < WORLD_PARTITIONS) {
        world_topic_grow(w, t,
                         (uint32_t)prng_between(&w->prng, w->partitions[t] + 1, WORLD_PARTITIONS));
    }
}
