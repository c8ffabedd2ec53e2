/*
 * One request of a Kafka client, from its frame to its answer.
 *
 * Requests of a connection are executed in the order in which they came and answered in that order, though their answers
 * may become ready in any order. A handler decodes and answers at once, or keeps the request and answers later on the same
 * loop; every request ends with exactly one of request_answer, request_no_answer and request_refuse.
 *
 * Memory: `arena` lives until the answer was encoded. Everything decoded borrows from the frame, and the frame is gone when
 * the handler returns: what is needed later is copied into the arena first (request_keep).
 * If the connection goes first, `gone` is called (if set): the handler must let go of whatever would still call it and then
 * end the request as usual; the answer goes nowhere.
 */
#ifndef ODRADEK_EDGE_REQUEST_H
#define ODRADEK_EDGE_REQUEST_H

#include "broker/edge/edge.h"
#include "common/port/disk.h"
#include "common/wire/frame.h"

struct connection;

struct request {
    struct list_node node; /* the connection's requests, oldest first */
    struct edge *edge;
    struct connection *conn;
    struct frame_request frame; /* client_id and body: during the handler's call only */
    struct arena arena;
    struct chain out; /* the encoded answer */
    bool ended;
    bool close; /* the connection ends with this request */
    bool cut;   /* the connection is gone */
    void (*gone)(struct request *);
    void *state; /* the handler's, in the arena */
};

/* Decodes the body into the arena; on an error the request has been ended (the connection closes, as with Kafka). */
bool request_decode(struct request *, void *ret_message) MUST_USE;

/* A copy that lives as long as the request; an empty slice when memory is out. */
struct slice request_keep(struct request *, struct slice);

/* Encodes the answer in the request's version. File references in it are used up. */
void request_answer(struct request *, void *response);
/* ApiVersions in a version we do not know: answered in version 0. */
void request_answer_version0(struct request *, void *response);
/* acks=0: the next answer follows. */
void request_no_answer(struct request *);
/* Ends the connection instead of an answer; why: for the log. */
void request_refuse(struct request *, const char *why);

/*
 * Work that is too long for a reactor. `work` runs on the pool; until `done` has been called, back on the loop, the connection's
 * later requests wait unread and the request must not end. `done` comes in every case, also when the connection has gone.
 */
struct request_work {
    struct disk_job job; /* the edge's own */
    struct request *request;
    void (*work)(struct request_work *);
    void (*done)(struct request_work *);
};
void request_work(struct request *, struct request_work *);

/* Of the listener that the client came by. */
struct slice request_listener(const struct request *);
/* "address:port" */
const char *request_peer(const struct request *);

#endif
