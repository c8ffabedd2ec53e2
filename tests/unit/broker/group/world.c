#include "tests/unit/broker/group/world.h"

/* ---- memory ---- */

/* The smallest there is, so that each piece is one that the source may refuse. */
#define CHUNK_BYTES 32

static size_t a_little(struct world *w)
{
    static const size_t amounts[] = {8, 8, 30, 30, 100, 300};
    return prng_below(&w->prng, amounts[prng_below(&w->prng, ARRAY_LEN(amounts))]);
}

/* A few more pieces, and then none. What was given back before is hidden meanwhile. */
static void tighten(struct world *w)
{
    memcpy(w->lists, w->heap.free_lists, sizeof(w->lists));
    memset(w->heap.free_lists, 0, sizeof(w->heap.free_lists));
    w->heap_memory.most = world_chance(w, 500) ? a_little(w) : SIZE_MAX;
    w->scratch_memory.most = w->heap_memory.most == SIZE_MAX ? a_little(w) : SIZE_MAX;
}

static void loosen(struct world *w)
{
    w->heap_memory.most = SIZE_MAX;
    w->scratch_memory.most = SIZE_MAX;
    for (int i = 0; i < HEAP_CLASSES; i++) {
        void **end = &w->heap.free_lists[i];
        while (*end != NULL) {
            end = (void **)*end;
        }
        *end = w->lists[i];
        w->lists[i] = NULL;
    }
}

/* ---- answers ---- */

static bool is_one_of(enum kafka_error error, const enum kafka_error *errors, size_t count)
{
    bool found = false;
    for (size_t i = 0; i < count; i++) {
        found = found || errors[i] == error;
    }
    return found;
}

/* What Kafka's protocol lets a request be told, KAFKA_NONE apart. */
static bool may_be_told(enum group_event_kind kind, enum kafka_error error)
{
    static const struct {
        enum group_event_kind kind;
        enum kafka_error errors[8];
    } table[] = {
        {GROUP_JOIN,
         {KAFKA_MEMBER_ID_REQUIRED, KAFKA_UNKNOWN_MEMBER_ID, KAFKA_FENCED_INSTANCE_ID,
          KAFKA_INCONSISTENT_GROUP_PROTOCOL, KAFKA_INVALID_SESSION_TIMEOUT,
          KAFKA_GROUP_MAX_SIZE_REACHED, KAFKA_REBALANCE_IN_PROGRESS}},
        {GROUP_SYNC,
         {KAFKA_UNKNOWN_MEMBER_ID, KAFKA_FENCED_INSTANCE_ID, KAFKA_ILLEGAL_GENERATION,
          KAFKA_INCONSISTENT_GROUP_PROTOCOL, KAFKA_REBALANCE_IN_PROGRESS}},
        {GROUP_HEARTBEAT,
         {KAFKA_UNKNOWN_MEMBER_ID, KAFKA_FENCED_INSTANCE_ID, KAFKA_ILLEGAL_GENERATION,
          KAFKA_REBALANCE_IN_PROGRESS}},
        {GROUP_LEAVE, {0}},
        {GROUP_COMMIT,
         {KAFKA_UNKNOWN_MEMBER_ID, KAFKA_FENCED_INSTANCE_ID, KAFKA_ILLEGAL_GENERATION,
          KAFKA_REBALANCE_IN_PROGRESS, KAFKA_STALE_MEMBER_EPOCH, KAFKA_UNSUPPORTED_VERSION,
          KAFKA_GROUP_ID_NOT_FOUND}},
        {GROUP_DELETE_OFFSETS, {KAFKA_GROUP_ID_NOT_FOUND, KAFKA_NON_EMPTY_GROUP}},
        {GROUP_DELETE, {KAFKA_GROUP_ID_NOT_FOUND, KAFKA_NON_EMPTY_GROUP}},
        {GROUP_CONSUMER_HEARTBEAT,
         {KAFKA_UNKNOWN_MEMBER_ID, KAFKA_FENCED_MEMBER_EPOCH, KAFKA_FENCED_INSTANCE_ID,
          KAFKA_UNRELEASED_INSTANCE_ID, KAFKA_GROUP_MAX_SIZE_REACHED, KAFKA_UNSUPPORTED_ASSIGNOR,
          KAFKA_GROUP_ID_NOT_FOUND}},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        if (table[i].kind == kind) {
            return is_one_of(error, table[i].errors, ARRAY_LEN(table[i].errors));
        }
    }
    return false;
}

static void answered(struct world *w, struct group_call *call, bool tight)
{
    struct world_call *c = CONTAINER_OF(call, struct world_call, call);
    bool told = call->error == KAFKA_NONE || may_be_told(c->kind, call->error) ||
                (call->error == KAFKA_COORDINATOR_NOT_AVAILABLE && tight);
    cr_assert(c->waits, "a call was answered twice");
    cr_assert(told, "%s for a request of kind %d", kafka_error_name((int16_t)call->error), c->kind);
    cr_assert_leq(call->after_write, w->shard.writes);
    cr_assert(call->error == KAFKA_NONE || call->after_write == 0, "errors leave at once");
    c->waits = false;
    w->answers++;
    switch (c->kind) {
    case GROUP_JOIN: world_joined(w, c->client, call); break;
    case GROUP_SYNC: world_synced(w, c->client, call); break;
    case GROUP_CONSUMER_HEARTBEAT: world_heard(w, c->client, call); break;
    default: break;
    }
}

/* Its shard is gone: it asks again. */
static void call_lost(struct group_call *call)
{
    struct world_call *c = CONTAINER_OF(call, struct world_call, call);
    cr_assert(c->waits, "a call was answered twice");
    c->waits = false;
    c->client->waits = false;
}

/* ---- the shard and its log ---- */

static void release(struct world *w)
{
    struct list waiting;
    list_init(&waiting);
    group_shard_release(&w->shard, &waiting);
    for (struct list_node *node; (node = list_pop(&waiting)) != NULL;) {
        struct group_call *call = CONTAINER_OF(node, struct group_call, node);
        cr_assert_eq(call->error, KAFKA_NOT_COORDINATOR);
        call_lost(call);
    }
    for (uint32_t i = 0; i < w->call_count; i++) {
        cr_assert(!w->calls[i].waits, "call %u of kind %d was never answered", i, w->calls[i].kind);
    }
    w->call_count = 0;
    cr_assert_eq(w->heap.live, 0, "the shard leaks %zu bytes", w->heap.live);
}

/* false: memory was short. The shard is to be released then. */
static bool build(struct world *w, struct group_shard *shard, struct heap *heap, bool compacted)
{
    struct group_event loaded = {
        .kind = GROUP_LOADED, .now = w->now, .wall_ms = WORLD_WALL + w->now};
    struct group_actions actions;
    w->config.seed++; /* no id is made twice */
    group_shard_init(shard, &w->config, heap, &w->scratch_memory.source);
    shard->scratch.chunk_bytes = CHUNK_BYTES;
    if (!group_log_replay(&w->log, shard, compacted, &w->meta.memory.source)) {
        return false;
    }
    group_check(shard);
    group_step(shard, &loaded, &actions);
    cr_assert(list_empty(&actions.answers) && actions.write == 0);
    if (!actions.broken) {
        group_check(shard);
    }
    return !actions.broken;
}

static void reload(struct world *w)
{
    bool compacted = world_chance(w, 500), tight = world_chance(w, w->tight);
    memset(w->match, 0, sizeof(w->match));
    if (tight) {
        tighten(w);
        bool ok = build(w, &w->shard, &w->heap, compacted);
        loosen(w);
        if (ok) {
            return;
        }
        release(w);
    }
    cr_assert(build(w, &w->shard, &w->heap, compacted));
}

void world_reload(struct world *w)
{
    release(w);
    reload(w);
}

/* What the shard knows is what the log tells. */
static void compare(struct world *w)
{
    struct group_shard shard;
    struct list waiting;
    struct heap heap;
    heap_init(&heap, &w->meta.memory.source, 1 << 26);
    cr_assert(build(w, &shard, &heap, world_chance(w, 500)));
    dump_same(&w->shard, &shard);
    list_init(&waiting);
    group_shard_release(&shard, &waiting);
    cr_assert_eq(heap.live, 0);
    heap_release(&heap);
    if (w->log.count > 300) {
        group_log_compact(&w->log);
    }
}

/* The log is read with a little memory, and with a little more, until it is enough. */
void world_load_short(struct world *w, struct test_memory *memory)
{
    bool enough = false;
    release(w);
    for (size_t most = 0; !enough; most += 1 + prng_below(&w->prng, most / 4 + 1)) {
        heap_release(&w->heap);
        heap_init(&w->heap, &w->heap_memory.source, 1 << 26);
        w->heap.arena.chunk_bytes = CHUNK_BYTES;
        memory->most = most;
        enough = build(w, &w->shard, &w->heap, true);
        memory->most = SIZE_MAX;
        if (!enough) {
            release(w);
        }
    }
    memset(w->match, 0, sizeof(w->match));
    compare(w);
}

/* ---- steps ---- */

static void take_actions(struct world *w, const struct group_actions *actions, bool tight)
{
    for (uint32_t i = 0; i < actions->record_count; i++) {
        group_log_add(&w->log, &actions->records[i]);
    }
    w->writes += actions->write != 0;
    if (actions->match_count > 0) {
        int g = actions->match_group.p[1] - '0';
        cr_assert_leq(actions->match_count, (uint32_t)WORLD_PATTERNS);
        w->match[g].count = actions->match_count;
        for (uint32_t i = 0; i < actions->match_count; i++) {
            w->match[g].pattern[i] = actions->match[i].p[1] - '0';
        }
    }
    LIST_EACH(&actions->answers, node)
    {
        answered(w, CONTAINER_OF(node, struct group_call, node), tight);
    }
}

static void broke(struct world *w, struct group_actions *actions)
{
    w->broken++;
    for (struct list_node *node; (node = list_pop(&actions->answers)) != NULL;) {
        call_lost(CONTAINER_OF(node, struct group_call, node));
    }
    world_reload(w);
}

void world_event(struct world *w, struct group_event *event)
{
    struct group_actions actions;
    bool tight = world_chance(w, w->tight);
    event->now = w->now;
    event->wall_ms = WORLD_WALL + w->now;
    event->image = w->older != NULL && world_chance(w, 100) ? w->older : w->meta.image;
    event->topics_version = w->topics_version;
    if (tight) {
        tighten(w);
    }
    group_step(&w->shard, event, &actions);
    if (tight) {
        loosen(w);
        w->short_steps++;
    }
    if (actions.broken) {
        cr_assert(tight, "broken with all the memory there is");
        broke(w, &actions);
        return;
    }
    group_check(&w->shard);
    take_actions(w, &actions, tight);
    if (tight || world_chance(w, 20)) {
        compare(w);
    }
}

struct world_call *world_call(struct world *w, struct world_client *client,
                              enum group_event_kind kind)
{
    if (w->call_count == WORLD_CALLS) {
        world_reload(w);
    }
    struct world_call *c = &w->calls[w->call_count++];
    *c = (struct world_call){.client = client, .kind = kind, .waits = true};
    return c;
}

const struct group *world_group(const struct world *w, struct slice id)
{
    uint32_t at = 0;
    const struct group *g = group_next(&w->shard, &at);
    while (g != NULL && !slice_eq(g->id, id)) {
        g = group_next(&w->shard, &at);
    }
    return g;
}

/* How many offsets a classic group keeps that is between two generations; 0: it is not. */
static uint32_t kept_between(const struct world *w, int g)
{
    char id[3] = {'g', (char)('0' + g), 0};
    const struct group *group = world_group(w, slice_str(id));
    bool between = group != NULL && group->consumer == NULL &&
                   (group->state == GROUP_PREPARING || group->state == GROUP_COMPLETING);
    return between ? group->offset_count : 0;
}

static void tick(struct world *w)
{
    uint32_t before[WORLD_GROUPS + 1];
    uint64_t broken = w->broken;
    struct group_event event = {.kind = GROUP_TICK};
    for (int g = 0; g <= WORLD_GROUPS; g++) {
        before[g] = kept_between(w, g);
    }
    world_event(w, &event);
    if (w->broken != broken) {
        return;
    }
    for (int g = 0; g <= WORLD_GROUPS; g++) {
        uint32_t after = kept_between(w, g);
        cr_assert(before[g] == 0 || after == 0 || after == before[g],
                  "offsets of g%d expire while it rebalances", g);
    }
    cr_assert_gt(group_deadline(&w->shard), w->now);
}

void world_pass(struct world *w, time_ms by)
{
    time_ms to = w->now + by;
    for (time_ms due; (due = group_deadline(&w->shard)) <= to;) {
        w->now = due > w->now ? due : w->now;
        tick(w);
    }
    w->now = to;
}

/* ---- begin and end ---- */

static void client_init(struct world *w, int i)
{
    static const char *const racks[] = {"r0", "r1", "elsewhere"};
    struct world_client *c = &w->clients[i];
    snprintf(c->group, sizeof(c->group), "g%d", i % WORLD_GROUPS);
    if (world_chance(w, 300)) {
        snprintf(c->instance, sizeof(c->instance), "s%d", i % 7);
    }
    c->classic = world_chance(w, 500);
    c->topics = (unsigned)prng_between(&w->prng, 1, (1 << WORLD_TOPICS) - 1);
    c->pattern = -1;
    c->version = (int16_t)prng_below(&w->prng, 5);
    c->rack = world_chance(w, 400) ? racks[prng_below(&w->prng, ARRAY_LEN(racks))] : NULL;
    memset(c->client_id, 'c', world_chance(w, 100) ? sizeof(c->client_id) - 1 : 1);
}

void world_begin(struct world *w, uint64_t seed, unsigned tight)
{
    memset(w, 0, sizeof(*w));
    meta_world_init(&w->meta);
    test_memory_init(&w->heap_memory);
    test_memory_init(&w->scratch_memory);
    heap_init(&w->heap, &w->heap_memory.source, 1 << 26);
    w->heap.arena.chunk_bytes = CHUNK_BYTES;
    prng_init(&w->prng, seed);
    w->tight = tight;
    w->calls = calloc(WORLD_CALLS, sizeof(*w->calls));
    cr_assert_not_null(w->calls);
    w->config = (struct group_config){
        .session_min_ms = 10,
        .session_max_ms = 3000,
        .initial_delay_ms = world_chance(w, 500) ? 0 : 50,
        .members_max = (uint32_t)prng_between(&w->prng, 2, WORLD_CLIENTS),
        .offsets_retention_ms = 20000,
        .retention_check_ms = 700,
        .hash_key = {seed, 3},
        .seed = seed,
        .consumer = {.session_ms = 3000,
                     .session_min_ms = 2000,
                     .session_max_ms = 4000,
                     .heartbeat_ms = 100,
                     .heartbeat_min_ms = 50,
                     .heartbeat_max_ms = 200,
                     .assignment_interval_ms = world_chance(w, 700) ? 0 : 300,
                     .assignment_interval_max_ms = 1000,
                     .pattern_refresh_ms = 60000,
                     .members_max = (uint32_t)prng_between(&w->prng, 2, WORLD_CLIENTS),
                     .assignors = 3,
                     .assignor = (uint8_t)prng_below(&w->prng, 2),
                     .upgrade = world_chance(w, 850),
                     .downgrade = world_chance(w, 850)},
    };
    for (int i = 0; i < WORLD_CLIENTS; i++) {
        client_init(w, i);
    }
    for (int t = 0; t < WORLD_TOPICS; t++) {
        world_topic_grow(w, t, (uint32_t)prng_between(&w->prng, 1, WORLD_PARTITIONS));
    }
    reload(w);
}

void world_fall_silent(struct world *w)
{
    w->tight = 0;
    world_pass(w, 2 * (GROUP_NEW_MEMBER_MS + 10000));
    uint32_t at = 0;
    for (const struct group *g; (g = group_next(&w->shard, &at)) != NULL;) {
        bool empty = g->consumer != NULL ? g->consumer->members.count == 0
                                         : g->state == GROUP_EMPTY && g->pending.count == 0;
        cr_assert(empty, "somebody is kept in %.*s who said nothing for ten minutes",
                  DUMP_TEXT(g->id));
    }
    world_pass(w, 2 * w->config.offsets_retention_ms);
    cr_assert_eq(w->shard.groups.count, 0, "a group that nobody uses is kept for ever");
    compare(w);
}

void world_end(struct world *w)
{
    release(w);
    heap_release(&w->heap);
    cr_assert_eq(w->heap_memory.out, 0);
    cr_assert_eq(w->scratch_memory.out, 0);
    if (w->older != NULL) {
        meta_image_drop(&w->meta.store, w->older);
    }
    group_log_free(&w->log);
    free(w->calls);
    meta_world_release(&w->meta);
}

void world_run(struct world *w, uint64_t seed, unsigned tight)
{
    world_begin(w, seed, tight);
    for (int i = 0; i < WORLD_STEPS; i++) {
        world_step(w);
    }
    if (tight > 0) {
        world_load_short(w, seed % 4 == 0 ? &w->scratch_memory : &w->heap_memory);
    }
    world_fall_silent(w);
    world_end(w);
}
