/* What the settings of a broker say of groups. */
#include "broker/node/group_config.h"

#include "broker/assign/assign.h"

static int32_t config_i32(const struct config *config, enum config_key key)
{
    return (int32_t)config_int(config, key);
}

static bool policy_has(struct slice policy, char first, char other)
{
    /* DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL, in any case: two letters tell them apart. */
    int c = policy.n < 2 ? 0 : policy.p[0] | 0x20, d = policy.n < 2 ? 0 : policy.p[1] | 0x20;
    return (c == first && d == other) || c == 'b';
}

/* group.consumer.assignors: who may be asked for, the first for those who do not ask. */
static void assignors_fill(struct slice names, struct group_config *to)
{
    to->consumer.assignors = 0;
    while (names.n > 0) {
        const uint8_t *comma = memchr(names.p, ',', names.n);
        struct slice name = slice_of(names.p, comma == NULL ? names.n : (size_t)(comma - names.p));
        size_t used = name.n + (comma != NULL);
        enum assignor assignor;
        names = slice_of(names.p + used, names.n - used);
        while (name.n > 0 && name.p[0] == ' ') {
            name = slice_of(name.p + 1, name.n - 1);
        }
        if (assignor_find(name, &assignor)) {
            if (to->consumer.assignors == 0) {
                to->consumer.assignor = (uint8_t)assignor;
            }
            to->consumer.assignors |= (uint8_t)(1 << assignor);
        }
    }
    if (to->consumer.assignors == 0) { /* classes of Java: there is none of them here */
        to->consumer.assignors = 1 << ASSIGNOR_UNIFORM | 1 << ASSIGNOR_RANGE;
        to->consumer.assignor = ASSIGNOR_UNIFORM;
    }
}

static void consumer_config_fill(const struct config *config, struct group_config *to)
{
    struct slice policy = config_text(config, CONFIG_GROUP_CONSUMER_MIGRATION_POLICY);
    to->consumer.session_ms = config_i32(config, CONFIG_GROUP_CONSUMER_SESSION_TIMEOUT_MS);
    to->consumer.session_min_ms = config_i32(config, CONFIG_GROUP_CONSUMER_MIN_SESSION_TIMEOUT_MS);
    to->consumer.session_max_ms = config_i32(config, CONFIG_GROUP_CONSUMER_MAX_SESSION_TIMEOUT_MS);
    to->consumer.heartbeat_ms = config_i32(config, CONFIG_GROUP_CONSUMER_HEARTBEAT_INTERVAL_MS);
    to->consumer.heartbeat_min_ms = config_i32(config,
                                               CONFIG_GROUP_CONSUMER_MIN_HEARTBEAT_INTERVAL_MS);
    to->consumer.heartbeat_max_ms = config_i32(config,
                                               CONFIG_GROUP_CONSUMER_MAX_HEARTBEAT_INTERVAL_MS);
    to->consumer.assignment_interval_ms = config_i32(config,
                                                     CONFIG_GROUP_CONSUMER_ASSIGNMENT_INTERVAL_MS);
    to->consumer.assignment_interval_min_ms = config_i32(
        config, CONFIG_GROUP_CONSUMER_MIN_ASSIGNMENT_INTERVAL_MS);
    to->consumer.assignment_interval_max_ms = config_i32(
        config, CONFIG_GROUP_CONSUMER_MAX_ASSIGNMENT_INTERVAL_MS);
    to->consumer.pattern_refresh_ms = config_i32(config,
                                                 CONFIG_GROUP_CONSUMER_REGEX_REFRESH_INTERVAL_MS);
    to->consumer.members_max = (uint32_t)config_int(config, CONFIG_GROUP_CONSUMER_MAX_SIZE);
    to->consumer.upgrade = policy_has(policy, 'u', 'p');
    to->consumer.downgrade = policy_has(policy, 'd', 'o');
    assignors_fill(config_text(config, CONFIG_GROUP_CONSUMER_ASSIGNORS), to);
}

void group_config_fill(const struct config *config, struct group_config *to)
{
    *to = (struct group_config){
        .session_min_ms = (int32_t)max_i64(config_int(config, CONFIG_GROUP_MIN_SESSION_TIMEOUT_MS),
                                           1),
        .session_max_ms = (int32_t)config_int(config, CONFIG_GROUP_MAX_SESSION_TIMEOUT_MS),
        .initial_delay_ms = (int32_t)max_i64(
            config_int(config, CONFIG_GROUP_INITIAL_REBALANCE_DELAY_MS), 0),
        .members_max = (uint32_t)config_int(config, CONFIG_GROUP_MAX_SIZE),
        .offsets_retention_ms = config_int(config, CONFIG_OFFSETS_RETENTION_MINUTES) * 60000,
        .retention_check_ms = config_int(config, CONFIG_OFFSETS_RETENTION_CHECK_INTERVAL_MS),
    };
    consumer_config_fill(config, to);
}
