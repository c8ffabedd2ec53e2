/* What a shard wrote, kept as bytes, as a broker's log keeps it; and shards that are built from it again. */
#ifndef ODRADEK_TESTS_GROUP_LOG_H
#define ODRADEK_TESTS_GROUP_LOG_H

#include <criterion/criterion.h>
#include <stdlib.h>

#include "broker/group/group.h"

struct logged {
    const struct kmsg_message *key_desc, *value_desc; /* value_desc NULL: a tombstone */
    uint8_t *key, *value;
    size_t key_bytes, value_bytes;
    int16_t version;
};

struct group_log {
    struct logged *items;
    int count, room;
};

static inline uint8_t *group_log_encode(const struct kmsg_message *desc, int16_t version,
                                        const void *message, size_t *ret_bytes)
{
    err_t err = kmsg_size(desc, version, message, ret_bytes);
    cr_assert_eq(err, OK, "%s: %s", desc->name, err_text(err));
    uint8_t *bytes = malloc(*ret_bytes + 1);
    cr_assert_eq(kmsg_encode(desc, version, message, bytes, *ret_bytes), OK);
    return bytes;
}

static inline void group_log_add(struct group_log *log, const struct group_record *r)
{
    if (log->count == log->room) {
        log->room = log->room == 0 ? 256 : 2 * log->room;
        log->items = realloc(log->items, (size_t)log->room * sizeof(*log->items));
        cr_assert_not_null(log->items);
    }
    struct logged *to = &log->items[log->count++];
    *to = (struct logged){
        .key_desc = r->key_desc, .value_desc = r->value_desc, .version = r->value_version};
    to->key = group_log_encode(r->key_desc, 0, r->key, &to->key_bytes);
    if (r->value != NULL) {
        to->value = group_log_encode(r->value_desc, r->value_version, r->value, &to->value_bytes);
    }
}

static inline bool group_log_newest(const struct group_log *log, int i)
{
    const struct logged *a = &log->items[i];
    for (int k = i + 1; k < log->count; k++) {
        const struct logged *b = &log->items[k];
        if (a->key_desc == b->key_desc && a->key_bytes == b->key_bytes &&
            memcmp(a->key, b->key, a->key_bytes) == 0) {
            return false;
        }
    }
    return true;
}

/* As the cleaner leaves it, tombstones gone. */
static inline void group_log_compact(struct group_log *log)
{
    int kept = 0;
    for (int i = 0; i < log->count; i++) {
        if (log->items[i].value_desc != NULL && group_log_newest(log, i)) {
            log->items[kept++] = log->items[i];
        } else {
            free(log->items[i].key);
            free(log->items[i].value);
        }
    }
    log->count = kept;
}

/* false: the shard's memory is out. */
static inline bool group_log_replay(const struct group_log *log, struct group_shard *shard,
                                    bool compacted, const struct memory_source *source)
{
    static uint64_t key[64], value[64];
    bool ok = true;
    for (int i = 0; ok && i < log->count; i++) {
        const struct logged *r = &log->items[i];
        struct arena arena;
        if (compacted && (r->value_desc == NULL || !group_log_newest(log, i))) {
            continue;
        }
        arena_init(&arena, source, 4096, 1 << 24);
        struct slice bytes = slice_of(r->key, r->key_bytes);
        cr_assert_eq(kmsg_decode(r->key_desc, 0, &bytes, &arena, key), OK);
        bytes = slice_of(r->value, r->value_bytes);
        if (r->value_desc != NULL) {
            cr_assert_eq(kmsg_decode(r->value_desc, r->version, &bytes, &arena, value), OK);
        }
        ok = group_replay(shard, r->key_desc, key, r->value_desc == NULL ? NULL : value);
        arena_release(&arena);
    }
    return ok;
}

static inline void group_log_free(struct group_log *log)
{
    for (int i = 0; i < log->count; i++) {
        free(log->items[i].key);
        free(log->items[i].value);
    }
    free(log->items);
    *log = (struct group_log){0};
}

#endif
