/*
 * Changes of settings at run time (KIP-133, KIP-226, KIP-339), judged as Kafka 4.3 judges them.
 *
 * The sentences are Kafka's, because people look for them; they are cut where they do not fit, and always end in NUL. Its
 * codes for them: INVALID_CONFIG for settings of topics, INVALID_REQUEST for values of brokers' settings, INVALID_CONFIG for
 * lists that are none.
 */
#ifndef ODRADEK_CONFIG_ALTER_H
#define ODRADEK_CONFIG_ALTER_H

#include "common/config/config.h"

/* Numbers of AlterConfigOp.OpType. */
enum config_op { CONFIG_SET = 0, CONFIG_DELETE = 1, CONFIG_APPEND = 2, CONFIG_SUBTRACT = 3 };

/* Whether items can be appended to the setting of this name. */
bool topic_config_is_list(struct slice name);
bool config_is_list(struct slice name);
/* What it is where nobody has set it; NULL: nothing, or no such setting. */
struct slice topic_config_default(struct slice name);
struct slice config_default(struct slice name);
/* `old` with the items of `change` added (APPEND; those that it has already are not) or taken out
 * (SUBTRACT), in the arena. */
err_t config_list_change(struct arena *, struct slice old, struct slice change, enum config_op,
                         struct slice *ret_list) MUST_USE;

struct config_change {
    struct slice name;
    struct slice value;
};

/* Whether a topic may have these settings, which are set at the same time; on false the first fault in `why`. */
bool topic_config_judge(const struct config_change *, uint32_t count, char *why, size_t why_bytes);
/* Whether a topic's settings go together; `value` gives what it will have of its own, NULL: nothing. */
bool topic_config_judge_together(struct slice (*value)(const void *ctx, const char *name),
                                 const void *ctx, char *why, size_t why_bytes);

/* Whether nodes' settings may be set so at run time: for one broker (`one`), or as the cluster-wide default. Keys that nobody
 * knows are allowed, as with Kafka, whose plug-ins have their own. */
bool config_judge(const struct config_change *, uint32_t count, bool one, char *why,
                  size_t why_bytes);

#endif
