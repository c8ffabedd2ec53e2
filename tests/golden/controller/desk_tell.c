#include "tests/golden/controller/desk.h"

#include <stdarg.h>
#include <stdio.h>

struct line {
    char s[512];
    size_t n;
};

static void put(struct line *line, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(struct line *line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(line->s + line->n, sizeof(line->s) - line->n, fmt, args);
    va_end(args);
    assert(n >= 0 && line->n + (size_t)n < sizeof(line->s));
    line->n += (size_t)n;
}

static void put_ids(struct line *line, const char *name, const struct meta_ids *ids, bool always)
{
    if (ids->count == 0) {
        if (always) {
            put(line, " %s -", name);
        }
        return;
    }
    put(line, " %s", name);
    for (uint32_t i = 0; i < ids->count; i++) {
        put(line, "%s%d", i == 0 ? " " : ",", ids->id[i]);
    }
}

/* Directories are told where they are known; "*" marks a replica of which not every acknowledged byte was fsynced. */
static void put_replicas(struct line *line, const struct meta_partition *partition)
{
    put(line, ", replicas");
    for (uint32_t i = 0; i < partition->replica_count; i++) {
        const struct meta_replica *replica = &partition->replicas[i];
        put(line, "%s%d", i == 0 ? " " : ",", replica->broker);
        if (!uuid_is_none(replica->dir)) {
            put(line, ":%s", (const char *)replica->dir.b);
        }
        put(line, "%s", replica->synced ? "" : "*");
    }
}

void desk_partition(struct desk *desk, const char *before, const struct meta_partition *partition)
{
    struct line line = {.n = 0};
    const struct meta_topic *topic = meta_topic(quorum_image(&desk->quorum), partition->topic);
    struct slice name = topic == NULL ? desk->made : meta_topic_name(topic);
    put(&line, "%s%.*s-%d:", before, (int)name.n, (const char *)name.p, partition->index);
    if (partition->leader == META_NO_BROKER) {
        put(&line, " no leader");
    } else {
        put(&line, " leader %d", partition->leader);
    }
    put(&line, " (epoch %d),", partition->leader_epoch);
    put_ids(&line, "isr", &partition->isr, true);
    put_ids(&line, "elr", &partition->elr, false);
    put_ids(&line, "once", &partition->last_known_elr, false);
    put_replicas(&line, partition);
    put(&line, ", v%d%s", partition->partition_epoch,
        partition->recovery == META_RECOVERING ? ", recovering" : "");
    story_say(desk->out, "%s", line.s);
}

static void tell_broker(struct desk *desk, const struct meta_broker *broker)
{
    struct line line = {.n = 0};
    put(&line, "broker %d:", broker->id);
    if (broker->epoch == -1) {
        put(&line, " registered,");
    } else {
        put(&line, " epoch %lld,", (long long)broker->epoch);
    }
    put(&line, " %s%s, dirs", broker->fenced ? "fenced" : "unfenced",
        broker->shutting_down ? ", shutting down" : "");
    for (uint32_t i = 0; i < broker->dir_count; i++) {
        put(&line, " %s", (const char *)broker->dirs[i].b);
    }
    if (broker->rack.p != NULL) {
        put(&line, ", rack %.*s", (int)broker->rack.n, (const char *)broker->rack.p);
    }
    story_say(desk->out, "%s", line.s);
}

static void tell_config(struct desk *desk, const struct meta_config *config)
{
    bool files = config->resource == META_RESOURCE_FILES;
    struct slice name = config->name.n == 0 ? slice_str(files ? "files" : "*") : config->name;
    bool gone = config->value.p == NULL;
    story_say(desk->out, "%.*s: %.*s %s%.*s", (int)name.n, (const char *)name.p, (int)config->key.n,
              (const char *)config->key.p, gone ? "taken away" : "= ", (int)config->value.n,
              gone ? "" : (const char *)config->value.p);
}

static void tell_record(struct desk *desk, const struct meta_record *record)
{
    switch (record->kind) {
    case META_BROKER: tell_broker(desk, &record->broker); return;
    case META_BROKER_GONE:
        story_say(desk->out, "broker %d: unregistered", record->broker_gone.id);
        return;
    case META_TOPIC:
        desk->made = record->topic.name;
        story_say(desk->out, "topic %.*s", (int)record->topic.name.n,
                  (const char *)record->topic.name.p);
        return;
    case META_TOPIC_GONE: {
        const struct meta_topic *topic = meta_topic(quorum_image(&desk->quorum),
                                                    record->topic_gone.id);
        story_say(desk->out, "topic %.*s: gone", (int)meta_topic_name(topic).n,
                  (const char *)meta_topic_name(topic).p);
        return;
    }
    case META_PARTITION: desk_partition(desk, "", &record->partition); return;
    case META_CONFIG: tell_config(desk, &record->config); return;
    case META_PRODUCER_IDS:
        story_say(desk->out, "producer ids below %lld are handed out",
                  (long long)record->producer_ids.next_id);
        return;
    case META_FEATURE:
        story_say(desk->out, "feature %.*s at level %d", (int)record->feature.name.n,
                  (const char *)record->feature.name.p, record->feature.level);
        return;
    case META_CLUSTER: story_say(desk->out, "cluster"); return;
    }
}

void desk_batch(void *ctx, const struct meta_batch *batch, int64_t offset)
{
    struct desk *desk = ctx;
    if (desk->out == NULL) {
        return;
    }
    story_say(desk->out, "[%lld]", (long long)offset);
    for (uint32_t i = 0; i < batch->count; i++) {
        tell_record(desk, &batch->records[i]);
    }
}

void desk_result(struct desk *desk, const struct command_result *result)
{
    if (result->message.p == NULL) {
        story_say(desk->out, "-> %s", kafka_error_name((int16_t)result->error));
    } else {
        story_say(desk->out, "-> %s: %.*s", kafka_error_name((int16_t)result->error),
                  (int)result->message.n, (const char *)result->message.p);
    }
}
