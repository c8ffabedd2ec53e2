#include "common/base/prng.h"
#include "tests/check/selftest.h"

#define ROUNDS  12
#define MEMBERS 4

static struct history_op group_op(enum history_kind kind, uint32_t group, uint32_t partition,
                                  uint16_t client, int32_t generation, int64_t offset,
                                  int64_t began_us, int64_t ended_us)
{
    return (struct history_op){.kind = (uint8_t)kind,
                               .group = group,
                               .partition = partition,
                               .client = client,
                               .generation = generation,
                               .offset = offset,
                               .began_us = began_us,
                               .ended_us = ended_us};
}

static void add(struct history *history, struct history_op op)
{
    history_add(history, &op);
}

static void reads(struct history *history, uint16_t client, int64_t from, int64_t to, int64_t at_us)
{
    for (int64_t offset = from; offset < to; offset++) {
        struct history_op op = group_op(HISTORY_READ, 1, 0, client, 0, offset, at_us, at_us + 1);
        op.value = (uint64_t)offset + 1;
        op.sequence = offset;
        op.session = 100U + client;
        add(history, op);
    }
}

/* Client 21 has it in generation 1, 22 in generation 2, 21 again in generation 3. */
void good_group(struct history *history)
{
    add(history, group_op(HISTORY_FETCHED, 1, 0, 21, 0, -1, 0, 5));
    add(history, group_op(HISTORY_OWNED, 1, 0, 21, 1, 0, 5, 200));
    add(history, group_op(HISTORY_COMMIT, 1, 0, 21, 1, 4, 100, 110));
    add(history, group_op(HISTORY_FETCHED, 1, 0, 22, 0, 4, 210, 220));
    add(history, group_op(HISTORY_OWNED, 1, 0, 22, 2, 0, 220, 400));
    add(history, group_op(HISTORY_COMMIT, 1, 0, 22, 2, 8, 300, 310));
    add(history, group_op(HISTORY_OWNED, 1, 0, 21, 3, 0, 410, 900));
    add(history, group_op(HISTORY_COMMIT, 1, 0, 21, 3, 10, 500, 510));
    add(history, group_op(HISTORY_DUE, 1, 0, 0, 0, 10, 0, 2000));
    reads(history, 21, 0, 4, 90);
    reads(history, 22, 4, 8, 290);
    reads(history, 23, 8, 10, 490);
}

enum { FETCHED_FIRST, OWNED_1, COMMIT_1, FETCHED_2, OWNED_2, COMMIT_2, OWNED_3, COMMIT_3, DUE };

void plant_group(struct history *history, size_t first, enum anomaly anomaly)
{
    struct history_op *ops = history->ops + first;
    switch (anomaly) {
    case ANOMALY_COMMIT_LOST: /* asked after 8 was stored, told 4 */
        ops[FETCHED_2].began_us = 320;
        ops[FETCHED_2].ended_us = 330;
        break;
    case ANOMALY_COMMIT_UNWRITTEN: ops[FETCHED_2].offset = 5; break;
    case ANOMALY_ZOMBIE_COMMIT: /* of the first generation, when the third is at work */
        add(history, group_op(HISTORY_COMMIT, 1, 0, 21, 1, 10, 600, 610));
        break;
    case ANOMALY_DOUBLE_OWNER:
        ops[OWNED_1].ended_us = 230;
        ops[OWNED_2].generation = 1;
        ops[COMMIT_2].generation = 1;
        break;
    case ANOMALY_GROUP_SKIP: /* none of it had read what lies at 5 */
        ops[DUE + 1 + 5].kind = HISTORY_SEND;
        ops[DUE + 1 + 5].status = HISTORY_INFO;
        ops[DUE + 1 + 5].value = 97;
        ops[DUE + 1 + 5].offset = -1;
        ops[DUE + 1 + 4].session = 99;
        break;
    case ANOMALY_GROUP_STUCK: ops[DUE].offset = 11; break;
    default: assert(!"planted elsewhere");
    }
}

/* ---- legal ---- */

struct group_life {
    struct history *history;
    struct prng prng;
    uint32_t group;
    uint32_t partition;
    int64_t at_us;
    int64_t stored;  /* -1: nothing */
    int64_t unknown; /* a store that nobody knows of; -1: none */
    int32_t generation;
    uint16_t client;
};

static int64_t pass(struct group_life *life)
{
    life->at_us += 1 + (int64_t)prng_below(&life->prng, 50);
    return life->at_us;
}

/* One owner's time: it asks, reads on, stores now and then. */
static void owner(struct group_life *life)
{
    int64_t begun = pass(life);
    if (life->unknown >= 0 && prng_chance(&life->prng, 500)) {
        life->stored = life->unknown; /* it had come through */
        life->unknown = -1;
    }
    add(life->history, group_op(HISTORY_FETCHED, life->group, life->partition, life->client, 0,
                                life->stored, begun, pass(life)));
    struct history_op owned = group_op(HISTORY_OWNED, life->group, life->partition, life->client,
                                       life->generation, 0, life->at_us, 0);
    owned.value = 1;
    int64_t next = max_i64(life->stored, 0);
    for (uint64_t i = prng_below(&life->prng, 5); i > 0; i--) {
        next += (int64_t)prng_below(&life->prng, 9);
        struct history_op commit = group_op(HISTORY_COMMIT, life->group, life->partition,
                                            life->client, life->generation, next, pass(life), 0);
        commit.ended_us = pass(life);
        if (prng_chance(&life->prng, 150)) {
            commit.status = HISTORY_INFO;
            life->unknown = next;
        } else if (prng_chance(&life->prng, 150)) {
            commit.status = HISTORY_FAILED;
        } else {
            life->stored = next;
            life->unknown = -1;
        }
        add(life->history, commit);
    }
    owned.ended_us = pass(life);
    add(life->history, owned);
}

void legal_group(struct history *history, uint64_t seed, uint32_t group, uint32_t partition)
{
    struct group_life life = {
        .history = history, .group = group, .partition = partition, .stored = -1, .unknown = -1};
    prng_init(&life.prng, seed * 131 + group);
    for (int i = 0; i < ROUNDS; i++) {
        life.client = (uint16_t)(20 + prng_below(&life.prng, MEMBERS));
        life.generation += 1 + (int32_t)prng_below(&life.prng, 2);
        owner(&life);
        if (prng_chance(
                &life.prng,
                100)) { /* a member of a coordinator that has been replaced and does not know yet */
            struct history_op cut_off = group_op(HISTORY_OWNED, group, partition, 77, 0, 0,
                                                 life.at_us - 20, life.at_us + 100);
            cut_off.value = 2;
            add(history, cut_off);
        }
    }
    add(history,
        group_op(HISTORY_DUE, group, partition, 0, 0, max_i64(life.stored, -1), 0, life.at_us + 1));
}
