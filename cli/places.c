/* Requests to the leaders of partitions. A leader that moved, died or does not know yet is no failure before --timeout is over. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/topics.h"
#include "common/port/memory.h"
#include "kmsg/delete_records.h"
#include "kmsg/list_offsets.h"

#define ROUND_ARENA_MAX ((size_t)64 << 20)
#define PAUSE_US        100000

err_t places_offsets(struct cli *cli, struct link *link, struct slice topic, struct place **places,
                     int32_t count)
{
    assert(count > 0);
    struct kmsg_list_offsets_request request;
    struct kmsg_list_offsets_response response;
    kmsg_list_offsets_request_init(&request);
    request.replica_id = -1;
    request.topics.items = kmsg_list_offsets_request_topic_array(&cli->arena, 1);
    ENSURE(request.topics.items != NULL, ERR_NO_MEMORY);
    request.topics.count = 1;
    struct kmsg_list_offsets_request_topic *asked = &request.topics.items[0];
    asked->name = topic;
    asked->partitions.items = kmsg_list_offsets_request_partition_array(&cli->arena, count);
    ENSURE(asked->partitions.items != NULL, ERR_NO_MEMORY);
    asked->partitions.count = count;
    for (int32_t i = 0; i < count; i++) {
        asked->partitions.items[i].partition_index = places[i]->partition;
        asked->partitions.items[i].timestamp = places[i]->ask;
    }
    TRY(ask_link(link, API_LIST_OFFSETS, &request, &cli->arena, &response));
    for (int32_t t = 0; t < response.topics.count; t++) {
        for (int32_t i = 0; i < response.topics.items[t].partitions.count; i++) {
            const struct kmsg_list_offsets_response_partition *row =
                &response.topics.items[t].partitions.items[i];
            for (int32_t k = 0; k < count; k++) {
                if (places[k]->partition == row->partition_index) {
                    places[k]->error = row->error_code;
                    places[k]->offset = row->offset;
                    places[k]->timestamp = row->timestamp;
                    places[k]->done = true;
                }
            }
        }
    }
    return OK;
}

err_t places_trim(struct cli *cli, struct link *link, struct slice topic, struct place **places,
                  int32_t count)
{
    assert(count > 0);
    struct kmsg_delete_records_request request;
    struct kmsg_delete_records_response response;
    kmsg_delete_records_request_init(&request);
    request.timeout_ms = (int32_t)min_i64(cli->session.timeout_us / 1000, INT32_MAX);
    request.topics.items = kmsg_delete_records_request_topic_array(&cli->arena, 1);
    ENSURE(request.topics.items != NULL, ERR_NO_MEMORY);
    request.topics.count = 1;
    struct kmsg_delete_records_request_topic *asked = &request.topics.items[0];
    asked->name = topic;
    asked->partitions.items = kmsg_delete_records_request_partition_array(&cli->arena, count);
    ENSURE(asked->partitions.items != NULL, ERR_NO_MEMORY);
    asked->partitions.count = count;
    for (int32_t i = 0; i < count; i++) {
        asked->partitions.items[i].partition_index = places[i]->partition;
        asked->partitions.items[i].offset = places[i]->ask;
    }
    TRY(ask_link(link, API_DELETE_RECORDS, &request, &cli->arena, &response));
    for (int32_t t = 0; t < response.topics.count; t++) {
        for (int32_t i = 0; i < response.topics.items[t].partitions.count; i++) {
            const struct kmsg_delete_records_response_partition *row =
                &response.topics.items[t].partitions.items[i];
            for (int32_t k = 0; k < count; k++) {
                if (places[k]->partition == row->partition_index) {
                    places[k]->error = row->error_code;
                    places[k]->offset = row->low_watermark;
                    places[k]->done = true;
                }
            }
        }
    }
    return OK;
}

static int32_t leader_of(const struct kmsg_metadata_response_topic *topic, int32_t partition)
{
    assert(partition >= 0);
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        if (topic->partitions.items[i].partition_index == partition) {
            return topic->partitions.items[i].leader_id;
        }
    }
    return -1;
}

/* One round: each leader is asked once about what is still open. */
static err_t ask_leaders(struct cli *cli, struct slice name,
                         const struct kmsg_metadata_response *metadata,
                         const struct kmsg_metadata_response_topic *topic, struct place *places,
                         int32_t count, places_ask_fn *ask)
{
    assert(count > 0);
    err_t last = OK;
    struct place **group = arena_array(&cli->arena, (size_t)count, sizeof(*group));
    ENSURE(group != NULL, ERR_NO_MEMORY);
    for (int32_t b = 0; b < metadata->brokers.count; b++) {
        int32_t id = metadata->brokers.items[b].node_id;
        int32_t n = 0;
        for (int32_t i = 0; i < count; i++) {
            if (!places[i].done && leader_of(topic, places[i].partition) == id) {
                group[n++] = &places[i];
            }
        }
        struct link *link;
        err_t err = n == 0 ? OK : session_broker(&cli->session, metadata, id, &link);
        if (n > 0 && err == OK) {
            err = ask(cli, link, name, group, n);
        }
        last = err != OK ? err : last;
    }
    for (int32_t i = 0; i < count; i++) {
        if (places[i].done && kafka_error_retriable(places[i].error)) {
            places[i].done = false;
        }
    }
    return last;
}

static int places_tell(struct cli *cli, struct slice topic, const struct place *places,
                       int32_t count, err_t last)
{
    assert(count >= 0);
    for (int32_t i = 0; i < count; i++) {
        const struct place *place = &places[i];
        char what[TOPIC_NAME_MAX + 64];
        (void)snprintf(what, sizeof(what), "%.*s partition %d", (int)topic.n, (const char *)topic.p,
                       place->partition);
        if (place->error != KAFKA_NONE) {
            return cli_fail_kafka(cli, place->error, (struct slice){0}, what);
        }
        if (!place->done) {
            return cli_fail(cli, EXIT_TIMED_OUT,
                            "`odradek cluster` shows whether the partition has a leader",
                            "%s: no leader answers%s%s", what, last == OK ? "" : ": ",
                            last == OK ? "" : err_text(last));
        }
    }
    return EXIT_OK;
}

static bool places_open(const struct place *places, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (!places[i].done) {
            return true;
        }
    }
    return false;
}

int places_ask(struct cli *cli, struct slice name, struct place *places, int32_t count,
               places_ask_fn *ask)
{
    assert(ask != NULL);
    struct session *session = &cli->session;
    time_us deadline = session_now(session) + session->timeout_us;
    struct arena arena;
    err_t last = OK;
    arena_init(&arena, memory_source(cli->host), 65536, ROUND_ARENA_MAX);
    while (places_open(places, count) && !session->interrupted) {
        struct kmsg_metadata_response metadata;
        const struct kmsg_metadata_response_topic *topic = NULL;
        arena_clear(&arena);
        int code = topic_metadata(cli, &arena, name, &metadata, &topic);
        if (code != EXIT_OK) {
            arena_release(&arena);
            return code;
        }
        last = ask_leaders(cli, name, &metadata, topic, places, count, ask);
        if (session_now(session) >= deadline || last == ERR_NO_MEMORY || last == ERR_UNSUPPORTED) {
            break;
        }
        if (places_open(places, count)) {
            session_sleep(session, PAUSE_US);
        }
    }
    arena_release(&arena);
    return places_tell(cli, name, places, count, last);
}

int topic_metadata(struct cli *cli, struct arena *arena, struct slice name,
                   struct kmsg_metadata_response *ret_metadata,
                   const struct kmsg_metadata_response_topic **ret_topic)
{
    assert(name.p != NULL);
    err_t err = session_metadata(&cli->session, &name, 1, arena, ret_metadata);
    if (err != OK) {
        return cli_fail_err(cli, err, NULL, "metadata");
    }
    const char *what = cli_str(cli, name);
    if (ret_metadata->topics.count != 1) {
        return cli_fail(cli, EXIT_FAILED, "`odradek doctor` looks closer",
                        "%s: the broker did not answer for this topic", what);
    }
    *ret_topic = &ret_metadata->topics.items[0];
    int16_t code = (*ret_topic)->error_code;
    if (code != KAFKA_NONE && code != KAFKA_LEADER_NOT_AVAILABLE) {
        if (code == KAFKA_UNKNOWN_TOPIC_OR_PARTITION) {
            return cli_fail(cli, EXIT_FAILED, kafka_next(code), "topic %s does not exist", what);
        }
        return cli_fail_kafka(cli, code, (struct slice){0}, what);
    }
    return EXIT_OK;
}

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a;
    const struct place *y = b;
    return (x->partition > y->partition) - (x->partition < y->partition);
}

static bool partition_known(const struct kmsg_metadata_response_topic *topic, int64_t partition)
{
    for (int32_t i = 0; i < topic->partitions.count; i++) {
        if (topic->partitions.items[i].partition_index == partition) {
            return true;
        }
    }
    return false;
}

/* --partition may be given several times; each value may be a list. */
static int places_named(struct cli *cli, struct slice name,
                        const struct kmsg_metadata_response_topic *topic, struct place *places,
                        int32_t *count)
{
    const char *text;
    uint32_t at = 0;
    while ((text = args_next(cli->args, "partition", &at)) != NULL) {
        for (const char *p = text; *p != '\0';) {
            char item[16];
            int64_t partition = -1;
            size_t n = strcspn(p, ",");
            (void)snprintf(item, sizeof(item), "%.*s", (int)min_i64((int64_t)n, 15), p);
            if (n >= sizeof(item) || !args_parse_number(item, &partition) || partition < 0) {
                return cli_fail(cli, EXIT_USAGE, "give numbers: --partition 0,2",
                                "--partition %s: this is no partition", text);
            }
            if (!partition_known(topic, partition)) {
                return cli_fail(cli, EXIT_FAILED, "`odradek topics describe` shows its partitions",
                                "topic %.*s has no partition %lld", (int)name.n,
                                (const char *)name.p, (long long)partition);
            }
            bool twice = false;
            for (int32_t i = 0; i < *count; i++) {
                twice = twice || places[i].partition == partition;
            }
            if (!twice) {
                places[(*count)++].partition = (int32_t)partition;
            }
            p += n + (p[n] == ',');
        }
    }
    return EXIT_OK;
}

int places_of(struct cli *cli, struct slice name, const struct kmsg_metadata_response_topic *topic,
              struct place **ret_places, int32_t *ret_count)
{
    assert(ret_places != NULL && ret_count != NULL);
    int32_t most = topic->partitions.count;
    struct place *places = arena_array(&cli->arena, (size_t)most + 1, sizeof(*places));
    int32_t count = 0;
    if (most < 0 || places == NULL) {
        return cli_fail(cli, EXIT_FAILED, NULL, "%s", err_text(ERR_NO_MEMORY));
    }
    int code = places_named(cli, name, topic, places, &count);
    if (code != EXIT_OK) {
        return code;
    }
    if (count == 0) {
        for (int32_t i = 0; i < most; i++) {
            places[count++].partition = topic->partitions.items[i].partition_index;
        }
    }
    qsort(places, (size_t)count, sizeof(*places), compare_places);
    *ret_places = places;
    *ret_count = count;
    return EXIT_OK;
}
