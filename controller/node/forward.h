/*
 * Administrators' requests that brokers pass on (Forward frames): a Kafka request's body becomes a command, the command's
 * answer the body of the Kafka response, in the same version. The broker has checked who may ask.
 */
#ifndef ODRADEK_CONTROLLER_FORWARD_H
#define ODRADEK_CONTROLLER_FORWARD_H

#include "controller/node/machine.h"

struct brokers;

/* Fills the order's command and its answer function; order->ctx is a struct brokers. ERR_UNSUPPORTED: an API that
 * controllers do not serve; the codec's errors; ERR_NO_MEMORY. */
err_t forward_order_read(struct order *, const Odradek__Forward *) MUST_USE;

/* DescribeQuorum decides nothing: it is answered at once. ERR_UNSUPPORTED: this is another API; else the codec's errors. */
err_t describe_quorum_answer(struct brokers *, struct rpc_asker, const Odradek__Forward *) MUST_USE;

#endif
