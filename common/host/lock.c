#include <stdlib.h>

#include "common/host/internal.h"
#include "common/port/lock.h"

struct lock {
    pthread_mutex_t mutex;
    _Atomic(pthread_t) owner; /* 0: nobody */
};

err_t lock_open(struct host *host, const char *name, struct lock **ret_lock)
{
    (void)host;
    (void)name;
    struct lock *lock = calloc(1, sizeof(*lock));
    ENSURE(lock != NULL, ERR_NO_MEMORY);
    int failed = pthread_mutex_init(&lock->mutex, NULL);
    assert(failed == 0);
    *ret_lock = lock;
    return OK;
}

void lock_close(struct lock *lock)
{
    if (lock != NULL) {
        int failed = pthread_mutex_destroy(&lock->mutex);
        assert(failed == 0);
        free(lock);
    }
}

void lock_enter(struct lock *lock)
{
    assert(!lock_held(lock));
    (void)pthread_mutex_lock(&lock->mutex);
    atomic_store_explicit(&lock->owner, pthread_self(), memory_order_relaxed);
}

void lock_leave(struct lock *lock)
{
    assert(lock_held(lock));
    atomic_store_explicit(&lock->owner, (pthread_t)0, memory_order_relaxed);
    (void)pthread_mutex_unlock(&lock->mutex);
}

bool lock_held(const struct lock *lock)
{
    return atomic_load_explicit(&lock->owner, memory_order_relaxed) == pthread_self();
}
