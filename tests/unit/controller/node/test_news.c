/* The lines that say what a decision came to. */
#include <criterion/criterion.h>

#include "controller/node/news.h"
#include "tests/unit/controller/state/quorum.h"

struct scene {
    struct quorum quorum;
    struct controller_settings settings;
    struct decision_news news;
    struct trace trace;
    char lines[2048];
    size_t n;
};

static void on_batch(void *ctx, const struct meta_batch *batch, int64_t offset)
{
    struct scene *scene = ctx;
    (void)offset;
    news_gather(&scene->news, quorum_image(&scene->quorum), *batch);
}

static void on_line(void *ctx, struct slice line)
{
    struct scene *scene = ctx;
    cr_assert_lt(scene->n + line.n, sizeof(scene->lines));
    memcpy(scene->lines + scene->n, line.p, line.n);
    scene->n += line.n;
    scene->lines[scene->n] = '\0';
}

static time_ms on_time(void *ctx)
{
    (void)ctx;
    return 0;
}

static const char *tell(struct scene *scene, const struct command *command)
{
    scene->news = (struct decision_news){.broker_count = 0};
    scene->n = 0;
    scene->lines[0] = '\0';
    (void)quorum_submit(&scene->quorum, command);
    news_tell(&scene->news, command, &scene->settings, &scene->trace);
    return scene->lines;
}

static void scene_init(struct scene *scene)
{
    memset(scene, 0, sizeof(*scene));
    scene->settings = controller_settings_default();
    trace_init(&scene->trace, "controller", on_line, on_time, scene);
    quorum_init(&scene->quorum, &scene->settings, 1);
    scene->quorum.seen = on_batch;
    scene->quorum.ctx = scene;
    for (int32_t i = 1; i <= 3; i++) {
        quorum_join(&scene->quorum, i, i);
    }
    struct manual_assignment assignments[3] = {
        {.partition = 0, .brokers = {1, 2, 3}, .broker_count = 3},
        {.partition = 1, .brokers = {1, 3, 2}, .broker_count = 3},
        {.partition = 2, .brokers = {2, 3, 1}, .broker_count = 3}};
    struct manual_assignment alone = {.partition = 0, .brokers = {1}, .broker_count = 1};
    struct create_topic topics[2] = {
        {.name = slice_str("a"), .partitions = -1, .replication_factor = -1},
        {.name = slice_str("b"), .partitions = -1, .replication_factor = -1}};
    topics[0].assignments = assignments;
    topics[0].assignment_count = 3;
    topics[1].assignments = &alone;
    topics[1].assignment_count = 1;
    struct command command = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {topics, 2, false}};
    (void)quorum_submit(&scene->quorum, &command);
}

Test(news, a_fenced_broker_and_its_return)
{
    static struct scene scene;
    scene_init(&scene);
    struct command suspect = {.kind = COMMAND_SUSPECT};
    suspect.suspect.broker = 1;
    suspect.suspect.broker_epoch = meta_broker(quorum_image(&scene.quorum), 1)->epoch;
    suspect.suspect.refused = true;
    const char *told = tell(&scene, &suspect);
    cr_assert_not_null(
        strstr(told, "broker 1 is fenced (its connection ended and its listener refuses"), "%s",
        told);
    cr_assert_not_null(strstr(told, "2 leaderships moved, 1 partition WITHOUT a leader now"), "%s",
                       told);
    told = tell(&scene, &suspect);
    cr_assert_str_eq(told, ""); /* nothing changed, nothing to say */
    struct command beat = quorum_beat(&scene.quorum, 1);
    told = tell(&scene, &beat);
    cr_assert_not_null(strstr(told, "broker 1 is unfenced (it has caught up): 0 leaderships moved, "
                                    "1 partition led again"),
                       "%s", told);
    beat = quorum_beat(&scene.quorum, 2);
    beat.heartbeat.want_shutdown = true;
    told = tell(&scene, &beat);
    cr_assert_not_null(
        strstr(told, "broker 2 is shutting down (it asked for it): 2 leaderships moved"), "%s",
        told);
    quorum_release(&scene.quorum);
}

Test(controller_news, our_own_topics_get_more_replicas)
{
    static struct scene scene;
    scene_init(&scene);
    struct create_topic topic = {
        .name = slice_str("__consumer_offsets"), .partitions = 2, .replication_factor = 1};
    struct command create = {.kind = COMMAND_CREATE_TOPICS, .create_topics = {&topic, 1, false}};
    cr_assert_str_empty(tell(&scene, &create), "what is new got nothing more");
    scene.quorum.now = controller_deadline(&scene.quorum.active);
    const char *lines = tell(&scene, &(struct command){.kind = COMMAND_TICK});
    cr_assert_not_null(strstr(lines, "2 partitions of the cluster's own topics get more replicas"));
    quorum_release(&scene.quorum);
}
