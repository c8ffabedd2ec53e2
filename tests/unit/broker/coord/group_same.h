/* Whether two shards know the same: what the log told them, apart from times that begin with the loading. */
#ifndef ODRADEK_TEST_GROUP_SAME_H
#define ODRADEK_TEST_GROUP_SAME_H

#include "broker/group/group.h"

/* NULL: they do; else a word for what differs. */
const char *group_difference(const struct group_shard *, const struct group_shard *);

#endif
