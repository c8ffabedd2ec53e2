/* Leading: appends, tickets and the high watermark. */
#include "broker/replica/replica_internal.h"

static bool is_other(const struct replica *replica, uint32_t member)
{
    return replica->view.members[member].id != replica->config.self_id;
}

void leader_begin(struct replica *replica, time_ms now, struct replica_actions *actions)
{
    struct replica_leading *leading = &replica->leading;
    assert(list_empty(&leading->waiters));
    bool changed = false;
    /* Before what may halt: who begins anew then has to remember these, and nothing that was asked by an earlier view. */
    leading->isr_state = ISR_SETTLED;
    leading->isr_proposed = 0;
    leading->isr_at_ms = 0;
    leading->isr_last = 0;
    isr_resume(replica, now);
    if (epoch_cache_latest(&replica->epochs) > replica->view.leader_epoch) {
        replica_halt(replica, actions);
        return;
    }
    /* The epoch is noted though it is empty yet: two elections without data between them must stay distinct. */
    if (!MUTANT(8) && !epoch_cache_assign(&replica->epochs, replica->view.leader_epoch,
                                          replica->log_end, &changed)) {
        replica_halt(replica, actions);
        return;
    }
    if (changed) {
        action_add(actions, REPLICA_EPOCHS_CHANGED);
    }
    leading->epoch_start = replica->log_end;
    leading->lag_at_ms = TIME_NEVER;
    leading->news_at_ms = TIME_NEVER;
    leading->news_due = false;
    for (uint32_t i = 0; i < REPLICAS_MAX; i++) {
        /* Fetches of earlier epochs prove nothing now; who is in sync has a full lag time to show up. */
        bool in_sync = i < replica->view.member_count && (replica->isr & member_bit(i));
        struct replica_progress *progress = &leading->progress[i];
        if (MUTANT(12) && progress->end > 0) {
            continue;
        }
        *progress = PROGRESS_UNKNOWN;
        progress->caught_up_ms = in_sync ? now : TIME_LONG_AGO;
    }
}

void leader_fail_waiters(struct replica *replica, enum kafka_error error)
{
    struct list_node *node;
    while ((node = list_pop(&replica->leading.waiters)) != NULL) {
        PROBE(REPLICA_WAITER_FAILED);
        CONTAINER_OF(node, struct waiter, node)->error = error;
        list_push(&replica->done, node);
    }
    assert(list_empty(&replica->leading.waiters));
}

/* The high watermark as the in-sync logs allow it: min over the maximal ISR and over those about to join (KIP-966). */
static int64_t allowed_high_watermark(const struct replica *replica, time_ms now)
{
    uint32_t maximal = isr_maximal(replica);
    int64_t allowed = replica->log_end;
    for (uint32_t i = 0; i < replica->view.member_count; i++) {
        int64_t counted = member_counted_end(replica, i);
        bool joining = counted != NO_OFFSET && replica->view.members[i].eligible &&
                       member_caught_up(replica, i, now);
        if ((maximal & member_bit(i)) || (joining && !MUTANT(10))) {
            allowed = min_i64(allowed, counted);
        }
    }
    return allowed;
}

/* Reckons when the next follower has been behind for too long: then the ISR shrinks, or nobody waits for it any more. */
static void reckon_lag(struct replica *replica, time_ms now)
{
    struct replica_leading *leading = &replica->leading;
    leading->lag_at_ms = TIME_NEVER;
    for (uint32_t i = 0; i < replica->view.member_count; i++) {
        const struct replica_progress *progress = &leading->progress[i];
        if (!is_other(replica, i) || member_counted_end(replica, i) >= replica->log_end) {
            continue;
        }
        bool long_ago = progress->caught_up_ms == TIME_LONG_AGO;
        time_ms at = long_ago ? now : progress->caught_up_ms + replica->view.lag_time_max_ms + 1;
        bool to_leave = (replica->isr & member_bit(i)) && leading->isr_state == ISR_SETTLED &&
                        leading->isr_at_ms <= now;
        if (at > now || to_leave) {
            leading->lag_at_ms = min_i64(leading->lag_at_ms, at);
        }
    }
}

static void judge_waiters(struct replica *replica)
{
    struct list *waiters = &replica->leading.waiters;
    struct list_node *node;
    while ((node = list_first(waiters)) != NULL) {
        struct waiter *waiter = CONTAINER_OF(node, struct waiter, node);
        if (waiter->end > replica->high_watermark) {
            break;
        }
        list_remove(node);
        waiter->error = KAFKA_NONE;
        list_push(&replica->done, node);
    }
    if (member_count(replica->isr) < (uint32_t)replica->view.min_isr) {
        leader_fail_waiters(replica, KAFKA_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    }
}

void leader_advance(struct replica *replica, time_ms now, struct replica_actions *actions)
{
    assert(replica->role == REPLICA_LEADER);
    bool enough = member_count(replica->isr) >= (uint32_t)replica->view.min_isr || MUTANT(11);
    if (!enough) {
        PROBE(REPLICA_BELOW_MIN_ISR);
    }
    int64_t allowed = enough ? allowed_high_watermark(replica, now) : NO_OFFSET;
    if (allowed > replica->high_watermark) {
        assert(allowed <= replica->log_end);
        replica->high_watermark = allowed;
        replica->leading.news_at_ms = replica->view.member_count > 1 ? now + REPLICA_NEWS_DELAY_MS
                                                                     : TIME_NEVER;
        replica->leading.news_due = false;
        if (!MUTANT(17)) {
            action_add(actions, REPLICA_WAKE_CONSUMERS);
        }
    }
    judge_waiters(replica);
    reckon_lag(replica, now);
}

static void progress_update(struct replica *replica, uint32_t member,
                            const struct replica_event *event, struct replica_actions *actions)
{
    const struct replica_follower_fetch *fetch = &event->follower_fetch;
    struct replica_progress *progress = &replica->leading.progress[member];
    assert(fetch->fetch_offset <= replica->log_end);
    bool same = progress->broker_epoch == fetch->broker_epoch;
    bool again = progress->end != NO_OFFSET && same;
    progress->best_end = max_i64(same ? progress->best_end : 0, fetch->fetch_offset);
    progress->end = fetch->fetch_offset;
    progress->durable = fetch->durable_offset < 0 ? NO_OFFSET : fetch->durable_offset;
    progress->broker_epoch = fetch->broker_epoch;
    progress->known_high_watermark = fetch->high_watermark;
    /* Who waits for records to be gone everywhere looks again. */
    if (fetch->log_start != progress->log_start && replica->log_start > 0) {
        action_add(actions, REPLICA_WAKE_CONSUMERS);
    }
    progress->log_start = fetch->log_start;
    int64_t counted = member_counted_end(replica, member);
    if (counted >= replica->log_end) {
        progress->caught_up_ms = event->now;
    } else if (again && counted < progress->mark_end) {
        return;
    } else if (again) {
        progress->caught_up_ms = max_i64(progress->caught_up_ms, progress->mark_ms);
    }
    progress->mark_end = replica->log_end;
    progress->mark_ms = event->now;
}

/* A fetch of an older incarnation, or from who is no replica: its sender is told to look at the metadata again. */
static enum kafka_error fetch_allowed(const struct replica *replica,
                                      const struct replica_follower_fetch *fetch)
{
    enum kafka_error error = replica_check_leader(replica, fetch->current_leader_epoch);
    if (error != KAFKA_NONE) {
        return error;
    }
    uint32_t member = view_member(&replica->view, fetch->replica_id);
    if (member == NO_MEMBER || fetch->replica_id == replica->config.self_id ||
        fetch->current_leader_epoch < 0) {
        return KAFKA_NOT_LEADER_OR_FOLLOWER;
    }
    bool stale = fetch->broker_epoch < replica->view.members[member].broker_epoch ||
                 fetch->broker_epoch < replica->leading.progress[member].broker_epoch;
    if (stale) {
        PROBE(REPLICA_FETCH_OF_OLD_INCARNATION);
    }
    return stale && !MUTANT(22) && !old_version(fetch->broker_epoch) ? KAFKA_NOT_LEADER_OR_FOLLOWER
                                                                     : KAFKA_NONE;
}

void leader_follower_fetch(struct replica *replica, const struct replica_event *event,
                           struct replica_actions *actions)
{
    const struct replica_follower_fetch *fetch = &event->follower_fetch;
    struct replica_read_request request = {
        .replica_id = fetch->replica_id,
        .current_leader_epoch = fetch->current_leader_epoch,
        .fetch_offset = fetch->fetch_offset,
        .last_fetched_epoch = fetch->last_fetched_epoch,
        .high_watermark = fetch->high_watermark,
        .log_start = fetch->log_start,
    };
    assert(fetch->replica_id >= 0);
    action_add(actions, REPLICA_READ);
    struct replica_read *read = &actions->read;
    enum kafka_error error = fetch_allowed(replica, fetch);
    if (error == KAFKA_NONE) {
        error = replica_read(replica, &request, read);
    }
    if (error == KAFKA_NONE && fetch->asks_producers && !replica->producers_ready) {
        error = KAFKA_NOT_LEADER_OR_FOLLOWER; /* not known here either yet */
    }
    if (error == KAFKA_NONE && fetch->asks_producers) {
        read->at_once = true; /* it does not count: who leads must know who wrote what */
    } else if (error == KAFKA_NONE && read->diverging_epoch == NO_EPOCH) {
        progress_update(replica, view_member(&replica->view, fetch->replica_id), event, actions);
        leader_advance(replica, event->now, actions);
        isr_consider(replica, event->now, actions);
        error = replica_read(replica, &request, read); /* the high watermark may have moved */
        assert(error == KAFKA_NONE);
    }
    if (error != KAFKA_NONE) {
        *read = (struct replica_read){
            .error = error,
            .at_once = true,
            .diverging_epoch = NO_EPOCH,
            .diverging_end = NO_OFFSET,
            .end = NO_OFFSET,
            .high_watermark = NO_OFFSET,
            .last_stable_offset = NO_OFFSET,
            .log_start = error == KAFKA_OFFSET_OUT_OF_RANGE ? replica->log_start : NO_OFFSET};
    }
}

/* Followers that fetch anyway learn the high watermark with the records; those that idle are told when it rests. */
static void tell_news(struct replica *replica, struct replica_actions *actions)
{
    struct replica_leading *leading = &replica->leading;
    leading->news_at_ms = TIME_NEVER;
    leading->news_due = true;
    for (uint32_t i = 0; i < replica->view.member_count; i++) {
        if (is_other(replica, i) &&
            leading->progress[i].known_high_watermark < replica->high_watermark) {
            action_add(actions, REPLICA_WAKE_FOLLOWERS);
            return;
        }
    }
}

void leader_tick(struct replica *replica, time_ms now, struct replica_actions *actions)
{
    assert(replica->role == REPLICA_LEADER);
    if (now >= replica->leading.news_at_ms) {
        tell_news(replica, actions);
    }
    leader_advance(replica, now, actions);
    isr_consider(replica, now, actions);
}

time_ms leader_deadline(const struct replica *replica)
{
    const struct replica_leading *leading = &replica->leading;
    time_ms at = min_i64(leading->lag_at_ms, leading->news_at_ms);
    bool isr_waits = leading->isr_at_ms != 0 && leading->isr_state != ISR_ASKED;
    return isr_waits ? min_i64(at, leading->isr_at_ms) : at;
}
