/*
 * raft_story [--rewrite] FILE...; the commands, N and M being nodes:
 *   cluster COUNT                  an empty quorum of voters 1..COUNT; those up to 5 that are no voters may be started too
 *   log N TERM ...                 N's log before it starts, by the entries' terms; its own term is the last of them
 *   term N TERM                    the term that N knows before it starts
 *   start N ... | crash N ...      crash: what was not synced is gone
 *   timeout N                      the clock moves on to N's deadline, and N is told
 *   wait MS                        the clock moves on; nobody is told
 *   deliver N M | lose N M         what is on its way from N to M, in its order
 *   settle | lose all              everything that is on its way, until all is quiet (messages are not told)
 *   cut N | join N                 nothing leaves or reaches N
 *   slow N | fast N | sync N       a slow disk syncs when it is told to
 *   propose N COUNT | snapshot N INDEX | observe N M | voters N M ... | transfer N M | closed N M | gathered N | tick N
 *   show N
 */
#include "tests/golden/raft/desk.h"

#include <stdio.h>
#include <stdlib.h>

static void *take(void *ctx, size_t bytes)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

static void begin(void *ctx)
{
    struct desk *d = ctx;
    memset(d, 0, sizeof(*d));
    d->source = (struct memory_source){.take = take, .give = give};
}

static void end(void *ctx)
{
    for (int id = 1; id <= DESK_NODES; id++) {
        desk_crash(ctx, id);
    }
}

static void cluster(struct desk *d, int count)
{
    raft_config_defaults(&d->config, desk_name(1));
    d->config.trailing_entries = 0;
    d->count = (uint32_t)count;
    for (int id = 1; id <= DESK_NODES; id++) {
        struct desk_disk *disk = &d->node[id].disk;
        disk->voted_for = RAFT_NOBODY;
        disk->first = 1;
        for (int v = 1; v <= count && id <= count; v++) {
            disk->snapshot.voters.node[disk->snapshot.voters.count++] = desk_name(v);
        }
    }
}

static void log_of(struct desk *d, int id, const int *terms, int count)
{
    struct desk_disk *disk = &d->node[id].disk;
    for (int i = 0; i < count; i++) {
        disk->terms[++disk->last] = terms[i];
        disk->term = terms[i];
    }
}

/* Takes one message N -> M (0: any) off the mail; false: there is none. */
static bool pick(struct desk *d, int from, int to, size_t *until, struct desk_mail *ret_mail)
{
    for (size_t i = 0; i < *until; i++) {
        const struct raft_message *m = &d->mail[i].message;
        if ((from == 0 || m->from.id == from) && (to == 0 || m->to.id == to)) {
            *ret_mail = d->mail[i];
            memmove(&d->mail[i], &d->mail[i + 1], (--d->mail_count - i) * sizeof(d->mail[0]));
            --*until;
            return true;
        }
    }
    return false;
}

static void deliver(struct desk *d, int from, int to, bool lost)
{
    static struct desk_mail mail;
    size_t until = d->mail_count;
    while (pick(d, from, to, &until, &mail)) {
        struct raft_event event = {.kind = RAFT_EV_RECEIVE, .message = &mail.message};
        mail.message.append.runs = mail.message.kind == RAFT_APPEND ? mail.runs
                                                                    : mail.message.append.runs;
        mail.message.append.voters = mail.message.kind == RAFT_APPEND ? mail.voters
                                                                      : mail.message.append.voters;
        if (!lost) {
            desk_step(d, mail.message.to.id, &event, &mail);
        }
    }
}

static void settle(struct desk *d)
{
    d->quiet = true;
    while (d->mail_count > 0) {
        deliver(d, 0, 0, false);
    }
    d->quiet = false;
}

static void timeout(struct desk *d, int id)
{
    time_ms at = raft_deadline(&d->node[id].raft);
    struct raft_event event = {.kind = RAFT_EV_TICK};
    if (at == TIME_NEVER) {
        story_say(d->out, "%d: waits for nothing", id);
        return;
    }
    d->now = max_i64(d->now, at);
    desk_step(d, id, &event, NULL);
}

static void show(struct desk *d, int id)
{
    const struct raft *r = &d->node[id].raft;
    story_say(d->out, "%d: %s of term %d, log up to %ld, committed %ld", id,
              raft_role_name(raft_role_now(r)), raft_current_term(r), (long)raft_last_index(r),
              (long)raft_commit_index(r));
}

static void to_core(struct desk *d, const char *verb, const int *n, int count)
{
    struct raft_event event = {.node = desk_name(count > 1 ? n[1] : 0)};
    raft_term term = raft_current_term(&d->node[n[0]].raft);
    if (strcmp(verb, "propose") == 0) {
        event.kind = RAFT_EV_PROPOSE;
        event.propose.term = term;
        event.propose.count = (uint32_t)n[1];
        event.propose.ticket = 1;
    } else if (strcmp(verb, "snapshot") == 0) {
        struct desk_node *node = &d->node[n[0]];
        event.kind = RAFT_EV_SNAPSHOT_TAKEN;
        event.snapshot.index = n[1];
        event.snapshot.term = raft_term_at(&node->raft, n[1]);
        node->mem.snapshot = (struct raft_snapshot){.index = n[1],
                                                    .term = event.snapshot.term,
                                                    .voters = *raft_voters_at(&node->raft, n[1])};
        node->disk.snapshot = node->mem.snapshot;
    } else if (strcmp(verb, "voters") == 0) {
        event.kind = RAFT_EV_CHANGE_VOTERS;
        event.change.term = term;
        event.change.ticket = 1;
        event.change.voters.count = 0;
        for (int i = 1; i < count; i++) {
            event.change.voters.node[event.change.voters.count++] = desk_name(n[i]);
        }
    } else if (strcmp(verb, "observe") == 0) {
        event.kind = RAFT_EV_OBSERVE;
    } else if (strcmp(verb, "transfer") == 0) {
        event.kind = RAFT_EV_TRANSFER;
    } else if (strcmp(verb, "resign") == 0) {
        event.kind = RAFT_EV_RESIGN;
    } else if (strcmp(verb, "closed") == 0) {
        event.kind = RAFT_EV_PEER_CLOSED;
    } else if (strcmp(verb, "gathered") == 0) {
        event.kind = RAFT_EV_GATHERED;
    } else if (strcmp(verb, "tick") == 0) {
        event.kind = RAFT_EV_TICK;
    } else {
        story_say(d->out, "unknown command: %s", verb);
        return;
    }
    desk_step(d, n[0], &event, NULL);
}

static void each(struct desk *d, const char *verb, int id)
{
    struct desk_node *n = &d->node[id];
    if (strcmp(verb, "start") == 0) {
        desk_start(d, id);
    } else if (strcmp(verb, "crash") == 0) {
        desk_crash(d, id);
    } else if (strcmp(verb, "cut") == 0 || strcmp(verb, "join") == 0) {
        n->cut = verb[0] == 'c';
    } else if (strcmp(verb, "slow") == 0 || strcmp(verb, "fast") == 0) {
        n->slow = verb[0] == 's';
    } else if (strcmp(verb, "sync") == 0) {
        desk_sync(d, id);
    } else {
        show(d, id);
    }
}

static void command(void *ctx, const char *line, struct story_out *out)
{
    static const char *const singles[] = {"start", "crash", "cut",  "join",
                                          "slow",  "fast",  "sync", "show"};
    struct desk *d = ctx;
    char text[256];
    int n[DESK_LOG] = {0};
    int count = 0;
    char *rest = NULL;
    d->out = out;
    snprintf(text, sizeof(text), "%s", line);
    const char *verb = strtok_r(text, " ", &rest);
    for (const char *w = strtok_r(NULL, " ", &rest); w != NULL && count < DESK_LOG;
         w = strtok_r(NULL, " ", &rest)) {
        n[count++] = (int)strtol(w, NULL, 10);
    }
    for (size_t i = 0; i < ARRAY_LEN(singles); i++) {
        if (strcmp(verb, singles[i]) == 0) {
            for (int k = 0; k < count; k++) {
                each(d, verb, n[k]);
            }
            return;
        }
    }
    if (strcmp(verb, "cluster") == 0) {
        cluster(d, n[0]);
    } else if (strcmp(verb, "log") == 0) {
        log_of(d, n[0], n + 1, count - 1);
    } else if (strcmp(verb, "term") == 0) {
        d->node[n[0]].disk.term = n[1];
    } else if (strcmp(verb, "timeout") == 0) {
        timeout(d, n[0]);
    } else if (strcmp(verb, "wait") == 0) {
        d->now += n[0];
    } else if (strcmp(verb, "settle") == 0) {
        settle(d);
    } else if (strcmp(verb, "deliver") == 0 || strcmp(verb, "lose") == 0) {
        deliver(d, n[0], n[1], verb[0] == 'l');
    } else {
        to_core(d, verb, n, count);
    }
}

int main(int argc, char **argv)
{
    static struct desk desk;
    struct story_teller teller = {.ctx = &desk, .begin = begin, .command = command, .end = end};
    return story_main(&teller, argc, argv);
}
