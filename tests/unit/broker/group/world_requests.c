/* What is drawn in a step. */
#include "tests/unit/broker/group/world.h"

/* Whom a request speaks for: mostly the client as it knows itself. */
struct group_event world_ask(struct world *w, struct world_client *client, struct world_call *c)
{
    struct group_event event = {.kind = c->kind, .call = &c->call};
    const struct world_client *other = &w->clients[prng_below(&w->prng, WORLD_CLIENTS)];
    event.who = (struct group_who){slice_str(client->group), slice_str(client->id),
                                   client->instance[0] ? slice_str(client->instance)
                                                       : (struct slice){0},
                                   client->generation - (int32_t)world_chance(w, 40)};
    if (world_chance(w, 20)) {
        event.who.member_id = slice_str(other->id);
    }
    if (world_chance(w, 20)) {
        event.who.instance_id = other->instance[0] ? slice_str(other->instance) : (struct slice){0};
    }
    if (world_chance(w, 5)) {
        event.who.group = slice_str("g3");
    }
    return event;
}

static void commit(struct world *w, struct world_client *client)
{
    struct group_offset_item items[3];
    char names[3][8];
    struct world_call *c = world_call(w, client, GROUP_COMMIT);
    struct group_event event = world_ask(w, client, c);
    if (world_chance(w, 150)) {
        event.who.generation = -1;
        event.who.member_id = world_chance(w, 500) ? slice_of("", 0) : event.who.member_id;
    }
    for (int i = 0; i < 3; i++) {
        bool own = client->has_count > 0 && world_chance(w, 800);
        struct group_part part = own ? client->has[prng_below(&w->prng, client->has_count)]
                                     : (struct group_part){{{0}}, 3};
        int t = own ? world_topic_of(w, part.topic) : (int)prng_below(&w->prng, WORLD_TOPICS);
        t = t < 0 ? 0 : t;
        items[i] = (struct group_offset_item){
            .topic = slice_str(world_topic(t, names[i])),
            .partition = part.partition,
            .offset = (int64_t)prng_below(&w->prng, 1000),
            .leader_epoch = (int32_t)prng_between(&w->prng, -1, 3),
            .metadata = world_chance(w, 300) ? slice_str("a note") : (struct slice){0}};
        items[i].topic_id = items[i].offset % 4 > 0 ? world_topic_id(w, t) : UUID_NONE;
    }
    event.commit.items = items;
    event.commit.count = (uint32_t)prng_below(&w->prng, 4);
    event.commit.expire_ms = -1;
    if (world_chance(w, 100)) { /* by versions that knew of no leader epochs */
        event.commit.expire_ms = WORLD_WALL + w->now + 100;
        items[0].leader_epoch = items[1].leader_epoch = items[2].leader_epoch = -1;
    }
    event.commit.unknown_group = world_chance(w, 500) ? KAFKA_ILLEGAL_GENERATION
                                                      : KAFKA_GROUP_ID_NOT_FOUND;
    event.commit.old = world_chance(w, 100);
    const struct group *group = world_group(w, event.who.group);
    bool late = group != NULL && group->consumer == NULL && event.who.generation >= 0 &&
                event.who.generation != group->generation;
    uint64_t broken = w->broken;
    world_event(w, &event);
    cr_assert(!late || broken != w->broken || c->call.error != KAFKA_NONE,
              "an earlier generation stores an offset");
}

static void delete_offsets(struct world *w, struct world_client *client)
{
    static const char *const topics[] = {"t0", "t1", "t2"};
    struct world_call *c = world_call(w, client, GROUP_DELETE_OFFSETS);
    struct group_event event = world_ask(w, client, c);
    for (int i = 0; i < 3; i++) {
        c->gone[i] = (struct group_offset_gone){.topic = slice_str(topics[i]),
                                                .partition = (int32_t)prng_below(&w->prng, 5)};
    }
    event.delete_offsets.items = c->gone;
    event.delete_offsets.count = ARRAY_LEN(c->gone);
    world_event(w, &event);
}

static void plain(struct world *w, struct world_client *client, enum group_event_kind kind)
{
    struct world_call *c = world_call(w, client, kind);
    struct group_event event = world_ask(w, client, c);
    world_event(w, &event);
}

/* A client that waits for its answer hangs up. */
static void forget(struct world *w)
{
    for (uint32_t i = 0; i < w->call_count; i++) {
        struct world_call *c = &w->calls[i];
        if (c->waits && world_chance(w, 300)) {
            struct group_event event = {.kind = GROUP_FORGET, .call = &c->call};
            world_event(w, &event);
            c->waits = false;
            c->client->waits = false;
            return;
        }
    }
}

static void happens(struct world *w, uint64_t draw)
{
    int g = (int)prng_below(&w->prng, WORLD_GROUPS);
    if (draw < 1) {
        world_reload(w);
    } else if (draw < 4) {
        forget(w);
    } else if (draw < 9) {
        world_topics_change(w);
    } else if (draw < 16 && w->match[g].count > 0) {
        world_matched(w, g);
    } else {
        world_pass(w, (time_ms)prng_below(&w->prng, world_chance(w, 30) ? 8000 : 300));
    }
}

void world_step(struct world *w)
{
    struct world_client *client = &w->clients[prng_below(&w->prng, WORLD_CLIENTS)];
    uint64_t draw = prng_below(&w->prng, 130);
    if (draw >= 100) {
        happens(w, draw - 100);
    } else if (draw >= 96) {
        plain(w, client, draw == 96 ? GROUP_DELETE : GROUP_HEARTBEAT);
    } else if (draw >= 93) {
        delete_offsets(w, client);
    } else if (draw >= 80) {
        commit(w, client);
    } else if (draw >= 76) {
        world_leave(w, client);
    } else if (!client->classic) {
        world_beat(w, client);
    } else if (draw < 30) {
        world_join(w, client);
    } else if (draw < 60) {
        world_sync(w, client);
    } else {
        plain(w, client, GROUP_HEARTBEAT);
    }
}
