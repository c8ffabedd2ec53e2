#include "common/base/arena.h"

#include <stdarg.h>
#include <stdio.h>

#define ARENA_ALIGN     16u
#define ARENA_CHUNK_MIN 256u

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes; /* whole chunk, this header included */
};

#define CHUNK_HEADER ((sizeof(struct arena_chunk) + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1))

void arena_init(struct arena *arena, const struct memory_source *source, size_t chunk_bytes,
                size_t limit)
{
    assert(source != NULL && source->take != NULL);
    assert(chunk_bytes >= ARENA_CHUNK_MIN);
    *arena = (struct arena){.source = source, .chunk_bytes = chunk_bytes, .limit = limit};
}

static void chunk_give(struct arena *arena, struct arena_chunk *chunk)
{
    assert(arena->total >= chunk->bytes);
    arena->total -= chunk->bytes;
    arena->source->give(arena->source->ctx, chunk, chunk->bytes);
}

void arena_release(struct arena *arena)
{
    while (arena->head != NULL) {
        struct arena_chunk *next = arena->head->next;
        chunk_give(arena, arena->head);
        arena->head = next;
    }
    arena->used = 0;
    assert(arena->total == 0);
}

void arena_clear(struct arena *arena)
{
    struct arena_chunk *keep = NULL;
    while (arena->head != NULL) {
        struct arena_chunk *chunk = arena->head;
        arena->head = chunk->next;
        if (keep == NULL && chunk->bytes == arena->chunk_bytes) {
            keep = chunk;
        } else {
            chunk_give(arena, chunk);
        }
    }
    if (keep != NULL) {
        keep->next = NULL;
    }
    arena->head = keep;
    arena->used = keep == NULL ? 0 : CHUNK_HEADER;
}

static bool chunk_add(struct arena *arena, size_t piece)
{
    size_t bytes = arena->chunk_bytes;
    if (piece > bytes - CHUNK_HEADER) {
        bytes = piece + CHUNK_HEADER;
    }
    if (bytes < piece || bytes > arena->limit || arena->total > arena->limit - bytes) {
        return false;
    }
    struct arena_chunk *chunk = arena->source->take(arena->source->ctx, bytes);
    if (chunk == NULL) {
        return false;
    }
    assert(((uintptr_t)chunk & (ARENA_ALIGN - 1)) == 0);
    chunk->bytes = bytes;
    arena->total += bytes;
    /* A piece of its own size goes behind the head, so that the head's rest stays in use. */
    if (bytes != arena->chunk_bytes && arena->head != NULL) {
        chunk->next = arena->head->next;
        arena->head->next = chunk;
        return true;
    }
    chunk->next = arena->head;
    arena->head = chunk;
    arena->used = CHUNK_HEADER;
    return true;
}

void *arena_alloc(struct arena *arena, size_t n)
{
    if (n > SIZE_MAX - ARENA_ALIGN) {
        return NULL;
    }
    size_t piece = n == 0 ? ARENA_ALIGN : (n + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct arena_chunk *head = arena->head;
    if (head == NULL || head->bytes - arena->used < piece) {
        if (!chunk_add(arena, piece)) {
            return NULL;
        }
        if (arena->head == head) { /* a chunk of its own behind the head */
            uint8_t *own = (uint8_t *)head->next + CHUNK_HEADER;
            return memset(own, 0, piece);
        }
        head = arena->head;
    }
    uint8_t *p = (uint8_t *)head + arena->used;
    arena->used += piece;
    assert(arena->used <= head->bytes);
    return memset(p, 0, piece);
}

size_t arena_rest(const struct arena *arena)
{
    assert(arena->head == NULL || arena->used <= arena->head->bytes);
    return arena->head == NULL ? 0
                               : (arena->head->bytes - arena->used) & ~(size_t)(ARENA_ALIGN - 1);
}

void *arena_array(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(arena, bytes);
}

bool arena_copy(struct arena *arena, struct slice from, struct slice *ret_copy)
{
    if (from.p == NULL) {
        *ret_copy = (struct slice){0};
        return true;
    }
    uint8_t *p = arena_alloc(arena, from.n);
    if (p == NULL) {
        return false;
    }
    memcpy(p, from.p, from.n);
    *ret_copy = slice_of(p, from.n);
    return true;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    int n = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    assert(n >= 0);
    char *text = arena_alloc(arena, (size_t)n + 1);
    if (text != NULL) {
        va_start(args, fmt);
        (void)vsnprintf(text, (size_t)n + 1, fmt, args);
        va_end(args);
    }
    return text;
}

static void *block_take(void *ctx, size_t bytes)
{
    struct memory_block *block = ctx;
    size_t start = (block->used + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    uintptr_t skew = (uintptr_t)(block->p + start) & (ARENA_ALIGN - 1);
    start += skew == 0 ? 0 : ARENA_ALIGN - skew;
    if (start > block->n || block->n - start < bytes) {
        return NULL;
    }
    block->used = start + bytes;
    return block->p + start;
}

static void block_give(void *ctx, void *p, size_t bytes)
{
    struct memory_block *block = ctx;
    if ((uint8_t *)p + bytes == block->p + block->used) { /* the newest piece can go back */
        block->used -= bytes;
    }
}

struct memory_source memory_block_source(struct memory_block *block)
{
    assert(block->p != NULL);
    return (struct memory_source){.take = block_take, .give = block_give, .ctx = block};
}
