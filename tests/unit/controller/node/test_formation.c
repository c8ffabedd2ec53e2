/* Controllers that form a quorum, or come to one that was formed without them. */
#include <stdlib.h>

#include "controller/node/controller_node.h"
#include "tests/unit/controller/node/store_site.h"

#define SECOND     INT64_C(1000000)
#define PORT       9093
#define PLACES_MAX 3
#define FOLDER     "/data/__cluster_metadata-0"

/* A machine with a controller. */
struct place {
    struct host *host;
    struct trace trace;
    struct controller_options options;
    struct controller_node *node; /* NULL: it does not run */
    bool halted;
};

struct stage {
    struct world *world;
    uint32_t count;
    struct place places[PLACES_MAX];
};

static void on_halted(void *ctx)
{
    ((struct place *)ctx)->halted = true;
}

static void place_start(struct place *p)
{
    char why[256] = "";
    cr_assert_eq(controller_node_start(p->host, &p->options, &p->trace, on_halted, p, why,
                                       sizeof(why), &p->node),
                 OK, "%s", why);
}

static bool ended(void *host)
{
    return world_ended(host);
}

static void place_stop(struct stage *s, struct place *p)
{
    controller_node_stop(p->node);
    cr_assert(world_run(s->world, ended, p->host, 10 * SECOND));
    cr_assert_not(p->halted);
    controller_node_join(p->node);
    p->node = NULL;
}

static void place_crash(struct place *p)
{
    world_crash(p->host);
    p->node = NULL;
}

static void stage_begin(struct stage *s, uint64_t seed, uint32_t count)
{
    static const char *const names[PLACES_MAX] = {"10.0.0.1", "10.0.0.2", "10.0.0.3"};
    *s = (struct stage){.world = world_open(seed, false), .count = count};
    for (uint32_t i = 0; i < count; i++) {
        struct place *p = &s->places[i];
        p->host = world_host(s->world, names[i]);
        store_site_trace(&p->trace, p->host);
        p->options = (struct controller_options){.node_id = (int32_t)i + 1,
                                                 .data_dir = "/data",
                                                 .voter_count = count,
                                                 .election_min_ms = 100,
                                                 .election_max_ms = 200,
                                                 .settings = controller_settings_default(),
                                                 .snapshot_bytes = INT64_MAX};
        for (uint32_t j = 0; j < count; j++) {
            struct quorum_address *voter = &p->options.voters[j];
            voter->id = (int32_t)j + 1;
            voter->address.port = PORT;
            memcpy(voter->address.host, names[j], strlen(names[j]) + 1);
        }
        p->options.listener = p->options.voters[i].address;
    }
}

static void stage_end(struct stage *s)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->places[i].node != NULL) {
            place_stop(s, &s->places[i]);
        }
    }
    world_close(s->world);
}

static bool founded(void *ctx)
{
    const struct place *p = ctx;
    size_t n;
    uint8_t *bytes = fake_disk_bytes(p->host, FOLDER "/quorum-state", &n);
    free(bytes);
    return bytes != NULL;
}

static bool anyone_active(void *ctx)
{
    const struct stage *s = ctx;
    bool active = false;
    for (uint32_t i = 0; i < s->count; i++) {
        active = active || (s->places[i].node != NULL && controller_node_active(s->places[i].node));
    }
    return active;
}

/* Whoever is active has a voter where the last one runs. */
static bool last_votes(void *ctx)
{
    const struct stage *s = ctx;
    const struct raft *last = controller_node_raft(s->places[s->count - 1].node);
    bool votes = false;
    for (uint32_t i = 0; i < s->count && last != NULL; i++) {
        const struct controller_node *node = s->places[i].node;
        votes = votes ||
                (controller_node_active(node) &&
                 raft_voters_has(raft_voters_now(controller_node_raft(node)), last->config.self));
    }
    return votes && raft_commit_index(last) > 0;
}

/* The third one had agreed and was gone when the first one founded the cluster. That one waited for it, and the second one, which had
 * it on disk and had begun, for the first. */
Test(formation, who_has_agreed_and_is_gone_is_not_waited_for_where_a_majority_has_founded)
{
    struct stage s;
    stage_begin(&s, 1, 3);
    for (uint32_t i = 0; i < s.count; i++) {
        place_start(&s.places[i]);
    }
    cr_assert(world_run(s.world, founded, &s.places[0], 5 * SECOND));
    cr_assert_not(founded(&s.places[2]));
    place_crash(&s.places[2]);
    cr_assert(world_run(s.world, anyone_active, &s, 10 * SECOND));
    place_start(&s.places[2]);
    cr_assert(world_run(s.world, last_votes, &s, 10 * SECOND), "it was named, and takes its seat");
    stage_end(&s);
}

/* Nothing is founded before all have agreed. */
Test(formation, a_majority_that_is_empty_founds_nothing)
{
    struct stage s;
    stage_begin(&s, 1, 3);
    place_start(&s.places[0]);
    place_start(&s.places[1]);
    world_sleep(s.world, 30 * SECOND);
    cr_assert_not(founded(&s.places[0]) || founded(&s.places[1]));
    place_start(&s.places[2]);
    cr_assert(world_run(s.world, last_votes, &s, 10 * SECOND));
    stage_end(&s);
}

static bool first_steps_done(void *ctx)
{
    return controller_node_image(((struct place *)ctx)->node) != NULL;
}

/* What was told to stop in the turn in which it had formed its quorum went on to make one, of what it had closed. */
Test(formation, who_is_told_to_stop_when_the_quorum_is_formed_stops)
{
    const struct world_habits habits = {.letters = 64, .window_bytes = 1 << 16};
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct stage s;
        stage_begin(&s, seed, 1);
        world_habits(s.world, &habits);
        place_start(&s.places[0]);
        cr_assert(world_run(s.world, first_steps_done, &s.places[0], SECOND));
        stage_end(&s);
    }
}

/* As an operator may do it who is to empty the directory of a controller. */
static void metadata_remove(struct host *host)
{
    struct arena arena;
    struct disk_entry *entries;
    size_t count;
    arena_init(&arena, memory_source(host), 4096, 1 << 20);
    cr_assert_eq(disk_list(host, FOLDER, &arena, &entries, &count), OK);
    for (size_t i = 0; i < count; i++) {
        char *path = arena_printf(&arena, "%s/%s", FOLDER, entries[i].name);
        cr_assert_eq(disk_unlink(host, path), OK);
    }
    cr_assert_gt(count, 1);
    arena_release(&arena);
}

/* The folder of the metadata was taken away, and meta.properties stayed: it came back as the voter that it had been, of which others
 * counted on what it had acknowledged and voted. */
Test(formation, who_has_lost_the_metadata_alone_is_not_the_voter_it_was)
{
    struct stage s;
    stage_begin(&s, 1, 3);
    for (uint32_t i = 0; i < s.count; i++) {
        place_start(&s.places[i]);
    }
    cr_assert(world_run(s.world, last_votes, &s, 10 * SECOND));
    struct raft_node before = controller_node_raft(s.places[2].node)->config.self;
    place_stop(&s, &s.places[2]);
    metadata_remove(s.places[2].host);
    place_start(&s.places[2]);
    cr_assert(world_run(s.world, last_votes, &s, 20 * SECOND), "it is exchanged");
    struct raft_node after = controller_node_raft(s.places[2].node)->config.self;
    cr_assert_eq(after.id, before.id);
    cr_assert_not(uuid_eq(after.directory, before.directory));
    place_stop(&s, &s.places[2]);
    place_start(&s.places[2]);
    cr_assert(world_run(s.world, last_votes, &s, 10 * SECOND));
    struct raft_node again = controller_node_raft(s.places[2].node)->config.self;
    cr_assert(uuid_eq(again.directory, after.directory), "and that one stays");
    stage_end(&s);
}
