/* For tests of the group core: time-outs by which things happen soon, and partitions that nobody replicates. */
#ifndef ODRADEK_TESTS_GROUP_QUICK_H
#define ODRADEK_TESTS_GROUP_QUICK_H

#include "broker/group/consumer.h"

static inline struct group_config quick_config(uint32_t members_max)
{
    return (struct group_config){
        .session_min_ms = 10,
        .session_max_ms = 6000,
        .members_max = members_max,
        .offsets_retention_ms = 5000,
        .retention_check_ms = 10000,
        .consumer = {.session_ms = 5000,
                     .session_min_ms = 5000,
                     .session_max_ms = 5000,
                     .heartbeat_ms = 100,
                     .heartbeat_min_ms = 100,
                     .heartbeat_max_ms = 100,
                     .assignment_interval_max_ms = 1000,
                     .pattern_refresh_ms = 60000,
                     .members_max = members_max,
                     .assignors = 3},
    };
}

static inline struct meta_record quick_partition(struct uuid topic, uint32_t index)
{
    return (struct meta_record){.kind = META_PARTITION,
                                .partition = {.topic = topic,
                                              .index = (int32_t)index,
                                              .replicas = {{.broker = 1}},
                                              .replica_count = 1,
                                              .isr = {.id = {1}, .count = 1},
                                              .leader = 1}};
}

#endif
