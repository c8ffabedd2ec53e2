#include "common/base/chain.h"

void chain_init(struct chain *chain, struct heap *heap)
{
    assert(heap != NULL);
    *chain = (struct chain){.heap = heap};
}

static size_t piece_bytes(const struct chain_piece *piece)
{
    return sizeof(*piece) + (piece->kind == CHAIN_MEMORY ? piece->memory.bytes : 0);
}

static void head_free(struct chain *chain)
{
    struct chain_piece *piece = chain->head;
    assert(piece != NULL);
    chain->head = piece->next;
    if (chain->head == NULL) {
        chain->tail = NULL;
    }
    if (piece->kind == CHAIN_FILE && piece->file.drop != NULL) {
        piece->file.drop(piece->file.owner);
    }
    heap_free(chain->heap, piece, piece_bytes(piece));
}

void chain_release(struct chain *chain)
{
    while (chain->head != NULL) {
        head_free(chain);
    }
    chain->bytes = 0;
}

static void piece_add(struct chain *chain, struct chain_piece *piece)
{
    if (chain->tail == NULL) {
        chain->head = piece;
    } else {
        chain->tail->next = piece;
    }
    chain->tail = piece;
    chain->bytes += piece->left;
}

uint8_t *chain_add_memory(struct chain *chain, size_t n)
{
    struct chain_piece *piece = heap_alloc(chain->heap, sizeof(*piece) + n);
    if (piece == NULL) {
        return NULL;
    }
    piece->kind = CHAIN_MEMORY;
    piece->left = n;
    piece->memory.at = (uint8_t *)(piece + 1);
    piece->memory.bytes = n;
    piece_add(chain, piece);
    return piece->memory.at;
}

void chain_trim(struct chain *chain, size_t n)
{
    assert(chain->tail != NULL && chain->tail->kind == CHAIN_MEMORY);
    assert(n <= chain->tail->left);
    chain->tail->left -= n;
    chain->bytes -= n;
}

bool chain_add_file(struct chain *chain, struct disk_file *file, int64_t at, size_t n,
                    void (*drop)(void *), void *owner)
{
    assert(file != NULL && at >= 0);
    struct chain_piece *piece = HEAP_NEW(chain->heap, struct chain_piece);
    if (piece == NULL) {
        return false;
    }
    piece->kind = CHAIN_FILE;
    piece->left = n;
    piece->file.file = file;
    piece->file.at = at;
    piece->file.drop = drop;
    piece->file.owner = owner;
    piece_add(chain, piece);
    return true;
}

void chain_append(struct chain *to, struct chain *from)
{
    assert(to->heap == from->heap && to != from);
    if (from->head == NULL) {
        return;
    }
    if (to->tail == NULL) {
        to->head = from->head;
    } else {
        to->tail->next = from->head;
    }
    to->tail = from->tail;
    to->bytes += from->bytes;
    from->head = NULL;
    from->tail = NULL;
    from->bytes = 0;
}

void chain_consume(struct chain *chain, size_t n)
{
    assert(n <= chain->bytes);
    chain->bytes -= n;
    while (chain->head != NULL && chain->head->left <= n) {
        n -= chain->head->left;
        head_free(chain);
    }
    if (n > 0) {
        struct chain_piece *piece = chain->head;
        assert(piece != NULL && piece->left > n);
        piece->left -= n;
        if (piece->kind == CHAIN_MEMORY) {
            piece->memory.at += n;
        } else {
            piece->file.at += (int64_t)n;
        }
    }
}
