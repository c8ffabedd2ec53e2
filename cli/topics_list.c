/* topics list, topics describe, topics offsets: what there is. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/topics.h"
#include "cli/when.h"
#include "common/port/clock.h"
#include "kmsg/describe_configs.h"

#define RESOURCE_TOPIC 2

typedef const struct kmsg_metadata_response_topic topic_row;
typedef const struct kmsg_metadata_response_partition partition_row;

static int compare_topics(const void *a, const void *b)
{
    return slice_cmp(((topic_row *)a)->name, ((topic_row *)b)->name);
}

void topics_sort(struct kmsg_metadata_response *metadata)
{
    if (metadata->topics.count > 0) {
        qsort(metadata->topics.items, (size_t)metadata->topics.count,
              sizeof(*metadata->topics.items), compare_topics);
    }
}

void json_topics_open(struct cli *cli)
{
    if (cli->json) {
        json_open(&cli->json_out, NULL, '{');
        json_open(&cli->json_out, "topics", '[');
    }
}

int json_topics_close(struct cli *cli, int code)
{
    if (cli->json) {
        json_close(&cli->json_out);
        json_close(&cli->json_out);
    }
    return code;
}

const char *ids_text(struct cli *cli, const kmsg_i32_array *ids)
{
    size_t room = (size_t)max_i64(ids->count, 0) * 12 + 2;
    char *text = arena_alloc(&cli->arena, room);
    size_t at = 0;
    if (text == NULL) {
        return "?";
    }
    for (int32_t i = 0; i < ids->count; i++) {
        int n = snprintf(text + at, room - at, "%s%d", i == 0 ? "" : ",", ids->items[i]);
        assert(n > 0);
        at += (size_t)n;
    }
    return at == 0 ? "-" : text;
}

void json_ids(struct json *json, const char *key, const kmsg_i32_array *ids)
{
    assert(key != NULL);
    json_open(json, key, '[');
    for (int32_t i = 0; i < ids->count; i++) {
        json_number(json, NULL, ids->items[i]);
    }
    json_close(json);
}

static int compare_partitions(const void *a, const void *b)
{
    int32_t x = ((partition_row *)a)->partition_index;
    int32_t y = ((partition_row *)b)->partition_index;
    return (x > y) - (x < y);
}

struct health {
    int32_t replicas; /* the most that a partition has */
    int32_t under_replicated;
    int32_t leaderless;
};

static struct health topic_health(topic_row *topic)
{
    assert(topic->partitions.count >= 0);
    struct health health = {0};
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        partition_row *p = &topic->partitions.items[i];
        health.replicas = (int32_t)max_i64(health.replicas, p->replica_nodes.count);
        health.under_replicated += p->isr_nodes.count < p->replica_nodes.count;
        health.leaderless += p->leader_id < 0;
    }
    return health;
}

static void list_row(struct cli *cli, struct table *table, topic_row *topic)
{
    assert(topic->error_code != KAFKA_UNKNOWN_TOPIC_OR_PARTITION);
    struct health health = topic_health(topic);
    if (cli->json) {
        struct json *json = &cli->json_out;
        json_open(json, NULL, '{');
        json_slice(json, "name", topic->name);
        json_uuid(json, "id", topic->topic_id);
        json_number(json, "partitions", topic->partitions.count);
        json_number(json, "replicas", health.replicas);
        json_number(json, "under_replicated", health.under_replicated);
        json_number(json, "leaderless", health.leaderless);
        json_bool(json, "internal", topic->is_internal);
        json_close(json);
        return;
    }
    table_row(table);
    table_cell(table, "%.*s", (int)topic->name.n, (const char *)topic->name.p);
    table_cell(table, "%d", topic->partitions.count);
    table_cell(table, "%d", health.replicas);
    table_cell(table, "%d", health.under_replicated);
    table_cell(table, "%d", health.leaderless);
}

int topics_list(struct cli *cli)
{
    static const char *const titles[] = {"TOPIC", "PARTITIONS>", "REPLICAS>", "UNDER-REPLICATED>",
                                         "WITHOUT LEADER>"};
    struct kmsg_metadata_response metadata;
    struct table table;
    err_t err = session_metadata(&cli->session, NULL, 0, &cli->arena, &metadata);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "topics list");
    }
    table_init(&table, &cli->arena, titles, ARRAY_LEN(titles));
    topics_sort(&metadata);
    json_topics_open(cli);
    bool names = args_flag(cli->args, "names");
    for (int32_t i = 0; i < metadata.topics.count; i++) {
        topic_row *topic = &metadata.topics.items[i];
        if (topic->is_internal && !args_flag(cli->args, "internal")) {
            continue;
        }
        if (names && !cli->json) {
            buf_printf(&cli->out, "%.*s\n", (int)topic->name.n, (const char *)topic->name.p);
        } else {
            list_row(cli, &table, topic);
        }
    }
    if (!cli->json && !names) {
        table_print(&table, &cli->out);
    }
    return json_topics_close(cli, EXIT_OK);
}

/* ---- describe ---- */

static void describe_partitions(struct cli *cli, topic_row *topic)
{
    static const char *const titles[] = {"PARTITION>", "LEADER>", "EPOCH>",
                                         "REPLICAS",   "IN SYNC", "OFFLINE"};
    struct table table;
    struct json *json = &cli->json_out;
    table_init(&table, &cli->arena, titles, ARRAY_LEN(titles));
    if (cli->json) {
        json_open(json, "partitions", '[');
    }
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        partition_row *p = &topic->partitions.items[i];
        if (cli->json) {
            json_open(json, NULL, '{');
            json_number(json, "partition", p->partition_index);
            json_number(json, "leader", p->leader_id);
            json_number(json, "leader_epoch", p->leader_epoch);
            json_ids(json, "replicas", &p->replica_nodes);
            json_ids(json, "in_sync", &p->isr_nodes);
            json_ids(json, "offline", &p->offline_replicas);
            json_close(json);
            continue;
        }
        table_row(&table);
        table_cell(&table, "%d", p->partition_index);
        table_cell(&table, p->leader_id < 0 ? "none" : "%d", p->leader_id);
        table_cell(&table, "%d", p->leader_epoch);
        table_cell(&table, "%s", ids_text(cli, &p->replica_nodes));
        table_cell(&table, "%s", ids_text(cli, &p->isr_nodes));
        table_cell(&table, "%s", ids_text(cli, &p->offline_replicas));
    }
    if (cli->json) {
        json_close(json);
    } else {
        table_print(&table, &cli->out);
    }
}

static const char *source_text(int8_t source)
{
    switch (source) {
    case 1: return "topic";
    case 2: return "broker, dynamic";
    case 3: return "cluster, dynamic";
    case 4: return "broker's file";
    default: return "default";
    }
}

static void describe_setting(struct cli *cli, const struct kmsg_describe_configs_response_config *c)
{
    assert(c->name.p != NULL);
    struct json *json = &cli->json_out;
    if (cli->json) {
        json_open(json, NULL, '{');
        json_slice(json, "name", c->name);
        json_slice(json, "value", c->value);
        json_text(json, "source", source_text(c->config_source));
        json_close(json);
    } else {
        buf_printf(&cli->out, "  %.*s=%.*s  (%s)\n", (int)c->name.n, (const char *)c->name.p,
                   (int)c->value.n, (const char *)c->value.p, source_text(c->config_source));
    }
}

static err_t settings_ask(struct cli *cli, struct slice topic,
                          struct kmsg_describe_configs_response *ret_response)
{
    struct kmsg_describe_configs_request request;
    struct link *link;
    kmsg_describe_configs_request_init(&request);
    request.resources.items = kmsg_describe_configs_request_resource_array(&cli->arena, 1);
    ENSURE(request.resources.items != NULL, ERR_NO_MEMORY);
    request.resources.count = 1;
    request.resources.items[0].resource_type = RESOURCE_TOPIC;
    request.resources.items[0].resource_name = topic;
    request.resources.items[0].configuration_keys.count = -1;
    TRY(session_any(&cli->session, &link));
    return ask_link(link, API_DESCRIBE_CONFIGS, &request, &cli->arena, ret_response);
}

static int describe_settings(struct cli *cli, struct slice topic)
{
    struct kmsg_describe_configs_response response;
    bool all = args_flag(cli->args, "all-settings");
    err_t err = settings_ask(cli, topic, &response);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "settings");
    }
    if (cli->json) {
        json_open(&cli->json_out, "settings", '[');
    }
    for (int32_t r = 0; r < response.results.count; r++) {
        const struct kmsg_describe_configs_response_result *result = &response.results.items[r];
        for (int32_t i = 0; i < result->configs.count; i++) {
            if (all || result->configs.items[i].config_source == 1) {
                describe_setting(cli, &result->configs.items[i]);
            }
        }
    }
    if (cli->json) {
        json_close(&cli->json_out);
    }
    return EXIT_OK;
}

static int describe_topic(struct cli *cli, topic_row *topic)
{
    struct json *json = &cli->json_out;
    struct health health = topic_health(topic);
    if (topic->partitions.count > 0) {
        qsort(topic->partitions.items, (size_t)topic->partitions.count,
              sizeof(*topic->partitions.items), compare_partitions);
    }
    struct uuid_text id = uuid_print(topic->topic_id);
    if (cli->json) {
        json_open(json, NULL, '{');
        json_slice(json, "name", topic->name);
        json_uuid(json, "id", topic->topic_id);
        json_bool(json, "internal", topic->is_internal);
        json_number(json, "replicas", health.replicas);
        json_number(json, "under_replicated", health.under_replicated);
        json_number(json, "leaderless", health.leaderless);
    } else {
        buf_printf(&cli->out, "%.*s  id %s, %d partitions, %d replicas%s\n", (int)topic->name.n,
                   (const char *)topic->name.p, id.s, topic->partitions.count, health.replicas,
                   topic->is_internal ? ", internal" : "");
    }
    int code = describe_settings(cli, topic->name);
    describe_partitions(cli, topic);
    if (cli->json) {
        json_close(json);
    }
    return code;
}

static int describe_found(struct cli *cli, topic_row *topic)
{
    if (topic->error_code == KAFKA_NONE || topic->error_code == KAFKA_LEADER_NOT_AVAILABLE) {
        return describe_topic(cli, topic);
    }
    const char *name = cli_str(cli, topic->name);
    if (cli->json) {
        json_open(&cli->json_out, NULL, '{');
        json_text(&cli->json_out, "name", name);
        json_kafka_error(&cli->json_out, topic->error_code, (struct slice){0});
        json_close(&cli->json_out);
    }
    return cli_fail(cli, kafka_exit(topic->error_code), kafka_next(topic->error_code),
                    topic->error_code == KAFKA_UNKNOWN_TOPIC_OR_PARTITION
                        ? "topic %s does not exist"
                        : "topic %s: %s",
                    name, kafka_error_name(topic->error_code));
}

int topics_describe(struct cli *cli)
{
    const struct args *args = cli->args;
    struct kmsg_metadata_response metadata;
    struct slice *names = NULL;
    int code = EXIT_OK;
    if (args->word_count > 0) {
        names = arena_array(&cli->arena, args->word_count, sizeof(*names));
        for (uint32_t i = 0; names != NULL && i < args->word_count; i++) {
            names[i] = slice_str(args->words[i]);
        }
    }
    err_t err = session_metadata(&cli->session, names, (int32_t)args->word_count, &cli->arena,
                                 &metadata);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "topics describe");
    }
    topics_sort(&metadata);
    json_topics_open(cli);
    for (int32_t i = 0; i < metadata.topics.count; i++) {
        if (i > 0 && !cli->json) {
            buf_put(&cli->out, "\n", 1);
        }
        int one = describe_found(cli, &metadata.topics.items[i]);
        code = code == EXIT_OK ? one : code;
    }
    return json_topics_close(cli, code);
}

/* ---- offsets ---- */

static void offsets_print(struct cli *cli, const struct place *from, const struct place *to,
                          int32_t count)
{
    assert(count >= 0);
    static const char *const titles[] = {"PARTITION>", "BEGINNING>", "END>", "RECORDS>"};
    struct table table;
    struct json *json = &cli->json_out;
    table_init(&table, &cli->arena, titles, ARRAY_LEN(titles));
    if (cli->json) {
        json_open(json, NULL, '{');
        json_text(json, "topic", cli->args->words[0]);
        json_open(json, "partitions", '[');
    }
    for (int32_t i = 0; i < count; i++) {
        if (cli->json) {
            json_open(json, NULL, '{');
            json_number(json, "partition", from[i].partition);
            json_number(json, "beginning", from[i].offset);
            json_number(json, "end", to[i].offset);
            json_close(json);
            continue;
        }
        table_row(&table);
        table_cell(&table, "%d", from[i].partition);
        table_cell(&table, "%lld", (long long)from[i].offset);
        table_cell(&table, "%lld", (long long)to[i].offset);
        table_cell(&table, "%lld", (long long)(to[i].offset - from[i].offset));
    }
    if (cli->json) {
        json_close(json);
        json_close(json);
    } else {
        table_print(&table, &cli->out);
    }
}

static void offsets_at_print(struct cli *cli, const struct place *at, int32_t count)
{
    assert(count > 0);
    static const char *const titles[] = {"PARTITION>", "OFFSET>", "TIME OF ITS RECORD"};
    struct table table;
    struct json *json = &cli->json_out;
    table_init(&table, &cli->arena, titles, ARRAY_LEN(titles));
    if (cli->json) {
        json_open(json, NULL, '{');
        json_text(json, "topic", cli->args->words[0]);
        json_time(json, "at", at[0].ask);
        json_open(json, "partitions", '[');
    }
    for (int32_t i = 0; i < count; i++) {
        struct when_text when = when_print(at[i].timestamp);
        if (cli->json) {
            json_open(json, NULL, '{');
            json_number(json, "partition", at[i].partition);
            json_number(json, "offset", at[i].offset);
            json_time(json, "timestamp", at[i].timestamp);
            json_close(json);
            continue;
        }
        table_row(&table);
        table_cell(&table, "%d", at[i].partition);
        table_cell(&table, at[i].offset < 0 ? "none" : "%lld", (long long)at[i].offset);
        table_cell(&table, "%s", at[i].offset < 0 || at[i].timestamp < 0 ? "-" : when.s);
    }
    if (cli->json) {
        json_close(json);
        json_close(json);
    } else {
        table_print(&table, &cli->out);
    }
}

int topics_offsets(struct cli *cli)
{
    assert(cli->args->word_count == 1);
    struct slice name = slice_str(cli->args->words[0]);
    const char *when = args_text(cli->args, "at");
    struct kmsg_metadata_response metadata;
    topic_row *topic;
    struct place *from, *to;
    int32_t count;
    int64_t at_ms = OFFSET_BEGINNING;
    if (when != NULL && when_parse(when, clock_wall_ms(cli->host), &at_ms) != OK) {
        return cli_fail(cli, EXIT_USAGE,
                        "2026-11-21T08:15:30Z, milliseconds since 1970, or -15m, -2h, -7d",
                        "--at %s: this is no time", when);
    }
    int code = topic_metadata(cli, &cli->arena, name, &metadata, &topic);
    code = code != EXIT_OK ? code : places_of(cli, name, topic, &from, &count);
    code = code != EXIT_OK ? code : places_of(cli, name, topic, &to, &count);
    if (code != EXIT_OK) {
        return code;
    }
    for (int32_t i = 0; i < count; i++) {
        from[i].ask = at_ms;
        to[i].ask = OFFSET_END;
    }
    code = places_ask(cli, name, from, count, places_offsets);
    if (code == EXIT_OK && when == NULL) {
        code = places_ask(cli, name, to, count, places_offsets);
    }
    if (code == EXIT_OK && when != NULL && count > 0) {
        offsets_at_print(cli, from, count);
    } else if (code == EXIT_OK) {
        offsets_print(cli, from, to, count);
    }
    return code;
}
