#include "common/base/framing.h"

#define GATHER_MIN ((size_t)4096)

void framing_init(struct framing *framing, struct heap *heap, size_t frame_max)
{
    assert(heap != NULL && frame_max > 0 && frame_max <= INT32_MAX);
    *framing = (struct framing){.heap = heap, .frame_max = frame_max};
}

void framing_release(struct framing *framing)
{
    heap_free(framing->heap, framing->body, framing->body_room);
    framing_init(framing, framing->heap, framing->frame_max);
}

static void body_drop(struct framing *framing)
{
    heap_free(framing->heap, framing->body, framing->body_room);
    framing->body = NULL;
    framing->body_n = 0;
    framing->body_room = 0;
    framing->body_want = 0;
    framing->handed_out = false;
}

static err_t head_read(struct framing *framing, size_t *ret_want)
{
    const uint8_t *h = framing->head;
    uint32_t declared = (uint32_t)h[0] << 24 | (uint32_t)h[1] << 16 | (uint32_t)h[2] << 8 | h[3];
    ENSURE(declared <= INT32_MAX, ERR_MALFORMED);
    ENSURE(declared <= framing->frame_max, ERR_TOO_LARGE);
    framing->head_n = 0;
    *ret_want = declared;
    return OK;
}

/* Room for at least one more byte and at most what is declared: doubles with what has come. */
static err_t body_grow(struct framing *framing)
{
    assert(framing->body_n == framing->body_room && framing->body_n < framing->body_want);
    size_t room = framing->body_room * 2 < GATHER_MIN ? GATHER_MIN : framing->body_room * 2;
    room = room < framing->body_want ? room : framing->body_want;
    uint8_t *body = heap_resize(framing->heap, framing->body, framing->body_room, room);
    ENSURE(body != NULL, ERR_NO_MEMORY);
    framing->body = body;
    framing->body_room = room;
    return OK;
}

static err_t body_take(struct framing *framing, struct slice *piece)
{
    while (piece->n > 0 && framing->body_n < framing->body_want) {
        if (framing->body_n == framing->body_room) {
            TRY(body_grow(framing));
        }
        size_t n = framing->body_room - framing->body_n;
        n = n < piece->n ? n : piece->n;
        memcpy(framing->body + framing->body_n, piece->p, n);
        framing->body_n += n;
        piece->p += n;
        piece->n -= n;
    }
    return OK;
}

static struct slice body_whole(struct framing *framing)
{
    if (framing->body_n < framing->body_want) {
        return (struct slice){0};
    }
    framing->handed_out = true;
    return slice_of(framing->body, framing->body_n);
}

/* A new frame begins: in place if it is whole, else the gathering starts. */
static err_t frame_begin(struct framing *framing, struct slice *piece, struct slice *ret_frame)
{
    while (framing->head_n < 4 && piece->n > 0) {
        framing->head[framing->head_n++] = *piece->p++;
        piece->n--;
    }
    if (framing->head_n < 4) {
        return OK;
    }
    size_t want = 0;
    TRY(head_read(framing, &want));
    if (piece->n >= want) {
        *ret_frame = slice_of(want == 0 ? framing->head : piece->p, want);
        piece->p += want;
        piece->n -= want;
        return OK;
    }
    framing->body_want = want;
    TRY(body_grow(framing));
    return body_take(framing, piece);
}

err_t framing_next(struct framing *framing, struct slice *piece, struct slice *ret_frame)
{
    *ret_frame = (struct slice){0};
    if (framing->handed_out) {
        body_drop(framing);
    }
    if (framing->body == NULL) {
        return frame_begin(framing, piece, ret_frame);
    }
    TRY(body_take(framing, piece));
    *ret_frame = body_whole(framing);
    return OK;
}

uint8_t *framing_room(struct framing *framing, size_t *ret_n)
{
    if (framing->body == NULL || framing->handed_out) {
        return NULL;
    }
    if (framing->body_n == framing->body_room && body_grow(framing) != OK) {
        return NULL; /* the next framing_next says it aloud */
    }
    *ret_n = framing->body_room - framing->body_n;
    return framing->body + framing->body_n;
}

struct slice framing_filled(struct framing *framing, size_t n)
{
    assert(framing->body != NULL && n <= framing->body_room - framing->body_n);
    framing->body_n += n;
    return body_whole(framing);
}
