/*
 * Any bytes as a configuration file, and its last line as an override. Besides the sanitizers this holds: memory stays in
 * proportion; every message is one line; a good configuration means something; what settings of topics and of brokers are asked
 * for is answered.
 */
#include "common/config/alter.h"
#include "common/config/topic_config.h"
#include "tests/fuzz/fuzz.h"

static struct slice nothing(const void *ctx, enum config_origin level, const char *name)
{
    (void)level;
    (void)name;
    return *(const struct slice *)ctx;
}

static void lists_change(struct arena *arena, struct slice value)
{
    struct slice list;
    for (int op = CONFIG_APPEND; op <= CONFIG_SUBTRACT; op++) {
        err_t err = config_list_change(arena, slice_str("a,b"), value, (enum config_op)op, &list);
        assert(err == OK || err == ERR_NO_MEMORY);
    }
}

static void settings_ask(const struct config *config, struct slice value)
{
    const struct config_dynamic dynamic = {.value = nothing, .ctx = &value};
    struct config_entry entry;
    char why[512];
    for (int key = 0; key < TOPIC_CONFIG_KEYS; key++) {
        const char *name = topic_config_name((enum topic_config_key)key);
        const struct config_change change = {slice_str(name), value};
        (void)config_topic_describe(config, &dynamic, (enum topic_config_key)key, &entry);
        (void)topic_config_check(change.name, value, why, sizeof(why));
        (void)topic_config_judge(&change, 1, why, sizeof(why));
    }
    for (int key = 0; key < CONFIG_KEYS; key++) {
        const char *name = config_name((enum config_key)key);
        const struct config_change changes[] = {{slice_str(name), value}, {value, value}};
        (void)config_describe(config, &dynamic, (enum config_key)key, &entry);
        (void)config_judge(changes, 2, key % 2 == 0, why, sizeof(why));
    }
}

static void finish(struct config *config, const char *role)
{
    struct config_net net;
    config_finish(config, role, "fuzz.example", &net);
    for (uint32_t i = 0; i < config->message_count; i++) {
        assert(config->messages[i][0] != '\0' && strchr(config->messages[i], '\n') == NULL);
    }
    if (!config_failed(config)) {
        assert(net.listener_count > 0 && net.listener_count <= LISTENERS_MAX);
        assert(net.voter_count > 0 && net.voter_count <= VOTERS_MAX);
        assert(net.inter_broker < net.listener_count && net.log_dir_count <= LOG_DIRS_MAX);
        assert(config_retention_ms(config) >= -1 && config_reactors(config, 2) >= 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct test_memory memory;
    struct arena arena;
    struct config config;
    struct slice in = slice_of(data, n);
    uint8_t mode = fuzz_byte(&in);
    struct slice last = in;
    for (size_t i = in.n; i > 0 && in.p[i - 1] != '\n'; i--) {
        last = slice_of(in.p + i - 1, in.n - i + 1);
    }
    test_memory_init(&memory);
    arena_init(&arena, &memory.source, 4096, (size_t)64 << 20);
    config_init(&config, &arena);
    config_read(&config, in, "fuzz.properties");
    if (mode & 2) {
        config_override(&config, last);
    }
    finish(&config, mode & 1 ? "broker" : "controller");
    assert(arena.total <= ((size_t)1 << 20) + 4096 * n);
    if (mode & 4) {
        settings_ask(&config, last);
        lists_change(&arena, last);
    }
    arena_release(&arena);
    assert(memory.out == 0);
    return 0;
}
