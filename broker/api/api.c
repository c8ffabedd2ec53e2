#include "broker/api/api.h"

#include "broker/api/api_internal.h"

#define RACK_AWARE "org.apache.kafka.common.replica.RackAwareReplicaSelector"

/* clang-format off */
const struct edge_handler api_handlers[] = {
    {0, api_produce},
    {1, api_fetch},
    {2, api_list_offsets},
    {3, api_metadata},
    {8, api_offset_commit},
    {9, api_offset_fetch},
    {10, api_find_coordinator},
    {11, api_join_group},
    {12, api_heartbeat},
    {13, api_leave_group},
    {14, api_sync_group},
    {15, api_describe_groups},
    {16, api_list_groups},
    {18, api_versions},
    {19, api_create_topics},
    {20, api_delete_topics},
    {21, api_delete_records},
    {22, api_init_producer_id},
    {23, api_offset_for_leader_epoch},
    {32, api_describe_configs},
    {33, api_alter_configs},
    {35, api_describe_log_dirs},
    {37, api_create_partitions},
    {42, api_delete_groups},
    {43, api_elect_leaders},
    {44, api_incremental_alter_configs},
    {47, api_offset_delete},
    {55, api_describe_quorum},
    {57, api_update_features},
    {60, api_describe_cluster},
    {61, api_describe_producers},
    {64, api_unregister_broker},
    {68, api_consumer_group_heartbeat},
    {69, api_consumer_group_describe},
    {74, api_list_config_resources},
    {75, api_describe_topic_partitions},
};
/* clang-format on */
const size_t api_handler_count = ARRAY_LEN(api_handlers);

void api_init(struct api *api)
{
    assert(api->loop != NULL && api->heap != NULL && api->trace != NULL && api->crc != NULL);
    assert(api->metadata != NULL && api->partitions != NULL && api->control != NULL);
    assert(api->config != NULL);
    decoder_init(&api->decoder, api->heap);
    encoder_init(&api->encoder, api->heap);
    fetch_sessions_init(&api->fetch_sessions, api->heap, api->fetch_sessions_max, api->seed);
    api->rack_aware = slice_eq(config_text(api->config, CONFIG_REPLICA_SELECTOR_CLASS),
                               slice_str(RACK_AWARE));
    list_init(&api->producer_ids.waiting);
    list_init(&api->creations);
}

void api_release(struct api *api)
{
    fetch_sessions_release(&api->fetch_sessions);
    encoder_release(&api->encoder);
    decoder_release(&api->decoder);
}
