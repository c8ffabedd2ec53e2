#include "broker/api/settings.h"
#include "broker/node/node_internal.h"

void node_topic_settings(void *ctx, const struct meta_image *image, const struct meta_topic *topic,
                         struct partition_settings *ret_settings)
{
    const struct broker_node *node = ctx;
    const struct config *config = node->options.config;
    struct settings_lookup lookup;
    struct config_dynamic dynamic = settings_lookup_init(&lookup, image, node->options.node_id);
    lookup.topic = meta_topic_name(topic);
#define NUMBER(key)   config_topic_long(config, &dynamic, key)
#define IS(key, word) config_topic_is(config, &dynamic, key, word)
    *ret_settings = (struct partition_settings){
        .segment_bytes = NUMBER(TOPIC_CONFIG_SEGMENT_BYTES),
        .segment_ms = NUMBER(TOPIC_CONFIG_SEGMENT_MS),
        .producer_expiration_ms = config_now_long(config, &dynamic, CONFIG_PRODUCER_EXPIRATION_MS),
        .retention_ms = NUMBER(TOPIC_CONFIG_RETENTION_MS),
        .retention_bytes = NUMBER(TOPIC_CONFIG_RETENTION_BYTES),
        .file_delete_delay_ms = NUMBER(TOPIC_CONFIG_DELETE_DELAY),
        .timestamp_before_max_ms = NUMBER(TOPIC_CONFIG_TIMESTAMP_BEFORE),
        .timestamp_after_max_ms = NUMBER(TOPIC_CONFIG_TIMESTAMP_AFTER),
        .index_interval_bytes = (int32_t)NUMBER(TOPIC_CONFIG_INDEX_INTERVAL),
        .index_bytes_max = (int32_t)NUMBER(TOPIC_CONFIG_INDEX_BYTES),
        .message_bytes_max = (int32_t)NUMBER(TOPIC_CONFIG_MESSAGE_BYTES),
        .min_isr = (int32_t)NUMBER(TOPIC_CONFIG_MIN_ISR),
        .durable = IS(TOPIC_CONFIG_DURABILITY, "disk"),
        .log_append_time = IS(TOPIC_CONFIG_TIMESTAMP_TYPE, "LogAppendTime"),
        .compacted = IS(TOPIC_CONFIG_CLEANUP_POLICY, "compact"),
        .deleted = IS(TOPIC_CONFIG_CLEANUP_POLICY, "delete"),
    };
#undef NUMBER
#undef IS
    assert(ret_settings->min_isr >= 1);
}
