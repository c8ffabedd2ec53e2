/* What the quorum hands up, and in which order. */
#include "controller/node/quorum.h"
#include "common/rpc/rpc.h"
#include "controller/node/raft_wire.h"
#include "tests/unit/controller/node/store_site.h"

#define SELF 1
#define PEER 2

struct stage {
    struct world *world;
    struct store_site at;
    struct store_site other; /* who makes the snapshot */
    struct raft_voters voters;
    Odradek__Hello hello;
    struct rpc rpc;
    struct trace trace;
    struct quorum *quorum;
    Odradek__RaftMessage message;
    raft_term led; /* the newest term that we lead in */
    char told[32]; /* a letter each */
};

static void tell(void *ctx, char letter)
{
    struct stage *s = ctx;
    size_t n = strlen(s->told);
    cr_assert_lt(n + 1, sizeof(s->told));
    s->told[n] = letter;
}

static void on_durable(void *ctx, uint64_t write)
{
    struct stage *s = ctx;
    if (s->quorum != NULL) {
        quorum_durable(s->quorum, write);
    }
}

static void on_snapshot(void *ctx, raft_index index, raft_term term)
{
    cr_assert(ctx != NULL && index > 0 && term > 0);
}

static void on_failed(void *ctx, const char *sentence)
{
    cr_assert(ctx == NULL, "%s", sentence);
}

static void on_leading(void *ctx, raft_term term)
{
    struct stage *s = ctx;
    cr_assert_gt(term, s->led);
    s->led = term;
    tell(ctx, 'L');
}

static void on_following(void *ctx, struct raft_node leader, raft_term term)
{
    cr_assert(leader.id == RAFT_NO_ID || term > 0);
    tell(ctx, 'F');
}

static void on_committed(void *ctx, raft_index index, const struct raft_entry *entry)
{
    cr_assert(index > 0 && entry->term > 0);
    tell(ctx, 'C');
}

static void on_restored(void *ctx, const struct raft_snapshot *snapshot, struct slice body)
{
    cr_assert_eq(snapshot->index, 20);
    cr_assert(slice_eq(body, slice_str("state")));
    tell(ctx, 'R');
}

static const struct raft_disk_events disk_events = {on_durable, on_snapshot, on_failed};
static const struct quorum_events quorum_events = {.leading = on_leading,
                                                   .following = on_following,
                                                   .committed = on_committed,
                                                   .restored = on_restored,
                                                   .halted = on_failed};

static struct store_site *site_begin(struct stage *s, struct store_site *at, const char *address)
{
    store_site_begin(at, world_host(s->world, address));
    cr_assert_eq(disk_mkdir(at->host, "/meta"), OK);
    cr_assert_eq(store_site_open(at, &disk_events, s), OK);
    return at;
}

static void start(void *ctx)
{
    struct stage *s = ctx;
    struct quorum_options options = {.seed = 7};
    raft_config_defaults(&options.raft, s->voters.node[0]);
    cr_assert_eq(quorum_open(&s->rpc, &s->at.heap, &s->trace, &options, s->at.store, &s->at.found,
                             &quorum_events, s, &s->quorum),
                 OK);
    quorum_start(s->quorum, &options);
}

static void stop(void *ctx)
{
    struct stage *s = ctx;
    quorum_close(s->quorum);
    s->quorum = NULL;
    rpc_release(&s->rpc);
}

/* One of so many controllers; it has no addresses of the others, whose words come from the test. */
static void stage_begin(struct stage *s, uint32_t voters)
{
    *s = (struct stage){.world = world_open(1, false), .voters.count = voters};
    struct store_site *at = site_begin(s, &s->at, "10.0.0.1");
    (void)site_begin(s, &s->other, "10.0.0.2");
    for (int32_t i = 0; i < (int32_t)voters; i++) {
        s->voters.node[i] = (struct raft_node){.id = i + 1, .directory.b = {(uint8_t)(i + 1)}};
    }
    cr_assert_eq(raft_disk_found(at->store, slice_str("cluster"), &s->voters), OK);
    at->found.snapshot.voters = s->voters;
    odradek__hello__init(&s->hello);
    store_site_trace(&s->trace, s->at.host);
    rpc_init(&s->rpc, at->loop, &at->heap, (struct hash_key){1, 2}, &s->hello);
    store_site_do(&s->at, s->world, start, s);
}

static void stage_end(struct stage *s)
{
    store_site_do(&s->at, s->world, stop, s);
    raft_disk_close(s->at.store);
    raft_disk_close(s->other.store);
    store_site_end(&s->at);
    store_site_end(&s->other);
    world_close(s->world);
}

static bool is_quiet(void *ctx)
{
    const struct stage *s = ctx;
    return !raft_disk_busy(s->at.store) && !raft_disk_busy(s->other.store);
}

static void settle(struct stage *s)
{
    cr_assert(world_run(s->world, is_quiet, s, 1000000));
}

static bool stands(void *ctx)
{
    return quorum_raft(((struct stage *)ctx)->quorum)->role == RAFT_PROSPECTIVE;
}

static void receive(void *ctx)
{
    struct stage *s = ctx;
    quorum_receive(s->quorum, &s->message);
}

static void say_as(struct stage *s, const struct raft_node *who, enum raft_message_kind kind,
                   raft_term term)
{
    Odradek__Node from = ODRADEK__NODE__INIT;
    Odradek__Node to = ODRADEK__NODE__INIT;
    from.id = who->id;
    from.directory = rpc_uuid(&who->directory);
    to.id = SELF;
    to.directory = rpc_uuid(&s->voters.node[0].directory);
    s->message.from = &from;
    s->message.to = &to;
    s->message.kind = kind;
    s->message.term = term;
    store_site_do(&s->at, s->world, receive, s);
    settle(s);
}

/* From the peer. */
static void say(struct stage *s, enum raft_message_kind kind, raft_term term)
{
    cr_assert_eq(s->voters.node[1].id, PEER);
    say_as(s, &s->voters.node[1], kind, term);
}

/* `who` has our log up to here. */
static void accept(struct stage *s, const struct raft_node *who, raft_term term, raft_index match)
{
    odradek__raft_message__init(&s->message);
    s->message.accepted = true;
    s->message.match = match;
    say_as(s, who, RAFT_APPEND_ANSWER, term);
}

static void lead(struct stage *s, raft_term term)
{
    cr_assert(world_run(s->world, stands, s, 1000000));
    odradek__raft_message__init(&s->message);
    s->message.granted = true;
    s->message.vote_term = term;
    say(s, RAFT_PRE_VOTE_ANSWER, term - 1);
    say(s, RAFT_VOTE_ANSWER, term);
    accept(s, &s->voters.node[1], term, raft_last_index(quorum_raft(s->quorum)));
    cr_assert(quorum_leading(s->quorum), "%s", s->told);
}

/* Its first word to us is a whole snapshot: we were asleep while it won, led and cut its log. */
static void snapshot_arrives(struct stage *s)
{
    Odradek__RaftSnapshotId id = ODRADEK__RAFT_SNAPSHOT_ID__INIT;
    struct slice bytes;
    cr_assert_eq(raft_disk_snapshot(s->other.store, 20, 2, &s->voters, slice_str("state")), OK);
    settle(s);
    cr_assert_eq(raft_disk_snapshot_chunk(s->other.store, 20, 0, 1 << 20, &s->other.arena, &bytes,
                                          &(bool){false}),
                 OK);
    id.index = 20;
    id.term = 2;
    id.voters = raft_wire_voters(&s->voters, &s->other.arena);
    odradek__raft_message__init(&s->message);
    s->message.request = 1;
    s->message.snapshot = &id;
    s->message.chunk = (ProtobufCBinaryData){.len = bytes.n, .data = (uint8_t *)bytes.p};
    s->message.last = true;
    say(s, RAFT_SEND_SNAPSHOT, 2);
}

/* Seed 817773 of odradek-sim: the state machine still decided for the cluster when it was to begin anew, and aborted. */
Test(quorum, who_is_deposed_by_a_snapshot_hears_that_first)
{
    struct stage s;
    stage_begin(&s, 3);
    lead(&s, 1);
    memset(s.told, 0, sizeof(s.told));
    snapshot_arrives(&s);
    cr_assert_str_eq(s.told, "FR");
    cr_assert_eq(quorum_applied(s.quorum), 20);
    stage_end(&s);
}

static bool leads(void *ctx)
{
    return quorum_leading(((struct stage *)ctx)->quorum);
}

static bool leads_anew(void *ctx)
{
    const struct stage *s = ctx;
    return quorum_leading(s->quorum) && s->led > 1;
}

static void give_up(void *ctx)
{
    quorum_transfer(((struct stage *)ctx)->quorum);
}

/* A state machine that could not write down what it had decided serves no more. Who leads on then, because nobody takes over, would
 * be a leader that decides nothing, for good. */
Test(quorum, who_gives_up_and_has_no_heir_is_elected_anew)
{
    struct stage s;
    stage_begin(&s, 1);
    cr_assert(world_run(s.world, leads, &s, 1000000));
    memset(s.told, 0, sizeof(s.told));
    store_site_do(&s.at, s.world, give_up, &s);
    cr_assert(world_run(s.world, leads_anew, &s, 1000000), "it was told '%s'", s.told);
    cr_assert_str_eq(s.told, "FCL");
    stage_end(&s);
}

#define EXCHANGED 3

/* The seat of the third one in its life as ... */
static struct raft_node third(uint8_t directory)
{
    return (struct raft_node){.id = EXCHANGED, .directory.b = {directory}};
}

static void observe(void *ctx)
{
    quorum_observe(((struct stage *)ctx)->quorum, third(4));
}

/* The peer leads, and has exchanged the third one by now: for the directory that we knew, and that one for the next. */
static void peer_leads(struct stage *s)
{
    struct raft_voters without = {.count = 2, .node = {s->voters.node[0], s->voters.node[1]}};
    struct raft_voters with = {.count = 3, .node = {without.node[0], without.node[1], third(5)}};
    const struct raft_voters *sets[] = {NULL, &without, &with};
    Odradek__RaftEntry entries[ARRAY_LEN(sets)], *all[ARRAY_LEN(sets)];
    odradek__raft_message__init(&s->message);
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        struct slice payload = slice_of("", 0);
        all[i] = &entries[i];
        odradek__raft_entry__init(all[i]);
        all[i]->term = 2;
        all[i]->kind = sets[i] == NULL ? RAFT_LEADER_CHANGE : RAFT_VOTERS;
        if (sets[i] != NULL) {
            cr_assert_eq(raft_wire_voters_pack(sets[i], &s->other.arena, &payload), OK);
        }
        all[i]->payload = (ProtobufCBinaryData){.len = payload.n, .data = (uint8_t *)payload.p};
    }
    s->message.request = 1;
    s->message.prev_index = s->message.prev_term = 1;
    s->message.entries = all;
    s->message.n_entries = ARRAY_LEN(sets);
    s->message.commit = 4;
    say(s, RAFT_APPEND, 2);
    cr_assert_eq(quorum_applied(s->quorum), 4);
}

/* Who leads again remembered an observer that had caught up with it the first time. Another leader had taken it in meanwhile, and the
 * one after it; that one, which is well, was taken out for the one that is gone. */
Test(quorum, who_caught_up_with_an_earlier_leadership_is_not_exchanged)
{
    struct stage s;
    const struct raft_node emptied = third(4);
    stage_begin(&s, 3);
    lead(&s, 1);
    store_site_do(&s.at, s.world, observe, &s);
    accept(&s, &emptied, 1, 1);
    peer_leads(&s);
    lead(&s, 3);
    for (int i = 0; i < 10; i++) { /* as long as two looks for somebody to exchange take */
        world_sleep(s.world, 100000);
        accept(&s, &s.voters.node[1], 3, 5);
    }
    cr_assert(quorum_leading(s.quorum), "%s", s.told);
    cr_assert(raft_voters_has(raft_voters_now(quorum_raft(s.quorum)), third(5)));
    cr_assert_eq(raft_last_index(quorum_raft(s.quorum)), 5, "nothing was changed");
    stage_end(&s);
}
