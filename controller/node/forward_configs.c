/* AlterConfigs (KIP-133) and IncrementalAlterConfigs (KIP-339): requests to one command, and back. The broker has judged
 * what concerns itself: types, names of brokers, keys that come twice, values that are null, operations. */
#include "controller/node/forward_internal.h"

#include "common/config/alter.h"
#include "kmsg/alter_configs.h"
#include "kmsg/incremental_alter_configs.h"

_Static_assert((int)SETTING_APPEND == (int)CONFIG_APPEND - 1 &&
                   (int)SETTING_SUBTRACT == (int)CONFIG_SUBTRACT - 1,
               "lists");

static err_t command_begin(struct order *order, int32_t count, bool validate_only,
                           struct alter_resource **ret_resources)
{
    *ret_resources = arena_array(&order->arena, (size_t)count, sizeof(**ret_resources));
    ENSURE(*ret_resources != NULL, ERR_NO_MEMORY);
    order->command.kind = COMMAND_ALTER_CONFIGS;
    order->command.alter_configs = (struct alter_configs_command){
        .resources = *ret_resources, .count = (uint32_t)count, .validate_only = validate_only};
    return OK;
}

static err_t resource_begin(struct order *order, int8_t type, struct slice name, int32_t count,
                            struct alter_resource *to, struct topic_setting **ret_settings)
{
    *ret_settings = arena_array(&order->arena, (size_t)count, sizeof(**ret_settings));
    ENSURE(*ret_settings != NULL, ERR_NO_MEMORY);
    *to = (struct alter_resource){.resource = (enum meta_resource)type,
                                  .name = name,
                                  .settings = *ret_settings,
                                  .setting_count = (uint32_t)count};
    return OK;
}

/* ---- AlterConfigs ---- */

static void altered(void *machine_ctx, struct order *order, const struct answer *answer)
{
    const struct alter_configs_command *command = &order->command.alter_configs;
    (void)machine_ctx;
    if (!forward_answer_begin(order, answer)) {
        return;
    }
    struct kmsg_alter_configs_response response;
    kmsg_alter_configs_response_init(&response);
    response.responses.items = kmsg_alter_configs_response_result_array(&order->arena,
                                                                        (int32_t)command->count);
    if (response.responses.items == NULL) {
        forward_out_of_memory(order);
        return;
    }
    assert(answer->results.count == command->count);
    response.responses.count = (int32_t)command->count;
    for (uint32_t i = 0; i < command->count; i++) {
        struct kmsg_alter_configs_response_result *to = &response.responses.items[i];
        to->resource_type = (int8_t)command->resources[i].resource;
        to->resource_name = command->resources[i].name;
        to->error_code = (int16_t)answer->results.results[i].error;
        to->error_message = answer->results.results[i].message;
    }
    forward_answer(order, &kmsg_alter_configs_response_desc, &response);
}

err_t alter_configs_read(struct order *order, int16_t version, struct slice body)
{
    struct kmsg_alter_configs_request ask;
    struct alter_resource *to;
    TRY(kmsg_decode(&kmsg_alter_configs_request_desc, version, &body, &order->arena, &ask));
    TRY(command_begin(order, ask.resources.count, ask.validate_only, &to));
    for (int32_t i = 0; i < ask.resources.count; i++) {
        const struct kmsg_alter_configs_request_resource *from = &ask.resources.items[i];
        struct topic_setting *settings;
        TRY(resource_begin(order, from->resource_type, from->resource_name, from->configs.count,
                           &to[i], &settings));
        to[i].replace = true;
        for (int32_t k = 0; k < from->configs.count; k++) {
            settings[k] = (struct topic_setting){.key = from->configs.items[k].name,
                                                 .value = from->configs.items[k].value};
        }
    }
    order->answer = altered;
    return OK;
}

/* ---- IncrementalAlterConfigs ---- */

static void incrementally_altered(void *machine_ctx, struct order *order,
                                  const struct answer *answer)
{
    const struct alter_configs_command *command = &order->command.alter_configs;
    (void)machine_ctx;
    if (!forward_answer_begin(order, answer)) {
        return;
    }
    struct kmsg_incremental_alter_configs_response response;
    kmsg_incremental_alter_configs_response_init(&response);
    response.responses.items = kmsg_incremental_alter_configs_response_result_array(
        &order->arena, (int32_t)command->count);
    if (response.responses.items == NULL) {
        forward_out_of_memory(order);
        return;
    }
    assert(answer->results.count == command->count);
    response.responses.count = (int32_t)command->count;
    for (uint32_t i = 0; i < command->count; i++) {
        struct kmsg_incremental_alter_configs_response_result *to = &response.responses.items[i];
        to->resource_type = (int8_t)command->resources[i].resource;
        to->resource_name = command->resources[i].name;
        to->error_code = (int16_t)answer->results.results[i].error;
        to->error_message = answer->results.results[i].message;
    }
    forward_answer(order, &kmsg_incremental_alter_configs_response_desc, &response);
}

static err_t setting_read(const struct kmsg_incremental_alter_configs_request_config *from,
                          struct topic_setting *to)
{
    *to = (struct topic_setting){.key = from->name, .value = from->value};
    ENSURE(from->config_operation >= CONFIG_SET && from->config_operation <= CONFIG_SUBTRACT,
           ERR_INVALID);
    if (from->config_operation == CONFIG_DELETE) {
        to->value = (struct slice){0};
    } else {
        ENSURE(from->value.p != NULL, ERR_INVALID);
        to->op = from->config_operation == CONFIG_SET
                     ? SETTING_PUT
                     : (enum setting_op)(from->config_operation - 1);
    }
    return OK;
}

err_t incremental_alter_configs_read(struct order *order, int16_t version, struct slice body)
{
    struct kmsg_incremental_alter_configs_request ask;
    struct alter_resource *to;
    TRY(kmsg_decode(&kmsg_incremental_alter_configs_request_desc, version, &body, &order->arena,
                    &ask));
    TRY(command_begin(order, ask.resources.count, ask.validate_only, &to));
    for (int32_t i = 0; i < ask.resources.count; i++) {
        const struct kmsg_incremental_alter_configs_request_resource *from =
            &ask.resources.items[i];
        struct topic_setting *settings;
        TRY(resource_begin(order, from->resource_type, from->resource_name, from->configs.count,
                           &to[i], &settings));
        for (int32_t k = 0; k < from->configs.count; k++) {
            TRY(setting_read(&from->configs.items[k], &settings[k]));
        }
    }
    order->answer = incrementally_altered;
    return OK;
}
