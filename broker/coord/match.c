/*
 * Patterns that consumer groups subscribe to, evaluated on the pool: a bad one may take seconds. What the job needs is copied
 * when the core asks: patterns, and the names of the topics in the image that the request brought.
 */
#include "broker/coord/coord_internal.h"
#include "broker/coord/regex.h"

#define MATCH_BYTES_MAX ((size_t)1 << 30)

struct coord_match {
    struct disk_job job;
    struct coord_match *next;
    struct coord_shard *shard;
    uint64_t load;
    struct arena arena;
    struct slice group;
    int64_t version;
    const struct slice *names;
    uint32_t name_count;
    struct group_matched *items;
    uint32_t count;
    bool failed;
};

static bool names_copy(struct coord_match *match, const struct meta_image *image)
{
    struct slice *names = arena_array(&match->arena, meta_topic_count(image), sizeof(*names));
    struct slice after = {0};
    bool ok = names != NULL;
    for (const struct meta_topic *topic; ok && (topic = meta_topic_next(image, after)) != NULL;) {
        after = meta_topic_name(topic);
        ok = arena_copy(&match->arena, after, &names[match->name_count++]);
    }
    match->names = names;
    return ok;
}

static bool match_fill(struct coord_match *match, const struct group_actions *actions,
                       const struct meta_image *image)
{
    match->items = arena_array(&match->arena, actions->match_count, sizeof(*match->items));
    bool ok = match->items != NULL &&
              arena_copy(&match->arena, actions->match_group, &match->group);
    for (uint32_t i = 0; ok && i < actions->match_count; i++) {
        ok = arena_copy(&match->arena, actions->match[i], &match->items[match->count++].pattern);
    }
    match->version = meta_offset(image);
    return ok && names_copy(match, image);
}

void match_take(struct coord_shard *shard, const struct group_actions *actions,
                const struct meta_image *image)
{
    const struct memory_source *source = memory_source(shard->coords->config.host);
    struct coord_match *match = source->take(source->ctx, sizeof(*match));
    assert(actions->match_count > 0 && image != NULL);
    if (match == NULL) {
        shard_drop(shard, SHARD_RESTING, KAFKA_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    memset(match, 0, sizeof(*match));
    arena_init(&match->arena, source, 1 << 16, MATCH_BYTES_MAX);
    match->shard = shard;
    match->load = shard->load;
    match->failed = !match_fill(match, actions, image);
    match->next = shard->matches;
    shard->matches = match;
    shard->matching++;
}

/* ---- on the pool ---- */

static bool evaluate(struct coord_match *match, struct group_matched *item)
{
    const struct coords *coords = match->shard->coords;
    uint32_t *found = arena_array(&match->arena, match->name_count, sizeof(*found));
    struct regex_fault fault = {""};
    if (found == NULL) {
        return false;
    }
    err_t err = regex_select(memory_source(coords->config.host), item->pattern, match->names,
                             match->name_count, found, &item->count, &fault);
    if (err != OK) {
        /* It stands for nothing then, and its members read what they name otherwise. */
        item->count = 0;
        trace_log(coords->config.trace, TRACE_WARN, TRACE_COORD,
                  "The pattern '%.*s' of group '%.*s' cannot be evaluated: %s%s%s.",
                  (int)item->pattern.n, (const char *)item->pattern.p, (int)match->group.n,
                  (const char *)match->group.p, err_text(err), fault.text[0] ? ": " : "",
                  fault.text);
    }
    struct slice *topics = arena_array(&match->arena, item->count, sizeof(*topics));
    for (uint32_t i = 0; topics != NULL && i < item->count; i++) {
        topics[i] = match->names[found[i]];
    }
    item->topics = topics;
    return topics != NULL && err != ERR_NO_MEMORY;
}

static void match_work(struct disk_job *job)
{
    struct coord_match *match = CONTAINER_OF(job, struct coord_match, job);
    for (uint32_t i = 0; !match->failed && i < match->count; i++) {
        match->failed = !evaluate(match, &match->items[i]);
    }
}

/* ---- and back ---- */

static void match_done(struct disk_job *job)
{
    struct coord_match *match = CONTAINER_OF(job, struct coord_match, job);
    struct coord_shard *shard = match->shard;
    const struct memory_source *source = memory_source(shard->coords->config.host);
    struct group_event event = {.kind = GROUP_MATCHED};
    event.who.group = match->group;
    event.matched.items = match->items;
    event.matched.count = match->count;
    event.matched.version = match->version;
    event.matched.failed = match->failed;
    shard_enter(shard);
    assert(shard->matching > 0);
    shard->matching--;
    if (shard->state == SHARD_ACTIVE && shard->load == match->load) {
        shard_step(shard, &event);
    } else {
        shard_look(shard);
    }
    shard_leave(shard);
    arena_release(&match->arena);
    source->give(source->ctx, match, sizeof(*match));
}

struct coord_match *match_next(struct coord_shard *shard)
{
    struct coord_match *match = shard->matches;
    if (match != NULL) {
        shard->matches = match->next;
    }
    return match;
}

void match_send(struct coord_match *match)
{
    match->job.work = match_work;
    match->job.done = match_done;
    disk_submit(match->shard->home, &match->job);
}
