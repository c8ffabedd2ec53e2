/*
 * DescribeTopicPartitions (KIP-966): partitions with their eligible leader replicas, page by page.
 *
 * A page begins at the cursor and holds at most `response_partition_limit` partitions. Topics come in the order of their names; with no
 * topic named all are meant. The next cursor is the first partition that did not fit.
 */
#include "broker/api/api_internal.h"

#include <stdlib.h>

#include "kmsg/describe_topic_partitions.h"

struct page {
    struct api_view view;
    struct kmsg_describe_topic_partitions_response response;
    struct kmsg_describe_topic_partitions_response_next_cursor next;
    int32_t left; /* partitions that still fit */
    int32_t topics_room;
    bool out_of_memory;
};

static bool partition_tell(const struct api_view *view, const struct meta_partition *from,
                           struct kmsg_describe_topic_partitions_response_partition *to)
{
    to->partition_index = from->index;
    to->leader_epoch = from->leader_epoch;
    to->leader_id = META_NO_BROKER;
    if (from->leader != META_NO_BROKER && api_view_reaches(view, from->leader)) {
        to->leader_id = from->leader;
    } else if (from->leader != META_NO_BROKER && meta_broker(view->image, from->leader) != NULL) {
        to->error_code = KAFKA_LISTENER_NOT_FOUND;
    } else {
        to->error_code = KAFKA_LEADER_NOT_AVAILABLE;
    }
    return api_view_replicas(view, from, false, &to->replica_nodes) &&
           api_view_ids(view, &from->isr, false, &to->isr_nodes) &&
           api_view_ids(view, &from->elr, false, &to->eligible_leader_replicas) &&
           api_view_ids(view, &from->last_known_elr, false, &to->last_known_elr) &&
           api_view_offline(view, from, &to->offline_replicas);
}

static struct kmsg_describe_topic_partitions_response_topic *topic_add(struct page *page)
{
    assert(page->response.topics.count < page->topics_room);
    return &page->response.topics.items[page->response.topics.count++];
}

/* false: the page is full, or memory is out. */
static bool topic_tell(struct page *page, const struct meta_topic *topic, int32_t from_index)
{
    int32_t count = (int32_t)meta_topic_partitions(topic);
    assert(from_index >= 0 && page->left >= 0 && !page->out_of_memory);
    int32_t first = from_index;
    int32_t fit = (int32_t)min_i64(max_i64(count - first, 0), page->left);
    if (fit > 0 || first >= count) {
        struct kmsg_describe_topic_partitions_response_topic *to = topic_add(page);
        to->name = meta_topic_name(topic);
        to->topic_id = meta_topic_id(topic);
        to->is_internal = api_topic_internal(to->name);
        to->topic_authorized_operations = OPERATIONS_TOPIC;
        to->partitions.items = kmsg_describe_topic_partitions_response_partition_array(
            page->view.arena, fit);
        page->out_of_memory = to->partitions.items == NULL;
        for (int32_t i = 0; i < fit && !page->out_of_memory; i++) {
            const struct meta_partition *partition = meta_partition(topic, first + i);
            page->out_of_memory = partition == NULL ||
                                  !partition_tell(&page->view, partition,
                                                  &to->partitions.items[to->partitions.count++]);
        }
    }
    page->left -= fit;
    if (first + fit < count) {
        page->next.topic_name = meta_topic_name(topic);
        page->next.partition_index = first + fit;
        page->response.next_cursor = &page->next;
        return false;
    }
    return !page->out_of_memory;
}

static int by_name(const void *a, const void *b)
{
    const struct kmsg_describe_topic_partitions_request_topic *x = a;
    const struct kmsg_describe_topic_partitions_request_topic *y = b;
    return slice_cmp(x->name, y->name);
}

static int32_t index_at(const struct kmsg_describe_topic_partitions_request *ask, struct slice name)
{
    bool here = ask->cursor != NULL && slice_eq(ask->cursor->topic_name, name);
    return here ? ask->cursor->partition_index : 0;
}

static bool behind_cursor(const struct kmsg_describe_topic_partitions_request *ask,
                          struct slice name)
{
    return ask->cursor == NULL || slice_cmp(name, ask->cursor->topic_name) >= 0;
}

static void named_tell(struct page *page, struct kmsg_describe_topic_partitions_request *ask)
{
    if (ask->topics.count > 1) {
        qsort(ask->topics.items, (size_t)ask->topics.count, sizeof(*ask->topics.items), by_name);
    }
    for (int32_t i = 0; i < ask->topics.count; i++) {
        struct slice name = ask->topics.items[i].name;
        bool again = i > 0 && slice_eq(name, ask->topics.items[i - 1].name);
        const struct meta_topic *topic = meta_topic_named(page->view.image, name);
        if (again || !behind_cursor(ask, name)) {
            continue;
        }
        if (topic == NULL) {
            struct kmsg_describe_topic_partitions_response_topic *to = topic_add(page);
            to->name = name;
            to->is_internal = api_topic_internal(name);
            to->error_code = api_topic_name_valid(name) ? KAFKA_UNKNOWN_TOPIC_OR_PARTITION
                                                        : KAFKA_INVALID_TOPIC_EXCEPTION;
        } else if (!topic_tell(page, topic, index_at(ask, name))) {
            return;
        }
    }
}

static void all_tell(struct page *page, const struct kmsg_describe_topic_partitions_request *ask)
{
    for (const struct meta_topic *topic = meta_topic_next(page->view.image, (struct slice){0});
         topic != NULL; topic = meta_topic_next(page->view.image, meta_topic_name(topic))) {
        struct slice name = meta_topic_name(topic);
        if (behind_cursor(ask, name) && !topic_tell(page, topic, index_at(ask, name))) {
            return;
        }
    }
}

void api_describe_topic_partitions(struct request *request)
{
    struct kmsg_describe_topic_partitions_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    if (ask.cursor != NULL && ask.cursor->partition_index < 0) {
        request_refuse(request, "a cursor with a negative partition");
        return;
    }
    const struct meta_image *image = metadata_read(api_of(request)->metadata);
    struct page page = {.view = {.image = image,
                                 .listener = request_listener(request),
                                 .arena = &request->arena,
                                 .version = request->frame.version}};
    kmsg_describe_topic_partitions_response_init(&page.response);
    bool all = ask.topics.count == 0;
    page.topics_room = all ? (int32_t)meta_topic_count(image) : ask.topics.count;
    int64_t most = config_int(api_of(request)->config, CONFIG_MAX_REQUEST_PARTITION_SIZE_LIMIT);
    page.left = (int32_t)max_i64(1, min_i64(ask.response_partition_limit, most));
    page.response.topics.items = kmsg_describe_topic_partitions_response_topic_array(
        &request->arena, page.topics_room);
    page.out_of_memory = page.response.topics.items == NULL;
    if (!page.out_of_memory && all) {
        all_tell(&page, &ask);
    } else if (!page.out_of_memory) {
        named_tell(&page, &ask);
    }
    if (page.out_of_memory) {
        api_out_of_memory(request);
    } else {
        request_answer(request, &page.response);
    }
}
