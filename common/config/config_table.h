/*
 * Every setting that there is: one line gives the enum, the parser, the answers of DescribeConfigs and docs/CONFIG.md.
 *
 * X(id, name, type, default, valid, mode, effect, text)
 *   id       CONFIG_<id> is the enum value
 *   type     BOOLEAN, STRING, INT, SHORT, LONG, DOUBLE, LIST, CLASS, PASSWORD: Kafka's types
 *   default  as text; NULL: none
 *   valid    ANY, AT_LEAST(n), BETWEEN(n, m), ONE_OF("a", ...), ONE_OF_ANY_CASE("A", ...), GZIP_LEVEL, THROTTLED,
 *            OVERRIDES
 *   mode     READ_ONLY; PER_BROKER and CLUSTER_WIDE may change at run time
 *   effect   WORKS; DIFFERS("x"): works, and Kafka's default is x; OWN: works, Kafka has no such key;
 *            NO_EFFECT: known, changes nothing here; UNLISTED: the same, and told to clients only where it is set; HIDDEN: the
 *            same, and internal to Kafka; REFUSED: any other value than the default is an error
 *   text     what it does, in a sentence; for NO_EFFECT and HIDDEN one word why: the room that it would belong to
 *
 * Names, types, bounds and defaults are those of Apache Kafka 4.3.1, except where DIFFERS and OWN say otherwise.
 * A topic's settings (CONFIG_TOPIC_TABLE) have SYNONYMS instead of a mode: the node's keys that give their value where the
 * topic has none, the first that is set counts.
 */
#ifndef ODRADEK_CONFIG_CONFIG_TABLE_H
#define ODRADEK_CONFIG_CONFIG_TABLE_H

/* clang-format off */
#define CONFIG_TABLE_OWN(X) \
    X(ADMIN_LISTENERS, "admin.listeners", LIST, NULL, ANY, READ_ONLY, OWN, \
      "Where /livez and /readyz answer: HTTP://host:port. Left out: nowhere. Keep it on loopback.") \
    X(CONFIG_STRICT, "config.strict", BOOLEAN, "false", ANY, READ_ONLY, OWN, \
      "Whether an unknown key in the file is an error instead of a warning.") \
    X(DURABILITY, "durability", STRING, "disk", ONE_OF("disk", "pagecache"), CLUSTER_WIDE, OWN, \
      "What an acknowledgement of acks=all means: disk, every in-sync replica has synced the record; " \
      "pagecache, every in-sync replica has it in memory. Decided by the cluster, as min.insync.replicas " \
      "is.") \
    X(DIR_RESERVE, "log.dir.reserve.bytes", LONG, "67108864", AT_LEAST(0), READ_ONLY, OWN, \
      "Producers are refused with KAFKA_STORAGE_ERROR, which they try again, when the device of a log " \
      "directory has less than this left, or than a 20th of its size. 0: never.") \
    X(LOG_FORMAT, "log.format", STRING, "text", ONE_OF("text", "json"), READ_ONLY, OWN, \
      "Log lines as text, or as one JSON object a line.") \
    X(LOG_LEVEL, "log.level", LIST, "info", ANY, READ_ONLY, OWN, \
      "The least grave lines that are written: debug, info, warn or error; room=level, separated by commas," \
      " sets single rooms.")
/* clang-format on */

/* clang-format off */
#define CONFIG_TABLE_WORKS(X) \
    X(ADVERTISED_LISTENERS, "advertised.listeners", LIST, NULL, ANY, READ_ONLY, WORKS, \
      "The addresses that clients are told, by the name of the listener they came by. Left out, those of " \
      "listeners are told.") \
    X(AUTO_CREATE, "auto.create.topics.enable", BOOLEAN, "true", ANY, READ_ONLY, WORKS, \
      "Whether a topic is created when a client asks for its metadata and allows it.") \
    X(REBALANCE_ENABLE, "auto.leader.rebalance.enable", BOOLEAN, "true", ANY, READ_ONLY, WORKS, \
      "Whether leadership goes back to the preferred replicas by itself.") \
    X(HEARTBEAT_MS, "broker.heartbeat.interval.ms", INT, "300", AT_LEAST(1), READ_ONLY, DIFFERS("2000"), \
      "How often a broker tells the active controller that it lives.") \
    X(BROKER_ID, "broker.id", INT, "-1", ANY, READ_ONLY, WORKS, \
      "The older name of node.id; it counts where node.id is not given.") \
    X(BROKER_RACK, "broker.rack", STRING, NULL, ANY, READ_ONLY, WORKS, \
      "The rack or zone of this broker. Replicas of a partition are spread over racks.") \
    X(SESSION_MS, "broker.session.timeout.ms", INT, "1500", AT_LEAST(1), READ_ONLY, DIFFERS("9000"), \
      "A broker without a heartbeat for so long is fenced, and others lead its partitions.") \
    X(COMPRESSION_GZIP_LEVEL, "compression.gzip.level", INT, "-1", GZIP_LEVEL, CLUSTER_WIDE, WORKS, \
      "The level of gzip where the broker compresses.") \
    X(COMPRESSION_LZ4_LEVEL, "compression.lz4.level", INT, "9", BETWEEN(1, 17), CLUSTER_WIDE, WORKS, \
      "The level of lz4 where the broker compresses.") \
    X(COMPRESSION_TYPE, "compression.type", STRING, "producer", ONE_OF("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), CLUSTER_WIDE, WORKS, \
      "The compression of stored batches: the broker compresses those that came otherwise anew; producer " \
      "keeps what the producer chose.") \
    X(COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", INT, "3", BETWEEN(-131072, 22), CLUSTER_WIDE, WORKS, \
      "The level of zstd where the broker compresses.") \
    X(IDLE_MS, "connections.max.idle.ms", LONG, "600000", AT_LEAST(-1), READ_ONLY, WORKS, \
      "A connection without a request for so long is closed.") \
    X(CONTROLLED_SHUTDOWN_ENABLE, "controlled.shutdown.enable", BOOLEAN, "true", ANY, READ_ONLY, WORKS, \
      "On SIGTERM a broker gives its leaderships away before it stops.") \
    X(CONTROLLER_LISTENERS, "controller.listener.names", LIST, NULL, ANY, READ_ONLY, WORKS, \
      "The names of listeners that belong to controllers. A controller listens on the first of them; left " \
      "out, on the first of listeners.") \
    X(CONTROLLER_QUORUM_BOOTSTRAP_SERVERS, "controller.quorum.bootstrap.servers", LIST, "", ANY, READ_ONLY, WORKS, \
      "Addresses of controllers, host:port, by which a broker finds them where controller.quorum.voters is " \
      "not given.") \
    X(CONTROLLER_QUORUM_ELECTION_BACKOFF_MAX_MS, "controller.quorum.election.backoff.max.ms", INT, "2000", AT_LEAST(0), READ_ONLY, DIFFERS("1000"), \
      "The longest that the election time-out grows to after rounds that nobody won.") \
    X(ELECTION_TIMEOUT_MS, "controller.quorum.election.timeout.ms", INT, "200", BETWEEN(10, 600000), READ_ONLY, DIFFERS("1000"), \
      "How long a controller hears nothing before it stands for election; each draws a time between this " \
      "and twice this.") \
    X(QUORUM_VOTERS, "controller.quorum.voters", LIST, "", ANY, READ_ONLY, WORKS, \
      "The controllers that decide together: id@host:port, separated by commas. The same in every file of " \
      "the cluster.") \
    X(REPLICATION_FACTOR, "default.replication.factor", INT, "1", BETWEEN(1, 16), READ_ONLY, WORKS, \
      "Replicas of a new topic whose creator does not say how many.") \
    X(DELETE_TOPIC_ENABLE, "delete.topic.enable", BOOLEAN, "true", ANY, READ_ONLY, WORKS, \
      "Whether topics may be deleted; the controllers read it.") \
    X(FETCH_MAX_BYTES, "fetch.max.bytes", INT, "57671680", AT_LEAST(1024), READ_ONLY, WORKS, \
      "The most bytes of records in one answer to a fetch.") \
    X(INITIAL_BROKER_REGISTRATION_TIMEOUT_MS, "initial.broker.registration.timeout.ms", INT, "60000", ANY, READ_ONLY, NO_EFFECT, \
      "retried") \
    X(INTER_BROKER_LISTENER, "inter.broker.listener.name", STRING, NULL, ANY, READ_ONLY, WORKS, \
      "The listener by which brokers reach each other. Left out, it is the one whose protocol is " \
      "security.inter.broker.protocol.") \
    X(REBALANCE_CHECK_S, "leader.imbalance.check.interval.seconds", LONG, "300", AT_LEAST(1), READ_ONLY, WORKS, \
      "How often partitions are looked for that their preferred replica does not lead.") \
    X(PROTOCOL_MAP, "listener.security.protocol.map", STRING, "PLAINTEXT:PLAINTEXT", ANY, READ_ONLY, DIFFERS("every protocol under its own name"), \
      "The protocol spoken on each listener: NAME:PROTOCOL, separated by commas. Only PLAINTEXT is spoken " \
      "so far.") \
    X(LISTENERS, "listeners", LIST, "PLAINTEXT://:9092", ANY, READ_ONLY, WORKS, \
      "Where this node listens: NAME://host:port, separated by commas. An empty host means every address of" \
      " the machine.") \
    X(CLEANUP_POLICY, "log.cleanup.policy", LIST, "delete", ONE_OF("compact", "delete"), CLUSTER_WIDE, WORKS, \
      "What becomes of old records: delete removes whole segments by age and size, compact keeps the last " \
      "record of each key.") \
    X(LOG_DIR, "log.dir", LIST, "/tmp/odradek-logs", ANY, READ_ONLY, DIFFERS("/tmp/kafka-logs"), \
      "The directory of the data where log.dirs is not given.") \
    X(LOG_DIRS, "log.dirs", LIST, NULL, ANY, READ_ONLY, WORKS, \
      "The directories of the data, separated by commas; new partitions go to the one with the fewest.") \
    X(CHECKPOINT_MS, "log.flush.offset.checkpoint.interval.ms", INT, "5000", AT_LEAST(100), READ_ONLY, DIFFERS("60000"), \
      "How often the recovery points of all partitions are written down; only what lies behind them is " \
      "scanned after a crash.") \
    X(INDEX_INTERVAL, "log.index.interval.bytes", INT, "4096", AT_LEAST(0), CLUSTER_WIDE, WORKS, \
      "Bytes of log between two entries of its indexes.") \
    X(INDEX_MAX_BYTES, "log.index.size.max.bytes", INT, "10485760", AT_LEAST(4), CLUSTER_WIDE, WORKS, \
      "The most bytes of an offset index or time index; a full index starts a new segment.") \
    X(TIMESTAMP_AFTER_MS, "log.message.timestamp.after.max.ms", LONG, "3600000", AT_LEAST(0), CLUSTER_WIDE, WORKS, \
      "A record whose own time lies further ahead than this is refused.") \
    X(TIMESTAMP_BEFORE_MS, "log.message.timestamp.before.max.ms", LONG, "9223372036854775807", AT_LEAST(0), CLUSTER_WIDE, WORKS, \
      "A record whose own time lies further back than this is refused.") \
    X(TIMESTAMP_TYPE, "log.message.timestamp.type", STRING, "CreateTime", ONE_OF("CreateTime", "LogAppendTime"), CLUSTER_WIDE, WORKS, \
      "Whether a record carries the time of its creation or of its append.") \
    X(RETENTION_BYTES, "log.retention.bytes", LONG, "-1", AT_LEAST(-1), CLUSTER_WIDE, WORKS, \
      "A partition's oldest segments go while it is larger than this; -1: no limit.") \
    X(RETENTION_CHECK_MS, "log.retention.check.interval.ms", LONG, "300000", AT_LEAST(1), READ_ONLY, WORKS, \
      "How often segments are looked for that may go.") \
    X(RETENTION_HOURS, "log.retention.hours", INT, "168", AT_LEAST(-1), READ_ONLY, WORKS, \
      "Segments older than this go, in hours; -1: never.") \
    X(RETENTION_MINUTES, "log.retention.minutes", INT, NULL, AT_LEAST(-1), READ_ONLY, WORKS, \
      "Segments older than this go, in minutes; goes before log.retention.hours.") \
    X(RETENTION_MS, "log.retention.ms", LONG, NULL, AT_LEAST(-1), CLUSTER_WIDE, WORKS, \
      "Segments older than this go; -1: never. Goes before log.retention.minutes and log.retention.hours.") \
    X(ROLL_HOURS, "log.roll.hours", INT, "168", AT_LEAST(1), READ_ONLY, WORKS, \
      "The age at which a new segment is started, in hours.") \
    X(LOG_ROLL_JITTER_HOURS, "log.roll.jitter.hours", INT, "0", AT_LEAST(0), READ_ONLY, WORKS, \
      "A random time up to this is taken off the age of a segment, in hours.") \
    X(LOG_ROLL_JITTER_MS, "log.roll.jitter.ms", LONG, NULL, ANY, CLUSTER_WIDE, WORKS, \
      "A random time up to this is taken off log.roll.ms; goes before log.roll.jitter.hours.") \
    X(ROLL_MS, "log.roll.ms", LONG, NULL, ANY, CLUSTER_WIDE, WORKS, \
      "The age at which a new segment is started; goes before log.roll.hours.") \
    X(SEGMENT_BYTES, "log.segment.bytes", INT, "1073741824", AT_LEAST(1048576), CLUSTER_WIDE, WORKS, \
      "The size at which a partition's log starts a new segment file.") \
    X(DELETE_DELAY_MS, "log.segment.delete.delay.ms", LONG, "60000", AT_LEAST(0), CLUSTER_WIDE, WORKS, \
      "How long a file that went stays on disk under another name.") \
    X(MAX_CONNECTIONS, "max.connections", INT, "2147483647", AT_LEAST(1), CLUSTER_WIDE, WORKS, \
      "Connections that this broker serves at the same time; those beyond are closed at once. Other brokers' " \
      "listener is not counted out.") \
    X(MAX_CONNECTIONS_PER_IP, "max.connections.per.ip", INT, "2147483647", AT_LEAST(0), CLUSTER_WIDE, WORKS, \
      "Connections that this broker serves at the same time from one address.") \
    X(MAX_CONNECTIONS_PER_IP_OVERRIDES, "max.connections.per.ip.overrides", STRING, "", OVERRIDES, CLUSTER_WIDE, WORKS, \
      "Other limits for some addresses: address:count, separated by commas. Addresses, no names.") \
    X(FETCH_SESSIONS, "max.incremental.fetch.session.cache.slots", INT, "1000", AT_LEAST(0), READ_ONLY, WORKS, \
      "Fetch sessions that are remembered (KIP-227).") \
    X(MAX_REQUEST_PARTITION_SIZE_LIMIT, "max.request.partition.size.limit", INT, "2000", AT_LEAST(1), READ_ONLY, WORKS, \
      "Partitions in one answer of DescribeTopicPartitions.") \
    X(MESSAGE_MAX_BYTES, "message.max.bytes", INT, "1048588", AT_LEAST(0), CLUSTER_WIDE, WORKS, \
      "The largest record batch that is accepted, as it arrives.") \
    X(METADATA_LOG_DIR, "metadata.log.dir", STRING, NULL, ANY, READ_ONLY, WORKS, \
      "The directory of a controller's log; left out, the first of log.dirs.") \
    X(SNAPSHOT_BYTES, "metadata.log.max.record.bytes.between.snapshots", LONG, "20971520", AT_LEAST(1), READ_ONLY, WORKS, \
      "A controller writes a snapshot of the metadata when this many bytes of log have come since the last " \
      "one.") \
    X(MIN_ISR, "min.insync.replicas", INT, "1", AT_LEAST(1), CLUSTER_WIDE, WORKS, \
      "Replicas that must be in sync for a write with acks=all. Decided by the cluster: a topic's own " \
      "value, else the cluster-wide default, else the file of the active controller.") \
    X(NODE_ID, "node.id", INT, NULL, AT_LEAST(0), READ_ONLY, WORKS, \
      "The number of this node, unique among the brokers and among the controllers of the cluster. It must " \
      "be given.") \
    X(NETWORK_THREADS, "num.network.threads", INT, NULL, BETWEEN(1, 64), READ_ONLY, DIFFERS("3"), \
      "Reactors: threads that serve connections, each from the first byte to the last. One per core, and a " \
      "single one on machines with up to two.") \
    X(NUM_PARTITIONS, "num.partitions", INT, "1", BETWEEN(1, 100000), READ_ONLY, WORKS, \
      "Partitions of a new topic whose creator does not say how many.") \
    X(NUM_RECOVERY_THREADS_PER_DATA_DIR, "num.recovery.threads.per.data.dir", INT, "2", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, "pool") \
    X(PROCESS_ROLES, "process.roles", LIST, NULL, ONE_OF("broker", "controller"), READ_ONLY, WORKS, \
      "What this process is: broker or controller. It may be left out, since each is a program of its own; " \
      "both in one process is not offered.") \
    X(PRODUCER_EXPIRATION_MS, "producer.id.expiration.ms", INT, "86400000", AT_LEAST(1), CLUSTER_WIDE, WORKS, \
      "How long the last batches of a silent idempotent producer are remembered.") \
    X(REPLICA_FETCH_BACKOFF_MS, "replica.fetch.backoff.ms", INT, "500", AT_LEAST(0), READ_ONLY, DIFFERS("1000"), \
      "How long a follower waits at most after fetches that failed; the first times it waits less.") \
    X(REPLICA_FETCH_BYTES, "replica.fetch.max.bytes", INT, "1048576", AT_LEAST(0), READ_ONLY, WORKS, \
      "Bytes that a follower asks for of one partition; a larger batch comes all the same.") \
    X(REPLICA_FETCH_MIN_BYTES, "replica.fetch.min.bytes", INT, "1", ANY, READ_ONLY, WORKS, \
      "Bytes that a leader waits for before it answers a follower, but never longer than " \
      "replica.fetch.wait.max.ms.") \
    X(REPLICA_RESPONSE_BYTES, "replica.fetch.response.max.bytes", INT, "10485760", AT_LEAST(0), READ_ONLY, WORKS, \
      "Bytes that a follower asks for in one fetch.") \
    X(REPLICA_WAIT_MS, "replica.fetch.wait.max.ms", INT, "500", AT_LEAST(1), READ_ONLY, WORKS, \
      "The longest that a leader waits for replica.fetch.min.bytes; must be below replica.lag.time.max.ms.") \
    X(REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS, "replica.high.watermark.checkpoint.interval.ms", LONG, "5000", AT_LEAST(1), READ_ONLY, WORKS, \
      "How often high watermarks are written down; all checkpoints are written together, in the shorter of " \
      "this and log.flush.offset.checkpoint.interval.ms.") \
    X(LAG_MAX_MS, "replica.lag.time.max.ms", LONG, "30000", AT_LEAST(100), READ_ONLY, WORKS, \
      "A follower that has not reached the leader's end for so long leaves the in-sync set.") \
    X(REPLICA_SELECTOR_CLASS, "replica.selector.class", STRING, NULL, ONE_OF("org.apache.kafka.common.replica.RackAwareReplicaSelector", "org.apache.kafka.common.replica.LeaderSelector"), READ_ONLY, WORKS, \
      "Whether leaders send consumers to an in-sync follower in their own rack (RackAwareReplicaSelector); " \
      "left out, consumers read from leaders.") \
    X(REQUEST_TIMEOUT_MS, "request.timeout.ms", INT, "30000", AT_LEAST(1), READ_ONLY, WORKS, \
      "How long a broker waits for an answer of the controllers to a client's request that does not say so " \
      "itself.") \
    X(SECURITY_INTER_BROKER_PROTOCOL, "security.inter.broker.protocol", STRING, "PLAINTEXT", ONE_OF("PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"), READ_ONLY, WORKS, \
      "Picks the listener between brokers by its protocol where inter.broker.listener.name is not given.") \
    X(BACKLOG, "socket.listen.backlog.size", INT, "50", AT_LEAST(1), READ_ONLY, WORKS, \
      "Connections that the system may hold ready before they are accepted.") \
    X(SOCKET_RECEIVE_BUFFER_BYTES, "socket.receive.buffer.bytes", INT, "-1", AT_LEAST(-1), READ_ONLY, DIFFERS("102400"), \
      "SO_RCVBUF of client connections; -1 leaves it to the system, which finds better ones.") \
    X(REQUEST_MAX_BYTES, "socket.request.max.bytes", INT, "104857600", AT_LEAST(1), READ_ONLY, WORKS, \
      "The longest request that is read; a longer one closes the connection.") \
    X(SOCKET_SEND_BUFFER_BYTES, "socket.send.buffer.bytes", INT, "-1", AT_LEAST(-1), READ_ONLY, DIFFERS("102400"), \
      "SO_SNDBUF of client connections; -1 leaves it to the system, which finds better ones.") \
    X(UNCLEAN_ELECTION, "unclean.leader.election.enable", BOOLEAN, "false", ANY, CLUSTER_WIDE, WORKS, \
      "Whether a replica that is out of sync may lead when no other is left, which loses records. Decided " \
      "by the cluster, as min.insync.replicas is.")
/* clang-format on */

/* clang-format off */
#define CONFIG_TABLE_REFUSED(X) \
    X(ALTER_CONFIG_POLICY_CLASS_NAME, "alter.config.policy.class.name", CLASS, NULL, ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(AUTHORIZER_CLASS_NAME, "authorizer.class.name", STRING, "", ANY, READ_ONLY, REFUSED, \
      "Permissions are not offered yet; running open although an authorizer was asked for would be worse " \
      "than not running. Take the line out, and let only trusted machines reach the listeners.") \
    X(CLIENT_QUOTA_CALLBACK_CLASS, "client.quota.callback.class", CLASS, NULL, ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(CONFIG_PROVIDERS, "config.providers", LIST, "", ANY, CLUSTER_WIDE, REFUSED, \
      "Values are taken as they are written; put them into the file or give them by --override.") \
    X(CREATE_TOPIC_POLICY_CLASS_NAME, "create.topic.policy.class.name", CLASS, NULL, ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(GROUP_SHARE_PERSISTER_CLASS_NAME, "group.share.persister.class.name", STRING, "org.apache.kafka.server.share.persister.DefaultStatePersister", ANY, READ_ONLY, HIDDEN, "share") \
    X(PRINCIPAL_BUILDER_CLASS, "principal.builder.class", CLASS, "org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder", ANY, PER_BROKER, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(REMOTE_LOG_STORAGE_SYSTEM_ENABLE, "remote.log.storage.system.enable", BOOLEAN, "false", ANY, READ_ONLY, REFUSED, \
      "Tiered storage is not offered.") \
    X(SASL_CLIENT_CALLBACK_HANDLER_CLASS, "sasl.client.callback.handler.class", CLASS, NULL, ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(SASL_LOGIN_CALLBACK_HANDLER_CLASS, "sasl.login.callback.handler.class", CLASS, NULL, ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(SASL_LOGIN_CLASS, "sasl.login.class", CLASS, NULL, ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(SASL_OAUTHBEARER_JWT_RETRIEVER_CLASS, "sasl.oauthbearer.jwt.retriever.class", CLASS, "org.apache.kafka.common.security.oauthbearer.DefaultJwtRetriever", ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(SASL_OAUTHBEARER_JWT_VALIDATOR_CLASS, "sasl.oauthbearer.jwt.validator.class", CLASS, "org.apache.kafka.common.security.oauthbearer.DefaultJwtValidator", ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(SASL_SERVER_CALLBACK_HANDLER_CLASS, "sasl.server.callback.handler.class", CLASS, NULL, ANY, READ_ONLY, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.") \
    X(SSL_ENGINE_FACTORY_CLASS, "ssl.engine.factory.class", CLASS, NULL, ANY, PER_BROKER, REFUSED, \
      "This is the name of a Java class, and there is no JVM here.")
/* clang-format on */

/* clang-format off */
#define CONFIG_TABLE_NO_EFFECT(X) \
    X(ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MAX_MS, "add.partitions.to.txn.retry.backoff.max.ms", INT, "100", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "transactions") \
    X(ADD_PARTITIONS_TO_TXN_RETRY_BACKOFF_MS, "add.partitions.to.txn.retry.backoff.ms", INT, "20", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "transactions") \
    X(ALLOW_EVERYONE_IF_NO_ACL_FOUND, "allow.everyone.if.no.acl.found", BOOLEAN, "false", ANY, READ_ONLY, UNLISTED, \
      "security") \
    X(ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_NUM, "alter.log.dirs.replication.quota.window.num", INT, "11", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "quotas") \
    X(ALTER_LOG_DIRS_REPLICATION_QUOTA_WINDOW_SIZE_SECONDS, "alter.log.dirs.replication.quota.window.size.seconds", INT, "1", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "quotas") \
    X(BACKGROUND_THREADS, "background.threads", INT, "10", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, "threads") \
    X(CONNECTION_FAILED_AUTHENTICATION_DELAY_MS, "connection.failed.authentication.delay.ms", INT, "100", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "security") \
    X(CONNECTIONS_MAX_REAUTH_MS, "connections.max.reauth.ms", LONG, "0", ANY, READ_ONLY, NO_EFFECT, "security") \
    X(CONTROLLER_PERFORMANCE_ALWAYS_LOG_THRESHOLD_MS, "controller.performance.always.log.threshold.ms", LONG, "2000", AT_LEAST(0), READ_ONLY, HIDDEN, \
      "raft") \
    X(CONTROLLER_PERFORMANCE_SAMPLE_PERIOD_MS, "controller.performance.sample.period.ms", LONG, "60000", AT_LEAST(100), READ_ONLY, HIDDEN, \
      "raft") \
    X(CONTROLLER_QUORUM_APPEND_LINGER_MS, "controller.quorum.append.linger.ms", INT, "25", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(CONTROLLER_QUORUM_AUTO_JOIN_ENABLE, "controller.quorum.auto.join.enable", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, \
      "raft") \
    X(CONTROLLER_QUORUM_FETCH_MAX_BYTES, "controller.quorum.fetch.max.bytes", INT, "1048576", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(CONTROLLER_QUORUM_FETCH_SNAPSHOT_MAX_BYTES, "controller.quorum.fetch.snapshot.max.bytes", INT, "1048576", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(CONTROLLER_QUORUM_FETCH_TIMEOUT_MS, "controller.quorum.fetch.timeout.ms", INT, "2000", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(CONTROLLER_QUORUM_REQUEST_TIMEOUT_MS, "controller.quorum.request.timeout.ms", INT, "2000", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(CONTROLLER_QUORUM_RETRY_BACKOFF_MS, "controller.quorum.retry.backoff.ms", INT, "20", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(CONTROLLER_QUOTA_WINDOW_NUM, "controller.quota.window.num", INT, "11", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "quotas") \
    X(CONTROLLER_QUOTA_WINDOW_SIZE_SECONDS, "controller.quota.window.size.seconds", INT, "1", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "quotas") \
    X(CONTROLLER_SOCKET_TIMEOUT_MS, "controller.socket.timeout.ms", INT, "30000", ANY, READ_ONLY, NO_EFFECT, "raft") \
    X(CORDONED_LOG_DIRS, "cordoned.log.dirs", LIST, "", ANY, PER_BROKER, NO_EFFECT, "cordoning") \
    X(DELEGATION_TOKEN_EXPIRY_CHECK_INTERVAL_MS, "delegation.token.expiry.check.interval.ms", LONG, "3600000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "security") \
    X(DELEGATION_TOKEN_EXPIRY_TIME_MS, "delegation.token.expiry.time.ms", LONG, "86400000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "security") \
    X(DELEGATION_TOKEN_MAX_LIFETIME_MS, "delegation.token.max.lifetime.ms", LONG, "604800000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "security") \
    X(DELEGATION_TOKEN_SECRET_KEY, "delegation.token.secret.key", PASSWORD, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(DELETE_RECORDS_PURGATORY_PURGE_INTERVAL_REQUESTS, "delete.records.purgatory.purge.interval.requests", INT, "1", ANY, READ_ONLY, NO_EFFECT, \
      "parking") \
    X(EARLY_START_LISTENERS, "early.start.listeners", LIST, NULL, ANY, READ_ONLY, NO_EFFECT, "security") \
    X(FETCH_PURGATORY_PURGE_INTERVAL_REQUESTS, "fetch.purgatory.purge.interval.requests", INT, "1000", ANY, READ_ONLY, NO_EFFECT, \
      "parking") \
    X(FOLLOWER_FETCH_LAST_TIERED_OFFSET_ENABLE, "follower.fetch.last.tiered.offset.enable", BOOLEAN, "false", ANY, CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(FOLLOWER_REPLICATION_THROTTLED_RATE, "follower.replication.throttled.rate", LONG, "9223372036854775807", AT_LEAST(0), CLUSTER_WIDE, UNLISTED, \
      "quotas") \
    X(GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS, "group.consumer.assignment.interval.ms", INT, "1000", AT_LEAST(0), CLUSTER_WIDE, WORKS, \
      "How long a consumer group keeps its assignment before the next is made; members that come meanwhile share the next.") \
    X(GROUP_CONSUMER_ASSIGNORS, "group.consumer.assignors", LIST, "uniform,range", ANY, READ_ONLY, WORKS, \
      "Assignors that members of consumer groups may ask for; the first is that of those who do not ask. Known: uniform, range.") \
    X(GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS, "group.consumer.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), READ_ONLY, WORKS, \
      "How often members of consumer groups are told to send heartbeats.") \
    X(GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS, "group.consumer.max.assignment.interval.ms", INT, "15000", AT_LEAST(0), READ_ONLY, WORKS, \
      "The most that a group may set as consumer.assignment.interval.ms.") \
    X(GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS, "group.consumer.max.heartbeat.interval.ms", INT, "15000", AT_LEAST(1), READ_ONLY, WORKS, \
      "The most that a group may set as consumer.heartbeat.interval.ms.") \
    X(GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS, "group.consumer.max.session.timeout.ms", INT, "60000", AT_LEAST(1), READ_ONLY, WORKS, \
      "The most that a group may set as consumer.session.timeout.ms.") \
    X(GROUP_CONSUMER_MAX_SIZE, "group.consumer.max.size", INT, "2147483647", AT_LEAST(1), READ_ONLY, WORKS, \
      "How many members a consumer group may have.") \
    X(GROUP_CONSUMER_MIGRATION_POLICY, "group.consumer.migration.policy", STRING, "bidirectional", ONE_OF_ANY_CASE("DISABLED", "DOWNGRADE", "UPGRADE", "BIDIRECTIONAL"), READ_ONLY, WORKS, \
      "Whether groups change between the classic and the consumer protocol while they run: upgrade, downgrade, both or neither.") \
    X(GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS, "group.consumer.min.assignment.interval.ms", INT, "0", AT_LEAST(0), READ_ONLY, WORKS, \
      "The least that a group may set as consumer.assignment.interval.ms.") \
    X(GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS, "group.consumer.min.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), READ_ONLY, WORKS, \
      "The least that a group may set as consumer.heartbeat.interval.ms.") \
    X(GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS, "group.consumer.min.session.timeout.ms", INT, "45000", AT_LEAST(1), READ_ONLY, WORKS, \
      "The least that a group may set as consumer.session.timeout.ms.") \
    X(GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS, "group.consumer.regex.refresh.interval.ms", INT, "600000", AT_LEAST(10000), READ_ONLY, HIDDEN, \
      "groups") \
    X(GROUP_CONSUMER_SESSION_TIMEOUT_MS, "group.consumer.session.timeout.ms", INT, "45000", AT_LEAST(1), READ_ONLY, WORKS, \
      "How long a member of a consumer group may be silent before it is fenced.") \
    X(GROUP_COORDINATOR_APPEND_LINGER_MS, "group.coordinator.append.linger.ms", INT, "-1", AT_LEAST(-1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_COORDINATOR_BACKGROUND_THREADS, "group.coordinator.background.threads", INT, "2", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_COORDINATOR_CACHED_BUFFER_MAX_BYTES, "group.coordinator.cached.buffer.max.bytes", INT, "1048588", AT_LEAST(524288), CLUSTER_WIDE, NO_EFFECT, \
      "groups") \
    X(GROUP_COORDINATOR_REBALANCE_PROTOCOLS, "group.coordinator.rebalance.protocols", LIST, "classic,consumer,streams", ONE_OF("consumer", "classic", "share", "streams"), READ_ONLY, WORKS, \
      "Which kinds of groups this broker coordinates; consumer can be left out, classic is always served.") \
    X(GROUP_COORDINATOR_THREADS, "group.coordinator.threads", INT, "4", AT_LEAST(1), READ_ONLY, NO_EFFECT, "groups") \
    X(GROUP_INITIAL_REBALANCE_DELAY_MS, "group.initial.rebalance.delay.ms", INT, "3000", ANY, READ_ONLY, WORKS, \
      "How long the first members of an empty group wait for more of them.") \
    X(GROUP_MAX_SESSION_TIMEOUT_MS, "group.max.session.timeout.ms", INT, "1800000", ANY, READ_ONLY, WORKS, \
      "The longest session.timeout.ms that a member of a classic group may ask for.") \
    X(GROUP_MAX_SIZE, "group.max.size", INT, "2147483647", AT_LEAST(1), READ_ONLY, WORKS, \
      "How many members a classic group may have.") \
    X(GROUP_MIN_SESSION_TIMEOUT_MS, "group.min.session.timeout.ms", INT, "6000", ANY, READ_ONLY, WORKS, \
      "The shortest session.timeout.ms that a member of a classic group may ask for.") \
    X(GROUP_SHARE_ASSIGNMENT_INTERVAL_MS, "group.share.assignment.interval.ms", INT, "1000", AT_LEAST(0), CLUSTER_WIDE, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_ASSIGNORS, "group.share.assignors", LIST, "simple", ANY, READ_ONLY, NO_EFFECT, "sharing") \
    X(GROUP_SHARE_DELIVERY_COUNT_LIMIT, "group.share.delivery.count.limit", INT, "5", BETWEEN(2, 10), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_HEARTBEAT_INTERVAL_MS, "group.share.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_INITIALIZE_RETRY_INTERVAL_MS, "group.share.initialize.retry.interval.ms", INT, "30000", AT_LEAST(1), READ_ONLY, HIDDEN, \
      "sharing") \
    X(GROUP_SHARE_MAX_ASSIGNMENT_INTERVAL_MS, "group.share.max.assignment.interval.ms", INT, "15000", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MAX_DELIVERY_COUNT_LIMIT, "group.share.max.delivery.count.limit", INT, "10", BETWEEN(5, 25), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MAX_HEARTBEAT_INTERVAL_MS, "group.share.max.heartbeat.interval.ms", INT, "15000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MAX_PARTITION_MAX_RECORD_LOCKS, "group.share.max.partition.max.record.locks", INT, "4000", BETWEEN(2000, 10000), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MAX_RECORD_LOCK_DURATION_MS, "group.share.max.record.lock.duration.ms", INT, "60000", BETWEEN(30000, 3600000), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MAX_SESSION_TIMEOUT_MS, "group.share.max.session.timeout.ms", INT, "60000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MAX_SHARE_SESSIONS, "group.share.max.share.sessions", INT, "2000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MAX_SIZE, "group.share.max.size", INT, "200", BETWEEN(1, 1000), READ_ONLY, NO_EFFECT, "sharing") \
    X(GROUP_SHARE_MIN_ASSIGNMENT_INTERVAL_MS, "group.share.min.assignment.interval.ms", INT, "0", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MIN_DELIVERY_COUNT_LIMIT, "group.share.min.delivery.count.limit", INT, "2", BETWEEN(2, 5), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MIN_HEARTBEAT_INTERVAL_MS, "group.share.min.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MIN_PARTITION_MAX_RECORD_LOCKS, "group.share.min.partition.max.record.locks", INT, "100", BETWEEN(100, 2000), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MIN_RECORD_LOCK_DURATION_MS, "group.share.min.record.lock.duration.ms", INT, "15000", BETWEEN(1000, 30000), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_MIN_SESSION_TIMEOUT_MS, "group.share.min.session.timeout.ms", INT, "45000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_PARTITION_MAX_RECORD_LOCKS, "group.share.partition.max.record.locks", INT, "2000", BETWEEN(100, 10000), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_RECORD_LOCK_DURATION_MS, "group.share.record.lock.duration.ms", INT, "30000", BETWEEN(1000, 3600000), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_SHARE_SESSION_TIMEOUT_MS, "group.share.session.timeout.ms", INT, "45000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(GROUP_STREAMS_ASSIGNMENT_INTERVAL_MS, "group.streams.assignment.interval.ms", INT, "1000", AT_LEAST(0), CLUSTER_WIDE, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_HEARTBEAT_INTERVAL_MS, "group.streams.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_INITIAL_REBALANCE_DELAY_MS, "group.streams.initial.rebalance.delay.ms", INT, "3000", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_MAX_ASSIGNMENT_INTERVAL_MS, "group.streams.max.assignment.interval.ms", INT, "15000", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_MAX_HEARTBEAT_INTERVAL_MS, "group.streams.max.heartbeat.interval.ms", INT, "15000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_MAX_SESSION_TIMEOUT_MS, "group.streams.max.session.timeout.ms", INT, "60000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_MAX_SIZE, "group.streams.max.size", INT, "2147483647", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_MAX_STANDBY_REPLICAS, "group.streams.max.standby.replicas", INT, "2", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_MIN_ASSIGNMENT_INTERVAL_MS, "group.streams.min.assignment.interval.ms", INT, "0", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_MIN_HEARTBEAT_INTERVAL_MS, "group.streams.min.heartbeat.interval.ms", INT, "5000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_MIN_SESSION_TIMEOUT_MS, "group.streams.min.session.timeout.ms", INT, "45000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_NUM_STANDBY_REPLICAS, "group.streams.num.standby.replicas", INT, "0", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(GROUP_STREAMS_SESSION_TIMEOUT_MS, "group.streams.session.timeout.ms", INT, "45000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(INTERNAL_METADATA_DELETE_DELAY_MILLIS, "internal.metadata.delete.delay.millis", LONG, "60000", ANY, READ_ONLY, HIDDEN, \
      "internal") \
    X(INTERNAL_METADATA_LOG_SEGMENT_BYTES, "internal.metadata.log.segment.bytes", INT, NULL, ANY, READ_ONLY, HIDDEN, \
      "internal") \
    X(INTERNAL_METADATA_MAX_BATCH_SIZE_IN_BYTES, "internal.metadata.max.batch.size.in.bytes", INT, "8388608", ANY, READ_ONLY, HIDDEN, \
      "internal") \
    X(KAFKA_METRICS_POLLING_INTERVAL_SECS, "kafka.metrics.polling.interval.secs", INT, "10", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "java") \
    X(KAFKA_METRICS_REPORTERS, "kafka.metrics.reporters", LIST, "", ANY, READ_ONLY, NO_EFFECT, "java") \
    X(LEADER_REPLICATION_THROTTLED_RATE, "leader.replication.throttled.rate", LONG, "9223372036854775807", AT_LEAST(0), CLUSTER_WIDE, UNLISTED, \
      "quotas") \
    X(LOG_CLEANER_BACKOFF_MS, "log.cleaner.backoff.ms", LONG, "15000", AT_LEAST(0), CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_DEDUPE_BUFFER_SIZE, "log.cleaner.dedupe.buffer.size", LONG, "134217728", ANY, CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_DELETE_RETENTION_MS, "log.cleaner.delete.retention.ms", LONG, "86400000", AT_LEAST(0), CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_ENABLE, "log.cleaner.enable", BOOLEAN, "true", ANY, READ_ONLY, NO_EFFECT, "compaction") \
    X(LOG_CLEANER_IO_BUFFER_LOAD_FACTOR, "log.cleaner.io.buffer.load.factor", DOUBLE, "0.9", ANY, CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_IO_BUFFER_SIZE, "log.cleaner.io.buffer.size", INT, "524288", AT_LEAST(0), CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_IO_MAX_BYTES_PER_SECOND, "log.cleaner.io.max.bytes.per.second", DOUBLE, "1.7976931348623157E308", ANY, CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_MAX_COMPACTION_LAG_MS, "log.cleaner.max.compaction.lag.ms", LONG, "9223372036854775807", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_MIN_CLEANABLE_RATIO, "log.cleaner.min.cleanable.ratio", DOUBLE, "0.5", BETWEEN(0, 1), CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_MIN_COMPACTION_LAG_MS, "log.cleaner.min.compaction.lag.ms", LONG, "0", AT_LEAST(0), CLUSTER_WIDE, NO_EFFECT, \
      "compaction") \
    X(LOG_CLEANER_THREADS, "log.cleaner.threads", INT, "1", AT_LEAST(0), CLUSTER_WIDE, NO_EFFECT, "compaction") \
    X(LOG_DIR_FAILURE_TIMEOUT_MS, "log.dir.failure.timeout.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "fixed") \
    X(LOG_FLUSH_INTERVAL_MESSAGES, "log.flush.interval.messages", LONG, "9223372036854775807", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "groupcommit") \
    X(LOG_FLUSH_INTERVAL_MS, "log.flush.interval.ms", LONG, NULL, ANY, CLUSTER_WIDE, NO_EFFECT, "groupcommit") \
    X(LOG_FLUSH_SCHEDULER_INTERVAL_MS, "log.flush.scheduler.interval.ms", LONG, "9223372036854775807", ANY, READ_ONLY, NO_EFFECT, \
      "groupcommit") \
    X(LOG_FLUSH_START_OFFSET_CHECKPOINT_INTERVAL_MS, "log.flush.start.offset.checkpoint.interval.ms", INT, "60000", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "groupcommit") \
    X(LOG_INITIAL_TASK_DELAY_MS, "log.initial.task.delay.ms", LONG, "30000", AT_LEAST(0), READ_ONLY, HIDDEN, "fixed") \
    X(LOG_LOCAL_RETENTION_BYTES, "log.local.retention.bytes", LONG, "-2", AT_LEAST(-2), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(LOG_LOCAL_RETENTION_MS, "log.local.retention.ms", LONG, "-2", AT_LEAST(-2), CLUSTER_WIDE, NO_EFFECT, "tiering") \
    X(LOG_PREALLOCATE, "log.preallocate", BOOLEAN, "false", ANY, CLUSTER_WIDE, NO_EFFECT, "filesystem") \
    X(MAX_CONNECTION_CREATION_RATE, "max.connection.creation.rate", INT, "2147483647", AT_LEAST(0), CLUSTER_WIDE, NO_EFFECT, \
      "quotas") \
    X(METADATA_LOG_MAX_SNAPSHOT_INTERVAL_MS, "metadata.log.max.snapshot.interval.ms", LONG, "3600000", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(METADATA_LOG_SEGMENT_BYTES, "metadata.log.segment.bytes", INT, "1073741824", AT_LEAST(8388608), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(METADATA_LOG_SEGMENT_MS, "metadata.log.segment.ms", LONG, "604800000", ANY, READ_ONLY, NO_EFFECT, "raft") \
    X(METADATA_MAX_IDLE_INTERVAL_MS, "metadata.max.idle.interval.ms", INT, "500", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "raft") \
    X(METADATA_MAX_RETENTION_BYTES, "metadata.max.retention.bytes", LONG, "104857600", ANY, READ_ONLY, NO_EFFECT, \
      "raft") \
    X(METADATA_MAX_RETENTION_MS, "metadata.max.retention.ms", LONG, "604800000", ANY, READ_ONLY, NO_EFFECT, "raft") \
    X(METRIC_REPORTERS, "metric.reporters", LIST, "org.apache.kafka.common.metrics.JmxReporter", ANY, CLUSTER_WIDE, NO_EFFECT, \
      "java") \
    X(METRICS_NUM_SAMPLES, "metrics.num.samples", INT, "2", AT_LEAST(1), READ_ONLY, NO_EFFECT, "java") \
    X(METRICS_RECORDING_LEVEL, "metrics.recording.level", STRING, "INFO", ANY, READ_ONLY, NO_EFFECT, "java") \
    X(METRICS_SAMPLE_WINDOW_MS, "metrics.sample.window.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, NO_EFFECT, "java") \
    X(NUM_IO_THREADS, "num.io.threads", INT, "8", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, "threads") \
    X(NUM_REPLICA_ALTER_LOG_DIRS_THREADS, "num.replica.alter.log.dirs.threads", INT, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "threads") \
    X(NUM_REPLICA_FETCHERS, "num.replica.fetchers", INT, "1", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, "threads") \
    X(OFFSET_METADATA_MAX_BYTES, "offset.metadata.max.bytes", INT, "4096", ANY, READ_ONLY, WORKS, \
      "How long the note beside a committed offset may be.") \
    X(OFFSETS_COMMIT_TIMEOUT_MS, "offsets.commit.timeout.ms", INT, "5000", AT_LEAST(1), READ_ONLY, WORKS, \
      "A write of a coordinator that is not committed by then is given up, and who waits for it asks again.") \
    X(OFFSETS_LOAD_BUFFER_SIZE, "offsets.load.buffer.size", INT, "5242880", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "groups") \
    X(OFFSETS_RETENTION_CHECK_INTERVAL_MS, "offsets.retention.check.interval.ms", LONG, "600000", AT_LEAST(1), READ_ONLY, WORKS, \
      "How often coordinators look for offsets that have expired.") \
    X(OFFSETS_RETENTION_MINUTES, "offsets.retention.minutes", INT, "10080", AT_LEAST(1), READ_ONLY, WORKS, \
      "How long the offsets of a group live after its last member left, or, without members, after the commit.") \
    X(OFFSETS_TOPIC_COMPRESSION_CODEC, "offsets.topic.compression.codec", INT, "0", ANY, READ_ONLY, NO_EFFECT, \
      "groups") \
    X(OFFSETS_TOPIC_NUM_PARTITIONS, "offsets.topic.num.partitions", INT, "50", AT_LEAST(1), READ_ONLY, WORKS, \
      "How many partitions __consumer_offsets is created with.") \
    X(OFFSETS_TOPIC_REPLICATION_FACTOR, "offsets.topic.replication.factor", SHORT, "3", AT_LEAST(1), READ_ONLY, WORKS, \
      "How many replicas __consumer_offsets is created with, no more than there are brokers; of the active controller's file: " \
      "how many it gets by itself when more brokers come.") \
    X(OFFSETS_TOPIC_SEGMENT_BYTES, "offsets.topic.segment.bytes", INT, "104857600", AT_LEAST(1), READ_ONLY, WORKS, \
      "The segment.bytes that __consumer_offsets is created with.") \
    X(PRODUCER_ID_EXPIRATION_CHECK_INTERVAL_MS, "producer.id.expiration.check.interval.ms", INT, "600000", AT_LEAST(1), READ_ONLY, HIDDEN, \
      "fixed") \
    X(PRODUCER_PURGATORY_PURGE_INTERVAL_REQUESTS, "producer.purgatory.purge.interval.requests", INT, "1000", ANY, READ_ONLY, NO_EFFECT, \
      "parking") \
    X(QUEUED_MAX_REQUEST_BYTES, "queued.max.request.bytes", LONG, "-1", ANY, READ_ONLY, NO_EFFECT, "reactors") \
    X(QUEUED_MAX_REQUESTS, "queued.max.requests", INT, "500", AT_LEAST(1), READ_ONLY, NO_EFFECT, "reactors") \
    X(QUOTA_WINDOW_NUM, "quota.window.num", INT, "11", AT_LEAST(1), READ_ONLY, NO_EFFECT, "quotas") \
    X(QUOTA_WINDOW_SIZE_SECONDS, "quota.window.size.seconds", INT, "1", AT_LEAST(1), READ_ONLY, NO_EFFECT, "quotas") \
    X(REMOTE_FETCH_MAX_WAIT_MS, "remote.fetch.max.wait.ms", INT, "500", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LIST_OFFSETS_REQUEST_TIMEOUT_MS, "remote.list.offsets.request.timeout.ms", LONG, "30000", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_INDEX_FILE_CACHE_TOTAL_SIZE_BYTES, "remote.log.index.file.cache.total.size.bytes", LONG, "1073741824", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_INDEX_FILE_CACHE_TTL_MS, "remote.log.index.file.cache.ttl.ms", LONG, "900000", AT_LEAST(-1), READ_ONLY, HIDDEN, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_COPIER_THREAD_POOL_SIZE, "remote.log.manager.copier.thread.pool.size", INT, "10", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_COPY_MAX_BYTES_PER_SECOND, "remote.log.manager.copy.max.bytes.per.second", LONG, "9223372036854775807", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_COPY_QUOTA_WINDOW_NUM, "remote.log.manager.copy.quota.window.num", INT, "11", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_COPY_QUOTA_WINDOW_SIZE_SECONDS, "remote.log.manager.copy.quota.window.size.seconds", INT, "1", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_EXPIRATION_THREAD_POOL_SIZE, "remote.log.manager.expiration.thread.pool.size", INT, "10", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_FETCH_MAX_BYTES_PER_SECOND, "remote.log.manager.fetch.max.bytes.per.second", LONG, "9223372036854775807", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_FETCH_QUOTA_WINDOW_NUM, "remote.log.manager.fetch.quota.window.num", INT, "11", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_FETCH_QUOTA_WINDOW_SIZE_SECONDS, "remote.log.manager.fetch.quota.window.size.seconds", INT, "1", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_FOLLOWER_THREAD_POOL_SIZE, "remote.log.manager.follower.thread.pool.size", INT, "2", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_TASK_INTERVAL_MS, "remote.log.manager.task.interval.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_BACKOFF_MAX_MS, "remote.log.manager.task.retry.backoff.max.ms", LONG, "30000", AT_LEAST(1), READ_ONLY, HIDDEN, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_BACKOFF_MS, "remote.log.manager.task.retry.backoff.ms", LONG, "500", AT_LEAST(1), READ_ONLY, HIDDEN, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_TASK_RETRY_JITTER, "remote.log.manager.task.retry.jitter", DOUBLE, "0.2", BETWEEN(0, 1), READ_ONLY, HIDDEN, \
      "tiering") \
    X(REMOTE_LOG_MANAGER_THREAD_POOL_SIZE, "remote.log.manager.thread.pool.size", INT, "2", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_METADATA_CUSTOM_METADATA_MAX_BYTES, "remote.log.metadata.custom.metadata.max.bytes", INT, "128", AT_LEAST(0), READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_METADATA_MANAGER_CLASS_NAME, "remote.log.metadata.manager.class.name", STRING, "org.apache.kafka.server.log.remote.metadata.storage.TopicBasedRemoteLogMetadataManager", ANY, READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_METADATA_MANAGER_CLASS_PATH, "remote.log.metadata.manager.class.path", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_METADATA_MANAGER_IMPL_PREFIX, "remote.log.metadata.manager.impl.prefix", STRING, "rlmm.config.", ANY, READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_METADATA_MANAGER_LISTENER_NAME, "remote.log.metadata.manager.listener.name", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_READER_MAX_PENDING_TASKS, "remote.log.reader.max.pending.tasks", INT, "100", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_READER_THREADS, "remote.log.reader.threads", INT, "10", AT_LEAST(1), CLUSTER_WIDE, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_STORAGE_MANAGER_CLASS_NAME, "remote.log.storage.manager.class.name", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_STORAGE_MANAGER_CLASS_PATH, "remote.log.storage.manager.class.path", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REMOTE_LOG_STORAGE_MANAGER_IMPL_PREFIX, "remote.log.storage.manager.impl.prefix", STRING, "rsm.config.", ANY, READ_ONLY, NO_EFFECT, \
      "tiering") \
    X(REPLICA_ALTER_LOG_DIRS_IO_MAX_BYTES_PER_SECOND, "replica.alter.log.dirs.io.max.bytes.per.second", LONG, "9223372036854775807", AT_LEAST(0), CLUSTER_WIDE, UNLISTED, \
      "fixed") \
    X(REPLICA_SOCKET_RECEIVE_BUFFER_BYTES, "replica.socket.receive.buffer.bytes", INT, "65536", ANY, READ_ONLY, NO_EFFECT, \
      "fixed") \
    X(REPLICA_SOCKET_TIMEOUT_MS, "replica.socket.timeout.ms", INT, "30000", AT_LEAST(1), READ_ONLY, WORKS, \
      "How long a follower waits for the answer to a fetch before it connects anew; longer than " \
      "replica.fetch.wait.max.ms.") \
    X(REPLICATION_QUOTA_WINDOW_NUM, "replication.quota.window.num", INT, "11", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "quotas") \
    X(REPLICATION_QUOTA_WINDOW_SIZE_SECONDS, "replication.quota.window.size.seconds", INT, "1", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "quotas") \
    X(SASL_ENABLED_MECHANISMS, "sasl.enabled.mechanisms", LIST, "GSSAPI", ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SASL_JAAS_CONFIG, "sasl.jaas.config", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SASL_KERBEROS_KINIT_CMD, "sasl.kerberos.kinit.cmd", STRING, "/usr/bin/kinit", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_KERBEROS_MIN_TIME_BEFORE_RELOGIN, "sasl.kerberos.min.time.before.relogin", LONG, "60000", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_KERBEROS_PRINCIPAL_TO_LOCAL_RULES, "sasl.kerberos.principal.to.local.rules", LIST, "DEFAULT", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_KERBEROS_SERVICE_NAME, "sasl.kerberos.service.name", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SASL_KERBEROS_TICKET_RENEW_JITTER, "sasl.kerberos.ticket.renew.jitter", DOUBLE, "0.05", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_KERBEROS_TICKET_RENEW_WINDOW_FACTOR, "sasl.kerberos.ticket.renew.window.factor", DOUBLE, "0.8", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_LOGIN_CONNECT_TIMEOUT_MS, "sasl.login.connect.timeout.ms", INT, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_LOGIN_READ_TIMEOUT_MS, "sasl.login.read.timeout.ms", INT, NULL, ANY, READ_ONLY, NO_EFFECT, "security") \
    X(SASL_LOGIN_REFRESH_BUFFER_SECONDS, "sasl.login.refresh.buffer.seconds", SHORT, "300", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_LOGIN_REFRESH_MIN_PERIOD_SECONDS, "sasl.login.refresh.min.period.seconds", SHORT, "60", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_LOGIN_REFRESH_WINDOW_FACTOR, "sasl.login.refresh.window.factor", DOUBLE, "0.8", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_LOGIN_REFRESH_WINDOW_JITTER, "sasl.login.refresh.window.jitter", DOUBLE, "0.05", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_LOGIN_RETRY_BACKOFF_MAX_MS, "sasl.login.retry.backoff.max.ms", LONG, "10000", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_LOGIN_RETRY_BACKOFF_MS, "sasl.login.retry.backoff.ms", LONG, "100", ANY, READ_ONLY, NO_EFFECT, "security") \
    X(SASL_MECHANISM_CONTROLLER_PROTOCOL, "sasl.mechanism.controller.protocol", STRING, "GSSAPI", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_MECHANISM_INTER_BROKER_PROTOCOL, "sasl.mechanism.inter.broker.protocol", STRING, "GSSAPI", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_ALGORITHM, "sasl.oauthbearer.assertion.algorithm", STRING, "RS256", ONE_OF_ANY_CASE("ES256", "RS256"), READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_AUD, "sasl.oauthbearer.assertion.claim.aud", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_EXP_SECONDS, "sasl.oauthbearer.assertion.claim.exp.seconds", INT, "300", BETWEEN(0, 86400), READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_ISS, "sasl.oauthbearer.assertion.claim.iss", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_JTI_INCLUDE, "sasl.oauthbearer.assertion.claim.jti.include", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_NBF_SECONDS, "sasl.oauthbearer.assertion.claim.nbf.seconds", INT, "60", BETWEEN(0, 3600), READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_CLAIM_SUB, "sasl.oauthbearer.assertion.claim.sub", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_FILE, "sasl.oauthbearer.assertion.file", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_FILE, "sasl.oauthbearer.assertion.private.key.file", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_PRIVATE_KEY_PASSPHRASE, "sasl.oauthbearer.assertion.private.key.passphrase", PASSWORD, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_ASSERTION_TEMPLATE_FILE, "sasl.oauthbearer.assertion.template.file", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_ID, "sasl.oauthbearer.client.credentials.client.id", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_CLIENT_CREDENTIALS_CLIENT_SECRET, "sasl.oauthbearer.client.credentials.client.secret", PASSWORD, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_CLOCK_SKEW_SECONDS, "sasl.oauthbearer.clock.skew.seconds", INT, "30", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_EXPECTED_AUDIENCE, "sasl.oauthbearer.expected.audience", LIST, "", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_EXPECTED_ISSUER, "sasl.oauthbearer.expected.issuer", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_REFRESH_MS, "sasl.oauthbearer.jwks.endpoint.refresh.ms", LONG, "3600000", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MAX_MS, "sasl.oauthbearer.jwks.endpoint.retry.backoff.max.ms", LONG, "10000", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_RETRY_BACKOFF_MS, "sasl.oauthbearer.jwks.endpoint.retry.backoff.ms", LONG, "100", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_JWKS_ENDPOINT_URL, "sasl.oauthbearer.jwks.endpoint.url", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_SCOPE, "sasl.oauthbearer.scope", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "security") \
    X(SASL_OAUTHBEARER_SCOPE_CLAIM_NAME, "sasl.oauthbearer.scope.claim.name", STRING, "scope", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_SUB_CLAIM_NAME, "sasl.oauthbearer.sub.claim.name", STRING, "sub", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_OAUTHBEARER_TOKEN_ENDPOINT_URL, "sasl.oauthbearer.token.endpoint.url", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SASL_SERVER_MAX_RECEIVE_SIZE, "sasl.server.max.receive.size", INT, "524288", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SECURITY_PROVIDERS, "security.providers", STRING, NULL, ANY, READ_ONLY, NO_EFFECT, "security") \
    X(SERVER_MAX_STARTUP_TIME_MS, "server.max.startup.time.ms", LONG, "9223372036854775807", AT_LEAST(0), READ_ONLY, HIDDEN, \
      "internal") \
    X(SHARE_COORDINATOR_APPEND_LINGER_MS, "share.coordinator.append.linger.ms", INT, "-1", AT_LEAST(-1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(SHARE_COORDINATOR_CACHED_BUFFER_MAX_BYTES, "share.coordinator.cached.buffer.max.bytes", INT, "1048588", AT_LEAST(524288), CLUSTER_WIDE, NO_EFFECT, \
      "sharing") \
    X(SHARE_COORDINATOR_COLD_PARTITION_SNAPSHOT_INTERVAL_MS, "share.coordinator.cold.partition.snapshot.interval.ms", INT, "300000", AT_LEAST(1), READ_ONLY, HIDDEN, \
      "sharing") \
    X(SHARE_COORDINATOR_LOAD_BUFFER_SIZE, "share.coordinator.load.buffer.size", INT, "5242880", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(SHARE_COORDINATOR_SNAPSHOT_UPDATE_RECORDS_PER_SNAPSHOT, "share.coordinator.snapshot.update.records.per.snapshot", INT, "500", BETWEEN(0, 500), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(SHARE_COORDINATOR_STATE_TOPIC_COMPRESSION_CODEC, "share.coordinator.state.topic.compression.codec", INT, "0", ANY, READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR, "share.coordinator.state.topic.min.isr", SHORT, "2", AT_LEAST(1), READ_ONLY, WORKS, \
      "The min.insync.replicas that __share_group_state is created with.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_NUM_PARTITIONS, "share.coordinator.state.topic.num.partitions", INT, "50", AT_LEAST(1), READ_ONLY, WORKS, \
      "How many partitions __share_group_state is created with.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_PRUNE_INTERVAL_MS, "share.coordinator.state.topic.prune.interval.ms", INT, "300000", AT_LEAST(1), READ_ONLY, HIDDEN, \
      "sharing") \
    X(SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR, "share.coordinator.state.topic.replication.factor", SHORT, "3", AT_LEAST(1), READ_ONLY, WORKS, \
      "How many replicas __share_group_state is created with, no more than there are brokers; of the active controller's file: " \
      "how many it gets by itself when more brokers come.") \
    X(SHARE_COORDINATOR_STATE_TOPIC_SEGMENT_BYTES, "share.coordinator.state.topic.segment.bytes", INT, "104857600", AT_LEAST(1), READ_ONLY, WORKS, \
      "The segment.bytes that __share_group_state is created with.") \
    X(SHARE_COORDINATOR_THREADS, "share.coordinator.threads", INT, "1", AT_LEAST(1), READ_ONLY, NO_EFFECT, "sharing") \
    X(SHARE_COORDINATOR_WRITE_TIMEOUT_MS, "share.coordinator.write.timeout.ms", INT, "5000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(SHARE_FETCH_PURGATORY_PURGE_INTERVAL_REQUESTS, "share.fetch.purgatory.purge.interval.requests", INT, "1000", ANY, READ_ONLY, NO_EFFECT, \
      "sharing") \
    X(SOCKET_CONNECTION_SETUP_TIMEOUT_MAX_MS, "socket.connection.setup.timeout.max.ms", LONG, "30000", ANY, READ_ONLY, NO_EFFECT, \
      "fixed") \
    X(SOCKET_CONNECTION_SETUP_TIMEOUT_MS, "socket.connection.setup.timeout.ms", LONG, "10000", ANY, READ_ONLY, NO_EFFECT, \
      "fixed") \
    X(SSL_ALLOW_DN_CHANGES, "ssl.allow.dn.changes", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, "security") \
    X(SSL_ALLOW_SAN_CHANGES, "ssl.allow.san.changes", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, "security") \
    X(SSL_CIPHER_SUITES, "ssl.cipher.suites", LIST, "", ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_CLIENT_AUTH, "ssl.client.auth", STRING, "none", ONE_OF("required", "requested", "none"), PER_BROKER, NO_EFFECT, \
      "security") \
    X(SSL_ENABLED_PROTOCOLS, "ssl.enabled.protocols", LIST, "TLSv1.2,TLSv1.3", ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_ENDPOINT_IDENTIFICATION_ALGORITHM, "ssl.endpoint.identification.algorithm", STRING, "https", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SSL_KEY_PASSWORD, "ssl.key.password", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_KEYMANAGER_ALGORITHM, "ssl.keymanager.algorithm", STRING, "SunX509", ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_KEYSTORE_CERTIFICATE_CHAIN, "ssl.keystore.certificate.chain", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SSL_KEYSTORE_KEY, "ssl.keystore.key", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_KEYSTORE_LOCATION, "ssl.keystore.location", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_KEYSTORE_PASSWORD, "ssl.keystore.password", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_KEYSTORE_TYPE, "ssl.keystore.type", STRING, "JKS", ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_PRINCIPAL_MAPPING_RULES, "ssl.principal.mapping.rules", STRING, "DEFAULT", ANY, READ_ONLY, NO_EFFECT, \
      "security") \
    X(SSL_PROTOCOL, "ssl.protocol", STRING, "TLSv1.3", ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_PROVIDER, "ssl.provider", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_SECURE_RANDOM_IMPLEMENTATION, "ssl.secure.random.implementation", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SSL_TRUSTMANAGER_ALGORITHM, "ssl.trustmanager.algorithm", STRING, "PKIX", ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SSL_TRUSTSTORE_CERTIFICATES, "ssl.truststore.certificates", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, \
      "security") \
    X(SSL_TRUSTSTORE_LOCATION, "ssl.truststore.location", STRING, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_TRUSTSTORE_PASSWORD, "ssl.truststore.password", PASSWORD, NULL, ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SSL_TRUSTSTORE_TYPE, "ssl.truststore.type", STRING, "JKS", ANY, PER_BROKER, NO_EFFECT, "security") \
    X(SUPER_USERS, "super.users", STRING, "", ANY, READ_ONLY, UNLISTED, "security") \
    X(TELEMETRY_MAX_BYTES, "telemetry.max.bytes", INT, "1048576", AT_LEAST(1), READ_ONLY, NO_EFFECT, "telemetry") \
    X(TRANSACTION_ABORT_TIMED_OUT_TRANSACTION_CLEANUP_INTERVAL_MS, "transaction.abort.timed.out.transaction.cleanup.interval.ms", INT, "10000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "transactions") \
    X(TRANSACTION_MAX_TIMEOUT_MS, "transaction.max.timeout.ms", INT, "900000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "transactions") \
    X(TRANSACTION_PARTITION_VERIFICATION_ENABLE, "transaction.partition.verification.enable", BOOLEAN, "true", ANY, CLUSTER_WIDE, NO_EFFECT, \
      "transactions") \
    X(TRANSACTION_REMOVE_EXPIRED_TRANSACTION_CLEANUP_INTERVAL_MS, "transaction.remove.expired.transaction.cleanup.interval.ms", INT, "3600000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "transactions") \
    X(TRANSACTION_STATE_LOG_LOAD_BUFFER_SIZE, "transaction.state.log.load.buffer.size", INT, "5242880", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "transactions") \
    X(TRANSACTION_STATE_LOG_MIN_ISR, "transaction.state.log.min.isr", INT, "2", AT_LEAST(1), READ_ONLY, WORKS, \
      "The min.insync.replicas that __transaction_state is created with.") \
    X(TRANSACTION_STATE_LOG_NUM_PARTITIONS, "transaction.state.log.num.partitions", INT, "50", AT_LEAST(1), READ_ONLY, WORKS, \
      "How many partitions __transaction_state is created with.") \
    X(TRANSACTION_STATE_LOG_REPLICATION_FACTOR, "transaction.state.log.replication.factor", SHORT, "3", AT_LEAST(1), READ_ONLY, WORKS, \
      "How many replicas __transaction_state is created with, no more than there are brokers; of the active controller's file: " \
      "how many it gets by itself when more brokers come.") \
    X(TRANSACTION_STATE_LOG_SEGMENT_BYTES, "transaction.state.log.segment.bytes", INT, "104857600", AT_LEAST(1), READ_ONLY, WORKS, \
      "The segment.bytes that __transaction_state is created with.") \
    X(TRANSACTION_TWO_PHASE_COMMIT_ENABLE, "transaction.two.phase.commit.enable", BOOLEAN, "false", ANY, READ_ONLY, NO_EFFECT, \
      "transactions") \
    X(TRANSACTIONAL_ID_EXPIRATION_MS, "transactional.id.expiration.ms", INT, "604800000", AT_LEAST(1), READ_ONLY, NO_EFFECT, \
      "transactions") \
    X(UNCLEAN_LEADER_ELECTION_INTERVAL_MS, "unclean.leader.election.interval.ms", LONG, "300000", AT_LEAST(1), READ_ONLY, HIDDEN, \
      "controllers") \
    X(UNSTABLE_API_VERSIONS_ENABLE, "unstable.api.versions.enable", BOOLEAN, "false", ANY, READ_ONLY, HIDDEN, \
      "internal") \
    X(UNSTABLE_FEATURE_VERSIONS_ENABLE, "unstable.feature.versions.enable", BOOLEAN, "false", ANY, READ_ONLY, HIDDEN, \
      "internal")
/* clang-format on */

#define CONFIG_TABLE(X) \
    CONFIG_TABLE_OWN(X) CONFIG_TABLE_WORKS(X) CONFIG_TABLE_REFUSED(X) CONFIG_TABLE_NO_EFFECT(X)

/* clang-format off */
#define CONFIG_TOPIC_TABLE(X) \
    X(CLEANUP_POLICY, "cleanup.policy", LIST, "delete", ONE_OF("compact", "delete"), SYNONYMS(CONFIG_CLEANUP_POLICY), WORKS, \
      "What becomes of old records: delete removes whole segments by age and size, compact keeps the last " \
      "record of each key.") \
    X(COMPRESSION_GZIP_LEVEL, "compression.gzip.level", INT, "-1", GZIP_LEVEL, SYNONYMS(CONFIG_COMPRESSION_GZIP_LEVEL), WORKS, \
      "The level of gzip where the broker compresses.") \
    X(COMPRESSION_LZ4_LEVEL, "compression.lz4.level", INT, "9", BETWEEN(1, 17), SYNONYMS(CONFIG_COMPRESSION_LZ4_LEVEL), WORKS, \
      "The level of lz4 where the broker compresses.") \
    X(COMPRESSION_TYPE, "compression.type", STRING, "producer", ONE_OF("uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"), SYNONYMS(CONFIG_COMPRESSION_TYPE), WORKS, \
      "The compression of stored batches: the broker compresses those that came otherwise anew; producer " \
      "keeps what the producer chose.") \
    X(COMPRESSION_ZSTD_LEVEL, "compression.zstd.level", INT, "3", BETWEEN(-131072, 22), SYNONYMS(CONFIG_COMPRESSION_ZSTD_LEVEL), WORKS, \
      "The level of zstd where the broker compresses.") \
    X(DELETE_RETENTION_MS, "delete.retention.ms", LONG, "86400000", AT_LEAST(0), SYNONYMS(CONFIG_LOG_CLEANER_DELETE_RETENTION_MS), NO_EFFECT, \
      "compaction") \
    X(DURABILITY, "durability", STRING, "disk", ONE_OF("disk", "pagecache"), SYNONYMS(CONFIG_DURABILITY), OWN, \
      "What an acknowledgement of acks=all means: disk, every in-sync replica has synced the record; " \
      "pagecache, every in-sync replica has it in memory.") \
    X(DELETE_DELAY, "file.delete.delay.ms", LONG, "60000", AT_LEAST(0), SYNONYMS(CONFIG_DELETE_DELAY_MS), WORKS, \
      "How long a file that went stays on disk under another name.") \
    X(FLUSH_MESSAGES, "flush.messages", LONG, "9223372036854775807", AT_LEAST(1), SYNONYMS(CONFIG_LOG_FLUSH_INTERVAL_MESSAGES), NO_EFFECT, \
      "groupcommit") \
    X(FLUSH_MS, "flush.ms", LONG, "9223372036854775807", AT_LEAST(0), SYNONYMS(CONFIG_LOG_FLUSH_INTERVAL_MS, CONFIG_LOG_FLUSH_SCHEDULER_INTERVAL_MS), NO_EFFECT, \
      "groupcommit") \
    X(FOLLOWER_REPLICATION_THROTTLED_REPLICAS, "follower.replication.throttled.replicas", LIST, "", THROTTLED, NO_SYNONYM, NO_EFFECT, \
      "quotas") \
    X(INDEX_INTERVAL, "index.interval.bytes", INT, "4096", AT_LEAST(0), SYNONYMS(CONFIG_INDEX_INTERVAL), WORKS, \
      "Bytes of log between two entries of its indexes.") \
    X(INTERNAL_SEGMENT_BYTES, "internal.segment.bytes", INT, NULL, ANY, NO_SYNONYM, HIDDEN, "internal") \
    X(LEADER_REPLICATION_THROTTLED_REPLICAS, "leader.replication.throttled.replicas", LIST, "", THROTTLED, NO_SYNONYM, NO_EFFECT, \
      "quotas") \
    X(LOCAL_RETENTION_BYTES, "local.retention.bytes", LONG, "-2", AT_LEAST(-2), SYNONYMS(CONFIG_LOG_LOCAL_RETENTION_BYTES), NO_EFFECT, \
      "tiering") \
    X(LOCAL_RETENTION_MS, "local.retention.ms", LONG, "-2", AT_LEAST(-2), SYNONYMS(CONFIG_LOG_LOCAL_RETENTION_MS), NO_EFFECT, \
      "tiering") \
    X(MAX_COMPACTION_LAG_MS, "max.compaction.lag.ms", LONG, "9223372036854775807", AT_LEAST(1), SYNONYMS(CONFIG_LOG_CLEANER_MAX_COMPACTION_LAG_MS), NO_EFFECT, \
      "compaction") \
    X(MESSAGE_BYTES, "max.message.bytes", INT, "1048588", AT_LEAST(0), SYNONYMS(CONFIG_MESSAGE_MAX_BYTES), WORKS, \
      "The largest record batch that is accepted, as it arrives.") \
    X(TIMESTAMP_AFTER, "message.timestamp.after.max.ms", LONG, "3600000", AT_LEAST(0), SYNONYMS(CONFIG_TIMESTAMP_AFTER_MS), WORKS, \
      "A record whose own time lies further ahead than this is refused.") \
    X(TIMESTAMP_BEFORE, "message.timestamp.before.max.ms", LONG, "9223372036854775807", AT_LEAST(0), SYNONYMS(CONFIG_TIMESTAMP_BEFORE_MS), WORKS, \
      "A record whose own time lies further back than this is refused.") \
    X(TIMESTAMP_TYPE, "message.timestamp.type", STRING, "CreateTime", ONE_OF("CreateTime", "LogAppendTime"), SYNONYMS(CONFIG_TIMESTAMP_TYPE), WORKS, \
      "Whether a record carries the time of its creation or of its append.") \
    X(MIN_CLEANABLE_DIRTY_RATIO, "min.cleanable.dirty.ratio", DOUBLE, "0.5", BETWEEN(0, 1), SYNONYMS(CONFIG_LOG_CLEANER_MIN_CLEANABLE_RATIO), NO_EFFECT, \
      "compaction") \
    X(MIN_COMPACTION_LAG_MS, "min.compaction.lag.ms", LONG, "0", AT_LEAST(0), SYNONYMS(CONFIG_LOG_CLEANER_MIN_COMPACTION_LAG_MS), NO_EFFECT, \
      "compaction") \
    X(MIN_ISR, "min.insync.replicas", INT, "1", AT_LEAST(1), SYNONYMS(CONFIG_MIN_ISR), WORKS, \
      "Replicas that must be in sync for a write with acks=all; below it such writes are refused.") \
    X(PREALLOCATE, "preallocate", BOOLEAN, "false", ANY, SYNONYMS(CONFIG_LOG_PREALLOCATE), NO_EFFECT, "filesystem") \
    X(REMOTE_LOG_COPY_DISABLE, "remote.log.copy.disable", BOOLEAN, "false", ANY, NO_SYNONYM, NO_EFFECT, "tiering") \
    X(REMOTE_LOG_DELETE_ON_DISABLE, "remote.log.delete.on.disable", BOOLEAN, "false", ANY, NO_SYNONYM, NO_EFFECT, \
      "tiering") \
    X(REMOTE_STORAGE_ENABLE, "remote.storage.enable", BOOLEAN, "false", ANY, NO_SYNONYM, REFUSED, \
      "Tiered Storage functionality is disabled in the broker. Topic cannot be configured with remote log " \
      "storage.") \
    X(RETENTION_BYTES, "retention.bytes", LONG, "-1", ANY, SYNONYMS(CONFIG_RETENTION_BYTES), WORKS, \
      "A partition's oldest segments go while it is larger than this; -1: no limit.") \
    X(RETENTION_MS, "retention.ms", LONG, "604800000", AT_LEAST(-1), SYNONYMS(CONFIG_RETENTION_MS, CONFIG_RETENTION_MINUTES, CONFIG_RETENTION_HOURS), WORKS, \
      "Segments older than this go; -1: never.") \
    X(SEGMENT_BYTES, "segment.bytes", INT, "1073741824", AT_LEAST(1048576), SYNONYMS(CONFIG_SEGMENT_BYTES), WORKS, \
      "The size at which a partition's log starts a new segment file.") \
    X(INDEX_BYTES, "segment.index.bytes", INT, "10485760", AT_LEAST(4), SYNONYMS(CONFIG_INDEX_MAX_BYTES), WORKS, \
      "The most bytes of an offset index or time index; a full index starts a new segment.") \
    X(SEGMENT_JITTER_MS, "segment.jitter.ms", LONG, "0", AT_LEAST(0), SYNONYMS(CONFIG_LOG_ROLL_JITTER_MS, CONFIG_LOG_ROLL_JITTER_HOURS), WORKS, \
      "A random time up to this is taken off segment.ms, so that not all partitions roll at once.") \
    X(SEGMENT_MS, "segment.ms", LONG, "604800000", AT_LEAST(1), SYNONYMS(CONFIG_ROLL_MS, CONFIG_ROLL_HOURS), WORKS, \
      "The age at which a new segment is started.") \
    X(UNCLEAN, "unclean.leader.election.enable", BOOLEAN, "false", ANY, SYNONYMS(CONFIG_UNCLEAN_ELECTION), WORKS, \
      "Whether a replica that is out of sync may lead when no other is left, which loses records.")
/* clang-format on */

/* Keys of earlier days and other products, by their beginning, and what to do about them. */
/* clang-format off */
#define CONFIG_LEGACY_TABLE(X) \
    X("zookeeper.", "There is no ZooKeeper here: name the controllers in controller.quorum.voters") \
    X("inter.broker.protocol.version", "Versions are agreed on by themselves; take the line out") \
    X("log.message.format.version", "Only the current format of record batches is written; take the line out") \
    X("control.plane.listener.name", "Brokers reach the controllers by connections of their own; take the line out") \
    X("password.encoder.", "Nothing is encrypted with a password here; take the line out")
/* Beginnings of keys whose rest is free, and the word why they have no effect. */
#define CONFIG_PREFIX_TABLE(X) \
    X("listener.name.", "security") \
    X("rsm.config.", "tiering") \
    X("rlmm.config.", "tiering")
/* clang-format on */

#endif
