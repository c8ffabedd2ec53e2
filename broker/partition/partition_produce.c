/* Produce: one batch in, one answer out, at once or by mail. And what is told of a partition at any time. */
#include "broker/partition/partition_internal.h"

#include "common/wire/record_batch.h"

struct uuid partition_topic_id(const struct partition *p)
{
    return p->topic;
}

struct slice partition_topic_name(const struct partition *p)
{
    return slice_str(p->name);
}

int32_t partition_index(const struct partition *p)
{
    return p->index;
}

void partition_settings_now(struct partition *p, struct partition_settings *ret_settings)
{
    partition_enter(p);
    *ret_settings = p->settings;
    lock_leave(p->lock);
}

struct batch_receipt receipt_of(const struct batch_facts *facts)
{
    return (struct batch_receipt){
        .base_offset = facts->base_offset,
        .producer_id = facts->producer_id,
        .max_timestamp_ms = facts->max_timestamp,
        .last_offset_delta = (int32_t)(facts->last_offset - facts->base_offset),
        .record_count = facts->records,
        .leader_epoch = facts->leader_epoch,
        .base_sequence = facts->base_sequence,
        .size_bytes = (int32_t)facts->bytes,
        .producer_epoch = facts->producer_epoch,
        .transactional = facts->transactional,
        .control = facts->control,
    };
}

static void refuse(struct produce_ticket *ticket, enum kafka_error error)
{
    assert(error != KAFKA_NONE);
    ticket->error = error;
    ticket->base_offset = -1;
    ticket->log_append_time_ms = -1;
    ticket->log_start_offset = -1;
    ticket->state = TICKET_TOLD;
}

/* acks = 0 that was not refused: nobody reads more of the answer. */
static void answer_unasked(struct partition *p, struct step *step)
{
    if (step->event.produce.acks == 0 && !step->answered) {
        step->ticket->log_start_offset = p->core.log_start;
        step->ticket->state = TICKET_TOLD;
        step->answered = true;
    }
}

/* Inside: what is told before the core is asked; KAFKA_NONE: it is asked. */
static enum kafka_error refusal(const struct partition *p, const struct produce_ticket *ticket)
{
    if (p->rebuilding) {
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    }
    if (p->state != PARTITION_OPEN) {
        return partition_closed_error(p);
    }
    if (ticket->of_epoch && ticket->leader_epoch != p->core.view.leader_epoch) {
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    }
    /* Before the disk is full: clients try again. */
    return UNLIKELY(dir_space_short(p->dir)) && p->core.role == REPLICA_LEADER
               ? KAFKA_KAFKA_STORAGE_ERROR
               : KAFKA_NONE;
}

bool partition_produce(struct partition *p, struct produce_ticket *ticket, uint8_t *batch,
                       size_t bytes, int16_t acks)
{
    assert(acks >= -1 && acks <= 1);
    assert(ticket->state != TICKET_WAITS && ticket->loop != NULL);
    struct batch_header header;
    err_t err = batch_parse(slice_of(batch, bytes), &header);
    assert(err == OK && batch_bytes(&header) == bytes); /* the rules have accepted it */
    struct batch_facts facts = batch_facts(&header);
    ticket->error = KAFKA_NONE;
    ticket->duplicate = false;
    ticket->base_offset = -1;
    ticket->log_append_time_ms = -1;
    ticket->log_start_offset = -1;
    ticket->state = TICKET_WAITS;
    struct step step = {.ticket = ticket, .batch = batch, .batch_bytes = bytes};
    step.event.kind = REPLICA_PRODUCE;
    step.event.produce.ticket = (uint64_t)(uintptr_t)ticket;
    step.event.produce.acks = acks;
    step.event.produce.receipt = receipt_of(&facts);

    partition_enter(p);
    enum kafka_error refused = refusal(p, ticket);
    if (UNLIKELY(refused != KAFKA_NONE)) {
        refuse(ticket, refused);
        lock_leave(p->lock);
        return true;
    }
    partition_step(p, &step);
    if (p->state == PARTITION_OPEN) {
        step.event.produce.acks = acks;
        answer_unasked(p, &step);
    }
    partition_leave(p);
    return step.answered && !(ticket->error == KAFKA_NONE && dir_hold(p->dir, ticket));
}

bool partition_produce_forget(struct partition *p, struct produce_ticket *ticket)
{
    if (dir_unhold(p->dir, ticket)) {
        return true;
    }
    partition_enter(p);
    bool waits = ticket->state == TICKET_WAITS;
    if (waits) {
        assert(p->state == PARTITION_OPEN);
        struct step step = {.event = {.kind = REPLICA_FORGET}};
        step.event.forget = (uint64_t)(uintptr_t)ticket;
        ticket->state = TICKET_FREE;
        partition_step(p, &step);
    }
    partition_leave(p);
    return waits;
}

void partition_facts(struct partition *p, struct partition_facts *ret_facts)
{
    partition_enter(p);
    bool open = p->state == PARTITION_OPEN;
    *ret_facts = (struct partition_facts){
        .leader = open && p->core.role == REPLICA_LEADER,
        .online = open,
        .leader_epoch = open ? p->core.view.leader_epoch : -1,
        .log_start = open ? p->core.log_start : -1,
        .log_end = open ? p->core.log_end : -1,
        .durable_end = open ? log_durable_end(p->log) : -1,
        .high_watermark = open ? p->core.high_watermark : -1,
        .bytes = open ? log_size_bytes(p->log) : 0,
        .rewinds = p->rewinds,
        .dir = p->dir->properties.directory_id,
    };
    lock_leave(p->lock);
}
