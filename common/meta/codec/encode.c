#include "common/meta/codec/meta_codec.h"

#include "proto/metadata.pb-c.h"

/* Field 1, varint; field 2, length-delimited: the batch's frame is written here, so that no tree of it is built. */
#define TAG_VERSION 0x08u
#define TAG_RECORD  0x12u

/* The messages that one record is made of, with room for all its parts. */
struct packing {
    Odradek__MetaRecord record;
    union {
        Odradek__MetaCluster cluster;
        Odradek__MetaBroker broker;
        Odradek__MetaBrokerGone broker_gone;
        Odradek__MetaTopic topic;
        Odradek__MetaTopicGone topic_gone;
        Odradek__MetaPartition partition;
        Odradek__MetaConfig config;
        Odradek__MetaProducerIds producer_ids;
        Odradek__MetaFeature feature;
    };
    Odradek__MetaEndpoint endpoints[LISTENERS_MAX];
    Odradek__MetaEndpoint *endpoint_list[LISTENERS_MAX];
    ProtobufCBinaryData dirs[LOG_DIRS_MAX];
    Odradek__MetaReplica replicas[REPLICAS_MAX];
    Odradek__MetaReplica *replica_list[REPLICAS_MAX];
};

static ProtobufCBinaryData bytes_of(struct slice slice)
{
    return (ProtobufCBinaryData){.len = slice.n, .data = (uint8_t *)slice.p};
}

static ProtobufCBinaryData uuid_bytes(const struct uuid *uuid)
{
    return uuid_is_none(*uuid) ? (ProtobufCBinaryData){0}
                               : bytes_of(slice_of(uuid->b, sizeof(uuid->b)));
}

static void pack_broker(struct packing *p, const struct meta_broker *broker)
{
    assert(broker->id >= 0 && broker->epoch >= -1);
    assert(broker->endpoint_count <= LISTENERS_MAX && broker->dir_count <= LOG_DIRS_MAX);
    assert(broker->rack.n <= META_NAME_MAX);
    odradek__meta_broker__init(&p->broker);
    p->broker.id = broker->id;
    p->broker.epoch = broker->epoch;
    p->broker.incarnation = uuid_bytes(&broker->incarnation);
    p->broker.has_rack = broker->rack.p != NULL;
    p->broker.rack = bytes_of(broker->rack);
    p->broker.n_endpoints = broker->endpoint_count;
    p->broker.endpoints = p->endpoint_list;
    for (uint32_t i = 0; i < broker->endpoint_count; i++) {
        const struct meta_endpoint *from = &broker->endpoints[i];
        assert(from->listener.n <= META_NAME_MAX && from->host.n <= HOST_NAME_MAX_BYTES);
        odradek__meta_endpoint__init(&p->endpoints[i]);
        p->endpoints[i].listener = bytes_of(from->listener);
        p->endpoints[i].host = bytes_of(from->host);
        p->endpoints[i].port = from->port;
        p->endpoints[i].security_protocol = from->security_protocol;
        p->endpoint_list[i] = &p->endpoints[i];
    }
    p->broker.n_dirs = broker->dir_count;
    p->broker.dirs = p->dirs;
    for (uint32_t i = 0; i < broker->dir_count; i++) {
        assert(!uuid_is_none(broker->dirs[i]));
        p->dirs[i] = uuid_bytes(&broker->dirs[i]);
    }
    p->broker.fenced = broker->fenced;
    p->broker.shutting_down = broker->shutting_down;
    p->record.broker = &p->broker;
    p->record.body_case = ODRADEK__META_RECORD__BODY_BROKER;
}

static void pack_partition(struct packing *p, const struct meta_partition *partition)
{
    assert(meta_partition_valid(partition));
    odradek__meta_partition__init(&p->partition);
    p->partition.topic = uuid_bytes(&partition->topic);
    p->partition.index = partition->index;
    p->partition.n_replicas = partition->replica_count;
    p->partition.replicas = p->replica_list;
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        odradek__meta_replica__init(&p->replicas[i]);
        p->replicas[i].broker = partition->replicas[i].broker;
        p->replicas[i].dir = uuid_bytes(&partition->replicas[i].dir);
        p->replicas[i].synced = partition->replicas[i].synced;
        p->replica_list[i] = &p->replicas[i];
    }
    p->partition.n_isr = partition->isr.count;
    p->partition.isr = (int32_t *)partition->isr.id;
    p->partition.n_elr = partition->elr.count;
    p->partition.elr = (int32_t *)partition->elr.id;
    p->partition.n_last_known_elr = partition->last_known_elr.count;
    p->partition.last_known_elr = (int32_t *)partition->last_known_elr.id;
    p->partition.leader = partition->leader;
    p->partition.leader_epoch = partition->leader_epoch;
    p->partition.partition_epoch = partition->partition_epoch;
    p->partition.recovery = (uint32_t)partition->recovery;
    p->record.partition = &p->partition;
    p->record.body_case = ODRADEK__META_RECORD__BODY_PARTITION;
}

static void pack_config(struct packing *p, const struct meta_config *config)
{
    assert(config->name.n <= META_NAME_MAX && config->key.n <= META_NAME_MAX);
    assert(config->key.n > 0 && config->value.n <= META_VALUE_MAX);
    odradek__meta_config__init(&p->config);
    p->config.resource = (uint32_t)config->resource;
    p->config.name = bytes_of(config->name);
    p->config.key = bytes_of(config->key);
    p->config.has_value = config->value.p != NULL;
    p->config.value = bytes_of(config->value);
    p->record.config = &p->config;
    p->record.body_case = ODRADEK__META_RECORD__BODY_CONFIG;
}

static void pack_topic(struct packing *p, const struct meta_record *record)
{
    if (record->kind == META_TOPIC) {
        assert(record->topic.name.n > 0 && record->topic.name.n <= TOPIC_NAME_MAX);
        odradek__meta_topic__init(&p->topic);
        p->topic.id = uuid_bytes(&record->topic.id);
        p->topic.name = bytes_of(record->topic.name);
        p->record.topic = &p->topic;
        p->record.body_case = ODRADEK__META_RECORD__BODY_TOPIC;
    } else {
        odradek__meta_topic_gone__init(&p->topic_gone);
        p->topic_gone.id = uuid_bytes(&record->topic_gone.id);
        p->record.topic_gone = &p->topic_gone;
        p->record.body_case = ODRADEK__META_RECORD__BODY_TOPIC_GONE;
    }
}

static void pack_cluster(struct packing *p, const struct meta_cluster *cluster)
{
    assert(cluster->cluster_id.n == UUID_TEXT_LEN);
    odradek__meta_cluster__init(&p->cluster);
    p->cluster.cluster_id = bytes_of(cluster->cluster_id);
    p->record.cluster = &p->cluster;
    p->record.body_case = ODRADEK__META_RECORD__BODY_CLUSTER;
}

static void pack_broker_gone(struct packing *p, const struct meta_broker_gone *gone)
{
    odradek__meta_broker_gone__init(&p->broker_gone);
    p->broker_gone.id = gone->id;
    p->broker_gone.epoch = gone->epoch;
    p->record.broker_gone = &p->broker_gone;
    p->record.body_case = ODRADEK__META_RECORD__BODY_BROKER_GONE;
}

static void pack_producer_ids(struct packing *p, const struct meta_producer_ids *ids)
{
    assert(ids->next_id >= 0);
    odradek__meta_producer_ids__init(&p->producer_ids);
    p->producer_ids.next_id = ids->next_id;
    p->producer_ids.broker = ids->broker;
    p->producer_ids.broker_epoch = ids->broker_epoch;
    p->record.producer_ids = &p->producer_ids;
    p->record.body_case = ODRADEK__META_RECORD__BODY_PRODUCER_IDS;
}

static void pack_feature(struct packing *p, const struct meta_feature *feature)
{
    assert(feature->name.n > 0 && feature->name.n <= META_NAME_MAX && feature->level >= 0);
    odradek__meta_feature__init(&p->feature);
    p->feature.name = bytes_of(feature->name);
    p->feature.level = feature->level;
    p->record.feature = &p->feature;
    p->record.body_case = ODRADEK__META_RECORD__BODY_FEATURE;
}

static void pack_record(struct packing *p, const struct meta_record *record)
{
    odradek__meta_record__init(&p->record);
    p->record.kind = (uint32_t)record->kind;
    p->record.version = META_RECORD_VERSION;
    switch (record->kind) {
    case META_CLUSTER: pack_cluster(p, &record->cluster); return;
    case META_BROKER: pack_broker(p, &record->broker); return;
    case META_BROKER_GONE: pack_broker_gone(p, &record->broker_gone); return;
    case META_TOPIC:
    case META_TOPIC_GONE: pack_topic(p, record); return;
    case META_PARTITION: pack_partition(p, &record->partition); return;
    case META_CONFIG: pack_config(p, &record->config); return;
    case META_PRODUCER_IDS: pack_producer_ids(p, &record->producer_ids); return;
    case META_FEATURE: pack_feature(p, &record->feature); return;
    }
    assert(!"a record of no kind");
}

static void put_varint(struct buf *buf, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;
    do {
        bytes[n++] = (uint8_t)(value | 0x80);
        value >>= 7;
    } while (value != 0);
    bytes[n - 1] &= 0x7f;
    buf_put(buf, bytes, n);
}

err_t meta_batch_encode(struct meta_batch batch, struct buf *buf)
{
    assert(batch.count <= METADATA_BATCH_RECORDS_MAX);
    put_varint(buf, TAG_VERSION);
    put_varint(buf, META_BATCH_VERSION);
    for (uint32_t i = 0; i < batch.count; i++) {
        struct packing p;
        pack_record(&p, &batch.records[i]);
        size_t bytes = odradek__meta_record__get_packed_size(&p.record);
        put_varint(buf, TAG_RECORD);
        put_varint(buf, bytes);
        uint8_t *at = buf_reserve(buf, bytes);
        if (at == NULL) {
            return buf->err;
        }
        size_t packed = odradek__meta_record__pack(&p.record, at);
        assert(packed == bytes);
        buf_commit(buf, packed);
    }
    return buf->err;
}
