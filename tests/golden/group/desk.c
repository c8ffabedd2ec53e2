/*
 * The commands of a story. CALL is a name of the story's own for a request.
 *
 *   shard [delay=MS] [max=N] [retention=MS]     another shard; one without a delay is there at the beginning
 *   join CALL g=GROUP [m=ID] [i=INSTANCE] [p=range:said,sticky:said] [type=T] [session=MS] [rebalance=MS] [first] [skip]
 *   sync CALL g= m= gen= [give=M1:a,M2:b] [p=PROTOCOL]     beat CALL g= m= gen=     leave CALL g= m=ID,ID or i=INSTANCE
 *   commit CALL g= [m=] [gen=] o=t/0=10,t/1=7 [expire=MS] [id=N]  drop CALL g= o=t/0,t/1   delete CALL g=
 *   forget CALL     topic-gone T [id=N] [told]     groups     reload     at MS (ticks on the way)
 * id: the topic's; its first byte.
 */
#include "tests/golden/group/desk.h"

#include <stdio.h>
#include <stdlib.h>

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
    group_step(&desk->shard, event, &actions);
    group_check(&desk->shard);
    desk_actions(desk, &actions, out);
}

static void lead(struct desk *desk, struct story_out *out)
{
    struct group_event event = {.kind = GROUP_LOADED};
    step(desk, &event, out);
}

static void open_shard(struct desk *desk, struct story_out *out)
{
    desk_reload(desk);
    lead(desk, out);
}

static void close_shard(struct desk *desk, struct story_out *out)
{
    struct list waiting;
    list_init(&waiting);
    group_shard_release(&desk->shard, &waiting);
    LIST_EACH(&waiting, node)
    {
        struct group_call *call = CONTAINER_OF(node, struct group_call, node);
        struct desk_call *c = CONTAINER_OF(call, struct desk_call, call);
        assert(c->waits);
        c->waits = false;
        if (out != NULL) {
            story_say(out, "  %s: %s", c->name, kafka_error_name(call->error));
        }
    }
    desk->open = false;
    assert(desk->heap.live == 0);
}

void desk_begin(struct desk *desk)
{
    static struct story_out quiet;
    memset(desk, 0, sizeof(*desk));
    desk->source = (struct memory_source){take, give, NULL};
    desk->now = 1000;
    heap_init(&desk->heap, &desk->source, 1 << 24);
    desk->config = (struct group_config){
        .session_min_ms = 6000,
        .session_max_ms = 1800000,
        .members_max = 1000,
        .offsets_retention_ms = 3600000,
        .retention_check_ms = 600000,
        .hash_key = {1, 2},
        .seed = 7,
    };
    open_shard(desk, &quiet);
}

void desk_end(struct desk *desk)
{
    close_shard(desk, NULL);
    heap_release(&desk->heap);
}

/* ---- options ---- */

static struct slice word(const char *line, const char *name)
{
    size_t n = strlen(name);
    for (const char *p = strchr(line, ' '); p != NULL; p = strchr(p + 1, ' ')) {
        if (strncmp(p + 1, name, n) == 0 && p[1 + n] == '=') {
            const char *value = p + 2 + n;
            return slice_of(value, strcspn(value, " "));
        }
    }
    return (struct slice){0};
}

static int64_t number(const char *line, const char *name, int64_t otherwise)
{
    struct slice value = word(line, name);
    return value.p == NULL ? otherwise : strtoll((const char *)value.p, NULL, 10);
}

static bool flag(const char *line, const char *name)
{
    const char *p = strstr(line, name);
    return p != NULL && p[-1] == ' ';
}

/* Cuts up to the separator off the rest. */
static struct slice cut(struct slice *rest, char separator)
{
    const uint8_t *end = rest->n == 0 ? NULL : memchr(rest->p, separator, rest->n);
    struct slice head = slice_of(rest->p, end == NULL ? rest->n : (size_t)(end - rest->p));
    size_t skip = head.n + (end != NULL);
    *rest = slice_of(rest->p + skip, rest->n - skip);
    return head;
}

static struct desk_call *call_new(struct desk *desk, const char *line, char kind)
{
    assert(desk->call_count < DESK_CALLS);
    struct desk_call *c = &desk->calls[desk->call_count++];
    const char *name = strchr(line, ' ') + 1;
    snprintf(c->name, sizeof(c->name), "%.*s", (int)strcspn(name, " "), name);
    c->kind = kind;
    c->waits = true;
    return c;
}

static struct group_event event_of(struct desk *desk, enum group_event_kind kind, const char *line,
                                   struct desk_call *c)
{
    struct group_event event = {.kind = kind, .call = &c->call};
    struct slice member = word(line, "m");
    event.who.group = word(line, "g");
    event.who.member_id = member.p == NULL ? slice_of("", 0) : desk_id(desk, member);
    event.who.instance_id = word(line, "i");
    event.who.generation = (int32_t)number(line, "gen", -1);
    return event;
}

/* What a consumer of one topic says, in version 0 of the consumer protocol. */
static struct slice subscription(struct slice topic, uint8_t *room)
{
    static const uint8_t head[] = {0, 0, 0, 0, 0, 1, 0};
    memcpy(room, head, sizeof(head));
    room[sizeof(head)] = (uint8_t)topic.n;
    memcpy(room + sizeof(head) + 1, topic.p, topic.n);
    memset(room + sizeof(head) + 1 + topic.n, 0xff, 4); /* no user data */
    return slice_of(room, sizeof(head) + 1 + topic.n + 4);
}

/* ---- commands ---- */

static void join(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = event_of(desk, GROUP_JOIN, line, call_new(desk, line, 'j'));
    struct group_protocol protocols[8];
    struct slice rest = word(line, "p").p == NULL ? slice_str("range:t") : word(line, "p");
    while (rest.n > 0) {
        struct slice one = cut(&rest, ',');
        protocols[event.join.protocol_count].name = cut(&one, ':');
        protocols[event.join.protocol_count++].metadata = one;
    }
    uint8_t said[64];
    if (word(line, "reads").p != NULL) {
        protocols[0].metadata = subscription(word(line, "reads"), said);
    }
    event.join.protocols = protocols;
    event.join.client_id = slice_str("c");
    event.join.client_host = slice_str("/127.0.0.1");
    event.join.protocol_type = word(line, "type").p == NULL ? slice_str("consumer")
                                                            : word(line, "type");
    event.join.session_ms = (int32_t)number(line, "session", 10000);
    event.join.rebalance_ms = (int32_t)number(line, "rebalance", 60000);
    event.join.id_first = flag(line, "first");
    event.join.may_skip = flag(line, "skip");
    step(desk, &event, out);
}

static void sync(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = event_of(desk, GROUP_SYNC, line, call_new(desk, line, 's'));
    struct group_assignment given[8];
    struct slice rest = word(line, "give");
    while (rest.n > 0) {
        struct slice one = cut(&rest, ',');
        given[event.sync.assignment_count].member_id = desk_id(desk, cut(&one, ':'));
        given[event.sync.assignment_count++].bytes = one;
    }
    event.sync.assignments = given;
    event.sync.protocol = word(line, "p");
    step(desk, &event, out);
}

static void leave(struct desk *desk, const char *line, struct story_out *out)
{
    struct desk_call *c = call_new(desk, line, 'l');
    struct group_event event = event_of(desk, GROUP_LEAVE, line, c);
    struct slice rest = word(line, "m");
    do {
        struct slice id = rest.n > 0 ? desk_id(desk, cut(&rest, ',')) : slice_of("", 0);
        c->leavers[c->leaver_count++] = (struct group_leaver){.member_id = id,
                                                              .instance_id = word(line, "i")};
    } while (rest.n > 0);
    event.leave.leavers = c->leavers;
    event.leave.count = c->leaver_count;
    step(desk, &event, out);
}

static struct uuid topic_id(struct slice number)
{
    return (struct uuid){{number.p == NULL ? 0 : (uint8_t)(number.p[0] - '0')}};
}

static void commit(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = event_of(desk, GROUP_COMMIT, line, call_new(desk, line, 'o'));
    struct group_offset_item items[8];
    struct slice rest = word(line, "o");
    while (rest.n > 0) {
        struct slice one = cut(&rest, ',');
        struct slice topic = cut(&one, '/');
        struct slice partition = cut(&one, '=');
        items[event.commit.count++] = (struct group_offset_item){
            .topic = topic,
            .partition = (int32_t)strtol((const char *)partition.p, NULL, 10),
            .offset = strtoll((const char *)one.p, NULL, 10),
            .leader_epoch = -1,
            .topic_id = topic_id(word(line, "id")),
        };
    }
    event.commit.items = items;
    event.commit.expire_ms = number(line, "expire", -1);
    event.commit.unknown_group = KAFKA_ILLEGAL_GENERATION;
    step(desk, &event, out);
}

static void drop(struct desk *desk, const char *line, struct story_out *out)
{
    struct desk_call *c = call_new(desk, line, 'd');
    struct group_event event = event_of(desk, GROUP_DELETE_OFFSETS, line, c);
    struct slice rest = word(line, "o");
    while (rest.n > 0) {
        struct slice one = cut(&rest, ',');
        struct slice topic = cut(&one, '/');
        c->gone[c->gone_count++] = (struct group_offset_gone){
            .topic = topic, .partition = (int32_t)strtol((const char *)one.p, NULL, 10)};
    }
    event.delete_offsets.items = c->gone;
    event.delete_offsets.count = c->gone_count;
    step(desk, &event, out);
}

static void go_to(struct desk *desk, const char *line, struct story_out *out)
{
    time_ms to = strtoll(strchr(line, ' ') + 1, NULL, 10);
    for (time_ms due; (due = group_deadline(&desk->shard)) <= to;) {
        desk->now = max_i64(desk->now, due);
        struct group_event event = {.kind = GROUP_TICK};
        size_t before = out->n;
        step(desk, &event, out);
        if (out->n > before) {
            story_say(out, "  ... at %lld", (long long)desk->now);
        }
    }
    desk->now = max_i64(desk->now, to);
}

static void forget(struct desk *desk, const char *line, struct story_out *out)
{
    for (uint32_t i = 0; i < desk->call_count; i++) {
        struct desk_call *c = &desk->calls[i];
        if (c->waits && strcmp(c->name, strchr(line, ' ') + 1) == 0) {
            struct group_event event = {.kind = GROUP_FORGET, .call = &c->call};
            c->waits = false;
            step(desk, &event, out);
            return;
        }
    }
    story_say(out, "  nobody waits so");
}

static void another_shard(struct desk *desk, const char *line, struct story_out *out)
{
    close_shard(desk, out);
    desk->record_count = 0;
    desk->config.initial_delay_ms = (int32_t)number(line, "delay", 0);
    desk->config.members_max = (uint32_t)number(line, "max", 1000);
    desk->config.write_bytes_max = (uint32_t)number(line, "bytes", 0);
    desk->config.offsets_retention_ms = number(line, "retention", 3600000);
    open_shard(desk, out);
}

static void other_command(struct desk *desk, const char *line, struct story_out *out)
{
    struct group_event event = {0};
    if (strncmp(line, "beat ", 5) == 0) {
        event = event_of(desk, GROUP_HEARTBEAT, line, call_new(desk, line, 'o'));
    } else if (strncmp(line, "delete ", 7) == 0) {
        event = event_of(desk, GROUP_DELETE, line, call_new(desk, line, 'o'));
    } else if (strncmp(line, "topic-gone ", 11) == 0) {
        event.kind = GROUP_TOPIC_GONE;
        event.topic_gone.name = slice_of(line + 11, strcspn(line + 11, " "));
        event.topic_gone.id = topic_id(word(line, "id"));
        event.topic_gone.told_only = strstr(line, " told") != NULL;
    } else {
        story_say(out, "  no such command");
        return;
    }
    step(desk, &event, out);
}

void desk_command(struct desk *desk, const char *line, struct story_out *out)
{
    static const struct {
        const char *name;
        void (*run)(struct desk *, const char *, struct story_out *);
    } commands[] = {
        {"shard", another_shard}, {"join", join}, {"sync", sync},     {"leave", leave},
        {"commit", commit},       {"drop", drop}, {"forget", forget}, {"at", go_to},
    };
    size_t n = strcspn(line, " ");
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (strlen(commands[i].name) == n && strncmp(line, commands[i].name, n) == 0) {
            commands[i].run(desk, line, out);
            return;
        }
    }
    if (strcmp(line, "groups") == 0) {
        desk_groups(desk, out);
    } else if (strcmp(line, "reload") == 0) {
        close_shard(desk, out);
        open_shard(desk, out);
    } else {
        other_command(desk, line, out);
    }
}
