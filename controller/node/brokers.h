/*
 * Brokers: the controllers' side of the control connections. Turns frames into orders and answers into frames, and judges
 * brokers whose connection ended (docs/RULES.md, Suspicion).
 *
 * A control connection that ends by the peer's FIN or RST makes us dial the broker's listener: refused, or no heartbeat on
 * a new connection within 50 ms, and the machine is told to suspect it. A close that we began, or a time-out, is no
 * evidence; a broker that really died is then found by its session.
 */
#ifndef ODRADEK_CONTROLLER_BROKERS_H
#define ODRADEK_CONTROLLER_BROKERS_H

#include "controller/node/machine.h"
#include "controller/node/tail.h"

struct brokers {
    struct rpc *rpc;
    struct heap *heap;
    struct trace *trace;
    struct quorum *quorum;
    struct machine *machine;
    struct tail *tail;
    struct list suspects;
};

/* What a control connection is known to belong to. */
struct broker_link {
    int32_t broker; /* META_NO_BROKER: has not registered here */
    int64_t epoch;
};

void brokers_init(struct brokers *, struct rpc *, struct heap *, struct trace *, struct quorum *,
                  struct machine *, struct tail *);
void brokers_release(struct brokers *);

/* A frame of a broker. */
void brokers_frame(struct brokers *, struct broker_link *, struct rpc_conn *,
                   const Odradek__Frame *);
/* Its connection is gone. */
void brokers_down(struct brokers *, const struct broker_link *, const struct rpc_conn *, err_t why);

/* Answers NOT_CONTROLLER and tells who is, if known. */
void brokers_refuse_not_controller(struct brokers *, struct rpc_asker);

#endif
