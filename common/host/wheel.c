#include "common/host/wheel.h"

/* Timers of one far slot that are looked at for the next one due: beyond, the loop looks when the slot's turn comes. */
#define FAR_LOOKS_MAX 16

void wheel_init(struct wheel *wheel, time_us now)
{
    memset(wheel, 0, sizeof(*wheel));
    for (uint32_t i = 0; i < WHEEL_SLOTS; i++) {
        list_init(&wheel->slots[i]);
    }
    for (uint32_t i = 0; i < WHEEL_FAR_SLOTS; i++) {
        list_init(&wheel->far[i]);
    }
    wheel->tick = now / WHEEL_TICK_US;
}

/* Rounded up: a timer never fires early. */
static int64_t tick_of(time_us at)
{
    return at / WHEEL_TICK_US + (at % WHEEL_TICK_US != 0);
}

static void place(struct wheel *wheel, struct timer *timer)
{
    int64_t tick = max_i64(tick_of(timer->at), wheel->tick);
    if (tick < wheel->tick + WHEEL_SLOTS) {
        uint32_t slot = (uint32_t)(tick % WHEEL_SLOTS);
        list_push(&wheel->slots[slot], &timer->node);
        wheel->filled[slot / 64] |= 1ULL << (slot % 64);
    } else {
        int64_t turn = min_i64(tick / WHEEL_SLOTS, wheel->tick / WHEEL_SLOTS + WHEEL_FAR_SLOTS - 1);
        uint32_t slot = (uint32_t)(turn % WHEEL_FAR_SLOTS);
        assert(turn > wheel->tick / WHEEL_SLOTS);
        list_push(&wheel->far[slot], &timer->node);
        wheel->far_filled[slot / 64] |= 1ULL << (slot % 64);
    }
}

void wheel_arm(struct wheel *wheel, struct timer *timer, time_us at)
{
    assert(timer->fire != NULL);
    wheel_cancel(wheel, timer);
    if (at == TIME_NEVER) {
        return;
    }
    timer->at = at;
    wheel->count++;
    place(wheel, timer);
}

void wheel_cancel(struct wheel *wheel, struct timer *timer)
{
    if (list_linked(&timer->node)) {
        list_remove(&timer->node);
        assert(wheel->count > 0);
        wheel->count--;
    }
}

/* All that a slot of the present or of a past tick holds is due. What is armed meanwhile waits for the next turn. */
static void slot_run(struct wheel *wheel, uint32_t slot, time_us now)
{
    struct list due;
    list_init(&due);
    struct list *list = &wheel->slots[slot];
    for (struct list_node *node = list_pop(list); node != NULL; node = list_pop(list)) {
        assert(CONTAINER_OF(node, struct timer, node)->at <= now);
        list_push(&due, node);
    }
    wheel->filled[slot / 64] &= ~(1ULL << (slot % 64));
    for (struct list_node *node = list_pop(&due); node != NULL; node = list_pop(&due)) {
        wheel->count--;
        struct timer *timer = CONTAINER_OF(node, struct timer, node);
        timer->fire(timer);
    }
}

/* A turn of the near wheel begins: its timers come over. */
static void far_run(struct wheel *wheel)
{
    assert(wheel->tick % WHEEL_SLOTS == 0);
    uint32_t slot = (uint32_t)(wheel->tick / WHEEL_SLOTS % WHEEL_FAR_SLOTS);
    struct list come;
    list_init(&come);
    struct list *list = &wheel->far[slot];
    for (struct list_node *node = list_pop(list); node != NULL; node = list_pop(list)) {
        list_push(&come, node);
    }
    wheel->far_filled[slot / 64] &= ~(1ULL << (slot % 64));
    for (struct list_node *node = list_pop(&come); node != NULL; node = list_pop(&come)) {
        place(wheel, CONTAINER_OF(node, struct timer, node));
    }
}

void wheel_run(struct wheel *wheel, time_us now)
{
    const int64_t last = now / WHEEL_TICK_US;
    while (wheel->tick < last) {
        uint32_t slot = (uint32_t)(wheel->tick % WHEEL_SLOTS);
        if (wheel->filled[slot / 64] == 0) { /* nothing in the rest of this word */
            wheel->tick = min_i64(last, wheel->tick + 64 - slot % 64);
            slot = WHEEL_SLOTS;
        } else {
            wheel->tick++;
        }
        /* Before the next turn's timers come over: they may fall into this very slot. */
        if (slot < WHEEL_SLOTS && (wheel->filled[slot / 64] & (1ULL << (slot % 64)))) {
            slot_run(wheel, slot, now);
        }
        if (wheel->tick % WHEEL_SLOTS == 0) {
            far_run(wheel);
        }
    }
    /* The present slot stays open: more may be armed for it. */
    uint32_t present = (uint32_t)(wheel->tick % WHEEL_SLOTS);
    if (wheel->tick == last && (wheel->filled[present / 64] & (1ULL << (present % 64)))) {
        slot_run(wheel, present, now);
    }
}

/* The first slot that holds a timer, counted from `from`; -1: none. Bits of emptied slots are put right. */
static int64_t first_filled(const struct list *slots, uint64_t *filled, uint32_t count,
                            int64_t from)
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t slot = (uint32_t)((from + i) % count);
        if (filled[slot / 64] == 0) {
            i += 63 - slot % 64;
        } else if (filled[slot / 64] & (1ULL << (slot % 64))) {
            if (!list_empty(&slots[slot])) {
                return from + i;
            }
            filled[slot / 64] &= ~(1ULL << (slot % 64));
        }
    }
    return -1;
}

static int64_t far_next(struct wheel *wheel)
{
    int64_t turn = first_filled(wheel->far, wheel->far_filled, WHEEL_FAR_SLOTS,
                                wheel->tick / WHEEL_SLOTS);
    if (turn < 0) {
        return INT64_MAX;
    }
    int64_t least = INT64_MAX;
    uint32_t looks = 0;
    LIST_EACH(&wheel->far[turn % WHEEL_FAR_SLOTS], node)
    {
        least = min_i64(least, tick_of(CONTAINER_OF(node, struct timer, node)->at));
        if (++looks == FAR_LOOKS_MAX) {
            return turn * WHEEL_SLOTS;
        }
    }
    /* Its last slot may hold what is further away than what is armed into later slots meanwhile. */
    return min_i64(least, (turn + 1) * WHEEL_SLOTS);
}

time_us wheel_next_us(struct wheel *wheel)
{
    if (wheel->count == 0) {
        return TIME_NEVER;
    }
    int64_t near = first_filled(wheel->slots, wheel->filled, WHEEL_SLOTS, wheel->tick);
    int64_t tick = near >= 0 ? near : INT64_MAX;
    if (near < 0 || near >= (wheel->tick / WHEEL_SLOTS + 1) * WHEEL_SLOTS) {
        tick = min_i64(tick, far_next(wheel)); /* what was armed long ago may be nearer */
    }
    assert(tick < INT64_MAX);
    return tick * WHEEL_TICK_US;
}
