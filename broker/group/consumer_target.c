/* Topics as a consumer group sees them, its epochs, and the target that the assignor makes. */
#include "broker/group/consumer_internal.h"

/* ---- settings of the group ---- */

static int32_t setting(const struct meta_image *image, enum meta_resource resource,
                       struct slice name, const char *key, int32_t otherwise, int32_t min,
                       int32_t max)
{
    struct slice text = meta_config_value(image, resource, name, slice_str(key));
    int64_t value = 0;
    if (text.p == NULL || text.n == 0 || text.n > 10) {
        return otherwise;
    }
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return otherwise;
        }
        value = 10 * value + (text.p[i] - '0');
    }
    /* Set when other bounds held: Kafka keeps them within those of today. */
    return (int32_t)max_i64(min, min_i64(max, value));
}

void consumer_settings(struct turn *turn, struct group *group, const struct meta_image *image)
{
    struct consumer *c = group->consumer;
    const struct group_config *config = &turn->shard->config;
    assert(c != NULL && image != NULL);
    /* The one of them that is changed for the whole cluster while it runs. */
    int32_t interval_ms = setting(image, META_RESOURCE_BROKER, slice_of("", 0),
                                  "group.consumer.assignment.interval.ms",
                                  config->consumer.assignment_interval_ms, 0, INT32_MAX);
    c->session_ms = setting(image, META_RESOURCE_GROUP, group->id, "consumer.session.timeout.ms",
                            config->consumer.session_ms, config->consumer.session_min_ms,
                            config->consumer.session_max_ms);
    c->heartbeat_ms = setting(image, META_RESOURCE_GROUP, group->id,
                              "consumer.heartbeat.interval.ms", config->consumer.heartbeat_ms,
                              config->consumer.heartbeat_min_ms, config->consumer.heartbeat_max_ms);
    c->interval_ms = setting(
        image, META_RESOURCE_GROUP, group->id, "consumer.assignment.interval.ms", interval_ms,
        config->consumer.assignment_interval_min_ms, config->consumer.assignment_interval_max_ms);
}

/* ---- a look at the topics ---- */

static bool any_racks(const struct consumer *c)
{
    uint32_t at = 0;
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        if (m->rack_id.p != NULL) {
            return true;
        }
    }
    return false;
}

/* The place of a rack, made if there is room; -1: none. */
static int32_t rack_place(struct group_shard *shard, struct consumer *c, struct slice rack)
{
    if (rack.p == NULL) {
        return -1;
    }
    assert(c->rack_count <= ASSIGN_RACKS_MAX && (c->rack_count == 0 || c->racks != NULL));
    for (uint32_t i = 0; i < c->rack_count; i++) {
        if (slice_eq(c->racks[i], rack)) {
            return (int32_t)i;
        }
    }
    if (c->racks == NULL) {
        c->racks = heap_alloc(shard->heap, ASSIGN_RACKS_MAX * sizeof(*c->racks));
    }
    if (c->racks == NULL || c->rack_count == ASSIGN_RACKS_MAX ||
        !heap_copy(shard->heap, rack, &c->racks[c->rack_count])) {
        return -1; /* racks are a wish, not a duty */
    }
    return (int32_t)c->rack_count++;
}

static bool topic_racks(struct group_shard *shard, struct consumer *c, struct consumer_topic *topic,
                        const struct meta_topic *from, const struct meta_image *image)
{
    uint32_t count = topic->partitions;
    if (count > topic->rack_room) {
        void *grown = heap_resize(shard->heap, topic->racks,
                                  topic->rack_room * sizeof(*topic->racks),
                                  count * sizeof(*topic->racks));
        if (grown == NULL) {
            return false;
        }
        topic->racks = grown;
        topic->rack_room = count;
    }
    assert(topic->rack_room >= count && uuid_eq(topic->id, meta_topic_id(from)));
    for (uint32_t i = 0; i < count; i++) {
        const struct meta_partition *p = meta_partition(from, (int32_t)i);
        assert(p != NULL);
        topic->racks[i] = 0;
        for (uint32_t r = 0; r < p->replica_count; r++) {
            const struct meta_broker *broker = meta_broker(image, p->replicas[r].broker);
            int32_t place = broker == NULL ? -1 : rack_place(shard, c, broker->rack);
            topic->racks[i] |= place < 0 ? 0 : (uint64_t)1 << place;
        }
    }
    return true;
}

/* Id, name, partitions and the racks of their replicas, so that whatever the assignor could see is seen to have changed. */
static uint64_t topic_hash(const struct meta_topic *topic, const struct meta_image *image)
{
    static const struct hash_key key = {0x6f64726164656b31, 0x636f6e73756d6572};
    struct {
        struct uuid id;
        uint64_t partitions;
        uint64_t name;
        uint64_t racks;
    } facts = {meta_topic_id(topic), meta_topic_partitions(topic),
               hash_bytes(&key, meta_topic_name(topic)), 0};
    for (uint32_t i = 0; i < facts.partitions; i++) {
        const struct meta_partition *p = meta_partition(topic, (int32_t)i);
        assert(p != NULL);
        for (uint32_t r = 0; r < p->replica_count; r++) {
            const struct meta_broker *broker = meta_broker(image, p->replicas[r].broker);
            if (broker != NULL && broker->rack.p != NULL) {
                facts.racks += (i + 1) * hash_bytes(&key, broker->rack);
            }
        }
    }
    return hash_bytes(&key, slice_of(&facts, sizeof(facts)));
}

struct look {
    struct turn *turn;
    struct consumer *c;
    const struct meta_image *image;
    bool racks;
    uint64_t hash;
};

static bool look_at(struct look *look, struct slice name)
{
    struct group_shard *shard = look->turn->shard;
    const struct meta_topic *from = meta_topic_named(look->image, name);
    if (from == NULL) {
        return true;
    }
    struct consumer_topic *topic = consumer_topic_get(shard, look->c, meta_topic_id(from));
    if (topic == NULL) {
        return false;
    }
    if (topic->subscribed) {
        assert(topic->name.p != NULL);
        return true;
    }
    topic->subscribed = true;
    topic->partitions = meta_topic_partitions(from);
    look->hash += topic_hash(from, look->image);
    if (topic->name.p == NULL && !slice_set(shard, &topic->name, name)) {
        return false;
    }
    return !look->racks || topic_racks(shard, look->c, topic, from, look->image);
}

static bool look_at_all(struct look *look, const struct slice *names, uint32_t count)
{
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++) {
        ok = look_at(look, names[i]);
    }
    return ok;
}

static bool look_around(struct turn *turn, struct consumer *c, const struct meta_image *image,
                        uint64_t *ret_hash)
{
    struct look look = {turn, c, image, any_racks(c), 0};
    const struct consumer_member *before = NULL;
    uint32_t at = 0;
    bool ok = true;
    assert(turn->shard->loaded && image != NULL);
    for (uint32_t i = 0; i < c->topic_room; i++) {
        if (c->topics[i] != NULL) {
            c->topics[i]->subscribed = false;
            c->topics[i]->partitions = 0;
        }
    }
    for (const struct consumer_member *m; ok && (m = consumer_member_next(c, &at)) != NULL;) {
        /* Most members say what the one before them said. */
        bool same = before != NULL &&
                    slices_equal(m->topics, m->topic_count, before->topics, before->topic_count);
        ok = same || look_at_all(&look, m->topics, m->topic_count);
        before = m;
    }
    at = 0;
    for (const struct map_entry *e; ok && (e = map_next(&c->patterns, &at)) != NULL;) {
        const struct consumer_pattern *pattern = e->value;
        ok = look_at_all(&look, pattern->topics, pattern->topic_count);
    }
    c->image_offset = meta_offset(image);
    consumer_topics_sweep(turn->shard, c);
    *ret_hash = look.hash;
    return ok;
}

/* ---- the target ---- */

static enum assignor chosen(const struct group_shard *shard, const struct consumer *c)
{
    uint32_t votes[ASSIGNOR_COUNT] = {0};
    uint32_t at = 0;
    int best = -1;
    for (const struct consumer_member *m; (m = consumer_member_next(c, &at)) != NULL;) {
        assert(m->assignor < ASSIGNOR_COUNT);
        if (m->assignor >= 0) {
            votes[m->assignor]++;
        }
    }
    for (int i = 0; i < ASSIGNOR_COUNT; i++) {
        best = votes[i] > 0 && (best < 0 || votes[i] > votes[best]) ? i : best;
    }
    assert(shard->config.consumer.assignor < ASSIGNOR_COUNT);
    return best < 0 ? (enum assignor)shard->config.consumer.assignor : (enum assignor)best;
}

const char *consumer_assignor(const struct group_shard *shard, const struct consumer *c)
{
    return assignor_name(chosen(shard, c));
}

struct assignment {
    struct assign_topic *topics;
    uint32_t *slots; /* of each of them */
    uint32_t *index; /* by slot; UINT32_MAX: not to be read */
    uint32_t topic_count;
    struct assign_member *members;
    uint32_t member_count;
};

static bool assign_topics(struct turn *turn, const struct consumer *c, struct assignment *a)
{
    struct arena *scratch = &turn->shard->scratch;
    a->topics = arena_array(scratch, c->topic_room, sizeof(*a->topics));
    a->slots = arena_array(scratch, c->topic_room, sizeof(*a->slots));
    a->index = arena_array(scratch, c->topic_room, sizeof(*a->index));
    if (a->topics == NULL || a->slots == NULL || a->index == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < c->topic_room; i++) {
        const struct consumer_topic *topic = c->topics[i];
        a->index[i] = UINT32_MAX;
        if (topic != NULL && topic->subscribed) {
            assert(topic->slot == i && topic->name.p != NULL);
            bool racks = topic->rack_room >= topic->partitions && topic->racks != NULL;
            a->index[i] = a->topic_count;
            a->slots[a->topic_count] = i;
            a->topics[a->topic_count++] = (struct assign_topic){topic->id, topic->partitions,
                                                                racks ? topic->racks : NULL};
        }
    }
    return true;
}

static bool subscriptions(struct turn *turn, const struct consumer *c, const struct assignment *a,
                          const struct consumer_member *m, struct assign_member *to)
{
    uint32_t *topics = arena_array(&turn->shard->scratch, a->topic_count, sizeof(*topics));
    if (topics == NULL) {
        return false;
    }
    to->topics = topics;
    assert(to->topic_count == 0);
    for (uint32_t i = 0; i < a->topic_count; i++) {
        if (consumer_subscribes(m, c->topics[a->slots[i]]->name)) {
            topics[to->topic_count++] = i;
        }
    }
    return true;
}

static bool holdings(struct turn *turn, const struct assignment *a, const struct consumer_member *m,
                     struct assign_member *to)
{
    struct assign_part *owned = arena_array(&turn->shard->scratch, m->target.count, sizeof(*owned));
    if (owned == NULL) {
        return false;
    }
    to->owned = owned;
    assert(to->owned_count == 0);
    for (uint32_t i = 0; i < m->target.count; i++) {
        uint32_t topic = a->index[m->target.items[i].topic];
        if (topic != UINT32_MAX) {
            owned[to->owned_count++] = (struct assign_part){topic, m->target.items[i].partition};
        }
    }
    return true;
}

static bool assign_members(struct turn *turn, struct consumer *c, struct assignment *a)
{
    const struct consumer_member *before = NULL;
    uint32_t at = 0;
    bool ok = true;
    a->members = arena_array(&turn->shard->scratch, c->members.count, sizeof(*a->members));
    ok = a->members != NULL;
    for (const struct consumer_member *m; ok && (m = consumer_member_next(c, &at)) != NULL;) {
        struct assign_member *to = &a->members[a->member_count++];
        bool same = before != NULL && slice_eq(m->pattern, before->pattern) &&
                    slices_equal(m->topics, m->topic_count, before->topics, before->topic_count);
        to->id = m->id;
        to->instance_id = m->instance_id;
        to->rack = c->racks == NULL ? -1 : rack_place(turn->shard, c, m->rack_id);
        if (same) {
            assert(a->member_count > 1);
            to->topics = to[-1].topics;
            to->topic_count = to[-1].topic_count;
        } else {
            ok = subscriptions(turn, c, a, m, to);
        }
        ok = ok && holdings(turn, a, m, to);
        before = m;
    }
    assert(!ok || a->member_count == c->members.count);
    return ok;
}

static bool take_target(struct turn *turn, struct consumer *c, const struct assignment *a,
                        struct consumer_member *m, const struct assign_member *from)
{
    struct consumer_part *parts = arena_array(&turn->shard->scratch, from->part_count,
                                              sizeof(*parts));
    if (parts == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < from->part_count; i++) {
        assert(from->parts[i].topic < a->topic_count);
        parts[i] = (struct consumer_part){a->slots[from->parts[i].topic], from->parts[i].partition,
                                          0};
    }
    if (parts_equal(&m->target, parts, from->part_count)) {
        return true;
    }
    return parts_set(turn->shard, c, &m->target, parts, from->part_count) &&
           record_consumer_target(turn, m);
}

static bool assign(struct turn *turn, struct group *group)
{
    struct consumer *c = group->consumer;
    struct assignment a = {0};
    bool ok = assign_topics(turn, c, &a) && assign_members(turn, c, &a) &&
              assign_run(chosen(turn->shard, c), a.topics, a.topic_count, a.members, a.member_count,
                         &turn->shard->scratch) == OK;
    uint32_t at = 0, i = 0;
    for (const struct map_entry *e; ok && (e = map_next(&c->members, &at)) != NULL;) {
        ok = take_target(turn, c, &a, e->value, &a.members[i++]);
    }
    assert(!ok || i == c->members.count);
    c->target_epoch = c->epoch;
    c->target_wall_ms = turn->wall_ms;
    c->assign_due_ms = TIME_NEVER;
    return ok && record_consumer_target_epoch(turn, group);
}

/* How long until a new target may be made. */
static time_ms assign_wait(const struct turn *turn, const struct consumer *c)
{
    assert(c->interval_ms >= 0 && c->target_wall_ms >= 0);
    bool at_once = c->target_epoch == 0 || turn->wall_ms < c->target_wall_ms;
    return at_once ? 0 : max_i64(0, c->target_wall_ms - turn->wall_ms + c->interval_ms);
}

bool consumer_bump(struct turn *turn, struct group *group)
{
    assert(group->consumer->epoch < INT32_MAX);
    group->consumer->epoch++;
    return record_consumer_epoch(turn, group);
}

bool consumer_advance(struct turn *turn, struct group *group, const struct meta_image *image,
                      bool bump)
{
    struct consumer *c = group->consumer;
    bool newer = image != NULL && meta_offset(image) > c->image_offset;
    assert(c->epoch >= c->target_epoch && (image != NULL || !bump));
    bool target_due = c->epoch > c->target_epoch && assign_wait(turn, c) == 0;
    if (image != NULL && (bump || newer || target_due)) {
        uint64_t hash;
        if (!look_around(turn, c, image, &hash)) {
            return false;
        }
        bool other = hash != c->hash;
        c->hash = hash;
        /* A target that is due takes the topics as they are; it needs no further epoch. */
        bool next = bump || (other && c->epoch == c->target_epoch);
        if (next ? !consumer_bump(turn, group) : other && !record_consumer_epoch(turn, group)) {
            return false;
        }
    }
    if (c->epoch == c->target_epoch || c->members.count == 0 || c->image_offset < 0) {
        return true;
    }
    time_ms wait = assign_wait(turn, c);
    if (wait == 0) {
        return assign(turn, group);
    }
    c->assign_due_ms = turn->now + wait;
    return true;
}
