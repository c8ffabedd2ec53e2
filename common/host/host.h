/*
 * The real host: one per process, made by main.c before anything else. It implements every door of common/port with
 * libevent, OpenSSL's random bytes, threads and the file system.
 */
#ifndef ODRADEK_HOST_HOST_H
#define ODRADEK_HOST_HOST_H

#include "common/base/err.h"
#include "common/port/loop.h"

struct host_options {
    unsigned pool_threads;   /* for blocking disk calls; at least 1 */
    size_t memory_max_bytes; /* what all arenas and heaps together may take */
};

/* Blocks the stop signals in this and all later threads; ignores SIGPIPE. NULL only when memory or descriptors are out. */
struct host *host_open(const struct host_options *);

/* Waits for SIGTERM, SIGINT or SIGHUP, or until host_stop is called; returns the signal, or 0. */
int host_wait(struct host *);
/* Ends host_wait; from any thread. */
void host_stop(struct host *);

/* After all loops were joined. */
void host_close(struct host *);

#endif
