/* DescribeLogDirs (KIP-113, KIP-827): what lies in this broker's log directories, and the space behind them. */
#include "broker/api/api_internal.h"

#include "kmsg/describe_log_dirs.h"

#include <stdlib.h>

#define ROOM_MIN 64

struct hosted {
    struct uuid dir;
    struct slice topic; /* the arena's */
    int32_t index;
    int64_t bytes;
    int64_t lag;
};

struct describe {
    struct request *request;
    struct dirs_space space;
    struct hosted *items; /* by directory, topic, index; each once */
    size_t count;
    size_t room;
};

static int by_place(const void *a, const void *b)
{
    const struct hosted *x = a;
    const struct hosted *y = b;
    int order = memcmp(x->dir.b, y->dir.b, sizeof(x->dir.b));
    if (order == 0) {
        order = slice_cmp(x->topic, y->topic);
    }
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* Takes the caller's hold. */
static bool hosted_add(struct describe *describe, struct partition *partition)
{
    struct arena *arena = &describe->request->arena;
    assert(describe->count <= describe->room && describe->items != NULL);
    struct partition_facts facts;
    struct slice name;
    partition_facts(partition, &facts);
    bool good = arena_copy(arena, partition_topic_name(partition), &name);
    int32_t index = partition_index(partition);
    partition_drop(partition);
    if (good && describe->count == describe->room) {
        size_t room = describe->room * 2;
        struct hosted *items = arena_array(arena, room, sizeof(*items));
        good = items != NULL;
        if (good) {
            memcpy(items, describe->items, describe->count * sizeof(*items));
        }
        describe->items = good ? items : describe->items;
        describe->room = good ? room : describe->room;
    }
    if (good && facts.online) {
        describe->items[describe->count++] = (struct hosted){
            .dir = facts.dir,
            .topic = name,
            .index = index,
            .bytes = facts.bytes,
            .lag = max_i64(facts.high_watermark - facts.log_end, 0)};
    }
    return good;
}

static bool all_gather(struct describe *describe)
{
    struct partitions *table = api_of(describe->request)->partitions;
    uint32_t at = 0;
    bool good = true;
    struct partition *partition;
    while (good && (partition = partitions_next(table, &at)) != NULL) {
        good = hosted_add(describe, partition);
    }
    return good;
}

static bool named_gather(struct describe *describe,
                         const struct kmsg_describe_log_dirs_request_topic *topic)
{
    struct partitions *table = api_of(describe->request)->partitions;
    bool good = true;
    for (int32_t i = 0; good && i < topic->partitions.count; i++) {
        struct partition *partition = partitions_find_named(table, topic->topic,
                                                            topic->partitions.items[i]);
        good = partition == NULL || hosted_add(describe, partition);
    }
    return good;
}

static bool gather(struct describe *describe, const struct kmsg_describe_log_dirs_request *ask)
{
    bool good = ask->topics.count >= 0 || all_gather(describe);
    for (int32_t t = 0; good && t < ask->topics.count; t++) {
        good = named_gather(describe, &ask->topics.items[t]);
    }
    if (!good || describe->count == 0) {
        return good;
    }
    qsort(describe->items, describe->count, sizeof(struct hosted), by_place);
    size_t kept = 1;
    for (size_t i = 1; i < describe->count; i++) {
        if (by_place(&describe->items[i], &describe->items[kept - 1]) != 0) {
            describe->items[kept++] = describe->items[i];
        }
    }
    describe->count = kept;
    return true;
}

/* What lies in this directory: items from `at` to `end`, sorted. */
static bool topics_tell(struct arena *arena, const struct hosted *at, const struct hosted *end,
                        struct kmsg_describe_log_dirs_response_result *to)
{
    assert(at <= end && to->topics.count == 0);
    to->topics.items = kmsg_describe_log_dirs_response_topic_array(arena, (int32_t)(end - at));
    if (to->topics.items == NULL) {
        return false;
    }
    while (at < end) {
        const struct hosted *next = at;
        while (next < end && slice_eq(next->topic, at->topic)) {
            next++;
        }
        struct kmsg_describe_log_dirs_response_topic *topic = &to->topics.items[to->topics.count++];
        topic->name = at->topic;
        topic->partitions.items = kmsg_describe_log_dirs_response_partition_array(
            arena, (int32_t)(next - at));
        if (topic->partitions.items == NULL) {
            return false;
        }
        for (; at < next; at++) {
            struct kmsg_describe_log_dirs_response_partition *one =
                &topic->partitions.items[topic->partitions.count++];
            one->partition_index = at->index;
            one->partition_size = at->bytes;
            one->offset_lag = at->lag;
        }
    }
    return true;
}

static bool dir_tell(struct describe *describe, uint32_t i,
                     struct kmsg_describe_log_dirs_response_result *to)
{
    struct partitions *table = api_of(describe->request)->partitions;
    struct log_dir_facts dir = partitions_dir(table, i);
    assert(dir.path != NULL && describe->count <= describe->room);
    const struct hosted *at = describe->items;
    const struct hosted *end = at + describe->count;
    to->log_dir = slice_str(dir.path);
    if (!dir.online) {
        to->error_code = KAFKA_KAFKA_STORAGE_ERROR;
        return true;
    }
    to->total_bytes = describe->space.dirs[i].total_bytes;
    to->usable_bytes = describe->space.dirs[i].usable_bytes;
    while (at < end && !uuid_eq(at->dir, dir.id)) {
        at++;
    }
    const struct hosted *behind = at;
    while (behind < end && uuid_eq(behind->dir, dir.id)) {
        behind++;
    }
    return topics_tell(&describe->request->arena, at, behind, to);
}

static void on_space(struct mail *mail)
{
    struct dirs_space *space = CONTAINER_OF(mail, struct dirs_space, mail);
    struct describe *describe = CONTAINER_OF(space, struct describe, space);
    struct request *request = describe->request;
    struct kmsg_describe_log_dirs_response response;
    kmsg_describe_log_dirs_response_init(&response);
    uint32_t count = partitions_dir_count(api_of(request)->partitions);
    assert(!request->ended && count > 0 && count <= LOG_DIRS_MAX);
    response.results.items = kmsg_describe_log_dirs_response_result_array(&request->arena,
                                                                          (int32_t)count);
    bool told = response.results.items != NULL;
    for (uint32_t i = 0; told && i < count; i++) {
        told = dir_tell(describe, i, &response.results.items[response.results.count++]);
    }
    if (told) {
        request_answer(request, &response);
    } else {
        api_out_of_memory(request);
    }
}

/* The look-up on the pool cannot be called back; it ends the request. */
static void on_gone(struct request *request)
{
    assert(request->cut && !request->ended);
}

void api_describe_log_dirs(struct request *request)
{
    struct kmsg_describe_log_dirs_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct describe *describe = ARENA_NEW(&request->arena, struct describe);
    if (describe == NULL) {
        api_out_of_memory(request);
        return;
    }
    describe->request = request;
    describe->room = ROOM_MIN;
    describe->items = arena_array(&request->arena, ROOM_MIN, sizeof(struct hosted));
    if (describe->items == NULL || !gather(describe, &ask)) {
        api_out_of_memory(request);
        return;
    }
    describe->space = (struct dirs_space){.mail = {.deliver = on_space},
                                          .loop = request->edge->loop};
    request->gone = on_gone;
    partitions_space(api_of(request)->partitions, &describe->space);
}
