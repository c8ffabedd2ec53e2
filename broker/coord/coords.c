/* The table of shards: made from the image, found by group id. And requests on their way in. */
#include "broker/coord/coord_internal.h"

/* ---- which partition ---- */

/* One UTF-16 code unit more, as Java's String.hashCode counts. */
static uint32_t hash_unit(uint32_t hash, uint32_t unit)
{
    return 31 * hash + unit;
}

/* Takes one character off; bytes that are not UTF-8 count as U+FFFD, as Java decodes them. */
static uint32_t next_char(struct slice *rest)
{
    uint8_t first = rest->p[0];
    size_t n = first < 0x80         ? 1
               : (first >> 5) == 6  ? 2
               : (first >> 4) == 14 ? 3
               : (first >> 3) == 30 ? 4
                                    : 0;
    uint32_t c = n == 1 ? first : n == 0 ? 0xfffd : first & (0xffu >> (n + 1));
    size_t used = 1;
    for (; n > 1 && used < n; used++) {
        if (used >= rest->n || (rest->p[used] & 0xc0) != 0x80) {
            c = 0xfffd;
            break;
        }
        c = c << 6 | (rest->p[used] & 0x3f);
    }
    *rest = slice_of(rest->p + used, rest->n - used);
    return c;
}

int32_t coord_partition(struct slice group_id, uint32_t partitions)
{
    uint32_t hash = 0;
    assert(partitions > 0);
    while (group_id.n > 0) {
        uint32_t c = next_char(&group_id);
        if (c >= 0x10000) {
            hash = hash_unit(hash, 0xd800 + ((c - 0x10000) >> 10));
            c = 0xdc00 + ((c - 0x10000) & 0x3ff);
        }
        hash = hash_unit(hash, c);
    }
    int32_t code = (int32_t)hash;
    uint32_t positive = code == INT32_MIN ? 0 : (uint32_t)(code < 0 ? -code : code);
    return (int32_t)(positive % partitions);
}

struct coord_shard *coords_shard(struct coords *coords, struct slice group_id)
{
    struct shard_table *table = atomic_load(&coords->table);
    return table == NULL ? NULL : &table->shards[coord_partition(group_id, table->count)];
}

/* ---- the image ---- */

static void on_shard_stopped(struct mail *mail)
{
    struct coord_shard *shard = CONTAINER_OF(mail, struct coord_shard, stopped_mail);
    struct coords *coords = shard->coords;
    assert(coords->stop_begun && coords->stopping > 0);
    if (--coords->stopping == 0) {
        coords->stopped(coords->stopped_ctx);
    }
}

/* Of its shards so many were opened. */
static void table_free(struct coords *coords, struct shard_table *table, uint32_t opened)
{
    const struct memory_source *source = memory_source(coords->config.host);
    for (uint32_t i = 0; i < opened; i++) {
        shard_close(&table->shards[i]);
    }
    source->give(source->ctx, table, sizeof(*table) + table->count * sizeof(struct coord_shard));
}

/* Shards are made once and stay until the end: a request may be looking at one at any time. NULL: there is no memory for all of
 * them; with fewer, groups would fall on other partitions than theirs. */
static struct shard_table *table_make(struct coords *coords, const struct meta_topic *topic)
{
    const struct memory_source *source = memory_source(coords->config.host);
    uint32_t count = meta_topic_partitions(topic);
    size_t bytes = sizeof(struct shard_table) + count * sizeof(struct coord_shard);
    struct shard_table *table = source->take(source->ctx, bytes);
    if (table == NULL) {
        return NULL;
    }
    memset(table, 0, bytes);
    table->topic = meta_topic_id(topic);
    table->count = count;
    for (uint32_t i = 0; i < count; i++) {
        if (shard_open(&table->shards[i], coords, table->topic, (int32_t)i) != OK) {
            table_free(coords, table, i);
            return NULL;
        }
        table->shards[i].stopped_mail.deliver = on_shard_stopped;
    }
    return table;
}

static void shard_want(struct coord_shard *shard, bool wanted, int32_t epoch, bool hosted)
{
    shard_enter(shard);
    if (shard->wanted != wanted || shard->wanted_epoch != epoch || shard->hosted != hosted) {
        shard->wanted = wanted;
        shard->wanted_epoch = epoch;
        shard->wanted_gone = atomic_load(&shard->coords->gone_number);
        shard->hosted = hosted;
        shard_yield(shard);
        shard_look(shard);
    }
    shard_leave(shard);
}

static void table_retire(struct shard_table *table)
{
    for (uint32_t i = 0; table != NULL && i < table->count; i++) {
        shard_want(&table->shards[i], false, -1, false);
    }
}

static bool hosts(const struct coords *coords, const struct meta_partition *p)
{
    for (uint32_t i = 0; p != NULL && i < p->replica_count; i++) {
        if (p->replicas[i].broker == coords->config.broker) {
            return true;
        }
    }
    return false;
}

/* Groups that subscribe to patterns look at what has come. */
static void topics_came(struct coords *coords, const struct meta_image *image,
                        const struct meta_changes *changes)
{
    bool came = changes == NULL;
    for (size_t i = 0; !came && i < changes->count; i++) {
        const struct meta_change *change = &changes->items[i];
        came = change->kind == META_CHANGED_TOPIC && meta_topic(image, change->topic) != NULL;
    }
    if (came) {
        atomic_store(&coords->topics_version, meta_offset(image));
    }
}

void coords_forewarn(struct coords *coords, const struct meta_image *old,
                     const struct meta_image *image, const struct meta_changes *changes)
{
    if (!coords->stop_begun) {
        gone_apply(coords, atomic_load(&coords->table), old, image, changes);
    }
}

bool coords_apply(struct coords *coords, const struct meta_image *image,
                  const struct meta_changes *changes)
{
    const struct meta_topic *topic = meta_topic_named(image, slice_str(GROUPS_TOPIC));
    struct shard_table *table = atomic_load(&coords->table);
    if (coords->stop_begun) {
        return true;
    }
    topics_came(coords, image, changes);
    if (topic == NULL || (table != NULL && (!uuid_eq(table->topic, meta_topic_id(topic)) ||
                                            table->count != meta_topic_partitions(topic)))) {
        table_retire(table);
    }
    if (topic == NULL) {
        return true;
    }
    if (table == NULL || !uuid_eq(table->topic, meta_topic_id(topic)) ||
        table->count != meta_topic_partitions(topic)) {
        struct shard_table *made = table_make(coords, topic);
        if (made == NULL) {
            return false;
        }
        made->older = table;
        atomic_store(&coords->table, made);
        table = made;
    }
    for (uint32_t i = 0; i < table->count; i++) {
        const struct meta_partition *p = meta_partition(topic, (int32_t)i);
        bool wanted = p != NULL && p->leader == coords->config.broker;
        shard_want(&table->shards[i], wanted, wanted ? p->leader_epoch : -1, hosts(coords, p));
    }
    return true;
}

/* ---- life ---- */

err_t coords_open(const struct coords_config *config, struct coords **ret_coords)
{
    const struct memory_source *source = memory_source(config->host);
    struct coords *coords = source->take(source->ctx, sizeof(*coords));
    ENSURE(coords != NULL, ERR_NO_MEMORY);
    assert(config->reactor_count > 0 && config->write_timeout_ms > 0);
    memset(coords, 0, sizeof(*coords));
    coords->config = *config;
    atomic_init(&coords->gone_version, -1);
    err_t err = lock_open(config->host, "gone", &coords->gone_lock);
    if (err != OK) {
        source->give(source->ctx, coords, sizeof(*coords));
        return err;
    }
    *ret_coords = coords;
    return OK;
}

void coords_stop(struct coords *coords, void (*stopped)(void *ctx), void *ctx)
{
    assert(!coords->stop_begun);
    coords->stop_begun = true;
    coords->stopped = stopped;
    coords->stopped_ctx = ctx;
    for (struct shard_table *t = atomic_load(&coords->table); t != NULL; t = t->older) {
        coords->stopping += t->count;
    }
    if (coords->stopping == 0) {
        stopped(ctx);
        return;
    }
    for (struct shard_table *t = atomic_load(&coords->table); t != NULL; t = t->older) {
        for (uint32_t i = 0; i < t->count; i++) {
            shard_enter(&t->shards[i]);
            t->shards[i].stopping = true;
            shard_look(&t->shards[i]);
            shard_leave(&t->shards[i]);
        }
    }
}

void coords_close(struct coords *coords)
{
    const struct memory_source *source = memory_source(coords->config.host);
    for (struct shard_table *t = atomic_load(&coords->table), *older; t != NULL; t = older) {
        older = t->older;
        table_free(coords, t, t->count);
    }
    assert(atomic_load(&coords->follow_bytes) == 0);
    lock_close(coords->gone_lock);
    source->give(source->ctx, coords, sizeof(*coords));
}

/* ---- requests ---- */

static void call_begin(struct coord_call *call, struct coord_shard *shard)
{
    assert(call->loop != NULL && call->arena != NULL && call->state == CALL_FREE);
    call->group = (struct group_call){0};
    call->shard = shard;
    call->members = NULL;
    call->member_count = 0;
}

static bool call_refuse(struct coord_call *call, enum kafka_error error)
{
    call->group.error = error;
    call->group.join = (struct group_join_answer){
        .generation = -1, .leader = slice_of("", 0), .member_id = slice_of("", 0)};
    call->state = CALL_FREE;
    return true;
}

bool coords_outdated(const struct coords *coords, const struct meta_image *image)
{
    return image != NULL && meta_offset(image) < atomic_load(&coords->gone_version);
}

/* Inside. A commit that was let in by an image from before a topic was deleted would lie behind the tombstones of what was stored
 * in that topic, and the next one of its name would have it. The client asks again, by the next image. */
static bool is_outdated(const struct coords *coords, const struct group_event *event)
{
    return event->kind == GROUP_COMMIT && coords_outdated(coords, event->image);
}

bool coord_submit(struct coords *coords, struct coord_call *call, struct group_event *event)
{
    struct coord_shard *shard = coords_shard(coords, event->who.group);
    call_begin(call, shard);
    call->kind = (uint8_t)event->kind;
    event->call = &call->group;
    if (shard == NULL) {
        return call_refuse(call, KAFKA_NOT_COORDINATOR);
    }
    shard_enter(shard);
    if (shard->state != SHARD_ACTIVE || is_outdated(coords, event)) {
        enum kafka_error error = shard->state == SHARD_ACTIVE ? KAFKA_COORDINATOR_LOAD_IN_PROGRESS
                                                              : shard_closed_error(shard);
        shard_leave(shard);
        return call_refuse(call, error);
    }
    call->state = CALL_CORE;
    shard_step(shard, event);
    bool now = call->state == CALL_TOLD;
    if (now) { /* nobody has drained it: the monitor was not left */
        list_remove(&call->node);
        call->state = CALL_FREE;
    }
    shard_leave(shard);
    return now;
}

bool coord_forget(struct coord_call *call)
{
    struct coord_shard *shard = call->shard;
    assert(shard != NULL);
    shard_enter(shard);
    bool mailed = call->state == CALL_TOLD && !list_linked(&call->node);
    if (call->state == CALL_CORE) {
        struct group_event event = {.kind = GROUP_FORGET, .call = &call->group};
        assert(shard->state == SHARD_ACTIVE);
        shard_step(shard, &event);
    } else {
        list_remove(&call->node);
    }
    if (!mailed) {
        call->state = CALL_FREE;
    }
    shard_leave(shard);
    return !mailed;
}
