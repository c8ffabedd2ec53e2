/*
 * Fetch (KIP-74, KIP-320, KIP-392, KIP-516, KIP-595's diverging epochs, KIP-903's replica epochs, KIP-951, KIP-1166): consumers and
 * followers alike. Limits as in Kafka: the first partition with records gives a whole batch, however large; all others
 * keep within what the partition and the request allow.
 */
#include "broker/api/fetch.h"
#include "broker/api/hints.h"
#include "common/base/mutant.h"

#include "kmsg/fetch.h"

static const uint8_t nothing[1];

/* ---- the answer ---- */

static enum kafka_error error_in_version(enum kafka_error error, int16_t version)
{
    return error == KAFKA_KAFKA_STORAGE_ERROR && version <= 5 ? KAFKA_NOT_LEADER_OR_FOLLOWER
                                                              : error;
}

static enum kafka_error item_error(const struct fetch_item *item)
{
    return item->error != KAFKA_NONE ? item->error : item->part.error;
}

static void item_tell(struct fetch *fetch, struct fetch_item *item,
                      struct kmsg_fetch_response_partition *to)
{
    enum kafka_error error = item_error(item);
    int16_t version = fetch->request->frame.version;
    to->partition_index = item->want.index;
    to->error_code = (int16_t)error_in_version(error, version);
    to->records.bytes = slice_of(nothing, 0);
    to->aborted_transactions.count = fetch->committed && error == KAFKA_NONE ? 0 : -1;
    if (item->partition == NULL || item->error != KAFKA_NONE) {
        to->high_watermark = -1;
        return;
    }
    struct fetch_part *part = &item->part;
    if (error == KAFKA_NONE) {
        to->preferred_read_replica = item->preferred;
    }
    to->high_watermark = part->high_watermark_now;
    to->last_stable_offset = part->last_stable_offset;
    to->log_start_offset = part->log_start;
    to->producers = part->producers;
    if (part->diverging_epoch >= 0 && version >= 12) {
        to->diverging_epoch.epoch = part->diverging_epoch;
        to->diverging_epoch.end_offset = part->diverging_end;
    }
    if (error == KAFKA_NONE && part->records.file != NULL) {
        to->records = part->records;
        part->records = (struct kmsg_records){.bytes = slice_of(nothing, 0)};
    }
}

static void hints_tell(struct fetch *fetch, struct kmsg_fetch_response *response)
{
    struct request *request = fetch->request;
    const struct meta_image *image = metadata_read(api_of(request)->metadata);
    struct leader_hints hints = {.count = 0};
    for (int32_t t = 0; t < response->responses.count; t++) {
        struct kmsg_fetch_response_topic *topic = &response->responses.items[t];
        for (int32_t i = 0; i < topic->partitions.count; i++) {
            struct kmsg_fetch_response_partition *to = &topic->partitions.items[i];
            if (to->error_code == KAFKA_NOT_LEADER_OR_FOLLOWER ||
                to->error_code == KAFKA_FENCED_LEADER_EPOCH) {
                struct leader_hint hint = hint_leader(&hints, image, topic->topic_id, topic->topic,
                                                      to->partition_index);
                to->current_leader.leader_id = hint.leader;
                to->current_leader.leader_epoch = hint.epoch;
            }
        }
    }
    response->node_endpoints.items = kmsg_fetch_response_node_endpoint_array(&request->arena,
                                                                             (int32_t)hints.count);
    for (uint32_t i = 0; i < hints.count && response->node_endpoints.items != NULL; i++) {
        const struct meta_broker *broker;
        const struct meta_endpoint *at = api_live_endpoint(image, hints.leaders[i],
                                                           request_listener(request), &broker);
        if (at != NULL) {
            struct kmsg_fetch_response_node_endpoint *to =
                &response->node_endpoints.items[response->node_endpoints.count++];
            to->node_id = broker->id;
            to->host = at->host;
            to->port = at->port;
            to->rack = broker->rack;
        }
    }
}

static bool same_topic(const struct fetch_want *a, const struct fetch_want *b)
{
    return uuid_eq(a->topic_id, b->topic_id) && slice_eq(a->topic, b->topic);
}

/* Neighbours of one topic share an entry. */
static bool run_tell(struct fetch *fetch, size_t at, size_t end,
                     struct kmsg_fetch_response_topic *topic)
{
    const struct fetch_want *first = &fetch->items[at].want;
    topic->partitions.items = kmsg_fetch_response_partition_array(&fetch->request->arena,
                                                                  (int32_t)(end - at));
    if (topic->partitions.items == NULL) {
        return false;
    }
    topic->topic = first->topic;
    topic->topic_id = first->topic_id;
    for (; at < end; at++) {
        if (!fetch->items[at].silent) {
            item_tell(fetch, &fetch->items[at],
                      &topic->partitions.items[topic->partitions.count++]);
        }
    }
    return true;
}

static bool items_tell(struct fetch *fetch, struct kmsg_fetch_response *response)
{
    struct arena *arena = &fetch->request->arena;
    size_t at = 0;
    response->responses.items = kmsg_fetch_response_topic_array(arena, (int32_t)fetch->item_count);
    if (response->responses.items == NULL) {
        return false;
    }
    while (at < fetch->item_count) {
        const struct fetch_want *first = &fetch->items[at].want;
        size_t end = at;
        while (end < fetch->item_count && same_topic(first, &fetch->items[end].want)) {
            end++;
        }
        struct kmsg_fetch_response_topic *topic =
            &response->responses.items[response->responses.count];
        if (!run_tell(fetch, at, end, topic)) {
            return false;
        }
        response->responses.count += topic->partitions.count > 0 ? 1 : 0;
        at = end;
    }
    return true;
}

/* What the session keeps in mind of what it tells. */
static struct fetch_told told_of(const struct fetch_item *item)
{
    bool asked = item->partition != NULL && item->error == KAFKA_NONE;
    return (struct fetch_told){.error = item_error(item),
                               .records = item->bytes > 0,
                               .redirected = asked && item->part.error == KAFKA_NONE &&
                                             item->preferred >= 0,
                               .diverging = asked && item->part.diverging_epoch >= 0,
                               .news = asked && item->part.at_once,
                               .high_watermark = asked ? item->part.high_watermark_now : -1,
                               .log_start = asked ? item->part.log_start : -1};
}

static bool session_begin(struct fetch *fetch)
{
    struct arena *arena = &fetch->request->arena;
    struct fetch_want *wants = arena_array(arena, fetch->item_count, sizeof(*wants));
    struct fetch_told *told = arena_array(arena, fetch->item_count, sizeof(*told));
    if (wants == NULL || told == NULL) {
        return false;
    }
    for (size_t i = 0; i < fetch->item_count; i++) {
        wants[i] = fetch->items[i].want;
        told[i] = told_of(&fetch->items[i]);
    }
    fetch_session_begin(&api_of(fetch->request)->fetch_sessions, &fetch->turn,
                        loop_now_us(fetch->request->edge->loop), wants, told, fetch->item_count);
    return true;
}

static bool session_tell(struct fetch *fetch)
{
    if (fetch->turn.kind == FETCH_FULL) {
        return session_begin(fetch);
    }
    for (size_t i = 0; fetch->turn.kind == FETCH_INCREMENTAL && i < fetch->item_count; i++) {
        struct fetch_item *item = &fetch->items[i];
        struct fetch_told told = told_of(item);
        item->silent = !fetch_session_tells(&api_of(fetch->request)->fetch_sessions, &fetch->turn,
                                            &item->want, &told);
    }
    return true;
}

static void items_release(struct fetch *fetch)
{
    for (size_t i = 0; i < fetch->item_count; i++) {
        struct fetch_item *item = &fetch->items[i];
        assert(!item->watched && !item->part.warming);
        if (item->partition != NULL) {
            fetch_part_clear(&item->part);
            partition_drop(item->partition);
            item->partition = NULL;
        }
    }
}

void fetch_answer(struct fetch *fetch)
{
    struct request *request = fetch->request;
    assert(fetch->ending && fetch_wait_idle(&fetch->wait));
    struct kmsg_fetch_response response;
    kmsg_fetch_response_init(&response);
    bool told = !request->cut && session_tell(fetch) && items_tell(fetch, &response);
    response.session_id = fetch->turn.id;
    items_release(fetch);
    if (!told) {
        kmsg_drop(request->frame.api->response, &response);
        api_out_of_memory(request);
        return;
    }
    if (request->frame.version >= 16) {
        hints_tell(fetch, &response);
    }
    request_answer(request, &response);
}

/* ---- the question ---- */

static void want_read(const struct kmsg_fetch_request_partition *from, struct fetch_want *want)
{
    want->index = from->partition;
    want->current_leader_epoch = from->current_leader_epoch;
    want->last_fetched_epoch = from->last_fetched_epoch;
    want->bytes_max = from->partition_max_bytes;
    want->fetch_offset = from->fetch_offset;
    want->log_start = from->log_start_offset;
    want->durable_offset = from->durable_offset;
    want->bad_crc_offset = from->bad_crc_offset;
    want->producers_below = from->producers_below;
    want->high_watermark = from->high_watermark;
}

/* KIP-392: consumers of version 11 and later may be sent to a follower, or ask one. */
#define ANY_REPLICA_SINCE 11

static void item_find(struct fetch *fetch, struct fetch_item *item, int32_t replica_id,
                      int64_t replica_epoch, struct slice rack)
{
    struct request *request = fetch->request;
    const struct fetch_want *want = &item->want;
    struct api_target target = api_find(api_of(request), want->topic_id, want->topic,
                                        request->frame.version >= 13, want->index);
    item->error = target.error;
    item->partition = target.partition;
    item->part.replica_id = replica_id;
    item->part.broker_epoch = replica_epoch;
    item->part.current_leader_epoch = want->current_leader_epoch;
    item->part.fetch_offset = want->fetch_offset;
    item->part.last_fetched_epoch = want->last_fetched_epoch;
    item->part.durable_offset = want->durable_offset;
    item->part.bad_crc_offset = want->bad_crc_offset;
    item->part.producers_below = replica_id < 0 ? -1 : want->producers_below;
    item->part.arena = &request->arena;
    item->part.high_watermark = want->high_watermark;
    item->part.follower_log_start = want->log_start;
    item->part.any_replica = replica_id < 0 && request->frame.version >= ANY_REPLICA_SINCE;
    item->preferred = item->part.any_replica && item->partition != NULL
                          ? fetch_nearest(request, item->partition, want->fetch_offset, rack)
                          : -1;
}

static size_t asked_count(const struct kmsg_fetch_request *ask)
{
    size_t count = 0;
    for (int32_t t = 0; t < ask->topics.count; t++) {
        count += (size_t)ask->topics.items[t].partitions.count;
    }
    return count;
}

static size_t forgotten_count(const struct kmsg_fetch_request *ask)
{
    size_t count = 0;
    for (int32_t t = 0; t < ask->forgotten_topics_data.count; t++) {
        count += (size_t)ask->forgotten_topics_data.items[t].partitions.count;
    }
    return count;
}

/* Names borrow from the frame. By id there are no names, and by name no ids. */
static void wants_read(const struct kmsg_fetch_request *ask, bool by_id, struct fetch_want *wants)
{
    for (int32_t t = 0; t < ask->topics.count; t++) {
        const struct kmsg_fetch_request_topic *topic = &ask->topics.items[t];
        for (int32_t i = 0; i < topic->partitions.count; i++) {
            wants->topic = by_id ? (struct slice){0} : topic->topic;
            wants->topic_id = topic->topic_id;
            want_read(&topic->partitions.items[i], wants);
            wants++;
        }
    }
}

static void forgotten_read(const struct kmsg_fetch_request *ask, bool by_id,
                           struct fetch_want *wants)
{
    for (int32_t t = 0; t < ask->forgotten_topics_data.count; t++) {
        const struct kmsg_fetch_request_forgotten_topic *topic =
            &ask->forgotten_topics_data.items[t];
        for (int32_t i = 0; i < topic->partitions.count; i++) {
            wants->topic = by_id ? (struct slice){0} : topic->topic;
            wants->topic_id = topic->topic_id;
            wants->index = topic->partitions.items[i];
            wants++;
        }
    }
}

/* Items with names that live as long as the request. */
static bool items_take(struct fetch *fetch, const struct fetch_want *wants, size_t count)
{
    struct arena *arena = &fetch->request->arena;
    struct slice name = {0};
    fetch->items = arena_array(arena, count, sizeof(struct fetch_item));
    if (fetch->items == NULL) {
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (wants[i].topic.p == NULL) {
            name = wants[i].topic;
        } else if ((name.p == NULL || !slice_eq(name, wants[i].topic)) &&
                   !arena_copy(arena, wants[i].topic, &name)) {
            return false;
        }
        fetch->items[i].want = wants[i];
        fetch->items[i].want.topic = name;
    }
    fetch->item_count = count;
    return true;
}

static bool items_read(struct fetch *fetch, const struct kmsg_fetch_request *ask)
{
    struct request *request = fetch->request;
    struct arena *arena = &request->arena;
    struct fetch_sessions *sessions = &api_of(request)->fetch_sessions;
    bool by_id = request->frame.version >= 13;
    size_t count = asked_count(ask);
    size_t forgotten = forgotten_count(ask);
    struct fetch_want *wants = arena_array(arena, count, sizeof(*wants));
    struct fetch_want *gone = arena_array(arena, forgotten, sizeof(*gone));
    if (wants == NULL || gone == NULL) {
        return false;
    }
    wants_read(ask, by_id, wants);
    forgotten_read(ask, by_id, gone);
    struct fetch_sessions_ask turn = {.id = ask->session_id,
                                      .epoch = ask->session_epoch,
                                      .by_id = by_id,
                                      .follower = fetch->follower,
                                      .now = loop_now_us(request->edge->loop),
                                      .wants = wants,
                                      .want_count = count,
                                      .forgotten = gone,
                                      .forgotten_count = forgotten};
    fetch->turn = fetch_session_ask(sessions, &turn);
    if (fetch->turn.kind == FETCH_INCREMENTAL) {
        count = fetch_session_size(sessions, &fetch->turn);
        wants = arena_array(arena, count, sizeof(*wants));
        if (wants == NULL) {
            return false;
        }
        fetch_session_wants(sessions, &fetch->turn, wants);
    }
    return items_take(fetch, wants, count);
}

static void bounds_read(struct fetch *fetch, const struct kmsg_fetch_request *ask)
{
    int32_t bytes_max = fetch->follower ? ask->max_bytes
                                        : (int32_t)min_i64(ask->max_bytes,
                                                           api_of(fetch->request)->fetch_bytes_max);
    fetch->committed = ask->isolation_level == 1;
    fetch->bytes_max = bytes_max > 0 ? (size_t)bytes_max : 0;
    fetch->bytes_min = ask->min_bytes > 0 ? (size_t)ask->min_bytes : 0;
}

static void refuse_session(struct request *request, enum kafka_error error)
{
    struct kmsg_fetch_response response;
    kmsg_fetch_response_init(&response);
    response.error_code = (int16_t)error;
    request_answer(request, &response);
}

void api_fetch(struct request *request)
{
    struct kmsg_fetch_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    int32_t replica = request->frame.version >= 15 ? ask.replica_state.replica_id : ask.replica_id;
    if (request->frame.version < 15 && replica >= 0 && !MUTANT(106)) {
        request_refuse(request, "a follower's fetch without a broker epoch");
        return;
    }
    struct fetch *fetch = ARENA_NEW(&request->arena, struct fetch);
    if (fetch == NULL) {
        api_out_of_memory(request);
        return;
    }
    fetch->request = request;
    fetch->follower = replica >= 0;
    bounds_read(fetch, &ask);
    if (!items_read(fetch, &ask)) {
        api_out_of_memory(request);
        return;
    }
    if (fetch->turn.error != KAFKA_NONE) {
        refuse_session(request, fetch->turn.error);
        return;
    }
    for (size_t i = 0; i < fetch->item_count; i++) {
        item_find(fetch, &fetch->items[i], replica < 0 ? -1 : replica,
                  ask.replica_state.replica_epoch, ask.rack_id);
    }
    fetch_start(fetch, ask.max_wait_ms);
}
