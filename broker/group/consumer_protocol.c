#include "broker/group/consumer_protocol.h"

static bool bytes_decode(struct group_shard *shard, const struct kmsg_message *desc,
                         struct slice bytes, void *ret_message)
{
    assert(desc->kind == KMSG_DATA);
    if (bytes.n < 2) {
        return false;
    }
    assert(bytes.p != NULL && desc->version_min == 0);
    int version = (int16_t)(bytes.p[0] << 8 | bytes.p[1]);
    struct slice rest = slice_of(bytes.p + 2, bytes.n - 2);
    /* Newer versions only add to what is known. */
    int16_t known = (int16_t)(version > desc->version_max ? desc->version_max : version);
    return version >= 0 && kmsg_decode(desc, known, &rest, &shard->scratch, ret_message) == OK;
}

bool consumer_subscription_decode(struct group_shard *shard, struct slice bytes,
                                  struct kmsg_consumer_protocol_subscription *ret_said)
{
    assert(bytes.n == 0 || bytes.p != NULL);
    return bytes_decode(shard, &kmsg_consumer_protocol_subscription_desc, bytes, ret_said);
}

bool consumer_assignment_decode(struct group_shard *shard, struct slice bytes,
                                struct kmsg_consumer_protocol_assignment *ret_has)
{
    assert(bytes.n == 0 || bytes.p != NULL);
    return bytes_decode(shard, &kmsg_consumer_protocol_assignment_desc, bytes, ret_has);
}

/* ---- names to ids ---- */

struct naming {
    const struct meta_image *image;
    struct group_part *parts;
    uint32_t count;
};

/* Also what this image does not show: members look at topics by themselves, and may know one that has grown before we do. But not by
 * how much they like: owners are kept by number, and one of 99,999 is a MiB of memory for each topic that is named so. */
#define UNSEEN_MAX 1000

static void naming_add(struct naming *naming, struct slice name, const kmsg_i32_array *partitions)
{
    const struct meta_topic *topic = meta_topic_named(naming->image, name);
    int64_t end = topic == NULL ? 0 : (int64_t)meta_topic_partitions(topic) + UNSEEN_MAX;
    end = min_i64(end, TOPIC_PARTITIONS_MAX);
    assert(partitions->count >= 0);
    for (int32_t i = 0; topic != NULL && i < partitions->count; i++) {
        if (partitions->items[i] >= 0 && partitions->items[i] < end) {
            naming->parts[naming->count++] = (struct group_part){meta_topic_id(topic),
                                                                 partitions->items[i]};
        }
    }
}

static bool naming_begin(struct turn *turn, const struct meta_image *image, size_t total,
                         struct naming *naming)
{
    assert(image != NULL);
    *naming = (struct naming){.image = image};
    naming->parts = arena_array(&turn->shard->scratch, total, sizeof(*naming->parts));
    return naming->parts != NULL;
}

bool consumer_parts_owned(struct turn *turn, const struct meta_image *image,
                          const struct kmsg_consumer_protocol_subscription *said,
                          struct group_part **ret_parts, uint32_t *ret_count)
{
    struct naming naming;
    size_t total = 0;
    for (int32_t i = 0; i < said->owned_partitions.count; i++) {
        total += (size_t)said->owned_partitions.items[i].partitions.count;
    }
    if (!naming_begin(turn, image, total, &naming)) {
        return false;
    }
    for (int32_t i = 0; i < said->owned_partitions.count; i++) {
        naming_add(&naming, said->owned_partitions.items[i].topic,
                   &said->owned_partitions.items[i].partitions);
    }
    assert(naming.count <= total);
    *ret_parts = naming.parts;
    *ret_count = naming.count;
    return true;
}

bool consumer_parts_assigned(struct turn *turn, const struct meta_image *image,
                             const struct kmsg_consumer_protocol_assignment *has,
                             struct group_part **ret_parts, uint32_t *ret_count)
{
    struct naming naming;
    size_t total = 0;
    for (int32_t i = 0; i < has->assigned_partitions.count; i++) {
        total += (size_t)has->assigned_partitions.items[i].partitions.count;
    }
    if (!naming_begin(turn, image, total, &naming)) {
        return false;
    }
    for (int32_t i = 0; i < has->assigned_partitions.count; i++) {
        naming_add(&naming, has->assigned_partitions.items[i].topic,
                   &has->assigned_partitions.items[i].partitions);
    }
    assert(naming.count <= total);
    *ret_parts = naming.parts;
    *ret_count = naming.count;
    return true;
}

/* ---- what a member wants ---- */

bool consumer_subscription_take(struct group_shard *shard, struct consumer_member *m,
                                const struct kmsg_consumer_protocol_subscription *said,
                                bool *ret_changed)
{
    uint32_t count = (uint32_t)said->topics.count;
    struct slice *topics = arena_array(&shard->scratch, count, sizeof(*topics));
    assert(said->topics.count >= 0);
    if (topics == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        topics[i] = said->topics.items[i];
    }
    count = slices_sort(topics, count);
    *ret_changed = !slices_equal(m->topics, m->topic_count, topics, count);
    assert(count <= (uint32_t)said->topics.count);
    if (said->rack_id.p != NULL && !slice_set(shard, &m->rack_id, said->rack_id)) {
        return false;
    }
    return !*ret_changed || slices_set(shard->heap, &m->topics, &m->topic_count, topics, count);
}

/* ---- what a member hears ---- */

typedef struct kmsg_consumer_protocol_assignment_assigned_partition told_topic;

static struct slice name_of(const struct consumer *c, uint32_t slot, const struct meta_image *image)
{
    assert(slot < c->topic_room && c->topics[slot] != NULL);
    const struct consumer_topic *known = c->topics[slot];
    const struct meta_topic *topic = image == NULL ? NULL : meta_topic(image, known->id);
    return topic != NULL ? meta_topic_name(topic) : known->name;
}

static bool topics_fill(struct turn *turn, const struct consumer *c,
                        const struct consumer_parts *parts, const struct meta_image *image,
                        struct kmsg_consumer_protocol_assignment *to)
{
    struct arena *scratch = &turn->shard->scratch;
    told_topic *topics = kmsg_consumer_protocol_assignment_assigned_partition_array(
        scratch, (int32_t)parts->count);
    int32_t *numbers = arena_array(scratch, parts->count, sizeof(*numbers));
    struct slice name = {0};
    int32_t count = 0;
    if (topics == NULL || numbers == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < parts->count; i++) {
        bool another = i == 0 || parts->items[i].topic != parts->items[i - 1].topic;
        name = another ? name_of(c, parts->items[i].topic, image) : name;
        if (name.p == NULL) {
            continue;
        }
        assert(another || count > 0);
        if (another) {
            topics[count].topic = name;
            topics[count++].partitions.items = &numbers[i];
        }
        numbers[i] = parts->items[i].partition;
        topics[count - 1].partitions.count++;
    }
    to->assigned_partitions.items = topics;
    to->assigned_partitions.count = count;
    return true;
}

bool consumer_assignment_encode(struct turn *turn, const struct consumer_member *m,
                                const struct consumer_parts *parts, const struct meta_image *image,
                                struct slice *ret_bytes)
{
    const struct kmsg_message *desc = &kmsg_consumer_protocol_assignment_desc;
    struct kmsg_consumer_protocol_assignment told;
    struct slice said = m->protocol_count > 0 ? m->protocols[0].metadata : (struct slice){0};
    int version = said.n < 2 ? 0 : (int16_t)(said.p[0] << 8 | said.p[1]);
    size_t n;
    version = version < 0 ? 0 : version > desc->version_max ? desc->version_max : version;
    assert(kmsg_has_version(desc, (int16_t)version));
    kmsg_consumer_protocol_assignment_init(&told);
    if (!topics_fill(turn, m->group->consumer, parts, image, &told) ||
        kmsg_size(desc, (int16_t)version, &told, &n) != OK) {
        return false;
    }
    uint8_t *bytes = arena_alloc(&turn->shard->scratch, n + 2);
    if (bytes == NULL) {
        return false;
    }
    bytes[0] = (uint8_t)(version >> 8);
    bytes[1] = (uint8_t)version;
    assert(version >= 0 && version <= desc->version_max);
    err_t err = kmsg_encode(desc, (int16_t)version, &told, bytes + 2, n);
    *ret_bytes = slice_of(bytes, n + 2);
    return err == OK;
}
