/*
 * Regular expressions that members subscribe to. What they stand for is evaluated outside, all of a group's at a time, and comes
 * back as MATCHED; until then a pattern stands for what it stood for before, or for nothing.
 */
#include "broker/group/consumer_internal.h"

/* Between two evaluations for one group, unless a new pattern comes (Kafka's constant). */
#define PATTERN_PAUSE_MS 10000

struct consumer_pattern *consumer_pattern_get(const struct consumer *c, struct slice text)
{
    assert(text.n > 0);
    return map_get(&c->patterns, text);
}

struct consumer_pattern *consumer_pattern_make(struct group_shard *shard, struct consumer *c,
                                               struct slice text)
{
    assert(consumer_pattern_get(c, text) == NULL);
    struct consumer_pattern *pattern = HEAP_NEW(shard->heap, struct consumer_pattern);
    if (pattern == NULL) {
        return NULL;
    }
    pattern->version = -1;
    if (!heap_copy(shard->heap, text, &pattern->text) ||
        !map_put(&c->patterns, pattern->text, pattern)) {
        slice_drop(shard, &pattern->text);
        heap_free(shard->heap, pattern, sizeof(*pattern));
        return NULL;
    }
    return pattern;
}

void consumer_pattern_drop(struct group_shard *shard, struct consumer *c,
                           struct consumer_pattern *pattern)
{
    assert(pattern->topic_count == 0 || pattern->topics != NULL);
    void *removed = map_remove(&c->patterns, pattern->text);
    assert(removed == pattern && pattern->subscribers == 0);
    slices_free(shard->heap, pattern->topics, pattern->topic_count);
    slice_drop(shard, &pattern->text);
    heap_free(shard->heap, pattern, sizeof(*pattern));
}

static bool any_due(const struct turn *turn, const struct consumer *c, int64_t topics_version)
{
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&c->patterns, &at)) != NULL;) {
        const struct consumer_pattern *p = e->value;
        bool old = turn->wall_ms < p->resolved_wall_ms ||
                   turn->wall_ms - p->resolved_wall_ms >
                       turn->shard->config.consumer.pattern_refresh_ms;
        if (!p->resolved || old || p->version < topics_version) {
            return true;
        }
    }
    return false;
}

void consumer_patterns_look(struct turn *turn, struct group *group, int64_t topics_version,
                            bool fresh)
{
    struct consumer *c = group->consumer;
    assert(c != NULL && (!fresh || c->patterns.count > 0));
    bool paused = c->matched_ms >= 0 && turn->now < c->matched_ms + PATTERN_PAUSE_MS;
    if (c->patterns.count == 0 || c->matching || (paused && !fresh) ||
        !(fresh || any_due(turn, c, topics_version))) {
        return;
    }
    struct slice *texts = arena_array(&turn->shard->scratch, c->patterns.count, sizeof(*texts));
    uint32_t at = 0, count = 0;
    if (texts == NULL) {
        return; /* with the next heartbeat */
    }
    for (const struct map_entry *e; (e = map_next(&c->patterns, &at)) != NULL;) {
        texts[count++] = ((const struct consumer_pattern *)e->value)->text;
    }
    assert(count == c->patterns.count && turn->actions->match_count == 0);
    c->matching = true;
    c->matched_ms = turn->now;
    turn->actions->match_group = group->id;
    turn->actions->match = texts;
    turn->actions->match_count = count;
}

/* *ret_other: it stands for other topics now. */
static bool take_match(struct turn *turn, struct group *group, const struct group_matched *match,
                       int64_t version, bool *ret_other)
{
    struct consumer_pattern *pattern = consumer_pattern_get(group->consumer, match->pattern);
    if (pattern == NULL) {
        return true; /* nobody wants it any more */
    }
    bool same = slices_equal(pattern->topics, pattern->topic_count, match->topics, match->count);
    assert(pattern->subscribers > 0);
    *ret_other = *ret_other || !same;
    pattern->resolved = true;
    pattern->version = version;
    pattern->resolved_wall_ms = turn->wall_ms;
    return (same || slices_set(turn->shard->heap, &pattern->topics, &pattern->topic_count,
                               match->topics, match->count)) &&
           record_consumer_pattern(turn, group, pattern);
}

void consumer_matched(struct turn *turn, const struct group_event *event)
{
    struct group *group = map_get(&turn->shard->groups, event->who.group);
    bool other = false, ok = true;
    if (group == NULL || group->consumer == NULL) {
        return;
    }
    assert(group->id.n > 0 && (event->matched.count == 0 || event->matched.items != NULL));
    group->consumer->matching = false;
    for (uint32_t i = 0; ok && !event->matched.failed && i < event->matched.count; i++) {
        ok = take_match(turn, group, &event->matched.items[i], event->matched.version, &other);
    }
    /* Who reads what is decided with the next heartbeat, which brings the topics. */
    group->consumer->image_offset = other ? -1 : group->consumer->image_offset;
    if (!ok || (other && !consumer_bump(turn, group))) {
        turn_break(turn);
    }
    shard_retime(turn->shard, group);
}
