/*
 * Produce (KIP-98, KIP-467, KIP-516, KIP-951): one ticket a partition, one answer when the last has come.
 *
 * Batches are checked and appended in the handler's call, in the order of the request; only the answer waits. A compressed batch
 * that turns out to be large is checked on the pool instead, and the connection's later requests wait for that, so that the order of
 * a producer's batches stays. With acks=0 nothing is answered, and an error ends the connection, as the client has no other
 * way to learn of it.
 */
#include "broker/api/hints.h"
#include "broker/api/recompress.h"

#include "common/wire/record_batch_rules.h"
#include "kmsg/produce.h"

struct produce;

struct produce_item {
    struct produce *produce;
    struct produce_ticket ticket;
    struct partition *partition; /* held while the ticket waits */
    struct kmsg_produce_response_partition *to;
};

struct produce {
    struct request *request;
    struct kmsg_produce_response response;
    struct produce_item *items;
    size_t item_count;
    size_t waiting;
    int16_t acks;
    bool parked;
    bool given_up;
    struct timer timer;
};

/* A batch that the pool checks. */
struct produce_check {
    struct request_work work;
    struct produce_item *item;
    struct partition *partition; /* held */
    struct partition_settings settings;
    struct produce_rules rules;
    struct produce_verdict verdict;
    const struct crc32c_impl *crc;
    const struct memory_source *memory;
    uint8_t *batch; /* a copy: the frame goes when the handler returns */
    size_t bytes;
};

static const char no_text[] = "";

/* For one check: decoders need a few megabytes at most. */
#define CHECK_HEAP_MAX ((size_t)64 << 20)

/* ---- the answer ---- */

static void answer_item(struct produce_item *item)
{
    const struct produce_ticket *ticket = &item->ticket;
    assert(item->partition != NULL && item->to != NULL);
    assert(ticket->error != KAFKA_NONE || ticket->base_offset >= 0 || item->produce->acks == 0);
    item->to->error_code = (int16_t)ticket->error;
    item->to->base_offset = ticket->base_offset;
    item->to->log_start_offset = ticket->log_start_offset;
    if (ticket->error == KAFKA_NONE) {
        item->to->log_append_time_ms = ticket->log_append_time_ms;
    }
    partition_drop(item->partition);
    item->partition = NULL;
}

static void hints_tell(struct produce *produce)
{
    struct request *request = produce->request;
    const struct meta_image *image = metadata_read(api_of(request)->metadata);
    struct leader_hints hints = {.count = 0};
    struct kmsg_produce_response *response = &produce->response;
    for (int32_t t = 0; t < response->responses.count; t++) {
        struct kmsg_produce_response_topic *topic = &response->responses.items[t];
        for (int32_t i = 0; i < topic->partition_responses.count; i++) {
            struct kmsg_produce_response_partition *to = &topic->partition_responses.items[i];
            if (to->error_code == KAFKA_NOT_LEADER_OR_FOLLOWER) {
                struct leader_hint hint = hint_leader(&hints, image, topic->topic_id, topic->name,
                                                      to->index);
                to->current_leader.leader_id = hint.leader;
                to->current_leader.leader_epoch = hint.epoch;
            }
        }
    }
    response->node_endpoints.items = kmsg_produce_response_node_endpoint_array(
        &request->arena, (int32_t)hints.count);
    for (uint32_t i = 0; i < hints.count && response->node_endpoints.items != NULL; i++) {
        const struct meta_broker *broker;
        const struct meta_endpoint *at = api_live_endpoint(image, hints.leaders[i],
                                                           request_listener(request), &broker);
        if (at != NULL) {
            struct kmsg_produce_response_node_endpoint *to =
                &response->node_endpoints.items[response->node_endpoints.count++];
            to->node_id = broker->id;
            to->host = at->host;
            to->port = at->port;
            to->rack = broker->rack;
        }
    }
}

static bool failed(const struct produce *produce)
{
    for (int32_t t = 0; t < produce->response.responses.count; t++) {
        const struct kmsg_produce_response_topic *topic = &produce->response.responses.items[t];
        for (int32_t i = 0; i < topic->partition_responses.count; i++) {
            if (topic->partition_responses.items[i].error_code != KAFKA_NONE) {
                return true;
            }
        }
    }
    return false;
}

static void produce_end(struct produce *produce)
{
    struct request *request = produce->request;
    assert(produce->waiting == 0);
    timer_cancel(request->edge->loop, &produce->timer);
    if (produce->acks == 0 && failed(produce)) {
        request_refuse(request, "a produce request with acks=0 that failed");
    } else if (produce->acks == 0) {
        request_no_answer(request);
    } else {
        if (request->frame.version >= 10) {
            hints_tell(produce);
        }
        request_answer(request, &produce->response);
    }
}

/* ---- waiting ---- */

static void on_ticket(struct mail *mail)
{
    struct produce_ticket *ticket = CONTAINER_OF(mail, struct produce_ticket, mail);
    struct produce_item *item = CONTAINER_OF(ticket, struct produce_item, ticket);
    struct produce *produce = item->produce;
    answer_item(item);
    assert(produce->waiting > 0);
    if (--produce->waiting == 0 && produce->parked) {
        produce_end(produce);
    }
}

/* Whatever has not come yet has failed; what is on its way may still say what it has to say. */
static void produce_give_up(struct produce *produce)
{
    assert(produce->parked && produce->waiting > 0);
    produce->given_up = true; /* what is still being checked is not appended any more */
    for (size_t i = 0; i < produce->item_count; i++) {
        struct produce_item *item = &produce->items[i];
        if (item->partition != NULL && partition_produce_forget(item->partition, &item->ticket)) {
            item->ticket.error = KAFKA_REQUEST_TIMED_OUT;
            item->ticket.base_offset = -1;
            item->ticket.log_start_offset = -1;
            answer_item(item);
            produce->waiting--;
        }
    }
    if (produce->waiting == 0) {
        produce_end(produce);
    }
}

static void on_timeout(struct timer *timer)
{
    produce_give_up(CONTAINER_OF(timer, struct produce, timer));
}

static void on_gone(struct request *request)
{
    produce_give_up(request->state);
}

/* Names borrow from the frame, which goes when the handler returns. */
static bool names_keep(struct produce *produce)
{
    for (int32_t t = 0; t < produce->response.responses.count; t++) {
        struct kmsg_produce_response_topic *topic = &produce->response.responses.items[t];
        if (topic->name.p != NULL) {
            topic->name = request_keep(produce->request, topic->name);
            if (topic->name.p == NULL) {
                return false;
            }
        }
    }
    return true;
}

static void produce_park(struct produce *produce, int32_t timeout_ms)
{
    struct request *request = produce->request;
    assert(produce->waiting > 0 && produce->waiting <= produce->item_count && !produce->parked);
    if (!names_keep(produce)) {
        request->close =
            true; /* the answer would have no names; tickets are waited for all the same */
    }
    produce->parked = true;
    request->state = produce;
    request->gone = on_gone;
    produce->timer.fire = on_timeout;
    time_us wait_us = (time_us)(timeout_ms > 0 ? timeout_ms : 0) * 1000;
    timer_arm(request->edge->loop, &produce->timer, loop_now_us(request->edge->loop) + wait_us);
}

/* ---- one partition ---- */

static void faults_tell(struct arena *arena, const struct produce_rules *rules,
                        const struct produce_verdict *verdict,
                        struct kmsg_produce_response_partition *to)
{
    int32_t count = (int32_t)min_i64(verdict->faults, RECORD_FAULTS_MAX);
    to->record_errors.items = kmsg_produce_response_record_error_array(arena, count);
    for (int32_t i = 0; i < count && to->record_errors.items != NULL; i++) {
        char text[240];
        struct slice copy;
        (void)record_fault_text(rules, &verdict->fault[i], text, sizeof(text));
        if (arena_copy(arena, slice_str(text), &copy)) {
            struct kmsg_produce_response_record_error *error =
                &to->record_errors.items[to->record_errors.count++];
            error->batch_index = verdict->fault[i].index;
            error->batch_index_error_message = copy;
        }
    }
}

static void verdict_tell(struct arena *arena, const struct produce_rules *rules,
                         const struct produce_verdict *verdict,
                         struct kmsg_produce_response_partition *to)
{
    struct slice copy;
    to->error_code = (int16_t)verdict->error;
    if (verdict->text[0] != '\0' && arena_copy(arena, slice_str(verdict->text), &copy)) {
        to->error_message = copy;
    }
    faults_tell(arena, rules, verdict, to);
}

/* Plain bytes up to a bound. */
struct bounded {
    struct byte_source plain;
    uint64_t left;
    bool over;
};

static err_t bounded_pull(void *ctx, struct slice *ret_piece)
{
    struct bounded *bounded = ctx;
    TRY(source_pull(&bounded->plain, ret_piece));
    bounded->over = ret_piece->n > bounded->left;
    ENSURE(!bounded->over, ERR_LIMIT);
    bounded->left -= ret_piece->n;
    return OK;
}

static const char *bounded_reason(void *ctx)
{
    const struct bounded *bounded = ctx;
    return source_reason(&bounded->plain, ERR_LIMIT);
}

/* false: there is more in it than a reactor should look at. */
static bool batch_judge(struct decoder *decoder, const struct crc32c_impl *crc,
                        const struct produce_rules *rules, struct slice bytes, uint64_t plain_max,
                        struct produce_verdict *verdict)
{
    produce_check_batch(rules, crc, bytes, verdict);
    if (verdict->error != KAFKA_NONE) {
        return true;
    }
    enum compression compression = batch_compression(&verdict->header);
    decoder_open(decoder, compression, verdict->records);
    struct bounded bounded = {.plain = decoder_source(decoder), .left = plain_max};
    struct byte_source plain = {bounded_pull, bounded_reason, &bounded};
    if (compression == COMPRESSION_NONE) {
        plain = bounded.plain; /* the frame's own bytes: they are bounded already */
    }
    produce_check_records(rules, &plain, verdict);
    return !bounded.over;
}

static struct produce_rules rules_of(struct request *request,
                                     const struct partition_settings *settings)
{
    return (struct produce_rules){.now = api_wall_ms(api_of(request)),
                                  .before_max_ms = settings->timestamp_before_max_ms,
                                  .after_max_ms = settings->timestamp_after_max_ms,
                                  .batch_bytes_max = settings->message_bytes_max,
                                  .produce_version = request->frame.version,
                                  .log_append_time = settings->log_append_time,
                                  .key_required = settings->compacted};
}

static void hand_over(struct produce *produce, struct produce_item *item,
                      struct partition *partition, uint8_t *batch, size_t bytes)
{
    item->partition = partition;
    item->ticket.mail.deliver = on_ticket;
    item->ticket.loop = produce->request->edge->loop;
    if (partition_produce(partition, &item->ticket, batch, bytes, produce->acks)) {
        answer_item(item);
    } else {
        produce->waiting++;
    }
}

/* In the topic's own compression, held to its max.message.bytes once more. */
static void hand_over_recompressed(struct produce *produce, struct produce_item *item,
                                   struct partition *partition,
                                   const struct partition_settings *settings, struct slice batch)
{
    struct api *api = api_of(produce->request);
    struct buf other;
    buf_init(&other, api->heap, (size_t)settings->message_bytes_max);
    err_t err = recompress(settings, api->crc, &api->decoder, &api->encoder, batch, &other);
    if (err == OK) {
        hand_over(produce, item, partition, other.p, other.n);
    } else {
        item->to->error_code = err == ERR_TOO_LARGE ? KAFKA_MESSAGE_TOO_LARGE
                                                    : KAFKA_UNKNOWN_SERVER_ERROR;
        partition_drop(partition);
    }
    buf_release(&other);
}

/* What was judged, and the partition's hold, which goes along. */
static void append(struct produce *produce, struct produce_item *item, struct partition *partition,
                   const struct partition_settings *settings, const struct produce_rules *rules,
                   struct produce_verdict *verdict, struct slice bytes)
{
    struct request *request = produce->request;
    struct api *api = api_of(request);
    assert(partition != NULL && item->partition == NULL);
    if (verdict->error == KAFKA_NONE && (verdict->header.attributes & BATCH_TRANSACTIONAL) != 0) {
        verdict->error = KAFKA_INVALID_TXN_STATE; /* nobody here has begun a transaction */
    }
    if (verdict->error != KAFKA_NONE) {
        verdict_tell(&request->arena, rules, verdict, item->to);
        partition_drop(partition);
        return;
    }
    uint8_t *batch = (uint8_t *)bytes.p; /* the edge's own input, or our copy: stamped in place */
    produce_stamp(rules, api->crc, batch, verdict);
    if (UNLIKELY(recompress_wanted(settings, batch_compression(&verdict->header)))) {
        hand_over_recompressed(produce, item, partition, settings, slice_of(batch, bytes.n));
    } else {
        hand_over(produce, item, partition, batch, bytes.n);
    }
}

static void check_work(struct request_work *work)
{
    struct produce_check *check = CONTAINER_OF(work, struct produce_check, work);
    struct heap heap;
    struct decoder decoder;
    heap_init(&heap, check->memory, CHECK_HEAP_MAX);
    decoder_init(&decoder, &heap);
    bool all = batch_judge(&decoder, check->crc, &check->rules,
                           slice_of(check->batch, check->bytes), UINT64_MAX, &check->verdict);
    assert(all);
    (void)all;
    decoder_release(&decoder);
    heap_release(&heap);
}

static void check_done(struct request_work *work)
{
    struct produce_check *check = CONTAINER_OF(work, struct produce_check, work);
    struct produce_item *item = check->item;
    struct produce *produce = item->produce;
    struct heap *heap = api_of(produce->request)->heap;
    assert(produce->waiting > 0 && produce->parked);
    produce->waiting--;
    if (produce->given_up) {
        item->to->error_code = KAFKA_REQUEST_TIMED_OUT;
        partition_drop(check->partition);
    } else {
        append(produce, item, check->partition, &check->settings, &check->rules, &check->verdict,
               slice_of(check->batch, check->bytes));
    }
    heap_free(heap, check->batch, check->bytes);
    heap_free(heap, check, sizeof(*check));
    if (produce->waiting == 0) {
        produce_end(produce);
    }
}

static bool check_later(struct produce *produce, struct produce_item *item,
                        struct partition *partition, const struct partition_settings *settings,
                        const struct produce_rules *rules, struct slice bytes)
{
    struct request *request = produce->request;
    struct api *api = api_of(request);
    struct produce_check *check = HEAP_NEW(api->heap, struct produce_check);
    uint8_t *batch = check == NULL ? NULL : heap_alloc(api->heap, bytes.n);
    if (batch == NULL) {
        heap_free(api->heap, check, sizeof(*check));
        return false;
    }
    memcpy(batch, bytes.p, bytes.n);
    check->item = item;
    check->partition = partition;
    check->settings = *settings;
    check->rules = *rules;
    check->crc = api->crc;
    check->memory = api->heap->arena.source;
    check->batch = batch;
    check->bytes = bytes.n;
    check->work.work = check_work;
    check->work.done = check_done;
    produce->waiting++;
    request_work(request, &check->work);
    return true;
}

static void batch_take(struct produce *produce, struct produce_item *item,
                       struct partition *partition, struct slice bytes)
{
    struct api *api = api_of(produce->request);
    struct partition_settings settings;
    struct produce_verdict verdict;
    assert(produce->acks >= -1 && produce->acks <= 1);
    partition_settings_now(partition, &settings);
    struct produce_rules rules = rules_of(produce->request, &settings);
    if (LIKELY(
            batch_judge(&api->decoder, api->crc, &rules, bytes, BATCH_CHECK_HERE_MAX, &verdict))) {
        append(produce, item, partition, &settings, &rules, &verdict, bytes);
    } else if (!check_later(produce, item, partition, &settings, &rules, bytes)) {
        item->to->error_code = KAFKA_REQUEST_TIMED_OUT; /* memory is out: later */
        partition_drop(partition);
    }
}

static bool writable(const struct request *request, struct slice topic)
{
    return !api_topic_internal(topic) ||
           slice_eq(request->frame.client_id, slice_str("__admin_client"));
}

static void partition_do(struct produce *produce, struct produce_item *item,
                         const struct kmsg_produce_request_topic *topic,
                         const struct kmsg_produce_request_partition *from)
{
    struct request *request = produce->request;
    item->to->index = from->index;
    item->to->base_offset = -1;
    bool by_id = request->frame.version >= 13;
    struct api_target target = api_find(api_of(request), topic->topic_id, topic->name, by_id,
                                        from->index);
    enum kafka_error error = target.error;
    if (error == KAFKA_NONE && !writable(request, partition_topic_name(target.partition))) {
        error = KAFKA_INVALID_TOPIC_EXCEPTION;
    }
    if (error == KAFKA_NONE && (produce->acks < -1 || produce->acks > 1)) {
        error = KAFKA_INVALID_REQUIRED_ACKS;
    }
    if (error == KAFKA_NONE) {
        struct slice bytes = from->records.bytes;
        batch_take(produce, item, target.partition, bytes.p == NULL ? slice_of(no_text, 0) : bytes);
    } else {
        item->to->error_code = (int16_t)error;
        if (target.partition != NULL) {
            partition_drop(target.partition);
        }
    }
}

/* ---- the request ---- */

static size_t partitions_count(const struct kmsg_produce_request *ask)
{
    size_t count = 0;
    for (int32_t t = 0; t < ask->topic_data.count; t++) {
        count += (size_t)ask->topic_data.items[t].partition_data.count;
    }
    return count;
}

/* All memory, before the first byte is appended. */
static struct produce *produce_new(struct request *request, const struct kmsg_produce_request *ask)
{
    struct arena *arena = &request->arena;
    struct produce *produce = ARENA_NEW(arena, struct produce);
    if (produce == NULL) {
        return NULL;
    }
    produce->request = request;
    produce->acks = ask->acks;
    kmsg_produce_response_init(&produce->response);
    produce->items = arena_array(arena, partitions_count(ask), sizeof(struct produce_item));
    produce->response.responses.items = kmsg_produce_response_topic_array(arena,
                                                                          ask->topic_data.count);
    if (produce->items == NULL || produce->response.responses.items == NULL) {
        return NULL;
    }
    produce->response.responses.count = ask->topic_data.count;
    for (int32_t t = 0; t < ask->topic_data.count; t++) {
        struct kmsg_produce_response_topic *to = &produce->response.responses.items[t];
        int32_t count = ask->topic_data.items[t].partition_data.count;
        to->name = ask->topic_data.items[t].name;
        to->topic_id = ask->topic_data.items[t].topic_id;
        to->partition_responses.items = kmsg_produce_response_partition_array(arena, count);
        if (to->partition_responses.items == NULL) {
            return NULL;
        }
        to->partition_responses.count = count;
    }
    return produce;
}

/* A batch of a transaction comes with a transactional id. Nothing has been checked of these bytes yet. */
static bool lone_transactional(const struct kmsg_produce_request *ask)
{
    for (int32_t t = 0; ask->transactional_id.p == NULL && t < ask->topic_data.count; t++) {
        const struct kmsg_produce_request_topic *topic = &ask->topic_data.items[t];
        for (int32_t i = 0; i < topic->partition_data.count; i++) {
            struct batch_header header;
            if (topic->partition_data.items[i].records.bytes.p != NULL &&
                batch_parse(topic->partition_data.items[i].records.bytes, &header) == OK &&
                (header.attributes & BATCH_TRANSACTIONAL) != 0) {
                return true;
            }
        }
    }
    return false;
}

static void refuse_all(struct produce *produce, const struct kmsg_produce_request *ask,
                       enum kafka_error error)
{
    for (int32_t t = 0; t < ask->topic_data.count; t++) {
        struct kmsg_produce_response_topic *to = &produce->response.responses.items[t];
        for (int32_t i = 0; i < to->partition_responses.count; i++) {
            to->partition_responses.items[i].index =
                ask->topic_data.items[t].partition_data.items[i].index;
            to->partition_responses.items[i].base_offset = -1;
            to->partition_responses.items[i].error_code = (int16_t)error;
        }
    }
}

static void append_all(struct produce *produce, const struct kmsg_produce_request *ask)
{
    for (int32_t t = 0; t < ask->topic_data.count; t++) {
        const struct kmsg_produce_request_topic *topic = &ask->topic_data.items[t];
        for (int32_t i = 0; i < topic->partition_data.count; i++) {
            struct produce_item *item = &produce->items[produce->item_count++];
            item->produce = produce;
            item->to = &produce->response.responses.items[t].partition_responses.items[i];
            partition_do(produce, item, topic, &topic->partition_data.items[i]);
        }
    }
}

void api_produce(struct request *request)
{
    struct kmsg_produce_request ask;
    if (!request_decode(request, &ask)) {
        return;
    }
    struct produce *produce = produce_new(request, &ask);
    if (produce == NULL) {
        api_out_of_memory(request);
        return;
    }
    if (lone_transactional(&ask)) {
        refuse_all(produce, &ask, KAFKA_TRANSACTIONAL_ID_AUTHORIZATION_FAILED);
    } else {
        append_all(produce, &ask);
    }
    if (produce->waiting == 0) {
        produce_end(produce);
    } else {
        produce_park(produce, ask.timeout_ms);
    }
}
