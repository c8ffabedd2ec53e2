/* Clients of the classic protocol: they join with what they want and hold, the leader hands in, everybody gets its part. */
#include "kmsg/consumer_protocol.h"
#include "tests/unit/broker/group/world.h"

#define SAID_BYTES 1024

/* ---- what travels as bytes ---- */

static struct slice encoded(const struct kmsg_message *desc, int16_t version, const void *message,
                            uint8_t *room)
{
    size_t n = 0;
    room[0] = (uint8_t)(version >> 8);
    room[1] = (uint8_t)version;
    int16_t known = version > desc->version_max ? desc->version_max : version;
    cr_assert_eq(kmsg_size(desc, known, message, &n), OK);
    cr_assert_leq(n + 2, (size_t)SAID_BYTES);
    cr_assert_eq(kmsg_encode(desc, known, message, room + 2, n), OK);
    return slice_of(room, n + 2);
}

static struct slice subscription(struct world *w, const struct world_client *client, uint8_t *room)
{
    struct kmsg_consumer_protocol_subscription said;
    struct kmsg_consumer_protocol_subscription_owned_partition owned[WORLD_PARTS];
    struct slice topics[WORLD_TOPICS];
    char names[WORLD_TOPICS][8];
    int32_t numbers[WORLD_PARTS];
    kmsg_consumer_protocol_subscription_init(&said);
    said.topics.items = topics;
    for (int t = 0; t < WORLD_TOPICS; t++) {
        if (client->topics >> t & 1) {
            topics[said.topics.count++] = slice_str(world_topic(t, names[t]));
        }
    }
    said.owned_partitions.items = owned;
    for (uint32_t i = 0; i < client->has_count; i++) {
        int t = world_topic_of(w, client->has[i].topic);
        if (t >= 0) {
            numbers[i] = client->has[i].partition;
            owned[said.owned_partitions.count++] =
                (struct kmsg_consumer_protocol_subscription_owned_partition){
                    .topic = slice_str(world_topic(t, names[t])),
                    .partitions = {.items = &numbers[i], .count = 1}};
        }
    }
    said.generation_id = client->generation;
    said.rack_id = client->rack == NULL ? (struct slice){0} : slice_str(client->rack);
    if (world_chance(w, 15)) {
        return slice_of(room, prng_below(&w->prng, 4)); /* not to be understood */
    }
    return encoded(&kmsg_consumer_protocol_subscription_desc, client->version, &said, room);
}

/* ---- JoinGroup ---- */

static uint32_t protocols(struct world *w, struct group_protocol *to, struct slice said)
{
    static const char *const names[] = {"range", "sticky", "own"};
    uint32_t first = world_chance(w, 100);
    uint32_t count = world_chance(w, 900) ? 2 : 1;
    for (uint32_t i = 0; i < count; i++) {
        to[i] = (struct group_protocol){slice_str(names[(first + i) % 2]), said};
    }
    if (world_chance(w, 30)) { /* "own" is nobody else's */
        to[0].name = slice_str(names[2]);
    }
    if (world_chance(w, 10)) { /* as many as there may be, or one more */
        for (count = 2; count < GROUP_PROTOCOLS_MAX + prng_below(&w->prng, 2); count++) {
            to[count] = to[count - 2];
        }
    }
    return world_chance(w, 10) ? 0 : count;
}

void world_join(struct world *w, struct world_client *client)
{
    uint8_t room[SAID_BYTES];
    struct group_protocol offers[GROUP_PROTOCOLS_MAX + 1] = {0};
    if (client->waits && !world_chance(w, 100)) {
        return;
    }
    struct world_call *c = world_call(w, client, GROUP_JOIN);
    struct group_event event = world_ask(w, client, c);
    event.who.generation = -1;
    event.join.protocols = offers;
    event.join.protocol_count = protocols(w, offers, subscription(w, client, room));
    event.join.client_id = slice_str(client->client_id);
    event.join.client_host = slice_str(world_chance(w, 50) ? "/h2" : "/h");
    event.join.protocol_type = slice_str(world_chance(w, 20) ? "connect" : "consumer");
    if (world_chance(w, 5)) {
        event.join.protocol_type = slice_of("", 0);
    }
    event.join.session_ms = world_chance(w, 900) ? 1500 : (int32_t)prng_between(&w->prng, 1, 3100);
    event.join.rebalance_ms = world_chance(w, 900) ? 800 : (int32_t)prng_between(&w->prng, 0, 2000);
    event.join.id_first = client->instance[0] == 0 && world_chance(w, 500);
    event.join.may_skip = world_chance(w, 500);
    client->waits = true;
    world_event(w, &event);
}

void world_joined(struct world *w, struct world_client *client, const struct group_call *call)
{
    const struct group_join_answer *a = &call->join;
    client->waits = false;
    switch (call->error) {
    case KAFKA_NONE:
        cr_assert_gt(a->generation, 0);
        cr_assert(a->protocol.p != NULL && a->protocol_type.n > 0 && a->member_id.n > 0);
        client->generation = a->generation;
        client->leads = slice_eq(a->leader, a->member_id);
        cr_assert(a->members_of == NULL || client->leads, "only the leader hears of all members");
        __attribute__((fallthrough));
    case KAFKA_MEMBER_ID_REQUIRED:
        snprintf(client->id, sizeof(client->id), "%.*s", DUMP_TEXT(a->member_id));
        break;
    case KAFKA_UNKNOWN_MEMBER_ID:
    case KAFKA_FENCED_INSTANCE_ID:
        client->id[0] = 0;
        client->generation = 0;
        client->has_count = 0;
        client->classic = client->classic && !world_chance(w, 100);
        break;
    default: break;
    }
}

/* ---- SyncGroup ---- */

/* Each partition that somebody wants to the next of those; an assignor of its own keeps notes. */
static struct slice part_of(struct world *w, int place, int places, uint8_t *room)
{
    struct kmsg_consumer_protocol_assignment given;
    struct kmsg_consumer_protocol_assignment_assigned_partition topics[WORLD_TOPICS];
    char names[WORLD_TOPICS][8];
    int32_t numbers[WORLD_TOPICS][WORLD_PARTITIONS];
    kmsg_consumer_protocol_assignment_init(&given);
    given.assigned_partitions.items = topics;
    for (int t = 0; t < WORLD_TOPICS; t++) {
        kmsg_i32_array mine = {.items = numbers[t]};
        for (int p = 0; p < (int)w->partitions[t]; p++) {
            if ((t + p) % places == place) {
                numbers[t][mine.count++] = p;
            }
        }
        if (mine.count > 0) {
            topics[given.assigned_partitions.count++] =
                (struct kmsg_consumer_protocol_assignment_assigned_partition){
                    .topic = slice_str(world_topic(t, names[t])), .partitions = mine};
        }
    }
    if (world_chance(w, 10)) {
        given.user_data = slice_str("notes");
    }
    return encoded(&kmsg_consumer_protocol_assignment_desc, 0, &given, room);
}

void world_sync(struct world *w, struct world_client *client)
{
    static uint8_t room[WORLD_CLIENTS][SAID_BYTES];
    struct group_assignment given[WORLD_CLIENTS];
    struct world_call *c = world_call(w, client, GROUP_SYNC);
    struct group_event event = world_ask(w, client, c);
    int places = WORLD_CLIENTS / WORLD_GROUPS;
    event.sync.assignments = given;
    event.sync.assignment_count = client->leads ? WORLD_CLIENTS : 0;
    for (int i = 0; i < WORLD_CLIENTS; i++) {
        /* Two may be given the same by a leader that cannot count. */
        int place = world_chance(w, 20) ? 0 : i / WORLD_GROUPS;
        given[i].member_id = slice_str(w->clients[i].id);
        given[i].bytes = world_chance(w, 20) ? (struct slice){0}
                                             : part_of(w, place, places, room[i]);
    }
    if (world_chance(w, 200)) {
        event.sync.protocol_type = slice_str(world_chance(w, 800) ? "consumer" : "connect");
    }
    if (world_chance(w, 100)) {
        event.sync.protocol = slice_str(world_chance(w, 800) ? "range" : "sticky");
    }
    world_event(w, &event);
}

void world_synced(struct world *w, struct world_client *client, const struct group_call *call)
{
    static uint64_t has[16];
    struct arena arena;
    if (call->error != KAFKA_NONE) {
        client->generation = call->error == KAFKA_UNKNOWN_MEMBER_ID ? 0 : client->generation;
        return;
    }
    client->has_count = 0;
    if (call->sync.assignment.n < 2) {
        return;
    }
    arena_init(&arena, &w->meta.memory.source, 4096, 1 << 20);
    struct slice bytes = slice_of(call->sync.assignment.p + 2, call->sync.assignment.n - 2);
    const struct kmsg_consumer_protocol_assignment *told = (void *)has;
    cr_assert_eq(kmsg_decode(&kmsg_consumer_protocol_assignment_desc, 0, &bytes, &arena, has), OK);
    for (int32_t i = 0; i < told->assigned_partitions.count; i++) {
        const struct kmsg_consumer_protocol_assignment_assigned_partition *of =
            &told->assigned_partitions.items[i];
        for (int32_t k = 0; k < of->partitions.count && client->has_count < WORLD_PARTS; k++) {
            client->has[client->has_count++] = (struct group_part){
                world_topic_id(w, of->topic.p[1] - '0'), of->partitions.items[k]};
        }
    }
    arena_release(&arena);
}
