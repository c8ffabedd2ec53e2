#include "common/meta/image_internal.h"

/* --- an image as the records that build it --- */

enum phase {
    PHASE_CLUSTER,
    PHASE_FEATURES,
    PHASE_BROKERS,
    PHASE_TOPICS,
    PHASE_CONFIGS,
    PHASE_IDS,
    PHASE_END,
};

static void phase_next(struct meta_cursor *cursor)
{
    assert(cursor->phase < PHASE_END);
    *cursor = (struct meta_cursor){.phase = cursor->phase + 1};
}

/* The record at the cursor, which moves on; false: this phase has no more. */
static bool cluster_record(const struct meta_image *image, struct meta_cursor *cursor,
                           struct meta_record *ret_record)
{
    if (image->cluster_id.p == NULL || cursor->inside) {
        return false;
    }
    cursor->inside = true;
    *ret_record = (struct meta_record){.kind = META_CLUSTER, .cluster = {image->cluster_id}};
    return true;
}

static bool feature_record(const struct meta_image *image, struct meta_cursor *cursor,
                           struct meta_record *ret_record)
{
    const struct meta_feature *feature = meta_feature_next(image, cursor->name);
    if (feature == NULL) {
        return false;
    }
    cursor->name = feature->name;
    *ret_record = (struct meta_record){.kind = META_FEATURE, .feature = *feature};
    return true;
}

static bool broker_record(const struct meta_image *image, struct meta_cursor *cursor,
                          struct meta_record *ret_record)
{
    const struct meta_broker *broker = meta_broker_next(image, cursor->inside ? cursor->number
                                                                              : META_NO_BROKER);
    if (broker == NULL) {
        return false;
    }
    cursor->inside = true;
    cursor->number = broker->id;
    *ret_record = (struct meta_record){.kind = META_BROKER, .broker = *broker};
    return true;
}

/* inside: cursor->topic is being told, and cursor->number is its next partition. */
static bool topic_record(const struct meta_image *image, struct meta_cursor *cursor,
                         struct meta_record *ret_record)
{
    if (cursor->inside) {
        const struct meta_topic *topic = meta_topic(image, cursor->topic);
        assert(topic != NULL);
        const struct meta_partition *partition = meta_partition(topic, cursor->number);
        if (partition != NULL) {
            cursor->number++;
            *ret_record = (struct meta_record){.kind = META_PARTITION, .partition = *partition};
            return true;
        }
    }
    const struct meta_topic *next = ptree_after(&topic_tree, image->topics,
                                                cursor->inside ? &cursor->topic : NULL);
    if (next == NULL) {
        return false;
    }
    cursor->inside = true;
    cursor->topic = next->id;
    cursor->number = 0;
    *ret_record = (struct meta_record){.kind = META_TOPIC, .topic = {next->id, next->name}};
    return true;
}

static bool config_record(const struct meta_image *image, struct meta_cursor *cursor,
                          struct meta_record *ret_record)
{
    struct config_key after = {(enum meta_resource)cursor->number, cursor->name, cursor->key};
    const struct config_item *item = ptree_after(&config_tree, image->configs,
                                                 cursor->inside ? &after : NULL);
    if (item == NULL) {
        return false;
    }
    cursor->inside = true;
    cursor->number = (int32_t)item->config.resource;
    cursor->name = item->config.name;
    cursor->key = item->config.key;
    *ret_record = (struct meta_record){.kind = META_CONFIG, .config = item->config};
    return true;
}

static bool ids_record(const struct meta_image *image, struct meta_cursor *cursor,
                       struct meta_record *ret_record)
{
    if (image->producer_ids.next_id == 0 || cursor->inside) {
        return false;
    }
    cursor->inside = true;
    *ret_record = (struct meta_record){.kind = META_PRODUCER_IDS,
                                       .producer_ids = image->producer_ids};
    return true;
}

static bool record_next(const struct meta_image *image, struct meta_cursor *cursor,
                        struct meta_record *ret_record)
{
    static bool (*const of_phase[PHASE_END])(const struct meta_image *, struct meta_cursor *,
                                             struct meta_record *) = {
        [PHASE_CLUSTER] = cluster_record, [PHASE_FEATURES] = feature_record,
        [PHASE_BROKERS] = broker_record,  [PHASE_TOPICS] = topic_record,
        [PHASE_CONFIGS] = config_record,  [PHASE_IDS] = ids_record,
    };
    while (cursor->phase < PHASE_END) {
        if (of_phase[cursor->phase](image, cursor, ret_record)) {
            return true;
        }
        phase_next(cursor);
    }
    return false;
}

err_t meta_image_records(const struct meta_image *image, struct meta_cursor *cursor,
                         struct arena *arena, uint32_t max, struct meta_batch *ret_batch)
{
    assert(max > 0);
    *ret_batch = (struct meta_batch){0};
    uint32_t most = meta_broker_count(image) + meta_topic_count(image) + image->partition_total +
                    ptree_count(image->configs) + ptree_count(image->features) + 2;
    uint32_t room = max < most ? max : most;
    struct meta_record *records = arena_array(arena, room, sizeof(*records));
    ENSURE(records != NULL, ERR_NO_MEMORY);
    uint32_t count = 0;
    while (count < room && record_next(image, cursor, &records[count])) {
        count++;
    }
    *ret_batch = (struct meta_batch){.records = records, .count = count};
    return OK;
}

/* --- the fingerprint --- */

static uint64_t mix(uint64_t hash, const void *p, size_t n)
{
    struct hash_key key = {hash, 0x6f64726164656b00ULL};
    return hash_bytes(&key, slice_of(p, n));
}

static uint64_t mix_number(uint64_t hash, int64_t number)
{
    uint8_t bytes[8]; /* in a fixed order, so that controllers of different machines can compare */
    for (unsigned i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)((uint64_t)number >> (8 * i));
    }
    return mix(hash, bytes, sizeof(bytes));
}

static uint64_t mix_slice(uint64_t hash, struct slice slice)
{
    hash = mix_number(hash, slice.p == NULL ? -1 : (int64_t)slice.n);
    return slice.n == 0 ? hash : mix(hash, slice.p, slice.n);
}

static uint64_t mix_uuid(uint64_t hash, struct uuid uuid)
{
    return mix(hash, uuid.b, sizeof(uuid.b));
}

static uint64_t mix_ids(uint64_t hash, const struct meta_ids *ids)
{
    assert(ids->count <= REPLICAS_MAX);
    hash = mix_number(hash, ids->count);
    for (uint32_t i = 0; i < ids->count; i++) {
        hash = mix_number(hash, ids->id[i]);
    }
    return hash;
}

static uint64_t mix_broker(uint64_t hash, const struct meta_broker *broker)
{
    hash = mix_number(hash, broker->id);
    hash = mix_number(hash, broker->epoch);
    hash = mix_uuid(hash, broker->incarnation);
    hash = mix_slice(hash, broker->rack);
    hash = mix_number(hash, broker->endpoint_count);
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        hash = mix_slice(hash, broker->endpoints[i].listener);
        hash = mix_slice(hash, broker->endpoints[i].host);
        hash = mix_number(hash, broker->endpoints[i].port);
        hash = mix_number(hash, broker->endpoints[i].security_protocol);
    }
    hash = mix_number(hash, broker->dir_count);
    for (uint32_t i = 0; i < broker->dir_count; i++) {
        hash = mix_uuid(hash, broker->dirs[i]);
    }
    return mix_number(hash, (broker->fenced ? 1 : 0) + (broker->shutting_down ? 2 : 0));
}

static uint64_t mix_partition(uint64_t hash, const struct meta_partition *partition)
{
    hash = mix_uuid(hash, partition->topic);
    hash = mix_number(hash, partition->index);
    hash = mix_number(hash, partition->replica_count);
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        hash = mix_number(hash, partition->replicas[i].broker);
        hash = mix_uuid(hash, partition->replicas[i].dir);
        hash = mix_number(hash, partition->replicas[i].synced);
    }
    hash = mix_ids(hash, &partition->isr);
    hash = mix_ids(hash, &partition->elr);
    hash = mix_ids(hash, &partition->last_known_elr);
    hash = mix_number(hash, partition->leader);
    hash = mix_number(hash, partition->leader_epoch);
    hash = mix_number(hash, partition->partition_epoch);
    return mix_number(hash, partition->recovery);
}

static uint64_t mix_record(uint64_t hash, const struct meta_record *record)
{
    hash = mix_number(hash, record->kind);
    switch (record->kind) {
    case META_CLUSTER: return mix_slice(hash, record->cluster.cluster_id);
    case META_BROKER: return mix_broker(hash, &record->broker);
    case META_TOPIC: return mix_slice(mix_uuid(hash, record->topic.id), record->topic.name);
    case META_PARTITION: return mix_partition(hash, &record->partition);
    case META_CONFIG:
        hash = mix_number(hash, record->config.resource);
        hash = mix_slice(hash, record->config.name);
        hash = mix_slice(hash, record->config.key);
        return mix_slice(hash, record->config.value);
    case META_PRODUCER_IDS:
        hash = mix_number(hash, record->producer_ids.next_id);
        hash = mix_number(hash, record->producer_ids.broker);
        return mix_number(hash, record->producer_ids.broker_epoch);
    case META_FEATURE:
        return mix_number(mix_slice(hash, record->feature.name), record->feature.level);
    case META_BROKER_GONE:
    case META_TOPIC_GONE: break;
    }
    assert(!"an image holds nothing that is gone");
    return hash;
}

uint64_t meta_image_hash(const struct meta_image *image)
{
    uint64_t hash = 0;
    struct meta_cursor cursor = {0};
    struct meta_record record;
    while (record_next(image, &cursor, &record)) {
        hash = mix_record(hash, &record);
    }
    return hash;
}
