/*
 * Administrators' requests that brokers pass on (Forward frames): a Kafka request's body becomes a command, the command's
 * answer the body of the Kafka response, in the same version. The broker has checked who may ask.
 */
#ifndef ODRADEK_CONTROLLER_FORWARD_H
#define ODRADEK_CONTROLLER_FORWARD_H

#include "controller/node/machine.h"

/* Fills the order's command and its answer function; order->ctx is a struct brokers. ERR_UNSUPPORTED: an API that
 * controllers do not serve; the codec's errors; ERR_NO_MEMORY. */
err_t forward_order_read(struct order *, const Odradek__Forward *) MUST_USE;

#endif
