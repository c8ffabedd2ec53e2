/*
 * The lock of a monitor (docs/RULES.md, Threads: a partition, a coordinator shard). Three rules, asserted by the simulator's lock:
 * a thread holds at most one; it does not wait for anything while it holds one; it is never entered twice.
 * Appears in broker/partition, broker/coord and common/host only.
 */
#ifndef ODRADEK_PORT_LOCK_H
#define ODRADEK_PORT_LOCK_H

#include "common/base/err.h"

struct host;
struct lock;

/* name: for traces; must outlive the lock. */
err_t lock_open(struct host *, const char *name, struct lock **ret_lock) MUST_USE;
/* Nobody may hold it. NULL is fine. */
void lock_close(struct lock *);
void lock_enter(struct lock *);
void lock_leave(struct lock *);
/* For assertions: whether the running thread (or actor) holds it. */
bool lock_held(const struct lock *);

#endif
