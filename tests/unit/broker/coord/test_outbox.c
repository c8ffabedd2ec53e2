/* What a shard's core has decided, while somebody who empties the outbox stands still between taking a thing out and sending it. */
#include <criterion/criterion.h>
#include <unistd.h>

#include "coord_bench.h"

#define COMMITS 3

struct commit {
    struct coord_call call;
    struct arena arena;
    sem_t told;
};

static struct coords *coords_of(struct bench *b)
{
    return coord_bench_shard(b, 0)->coords;
}

static void until_active(struct coord_shard *shard)
{
    for (bool active = false; !active; (void)usleep(1000)) {
        shard_enter(shard);
        active = shard->state == SHARD_ACTIVE;
        shard_leave(shard);
    }
}

static void on_told(struct mail *mail)
{
    struct commit *commit = CONTAINER_OF(CONTAINER_OF(mail, struct coord_call, mail), struct commit,
                                         call);
    CHECK(sem_post(&commit->told) == 0);
}

/* By this image, or none, in the topic of this id, if that is told. true: it is refused at once. */
static bool commit_in(struct bench *b, struct commit *commit, int64_t offset,
                      const struct meta_image *image, struct uuid id)
{
    struct group_offset_item item = {.topic = slice_str("orders"),
                                     .offset = offset,
                                     .leader_epoch = -1,
                                     .metadata = slice_str(""),
                                     .topic_id = id};
    struct group_event event = {
        .kind = GROUP_COMMIT,
        .who = {.group = slice_str("a"), .member_id = slice_str(""), .generation = -1},
        .image = image,
        .commit = {.items = &item, .count = 1, .expire_ms = -1}};
    *commit = (struct commit){0};
    CHECK(sem_init(&commit->told, 0, 0) == 0);
    arena_init(&commit->arena, memory_source(b->host), 4096, 1 << 20);
    commit->call.mail.deliver = on_told;
    commit->call.loop = b->nodes[0].reactors[1];
    commit->call.arena = &commit->arena;
    return coord_submit(coords_of(b), &commit->call, &event);
}

static bool commit_by(struct bench *b, struct commit *commit, int64_t offset,
                      const struct meta_image *image)
{
    return commit_in(b, commit, offset, image, UUID_NONE);
}

static bool commit_try(struct bench *b, struct commit *commit, int64_t offset)
{
    return commit_by(b, commit, offset, NULL);
}

static void commit_send(struct bench *b, struct commit *commit, int64_t offset)
{
    cr_assert_not(commit_try(b, commit, offset), "it waits for the log");
}

static enum kafka_error ask(struct bench *b, struct coord_offsets *offsets)
{
    struct commit asked = {.call = {.loop = b->nodes[0].reactors[1]}};
    arena_init(&asked.arena, memory_source(b->host), 4096, 1 << 20);
    asked.call.arena = &asked.arena;
    asked.call.mail.deliver = on_told;
    CHECK(sem_init(&asked.told, 0, 0) == 0);
    if (!coord_fetch_offsets(coords_of(b), &asked.call, slice_str("a"), &asked.arena, offsets)) {
        CHECK(sem_wait(&asked.told) == 0); /* something of it is not in the log yet */
    }
    arena_release(&asked.arena);
    return asked.call.group.error;
}

static int64_t committed_in(struct bench *b, struct uuid id)
{
    struct coord_offset item = {.topic = slice_str("orders"), .topic_id = id};
    struct coord_offsets offsets = {.items = &item, .count = 1, .epoch = -1};
    cr_assert_eq(ask(b, &offsets), KAFKA_NONE);
    return item.offset;
}

static int64_t committed(struct bench *b)
{
    return committed_in(b, UUID_NONE);
}

static bool forgotten(void *arg)
{
    return committed(arg) == -1;
}

static uint32_t outbox(struct coord_shard *shard)
{
    uint32_t count = 0;
    for (const struct coord_write *write = shard->writes; write != NULL; write = write->next) {
        cr_assert_eq(write->number, ++count, "the oldest first");
    }
    return count;
}

Test(coord_outbox, has_one_drainer_and_keeps_the_order)
{
    static struct bench b;
    static struct commit commits[COMMITS];
    coord_bench_open(&b, 1);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    until_active(shard);
    shard_enter(shard);
    cr_assert_not(shard->draining);
    shard->draining = true; /* somebody who stands still outside of the monitor */
    shard_leave(shard);
    for (int i = 0; i < COMMITS; i++) {
        commit_send(&b, &commits[i], 10 + i);
    }
    shard_enter(shard);
    cr_assert_eq(outbox(shard), COMMITS, "nobody else sends them");
    shard->draining = false; /* ... and goes on */
    shard_leave(shard);
    for (int i = 0; i < COMMITS; i++) {
        CHECK(sem_wait(&commits[i].told) == 0);
        cr_assert_eq(commits[i].call.group.error, KAFKA_NONE);
        arena_release(&commits[i].arena);
    }
    cr_assert_eq(committed(&b), 10 + COMMITS - 1);
    shard_enter(shard);
    cr_assert_eq(shard->sent, COMMITS);
    shard_drop(shard, SHARD_RESTING, KAFKA_COORDINATOR_NOT_AVAILABLE);
    shard_leave(shard);
    until_active(shard);
    cr_assert_eq(committed(&b), 10 + COMMITS - 1, "the log has them in their order");
    coord_bench_close(&b);
}

/* What was decided behind a write that the log has refused says what never was: one member's partition is another's, and the first
 * one's going is nowhere. The letter that tells of the refusal may come late. */
Test(coord_outbox, a_write_behind_one_that_was_refused_is_not_sent)
{
    static struct bench b;
    static struct commit commits[2];
    struct coord_gate gate;
    coord_bench_open(&b, 2);
    coord_bench_stop(&b, 1, true);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    bench_isr(&b, 1);
    until_active(shard);
    coord_gate_close(&gate, shard->home);
    b.settings.min_isr = 2;
    bench_isr(&b, 1);
    int64_t end = bench_facts(&b, 0).log_end;
    commit_send(&b, &commits[0], 10);
    b.settings.min_isr = 1;
    bench_isr(&b, 1);
    cr_assert(commit_try(&b, &commits[1], 20));
    cr_assert_eq(commits[1].call.group.error, KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    cr_assert_eq(bench_facts(&b, 0).log_end, end);
    coord_gate_open(&gate);
    CHECK(sem_wait(&commits[0].told) == 0);
    cr_assert_eq(commits[0].call.group.error, KAFKA_COORDINATOR_NOT_AVAILABLE);
    until_active(shard);
    cr_assert_eq(committed(&b), -1);
    arena_release(&commits[0].arena);
    arena_release(&commits[1].arena);
    coord_bench_close(&b);
}

/* Another one has coordinated meanwhile, and what it has stored is in the log; the shard's loop has not turned in between. */
Test(coord_outbox, who_leads_again_does_not_go_on_from_what_it_knew)
{
    static struct bench b;
    static struct commit commit;
    struct coord_gate gate;
    coord_bench_open(&b, 2);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    until_active(shard);
    int32_t first = b.partition.leader;
    coord_gate_close(&gate, shard->home);
    bench_lead(&b, b.nodes[1].id);
    bench_lead(&b, first);
    cr_assert(commit_try(&b, &commit, 10));
    cr_assert_eq(commit.call.group.error, KAFKA_NOT_COORDINATOR);
    coord_gate_open(&gate);
    until_active(shard);
    cr_assert_eq(committed(&b), -1);
    arena_release(&commit.arena);
    coord_bench_close(&b);
}

/* ---- a write in somebody's hands: taken out of the outbox, and not with the log yet ---- */

struct in_hands {
    struct commit commit;
    struct coord_write *write;
};

static sem_t write_told;

static void on_write_told(struct mail *mail)
{
    (void)mail;
    CHECK(sem_post(&write_told) == 0);
}

/* What this thread does from here on until hands_down, a drainer does. */
static void hands_take(struct bench *b, struct coord_shard *shard, struct in_hands *hands)
{
    shard_enter(shard);
    cr_assert_not(shard->draining);
    shard->draining = true;
    shard_leave(shard);
    commit_send(b, &hands->commit, 10);
    shard_enter(shard);
    hands->write = shard->writes;
    cr_assert(hands->write != NULL && hands->write->next == NULL);
    shard->writes = NULL;
    shard->writes_end = &shard->writes;
    shard_leave(shard);
}

static enum kafka_error hands_send(struct bench *b, struct in_hands *hands)
{
    struct coord_write *write = hands->write;
    CHECK(sem_init(&write_told, 0, 0) == 0);
    write->ticket.mail.deliver = on_write_told;
    write->ticket.loop = b->nodes[0].reactors[1];
    if (!partition_produce(write->partition, &write->ticket, write->batch, write->bytes, -1)) {
        CHECK(sem_wait(&write_told) == 0);
    }
    return write->ticket.error;
}

/* What the commit was told. */
static enum kafka_error hands_down(struct bench *b, struct in_hands *hands)
{
    struct coord_write *write = hands->write;
    struct coord_shard *shard = write->shard;
    const struct memory_source *source = memory_source(b->host);
    shard_enter(shard);
    shard->draining = false;
    shard_leave(shard);
    CHECK(sem_wait(&hands->commit.told) == 0);
    partition_drop(write->partition);
    source->give(source->ctx, write, sizeof(*write) + write->bytes);
    arena_release(&hands->commit.arena);
    return hands->commit.call.group.error;
}

/* Behind what the one in between has stored it would take a committed offset back. */
Test(coord_outbox, a_write_in_somebodys_hands_is_not_taken_under_another_leadership)
{
    static struct bench b;
    static struct in_hands hands;
    coord_bench_open(&b, 2);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    until_active(shard);
    int32_t first = b.partition.leader;
    hands_take(&b, shard, &hands);
    bench_lead(&b, b.nodes[1].id);
    bench_lead(&b, first);
    int64_t end = bench_facts(&b, 0).log_end;
    cr_assert(bench_facts(&b, 0).leader);
    cr_assert_eq(hands_send(&b, &hands), KAFKA_NOT_LEADER_OR_FOLLOWER);
    cr_assert_eq(bench_facts(&b, 0).log_end, end);
    hands.write->ticket.leader_epoch = bench_facts(&b, 0).leader_epoch;
    cr_assert_eq(hands_send(&b, &hands), KAFKA_NONE, "nothing else was wrong with it");
    cr_assert_eq(hands_down(&b, &hands), KAFKA_NOT_COORDINATOR);
    coord_bench_close(&b);
}

static bool begins(void *arg)
{
    struct coord_shard *shard = arg;
    shard_enter(shard);
    bool yes = shard->state == SHARD_LOADING || shard->state == SHARD_ACTIVE;
    shard_leave(shard);
    return yes;
}

/* It lies behind that bound, and the shard would not know what its log says. */
Test(coord_outbox, no_load_is_bounded_while_a_write_is_in_somebodys_hands)
{
    static struct bench b;
    static struct in_hands hands;
    coord_bench_open(&b, 1);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    until_active(shard);
    hands_take(&b, shard, &hands);
    shard_enter(shard);
    shard_drop(shard, SHARD_RESTING, KAFKA_COORDINATOR_NOT_AVAILABLE);
    shard_leave(shard);
    cr_assert(bench_soon(begins, shard));
    (void)usleep(50000);
    shard_enter(shard);
    cr_assert_eq(shard->state, SHARD_LOADING);
    shard_leave(shard);
    cr_assert_eq(hands_send(&b, &hands), KAFKA_NONE);
    cr_assert_eq(hands_down(&b, &hands), KAFKA_COORDINATOR_NOT_AVAILABLE);
    until_active(shard);
    cr_assert_eq(committed(&b), 10);
    coord_bench_close(&b);
}

/* ---- a topic that was deleted, and is there again ---- */

static const struct uuid first_id = {{1}}, second_id = {{2}};

static void nothing(void *arg)
{
    (void)arg; /* whoever has called it knows that the loop has turned */
}

static void rest(struct coord_shard *shard)
{
    shard_enter(shard);
    shard_drop(shard, SHARD_RESTING, KAFKA_COORDINATOR_NOT_AVAILABLE);
    shard_leave(shard);
}

static void commit_well(struct bench *b, struct commit *commit, int64_t offset)
{
    commit_send(b, commit, offset);
    CHECK(sem_wait(&commit->told) == 0);
    cr_assert_eq(commit->call.group.error, KAFKA_NONE);
    arena_release(&commit->arena);
}

/* There is a topic, and of it is stored what goes with it. */
static struct coord_shard *open_with_commit(struct bench *b, struct commit *commit)
{
    coord_bench_open(b, 1);
    struct coord_shard *shard = coord_bench_shard(b, 0);
    bench_other_topic(b, first_id, "orders");
    until_active(shard);
    commit_well(b, commit, 10);
    return shard;
}

/* What was stored last is there when all that was told has been carried out. */
static void close_with_commit(struct bench *b)
{
    bench_call(b->nodes[0].control, nothing, NULL);
    cr_assert_eq(committed(b), 20);
    coord_bench_close(b);
}

Test(coord_outbox, what_is_committed_in_a_topic_that_came_back_is_there_after_a_load)
{
    static struct bench b;
    static struct commit commit;
    struct coord_shard *shard = open_with_commit(&b, &commit);
    bench_other_topic(&b, first_id, NULL);
    cr_assert(bench_soon(forgotten, &b));
    bench_other_topic(&b, second_id, "orders");
    commit_well(&b, &commit, 20);
    rest(shard);
    until_active(shard);
    close_with_commit(&b);
}

static void (*applied)(struct bench_node *, const struct meta_image *old, const struct meta_image *,
                       const struct meta_changes *);

/* As by a snapshot, which tells of topics in the order of their ids. */
static void applied_backwards(struct bench_node *node, const struct meta_image *old,
                              const struct meta_image *image, const struct meta_changes *changes)
{
    struct meta_change items[8];
    struct meta_changes backwards = {items, changes->count};
    cr_assert_leq(changes->count, ARRAY_LEN(items));
    for (size_t i = 0; i < changes->count; i++) {
        items[i] = changes->items[changes->count - 1 - i];
    }
    applied(node, old, image, &backwards);
}

Test(coord_outbox,
     who_hears_of_a_topic_that_is_back_before_it_hears_that_it_went_keeps_what_is_committed)
{
    static struct bench b;
    static struct commit commit;
    coord_bench_open(&b, 1);
    applied = b.applied;
    b.applied = applied_backwards;
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    bench_other_topic(&b, first_id, "orders");
    rest(shard);
    bench_other_topic_anew(&b, first_id, second_id, "orders");
    until_active(shard);
    commit_well(&b, &commit, 20);
    bench_lead(&b, -1); /* another leadership: of all that it was told before nothing is left */
    bench_lead(&b, 1);
    until_active(shard);
    close_with_commit(&b);
}

/* The control loop, which knows what was deleted, does not turn between the shard's beginning and the commit. */
Test(coord_outbox, what_is_committed_as_soon_as_the_log_is_read_is_not_taken_for_older)
{
    static struct bench b;
    static struct commit commit;
    struct coord_gate home, control;
    struct coord_shard *shard = open_with_commit(&b, &commit);
    coord_gate_close(&home, shard->home);
    rest(shard);
    bench_other_topic(&b, first_id, NULL);
    bench_other_topic(&b, second_id, "orders");
    coord_gate_close(&control, b.nodes[0].control);
    coord_gate_open(&home);
    until_active(shard);
    commit_well(&b, &commit, 20);
    coord_gate_open(&control);
    close_with_commit(&b);
}

Test(coord_outbox, who_begins_knows_what_was_deleted)
{
    static struct bench b;
    static struct commit commit;
    struct coord_shard *shard = open_with_commit(&b, &commit);
    rest(shard);
    bench_other_topic(&b, first_id, NULL);
    bench_other_topic(&b, second_id, "orders");
    until_active(shard);
    cr_assert(bench_soon(forgotten, &b));
    coord_bench_close(&b);
}

struct held {
    struct bench_node *node;
    struct meta_image *image;
};

static void hold_here(void *arg)
{
    struct held *held = arg;
    held->image = held->node->image;
    meta_image_hold(held->image);
}

static void drop_here(void *arg)
{
    struct held *held = arg;
    meta_image_drop(&held->node->store, held->image);
}

/* A reactor's turn stood still with it while the shard was told of the deletion. */
Test(coord_outbox, what_is_committed_by_an_image_from_before_a_deletion_is_not_stored)
{
    static struct bench b;
    static struct commit commit;
    coord_bench_open(&b, 1);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    struct held before = {.node = &b.nodes[0]}, now = before;
    bench_other_topic(&b, first_id, "orders");
    until_active(shard);
    bench_call(b.nodes[0].control, hold_here, &before);
    bench_other_topic(&b, first_id, NULL);
    bench_other_topic(&b, second_id, "orders");
    cr_assert(commit_by(&b, &commit, 10, before.image));
    cr_assert_eq(commit.call.group.error, KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    arena_release(&commit.arena);
    cr_assert_eq(committed(&b), -1);
    bench_call(b.nodes[0].control, hold_here, &now);
    cr_assert_not(commit_by(&b, &commit, 20, now.image));
    CHECK(sem_wait(&commit.told) == 0);
    cr_assert_eq(commit.call.group.error, KAFKA_NONE);
    arena_release(&commit.arena);
    cr_assert_eq(committed(&b), 20);
    bench_call(b.nodes[0].control, drop_here, &before);
    bench_call(b.nodes[0].control, drop_here, &now);
    coord_bench_close(&b);
}

/* ---- topics by id ---- */

static void commit_well_in(struct bench *b, struct commit *commit, int64_t offset, struct uuid id)
{
    cr_assert_not(commit_in(b, commit, offset, NULL, id));
    CHECK(sem_wait(&commit->told) == 0);
    cr_assert_eq(commit->call.group.error, KAFKA_NONE);
    arena_release(&commit->arena);
}

static struct commit early;

/* A reactor has the image before the shards have heard of it. */
static void applied_late(struct bench_node *node, const struct meta_image *old,
                         const struct meta_image *image, const struct meta_changes *changes)
{
    if (meta_topic(image, second_id) != NULL && meta_topic(old, second_id) == NULL) {
        cr_assert_not(commit_in(node->bench, &early, 20, image, second_id));
    }
    applied(node, old, image, changes);
}

Test(coord_outbox, what_is_committed_in_a_topic_stays_when_one_of_its_name_is_heard_to_have_gone)
{
    static struct bench b;
    static struct commit commit;
    coord_bench_open(&b, 1);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    applied = b.applied;
    b.applied = applied_late;
    bench_other_topic(&b, first_id, "orders");
    until_active(shard);
    commit_well_in(&b, &commit, 10, first_id);
    bench_other_topic_anew(&b, first_id, second_id, "orders");
    CHECK(sem_wait(&early.told) == 0);
    cr_assert_eq(early.call.group.error, KAFKA_NONE);
    arena_release(&early.arena);
    rest(shard);
    until_active(shard);
    close_with_commit(&b);
}

/* Nobody coordinated when the topic went, and when whoever comes then begins there is another one of its name already. */
Test(coord_outbox, what_was_committed_in_a_topic_that_went_while_nobody_coordinated_goes)
{
    static struct bench b;
    static struct commit commit;
    coord_bench_open(&b, 1);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    int32_t first = b.partition.leader;
    bench_other_topic(&b, first_id, "orders");
    until_active(shard);
    commit_well_in(&b, &commit, 10, first_id);
    bench_lead(&b, -1);
    bench_other_topic_anew(&b, first_id, second_id, "orders");
    bench_lead(&b, first);
    until_active(shard);
    cr_assert_eq(committed(&b), -1);
    commit_well_in(&b, &commit, 20, second_id);
    close_with_commit(&b);
}

static uint32_t count_all(struct bench *b, const struct meta_image *image)
{
    struct coord_offsets all = {.epoch = -1, .image = image};
    cr_assert_eq(ask(b, &all), KAFKA_NONE);
    return all.count;
}

/* The deletion was passed over: of nothing that is asked for by another image is that image's topic told. */
Test(coord_outbox, what_was_committed_in_a_topic_is_not_told_of_another_one_of_its_name)
{
    static struct bench b;
    static struct commit commit;
    coord_bench_open(&b, 1);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    struct held now = {.node = &b.nodes[0]};
    bench_other_topic(&b, second_id, "orders");
    until_active(shard);
    bench_call(b.nodes[0].control, hold_here, &now);
    commit_well_in(&b, &commit, 10, first_id);
    cr_assert_eq(committed_in(&b, first_id), 10);
    cr_assert_eq(committed_in(&b, second_id), -1);
    cr_assert_eq(count_all(&b, NULL), 1);
    cr_assert_eq(count_all(&b, now.image), 0);
    commit_well_in(&b, &commit, 20, second_id);
    cr_assert_eq(committed_in(&b, second_id), 20);
    cr_assert_eq(count_all(&b, now.image), 1);
    bench_call(b.nodes[0].control, drop_here, &now);
    close_with_commit(&b);
}

/* Nothing committed: that would have a consumer begin anew. */
Test(coord_outbox, who_asks_by_an_image_from_before_a_deletion_asks_again)
{
    static struct bench b;
    static struct commit commit;
    coord_bench_open(&b, 1);
    struct coord_shard *shard = coord_bench_shard(&b, 0);
    struct held before = {.node = &b.nodes[0]};
    struct coord_offset item = {.topic = slice_str("orders"), .topic_id = first_id};
    bench_other_topic(&b, first_id, "orders");
    until_active(shard);
    bench_call(b.nodes[0].control, hold_here, &before);
    bench_other_topic_anew(&b, first_id, second_id, "orders");
    commit_well_in(&b, &commit, 20, second_id);
    struct coord_offsets one = {.items = &item, .count = 1, .epoch = -1, .image = before.image};
    struct coord_offsets all = {.epoch = -1, .image = before.image};
    cr_assert_eq(ask(&b, &one), KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    cr_assert_eq(ask(&b, &all), KAFKA_COORDINATOR_LOAD_IN_PROGRESS);
    bench_call(b.nodes[0].control, drop_here, &before);
    close_with_commit(&b);
}

/* ---- at random ---- */

#define STEPS 80

/* What may happen, and what is to be told of the topic that there is: what was committed in it last. */
struct model {
    struct bench *b;
    struct coord_shard *shard;
    struct prng prng;
    int32_t leader;
    uint8_t topic;
    int64_t expected;
};

static void topic_again(struct model *m)
{
    struct uuid before = {{m->topic}}, next = {{++m->topic}};
    m->expected = -1;
    if (prng_below(&m->prng, 2) == 0) {
        bench_other_topic_anew(m->b, before, next, "orders");
        return;
    }
    bench_other_topic(m->b, before, NULL);
    bench_other_topic(m->b, next, "orders");
}

static void happens(struct model *m, uint64_t what, int64_t step)
{
    static struct commit commit;
    if (what < 4) {
        until_active(m->shard);
        commit_well_in(m->b, &commit, step, (struct uuid){{m->topic}});
        m->expected = step;
    } else if (what < 7) {
        topic_again(m);
    } else if (what < 8) {
        until_active(m->shard); /* what is being loaded does not rest */
        rest(m->shard);
    } else {
        bench_lead(m->b, -1);
        if (prng_below(&m->prng, 2) == 0) {
            topic_again(m);
        }
        bench_lead(m->b, m->leader);
    }
}

Test(coord_outbox, of_a_topic_is_told_what_was_committed_in_it)
{
    static struct bench b;
    coord_bench_open(&b, 1);
    struct model m = {.b = &b,
                      .shard = coord_bench_shard(&b, 0),
                      .leader = b.partition.leader,
                      .topic = 1,
                      .expected = -1};
    prng_init(&m.prng, 7);
    bench_other_topic(&b, (struct uuid){{1}}, "orders");
    for (int64_t step = 0; step < STEPS; step++) {
        happens(&m, prng_below(&m.prng, 10), step);
        if (prng_below(&m.prng, 2) == 0) {
            until_active(m.shard);
            cr_assert_eq(committed_in(&b, (struct uuid){{m.topic}}), m.expected);
            cr_assert_eq(committed(&b), m.expected, "and nothing else is kept under the name");
        }
    }
    coord_bench_close(&b);
}
