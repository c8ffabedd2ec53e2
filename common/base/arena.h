/*
 * Arena: memory that is taken piece by piece and given back as a whole.
 *
 * Chunks come from a memory_source, which the shells fill from port/memory.h and tests from a static block. Every piece is
 * aligned to 16 bytes and zeroed. A request that fails returns NULL and leaves the arena as it was; code that may be fed
 * hostile counts checks them against the input's size first, so NULL means "the node's memory budget is used up".
 * An arena belongs to one thread at a time.
 */
#ifndef ODRADEK_BASE_ARENA_H
#define ODRADEK_BASE_ARENA_H

#include "common/base/types.h"

/* Where chunks come from. take returns zeroed or dirty memory aligned to 16, or NULL. */
struct memory_source {
    void *(*take)(void *ctx, size_t bytes);
    void (*give)(void *ctx, void *p, size_t bytes);
    void *ctx;
};

struct arena_chunk;

struct arena {
    const struct memory_source *source;
    struct arena_chunk *head; /* newest chunk; pieces are cut from it */
    size_t used;              /* bytes cut from head */
    size_t chunk_bytes;       /* size asked for ordinary chunks */
    size_t total;             /* bytes taken from the source */
    size_t limit;             /* most bytes this arena may take */
};

/* chunk_bytes: ordinary chunk size (at least 256); limit: total bytes this arena may take from its source. */
void arena_init(struct arena *, const struct memory_source *, size_t chunk_bytes, size_t limit);

/* Gives every chunk back. The arena can be used again. */
void arena_release(struct arena *);

/* Forgets all pieces but keeps one ordinary chunk for the next round. */
void arena_clear(struct arena *);

/* n zeroed bytes, or NULL. n = 0 gives a valid pointer. */
void *arena_alloc(struct arena *, size_t n) MUST_USE;

/* What the newest chunk still holds: a piece of so many bytes takes no other chunk. */
size_t arena_rest(const struct arena *);

/* count * size zeroed bytes with overflow checked, or NULL. */
void *arena_array(struct arena *, size_t count, size_t size) MUST_USE;

/* A copy that lives as long as the arena. NULL stays NULL; returns false when memory is out. */
bool arena_copy(struct arena *, struct slice, struct slice *ret_copy) MUST_USE;

/* printf into the arena; NULL when memory is out. */
char *arena_printf(struct arena *, const char *fmt, ...) PRINTF_LIKE(2, 3) MUST_USE;

#define ARENA_NEW(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

/* A source that cuts from one fixed block and never takes anything back: for tests and for start-up tables. */
struct memory_block {
    uint8_t *p;
    size_t n;
    size_t used;
};
struct memory_source memory_block_source(struct memory_block *);

#endif
