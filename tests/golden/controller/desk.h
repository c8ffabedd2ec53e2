/*
 * Desk: a controller's decision core moved by hand, for stories. Commands are words and key=value pairs:
 *
 *   settings suspicion=3 session=1500 rebalance=0 raise=0 min=1 unclean=false     before anything else; all optional
 *   register 1 dirs=1a,1b [state=clean|crashed|rebooted] [was=EPOCH] [rack=R] [incarnation=N] [cluster=ID]
 *   beat 1 [at=OFFSET] [fence] [shutdown] [offline=1a] [epoch=N]
 *   join 1@north 2 3@south                    register and beat, each with one directory: 1a, 2a, 3a
 *   suspect 1 | unregister 1 | wait MS | failover | hold
 *   create NAME [partitions=N] [replicas=N] [assign=1,2,3/2,3,1] [key=value ...]
 *   delete NAME | grow NAME total=N | set NAME|* key=value ... (an empty value takes the setting away)
 *   isr NAME P isr=1,2 [by=BROKER] [leader-epoch=N] [partition-epoch=N] [min=N] [member-epoch=ID:N] [recovering]
 *   dir NAME P broker=B dir=1a | lost NAME P broker=B [partition-epoch=N] | synced NAME P broker=B [partition-epoch=N]
 *   elect preferred|unclean NAME P | elect preferred|unclean all
 *   ids 1 | feature NAME LEVEL [downgrade] | show NAME
 *
 * Each batch is told as one line per record, under the offset that it got; an answer follows behind "->".
 */
#ifndef ODRADEK_TESTS_GOLDEN_CONTROLLER_DESK_H
#define ODRADEK_TESTS_GOLDEN_CONTROLLER_DESK_H

#include "tests/golden/story.h"
#include "tests/unit/controller/state/quorum.h"

#define DESK_WORDS 32

struct desk {
    bool begun;
    struct controller_settings settings;
    struct quorum quorum;
    int incarnations;
    struct story_out *out; /* of the command under way; NULL: silence */
    struct slice made;     /* the topic that the batch under way makes */
    char *words[DESK_WORDS];
    int word_count;
};

/* desk_words.c: the command as words */
void desk_split(struct desk *, char *line);
/* The n-th word that is no key=value and no flag of ours; NULL. */
const char *desk_word(const struct desk *, int n);
const char *desk_value(const struct desk *, const char *key);
int desk_number(const struct desk *, const char *key, int otherwise);
bool desk_flag(const struct desk *, const char *word);
/* The id that this name stands for. */
struct uuid desk_dir(const char *name, size_t n);
/* Comma-separated numbers. */
uint32_t desk_ids(const char *text, int32_t *ret_ids, uint32_t max);

/* desk_tell.c: records and answers as lines */
void desk_batch(void *desk, const struct meta_batch *, int64_t offset);
void desk_partition(struct desk *, const char *before, const struct meta_partition *);
void desk_result(struct desk *, const struct command_result *);

/* desk.c */
const struct answer *desk_submit(struct desk *, const struct command *);
/* desk_topics.c: false: not one of its commands */
bool desk_topics(struct desk *, const char *name);

#endif
