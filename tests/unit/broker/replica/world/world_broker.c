/* A broker: the shell of one core, with a log in memory whose unsynced end a crash may take. */
#include "tests/unit/broker/replica/world/world.h"

#define FETCH_TIMEOUT_MS 60
#define PARK_MS          40

static struct message *own(struct world *w, struct broker *b, enum message_kind kind)
{
    struct message *m = world_message(w, kind, b->id, b->id);
    m->incarnation = b->incarnation;
    return m;
}

uint64_t broker_value_at(const struct broker *b, int64_t offset)
{
    uint32_t low = b->log_first;
    uint32_t high = b->log_count;
    while (low < high) { /* the batch that holds the offset */
        uint32_t middle = low + (high - low) / 2;
        if (receipt_last_offset(&b->log[middle].receipt) < offset) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low < b->log_count && b->log[low].receipt.base_offset <= offset ? b->log[low].value : 0;
}

static void log_append(struct world *w, struct broker *b, const struct stored *batch)
{
    if (b->log_count == LOG_BATCHES_MAX || batch->receipt.base_offset < b->log_end) {
        world_wrong(w, "broker %d: a batch at %ld does not fit behind %ld", b->id,
                    (long)batch->receipt.base_offset, (long)b->log_end);
        return;
    }
    b->log[b->log_count++] = *batch;
    if (batch->receipt.producer_id >= 0) {
        b->wrote_ms[batch->receipt.producer_id - 1000] = w->now;
    }
    b->log_end = receipt_last_offset(&batch->receipt) + 1;
}

static void log_cut(struct broker *b, int64_t to)
{
    while (b->log_count > b->log_first &&
           receipt_last_offset(&b->log[b->log_count - 1].receipt) >= to) {
        b->log_count--;
    }
    b->log_end = to;
    b->synced_end = min_i64(b->synced_end, to);
    b->checked_to = min_i64(b->checked_to, to);
}

static void log_restart(struct broker *b, int64_t at, int64_t log_start)
{
    b->log_count = 0;
    b->log_first = 0;
    b->log_end = at;
    b->log_start = log_start;
    b->synced_end = at;
    b->checked_to = log_start;
}

static void log_set_start(struct broker *b, int64_t to)
{
    b->log_start = max_i64(b->log_start, to);
    while (b->log_first < b->log_count &&
           receipt_last_offset(&b->log[b->log_first].receipt) < b->log_start) {
        b->log_first++;
    }
    b->checked_to = max_i64(b->checked_to, b->log_start);
}

static void replay(struct world *w, struct broker *b)
{
    for (uint32_t i = b->log_first; i < b->log_count; i++) {
        struct replica_event event = {.kind = REPLICA_REPLAY, .replay = b->log[i].receipt};
        broker_step(w, b, &event, NULL);
    }
    struct replica_event loaded = {.kind = REPLICA_LOADED};
    broker_step(w, b, &loaded, NULL);
}

void broker_boot(struct world *w, struct broker *b)
{
    if (b->up) {
        return;
    }
    b->up = true;
    b->incarnation++;
    b->view_version = 0;
    b->fetch_open = false;
    b->tick_at = TIME_NEVER;
    b->checked_to = b->log_start;
    for (int i = 0; i < CLIENTS; i++) {
        b->wrote_ms[i] = w->now;
    }
    memset(b->parked, 0, sizeof(b->parked));
    world_trace(w, "broker %d boots with [%ld, %ld)", b->id, (long)b->log_start, (long)b->log_end);
    heap_init(&b->heap, &w->source, 64 << 20);
    replica_init(&b->core,
                 &(struct replica_config){.self_id = b->id, .producer_expiration_ms = 1 << 30},
                 &b->heap);
    b->synced_end = b->log_end; /* what was recovered is fsynced before it is told */
    struct replica_event load = {.kind = REPLICA_LOAD};
    load.load.log_start = b->log_start;
    load.load.log_end = b->log_end;
    load.load.high_watermark = b->high_watermark_hint;
    load.load.epochs = b->epochs;
    load.load.epoch_count = b->epoch_count;
    broker_step(w, b, &load, NULL);
    replay(w, b);
    struct message *m = world_message(w, MESSAGE_REGISTER, b->id, CONTROLLER);
    m->number = b->incarnation;
    world_at(w, m, w->now + prng_between(&w->prng, 1, 10));
    m = world_message(w, MESSAGE_ASSIGN, b->id, CONTROLLER);
    m->number = b->incarnation;
    world_at(w, m, w->now + prng_between(&w->prng, 11, 80));
}

void broker_crash(struct world *w, struct broker *b, bool lose_unsynced, bool wipe)
{
    assert(b->up);
    replica_release(&b->core);
    heap_release(&b->heap);
    b->up = false;
    b->paused_until = 0;
    if (wipe) {
        log_restart(b, 0, 0);
        b->epoch_count = 0;
        b->high_watermark_hint = 0;
    } else if (lose_unsynced) {
        while (b->log_count > b->log_first &&
               receipt_last_offset(&b->log[b->log_count - 1].receipt) >= b->synced_end &&
               prng_chance(&w->prng, 800)) {
            log_cut(b, b->log[b->log_count - 1].receipt.base_offset);
        }
    }
    if (b->log_end < b->log_start) { /* all that was left lies below the start */
        log_restart(b, b->log_start, b->log_start);
    }
    world_trace(w, "broker %d crashes%s, left [%ld, %ld)", b->id,
                wipe            ? ", wiped"
                : lose_unsynced ? ", power"
                                : "",
                (long)b->log_start, (long)b->log_end);
    struct message *m = world_message(w, MESSAGE_FENCE, CONTROLLER, CONTROLLER);
    m->number64 = b->id;
    m->number = b->incarnation;
    world_at(w, m, w->now + prng_between(&w->prng, 1, 100));
}

static void fetch_send(struct world *w, struct broker *b)
{
    struct replica_fetch_plan plan;
    if (!replica_fetch_plan(&b->core, &plan)) {
        return;
    }
    struct message *m = world_message(w, MESSAGE_FETCH, b->id, plan.leader);
    m->fetch = (struct replica_follower_fetch){.replica_id = b->id,
                                               .broker_epoch = plan.broker_epoch,
                                               .current_leader_epoch = plan.leader_epoch,
                                               .fetch_offset = plan.fetch_offset,
                                               .last_fetched_epoch = plan.last_fetched_epoch,
                                               .durable_offset = plan.durable_offset,
                                               .high_watermark = plan.high_watermark,
                                               .log_start = plan.log_start,
                                               .asks_producers = plan.producers_below >= 0};
    b->fetch_number = ++w->number;
    m->number = b->fetch_number;
    b->fetch_open = true;
    world_send(w, m);
    struct message *timer = own(w, b, MESSAGE_FETCH_TIMER);
    timer->number = b->fetch_number;
    world_at(w, timer, w->now + FETCH_TIMEOUT_MS);
}

static void fetch_later(struct world *w, struct broker *b, time_ms after)
{
    struct message *timer = own(w, b, MESSAGE_FETCH_TIMER);
    timer->number = b->fetch_number;
    world_at(w, timer, w->now + after);
}

/* The answer to a follower: what the core's verdict says, and records from the log. */
static void fetch_answer(struct world *w, struct broker *b, int follower, uint64_t number,
                         const struct replica_read_request *request,
                         const struct replica_read *read)
{
    struct message *m = world_message(w, MESSAGE_FETCH_ANSWER, b->id, follower);
    m->number = number;
    m->answer.fetched = (struct replica_fetched){
        .leader_epoch = request->current_leader_epoch,
        .fetch_offset = request->fetch_offset,
        .last_fetched_epoch = request->last_fetched_epoch,
        .error = read->error,
        .high_watermark = read->high_watermark,
        .log_start_offset = read->log_start,
        .diverging_epoch = read->diverging_epoch,
        .diverging_end = read->diverging_end,
        .producers_asked = true}; /* and not told: as by a leader of an older version */
    if (read->error == KAFKA_NONE && read->diverging_epoch == NO_EPOCH) {
        uint32_t most = (uint32_t)prng_between(&w->prng, 1, FETCH_BATCHES_MAX);
        uint32_t i = b->log_count;
        while (i > b->log_first &&
               receipt_last_offset(&b->log[i - 1].receipt) >= request->fetch_offset) {
            i--;
        }
        for (; i < b->log_count && m->answer.fetched.receipt_count < most; i++) {
            if (receipt_last_offset(&b->log[i].receipt) < read->end) {
                m->answer.batches[m->answer.fetched.receipt_count++] = b->log[i];
            }
        }
    }
    world_send(w, m);
}

static void judge_parked(struct world *w, struct broker *b, bool time_over)
{
    for (int i = 1; i <= BROKERS; i++) {
        struct parked *parked = &b->parked[i];
        if (!parked->used) {
            continue;
        }
        struct replica_read read;
        enum kafka_error error = replica_read(&b->core, &parked->request, &read);
        bool data = error == KAFKA_NONE && read.end > parked->request.fetch_offset;
        if (read.at_once || data || (time_over && w->now >= parked->deadline)) {
            parked->used = false;
            fetch_answer(w, b, i, parked->number, &parked->request, &read);
        }
    }
}

static void on_read(struct world *w, struct broker *b, const struct message *cause,
                    const struct replica_read *read)
{
    const struct replica_follower_fetch *fetch = &cause->fetch;
    struct replica_read_request request = {.replica_id = fetch->replica_id,
                                           .current_leader_epoch = fetch->current_leader_epoch,
                                           .fetch_offset = fetch->fetch_offset,
                                           .last_fetched_epoch = fetch->last_fetched_epoch,
                                           .high_watermark = fetch->high_watermark,
                                           .log_start = fetch->log_start};
    if (read->at_once || read->end > fetch->fetch_offset) {
        fetch_answer(w, b, cause->from, cause->number, &request, read);
        return;
    }
    b->parked[cause->from] = (struct parked){
        .used = true, .request = request, .number = cause->number, .deadline = w->now + PARK_MS};
    world_at(w, own(w, b, MESSAGE_PARK_TIMER), w->now + PARK_MS);
}

static void on_write(struct world *w, struct broker *b, const struct replica_action *action,
                     const struct message *cause)
{
    struct stored batch = {.receipt = cause->produce.receipt, .value = cause->produce.value};
    batch.receipt.base_offset = action->write.base_offset;
    batch.receipt.leader_epoch = action->write.leader_epoch;
    log_append(w, b, &batch);
}

static void on_ack(struct world *w, struct broker *b, const struct replica_action *action)
{
    const struct ticket *ticket = &w->tickets[action->ack.ticket];
    assert(action->ack.ticket > 0 && action->ack.ticket <= w->ticket_count);
    if (action->ack.error == KAFKA_NONE && ticket->acks == -1) {
        w->duplicates += action->ack.duplicate;
        judge_broker(w, b);
        judge_ack(w, b, ticket, action);
    }
    struct message *m = world_message(w, MESSAGE_PRODUCE_ANSWER, b->id,
                                      w->clients[ticket->client].place);
    m->number = ticket->number;
    m->told.error = action->ack.error;
    m->told.value = ticket->value;
    world_send(w, m);
}

static void on_ask(struct world *w, struct broker *b, const struct replica_isr_ask *ask)
{
    struct message *m = world_message(w, MESSAGE_ISR_ASK, b->id, CONTROLLER);
    m->number = b->incarnation;
    m->ask = *ask;
    world_send(w, m);
    struct message *lost = own(w, b, MESSAGE_ISR_ANSWER);
    lost->isr_answer.kind = REPLICA_ISR_ANSWER;
    lost->isr_answer.isr_answer.ask = ask->number;
    lost->isr_answer.isr_answer.error = KAFKA_REQUEST_TIMED_OUT;
    world_at(w, lost, w->now + 60);
}

static void on_sync(struct world *w, struct broker *b, const struct replica_action *action)
{
    struct message *m = own(w, b, MESSAGE_SYNCED);
    m->synced.end = action->sync.end;
    m->synced.cut = action->sync.cut;
    world_at(w, m, w->now + prng_between(&w->prng, 1, prng_chance(&w->prng, 50) ? 80 : 6));
}

static void save_epochs(struct broker *b)
{
    uint32_t count;
    const struct epoch_entry *entries = replica_epochs(&b->core, &count);
    assert(count <= EPOCHS_SAVED_MAX);
    if (count > 0) {
        memcpy(b->epochs, entries, count * sizeof(*entries));
    }
    b->epoch_count = count;
}

static bool carry_out_log(struct world *w, struct broker *b, const struct replica_action *action,
                          const struct message *cause)
{
    switch (action->kind) {
    case REPLICA_WRITE: on_write(w, b, action, cause); return true;
    case REPLICA_APPEND:
        for (uint32_t i = 0; i < action->append_count; i++) {
            log_append(w, b, &cause->answer.batches[i]);
        }
        return true;
    case REPLICA_TRUNCATE:
        world_trace(w, "broker %d truncates to %ld", b->id, (long)action->truncate_to);
        w->truncations++;
        log_cut(b, action->truncate_to);
        return true;
    case REPLICA_RESTART:
        world_trace(w, "broker %d restarts at %ld", b->id, (long)action->restart.at);
        log_restart(b, action->restart.at, action->restart.log_start);
        return true;
    case REPLICA_SET_LOG_START: log_set_start(b, action->set_log_start); return true;
    case REPLICA_EPOCHS_CHANGED: save_epochs(b); return true;
    default: return false;
    }
}

static void carry_out(struct world *w, struct broker *b, const struct replica_action *action,
                      const struct replica_actions *out, const struct message *cause)
{
    if (carry_out_log(w, b, action, cause)) {
        return;
    }
    switch (action->kind) {
    case REPLICA_ACK: on_ack(w, b, action); return;
    case REPLICA_SYNC: on_sync(w, b, action); return;
    case REPLICA_REBUILD:
        w->rebuilds++;
        world_at(w, own(w, b, MESSAGE_REBUILT), w->now + prng_between(&w->prng, 0, 20));
        return;
    case REPLICA_ASK_ISR: on_ask(w, b, &out->ask); return;
    case REPLICA_READ: on_read(w, b, cause, &out->read); return;
    case REPLICA_FETCH:
        if (!b->fetch_open || action->fetch.urgent) {
            fetch_send(w, b);
        }
        return;
    case REPLICA_WAKE_FOLLOWERS: judge_parked(w, b, false); return;
    case REPLICA_BAD_FETCH:
        b->fetch_open = true; /* resting */
        fetch_later(w, b, 5);
        return;
    case REPLICA_HALT: world_wrong(w, "broker %d halts", b->id); return;
    default: assert(action->kind == REPLICA_WAKE_CONSUMERS);
    }
}

void broker_step(struct world *w, struct broker *b, struct replica_event *event,
                 const struct message *cause)
{
    struct replica_event more = {.kind = REPLICA_MORE};
    struct replica_actions out;
    do {
        event->now = w->now;
        replica_step(&b->core, event, &out);
        if (!w->unchecked) {
            replica_check(&b->core);
        }
        for (uint32_t i = 0; i < out.count; i++) {
            carry_out(w, b, &out.list[i], &out, cause);
        }
        event = &more;
        w->steps++;
    } while (out.more);
    judge_broker(w, b);
    if (prng_chance(&w->prng, 50)) {
        b->high_watermark_hint = b->core.high_watermark;
    }
    time_ms deadline = replica_deadline(&b->core);
    if (deadline < b->tick_at) {
        b->tick_at = deadline;
        world_at(w, own(w, b, MESSAGE_TICK), deadline);
    }
}

void broker_delete_records(struct world *w, struct broker *b, int64_t to)
{
    struct replica_event event = {.kind = REPLICA_LOG_START, .log_start = to};
    log_set_start(b, to);
    w->started_end = max_i64(w->started_end, to);
    broker_step(w, b, &event, NULL);
}

/* The shell asks for none of these; a core that is told of an earlier leader epoch all the same does nothing. */
static void old_view(struct world *w, struct broker *b, struct replica_event *event)
{
    struct replica_actions out;
    if (event->view->leader_epoch < b->core.view.leader_epoch) {
        replica_step(&b->core, event, &out);
        replica_check(&b->core);
        if (out.count > 0 || out.more) {
            world_wrong(w, "broker %d does something about an old view", b->id);
        }
    }
}

static void on_view(struct world *w, struct broker *b, const struct message *m)
{
    struct replica_event event = {.kind = REPLICA_VIEW, .view = &m->view.view, .now = w->now};
    if (m->view.version <= b->view_version) {
        old_view(w, b, &event);
        return;
    }
    b->view_version = m->view.version;
    if (m->view.view.leader_epoch != b->core.view.leader_epoch) {
        b->fetch_open = false;
        world_trace(w, "broker %d sees leader %d epoch %d", b->id, m->view.view.leader,
                    m->view.view.leader_epoch);
    }
    broker_step(w, b, &event, m);
}

static void on_fetch_answer(struct world *w, struct broker *b, const struct message *m)
{
    struct batch_receipt receipts[FETCH_BATCHES_MAX];
    struct replica_event event = {.kind = REPLICA_FETCHED, .fetched = m->answer.fetched};
    for (uint32_t i = 0; i < m->answer.fetched.receipt_count; i++) {
        receipts[i] = m->answer.batches[i].receipt;
    }
    event.fetched.receipts = receipts;
    if (m->number == b->fetch_number) {
        b->fetch_open = false;
    }
    broker_step(w, b, &event, m);
    if (!b->fetch_open) {
        fetch_send(w, b);
    }
}

static void on_produce(struct world *w, struct broker *b, const struct message *m)
{
    if (w->ticket_count + 1 >= TICKETS_MAX) {
        world_wrong(w, "too many tickets for the test");
        return;
    }
    const struct batch_receipt *receipt = &m->produce.receipt;
    struct ticket *ticket = &w->tickets[++w->ticket_count];
    *ticket = (struct ticket){.client = m->from - 1 - BROKERS,
                              .value = m->produce.value,
                              .number = m->number,
                              .producer_id = receipt->producer_id,
                              .producer_epoch = receipt->producer_epoch,
                              .acks = m->produce.acks,
                              .sequence = receipt->base_sequence,
                              .records = receipt->record_count};
    struct replica_event event = {.kind = REPLICA_PRODUCE};
    event.produce.ticket = w->ticket_count;
    event.produce.acks = m->produce.acks;
    event.produce.receipt = *receipt;
    broker_step(w, b, &event, m);
}

static void on_synced(struct world *w, struct broker *b, const struct message *m)
{
    if (m->synced.cut == b->core.cut) {
        b->synced_end = max_i64(b->synced_end, m->synced.end);
    }
    struct replica_event event = {.kind = REPLICA_DURABLE};
    event.durable.end = m->synced.end;
    event.durable.cut = m->synced.cut;
    broker_step(w, b, &event, m);
}

static void on_fetch(struct world *w, struct broker *b, const struct message *m)
{
    struct replica_event event = {.kind = REPLICA_FOLLOWER_FETCH, .follower_fetch = m->fetch};
    broker_step(w, b, &event, m);
}

static void on_timer(struct world *w, struct broker *b, const struct message *m)
{
    struct replica_event event = {.kind = REPLICA_TICK};
    switch (m->kind) {
    case MESSAGE_TICK:
        b->tick_at = TIME_NEVER;
        broker_step(w, b, &event, m);
        return;
    case MESSAGE_PARK_TIMER: judge_parked(w, b, true); return;
    case MESSAGE_REBUILT:
        if (!b->core.producers_ready) {
            replay(w, b);
        }
        return;
    default:
        assert(m->kind == MESSAGE_FETCH_TIMER);
        if (m->number == b->fetch_number) {
            fetch_send(w, b);
        }
    }
}

void broker_message(struct world *w, struct broker *b, const struct message *m)
{
    if (m->kind == MESSAGE_BOOT) {
        broker_boot(w, b);
        return;
    }
    if (!b->up || (m->incarnation != 0 && m->incarnation != b->incarnation)) {
        return;
    }
    if (b->paused_until > w->now) {
        world_again(w, m, b->paused_until);
        return;
    }
    switch (m->kind) {
    case MESSAGE_VIEW: on_view(w, b, m); return;
    case MESSAGE_FETCH: on_fetch(w, b, m); return;
    case MESSAGE_FETCH_ANSWER: on_fetch_answer(w, b, m); return;
    case MESSAGE_ISR_ANSWER: {
        struct replica_event event = m->isr_answer;
        broker_step(w, b, &event, m);
        return;
    }
    case MESSAGE_PRODUCE: on_produce(w, b, m); return;
    case MESSAGE_SYNCED: on_synced(w, b, m); return;
    default: on_timer(w, b, m);
    }
}
