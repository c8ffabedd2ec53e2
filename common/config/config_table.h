/*
 * Every configuration key that does something here: one line gives the enum, the parser, the bounds, the docs.
 * X(symbol, "name", type, default, least, most, "what it does"). Names, units and defaults are Kafka's; where a default is
 * ours the text says so. Types: INT (any whole number, 64 bits), BOOL, TEXT, LIST. Default NULL: not set.
 */
#ifndef ODRADEK_CONFIG_TABLE_H
#define ODRADEK_CONFIG_TABLE_H

/* clang-format off */
#define CONFIG_TABLE(X) \
    X(CONFIG_PROCESS_ROLES, "process.roles", LIST, NULL, 0, 0, "broker or controller: each is a process of its own") \
    X(CONFIG_NODE_ID, "node.id", INT, NULL, 0, INT32_MAX, "id of this node, unique in the cluster") \
    X(CONFIG_BROKER_ID, "broker.id", INT, NULL, -1, INT32_MAX, "older name of node.id") \
    X(CONFIG_BROKER_RACK, "broker.rack", TEXT, NULL, 0, 0, "where this broker stands; replicas are spread over racks") \
    X(CONFIG_LISTENERS, "listeners", LIST, NULL, 0, 0, "NAME://host:port, ...: where this node listens") \
    X(CONFIG_ADVERTISED_LISTENERS, "advertised.listeners", LIST, NULL, 0, 0, "what clients are told instead of listeners") \
    X(CONFIG_PROTOCOL_MAP, "listener.security.protocol.map", LIST, "PLAINTEXT:PLAINTEXT", 0, 0, "NAME:PROTOCOL, ...: security of each listener name; PLAINTEXT works") \
    X(CONFIG_INTER_BROKER_LISTENER, "inter.broker.listener.name", TEXT, NULL, 0, 0, "the listener that brokers use between themselves; default: the first one") \
    X(CONFIG_CONTROLLER_LISTENERS, "controller.listener.names", LIST, NULL, 0, 0, "the listener that a controller serves; default: the first one") \
    X(CONFIG_QUORUM_VOTERS, "controller.quorum.voters", LIST, NULL, 0, 0, "id@host:port, ...: the controllers") \
    X(CONFIG_ADMIN_LISTENERS, "admin.listeners", LIST, NULL, 0, 0, "HTTP://host:port: /livez and /readyz (ours)") \
    X(CONFIG_LOG_DIR, "log.dir", TEXT, "/tmp/odradek-logs", 0, 0, "data folder when log.dirs is not set (default is ours)") \
    X(CONFIG_LOG_DIRS, "log.dirs", LIST, NULL, 0, 0, "data folders") \
    X(CONFIG_METADATA_LOG_DIR, "metadata.log.dir", TEXT, NULL, 0, 0, "a controller's folder; default: the first log dir") \
    X(CONFIG_SNAPSHOT_BYTES, "metadata.log.max.record.bytes.between.snapshots", INT, "20971520", 1, INT64_MAX, "bytes of metadata records after which a controller takes a snapshot") \
    X(CONFIG_ELECTION_TIMEOUT_MS, "controller.quorum.election.timeout.ms", INT, "150", 10, INT32_MAX, "least election time-out; the most is twice that (Kafka: 1000)") \
    X(CONFIG_HEARTBEAT_MS, "broker.heartbeat.interval.ms", INT, "200", 1, INT32_MAX, "between heartbeats of a broker (Kafka: 2000)") \
    X(CONFIG_SESSION_MS, "broker.session.timeout.ms", INT, "1500", 1, INT32_MAX, "a broker that is silent for so long is fenced (Kafka: 9000)") \
    X(CONFIG_NETWORK_THREADS, "num.network.threads", INT, NULL, 1, 64, "reactors; default: one per core, one on machines of up to two cores (Kafka: 3)") \
    X(CONFIG_REQUEST_MAX_BYTES, "socket.request.max.bytes", INT, "104857600", 1, INT32_MAX, "longest request that is taken") \
    X(CONFIG_BACKLOG, "socket.listen.backlog.size", INT, "50", 1, 65535, "connections that may wait to be accepted") \
    X(CONFIG_IDLE_MS, "connections.max.idle.ms", INT, "600000", 0, INT64_MAX, "idle connections are closed after this; 0: never") \
    X(CONFIG_NUM_PARTITIONS, "num.partitions", INT, "1", 1, 100000, "partitions of a topic that does not say") \
    X(CONFIG_REPLICATION_FACTOR, "default.replication.factor", INT, "1", 1, 16, "replicas of a topic that does not say") \
    X(CONFIG_AUTO_CREATE, "auto.create.topics.enable", BOOL, "true", 0, 0, "topics are made when clients ask for them") \
    X(CONFIG_MIN_ISR, "min.insync.replicas", INT, "1", 1, 16, "in-sync replicas without which acks=all is refused") \
    X(CONFIG_UNCLEAN_ELECTION, "unclean.leader.election.enable", BOOL, "false", 0, 0, "a replica that may lack acknowledged records may lead") \
    X(CONFIG_DURABILITY, "durability", TEXT, "disk", 0, 0, "disk: acks=all waits for fsync on every in-sync replica; pagecache: Kafka's weaker promise (ours)") \
    X(CONFIG_REBALANCE_ENABLE, "auto.leader.rebalance.enable", BOOL, "true", 0, 0, "preferred replicas get their leadership back") \
    X(CONFIG_REBALANCE_CHECK_S, "leader.imbalance.check.interval.seconds", INT, "300", 1, INT32_MAX, "between looks for that") \
    X(CONFIG_SEGMENT_BYTES, "log.segment.bytes", INT, "1073741824", 14, INT32_MAX, "size at which a log goes on in a new segment") \
    X(CONFIG_ROLL_MS, "log.roll.ms", INT, NULL, 1, INT64_MAX, "age at which it does; default: log.roll.hours") \
    X(CONFIG_ROLL_HOURS, "log.roll.hours", INT, "168", 1, INT32_MAX, "see log.roll.ms") \
    X(CONFIG_INDEX_INTERVAL, "log.index.interval.bytes", INT, "4096", 0, INT32_MAX, "bytes between index entries") \
    X(CONFIG_INDEX_MAX_BYTES, "log.index.size.max.bytes", INT, "10485760", 4, INT32_MAX, "size of an index at which the segment rolls") \
    X(CONFIG_RETENTION_BYTES, "log.retention.bytes", INT, "-1", -1, INT64_MAX, "bytes of a partition beyond which old segments go; -1: no limit") \
    X(CONFIG_RETENTION_MS, "log.retention.ms", INT, NULL, -1, INT64_MAX, "age beyond which old segments go; default: log.retention.minutes, then hours") \
    X(CONFIG_RETENTION_MINUTES, "log.retention.minutes", INT, NULL, -1, INT32_MAX, "see log.retention.ms") \
    X(CONFIG_RETENTION_HOURS, "log.retention.hours", INT, "168", -1, INT32_MAX, "see log.retention.ms") \
    X(CONFIG_RETENTION_CHECK_MS, "log.retention.check.interval.ms", INT, "300000", 1, INT64_MAX, "between looks for segments to delete") \
    X(CONFIG_DELETE_DELAY_MS, "log.segment.delete.delay.ms", INT, "60000", 0, INT64_MAX, "files live this long after they were deleted") \
    X(CONFIG_CLEANUP_POLICY, "log.cleanup.policy", LIST, "delete", 0, 0, "delete or compact; compacted topics grow until the cleaner exists") \
    X(CONFIG_TIMESTAMP_TYPE, "log.message.timestamp.type", TEXT, "CreateTime", 0, 0, "CreateTime or LogAppendTime") \
    X(CONFIG_TIMESTAMP_BEFORE_MS, "log.message.timestamp.before.max.ms", INT, "9223372036854775807", 0, INT64_MAX, "how old a record's timestamp may be") \
    X(CONFIG_TIMESTAMP_AFTER_MS, "log.message.timestamp.after.max.ms", INT, "3600000", 0, INT64_MAX, "how far ahead a record's timestamp may be") \
    X(CONFIG_MESSAGE_MAX_BYTES, "message.max.bytes", INT, "1048588", 0, INT32_MAX, "largest batch that is taken") \
    X(CONFIG_CHECKPOINT_MS, "log.flush.offset.checkpoint.interval.ms", INT, "5000", 100, INT32_MAX, "between writes of the offset checkpoints (Kafka: 60000)") \
    X(CONFIG_LAG_MAX_MS, "replica.lag.time.max.ms", INT, "30000", 100, INT64_MAX, "a follower that was not at the log's end for so long leaves the ISR") \
    X(CONFIG_REPLICA_WAIT_MS, "replica.fetch.wait.max.ms", INT, "500", 1, INT32_MAX, "how long a follower's fetch waits for news") \
    X(CONFIG_REPLICA_FETCH_BYTES, "replica.fetch.max.bytes", INT, "1048576", 1, INT32_MAX, "bytes of one partition in a follower's fetch") \
    X(CONFIG_REPLICA_RESPONSE_BYTES, "replica.fetch.response.max.bytes", INT, "10485760", 1, INT32_MAX, "bytes of a whole answer to a follower") \
    X(CONFIG_FETCH_MAX_BYTES, "fetch.max.bytes", INT, "57671680", 1024, INT32_MAX, "bytes of a whole answer to a consumer") \
    X(CONFIG_FETCH_SESSIONS, "max.incremental.fetch.session.cache.slots", INT, "1000", 0, INT32_MAX, "fetch sessions that are kept") \
    X(CONFIG_PRODUCER_EXPIRATION_MS, "producer.id.expiration.ms", INT, "86400000", 1, INT32_MAX, "an idle producer is forgotten after this") \
    X(CONFIG_LOG_LEVEL, "log.level", TEXT, "info", 0, 0, "debug, info, warn or error, or room=level, ... (ours)") \
    X(CONFIG_LOG_FORMAT, "log.format", TEXT, "text", 0, 0, "text or json (ours)")
/* clang-format on */

/* Topic settings and the broker key that stands behind each (Kafka's synonyms). */
/* clang-format off */
#define TOPIC_CONFIG_TABLE(X) \
    X(TOPIC_CONFIG_MIN_ISR, "min.insync.replicas", CONFIG_MIN_ISR) \
    X(TOPIC_CONFIG_UNCLEAN, "unclean.leader.election.enable", CONFIG_UNCLEAN_ELECTION) \
    X(TOPIC_CONFIG_DURABILITY, "durability", CONFIG_DURABILITY) \
    X(TOPIC_CONFIG_SEGMENT_BYTES, "segment.bytes", CONFIG_SEGMENT_BYTES) \
    X(TOPIC_CONFIG_SEGMENT_MS, "segment.ms", CONFIG_ROLL_MS) \
    X(TOPIC_CONFIG_INDEX_INTERVAL, "index.interval.bytes", CONFIG_INDEX_INTERVAL) \
    X(TOPIC_CONFIG_INDEX_BYTES, "segment.index.bytes", CONFIG_INDEX_MAX_BYTES) \
    X(TOPIC_CONFIG_RETENTION_BYTES, "retention.bytes", CONFIG_RETENTION_BYTES) \
    X(TOPIC_CONFIG_RETENTION_MS, "retention.ms", CONFIG_RETENTION_MS) \
    X(TOPIC_CONFIG_DELETE_DELAY, "file.delete.delay.ms", CONFIG_DELETE_DELAY_MS) \
    X(TOPIC_CONFIG_CLEANUP_POLICY, "cleanup.policy", CONFIG_CLEANUP_POLICY) \
    X(TOPIC_CONFIG_TIMESTAMP_TYPE, "message.timestamp.type", CONFIG_TIMESTAMP_TYPE) \
    X(TOPIC_CONFIG_TIMESTAMP_BEFORE, "message.timestamp.before.max.ms", CONFIG_TIMESTAMP_BEFORE_MS) \
    X(TOPIC_CONFIG_TIMESTAMP_AFTER, "message.timestamp.after.max.ms", CONFIG_TIMESTAMP_AFTER_MS) \
    X(TOPIC_CONFIG_MESSAGE_BYTES, "max.message.bytes", CONFIG_MESSAGE_MAX_BYTES)
/* clang-format on */

#endif
