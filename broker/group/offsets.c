/* Offsets: committed, deleted, expired (KIP-211). */
#include "broker/group/consumer_protocol.h"

#define OFFSETS_FIRST 4

/* ---- the table: topics by name, partitions in ascending order ---- */

static uint32_t place_of(const struct group_topic *topic, int32_t partition)
{
    uint32_t low = 0, high = topic->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (topic->offsets[middle].partition < partition) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    assert(low <= topic->count);
    assert(low == 0 || topic->offsets[low - 1].partition < partition);
    return low;
}

static void topic_free(struct group_shard *shard, struct group_topic *topic)
{
    assert(topic->count <= topic->room);
    for (uint32_t i = 0; i < topic->count; i++) {
        slice_drop(shard, &topic->offsets[i].metadata);
    }
    heap_free(shard->heap, topic->offsets, topic->room * sizeof(*topic->offsets));
    slice_drop(shard, &topic->name);
    heap_free(shard->heap, topic, sizeof(*topic));
}

static bool topic_grow(struct group_shard *shard, struct group_topic *topic)
{
    if (topic->count < topic->room) {
        return true;
    }
    uint32_t room = topic->room == 0 ? OFFSETS_FIRST : 2 * topic->room;
    void *grown = heap_resize(shard->heap, topic->offsets, topic->room * sizeof(*topic->offsets),
                              room * sizeof(*topic->offsets));
    if (grown == NULL) {
        return false;
    }
    topic->offsets = grown;
    topic->room = room;
    return true;
}

/* A new one has room for its first. */
static struct group_topic *topic_get(struct group_shard *shard, struct group *group,
                                     struct slice name)
{
    struct group_topic *topic = map_get(&group->topics, name);
    if (topic != NULL) {
        return topic;
    }
    topic = HEAP_NEW(shard->heap, struct group_topic);
    if (topic == NULL) {
        return NULL;
    }
    if (!topic_grow(shard, topic) || !heap_copy(shard->heap, name, &topic->name) ||
        !map_put(&group->topics, topic->name, topic)) {
        topic_free(shard, topic);
        return NULL;
    }
    return topic;
}

bool offsets_put(struct group_shard *shard, struct group *group, struct slice name,
                 const struct group_offset *offset)
{
    struct slice metadata;
    if (!heap_copy(shard->heap, offset->metadata, &metadata)) {
        return false;
    }
    struct group_topic *topic = topic_get(shard, group, name);
    if (topic == NULL || !topic_grow(shard, topic)) {
        slice_drop(shard, &metadata);
        return false;
    }
    uint32_t place = place_of(topic, offset->partition);
    struct group_offset *at = &topic->offsets[place];
    if (place < topic->count && at->partition == offset->partition) {
        slice_drop(shard, &at->metadata);
    } else {
        memmove(at + 1, at, (topic->count - place) * sizeof(*at));
        topic->count++;
        group->offset_count++;
    }
    assert(topic->count <= topic->room && place < topic->count);
    *at = *offset;
    at->metadata = metadata;
    return true;
}

static void remove_at(struct group_shard *shard, struct group *group, struct group_topic *topic,
                      uint32_t place)
{
    assert(place < topic->count && group->offset_count > 0);
    struct group_offset *at = &topic->offsets[place];
    slice_drop(shard, &at->metadata);
    memmove(at, at + 1, (topic->count - place - 1) * sizeof(*at));
    topic->count--;
    group->offset_count--;
    if (topic->count == 0) {
        void *removed = map_remove(&group->topics, topic->name);
        assert(removed == topic);
        topic_free(shard, topic);
    }
}

void offsets_drop(struct group_shard *shard, struct group *group, struct slice name,
                  int32_t partition)
{
    struct group_topic *topic = map_get(&group->topics, name);
    const struct group_offset *offset = group_offset_find(group, name, partition);
    if (offset != NULL) {
        remove_at(shard, group, topic, (uint32_t)(offset - topic->offsets));
    }
}

void offsets_release(struct group_shard *shard, struct group *group)
{
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->topics, &at)) != NULL;) {
        topic_free(shard, e->value);
    }
}

const struct group_offset *group_offset_find(const struct group *group, struct slice name,
                                             int32_t partition)
{
    const struct group_topic *topic = map_get(&group->topics, name);
    uint32_t place = topic == NULL ? 0 : place_of(topic, partition);
    bool found = topic != NULL && place < topic->count &&
                 topic->offsets[place].partition == partition;
    return found ? &topic->offsets[place] : NULL;
}

/* ---- commits ---- */

static enum kafka_error commit_check(struct turn *turn, const struct group *group,
                                     const struct group_event *event)
{
    const struct group_who *who = &event->who;
    assert(group->state != GROUP_EMPTY || group->members.count == 0);
    if (group->consumer != NULL) {
        return consumer_may_commit(group, event);
    }
    if (who->generation < 0 && group->state == GROUP_EMPTY) {
        return KAFKA_NONE; /* an administrator, or a consumer that assigns itself */
    }
    if (who->generation < 0 && who->member_id.n == 0 && who->instance_id.p == NULL) {
        return KAFKA_UNKNOWN_MEMBER_ID;
    }
    enum kafka_error error;
    struct group_member *m = member_find(group, who, &error);
    if (m == NULL) {
        return error;
    }
    if (who->generation != group->generation && !MUTANT(85)) {
        PROBE(GROUP_OLD_GENERATION_COMMITS);
        return KAFKA_ILLEGAL_GENERATION;
    }
    if (group->state == GROUP_COMPLETING) {
        return KAFKA_REBALANCE_IN_PROGRESS;
    }
    member_touch(turn, m);
    return KAFKA_NONE;
}

static enum kafka_error commit_items(struct turn *turn, struct group *group,
                                     const struct group_event *event)
{
    for (uint32_t i = 0; i < event->commit.count; i++) {
        const struct group_offset_item *item = &event->commit.items[i];
        struct group_offset offset = {
            .partition = item->partition,
            .leader_epoch = item->leader_epoch,
            .offset = item->offset,
            .commit_ms = turn->wall_ms,
            .expire_ms = event->commit.expire_ms,
            .metadata = item->metadata.p != NULL ? item->metadata : slice_of("", 0),
            /* A record with a time of its own has no room for it. */
            .topic_id = event->commit.expire_ms < 0 ? item->topic_id : UUID_NONE,
        };
        if (!offsets_put(turn->shard, group, item->topic, &offset)) {
            return KAFKA_COORDINATOR_NOT_AVAILABLE; /* those before it are stored: it is true, only not told */
        }
        if (!record_offset(turn, group, item->topic, &offset)) {
            return turn_break(turn); /* what is kept without being written would be told as true */
        }
    }
    return KAFKA_NONE;
}

/* At least so much of a record is neither names nor metadata. */
#define COMMIT_RECORD_BYTES 40

/* More than one write may hold, as Kafka refuses it. Without a bound one request would take all memory of a step, and break the
 * shard for every group of it. */
static bool too_large(const struct group_shard *shard, const struct group_event *event)
{
    uint64_t bytes = 0;
    assert(event->commit.count == 0 || event->commit.items != NULL);
    for (uint32_t i = 0; i < event->commit.count; i++) {
        const struct group_offset_item *item = &event->commit.items[i];
        bytes += COMMIT_RECORD_BYTES + event->who.group.n + item->topic.n + item->metadata.n;
    }
    return shard->config.write_bytes_max > 0 && bytes > shard->config.write_bytes_max;
}

void group_commit(struct turn *turn, const struct group_event *event)
{
    struct group_shard *shard = turn->shard;
    if (too_large(shard, event)) {
        turn_refuse(turn, event->call, KAFKA_INVALID_COMMIT_OFFSET_SIZE);
        return;
    }
    struct group *group = map_get(&shard->groups, event->who.group);
    if (group == NULL && event->who.generation >= 0) {
        turn_refuse(turn, event->call, event->commit.unknown_group);
        return;
    }
    if (group == NULL) {
        group = shard_create(shard, event->who.group, turn->wall_ms);
        assert(group == NULL || group->state == GROUP_EMPTY);
    }
    enum kafka_error error = group == NULL ? KAFKA_COORDINATOR_NOT_AVAILABLE
                                           : commit_check(turn, group, event);
    error = error == KAFKA_NONE ? commit_items(turn, group, event) : error;
    turn_answer(turn, event->call, error, group != NULL ? group->offsets_write : 0);
}

/* ---- who reads a topic ---- */

#define SAID_CHUNK_BYTES 4096

static bool says_topic(struct group_shard *shard, struct slice metadata, struct slice topic)
{
    struct kmsg_consumer_protocol_subscription said;
    struct arena step =
        shard->scratch; /* asked for every offset and member: it must not fill that up */
    arena_init(&shard->scratch, step.source, SAID_CHUNK_BYTES, step.limit);
    bool says = !consumer_subscription_decode(shard, metadata, &said); /* not to be understood */
    for (int32_t i = 0; !says && i < said.topics.count; i++) {
        says = slice_eq(said.topics.items[i], topic);
    }
    arena_release(&shard->scratch);
    shard->scratch = step;
    return says;
}

/* Whether somebody may be reading. */
static bool has_members(const struct group *group)
{
    return group->consumer != NULL ? group->consumer->members.count > 0
                                   : group->state != GROUP_EMPTY;
}

static bool is_consumers(const struct group *group)
{
    return slice_eq(group->protocol_type, slice_str("consumer"));
}

static bool subscribes(struct group_shard *shard, const struct group *group, struct slice topic)
{
    uint32_t at = 0;
    if (group->consumer != NULL) {
        for (const struct consumer_member *c;
             (c = consumer_member_next(group->consumer, &at)) != NULL;) {
            if (consumer_subscribes(c, topic)) {
                return true;
            }
        }
        return false;
    }
    for (const struct group_member *m; (m = group_member_next(group, &at)) != NULL;) {
        if (says_topic(shard, group_member_metadata(m, group->protocol), topic)) {
            return true;
        }
    }
    return false;
}

void group_delete_offsets(struct turn *turn, const struct group_event *event)
{
    struct group_shard *shard = turn->shard;
    struct group *group = map_get(&shard->groups, event->who.group);
    if (group == NULL || (group->state != GROUP_EMPTY && !is_consumers(group))) {
        turn_refuse(turn, event->call,
                    group == NULL ? KAFKA_GROUP_ID_NOT_FOUND : KAFKA_NON_EMPTY_GROUP);
        return;
    }
    for (uint32_t i = 0; i < event->delete_offsets.count; i++) {
        struct group_offset_gone *item = &event->delete_offsets.items[i];
        item->error = KAFKA_NONE;
        if (has_members(group) && subscribes(shard, group, item->topic)) {
            item->error = KAFKA_GROUP_SUBSCRIBED_TO_TOPIC;
        } else if (group_offset_find(group, item->topic, item->partition) == NULL) {
            continue;
        } else if (write_full(shard, group, item->topic.n)) {
            item->error = KAFKA_COORDINATOR_LOAD_IN_PROGRESS; /* with the next request */
        } else if (!record_offset_gone(turn, group, item->topic, item->partition)) {
            turn_refuse(turn, event->call, turn_break(turn));
            return;
        } else {
            offsets_drop(shard, group, item->topic, item->partition);
        }
    }
    turn_answer(turn, event->call, KAFKA_NONE, group->offsets_write);
}

/* ---- expiry ---- */

/* Whether the group's offsets may expire by age at all, and the time before which they are not young (KIP-211). */
static bool may_expire(const struct group *group, time_ms *ret_floor_ms)
{
    *ret_floor_ms = 0;
    assert(group->offset_count > 0 || group->topics.count == 0);
    if (group->consumer != NULL) {
        return true; /* what is subscribed is kept, by its topic */
    }
    if (group->state == GROUP_EMPTY) {
        /* From the time when its last member left. */
        *ret_floor_ms = group->protocol_type.n > 0 ? group->state_wall_ms : 0;
        return true;
    }
    return (group->state == GROUP_STABLE || MUTANT(83)) && is_consumers(group);
}

static bool is_old(const struct turn *turn, const struct group_offset *offset, time_ms floor_ms)
{
    if (offset->expire_ms >= 0) {
        return turn->wall_ms >= offset->expire_ms;
    }
    time_ms since = max_i64(offset->commit_ms, floor_ms);
    return turn->wall_ms - since >= turn->shard->config.offsets_retention_ms;
}

/* Which offsets of a topic are to go: all that nothing here excepts. */
struct going {
    bool old; /* only those that are old by this floor */
    time_ms floor_ms;
    struct uuid id; /* only those that were stored in the topic of this id ... */
    bool told_only; /* ... and say so; else those that do not tell in which one, too */
};

static bool goes(const struct turn *turn, const struct group_offset *offset,
                 const struct going *going)
{
    assert(!going->told_only || !uuid_is_none(going->id));
    if (going->old && !is_old(turn, offset, going->floor_ms)) {
        return false;
    }
    return uuid_is_none(going->id) || uuid_eq(offset->topic_id, going->id) ||
           (!going->told_only && uuid_is_none(offset->topic_id));
}

/* false: this step's write is full, or memory is out. */
static bool topic_forget(struct turn *turn, struct group *group, struct group_topic *topic,
                         const struct going *going)
{
    struct group_shard *shard = turn->shard;
    for (uint32_t i = topic->count; i-- > 0;) {
        if (!goes(turn, &topic->offsets[i], going)) {
            continue;
        }
        if ((going->old && shard->record_count >= GROUP_EXPIRY_BATCH_MAX) ||
            write_full(shard, group, topic->name.n)) {
            return false;
        }
        if (!record_offset_gone(turn, group, topic->name, topic->offsets[i].partition)) {
            turn_break(turn);
            return false;
        }
        bool last = topic->count == 1;
        assert(i < topic->count);
        remove_at(shard, group, topic, i);
        if (last) {
            break; /* the topic went with it */
        }
    }
    return true;
}

static bool has_old(const struct turn *turn, const struct group_topic *topic, time_ms floor_ms)
{
    assert(topic->count > 0);
    for (uint32_t i = 0; i < topic->count; i++) {
        if (is_old(turn, &topic->offsets[i], floor_ms)) {
            return true;
        }
    }
    return false;
}

static bool expire_group(struct turn *turn, struct group *group)
{
    struct going going = {.old = true};
    if (!may_expire(group, &going.floor_ms)) {
        return true;
    }
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->topics, &at)) != NULL;) {
        struct group_topic *topic = e->value;
        bool kept = !has_old(turn, topic, going.floor_ms) ||
                    (has_members(group) && subscribes(turn->shard, group, topic->name));
        if (!kept && !topic_forget(turn, group, topic, &going)) {
            return false;
        }
    }
    return true;
}

/* An empty group of which nothing is left to know. */
static bool remove_idle(struct turn *turn, struct group *group)
{
    bool idle = !has_members(group) && group->offset_count == 0 && group->pending.count == 0;
    if (!idle) {
        return true;
    }
    if (turn->shard->record_count >= GROUP_EXPIRY_BATCH_MAX || write_full(turn->shard, group, 0)) {
        return false;
    }
    if (!record_gone(turn, group)) {
        turn_break(turn);
        return false;
    }
    shard_remove(turn->shard, group);
    return true;
}

bool offsets_forget(struct turn *turn, struct group *group)
{
    const struct going all = {0};
    uint32_t at = 0;
    assert(group->members.count == 0);
    for (const struct map_entry *e; (e = map_next(&group->topics, &at)) != NULL;) {
        if (!topic_forget(turn, group, e->value, &all)) {
            return false;
        }
    }
    return !write_full(turn->shard, group, 0);
}

void offsets_expire(struct turn *turn)
{
    struct group_shard *shard = turn->shard;
    bool all = true;
    uint32_t at = 0;
    for (const struct map_entry *e; all && (e = map_next(&shard->groups, &at)) != NULL;) {
        all = expire_group(turn, e->value) && remove_idle(turn, e->value);
    }
    /* The rest after the answer of the disk would be kinder, and the next tick is soon enough for that. */
    shard->expiry_due_ms = turn->now + (all ? shard->config.retention_check_ms : 1);
}

void offsets_topic_gone(struct turn *turn, const struct group_event *event)
{
    struct group_shard *shard = turn->shard;
    struct going going = {.id = event->topic_gone.id, .told_only = event->topic_gone.told_only};
    uint32_t at = 0;
    assert(event->kind == GROUP_TOPIC_GONE);
    for (const struct map_entry *e; (e = map_next(&shard->groups, &at)) != NULL;) {
        struct group *group = e->value;
        struct group_topic *topic = map_get(&group->topics, event->topic_gone.name);
        if (topic != NULL && !topic_forget(turn, group, topic, &going)) {
            turn->actions->more = !turn->actions->broken;
            return;
        }
    }
}
