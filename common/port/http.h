/*
 * The small HTTP side door of a process: health and metrics, on a loop of its own choice. Not for record data.
 */
#ifndef ODRADEK_PORT_HTTP_H
#define ODRADEK_PORT_HTTP_H

#include "common/base/buf.h"
#include "common/port/net.h"

struct http_server;

struct http_answer {
    int status;
    const char *content_type;
    struct buf body; /* made by the host, with a limit of 16 MiB */
};

/* Answers GET of `path` (without the query). */
typedef void http_handler_fn(void *ctx, const char *path, struct http_answer *);

err_t http_listen(struct loop *, const struct net_address *, http_handler_fn *, void *ctx,
                  struct http_server **ret_server) MUST_USE;
uint16_t http_port(const struct http_server *);
void http_close(struct http_server *);

#endif
