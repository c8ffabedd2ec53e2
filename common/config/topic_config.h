/*
 * Settings of topics, and what DescribeConfigs answers.
 *
 * A topic's value is, in this order: its own; the cluster-wide default, set at run time under the node's name of the same
 * thing (retention.ms is log.retention.ms there, KIP-226); the node's file; the default. Between the last two stand the
 * precedences of units (log.retention.ms, then .minutes, then .hours).
 *
 * Settings that leader and followers and controllers must see alike, lest an acknowledged record be lost (durability,
 * min.insync.replicas, unclean.leader.election.enable), skip the value set for one broker: topic, cluster-wide default,
 * file, default. The file is that of the active controller: its values come by way of the image.
 *
 * The values set at run time live in the cluster image; a look-up function brings them here, so that nothing of it is
 * known here. It is called inside the functions below only and returns the NULL slice for what is not set.
 */
#ifndef ODRADEK_CONFIG_TOPIC_CONFIG_H
#define ODRADEK_CONFIG_TOPIC_CONFIG_H

#include "common/config/config.h"

/* Where a value comes from; numbers as in DescribeConfigs responses (ConfigEntry.ConfigSource). Of those up to 5 the
 * smaller goes before. */
enum config_origin {
    CONFIG_FROM_TOPIC = 1,
    CONFIG_FROM_BROKER = 2,  /* set at run time for one broker */
    CONFIG_FROM_CLUSTER = 3, /* set at run time as the cluster-wide default */
    CONFIG_FROM_FILE = 4,    /* file or override */
    CONFIG_FROM_DEFAULT = 5,
    CONFIG_FROM_LOGGER = 6,         /* a log level */
    CONFIG_FROM_CLIENT_METRICS = 7, /* of the subscription itself */
    CONFIG_FROM_GROUP = 8           /* of the group itself */
};

/* level: CONFIG_FROM_TOPIC (name: of the topic's setting), CONFIG_FROM_BROKER, CONFIG_FROM_CLUSTER (the node's names). The
 * bytes must live as long as what is made of them. */
struct config_dynamic {
    struct slice (*value)(const void *ctx, enum config_origin level, const char *name);
    const void *ctx;
};

enum config_type topic_config_type(enum topic_config_key);
enum config_effect topic_config_effect(enum topic_config_key);
/* A sentence. */
const char *topic_config_doc(enum topic_config_key);
/* Whether a value set for one broker is passed over (see above). */
bool topic_config_of_cluster(enum topic_config_key);

/* The value that counts. `dynamic` may be NULL: no topic, what CreateTopics would give. A value set at run time that does
 * not pass the checks is passed over. */
bool config_topic_bool(const struct config *, const struct config_dynamic *, enum topic_config_key);
int64_t config_topic_long(const struct config *, const struct config_dynamic *,
                          enum topic_config_key); /* INT too */
double config_topic_double(const struct config *, const struct config_dynamic *,
                           enum topic_config_key);
/* STRING: whether it is `word`; LIST: whether it holds it. */
bool config_topic_is(const struct config *, const struct config_dynamic *, enum topic_config_key,
                     const char *word);

/* The same of the node's own settings, which may change at run time: for CLUSTER_WIDE and PER_BROKER keys. The key has a
 * default. */
int64_t config_now_long(const struct config *, const struct config_dynamic *, enum config_key);
struct slice config_now_text(const struct config *, const struct config_dynamic *, enum config_key);

/* --- DescribeConfigs ------------------------------------------------------------------------------------------------------ */

#define CONFIG_SYNONYMS_MAX 14

struct config_synonym {
    const char *name;
    struct slice value; /* NULL: none, or a password */
    enum config_origin origin;
};

/* Slices and names borrow from the config, the table, and the image. */
struct config_entry {
    const char *name;
    struct slice value; /* NULL: none, or a password; may point into `number` */
    enum config_origin origin;
    enum config_type type;
    bool read_only;
    bool sensitive;
    const char *documentation;
    struct config_synonym synonyms[CONFIG_SYNONYMS_MAX]; /* the one that counts first */
    uint32_t synonym_count;
    char number[24];
};

/* Walk: for (key = 0; key < TOPIC_CONFIG_KEYS; key++). false: internal to Kafka, not told. */
bool config_topic_describe(const struct config *, const struct config_dynamic *,
                           enum topic_config_key, struct config_entry *ret_entry) MUST_USE;
/* For resource BROKER: key < CONFIG_KEYS. `dynamic` brings CONFIG_FROM_BROKER of that broker, and CONFIG_FROM_CLUSTER. */
bool config_describe(const struct config *, const struct config_dynamic *, enum config_key,
                     struct config_entry *ret_entry) MUST_USE;

#endif
