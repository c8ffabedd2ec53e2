#include "broker/node/node_internal.h"

/* A topic's own setting, else the cluster-wide default (dynamic broker config of no broker); NULL: the node's file. */
static struct slice value_of(const struct meta_image *image, struct slice topic,
                             enum topic_config_key key)
{
    struct slice value = meta_config_value(image, META_RESOURCE_TOPIC, topic,
                                           slice_str(topic_config_name(key)));
    if (value.p == NULL) {
        const char *behind = config_name(topic_config_behind(key));
        value = meta_config_value(image, META_RESOURCE_BROKER, slice_of("", 0), slice_str(behind));
    }
    return value;
}

static bool has_word(struct slice list, const char *word)
{
    struct slice item;
    while (config_item(&list, &item)) {
        if (slice_eq(item, slice_str(word))) {
            return true;
        }
    }
    return false;
}

void node_topic_settings(void *ctx, const struct meta_image *image, const struct meta_topic *topic,
                         struct partition_settings *ret_settings)
{
    const struct broker_node *node = ctx;
    const struct config *config = node->options.config;
    struct slice name = meta_topic_name(topic);
#define NUMBER(key) topic_config_int(config, key, value_of(image, name, key))
#define WORDS(key)  topic_config_text(config, key, value_of(image, name, key))
    *ret_settings = (struct partition_settings){
        .segment_bytes = NUMBER(TOPIC_CONFIG_SEGMENT_BYTES),
        .segment_ms = NUMBER(TOPIC_CONFIG_SEGMENT_MS),
        .retention_ms = NUMBER(TOPIC_CONFIG_RETENTION_MS),
        .retention_bytes = NUMBER(TOPIC_CONFIG_RETENTION_BYTES),
        .file_delete_delay_ms = NUMBER(TOPIC_CONFIG_DELETE_DELAY),
        .timestamp_before_max_ms = NUMBER(TOPIC_CONFIG_TIMESTAMP_BEFORE),
        .timestamp_after_max_ms = NUMBER(TOPIC_CONFIG_TIMESTAMP_AFTER),
        .index_interval_bytes = (int32_t)NUMBER(TOPIC_CONFIG_INDEX_INTERVAL),
        .index_bytes_max = (int32_t)NUMBER(TOPIC_CONFIG_INDEX_BYTES),
        .message_bytes_max = (int32_t)NUMBER(TOPIC_CONFIG_MESSAGE_BYTES),
        .min_isr = (int32_t)NUMBER(TOPIC_CONFIG_MIN_ISR),
        .durable = slice_eq(WORDS(TOPIC_CONFIG_DURABILITY), slice_str("disk")),
        .log_append_time = slice_eq(WORDS(TOPIC_CONFIG_TIMESTAMP_TYPE), slice_str("LogAppendTime")),
        .compacted = has_word(WORDS(TOPIC_CONFIG_CLEANUP_POLICY), "compact"),
        .deleted = has_word(WORDS(TOPIC_CONFIG_CLEANUP_POLICY), "delete"),
    };
#undef NUMBER
#undef WORDS
    assert(ret_settings->min_isr >= 1);
}
