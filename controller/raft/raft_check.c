#include "controller/raft/raft_internal.h"

static void check_follower(const struct raft *raft)
{
    const struct raft_follower *f = &raft->follower;
    assert(f->leader.id == RAFT_NO_ID || f->leader.id >= 0);
    assert(!raft_node_eq(f->leader, raft->config.self));
    assert(!f->heard || f->heard_at <= raft->now);
    assert(!f->leader_closed || f->leader.id != RAFT_NO_ID);
    assert((f->campaign_at != TIME_NEVER) == raft_may_stand(raft));
}

static void check_ballot(const struct raft *raft)
{
    const struct raft_ballot *b = &raft->ballot;
    assert((b->granted & ~b->answered) == 0);
    assert(b->answered >> VOTERS_MAX == 0);
    assert(b->vote_write == 0 || (raft->role == RAFT_CANDIDATE && b->ends_at == TIME_NEVER));
    assert(b->vote_write <= raft->write);
    if (raft->role == RAFT_CANDIDATE) {
        assert(raft_node_eq(raft->voted_for, raft->config.self));
        assert(raft->term > 0);
    } else {
        assert(b->vote_write == 0);
    }
}

static void check_peer(const struct raft *raft, const struct raft_peer *peer)
{
    assert(!raft_node_eq(peer->node, raft->config.self));
    assert(peer->voter == raft_voters_has(raft_voters_now(raft), peer->node));
    assert(peer->match >= 0 && peer->match < peer->next && peer->match <= raft->log.last);
    assert(peer->next <= raft->log.last + 1);
    assert(peer->in_flight_count <= RAFT_IN_FLIGHT_MAX);
    assert(peer->in_flight_count == 0 || peer->progress == RAFT_REPLICATE);
    for (uint32_t i = 0; i < peer->in_flight_count; i++) {
        assert(peer->in_flight[i] > peer->match && peer->in_flight[i] < peer->next);
        assert(i == 0 || peer->in_flight[i] > peer->in_flight[i - 1]);
    }
    assert(!peer->probing || peer->progress == RAFT_PROBE);
    assert(!peer->probing || peer->probe_last >= peer->next - 1);
    assert(!peer->probing || peer->probe_request <= raft->leader.request);
    assert(peer->progress == RAFT_SNAPSHOT || peer->chunk_request == 0);
    assert(peer->answered <= raft->leader.request && peer->chunk_request <= raft->leader.request);
    assert(!peer->heard || peer->heard_at <= raft->now);
}

static void check_leader(const struct raft *raft)
{
    const struct raft_leadership *l = &raft->leader;
    assert(l->term_start >= 1 && l->term_start <= raft->log.last);
    assert(raft_log_term(&raft->log, raft->log.last) == raft->term);
    assert(raft_node_eq(raft->voted_for, raft->config.self));
    assert(raft->term_write == 0); /* a vote counts once it is durable, so a leader's is */
    assert(l->ready == (raft->commit >= l->term_start));
    assert(l->peer_count <= RAFT_PEERS_MAX);
    for (uint32_t i = 0; i < l->peer_count; i++) {
        check_peer(raft, &l->peer[i]);
        for (uint32_t j = 0; j < i; j++) {
            assert(!raft_node_eq(l->peer[i].node, l->peer[j].node));
        }
    }
    assert(l->reading.open || !l->waiting.open);
    assert(!l->reading.open || l->reading.request <= l->request);
    assert(!l->waiting.open || l->waiting.ticket >= l->reading.ticket);
    assert(l->transfer_to.id == RAFT_NO_ID ? !l->transfer_sent : l->transfer_ends_at != TIME_NEVER);
}

static void check_writes(const struct raft *raft)
{
    assert(raft->written <= raft->write);
    assert(raft->durable >= 0 && raft->durable <= raft->log.last);
    assert(raft->term_write == 0 || raft->term_write > raft->written);
    assert(raft->term_write <= raft->write);
    assert(raft->write_count <= RAFT_WRITES_MAX);
    for (uint32_t i = 0; i < raft->write_count; i++) {
        const struct raft_write *w = &raft->writes[i];
        assert(w->write > raft->written && w->write <= raft->write);
        assert(i == 0 || w->write > w[-1].write);
        assert(w->end <= raft->log.last);
    }
    assert(raft->write_count > 0 ? raft->writes[raft->write_count - 1].end == raft->log.last
                                 : raft->durable == raft->log.last);
}

void raft_check(const struct raft *raft)
{
    assert(raft->role < RAFT_ROLES);
    if (raft->role == RAFT_HALTED) {
        assert(raft->halted != NULL);
        return;
    }
    raft_log_check(&raft->log);
    assert(raft->term >= raft_log_last_term(&raft->log));
    assert(raft->voted_for.id == RAFT_NO_ID || raft->term > 0);
    assert(raft->commit >= raft->log.snapshot.index && raft->commit <= raft->log.last);
    assert(!raft->download.open || raft->download.index > raft->log.snapshot.index);
    check_writes(raft);
    switch (raft->role) {
    case RAFT_FOLLOWER: check_follower(raft); break;
    case RAFT_PROSPECTIVE:
    case RAFT_CANDIDATE: check_ballot(raft); break;
    case RAFT_LEADER: check_leader(raft); break;
    case RAFT_HALTED:
    case RAFT_ROLES: assert(false);
    }
}
