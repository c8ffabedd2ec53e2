/* What a broker says of its replicas to controllers that do not hear it, and what its rooms hear of the metadata; the rooms around
 * are played by this test. */
#include <criterion/criterion.h>

#include "broker/node/node_internal.h"
#include "common/port/clock.h"
#include "common/port/memory.h"
#include "tests/sim/sim.h"

#define ASKED_MAX 64
#define SECOND    INT64_C(1000000)

struct scene {
    struct world *world;
    struct broker_node node;
    struct partitions_events events;
    int16_t error; /* what requests are answered with */
    uint32_t asked;
    uint32_t asked_partitions;
    enum control_kind kinds[ASKED_MAX];
    time_us asked_us[ASKED_MAX];
    uint32_t looked; /* applies of the whole image */
    uint32_t moved;  /* ... and of what has changed */
    uint32_t coords; /* ... by the coordinators */
    uint32_t coords_whole;
    uint32_t hungry;  /* so many applies find no memory for somebody, the first one too */
    uint32_t thirsty; /* ... by the coordinators */
    uint32_t forewarned;
    bool behind; /* it has registered anew, and the image does not show it yet */
    bool placed; /* the image shows it */
    bool lost;   /* it is not where the image says */
    bool deaf;   /* no answer comes to what is told of lost replicas */
    uint32_t unfenced;
    uint32_t most;    /* partitions of one request */
    int32_t losses;   /* replicas that are found lost at first */
    int64_t lost_sum; /* of the numbers of those that were told */
};

static struct scene scene;
static const struct uuid topic = {{1}};
static const struct uuid dir = {{2}};

/* ---- the rooms around ---- */

void control_submit(struct control *control, struct control_request *request)
{
    (void)control;
    cr_assert_lt(scene.asked, ASKED_MAX);
    scene.kinds[scene.asked] = request->kind;
    scene.asked_us[scene.asked++] = world_now_us(scene.world);
    scene.asked_partitions += request->replicas.count;
    scene.most = request->replicas.count > scene.most ? request->replicas.count : scene.most;
    for (uint32_t i = 0; request->kind == CONTROL_REPLICAS_LOST && i < request->replicas.count;
         i++) {
        scene.lost_sum += request->replicas.partitions[i].partition;
    }
    if (scene.deaf && request->kind == CONTROL_REPLICAS_LOST) {
        return;
    }
    request->error = scene.error;
    request->mail.deliver = NULL;
    request->done(request);
}

void control_request_release(struct control_request *request)
{
    (void)request;
}

/* As the partitions do it: what the image does not show is told again. */
bool coords_apply(struct coords *coords, const struct meta_image *now,
                  const struct meta_changes *changes)
{
    (void)coords;
    (void)now;
    scene.coords += changes != NULL;
    scene.coords_whole += changes == NULL;
    bool fed = scene.thirsty == 0;
    scene.thirsty -= !fed;
    return fed;
}

void coords_forewarn(struct coords *coords, const struct meta_image *old,
                     const struct meta_image *next, const struct meta_changes *changes)
{
    (void)coords;
    (void)old;
    (void)next;
    (void)changes;
    scene.forewarned++;
}

static void starve(void)
{
    if (scene.hungry > 0) {
        scene.hungry--;
        scene.events.again(scene.events.ctx);
    }
}

void partitions_apply(struct partitions *table, const struct meta_image *image,
                      const struct meta_changes *changes)
{
    (void)table;
    (void)image;
    if (changes != NULL) {
        scene.moved++;
        return;
    }
    scene.looked++;
    starve();
    if (scene.lost) {
        scene.events.lost(scene.events.ctx, topic, 0, 3);
    } else if (!scene.placed) {
        scene.events.assigned(scene.events.ctx, topic, 0, dir);
    }
}

bool control_caught_up(const struct control *control)
{
    return control != NULL && !scene.behind;
}

void control_dir_offline(struct control *control, struct uuid id)
{
    (void)control;
    (void)id;
}

void control_want_fence(struct control *control, bool want)
{
    (void)control;
    scene.unfenced += !want;
}

void partitions_isr_answer(struct partitions *table, struct uuid id, int32_t index,
                           const struct partition_isr_answer *answer)
{
    (void)table;
    (void)id;
    (void)index;
    (void)answer;
}

uint32_t partitions_dir_count(const struct partitions *table)
{
    (void)table;
    return 0;
}

struct log_dir_facts partitions_dir(const struct partitions *table, uint32_t i)
{
    (void)table;
    (void)i;
    return (struct log_dir_facts){0};
}

err_t partitions_registered(struct partitions *table, struct slice cluster_id, int64_t epoch)
{
    (void)table;
    (void)cluster_id;
    (void)epoch;
    return OK;
}

void node_fail(struct broker_node *node, const char *sentence)
{
    (void)node;
    cr_assert_fail("%s", sentence);
}

void node_topic_settings(void *ctx, const struct meta_image *image, const struct meta_topic *of,
                         struct partition_settings *ret_settings)
{
    (void)ctx;
    (void)image;
    (void)of;
    (void)ret_settings;
}

void node_partitions_stopped(struct broker_node *node)
{
    (void)node;
}

void node_tell_running(struct broker_node *node)
{
    (void)node;
}

/* ---- the test ---- */

static void no_line(void *ctx, struct slice line)
{
    (void)ctx;
    (void)line;
}

static time_ms no_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static void first(void *arg)
{
    struct broker_node *node = arg;
    scene.events.assigned(scene.events.ctx, topic, 0, dir);
    starve();
    for (int32_t i = 0; i < scene.losses; i++) {
        scene.events.lost(scene.events.ctx, topic, i, 1);
    }
    cr_assert_eq(node, &scene.node);
}

static void scene_open_with(int16_t error, void (*begin)(void *arg))
{
    memset(&scene, 0, sizeof(scene));
    scene.world = world_open(7, false);
    struct broker_node *node = &scene.node;
    node->host = world_host(scene.world, "10.0.0.1");
    cr_assert_eq(loop_open(node->host, "control", &node->control_loop), OK);
    heap_init(&node->heap, memory_source(node->host), 64 << 20);
    trace_init(&node->trace, "broker", no_line, no_time, NULL);
    node->partitions = (struct partitions *)&scene; /* never looked into */
    node->control = (struct control *)&scene;
    node->applied = true;
    node_partition_events(node, &scene.events);
    scene.error = error;
    loop_start(node->control_loop, begin, node);
}

static void scene_open(int16_t error)
{
    scene_open_with(error, first);
}

static void scene_close(void)
{
    timer_cancel(scene.node.control_loop, &scene.node.news_timer);
    loop_stop(scene.node.control_loop);
    loop_join(scene.node.control_loop);
    heap_release(&scene.node.heap);
    world_close(scene.world);
}

Test(news, what_was_not_heard_is_told_again_more_and_more_slowly)
{
    scene_open(KAFKA_REQUEST_TIMED_OUT);
    world_sleep(scene.world, 60 * SECOND);
    cr_assert_geq(scene.asked, 8);
    cr_assert_leq(scene.asked, 16);
    cr_assert_eq(scene.looked, scene.asked - 1);
    for (uint32_t i = 2; i < scene.asked; i++) {
        cr_assert_eq(scene.kinds[i], CONTROL_ASSIGN_DIRS);
        cr_assert_geq(scene.asked_us[i] - scene.asked_us[i - 1] + SECOND / 10,
                      scene.asked_us[i - 1] - scene.asked_us[i - 2]);
    }
    scene.error = KAFKA_NONE;
    world_sleep(scene.world, 10 * SECOND);
    uint32_t asked = scene.asked;
    scene.placed = true;
    world_sleep(scene.world, 60 * SECOND);
    cr_assert_eq(scene.asked, asked);
    scene_close();
}

Test(news, what_was_heard_is_not_told_again)
{
    scene_open(KAFKA_NONE);
    world_sleep(scene.world, 60 * SECOND);
    cr_assert_eq(scene.asked, 1);
    cr_assert_eq(scene.asked_partitions, 1);
    cr_assert_eq(scene.looked, 0);
    scene_close();
}

Test(news, who_had_no_memory_for_a_replica_looks_again)
{
    scene_open(KAFKA_NONE);
    scene.placed = true;
    scene.hungry = 3;
    world_sleep(scene.world, 60 * SECOND);
    cr_assert_eq(scene.looked, 3);
    scene_close();
}

static void on_image_there(struct mail *mail)
{
    struct control_events events;
    const struct meta_changes changes = {0};
    (void)mail;
    node_control_events(&events);
    events.image(&scene.node, NULL, NULL, &changes);
}

Test(news, who_had_no_memory_for_its_coordinators_looks_again)
{
    struct mail mail = {.deliver = on_image_there};
    scene_open(KAFKA_NONE);
    world_sleep(scene.world, SECOND);
    scene.placed = true;
    scene.thirsty = 3;
    loop_post(scene.node.control_loop, &mail);
    world_sleep(scene.world, 60 * SECOND);
    cr_assert_eq(scene.coords, 4);
    cr_assert_eq(scene.looked, 3);
    scene_close();
}

/* Offsets of a topic that goes then would be there for ever, and for the next one of its name. */
Test(news, who_registers_anew_hears_of_deleted_topics_meanwhile)
{
    struct control_events events;
    const struct meta_changes changes = {0};
    scene_open(KAFKA_NONE);
    node_control_events(&events);
    scene.behind = true;
    events.coming(&scene.node, NULL, NULL, &changes);
    events.image(&scene.node, NULL, NULL, &changes);
    cr_assert_eq(scene.coords + scene.coords_whole, 0);
    cr_assert_eq(scene.forewarned, 1);
    scene_close();
}

/* Topics that came before that are new to it: groups that subscribe to patterns look at them, whoever has matched them last. */
Test(news, who_begins_does_not_take_what_changed_last_for_all_that_has)
{
    static struct config config;
    struct control_events events;
    struct meta_store store;
    const struct meta_changes changes = {0};
    scene_open(KAFKA_NONE);
    node_control_events(&events);
    meta_store_init(&store, &scene.node.heap);
    struct meta_image *image = meta_image_empty(&store);
    cr_assert_not_null(image);
    world_sleep(scene.world, SECOND);
    scene.placed = true;
    scene.node.options.config = &config;
    scene.node.applied = false;
    events.image(&scene.node, image, image, &changes);
    cr_assert_eq(scene.coords_whole, 1);
    cr_assert_eq(scene.coords, 0);
    events.image(&scene.node, image, image, &changes);
    cr_assert_eq(scene.coords_whole, 1);
    cr_assert_eq(scene.coords, 1);
    meta_image_drop(&store, image);
    scene_close();
}

/* It asks to go, and waits until everybody knows that others lead: so must its own partitions and coordinators. Clients that wait for an
 * acknowledgement are sent to the new leader at once, and nothing is acknowledged, and no member told that all is well, by one that
 * has heard of its successor. */
Test(news, who_is_about_to_stop_hears_who_leads_instead)
{
    struct control_events events;
    const struct meta_changes changes = {0};
    scene_open(KAFKA_NONE);
    node_control_events(&events);
    scene.node.stopping = true;
    events.image(&scene.node, NULL, NULL, &changes);
    cr_assert_eq(scene.moved, 1);
    cr_assert_eq(scene.coords, 1);
    scene.node.applied = false; /* it has not begun to open its logs, and need not any more */
    events.image(&scene.node, NULL, NULL, &changes);
    cr_assert_eq(scene.moved, 1);
    scene_close();
}

/* Of 320,000 replicas in one directory that was emptied the broker told with one word, which no frame between nodes holds: it aborted. */
Test(news, what_is_told_of_very_many_replicas_comes_in_pieces)
{
    static const int32_t losses = 200000;
    scene_open(KAFKA_NONE);
    scene.losses = losses;
    world_sleep(scene.world, SECOND);
    cr_assert_eq(scene.asked_partitions, losses + 1);
    cr_assert_eq(scene.lost_sum, (int64_t)losses * (losses - 1) / 2, "each once");
    cr_assert_leq(scene.most, 1 << 17, "%u in one request", scene.most);
    scene_close();
}

/* As the first image is applied, of a broker that has nothing else to open. */
static void open_nothing(void *arg)
{
    cr_assert_eq(arg, &scene.node);
    scene.events.lost(scene.events.ctx, topic, 0, 2);
    scene.events.ready(scene.events.ctx);
    cr_assert_eq(scene.unfenced, 0);
}

/* Its wish to be unfenced went before the word that a replica is not there any more: it might be elected for that one. */
Test(news, who_has_lost_a_replica_stays_fenced_until_that_is_heard)
{
    scene_open_with(KAFKA_REQUEST_TIMED_OUT, open_nothing);
    scene.lost = true;
    world_sleep(scene.world, 20 * SECOND);
    cr_assert_gt(scene.asked, 2);
    cr_assert_eq(scene.kinds[scene.asked - 1], CONTROL_REPLICAS_LOST);
    cr_assert_eq(scene.unfenced, 0);
    scene.error = KAFKA_NONE;
    world_sleep(scene.world, 10 * SECOND);
    cr_assert_eq(scene.unfenced, 1);
    scene_close();
}

/* Of more replicas than one request holds the rest waited, and was told once more with every try: for ever more while nobody answered. */
Test(news, what_waits_to_be_told_is_not_told_twice)
{
    scene_open(KAFKA_NONE);
    scene.deaf = true;
    scene.lost = true;
    scene.losses = 1;
    scene.hungry = 5;
    world_sleep(scene.world, 60 * SECOND);
    cr_assert_eq(scene.looked, 5);
    cr_assert_eq(scene.node.lost.count, 1);
    scene_close();
}
