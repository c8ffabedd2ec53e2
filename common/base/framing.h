/*
 * Framing: gathers frames (a 4-byte big-endian length, then that many bytes) out of a stream that comes in pieces.
 *
 * A frame that lies whole in a piece is handed out in place. A longer one is gathered in a buffer that grows with the bytes
 * that really came, never with the length that was declared: a lie costs the liar's bandwidth, not our memory.
 * The net layer may read the rest of a large frame straight into that buffer (framing_room).
 */
#ifndef ODRADEK_BASE_FRAMING_H
#define ODRADEK_BASE_FRAMING_H

#include "common/base/err.h"
#include "common/base/heap.h"

struct framing {
    struct heap *heap;
    size_t frame_max; /* longest frame that is accepted, without its length word */
    uint8_t head[4];
    uint32_t head_n;
    uint8_t *body; /* NULL: nothing is being gathered */
    size_t body_n;
    size_t body_room;
    size_t body_want; /* declared */
    bool handed_out;  /* the gathered frame was handed out: its buffer goes with the next call */
};

void framing_init(struct framing *, struct heap *, size_t frame_max);
void framing_release(struct framing *);

/*
 * Takes bytes from *piece (which moves on) until a frame is whole: ret_frame holds it, valid until the next call here.
 * Without one all bytes were taken and ret_frame->p is NULL. Call again until then. An empty frame has n = 0, p != NULL.
 * ERR_MALFORMED: a negative length; ERR_TOO_LARGE: longer than frame_max; ERR_NO_MEMORY. The stream cannot go on then.
 */
err_t framing_next(struct framing *, struct slice *piece, struct slice *ret_frame) MUST_USE;

/* Where the rest of the frame being gathered may be read to, or NULL; framing_filled counts what came. */
uint8_t *framing_room(struct framing *, size_t *ret_n);

/* n bytes were read into framing_room: hands out the frame if it is whole now. */
struct slice framing_filled(struct framing *, size_t n);

#endif
