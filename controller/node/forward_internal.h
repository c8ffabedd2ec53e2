/* What the readers of forwarded requests share. Inside of controller/node only. */
#ifndef ODRADEK_CONTROLLER_FORWARD_INTERNAL_H
#define ODRADEK_CONTROLLER_FORWARD_INTERNAL_H

#include "common/wire/kmsg.h"
#include "controller/node/brokers.h"
#include "controller/node/forward.h"

/* A response goes back, in this version. */
void forward_reply(struct brokers *, struct rpc_asker, int16_t version, const struct kmsg_message *,
                   const void *response);
/* The response of a forwarded request goes back, in the request's version. */
void forward_answer(struct order *, const struct kmsg_message *, const void *response);

/* false: the order has ended without an answer of the core's; the asker was told. */
bool forward_answer_begin(struct order *, const struct answer *) MUST_USE;
/* The answer does not fit into memory: the asker is told. */
void forward_out_of_memory(struct order *);

/* Readers: body -> command and answer function, in the order's arena. */
err_t create_partitions_read(struct order *, int16_t version, struct slice body) MUST_USE;
err_t elect_leaders_read(struct order *, int16_t version, struct slice body) MUST_USE;
err_t update_features_read(struct order *, int16_t version, struct slice body) MUST_USE;
err_t unregister_broker_read(struct order *, int16_t version, struct slice body) MUST_USE;
err_t alter_configs_read(struct order *, int16_t version, struct slice body) MUST_USE;
err_t incremental_alter_configs_read(struct order *, int16_t version, struct slice body) MUST_USE;

#endif
