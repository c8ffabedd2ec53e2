/* The settings group.*, offsets.* of a broker as the group core wants them; hash_key and seed are the caller's. */
#ifndef ODRADEK_NODE_GROUP_CONFIG_H
#define ODRADEK_NODE_GROUP_CONFIG_H

#include "broker/group/group.h"
#include "common/config/config.h"

void group_config_fill(const struct config *, struct group_config *);

#endif
