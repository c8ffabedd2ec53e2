#include "controller/node/news.h"

#include <stdio.h>

static void broker_gather(struct decision_news *news, const struct meta_image *newest,
                          const struct meta_broker *broker)
{
    const struct meta_broker *old = meta_broker(newest, broker->id);
    enum news_change change = 0;
    if (old != NULL && broker->fenced && !old->fenced) {
        change = NEWS_FENCED;
    } else if (old != NULL && !broker->fenced && old->fenced) {
        change = NEWS_BACK;
    } else if (old != NULL && broker->shutting_down && !old->shutting_down) {
        change = NEWS_LEAVING;
    }
    if (change != 0) {
        if (news->broker_count < NEWS_BROKERS_MAX) {
            news->brokers[news->broker_count] = (struct news_broker){broker->id, change};
        }
        news->broker_count++;
    }
}

static void partition_gather(struct decision_news *news, const struct meta_image *newest,
                             const struct meta_partition *partition)
{
    const struct meta_topic *topic = meta_topic(newest, partition->topic);
    const struct meta_partition *old = topic == NULL ? NULL
                                                     : meta_partition(topic, partition->index);
    if (old == NULL) {
        return;
    }
    news->raised += partition->replica_count > old->replica_count;
    if (old->leader == partition->leader) {
        return;
    }
    news->leaderless += partition->leader == META_NO_BROKER;
    news->led_again += old->leader == META_NO_BROKER;
    news->moved += partition->leader != META_NO_BROKER && old->leader != META_NO_BROKER;
}

void news_gather(struct decision_news *news, const struct meta_image *newest,
                 struct meta_batch batch)
{
    assert(newest != NULL);
    for (uint32_t i = 0; i < batch.count; i++) {
        const struct meta_record *record = &batch.records[i];
        switch (record->kind) {
        case META_BROKER: broker_gather(news, newest, &record->broker); break;
        case META_PARTITION: partition_gather(news, newest, &record->partition); break;
        case META_CONFIG:
            news->files = news->files || record->config.resource == META_RESOURCE_FILES;
            break;
        default: break;
        }
    }
}

static const char *why(const struct command *command, enum news_change change)
{
    switch (command->kind) {
    case COMMAND_SUSPECT:
        return command->suspect.refused
                   ? "its connection ended and its listener refuses: it is gone"
                   : "its connection ended and nothing was heard since";
    case COMMAND_TICK: return "no heartbeat within the session's time";
    case COMMAND_REGISTER_BROKER: return "another incarnation registers";
    case COMMAND_UNREGISTER_BROKER: return "it is unregistered";
    default:
        return change == NEWS_BACK      ? "it has caught up"
               : change == NEWS_LEAVING ? "it asked for it"
                                        : "it asked for it, or its last directory failed";
    }
}

static const char *word(enum news_change change)
{
    return change == NEWS_FENCED ? "fenced" : change == NEWS_BACK ? "unfenced" : "shutting down";
}

/* ": 3 leaderships moved, 1 partition without a leader" */
static void consequences(const struct decision_news *news, char *out, size_t room)
{
    int n = snprintf(out, room, "%u leadership%s moved", news->moved, news->moved == 1 ? "" : "s");
    assert(n > 0 && (size_t)n < room);
    if (news->led_again > 0) {
        n += snprintf(out + n, room - (size_t)n, ", %u partition%s led again", news->led_again,
                      news->led_again == 1 ? "" : "s");
    }
    if (news->leaderless > 0) {
        n += snprintf(out + n, room - (size_t)n, ", %u partition%s WITHOUT a leader now",
                      news->leaderless, news->leaderless == 1 ? "" : "s");
    }
    assert((size_t)n < room);
}

void news_tell(const struct decision_news *news, const struct command *command,
               const struct controller_settings *settings, const struct trace *trace)
{
    char text[160];
    uint32_t told = news->broker_count < NEWS_BROKERS_MAX ? news->broker_count : NEWS_BROKERS_MAX;
    consequences(news, text, sizeof(text));
    for (uint32_t i = 0; i < told; i++) {
        const struct news_broker *broker = &news->brokers[i];
        enum trace_level level = broker->change == NEWS_FENCED ? TRACE_WARN : TRACE_INFO;
        trace_log(trace, level, TRACE_STATE, "broker %d is %s (%s)%s%s", broker->id,
                  word(broker->change), why(command, broker->change), i + 1 == told ? ": " : "",
                  i + 1 == told ? text : "");
    }
    if (news->broker_count > told) {
        trace_log(trace, TRACE_WARN, TRACE_STATE, "the same of %u more brokers",
                  news->broker_count - told);
    }
    if (news->raised > 0) {
        trace_log(
            trace, TRACE_INFO, TRACE_STATE,
            "%u partition%s of the cluster's own topics get more replicas, for there are more "
            "brokers now",
            news->raised, news->raised == 1 ? "" : "s");
    }
    if (news->files) {
        trace_log(
            trace, TRACE_INFO, TRACE_STATE,
            "for topics without a setting of their own this controller's file holds from now on: "
            "min.insync.replicas=%d durability=%s unclean.leader.election.enable=%s",
            settings->defaults.min_insync_replicas,
            settings->defaults.durability_disk ? "disk" : "pagecache",
            settings->defaults.unclean_leader_election ? "true" : "false");
    }
}
