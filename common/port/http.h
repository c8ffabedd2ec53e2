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

/* What every node answers: /livez, and /readyz by whether it serves. why_not: else the reason; NULL: it does. */
static inline void http_health(struct http_answer *answer, const char *path, const char *why_not)
{
    if (strcmp(path, "/livez") == 0) {
        buf_printf(&answer->body, "ok\n");
    } else if (strcmp(path, "/readyz") == 0) {
        answer->status = why_not == NULL ? 200 : 503;
        buf_printf(&answer->body, "%s\n", why_not == NULL ? "ok" : why_not);
    } else {
        answer->status = 404;
        buf_printf(&answer->body, "there is /livez and /readyz\n");
    }
}

#endif
