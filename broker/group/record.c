/* What the log remembers: Kafka's record schemas of __consumer_offsets, built and taken back. */
#include "broker/group/consumer_internal.h"

/* Versions that every Kafka since 2.3 reads; offsets with a time of their own need version 1. Version 4 tells the topic's id, too; Kafka
 * writes it since 4.1, and reads it since KIP-915. */
#define GROUP_VALUE_VERSION  3
#define OFFSET_VALUE_VERSION 3
#define OFFSET_EXPIRING      1
#define OFFSET_WITH_ID       4

#define RECORDS_FIRST 16

bool turn_record(struct turn *turn, const struct kmsg_message *key_desc, const void *key,
                 const struct kmsg_message *value_desc, const void *value, int16_t version)
{
    struct group_shard *shard = turn->shard;
    assert((value_desc == NULL) == (value == NULL) && key != NULL);
    assert(key_desc->kind == KMSG_KEY && (value_desc == NULL || value_desc->id == key_desc->id));
    if (shard->record_count == shard->record_room) {
        uint32_t room = shard->record_room == 0 ? RECORDS_FIRST : 2 * shard->record_room;
        struct group_record *grown = arena_array(&shard->scratch, room, sizeof(*grown));
        if (grown == NULL) {
            return false;
        }
        if (shard->record_count > 0) {
            memcpy(grown, shard->records, shard->record_count * sizeof(*grown));
        }
        shard->records = grown;
        shard->record_room = room;
    }
    shard->records[shard->record_count++] = (struct group_record){
        .key_desc = key_desc,
        .key = key,
        .value_desc = value_desc,
        .value = value,
        .value_version = version,
    };
    return true;
}

static bool members_build(struct turn *turn, const struct group *group,
                          struct kmsg_group_metadata_value *value)
{
    int32_t count = (int32_t)group->members.count;
    value->members.items = kmsg_group_metadata_value_member_metadata_array(&turn->shard->scratch,
                                                                           count);
    if (value->members.items == NULL) {
        return false;
    }
    value->members.count = count;
    assert(count == 0 || group->protocol.p != NULL);
    uint32_t at = 0;
    for (int32_t i = 0; i < count; i++) {
        const struct group_member *m = group_member_next(group, &at);
        assert(m != NULL);
        struct kmsg_group_metadata_value_member_metadata *out = &value->members.items[i];
        out->member_id = m->id;
        out->group_instance_id = m->instance_id;
        out->client_id = m->client_id;
        out->client_host = m->client_host;
        out->rebalance_timeout = m->rebalance_ms;
        out->session_timeout = m->session_ms;
        out->subscription = group_member_metadata(m, group->protocol);
        out->assignment = m->assignment;
    }
    return true;
}

static struct kmsg_group_metadata_key *group_key(struct turn *turn, const struct group *group)
{
    struct kmsg_group_metadata_key *key = ARENA_NEW(&turn->shard->scratch,
                                                    struct kmsg_group_metadata_key);
    if (key != NULL && !arena_copy(&turn->shard->scratch, group->id, &key->group)) {
        return NULL; /* a copy: the group may be gone before its tombstone is encoded */
    }
    return key;
}

bool record_group(struct turn *turn, struct group *group)
{
    struct arena *scratch = &turn->shard->scratch;
    struct kmsg_group_metadata_key *key = group_key(turn, group);
    struct kmsg_group_metadata_value *value = ARENA_NEW(scratch, struct kmsg_group_metadata_value);
    if (key == NULL || value == NULL) {
        return false;
    }
    assert(group->generation >= 0 && (group->members.count == 0 || group->leader.p != NULL));
    kmsg_group_metadata_value_init(value);
    value->protocol_type = group->protocol_type;
    value->generation = group->generation;
    value->protocol = group->protocol;
    value->leader = group->leader;
    value->current_state_timestamp = turn->wall_ms;
    if (!members_build(turn, group, value) ||
        !turn_record(turn, &kmsg_group_metadata_key_desc, key, &kmsg_group_metadata_value_desc,
                     value, GROUP_VALUE_VERSION)) {
        return false;
    }
    group->write = turn_write(turn);
    return true;
}

bool record_group_gone(struct turn *turn, struct group *group)
{
    struct kmsg_group_metadata_key *key = group_key(turn, group);
    return key != NULL && turn_record(turn, &kmsg_group_metadata_key_desc, key, NULL, NULL, 0);
}

/* What a tombstone has beside names, with room to spare. */
#define GONE_RECORD_BYTES 64
/* Of the group itself. */
#define GONE_RECORDS      3

bool write_full(const struct group_shard *shard, const struct group *group, size_t name_bytes)
{
    uint64_t group_bytes = GONE_RECORD_BYTES + group->id.n;
    uint64_t bytes = shard->gone_bytes + group_bytes + name_bytes + GONE_RECORDS * group_bytes;
    uint64_t most = shard->config.write_bytes_max;
    return shard->record_count > 0 && most > 0 && bytes > most;
}

bool record_gone(struct turn *turn, struct group *group)
{
    assert(group->members.count == 0);
    turn->shard->gone_bytes += GONE_RECORDS * (GONE_RECORD_BYTES + group->id.n);
    return group->consumer != NULL ? record_consumer_gone(turn, group)
                                   : record_group_gone(turn, group);
}

static struct kmsg_offset_commit_key *offset_key(struct turn *turn, const struct group *group,
                                                 struct slice topic, int32_t partition)
{
    struct arena *scratch = &turn->shard->scratch;
    struct kmsg_offset_commit_key *key = ARENA_NEW(scratch, struct kmsg_offset_commit_key);
    bool ok = key != NULL && arena_copy(scratch, group->id, &key->group) &&
              arena_copy(scratch, topic, &key->topic);
    if (!ok) {
        return NULL;
    }
    assert(key->group.n > 0);
    key->partition = partition;
    return key;
}

bool record_offset(struct turn *turn, struct group *group, struct slice topic,
                   const struct group_offset *offset)
{
    struct kmsg_offset_commit_key *key = offset_key(turn, group, topic, offset->partition);
    struct kmsg_offset_commit_value *value = ARENA_NEW(&turn->shard->scratch,
                                                       struct kmsg_offset_commit_value);
    if (key == NULL || value == NULL) {
        return false;
    }
    kmsg_offset_commit_value_init(value);
    value->offset = offset->offset;
    value->leader_epoch = offset->leader_epoch;
    value->metadata = offset->metadata;
    value->commit_timestamp = offset->commit_ms;
    value->expire_timestamp = offset->expire_ms;
    value->topic_id = offset->topic_id;
    assert(offset->expire_ms < 0 || uuid_is_none(offset->topic_id));
    int16_t version = offset->expire_ms >= 0           ? OFFSET_EXPIRING
                      : uuid_is_none(offset->topic_id) ? OFFSET_VALUE_VERSION
                                                       : OFFSET_WITH_ID;
    if (!turn_record(turn, &kmsg_offset_commit_key_desc, key, &kmsg_offset_commit_value_desc, value,
                     version)) {
        return false;
    }
    group->offsets_write = turn_write(turn);
    return true;
}

bool record_offset_gone(struct turn *turn, struct group *group, struct slice topic,
                        int32_t partition)
{
    struct kmsg_offset_commit_key *key = offset_key(turn, group, topic, partition);
    if (key == NULL || !turn_record(turn, &kmsg_offset_commit_key_desc, key, NULL, NULL, 0)) {
        return false;
    }
    turn->shard->gone_bytes += GONE_RECORD_BYTES + group->id.n + topic.n;
    group->offsets_write = turn_write(turn);
    return true;
}

/* ---- back from the log ---- */

void replay_members_drop(struct group_shard *shard, struct group *group)
{
    uint32_t at = 0;
    for (const struct map_entry *e; (e = map_next(&group->members, &at)) != NULL;) {
        member_remove(shard, e->value);
    }
    assert(group->members.count == 0 && group->statics.count == 0);
}

static bool replay_member(struct group_shard *shard, struct group *group,
                          const struct kmsg_group_metadata_value_member_metadata *in)
{
    bool twice = in->member_id.n == 0 || map_get(&group->members, in->member_id) != NULL ||
                 (in->group_instance_id.p != NULL &&
                  map_get(&group->statics, in->group_instance_id) != NULL);
    if (twice) {
        return true; /* nobody writes that; the first one stays */
    }
    struct group_protocol protocol = {
        .name = group->protocol.p != NULL ? group->protocol : slice_of("", 0),
        .metadata = in->subscription.p != NULL ? in->subscription : slice_of("", 0),
    };
    struct member_facts facts = {
        .id = in->member_id,
        .instance_id = in->group_instance_id,
        .client_id = in->client_id,
        .client_host = in->client_host,
        .protocols = &protocol,
        .protocol_count = 1,
        .session_ms = in->session_timeout,
        .rebalance_ms = in->rebalance_timeout >= 0 ? in->rebalance_timeout : in->session_timeout,
    };
    struct group_member *m = member_add(shard, group, &facts);
    return m != NULL && member_set_assignment(shard, m, in->assignment);
}

/* A group with members has a protocol and a leader, whatever was written. */
static struct slice some(struct slice text, const struct kmsg_group_metadata_value *value)
{
    return text.p == NULL && value->members.count > 0 ? slice_of("", 0) : text;
}

static bool replay_group(struct group_shard *shard, const struct kmsg_group_metadata_key *key,
                         const struct kmsg_group_metadata_value *value)
{
    struct group *group = map_get(&shard->groups, key->group);
    if (value == NULL) {
        if (group != NULL) {
            replay_members_drop(shard, group);
            group->state = GROUP_EMPTY;
        }
        if (group != NULL && group->offset_count == 0 && group->consumer == NULL) {
            shard_remove(shard, group);
        }
        return true;
    }
    if (group != NULL && group->consumer != NULL) {
        consumer_unmake(shard, group);
    }
    if (group == NULL) {
        group = shard_create(shard, key->group, value->current_state_timestamp);
    }
    if (group == NULL) {
        return false;
    }
    replay_members_drop(shard, group);
    group->generation = replay_epoch_of(value->generation);
    group->state_wall_ms = max_i64(value->current_state_timestamp, -1);
    bool ok = slice_set(shard, &group->protocol_type, value->protocol_type) &&
              slice_set(shard, &group->protocol, some(value->protocol, value)) &&
              slice_set(shard, &group->leader, some(value->leader, value));
    for (int32_t i = 0; ok && i < value->members.count; i++) {
        ok = replay_member(shard, group, &value->members.items[i]);
    }
    group->state = group->members.count > 0 ? GROUP_STABLE : GROUP_EMPTY;
    return ok;
}

static bool replay_offset(struct group_shard *shard, const struct kmsg_offset_commit_key *key,
                          const struct kmsg_offset_commit_value *value)
{
    struct group *group = map_get(&shard->groups, key->group);
    if (value == NULL) {
        if (group != NULL) {
            offsets_drop(shard, group, key->topic, key->partition);
        }
        return true;
    }
    if (group == NULL) { /* one that only stores offsets */
        group = shard_create(shard, key->group, value->commit_timestamp);
    }
    struct group_offset offset = {
        .partition = key->partition,
        .leader_epoch = value->leader_epoch,
        .offset = value->offset,
        .commit_ms = max_i64(value->commit_timestamp, 0),
        .expire_ms = value->expire_timestamp,
        .metadata = value->metadata,
        .topic_id = value->topic_id,
    };
    return group != NULL && offsets_put(shard, group, key->topic, &offset);
}

bool group_replay(struct group_shard *shard, const struct kmsg_message *key_desc, const void *key,
                  const void *value)
{
    assert(!shard->loaded && key_desc->kind == KMSG_KEY && key != NULL);
    if (key_desc == &kmsg_group_metadata_key_desc) {
        const struct kmsg_group_metadata_key *named = key;
        return named->group.n == 0 || replay_group(shard, key, value);
    }
    if (key_desc == &kmsg_offset_commit_key_desc) {
        const struct kmsg_offset_commit_key *named = key;
        return named->group.n == 0 || replay_offset(shard, key, value);
    }
    return consumer_replay(shard, key_desc, key, value);
}
