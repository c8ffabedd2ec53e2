/*
 * The features that a cluster finalizes (KIP-584), and the levels this build can work at. One line per feature:
 * name, lowest and highest level, level of a new cluster. Levels mean what they mean in Apache Kafka 4.3; a feature
 * whose API is not served has no line, so that no client tries it.
 * eligible.leader.replicas.version has no level 0 here: elections rest on KIP-966 from the first day of a cluster.
 */
#ifndef ODRADEK_META_FEATURE_TABLE_H
#define ODRADEK_META_FEATURE_TABLE_H

#include "common/base/types.h"

/* clang-format off */
#define META_FEATURE_TABLE(X) \
    X("metadata.version", 7, 30, 30) \
    X("kraft.version", 1, 1, 1) \
    X("group.version", 0, 1, 1) \
    X("transaction.version", 0, 2, 2) \
    X("eligible.leader.replicas.version", 1, 1, 1)
/* clang-format on */

struct meta_feature_range {
    const char *name;
    int16_t min;
    int16_t max;
    int16_t fresh;
};

static const struct meta_feature_range meta_feature_ranges[] = {
#define META_FEATURE_ROW(name, min, max, fresh) {(name), (min), (max), (fresh)},
    META_FEATURE_TABLE(META_FEATURE_ROW)
#undef META_FEATURE_ROW
};

#endif
