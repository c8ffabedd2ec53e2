/* The in-sync set: whose log counts how far, and asking the controller for another set (KIP-497, KIP-903, KIP-966). */
#include "broker/replica/replica_internal.h"

int64_t member_counted_end(const struct replica *replica, uint32_t member)
{
    assert(replica->role == REPLICA_LEADER && member < replica->view.member_count);
    const struct replica_member *who = &replica->view.members[member];
    if (who->unplaced && !MUTANT(86)) {
        return NO_OFFSET;
    }
    bool disk = replica->view.durability == REPLICA_DISK && !MUTANT(16);
    if (who->id == replica->config.self_id) {
        return disk ? replica->durable_end : replica->log_end;
    }
    const struct replica_progress *progress = &replica->leading.progress[member];
    if (progress->end == NO_OFFSET || (progress->broker_epoch != who->broker_epoch && !MUTANT(22) &&
                                       !old_version(progress->broker_epoch))) {
        return NO_OFFSET;
    }
    assert(progress->end >= 0);
    return disk && progress->durable != NO_OFFSET ? min_i64(progress->durable, progress->end)
                                                  : progress->end;
}

bool member_caught_up(const struct replica *replica, uint32_t member, time_ms now)
{
    assert(member < REPLICAS_MAX);
    const struct replica_progress *progress = &replica->leading.progress[member];
    if (member_counted_end(replica, member) >= replica->log_end) {
        return true;
    }
    return progress->caught_up_ms != TIME_LONG_AGO &&
           now - progress->caught_up_ms <= replica->view.lag_time_max_ms;
}

uint32_t isr_maximal(const struct replica *replica)
{
    assert(replica->role == REPLICA_LEADER);
    if (MUTANT(25) && replica->leading.isr_state != ISR_SETTLED) {
        return replica->leading.isr_proposed;
    }
    return replica->isr | (MUTANT(10) ? 0 : replica->leading.isr_proposed);
}

void isr_settle(struct replica *replica)
{
    assert(replica->role != REPLICA_LOADING);
    replica->leading.isr_state = ISR_SETTLED;
    replica->leading.isr_proposed = 0;
    replica->leading.isr_at_ms = 0;
}

void isr_remember(const struct replica *replica, struct replica_isr_ask *ret_before)
{
    const struct replica_view *view = &replica->view;
    bool led = view->leader_epoch >= 0 && view->leader == replica->config.self_id;
    uint32_t maximal = replica->isr | replica->leading.isr_proposed;
    *ret_before = replica->before;
    if (view->leader_epoch >= 0) { /* else it has not come to lead again since */
        *ret_before = (struct replica_isr_ask){.leader_epoch = view->leader_epoch,
                                               .partition_epoch = view->partition_epoch};
    }
    for (uint32_t i = 0; led && i < view->member_count; i++) {
        if (maximal & member_bit(i)) {
            ret_before->isr[ret_before->count].id = view->members[i].id;
            ret_before->isr[ret_before->count++].broker_epoch = view->members[i].broker_epoch;
        }
    }
    assert(ret_before->count <= REPLICAS_MAX);
}

/*
 * A request of this leadership may still be carried out, or was, and its answer came while the log was opened again. Whom it lets in
 * may be elected, so nothing is acknowledged without him: the same is asked again, behind it. What comes back as another incarnation
 * is not let in by it any more.
 */
void isr_resume(struct replica *replica, time_ms now)
{
    const struct replica_isr_ask *before = &replica->before;
    struct replica_leading *leading = &replica->leading;
    uint32_t bits = replica->isr;
    assert(leading->isr_state == ISR_SETTLED);
    if (before->leader_epoch != replica->view.leader_epoch ||
        before->partition_epoch < replica->view.partition_epoch) {
        return;
    }
    for (uint32_t i = 0; i < before->count; i++) {
        uint32_t member = view_member(&replica->view, before->isr[i].id);
        bool same = member != NO_MEMBER &&
                    replica->view.members[member].broker_epoch == before->isr[i].broker_epoch;
        bits |= same ? member_bit(member) : 0;
    }
    if (bits == replica->isr) {
        return;
    }
    leading->isr_state = ISR_RESTING;
    leading->isr_proposed = bits;
    leading->isr_ask = replica->asks;
    leading->isr_at_ms = now;
}

static void ask(struct replica *replica, struct replica_actions *actions)
{
    struct replica_leading *leading = &replica->leading;
    assert(leading->isr_proposed &
           member_bit(view_member(&replica->view, replica->config.self_id)));
    leading->isr_state = ISR_ASKED;
    leading->isr_ask = ++replica->asks;
    struct replica_isr_ask *request = &actions->ask;
    *request = (struct replica_isr_ask){.number = leading->isr_ask,
                                        .leader_epoch = replica->view.leader_epoch,
                                        .partition_epoch = replica->view.partition_epoch,
                                        .min_isr = replica->view.min_isr};
    for (uint32_t i = 0; i < replica->view.member_count; i++) {
        if (leading->isr_proposed & member_bit(i)) {
            request->isr[request->count].id = replica->view.members[i].id;
            request->isr[request->count++].broker_epoch = replica->view.members[i].broker_epoch;
        }
    }
    assert(request->count >= 1 && request->count <= REPLICAS_MAX);
    action_add(actions, REPLICA_ASK_ISR);
}

/* In sync: it has all that is committed and all of earlier epochs, seen in this epoch and this incarnation. */
static bool may_join(const struct replica *replica, uint32_t member, time_ms now)
{
    if ((replica->isr & member_bit(member)) || !replica->view.members[member].eligible) {
        return false;
    }
    int64_t counted = member_counted_end(replica, member);
    if (counted == NO_OFFSET || (!member_caught_up(replica, member, now) && !MUTANT(24))) {
        return false; /* who is behind for too long would leave again at once */
    }
    bool committed = counted >= replica->high_watermark || MUTANT(23);
    return committed && (counted >= replica->leading.epoch_start || MUTANT(24));
}

/* One at a time, in turn: a member that the controller refuses must not stand in another's way. */
static uint32_t joiner(const struct replica *replica, time_ms now)
{
    uint32_t count = replica->view.member_count;
    assert(count > 0 && replica->leading.isr_last < REPLICAS_MAX);
    for (uint32_t i = 1; i <= count; i++) {
        uint32_t member = (replica->leading.isr_last + i) % count;
        if (may_join(replica, member, now)) {
            return member;
        }
    }
    return NO_MEMBER;
}

static uint32_t laggards(const struct replica *replica, time_ms now)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < replica->view.member_count; i++) {
        bool self = replica->view.members[i].id == replica->config.self_id && !MUTANT(21);
        if (!self && (replica->isr & member_bit(i)) && !member_caught_up(replica, i, now)) {
            bits |= member_bit(i);
        }
    }
    assert((bits & ~replica->isr) == 0);
    return bits;
}

void isr_consider(struct replica *replica, time_ms now, struct replica_actions *actions)
{
    struct replica_leading *leading = &replica->leading;
    if (replica->role != REPLICA_LEADER || leading->isr_state == ISR_ASKED ||
        now < leading->isr_at_ms) {
        return;
    }
    if (leading->isr_state == ISR_RESTING) {
        ask(replica, actions);
        return;
    }
    assert(leading->isr_state == ISR_SETTLED && leading->isr_proposed == 0);
    leading->isr_at_ms = 0;
    uint32_t lagging = laggards(replica, now);
    uint32_t joining = lagging != 0 ? NO_MEMBER : joiner(replica, now);
    if (lagging == 0 && joining == NO_MEMBER) {
        return;
    }
    if (lagging != 0) {
        PROBE(REPLICA_ISR_SHRINKS);
    } else {
        PROBE(REPLICA_ISR_GROWS);
    }
    leading->isr_proposed = lagging != 0 ? replica->isr & ~lagging
                                         : replica->isr | member_bit(joining);
    leading->isr_last = lagging != 0 ? leading->isr_last : joining;
    ask(replica, actions);
    leader_advance(replica, now, actions);
}

/* The set that the controller committed; false: it is not one of this partition as we know it. */
static bool answered_bits(const struct replica *replica, const struct replica_event *event,
                          uint32_t *ret_bits)
{
    *ret_bits = 0;
    if (event->isr_answer.isr_count > REPLICAS_MAX) {
        return false;
    }
    for (uint32_t i = 0; i < event->isr_answer.isr_count; i++) {
        uint32_t member = view_member(&replica->view, event->isr_answer.isr[i]);
        if (member == NO_MEMBER) {
            return false;
        }
        *ret_bits |= member_bit(member);
    }
    return *ret_bits & member_bit(view_member(&replica->view, replica->config.self_id));
}

/* What the controller's refusal says about our request. */
static void refused(struct replica *replica, enum kafka_error error, time_ms now)
{
    struct replica_leading *leading = &replica->leading;
    switch (error) {
    case KAFKA_INELIGIBLE_REPLICA:
    case KAFKA_OPERATION_NOT_ATTEMPTED: /* surely not done: back to the committed set */
        PROBE(REPLICA_ISR_NOT_DONE);
        isr_settle(replica);
        leading->isr_at_ms = now + REPLICA_ISR_RETRY_MS;
        return;
    case KAFKA_INVALID_UPDATE_VERSION:
    case KAFKA_FENCED_LEADER_EPOCH:
    case KAFKA_NEW_LEADER_ELECTED:
    case KAFKA_INVALID_REQUEST:
    case KAFKA_UNKNOWN_TOPIC_OR_PARTITION:
    case KAFKA_UNKNOWN_TOPIC_ID: /* an earlier try may have been done: a view will tell; until then nothing is given up */
        leading->isr_state = ISR_RESTING;
        PROBE(REPLICA_ISR_STALE_REQUEST);
        leading->isr_at_ms = now + REPLICA_ISR_STALE_MS;
        return;
    default: /* lost, or asked the wrong controller */
        PROBE(REPLICA_ISR_ANSWER_LOST);
        replica->isr = MUTANT(37) ? leading->isr_proposed : replica->isr;
        leading->isr_state = ISR_RESTING;
        leading->isr_at_ms = now + REPLICA_ISR_RETRY_MS;
        return;
    }
}

void isr_answer(struct replica *replica, const struct replica_event *event,
                struct replica_actions *actions)
{
    if (replica->role != REPLICA_LEADER) {
        return;
    }
    struct replica_leading *leading = &replica->leading;
    bool current = leading->isr_state == ISR_ASKED && event->isr_answer.ask == leading->isr_ask;
    uint32_t bits;
    if (event->isr_answer.error != KAFKA_NONE) {
        if (current) {
            refused(replica, event->isr_answer.error, event->now);
        }
    } else if (event->isr_answer.leader_epoch != replica->view.leader_epoch ||
               !answered_bits(replica, event, &bits)) {
        if (current) {
            refused(replica, KAFKA_INVALID_UPDATE_VERSION, event->now);
        }
    } else if (event->isr_answer.partition_epoch > replica->view.partition_epoch || MUTANT(26)) {
        replica->view.partition_epoch = event->isr_answer.partition_epoch;
        replica->isr = bits;
        isr_settle(replica);
    } else if (current && event->isr_answer.partition_epoch == replica->view.partition_epoch) {
        PROBE(REPLICA_ISR_NOTHING_TO_CHANGE);
        isr_settle(replica); /* nothing to change: the set is what we know */
        leading->isr_at_ms = event->now + REPLICA_ISR_RETRY_MS;
    }
    leader_advance(replica, event->now, actions);
    isr_consider(replica, event->now, actions);
}
