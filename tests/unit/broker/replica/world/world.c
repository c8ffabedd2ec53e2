#include "tests/unit/broker/replica/world/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void world_wrong(struct world *w, const char *fmt, ...)
{
    if (w->wrong != NULL) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    vsnprintf(w->text, sizeof(w->text), fmt, args);
    va_end(args);
    w->wrong = w->text;
}

void world_trace(struct world *w, const char *fmt, ...)
{
    if (!w->loud) {
        return;
    }
    va_list args;
    va_start(args, fmt);
    printf("%6ld ", (long)w->now);
    vprintf(fmt, args);
    printf("\n");
    va_end(args);
}

static void *take(void *ctx, size_t bytes)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

static bool earlier(const struct message *a, const struct message *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void queue_push(struct world *w, struct message *m)
{
    assert(w->queue_count < sizeof(w->queue) / sizeof(w->queue[0]));
    uint32_t i = w->queue_count++;
    while (i > 0 && earlier(m, w->queue[(i - 1) / 2])) {
        w->queue[i] = w->queue[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    w->queue[i] = m;
}

static struct message *queue_pop(struct world *w)
{
    assert(w->queue_count > 0);
    struct message *top = w->queue[0];
    struct message *last = w->queue[--w->queue_count];
    uint32_t i = 0;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= w->queue_count) {
            break;
        }
        child += child + 1 < w->queue_count && earlier(w->queue[child + 1], w->queue[child]);
        if (!earlier(w->queue[child], last)) {
            break;
        }
        w->queue[i] = w->queue[child];
        i = child;
    }
    w->queue[i] = last;
    return top;
}

struct message *world_message(struct world *w, enum message_kind kind, int from, int to)
{
    (void)w;
    struct message *m = calloc(1, sizeof(*m));
    assert(m != NULL && to >= 0 && to < PLACES);
    m->kind = kind;
    m->from = from;
    m->to = to;
    return m;
}

void world_at(struct world *w, struct message *m, time_ms at)
{
    m->at = at > w->now ? at : w->now;
    m->order = w->order++;
    queue_push(w, m);
}

void world_again(struct world *w, const struct message *m, time_ms at)
{
    struct message *again = malloc(sizeof(*again));
    assert(again != NULL);
    *again = *m;
    again->at = at;
    queue_push(w, again);
}

time_ms world_delay(struct world *w)
{
    if (!w->healing && prng_chance(&w->prng, 20)) {
        return prng_between(&w->prng, 20, 300); /* a straggler */
    }
    return prng_between(&w->prng, 0, 3);
}

void world_send(struct world *w, struct message *m)
{
    bool lost = w->cut_until[m->from][m->to] > w->now || (!w->healing && prng_chance(&w->prng, 10));
    time_ms at = w->now + world_delay(w);
    if (m->kind == MESSAGE_PRODUCE) {
        struct client *client = &w->clients[m->from - 1 - BROKERS];
        lost = lost || client->broken[m->to];
        client->broken[m->to] = lost;
        at = max_i64(at, client->arrival_ms[m->to]);
        client->arrival_ms[m->to] = at;
        m->incarnation = w->brokers[m->to].incarnation;
    }
    if (lost) {
        free(m);
    } else {
        world_at(w, m, at);
    }
}

static struct broker *random_broker(struct world *w)
{
    return &w->brokers[prng_between(&w->prng, 1, BROKERS)];
}

/* Losing what only this disk holds is allowed while another member of the in-sync set is up (min ISR - 1 lossy ones). */
static bool may_lose(const struct world *w, const struct broker *b)
{
    if (!controller_in_isr(w, b->id)) {
        return true;
    }
    for (int i = 1; i <= BROKERS; i++) {
        if (i != b->id && w->brokers[i].up && controller_in_isr(w, i)) {
            return true;
        }
    }
    return false;
}

static void nemesis_crash(struct world *w, struct broker *b)
{
    bool disk = w->controller.view.durability == REPLICA_DISK;
    uint64_t kind = prng_below(&w->prng, 10);
    bool unseen = !w->controller.placed[b->id]; /* nobody can tell that it is empty now */
    bool wipe = unseen ? kind < 5 : kind == 0 && may_lose(w, b);
    bool power = kind < 5 && (disk || may_lose(w, b));
    broker_crash(w, b, power || wipe, wipe);
    if ((wipe && !unseen) || (power && !wipe && !disk)) {
        controller_strip(w, b->id, wipe);
    }
    world_at(w, world_message(w, MESSAGE_BOOT, b->id, b->id),
             w->now + prng_between(&w->prng, 2, 300));
}

static void nemesis_partition(struct world *w)
{
    int a = (int)prng_below(&w->prng, 1 + BROKERS);
    int b = (int)prng_below(&w->prng, 1 + BROKERS);
    time_ms until = w->now + prng_between(&w->prng, 5, 250);
    if (a != b) {
        w->cut_until[a][b] = until;
        if (prng_chance(&w->prng, 500)) {
            w->cut_until[b][a] = until;
        }
    }
    for (int i = 1; i <= BROKERS;
         i++) { /* who cannot reach the controller is fenced after a while */
        if (w->cut_until[i][CONTROLLER] > w->now + 60) {
            struct message *m = world_message(w, MESSAGE_FENCE, CONTROLLER, CONTROLLER);
            m->number64 = i;
            m->number = w->brokers[i].incarnation;
            world_at(w, m, w->now + 60);
            struct message *later = world_message(w, MESSAGE_UNFENCE, CONTROLLER, CONTROLLER);
            later->number64 = i;
            later->number = w->brokers[i].incarnation;
            world_at(w, later, w->cut_until[i][CONTROLLER] + prng_between(&w->prng, 1, 30));
        }
    }
}

static void nemesis_pause(struct world *w, struct broker *b)
{
    time_ms length = prng_between(&w->prng, 5, 300);
    b->paused_until = w->now + length;
    world_trace(w, "broker %d pauses for %ld", b->id, (long)length);
    if (length > 60) {
        struct message *m = world_message(w, MESSAGE_FENCE, CONTROLLER, CONTROLLER);
        m->number64 = b->id;
        m->number = b->incarnation;
        world_at(w, m, w->now + 60);
        struct message *later = world_message(w, MESSAGE_UNFENCE, CONTROLLER, CONTROLLER);
        later->number64 = b->id;
        later->number = b->incarnation;
        world_at(w, later, b->paused_until + prng_between(&w->prng, 1, 30));
    }
}

/* As far as records may be deleted without taking what producers may retry out of every log's memory. */
static int64_t deletable_to(const struct broker *b)
{
    int seen[CLIENTS] = {0};
    int64_t to = b->core.high_watermark;
    for (uint32_t i = b->log_count; i > b->log_first; i--) {
        const struct batch_receipt *receipt = &b->log[i - 1].receipt;
        if (receipt->producer_id >= 0 && ++seen[receipt->producer_id - 1000] <= CLIENT_WINDOW + 1) {
            to = min_i64(to, receipt->base_offset);
        }
    }
    return to;
}

static void nemesis(struct world *w)
{
    if (w->healing) {
        return;
    }
    world_at(w, world_message(w, MESSAGE_NEMESIS, 0, 0), w->now + prng_between(&w->prng, 10, 150));
    uint64_t kind = prng_below(&w->prng, 100);
    struct broker *b = random_broker(w);
    if (kind < 30) {
        if (b->up) {
            nemesis_crash(w, b);
        }
    } else if (kind < 36) {
        for (int i = 1; i <= BROKERS; i++) {
            if (w->brokers[i].up) {
                bool power = w->controller.view.durability == REPLICA_DISK &&
                             prng_chance(&w->prng, 700);
                broker_crash(w, &w->brokers[i], power, false);
                world_at(w, world_message(w, MESSAGE_BOOT, i, i),
                         w->now + prng_between(&w->prng, 2, 200));
            }
        }
    } else if (kind < 55) {
        nemesis_partition(w);
    } else if (kind < 70 && b->up) {
        nemesis_pause(w, b);
    } else if (kind < 90) {
        controller_move_leader(w);
    } else if (b->up && b->core.role == REPLICA_LEADER && !b->core.acks_left) {
        int64_t to = deletable_to(b) - prng_between(&w->prng, -2, 20);
        to = min_i64(to, b->core.high_watermark);
        if (to > b->log_start) {
            broker_delete_records(w, b, to);
        }
    }
}

static void heal(struct world *w)
{
    w->healing = true;
    memset(w->cut_until, 0, sizeof(w->cut_until));
    for (int i = 1; i <= BROKERS; i++) {
        w->brokers[i].paused_until = 0;
        if (!w->brokers[i].up) {
            world_at(w, world_message(w, MESSAGE_BOOT, i, i), w->now + i);
        } else {
            struct message *m = world_message(w, MESSAGE_UNFENCE, CONTROLLER, CONTROLLER);
            m->number64 = i;
            m->number = w->brokers[i].incarnation;
            world_at(w, m, w->now + 5);
        }
    }
    world_trace(w, "healing");
}

static void deliver(struct world *w, struct message *m)
{
    if (m->kind == MESSAGE_NEMESIS) {
        nemesis(w);
    } else if (m->to == CONTROLLER) {
        controller_message(w, m);
    } else if (m->to > BROKERS) {
        client_message(w, &w->clients[m->to - 1 - BROKERS], m);
    } else {
        broker_message(w, &w->brokers[m->to], m);
    }
}

static bool settled(const struct world *w)
{
    int32_t leader = w->controller.view.leader;
    if (leader < 0 || w->controller.view.isr_count != BROKERS) {
        return false;
    }
    for (int i = 1; i <= BROKERS; i++) {
        const struct replica *core = &w->brokers[i].core;
        if (!w->brokers[i].up || core->log_end != w->brokers[leader].core.log_end ||
            core->high_watermark != core->log_end ||
            core->view.leader_epoch != w->controller.view.leader_epoch || !core->producers_ready) {
            return false;
        }
    }
    for (int i = 0; i < CLIENTS; i++) {
        if (!client_idle(&w->clients[i])) {
            return false;
        }
    }
    return true;
}

static bool produces(const struct world *w)
{
    for (uint32_t i = 0; i < w->queue_count; i++) {
        if (w->queue[i]->kind == MESSAGE_PRODUCE) {
            return true; /* of yesterday: who has forgotten its producer would take it for news */
        }
    }
    return false;
}

/* Everybody was silent for so long that the leader has forgotten who they are; those who came later have not. */
static void resume(struct world *w)
{
    w->resumed = true;
    for (int i = 1; i <= BROKERS; i++) {
        judge_producers(w, &w->brokers[i]);
    }
    (void)producer_table_expire(&w->brokers[w->controller.view.leader].core.producers, w->now + 1);
    for (int i = 0; i < CLIENTS; i++) {
        client_resume(w, &w->clients[i]);
    }
}

static void world_init(struct world *w, uint64_t seed)
{
    bool loud = w->loud;
    bool unchecked = w->unchecked;
    memset(w, 0, sizeof(*w));
    w->loud = loud;
    w->unchecked = unchecked;
    w->seed = seed;
    w->source = (struct memory_source){take, give, NULL};
    w->now = 1000;
    prng_init(&w->prng, seed);
    w->end_ms = w->now + prng_between(&w->prng, 500, 3000);
    for (int i = 1; i <= BROKERS; i++) {
        w->brokers[i].id = i;
    }
    controller_start(w);
    client_start(w);
    for (int i = 1; i <= BROKERS; i++) {
        world_at(w, world_message(w, MESSAGE_BOOT, i, i), w->now);
    }
    world_at(w, world_message(w, MESSAGE_NEMESIS, 0, 0), w->now + prng_between(&w->prng, 20, 100));
}

static void world_end(struct world *w)
{
    for (int i = 1; i <= BROKERS; i++) {
        if (w->brokers[i].up) {
            replica_release(&w->brokers[i].core);
            heap_release(&w->brokers[i].heap);
        }
    }
    while (w->queue_count > 0) {
        free(queue_pop(w));
    }
}

#define HEALED_WITHIN_MS 6000

bool world_run(struct world *w, uint64_t seed)
{
    world_init(w, seed);
    bool done = false;
    while (w->wrong == NULL && !done && w->queue_count > 0) {
        struct message *m = queue_pop(w);
        w->now = max_i64(w->now, m->at);
        deliver(w, m);
        free(m);
        if (!w->healing && w->now >= w->end_ms) {
            heal(w);
        }
        done = w->healing && settled(w);
        if (done && !w->resumed) {
            done = false;
            if (!produces(w)) {
                resume(w);
            }
        }
        if (w->healing && w->now > w->end_ms + HEALED_WITHIN_MS) {
            world_wrong(w, "stuck: leader %d, %u in sync, ends %ld %ld %ld",
                        w->controller.view.leader, w->controller.view.isr_count,
                        (long)w->brokers[1].core.log_end, (long)w->brokers[2].core.log_end,
                        (long)w->brokers[3].core.log_end);
        }
    }
    if (w->wrong == NULL) {
        judge_end(w);
    }
    world_end(w);
    return w->wrong == NULL;
}
