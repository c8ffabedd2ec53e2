/*
 * Where arenas and heaps get their chunks. The source may be used from every thread of the node and refuses beyond the
 * node's budget. It lives as long as the host.
 */
#ifndef ODRADEK_PORT_MEMORY_H
#define ODRADEK_PORT_MEMORY_H

#include "common/base/arena.h"

struct host;

const struct memory_source *memory_source(struct host *);

/* Bytes taken and not given back. */
size_t memory_taken_bytes(struct host *);

#endif
