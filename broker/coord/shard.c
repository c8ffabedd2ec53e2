/* A shard's monitor: steps of the core, answers that wait for the log, and the outbox. */
#include "broker/coord/coord_internal.h"

#include "common/base/mutant.h"

static time_ms now_ms(const struct coord_shard *shard)
{
    return clock_mono_us(shard->coords->config.host) / 1000;
}

enum kafka_error shard_closed_error(const struct coord_shard *shard)
{
    assert(shard->state != SHARD_ACTIVE);
    return shard->state == SHARD_IDLE || shard->state == SHARD_FOLLOWING
               ? KAFKA_NOT_COORDINATOR
               : KAFKA_COORDINATOR_LOAD_IN_PROGRESS;
}

void shard_enter(struct coord_shard *shard)
{
    lock_enter(shard->lock);
}

/* ---- answers ---- */

static bool keep(struct coord_call *call, struct slice *slice)
{
    return arena_copy(call->arena, *slice, slice);
}

static bool keep_members(struct coord_call *call)
{
    const struct group_join_answer *join = &call->group.join;
    uint32_t count = join->members_of->members.count, at = 0;
    call->members = arena_array(call->arena, count, sizeof(*call->members));
    if (call->members == NULL) {
        return false;
    }
    for (const struct group_member *m; (m = group_member_next(join->members_of, &at)) != NULL;) {
        struct coord_member *to = &call->members[call->member_count++];
        *to = (struct coord_member){m->id, m->instance_id,
                                    group_member_metadata(m, join->protocol)};
        if (!keep(call, &to->id) || !keep(call, &to->instance_id) || !keep(call, &to->metadata)) {
            return false;
        }
    }
    assert(call->member_count == count);
    return true;
}

static bool keep_consumer(struct coord_call *call)
{
    struct group_consumer_answer *consumer = &call->group.consumer;
    struct group_part *parts = arena_array(call->arena, consumer->part_count, sizeof(*parts));
    if (parts == NULL) {
        return false;
    }
    if (consumer->part_count > 0) {
        memcpy(parts, consumer->parts, consumer->part_count * sizeof(*parts));
    }
    consumer->parts = parts;
    return keep(call, &consumer->member_id);
}

/* What the answer points at lives in the core for this step only. */
static bool keep_answer(struct coord_call *call, enum group_event_kind kind)
{
    struct group_call *group = &call->group;
    if (kind == GROUP_SYNC) {
        return keep(call, &group->sync.protocol_type) && keep(call, &group->sync.protocol) &&
               keep(call, &group->sync.assignment);
    }
    if (kind == GROUP_CONSUMER_HEARTBEAT) {
        return group->error != KAFKA_NONE || keep_consumer(call);
    }
    if (kind != GROUP_JOIN) {
        return true;
    }
    return (group->join.members_of == NULL || keep_members(call)) &&
           keep(call, &group->join.protocol_type) && keep(call, &group->join.protocol) &&
           keep(call, &group->join.leader) && keep(call, &group->join.member_id);
}

static void tell(struct coord_shard *shard, struct coord_call *call)
{
    assert(call->state == CALL_CORE || call->state == CALL_DURABLE);
    call->state = CALL_TOLD;
    list_push(&shard->told, &call->node);
}

/* What the core had put into the answer is forgotten: it is, or may soon be, memory of a core that is gone. */
static void refuse(struct coord_call *call, enum kafka_error error)
{
    assert(error != KAFKA_NONE);
    call->group.error = error;
    call->member_count = 0;
    call->group.join = (struct group_join_answer){
        .generation = -1, .leader = slice_of("", 0), .member_id = slice_of("", 0)};
}

/* Behind those that wait for no later write. */
static void wait_durable(struct coord_shard *shard, struct coord_call *call)
{
    struct list_node *before = &shard->durables.head;
    while (before->prev != &shard->durables.head &&
           CONTAINER_OF(before->prev, struct coord_call, node)->group.after_write >
               call->group.after_write) {
        before = before->prev;
    }
    call->state = CALL_DURABLE;
    list_insert_before(before, &call->node);
}

bool shard_answer_after(struct coord_shard *shard, struct coord_call *call, uint64_t after_write)
{
    call->group.after_write = after_write;
    if (after_write <= shard->durable) {
        call->state = CALL_FREE;
        return true;
    }
    wait_durable(shard, call);
    return false;
}

static void take_answers(struct coord_shard *shard, struct group_actions *actions)
{
    for (struct list_node *node; (node = list_pop(&actions->answers)) != NULL;) {
        struct group_call *group = CONTAINER_OF(node, struct group_call, node);
        struct coord_call *call = CONTAINER_OF(group, struct coord_call, group);
        assert(call->state == CALL_CORE);
        if (!keep_answer(call, call->kind)) {
            refuse(call, KAFKA_COORDINATOR_NOT_AVAILABLE);
        }
        if (group->after_write > shard->durable && !MUTANT(81)) {
            wait_durable(shard, call);
        } else {
            tell(shard, call);
        }
    }
}

/* ---- writes ---- */

static struct coord_write *write_make(struct coord_shard *shard,
                                      const struct group_actions *actions)
{
    const struct coords_config *config = &shard->coords->config;
    const struct memory_source *source = memory_source(config->host);
    struct coord_write *write = NULL;
    struct buf out;
    buf_init(&out, &shard->heap, SHARD_HEAP_MAX);
    err_t err = records_encode(config->crc, actions->records, actions->record_count,
                               clock_wall_ms(config->host), &shard->heap, &out);
    if (err == OK) {
        write = source->take(source->ctx, sizeof(*write) + out.n);
    }
    if (write != NULL) {
        memset(write, 0, sizeof(*write));
        write->shard = shard;
        write->partition = shard->partition;
        write->load = shard->load;
        write->number = actions->write;
        write->gone = shard->told_gone;
        /* It may be in the drainer's hand while the leadership goes and comes back. */
        write->ticket.of_epoch = true;
        write->ticket.leader_epoch = shard->epoch;
        write->bytes = out.n;
        memcpy(write->batch, out.p, out.n);
        partition_hold(shard->partition);
    }
    buf_release(&out);
    return write;
}

static void write_free(struct coord_write *write)
{
    const struct memory_source *source = memory_source(write->shard->coords->config.host);
    partition_drop(write->partition);
    source->give(source->ctx, write, sizeof(*write) + write->bytes);
}

static void take_write(struct coord_shard *shard, const struct group_actions *actions)
{
    struct coord_write *write = write_make(shard, actions);
    if (write == NULL) {
        shard_drop(shard, SHARD_RESTING, KAFKA_COORDINATOR_NOT_AVAILABLE);
        return;
    }
    if (shard->pending++ == 0) {
        shard->progress_ms = now_ms(shard);
    }
    *shard->writes_end = write;
    shard->writes_end = &write->next;
}

/* What a client is told when the log did not take it: Kafka's mapping. */
static enum kafka_error lost_error(enum kafka_error error)
{
    return error == KAFKA_NOT_LEADER_OR_FOLLOWER || error == KAFKA_KAFKA_STORAGE_ERROR
               ? KAFKA_NOT_COORDINATOR
               : KAFKA_COORDINATOR_NOT_AVAILABLE;
}

/* Inside. What was made of it since goes with it: a log that has a write and not the one before says what never was. */
static void write_lost(struct coord_shard *shard, uint64_t load, enum kafka_error error)
{
    assert(error != KAFKA_NONE);
    if (shard->state == SHARD_ACTIVE && shard->load == load) {
        trace_log(shard->coords->config.trace, TRACE_WARN, TRACE_COORD,
                  GROUPS_TOPIC "-%d: a write was not committed (%s); the shard is loaded anew.",
                  shard->index, kafka_error_name((int16_t)error));
        PROBE(COORD_WRITE_LOST);
        shard_drop(shard, SHARD_RESTING, lost_error(error));
    }
}

/* Outside of the monitor. */
static void write_ended(struct coord_write *write)
{
    struct coord_shard *shard = write->shard;
    shard_enter(shard);
    if (write->ticket.error != KAFKA_NONE) {
        write_lost(shard, write->load, write->ticket.error);
    } else if (shard->state == SHARD_ACTIVE && shard->load == write->load) {
        assert(shard->pending > 0);
        shard->pending--;
        shard->progress_ms = now_ms(shard);
        bool newest = write->number > shard->durable;
        /* The log has them in the order in which the core made them. */
        assert(newest == (write->ticket.base_offset > shard->durable_offset));
        if (newest) {
            shard->durable = write->number;
            shard->durable_offset = write->ticket.base_offset;
            /* What this load tells may be read by the next one of the same leadership. */
            shard->wanted_gone = shard->wanted_gone > write->gone ? shard->wanted_gone
                                                                  : write->gone;
        }
        for (struct list_node *node; (node = list_first(&shard->durables)) != NULL;) {
            struct coord_call *call = CONTAINER_OF(node, struct coord_call, node);
            if (call->group.after_write > shard->durable) {
                break;
            }
            list_remove(node);
            tell(shard, call);
        }
    }
    shard_leave(shard);
    write_free(write);
}

static void on_written(struct mail *mail)
{
    struct produce_ticket *ticket = CONTAINER_OF(mail, struct produce_ticket, mail);
    write_ended(CONTAINER_OF(ticket, struct coord_write, ticket));
}

/* Outside of the monitor. What the log did not take: KAFKA_NONE if that is not known yet. */
static enum kafka_error write_send(struct coord_write *write)
{
    enum kafka_error error = KAFKA_NONE;
    write->ticket.mail.deliver = on_written;
    write->ticket.loop = write->shard->home;
    if (partition_produce(write->partition, &write->ticket, write->batch, write->bytes, -1)) {
        error = write->ticket.error;
        /* By mail all the same: the drainer is at work, and this may empty the shard. */
        loop_post(write->shard->home, &write->ticket.mail);
    }
    return error;
}

/* ---- the outbox ---- */

static struct coord_write *next_write(struct coord_shard *shard)
{
    bool swap = MUTANT(93) && shard->writes != NULL && shard->writes->next != NULL;
    struct coord_write **at = swap ? &shard->writes->next : &shard->writes;
    struct coord_write *write = *at;
    if (write != NULL) {
        *at = write->next;
        if (*at == NULL) {
            shard->writes_end = at;
        }
    }
    return write;
}

static struct coord_write *next_dropped(struct coord_shard *shard)
{
    struct coord_write *write = shard->dropped;
    shard->dropped = write == NULL ? NULL : write->next;
    return write;
}

/* One thing after the other, outside of the monitor; what is promised to the log goes first. One at a time does that, for what
 * was taken out first is to arrive first. */
static void drain(struct coord_shard *shard)
{
    assert(!shard->draining);
    shard->draining = true;
    for (;;) {
        struct coord_write *write = next_write(shard);
        struct coord_write *dropped = next_dropped(shard);
        struct coord_match *match = match_next(shard);
        struct partition *partition = shard->partition_dropped;
        struct list_node *node = write == NULL ? list_pop(&shard->told) : NULL;
        shard->partition_dropped = NULL;
        if (write == NULL && dropped == NULL && match == NULL && partition == NULL &&
            node == NULL) {
            shard->draining = false;
            return;
        }
        if (write != NULL) { /* the core counts those of a load from 1 */
            assert(write->number == (write->load == shard->sent_load ? shard->sent + 1 : 1));
            shard->sent_load = write->load;
            shard->sent = write->number;
        }
        uint64_t load = write == NULL ? 0 : write->load;
        enum kafka_error error = KAFKA_NONE;
        lock_leave(shard->lock);
        if (write != NULL) {
            error = write_send(write);
        }
        if (dropped != NULL) {
            write_free(dropped);
        }
        if (match != NULL) {
            match_send(match);
        }
        if (partition != NULL) {
            partition_drop(partition);
        }
        if (node != NULL) {
            struct coord_call *call = CONTAINER_OF(node, struct coord_call, node);
            loop_post(call->loop, &call->mail);
        }
        lock_enter(shard->lock);
        if (error != KAFKA_NONE) { /* the next one may be taken: not when its mail comes, but now */
            write_lost(shard, load, error);
        }
    }
}

static time_ms shard_deadline(const struct coord_shard *shard)
{
    if (shard->state != SHARD_ACTIVE) {
        return TIME_NEVER;
    }
    time_ms give_up = shard->pending == 0
                          ? TIME_NEVER
                          : shard->progress_ms + shard->coords->config.write_timeout_ms;
    return min_i64(group_deadline(&shard->core), give_up);
}

/* Inside. Whoever coordinates leads, under the epoch that was loaded for, or is about to be looked at. */
static bool coordinates_rightly(const struct coord_shard *shard)
{
    bool leads = shard->wanted && !shard->stopping && shard->epoch == shard->wanted_epoch;
    return shard->state != SHARD_ACTIVE || leads || shard->look_due || shard->look_posted;
}

void shard_leave(struct coord_shard *shard)
{
    if (!shard->draining || MUTANT(113)) {
        drain(shard);
    }
    assert(coordinates_rightly(shard));
    bool post = shard_deadline(shard) < shard->tick_at_ms && !shard->tick_posted;
    shard->tick_posted = shard->tick_posted || post;
    bool look = shard->look_due && !shard->look_posted;
    shard->look_posted = shard->look_posted || look;
    shard->look_due = shard->look_due && !look;
    lock_leave(shard->lock);
    if (post) {
        loop_post(shard->home, &shard->tick_mail);
    }
    if (look) {
        loop_post(shard->home, &shard->look_mail);
    }
}

/* ---- time: home loop ---- */

static void on_tick_mail(struct mail *mail)
{
    struct coord_shard *shard = CONTAINER_OF(mail, struct coord_shard, tick_mail);
    shard_enter(shard);
    shard->tick_posted = false;
    time_ms due = shard_deadline(shard);
    shard->tick_at_ms = due;
    lock_leave(shard->lock);
    if (due == TIME_NEVER) {
        timer_cancel(shard->home, &shard->tick);
    } else {
        timer_arm(shard->home, &shard->tick, due * 1000);
    }
}

static void on_tick(struct timer *timer)
{
    struct coord_shard *shard = CONTAINER_OF(timer, struct coord_shard, tick);
    shard_enter(shard);
    shard->tick_at_ms = TIME_NEVER;
    if (shard->state == SHARD_ACTIVE && shard->pending > 0 &&
        now_ms(shard) >= shard->progress_ms + shard->coords->config.write_timeout_ms) {
        trace_log(shard->coords->config.trace, TRACE_WARN, TRACE_COORD,
                  GROUPS_TOPIC "-%d: a write was not committed within %lld ms; the shard is loaded "
                               "anew when it is. Are enough replicas in sync?",
                  shard->index, (long long)shard->coords->config.write_timeout_ms);
        shard_drop(shard, SHARD_RESTING, KAFKA_COORDINATOR_NOT_AVAILABLE);
    }
    if (shard->state == SHARD_ACTIVE) {
        struct group_event event = {.kind = GROUP_TICK};
        shard_step(shard, &event);
    }
    shard_leave(shard);
}

void shard_look(struct coord_shard *shard)
{
    shard->look_due = true;
}

bool shard_step(struct coord_shard *shard, struct group_event *event)
{
    struct group_actions actions;
    assert(shard->state == SHARD_ACTIVE && shard->core_up);
    event->now = now_ms(shard);
    event->wall_ms = clock_wall_ms(shard->coords->config.host);
    event->topics_version = atomic_load(&shard->coords->topics_version);
    group_step(&shard->core, event, &actions);
    if (actions.broken) {
        trace_log(shard->coords->config.trace, TRACE_WARN, TRACE_COORD,
                  GROUPS_TOPIC "-%d: out of memory in the middle of a change (group '%.*s'); the "
                               "shard is loaded anew.",
                  shard->index, (int)event->who.group.n, (const char *)event->who.group.p);
        shard_drop(shard, SHARD_RESTING, KAFKA_COORDINATOR_NOT_AVAILABLE);
    } else if (actions.write != 0) {
        take_write(shard, &actions);
    }
    if (actions.match_count > 0 && shard->state == SHARD_ACTIVE) {
        match_take(shard, &actions, event->image);
    }
    if (shard->state == SHARD_ACTIVE) {
        take_answers(shard, &actions);
        return actions.more;
    }
    /* The write could not be made: whoever was answered in this step is told with all others. */
    for (struct list_node *node; (node = list_pop(&actions.answers)) != NULL;) {
        struct group_call *group = CONTAINER_OF(node, struct group_call, node);
        struct coord_call *call = CONTAINER_OF(group, struct coord_call, group);
        refuse(call, KAFKA_COORDINATOR_NOT_AVAILABLE);
        tell(shard, call);
    }
    return false;
}

/* ---- life ---- */

void shard_begin(struct coord_shard *shard, struct partition *partition,
                 const struct gone_topics *gone)
{
    struct group_event event = {.kind = GROUP_LOADED};
    assert(shard->state == SHARD_LOADING && shard->core_up && shard->partition == NULL);
    shard->state = SHARD_ACTIVE;
    shard->partition = partition;
    shard->durable = 0;
    shard->durable_offset = -1;
    shard->pending = 0;
    shard->told_gone = 0;
    partition_hold(partition);
    shard_step(shard, &event);
    if (shard->state == SHARD_ACTIVE) {
        gone_begin(shard, gone);
    }
}

static void drop_core(struct coord_shard *shard, enum kafka_error error)
{
    struct list waiting;
    list_init(&waiting);
    group_shard_release(&shard->core, &waiting);
    heap_release(&shard->heap);
    shard->core_up = false;
    for (struct list_node *node; (node = list_pop(&waiting)) != NULL;) {
        struct group_call *group = CONTAINER_OF(node, struct group_call, node);
        struct coord_call *call = CONTAINER_OF(group, struct coord_call, group);
        refuse(call, error);
        tell(shard, call);
    }
}

void shard_drop(struct coord_shard *shard, enum shard_state state, enum kafka_error error)
{
    assert(state != SHARD_ACTIVE && error != KAFKA_NONE);
    if (shard->core_up) {
        drop_core(shard, error);
    }
    for (struct list_node *node; (node = list_pop(&shard->durables)) != NULL;) {
        struct coord_call *call = CONTAINER_OF(node, struct coord_call, node);
        call->group.error = error;
        tell(shard, call);
    }
    /* Writes not sent yet were promised to nobody. */
    for (struct coord_write *write; (write = next_write(shard)) != NULL;) {
        write->next = shard->dropped;
        shard->dropped = write;
    }
    if (shard->partition != NULL) {
        shard->partition_dropped = shard->partition;
        shard->partition = NULL;
    }
    shard->load++;
    shard->state = state;
    shard_look(shard);
}

err_t shard_open(struct coord_shard *shard, struct coords *coords, struct uuid topic, int32_t index)
{
    const struct coords_config *config = &coords->config;
    *shard = (struct coord_shard){
        .coords = coords,
        .index = index,
        .home = config->reactors[(uint32_t)index % config->reactor_count],
        .topic = topic,
        .wanted_epoch = -1,
        .epoch = -1,
        .tick_at_ms = TIME_NEVER,
        .look_mail = {.deliver = shard_on_look},
        .tick_mail = {.deliver = on_tick_mail},
        .tick = {.fire = on_tick},
        .again = {.fire = shard_on_again},
    };
    shard->writes_end = &shard->writes;
    list_init(&shard->durables);
    list_init(&shard->told);
    shard_memory_init(&shard->memory, coords);
    heap_init(&shard->decoder_heap, memory_source(config->host), SHARD_HEAP_MAX);
    decoder_init(&shard->decoder, &shard->decoder_heap);
    return lock_open(config->host, "shard", &shard->lock);
}

void shard_close(struct coord_shard *shard)
{
    assert(shard->state == SHARD_IDLE && !shard->core_up && shard->writes == NULL);
    assert(list_empty(&shard->told) && list_empty(&shard->durables));
    assert(!shard->loader.on && shard->memory.bytes == 0);
    decoder_release(&shard->decoder);
    heap_release(&shard->decoder_heap);
    lock_close(shard->lock);
}
