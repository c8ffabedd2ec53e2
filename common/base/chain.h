/*
 * Chain: output as a list of pieces, either bytes in memory or a range of a file, in the order they leave.
 *
 * Record bytes of a fetch response are file ranges: on a plaintext connection they go from the page cache to the socket
 * without entering user memory. A chain owns its pieces: memory pieces are freed into the heap they came from, a file
 * range calls `drop` once when it was sent or thrown away (it holds a reference on the log segment).
 * The files themselves are opaque here; only the host looks inside.
 */
#ifndef ODRADEK_BASE_CHAIN_H
#define ODRADEK_BASE_CHAIN_H

#include "common/base/heap.h"

struct disk_file;

enum chain_kind {
    CHAIN_MEMORY,
    CHAIN_FILE,
};

struct chain_piece {
    struct chain_piece *next;
    enum chain_kind kind;
    size_t left; /* bytes of this piece not yet sent */
    union {
        struct {
            uint8_t *at;  /* next byte to send */
            size_t bytes; /* allocated behind this struct */
        } memory;
        struct {
            struct disk_file *file;
            int64_t at; /* next byte to send: position in the file */
            void (*drop)(void *owner);
            void *owner;
        } file;
    };
};

struct chain {
    struct heap *heap;
    struct chain_piece *head;
    struct chain_piece *tail;
    size_t bytes; /* left to send over all pieces */
};

void chain_init(struct chain *, struct heap *);
/* Throws away what is left. */
void chain_release(struct chain *);

/* Room for n bytes as a piece of its own at the end; the caller fills them before anything is sent. NULL: out of memory. */
uint8_t *chain_add_memory(struct chain *, size_t n) MUST_USE;
/* Gives back the end of the newest piece, which must be memory: n bytes of it were not needed. */
void chain_trim(struct chain *, size_t n);
/* A file range; false when out of memory (then drop was not called and stays with the caller). */
bool chain_add_file(struct chain *, struct disk_file *, int64_t at, size_t n, void (*drop)(void *),
                    void *owner) MUST_USE;
/* Moves all pieces of `from` behind those of `to`. Both must be on the same heap. */
void chain_append(struct chain *to, struct chain *from);
/* n bytes have been sent: pieces that are done are freed. */
void chain_consume(struct chain *, size_t n);

#endif
