/* A client on a machine of its own that asks one thing at a time: the world runs until the answer is there. */
#ifndef ODRADEK_TESTS_SIM_CLIENT_H
#define ODRADEK_TESTS_SIM_CLIENT_H

#include "common/client/client_conn.h"
#include "tests/sim/sim.h"

#define CLIENT_CONNS 4

struct client {
    struct world *world;
    struct loop *loop;
    struct heap heap;
    struct arena arena; /* of requests and answers, until client_forget */
    struct client_link {
        struct client *client;
        struct net_address address;
        struct client_conn conn;
    } links[CLIENT_CONNS];
    uint32_t link_count;
    struct mail mail;
    struct client_link *link; /* of the question */
    struct client_call call;
    const void *request;
    struct slice answer;
    err_t err;
    bool done;
};

struct client *client_open(struct world *, struct host *);
void client_close(struct client *);
/* Asks; the decoded answer is in the client's arena. ERR_TIMEOUT after 20 s of virtual time, else as client_conn. */
err_t client_ask(struct client *, const struct net_address *, const struct kmsg_api *,
                 int16_t version, const void *request, void *ret_response) MUST_USE;
void client_forget(struct client *);

#endif
