/* What the shard did, in words; and its log. */
#include "tests/golden/consumer/desk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "kmsg/consumer_protocol.h"

struct uuid desk_topic_id(char letter, uint32_t number)
{
    return (struct uuid){{(uint8_t)letter, (uint8_t)number, 1}};
}

static void add(char *line, size_t room, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void add(char *line, size_t room, const char *fmt, ...)
{
    size_t n = strlen(line);
    va_list args;
    va_start(args, fmt);
    vsnprintf(line + n, room - n, fmt, args);
    va_end(args);
}

static const char *name(struct desk *desk, struct slice id)
{
    static char names[4][40];
    static unsigned turn;
    char *out = names[turn++ % 4];
    if (id.n > 20) { /* one that the core made */
        snprintf(desk->made, sizeof(desk->made), "%.*s", (int)id.n, (const char *)id.p);
        id = slice_str("ME");
    }
    snprintf(out, sizeof(names[0]), "%.*s", (int)id.n, id.p == NULL ? "" : (const char *)id.p);
    return out;
}

static void keep(struct desk *desk, const struct group_record *r)
{
    assert(desk->record_count < DESK_RECORDS);
    struct desk_record *kept = &desk->log[desk->record_count++];
    *kept = (struct desk_record){r->key_desc, r->value_desc, r->value_version, 0, 0, {0}, {0}};
    err_t err = kmsg_size(r->key_desc, 0, r->key, &kept->key_bytes);
    assert(err == OK && kept->key_bytes <= sizeof(kept->key));
    err = kmsg_encode(r->key_desc, 0, r->key, kept->key, kept->key_bytes);
    assert(err == OK);
    if (r->value != NULL) {
        err = kmsg_size(r->value_desc, r->value_version, r->value, &kept->value_bytes);
        assert(err == OK && kept->value_bytes <= sizeof(kept->value));
        err = kmsg_encode(r->value_desc, r->value_version, r->value, kept->value,
                          kept->value_bytes);
        assert(err == OK);
    }
}

void desk_reload(struct desk *desk)
{
    group_shard_init(&desk->shard, &desk->config, &desk->heap, &desk->source);
    for (uint32_t i = 0; i < desk->record_count; i++) {
        const struct desk_record *r = &desk->log[i];
        static uint64_t key[64], value[64];
        struct slice key_bytes = slice_of(r->key, r->key_bytes);
        struct slice value_bytes = slice_of(r->value, r->value_bytes);
        struct arena arena;
        arena_init(&arena, &desk->source, 4096, 1 << 20);
        err_t err = kmsg_decode(r->key_desc, 0, &key_bytes, &arena, key);
        assert(err == OK);
        if (r->value_desc != NULL) {
            err = kmsg_decode(r->value_desc, r->version, &value_bytes, &arena, value);
            assert(err == OK);
        }
        bool ok = group_replay(&desk->shard, r->key_desc, key,
                               r->value_desc == NULL ? NULL : value);
        assert(ok);
        arena_release(&arena);
    }
}

/* "ConsumerGroupCurrentMemberAssignment of B" */
static void say_record(struct desk *desk, const struct group_record *r, struct story_out *out)
{
    const struct slice *texts = r->key;
    bool two = r->key_desc->id == 5 || r->key_desc->id == 7 || r->key_desc->id == 8 ||
               r->key_desc->id == 16;
    size_t n = strlen(r->key_desc->name) - strlen("Key");
    story_say(out, "    %.*s%s%s%s", (int)n, r->key_desc->name, two ? " of " : "",
              two ? name(desk, texts[1]) : "", r->value == NULL ? ": gone" : "");
}

static void say_consumer(struct desk *desk, const struct group_call *call, struct story_out *out)
{
    const struct group_consumer_answer *a = &call->consumer;
    char line[512] = "";
    for (uint32_t i = 0; i < a->part_count; i++) {
        add(line, sizeof(line), " %c/%d", a->parts[i].topic.b[0], a->parts[i].partition);
    }
    story_say(out, "  %s: epoch %d%s%s (after write %llu)", name(desk, a->member_id), a->epoch,
              a->assigned ? ", reads" : "", a->assigned && a->part_count == 0 ? " nothing" : line,
              (unsigned long long)call->after_write);
}

static void say_sync(const struct group_call *call, struct story_out *out)
{
    struct kmsg_consumer_protocol_assignment has;
    static uint8_t block[4096] __attribute__((aligned(16)));
    struct memory_block memory = {block, sizeof(block), 0};
    struct memory_source source = memory_block_source(&memory);
    struct slice bytes = slice_of(call->sync.assignment.p + 2, call->sync.assignment.n - 2);
    struct arena arena;
    char line[512] = "";
    arena_init(&arena, &source, 1024, sizeof(block));
    err_t err = kmsg_decode(&kmsg_consumer_protocol_assignment_desc, 1, &bytes, &arena, &has);
    assert(err == OK);
    for (int32_t i = 0; i < has.assigned_partitions.count; i++) {
        for (int32_t p = 0; p < has.assigned_partitions.items[i].partitions.count; p++) {
            add(line, sizeof(line), " %.*s/%d", (int)has.assigned_partitions.items[i].topic.n,
                (const char *)has.assigned_partitions.items[i].topic.p,
                has.assigned_partitions.items[i].partitions.items[p]);
        }
    }
    story_say(out, "  reads%s", line[0] ? line : " nothing");
}

static void say_call(struct desk *desk, const struct group_call *call, struct story_out *out)
{
    char kind = 0;
    for (uint32_t i = 0; i < DESK_ITEMS; i++) {
        kind = call == &desk->calls[i].call ? desk->calls[i].kind : kind;
    }
    if (call->error != KAFKA_NONE && call->error != KAFKA_MEMBER_ID_REQUIRED) {
        story_say(out, "  %s", kafka_error_name((int16_t)call->error));
    } else if (kind == 'c') {
        say_consumer(desk, call, out);
    } else if (kind == 'j') {
        story_say(out, "  %s: generation %d, %s", name(desk, call->join.member_id),
                  call->join.generation, call->join.leader.n == 0 ? "not leading" : "leading");
    } else if (kind == 's') {
        say_sync(call, out);
    } else {
        story_say(out, "  NONE");
    }
}

void desk_actions(struct desk *desk, const struct group_actions *actions, struct story_out *out)
{
    assert(!actions->broken);
    if (actions->write != 0) {
        story_say(out, "  write %llu", (unsigned long long)actions->write);
    }
    for (uint32_t i = 0; i < actions->record_count; i++) {
        say_record(desk, &actions->records[i], out);
        keep(desk, &actions->records[i]);
    }
    for (uint32_t i = 0; i < actions->match_count; i++) {
        story_say(out, "  to be evaluated: %.*s", (int)actions->match[i].n,
                  (const char *)actions->match[i].p);
    }
    LIST_EACH(&actions->answers, node)
    {
        say_call(desk, CONTAINER_OF(node, struct group_call, node), out);
    }
}

static void say_member(struct desk *desk, const struct consumer_member *m, struct story_out *out)
{
    static const char *const states[] = {"stable", "unrevoked", "unreleased"};
    const struct consumer_parts *sets[] = {&m->assigned, &m->revoking, &m->target};
    static const char *const words[] = {" reads", " gives back", " is to read"};
    char line[512] = "";
    for (int s = 0; s < 3; s++) {
        for (uint32_t i = 0; i < sets[s]->count; i++) {
            struct uuid id = consumer_part_topic(m->group->consumer, &sets[s]->items[i]);
            add(line, sizeof(line), "%s %c/%d", i == 0 ? words[s] : "", id.b[0],
                sets[s]->items[i].partition);
        }
    }
    story_say(out, "    %s: epoch %d, %s%s%s", name(desk, m->id), m->epoch, states[m->state],
              m->classic ? ", classic" : "", line);
}

void desk_groups(struct desk *desk, struct story_out *out)
{
    const struct group *g = group_find(&desk->shard, slice_str("g"));
    uint32_t at = 0;
    if (g == NULL) {
        story_say(out, "  there is none");
    } else if (g->consumer == NULL) {
        story_say(out, "  classic, %s, generation %d, %u members", group_state_text(g->state),
                  g->generation, g->members.count);
    } else {
        story_say(out, "  %s, epoch %d, target of %d", consumer_state_text(g->consumer),
                  g->consumer->epoch, g->consumer->target_epoch);
        for (const struct consumer_member *m;
             (m = consumer_member_next(g->consumer, &at)) != NULL;) {
            say_member(desk, m, out);
        }
    }
}
