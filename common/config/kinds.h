/*
 * Settings of groups and of client metrics' subscriptions: what AlterConfigs may set, what DescribeConfigs tells.
 *
 * They are kept in the cluster image under the group's id or the subscription's name; there is nothing in files but the
 * node's keys behind a group's settings, and their bounds.
 */
#ifndef ODRADEK_CONFIG_KINDS_H
#define ODRADEK_CONFIG_KINDS_H

#include "common/config/alter.h"
#include "common/config/topic_config.h"

enum config_kind { CONFIG_KIND_CLIENT_METRICS, CONFIG_KIND_GROUP };

/* OK; ERR_INVALID: INVALID_CONFIG; ERR_RANGE: INVALID_REQUEST, as Kafka distinguishes. `why`: its sentence. */
err_t config_kind_judge(const struct config *, enum config_kind, const struct config_change *,
                        uint32_t count, char *why, size_t why_bytes) MUST_USE;

uint32_t config_kind_keys(enum config_kind);
/* own: the value set for the resource itself, given the name; the slice NULL: none. */
void config_kind_describe(const struct config *, const struct config_dynamic *, enum config_kind,
                          uint32_t key, struct slice own, struct config_entry *ret_entry);
const char *config_kind_name(enum config_kind, uint32_t key);

#endif
