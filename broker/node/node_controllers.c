#include "broker/api/settings.h"
#include "broker/node/node_internal.h"

#define NEWS_TIMEOUT_MS   10000
#define ISR_TIMEOUT_MS    5000
/* After news that were not heard the partitions are looked at again: not at once, while the controllers are not there. */
#define NEWS_RETRY_MIN_MS 500
#define NEWS_RETRY_MAX_MS 8000

/* ---- replicas lost and placed ---- */

static void news_send(struct replica_news *news);
static void coordinators_apply(struct broker_node *node, const struct meta_image *image,
                               const struct meta_changes *changes);

static const char *news_word(enum control_kind kind)
{
    assert(kind == CONTROL_ASSIGN_DIRS || kind == CONTROL_REPLICAS_LOST ||
           kind == CONTROL_REPLICAS_ROTTEN || kind == CONTROL_REPLICAS_SYNCED);
    return kind == CONTROL_ASSIGN_DIRS       ? "placed"
           : kind == CONTROL_REPLICAS_LOST   ? "lost"
           : kind == CONTROL_REPLICAS_ROTTEN ? "rotten"
                                             : "synced";
}

/* A replica that is not here any more has a seat until the controllers have heard so: unfenced before, this broker may be elected for
 * what it has not. */
static void look_ready(struct broker_node *node)
{
    bool told = node->lost.count == 0 && !node->lost.busy && !node->lost_unheard;
    if (node->ready && told && !node->stopping) {
        control_want_fence(node->control, false);
    }
}

/* What still waits to be told is told anew with the rest. In pieces, each of which waits for controllers that do not answer, it would
 * grow by all of it with every try. */
static void news_forget(struct broker_node *node)
{
    node->lost.count = 0;
    for (uint32_t i = 0; i < LOG_DIRS_MAX; i++) {
        node->placed[i].count = 0;
    }
}

/* Everything is told anew that the present image does not show: what was not heard, and nothing that was. */
static void on_news_retry(struct timer *timer)
{
    struct broker_node *node = CONTAINER_OF(timer, struct broker_node, news_timer);
    node->news_waits = false;
    if (node->applied && !node->stopping && control_caught_up(node->control)) {
        const struct meta_changes none = {0};
        node->lost_unheard = false;
        news_forget(node);
        partitions_apply(node->partitions, metadata_image(&node->metadata), NULL);
        coordinators_apply(node, metadata_image(&node->metadata), &none);
    }
    look_ready(node);
}

static void news_retry(struct broker_node *node)
{
    if (node->news_waits || node->stopping) {
        return;
    }
    time_ms wait = max_i64(node->news_retry_ms, NEWS_RETRY_MIN_MS);
    node->news_retry_ms = min_i64(2 * wait, NEWS_RETRY_MAX_MS);
    node->news_waits = true;
    node->news_timer.fire = on_news_retry;
    timer_arm(node->control_loop, &node->news_timer, loop_now_us(node->control_loop) + wait * 1000);
}

/* A broker without them answers no group: that does not wait for the next image. */
static void coordinators_apply(struct broker_node *node, const struct meta_image *image,
                               const struct meta_changes *changes)
{
    if (!coords_apply(node->coords, image, changes)) {
        news_retry(node);
    }
}

static void news_missed(struct broker_node *node, const struct replica_news *news)
{
    node->lost_unheard = node->lost_unheard || news == &node->lost;
    news_retry(node);
}

static void on_news_done(struct control_request *request)
{
    struct replica_news *news = CONTAINER_OF(request, struct replica_news, request);
    if (request->error != KAFKA_NONE) {
        trace_log(
            &news->node->trace, TRACE_WARN, TRACE_NODE,
            "the controllers did not take note of %u replicas that are %s here (%s); telling it again.",
            news->sent_count, news_word(news->kind), kafka_error_name(request->error));
        news_missed(news->node, news);
    } else {
        news->node->news_retry_ms = 0;
    }
    heap_free(&news->node->heap, news->sent, news->sent_count * sizeof(*news->sent));
    news->sent = NULL;
    news->busy = false;
    control_request_release(request);
    news_send(news);
    look_ready(news->node);
}

static void news_send(struct replica_news *news)
{
    struct broker_node *node = news->node;
    if (news->busy || news->count == 0) {
        return;
    }
    uint32_t some = (uint32_t)min_i64(news->count, CONTROL_PARTITIONS_MAX); /* then the others */
    struct control_partition *exact = heap_alloc(&node->heap, some * sizeof(*exact));
    if (exact == NULL) {
        news->count = 0;
        news_missed(node, news);
        return;
    }
    memcpy(exact, news->items, some * sizeof(*exact));
    news->sent = exact;
    news->sent_count = some;
    news->count -= some;
    memmove(news->items, news->items + some, news->count * sizeof(*news->items));
    news->busy = true;
    news->request = (struct control_request){.origin = node->control_loop,
                                             .timeout_ms = NEWS_TIMEOUT_MS,
                                             .kind = news->kind,
                                             .done = on_news_done};
    news->request.replicas.dir = news->dir;
    news->request.replicas.partitions = exact;
    news->request.replicas.count = news->sent_count;
    control_submit(node->control, &news->request);
}

static void on_news_end(struct turn_end *end)
{
    struct broker_node *node = CONTAINER_OF(end, struct broker_node, news_end);
    news_send(&node->lost);
    news_send(&node->rotten);
    news_send(&node->synced);
    for (uint32_t i = 0; i < LOG_DIRS_MAX; i++) {
        news_send(&node->placed[i]);
    }
}

static void news_add(struct broker_node *node, struct replica_news *news, enum control_kind kind,
                     struct control_partition what)
{
    news->node = node;
    news->kind = kind;
    if (news->count == news->room) {
        uint32_t room = news->room == 0 ? 64 : news->room * 2;
        struct control_partition *items = heap_resize(
            &node->heap, news->items, news->room * sizeof(*items), room * sizeof(*items));
        if (items == NULL) {
            news_missed(node, news);
            return;
        }
        news->items = items;
        news->room = room;
    }
    news->items[news->count++] = what;
    node->news_end.run = on_news_end;
    loop_at_turn_end(node->control_loop, &node->news_end);
}

static void on_lost(void *ctx, struct uuid topic, int32_t index, int32_t partition_epoch)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    trace_log(
        &node->trace, TRACE_WARN, TRACE_PARTITION,
        "replica %s-%d is not in its directory any more; giving its seat up, it will be copied anew",
        uuid_print(topic).s, index);
    news_add(node, &node->lost, CONTROL_REPLICAS_LOST,
             (struct control_partition){topic, index, partition_epoch});
}

static void on_rotten(void *ctx, struct uuid topic, int32_t index, int32_t leader_epoch)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    news_add(node, &node->rotten, CONTROL_REPLICAS_ROTTEN,
             (struct control_partition){topic, index, leader_epoch});
}

static void on_assigned(void *ctx, struct uuid topic, int32_t index, struct uuid dir)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    for (uint32_t i = 0; i < LOG_DIRS_MAX; i++) {
        struct replica_news *news = &node->placed[i];
        if (uuid_is_none(news->dir) || uuid_eq(news->dir, dir)) {
            news->dir = dir;
            news_add(node, news, CONTROL_ASSIGN_DIRS, (struct control_partition){topic, index, 0});
            return;
        }
    }
}

static void on_synced(void *ctx, struct uuid topic, int32_t index, int32_t partition_epoch)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    news_add(node, &node->synced, CONTROL_REPLICAS_SYNCED,
             (struct control_partition){topic, index, partition_epoch});
}

/* ---- in-sync sets ---- */

struct isr_request {
    struct control_request request;
    struct broker_node *node;
    uint64_t number;
};

static void on_isr_done(struct control_request *request)
{
    struct isr_request *isr = CONTAINER_OF(request, struct isr_request, request);
    struct broker_node *node = isr->node;
    struct partition_isr_answer answer = {.ask_number = isr->number,
                                          .error = (enum kafka_error)request->error};
    if (answer.error == KAFKA_NONE) {
        answer.leader_epoch = request->answer.isr.leader_epoch;
        answer.partition_epoch = request->answer.isr.partition_epoch;
        answer.isr_count = request->answer.isr.count;
        memcpy(answer.isr, request->answer.isr.isr, sizeof(answer.isr));
    }
    partitions_isr_answer(node->partitions, request->alter_isr.at.topic,
                          request->alter_isr.at.partition, &answer);
    heap_free(&node->heap, isr, sizeof(*isr));
}

static void on_ask_isr(void *ctx, struct uuid topic, int32_t index,
                       const struct replica_isr_ask *ask)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    struct isr_request *isr = HEAP_NEW(&node->heap, struct isr_request);
    if (isr == NULL) {
        const struct partition_isr_answer answer = {.ask_number = ask->number,
                                                    .error = KAFKA_REQUEST_TIMED_OUT};
        partitions_isr_answer(node->partitions, topic, index, &answer);
        return;
    }
    isr->node = node;
    isr->number = ask->number;
    isr->request = (struct control_request){.origin = node->control_loop,
                                            .timeout_ms = ISR_TIMEOUT_MS,
                                            .kind = CONTROL_ALTER_ISR,
                                            .done = on_isr_done};
    isr->request.alter_isr.at = (struct control_partition){.topic = topic, .partition = index};
    isr->request.alter_isr.leader_epoch = ask->leader_epoch;
    isr->request.alter_isr.partition_epoch = ask->partition_epoch;
    isr->request.alter_isr.count = ask->count;
    for (uint32_t i = 0; i < ask->count; i++) {
        isr->request.alter_isr.isr[i].id = ask->isr[i].id;
        isr->request.alter_isr.isr[i].broker_epoch = ask->isr[i].broker_epoch;
    }
    isr->request.alter_isr.min_isr = ask->min_isr;
    control_submit(node->control, &isr->request);
}

/* ---- the partitions' other words ---- */

static void on_dir_failed(void *ctx, struct uuid dir)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    uint32_t online = 0;
    for (uint32_t i = 0; i < partitions_dir_count(node->partitions); i++) {
        online += partitions_dir(node->partitions, i).online;
    }
    if (online == 0) {
        node_fail(
            node,
            "the last log directory has failed: replace the disk, or free space, and start again");
        return;
    }
    control_dir_offline(node->control, dir);
}

static void on_ready(void *ctx)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    node->ready = true;
    look_ready(node);
}

static void on_again(void *ctx)
{
    news_retry(ctx);
}

static void on_stopped(void *ctx)
{
    node_partitions_stopped(ctx);
}

void node_partition_events(struct broker_node *node, struct partitions_events *ret_events)
{
    *ret_events = (struct partitions_events){.ctx = node,
                                             .settings = node_topic_settings,
                                             .ask_isr = on_ask_isr,
                                             .lost = on_lost,
                                             .rotten = on_rotten,
                                             .assigned = on_assigned,
                                             .synced = on_synced,
                                             .dir_failed = on_dir_failed,
                                             .again = on_again,
                                             .ready = on_ready,
                                             .stopped = on_stopped};
}

/* ---- the controllers' words ---- */

static void on_joined(void *ctx, const char *cluster_id, int64_t broker_epoch)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    if (partitions_registered(node->partitions, slice_str(cluster_id), broker_epoch) != OK) {
        node_fail(
            node,
            "these log directories belong to another cluster: correct log.dirs or controller.quorum.voters");
        return;
    }
    node->applied = false;
}

/* What this broker's file says and the cluster decides otherwise. */
static void files_compare(const struct broker_node *node, const struct meta_image *image)
{
    const struct config *config = node->options.config;
    for (size_t i = 0; i < ARRAY_LEN(settings_of_cluster); i++) {
        enum config_key key = settings_of_cluster[i];
        const char *name = config_name(key);
        struct slice theirs = meta_config_value(image, META_RESOURCE_FILES, slice_of("", 0),
                                                slice_str(name));
        struct slice ours = config_text(config, key);
        if (config->given[key] && theirs.p != NULL && !slice_eq(ours, theirs)) {
            trace_log(
                &node->trace, TRACE_WARN, TRACE_NODE,
                "%s=%.*s in this broker's file does not count: the cluster decides about it, and "
                "the controllers' files say %.*s",
                name, (int)ours.n, (const char *)ours.p, (int)theirs.n, (const char *)theirs.p);
        }
    }
}

static bool files_changed(const struct meta_changes *changes)
{
    bool changed = false;
    for (size_t i = 0; i < changes->count; i++) {
        changed = changed || (changes->items[i].kind == META_CHANGED_CONFIG &&
                              changes->items[i].resource == META_RESOURCE_FILES);
    }
    return changed;
}

/* Also an image that is passed over below, or has been since: what was deleted is not told again. */
static void on_coming(void *ctx, const struct meta_image *old, const struct meta_image *next,
                      const struct meta_changes *changes)
{
    struct broker_node *node = ctx;
    coords_forewarn(node->coords, old, next, changes);
}

static void on_image(void *ctx, const struct meta_image *old, const struct meta_image *now,
                     const struct meta_changes *changes)
{
    struct broker_node *node = ctx;
    (void)old;
    assert(node->partitions != NULL);
    if (!control_caught_up(node->control)) {
        return; /* an older image does not know where our replicas are */
    }
    if (node->stopping && !node->applied) {
        return; /* its logs need not be opened any more */
    }
    if (!node->applied || files_changed(changes)) {
        files_compare(node, now);
    }
    node->lost_unheard = node->lost_unheard && node->applied; /* else all is told anew */
    partitions_apply(node->partitions, now, node->applied ? changes : NULL);
    coordinators_apply(node, now, node->applied ? changes : NULL);
    node->applied = true;
    look_ready(node);
}

static void on_fenced(void *ctx, bool fenced)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    if (!fenced) {
        node_tell_running(node);
    }
}

static void on_may_stop(void *ctx)
{
    struct broker_node *node = ctx;
    assert(node->partitions != NULL);
    if (node->stopping) {
        timer_arm(node->control_loop, &node->stop_timer, loop_now_us(node->control_loop));
    }
}

static void on_fatal(void *ctx, const char *sentence)
{
    node_fail(ctx, sentence);
}

void node_control_events(struct control_events *ret_events)
{
    *ret_events = (struct control_events){.joined = on_joined,
                                          .coming = on_coming,
                                          .image = on_image,
                                          .fenced = on_fenced,
                                          .may_stop = on_may_stop,
                                          .fatal = on_fatal};
}
