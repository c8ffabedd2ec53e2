/* Unpredictable bytes: ids, hash keys, prng seeds. In the simulator they come from the seed. */
#ifndef ODRADEK_PORT_ENTROPY_H
#define ODRADEK_PORT_ENTROPY_H

#include "common/base/types.h"
#include "common/base/uuid.h"

struct host;

/* Never fails: without entropy the process ends with a sentence. */
void entropy_fill(struct host *, void *p, size_t n);

/* A fresh id. */
static inline struct uuid entropy_uuid(struct host *host)
{
    struct uuid uuid;
    uint8_t bytes[16];
    do {
        entropy_fill(host, bytes, sizeof(bytes));
    } while (!uuid_from_random(bytes, &uuid));
    return uuid;
}

#endif
