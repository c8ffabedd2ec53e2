/*
 * Frames: how Kafka messages travel. A frame is an int32 length (of what follows), a header and a message body.
 *
 * Request header: api key int16, version int16, correlation id int32, client id nullable string, then in flexible versions
 * tagged fields. Response header: correlation id int32, then in flexible versions tagged fields. Two exceptions (KIP-482,
 * KIP-511): the client id keeps its int16 length in every version, and the response to ApiVersions never has tagged fields in
 * its header, since the client cannot know yet what the broker speaks.
 */
#ifndef ODRADEK_WIRE_FRAME_H
#define ODRADEK_WIRE_FRAME_H

#include "common/wire/kmsg.h"

#define FRAME_LENGTH_BYTES 4

/* ---- Requests as a server sees them ---- */

struct frame_request {
    const struct kmsg_api *api; /* NULL: unknown key; then client_id and body are empty */
    int16_t key;
    int16_t version;    /* as sent; outside of the API's range if !version_known */
    bool version_known; /* the API is there and serves this version */
    int32_t correlation_id;
    struct slice client_id; /* borrowed; NULL: null */
    struct slice body;      /* borrowed: what follows the header */
};

/*
 * Reads the header of a frame (without its length). For an unknown key or version as much as can be read: the caller answers
 * ApiVersions in version 0 with UNSUPPORTED_VERSION and closes the connection for anything else.
 * ERR_TRUNCATED, ERR_MALFORMED: close.
 */
err_t frame_request_decode(struct slice frame, struct frame_request *ret_request) MUST_USE;

/*
 * Appends length, header and body of a response to the chain. `version` is the request's (0 for the answer to an unknown
 * ApiVersions version). File references in the response are used up in every case, see kmsg_encode_chain.
 */
err_t frame_response_encode(const struct kmsg_api *, int16_t version, int32_t correlation_id,
                            void *response, struct arena *, struct chain *) MUST_USE;

/* ---- The same from a client's side ---- */

/* Appends length, header and body of a request. client_id may be NULL. */
err_t frame_request_encode(const struct kmsg_api *, int16_t version, int32_t correlation_id,
                           struct slice client_id, const void *request, struct buf *) MUST_USE;

/* The correlation id of a response frame (without its length), by which its request is found. */
err_t frame_response_id(struct slice frame, int32_t *ret_correlation_id) MUST_USE;
/* The body behind the header. */
err_t frame_response_body(const struct kmsg_api *, int16_t version, struct slice frame,
                          struct slice *ret_body) MUST_USE;

/* ---- Cutting a byte stream into frames ---- */

/*
 * frame_reader gathers frames from the pieces in which a connection's bytes arrive:
 *
 *     read into scratch -> bytes; while (frame_reader_next(&reader, &bytes, &frame) == OK && frame.p != NULL) execute(frame)
 *
 * A frame that lies whole in `bytes` is returned in place. Otherwise what is there goes into a buffer of the reader's own,
 * and the host may read the rest straight into it (frame_reader_room), which never reaches beyond the frame's end.
 * The buffer grows with the bytes received (fourfold), never with the length declared, and a length below 0 or above max is an
 * error before any memory is taken. After an error the connection is closed; the reader must not be asked again.
 */
struct frame_reader {
    struct heap *heap;
    size_t max; /* longest frame, without its length; may be changed between frames */
    uint8_t head[FRAME_LENGTH_BYTES]; /* a length that arrived in pieces */
    uint8_t head_n;
    bool gathering; /* the buffer holds the beginning of a frame of `need` bytes */
    bool given;     /* the buffer's frame was returned and is valid until the next call */
    uint8_t *p;
    size_t n;    /* gathered */
    size_t room; /* allocated */
    size_t need; /* the frame's length */
};

void frame_reader_init(struct frame_reader *, struct heap *, size_t max);
void frame_reader_release(struct frame_reader *);

/*
 * The next frame without its length, or p == NULL when more bytes are needed (then all of *bytes was taken). The frame
 * borrows from *bytes or from the reader, until the next call. ERR_MALFORMED: negative length; ERR_TOO_LARGE; ERR_NO_MEMORY.
 */
err_t frame_reader_next(struct frame_reader *, struct slice *bytes,
                        struct slice *ret_frame) MUST_USE;

/*
 * Where the rest of a frame begun earlier may be read to, and how many bytes at most; NULL with n = 0: no frame is begun, read
 * elsewhere. Afterwards frame_reader_filled says how many came, and frame_reader_next with no bytes returns a whole frame.
 * ERR_NO_MEMORY.
 */
err_t frame_reader_room(struct frame_reader *, uint8_t **ret_p, size_t *ret_n) MUST_USE;
void frame_reader_filled(struct frame_reader *, size_t n);

/* Whether bytes at this place were read into frame_reader_room. */
static inline bool frame_reader_owns(const struct frame_reader *reader, const uint8_t *p)
{
    return reader->gathering && p >= reader->p && p < reader->p + reader->room;
}

/* Gives the buffer back if no frame is in it: for connections that fall idle. Frames returned from it are gone. */
void frame_reader_idle(struct frame_reader *);

#endif
