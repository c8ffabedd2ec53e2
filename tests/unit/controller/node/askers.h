/*
 * Brokers that ask controllers in a fake world. The controllers are whole nodes (controller/node/controller_node.h), one to three of them;
 * of a broker there is only what it says: a process that dials the controller that is active, and frames that the test has it send.
 *
 * The stage is the caller's and keeps nothing beyond askers_end. An asker that a test begins beside it, at a site of its own, is ended
 * with that site before. What is waited for and does not come fails an assertion; so does a controller that halts.
 */
#ifndef ODRADEK_TESTS_ASKERS_H
#define ODRADEK_TESTS_ASKERS_H

#include "controller/node/controller_node.h"
#include "tests/unit/controller/node/store_site.h"

#define SECOND INT64_C(1000000)
#define BROKER 101

#define ASKERS_VOTERS_MAX 3
#define ASKERS_PROCESSES  4

/* A process of a broker. */
struct asker {
    struct askers *stage;
    struct store_site *at;
    struct rpc rpc;
    Odradek__Hello hello;
    Odradek__Node self;
    struct uuid incarnation;
    struct rpc_conn *conn; /* NULL: it is not up, or has ended */
    struct rpc_call call;
    bool answered; /* or nobody will */
    int32_t error;
    int32_t broker; /* whom it registers and speaks for: itself, unless the test says otherwise */
    int64_t registered; /* its epoch, once it is */
    int64_t reached;    /* what it has of the metadata, and of which term */
    int32_t epoch;
    bool follows; /* it has asked to be pushed the metadata */
};

struct askers {
    struct world *world;
    time_ms ask_ms;
    uint32_t voters;
    struct host *hosts[ASKERS_VOTERS_MAX];
    struct controller_node *nodes[ASKERS_VOTERS_MAX];
    /* The one that is asked: who was active in the end. */
    uint32_t asked;
    struct host *host;
    struct controller_node *node;
    struct trace trace;
    bool halted;
    struct store_site broker;
    struct asker processes[ASKERS_PROCESSES]; /* of BROKER, one after the other */
};

/* So many controllers, of which one is active on return. ask_ms: how long an asker waits for an answer; snapshot_bytes: of metadata,
 * between two snapshots, behind which the log keeps one entry. */
void askers_begin(struct askers *, uint32_t voters, time_ms ask_ms, int64_t snapshot_bytes);
void askers_end(struct askers *);

/* Another one, of broker `id`, at a site of the test's. */
void asker_begin(struct asker *, struct askers *, struct store_site *, int32_t id,
                 uint8_t incarnation);
void asker_end(struct asker *);

/* It is connected on return. */
void asker_up(struct asker *);
/* Closes its connection, as one that dies. */
void asker_leave(struct asker *);

/* Has it say this, in a turn of its own, and waits for the answer: its error, or KAFKA_NETWORK_EXCEPTION where there is none. */
int32_t asker_answer(struct asker *, void (*say)(void *asker));
/* The same without waiting. */
void asker_say(struct asker *, void (*say)(void *asker));

/* To be said: it registers, with one listener and one directory that has crashed; it asks for the metadata behind what it has. */
void asker_register(void *asker);
void asker_subscribe(void *asker);
/* A client's request for the controllers, at its newest version. */
void asker_forward(struct asker *, int16_t api_key, const void *request);
/* For what a test has to say itself. */
void asker_ask(struct asker *, Odradek__Frame *);

#endif
