/* A configuration on a block of its own, for the tests of this folder. */
#ifndef TEST_CONFIG_LIB_H
#define TEST_CONFIG_LIB_H

#include <criterion/criterion.h>

#include "common/config/topic_config.h"

static uint8_t block_bytes[24 << 20] __attribute__((aligned(16)));
static struct memory_block block;
static struct memory_source source;
static struct arena arena;
static struct config config;

static inline void make_with(size_t bytes)
{
    block = (struct memory_block){block_bytes, bytes, 0};
    source = memory_block_source(&block);
    arena_init(&arena, &source, 4096, bytes);
    config_init(&config, &arena);
}

static inline void make(void)
{
    make_with(sizeof(block_bytes));
}

static inline void read_text(const char *text)
{
    config_read(&config, slice_str(text), "x.properties");
}

/* Whether a message has this in it. */
static inline bool told(enum config_grade grade, const char *words)
{
    for (uint32_t i = 0; i < config.message_count; i++) {
        if (config.grades[i] == grade && strstr(config.messages[i], words) != NULL) {
            return true;
        }
    }
    return false;
}

static inline void show_messages(void)
{
    for (uint32_t i = 0; i < config.message_count; i++) {
        cr_log_warn("%d %s", (int)config.grades[i], config.messages[i]);
    }
}

#endif
