/*
 * DeleteRecords (KIP-107): leaders forget all below an offset, and answer once every living replica has forgotten it too,
 * or when the client's time is over.
 */
#include "broker/api/api_internal.h"

#include "kmsg/delete_records.h"

/* Replicas that die while they are waited for are no news of the partition. */
#define LOOK_AGAIN_US 100000

struct deletion {
    struct partition *partition; /* held; NULL: told already */
    struct fetch_part part;      /* watches for news only */
    struct kmsg_delete_records_response_partition *to;
    int64_t offset;
    bool watched;
};

struct deletions {
    struct request *request;
    struct kmsg_delete_records_response response;
    struct deletion *items;
    size_t count;
    struct fetch_wait wait;
    struct timer timer;
    time_us until;
};

static void item_end(struct deletion *item, enum kafka_error error, int64_t low)
{
    assert(item->partition != NULL && !item->watched);
    item->to->error_code = (int16_t)error;
    item->to->low_watermark = low;
    partition_drop(item->partition);
    item->partition = NULL;
}

static void item_unwatch(struct deletion *item)
{
    if (item->watched) {
        partition_unwatch(&item->part);
        item->watched = false;
    }
}

/* The verdict, unless replicas are still to follow: then true. */
static bool item_waits(struct deletion *item, bool expired)
{
    int64_t low;
    item_unwatch(item);
    enum kafka_error error = partition_low_watermark(item->partition, &item->part, &low);
    if (error == KAFKA_NONE && low < item->offset && !expired) {
        return true;
    }
    bool late = error == KAFKA_NONE && low < item->offset;
    item_end(item, late ? KAFKA_REQUEST_TIMED_OUT : error, low);
    return false;
}

static void go_on(struct deletions *deletions)
{
    struct request *request = deletions->request;
    assert(!request->ended);
    time_us now = loop_now_us(request->edge->loop);
    bool expired = request->cut || now >= deletions->until;
    size_t waiting = 0;
    for (size_t i = 0; i < deletions->count; i++) {
        struct deletion *item = &deletions->items[i];
        if (item->partition == NULL) {
            continue;
        }
        while (item->partition != NULL && !item->watched && item_waits(item, expired)) {
            item->watched = partition_watch(item->partition, &item->part, &deletions->wait);
        }
        waiting += item->partition != NULL ? 1 : 0;
    }
    timer_cancel(request->edge->loop, &deletions->timer);
    if (waiting > 0) {
        timer_arm(request->edge->loop, &deletions->timer,
                  min_i64(deletions->until, now + LOOK_AGAIN_US));
    } else if (fetch_wait_idle(&deletions->wait)) {
        request_answer(request, &deletions->response);
    }
}

static void look_again(struct deletions *deletions)
{
    for (size_t i = 0; i < deletions->count; i++) {
        item_unwatch(&deletions->items[i]);
    }
    go_on(deletions);
}

static void on_news(struct mail *mail)
{
    struct fetch_wait *wait = CONTAINER_OF(mail, struct fetch_wait, mail);
    struct deletions *deletions = CONTAINER_OF(wait, struct deletions, wait);
    fetch_wait_again(wait);
    look_again(deletions);
}

static void on_time(struct timer *timer)
{
    look_again(CONTAINER_OF(timer, struct deletions, timer));
}

static void on_gone(struct request *request)
{
    look_again(request->state);
}

static void item_begin(struct deletions *deletions, struct slice topic,
                       const struct kmsg_delete_records_request_partition *from,
                       struct kmsg_delete_records_response_partition *to)
{
    to->partition_index = from->partition_index;
    to->low_watermark = -1;
    struct api_target target = api_find(api_of(deletions->request), UUID_NONE, topic, false,
                                        from->partition_index);
    int64_t offset = -1;
    if (target.error == KAFKA_NONE && api_topic_internal(topic)) {
        target.error = KAFKA_INVALID_TOPIC_EXCEPTION;
    }
    if (target.error == KAFKA_NONE) {
        target.error = partition_delete_records(target.partition, from->offset, &offset);
    }
    if (target.error == KAFKA_NONE) {
        struct deletion *item = &deletions->items[deletions->count++];
        assert(target.partition != NULL && offset >= 0);
        item->partition = target.partition;
        item->part.replica_id = -1;
        item->to = to;
        item->offset = offset;
        return;
    }
    to->error_code = (int16_t)target.error;
    if (target.partition != NULL) {
        partition_drop(target.partition);
    }
}

static bool all_begin(struct deletions *deletions, const struct kmsg_delete_records_request *ask)
{
    struct request *request = deletions->request;
    struct kmsg_delete_records_response *response = &deletions->response;
    size_t count = 0;
    for (int32_t t = 0; t < ask->topics.count; t++) {
        count += (size_t)ask->topics.items[t].partitions.count;
    }
    assert(deletions->count == 0 && response->topics.count == 0);
    deletions->items = arena_array(&request->arena, count, sizeof(struct deletion));
    response->topics.items = kmsg_delete_records_response_topic_array(&request->arena,
                                                                      ask->topics.count);
    if (deletions->items == NULL || response->topics.items == NULL) {
        return false;
    }
    for (int32_t t = 0; t < ask->topics.count; t++) {
        const struct kmsg_delete_records_request_topic *from = &ask->topics.items[t];
        struct kmsg_delete_records_response_topic *to = &response->topics.items[t];
        to->name = request_keep(request, from->name);
        to->partitions.items = kmsg_delete_records_response_partition_array(&request->arena,
                                                                            from->partitions.count);
        if (to->name.p == NULL || to->partitions.items == NULL) {
            return false;
        }
        to->partitions.count = from->partitions.count;
        response->topics.count++;
    }
    for (int32_t t = 0; t < ask->topics.count; t++) {
        const struct kmsg_delete_records_request_topic *from = &ask->topics.items[t];
        for (int32_t i = 0; i < from->partitions.count; i++) {
            item_begin(deletions, from->name, &from->partitions.items[i],
                       &response->topics.items[t].partitions.items[i]);
        }
    }
    return true;
}

void api_delete_records(struct request *request)
{
    struct kmsg_delete_records_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct deletions *deletions = ARENA_NEW(&request->arena, struct deletions);
    if (deletions == NULL) {
        api_out_of_memory(request);
        return;
    }
    deletions->request = request;
    deletions->timer.fire = on_time;
    kmsg_delete_records_response_init(&deletions->response);
    fetch_wait_init(&deletions->wait, request->edge->loop, on_news);
    if (!all_begin(deletions, &ask)) {
        api_out_of_memory(request);
        return;
    }
    deletions->until = loop_now_us(request->edge->loop) + max_i64(ask.timeout_ms, 0) * 1000;
    request->state = deletions;
    request->gone = on_gone;
    go_on(deletions);
}
