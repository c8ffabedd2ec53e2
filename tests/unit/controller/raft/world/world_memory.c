#include "tests/unit/controller/raft/world/world.h"

#include <stdlib.h>

#if defined(__has_feature)
#define HAS_FEATURE(x) __has_feature(x)
#else
#define HAS_FEATURE(x) 0
#endif
/* A sanitizer of addresses is to see every piece go. */
#if defined(__SANITIZE_ADDRESS__) || HAS_FEATURE(address_sanitizer)
#define POOLED 0
#else
#define POOLED 1
#endif

static size_t pieces(size_t bytes)
{
    return (bytes + PIECE - 1) / PIECE;
}

void *world_take(struct world *w, size_t bytes)
{
    size_t n = pieces(bytes);
    if (n <= PIECES_MAX && w->pool[n] != NULL) {
        void *p = w->pool[n];
        memcpy(&w->pool[n], p, sizeof(p));
        return p;
    }
    void *p = NULL;
    int failed = posix_memalign(&p, PIECE, n * PIECE);
    assert(failed == 0);
    return p;
}

void world_give(struct world *w, void *p, size_t bytes)
{
    size_t n = pieces(bytes);
    if (!POOLED || n > PIECES_MAX) {
        free(p);
        return;
    }
    memcpy(p, &w->pool[n], sizeof(p));
    w->pool[n] = p;
}

void world_release(struct world *w)
{
    for (size_t n = 0; n <= PIECES_MAX; n++) {
        while (w->pool[n] != NULL) {
            void *p = w->pool[n];
            memcpy(&w->pool[n], p, sizeof(p));
            free(p);
        }
    }
}
