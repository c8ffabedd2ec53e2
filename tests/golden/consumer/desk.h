/* A coordinator shard with consumer groups, topics, and a log of what it wrote, for stories. */
#ifndef ODRADEK_TESTS_GOLDEN_CONSUMER_DESK_H
#define ODRADEK_TESTS_GOLDEN_CONSUMER_DESK_H

#include "broker/group/consumer.h"
#include "tests/golden/story.h"

#define DESK_RECORDS 512
#define DESK_ITEMS   32

struct desk_record {
    const struct kmsg_message *key_desc;
    const struct kmsg_message *value_desc; /* NULL: a tombstone */
    int16_t version;
    size_t key_bytes;
    size_t value_bytes;
    uint8_t key[256];
    uint8_t value[1024];
};

struct desk {
    struct memory_source source;
    struct heap heap, meta_heap;
    struct meta_store store;
    struct meta_image *image;
    struct group_config config;
    struct group_shard shard;
    struct {
        struct group_call call;
        char kind;       /* c, j, s, o */
    } calls[DESK_ITEMS]; /* the newest; a join may wait */
    uint32_t call_count;
    time_ms now;
    struct desk_record log[DESK_RECORDS];
    uint32_t record_count;
    char made[64]; /* the last id that the core made: "ME" in stories */
};

void desk_begin(struct desk *);
void desk_command(struct desk *, const char *line, struct story_out *);
void desk_end(struct desk *);

/* desk_tell.c */
struct uuid desk_topic_id(char letter, uint32_t number);
void desk_actions(struct desk *, const struct group_actions *, struct story_out *);
void desk_groups(struct desk *, struct story_out *);
/* Builds the shard anew from the log. */
void desk_reload(struct desk *);

#endif
