/* topics create, alter, delete, trim: what changes them. Each topic's outcome is told; the exit code is the first failure's. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/topics.h"
#include "cli/when.h"
#include "common/port/clock.h"
#include "kmsg/create_partitions.h"
#include "kmsg/create_topics.h"
#include "kmsg/delete_topics.h"
#include "kmsg/incremental_alter_configs.h"

#define RESOURCE_TOPIC 2

enum alter_operation {
    ALTER_SET = 0,
    ALTER_DELETE = 1,
    ALTER_APPEND = 2,
    ALTER_SUBTRACT = 3,
};

void json_kafka_error(struct json *json, int16_t code, struct slice message)
{
    assert(code != KAFKA_NONE);
    json_open(json, "error", '{');
    json_text(json, "code", kafka_error_name(code));
    json_slice(json, "message", message);
    json_text(json, "next", kafka_next(code));
    json_close(json);
}

const char *setting_equals(struct cli *cli, const char *option, const char *text)
{
    assert(text != NULL);
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals == text) {
        (void)cli_fail(cli, EXIT_USAGE, "write it as name=value: --set retention.ms=86400000",
                       "--%s %s: the '=' is missing", option, text);
        return NULL;
    }
    return equals;
}

int confirm(struct cli *cli, const char *fmt, ...)
{
    char question[512];
    char answer[16] = "";
    va_list list;
    if (args_flag(cli->args, "yes")) {
        return EXIT_OK;
    }
    va_start(list, fmt);
    (void)vsnprintf(question, sizeof(question), fmt, list);
    va_end(list);
    if (!isatty(STDIN_FILENO)) {
        return cli_fail(cli, EXIT_USAGE, "give --yes if that is meant", "this would %s", question);
    }
    (void)fprintf(stderr, "%s? [y/N] ", question);
    if (fgets(answer, sizeof(answer), stdin) == NULL || (answer[0] != 'y' && answer[0] != 'Y')) {
        return cli_fail(cli, EXIT_FAILED, NULL, "nothing was done");
    }
    return EXIT_OK;
}

/* One outcome: as JSON, and as a sentence on failure. done: "created". Answers the exit code. */
static int outcome(struct cli *cli, struct slice name, int16_t code, struct slice message,
                   const char *done)
{
    assert(done != NULL);
    struct json *json = &cli->json_out;
    if (cli->json) {
        json_open(json, NULL, '{');
        json_slice(json, "name", name);
        json_bool(json, done, code == KAFKA_NONE);
        if (code != KAFKA_NONE) {
            json_kafka_error(json, code, message);
        }
        json_close(json);
    }
    return code == KAFKA_NONE ? EXIT_OK : cli_fail_kafka(cli, code, message, cli_str(cli, name));
}

static int first_failure(int so_far, int next)
{
    return so_far != EXIT_OK ? so_far : next;
}

/* ---- create ---- */

static uint32_t count_given(const struct args *args, const char *name)
{
    uint32_t at = 0;
    uint32_t count = 0;
    while (args_next(args, name, &at) != NULL) {
        count++;
    }
    return count;
}

static int create_settings(struct cli *cli, struct kmsg_create_topics_request_topic *topic)
{
    assert(topic->configs.count == 0);
    uint32_t at = 0;
    int32_t count = (int32_t)count_given(cli->args, "set");
    topic->configs.items = kmsg_create_topics_request_config_array(&cli->arena, count);
    if (topic->configs.items == NULL) {
        return cli_fail(cli, EXIT_FAILED, NULL, "%s", err_text(ERR_NO_MEMORY));
    }
    for (int32_t i = 0; i < count; i++) {
        const char *text = args_next(cli->args, "set", &at);
        const char *equals = setting_equals(cli, "set", text);
        if (equals == NULL) {
            return EXIT_USAGE;
        }
        topic->configs.items[i].name = slice_of(text, (size_t)(equals - text));
        topic->configs.items[i].value = slice_str(equals + 1);
    }
    topic->configs.count = count;
    return EXIT_OK;
}

/* "1,2,3": the replicas of one partition. */
static bool brokers_parse(struct cli *cli, const char *text, kmsg_i32_array *ret_ids)
{
    assert(text != NULL);
    ret_ids->items = arena_array(&cli->arena, strlen(text) + 1, sizeof(*ret_ids->items));
    ret_ids->count = 0;
    for (const char *p = text; ret_ids->items != NULL; p++) {
        char item[16];
        int64_t id;
        size_t n = strcspn(p, ",");
        (void)snprintf(item, sizeof(item), "%.*s", (int)min_i64((int64_t)n, 15), p);
        if (n >= sizeof(item) || !args_parse_number(item, &id) || id < 0 || id > INT32_MAX) {
            return false;
        }
        ret_ids->items[ret_ids->count++] = (int32_t)id;
        p += n;
        if (*p == '\0') {
            return true;
        }
    }
    return false;
}

static int create_assignment(struct cli *cli, struct kmsg_create_topics_request_topic *topic)
{
    assert(topic->assignments.count == 0);
    uint32_t at = 0;
    int32_t count = (int32_t)count_given(cli->args, "assign");
    if (count == 0) {
        return EXIT_OK;
    }
    topic->assignments.items = kmsg_create_topics_request_assignment_array(&cli->arena, count);
    for (int32_t i = 0; i < count && topic->assignments.items != NULL; i++) {
        const char *text = args_next(cli->args, "assign", &at);
        topic->assignments.items[i].partition_index = i;
        if (!brokers_parse(cli, text, &topic->assignments.items[i].broker_ids)) {
            return cli_fail(cli, EXIT_USAGE, "one --assign for each partition: --assign 1,2,3",
                            "--assign %s: these are no broker ids", text);
        }
    }
    if (args_given(cli->args, "partitions") || args_given(cli->args, "replicas")) {
        return cli_fail(cli, EXIT_USAGE, "leave --partitions and --replicas out",
                        "--assign says already how many partitions and replicas there are");
    }
    topic->assignments.count = count;
    return EXIT_OK;
}

static int create_outcome(struct cli *cli, const struct kmsg_create_topics_response_topic *t)
{
    if (t->error_code == KAFKA_TOPIC_ALREADY_EXISTS && args_flag(cli->args, "if-not-exists")) {
        if (cli->json) {
            json_open(&cli->json_out, NULL, '{');
            json_slice(&cli->json_out, "name", t->name);
            json_bool(&cli->json_out, "created", false);
            json_bool(&cli->json_out, "exists", true);
            json_close(&cli->json_out);
        } else {
            buf_printf(&cli->out, "topic %.*s exists already\n", (int)t->name.n,
                       (const char *)t->name.p);
        }
        return EXIT_OK;
    }
    bool dry = args_flag(cli->args, "dry-run");
    if (t->error_code == KAFKA_NONE && cli->json) {
        json_open(&cli->json_out, NULL, '{');
        json_slice(&cli->json_out, "name", t->name);
        json_bool(&cli->json_out, "created", !dry);
        json_uuid(&cli->json_out, "id", t->topic_id);
        json_number(&cli->json_out, "partitions", t->num_partitions);
        json_number(&cli->json_out, "replicas", t->replication_factor);
        json_close(&cli->json_out);
        return EXIT_OK;
    }
    if (t->error_code == KAFKA_NONE) {
        buf_printf(&cli->out, "%s topic %.*s", dry ? "would create" : "created", (int)t->name.n,
                   (const char *)t->name.p);
        if (t->num_partitions >= 0) {
            buf_printf(&cli->out, ": %d partitions, %d replicas", t->num_partitions,
                       t->replication_factor);
        }
        buf_put(&cli->out, "\n", 1);
        return EXIT_OK;
    }
    return outcome(cli, t->name, t->error_code, t->error_message, "created");
}

int topics_create(struct cli *cli)
{
    assert(cli->args->word_count > 0);
    const struct args *args = cli->args;
    struct kmsg_create_topics_request request;
    struct kmsg_create_topics_response response;
    struct link *link = NULL;
    int32_t count = (int32_t)args->word_count;
    kmsg_create_topics_request_init(&request);
    request.timeout_ms = (int32_t)min_i64(cli->session.timeout_us / 1000, INT32_MAX);
    request.validate_only = args_flag(args, "dry-run");
    request.topics.items = kmsg_create_topics_request_topic_array(&cli->arena, count);
    request.topics.count = count;
    for (int32_t i = 0; i < count && request.topics.items != NULL; i++) {
        struct kmsg_create_topics_request_topic *topic = &request.topics.items[i];
        topic->name = slice_str(args->words[i]);
        topic->num_partitions = (int32_t)args_number(args, "partitions", -1);
        topic->replication_factor = (int16_t)args_number(args, "replicas", -1);
        int code = create_settings(cli, topic);
        code = code != EXIT_OK ? code : create_assignment(cli, topic);
        if (code != EXIT_OK) {
            return code;
        }
    }
    err_t err = session_any(&cli->session, &link);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "topics create");
    }
    err = ask_link(link, API_CREATE_TOPICS, &request, &cli->arena, &response);
    if (err != OK) {
        return cli_fail_err(cli, err, link, "topics create");
    }
    int code = EXIT_OK;
    json_topics_open(cli);
    for (int32_t i = 0; i < response.topics.count; i++) {
        code = first_failure(code, create_outcome(cli, &response.topics.items[i]));
    }
    return json_topics_close(cli, code);
}

/* ---- alter ---- */

static const struct {
    const char *option;
    enum alter_operation operation;
} alterations[] = {
    {"set", ALTER_SET}, {"unset", ALTER_DELETE}, {"add", ALTER_APPEND}, {"remove", ALTER_SUBTRACT}};

static int alter_settings_read(struct cli *cli,
                               struct kmsg_incremental_alter_configs_request_resource *resource,
                               int32_t room)
{
    resource->configs.items = kmsg_incremental_alter_configs_request_config_array(&cli->arena,
                                                                                  room);
    if (resource->configs.items == NULL) {
        return cli_fail(cli, EXIT_FAILED, NULL, "%s", err_text(ERR_NO_MEMORY));
    }
    resource->configs.count = 0;
    for (size_t a = 0; a < ARRAY_LEN(alterations); a++) {
        uint32_t at = 0;
        const char *text;
        while ((text = args_next(cli->args, alterations[a].option, &at)) != NULL) {
            struct kmsg_incremental_alter_configs_request_config *config =
                &resource->configs.items[resource->configs.count++];
            assert(resource->configs.count <= room);
            config->config_operation = (int8_t)alterations[a].operation;
            config->name = slice_str(text);
            if (alterations[a].operation == ALTER_DELETE) {
                continue;
            }
            const char *equals = setting_equals(cli, alterations[a].option, text);
            if (equals == NULL) {
                return EXIT_USAGE;
            }
            config->name.n = (size_t)(equals - text);
            config->value = slice_str(equals + 1);
        }
    }
    return EXIT_OK;
}

static int alter_settings(struct cli *cli, struct link *link, struct slice name, int32_t count)
{
    assert(count > 0);
    struct kmsg_incremental_alter_configs_request request;
    struct kmsg_incremental_alter_configs_response response;
    kmsg_incremental_alter_configs_request_init(&request);
    request.validate_only = args_flag(cli->args, "dry-run");
    request.resources.items = kmsg_incremental_alter_configs_request_resource_array(&cli->arena, 1);
    if (request.resources.items == NULL) {
        return cli_fail(cli, EXIT_FAILED, NULL, "%s", err_text(ERR_NO_MEMORY));
    }
    request.resources.count = 1;
    request.resources.items[0].resource_type = RESOURCE_TOPIC;
    request.resources.items[0].resource_name = name;
    int code = alter_settings_read(cli, &request.resources.items[0], count);
    if (code != EXIT_OK) {
        return code;
    }
    err_t err = ask_link(link, API_INCREMENTAL_ALTER_CONFIGS, &request, &cli->arena, &response);
    if (err != OK) {
        return cli_fail_err(cli, err, link, "settings");
    }
    for (int32_t i = 0; i < response.responses.count; i++) {
        const struct kmsg_incremental_alter_configs_response_result *row =
            &response.responses.items[i];
        code = first_failure(
            code, outcome(cli, name, row->error_code, row->error_message, "settings_changed"));
    }
    if (code == EXIT_OK && !cli->json) {
        buf_printf(&cli->out, "%s %d settings of topic %.*s\n",
                   request.validate_only ? "would change" : "changed", count, (int)name.n,
                   (const char *)name.p);
    }
    return code;
}

static int alter_partitions(struct cli *cli, struct link *link, struct slice name)
{
    assert(name.n > 0 || name.p != NULL);
    struct kmsg_create_partitions_request request;
    struct kmsg_create_partitions_response response;
    int code = EXIT_OK;
    kmsg_create_partitions_request_init(&request);
    request.timeout_ms = (int32_t)min_i64(cli->session.timeout_us / 1000, INT32_MAX);
    request.validate_only = args_flag(cli->args, "dry-run");
    request.topics.items = kmsg_create_partitions_request_topic_array(&cli->arena, 1);
    if (request.topics.items == NULL) {
        return cli_fail(cli, EXIT_FAILED, NULL, "%s", err_text(ERR_NO_MEMORY));
    }
    request.topics.count = 1;
    request.topics.items[0].name = name;
    request.topics.items[0].count = (int32_t)args_number(cli->args, "partitions", 0);
    request.topics.items[0].assignments.count = -1;
    err_t err = ask_link(link, API_CREATE_PARTITIONS, &request, &cli->arena, &response);
    if (err != OK) {
        return cli_fail_err(cli, err, link, "partitions");
    }
    for (int32_t i = 0; i < response.results.count; i++) {
        const struct kmsg_create_partitions_response_result *row = &response.results.items[i];
        code = first_failure(
            code, outcome(cli, name, row->error_code, row->error_message, "partitions_added"));
    }
    if (code == EXIT_OK && !cli->json) {
        buf_printf(&cli->out, "topic %.*s %s %d partitions\n", (int)name.n, (const char *)name.p,
                   request.validate_only ? "would have" : "has", request.topics.items[0].count);
    }
    return code;
}

int topics_alter(struct cli *cli)
{
    assert(cli->args->word_count == 1);
    struct slice name = slice_str(cli->args->words[0]);
    struct link *link;
    uint32_t settings = 0;
    int code = EXIT_OK;
    for (size_t i = 0; i < ARRAY_LEN(alterations); i++) {
        settings += count_given(cli->args, alterations[i].option);
    }
    bool partitions = args_given(cli->args, "partitions");
    if (settings == 0 && !partitions) {
        return cli_fail(cli, EXIT_USAGE, "--partitions N, --set name=value or --unset name",
                        "topics alter: say what to change");
    }
    err_t err = session_any(&cli->session, &link);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "topics alter");
    }
    json_topics_open(cli);
    if (settings > 0) {
        code = alter_settings(cli, link, name, (int32_t)settings);
    }
    if (partitions && code == EXIT_OK) {
        code = alter_partitions(cli, link, name);
    }
    return json_topics_close(cli, code);
}

/* ---- delete ---- */

static int delete_outcome(struct cli *cli, const struct kmsg_delete_topics_response_result *row)
{
    struct slice name = row->name;
    if (row->error_code == KAFKA_UNKNOWN_TOPIC_OR_PARTITION && args_flag(cli->args, "if-exists")) {
        if (cli->json) {
            json_open(&cli->json_out, NULL, '{');
            json_slice(&cli->json_out, "name", name);
            json_bool(&cli->json_out, "deleted", false);
            json_close(&cli->json_out);
        }
        return EXIT_OK;
    }
    int code = outcome(cli, name, row->error_code, row->error_message, "deleted");
    if (code == EXIT_OK && !cli->json) {
        buf_printf(&cli->out, "deleted topic %.*s\n", (int)name.n, (const char *)name.p);
    }
    return code;
}

static err_t delete_ask(struct cli *cli, struct link *link,
                        struct kmsg_delete_topics_response *ret_response)
{
    struct kmsg_delete_topics_request request;
    int32_t count = (int32_t)cli->args->word_count;
    kmsg_delete_topics_request_init(&request);
    request.timeout_ms = (int32_t)min_i64(cli->session.timeout_us / 1000, INT32_MAX);
    if (link_version(link, API_DELETE_TOPICS) >= 6) {
        request.topics.items = kmsg_delete_topics_request_topic_array(&cli->arena, count);
        ENSURE(request.topics.items != NULL, ERR_NO_MEMORY);
        request.topics.count = count;
    } else {
        request.topic_names.items = arena_array(&cli->arena, (size_t)count, sizeof(struct slice));
        ENSURE(request.topic_names.items != NULL, ERR_NO_MEMORY);
        request.topic_names.count = count;
    }
    for (int32_t i = 0; i < count; i++) {
        struct slice name = slice_str(cli->args->words[i]);
        if (request.topics.count > 0) {
            request.topics.items[i].name = name;
        } else {
            request.topic_names.items[i] = name;
        }
    }
    return ask_link(link, API_DELETE_TOPICS, &request, &cli->arena, ret_response);
}

int topics_delete(struct cli *cli)
{
    assert(cli->args->word_count > 0);
    const struct args *args = cli->args;
    struct kmsg_delete_topics_response response;
    struct link *link;
    int code = confirm(cli, "delete %s%s with all records", args->words[0],
                       args->word_count > 1 ? " and the other topics named" : "");
    if (code != EXIT_OK) {
        return code;
    }
    err_t err = session_any(&cli->session, &link);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "topics delete");
    }
    err = delete_ask(cli, link, &response);
    if (err != OK) {
        return cli_fail_err(cli, err, link, "topics delete");
    }
    json_topics_open(cli);
    for (int32_t i = 0; i < response.responses.count; i++) {
        code = first_failure(code, delete_outcome(cli, &response.responses.items[i]));
    }
    return json_topics_close(cli, code);
}

/* ---- trim ---- */

static void trim_print(struct cli *cli, const struct place *places, int32_t count)
{
    assert(count >= 0);
    struct json *json = &cli->json_out;
    if (cli->json) {
        json_open(json, NULL, '{');
        json_text(json, "topic", cli->args->words[0]);
        json_open(json, "partitions", '[');
    }
    for (int32_t i = 0; i < count; i++) {
        if (cli->json) {
            json_open(json, NULL, '{');
            json_number(json, "partition", places[i].partition);
            json_number(json, "beginning", places[i].offset);
            json_close(json);
        } else {
            buf_printf(&cli->out, "partition %d begins at offset %lld\n", places[i].partition,
                       (long long)places[i].offset);
        }
    }
    if (cli->json) {
        json_close(json);
        json_close(json);
    }
}

/* --before: an offset, `end`, or @TIME; turned into an offset for each partition. */
static int trim_offsets(struct cli *cli, struct slice name, struct place *places, int32_t count)
{
    assert(args_text(cli->args, "before") != NULL);
    const char *before = args_text(cli->args, "before");
    int64_t number = 0;
    if (args_parse_number(before, &number) && number >= 0) {
        for (int32_t i = 0; i < count; i++) {
            places[i].ask = number;
        }
        return EXIT_OK;
    }
    int64_t at_ms = OFFSET_END;
    if (strcmp(before, "end") != 0 &&
        (before[0] != '@' || when_parse(before + 1, clock_wall_ms(cli->host), &at_ms) != OK)) {
        return cli_fail(cli, EXIT_USAGE, "an offset, end, or a time: @2026-11-21T08:15:30Z, @-2h",
                        "--before %s: this is no place in a log", before);
    }
    for (int32_t i = 0; i < count; i++) {
        places[i].ask = at_ms;
    }
    int code = places_ask(cli, name, places, count, places_offsets);
    for (int32_t i = 0; i < count; i++) {
        places[i].ask =
            places[i]
                .offset; /* -1, nothing is that late: the high watermark, as for DeleteRecords */
        places[i].done = false;
    }
    return code;
}

int topics_trim(struct cli *cli)
{
    assert(cli->args->word_count == 1);
    struct slice name = slice_str(cli->args->words[0]);
    struct kmsg_metadata_response metadata;
    const struct kmsg_metadata_response_topic *topic;
    struct place *places;
    int32_t count;
    if (!args_given(cli->args, "before")) {
        return cli_fail(cli, EXIT_USAGE, "an offset, end, or a time: --before @-7d",
                        "topics trim: --before is missing");
    }
    int code = topic_metadata(cli, &cli->arena, name, &metadata, &topic);
    code = code != EXIT_OK ? code : places_of(cli, name, topic, &places, &count);
    code = code != EXIT_OK ? code
                           : confirm(cli, "remove the records of %d partitions of %s before %s",
                                     count, cli->args->words[0], args_text(cli->args, "before"));
    code = code != EXIT_OK ? code : trim_offsets(cli, name, places, count);
    code = code != EXIT_OK ? code : places_ask(cli, name, places, count, places_trim);
    if (code == EXIT_OK) {
        trim_print(cli, places, count);
    }
    return code;
}
