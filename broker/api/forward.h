/*
 * Requests that the active controller decides on: decoded in the client's version, sent on in the newest, and the answer
 * told in the client's version again. Inside of broker/api only.
 */
#ifndef ODRADEK_API_FORWARD_H
#define ODRADEK_API_FORWARD_H

#include "broker/api/api_internal.h"

struct forwarded {
    struct control_request control;
    struct request *request;
    struct buf body;
    /* The controller's answer is in forwarded->control; ends the request. error: no answer came. */
    void (*answered)(struct forwarded *, enum kafka_error error);
    void *ctx;
};

/* Encodes `message` at the API's newest version and sends it. timeout_ms: the client's; 0 or less: the broker's own. false: the
 * request has been refused, and there is nothing left to do. */
bool forward_send(struct request *, const void *message, time_ms timeout_ms,
                  void (*answered)(struct forwarded *, enum kafka_error error), void *ctx);
/* The request as it was sent on; false: no memory. */
bool forward_asked(struct forwarded *, void *ret_request) MUST_USE;
/* Decodes the answer, borrowing from it; false: the controller's answer is not readable. */
bool forward_read(struct forwarded *, void *ret_response) MUST_USE;
/* Ends the request: with the response, if the controller's answer could be told in it. */
void forward_tell(struct forwarded *, bool told, void *response);

#endif
