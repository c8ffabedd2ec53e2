/*
 * AlterConfigs (KIP-133) and IncrementalAlterConfigs (KIP-339). This broker judges what concerns itself (ConfigAdminManager):
 * resources and keys that come twice, values that are null, operations, its own name. What remains goes to the controllers,
 * who judge keys and values and write them; brokers follow the image, so a change takes effect when it comes back by it.
 */
#include "broker/api/forward.h"
#include "broker/api/loggers.h"

#include "common/config/kinds.h"
#include "kmsg/alter_configs.h"
#include "kmsg/incremental_alter_configs.h"

#include <stdlib.h>

/* Keys that one sentence names. */
#define NAMES_MAX 20

/* One resource of either request, and what becomes of it. */
struct wish {
    int8_t type;
    struct slice name;
    const struct setting_change *changes;
    int32_t count;
    enum kafka_error error;
    struct slice message;
    bool done; /* here: the controllers are not asked */
};

static bool wish_open(const struct wish *wish)
{
    return wish->error == KAFKA_NONE && !wish->done;
}

struct wishes {
    struct wish *items; /* in the request's arena */
    int32_t count;
    int32_t asked; /* of the controllers */
    bool incremental;
    bool validate_only;
};

/* --- judgement --- */

static void refuse(struct wish *wish, enum kafka_error error, const char *sentence)
{
    wish->error = error;
    wish->message = slice_str(sentence);
}

static int by_text(const void *a, const void *b)
{
    return slice_cmp(*(const struct slice *)a, *(const struct slice *)b);
}

/* Sorted: a request may hold millions of keys. */
static bool key_twice(const struct wish *wish, struct arena *arena, bool *ret_twice)
{
    struct slice *keys = arena_array(arena, (size_t)wish->count, sizeof(*keys));
    *ret_twice = false;
    if (keys == NULL) {
        return false;
    }
    for (int32_t i = 0; i < wish->count; i++) {
        keys[i] = wish->changes[i].key;
    }
    if (wish->count > 1) {
        qsort(keys, (size_t)wish->count, sizeof(*keys), by_text);
    }
    for (int32_t i = 1; i < wish->count; i++) {
        *ret_twice = *ret_twice || slice_eq(keys[i - 1], keys[i]);
    }
    return true;
}

struct wish_ref {
    struct wish *wish;
};

static int by_resource(const void *a, const void *b)
{
    const struct wish *x = ((const struct wish_ref *)a)->wish;
    const struct wish *y = ((const struct wish_ref *)b)->wish;
    return x->type != y->type ? (x->type > y->type) - (x->type < y->type)
                              : slice_cmp(x->name, y->name);
}

static bool resources_twice(struct wishes *wishes, struct arena *arena)
{
    struct wish_ref *sorted = arena_array(arena, (size_t)wishes->count, sizeof(*sorted));
    if (sorted == NULL) {
        return false;
    }
    for (int32_t i = 0; i < wishes->count; i++) {
        sorted[i].wish = &wishes->items[i];
    }
    if (wishes->count > 1) {
        qsort(sorted, (size_t)wishes->count, sizeof(*sorted), by_resource);
    }
    for (int32_t i = 1; i < wishes->count; i++) {
        if (by_resource(&sorted[i - 1], &sorted[i]) == 0) {
            refuse(sorted[i - 1].wish, KAFKA_INVALID_REQUEST,
                   "Each resource must appear at most once.");
            refuse(sorted[i].wish, KAFKA_INVALID_REQUEST,
                   "Each resource must appear at most once.");
        }
    }
    return true;
}

/* The keys whose value is missing, as one list; NULL: none. */
static const char *keys_without_value(const struct wish *wish, struct arena *arena)
{
    const char *names = NULL;
    int32_t found = 0;
    for (int32_t i = 0; i < wish->count && found < NAMES_MAX; i++) {
        const struct setting_change *change = &wish->changes[i];
        if (change->value.p == NULL && change->op != CONFIG_DELETE) {
            found++;
            names = arena_printf(arena, "%s%s%.*s", names == NULL ? "" : names,
                                 names == NULL ? "" : ", ", (int)change->key.n,
                                 (const char *)change->key.p);
        }
    }
    return names;
}

/* A broker's own settings are changed by itself. */
static bool name_is_ours(struct wish *wish, const struct request *request, struct arena *arena)
{
    int32_t id;
    int32_t self = api_of(request)->broker;
    if (!api_broker_name_read(wish->name, &id)) {
        refuse(wish, KAFKA_INVALID_REQUEST,
               arena_printf(arena, "Node id must be an integer, but it is: %.*s", (int)wish->name.n,
                            (const char *)wish->name.p));
        return false;
    }
    if (id != self) {
        refuse(wish, KAFKA_INVALID_REQUEST,
               arena_printf(arena, "Unexpected %s %d, but received %.*s",
                            wish->type == RESOURCE_BROKER_LOGGER ? "node id. Expected"
                                                                 : "broker id, expected",
                            self, (int)wish->name.n, (const char *)wish->name.p));
    }
    return id == self;
}

/* Groups and subscriptions of client metrics: within the bounds of this broker's file. false: out of memory. */
static bool kind_judge(struct wish *wish, const struct request *request, struct arena *arena)
{
    bool group = wish->type == META_RESOURCE_GROUP;
    struct config_change *changes = arena_array(arena, (size_t)wish->count, sizeof(*changes));
    char why[512];
    uint32_t count = 0;
    if (changes == NULL) {
        return false;
    }
    if (wish->name.n == 0) {
        refuse(wish, KAFKA_INVALID_REQUEST,
               group ? "Default group resources are not allowed."
                     : "Subscription name can't be empty");
        return true;
    }
    for (int32_t i = 0; i < wish->count; i++) {
        const struct setting_change *change = &wish->changes[i];
        if (change->op == CONFIG_APPEND || change->op == CONFIG_SUBTRACT) {
            refuse(wish, KAFKA_INVALID_CONFIG,
                   arena_printf(arena, "Can't %s to key %.*s because its type is not LIST.",
                                change->op == CONFIG_APPEND ? "APPEND" : "SUBTRACT",
                                (int)change->key.n, (const char *)change->key.p));
            return true;
        }
        if (change->op == CONFIG_SET) {
            changes[count++] = (struct config_change){change->key, change->value};
        }
    }
    err_t err = config_kind_judge(api_of(request)->config,
                                  group ? CONFIG_KIND_GROUP : CONFIG_KIND_CLIENT_METRICS, changes,
                                  count, why, sizeof(why));
    if (err != OK) {
        refuse(wish, err == ERR_RANGE ? KAFKA_INVALID_REQUEST : KAFKA_INVALID_CONFIG,
               arena_printf(arena, "%s", why));
    }
    return true;
}

/* Log levels are this broker's own business: done at once. */
static void logger_judge(struct wish *wish, const struct wishes *wishes,
                         const struct request *request, struct arena *arena)
{
    const char *why;
    struct trace *loggers = api_of(request)->loggers;
    if (!name_is_ours(wish, request, arena)) {
        return;
    }
    enum kafka_error error = loggers_judge(wish->changes, wish->count, arena, &why);
    if (error != KAFKA_NONE) {
        refuse(wish, error, why);
        return;
    }
    if (!wishes->validate_only && loggers != NULL) {
        loggers_set(loggers, wish->changes, wish->count);
    }
    wish->done = true;
}

static bool type_known(const struct wish *wish, const struct wishes *wishes)
{
    return wish->type == META_RESOURCE_TOPIC || wish->type == META_RESOURCE_BROKER ||
           wish->type == META_RESOURCE_GROUP || wish->type == META_RESOURCE_CLIENT_METRICS ||
           (wish->type == RESOURCE_BROKER_LOGGER && wishes->incremental);
}

static void wish_judge(struct wish *wish, const struct wishes *wishes,
                       const struct request *request, struct arena *arena)
{
    bool twice;
    if (!key_twice(wish, arena, &twice)) {
        refuse(wish, KAFKA_UNKNOWN_SERVER_ERROR, "Out of memory.");
        return;
    }
    if (twice) {
        refuse(wish, KAFKA_INVALID_REQUEST, "Error due to duplicate config keys");
        return;
    }
    const char *names = keys_without_value(wish, arena);
    if (names != NULL) {
        refuse(wish, KAFKA_INVALID_REQUEST,
               arena_printf(arena, "Null value not supported for : %s", names));
        return;
    }
    if (!type_known(wish, wishes)) {
        refuse(wish, KAFKA_INVALID_REQUEST,
               arena_printf(arena, "Unknown resource type %d", wish->type));
        return;
    }
    for (int32_t i = 0; i < wish->count; i++) {
        if (wish->changes[i].op < CONFIG_SET || wish->changes[i].op > CONFIG_SUBTRACT) {
            refuse(wish, KAFKA_INVALID_REQUEST,
                   arena_printf(arena, "Unknown operations type %d", wish->changes[i].op));
            return;
        }
    }
    bool kind = wish->type == META_RESOURCE_GROUP || wish->type == META_RESOURCE_CLIENT_METRICS;
    if (kind && !kind_judge(wish, request, arena)) {
        refuse(wish, KAFKA_UNKNOWN_SERVER_ERROR, "Out of memory.");
    }
    if (wish->type == RESOURCE_BROKER_LOGGER) {
        logger_judge(wish, wishes, request, arena);
    }
    if (wish->type == META_RESOURCE_BROKER && wish->name.n > 0) {
        (void)name_is_ours(wish, request, arena);
    }
}

/* false: out of memory. */
static bool wishes_judge(struct wishes *wishes, struct request *request)
{
    assert(wishes->asked == 0);
    if (!resources_twice(wishes, &request->arena)) {
        return false;
    }
    for (int32_t i = 0; i < wishes->count; i++) {
        if (wish_open(&wishes->items[i])) {
            wish_judge(&wishes->items[i], wishes, request, &request->arena);
        }
        wishes->asked += wish_open(&wishes->items[i]);
    }
    return true;
}

/* --- the answers --- */

static void wishes_fail(struct wishes *wishes, enum kafka_error error)
{
    for (int32_t i = 0; i < wishes->count; i++) {
        if (wish_open(&wishes->items[i])) {
            refuse(&wishes->items[i], error, kafka_error_name((int16_t)error));
        }
    }
}

/* The controllers' verdicts come in the order of what they were asked. false: they do not fit. */
struct verdicts {
    struct wishes *wishes;
    int32_t at;
};

static bool verdict_take(struct verdicts *verdicts, int16_t error, struct slice message)
{
    struct wishes *wishes = verdicts->wishes;
    while (verdicts->at < wishes->count && !wish_open(&wishes->items[verdicts->at])) {
        verdicts->at++;
    }
    if (verdicts->at == wishes->count) {
        return false;
    }
    struct wish *wish = &wishes->items[verdicts->at++];
    wish->error = (enum kafka_error)error;
    wish->message = message;
    return true;
}

static bool alter_answer_read(struct forwarded *forwarded, struct wishes *wishes)
{
    struct verdicts verdicts = {.wishes = wishes};
    bool fits;
    if (wishes->incremental) {
        struct kmsg_incremental_alter_configs_response response;
        fits = forward_read(forwarded, &response) && response.responses.count == wishes->asked;
        for (int32_t i = 0; fits && i < response.responses.count; i++) {
            fits = verdict_take(&verdicts, response.responses.items[i].error_code,
                                response.responses.items[i].error_message);
        }
        return fits;
    }
    struct kmsg_alter_configs_response response;
    fits = forward_read(forwarded, &response) && response.responses.count == wishes->asked;
    for (int32_t i = 0; fits && i < response.responses.count; i++) {
        fits = verdict_take(&verdicts, response.responses.items[i].error_code,
                            response.responses.items[i].error_message);
    }
    return fits;
}

static void answer_incremental(struct request *request, const struct wishes *wishes)
{
    struct kmsg_incremental_alter_configs_response response;
    kmsg_incremental_alter_configs_response_init(&response);
    response.responses.items = kmsg_incremental_alter_configs_response_result_array(&request->arena,
                                                                                    wishes->count);
    if (response.responses.items == NULL) {
        api_out_of_memory(request);
        return;
    }
    response.responses.count = wishes->count;
    for (int32_t i = 0; i < wishes->count; i++) {
        struct kmsg_incremental_alter_configs_response_result *to = &response.responses.items[i];
        to->resource_type = wishes->items[i].type;
        to->resource_name = wishes->items[i].name;
        to->error_code = (int16_t)wishes->items[i].error;
        to->error_message = wishes->items[i].message;
    }
    request_answer(request, &response);
}

static void answer_legacy(struct request *request, const struct wishes *wishes)
{
    struct kmsg_alter_configs_response response;
    kmsg_alter_configs_response_init(&response);
    response.responses.items = kmsg_alter_configs_response_result_array(&request->arena,
                                                                        wishes->count);
    if (response.responses.items == NULL) {
        api_out_of_memory(request);
        return;
    }
    response.responses.count = wishes->count;
    for (int32_t i = 0; i < wishes->count; i++) {
        struct kmsg_alter_configs_response_result *to = &response.responses.items[i];
        to->resource_type = wishes->items[i].type;
        to->resource_name = wishes->items[i].name;
        to->error_code = (int16_t)wishes->items[i].error;
        to->error_message = wishes->items[i].message;
    }
    request_answer(request, &response);
}

static void answer(struct request *request, const struct wishes *wishes)
{
    if (wishes->incremental) {
        answer_incremental(request, wishes);
    } else {
        answer_legacy(request, wishes);
    }
}

static void on_altered(struct forwarded *forwarded, enum kafka_error error)
{
    struct wishes *wishes = forwarded->ctx;
    if (error == KAFKA_NONE && !alter_answer_read(forwarded, wishes)) {
        request_refuse(forwarded->request, "AlterConfigs whose answer cannot be read");
        return;
    }
    if (error != KAFKA_NONE) {
        wishes_fail(wishes, error);
    }
    answer(forwarded->request, wishes);
}

/* --- the requests --- */

static struct wishes *wishes_new(struct request *request, int32_t count, bool incremental)
{
    struct wishes *wishes = ARENA_NEW(&request->arena, struct wishes);
    struct wish *items = arena_array(&request->arena, (size_t)count, sizeof(*items));
    if (wishes == NULL || items == NULL) {
        return NULL;
    }
    *wishes = (struct wishes){.items = items, .count = count, .incremental = incremental};
    return wishes;
}

static struct setting_change *changes_new(struct request *request, struct wish *wish, int32_t count)
{
    struct setting_change *changes = arena_array(&request->arena, (size_t)count, sizeof(*changes));
    wish->changes = changes;
    wish->count = count;
    return changes;
}

/* Takes out of the request what the controllers are not to be asked. */
static void send_incremental(struct request *request,
                             struct kmsg_incremental_alter_configs_request *ask,
                             struct wishes *wishes)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < wishes->count; i++) {
        if (wish_open(&wishes->items[i])) {
            ask->resources.items[kept++] = ask->resources.items[i];
        }
    }
    assert(kept <= ask->resources.count);
    ask->resources.count = kept;
    forward_send(request, ask, 0, on_altered, wishes);
}

void api_incremental_alter_configs(struct request *request)
{
    struct kmsg_incremental_alter_configs_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct wishes *wishes = wishes_new(request, ask.resources.count, true);
    for (int32_t i = 0; wishes != NULL && i < ask.resources.count; i++) {
        const struct kmsg_incremental_alter_configs_request_resource *from =
            &ask.resources.items[i];
        struct setting_change *to = changes_new(request, &wishes->items[i], from->configs.count);
        wishes->items[i].type = from->resource_type;
        /* The controllers' answer comes when the frame is gone. */
        wishes->items[i].name = request_keep(request, from->resource_name);
        for (int32_t k = 0; to != NULL && k < from->configs.count; k++) {
            to[k] = (struct setting_change){from->configs.items[k].name,
                                            from->configs.items[k].value,
                                            from->configs.items[k].config_operation};
        }
        wishes = to == NULL || wishes->items[i].name.p == NULL ? NULL : wishes;
    }
    if (wishes != NULL) {
        wishes->validate_only = ask.validate_only;
    }
    if (wishes == NULL || !wishes_judge(wishes, request)) {
        api_out_of_memory(request);
    } else if (wishes->asked == 0) {
        answer(request, wishes);
    } else {
        send_incremental(request, &ask, wishes);
    }
}

static void send_legacy(struct request *request, struct kmsg_alter_configs_request *ask,
                        struct wishes *wishes)
{
    int32_t kept = 0;
    for (int32_t i = 0; i < wishes->count; i++) {
        if (wish_open(&wishes->items[i])) {
            ask->resources.items[kept++] = ask->resources.items[i];
        }
    }
    assert(kept <= ask->resources.count);
    ask->resources.count = kept;
    forward_send(request, ask, 0, on_altered, wishes);
}

void api_alter_configs(struct request *request)
{
    struct kmsg_alter_configs_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct wishes *wishes = wishes_new(request, ask.resources.count, false);
    for (int32_t i = 0; wishes != NULL && i < ask.resources.count; i++) {
        const struct kmsg_alter_configs_request_resource *from = &ask.resources.items[i];
        struct setting_change *to = changes_new(request, &wishes->items[i], from->configs.count);
        wishes->items[i].type = from->resource_type;
        /* The controllers' answer comes when the frame is gone. */
        wishes->items[i].name = request_keep(request, from->resource_name);
        for (int32_t k = 0; to != NULL && k < from->configs.count; k++) {
            to[k] = (struct setting_change){from->configs.items[k].name,
                                            from->configs.items[k].value, CONFIG_SET};
        }
        wishes = to == NULL || wishes->items[i].name.p == NULL ? NULL : wishes;
    }
    if (wishes == NULL || !wishes_judge(wishes, request)) {
        api_out_of_memory(request);
    } else if (wishes->asked == 0) {
        answer(request, wishes);
    } else {
        send_legacy(request, &ask, wishes);
    }
}
