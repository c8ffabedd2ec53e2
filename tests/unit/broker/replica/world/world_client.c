/* Clients: three idempotent producers with five batches in flight, and a plain one. */
#include "tests/unit/broker/replica/world/world.h"

#define CLIENT_TIMEOUT_MS 80

static void timer(struct world *w, const struct client *client, time_ms after)
{
    world_at(w, world_message(w, MESSAGE_CLIENT_TIMER, client->place, client->place),
             w->now + after);
}

bool client_idle(const struct client *client)
{
    for (int i = 0; i < CLIENT_WINDOW; i++) {
        if (client->slots[i].used) {
            return false;
        }
    }
    return true;
}

/* Metadata: never back to an earlier leader. */
static void look_up(struct world *w, struct client *client)
{
    const struct replica_view *view = &w->controller.view;
    if (view->leader >= 0 && view->leader_epoch >= client->leader_epoch) {
        client->leader = view->leader;
        client->leader_epoch = view->leader_epoch;
    }
}

static void send(struct world *w, struct client *client, int slot)
{
    struct slot *s = &client->slots[slot];
    struct message *m = world_message(w, MESSAGE_PRODUCE, client->place, client->leader);
    s->waiting = true;
    s->sent_ms = w->now;
    s->number = ++w->number;
    m->number = s->number;
    m->produce.value = s->value;
    m->produce.slot = slot;
    m->produce.acks = client->acks;
    m->produce.receipt = (struct batch_receipt){
        .producer_id = client->producer_id,
        .producer_epoch = client->producer_id < 0 ? -1 : client->epoch,
        .base_sequence = client->producer_id < 0 ? -1 : s->sequence,
        .record_count = s->records,
        .last_offset_delta = s->records - 1,
        .max_timestamp_ms = w->now,
        .transactional = client->transactional};
    world_send(w, m);
}

static void add_batch(struct world *w, struct client *client)
{
    int slot = 0;
    while (slot < CLIENT_WINDOW && client->slots[slot].used) {
        slot++;
    }
    if (slot == CLIENT_WINDOW || (slot > 0 && !client->known)) {
        return; /* who is not known there may begin anywhere: so only one batch goes first */
    }
    if (slot == 0 && client->producer_id >= 0 && prng_chance(&w->prng, 10)) {
        client->epoch++;
        client->next_sequence = 0;
    }
    struct slot *s = &client->slots[slot];
    *s = (struct slot){
        .used = true, .value = ++w->number, .records = (int32_t)prng_between(&w->prng, 1, 4)};
    s->sequence = client->next_sequence;
    client->next_sequence = sequence_add(client->next_sequence, s->records);
    send(w, client, slot);
}

void client_resume(struct world *w, struct client *client)
{
    assert(client_idle(client));
    if (client->producer_id < 0 || client->transactional) {
        return;
    }
    client->known = false;
    client->next_sequence = sequence_add(client->next_sequence,
                                         (int32_t)prng_between(&w->prng, 1, 50));
    client->resumed_at = client->next_sequence;
    add_batch(w, client);
}

static void send_all_again(struct world *w, struct client *client)
{
    look_up(w, client);
    memset(client->broken, 0, sizeof(client->broken)); /* new connections */
    for (int i = 0; i < CLIENT_WINDOW; i++) {
        if (client->slots[i].used && !client->slots[i].acked) {
            send(w, client, i);
        }
    }
}

static void on_timer(struct world *w, struct client *client)
{
    bool late = false;
    for (int i = 0; i < CLIENT_WINDOW; i++) {
        const struct slot *s = &client->slots[i];
        late = late ||
               (s->used && !s->acked && (!s->waiting || w->now - s->sent_ms > CLIENT_TIMEOUT_MS));
    }
    if (late) {
        send_all_again(w, client);
    } else if (!w->healing) {
        add_batch(w, client);
    }
    timer(w, client, prng_between(&w->prng, 1, 12));
}

/* Batches leave the window in order, as in librdkafka and the Java client. */
static void slide(struct client *client)
{
    while (client->slots[0].used && client->slots[0].acked) {
        memmove(client->slots, client->slots + 1, (CLIENT_WINDOW - 1) * sizeof(client->slots[0]));
        client->slots[CLIENT_WINDOW - 1] = (struct slot){0};
    }
}

static void on_answer(struct world *w, struct client *client, const struct message *m)
{
    int slot = 0;
    while (slot < CLIENT_WINDOW &&
           !(client->slots[slot].used && client->slots[slot].number == m->number)) {
        slot++;
    }
    if (slot == CLIENT_WINDOW || client->slots[slot].value != m->told.value) {
        return; /* of a try that was given up */
    }
    if (m->told.error == KAFKA_NONE) {
        client->slots[slot].acked = true;
        client->known = true;
        slide(client);
        return;
    }
    if (m->told.error == KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER &&
        client->slots[slot].sequence == client->resumed_at) {
        client->slots[slot].acked = true; /* who leads now has not forgotten it: it gives up */
        slide(client);
        return;
    }
    bool gap = m->told.error == KAFKA_OUT_OF_ORDER_SEQUENCE_NUMBER &&
               slot > 0; /* an earlier one is on its way again */
    if (!gap && !kafka_error_retriable((int16_t)m->told.error)) {
        world_wrong(w, "client %d: batch %lu was refused with %s", client->place,
                    (unsigned long)m->told.value, kafka_error_name((int16_t)m->told.error));
    }
    client->slots[slot].waiting = false;
}

void client_message(struct world *w, struct client *client, const struct message *m)
{
    if (m->kind == MESSAGE_CLIENT_TIMER) {
        on_timer(w, client);
    } else {
        assert(m->kind == MESSAGE_PRODUCE_ANSWER);
        on_answer(w, client, m);
    }
}

void client_start(struct world *w)
{
    for (int i = 0; i < CLIENTS; i++) {
        struct client *client = &w->clients[i];
        client->place = 1 + BROKERS + i;
        client->producer_id = i == CLIENTS - 1 ? NO_PRODUCER_ID : 1000 + i;
        client->resumed_at = -1;
        client->acks = i == CLIENTS - 1 && prng_chance(&w->prng, 500) ? 1 : -1;
        client->next_sequence = i == 0 ? INT32_MAX - (int32_t)prng_between(&w->prng, 0, 60) : 0;
        client->transactional = i == 1 &&
                                prng_chance(&w->prng, 500); /* truncations of these need rebuilds */
        client->leader = 1;
        timer(w, client, 5 + i);
    }
}
