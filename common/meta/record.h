/*
 * Metadata records: the only way in which the cluster's metadata changes.
 *
 * Plain data. A batch of records is atomic: one entry of the controllers' log, applied as a whole or not at all. A record
 * carries the whole new value of its subject, never a difference, so that applying one twice changes nothing and a snapshot
 * is simply the list of records that builds the image anew.
 * Slices and arrays in a record are borrowed: from the arena it was decoded into, or from the image it was read from.
 * The bytes in the log are protobuf (proto/metadata.proto), made and read in common/meta/codec only.
 */
#ifndef ODRADEK_META_RECORD_H
#define ODRADEK_META_RECORD_H

#include "common/base/limits.h"
#include "common/base/uuid.h"

#define META_NO_BROKER (-1)

/* Where a node listens, by listener name ("PLAINTEXT", "INTERNAL"): what clients that came by that listener are told. */
struct meta_endpoint {
    struct slice listener;
    struct slice host;
    uint16_t port;
    int16_t security_protocol; /* Kafka's ids: 0 PLAINTEXT, 1 SSL, 2 SASL_PLAINTEXT, 3 SASL_SSL */
};

/* The first record of a cluster. */
struct meta_cluster {
    struct slice cluster_id; /* 22 characters, the text of a UUID */
};

/* A broker's incarnation. Its broker epoch is the offset of the batch that brought this record (KIP-631), filled in when
 * the record is applied from the log; a snapshot carries it. */
struct meta_broker {
    int32_t id;
    int64_t epoch; /* -1 in a fresh record: the offset of its batch */
    struct uuid incarnation;
    struct slice rack; /* NULL: none */
    struct meta_endpoint endpoints[LISTENERS_MAX];
    uint32_t endpoint_count;
    struct uuid dirs[LOG_DIRS_MAX]; /* directory ids of its log dirs that are online */
    uint32_t dir_count;
    bool fenced;
    bool shutting_down; /* in controlled shutdown: leads nothing new, joins no ISR */
};

struct meta_broker_gone {
    int32_t id;
    int64_t epoch;
};

struct meta_topic_record {
    struct uuid id;
    struct slice name;
};

struct meta_topic_gone {
    struct uuid id;
};

/* A replica is (broker, directory id): a seat in ISR or ELR holds for both. */
struct meta_replica {
    int32_t broker;
    /* UUID_NONE until the broker said where it put the replica. Until it sees its directory in the image it reports no
     * durable offset and acknowledges nothing: a replica whose place nobody knows could vanish unnoticed, seat and all. */
    struct uuid dir;
    /* Every acknowledged byte was fsynced: the partition was durability=disk from its first record, or the broker reported
     * an fsync of the whole log since it became so. Such a replica keeps its seats through another boot. */
    bool synced;
};

/* Small sets of broker ids, in the order of preference (replicas) or of joining (isr, elr). */
struct meta_ids {
    int32_t id[REPLICAS_MAX];
    uint32_t count;
};

enum meta_recovery { META_RECOVERED = 0, META_RECOVERING = 1 };

struct meta_partition {
    struct uuid topic;
    int32_t index;
    struct meta_replica replicas[REPLICAS_MAX];
    uint32_t replica_count;
    struct meta_ids isr;
    struct meta_ids elr; /* eligible leader replicas (KIP-966) */
    /* lost their seat by an unclean stop; only told, never elected cleanly */
    struct meta_ids last_known_elr;
    int32_t leader; /* META_NO_BROKER: none */
    int32_t leader_epoch;
    int32_t partition_epoch; /* grows with every change of this record */
    enum meta_recovery recovery;
};

enum meta_resource {
    META_RESOURCE_TOPIC = 2,           /* Kafka's ConfigResource ids */
    META_RESOURCE_BROKER = 4,          /* name "": the cluster-wide default */
    META_RESOURCE_CLIENT_METRICS = 16, /* name: of a subscription (KIP-714) */
    META_RESOURCE_GROUP = 32,          /* name: a group's id */
    /* Ours, name "": what the active controller's file says where neither topic nor cluster-wide default decides. Only the
     * controllers write it. */
    META_RESOURCE_FILES = 1000
};

static inline bool meta_resource_known(uint32_t resource)
{
    return resource == META_RESOURCE_TOPIC || resource == META_RESOURCE_BROKER ||
           resource == META_RESOURCE_CLIENT_METRICS || resource == META_RESOURCE_GROUP ||
           resource == META_RESOURCE_FILES;
}

struct meta_config {
    enum meta_resource resource;
    struct slice name; /* topic name, broker id in decimal, or "" */
    struct slice key;
    struct slice value; /* NULL: the setting is taken away */
};

struct meta_producer_ids {
    int64_t next_id; /* every smaller id has been handed out */
    int32_t broker;  /* the last block went to this broker ... */
    int64_t broker_epoch;
};

struct meta_feature {
    struct slice name;
    int16_t level; /* 0: taken away */
};

enum meta_record_kind {
    META_CLUSTER = 1,
    META_BROKER,
    META_BROKER_GONE,
    META_TOPIC,
    META_TOPIC_GONE,
    META_PARTITION,
    META_CONFIG,
    META_PRODUCER_IDS,
    META_FEATURE,
};

struct meta_record {
    enum meta_record_kind kind;
    union {
        struct meta_cluster cluster;
        struct meta_broker broker;
        struct meta_broker_gone broker_gone;
        struct meta_topic_record topic;
        struct meta_topic_gone topic_gone;
        struct meta_partition partition;
        struct meta_config config;
        struct meta_producer_ids producer_ids;
        struct meta_feature feature;
    };
};

/* One atomic batch. */
struct meta_batch {
    const struct meta_record *records;
    uint32_t count;
};

/* Room for any sentence of meta_topic_name_good. */
#define TOPIC_NAME_WHY_BYTES (TOPIC_NAME_MAX + 160)
/* Whether a topic may have this name; on false why not, as Kafka's Topic class says it. */
bool meta_topic_name_good(struct slice name, char *why, size_t why_bytes);

bool meta_ids_has(const struct meta_ids *, int32_t id);
/* false: full. Adding what is there changes nothing. */
bool meta_ids_add(struct meta_ids *, int32_t id);

/* In sync or eligible: all that was acknowledged is there. */
bool meta_partition_seats(const struct meta_partition *, int32_t broker);
/* The replica on this broker, or NULL. */
const struct meta_replica *meta_partition_replica(const struct meta_partition *, int32_t broker);
/* Well formed by itself: counts and epochs in bounds, replicas distinct, isr, elr and last_known_elr apart from each other
 * and among the replicas, the leader in the isr. */
bool meta_partition_valid(const struct meta_partition *);
bool meta_partition_equal(const struct meta_partition *, const struct meta_partition *);

#endif
