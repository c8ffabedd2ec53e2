/*
 * How many clients' connections there are, in all and from each address (KIP-308, KIP-402): max.connections,
 * max.connections.per.ip and max.connections.per.ip.overrides. Belongs to the loop that accepts.
 */
#ifndef ODRADEK_BROKER_CONN_GATE_H
#define ODRADEK_BROKER_CONN_GATE_H

#include "common/base/map.h"

enum gate_verdict { GATE_OPEN, GATE_FULL, GATE_ADDRESS_FULL, GATE_NO_MEMORY };

struct gate_limits {
    int64_t connections;
    int64_t per_address;
    struct slice overrides; /* "address:count,..." */
    bool privileged;        /* other brokers' listener: not held to `connections` */
};

struct conn_gate {
    struct heap *heap;
    struct map addresses; /* text of the address -> struct gate_address */
    int64_t connections;
};

void conn_gate_init(struct conn_gate *, struct heap *, struct hash_key);
void conn_gate_release(struct conn_gate *);

/* The address of "address:port" or "[address]:port", without brackets and without the prefix of IPv4 in IPv6. */
struct slice gate_address_of(const char *peer);
/* Counts one more if the verdict is GATE_OPEN; then it must leave. */
enum gate_verdict conn_gate_enter(struct conn_gate *, struct slice address,
                                  const struct gate_limits *) MUST_USE;
void conn_gate_leave(struct conn_gate *, struct slice address);

#endif
