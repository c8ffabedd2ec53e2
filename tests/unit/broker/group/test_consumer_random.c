/*
 * Consumer groups of the new protocol under random members, topics and losses. Members are honest clients: they read what they
 * are told, give back when told so (some slowly), lose answers, step aside, vanish. After every step: the core's invariants; no
 * two clients that the coordinator knows read the same partition; no member's epoch goes back. Now and then: a shard built from
 * the log, whole or compacted, knows exactly what the living one knows. At the end all are there and every partition has one
 * reader.
 */
#include <criterion/criterion.h>

#include "tests/unit/broker/group/consumer_dump.h"
#include "tests/unit/broker/group/group_log.h"
#include "tests/unit/broker/group/quick.h"
#include "tests/unit/common/meta/world.h"

#define CLIENTS    12
#define GROUPS     2
#define TOPICS     4
#define PARTITIONS 6
#define STEPS      700
#define SEEDS      60
#define SESSION_MS 5000
#define WALL       1000000

struct client {
    char id[40];
    char instance[8];
    char group[4];
    int32_t epoch; /* 0: out */
    int32_t seen_epoch;
    bool aside;
    unsigned topics;                /* bits */
    int pattern;                    /* -1: none */
    bool full;                      /* its next request says everything */
    bool holds[TOPICS][PARTITIONS]; /* what it reads */
    bool wants[TOPICS][PARTITIONS]; /* what it was told to read */
    bool told;                      /* the coordinator has heard what it holds */
};

struct world {
    struct meta_world meta;
    struct meta_image *older; /* the image before, or NULL */
    struct heap heap;
    struct group_config config;
    struct group_shard shard;
    struct prng prng;
    struct client clients[CLIENTS];
    uint32_t partitions[TOPICS]; /* 0: the topic is not there */
    int incarnation[TOPICS];
    struct group_call call;
    bool answered;
    time_ms now;
    struct group_log log;
    struct {
        int pattern[4];
        uint32_t count; /* 0: none under way */
    } match[GROUPS];
    int64_t topics_version;
};

/* ---- topics ---- */

static void topic_name(int topic, char name[8])
{
    snprintf(name, 8, "t%d", topic);
}

static void topic_grow(struct world *w, int topic, uint32_t to)
{
    struct meta_record records[PARTITIONS + 1];
    char name[8];
    uint32_t count = 0;
    topic_name(topic, name);
    struct uuid id = test_uuid('T', topic * 1000 + w->incarnation[topic]);
    if (w->partitions[topic] == 0) {
        records[count++] = (struct meta_record){.kind = META_TOPIC,
                                                .topic = {.id = id, .name = slice_str(name)}};
    }
    for (uint32_t p = w->partitions[topic]; p < to; p++) {
        records[count++] = quick_partition(id, p);
    }
    if (count > 0) {
        meta_world_apply(&w->meta, records, count);
        w->topics_version = meta_offset(w->meta.image);
        w->partitions[topic] = to;
    }
}

static void topic_delete(struct world *w, int topic)
{
    struct meta_record gone = {
        .kind = META_TOPIC_GONE,
        .topic_gone = {test_uuid('T', topic * 1000 + w->incarnation[topic])}};
    meta_world_apply(&w->meta, &gone, 1);
    w->partitions[topic] = 0;
    w->incarnation[topic]++;
}

static int topic_of(const struct world *w, struct uuid id)
{
    for (int t = 0; t < TOPICS; t++) {
        if (uuid_eq(id, test_uuid('T', t * 1000 + w->incarnation[t]))) {
            return t;
        }
    }
    return -1; /* an earlier one */
}

static bool pattern_has(int pattern, int topic)
{
    return pattern == 0 || topic % 2 == pattern - 1;
}

/* ---- the log ---- */

static void reload(struct world *w, bool compacted)
{
    struct group_shard shard;
    struct group_event loaded = {.kind = GROUP_LOADED, .now = w->now, .wall_ms = WALL + w->now};
    struct group_actions actions;
    struct list waiting;
    struct heap heap;
    heap_init(&heap, &w->meta.memory.source, 1 << 26);
    group_shard_init(&shard, &w->config, &heap, &w->meta.memory.source);
    cr_assert(group_log_replay(&w->log, &shard, compacted, &w->meta.memory.source));
    group_step(&shard, &loaded, &actions);
    cr_assert_not(actions.broken);
    group_check(&shard);
    dump_same(&w->shard, &shard);
    list_init(&waiting);
    group_shard_release(&shard, &waiting);
    cr_assert_eq(heap.live, 0, "the reloaded shard leaks %zu bytes", heap.live);
    heap_release(&heap);
}

/* ---- steps ---- */

static const struct consumer_member *member_of(const struct world *w, const struct client *client)
{
    const struct group *g = group_find(&w->shard, slice_str(client->group));
    return g == NULL || g->consumer == NULL
               ? NULL
               : consumer_member_find(g->consumer, slice_str(client->id));
}

/* Clients that the coordinator has put out do not count: they will hear of it. */
static void look(struct world *w)
{
    for (int i = 0; i < CLIENTS; i++) {
        struct client *client = &w->clients[i];
        const struct consumer_member *m = member_of(w, client);
        if (m == NULL) {
            memset(client->holds, 0, sizeof(client->holds));
            client->seen_epoch = 0;
            continue;
        }
        if (m->epoch != CONSUMER_STEPS_ASIDE) {
            cr_assert_geq(m->epoch, client->seen_epoch, "the epoch of %s went back", client->id);
            client->seen_epoch = m->epoch;
        }
    }
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            for (int g = 0; g < GROUPS; g++) {
                int readers = 0;
                for (int i = g; i < CLIENTS; i += GROUPS) {
                    readers += w->clients[i].holds[t][p];
                }
                cr_assert_leq(readers, 1, "t%d-%d has %d readers in g%d", t, p, readers, g);
            }
        }
    }
}

static void step(struct world *w, struct group_event *event)
{
    struct group_actions actions;
    event->now = w->now;
    event->wall_ms = WALL + w->now;
    /* Another reactor may not have seen the newest yet. */
    event->image = w->older != NULL && prng_chance(&w->prng, 100) ? w->older : w->meta.image;
    event->topics_version = w->topics_version;
    w->answered = false;
    group_step(&w->shard, event, &actions);
    cr_assert_not(actions.broken);
    group_check(&w->shard);
    for (uint32_t i = 0; i < actions.record_count; i++) {
        group_log_add(&w->log, &actions.records[i]);
    }
    if (actions.match_count > 0) {
        int g = actions.match_group.p[1] - '0';
        cr_assert_eq(w->match[g].count, 0, "two evaluations at a time");
        w->match[g].count = actions.match_count;
        for (uint32_t i = 0; i < actions.match_count; i++) {
            w->match[g].pattern[i] = actions.match[i].p[1] - '0';
        }
    }
    LIST_EACH(&actions.answers, node)
    {
        cr_assert_eq(node, &w->call.node);
        cr_assert_leq(w->call.after_write, w->shard.writes);
        w->answered = true;
    }
    cr_assert_eq(w->answered, event->call != NULL);
}

static void take_answer(struct world *w, struct client *client)
{
    const struct group_consumer_answer *a = &w->call.consumer;
    client->epoch = a->epoch;
    client->full = false;
    if (!a->assigned) {
        return;
    }
    memset(client->wants, 0, sizeof(client->wants));
    for (uint32_t i = 0; i < a->part_count; i++) {
        int t = topic_of(w, a->parts[i].topic);
        if (t >= 0) {
            client->wants[t][a->parts[i].partition] = true;
            client->holds[t][a->parts[i].partition] = true;
        }
    }
    client->told = false;
}

/* It lets go of what it is not to read any more, and says so next time. */
static void give_back(struct client *client)
{
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            client->holds[t][p] = client->holds[t][p] && client->wants[t][p];
        }
    }
    client->told = false;
}

static void put_out(struct client *client)
{
    client->epoch = 0;
    client->full = true;
    memset(client->holds, 0, sizeof(client->holds));
    memset(client->wants, 0, sizeof(client->wants));
}

static void answer_seen(struct world *w, struct client *client, bool lost)
{
    switch (w->call.error) {
    case KAFKA_NONE:
        if (lost) {
            client->full = true;
        } else {
            take_answer(w, client);
        }
        break;
    case KAFKA_UNRELEASED_INSTANCE_ID:
    case KAFKA_GROUP_MAX_SIZE_REACHED: break;
    case KAFKA_FENCED_MEMBER_EPOCH:
    case KAFKA_UNKNOWN_MEMBER_ID:
    case KAFKA_GROUP_ID_NOT_FOUND:
    case KAFKA_FENCED_INSTANCE_ID: put_out(client); break;
    default: cr_assert_fail("%s", kafka_error_name((int16_t)w->call.error));
    }
}

static uint32_t owned_of(const struct world *w, const struct client *client,
                         struct group_part owned[TOPICS * PARTITIONS])
{
    uint32_t count = 0;
    for (int t = 0; t < TOPICS; t++) {
        for (int p = 0; p < PARTITIONS; p++) {
            if (client->holds[t][p]) {
                owned[count++] = (struct group_part){test_uuid('T', t * 1000 + w->incarnation[t]),
                                                     p};
            }
        }
    }
    return count;
}

static void beat(struct world *w, struct client *client, bool lossy)
{
    static const char *const texts[] = {"p0", "p1", "p2"};
    struct group_part owned[TOPICS * PARTITIONS];
    struct slice topics[TOPICS];
    char names[TOPICS][8];
    bool enters = client->epoch <= 0, full = client->full || enters;
    struct group_event event = {.kind = GROUP_CONSUMER_HEARTBEAT, .call = &w->call};
    w->call = (struct group_call){0};
    event.who = (struct group_who){slice_str(client->group), slice_str(client->id),
                                   client->instance[0] ? slice_str(client->instance)
                                                       : (struct slice){0},
                                   enters ? 0 : client->epoch};
    event.consumer.rebalance_ms = -1;
    event.consumer.client_id = slice_str("c");
    event.consumer.client_host = slice_str("/h");
    if (full) {
        event.consumer.rebalance_ms = 2000;
        event.consumer.topics = topics;
        event.consumer.pattern = client->pattern < 0 ? slice_of("", 0)
                                                     : slice_str(texts[client->pattern]);
        for (int t = 0; t < TOPICS; t++) {
            if (client->topics >> t & 1) {
                topic_name(t, names[t]);
                topics[event.consumer.topic_count++] = slice_str(names[t]);
            }
        }
    }
    if (enters) {
        memset(client->holds, 0, sizeof(client->holds));
    }
    if (full || !client->told) {
        event.consumer.owned = owned;
        event.consumer.owned_count = owned_of(w, client, owned);
    }
    step(w, &event);
    bool lost = lossy && prng_chance(&w->prng, 100);
    client->told = client->told || (w->call.error == KAFKA_NONE && !lost);
    client->aside = false;
    answer_seen(w, client, lost);
    if (!prng_chance(&w->prng, 300)) {
        give_back(client);
    }
    look(w);
}

static void leave(struct world *w, struct client *client)
{
    if (client->epoch <= 0) {
        return;
    }
    bool aside = client->instance[0] && prng_chance(&w->prng, 700);
    struct group_event event = {.kind = GROUP_CONSUMER_HEARTBEAT, .call = &w->call};
    w->call = (struct group_call){0};
    event.who = (struct group_who){slice_str(client->group), slice_str(client->id),
                                   client->instance[0] ? slice_str(client->instance)
                                                       : (struct slice){0},
                                   aside ? CONSUMER_STEPS_ASIDE : CONSUMER_LEAVES};
    event.consumer.rebalance_ms = -1;
    step(w, &event);
    put_out(client);
    static int next;
    if (aside && w->call.error == KAFKA_NONE) { /* it comes back as another process */
        snprintf(client->id, sizeof(client->id), "member-%d", next++);
        client->seen_epoch = 0;
    }
    look(w);
}

static void matched(struct world *w, int g)
{
    struct group_matched items[4] = {0};
    struct slice names[4][TOPICS];
    static const char *const texts[] = {"p0", "p1", "p2"};
    char name[TOPICS][8];
    struct group_event event = {.kind = GROUP_MATCHED};
    char group[16];
    snprintf(group, sizeof(group), "g%d", g);
    event.who.group = slice_str(group);
    for (int t = 0; t < TOPICS; t++) {
        topic_name(t, name[t]);
    }
    for (uint32_t i = 0; i < w->match[g].count; i++) {
        items[i].pattern = slice_str(texts[w->match[g].pattern[i]]);
        items[i].topics = names[i];
        for (int t = 0; t < TOPICS; t++) {
            if (w->partitions[t] > 0 && pattern_has(w->match[g].pattern[i], t)) {
                names[i][items[i].count++] = slice_str(name[t]);
            }
        }
    }
    event.matched.items = items;
    event.matched.count = w->match[g].count;
    event.matched.version = meta_offset(w->meta.image);
    event.matched.failed = prng_chance(&w->prng, 100);
    w->match[g].count = 0;
    step(w, &event);
    look(w);
}

static void pass_time(struct world *w, time_ms by)
{
    time_ms to = w->now + by;
    for (time_ms due; (due = group_deadline(&w->shard)) <= to;) {
        w->now = due > w->now ? due : w->now;
        struct group_event event = {.kind = GROUP_TICK};
        step(w, &event);
        look(w);
        cr_assert_gt(group_deadline(&w->shard), w->now);
    }
    w->now = to;
}

static void subscribe(struct world *w, struct client *client)
{
    client->topics = (unsigned)prng_below(&w->prng, 1 << TOPICS);
    client->pattern = prng_chance(&w->prng, 300) ? (int)prng_below(&w->prng, 3) : -1;
    client->full = true;
}

static void drop_older(struct world *w)
{
    if (w->older != NULL) {
        meta_image_drop(&w->meta.store, w->older);
        w->older = NULL;
    }
}

static void topics_change(struct world *w)
{
    int t = (int)prng_below(&w->prng, TOPICS);
    drop_older(w);
    w->older = w->meta.image;
    meta_image_hold(w->older);
    if (w->partitions[t] > 0 && prng_chance(&w->prng, 300)) {
        topic_delete(w, t);
        for (int i = 0; i < CLIENTS; i++) { /* there is nothing to read there any more */
            memset(w->clients[i].holds[t], 0, sizeof(w->clients[i].holds[t]));
            memset(w->clients[i].wants[t], 0, sizeof(w->clients[i].wants[t]));
        }
    } else if (w->partitions[t] < PARTITIONS) {
        topic_grow(w, t, (uint32_t)prng_between(&w->prng, w->partitions[t] + 1, PARTITIONS));
    }
}

static void one_step(struct world *w)
{
    struct client *client = &w->clients[prng_below(&w->prng, CLIENTS)];
    uint64_t draw = prng_below(&w->prng, 100);
    if (draw < 60) {
        beat(w, client, true);
    } else if (draw < 64) {
        leave(w, client);
    } else if (draw < 70) {
        subscribe(w, client);
    } else if (draw < 74) {
        topics_change(w);
    } else if (draw < 80) {
        int g = (int)prng_below(&w->prng, GROUPS);
        if (w->match[g].count > 0) {
            matched(w, g);
        }
    } else {
        pass_time(w, (time_ms)prng_below(&w->prng, draw > 97 ? 4000 : 400));
    }
}

/* ---- the end ---- */

static bool anyone_wants(const struct world *w, int g, int topic)
{
    for (int i = g; i < CLIENTS; i += GROUPS) {
        const struct client *c = &w->clients[i];
        if ((c->topics >> topic & 1) || (c->pattern >= 0 && pattern_has(c->pattern, topic))) {
            return true;
        }
    }
    return false;
}

static void settle(struct world *w)
{
    drop_older(w);
    w->config.consumer.members_max = CLIENTS;
    w->shard.config.consumer.members_max = CLIENTS;
    for (int round = 0; round < 60; round++) {
        for (int i = 0; i < CLIENTS; i++) {
            beat(w, &w->clients[i], false);
            give_back(&w->clients[i]);
        }
        for (int g = 0; g < GROUPS; g++) {
            if (w->match[g].count > 0) {
                matched(w, g);
            }
        }
        pass_time(w, 900);
    }
    for (int g = 0; g < GROUPS; g++) {
        char id[4];
        snprintf(id, sizeof(id), "g%d", g);
        const struct group *group = group_find(&w->shard, slice_str(id));
        cr_assert_not_null(group);
        cr_assert_str_eq(consumer_state_text(group->consumer), "Stable");
        for (int t = 0; t < TOPICS; t++) {
            for (uint32_t p = 0; p < w->partitions[t]; p++) {
                int readers = 0;
                for (int i = g; i < CLIENTS; i += GROUPS) {
                    readers += w->clients[i].holds[t][p];
                }
                cr_assert_eq(readers, anyone_wants(w, g, t), "t%d-%u has %d readers in %s", t, p,
                             readers, id);
            }
        }
    }
}

static void begin(struct world *w, uint64_t seed)
{
    memset(w, 0, sizeof(*w));
    meta_world_init(&w->meta);
    heap_init(&w->heap, &w->meta.memory.source, 1 << 26);
    prng_init(&w->prng, seed);
    w->config = (struct group_config){
        .session_min_ms = 10,
        .session_max_ms = 3000,
        .members_max = CLIENTS,
        .offsets_retention_ms = 20000,
        .retention_check_ms = 100000000,
        .hash_key = {seed, 3},
        .seed = seed,
        .consumer = {.session_ms = SESSION_MS,
                     .session_min_ms = SESSION_MS,
                     .session_max_ms = SESSION_MS,
                     .heartbeat_ms = 100,
                     .heartbeat_min_ms = 100,
                     .heartbeat_max_ms = 100,
                     .assignment_interval_ms = prng_chance(&w->prng, 500) ? 0 : 300,
                     .assignment_interval_max_ms = 1000,
                     .pattern_refresh_ms = 60000,
                     .members_max = (uint32_t)prng_between(&w->prng, 3, CLIENTS),
                     .assignors = 3,
                     .assignor = (uint8_t)prng_below(&w->prng, 2)},
    };
    for (int i = 0; i < CLIENTS; i++) {
        struct client *c = &w->clients[i];
        snprintf(c->id, sizeof(c->id), "client-%d", i);
        snprintf(c->group, sizeof(c->group), "g%d", i % GROUPS);
        if (i % 3 == 0) {
            snprintf(c->instance, sizeof(c->instance), "s%d", i);
        }
        subscribe(w, c);
    }
    group_shard_init(&w->shard, &w->config, &w->heap, &w->meta.memory.source);
    struct group_event loaded = {.kind = GROUP_LOADED};
    step(w, &loaded);
}

static void end(struct world *w)
{
    struct list waiting;
    list_init(&waiting);
    group_shard_release(&w->shard, &waiting);
    cr_assert(list_empty(&waiting));
    cr_assert_eq(w->heap.live, 0, "the shard leaks %zu bytes", w->heap.live);
    heap_release(&w->heap);
    group_log_free(&w->log);
    meta_world_release(&w->meta);
}

Test(consumer_group, random_members)
{
    static struct world w;
    uint64_t writes = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        begin(&w, seed);
        for (int t = 0; t < TOPICS; t++) {
            topic_grow(&w, t, (uint32_t)prng_between(&w.prng, 1, PARTITIONS));
        }
        for (int i = 0; i < STEPS; i++) {
            one_step(&w);
            if (i % 100 == 99) {
                reload(&w, false);
                reload(&w, true);
            }
        }
        settle(&w);
        reload(&w, false);
        reload(&w, true);
        writes += w.shard.writes;
        end(&w);
    }
    cr_assert_gt(writes, SEEDS * 50);
}
