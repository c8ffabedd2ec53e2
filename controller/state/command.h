/*
 * What can be asked of the controllers, as plain data: one struct per command, one per answer.
 *
 * Slices and arrays are borrowed: a command's from its maker, an answer's from the arena of its decision, the command or
 * the image; all must live until the last batch of the decision was accepted (and an answer until it was sent).
 * Errors are Kafka's codes, because their readers are Kafka clients and brokers; messages are NULL when there is none.
 */
#ifndef ODRADEK_CONTROLLER_STATE_COMMAND_H
#define ODRADEK_CONTROLLER_STATE_COMMAND_H

#include "common/meta/record.h"
#include "common/wire/kafka_error.h"

enum command_kind {
    /* From the controllers themselves. */
    COMMAND_BOOTSTRAP =
        1, /* a quorum was formed for the first time: cluster id and feature levels */
    COMMAND_NEW_ACTIVE, /* an entry of our own epoch is committed: sessions begin anew, half-done work is finished */
    COMMAND_TICK,    /* controller_deadline has come: sessions that ended, preferred leaders */
    COMMAND_SUSPECT, /* a broker's control connection ended and its listener does not answer */
    /* From brokers. */
    COMMAND_REGISTER_BROKER,
    COMMAND_HEARTBEAT,
    COMMAND_ALTER_PARTITION,
    COMMAND_ASSIGN_DIRS,
    COMMAND_REPLICAS_LOST,
    COMMAND_REPLICAS_ROTTEN,
    COMMAND_REPLICAS_SYNCED,
    COMMAND_ALLOCATE_PRODUCER_IDS,
    /* From clients, through brokers that have checked who may ask. */
    COMMAND_CREATE_TOPICS,
    COMMAND_DELETE_TOPICS,
    COMMAND_CREATE_PARTITIONS,
    COMMAND_ELECT_LEADERS,
    COMMAND_ALTER_CONFIGS,
    COMMAND_UPDATE_FEATURES,
    COMMAND_UNREGISTER_BROKER,
};

struct command_result {
    enum kafka_error error;
    struct slice message; /* NULL: the error's own text will do */
};

struct bootstrap_command {
    struct slice cluster_id; /* 22 characters */
};

struct suspect_command {
    int32_t broker;
    int64_t broker_epoch; /* of the connection that ended */
    /* Its listener refuses connections: the process is gone for sure. Such a fencing is no flapping and is not limited. */
    bool refused;
};

struct suspect_answer {
    /* false: not known, of another epoch, fenced already, or judged by its session only for now */
    bool fenced;
};

/* --- registration (docs/RULES.md; KIP-631, KIP-858, KIP-966) --- */

enum dir_condition {
    DIR_CLEAN = 1,          /* closed by a clean shutdown (or empty and new) */
    DIR_CRASHED,            /* the process died, the kernel is the same: its page cache survived */
    DIR_CRASHED_OTHER_BOOT, /* no clean shutdown, and another boot id: unsynced bytes are gone */
};

struct register_broker_command {
    struct slice cluster_id; /* NULL: the broker knows none yet */
    int32_t broker;          /* >= 0 */
    struct uuid incarnation; /* of this process; makes repeated requests idempotent */
    /* The broker epoch in the clean-shutdown files; -1: none. CLEAN counts only if it is the epoch of the broker's last
     * registration: otherwise the file is left over from an earlier life, and the dir counts as crashed, in another boot unless it
     * says that it was in use in this one. */
    int64_t previous_epoch;
    struct slice rack; /* NULL: none */
    struct meta_endpoint endpoints[LISTENERS_MAX];
    uint32_t endpoint_count;
    struct {
        struct uuid id;
        enum dir_condition condition;
        bool this_boot;
    } dirs[LOG_DIRS_MAX]; /* online ones */
    uint32_t dir_count;
};

struct register_broker_answer {
    struct command_result result;
    int64_t broker_epoch; /* set by controller_accept for a fresh registration */
};

/* --- heartbeat (every 200 ms) --- */

struct heartbeat_command {
    int32_t broker;
    int64_t broker_epoch;
    int64_t metadata_offset; /* the broker has applied the metadata log up to here */
    /* not ready to serve (recovering, or lost replicas not yet reported): keep me fenced */
    bool want_fence;
    bool want_shutdown; /* controlled shutdown: give my leaderships away and tell me when to go */
    struct uuid offline_dirs[LOG_DIRS_MAX]; /* that failed while running */
    uint32_t offline_dir_count;
};

struct heartbeat_answer {
    struct command_result result; /* STALE_BROKER_EPOCH, BROKER_ID_NOT_REGISTERED: register again */
    bool caught_up;               /* has applied its own registration */
    bool fenced;
    bool should_shut_down;
};

/* --- partitions --- */

/* Topic and partition of a request about several; results come in the same order. */
struct partition_ref {
    struct uuid topic;
    int32_t partition;
};

struct alter_partition_entry {
    struct partition_ref at;
    int32_t leader_epoch;
    int32_t partition_epoch; /* that the leader built upon */
    struct {
        int32_t broker;
        int64_t epoch; /* as the follower's fetch said (KIP-903); there is no bypass */
    } isr[REPLICAS_MAX];
    uint32_t isr_count;
    enum meta_recovery recovery;
    /* The effective min.insync.replicas by which the leader moves its high watermark now. A leader may not know yet that
     * the setting was raised; members that leave the ISR are eligible leaders only by the smaller of its and our number.
     * 0 counts as 1. */
    int32_t min_isr;
};

struct alter_partition_command {
    int32_t broker;
    int64_t broker_epoch;
    const struct alter_partition_entry *entries;
    uint32_t count;
};

struct alter_partition_result {
    enum kafka_error error;
    struct partition_ref at;
    /* The partition as it is now, if it exists and we are not behind the asker. */
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    struct meta_ids isr;
    enum meta_recovery recovery;
};

struct alter_partition_answer {
    enum kafka_error error; /* not NONE: of the whole request */
    struct alter_partition_result *results;
    uint32_t count;
};

struct assign_dirs_command {
    int32_t broker;
    int64_t broker_epoch;
    const struct assign_dirs_entry {
        struct partition_ref at;
        struct uuid dir;
    } * entries;
    uint32_t count;
};

/* REPLICAS_LOST: the image says that the replica lies in one of the broker's dirs, and it is not there. Its seats go and
 * its directory becomes UUID_NONE, after which the broker may create it empty. Of a replica without a directory it means
 * nothing, so it may be said twice; and it counts for the partition epoch of that image (INVALID_UPDATE_VERSION), for by the next one it
 * may have been made anew, and be in sync. REPLICAS_ROTTEN: it is there, and cannot be read through. Then that is done only while another
 * member of the ISR or the ELR may lead (INELIGIBLE_REPLICA), for what is good of it may be all there is; and the leader epoch
 * grows, for the same incarnation of the broker goes on with an empty log, and what it fetched into the old one must not count. It
 * counts in the leader epoch in which it is said (FENCED_LEADER_EPOCH): the copy that has come since may be a good one.
 * REPLICAS_SYNCED: the topic is durability=disk in the broker's image, and it has fsynced the whole log since it saw that. It
 * counts for the partition epoch of that image (INVALID_UPDATE_VERSION): durability may have gone and come back since, which renews
 * that epoch, and what was acknowledged in between is not on disk. Whoever hears nothing sees a newer image, and says it by that. */
struct replicas_command {
    int32_t broker;
    int64_t broker_epoch;
    const struct partition_ref *entries;
    uint32_t count;
    /* As many: of REPLICAS_ROTTEN leader epochs, of REPLICAS_LOST and REPLICAS_SYNCED partition epochs. NULL: a broker of an older
     * version says that they are lost. */
    const int32_t *epochs;
};

/* Of ASSIGN_DIRS, REPLICAS_LOST, REPLICAS_ROTTEN and REPLICAS_SYNCED. */
struct replicas_answer {
    enum kafka_error error;    /* not NONE: of the whole request */
    enum kafka_error *results; /* in the order of the request */
    uint32_t count;
};

struct allocate_producer_ids_command {
    int32_t broker;
    int64_t broker_epoch;
};

struct allocate_producer_ids_answer {
    enum kafka_error error;
    int64_t first_id;
    int32_t count; /* PRODUCER_ID_BLOCK */
};

/* --- topics --- */

struct topic_setting {
    struct slice key;
    /* NULL: take the setting away (ALTER_CONFIGS), or an error (CREATE_TOPICS) */
    struct slice value;
    /* of ALTER_CONFIGS: what `value` does to the list that is there; else it becomes the value */
    enum setting_op { SETTING_PUT = 0, SETTING_APPEND, SETTING_SUBTRACT } op;
};

struct manual_assignment {
    /* of CREATE_TOPICS; ignored by CREATE_PARTITIONS, which counts on from what there is */
    int32_t partition;
    int32_t brokers[REPLICAS_MAX];
    uint32_t broker_count; /* more than REPLICAS_MAX is refused by the caller */
};

struct create_topic {
    struct slice name;
    int32_t partitions;         /* -1: num.partitions, or as many as `assignments` */
    int16_t replication_factor; /* -1: default.replication.factor, or as in `assignments` */
    const struct manual_assignment *assignments;
    uint32_t assignment_count;
    const struct topic_setting *settings;
    uint32_t setting_count;
    /* of the caller on names and values of the settings (common/config) */
    struct command_result verdict;
};

struct create_topics_command {
    const struct create_topic *topics;
    uint32_t count;
    bool validate_only;
};

struct create_topic_result {
    struct command_result result;
    struct slice name;
    struct uuid id; /* UUID_NONE unless made (or found valid: then none) */
    int32_t partitions;
    int16_t replication_factor;
};

struct create_topics_answer {
    struct create_topic_result *results;
    uint32_t count;
};

struct delete_topics_command {
    const struct delete_topic {
        struct slice name; /* NULL: by id */
        struct uuid id;
    } * topics;
    uint32_t count;
};

struct delete_topic_result {
    struct command_result result;
    struct slice name; /* NULL: unknown id */
    struct uuid id;
};

struct delete_topics_answer {
    struct delete_topic_result *results;
    uint32_t count;
};

struct create_partitions_command {
    const struct grow_topic {
        struct slice name;
        int32_t total; /* partitions afterwards */
        const struct manual_assignment *assignments;
        uint32_t assignment_count;
        bool assigned; /* assignments were given (they may be none) */
        /* of the caller, on what it cannot say here */
        struct command_result verdict;
    } * topics;
    uint32_t count;
    bool validate_only;
};

/* Of CREATE_PARTITIONS (by topic), ALTER_CONFIGS (by resource). */
struct results_answer {
    struct command_result *results; /* in the order of the request */
    uint32_t count;
};

enum election { ELECTION_PREFERRED = 0, ELECTION_UNCLEAN = 1 }; /* Kafka's numbers */

struct elect_leaders_command {
    enum election election;
    bool all; /* every partition; only those where something happened or failed are answered */
    const struct partition_ref *entries; /* unless all; an unknown name comes as UUID_NONE */
    uint32_t count;
};

struct elect_leaders_answer {
    struct elect_leaders_result {
        struct partition_ref at;
        struct command_result result;
    } * results;
    uint32_t count;
};

/* --- settings, features --- */

struct alter_configs_command {
    const struct alter_resource {
        enum meta_resource resource;
        struct slice name; /* topic, broker id in decimal, or "" */
        const struct topic_setting *settings;
        uint32_t setting_count;
        bool replace; /* the legacy AlterConfigs: settings that are not named go */
    } * resources;
    uint32_t count;
    bool validate_only;
};

struct update_features_command {
    const struct update_feature {
        struct slice name;
        int16_t level;
        bool allow_downgrade; /* upgrade type SAFE_DOWNGRADE or UNSAFE_DOWNGRADE */
    } * features;
    uint32_t count;
    bool validate_only;
};

struct unregister_broker_command {
    int32_t broker;
};

/* Whoever slept has not read what brokers said meanwhile: silence that it slept through is no evidence against them. */
struct tick_command {
    time_ms late_ms; /* so long after controller_deadline; 0: in time, or about so */
};

/* --- the sum --- */

struct command {
    enum command_kind kind;
    union {
        struct bootstrap_command bootstrap;
        struct tick_command tick;
        struct suspect_command suspect;
        struct register_broker_command register_broker;
        struct heartbeat_command heartbeat;
        struct alter_partition_command alter_partition;
        struct assign_dirs_command assign_dirs;
        struct replicas_command replicas; /* REPLICAS_LOST, REPLICAS_ROTTEN, REPLICAS_SYNCED */
        struct allocate_producer_ids_command allocate_producer_ids;
        struct create_topics_command create_topics;
        struct delete_topics_command delete_topics;
        struct create_partitions_command create_partitions;
        struct elect_leaders_command elect_leaders;
        struct alter_configs_command alter_configs;
        struct update_features_command update_features;
        struct unregister_broker_command unregister_broker;
    };
};

/* The arm of the command's kind; BOOTSTRAP, NEW_ACTIVE and TICK have none. */
struct answer {
    enum command_kind kind;
    union {
        struct suspect_answer suspect;
        struct register_broker_answer register_broker;
        struct heartbeat_answer heartbeat;
        struct alter_partition_answer alter_partition;
        struct replicas_answer replicas; /* ASSIGN_DIRS, and these */
        struct allocate_producer_ids_answer allocate_producer_ids;
        struct create_topics_answer create_topics;
        struct delete_topics_answer delete_topics;
        struct results_answer results; /* CREATE_PARTITIONS, ALTER_CONFIGS */
        struct elect_leaders_answer elect_leaders;
        struct command_result result; /* UPDATE_FEATURES, UNREGISTER_BROKER */
    };
};

#endif
