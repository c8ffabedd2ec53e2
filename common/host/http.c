#include <event2/buffer.h>
#include <event2/http.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "common/host/internal.h"
#include "common/port/http.h"

#define HTTP_BODY_MAX    (16u << 20)
#define HTTP_HEADERS_MAX 8192
#define HTTP_IDLE_S      30

struct http_server {
    struct evhttp *http;
    struct evhttp_bound_socket *socket;
    struct heap heap;
    http_handler_fn *handler;
    void *ctx;
};

static void on_request(struct evhttp_request *request, void *arg)
{
    struct http_server *server = arg;
    struct http_answer answer = {.status = 200, .content_type = "text/plain; charset=utf-8"};
    buf_init(&answer.body, &server->heap, HTTP_BODY_MAX);
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    server->handler(server->ctx, path == NULL || path[0] == '\0' ? "/" : path, &answer);
    struct evbuffer *out = evhttp_request_get_output_buffer(request);
    (void)evhttp_add_header(evhttp_request_get_output_headers(request), "Content-Type",
                            answer.content_type);
    (void)evbuffer_add(out, answer.body.p, answer.body.n);
    evhttp_send_reply(request, answer.body.err == OK ? answer.status : 500, NULL, NULL);
    buf_release(&answer.body);
}

err_t http_listen(struct loop *loop, const struct net_address *address, http_handler_fn *handler,
                  void *ctx, struct http_server **ret_server)
{
    struct http_server *server = calloc(1, sizeof(*server));
    ENSURE(server != NULL, ERR_NO_MEMORY);
    server->handler = handler;
    server->ctx = ctx;
    server->http = evhttp_new(loop->base);
    if (server->http == NULL) {
        free(server);
        return ERR_NO_MEMORY;
    }
    heap_init(&server->heap, &loop->host->memory, 2 * HTTP_BODY_MAX);
    evhttp_set_allowed_methods(server->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(server->http, HTTP_HEADERS_MAX);
    evhttp_set_max_body_size(server->http, HTTP_HEADERS_MAX);
    evhttp_set_timeout(server->http, HTTP_IDLE_S);
    evhttp_set_gencb(server->http, on_request, server);
    server->socket = evhttp_bind_socket_with_handle(server->http, address->host, address->port);
    if (server->socket == NULL) {
        err_t err = host_err(EVUTIL_SOCKET_ERROR());
        http_close(server);
        return err == OK ? ERR_IO : err;
    }
    *ret_server = server;
    return OK;
}

uint16_t http_port(const struct http_server *server)
{
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } address = {0};
    socklen_t bytes = sizeof(address);
    int failed = getsockname(evhttp_bound_socket_get_fd(server->socket), &address.any, &bytes);
    assert(failed == 0);
    return ntohs(address.any.sa_family == AF_INET6 ? address.in6.sin6_port : address.in.sin_port);
}

void http_close(struct http_server *server)
{
    if (server != NULL) {
        evhttp_free(server->http);
        heap_release(&server->heap);
        free(server);
    }
}
