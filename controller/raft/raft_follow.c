/* The follower: appends (paper §5.3), conflicts, snapshots (§7, KIP-630). */
#include "controller/raft/raft_internal.h"

void raft_commit_to(struct raft *raft, struct raft_actions *actions, raft_index index)
{
    assert(index > raft->commit && index <= raft->log.last);
    raft->commit = index;
    if (raft->role == RAFT_FOLLOWER &&
        (raft->follower.campaign_at != TIME_NEVER) != raft_may_stand(raft)) {
        raft_reset_patience(raft);
    }
    raft_emit(actions, RAFT_COMMITTED)->committed = index;
}

/* ---- appends ---- */

static bool append_shaped(const struct raft_message *message)
{
    const struct raft_append *append = &message->append;
    raft_index count = 0;
    raft_term term = append->prev_term;
    if (append->prev_index < 0 || append->prev_index > INT64_MAX / 4 || append->prev_term < 0 ||
        append->first != append->prev_index + 1 || append->last < append->prev_index) {
        return false;
    }
    for (size_t i = 0; i < append->run_count; i++) {
        if (append->runs[i].count < 1 || append->runs[i].term < term || append->runs[i].term < 1) {
            return false;
        }
        term = append->runs[i].term;
        count += append->runs[i].count;
    }
    if (term > message->term) {
        return false; /* nobody leads in a term that he does not know */
    }
    raft_index index = append->prev_index;
    for (size_t i = 0; i < append->voters_count; i++) {
        const struct raft_voters_entry *v = &append->voters[i];
        if (v->index <= index || v->index > append->last || v->voters.count == 0 ||
            !raft_voters_valid(&v->voters)) {
            return false;
        }
        index = v->index;
    }
    return count == append->last - append->prev_index;
}

static raft_term run_term(const struct raft_append *append, raft_index index)
{
    raft_index at = append->first;
    for (size_t i = 0; i < append->run_count; i++) {
        if (index < at + append->runs[i].count) {
            return append->runs[i].term;
        }
        at += append->runs[i].count;
    }
    assert(!"an index beyond the message");
    return 0;
}

static void refuse_append(struct raft *raft, struct raft_actions *actions,
                          const struct raft_message *message)
{
    const struct raft_append *append = &message->append;
    struct raft_message *answer = raft_send(raft, actions, RAFT_APPEND_ANSWER, message->from, 0);
    answer->append_answer.request = append->request;
    PROBE(RAFT_APPEND_REFUSED);
    raft_index hint = raft_log_agreement(&raft->log, append->prev_index, append->prev_term);
    if (hint == append->prev_index && hint > 0) { /* the same index, another term below it */
        hint--;
    }
    answer->append_answer.hint_index = hint;
    answer->append_answer.hint_term = max_i64(raft_log_term(&raft->log, hint), 0);
}

static void accept_append(struct raft *raft, struct raft_actions *actions,
                          const struct raft_message *message, raft_index match)
{
    if (message->append.quiet && message->append.last == message->append.prev_index) {
        PROBE(RAFT_HEARTBEAT_QUIET);
        return;
    }
    struct raft_message *answer = raft_send(raft, actions, RAFT_APPEND_ANSWER, message->from,
                                            raft_write_of(raft, match));
    answer->append_answer.request = message->append.request;
    answer->append_answer.accepted = true;
    answer->append_answer.match = match;
}

/* Entries >= from go; the writes under way end there too. */
static void cut(struct raft *raft, raft_index from)
{
    raft_log_truncate(&raft->log, from);
    raft->durable = min_i64(raft->durable, from - 1);
    for (uint32_t i = 0; i < raft->write_count; i++) {
        raft->writes[i].end = min_i64(raft->writes[i].end, from - 1);
    }
}

static void entries_add(struct raft *raft, const struct raft_append *append, raft_index first)
{
    raft_index at = append->first;
    for (size_t i = 0; i < append->run_count; i++) {
        raft_index end = at + append->runs[i].count;
        if (end > first) {
            raft_log_append(&raft->log, append->runs[i].term, end - max_i64(at, first));
        }
        at = end;
    }
    for (size_t i = 0; i < append->voters_count; i++) {
        if (append->voters[i].index >= first) {
            raft_log_add_voters(&raft->log, append->voters[i].index, &append->voters[i].voters);
        }
    }
}

/* The leader does not have what is committed here. */
static void halt_bereft(struct raft *raft, struct raft_actions *actions)
{
    raft_halt(
        raft, actions,
        "an entry below the commit point would be cut: a disk of the quorum has lost what it had "
        "promised to keep");
}

/* The message's entries from `first` on are new here, what we have from there on is not the leader's. */
static bool take(struct raft *raft, struct raft_actions *actions, const struct raft_append *append,
                 raft_index first)
{
    bool conflict = first <= raft->log.last;
    if (conflict && first <= raft->commit && !MUTANT(65)) {
        halt_bereft(raft, actions);
        return false;
    }
    if (raft_log_reserve(&raft->log, append->run_count, append->voters_count) != OK) {
        raft_halt(raft, actions, "no memory left for the bounds of the Raft log");
        return false;
    }
    bool reverted = conflict && raft_log_voters_index(&raft->log) >= first;
    if (conflict) {
        PROBE(RAFT_CONFLICT_CUT);
        cut(raft, first);
    }
    entries_add(raft, append, first);
    assert(raft->log.last == append->last);
    struct raft_action *action = raft_emit(actions, RAFT_STORE);
    action->write = ++raft->write;
    action->store = (struct raft_store){.truncate_from = conflict ? first : 0,
                                        .first = first,
                                        .last = append->last,
                                        .from_message = true,
                                        .skip = first - append->first};
    raft_note_write(raft, action->write);
    if (reverted) {
        PROBE(RAFT_VOTERS_REVERTED);
    }
    if (reverted || append->voters_count > 0) {
        raft_voters_changed(raft, actions);
        raft_reset_patience(raft);
    }
    return true;
}

/* The first entry of the message, at or above `from`, that our log lacks or has with another term; last + 1: none. */
static raft_index first_new(const struct raft *raft, const struct raft_append *append,
                            raft_index from)
{
    raft_index index = from;
    while (index <= append->last && index <= raft->log.last &&
           raft_log_term(&raft->log, index) == run_term(append, index)) {
        index++;
    }
    return index;
}

void raft_on_append(struct raft *raft, struct raft_actions *actions,
                    const struct raft_message *message)
{
    const struct raft_append *append = &message->append;
    if (!append_shaped(message) || !raft_hear_leader(raft, actions, message->from)) {
        return;
    }
    raft_index from = append->first;
    if (append->prev_index < raft->log.snapshot.index) {
        PROBE(RAFT_APPEND_BELOW_SNAPSHOT);
        from = raft->log.snapshot.index +
               1; /* what a snapshot covers is committed, so it is the leader's too */
        if (append->last >= raft->log.snapshot.index &&
            run_term(append, raft->log.snapshot.index) != raft->log.snapshot.term) {
            halt_bereft(raft, actions);
            return;
        }
        if (append->last < from) {
            accept_append(raft, actions, message, max_i64(append->last, 0));
            return;
        }
    } else if (append->prev_index > raft->log.last ||
               raft_log_term(&raft->log, append->prev_index) != append->prev_term) {
        refuse_append(raft, actions, message);
        return;
    }
    raft_index first = first_new(raft, append, from);
    if (first <= append->last && !take(raft, actions, append, first)) {
        return;
    }
    raft_index commit = min_i64(append->commit, append->last);
    if (commit > raft->commit) {
        raft_commit_to(raft, actions, commit);
    }
    accept_append(raft, actions, message, append->last);
}

/* ---- snapshots ---- */

static struct raft_message *chunk_answer(struct raft *raft, struct raft_actions *actions,
                                         const struct raft_message *message, uint64_t after_write)
{
    struct raft_message *answer = raft_send(raft, actions, RAFT_SNAPSHOT_ANSWER, message->from,
                                            after_write);
    answer->chunk_answer.request = message->chunk.request;
    answer->chunk_answer.index = message->chunk.snapshot.index;
    return answer;
}

static void install(struct raft *raft, struct raft_actions *actions,
                    const struct raft_message *message)
{
    const struct raft_snapshot *snapshot = &message->chunk.snapshot;
    bool keep = raft_log_term(&raft->log, snapshot->index) == snapshot->term &&
                snapshot->index <= raft->log.last;
    struct raft_action *action = raft_emit(actions, RAFT_INSTALL);
    action->write = ++raft->write;
    action->install.snapshot = *snapshot;
    action->install.keep_log = keep;
    raft_log_install(&raft->log, snapshot, keep);
    if (keep) {
        PROBE(RAFT_INSTALL_KEEPS_LOG);
    }
    if (!keep) { /* until it is published, a crash leaves the old log, of which the committed part is the leader's */
        raft->durable = min_i64(raft->durable, raft->commit);
        PROBE(RAFT_INSTALL_REPLACES_LOG);
        raft->write_count = 0;
        raft_note_write(raft, action->write);
    }
    raft->download.open = false;
    raft_commit_to(raft, actions, snapshot->index);
    raft_voters_changed(raft, actions);
    raft_reset_patience(raft);
    chunk_answer(raft, actions, message, action->write)->chunk_answer.installed = true;
}

static bool chunk_shaped(const struct raft_chunk *chunk)
{
    return chunk->snapshot.index > 0 && chunk->snapshot.index < INT64_MAX / 4 &&
           chunk->snapshot.term > 0 && raft_voters_valid(&chunk->snapshot.voters) &&
           chunk->offset < UINT64_MAX / 2;
}

void raft_on_chunk(struct raft *raft, struct raft_actions *actions,
                   const struct raft_message *message)
{
    const struct raft_chunk *chunk = &message->chunk;
    struct raft_download *download = &raft->download;
    if (!chunk_shaped(chunk) || !raft_hear_leader(raft, actions, message->from)) {
        return;
    }
    if (chunk->snapshot.index <= raft->commit && !MUTANT(58)) {
        PROBE(RAFT_CHUNK_NOT_NEEDED);
        uint64_t after_write = raft_write_of(raft, chunk->snapshot.index);
        chunk_answer(raft, actions, message, after_write)->chunk_answer.installed = true;
        return;
    }
    if (!download->open || download->term != raft->term ||
        download->index != chunk->snapshot.index) {
        *download = (struct raft_download){
            .open = true, .term = raft->term, .index = chunk->snapshot.index};
    }
    if (chunk->offset != download->next_offset) { /* torn or repeated: say which byte is wanted */
        PROBE(RAFT_CHUNK_TORN);
        chunk_answer(raft, actions, message, 0)->chunk_answer.next_offset = download->next_offset;
        return;
    }
    struct raft_action *action = raft_emit(actions, RAFT_SAVE_CHUNK);
    action->write = ++raft->write;
    action->save_chunk = (struct raft_save_chunk){
        .index = chunk->snapshot.index, .offset = chunk->offset, .bytes = chunk->bytes};
    download->next_offset += chunk->bytes;
    if (chunk->last) {
        install(raft, actions, message);
    } else {
        chunk_answer(raft, actions, message, 0)->chunk_answer.next_offset = download->next_offset;
    }
}
