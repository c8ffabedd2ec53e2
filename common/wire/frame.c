#include "common/wire/frame.h"

#include "common/wire/kmsg_walk.h"

#define API_VERSIONS_KEY 18
/* Key, version, correlation id, length of the client id. */
#define REQUEST_HEAD_MIN 10
#define CLIENT_ID_MAX    INT16_MAX

_Static_assert(FRAME_LENGTH_BYTES == KMSG_LENGTH_BYTES, "one length");

/* KIP-511: a client that does not know the broker's versions yet must be able to read the answer. */
static bool response_has_tags(const struct kmsg_api *api, int16_t version)
{
    return version >= api->flexible_since && api->key != API_VERSIONS_KEY;
}

/* Header fields beyond the known ones are skipped; none is defined so far. */
static err_t skip_tags(struct slice *bytes)
{
    const uint8_t *p = bytes->p;
    const uint8_t *end = p + bytes->n;
    uint32_t count;
    int used = uvarint_get(p, (size_t)(end - p), &count);
    ENSURE(used != 0, ERR_TRUNCATED);
    ENSURE(used > 0, ERR_MALFORMED);
    ENSURE(count <= KMSG_TAGS_MAX, ERR_TOO_LARGE);
    p += used;
    for (uint32_t i = 0; i < 2 * count; i++) { /* tag, then size */
        uint32_t v;
        used = uvarint_get(p, (size_t)(end - p), &v);
        ENSURE(used != 0, ERR_TRUNCATED);
        ENSURE(used > 0, ERR_MALFORMED);
        p += used;
        if (i % 2 == 1) {
            ENSURE(v <= (size_t)(end - p), ERR_TRUNCATED);
            p += v;
        }
    }
    *bytes = slice_of(p, (size_t)(end - p));
    return OK;
}

static err_t decode_client_id(struct slice *bytes, struct slice *ret_client_id)
{
    ENSURE(bytes->n >= 2, ERR_TRUNCATED);
    int16_t n = (int16_t)load_be16(bytes->p);
    *bytes = slice_of(bytes->p + 2, bytes->n - 2);
    if (n < 0) {
        *ret_client_id = (struct slice){0};
        return OK;
    }
    ENSURE((size_t)n <= bytes->n, ERR_TRUNCATED);
    *ret_client_id = slice_of(bytes->p, (size_t)n);
    *bytes = slice_of(bytes->p + n, bytes->n - (size_t)n);
    return OK;
}

err_t frame_request_decode(struct slice frame, struct frame_request *ret_request)
{
    *ret_request = (struct frame_request){0};
    ENSURE(frame.n >= 8, ERR_TRUNCATED);
    ret_request->key = (int16_t)load_be16(frame.p);
    ret_request->version = (int16_t)load_be16(frame.p + 2);
    ret_request->correlation_id = (int32_t)load_be32(frame.p + 4);
    ret_request->api = kmsg_api_find(ret_request->key);
    if (ret_request->api == NULL) {
        return OK;
    }
    const struct kmsg_api *api = ret_request->api;
    ret_request->version_known = ret_request->version >= api->version_min &&
                                 ret_request->version <= api->version_max;
    if (!ret_request->version_known && api->key != API_VERSIONS_KEY) {
        return OK; /* nothing is known of what follows */
    }
    struct slice rest = slice_of(frame.p + 8, frame.n - 8);
    TRY(decode_client_id(&rest, &ret_request->client_id));
    if (ret_request->version >= api->flexible_since) {
        TRY(skip_tags(&rest));
    }
    assert(rest.p + rest.n == frame.p + frame.n);
    ret_request->body = rest;
    return OK;
}

err_t frame_response_encode(const struct kmsg_api *api, int16_t version, int32_t correlation_id,
                            void *response, struct arena *arena, struct chain *chain)
{
    uint8_t head[FRAME_LENGTH_BYTES + 4 + 1] = {0};
    store_be32(head + FRAME_LENGTH_BYTES, (uint32_t)correlation_id);
    size_t n = response_has_tags(api, version) ? sizeof(head) : sizeof(head) - 1;
    return kmsg_encode_frame(api->response, version, response, slice_of(head, n), arena, chain);
}

/* The head, whose length is not known yet. */
static bool request_head(const struct kmsg_api *api, int16_t version, int32_t correlation_id,
                         struct slice client_id, struct buf *buf)
{
    bool tags = version >= api->flexible_since;
    size_t n = FRAME_LENGTH_BYTES + REQUEST_HEAD_MIN + client_id.n + (tags ? 1 : 0);
    uint8_t *p = buf_reserve(buf, n);
    if (p == NULL) {
        return false;
    }
    store_be16(p + 4, (uint16_t)api->key);
    store_be16(p + 6, (uint16_t)version);
    store_be32(p + 8, (uint32_t)correlation_id);
    store_be16(p + 12, client_id.p == NULL ? UINT16_MAX : (uint16_t)client_id.n);
    if (client_id.p != NULL && client_id.n > 0) {
        memcpy(p + 14, client_id.p, client_id.n);
    }
    if (tags) {
        p[n - 1] = 0;
    }
    buf_commit(buf, n);
    return true;
}

err_t frame_request_encode(const struct kmsg_api *api, int16_t version, int32_t correlation_id,
                           struct slice client_id, const void *request, struct buf *buf)
{
    size_t before = buf->n;
    assert(kmsg_has_version(api->request, version));
    ENSURE(client_id.n <= CLIENT_ID_MAX, ERR_TOO_LARGE);
    if (!request_head(api, version, correlation_id, client_id, buf)) {
        return buf->err;
    }
    err_t err = kmsg_encode_buf(api->request, version, request, buf);
    size_t n = buf->n - before - FRAME_LENGTH_BYTES;
    err = err == OK && n > INT32_MAX ? ERR_TOO_LARGE : err;
    if (err != OK) {
        buf->n = before;
        return err;
    }
    store_be32(buf->p + before, (uint32_t)n);
    return OK;
}

err_t frame_response_id(struct slice frame, int32_t *ret_correlation_id)
{
    ENSURE(frame.n >= 4, ERR_TRUNCATED);
    *ret_correlation_id = (int32_t)load_be32(frame.p);
    return OK;
}

err_t frame_response_body(const struct kmsg_api *api, int16_t version, struct slice frame,
                          struct slice *ret_body)
{
    assert(kmsg_has_version(api->response, version));
    ENSURE(frame.n >= 4, ERR_TRUNCATED);
    struct slice rest = slice_of(frame.p + 4, frame.n - 4);
    if (response_has_tags(api, version)) {
        TRY(skip_tags(&rest));
    }
    *ret_body = rest;
    return OK;
}
