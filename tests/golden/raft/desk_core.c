#include "tests/golden/raft/desk.h"

#include <stdio.h>

struct raft_node desk_name(int id)
{
    return (struct raft_node){.id = id, .directory = {{(uint8_t)id}}};
}

void desk_start(struct desk *d, int id)
{
    struct desk_node *n = &d->node[id];
    struct raft_run runs[DESK_LOG];
    struct raft_voters_entry voters[DESK_LOG];
    struct desk_disk *disk = &n->disk;
    struct raft_durable_state state = {.term = disk->term,
                                       .voted_for = disk->voted_for,
                                       .snapshot = disk->snapshot,
                                       .first_index = disk->first,
                                       .runs = runs,
                                       .voters = voters};
    for (raft_index i = disk->first; i <= disk->last; i++) {
        runs[state.run_count++] = (struct raft_run){.term = disk->terms[i], .count = 1};
        if (disk->voters[i].count > 0) {
            voters[state.voters_count++] = (struct raft_voters_entry){.index = i,
                                                                      .voters = disk->voters[i]};
        }
    }
    d->config.self = desk_name(id);
    n->mem = *disk;
    n->write = 0;
    n->held_count = 0;
    heap_init(&n->heap, &d->source, (size_t)1 << 20);
    err_t err = raft_init(&n->raft, &d->config, &state, &n->heap, (uint64_t)id, d->now);
    assert(err == OK);
    n->up = err == OK;
}

void desk_crash(struct desk *d, int id)
{
    struct desk_node *n = &d->node[id];
    if (n->up) {
        raft_release(&n->raft);
        heap_release(&n->heap);
        n->up = false;
    }
}

static void tell_message(struct desk *d, const struct raft_message *m)
{
    char what[160];
    char range[48] = "nothing";
    const struct raft_append *a = &m->append;
    switch (m->kind) {
    case RAFT_PRE_VOTE:
    case RAFT_VOTE:
        snprintf(what, sizeof(what), "for term %d, log ends at %ld of term %d", m->vote.term,
                 (long)m->vote.last_index, m->vote.last_term);
        break;
    case RAFT_PRE_VOTE_ANSWER:
    case RAFT_VOTE_ANSWER:
        snprintf(what, sizeof(what), "%s", m->vote_answer.granted ? "yes" : "no");
        break;
    case RAFT_APPEND:
        if (a->last >= a->first) {
            snprintf(range, sizeof(range), "%ld..%ld", (long)a->first, (long)a->last);
        }
        snprintf(what, sizeof(what), "%s behind %ld (term %d), commit %ld%s", range,
                 (long)a->prev_index, a->prev_term, (long)a->commit, a->quiet ? ", quiet" : "");
        break;
    case RAFT_APPEND_ANSWER:
        if (m->append_answer.accepted) {
            snprintf(what, sizeof(what), "have up to %ld", (long)m->append_answer.match);
        } else {
            snprintf(what, sizeof(what), "no; perhaps at %ld (term %d)",
                     (long)m->append_answer.hint_index, m->append_answer.hint_term);
        }
        break;
    case RAFT_SEND_SNAPSHOT:
        snprintf(what, sizeof(what), "of %ld, whole", (long)m->chunk.snapshot.index);
        break;
    case RAFT_SNAPSHOT_ANSWER:
        snprintf(what, sizeof(what), "%s", m->chunk_answer.installed ? "have it" : "more");
        break;
    default: what[0] = '\0';
    }
    story_say(d->out, "%d -> %d, term %d: %s%s%s", m->from.id, m->to.id, m->term,
              raft_message_name(m->kind), what[0] == '\0' ? "" : ": ", what);
}

static void post(struct desk *d, struct desk_node *n, const struct raft_message *message)
{
    if (!d->quiet) {
        tell_message(d, message);
    }
    if (n->cut || d->node[message->to.id].cut) {
        return;
    }
    assert(d->mail_count < DESK_MAIL);
    struct desk_mail *mail = &d->mail[d->mail_count++];
    mail->message = *message;
    if (message->kind == RAFT_SEND_SNAPSHOT) {
        mail->message.chunk.bytes = 1;
        mail->message.chunk.last = true;
    } else if (message->kind == RAFT_APPEND) {
        struct raft_append *a = &mail->message.append;
        a->run_count = a->voters_count = 0;
        for (raft_index i = a->first; i <= a->last; i++) {
            mail->runs[a->run_count++] = (struct raft_run){.term = n->mem.terms[i], .count = 1};
            if (n->mem.voters[i].count > 0) {
                mail->voters[a->voters_count++] = (struct raft_voters_entry){
                    .index = i, .voters = n->mem.voters[i]};
            }
        }
    }
}

static void store(struct desk_disk *m, const struct raft_store *s, const struct desk_mail *mail)
{
    for (raft_index i = s->first; i <= s->last; i++) {
        m->terms[i] = s->from_message ? mail->runs[s->skip + i - s->first].term : s->term;
        m->voters[i] = !s->from_message && s->kind == RAFT_VOTERS ? s->voters
                                                                  : (struct raft_voters){0};
    }
    for (size_t v = 0; s->from_message && v < mail->message.append.voters_count; v++) {
        m->voters[mail->voters[v].index] = mail->voters[v].voters;
    }
    m->last = s->last;
}

static void tell(struct desk *d, int id, const struct raft_action *a)
{
    struct story_out *out = d->out;
    switch (a->kind) {
    case RAFT_STORE:
        if (a->store.truncate_from > 0) {
            story_say(out, "%d: cuts its log from %ld", id, (long)a->store.truncate_from);
        }
        story_say(out, "%d: stores %ld..%ld", id, (long)a->store.first, (long)a->store.last);
        break;
    case RAFT_SAVE_VOTE:
        if (a->save_vote.voted_for.id == RAFT_NO_ID) {
            story_say(out, "%d: notes term %d", id, a->save_vote.term);
        } else {
            story_say(out, "%d: notes term %d, vote for %d", id, a->save_vote.term,
                      a->save_vote.voted_for.id);
        }
        break;
    case RAFT_COMMITTED: story_say(out, "%d: COMMITTED up to %ld", id, (long)a->committed); break;
    case RAFT_BECAME_FOLLOWER:
        if (a->role.leader.id == RAFT_NO_ID) {
            story_say(out, "%d: follows nobody", id);
        } else {
            story_say(out, "%d: follows %d", id, a->role.leader.id);
        }
        break;
    case RAFT_BECAME_LEADER: story_say(out, "%d: LEADS term %d", id, a->role.term); break;
    case RAFT_VOTERS_NOW:
        story_say(out, "%d: %u voters, by entry %ld", id, a->voters.voters.count,
                  (long)a->voters.index);
        break;
    case RAFT_REFUSED: story_say(out, "%d: refuses, %s", id, err_text(a->refused.why)); break;
    case RAFT_HALT: story_say(out, "%d: HALTS: %s", id, a->why); break;
    case RAFT_INSTALL:
        story_say(out, "%d: installs snapshot %ld", id, (long)a->install.snapshot.index);
        break;
    case RAFT_DROP_PREFIX: story_say(out, "%d: drops up to %ld", id, (long)a->drop_to); break;
    case RAFT_CAUGHT_UP: story_say(out, "%d: %d has caught up", id, a->node.id); break;
    default: story_say(out, "%d: %s", id, raft_action_name(a->kind));
    }
}

static void keep(struct desk_node *n, const struct raft_action *a, const struct desk_mail *mail)
{
    struct desk_disk *m = &n->mem;
    if (a->write > 0) {
        n->write = a->write;
    }
    if (a->kind == RAFT_SAVE_VOTE) {
        m->term = a->save_vote.term;
        m->voted_for = a->save_vote.voted_for;
    } else if (a->kind == RAFT_STORE) {
        store(m, &a->store, mail);
    } else if (a->kind == RAFT_DROP_PREFIX) {
        m->first = a->drop_to + 1;
    } else if (a->kind == RAFT_INSTALL) {
        m->snapshot = a->install.snapshot;
        m->first = m->snapshot.index + 1;
        m->last = a->install.keep_log ? m->last : m->snapshot.index;
    }
}

void desk_step(struct desk *d, int id, struct raft_event *event, const struct desk_mail *mail)
{
    struct desk_node *n = &d->node[id];
    if (!n->up) {
        return;
    }
    event->now = d->now;
    raft_step(&n->raft, event, &d->actions);
    raft_check(&n->raft);
    for (uint32_t i = 0; i < d->actions.count; i++) {
        const struct raft_action *a = &d->actions.at[i];
        if (a->kind != RAFT_SEND) {
            keep(n, a, mail);
            tell(d, id, a);
        } else if (a->after_write > 0) {
            assert(n->held_count < DESK_LOG);
            n->held[n->held_count++] = *a;
        } else {
            post(d, n, &a->message);
        }
    }
    if (!n->slow) {
        desk_sync(d, id);
    }
}

void desk_sync(struct desk *d, int id)
{
    struct desk_node *n = &d->node[id];
    if (!n->up || n->raft.written == n->write) {
        return;
    }
    n->disk = n->mem;
    size_t held = n->held_count;
    n->held_count = 0;
    for (size_t i = 0; i < held; i++) {
        post(d, n, &n->held[i].message);
    }
    struct raft_event event = {.kind = RAFT_EV_WRITTEN, .write = n->write};
    desk_step(d, id, &event, NULL);
}
