/* A fetch that waits: one letter for all its partitions. */
#include "broker/partition/partition.h"

void fetch_wait_init(struct fetch_wait *wait, struct loop *loop, void (*deliver)(struct mail *))
{
    assert(loop != NULL && deliver != NULL);
    *wait = (struct fetch_wait){.mail = {.deliver = deliver}, .loop = loop};
    atomic_init(&wait->told, false);
}

void fetch_wait_again(struct fetch_wait *wait)
{
    atomic_store(&wait->told, false);
}

bool fetch_wait_idle(const struct fetch_wait *wait)
{
    return wait->jobs == 0 && !atomic_load(&wait->told);
}
