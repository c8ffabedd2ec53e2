/*
 * Patterns that consumer groups subscribe to, evaluated on the pool: a bad one may take seconds. What the job needs is copied
 * when the core asks: patterns, and the names of the topics in the image that the request brought.
 *
 * A broker evaluates one pattern at a time, so that they never keep the pool from the disks, and groups take turns: after each
 * pattern a group stands behind all others. Whoever holds the turn (coords->matching) owns the queue; others leave theirs in
 * match_inbox. Groups above MATCHES_MAX, or MATCHES_BYTES_MAX of copied names, are told that nothing is known, and ask again later.
 */
#include "broker/coord/coord_internal.h"
#include "broker/coord/regex.h"

#define MATCH_BYTES_MAX ((size_t)1 << 30)

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
    match->version = image == NULL ? -1 : meta_offset(image);
    return ok && image != NULL && names_copy(match, image);
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
    struct coords *coords = shard->coords;
    bool room = atomic_fetch_add(&coords->matches, 1) < MATCHES_MAX &&
                atomic_load(&coords->match_bytes) < MATCHES_BYTES_MAX;
    match->failed = !match_fill(match, actions, room ? image : NULL);
    match->bytes = match->arena.total;
    atomic_fetch_add(&coords->match_bytes, match->bytes);
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
    assert(!match->failed && match->at < match->count);
    match->failed = !evaluate(match, &match->items[match->at++]);
}

/* ---- and back ---- */

/* Outside of every monitor. */
static void match_end(struct coord_match *match)
{
    struct coord_shard *shard = match->shard;
    struct coords *coords = shard->coords;
    const struct memory_source *source = memory_source(coords->config.host);
    struct group_event event = {.kind = GROUP_MATCHED};
    event.who.group = match->group;
    event.matched.items = match->items;
    event.matched.count = match->count;
    event.matched.version = match->version;
    event.matched.failed = match->failed;
    uint32_t before = atomic_fetch_sub(&coords->matches, 1);
    size_t bytes = atomic_fetch_sub(&coords->match_bytes, match->bytes);
    assert(before > 0 && bytes >= match->bytes);
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

/* Whether there is something left to do, and somebody who wants it. */
static bool match_goes_on(struct coord_match *match)
{
    struct coord_shard *shard = match->shard;
    shard_enter(shard);
    bool wanted = shard->state == SHARD_ACTIVE && shard->load == match->load && !shard->stopping;
    shard_leave(shard);
    match->failed = match->failed || !wanted;
    return !match->failed && match->at < match->count;
}

/* ---- one at a time ---- */

static void queue_put(struct coords *coords, struct coord_match *match)
{
    struct coord_match **end = &coords->match_queue;
    while (*end != NULL) {
        end = &(*end)->next;
    }
    match->next = NULL;
    *end = match;
}

/* The inbox has the newest first. */
static void queue_fill(struct coords *coords)
{
    struct coord_match *newest = atomic_exchange(&coords->match_inbox, NULL), *oldest = NULL;
    while (newest != NULL) {
        struct coord_match *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    while (oldest != NULL) {
        struct coord_match *next = oldest->next;
        queue_put(coords, oldest);
        oldest = next;
    }
}

/* By who holds the turn: it goes to the pool, or is given up. */
static void match_go(struct coords *coords)
{
    for (;;) {
        queue_fill(coords);
        struct coord_match *match = coords->match_queue;
        if (match == NULL) {
            atomic_store(&coords->matching, false);
            if (atomic_load(&coords->match_inbox) == NULL ||
                atomic_exchange(&coords->matching, true)) {
                return;
            }
            continue;
        }
        coords->match_queue = match->next;
        if (match_goes_on(match)) {
            disk_submit(match->shard->home, &match->job);
            return;
        }
        match_end(match);
    }
}

static void match_done(struct disk_job *job)
{
    struct coord_match *match = CONTAINER_OF(job, struct coord_match, job);
    struct coords *coords = match->shard->coords;
    queue_fill(coords); /* who came meanwhile goes first */
    queue_put(coords, match);
    match_go(coords);
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
    struct coords *coords = match->shard->coords;
    if (match->failed) { /* there is nothing to wait for, and each that waits holds memory */
        match_end(match);
        return;
    }
    match->job.work = match_work;
    match->job.done = match_done;
    match->next = atomic_load(&coords->match_inbox);
    while (!atomic_compare_exchange_weak(&coords->match_inbox, &match->next, match)) {}
    if (!atomic_exchange(&coords->matching, true)) {
        match_go(coords);
    }
}
