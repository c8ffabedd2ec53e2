/*
 * Records of __consumer_offsets as bytes: a key is its type as int16 and the message, a value its version as int16 and the
 * message. Types that are not known here (transactions' markers, other kinds of groups) are passed over.
 */
#include "broker/coord/coord_internal.h"

#include "common/base/bytes.h"
#include "common/wire/record_batch_build.h"

#define RECORD_BYTES_MAX ((size_t)128 << 20)

static err_t put(const struct kmsg_message *desc, int16_t prefix, int16_t version,
                 const void *message, struct buf *out)
{
    uint8_t head[2];
    buf_clear(out);
    store_be16(head, (uint16_t)prefix);
    buf_put(out, head, sizeof(head));
    return kmsg_encode_buf(desc, version, message, out);
}

err_t records_encode(const struct crc32c_impl *crc, const struct group_record *records,
                     uint32_t count, time_ms wall_ms, struct heap *heap, struct buf *out)
{
    struct batch_options options = batch_options_plain();
    struct batch_builder builder;
    struct batch_header header;
    struct buf key, value;
    err_t err = OK;
    assert(count > 0);
    buf_init(&key, heap, RECORD_BYTES_MAX);
    buf_init(&value, heap, RECORD_BYTES_MAX);
    batch_begin(&builder, &options, out);
    for (uint32_t i = 0; err == OK && i < count; i++) {
        const struct group_record *r = &records[i];
        struct slice bytes = {0};
        err = put(r->key_desc, r->key_desc->id, 0, r->key, &key);
        if (err == OK && r->value != NULL) {
            err = put(r->value_desc, r->value_version, r->value_version, r->value, &value);
            bytes = buf_slice(&value);
        }
        if (err == OK) {
            err = batch_append(&builder, wall_ms, buf_slice(&key), bytes);
        }
    }
    if (err == OK) {
        err = batch_finish(&builder, crc, &header);
    } else {
        batch_abandon(&builder);
    }
    buf_release(&key);
    buf_release(&value);
    return err;
}

/* ---- back ---- */

union key_room {
    struct kmsg_offset_commit_key offset;
    struct kmsg_legacy_offset_commit_key legacy;
    struct kmsg_group_metadata_key group;
    struct kmsg_consumer_group_metadata_key consumer;
    struct kmsg_consumer_group_partition_metadata_key partitions;
    struct kmsg_consumer_group_member_metadata_key member;
    struct kmsg_consumer_group_target_assignment_metadata_key target;
    struct kmsg_consumer_group_target_assignment_member_key target_member;
    struct kmsg_consumer_group_current_member_assignment_key current;
    struct kmsg_consumer_group_regular_expression_key pattern;
};
union value_room {
    struct kmsg_offset_commit_value offset;
    struct kmsg_group_metadata_value group;
    struct kmsg_consumer_group_metadata_value consumer;
    struct kmsg_consumer_group_partition_metadata_value partitions;
    struct kmsg_consumer_group_member_metadata_value member;
    struct kmsg_consumer_group_target_assignment_metadata_value target;
    struct kmsg_consumer_group_target_assignment_member_value target_member;
    struct kmsg_consumer_group_current_member_assignment_value current;
    struct kmsg_consumer_group_regular_expression_value pattern;
};

/* By type. Keys of type 0 are those of type 1 under an older name. */
static const struct {
    const struct kmsg_message *key;
    const struct kmsg_message *value;
} kinds[] = {
    [0] = {&kmsg_offset_commit_key_desc, &kmsg_offset_commit_value_desc},
    [1] = {&kmsg_offset_commit_key_desc, &kmsg_offset_commit_value_desc},
    [2] = {&kmsg_group_metadata_key_desc, &kmsg_group_metadata_value_desc},
    [3] = {&kmsg_consumer_group_metadata_key_desc, &kmsg_consumer_group_metadata_value_desc},
    [4] = {&kmsg_consumer_group_partition_metadata_key_desc,
           &kmsg_consumer_group_partition_metadata_value_desc},
    [5] = {&kmsg_consumer_group_member_metadata_key_desc,
           &kmsg_consumer_group_member_metadata_value_desc},
    [6] = {&kmsg_consumer_group_target_assignment_metadata_key_desc,
           &kmsg_consumer_group_target_assignment_metadata_value_desc},
    [7] = {&kmsg_consumer_group_target_assignment_member_key_desc,
           &kmsg_consumer_group_target_assignment_member_value_desc},
    [8] = {&kmsg_consumer_group_current_member_assignment_key_desc,
           &kmsg_consumer_group_current_member_assignment_value_desc},
    [16] = {&kmsg_consumer_group_regular_expression_key_desc,
            &kmsg_consumer_group_regular_expression_value_desc},
};

static err_t replay_one(struct coord_shard *shard, const struct record *record, struct arena *arena)
{
    union key_room key;
    union value_room value;
    struct slice key_bytes = record->key, value_bytes = record->value;
    if (key_bytes.n < 2) {
        return OK; /* without a key it means nothing */
    }
    uint16_t type = load_be16(key_bytes.p);
    if (type >= ARRAY_LEN(kinds) || kinds[type].key == NULL) {
        return OK;
    }
    const struct kmsg_message *key_desc = kinds[type].key;
    key_bytes = slice_of(key_bytes.p + 2, key_bytes.n - 2);
    TRY(kmsg_decode(key_desc, 0, &key_bytes, arena, &key));
    if (value_bytes.p != NULL) {
        const struct kmsg_message *desc = kinds[type].value;
        ENSURE(value_bytes.n >= 2, ERR_MALFORMED);
        int16_t version = (int16_t)load_be16(value_bytes.p);
        ENSURE(kmsg_has_version(desc, version), ERR_VERSION);
        value_bytes = slice_of(value_bytes.p + 2, value_bytes.n - 2);
        TRY(kmsg_decode(desc, version, &value_bytes, arena, &value));
    }
    const void *told = record->value.p == NULL ? NULL : &value;
    return group_replay(&shard->core, key_desc, &key, told) ? OK : ERR_NO_MEMORY;
}

static err_t replay_records(struct coord_shard *shard, const struct batch_header *header,
                            struct slice plain, int64_t from, uint64_t *records)
{
    struct record_reader reader;
    struct arena arena;
    bool more = true;
    err_t err = OK;
    record_reader_init(&reader, header, plain);
    arena_init(&arena, memory_source(shard->coords->config.host), 4096, RECORD_BYTES_MAX);
    while (err == OK && more) {
        struct record record;
        err = record_reader_next(&reader, &record, &more);
        if (err == OK && more && record.offset >= from) {
            arena_clear(&arena);
            err = replay_one(shard, &record, &arena);
            ++*records;
        }
    }
    arena_release(&arena);
    return err;
}

static err_t replay_batch(struct coord_shard *shard, struct slice batch, int64_t from,
                          const struct batch_header *header, uint64_t *records)
{
    struct slice body = slice_of(batch.p + BATCH_HEADER_BYTES, batch.n - BATCH_HEADER_BYTES);
    if ((header->attributes & BATCH_CONTROL) != 0) {
        return OK;
    }
    if (batch_compression(header) == COMPRESSION_NONE) {
        return replay_records(shard, header, body, from, records);
    }
    struct buf plain;
    buf_init(&plain, &shard->decoder_heap, RECORD_BYTES_MAX);
    err_t err = decoder_all(&shard->decoder, batch_compression(header), body, &plain);
    if (err == OK) {
        err = replay_records(shard, header, buf_slice(&plain), from, records);
    }
    buf_release(&plain);
    return err;
}

err_t records_replay(struct coord_shard *shard, struct slice batches, int64_t *offset,
                     uint64_t *records)
{
    while (batches.n > 0) {
        struct slice batch;
        struct batch_header header;
        err_t err = batch_cut(&batches, &batch);
        if (err == ERR_TRUNCATED) {
            return OK; /* the rest comes with the next chunk */
        }
        TRY(err);
        TRY(batch_check(shard->coords->config.crc, batch, &header));
        struct batch_facts facts = batch_facts(&header);
        if (facts.last_offset >= *offset) {
            TRY(replay_batch(shard, batch, *offset, &header, records));
            *offset = facts.last_offset + 1;
        }
    }
    return OK;
}
