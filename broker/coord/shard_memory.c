/* Memory of one shard's core: counted, and bounded over all shards that are only kept warm. */
#include "broker/coord/coord_internal.h"

static void *memory_take(void *ctx, size_t bytes)
{
    struct shard_memory *memory = ctx;
    struct coords *coords = memory->coords;
    const struct memory_source *source = memory_source(coords->config.host);
    if (memory->follows) {
        size_t before = atomic_fetch_add(&coords->follow_bytes, bytes);
        if (bytes > FOLLOW_BYTES_MAX || before > FOLLOW_BYTES_MAX - bytes) {
            atomic_fetch_sub(&coords->follow_bytes, bytes);
            return NULL;
        }
    }
    void *p = source->take(source->ctx, bytes);
    if (p != NULL) {
        memory->bytes += bytes;
    } else if (memory->follows) {
        atomic_fetch_sub(&coords->follow_bytes, bytes);
    }
    return p;
}

static void memory_give(void *ctx, void *p, size_t bytes)
{
    struct shard_memory *memory = ctx;
    const struct memory_source *source = memory_source(memory->coords->config.host);
    assert(memory->bytes >= bytes);
    memory->bytes -= bytes;
    if (memory->follows) {
        atomic_fetch_sub(&memory->coords->follow_bytes, bytes);
    }
    source->give(source->ctx, p, bytes);
}

void shard_memory_init(struct shard_memory *memory, struct coords *coords)
{
    *memory = (struct shard_memory){
        .source = {.take = memory_take, .give = memory_give, .ctx = memory}, .coords = coords};
}

void shard_memory_aim(struct shard_memory *memory, bool follows)
{
    if (memory->follows == follows) {
        return;
    }
    memory->follows = follows;
    if (follows) {
        atomic_fetch_add(&memory->coords->follow_bytes, memory->bytes);
    } else {
        size_t before = atomic_fetch_sub(&memory->coords->follow_bytes, memory->bytes);
        assert(before >= memory->bytes);
    }
}
