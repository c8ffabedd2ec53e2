#include "common/host/wheel.h"

void wheel_init(struct wheel *wheel, time_us now)
{
    memset(wheel, 0, sizeof(*wheel));
    for (uint32_t i = 0; i < WHEEL_SLOTS; i++) {
        list_init(&wheel->slots[i]);
    }
    wheel->tick = now / WHEEL_TICK_US;
}

/* Rounded up: a timer never fires early. */
static int64_t tick_of(time_us at)
{
    return at / WHEEL_TICK_US + (at % WHEEL_TICK_US != 0);
}

void wheel_arm(struct wheel *wheel, struct timer *timer, time_us at)
{
    assert(timer->fire != NULL);
    wheel_cancel(wheel, timer);
    if (at == TIME_NEVER) {
        return;
    }
    timer->at = at;
    uint32_t slot = (uint32_t)(max_i64(tick_of(at), wheel->tick) % WHEEL_SLOTS);
    list_push(&wheel->slots[slot], &timer->node);
    wheel->filled[slot / 64] |= 1ULL << (slot % 64);
    wheel->count++;
}

void wheel_cancel(struct wheel *wheel, struct timer *timer)
{
    if (list_linked(&timer->node)) {
        list_remove(&timer->node);
        assert(wheel->count > 0);
        wheel->count--;
    }
}

static void slot_run(struct wheel *wheel, uint32_t slot, time_us now)
{
    struct list due;
    list_init(&due);
    struct list *list = &wheel->slots[slot];
    for (struct list_node *node = list->head.next, *next; node != &list->head; node = next) {
        next = node->next;
        if (CONTAINER_OF(node, struct timer, node)->at <= now) {
            list_remove(node);
            list_push(&due, node);
        }
    }
    if (list_empty(list)) {
        wheel->filled[slot / 64] &= ~(1ULL << (slot % 64));
    }
    for (struct list_node *node = list_pop(&due); node != NULL; node = list_pop(&due)) {
        wheel->count--;
        struct timer *timer = CONTAINER_OF(node, struct timer, node);
        timer->fire(timer);
    }
}

void wheel_run(struct wheel *wheel, time_us now)
{
    int64_t last = now / WHEEL_TICK_US;
    if (last - wheel->tick >=
        (int64_t)WHEEL_SLOTS) { /* a late loop: one whole turn visits every slot */
        wheel->tick = last - WHEEL_SLOTS + 1;
    }
    while (wheel->tick <= last) {
        uint32_t slot = (uint32_t)(wheel->tick % WHEEL_SLOTS);
        if (wheel->tick == last) { /* the present slot stays open: more may be armed for it */
            slot_run(wheel, slot, now);
            break;
        }
        wheel->tick++;
        if (wheel->filled[slot / 64] & (1ULL << (slot % 64))) {
            slot_run(wheel, slot, now);
        }
    }
}

time_us wheel_next_us(const struct wheel *wheel)
{
    if (wheel->count == 0) {
        return TIME_NEVER;
    }
    for (uint32_t i = 0; i < WHEEL_SLOTS; i++) {
        uint32_t slot = (uint32_t)((wheel->tick + i) % WHEEL_SLOTS);
        if (wheel->filled[slot / 64] & (1ULL << (slot % 64))) {
            return (wheel->tick + i) * WHEEL_TICK_US;
        }
    }
    assert(!"timers are counted but no slot is filled");
    return TIME_NEVER;
}
