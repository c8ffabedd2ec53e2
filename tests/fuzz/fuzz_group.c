/*
 * Any log and any requests for a coordinator shard. First records of __consumer_offsets as a stranger may have written them: every
 * kind, few names, numbers at their edges. Then requests as they pass the API, evaluations that come back, topics that go, and
 * time. After every step the core's invariants hold, each record that is to be written can be encoded and read back, and at the
 * end a shard loaded from all of it stands too, and nothing leaks.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/broker/group/quick.h"

#define CALLS_MAX   256
#define RECORDS_MAX 48
#define LIST_MAX    3
#define IMAGES      2
#define TOPICS      3
#define WALL        1000000

struct scene {
    struct slice in;
    struct test_memory memory;
    struct heap heap, twin_heap;
    struct arena arena; /* of one record, or one event */
    struct meta_store store;
    struct meta_image *images[IMAGES];
    struct group_shard shard;
    struct group_shard twin; /* is told what is written, and begins at the end */
    struct group_call calls[CALLS_MAX];
    uint32_t call_count;
    time_ms now;
};

/* ---- words and numbers ---- */

static struct slice name(struct scene *s, char kind)
{
    char text[2] = {kind, (char)('0' + fuzz_byte(&s->in) % 4)};
    struct slice copy = {0};
    if (text[1] == '3') {
        return slice_of("", 0);
    }
    bool ok = arena_copy(&s->arena, slice_of(text, 2), &copy);
    assert(ok);
    return copy;
}

static struct slice maybe(struct scene *s, char kind)
{
    return (fuzz_byte(&s->in) & 1) != 0 ? name(s, kind) : (struct slice){0};
}

static struct slice filled(struct scene *s, char kind)
{
    struct slice text = name(s, kind);
    return text.n > 0 ? text : slice_of("x", 1);
}

static int32_t number(struct scene *s)
{
    static const int32_t edges[] = {
        0,         1,  2,  3,  4,   5,    6,     7,     INT32_MAX, INT32_MAX - 1,
        INT32_MIN, -1, -2, -3, 100, 6000, 99999, 100000};
    return edges[fuzz_byte(&s->in) % ARRAY_LEN(edges)];
}

static int64_t long_number(struct scene *s)
{
    static const int64_t edges[] = {0,  1,         WALL,      WALL + 5,
                                    -1, INT64_MAX, INT64_MIN, INT64_MAX - 1000};
    return edges[fuzz_byte(&s->in) % ARRAY_LEN(edges)];
}

static uint32_t amount(struct scene *s)
{
    return fuzz_byte(&s->in) % (LIST_MAX + 1);
}

static struct uuid topic_id(int n)
{
    return (struct uuid){{'T', (uint8_t)n, 1}};
}

static struct slice *names(struct scene *s, char kind, uint32_t count)
{
    struct slice *items = arena_array(&s->arena, LIST_MAX, sizeof(*items));
    assert(items != NULL && count <= LIST_MAX);
    for (uint32_t i = 0; i < count; i++) {
        items[i] = name(s, kind);
    }
    return items;
}

/* ---- topics ---- */

static struct meta_image *image_grown(struct scene *s, const struct meta_image *from, uint32_t more)
{
    struct meta_record records[TOPICS * 8];
    struct meta_changes changes;
    struct meta_image *next = NULL;
    char text[TOPICS][3];
    uint32_t count = 0;
    for (int t = 0; t < TOPICS; t++) {
        struct uuid id = topic_id(t);
        memcpy(text[t], (char[3]){'t', (char)('0' + t), 0}, sizeof(text[t]));
        if (meta_topic_count(from) == 0) {
            records[count++] = (struct meta_record){
                .kind = META_TOPIC, .topic = {.id = id, .name = slice_str(text[t])}};
        }
        uint32_t first = meta_topic_count(from) == 0 ? 0 : 1;
        for (uint32_t p = first; p < first + more; p++) {
            records[count++] = quick_partition(id, p);
        }
    }
    err_t err = meta_image_apply(&s->store, from,
                                 (struct meta_batch){.records = records, .count = count},
                                 meta_offset(from) + 1, 1, &s->arena, &changes, &next);
    assert(err == OK && next != NULL);
    arena_clear(&s->arena);
    return next;
}

/* ---- records ---- */

static const struct kmsg_message *const keys[] = {
    &kmsg_offset_commit_key_desc,
    &kmsg_group_metadata_key_desc,
    &kmsg_consumer_group_metadata_key_desc,
    &kmsg_consumer_group_partition_metadata_key_desc,
    &kmsg_consumer_group_member_metadata_key_desc,
    &kmsg_consumer_group_target_assignment_metadata_key_desc,
    &kmsg_consumer_group_target_assignment_member_key_desc,
    &kmsg_consumer_group_current_member_assignment_key_desc,
    &kmsg_consumer_group_regular_expression_key_desc,
};

union value {
    struct kmsg_offset_commit_value offset;
    struct kmsg_group_metadata_value group;
    struct kmsg_consumer_group_metadata_value epoch;
    struct kmsg_consumer_group_partition_metadata_value old;
    struct kmsg_consumer_group_member_metadata_value member;
    struct kmsg_consumer_group_target_assignment_metadata_value target_epoch;
    struct kmsg_consumer_group_target_assignment_member_value target;
    struct kmsg_consumer_group_current_member_assignment_value current;
    struct kmsg_consumer_group_regular_expression_value pattern;
};

union key {
    struct kmsg_offset_commit_key offset;
    struct slice texts[2]; /* all others */
};

static void offset_fill(struct scene *s, union value *v)
{
    v->offset.offset = long_number(s);
    v->offset.leader_epoch = number(s);
    v->offset.metadata = name(s, 'x');
    v->offset.commit_timestamp = long_number(s);
    v->offset.expire_timestamp = long_number(s);
}

static void group_fill(struct scene *s, union value *v)
{
    int32_t count = (int32_t)amount(s);
    v->group.protocol_type = name(s, 'y');
    v->group.generation = number(s);
    v->group.protocol = maybe(s, 'r');
    v->group.leader = maybe(s, 'm');
    v->group.current_state_timestamp = long_number(s);
    v->group.members.items = kmsg_group_metadata_value_member_metadata_array(&s->arena, count);
    v->group.members.count = count;
    for (int32_t i = 0; i < count; i++) {
        struct kmsg_group_metadata_value_member_metadata *m = &v->group.members.items[i];
        m->member_id = name(s, 'm');
        m->group_instance_id = maybe(s, 'i');
        m->client_id = slice_str("c");
        m->client_host = slice_str("/h");
        m->rebalance_timeout = number(s);
        m->session_timeout = number(s);
        m->subscription = name(s, 'x');
        m->assignment = name(s, 'x');
    }
}

static void classic_fill(struct scene *s, union value *v)
{
    struct kmsg_consumer_group_member_metadata_value_classic_member_metadata *classic =
        kmsg_array_new(&s->arena,
                       &kmsg_consumer_group_member_metadata_value_classic_member_metadata_shape, 1);
    int32_t count = (int32_t)amount(s);
    classic->session_timeout_ms = number(s);
    classic->supported_protocols.items =
        kmsg_consumer_group_member_metadata_value_supported_protocol_array(&s->arena, count);
    classic->supported_protocols.count = count;
    for (int32_t i = 0; i < count; i++) {
        classic->supported_protocols.items[i].name = name(s, 'r');
        classic->supported_protocols.items[i].metadata = name(s, 'x');
    }
    v->member.classic_member_metadata = classic;
}

static void member_fill(struct scene *s, union value *v)
{
    uint32_t count = amount(s);
    v->member.instance_id = maybe(s, 'i');
    v->member.rack_id = maybe(s, 'k');
    v->member.client_id = slice_str("c");
    v->member.client_host = slice_str("/h");
    v->member.subscribed_topic_names.items = names(s, 't', count);
    v->member.subscribed_topic_names.count = (int32_t)count;
    v->member.subscribed_topic_regex = maybe(s, 'p');
    v->member.rebalance_timeout_ms = number(s);
    v->member.server_assignor = (fuzz_byte(&s->in) & 1) != 0 ? slice_str("range") : maybe(s, 'a');
    v->member.classic_member_metadata = NULL;
    if ((fuzz_byte(&s->in) & 3) == 0) {
        classic_fill(s, v);
    }
}

static kmsg_i32_array numbers(struct scene *s)
{
    uint32_t count = amount(s);
    kmsg_i32_array array = {.items = arena_array(&s->arena, LIST_MAX, sizeof(int32_t)),
                            .count = (int32_t)count};
    for (uint32_t i = 0; i < count; i++) {
        array.items[i] = number(s);
    }
    return array;
}

static void target_fill(struct scene *s, union value *v)
{
    int32_t count = (int32_t)amount(s);
    v->target.topic_partitions.items =
        kmsg_consumer_group_target_assignment_member_value_topic_partition_array(&s->arena, count);
    v->target.topic_partitions.count = count;
    for (int32_t i = 0; i < count; i++) {
        v->target.topic_partitions.items[i].topic_id = topic_id(fuzz_byte(&s->in) % 5);
        v->target.topic_partitions.items[i].partitions = numbers(s);
    }
}

typedef struct kmsg_consumer_group_current_member_assignment_value_topic_partitions current_topic;

static current_topic *current_topics(struct scene *s, int32_t *ret_count)
{
    int32_t count = (int32_t)amount(s);
    current_topic *items =
        kmsg_consumer_group_current_member_assignment_value_topic_partitions_array(&s->arena,
                                                                                   count);
    for (int32_t i = 0; i < count; i++) {
        items[i].topic_id = topic_id(fuzz_byte(&s->in) % 5);
        items[i].partitions = numbers(s);
        items[i].assignment_epochs = numbers(s);
    }
    *ret_count = count;
    return items;
}

static void current_fill(struct scene *s, union value *v)
{
    v->current.member_epoch = number(s);
    v->current.previous_member_epoch = number(s);
    v->current.state = (int8_t)(fuzz_byte(&s->in) % 5 - 1);
    v->current.assigned_partitions.items = current_topics(s, &v->current.assigned_partitions.count);
    v->current.partitions_pending_revocation.items = current_topics(
        s, &v->current.partitions_pending_revocation.count);
}

static void pattern_fill(struct scene *s, union value *v)
{
    uint32_t count = amount(s);
    v->pattern.topics.items = names(s, 't', count);
    v->pattern.topics.count = (int32_t)count;
    v->pattern.version = long_number(s);
    v->pattern.timestamp = long_number(s);
}

static void value_fill(struct scene *s, int16_t id, union value *v)
{
    memset(v, 0, sizeof(*v));
    switch (id) {
    case 1: offset_fill(s, v); break;
    case 2: group_fill(s, v); break;
    case 3:
        v->epoch.epoch = number(s);
        v->epoch.metadata_hash = long_number(s);
        break;
    case 5: member_fill(s, v); break;
    case 6:
        v->target_epoch.assignment_epoch = number(s);
        v->target_epoch.assignment_timestamp = long_number(s);
        break;
    case 7: target_fill(s, v); break;
    case 8: current_fill(s, v); break;
    case 16: pattern_fill(s, v); break;
    default: break;
    }
}

static void replay_one(struct scene *s)
{
    const struct kmsg_message *desc = keys[fuzz_byte(&s->in) % ARRAY_LEN(keys)];
    union key key = {0};
    union value value;
    bool tombstone = (fuzz_byte(&s->in) & 7) == 0;
    if (desc->id == 1) {
        key.offset = (struct kmsg_offset_commit_key){name(s, 'g'), name(s, 't'), number(s)};
    } else {
        key.texts[0] = name(s, 'g');
        key.texts[1] = name(s, desc->id == 16 ? 'p' : 'm');
    }
    value_fill(s, desc->id, &value);
    bool ok = group_replay(&s->shard, desc, &key, tombstone ? NULL : &value) &&
              group_replay(&s->twin, desc, &key, tombstone ? NULL : &value);
    assert(ok);
    group_check(&s->shard);
    arena_clear(&s->arena);
}

/* ---- what is written ---- */

static void copy(struct scene *s, const struct kmsg_message *desc, int16_t version,
                 const void *message, void *ret_message)
{
    size_t bytes = 0;
    err_t err = kmsg_size(desc, version, message, &bytes);
    uint8_t *p = arena_array(&s->arena, bytes + 1, 1);
    assert(err == OK && p != NULL);
    err = kmsg_encode(desc, version, message, p, bytes);
    assert(err == OK);
    struct slice in = slice_of(p, bytes);
    err = kmsg_decode(desc, version, &in, &s->arena, ret_message);
    assert(err == OK && in.n == 0);
}

static void take_records(struct scene *s, const struct group_actions *actions)
{
    for (uint32_t i = 0; i < actions->record_count; i++) {
        const struct group_record *r = &actions->records[i];
        union key key;
        union value value;
        copy(s, r->key_desc, 0, r->key, &key);
        if (r->value != NULL) {
            copy(s, r->value_desc, r->value_version, r->value, &value);
        }
        bool ok = group_replay(&s->twin, r->key_desc, &key, r->value == NULL ? NULL : &value);
        assert(ok);
    }
}

/* ---- requests ---- */

static void step(struct scene *s, struct group_event *event)
{
    struct group_actions actions;
    event->now = s->now;
    event->wall_ms = WALL + s->now;
    event->image = s->images[fuzz_byte(&s->in) % IMAGES];
    event->topics_version = meta_offset(s->images[IMAGES - 1]);
    group_step(&s->shard, event, &actions);
    assert(!actions.broken);
    group_check(&s->shard);
    take_records(s, &actions);
    LIST_EACH(&actions.answers, node)
    {
        struct group_call *call = CONTAINER_OF(node, struct group_call, node);
        assert(call >= s->calls && call < s->calls + CALLS_MAX && call->joining == NULL);
    }
    while (list_pop(&actions.answers) != NULL) {}
    arena_clear(&s->arena);
}

static struct group_part *parts(struct scene *s, uint32_t count)
{
    struct group_part *items = arena_array(&s->arena, LIST_MAX, sizeof(*items));
    for (uint32_t i = 0; i < count; i++) {
        items[i] = (struct group_part){topic_id(fuzz_byte(&s->in) % 5), number(s)};
    }
    return items;
}

static void consumer_fill(struct scene *s, struct group_event *event)
{
    uint8_t mode = fuzz_byte(&s->in);
    bool enters = event->who.generation == 0;
    event->who.member_id = filled(s, 'm');
    event->who.instance_id = (mode & 1) != 0 ? filled(s, 'i') : (struct slice){0};
    if (event->who.generation < -2) {
        event->who.generation = -1;
    }
    if (event->who.generation == -2 && event->who.instance_id.p == NULL) {
        event->who.instance_id = slice_str("i0");
    }
    event->consumer.client_id = slice_str("c");
    event->consumer.client_host = slice_str("/h");
    event->consumer.rack_id = (mode & 2) != 0 ? filled(s, 'k') : (struct slice){0};
    event->consumer.rebalance_ms = enters || (mode & 4) != 0 ? number(s) : -1;
    if ((mode & 8) != 0 || enters) {
        event->consumer.topic_count = amount(s);
        event->consumer.topics = names(s, 't', event->consumer.topic_count);
    }
    event->consumer.pattern = (mode & 16) != 0 ? name(s, 'p') : (struct slice){0};
    event->consumer.assignor = (mode & 32) != 0 ? slice_str("range") : (struct slice){0};
    if ((mode & 64) != 0 || enters) {
        event->consumer.owned_count = enters ? 0 : amount(s);
        event->consumer.owned = parts(s, event->consumer.owned_count);
    }
}

static void join_fill(struct scene *s, struct group_event *event)
{
    uint32_t count = amount(s) + 1;
    struct group_protocol *protocols = arena_array(&s->arena, LIST_MAX + 1, sizeof(*protocols));
    for (uint32_t i = 0; i < count; i++) {
        protocols[i] = (struct group_protocol){name(s, 'r'), name(s, 'x')};
    }
    event->join.client_id = slice_str("c");
    event->join.client_host = slice_str("/h");
    event->join.protocol_type = name(s, 'y');
    event->join.protocols = protocols;
    event->join.protocol_count = count;
    event->join.session_ms = number(s);
    event->join.rebalance_ms = number(s);
    event->join.id_first = (fuzz_byte(&s->in) & 3) == 0;
    event->join.may_skip = (fuzz_byte(&s->in) & 1) != 0;
}

static void commit_fill(struct scene *s, struct group_event *event)
{
    struct group_offset_item *items = arena_array(&s->arena, LIST_MAX, sizeof(*items));
    event->commit.count = amount(s);
    event->commit.items = items;
    for (uint32_t i = 0; i < event->commit.count; i++) {
        items[i] = (struct group_offset_item){name(s, 't'), (int32_t)amount(s), long_number(s),
                                              number(s),    name(s, 'x'),       {{0}}};
        items[i].topic_id.b[0] = (uint8_t)amount(s);
    }
    event->commit.expire_ms = (fuzz_byte(&s->in) & 1) != 0 ? WALL + s->now + 100 : -1;
    event->commit.unknown_group = KAFKA_GROUP_ID_NOT_FOUND;
    event->commit.old = (fuzz_byte(&s->in) & 1) != 0;
}

static void group_fill_event(struct scene *s, struct group_event *event)
{
    static const enum group_event_kind kinds[] = {GROUP_CONSUMER_HEARTBEAT,
                                                  GROUP_CONSUMER_HEARTBEAT,
                                                  GROUP_CONSUMER_HEARTBEAT,
                                                  GROUP_JOIN,
                                                  GROUP_SYNC,
                                                  GROUP_HEARTBEAT,
                                                  GROUP_LEAVE,
                                                  GROUP_COMMIT,
                                                  GROUP_DELETE_OFFSETS,
                                                  GROUP_DELETE};
    event->kind = kinds[fuzz_byte(&s->in) % ARRAY_LEN(kinds)];
    event->who = (struct group_who){filled(s, 'g'), name(s, 'm'), maybe(s, 'i'), number(s)};
    struct group_leaver *leavers = arena_array(&s->arena, LIST_MAX, sizeof(*leavers));
    struct group_offset_gone *gone = arena_array(&s->arena, LIST_MAX, sizeof(*gone));
    struct group_assignment *given = arena_array(&s->arena, LIST_MAX, sizeof(*given));
    uint32_t count = amount(s);
    for (uint32_t i = 0; i < count; i++) {
        leavers[i] = (struct group_leaver){name(s, 'm'), maybe(s, 'i'), KAFKA_NONE};
        gone[i] = (struct group_offset_gone){name(s, 't'), (int32_t)amount(s), KAFKA_NONE};
        given[i] = (struct group_assignment){name(s, 'm'), name(s, 'x')};
    }
    switch (event->kind) {
    case GROUP_CONSUMER_HEARTBEAT: consumer_fill(s, event); break;
    case GROUP_JOIN: join_fill(s, event); break;
    case GROUP_SYNC:
        event->sync.protocol_type = maybe(s, 'y');
        event->sync.protocol = maybe(s, 'r');
        event->sync.assignments = given;
        event->sync.assignment_count = count;
        break;
    case GROUP_LEAVE:
        event->leave.leavers = leavers;
        event->leave.count = count;
        break;
    case GROUP_COMMIT: commit_fill(s, event); break;
    case GROUP_DELETE_OFFSETS:
        event->delete_offsets.items = gone;
        event->delete_offsets.count = count;
        break;
    default: break;
    }
}

static void request(struct scene *s)
{
    struct group_event event = {0};
    if (s->call_count == CALLS_MAX) {
        return;
    }
    group_fill_event(s, &event);
    event.call = &s->calls[s->call_count++];
    step(s, &event);
}

static void matched(struct scene *s)
{
    static const char *const texts[] = {"p0", "p1", "p2", "p3"};
    struct group_event event = {.kind = GROUP_MATCHED};
    struct group_matched items[LIST_MAX];
    struct slice topics[] = {slice_str("t0"), slice_str("t1"), slice_str("t2")};
    uint32_t count = amount(s);
    uint32_t first = fuzz_byte(&s->in) % 4; /* each pattern once, as they were asked for */
    event.who.group = filled(s, 'g');
    for (uint32_t i = 0; i < count; i++) {
        items[i] = (struct group_matched){slice_str(texts[(first + i) % 4]), topics, amount(s)};
    }
    event.matched.items = items;
    event.matched.count = count;
    event.matched.version = (int64_t)amount(s);
    event.matched.failed = (fuzz_byte(&s->in) & 3) == 0;
    step(s, &event);
}

static void forget(struct scene *s)
{
    struct group_call *call = &s->calls[fuzz_byte(&s->in)];
    struct group_event event = {.kind = GROUP_FORGET, .call = call};
    if (call->joining != NULL || call->syncing != NULL) {
        step(s, &event);
    }
}

static void pass_time(struct scene *s)
{
    static const time_ms spans[] = {1, 50, 300, 3000, 6000, 100000};
    time_ms to = s->now + spans[fuzz_byte(&s->in) % ARRAY_LEN(spans)];
    for (time_ms due; (due = group_deadline(&s->shard)) <= to;) {
        struct group_event event = {.kind = GROUP_TICK};
        s->now = due > s->now ? due : s->now;
        step(s, &event);
        assert(group_deadline(&s->shard) > s->now);
    }
    s->now = to;
}

static void one_event(struct scene *s)
{
    struct group_event gone = {.kind = GROUP_TOPIC_GONE};
    uint8_t draw = fuzz_byte(&s->in);
    if (draw < 180) {
        request(s);
    } else if (draw < 205) {
        matched(s);
    } else if (draw < 215) {
        forget(s);
    } else if (draw < 225) {
        gone.topic_gone.name = filled(s, 't');
        gone.topic_gone.id.b[0] = (uint8_t)amount(s);
        step(s, &gone);
    } else {
        pass_time(s);
    }
}

/* ---- begin and end ---- */

static void begin(struct scene *s)
{
    struct group_config config = quick_config(3);
    config.initial_delay_ms = (fuzz_byte(&s->in) & 1) != 0 ? 100 : 0;
    config.offsets_retention_ms = 20000;
    config.consumer.assignment_interval_ms = (fuzz_byte(&s->in) & 1) != 0 ? 300 : 0;
    config.consumer.upgrade = config.consumer.downgrade = true;
    test_memory_init(&s->memory);
    heap_init(&s->heap, &s->memory.source, (size_t)1 << 28);
    heap_init(&s->twin_heap, &s->memory.source, (size_t)1 << 28);
    arena_init(&s->arena, &s->memory.source, 1 << 16, (size_t)1 << 26);
    meta_store_init(&s->store, &s->heap);
    struct meta_image *empty = meta_image_empty(&s->store);
    s->images[0] = image_grown(s, empty, 1);
    s->images[1] = image_grown(s, s->images[0], 3);
    meta_image_drop(&s->store, empty);
    group_shard_init(&s->shard, &config, &s->heap, &s->memory.source);
    group_shard_init(&s->twin, &config, &s->twin_heap, &s->memory.source);
}

static void end(struct scene *s)
{
    struct group_event loaded = {.kind = GROUP_LOADED, .now = s->now, .wall_ms = WALL + s->now};
    struct group_actions actions;
    struct list waiting;
    list_init(&waiting);
    group_step(&s->twin, &loaded, &actions);
    assert(!actions.broken);
    group_check(&s->twin);
    group_shard_release(&s->twin, &waiting);
    assert(list_empty(&waiting) && s->twin_heap.live == 0);
    group_shard_release(&s->shard, &waiting);
    for (int i = 0; i < IMAGES; i++) {
        meta_image_drop(&s->store, s->images[i]);
    }
    assert(s->heap.live == 0);
    heap_release(&s->heap);
    heap_release(&s->twin_heap);
    arena_release(&s->arena);
    assert(s->memory.out == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    static struct scene scene;
    memset(&scene, 0, sizeof(scene));
    struct scene *s = &scene;
    struct group_event loaded = {.kind = GROUP_LOADED};
    s->in = slice_of(data, n);
    begin(s);
    for (uint32_t left = fuzz_byte(&s->in) % RECORDS_MAX; left > 0; left--) {
        replay_one(s);
    }
    step(s, &loaded);
    while (s->in.n > 0) {
        one_event(s);
    }
    end(s);
    return 0;
}
