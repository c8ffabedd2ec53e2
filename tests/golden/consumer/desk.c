/*
 * The commands of a story. Topics have one letter; a/0,a/1 are partitions of one.
 *
 *   topic A N                      a topic with N partitions, or one that grows to N
 *   member M e=EPOCH [i=INSTANCE] [t=a,b] [re=PATTERN] [has=a/0,a/1|-] [rebalance=MS] [by=ASSIGNOR]
 *                                  ConsumerGroupHeartbeat; with t or re it says everything. e=0 enters, -1 leaves, -2 steps aside
 *   join M [i=INSTANCE] [t=a,b] [has=a/0] [session=MS]     sync M gen=N [give=a/0]    beat M gen=N    leave M      of the classic protocol
 *   commit M e=EPOCH a/0 [old]     fetch M|nobody [e=EPOCH]     group    reload    at MS (ticks on the way)    matched RE a,b    policy up|down|both|none
 * All of group g. M "-": no id.
 */
#include "tests/golden/consumer/desk.h"

#include <stdio.h>
#include <stdlib.h>

#include "kmsg/consumer_protocol.h"
#include "tests/unit/broker/group/quick.h"

#define WALL_BASE 1000000

static void *take(void *ctx, size_t bytes)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

static void step(struct desk *desk, struct group_event *event, struct story_out *out)
{
    struct group_actions actions;
    event->now = desk->now;
    event->wall_ms = WALL_BASE + desk->now;
    event->image = desk->image;
    event->topics_version = meta_offset(desk->image);
    group_step(&desk->shard, event, &actions);
    group_check(&desk->shard);
    desk_actions(desk, &actions, out);
}

static void lead(struct desk *desk, struct story_out *out)
{
    struct group_event event = {.kind = GROUP_LOADED};
    desk_reload(desk);
    step(desk, &event, out);
}

void desk_begin(struct desk *desk)
{
    static struct story_out quiet;
    memset(desk, 0, sizeof(*desk));
    desk->source = (struct memory_source){take, give, NULL};
    desk->now = 1000;
    heap_init(&desk->heap, &desk->source, 1 << 24);
    heap_init(&desk->meta_heap, &desk->source, 1 << 24);
    meta_store_init(&desk->store, &desk->meta_heap);
    desk->image = meta_image_empty(&desk->store);
    desk->config = (struct group_config){
        .session_min_ms = 6000,
        .session_max_ms = 1800000,
        .members_max = 1000,
        .offsets_retention_ms = 3600000,
        .retention_check_ms = 600000,
        .hash_key = {1, 2},
        .seed = 7,
        .consumer = {.session_ms = 45000,
                     .session_min_ms = 45000,
                     .session_max_ms = 60000,
                     .heartbeat_ms = 5000,
                     .heartbeat_min_ms = 5000,
                     .heartbeat_max_ms = 15000,
                     .assignment_interval_max_ms = 15000,
                     .pattern_refresh_ms = 600000,
                     .members_max = 4,
                     .assignors = 3,
                     .upgrade = true,
                     .downgrade = true},
    };
    lead(desk, &quiet);
}

static void close_shard(struct desk *desk)
{
    struct list waiting;
    list_init(&waiting);
    group_shard_release(&desk->shard, &waiting);
    assert(desk->heap.live == 0);
}

void desk_end(struct desk *desk)
{
    close_shard(desk);
    heap_release(&desk->heap);
    meta_image_drop(&desk->store, desk->image);
    heap_release(&desk->meta_heap);
}

/* ---- options ---- */

static struct slice word(const char *line, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = strchr(line, ' '); p != NULL; p = strchr(p + 1, ' ')) {
        if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '=') {
            return slice_of(p + 2 + n, strcspn(p + 2 + n, " "));
        }
    }
    return (struct slice){0};
}

static int32_t number(const char *line, const char *name, int32_t otherwise)
{
    struct slice value = word(line, name);
    return value.p == NULL ? otherwise : (int32_t)strtol((const char *)value.p, NULL, 10);
}

static struct slice second(struct desk *desk, const char *line)
{
    const char *p = strchr(line, ' ') + 1;
    struct slice id = slice_of(p, strcspn(p, " "));
    return slice_eq(id, slice_str("-"))    ? slice_of("", 0)
           : slice_eq(id, slice_str("ME")) ? slice_str(desk->made)
                                           : id;
}

/* "a,b": one letter each. */
static uint32_t letters(struct slice list, struct slice out[DESK_ITEMS])
{
    uint32_t count = 0;
    for (size_t i = 0; i < list.n; i += 2) {
        out[count++] = slice_of(list.p + i, 1);
    }
    return count;
}

/* "a/0,b/1" or "-". */
static uint32_t parts(struct slice list, struct group_part out[DESK_ITEMS])
{
    uint32_t count = 0;
    for (size_t i = 0; i + 2 < list.n; i += 4) {
        out[count++] = (struct group_part){desk_topic_id((char)list.p[i], 0), list.p[i + 2] - '0'};
    }
    return count;
}

static struct group_event ask(struct desk *desk, enum group_event_kind kind, char call,
                              const char *line)
{
    uint32_t at = desk->call_count++ % DESK_ITEMS;
    struct group_event event = {.kind = kind, .call = &desk->calls[at].call};
    desk->calls[at].call = (struct group_call){0};
    desk->calls[at].kind = call;
    event.who.group = slice_str("g");
    event.who.member_id = second(desk, line);
    event.who.instance_id = word(line, "i");
    event.who.generation = number(line, "e", number(line, "gen", -1));
    return event;
}

/* ---- commands ---- */

static void topic(struct desk *desk, const char *line, struct story_out *out)
{
    struct meta_record records[DESK_ITEMS];
    struct meta_image *next = NULL;
    struct arena arena;
    char letter = line[6];
    uint32_t to = (uint32_t)strtoul(line + 8, NULL, 10), count = 0, from = 0;
    struct slice name = slice_of(line + 6, 1);
    const struct meta_topic *there = meta_topic_named(desk->image, name);
    (void)out;
    if (there == NULL) {
        records[count++] = (struct meta_record){
            .kind = META_TOPIC, .topic = {.id = desk_topic_id(letter, 0), .name = name}};
    } else {
        from = meta_topic_partitions(there);
    }
    for (uint32_t i = from; i < to; i++) {
        records[count++] = quick_partition(desk_topic_id(letter, 0), i);
    }
    arena_init(&arena, &desk->source, 1 << 12, 1 << 20);
    err_t err = meta_image_apply(&desk->store, desk->image, (struct meta_batch){records, count},
                                 meta_offset(desk->image) + 1, 1, &arena, NULL, &next);
    assert(err == OK);
    arena_release(&arena);
    meta_image_drop(&desk->store, desk->image);
    desk->image = next;
}

static void member(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = ask(desk, GROUP_CONSUMER_HEARTBEAT, 'c', line);
    struct slice topics[DESK_ITEMS];
    struct group_part has[DESK_ITEMS];
    bool all = word(line, "t").p != NULL || word(line, "re").p != NULL;
    event.consumer.client_id = slice_str("c");
    event.consumer.client_host = slice_str("/h");
    event.consumer.rebalance_ms = number(line, "rebalance", all ? 60000 : -1);
    event.consumer.assignor = word(line, "by");
    if (all) {
        event.consumer.topics = topics;
        event.consumer.topic_count = letters(word(line, "t"), topics);
        event.consumer.pattern = word(line, "re").p == NULL ? slice_of("", 0) : word(line, "re");
    }
    if (word(line, "has").p != NULL || event.who.generation == 0) {
        event.consumer.owned = has;
        event.consumer.owned_count = parts(word(line, "has"), has);
    }
    step(desk, &event, out);
}

/* What a classic consumer says: version 1, topics, what it has. */
static struct slice subscription(struct desk *desk, const char *line, uint8_t bytes[256])
{
    struct kmsg_consumer_protocol_subscription said;
    struct slice topics[DESK_ITEMS], has = word(line, "has");
    struct kmsg_consumer_protocol_subscription_owned_partition owned[DESK_ITEMS];
    int32_t numbers[DESK_ITEMS];
    size_t n;
    (void)desk;
    kmsg_consumer_protocol_subscription_init(&said);
    said.topics.items = topics;
    said.topics.count = (int32_t)letters(word(line, "t"), topics);
    said.owned_partitions.items = owned;
    for (size_t i = 0; i + 2 < has.n; i += 4) {
        int32_t at = said.owned_partitions.count++;
        numbers[at] = has.p[i + 2] - '0';
        owned[at].topic = slice_of(has.p + i, 1);
        owned[at].partitions.items = &numbers[at];
        owned[at].partitions.count = 1;
    }
    bytes[0] = 0;
    bytes[1] = 1;
    err_t err = kmsg_size(&kmsg_consumer_protocol_subscription_desc, 1, &said, &n);
    assert(err == OK && n < 250);
    err = kmsg_encode(&kmsg_consumer_protocol_subscription_desc, 1, &said, bytes + 2, n);
    assert(err == OK);
    return slice_of(bytes, n + 2);
}

static void join(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = ask(desk, GROUP_JOIN, 'j', line);
    uint8_t bytes[256];
    struct group_protocol protocol = {slice_str("range"), subscription(desk, line, bytes)};
    event.who.generation = -1;
    event.join.protocols = &protocol;
    event.join.protocol_count = 1;
    event.join.client_id = slice_str("c");
    event.join.client_host = slice_str("/h");
    event.join.protocol_type = slice_str("consumer");
    event.join.session_ms = number(line, "session", 10000);
    event.join.rebalance_ms = 60000;
    step(desk, &event, out);
}

static void sync(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = ask(desk, GROUP_SYNC, 's', line);
    struct slice given = word(line, "give");
    struct kmsg_consumer_protocol_assignment all;
    struct kmsg_consumer_protocol_assignment_assigned_partition one[DESK_ITEMS] = {0};
    int32_t numbers[DESK_ITEMS];
    uint8_t bytes[256] = {0, 1};
    size_t n;
    kmsg_consumer_protocol_assignment_init(&all);
    all.assigned_partitions.items = one;
    for (size_t i = 0; i + 2 < given.n; i += 4) {
        int32_t at = all.assigned_partitions.count++;
        numbers[at] = given.p[i + 2] - '0';
        one[at].topic = slice_of(given.p + i, 1);
        one[at].partitions.items = &numbers[at];
        one[at].partitions.count = 1;
    }
    err_t err = kmsg_size(&kmsg_consumer_protocol_assignment_desc, 1, &all, &n);
    assert(err == OK && n < 250);
    err = kmsg_encode(&kmsg_consumer_protocol_assignment_desc, 1, &all, bytes + 2, n);
    assert(err == OK);
    struct group_assignment assignment = {event.who.member_id, slice_of(bytes, n + 2)};
    event.sync.assignments = &assignment;
    event.sync.assignment_count = given.n > 0;
    step(desk, &event, out);
}

static void beat(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = ask(desk, GROUP_HEARTBEAT, 'o', line);
    step(desk, &event, out);
}

static void leave(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_leaver leaver = {.member_id = second(desk, line)};
    struct group_event event = ask(desk, GROUP_LEAVE, 'o', line);
    event.leave.leavers = &leaver;
    event.leave.count = 1;
    step(desk, &event, out);
    if (leaver.error != KAFKA_NONE) {
        story_say(out, "  %s", kafka_error_name((int16_t)leaver.error));
    }
}

static void commit(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = ask(desk, GROUP_COMMIT, 'o', line);
    const char *at = strchr(line, '/');
    struct group_offset_item item = {
        .topic = slice_of(at - 1, 1), .partition = at[1] - '0', .offset = 7, .leader_epoch = -1};
    event.commit.items = &item;
    event.commit.count = 1;
    event.commit.expire_ms = -1;
    event.commit.unknown_group = KAFKA_GROUP_ID_NOT_FOUND;
    event.commit.old = strstr(line, " old") != NULL;
    step(desk, &event, out);
}

static void fetch(struct desk *desk, const char *line, struct story_out *out)
{
    struct slice id = second(desk, line);
    bool nobody = slice_eq(id, slice_str("nobody"));
    story_say(out, "  %s",
              kafka_error_name((int16_t)consumer_may_fetch(group_find(&desk->shard, slice_str("g")),
                                                           nobody ? (struct slice){0} : id,
                                                           number(line, "e", -1))));
}

static void matched(struct desk *desk, const char *line, struct story_out *out)
{
    struct slice topics[DESK_ITEMS];
    const char *list = strrchr(line, ' ') + 1;
    struct group_matched item = {second(desk, line), topics, letters(slice_str(list), topics)};
    struct group_event event = {.kind = GROUP_MATCHED};
    event.who.group = slice_str("g");
    event.matched.items = &item;
    event.matched.count = 1;
    event.matched.version = meta_offset(desk->image);
    step(desk, &event, out);
}

static void go_to(struct desk *desk, const char *line, struct story_out *out)
{
    time_ms to = strtoll(line + 3, NULL, 10);
    for (time_ms due; (due = group_deadline(&desk->shard)) <= to;) {
        struct group_event event = {.kind = GROUP_TICK};
        size_t before = out->n;
        desk->now = max_i64(desk->now, due);
        step(desk, &event, out);
        if (out->n > before) {
            story_say(out, "  ... at %lld", (long long)desk->now);
        }
    }
    desk->now = max_i64(desk->now, to);
}

static void policy(struct desk *desk, const char *line, struct story_out *out)
{
    (void)out;
    desk->shard.config.consumer.upgrade = strstr(line, "up") != NULL || strstr(line, "both");
    desk->shard.config.consumer.downgrade = strstr(line, "down") != NULL || strstr(line, "both");
    desk->config = desk->shard.config;
}

static void other(struct desk *desk, const char *line, struct story_out *out)
{
    if (strcmp(line, "group") == 0) {
        desk_groups(desk, out);
    } else if (strcmp(line, "reload") == 0) {
        close_shard(desk);
        lead(desk, out);
    } else {
        story_say(out, "  no such command");
    }
}

void desk_command(struct desk *desk, const char *line, struct story_out *out)
{
    static const struct {
        const char *name;
        void (*run)(struct desk *, const char *, struct story_out *);
    } commands[] = {
        {"topic ", topic}, {"member ", member}, {"join ", join},     {"sync ", sync},
        {"beat ", beat},   {"leave ", leave},   {"commit ", commit}, {"matched ", matched},
        {"at ", go_to},    {"policy ", policy}, {"fetch ", fetch},   {"", other},
    };
    size_t i = 0;
    while (strncmp(line, commands[i].name, strlen(commands[i].name)) != 0) {
        i++;
    }
    commands[i].run(desk, line, out);
}
