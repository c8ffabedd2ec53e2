/* Clients of the consumer protocol (KIP-848): they enter, say what they want and hold, hear what they are to read, and go. */
#include "tests/unit/broker/group/world.h"

static const char *const patterns[WORLD_PATTERNS] = {"p0", "p1", "p2"};

static void everything(struct world *w, const struct world_client *client,
                       struct group_event *event, struct slice *topics, char names[WORLD_TOPICS][8])
{
    event->consumer.rebalance_ms = (int32_t)prng_between(&w->prng, 0, 2000);
    event->consumer.topics = topics;
    for (int t = 0; t < WORLD_TOPICS; t++) {
        if (client->topics >> t & 1) {
            topics[event->consumer.topic_count++] = slice_str(world_topic(t, names[t]));
        }
    }
    event->consumer.pattern = client->pattern < 0 ? slice_of("", 0)
                                                  : slice_str(patterns[client->pattern]);
    if (client->rack != NULL) {
        event->consumer.rack_id = slice_str(client->rack);
    }
    if (world_chance(w, 200)) {
        event->consumer.assignor = slice_str(world_chance(w, 450)   ? "range"
                                             : world_chance(w, 900) ? "uniform"
                                                                    : "own");
    }
}

void world_beat(struct world *w, struct world_client *client)
{
    struct slice topics[WORLD_TOPICS];
    char names[WORLD_TOPICS][8];
    struct group_part owned[WORLD_PARTS];
    bool enters = client->generation <= 0 || world_chance(w, 20);
    struct world_call *c = world_call(w, client, GROUP_CONSUMER_HEARTBEAT);
    if (client->id[0] == 0 && world_chance(w, 500)) { /* else the coordinator makes one */
        snprintf(client->id, sizeof(client->id), "own-%d", (int)prng_below(&w->prng, 40));
    }
    if (world_chance(w, 60)) {
        client->topics = (unsigned)prng_below(&w->prng, 1 << WORLD_TOPICS);
        client->pattern = world_chance(w, 300) ? (int)prng_below(&w->prng, WORLD_PATTERNS) : -1;
    }
    struct group_event event = world_ask(w, client, c);
    event.who.generation = enters ? 0 : client->generation - (int32_t)world_chance(w, 40);
    enters = event.who.generation == 0; /* by the epoch before its first as well */
    event.consumer.client_id = slice_str(client->client_id);
    event.consumer.client_host = slice_str(world_chance(w, 30) ? "/h2" : "/h");
    event.consumer.rebalance_ms = -1;
    if (enters || world_chance(w, 200)) {
        everything(w, client, &event, topics, names);
    }
    if (enters || world_chance(w, 700)) {
        event.consumer.owned = owned;
        event.consumer.owned_count = enters ? 0 : client->has_count;
        memcpy(owned, client->has, sizeof(owned));
    }
    if (world_chance(w, 10) && event.consumer.owned_count > 0) {
        owned[0].topic = test_uuid('X', 1); /* of a topic that nobody knows */
    }
    world_event(w, &event);
}

void world_heard(struct world *w, struct world_client *client, const struct group_call *call)
{
    const struct group_consumer_answer *a = &call->consumer;
    if (call->error != KAFKA_NONE) {
        bool out = call->error != KAFKA_GROUP_MAX_SIZE_REACHED &&
                   call->error != KAFKA_UNSUPPORTED_ASSIGNOR;
        client->generation = out ? 0 : client->generation;
        client->has_count = out ? 0 : client->has_count;
        client->id[0] = out && world_chance(w, 300) ? 0 : client->id[0];
        client->classic = out && world_chance(w, 100);
        return;
    }
    snprintf(client->id, sizeof(client->id), "%.*s", DUMP_TEXT(a->member_id));
    client->generation = a->epoch;
    if (a->epoch < 0) { /* it has left, or will be another process */
        client->has_count = 0;
        client->generation = 0;
        client->id[0] = 0;
        client->classic = world_chance(w, 300);
        return;
    }
    cr_assert(a->epoch > 0 && a->heartbeat_ms >= 50 && a->heartbeat_ms <= 200);
    if (a->assigned && !world_chance(w, 50)) { /* the answer may be lost */
        cr_assert_leq(a->part_count, (uint32_t)WORLD_PARTS);
        client->has_count = a->part_count;
        if (a->part_count > 0) {
            memcpy(client->has, a->parts, a->part_count * sizeof(*a->parts));
        }
    }
}

void world_leave(struct world *w, struct world_client *client)
{
    if (client->classic || world_chance(w, 200)) { /* an administrator removes it */
        struct world_call *c = world_call(w, client, GROUP_LEAVE);
        struct group_event event = world_ask(w, client, c);
        c->leavers[0] = (struct group_leaver){.member_id = slice_str(client->id)};
        c->leavers[1] = (struct group_leaver){.member_id = slice_of("", 0),
                                              .instance_id = slice_str("s1")};
        c->leavers[2] = (struct group_leaver){.member_id = slice_str(client->id),
                                              .instance_id = event.who.instance_id};
        event.leave.leavers = &c->leavers[prng_below(&w->prng, 3)];
        event.leave.count = world_chance(w, 100) ? 0 : 1;
        world_event(w, &event);
        return;
    }
    struct world_call *c = world_call(w, client, GROUP_CONSUMER_HEARTBEAT);
    struct group_event event = world_ask(w, client, c);
    bool aside = event.who.instance_id.p != NULL && world_chance(w, 700);
    event.who.generation = aside ? CONSUMER_STEPS_ASIDE : CONSUMER_LEAVES;
    event.consumer.rebalance_ms = -1;
    world_event(w, &event);
}

void world_matched(struct world *w, int g)
{
    struct group_matched items[WORLD_PATTERNS] = {0};
    struct slice names[WORLD_PATTERNS][WORLD_TOPICS];
    char name[WORLD_TOPICS][8], id[8];
    struct group_event event = {.kind = GROUP_MATCHED};
    snprintf(id, sizeof(id), "g%d", g);
    event.who.group = slice_str(id);
    for (uint32_t i = 0; i < w->match[g].count; i++) {
        items[i].pattern = slice_str(patterns[w->match[g].pattern[i]]);
        items[i].topics = names[i];
        for (int t = 0; t < WORLD_TOPICS; t++) {
            if (w->partitions[t] > 0 && world_pattern_has(w->match[g].pattern[i], t)) {
                names[i][items[i].count++] = slice_str(world_topic(t, name[t]));
            }
        }
    }
    event.matched.items = items;
    event.matched.count = w->match[g].count;
    event.matched.version = meta_offset(w->meta.image);
    event.matched.failed = world_chance(w, 100);
    w->match[g].count = 0;
    world_event(w, &event);
}
