/* Questions that change nothing. */
#include "broker/replica/replica_internal.h"

static enum kafka_error check_reader(const struct replica *replica, int32_t current_leader_epoch,
                                     bool any_replica)
{
    if (replica->role == REPLICA_STOPPED) {
        return replica->stop_error;
    }
    if (current_leader_epoch >= 0 && !MUTANT(6)) {
        if (current_leader_epoch < replica->view.leader_epoch) {
            return KAFKA_FENCED_LEADER_EPOCH;
        }
        if (current_leader_epoch > replica->view.leader_epoch) {
            return KAFKA_UNKNOWN_LEADER_EPOCH;
        }
    }
    bool hosts = replica->role == REPLICA_FOLLOWER || replica->role == REPLICA_IDLE;
    bool serves = replica->role == REPLICA_LEADER ||
                  (any_replica && hosts && replica->view.leader_epoch >= 0);
    return serves ? KAFKA_NONE : KAFKA_NOT_LEADER_OR_FOLLOWER;
}

enum kafka_error replica_check_leader(const struct replica *replica, int32_t current_leader_epoch)
{
    return check_reader(replica, current_leader_epoch, false);
}

/* Where the reader's log leaves ours (KIP-595): it holds records up to fetch_offset, the last of last_fetched_epoch. */
static enum kafka_error find_divergence(const struct replica *replica,
                                        const struct replica_read_request *request,
                                        struct replica_read *read)
{
    if (request->last_fetched_epoch < 0) {
        return KAFKA_NONE;
    }
    int32_t epoch;
    int64_t end;
    epoch_cache_end(&replica->epochs, request->last_fetched_epoch, replica->log_end, &epoch, &end);
    if (MUTANT(3) && epoch < request->last_fetched_epoch) {
        return KAFKA_NONE;
    }
    if (epoch == NO_EPOCH) {
        return KAFKA_OFFSET_OUT_OF_RANGE;
    }
    if (epoch < request->last_fetched_epoch || end < request->fetch_offset) {
        PROBE(READ_DIVERGING);
        read->diverging_epoch = epoch;
        read->diverging_end = end;
    }
    return KAFKA_NONE;
}

enum kafka_error replica_read(const struct replica *replica,
                              const struct replica_read_request *request,
                              struct replica_read *ret_read)
{
    bool follower = request->replica_id >= 0;
    assert(!follower || !request->any_replica);
    *ret_read = (struct replica_read){
        .error = check_reader(replica, request->current_leader_epoch, request->any_replica),
        .diverging_epoch = NO_EPOCH,
        .diverging_end = NO_OFFSET,
        .end = follower ? replica->log_end : replica->high_watermark,
        .high_watermark = replica->high_watermark,
        .last_stable_offset = replica->high_watermark,
        .log_start = replica->log_start};
    if (ret_read->error == KAFKA_NONE) {
        ret_read->error = find_divergence(replica, request, ret_read);
    }
    bool diverging = ret_read->diverging_epoch != NO_EPOCH && !MUTANT(4);
    if (ret_read->error == KAFKA_NONE && !diverging &&
        (request->fetch_offset < replica->log_start || request->fetch_offset > replica->log_end)) {
        ret_read->error = KAFKA_OFFSET_OUT_OF_RANGE;
    }
    bool news = follower &&
                ((replica->leading.news_due && request->high_watermark < replica->high_watermark) ||
                 (request->log_start >= 0 && request->log_start < replica->log_start));
    ret_read->at_once = ret_read->error != KAFKA_NONE || diverging || news;
    return ret_read->error;
}

enum kafka_error replica_latest(const struct replica *replica, int32_t current_leader_epoch,
                                int64_t *ret_offset)
{
    enum kafka_error error = replica_check_leader(replica, current_leader_epoch);
    if (error != KAFKA_NONE) {
        return error;
    }
    /* An earlier leader may have shown a higher watermark: never tell clients that the log went back. */
    if (replica->high_watermark < replica->leading.epoch_start && !MUTANT(14)) {
        return KAFKA_OFFSET_NOT_AVAILABLE;
    }
    *ret_offset = replica->high_watermark;
    return KAFKA_NONE;
}

uint32_t replica_choices(const struct replica *replica, int64_t fetch_offset,
                         struct replica_choice ret_choices[REPLICAS_MAX])
{
    uint32_t count = 0;
    for (uint32_t i = 0; replica->role == REPLICA_LEADER && i < replica->view.member_count; i++) {
        const struct replica_progress *progress = &replica->leading.progress[i];
        bool other = replica->view.members[i].id != replica->config.self_id;
        if (other && (replica->isr & member_bit(i)) && progress->end >= fetch_offset &&
            progress->log_start <= fetch_offset) {
            assert(count < REPLICAS_MAX);
            ret_choices[count++] = (struct replica_choice){.broker = replica->view.members[i].id,
                                                           .end = progress->end,
                                                           .caught_up_ms = progress->caught_up_ms};
        }
    }
    return count;
}

int64_t replica_low_watermark(const struct replica *replica)
{
    assert(replica->role == REPLICA_LEADER);
    int64_t low = replica->log_start;
    for (uint32_t i = 0; i < replica->view.member_count; i++) {
        const struct replica_member *member = &replica->view.members[i];
        if (member->id != replica->config.self_id && member->eligible) {
            low = min_i64(low, replica->leading.progress[i].log_start);
        }
    }
    return low;
}

enum kafka_error replica_epoch_end(const struct replica *replica, int32_t current_leader_epoch,
                                   int32_t epoch, int32_t *ret_epoch, int64_t *ret_end)
{
    enum kafka_error error = replica_check_leader(replica, current_leader_epoch);
    if (error == KAFKA_NONE) {
        epoch_cache_end(&replica->epochs, epoch, replica->log_end, ret_epoch, ret_end);
    }
    return error;
}

bool replica_fetch_plan(const struct replica *replica, struct replica_fetch_plan *ret_plan)
{
    if (replica->role != REPLICA_FOLLOWER || !replica->producers_ready ||
        replica->view.self_broker_epoch < 0) {
        return false; /* unregistered, its fetches would not count */
    }
    assert(replica->view.leader >= 0 && replica->view.leader != replica->config.self_id);
    *ret_plan = (struct replica_fetch_plan){
        .leader = replica->view.leader,
        .leader_epoch = replica->view.leader_epoch,
        .broker_epoch = replica->view.self_broker_epoch,
        .fetch_offset = replica->log_end,
        .last_fetched_epoch = epoch_cache_latest(&replica->epochs),
        .durable_offset = MUTANT(16) ? replica->log_end : replica->durable_end,
        .high_watermark = replica->high_watermark,
        .log_start = replica->log_start,
        .producers_below = replica->producers_missing ? replica->log_start : NO_OFFSET,
    };
    return true;
}

const struct epoch_entry *replica_epochs(const struct replica *replica, uint32_t *ret_count)
{
    *ret_count = replica->epochs.count;
    return replica->epochs.entries;
}

int32_t replica_epoch_at(const struct replica *replica, int64_t offset)
{
    assert(offset >= 0);
    return epoch_cache_at(&replica->epochs, offset);
}

bool replica_next_producer(const struct replica *replica, uint32_t *at,
                           struct producer_entry *ret_entry)
{
    return producer_table_next(&replica->producers, at, ret_entry);
}

bool replica_next_producer_below(const struct replica *replica, uint32_t *at, int64_t below,
                                 struct producer_entry *ret_entry)
{
    return producer_table_next_below(&replica->producers, at, below, ret_entry);
}

bool replica_in_isr(const struct replica *replica, int32_t broker_id)
{
    uint32_t member = view_member(&replica->view, broker_id);
    return member != NO_MEMBER && (replica->isr & member_bit(member)) != 0;
}
