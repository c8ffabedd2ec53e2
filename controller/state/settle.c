/*
 * What a partition must look like in a world (reliability §3.3; KIP-966). One function for every cause: a broker that was
 * fenced, came back, shuts down, lost a directory or is unregistered, a leader's new ISR, a changed setting, an election
 * that was asked for. Whoever calls says what changed; here follow the consequences, in this order:
 *
 * 1. ISR: members that are fenced, shutting down or without their directory leave, in the same record that ends their
 *    leadership (M28, M31). The ISR may become empty.
 * 2. Leader: stays, or the first replica in the ISR, else an eligible leader replica that is there, else none, or an
 *    unclean one where that is allowed (M30, M39). A leader that comes from outside the ISR is the whole ISR.
 * 3. ELR: while the ISR is smaller than min.insync.replicas, whoever leaves it has everything that was acknowledged, for
 *    the leader's high watermark stands still; as soon as the ISR is large enough the ELR is empty (M29). It stays eligible
 *    while its directory is offline, too.
 * 4. Epochs: a change of the leader raises the leader epoch; any change the partition epoch. A new incarnation begins fenced,
 *    so that whatever the old one led changes its leader, to none if need be: no epoch outlives its incarnation. A rotten
 *    replica that is made anew raises it too (M141).
 */
#include "controller/state/state_internal.h"

struct settle_rules settle_rules_plain(void)
{
    return (struct settle_rules){.lost = META_NO_BROKER};
}

/* One settling: everything that its steps need. */
struct settling {
    const struct world *world;
    struct slice topic;
    const struct meta_partition *old;
    const struct settle_rules *rules;
    struct meta_partition *next;
};

/* What is on disk in a directory that is offline is there when that comes back: it leads nothing, and is eligible still. */
static bool seat_kept(const struct settling *s, int32_t broker)
{
    assert(broker >= 0);
    const struct meta_replica *replica = meta_partition_replica(s->next, broker);
    return broker != s->rules->lost && replica != NULL && world_kept(s->world, replica);
}

static bool may_lead(const struct settling *s, int32_t broker)
{
    return (world_active(s->world, broker) || MUTANT(30)) && seat_kept(s, broker) &&
           world_seat(s->world, meta_partition_replica(s->next, broker));
}

static void settle_isr(const struct settling *s)
{
    struct meta_ids isr = {0};
    for (uint32_t i = 0; i < s->next->isr.count; i++) {
        int32_t member = s->next->isr.id[i];
        if (may_lead(s, member) && !meta_ids_has(&isr, member)) {
            bool added = meta_ids_add(&isr, member);
            assert(added);
        }
    }
    assert(isr.count <= s->next->isr.count);
    s->next->isr = isr;
}

/* The first replica, in the order of preference, that is in the set and may lead. */
static int32_t first_of(const struct settling *s, const struct meta_ids *set)
{
    assert(s->next->replica_count > 0);
    for (uint32_t i = 0; i < s->next->replica_count; i++) {
        int32_t broker = s->next->replicas[i].broker;
        if ((set == NULL || meta_ids_has(set, broker)) && may_lead(s, broker)) {
            return broker;
        }
    }
    return META_NO_BROKER;
}

static bool unclean_allowed(const struct settling *s)
{
    return s->rules->unclean == UNCLEAN_NOW || MUTANT(39) ||
           (s->rules->unclean == UNCLEAN_AS_SET && world_unclean(s->world, s->topic));
}

/* A leader from outside the ISR: the ISR is that one replica. */
static void lead_alone(const struct settling *s, int32_t leader)
{
    assert(s->next->isr.count == 0 && may_lead(s, leader));
    s->next->isr = (struct meta_ids){.id = {leader}, .count = 1};
    s->next->leader = leader;
}

/* true: the leader is an unclean one, and with it a new truth begins. */
static bool settle_leader(const struct settling *s)
{
    struct meta_partition *next = s->next;
    int32_t preferred = next->replicas[0].broker;
    assert(s->old->leader == META_NO_BROKER || meta_ids_has(&s->old->isr, s->old->leader));
    if (s->rules->preferred && meta_ids_has(&next->isr, preferred)) {
        next->leader = preferred;
        return false;
    }
    if (meta_ids_has(&next->isr, s->old->leader)) {
        next->leader = s->old->leader;
        return false;
    }
    next->leader = first_of(s, &next->isr);
    if (next->leader != META_NO_BROKER) {
        return false;
    }
    assert(next->isr.count == 0); /* all of its members may lead */
    assert(s->old->elr.count == 0 || s->old->isr.count < s->old->replica_count);
    int32_t eligible = first_of(s, &s->old->elr);
    if (eligible != META_NO_BROKER) {
        PROBE(ELECTED_FROM_ELR);
        lead_alone(s, eligible);
        return false;
    }
    if (!unclean_allowed(s)) {
        PROBE(LEADERLESS);
        return false;
    }
    /* The last known members are likely to have the most. */
    int32_t unclean = first_of(s, &s->old->last_known_elr);
    unclean = unclean != META_NO_BROKER ? unclean : first_of(s, NULL);
    if (unclean == META_NO_BROKER) {
        return false;
    }
    assert(!meta_ids_has(&s->old->elr, unclean)); /* that would have been a clean one */
    PROBE(ELECTED_UNCLEAN);
    lead_alone(s, unclean);
    next->recovery = META_RECOVERING;
    return true;
}

/* Adds the members of `from` that are not in the ISR and are (or are not) eligible. */
static void gather(const struct settling *s, const struct meta_ids *from, bool eligible,
                   const struct meta_ids *except, struct meta_ids *to)
{
    for (uint32_t i = 0; i < from->count; i++) {
        int32_t broker = from->id[i];
        bool replica = meta_partition_replica(s->next, broker) != NULL;
        if (replica && !meta_ids_has(&s->next->isr, broker) &&
            (except == NULL || !meta_ids_has(except, broker)) &&
            (!eligible || seat_kept(s, broker))) {
            bool added = meta_ids_add(to, broker);
            assert(added);
        }
    }
}

static void settle_elr(const struct settling *s)
{
    struct meta_partition *next = s->next;
    int32_t min = world_min_isr(s->world, s->topic, next->replica_count);
    assert(min >= 1 && s->rules->min_isr >= 0);
    if (s->rules->min_isr > 0 && s->rules->min_isr < min) {
        min = s->rules->min_isr;
    }
    next->elr = (struct meta_ids){0};
    next->last_known_elr = (struct meta_ids){0};
    if ((int32_t)next->isr.count >= min && !MUTANT(28)) {
        return;
    }
    gather(s, &s->old->elr, true, NULL, &next->elr);
    if (!MUTANT(29)) {
        gather(s, &s->old->isr, true, NULL, &next->elr);
    }
    gather(s, &s->old->last_known_elr, false, &next->elr, &next->last_known_elr);
    gather(s, &s->old->elr, false, &next->elr, &next->last_known_elr);
    gather(s, &s->old->isr, false, &next->elr, &next->last_known_elr);
}

static void settle_epochs(const struct settling *s)
{
    struct meta_partition *next = s->next;
    const struct meta_partition *old = s->old;
    assert(old->leader_epoch < INT32_MAX && old->partition_epoch < INT32_MAX);
    bool renew = next->leader != old->leader || (s->rules->renew && !MUTANT(141));
    next->leader_epoch = old->leader_epoch + (renew ? 1 : 0);
    next->partition_epoch = old->partition_epoch + 1;
    assert(next->leader_epoch >= old->leader_epoch);
}

bool partition_settle(const struct world *world, struct slice topic,
                      const struct meta_partition *old, const struct settle_rules *rules,
                      struct meta_partition *next)
{
    assert(uuid_eq(old->topic, next->topic) && old->index == next->index);
    assert(old->replica_count <= next->replica_count && topic.n > 0);
    struct settling s = {world, topic, old, rules, next};
    settle_isr(&s);
    if (settle_leader(&s)) {
        next->elr = (struct meta_ids){0};
        next->last_known_elr = (struct meta_ids){0};
    } else {
        settle_elr(&s);
    }
    settle_epochs(&s);
    assert(meta_partition_valid(next));
    assert(next->leader != META_NO_BROKER || next->isr.count == 0);
    assert(next->leader == META_NO_BROKER || may_lead(&s, next->leader));
    /* Does anything differ but the partition epoch? */
    struct meta_partition same = *next;
    same.partition_epoch = old->partition_epoch;
    return !meta_partition_equal(old, &same);
}
