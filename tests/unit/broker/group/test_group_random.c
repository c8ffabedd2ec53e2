/*
 * A coordinator shard under random requests, good and bad: its invariants hold after every step, each call is answered
 * exactly once, an answer never names a write that was not made, and what the log tells a fresh shard is what was committed.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/group/group.h"

#define CALLS   4096
#define MEMBERS 24
#define STEPS   3000
#define SEEDS   40

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

struct client {
    char id[400];
    char instance[8];
    char group[8];
    int32_t generation;
    bool leads;
    bool waits;
};

struct call {
    struct group_call call;
    struct client *client;
    bool waits;
    bool join;
};

struct world {
    struct memory_source source;
    struct heap heap;
    struct group_config config;
    struct group_shard shard;
    struct prng prng;
    struct client clients[MEMBERS];
    struct call calls[CALLS];
    uint32_t call_count;
    time_ms now;
    uint64_t answers;
    /* What the log says: the last committed offset of each group and partition; -1: none. */
    int64_t logged[4][3];
};

static int group_number(struct slice id)
{
    return id.p[1] - '0';
}

static void remember(struct world *w, const struct group_record *r)
{
    if (r->key_desc == &kmsg_offset_commit_key_desc) {
        const struct kmsg_offset_commit_key *key = r->key;
        const struct kmsg_offset_commit_value *value = r->value;
        w->logged[group_number(key->group)][key->partition] = value == NULL ? -1 : value->offset;
    }
}

static void answered(struct world *w, struct call *c)
{
    cr_assert(c->waits, "a call was answered twice");
    cr_assert_leq(c->call.after_write, w->shard.writes);
    c->waits = false;
    w->answers++;
    struct client *client = c->client;
    if (c->join) {
        client->waits = false;
        const struct group_join_answer *a = &c->call.join;
        if (c->call.error == KAFKA_NONE || c->call.error == KAFKA_MEMBER_ID_REQUIRED) {
            snprintf(client->id, sizeof(client->id), "%.*s", (int)a->member_id.n,
                     (const char *)a->member_id.p);
        } else if (c->call.error != KAFKA_NOT_COORDINATOR &&
                   c->call.error != KAFKA_REBALANCE_IN_PROGRESS) {
            client->id[0] = 0;
        }
        if (c->call.error == KAFKA_NONE) {
            client->generation = a->generation;
            client->leads = slice_eq(a->leader, a->member_id);
        }
    }
}

static void step(struct world *w, struct group_event *event)
{
    struct group_actions actions;
    event->now = w->now;
    event->wall_ms = 1000000 + w->now;
    group_step(&w->shard, event, &actions);
    group_check(&w->shard);
    for (uint32_t i = 0; i < actions.record_count; i++) {
        remember(w, &actions.records[i]);
    }
    LIST_EACH(&actions.answers, node)
    {
        struct group_call *call = CONTAINER_OF(node, struct group_call, node);
        answered(w, CONTAINER_OF(call, struct call, call));
    }
}

static struct call *call_new(struct world *w, struct client *client)
{
    cr_assert_lt(w->call_count, CALLS);
    struct call *c = &w->calls[w->call_count++];
    *c = (struct call){.client = client, .waits = true};
    return c;
}

static struct group_event event_of(struct world *w, struct client *client,
                                   enum group_event_kind kind, struct call *c)
{
    struct group_event event = {.kind = kind, .call = &c->call};
    event.who.group = slice_str(client->group);
    event.who.member_id = slice_str(client->id);
    event.who.instance_id = client->instance[0] ? slice_str(client->instance) : (struct slice){0};
    event.who.generation = client->generation - (int32_t)prng_chance(&w->prng, 50);
    return event;
}

static void do_join(struct world *w, struct client *client)
{
    static const struct group_protocol offers[] = {
        {{(const uint8_t *)"range", 5}, {(const uint8_t *)"a", 1}},
        {{(const uint8_t *)"sticky", 6}, {(const uint8_t *)"b", 1}},
        {{(const uint8_t *)"range", 5}, {(const uint8_t *)"c", 1}},
    };
    if (client->waits && !prng_chance(&w->prng, 100)) {
        return;
    }
    struct call *c = call_new(w, client);
    struct group_event event = event_of(w, client, GROUP_JOIN, c);
    c->join = true;
    client->waits = true;
    event.join.protocols = &offers[prng_below(&w->prng, 2)];
    event.join.protocol_count = (uint32_t)prng_between(&w->prng, 1, 2);
    event.join.client_id = slice_str("c");
    event.join.client_host = slice_str("/h");
    event.join.protocol_type = slice_str(prng_chance(&w->prng, 20) ? "connect" : "consumer");
    event.join.session_ms = (int32_t)prng_between(&w->prng, 10, 3000);
    event.join.rebalance_ms = (int32_t)prng_between(&w->prng, -1, 5000);
    event.join.id_first = prng_chance(&w->prng, 500);
    event.join.may_skip = prng_chance(&w->prng, 500);
    step(w, &event);
}

static void do_sync(struct world *w, struct client *client)
{
    struct group_assignment given[MEMBERS];
    struct call *c = call_new(w, client);
    struct group_event event = event_of(w, client, GROUP_SYNC, c);
    event.sync.assignments = given;
    event.sync.assignment_count = client->leads ? MEMBERS : 0;
    for (int i = 0; i < MEMBERS; i++) {
        given[i] = (struct group_assignment){slice_str(w->clients[i].id), slice_str("x")};
    }
    step(w, &event);
}

static void do_commit(struct world *w, struct client *client)
{
    struct group_offset_item items[2];
    struct call *c = call_new(w, client);
    struct group_event event = event_of(w, client, GROUP_COMMIT, c);
    if (prng_chance(&w->prng, 200)) {
        event.who.generation = -1;
    }
    for (int i = 0; i < 2; i++) {
        items[i] = (struct group_offset_item){.topic = slice_str("t"),
                                              .partition = (int32_t)prng_below(&w->prng, 3),
                                              .offset = (int64_t)prng_below(&w->prng, 1000),
                                              .leader_epoch = -1};
    }
    event.commit.items = items;
    event.commit.count = 2;
    event.commit.expire_ms = prng_chance(&w->prng, 100) ? 1000000 + w->now + 100 : -1;
    event.commit.unknown_group = KAFKA_ILLEGAL_GENERATION;
    step(w, &event);
}

static void do_leave(struct world *w, struct client *client)
{
    struct group_leaver leavers[2] = {
        {.member_id = slice_str(client->id)},
        {.member_id = slice_of("", 0), .instance_id = slice_str("s1")},
    };
    struct call *c = call_new(w, client);
    struct group_event event = event_of(w, client, GROUP_LEAVE, c);
    event.leave.leavers = leavers;
    event.leave.count = (uint32_t)prng_between(&w->prng, 1, 2);
    step(w, &event);
}

static void do_forget(struct world *w)
{
    for (uint32_t i = 0; i < w->call_count; i++) {
        struct call *c = &w->calls[i];
        if (c->waits && prng_chance(&w->prng, 300)) {
            struct group_event event = {.kind = GROUP_FORGET, .call = &c->call};
            step(w, &event);
            c->waits = false;
            c->client->waits = false;
            return;
        }
    }
}

static void do_other(struct world *w, struct client *client, enum group_event_kind kind)
{
    struct group_offset_gone gone = {.topic = slice_str("t"),
                                     .partition = (int32_t)prng_below(&w->prng, 3)};
    struct call *c = call_new(w, client);
    struct group_event event = event_of(w, client, kind, c);
    event.delete_offsets.items = kind == GROUP_DELETE_OFFSETS ? &gone : NULL;
    event.delete_offsets.count = kind == GROUP_DELETE_OFFSETS;
    step(w, &event);
}

static void pass_time(struct world *w)
{
    time_ms to = w->now + prng_between(&w->prng, 0, 400);
    for (time_ms due; (due = group_deadline(&w->shard)) <= to;) {
        w->now = due > w->now ? due : w->now;
        struct group_event event = {.kind = GROUP_TICK};
        step(w, &event);
        cr_assert_gt(group_deadline(&w->shard), w->now - 1);
    }
    w->now = to;
}

static void one_request(struct world *w)
{
    struct client *client = &w->clients[prng_below(&w->prng, MEMBERS)];
    uint64_t draw = prng_below(&w->prng, 100);
    if (draw < 30) {
        do_join(w, client);
    } else if (draw < 50) {
        do_sync(w, client);
    } else if (draw < 65) {
        do_other(w, client, GROUP_HEARTBEAT);
    } else if (draw < 78) {
        do_commit(w, client);
    } else if (draw < 82) {
        do_leave(w, client);
    } else if (draw < 84) {
        do_forget(w);
    } else if (draw < 86) {
        do_other(w, client, GROUP_DELETE_OFFSETS);
    } else if (draw < 87) {
        do_other(w, client, GROUP_DELETE);
    } else {
        pass_time(w);
    }
}

/* Everything committed is there, and nothing else. */
static void compare(const struct world *w)
{
    for (int g = 0; g < 4; g++) {
        char id[8];
        snprintf(id, sizeof(id), "g%d", g);
        const struct group *group = group_find(&w->shard, slice_str(id));
        for (int32_t p = 0; p < 3; p++) {
            const struct group_offset *offset = group == NULL
                                                    ? NULL
                                                    : group_offset_find(group, slice_str("t"), p);
            cr_assert_eq(offset == NULL ? -1 : offset->offset, w->logged[g][p]);
        }
    }
}

static void end(struct world *w)
{
    struct list waiting;
    list_init(&waiting);
    group_shard_release(&w->shard, &waiting);
    for (struct list_node *node; (node = list_pop(&waiting)) != NULL;) {
        struct group_call *call = CONTAINER_OF(node, struct group_call, node);
        answered(w, CONTAINER_OF(call, struct call, call));
    }
    for (uint32_t i = 0; i < w->call_count; i++) {
        cr_assert(!w->calls[i].waits, "call %u was never answered", i);
    }
    cr_assert_eq(w->heap.live, 0, "the shard leaks %zu bytes", w->heap.live);
}

Test(group, random_requests)
{
    static struct world w;
    uint64_t answers = 0, writes = 0;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        memset(&w, 0, sizeof(w));
        memset(w.logged, 0xff, sizeof(w.logged));
        w.source = (struct memory_source){take, give, NULL};
        heap_init(&w.heap, &w.source, 1 << 26);
        prng_init(&w.prng, seed);
        w.config = (struct group_config){
            .session_min_ms = 10,
            .session_max_ms = 3000,
            .initial_delay_ms = prng_chance(&w.prng, 500) ? 0 : 50,
            .members_max = (uint32_t)prng_between(&w.prng, 2, MEMBERS),
            .offsets_retention_ms = 20000,
            .retention_check_ms = 700,
            .hash_key = {seed, 3},
            .seed = seed,
        };
        for (int i = 0; i < MEMBERS; i++) {
            snprintf(w.clients[i].group, sizeof(w.clients[i].group), "g%d", i % 4);
            if (i % 3 == 0) {
                snprintf(w.clients[i].instance, sizeof(w.clients[i].instance), "s%d", i % 5);
            }
        }
        group_shard_init(&w.shard, &w.config, &w.heap, &w.source);
        struct group_event loaded = {.kind = GROUP_LOADED};
        step(&w, &loaded);
        for (int i = 0; i < STEPS; i++) {
            one_request(&w);
        }
        compare(&w);
        writes += w.shard.writes;
        end(&w);
        answers += w.answers;
        heap_release(&w.heap);
    }
    cr_assert_gt(writes, SEEDS * 100, "the world hardly did anything: %llu writes",
                 (unsigned long long)writes);
    cr_assert_gt(answers, SEEDS * 1000);
}
