/*
 * meta.properties of a log directory (Java properties): version=1, cluster.id, node.id, directory.id (KIP-858).
 * version=0 is read too (Kafka with ZooKeeper: broker.id instead of node.id, no directory.id). Unknown keys are kept out.
 * Broken or missing means that nobody knows whose directory it is: the owner decides, nothing is guessed.
 */
#ifndef ODRADEK_LOG_META_PROPERTIES_H
#define ODRADEK_LOG_META_PROPERTIES_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/base/uuid.h"

struct host;

#define META_PROPERTIES_FILE      "meta.properties"
#define META_PROPERTIES_BYTES_MAX 65536
#define CLUSTER_ID_MAX            64

struct meta_properties {
    int32_t version; /* 0 or 1; written as 1 */
    int32_t node_id; /* -1: not in the file */
    char cluster_id
        [CLUSTER_ID_MAX +
         1]; /* mostly a uuid, but old clusters have other texts; empty: not in the file */
    struct uuid directory_id; /* none: not in the file */
};

void meta_properties_encode(struct buf *, const struct meta_properties *);
/* ERR_MALFORMED, ERR_VERSION. */
err_t meta_properties_decode(struct slice text, struct meta_properties *ret_properties) MUST_USE;

/* Blocking. ERR_NOT_FOUND, and as above. */
err_t meta_properties_load(struct host *, const char *log_dir,
                           struct meta_properties *ret_properties) MUST_USE;
err_t meta_properties_save(struct host *, const char *log_dir,
                           const struct meta_properties *) MUST_USE;

#endif
