#include "broker/api/settings.h"
#include "broker/node/node_internal.h"

/* The codec of a topic that has one of its own; false: what the producer chose. */
static bool codec_of(const struct config *config, const struct config_dynamic *dynamic,
                     enum compression *ret_codec, int32_t *ret_level)
{
    static const struct {
        enum compression codec;
        const char *name;
        enum topic_config_key level; /* TOPIC_CONFIG_KEYS: it has none */
    } codecs[] = {
        {COMPRESSION_NONE, "uncompressed", TOPIC_CONFIG_KEYS},
        {COMPRESSION_GZIP, "gzip", TOPIC_CONFIG_COMPRESSION_GZIP_LEVEL},
        {COMPRESSION_SNAPPY, "snappy", TOPIC_CONFIG_KEYS},
        {COMPRESSION_LZ4, "lz4", TOPIC_CONFIG_COMPRESSION_LZ4_LEVEL},
        {COMPRESSION_ZSTD, "zstd", TOPIC_CONFIG_COMPRESSION_ZSTD_LEVEL},
    };
    for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
        if (config_topic_is(config, dynamic, TOPIC_CONFIG_COMPRESSION_TYPE, codecs[i].name)) {
            *ret_codec = codecs[i].codec;
            *ret_level = codecs[i].level == TOPIC_CONFIG_KEYS
                             ? CODEC_LEVEL_DEFAULT
                             : (int32_t)config_topic_long(config, dynamic, codecs[i].level);
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
    ret_settings->recompress = codec_of(config, &dynamic, &ret_settings->compression,
                                        &ret_settings->compression_level);
#undef NUMBER
#undef IS
    assert(ret_settings->min_isr >= 1);
}
