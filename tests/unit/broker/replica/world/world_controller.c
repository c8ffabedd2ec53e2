/* The model controller: one state, changed at once; what brokers hear of it comes late. */
#include "tests/unit/broker/replica/world/world.h"

#define MEMBER(id) ((id)-1)

static bool eligible(const struct controller *c, int broker)
{
    return !c->fenced[broker] && c->broker_epochs[broker] >= 0;
}

bool controller_in_isr(const struct world *w, int broker)
{
    for (uint32_t i = 0; i < w->controller.view.isr_count; i++) {
        if (w->controller.view.isr[i] == broker) {
            return true;
        }
    }
    return false;
}

static void tell(struct world *w, int broker)
{
    struct controller *c = &w->controller;
    if (!w->brokers[broker].up || c->broker_epochs[broker] < 0) {
        return;
    }
    struct message *m = world_message(w, MESSAGE_VIEW, CONTROLLER, broker);
    m->incarnation = w->brokers[broker].incarnation;
    m->view.view = c->view;
    m->view.version = c->version;
    /* An incarnation that has not registered yet sees the image of those before it. */
    bool own = c->incarnations[broker] == w->brokers[broker].incarnation;
    m->view.view.self_broker_epoch = own ? c->broker_epochs[broker] : -1;
    world_at(w, m,
             max_i64(w->now + world_delay(w),
                     w->cut_until[CONTROLLER][broker] + 1)); /* the tail loses nothing */
}

static void publish(struct world *w)
{
    struct controller *c = &w->controller;
    for (int i = 1; i <= BROKERS; i++) {
        c->view.members[MEMBER(i)].broker_epoch = c->broker_epochs[i];
        c->view.members[MEMBER(i)].eligible = eligible(c, i);
        c->view.members[MEMBER(i)].unplaced = !c->placed[i];
    }
    c->version++;
    world_trace(w, "controller: leader %d epoch %d/%d isr %u [%d %d %d]", c->view.leader,
                c->view.leader_epoch, c->view.partition_epoch, c->view.isr_count, c->view.isr[0],
                c->view.isr[1], c->view.isr[2]);
    for (int i = 1; i <= BROKERS; i++) {
        tell(w, i);
    }
}

static void isr_remove(struct controller *c, int broker)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < c->view.isr_count; i++) {
        if (c->view.isr[i] != broker) {
            c->view.isr[kept++] = c->view.isr[i];
        }
    }
    c->view.isr_count = kept;
}

/* Somebody of the in-sync set, or nobody. */
static int candidate(const struct world *w, int not_this)
{
    const struct controller *c = &w->controller;
    for (uint32_t i = 0; i < c->view.isr_count; i++) {
        if (c->view.isr[i] != not_this && eligible(c, c->view.isr[i])) {
            return c->view.isr[i];
        }
    }
    return NO_BROKER;
}

static void elect(struct world *w, int leader)
{
    struct controller *c = &w->controller;
    c->view.leader = leader;
    c->view.leader_epoch++;
    c->view.partition_epoch++;
    w->max_elections++;
}

/* Fenced brokers leave the in-sync set, unless they are the last of it. */
static void leave(struct world *w, int broker)
{
    struct controller *c = &w->controller;
    if (controller_in_isr(w, broker) && c->view.isr_count > 1) {
        isr_remove(c, broker);
        c->view.partition_epoch++;
    }
    if (c->view.leader == broker) {
        elect(w, candidate(w, broker));
    }
}

static void fence(struct world *w, int broker)
{
    if (!w->controller.fenced[broker]) {
        world_trace(w, "controller fences %d", broker);
        w->controller.fenced[broker] = true;
        leave(w, broker);
        publish(w);
    }
}

static void unfence(struct world *w, int broker)
{
    struct controller *c = &w->controller;
    if (c->fenced[broker] && c->broker_epochs[broker] >= 0) {
        c->fenced[broker] = false;
        if (c->view.leader < 0 && controller_in_isr(w, broker)) {
            elect(w, broker);
        }
        publish(w);
    }
}

/* Its directory came back without what it held: the seat is not its any more. lost: what is made anew has no place yet. */
void controller_strip(struct world *w, int broker, bool lost)
{
    struct controller *c = &w->controller;
    world_trace(w, "controller strips %d", broker);
    c->placed[broker] = c->placed[broker] && !lost;
    c->fenced[broker] = true;
    leave(w, broker);
    if (controller_in_isr(w, broker)) {
        world_wrong(w, "the model lost its last member");
    }
    publish(w);
}

void controller_move_leader(struct world *w)
{
    struct controller *c = &w->controller;
    int next = candidate(w, c->view.leader);
    if (c->view.leader >= 0 && next != NO_BROKER) {
        elect(w, next);
        publish(w);
    }
}

/* A new incarnation takes the old one's place at once: every leadership that it held ends. */
static void registered(struct world *w, int broker)
{
    struct controller *c = &w->controller;
    c->broker_epochs[broker] = ++c->next_epoch;
    c->incarnations[broker] = w->brokers[broker].incarnation;
    c->asks[broker] = 0;
    if (c->view.leader == broker) {
        int next = candidate(w, broker);
        elect(w, next != NO_BROKER ? next : c->fenced[broker] ? NO_BROKER : broker);
    }
    c->fenced[broker] = false;
    if (c->view.leader < 0 && controller_in_isr(w, broker)) {
        elect(w, broker);
    }
    world_trace(w, "controller registers %d with epoch %ld", broker,
                (long)c->broker_epochs[broker]);
    publish(w);
}

static void assigned(struct world *w, int broker)
{
    struct controller *c = &w->controller;
    if (!c->placed[broker]) {
        world_trace(w, "controller knows the directory of %d", broker);
        c->placed[broker] = true;
        c->view.partition_epoch++;
        publish(w);
    }
}

static enum kafka_error alter_allowed(const struct world *w, const struct message *m)
{
    const struct controller *c = &w->controller;
    const struct replica_isr_ask *ask = &m->ask;
    bool has_leader = false;
    if (ask->leader_epoch > c->view.leader_epoch ||
        ask->partition_epoch > c->view.partition_epoch) {
        return KAFKA_NOT_CONTROLLER;
    }
    if (ask->leader_epoch < c->view.leader_epoch) {
        return KAFKA_FENCED_LEADER_EPOCH;
    }
    if (m->from != c->view.leader) {
        return KAFKA_INVALID_REQUEST;
    }
    if (ask->partition_epoch < c->view.partition_epoch) {
        return KAFKA_INVALID_UPDATE_VERSION;
    }
    for (uint32_t i = 0; i < ask->count; i++) {
        int id = ask->isr[i].id;
        has_leader = has_leader || id == m->from;
        if (id < 1 || id > BROKERS) {
            return KAFKA_INVALID_REQUEST;
        }
        bool seat = c->placed[id] || controller_in_isr(w, id);
        if (!seat || !eligible(c, id) || ask->isr[i].broker_epoch != c->broker_epochs[id]) {
            return KAFKA_INELIGIBLE_REPLICA;
        }
    }
    return has_leader ? KAFKA_NONE : KAFKA_INVALID_REQUEST;
}

/* Now and then the controller answers with the set that there is: a leader that asked for another one asks again. */
#define LEFT_AS_IT_IS 8

/*
 * One connection a broker: its requests are read in order, and an older connection is closed unread when a newer one
 * greets. Without that, a request long given up could let a broker in that the leader does not wait for any more.
 */
static bool overtaken(struct controller *c, const struct message *m)
{
    if (m->ask.number < c->asks[m->from]) {
        return true;
    }
    c->asks[m->from] = m->ask.number;
    return false;
}

static void change(struct world *w, const struct message *m)
{
    struct controller *c = &w->controller;
    w->isr_changes++;
    c->view.isr_count = m->ask.count;
    for (uint32_t i = 0; i < m->ask.count; i++) {
        c->view.isr[i] = m->ask.isr[i].id;
    }
    c->view.partition_epoch++;
    publish(w);
}

static void alter(struct world *w, const struct message *m)
{
    struct controller *c = &w->controller;
    if (overtaken(c, m)) {
        return;
    }
    struct message *answer = world_message(w, MESSAGE_ISR_ANSWER, CONTROLLER, m->from);
    struct replica_event *event = &answer->isr_answer;
    answer->incarnation = (uint32_t)m->number;
    event->kind = REPLICA_ISR_ANSWER;
    event->isr_answer.ask = m->ask.number;
    event->isr_answer.error = alter_allowed(w, m);
    if (event->isr_answer.error == KAFKA_NONE) {
        if (m->ask.number % LEFT_AS_IT_IS != 0) {
            change(w, m);
        }
        event->isr_answer.leader_epoch = c->view.leader_epoch;
        event->isr_answer.partition_epoch = c->view.partition_epoch;
        event->isr_answer.isr_count = c->view.isr_count;
        memcpy(event->isr_answer.isr, c->view.isr, sizeof(c->view.isr));
    }
    world_trace(w, "controller answers %d's ask %lu: %s", m->from, (unsigned long)m->ask.number,
                kafka_error_name((int16_t)event->isr_answer.error));
    world_send(w, answer);
}

void controller_message(struct world *w, const struct message *m)
{
    switch (m->kind) {
    case MESSAGE_ISR_ASK: alter(w, m); return;
    case MESSAGE_REGISTER:
        if (w->brokers[m->from].up && w->brokers[m->from].incarnation == (uint32_t)m->number) {
            registered(w, m->from);
        }
        return;
    case MESSAGE_ASSIGN:
        /* Of one that is gone: what lay there may be gone too, and is reported lost by the next incarnation. */
        if (w->brokers[m->from].up && w->controller.incarnations[m->from] == (uint32_t)m->number &&
            w->brokers[m->from].incarnation == (uint32_t)m->number) {
            assigned(w, m->from);
        }
        return;
    case MESSAGE_FENCE:
        if (w->brokers[m->number64].incarnation == m->number) {
            fence(w, (int)m->number64);
        }
        return;
    case MESSAGE_UNFENCE:
        if (w->controller.incarnations[m->number64] == m->number && w->brokers[m->number64].up) {
            unfence(w, (int)m->number64);
        }
        return;
    default: assert(!"a message for the controller");
    }
}

void controller_start(struct world *w)
{
    struct controller *c = &w->controller;
    c->view = (struct replica_view){.leader = NO_BROKER,
                                    .leader_epoch = 0,
                                    .partition_epoch = 0,
                                    .member_count = BROKERS,
                                    .isr_count = BROKERS,
                                    .isr = {1, 2, 3},
                                    .min_isr = prng_chance(&w->prng, 700) ? 2 : 1,
                                    .durability = prng_chance(&w->prng, 600) ? REPLICA_DISK
                                                                             : REPLICA_PAGECACHE,
                                    .lag_time_max_ms = prng_between(&w->prng, 45, 200)};
    for (int i = 1; i <= BROKERS; i++) {
        c->view.members[MEMBER(i)].id = i;
        c->broker_epochs[i] = -1;
    }
}
