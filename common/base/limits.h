/*
 * Every bound of the house, with its reason. Configurable limits have their defaults in common/config.
 */
#ifndef ODRADEK_BASE_LIMITS_H
#define ODRADEK_BASE_LIMITS_H

/* Kafka topic names: 249 characters, so that a "-partition.<uuid>-delete" folder name fits into 255 (Topic.java's limit). */
#define TOPIC_NAME_MAX             249
/* Host names: RFC 1035 §2.3.4. */
#define HOST_NAME_MAX_BYTES        255
/* A broker id is an int32 >= 0; replicas per partition are bounded so that core structs have a fixed size. */
#define REPLICAS_MAX               16
/* Voters of the controller quorum: 1, 3, 5; two more while one is exchanged. */
#define VOTERS_MAX                 7
/* Listeners per node: PLAINTEXT, SSL, internal, external, with room to spare. */
#define LISTENERS_MAX              8
/* Log directories per broker (Kafka's log.dirs). */
#define LOG_DIRS_MAX               8
/* Partitions of one topic: fits one metadata response of 100 MiB with room to spare. */
#define TOPIC_PARTITIONS_MAX       100000
/* Partitions that one request makes, as in Kafka. A topic's come in one batch with it: where a controller dies between two, a part of
 * a topic would be left. */
#define REQUEST_PARTITIONS_MAX     10000
/* Other decisions are cut into batches of so many records, each of which may stand alone. */
#define METADATA_PIECE_RECORDS     1024
/* Records in one metadata batch. */
#define METADATA_BATCH_RECORDS_MAX (REQUEST_PARTITIONS_MAX + METADATA_PIECE_RECORDS)
/* Partitions of the cluster's own topics that copy a replica at a time: whoever joins a running cluster should not have it copy
 * all coordinators' state at once. */
#define RAISE_PARTITIONS_MAX       8u
/* So long after none of these has got in sync or gone they do not count any more, and others begin: a device that takes nothing,
 * or rot that nobody can mend, may keep them for ever. */
#define RAISE_PATIENCE_MS          60000
/* What a controller keeps in memory, its image of the cluster above all. */
#define CONTROLLER_HEAP_MAX        ((size_t)2 << 30)
/* Names of settings, features and listeners, racks; values of settings: a string of the Kafka protocol before it was flexible. */
#define META_NAME_MAX              255
#define META_VALUE_MAX             32767
/* A frame between nodes (protobuf): snapshots go in chunks, so nothing is larger. */
#define RPC_FRAME_MAX              (8u << 20)
/* What a frame carries in one piece for somebody else: a forwarded request, its answer, a batch. The rest of the frame is less. */
#define RPC_BODY_MAX               (RPC_FRAME_MAX - 4096u)
#define RPC_CHUNK_MAX              (1u << 20)
/* Kafka frames before anything is known about the client; socket.request.max.bytes afterwards. */
#define FRAME_MAX_DEFAULT          (100u << 20)
/* Nesting of Kafka messages: the deepest official message has 4 levels. */
#define KMSG_DEPTH_MAX             8
/* Elements of one array and tagged fields of one struct (limits of Kafka 4.4). */
#define KMSG_ARRAY_MAX             1000000
#define KMSG_TAGS_MAX              10000
/* A compressed batch may hold at most this much, and at most 1,000 times its own size. */
#define BATCH_OUTPUT_MAX           (256u << 20)
#define BATCH_RATIO_MAX            1000
/* ... once it is past this: zstd makes 10,000:1 of the zeros that benchmarks like to send, and few megabytes harm nobody. */
#define BATCH_RATIO_FREE           (16u << 20)
/* Plain bytes of a compressed batch that a reactor looks at itself, about a millisecond; the pool checks larger ones. */
#define BATCH_CHECK_HERE_MAX       (1u << 20)
/* Batches of a producer that are remembered to recognise duplicates (max.in.flight.requests of idempotent clients). */
#define PRODUCER_BATCHES           5
/* Requests of one connection that are read ahead while earlier ones wait for their answers: with few connections as many as a
 * busy producer has on its way, so that one sync covers them all; with many, the least. */
#define CONNECTION_PIPELINE_MAX    128
#define CONNECTION_PIPELINE_MIN    16
/* ... of all connections of a reactor together, while that leaves each the least. */
#define EDGE_PIPELINES             2048
/* Topics that are being created because clients asked for them, per reactor: more are created when they ask again. */
#define AUTO_CREATIONS_MAX         1000
/* A subscription's regular expression: a thousand topics may be named in it one by one; groups in groups as pcre2's default. */
#define REGEX_BYTES_MAX            65536
#define REGEX_NESTING_MAX          250
/* One heartbeat of a consumer group: what a member says of itself is kept in memory and in one record of __consumer_offsets,
 * for which Kafka's default is 1 MiB too (max.message.bytes). */
#define GROUP_HEARTBEAT_BYTES_MAX  (1u << 20)
/* Log lines: longer texts are cut. */
#define TRACE_LINE_MAX             1024

#endif
