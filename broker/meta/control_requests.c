#include <stdio.h>

#include "broker/meta/control_internal.h"
#include "common/port/memory.h"
#include "common/wire/kafka_error.h"

#define PARTITIONS_ARENA    ((size_t)64 << 20)
/* Of a partition in a frame: its topic, and its number and epoch as wide as a varint of 32 bits can be, with their tags. */
#define PARTITION_BYTES_MAX 48u

static void on_done_mail(struct mail *mail)
{
    struct control_request *r = CONTAINER_OF(mail, struct control_request, mail);
    r->done(r);
}

/* Goes home with what it has. */
static void request_end(struct control_request *r)
{
    struct control *c = r->control;
    assert(c != NULL && r->origin != NULL);
    timer_cancel(c->loop, &r->timer);
    rpc_forget(&r->call);
    list_remove(&r->node);
    r->mail.deliver = on_done_mail;
    loop_post(r->origin, &r->mail);
}

static void request_fail(struct control_request *r, enum kafka_error error, const char *text)
{
    r->error = (int16_t)error;
    (void)snprintf(r->error_text, sizeof(r->error_text), "%s", text);
    request_end(r);
}

static void body_copy(struct control_request *r, ProtobufCBinaryData body)
{
    const struct memory_source *source = memory_source(loop_host(r->control->loop));
    uint8_t *p = body.len == 0 ? NULL : source->take(source->ctx, body.len);
    if (p == NULL) {
        r->error = KAFKA_UNKNOWN_SERVER_ERROR;
        return;
    }
    memcpy(p, body.data, body.len);
    r->answer.forwarded = slice_of(p, body.len);
    r->answer_bytes = body.len;
}

void control_request_release(struct control_request *r)
{
    if (r->answer_bytes > 0) {
        const struct memory_source *source = memory_source(loop_host(r->origin));
        source->give(source->ctx, (void *)r->answer.forwarded.p, r->answer_bytes);
        r->answer_bytes = 0;
    }
}

static void answer_read(struct control_request *r, const Odradek__Frame *frame)
{
    switch (frame->body_case) {
    case ODRADEK__FRAME__BODY_FORWARDED: body_copy(r, frame->forwarded->body); break;
    case ODRADEK__FRAME__BODY_PRODUCER_IDS:
        r->answer.producer_ids.first = frame->producer_ids->first;
        r->answer.producer_ids.count = frame->producer_ids->count;
        break;
    case ODRADEK__FRAME__BODY_ISR_ALTERED:
        r->answer.isr.leader_epoch = frame->isr_altered->leader_epoch;
        r->answer.isr.partition_epoch = frame->isr_altered->partition_epoch;
        r->answer.isr.count = (uint32_t)min_i64((int64_t)frame->isr_altered->n_isr, REPLICAS_MAX);
        memcpy(r->answer.isr.isr, frame->isr_altered->isr, r->answer.isr.count * sizeof(int32_t));
        break;
    default: break;
    }
}

static void on_answer(struct rpc_call *call, err_t err, const Odradek__Frame *frame)
{
    struct control_request *r = CONTAINER_OF(call, struct control_request, call);
    struct control *c = r->control;
    assert(c != NULL && r->origin != NULL);
    if (err == ERR_CLOSED) {
        return; /* control_requests_back looks after it */
    }
    if (err != OK) {
        request_fail(r, KAFKA_REQUEST_TIMED_OUT, "the controller did not answer in time");
        return;
    }
    /* Nothing was done that must not be done twice: ask the one that is. */
    if (frame->error == KAFKA_NOT_CONTROLLER) {
        list_remove(&r->node);
        list_push(&c->waiting, &r->node);
        (void)control_misdirected(c, frame);
        return;
    }
    r->error = (int16_t)frame->error;
    (void)snprintf(r->error_text, sizeof(r->error_text), "%s", frame->error_text);
    answer_read(r, frame);
    request_end(r);
}

/* ---- frames ---- */

static void ask(struct control_request *r, Odradek__Frame *frame)
{
    time_ms left = (r->deadline_us - loop_now_us(r->control->loop)) / 1000;
    r->call.done = on_answer;
    rpc_ask(r->control->conn, &r->call, frame, max_i64(left, 1));
}

static void alter_isr_send(struct control_request *r)
{
    Odradek__TopicPartition at = ODRADEK__TOPIC_PARTITION__INIT;
    Odradek__IsrMember members[REPLICAS_MAX];
    Odradek__IsrMember *list[REPLICAS_MAX];
    at.topic = rpc_uuid(&r->alter_isr.at.topic);
    at.partition = r->alter_isr.at.partition;
    for (uint32_t i = 0; i < r->alter_isr.count; i++) {
        odradek__isr_member__init(&members[i]);
        members[i].id = r->alter_isr.isr[i].id;
        members[i].broker_epoch = r->alter_isr.isr[i].broker_epoch;
        list[i] = &members[i];
    }
    Odradek__AlterIsr body = ODRADEK__ALTER_ISR__INIT;
    body.broker = r->control->options.broker;
    body.epoch = r->control->epoch;
    body.partition = &at;
    body.leader_epoch = r->alter_isr.leader_epoch;
    body.partition_epoch = r->alter_isr.partition_epoch;
    body.isr = list;
    body.n_isr = r->alter_isr.count;
    body.min_isr = r->alter_isr.min_isr;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_ALTER_ISR;
    frame.alter_isr = &body;
    ask(r, &frame);
}

static Odradek__TopicPartition **partitions_pack(const struct control_request *r,
                                                 struct arena *arena)
{
    uint32_t n = r->replicas.count;
    static_assert(CONTROL_PARTITIONS_MAX * PARTITION_BYTES_MAX < RPC_BODY_MAX, "one frame");
    assert(n <= CONTROL_PARTITIONS_MAX);
    Odradek__TopicPartition *items = arena_array(arena, n, sizeof(*items));
    Odradek__TopicPartition **list = arena_array(arena, n, sizeof(*list));
    if (items == NULL || list == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++) {
        odradek__topic_partition__init(&items[i]);
        items[i].topic = rpc_uuid(&r->replicas.partitions[i].topic);
        items[i].partition = r->replicas.partitions[i].partition;
        list[i] = &items[i];
    }
    return list;
}

/* What all of them say: whose replicas, and which. */
#define SAY_WHICH(message, kind_, body)                 \
    do {                                                \
        (message).broker = r->control->options.broker;  \
        (message).epoch = r->control->epoch;            \
        (message).partitions = list;                    \
        (message).n_partitions = r->replicas.count;     \
        frame.body_case = ODRADEK__FRAME__BODY_##kind_; \
        frame.body = &(message);                        \
    } while (0)

static void replicas_send(struct control_request *r)
{
    struct arena arena;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    Odradek__AssignDirs assign = ODRADEK__ASSIGN_DIRS__INIT;
    Odradek__ReplicasLost lost = ODRADEK__REPLICAS_LOST__INIT;
    Odradek__ReplicasRotten rotten = ODRADEK__REPLICAS_ROTTEN__INIT;
    Odradek__ReplicasSynced synced = ODRADEK__REPLICAS_SYNCED__INIT;
    arena_init(&arena, memory_source(loop_host(r->control->loop)), 16384, PARTITIONS_ARENA);
    Odradek__TopicPartition **list = partitions_pack(r, &arena);
    int32_t *epochs = arena_array(&arena, r->replicas.count, sizeof(*epochs));
    if (list == NULL || epochs == NULL) {
        arena_release(&arena);
        request_fail(r, KAFKA_UNKNOWN_SERVER_ERROR, "out of memory");
        return;
    }
    for (uint32_t i = 0; i < r->replicas.count; i++) {
        epochs[i] = r->replicas.partitions[i].epoch;
    }
    assign.dir = rpc_uuid(&r->replicas.dir);
    lost.partition_epochs = epochs;
    lost.n_partition_epochs = r->replicas.count;
    rotten.leader_epochs = epochs;
    rotten.n_leader_epochs = r->replicas.count;
    synced.partition_epochs = epochs;
    synced.n_partition_epochs = r->replicas.count;
    if (r->kind == CONTROL_ASSIGN_DIRS) {
        SAY_WHICH(assign, ASSIGN_DIRS, assign_dirs);
    } else if (r->kind == CONTROL_REPLICAS_LOST) {
        SAY_WHICH(lost, REPLICAS_LOST, replicas_lost);
    } else if (r->kind == CONTROL_REPLICAS_ROTTEN) {
        SAY_WHICH(rotten, REPLICAS_ROTTEN, replicas_rotten);
    } else {
        SAY_WHICH(synced, REPLICAS_SYNCED, replicas_synced);
    }
    ask(r, &frame);
    arena_release(&arena);
}

static void producer_ids_send(struct control_request *r)
{
    Odradek__AllocateProducerIds body = ODRADEK__ALLOCATE_PRODUCER_IDS__INIT;
    body.broker = r->control->options.broker;
    body.epoch = r->control->epoch;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_ALLOCATE_PRODUCER_IDS;
    frame.allocate_producer_ids = &body;
    ask(r, &frame);
}

static void forward_send(struct control_request *r)
{
    Odradek__Forward body = ODRADEK__FORWARD__INIT;
    body.api_key = (uint32_t)r->forward.api_key;
    body.api_version = (uint32_t)r->forward.version;
    body.body.data = (uint8_t *)r->forward.body.p;
    body.body.len = r->forward.body.n;
    Odradek__Frame frame = ODRADEK__FRAME__INIT;
    frame.body_case = ODRADEK__FRAME__BODY_FORWARD;
    frame.forward = &body;
    ask(r, &frame);
}

static void request_send(struct control_request *r)
{
    switch (r->kind) {
    case CONTROL_FORWARD: forward_send(r); break;
    case CONTROL_PRODUCER_IDS: producer_ids_send(r); break;
    case CONTROL_ALTER_ISR: alter_isr_send(r); break;
    case CONTROL_ASSIGN_DIRS:
    case CONTROL_REPLICAS_LOST:
    case CONTROL_REPLICAS_ROTTEN:
    case CONTROL_REPLICAS_SYNCED: replicas_send(r); break;
    }
}

/* ---- queues ---- */

void control_requests_send(struct control *c)
{
    for (struct list_node *node = list_pop(&c->waiting); node != NULL;
         node = list_pop(&c->waiting)) {
        struct control_request *r = CONTAINER_OF(node, struct control_request, node);
        list_push(&c->asked, node);
        request_send(r);
    }
}

/* Without its connection nobody knows what became of a request. What may be done twice without harm is asked again (every
 * change here names epochs); an administrator's request is not. */
void control_requests_back(struct control *c)
{
    for (struct list_node *node = list_pop(&c->asked); node != NULL; node = list_pop(&c->asked)) {
        struct control_request *r = CONTAINER_OF(node, struct control_request, node);
        rpc_forget(&r->call);
        if (r->kind == CONTROL_FORWARD) {
            request_fail(r, KAFKA_REQUEST_TIMED_OUT,
                         "the active controller was lost while it worked on this");
        } else {
            list_push(&c->waiting, node);
        }
    }
}

void control_requests_end(struct control *c)
{
    control_requests_back(c);
    for (struct list_node *node = list_first(&c->waiting); node != NULL;
         node = list_first(&c->waiting)) {
        request_fail(CONTAINER_OF(node, struct control_request, node), KAFKA_REQUEST_TIMED_OUT,
                     "the broker is stopping");
    }
}

static void on_deadline(struct timer *timer)
{
    request_fail(CONTAINER_OF(timer, struct control_request, timer), KAFKA_REQUEST_TIMED_OUT,
                 "no active controller answered in time");
}

static void on_submitted(struct mail *mail)
{
    struct control_request *r = CONTAINER_OF(mail, struct control_request, mail);
    struct control *c = r->control;
    assert(c != NULL && r->origin != NULL);
    if (c->state == CONTROL_ENDED) {
        request_fail(r, KAFKA_REQUEST_TIMED_OUT, "the broker is stopping");
        return;
    }
    r->deadline_us = loop_now_us(c->loop) + r->timeout_ms * 1000;
    r->timer.fire = on_deadline;
    timer_arm(c->loop, &r->timer, r->deadline_us);
    list_push(&c->waiting, &r->node);
    if (c->state == CONTROL_UP) {
        control_requests_send(c);
    }
}

void control_submit(struct control *c, struct control_request *r)
{
    assert(r->origin != NULL && r->done != NULL && r->timeout_ms > 0);
    r->control = c;
    r->error = KAFKA_NONE;
    r->error_text[0] = '\0';
    r->answer_bytes = 0;
    r->mail.deliver = on_submitted;
    loop_post(c->loop, &r->mail);
}
