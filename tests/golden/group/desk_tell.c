/* What the shard did, in words; and its log. */
#include "tests/golden/group/desk.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

const char *desk_name(struct desk *desk, struct slice id)
{
    static char names[8][400];
    static unsigned turn;
    char *out = names[turn++ % 8];
    for (uint32_t i = 0; i < desk->name_count; i++) {
        if (slice_eq(slice_str(desk->names[i]), id)) {
            snprintf(out, sizeof(names[0]), "M%u", i + 1);
            return out;
        }
    }
    if (id.n > 36) { /* one that the core made */
        snprintf(desk->names[desk->name_count++], sizeof(desk->names[0]), "%.*s", (int)id.n,
                 (const char *)id.p);
        snprintf(out, sizeof(names[0]), "M%u", desk->name_count);
        return out;
    }
    snprintf(out, sizeof(names[0]), "%.*s", (int)id.n, (const char *)id.p);
    return out;
}

struct slice desk_id(struct desk *desk, struct slice name)
{
    for (uint32_t i = 0; i < desk->name_count; i++) {
        char text[16];
        snprintf(text, sizeof(text), "M%u", i + 1);
        if (slice_eq(slice_str(text), name)) {
            return slice_str(desk->names[i]);
        }
    }
    return name;
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

static void say_group_record(struct desk *desk, const struct kmsg_group_metadata_key *key,
                             const struct kmsg_group_metadata_value *value, struct story_out *out)
{
    char line[2048] = "";
    for (int32_t i = 0; i < value->members.count; i++) {
        const struct kmsg_group_metadata_value_member_metadata *m = &value->members.items[i];
        add(line, sizeof(line), " %s=%.*s", desk_name(desk, m->member_id), (int)m->assignment.n,
            (const char *)m->assignment.p);
    }
    story_say(out, "    group %.*s: generation %d, %.*s, led by %s,%s", (int)key->group.n,
              (const char *)key->group.p, value->generation, (int)value->protocol.n,
              (const char *)value->protocol.p, desk_name(desk, value->leader),
              value->members.count > 0 ? line : " no members");
}

static void say_record(struct desk *desk, const struct group_record *r, struct story_out *out)
{
    if (r->key_desc == &kmsg_group_metadata_key_desc) {
        const struct kmsg_group_metadata_key *key = r->key;
        if (r->value == NULL) {
            story_say(out, "    group %.*s: gone", (int)key->group.n, (const char *)key->group.p);
        } else {
            say_group_record(desk, key, r->value, out);
        }
        return;
    }
    assert(r->key_desc == &kmsg_offset_commit_key_desc);
    const struct kmsg_offset_commit_key *key = r->key;
    const struct kmsg_offset_commit_value *value = r->value;
    char what[64] = "gone";
    if (value != NULL) {
        int n = snprintf(what, sizeof(what), "%lld", (long long)value->offset);
        if (!uuid_is_none(value->topic_id)) {
            snprintf(what + n, sizeof(what) - (size_t)n, " (topic %d)", value->topic_id.b[0]);
        }
    }
    story_say(out, "    offset of %.*s in %.*s-%d: %s", (int)key->group.n,
              (const char *)key->group.p, (int)key->topic.n, (const char *)key->topic.p,
              key->partition, what);
}

static void keep(struct desk *desk, const struct group_record *r)
{
    assert(desk->record_count < DESK_RECORDS);
    struct desk_record *kept = &desk->log[desk->record_count++];
    *kept = (struct desk_record){
        .key_desc = r->key_desc, .value_desc = r->value_desc, .version = r->value_version};
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
        struct arena arena;
        arena_init(&arena, &desk->source, 4096, 1 << 20);
        uint8_t key[256], value[512];
        struct slice key_bytes = slice_of(r->key, r->key_bytes);
        struct slice value_bytes = slice_of(r->value, r->value_bytes);
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
    desk->open = true;
}

/* ---- answers ---- */

static void say_join(struct desk *desk, const char *name, const struct group_call *call,
                     struct story_out *out)
{
    const struct group_join_answer *a = &call->join;
    if (call->error == KAFKA_MEMBER_ID_REQUIRED) {
        story_say(out, "  %s: MEMBER_ID_REQUIRED, it is %s", name, desk_name(desk, a->member_id));
        return;
    }
    if (call->error != KAFKA_NONE) {
        story_say(out, "  %s: %s", name, kafka_error_name(call->error));
        return;
    }
    char members[2048] = "";
    uint32_t at = 0;
    for (const struct group_member *m;
         a->members_of != NULL && (m = group_member_next(a->members_of, &at)) != NULL;) {
        struct slice said = group_member_metadata(m, a->protocol);
        if (said.n > 8 && said.p[0] == 0) { /* a subscription: its topic */
            said = slice_of(said.p + 8, said.p[7]);
        }
        add(members, sizeof(members), " %s(%.*s)", desk_name(desk, m->id), (int)said.n,
            (const char *)said.p);
    }
    story_say(out, "  %s: %s is in generation %d, %.*s, led by %s%s%s%s", name,
              desk_name(desk, a->member_id), a->generation, (int)a->protocol.n,
              (const char *)a->protocol.p, desk_name(desk, a->leader),
              a->members_of != NULL ? ", members" : "", members,
              a->skip_assignment ? ", nothing to assign" : "");
}

static void say_call(struct desk *desk, struct desk_call *c, struct story_out *out)
{
    const struct group_call *call = &c->call;
    char after[40] = "";
    if (call->after_write != 0) {
        snprintf(after, sizeof(after), " (after write %llu)",
                 (unsigned long long)call->after_write);
    }
    if (c->kind == 'j') {
        say_join(desk, c->name, call, out);
    } else if (c->kind == 's' && call->error == KAFKA_NONE) {
        story_say(out, "  %s: assigned '%.*s'%s", c->name, (int)call->sync.assignment.n,
                  (const char *)call->sync.assignment.p, after);
    } else {
        story_say(out, "  %s: %s%s", c->name, kafka_error_name(call->error), after);
    }
    for (uint32_t i = 0; c->kind == 'l' && call->error == KAFKA_NONE && i < c->leaver_count; i++) {
        struct slice id = c->leavers[i].member_id.n > 0 ? c->leavers[i].member_id
                                                        : c->leavers[i].instance_id;
        story_say(out, "    %s: %s", desk_name(desk, id), kafka_error_name(c->leavers[i].error));
    }
    for (uint32_t i = 0; c->kind == 'd' && call->error == KAFKA_NONE && i < c->gone_count; i++) {
        story_say(out, "    %.*s-%d: %s", (int)c->gone[i].topic.n, (const char *)c->gone[i].topic.p,
                  c->gone[i].partition, kafka_error_name(c->gone[i].error));
    }
}

void desk_actions(struct desk *desk, const struct group_actions *actions, struct story_out *out)
{
    if (actions->write != 0) {
        story_say(out, "  write %llu", (unsigned long long)actions->write);
    }
    for (uint32_t i = 0; i < actions->record_count; i++) {
        say_record(desk, &actions->records[i], out);
        keep(desk, &actions->records[i]);
    }
    LIST_EACH(&actions->answers, node)
    {
        struct group_call *call = CONTAINER_OF(node, struct group_call, node);
        struct desk_call *c = CONTAINER_OF(call, struct desk_call, call);
        assert(c->waits);
        c->waits = false;
        say_call(desk, c, out);
    }
}

void desk_groups(struct desk *desk, struct story_out *out)
{
    uint32_t at = 0;
    for (const struct group *g; (g = group_next(&desk->shard, &at)) != NULL;) {
        char line[2048] = "";
        uint32_t i = 0;
        for (const struct group_member *m; (m = group_member_next(g, &i)) != NULL;) {
            add(line, sizeof(line), " %s", desk_name(desk, m->id));
        }
        i = 0;
        for (const struct group_topic *t; (t = group_topic_next(g, &i)) != NULL;) {
            for (uint32_t k = 0; k < t->count; k++) {
                add(line, sizeof(line), " %.*s-%d=%lld", (int)t->name.n, (const char *)t->name.p,
                    t->offsets[k].partition, (long long)t->offsets[k].offset);
            }
        }
        story_say(out, "  %.*s: %s, generation %d:%s", (int)g->id.n, (const char *)g->id.p,
                  group_state_text(g->state), g->generation, line);
    }
}
