/*
 * What a decision came to, in the words of the log: who was fenced or came back, and what followed from it. One line a broker
 * and decision, when the decision is committed.
 */
#ifndef ODRADEK_CONTROLLER_NEWS_H
#define ODRADEK_CONTROLLER_NEWS_H

#include "common/trace/trace.h"
#include "controller/state/controller_state.h"

/* Brokers of one decision that are told; a tick after a long sleep of ours may fence more, which are counted. */
#define NEWS_BROKERS_MAX 8

struct decision_news {
    struct news_broker {
        int32_t id;
        enum news_change { NEWS_FENCED = 1, NEWS_BACK, NEWS_LEAVING } change;
    } brokers[NEWS_BROKERS_MAX];
    uint32_t broker_count; /* may be more than the room */
    uint32_t moved;        /* partitions whose leader changed */
    uint32_t led_again;    /* had none and have one */
    uint32_t leaderless;   /* had one and have none */
    uint32_t raised;       /* got more replicas */
    bool files;            /* what the file says about topics was written */
};

/* One batch of the decision, before it is accepted into the newest image. */
void news_gather(struct decision_news *, const struct meta_image *newest, struct meta_batch);
void news_tell(const struct decision_news *, const struct command *,
               const struct controller_settings *, const struct trace *);

#endif
