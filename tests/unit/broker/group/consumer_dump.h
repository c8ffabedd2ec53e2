/*
 * What a shard remembers of its groups, as sorted lines: two shards that know the same give the same text. Of a classic group that
 * is rebalanced the log tells the generation before, or nothing: `living` is the shard that knows which these are.
 */
#ifndef ODRADEK_TESTS_GROUP_CONSUMER_DUMP_H
#define ODRADEK_TESTS_GROUP_CONSUMER_DUMP_H

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/group/consumer.h"

#define DUMP_LINES 4096
#define DUMP_LINE  400

struct dump {
    char lines[DUMP_LINES][DUMP_LINE];
    int count;
};

static inline void dump_line(struct dump *dump, const char *fmt, ...) PRINTF_LIKE(2, 3);
static inline void dump_line(struct dump *dump, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    assert(dump->count < DUMP_LINES);
    vsnprintf(dump->lines[dump->count++], DUMP_LINE, fmt, args);
    va_end(args);
}

#define DUMP_TEXT(s) (int)(s).n, (s).p == NULL ? "" : (const char *)(s).p

static inline void dump_parts(struct dump *dump, const struct consumer_member *m, char kind,
                              const struct consumer_parts *parts)
{
    for (uint32_t i = 0; i < parts->count; i++) {
        struct uuid id = consumer_part_topic(m->group->consumer, &parts->items[i]);
        dump_line(dump, "%.*s member %.*s %c %s-%d since %d", DUMP_TEXT(m->group->id),
                  DUMP_TEXT(m->id), kind, uuid_print(id).s, parts->items[i].partition,
                  kind == 'T' ? 0 : parts->items[i].epoch); /* of the target it says nothing */
    }
}

static inline void dump_member(struct dump *dump, const struct consumer_member *m)
{
    dump_line(dump, "%.*s member %.*s instance %.*s rack %.*s client %.*s host %.*s",
              DUMP_TEXT(m->group->id), DUMP_TEXT(m->id), DUMP_TEXT(m->instance_id),
              DUMP_TEXT(m->rack_id), DUMP_TEXT(m->client_id), DUMP_TEXT(m->client_host));
    dump_line(dump, "%.*s member %.*s %d ms assignor %d pattern '%.*s' state %d epoch %d before %d",
              DUMP_TEXT(m->group->id), DUMP_TEXT(m->id), m->rebalance_ms, m->assignor,
              DUMP_TEXT(m->pattern), (int)m->state, m->epoch, m->previous_epoch);
    if (m->classic) {
        dump_line(dump, "%.*s member %.*s classic %d ms", DUMP_TEXT(m->group->id), DUMP_TEXT(m->id),
                  m->session_ms);
    }
    for (uint32_t i = 0; i < m->protocol_count; i++) {
        dump_line(dump, "%.*s member %.*s protocol %u %.*s of %zu bytes", DUMP_TEXT(m->group->id),
                  DUMP_TEXT(m->id), i, DUMP_TEXT(m->protocols[i].name), m->protocols[i].metadata.n);
    }
    for (uint32_t i = 0; i < m->topic_count; i++) {
        dump_line(dump, "%.*s member %.*s topic %.*s", DUMP_TEXT(m->group->id), DUMP_TEXT(m->id),
                  DUMP_TEXT(m->topics[i]));
    }
    dump_parts(dump, m, 'A', &m->assigned);
    dump_parts(dump, m, 'R', &m->revoking);
    dump_parts(dump, m, 'T', &m->target);
}

static inline void dump_consumer(struct dump *dump, const struct group_shard *shard,
                                 const struct group *g)
{
    const struct consumer *c = g->consumer;
    uint32_t at = 0;
    dump_line(dump, "%.*s epoch %d hash %llx target %d at %lld by %s", DUMP_TEXT(g->id), c->epoch,
              (unsigned long long)c->hash, c->target_epoch, (long long)c->target_wall_ms,
              consumer_assignor(shard, c));
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        dump_member(dump, m);
    }
    at = 0;
    for (const struct map_entry *e; (e = map_next(&c->patterns, &at)) != NULL;) {
        const struct consumer_pattern *p = e->value;
        dump_line(dump, "%.*s pattern '%.*s' resolved %d by %u", DUMP_TEXT(g->id),
                  DUMP_TEXT(p->text), p->resolved, p->subscribers);
        for (uint32_t i = 0; i < p->topic_count; i++) {
            dump_line(dump, "%.*s pattern '%.*s' topic %.*s", DUMP_TEXT(g->id), DUMP_TEXT(p->text),
                      DUMP_TEXT(p->topics[i]));
        }
    }
}

static inline int dump_cmp(const void *a, const void *b)
{
    return strcmp(a, b);
}

static inline void dump_classic(struct dump *dump, const struct group *g)
{
    uint32_t at = 0;
    if (g->state == GROUP_EMPTY && g->generation == 0) {
        return; /* a name, and perhaps offsets: the log has no record of the group itself */
    }
    dump_line(dump, "%.*s classic %s generation %d type '%.*s' protocol '%.*s' leader '%.*s'",
              DUMP_TEXT(g->id), group_state_text(g->state), g->generation,
              DUMP_TEXT(g->protocol_type), DUMP_TEXT(g->protocol), DUMP_TEXT(g->leader));
    if (g->state == GROUP_EMPTY) {
        dump_line(dump, "%.*s empty since %lld", DUMP_TEXT(g->id), (long long)g->state_wall_ms);
    }
    for (const struct group_member *m; (m = group_member_next(g, &at)) != NULL;) {
        struct slice said = group_member_metadata(m, g->protocol);
        dump_line(
            dump, "%.*s member %.*s instance %.*s client %.*s host %.*s session %d rebalance %d",
            DUMP_TEXT(g->id), DUMP_TEXT(m->id), DUMP_TEXT(m->instance_id), DUMP_TEXT(m->client_id),
            DUMP_TEXT(m->client_host), m->session_ms, m->rebalance_ms);
        dump_line(dump, "%.*s member %.*s said %zu bytes, is given %zu: %d %d", DUMP_TEXT(g->id),
                  DUMP_TEXT(m->id), said.n, m->assignment.n, said.n > 0 ? said.p[said.n - 1] : -1,
                  m->assignment.n > 0 ? m->assignment.p[m->assignment.n - 1] : -1);
    }
}

static inline void dump_offsets(struct dump *dump, const struct group *g)
{
    uint32_t at = 0;
    for (const struct group_topic *t; (t = group_topic_next(g, &at)) != NULL;) {
        for (uint32_t i = 0; i < t->count; i++) {
            const struct group_offset *o = &t->offsets[i];
            dump_line(dump, "%.*s offset %.*s-%d at %lld epoch %d '%.*s' of %lld until %lld in %s",
                      DUMP_TEXT(g->id), DUMP_TEXT(t->name), o->partition, (long long)o->offset,
                      o->leader_epoch, DUMP_TEXT(o->metadata), (long long)o->commit_ms,
                      (long long)o->expire_ms, uuid_print(o->topic_id).s);
        }
    }
}

static inline void dump_shard(struct dump *dump, const struct group_shard *shard,
                              const struct group_shard *living)
{
    uint32_t at = 0;
    dump->count = 0;
    for (const struct group *g; (g = group_next(shard, &at)) != NULL;) {
        const struct group *now = group_find(living, g->id);
        bool rebalanced = now != NULL &&
                          (now->state == GROUP_PREPARING || now->state == GROUP_COMPLETING);
        if (g->consumer != NULL) {
            dump_consumer(dump, shard, g);
        } else if (!rebalanced) {
            dump_classic(dump, g);
        }
        dump_offsets(dump, g);
    }
    qsort(dump->lines, (size_t)dump->count, DUMP_LINE, dump_cmp);
}

static inline void dump_same(const struct group_shard *living, const struct group_shard *reloaded)
{
    static struct dump live, again;
    dump_shard(&live, living, living);
    dump_shard(&again, reloaded, living);
    for (int i = 0; i < live.count || i < again.count; i++) {
        const char *a = i < live.count ? live.lines[i] : "(nothing)";
        const char *b = i < again.count ? again.lines[i] : "(nothing)";
        cr_assert_str_eq(a, b, "living:   %s\nreloaded: %s", a, b);
    }
}

#endif
