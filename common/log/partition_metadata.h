/*
 * partition.metadata in a partition's folder (KIP-516): "version: 0" and "topic_id: <22 characters>", each on its line.
 * It says whose records these are: a folder whose topic id is not the cluster's is a stray and never served.
 * Written before the first record. Missing: a folder of an old Kafka, or one whose creation was cut short.
 */
#ifndef ODRADEK_LOG_PARTITION_METADATA_H
#define ODRADEK_LOG_PARTITION_METADATA_H

#include "common/base/buf.h"
#include "common/base/uuid.h"

struct host;

#define PARTITION_METADATA_FILE      "partition.metadata"
#define PARTITION_METADATA_BYTES_MAX 4096

void partition_metadata_encode(struct buf *, struct uuid topic_id);
/* ERR_MALFORMED (also for the id "none"), ERR_VERSION. */
err_t partition_metadata_decode(struct slice text, struct uuid *ret_topic_id) MUST_USE;

/* dir: the partition's folder. Blocking. ERR_NOT_FOUND, and as above. */
err_t partition_metadata_load(struct host *, const char *dir, struct uuid *ret_topic_id) MUST_USE;
err_t partition_metadata_save(struct host *, const char *dir, struct uuid topic_id) MUST_USE;

#endif
