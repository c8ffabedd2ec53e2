#include "common/wire/frame.h"

#include "common/wire/kmsg_walk.h"

#define ROOM_MIN 4096u
/* A buffer four times what has come: a megabyte is copied about once on its way to its full size. */
#define GROWTH   4u

void frame_reader_init(struct frame_reader *reader, struct heap *heap, size_t max)
{
    assert(heap != NULL);
    *reader = (struct frame_reader){.heap = heap, .max = max};
}

void frame_reader_release(struct frame_reader *reader)
{
    heap_free(reader->heap, reader->p, reader->room);
    reader->p = NULL;
    reader->room = 0;
    reader->n = 0;
    reader->gathering = false;
    reader->given = false;
}

static void reader_check(const struct frame_reader *reader)
{
    assert(reader->head_n < FRAME_LENGTH_BYTES);
    assert(reader->n <= reader->room || reader->p == NULL);
    assert(!reader->gathering || (reader->n <= reader->need && reader->head_n == 0));
    assert(!reader->given || reader->gathering);
}

/* Room for at least one more byte, never more than the frame needs or a multiple of what has come. */
static err_t grow(struct frame_reader *reader, size_t coming)
{
    assert(reader->gathering && reader->n < reader->need);
    size_t room = (reader->n + coming) * GROWTH;
    room = room < ROOM_MIN ? ROOM_MIN : room;
    room = room > reader->need ? reader->need : room;
    assert(room >= reader->n + coming);
    if (reader->room >= reader->n + (coming > 0 ? coming : 1)) {
        return OK;
    }
    uint8_t *p = heap_resize(reader->heap, reader->p, reader->room, room);
    ENSURE(p != NULL, ERR_NO_MEMORY);
    reader->p = p;
    reader->room = room;
    return OK;
}

static err_t check_length(const struct frame_reader *reader, const uint8_t *head,
                          size_t *ret_length)
{
    int32_t length = (int32_t)load_be32(head);
    ENSURE(length >= 0, ERR_MALFORMED);
    ENSURE((size_t)length <= reader->max, ERR_TOO_LARGE);
    *ret_length = (size_t)length;
    return OK;
}

static void take(struct slice *bytes, size_t n)
{
    assert(n <= bytes->n);
    bytes->p += n;
    bytes->n -= n;
}

static err_t gather(struct frame_reader *reader, struct slice *bytes, struct slice *ret_frame)
{
    size_t n = reader->need - reader->n;
    n = n > bytes->n ? bytes->n : n;
    if (n > 0) {
        TRY(grow(reader, n));
        memcpy(reader->p + reader->n, bytes->p, n);
        reader->n += n;
        take(bytes, n);
    }
    if (reader->n == reader->need) {
        reader->given = true;
        *ret_frame = slice_of(reader->p == NULL ? reader->head : reader->p, reader->n);
    }
    return OK;
}

/* The length, from what came before and what comes now; false: not all of it is there yet. */
static bool take_head(struct frame_reader *reader, struct slice *bytes,
                      uint8_t head[FRAME_LENGTH_BYTES])
{
    size_t n = FRAME_LENGTH_BYTES - (size_t)reader->head_n;
    n = n > bytes->n ? bytes->n : n;
    if (n > 0) {
        memcpy(reader->head + reader->head_n, bytes->p, n);
        take(bytes, n);
    }
    if (reader->head_n + n < FRAME_LENGTH_BYTES) {
        reader->head_n = (uint8_t)(reader->head_n + n);
        return false;
    }
    memcpy(head, reader->head, FRAME_LENGTH_BYTES);
    reader->head_n = 0;
    return true;
}

err_t frame_reader_next(struct frame_reader *reader, struct slice *bytes, struct slice *ret_frame)
{
    *ret_frame = (struct slice){0};
    if (reader->given) { /* the caller is done with it */
        reader->given = false;
        reader->gathering = false;
        reader->n = 0;
    }
    if (!reader->gathering) {
        uint8_t head[FRAME_LENGTH_BYTES];
        size_t length;
        if (!take_head(reader, bytes, head)) {
            reader_check(reader);
            return OK;
        }
        TRY(check_length(reader, head, &length));
        if (bytes->n >= length) {
            *ret_frame = slice_of(bytes->n == 0 ? reader->head : bytes->p, length);
            take(bytes, length);
            return OK;
        }
        reader->gathering = true;
        reader->need = length;
        reader->n = 0;
    }
    TRY(gather(reader, bytes, ret_frame));
    reader_check(reader);
    return OK;
}

err_t frame_reader_room(struct frame_reader *reader, uint8_t **ret_p, size_t *ret_n)
{
    *ret_p = NULL;
    *ret_n = 0;
    if (!reader->gathering || reader->given || reader->n == 0 || reader->n == reader->need) {
        return OK;
    }
    TRY(grow(reader, 0));
    size_t end = reader->room < reader->need ? reader->room : reader->need;
    assert(end > reader->n);
    *ret_p = reader->p + reader->n;
    *ret_n = end - reader->n;
    return OK;
}

void frame_reader_filled(struct frame_reader *reader, size_t n)
{
    assert(reader->gathering && !reader->given);
    assert(n <= reader->room - reader->n && n <= reader->need - reader->n);
    reader->n += n;
    reader_check(reader);
}

void frame_reader_idle(struct frame_reader *reader)
{
    if (!reader->gathering || reader->given) {
        frame_reader_release(reader);
    }
}
