/* A coordinator shard and a log of what it wrote, for stories. */
#ifndef ODRADEK_TESTS_GOLDEN_GROUP_DESK_H
#define ODRADEK_TESTS_GOLDEN_GROUP_DESK_H

#include "broker/group/group.h"
#include "tests/golden/story.h"

#define DESK_CALLS   64
#define DESK_RECORDS 256
#define DESK_NAMES   32

struct desk_record {
    const struct kmsg_message *key_desc;
    const struct kmsg_message *value_desc; /* NULL: a tombstone */
    int16_t version;
    uint8_t key[256];
    size_t key_bytes;
    uint8_t value[2048];
    size_t value_bytes;
};

struct desk_call {
    char name[16];
    struct group_call call;
    struct group_leaver leavers[8];
    uint32_t leaver_count;
    struct group_offset_gone gone[8];
    uint32_t gone_count;
    char kind; /* j, s, l, d; o: only an error is told */
    bool waits;
};

struct desk {
    struct memory_source source;
    struct heap heap;
    struct group_shard shard;
    struct group_config config;
    bool open;
    time_ms now;
    struct desk_call calls[DESK_CALLS];
    uint32_t call_count;
    struct desk_record log[DESK_RECORDS];
    uint32_t record_count;
    char names[DESK_NAMES]
              [384]; /* member ids in the order in which they were heard of: M1, M2, ... */
    uint32_t name_count;
};

void desk_begin(struct desk *);
void desk_command(struct desk *, const char *line, struct story_out *);
void desk_end(struct desk *);

/* desk_tell.c */

/* "M1" for a member id; others as they are. */
const char *desk_name(struct desk *, struct slice id);
struct slice desk_id(struct desk *, struct slice name);
/* Carries out the actions: keeps what is written, tells all. */
void desk_actions(struct desk *, const struct group_actions *, struct story_out *);
void desk_groups(struct desk *, struct story_out *);
/* Builds the shard anew from the log. */
void desk_reload(struct desk *);

#endif
