#include "controller/state/controller_state.h"

struct controller_settings controller_settings_default(void)
{
    return (struct controller_settings){
        .session_timeout_ms = 1500,
        .rebalance_check_ms = 300000,
        .raise_check_ms = 1000,
        .own_topics = {{"__consumer_offsets", 3},
                       {"__transaction_state", 3},
                       {"__share_group_state", 3}},
        .suspicion_window_ms = 60000,
        .suspicion_fences = 3,
        .defaults =
            {
                .min_insync_replicas = 1,
                .unclean_leader_election = false,
                .durability_disk = true,
                .delete_topics = true,
                .num_partitions = 1,
                .replication_factor = 1,
            },
    };
}

void decision_start(struct decision *decision, struct arena *arena)
{
    assert(arena != NULL);
    *decision = (struct decision){.arena = arena};
}
