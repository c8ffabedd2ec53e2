/* `uniform` where all subscribe to the same topics: everybody has its share, and keeps what fits into it. */
#include "broker/assign/assign_internal.h"

struct dealer {
    struct work *work;
    uint32_t *room; /* rank -> how many more it is to get */
    uint32_t *open; /* ranks with room, in the order in which they are served */
    uint32_t open_count;
    uint32_t next;
};

/* Room is left for what is free, and who holds more than its share gives up its last ones. */
static void shares_cut(struct dealer *dealer, uint32_t total)
{
    struct work *work = dealer->work;
    uint32_t least = total / work->member_count;
    uint32_t more = total % work->member_count;
    for (uint32_t rank = 0; rank < work->member_count; rank++) {
        dealer->room[rank] = least;
        if (more > 0 && work->load[rank] > least) { /* who has one more already keeps it */
            dealer->room[rank]++;
            more--;
        }
    }
    for (uint32_t rank = 0; rank < work->member_count && more > 0; rank++) {
        if (dealer->room[rank] == least) {
            dealer->room[rank]++;
            more--;
        }
    }
    assert(more == 0);
    memset(work->load, 0, work->member_count * sizeof(*work->load));
    for (uint32_t i = 0; i < work->topic_count; i++) {
        uint32_t t = work->topic_order[i];
        for (uint32_t p = work->first[t]; p < work->first[t + 1]; p++) {
            uint32_t rank = work->owner[p];
            if (rank == NOBODY) {
                continue;
            }
            if (dealer->room[rank] == 0) {
                work->owner[p] = NOBODY;
            } else {
                dealer->room[rank]--;
                work->load[rank]++;
            }
        }
    }
}

/* Ranks with room, all of them or those of one rack. */
static void open_fill(struct dealer *dealer, int32_t rack)
{
    const struct work *work = dealer->work;
    dealer->open_count = 0;
    dealer->next = 0;
    for (uint32_t rank = 0; rank < work->member_count; rank++) {
        if (dealer->room[rank] > 0 && (rack < 0 || work->members[work->order[rank]].rack == rack)) {
            dealer->open[dealer->open_count++] = rank;
        }
    }
}

/* One after the other, one partition each, so that a topic's load is spread too. */
static void deal(struct dealer *dealer, uint32_t partition)
{
    struct work *work = dealer->work;
    assert(dealer->open_count > 0 && work->owner[partition] == NOBODY);
    if (dealer->next >= dealer->open_count) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < dealer->open_count; i++) {
            if (dealer->room[dealer->open[i]] > 0) {
                dealer->open[kept++] = dealer->open[i];
            }
        }
        dealer->open_count = kept;
        dealer->next = 0;
        if (kept == 0) {
            return;
        }
    }
    uint32_t rank = dealer->open[dealer->next++];
    assert(dealer->room[rank] > 0);
    dealer->room[rank]--;
    work->load[rank]++;
    work->owner[partition] = rank;
}

/* What is free and, with a rack, has a replica there. */
static void deal_all(struct dealer *dealer, int32_t rack)
{
    struct work *work = dealer->work;
    open_fill(dealer, rack);
    for (uint32_t i = 0; i < work->topic_count; i++) {
        uint32_t t = work->topic_order[i];
        const uint64_t *racks = work->topics[t].racks;
        if (subscribers(work, t) == 0 || (rack >= 0 && racks == NULL)) {
            continue;
        }
        for (uint32_t p = work->first[t]; p < work->first[t + 1] && dealer->open_count > 0; p++) {
            bool here = rack < 0 || (racks[p - work->first[t]] >> rack & 1) != 0;
            if (work->owner[p] == NOBODY && here) {
                deal(dealer, p);
            }
        }
    }
}

static uint64_t racks_of(const struct work *work)
{
    uint64_t racks = 0;
    for (uint32_t i = 0; i < work->member_count; i++) {
        int32_t rack = work->members[i].rack;
        racks |= rack >= 0 && rack < ASSIGN_RACKS_MAX ? UINT64_C(1) << rack : 0;
    }
    return racks;
}

err_t uniform_fill(struct work *work)
{
    struct dealer dealer = {.work = work};
    uint32_t total = 0;
    if (work->member_count == 0) {
        return OK;
    }
    dealer.room = arena_array(work->arena, work->member_count, sizeof(uint32_t));
    dealer.open = arena_array(work->arena, work->member_count, sizeof(uint32_t));
    ENSURE(dealer.room != NULL && dealer.open != NULL, ERR_NO_MEMORY);
    for (uint32_t t = 0; t < work->topic_count; t++) {
        total += subscribers(work, t) > 0 ? work->topics[t].partitions : 0;
    }
    shares_cut(&dealer, total);
    uint64_t racks = racks_of(work);
    for (int32_t rack = 0; rack < ASSIGN_RACKS_MAX && racks >> rack != 0; rack++) {
        if ((racks >> rack & 1) != 0) {
            deal_all(&dealer, rack);
        }
    }
    deal_all(&dealer, -1);
    return OK;
}
