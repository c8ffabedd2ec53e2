/* The questions of a fetcher and the answers to them. */
#include "broker/partition/fetcher.h"

#include "common/wire/record_batch.h"

/* A follower without room on its disk looks again after this. */
#define SPACE_REST_MS 500

void fetcher_session_end(struct fetcher *fetcher)
{
    fetcher->session_good = false;
    fetcher->session_void = fetcher->poll_out;
    LIST_EACH(&fetcher->follows, node)
    {
        CONTAINER_OF(node, struct follow, node)->in_session = false;
    }
}

static void forget_poll(struct fetcher *fetcher)
{
    fetcher->poll_out = false;
    fetcher->session = 0; /* another connection may come to another reactor */
    fetcher_session_end(fetcher);
    LIST_EACH(&fetcher->follows, node)
    {
        CONTAINER_OF(node, struct follow, node)->in_poll = false;
    }
}

void fetcher_forget_calls(struct fetcher *fetcher)
{
    forget_poll(fetcher);
    for (uint32_t i = 0; i < FETCH_UPDATES_MAX; i++) {
        fetcher->updates[i].out = false;
    }
}

/* ---- asking ---- */

static void ask_partition(const struct partitions *table, const struct replica_fetch_plan *plan,
                          bool bytes, struct kmsg_fetch_request_partition *ask)
{
    ask->current_leader_epoch = plan->leader_epoch;
    ask->fetch_offset = plan->fetch_offset;
    ask->last_fetched_epoch = plan->last_fetched_epoch;
    ask->log_start_offset = plan->log_start;
    ask->high_watermark = plan->high_watermark;
    ask->durable_offset = plan->durable_offset;
    ask->producers_below = plan->producers_below;
    ask->partition_max_bytes = bytes ? table->config.fetch_partition_bytes_max : 0;
}

static bool follow_rests(struct follow *follow, time_ms now)
{
    if (follow->rest_until_ms <= now && dir_space_gone(follow->partition->dir)) {
        follow->rest_until_ms = now + SPACE_REST_MS;
    }
    return follow->rest_until_ms > now;
}

/* Whether this partition belongs into the request that is being made; its plan. Those that follow someone else leave. */
static bool plan_follow(struct follow *follow, bool poll, struct replica_fetch_plan *ret_plan)
{
    struct fetcher *fetcher = follow->fetcher;
    bool urgent;
    if (!poll && !follow->urgent) {
        return false;
    }
    if (!partition_plan_now(follow->partition, ret_plan, &urgent)) {
        fetcher_remove(follow, false);
        return false;
    }
    if (ret_plan->leader != fetcher->leader) {
        fetcher_remove(follow, true);
        return false;
    }
    follow->urgent = false;
    return true;
}

/* A request that is being made. */
struct question {
    struct kmsg_fetch_request request;
    struct kmsg_fetch_request_partition *asks; /* room for all */
    int32_t named;
    int32_t meant; /* with those that the session knows */
    time_ms
        rested_ms; /* when the first of those that rest meanwhile may be asked for; TIME_NEVER */
};

static void forget(struct question *question, struct follow *follow, int32_t *index)
{
    struct kmsg_fetch_request_forgotten_topic *gone =
        &question->request.forgotten_topics_data
             .items[question->request.forgotten_topics_data.count++];
    *index = follow->partition->index;
    gone->topic_id = follow->partition->topic;
    gone->partitions.items = index;
    gone->partitions.count = 1;
    follow->in_session = false;
}

static struct kmsg_fetch_request_partition *name(struct question *question,
                                                 const struct follow *follow)
{
    struct kmsg_fetch_request *request = &question->request;
    struct kmsg_fetch_request_topic *topic =
        request->topics.count == 0 ? NULL : &request->topics.items[request->topics.count - 1];
    if (topic == NULL || !uuid_eq(topic->topic_id, follow->partition->topic)) {
        topic = &request->topics.items[request->topics.count++];
        topic->topic_id = follow->partition->topic;
        topic->partitions.items = &question->asks[question->named];
        topic->partitions.count = 0;
    }
    topic->partitions.count++;
    return &question->asks[question->named++];
}

static bool same_plan(const struct replica_fetch_plan *a, const struct replica_fetch_plan *b)
{
    return a->leader_epoch == b->leader_epoch && a->fetch_offset == b->fetch_offset &&
           a->last_fetched_epoch == b->last_fetched_epoch &&
           a->durable_offset == b->durable_offset && a->high_watermark == b->high_watermark &&
           a->log_start == b->log_start && a->producers_below == b->producers_below;
}

static void ask(struct question *question, struct follow *follow, bool poll,
                const struct replica_fetch_plan *plan)
{
    const struct partitions *table = follow->fetcher->room->table;
    bool known = poll && follow->fetcher->session_good && follow->in_session &&
                 same_plan(&follow->asked, plan) && !follow->bad_crc && !follow->crc_accused;
    question->meant++;
    if (!known) {
        struct kmsg_fetch_request_partition *named = name(question, follow);
        named->partition = follow->partition->index;
        ask_partition(table, plan, poll, named);
        named->bad_crc_offset = poll && follow->bad_crc ? plan->fetch_offset : -1;
    }
    if (poll) {
        follow->crc_accused = follow->bad_crc;
        follow->bad_crc = false;
        follow->asked = *plan;
        follow->in_poll = true;
        follow->in_session = true;
    }
}

/* Names what is to be told. */
static err_t fill(struct fetcher *fetcher, bool poll, struct question *question)
{
    struct arena *arena = &fetcher->room->arena;
    int32_t room = (int32_t)fetcher->follow_count;
    struct kmsg_fetch_request *request = &question->request;
    int32_t *gone = arena_array(arena, (size_t)room, sizeof(*gone));
    question->asks = kmsg_fetch_request_partition_array(arena, room);
    request->topics.items = kmsg_fetch_request_topic_array(arena, room);
    request->forgotten_topics_data.items = kmsg_fetch_request_forgotten_topic_array(arena, room);
    ENSURE(gone != NULL && question->asks != NULL && request->topics.items != NULL &&
               request->forgotten_topics_data.items != NULL,
           ERR_NO_MEMORY);
    time_ms now = partitions_now_ms(fetcher->room->table);
    struct list_node *next = fetcher->follows.head.next;
    while (next != &fetcher->follows.head) {
        struct follow *follow = CONTAINER_OF(next, struct follow, node);
        struct replica_fetch_plan plan;
        next = next->next;
        bool rests = poll && follow_rests(follow, now);
        if (rests) {
            question->rested_ms = min_i64(question->rested_ms, follow->rest_until_ms);
        }
        if (rests && follow->in_session) {
            forget(question, follow, gone++);
        }
        if (!rests && plan_follow(follow, poll, &plan)) {
            ask(question, follow, poll, &plan);
        }
    }
    return OK;
}

static err_t fill_poll(struct fetcher *fetcher, struct question *question)
{
    bool good = fetcher->session_good;
    TRY(fill(fetcher, true, question));
    if (good &&
        !fetcher
             ->session_good) { /* somebody left: all are named, so that the leader forgets whom it knew */
        question->named = 0;
        question->meant = 0;
        question->request.topics.count = 0;
        question->request.forgotten_topics_data.count = 0;
        TRY(fill(fetcher, true, question));
    }
    fetcher->poll_goes_on = fetcher->session_good;
    question->request.session_id = fetcher->session;
    question->request.session_epoch = fetcher->session_good ? fetcher->session_epoch : 0;
    return OK;
}

static err_t send_fetch(struct fetcher *fetcher, bool poll, struct client_call *call,
                        int32_t *ret_count)
{
    const struct partitions_config *config = &fetcher->room->table->config;
    struct question question = {.rested_ms = TIME_NEVER};
    struct kmsg_fetch_request *request = &question.request;
    kmsg_fetch_request_init(request);
    request->replica_state.replica_id = config->broker_id;
    request->replica_state.replica_epoch = table_broker_epoch(fetcher->room->table);
    request->max_wait_ms = poll ? (int32_t)config->fetch_wait_max_ms : 0;
    request->min_bytes = !poll ? 0 : config->fetch_bytes_min > 0 ? config->fetch_bytes_min : 1;
    request->max_bytes = poll ? config->fetch_bytes_max : 0;
    err_t err = poll ? fill_poll(fetcher, &question) : fill(fetcher, false, &question);
    *ret_count = question.meant;
    if (poll && question.rested_ms != TIME_NEVER) {
        /* Nobody else asks for them: a poll that is parked for longer than they rest would be their rest. */
        time_ms rests = max_i64(question.rested_ms - partitions_now_ms(fetcher->room->table), 1);
        request->max_wait_ms = (int32_t)min_i64(request->max_wait_ms, rests);
    }
    if (err == OK && question.meant > 0) {
        call->api = kmsg_api_find(1);
        call->version = FETCH_VERSION;
        err = client_conn_send(&fetcher->conn, call, request);
    } else if (poll) {
        fetcher_session_end(
            fetcher); /* the leader's has nothing left, or knows less than we noted */
    }
    arena_clear(&fetcher->room->arena);
    return err;
}

/* ---- answers ---- */

struct batches {
    struct batch_receipt *receipts;
    struct slice *slices;
    uint32_t count;
    bool bad;
};

/* Whole batches with good checksums, in order; what follows a bad one is left. A partial batch at the end is usual. */
static err_t check_batches(const struct partitions *table, struct slice bytes, struct arena *arena,
                           struct batches *ret)
{
    size_t room = bytes.n / BATCH_HEADER_BYTES;
    struct slice batch;
    struct batch_header header;
    *ret = (struct batches){.receipts = arena_array(arena, room, sizeof(*ret->receipts)),
                            .slices = arena_array(arena, room, sizeof(*ret->slices))};
    ENSURE(ret->receipts != NULL && ret->slices != NULL, ERR_NO_MEMORY);
    while (bytes.n > 0) {
        err_t err = batch_cut(&bytes, &batch);
        if (err == ERR_TRUNCATED) {
            break;
        }
        if (err == OK) {
            err = MUTANT(46) ? batch_parse(batch, &header)
                             : batch_check(table->config.crc, batch, &header);
        }
        if (err != OK) {
            ret->bad = true;
            break;
        }
        struct batch_facts facts = batch_facts(&header);
        assert(ret->count < room);
        ret->receipts[ret->count] = receipt_of(&facts);
        ret->slices[ret->count++] = batch;
    }
    return OK;
}

static void told_bad(struct follow *follow, enum kafka_error error)
{
    struct fetcher *fetcher = follow->fetcher;
    uint32_t held;
    if (trace_limit_pass(&fetcher->limit, partitions_now_ms(fetcher->room->table), &held)) {
        trace_log(
            fetcher->room->table->config.trace, TRACE_INFO, TRACE_FETCHER,
            "%s-%d: broker %d answered a fetch at %lld (epoch %d) with %s; asking again soon.%s",
            follow->partition->name, follow->partition->index, fetcher->leader,
            (long long)follow->asked.fetch_offset, follow->asked.leader_epoch,
            kafka_error_name((int16_t)error), held > 0 ? " (There were more.)" : "");
    }
    fetcher_rest_follow(follow);
}

static void take_partition(struct follow *follow,
                           const struct kmsg_fetch_response_partition *answer)
{
    struct fetch_room *room = follow->fetcher->room;
    struct batches batches;
    struct producer_entry *producers = NULL;
    uint32_t producer_count = 0;
    err_t err = check_batches(room->table, answer->records.bytes, &room->arena, &batches);
    if (err == OK && answer->producers.p != NULL) {
        err = producers_decode(room->table, answer->producers, &room->arena, &producers,
                               &producer_count);
    }
    if (err != OK) {
        told_bad(follow, KAFKA_REQUEST_TIMED_OUT);
        return;
    }
    struct replica_fetched fetched = {
        .leader_epoch = follow->asked.leader_epoch,
        .fetch_offset = follow->asked.fetch_offset,
        .last_fetched_epoch = follow->asked.last_fetched_epoch,
        .error = (enum kafka_error)answer->error_code,
        .high_watermark = answer->high_watermark,
        .log_start_offset = answer->log_start_offset,
        .diverging_epoch = answer->diverging_epoch.epoch,
        .diverging_end = answer->diverging_epoch.end_offset,
        .receipt_count = batches.count,
        .receipts = batches.receipts,
        .producers_asked = follow->asked.producers_below >= 0,
        .producers_told = answer->producers.p != NULL,
        .producer_count = producer_count,
        .producers = producers,
    };
    enum kafka_error bad = partition_fetched(follow->partition, &fetched, batches.slices);
    if (bad == KAFKA_NONE && batches.bad) {
        bad = KAFKA_CORRUPT_MESSAGE;
    }
    /* A checksum, or what no checksum covers: offsets that do not follow, epochs that cannot be. The leader is to look. */
    follow->bad_crc = follow->bad_crc ||
                      (bad == KAFKA_CORRUPT_MESSAGE && answer->error_code == KAFKA_NONE);
    bool refused = bad == KAFKA_CORRUPT_MESSAGE && !batches.bad && answer->error_code == KAFKA_NONE;
    if (refused && follow->rest_ms >= fetcher_rest_max_ms(follow->fetcher)) {
        partition_doubt(follow->partition);
    }
    if (bad != KAFKA_NONE) {
        told_bad(follow, bad);
    } else {
        follow->rest_ms = FETCH_REST_MIN_MS;
    }
}

static struct follow *follow_of(struct fetcher *fetcher, struct uuid topic, int32_t index)
{
    uint8_t key[sizeof(topic.b) + sizeof(index)];
    memcpy(key, topic.b, sizeof(topic.b));
    memcpy(key + sizeof(topic.b), &index, sizeof(index));
    struct follow *follow = map_get(&fetcher->by_id, slice_of(key, sizeof(key)));
    return follow != NULL && follow->in_poll ? follow : NULL;
}

static void take_answer(struct fetcher *fetcher, const struct kmsg_fetch_response *response)
{
    for (int32_t i = 0; i < response->responses.count; i++) {
        const struct kmsg_fetch_response_topic *topic = &response->responses.items[i];
        for (int32_t j = 0; j < topic->partitions.count; j++) {
            struct follow *follow = follow_of(fetcher, topic->topic_id,
                                              topic->partitions.items[j].partition_index);
            if (follow != NULL) {
                follow->in_poll = false;
                take_partition(follow, &topic->partitions.items[j]);
            }
        }
    }
    /* Who was left out of the answer: going on with a session that means "nothing new"; else it is an error. */
    LIST_EACH(&fetcher->follows, node)
    {
        struct follow *follow = CONTAINER_OF(node, struct follow, node);
        if (follow->in_poll) {
            follow->in_poll = false;
            if (!fetcher->poll_goes_on) {
                fetcher_rest_follow(follow);
            }
        }
    }
}

/* Whether the answer's error is the session's: the next poll begins another one. */
static bool session_lost(struct fetcher *fetcher, int16_t error)
{
    bool lost = error == KAFKA_FETCH_SESSION_ID_NOT_FOUND ||
                error == KAFKA_INVALID_FETCH_SESSION_EPOCH ||
                error == KAFKA_FETCH_SESSION_TOPIC_ID_ERROR;
    fetcher_session_end(fetcher);
    fetcher->session = 0;
    if (!lost || !fetcher->poll_goes_on) {
        return false;
    }
    LIST_EACH(&fetcher->follows, node)
    {
        CONTAINER_OF(node, struct follow, node)->in_poll = false;
    }
    return true;
}

static void session_take(struct fetcher *fetcher, int32_t session)
{
    fetcher->session = session;
    if (session == 0 || fetcher->session_void) {
        fetcher_session_end(fetcher);
    } else {
        bool first = !fetcher->poll_goes_on || fetcher->session_epoch == INT32_MAX;
        fetcher->session_epoch = first ? 1 : fetcher->session_epoch + 1;
        fetcher->session_good = true;
    }
}

static void poll_answered(struct client_call *call, struct slice body)
{
    struct fetcher *fetcher = CONTAINER_OF(call, struct fetcher, poll);
    struct kmsg_fetch_response response;
    fetcher->poll_out = false;
    err_t err = kmsg_decode(&kmsg_fetch_response_desc, FETCH_VERSION, &body, &fetcher->room->arena,
                            &response);
    if (err == OK && response.error_code == KAFKA_NONE) {
        fetcher->rest_ms = FETCH_REST_MIN_MS;
        session_take(fetcher, response.session_id);
        take_answer(fetcher, &response);
    } else if (err == OK && session_lost(fetcher, response.error_code)) {
        fetcher->rest_ms = FETCH_REST_MIN_MS;
    } else {
        fetcher_session_end(fetcher);
        LIST_EACH(&fetcher->follows, node)
        {
            struct follow *follow = CONTAINER_OF(node, struct follow, node);
            if (follow->in_poll) {
                follow->in_poll = false;
                told_bad(follow,
                         err == OK ? (enum kafka_error)response.error_code : KAFKA_CORRUPT_MESSAGE);
            }
        }
    }
    arena_clear(&fetcher->room->arena);
    fetcher_poll(fetcher);
}

static void update_answered(struct client_call *call, struct slice body)
{
    struct fetch_update *update = CONTAINER_OF(call, struct fetch_update, call);
    (void)body;
    update->out = false;
}

/* ---- when ---- */

/* The next time at which a resting partition may be asked for. */
static void await_rested(struct fetcher *fetcher)
{
    time_ms now = partitions_now_ms(fetcher->room->table);
    time_ms at = TIME_NEVER;
    LIST_EACH(&fetcher->follows, node)
    {
        at = min_i64(at, CONTAINER_OF(node, struct follow, node)->rest_until_ms);
    }
    if (at != TIME_NEVER) {
        timer_cancel(fetcher->room->loop, &fetcher->timer);
        timer_arm(fetcher->room->loop, &fetcher->timer,
                  loop_now_us(fetcher->room->loop) + max_i64(1, at - now) * 1000);
    }
}

/* A partition whose next batch is larger than its share gets it only as the first of a request: all take turns. */
static void rotate(struct fetcher *fetcher)
{
    struct list_node *first = list_pop(&fetcher->follows);
    if (first != NULL) {
        list_push(&fetcher->follows, first);
    }
}

static void arm(struct fetcher *fetcher, time_ms after_ms)
{
    timer_cancel(fetcher->room->loop, &fetcher->timer);
    timer_arm(fetcher->room->loop, &fetcher->timer,
              loop_now_us(fetcher->room->loop) + after_ms * 1000);
}

void fetcher_poll(struct fetcher *fetcher)
{
    int32_t count = 0;
    assert(!fetcher->poll_out);
    if (!fetcher->up || fetcher->room->stopping) {
        return;
    }
    rotate(fetcher);
    fetcher->poll.answered = poll_answered;
    err_t err = send_fetch(fetcher, true, &fetcher->poll, &count);
    fetcher->poll_out = err == OK && count > 0;
    time_ms timeout_ms = fetcher->room->table->config.fetch_timeout_ms;
    if (err != OK) { /* no memory: what was told before is still on its way */
        forget_poll(fetcher);
        arm(fetcher, fetcher_rest_max_ms(fetcher));
    } else if (count == 0) {
        await_rested(fetcher);
    } else {
        arm(fetcher, timeout_ms > 0 ? timeout_ms : FETCH_TIMEOUT_MS);
    }
}

void fetcher_update(struct fetcher *fetcher)
{
    assert(fetcher->up && fetcher->poll_out);
    struct fetch_update *free_update = NULL;
    for (uint32_t i = 0; i < FETCH_UPDATES_MAX && free_update == NULL; i++) {
        free_update = fetcher->updates[i].out ? NULL : &fetcher->updates[i];
    }
    if (free_update == NULL) {
        fetcher->redial = true;
        loop_at_turn_end(fetcher->room->loop, &fetcher->turn_end);
        return;
    }
    int32_t count = 0;
    free_update->call.answered = update_answered;
    err_t err = send_fetch(fetcher, false, &free_update->call, &count);
    free_update->out = err == OK && count > 0;
}

/* ---- the partition's side ---- */

bool partition_plan_now(struct partition *p, struct replica_fetch_plan *ret_plan, bool *ret_urgent)
{
    partition_enter(p);
    *ret_urgent = p->fetch_urgent;
    p->fetch_urgent = false;
    bool planned = p->state == PARTITION_OPEN && replica_fetch_plan(&p->core, ret_plan);
    lock_leave(p->lock);
    return planned;
}

enum kafka_error partition_fetched(struct partition *p, const struct replica_fetched *fetched,
                                   const struct slice *batches)
{
    struct step step = {
        .event = {.kind = REPLICA_FETCHED}, .batches = batches, .bad_fetch = KAFKA_NONE};
    step.event.fetched = *fetched;
    partition_enter(p);
    step.event.fetched.whole = !p->settings.compacted;
    if (p->state == PARTITION_OPEN) {
        partition_step(p, &step);
    }
    partition_leave(p);
    return step.bad_fetch;
}
