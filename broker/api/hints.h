/*
 * Where the leader is (KIP-951): NOT_LEADER_OR_FOLLOWER and FENCED_LEADER_EPOCH come with the leader that the image knows and
 * the endpoints of all leaders named, so that clients need not ask for metadata first. Inside of broker/api only.
 */
#ifndef ODRADEK_API_HINTS_H
#define ODRADEK_API_HINTS_H

#include "broker/api/api_internal.h"

/* More leaders than this in one answer are told without their endpoints. */
#define HINT_LEADERS_MAX 64

struct leader_hints {
    int32_t leaders[HINT_LEADERS_MAX];
    uint32_t count;
};

struct leader_hint {
    int32_t leader; /* -1: none known */
    int32_t epoch;
};

/* The leader to name; it is noted for the endpoints. topic: by id if it is not all zeros. */
struct leader_hint hint_leader(struct leader_hints *, const struct meta_image *,
                               struct uuid topic_id, struct slice topic_name, int32_t index);

#endif
