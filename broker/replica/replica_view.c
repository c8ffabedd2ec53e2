/* Views of the partition: what role follows from them, and what stays known when only metadata changed. */
#include "broker/replica/replica_internal.h"

uint32_t view_member(const struct replica_view *view, int32_t broker_id)
{
    assert(view->member_count <= REPLICAS_MAX);
    for (uint32_t i = 0; i < view->member_count; i++) {
        if (view->members[i].id == broker_id) {
            return i;
        }
    }
    return NO_MEMBER;
}

uint32_t view_isr_bits(const struct replica_view *view)
{
    assert(view->isr_count <= view->member_count);
    uint32_t bits = 0;
    for (uint32_t i = 0; i < view->isr_count; i++) {
        uint32_t member = view_member(view, view->isr[i]);
        assert(member != NO_MEMBER);
        assert((bits & member_bit(member)) == 0);
        bits |= member_bit(member);
    }
    return bits;
}

static void view_assert(const struct replica *replica, const struct replica_view *view)
{
    assert(view->leader_epoch >= 0 && view->partition_epoch >= 0);
    assert(view->member_count >= 1 && view->member_count <= REPLICAS_MAX);
    assert(view->min_isr >= 1 && view->lag_time_max_ms > 0);
    assert(view->leader == NO_BROKER || view_member(view, view->leader) != NO_MEMBER);
    assert(view->leader != replica->config.self_id ||
           (view_isr_bits(view) & member_bit(view_member(view, view->leader))));
    for (uint32_t i = 0; i < view->member_count; i++) {
        assert(view->members[i].id >= 0);
        assert(view_member(view, view->members[i].id) == i);
    }
}

/* The same brokers, numbered as in `to`; false: one of them is not there. */
static bool bits_renumber(const struct replica_view *from, uint32_t bits,
                          const struct replica_view *to, uint32_t *ret_bits)
{
    *ret_bits = 0;
    for (uint32_t i = 0; i < from->member_count; i++) {
        if ((bits & member_bit(i)) == 0) {
            continue;
        }
        uint32_t member = view_member(to, from->members[i].id);
        if (member == NO_MEMBER) {
            return false;
        }
        *ret_bits |= member_bit(member);
    }
    return true;
}

/*
 * Progress goes with the broker id. Who was removed and comes again begins from nothing (KIP-966, its model §6.5.4); so does
 * who was fenced out of the in-sync set, however short that was: it joins by a fetch that it makes afterwards.
 */
static void progress_renumber(struct replica *replica, const struct replica_view *view,
                              uint32_t isr)
{
    struct replica_progress before[REPLICAS_MAX];
    memcpy(before, replica->leading.progress, sizeof(before));
    for (uint32_t i = 0; i < view->member_count; i++) {
        uint32_t old = view_member(&replica->view, view->members[i].id);
        bool out = !view->members[i].eligible && !(isr & member_bit(i));
        replica->leading.progress[i] = old != NO_MEMBER && !out ? before[old] : PROGRESS_UNKNOWN;
        if (old != NO_MEMBER &&
            out) { /* what it once had it still has, if it is the same incarnation */
            replica->leading.progress[i].broker_epoch = before[old].broker_epoch;
            replica->leading.progress[i].best_end = before[old].best_end;
        }
    }
}

/*
 * Whether a broker that we proposed has come back as another incarnation since. The proposal named the old one, so the
 * controller has not accepted it (the view would show a newer partition epoch) and never will; what made the broker fit to
 * join is gone, and asking again must not vouch for the new one.
 */
static bool joiner_reborn(const struct replica *replica, const struct replica_view *view)
{
    uint32_t joining = replica->leading.isr_proposed & ~replica->isr;
    for (uint32_t i = 0; i < replica->view.member_count; i++) {
        const struct replica_member *before = &replica->view.members[i];
        uint32_t now = (joining & member_bit(i)) ? view_member(view, before->id) : NO_MEMBER;
        if (now != NO_MEMBER && view->members[now].broker_epoch != before->broker_epoch) {
            return true;
        }
    }
    return false;
}

/* The same leadership, other metadata. An image may be older than an answer that the controller gave us: then our ISR and
 * partition epoch stay, and only what has no epoch of its own is taken. */
static void update(struct replica *replica, const struct replica_view *view, time_ms now,
                   struct replica_actions *actions)
{
    assert(view->leader == replica->view.leader);
    bool grown = view->partition_epoch > replica->view.partition_epoch || MUTANT(26);
    uint32_t isr = view_isr_bits(view);
    uint32_t proposed = 0;
    uint32_t last = view_member(view, replica->view.members[replica->leading.isr_last].id);
    if (!grown &&
        (!bits_renumber(&replica->view, replica->isr, view, &isr) ||
         !bits_renumber(&replica->view, replica->leading.isr_proposed, view, &proposed))) {
        return;
    }
    bool reborn = joiner_reborn(replica, view);
    bool registered = view->self_broker_epoch != replica->view.self_broker_epoch;
    int32_t partition_epoch = replica->view.partition_epoch;
    progress_renumber(replica, view, isr);
    replica->view = *view;
    replica->view.partition_epoch = grown ? view->partition_epoch : partition_epoch;
    replica->isr = isr;
    replica->leading.isr_proposed = proposed;
    replica->leading.isr_last = last == NO_MEMBER ? 0 : last;
    if (registered && replica->role == REPLICA_FOLLOWER && replica->producers_ready) {
        action_add(actions, REPLICA_FETCH);
    }
    if (reborn) {
        PROBE(REPLICA_JOINER_REBORN);
    }
    if (!grown) {
        PROBE(REPLICA_SAME_EPOCH_VIEW);
    }
    if (grown || reborn) {
        isr_settle(replica);
    }
    if (grown && replica->role == REPLICA_LEADER) {
        isr_resume(
            replica,
            now); /* what a leadership before this one asked for by just this partition epoch */
    }
}

static bool is_this_incarnation(const struct replica *replica)
{
    uint32_t self = view_member(&replica->view, replica->config.self_id);
    assert(self != NO_MEMBER);
    return replica->view.members[self].broker_epoch == replica->view.self_broker_epoch ||
           MUTANT(35);
}

static void take_role(struct replica *replica, time_ms now, struct replica_actions *actions)
{
    action_add(actions, REPLICA_WAKE_FOLLOWERS);
    action_add(actions, REPLICA_WAKE_CONSUMERS);
    bool self = replica->view.leader == replica->config.self_id;
    if (self && is_this_incarnation(replica)) {
        replica->role = REPLICA_LEADER;
        replica->producers_missing = false; /* there is nobody to ask */
        leader_begin(replica, now, actions);
    } else if (self || replica->view.leader == NO_BROKER) {
        if (self) {
            PROBE(REPLICA_LEADS_BY_OLD_IMAGE);
        }
        replica->role = REPLICA_IDLE;
        isr_settle(replica);
    } else {
        replica->role = REPLICA_FOLLOWER;
        follower_begin(replica, actions);
    }
}

void replica_view_step(struct replica *replica, const struct replica_view *view, time_ms now,
                       struct replica_actions *actions)
{
    assert(replica->role != REPLICA_LOADING);
    view_assert(replica, view);
    if (replica->role == REPLICA_STOPPED || view->leader_epoch < replica->view.leader_epoch) {
        PROBE(REPLICA_OLD_VIEW);
        return;
    }
    if (view->leader_epoch == replica->view.leader_epoch) {
        update(replica, view, now, actions);
    } else {
        leader_fail_waiters(replica, MUTANT(15) ? KAFKA_NONE : KAFKA_NOT_LEADER_OR_FOLLOWER);
        replica->view = *view;
        replica->isr = view_isr_bits(view);
        take_role(replica, now, actions);
    }
    if (replica->role == REPLICA_STOPPED) {
        return; /* halted */
    }
    replica_want_sync(replica, actions);
    if (replica->role == REPLICA_LEADER) {
        leader_advance(replica, now, actions);
        isr_consider(replica, now, actions);
    }
}
