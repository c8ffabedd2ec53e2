#include "common/meta/codec/meta_codec.h"

#include "proto/metadata.pb-c.h"

#define FIELD_RECORDS 2u
#define BUDGET_MIN    4096u

const char *meta_unknown_text(const struct meta_unknown *unknown)
{
    switch (unknown->what) {
    case META_UNKNOWN_BATCH_VERSION: return "metadata batch version";
    case META_UNKNOWN_RECORD_VERSION: return "metadata record version";
    case META_UNKNOWN_RECORD_KIND: return "metadata record kind";
    case META_UNKNOWN_FIELD: return "field of a metadata record";
    }
    return "metadata";
}

/* --- memory for protobuf-c: pieces of the arena, up to a budget --- */

struct allowance {
    struct arena *arena;
    size_t left;
    bool spent;     /* the input asked for more than its size explains */
    bool no_memory; /* the arena had none */
};

static void *allowance_alloc(void *ctx, size_t n)
{
    struct allowance *allowance = ctx;
    if (n > allowance->left) {
        allowance->spent = true;
        return NULL;
    }
    allowance->left -= n;
    void *p = arena_alloc(allowance->arena, n);
    allowance->no_memory |= p == NULL;
    return p;
}

static void allowance_free(void *ctx, void *p)
{
    (void)ctx; /* the arena forgets everything at once */
    (void)p;
}

/* --- a look before memory is taken --- */

static err_t take_varint(struct slice *in, uint64_t *ret_value)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        ENSURE(in->n > 0, ERR_MALFORMED);
        uint8_t byte = in->p[0];
        *in = slice_of(in->p + 1, in->n - 1);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            *ret_value = value;
            return OK;
        }
    }
    return ERR_MALFORMED;
}

static err_t skip_field(struct slice *in, uint64_t tag)
{
    uint64_t n = 0;
    switch (tag & 7) {
    case 0: return take_varint(in, &n);
    case 1: n = 8; break;
    case 2: TRY(take_varint(in, &n)); break;
    case 5: n = 4; break;
    default: return ERR_MALFORMED;
    }
    ENSURE(n <= in->n, ERR_MALFORMED);
    *in = slice_of(in->p + n, in->n - n);
    return OK;
}

static err_t count_records(struct slice in, size_t *ret_count)
{
    size_t count = 0;
    while (in.n > 0) {
        uint64_t tag;
        TRY(take_varint(&in, &tag));
        TRY(skip_field(&in, tag));
        count += tag >> 3 == FIELD_RECORDS;
    }
    ENSURE(count <= METADATA_BATCH_RECORDS_MAX, ERR_TOO_LARGE);
    *ret_count = count;
    return OK;
}

/* --- values --- */

static struct slice slice_from(const ProtobufCBinaryData *bytes)
{
    /* An empty value is not the absent one: those have a flag of their own. */
    return bytes->len == 0 ? slice_of("", 0) : slice_of(bytes->data, bytes->len);
}

static err_t read_bytes(const ProtobufCBinaryData *bytes, size_t max, struct slice *ret_slice)
{
    ENSURE(bytes->len <= max, ERR_RANGE);
    *ret_slice = slice_from(bytes);
    return OK;
}

static err_t read_name(const ProtobufCBinaryData *bytes, size_t max, struct slice *ret_slice)
{
    ENSURE(bytes->len > 0, ERR_RANGE);
    return read_bytes(bytes, max, ret_slice);
}

static err_t read_uuid(const ProtobufCBinaryData *bytes, struct uuid *ret_uuid)
{
    *ret_uuid = UUID_NONE;
    if (bytes->len > 0) {
        ENSURE(bytes->len == sizeof(ret_uuid->b), ERR_RANGE);
        memcpy(ret_uuid->b, bytes->data, sizeof(ret_uuid->b));
    }
    return OK;
}

static err_t read_some_uuid(const ProtobufCBinaryData *bytes, struct uuid *ret_uuid)
{
    TRY(read_uuid(bytes, ret_uuid));
    return uuid_is_none(*ret_uuid) ? ERR_RANGE : OK;
}

static err_t read_ids(const int32_t *ids, size_t count, struct meta_ids *ret_ids)
{
    ENSURE(count <= REPLICAS_MAX, ERR_RANGE);
    ret_ids->count = (uint32_t)count;
    for (size_t i = 0; i < count; i++) {
        ret_ids->id[i] = ids[i];
    }
    return OK;
}

/* A field that this build does not know must not be dropped in silence. */
static err_t all_known(const ProtobufCMessage *message, struct meta_unknown *unknown)
{
    if (message->n_unknown_fields > 0) {
        *unknown = (struct meta_unknown){.what = META_UNKNOWN_FIELD,
                                         .number = message->unknown_fields[0].tag};
        return ERR_VERSION;
    }
    return OK;
}

/* --- records --- */

static err_t read_endpoint(const Odradek__MetaEndpoint *from, struct meta_endpoint *ret,
                           struct meta_unknown *unknown)
{
    TRY(all_known(&from->base, unknown));
    TRY(read_name(&from->listener, META_NAME_MAX, &ret->listener));
    TRY(read_bytes(&from->host, HOST_NAME_MAX_BYTES, &ret->host));
    ENSURE(from->port <= UINT16_MAX, ERR_RANGE);
    ENSURE(from->security_protocol >= 0 && from->security_protocol <= 3, ERR_RANGE);
    ret->port = (uint16_t)from->port;
    ret->security_protocol = (int16_t)from->security_protocol;
    return OK;
}

static err_t read_broker(const Odradek__MetaBroker *from, struct meta_broker *ret,
                         struct meta_unknown *unknown)
{
    TRY(all_known(&from->base, unknown));
    ENSURE(from->id >= 0 && from->epoch >= -1, ERR_RANGE);
    ret->id = from->id;
    ret->epoch = from->epoch;
    TRY(read_uuid(&from->incarnation, &ret->incarnation));
    TRY(read_bytes(&from->rack, META_NAME_MAX, &ret->rack));
    ret->rack = from->has_rack ? ret->rack : (struct slice){0};
    ENSURE(from->n_endpoints <= LISTENERS_MAX && from->n_dirs <= LOG_DIRS_MAX, ERR_RANGE);
    ret->endpoint_count = (uint32_t)from->n_endpoints;
    for (uint32_t i = 0; i < ret->endpoint_count; i++) {
        TRY(read_endpoint(from->endpoints[i], &ret->endpoints[i], unknown));
    }
    ret->dir_count = (uint32_t)from->n_dirs;
    for (uint32_t i = 0; i < ret->dir_count; i++) {
        TRY(read_some_uuid(&from->dirs[i], &ret->dirs[i]));
    }
    ret->fenced = from->fenced;
    ret->shutting_down = from->shutting_down;
    return OK;
}

static err_t read_partition(const Odradek__MetaPartition *from, struct meta_partition *ret,
                            struct meta_unknown *unknown)
{
    TRY(all_known(&from->base, unknown));
    TRY(read_some_uuid(&from->topic, &ret->topic));
    ENSURE(from->n_replicas <= REPLICAS_MAX, ERR_RANGE);
    ret->replica_count = (uint32_t)from->n_replicas;
    for (uint32_t i = 0; i < ret->replica_count; i++) {
        TRY(all_known(&from->replicas[i]->base, unknown));
        ret->replicas[i].broker = from->replicas[i]->broker;
        ret->replicas[i].synced = from->replicas[i]->synced;
        TRY(read_uuid(&from->replicas[i]->dir, &ret->replicas[i].dir));
    }
    TRY(read_ids(from->isr, from->n_isr, &ret->isr));
    TRY(read_ids(from->elr, from->n_elr, &ret->elr));
    TRY(read_ids(from->last_known_elr, from->n_last_known_elr, &ret->last_known_elr));
    ret->index = from->index;
    ret->leader = from->leader;
    ret->leader_epoch = from->leader_epoch;
    ret->partition_epoch = from->partition_epoch;
    ENSURE(from->recovery <= META_RECOVERING, ERR_RANGE);
    ret->recovery = (enum meta_recovery)from->recovery;
    return meta_partition_valid(ret) ? OK : ERR_RANGE;
}

static err_t read_config(const Odradek__MetaConfig *from, struct meta_config *ret,
                         struct meta_unknown *unknown)
{
    TRY(all_known(&from->base, unknown));
    ENSURE(meta_resource_known(from->resource), ERR_RANGE);
    ret->resource = (enum meta_resource)from->resource;
    TRY(read_bytes(&from->name, META_NAME_MAX, &ret->name));
    TRY(read_name(&from->key, META_NAME_MAX, &ret->key));
    TRY(read_bytes(&from->value, META_VALUE_MAX, &ret->value));
    ret->value = from->has_value ? ret->value : (struct slice){0};
    return OK;
}

static err_t read_topic(const Odradek__MetaTopic *from, struct meta_topic_record *ret,
                        struct meta_unknown *unknown)
{
    TRY(all_known(&from->base, unknown));
    TRY(read_some_uuid(&from->id, &ret->id));
    return read_name(&from->name, TOPIC_NAME_MAX, &ret->name);
}

static err_t read_producer_ids(const Odradek__MetaProducerIds *from, struct meta_producer_ids *ret,
                               struct meta_unknown *unknown)
{
    TRY(all_known(&from->base, unknown));
    ENSURE(from->next_id >= 0, ERR_RANGE);
    ENSURE(from->broker >= META_NO_BROKER && from->broker_epoch >= -1, ERR_RANGE);
    *ret = (struct meta_producer_ids){
        .next_id = from->next_id, .broker = from->broker, .broker_epoch = from->broker_epoch};
    return OK;
}

static err_t read_small(const Odradek__MetaRecord *from, struct meta_record *ret,
                        struct meta_unknown *unknown)
{
    switch (ret->kind) {
    case META_CLUSTER:
        TRY(all_known(&from->cluster->base, unknown));
        ENSURE(from->cluster->cluster_id.len == UUID_TEXT_LEN, ERR_RANGE);
        ret->cluster.cluster_id = slice_from(&from->cluster->cluster_id);
        return OK;
    case META_BROKER_GONE:
        TRY(all_known(&from->broker_gone->base, unknown));
        ENSURE(from->broker_gone->id >= 0 && from->broker_gone->epoch >= 0, ERR_RANGE);
        ret->broker_gone.id = from->broker_gone->id;
        ret->broker_gone.epoch = from->broker_gone->epoch;
        return OK;
    case META_TOPIC_GONE:
        TRY(all_known(&from->topic_gone->base, unknown));
        return read_some_uuid(&from->topic_gone->id, &ret->topic_gone.id);
    case META_FEATURE:
        TRY(all_known(&from->feature->base, unknown));
        ENSURE(from->feature->level >= 0 && from->feature->level <= INT16_MAX, ERR_RANGE);
        ret->feature.level = (int16_t)from->feature->level;
        return read_name(&from->feature->name, META_NAME_MAX, &ret->feature.name);
    default: assert(!"read_record knows the others"); return ERR_MALFORMED;
    }
}

static err_t read_record(const Odradek__MetaRecord *from, struct meta_record *ret,
                         struct meta_unknown *unknown)
{
    if (from->kind < META_CLUSTER || from->kind > META_FEATURE) {
        *unknown = (struct meta_unknown){.what = META_UNKNOWN_RECORD_KIND, .number = from->kind};
        return ERR_VERSION;
    }
    if (from->version != META_RECORD_VERSION) {
        *unknown = (struct meta_unknown){.what = META_UNKNOWN_RECORD_VERSION,
                                         .number = from->version};
        return ERR_VERSION;
    }
    TRY(all_known(&from->base, unknown));
    ret->kind = (enum meta_record_kind)from->kind;
    /* Kinds and the numbers of their bodies run in step. */
    static_assert(ODRADEK__META_RECORD__BODY_CLUSTER - META_CLUSTER == 10, "proto/metadata.proto");
    static_assert(ODRADEK__META_RECORD__BODY_FEATURE - META_FEATURE == 10, "proto/metadata.proto");
    ENSURE((uint32_t)from->body_case == from->kind + 10, ERR_MALFORMED);
    switch (ret->kind) {
    case META_BROKER: return read_broker(from->broker, &ret->broker, unknown);
    case META_TOPIC: return read_topic(from->topic, &ret->topic, unknown);
    case META_PARTITION: return read_partition(from->partition, &ret->partition, unknown);
    case META_CONFIG: return read_config(from->config, &ret->config, unknown);
    case META_PRODUCER_IDS:
        return read_producer_ids(from->producer_ids, &ret->producer_ids, unknown);
    default: return read_small(from, ret, unknown);
    }
}

static err_t read_batch(const Odradek__MetaBatch *from, struct arena *arena,
                        struct meta_batch *ret_batch, struct meta_unknown *unknown)
{
    if (from->version != META_BATCH_VERSION) {
        *unknown = (struct meta_unknown){.what = META_UNKNOWN_BATCH_VERSION,
                                         .number = from->version};
        return ERR_VERSION;
    }
    TRY(all_known(&from->base, unknown));
    struct meta_record *records = arena_array(arena, from->n_records, sizeof(*records));
    ENSURE(records != NULL, ERR_NO_MEMORY);
    for (size_t i = 0; i < from->n_records; i++) {
        TRY(read_record(from->records[i], &records[i], unknown));
    }
    *ret_batch = (struct meta_batch){.records = records, .count = (uint32_t)from->n_records};
    return OK;
}

err_t meta_batch_decode(struct slice in, struct arena *arena, struct meta_batch *ret_batch,
                        struct meta_unknown *ret_unknown)
{
    assert(arena != NULL && ret_batch != NULL);
    struct meta_unknown unknown = {0};
    *ret_batch = (struct meta_batch){0};
    size_t count = 0;
    TRY(count_records(in, &count));
    struct allowance allowance = {.arena = arena, .left = BUDGET_MIN + in.n * META_DECODE_RATIO};
    ProtobufCAllocator allocator = {
        .alloc = allowance_alloc, .free = allowance_free, .allocator_data = &allowance};
    const Odradek__MetaBatch *batch = odradek__meta_batch__unpack(&allocator, in.n, in.p);
    if (batch == NULL) {
        return allowance.spent       ? ERR_TOO_LARGE
               : allowance.no_memory ? ERR_NO_MEMORY
                                     : ERR_MALFORMED;
    }
    ENSURE(batch->n_records == count, ERR_MALFORMED);
    err_t err = read_batch(batch, arena, ret_batch, &unknown);
    if (ret_unknown != NULL) {
        *ret_unknown = unknown;
    }
    return err;
}
