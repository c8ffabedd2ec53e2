#include "tests/sim/client.h"

#include <stdlib.h>

#include "common/port/memory.h"

#define ANSWER_US (20 * INT64_C(1000000))
#define FRAME_MAX (64u << 20)

static void first(void *arg)
{
    (void)arg;
}

struct client *client_open(struct world *world, struct host *host)
{
    struct client *client = calloc(1, sizeof(*client));
    assert(client != NULL);
    client->world = world;
    heap_init(&client->heap, memory_source(host), 256 << 20);
    arena_init(&client->arena, memory_source(host), 65536, 256 << 20);
    err_t err = loop_open(host, "client", &client->loop);
    assert(err == OK);
    loop_start(client->loop, first, client);
    return client;
}

static void finish(struct client *client, err_t err)
{
    client->err = err;
    client->done = true;
}

static void on_answered(struct client_call *call, struct slice body)
{
    struct client *client = CONTAINER_OF(call, struct client, call);
    finish(client, arena_copy(&client->arena, body, &client->answer) ? OK : ERR_NO_MEMORY);
}

static void ask(struct client *client)
{
    client->call.answered = on_answered;
    err_t err = client_conn_send(&client->link->conn, &client->call, client->request);
    if (err != OK) {
        finish(client, err);
    }
}

static void on_opened(struct client_conn *conn)
{
    struct client_link *link = CONTAINER_OF(conn, struct client_link, conn);
    if (link->client->link == link && !link->client->done) {
        ask(link->client);
    }
}

static void on_closed(struct client_conn *conn, err_t why)
{
    struct client_link *link = CONTAINER_OF(conn, struct client_link, conn);
    if (link->client->link == link && !link->client->done) {
        finish(link->client, why);
    }
}

static void on_mail(struct mail *mail)
{
    struct client *client = CONTAINER_OF(mail, struct client, mail);
    if (client->link->conn.open) {
        ask(client);
        return;
    }
    err_t err = client_conn_open(&client->link->conn, &client->link->address);
    if (err != OK) {
        finish(client, err);
    }
}

static struct client_link *link_find(struct client *client, const struct net_address *address)
{
    for (uint32_t i = 0; i < client->link_count; i++) {
        struct client_link *link = &client->links[i];
        if (link->address.port == address->port && strcmp(link->address.host, address->host) == 0) {
            return link;
        }
    }
    assert(client->link_count < CLIENT_CONNS);
    struct client_link *link = &client->links[client->link_count++];
    link->client = client;
    link->address = *address;
    client_conn_init(&link->conn, client->loop, &client->heap, slice_str("sim"), FRAME_MAX,
                     on_opened, on_closed);
    return link;
}

static bool is_done(void *ctx)
{
    return ((const struct client *)ctx)->done;
}

err_t client_ask(struct client *client, const struct net_address *address,
                 const struct kmsg_api *api, int16_t version, const void *request,
                 void *ret_response)
{
    client->link = link_find(client, address);
    client->done = false;
    client->request = request;
    client->call = (struct client_call){.api = api, .version = version};
    client->mail.deliver = on_mail;
    loop_post(client->loop, &client->mail);
    if (!world_run(client->world, is_done, client, ANSWER_US)) {
        return ERR_TIMEOUT;
    }
    TRY(client->err);
    struct slice body = client->answer;
    return kmsg_decode(api->response, version, &body, &client->arena, ret_response);
}

void client_forget(struct client *client)
{
    arena_clear(&client->arena);
}

void client_close(struct client *client)
{
    for (uint32_t i = 0; i < client->link_count; i++) {
        client_conn_close(&client->links[i].conn);
    }
    loop_stop(client->loop);
    loop_join(client->loop);
    arena_release(&client->arena);
    heap_release(&client->heap);
    free(client);
}
