#include <stdarg.h>
#include <unistd.h>

#include "broker/partition/partition_internal.h"
#include "partition_bench.h"

bool bench_soon(bool (*holds)(void *arg), void *arg)
{
    for (int i = 0; i < 5000; i++) {
        if (holds(arg)) {
            return true;
        }
        (void)usleep(1000);
    }
    return false;
}

/* ---- what a node knows ---- */

struct awaited {
    struct bench *b;
    uint32_t node;
    int64_t value;
    const char *file;
};

/* One that is set aside is not there for a moment. */
static bool facts_now(const struct awaited *awaited, struct partition_facts *ret_facts)
{
    struct partition *p = partitions_find(awaited->b->nodes[awaited->node].table, awaited->b->topic,
                                          0);
    if (p == NULL) {
        return false;
    }
    partition_facts(p, ret_facts);
    partition_drop(p);
    return true;
}

static bool end_is(void *arg)
{
    struct awaited *awaited = arg;
    struct partition_facts facts;
    return facts_now(awaited, &facts) && facts.log_end == awaited->value;
}

static bool durable_end_is(void *arg)
{
    struct awaited *awaited = arg;
    struct partition_facts facts;
    return facts_now(awaited, &facts) && facts.durable_end == awaited->value;
}

static bool high_watermark_is(void *arg)
{
    struct awaited *awaited = arg;
    struct partition_facts facts;
    return facts_now(awaited, &facts) && facts.high_watermark == awaited->value;
}

bool bench_soon_end(struct bench *b, uint32_t node, int64_t end)
{
    struct awaited awaited = {b, node, end};
    return bench_soon(end_is, &awaited);
}

bool bench_soon_durable(struct bench *b, uint32_t node, int64_t end)
{
    struct awaited awaited = {b, node, end};
    return bench_soon(durable_end_is, &awaited);
}

bool bench_soon_high_watermark(struct bench *b, uint32_t node, int64_t offset)
{
    struct awaited awaited = {b, node, offset};
    return bench_soon(high_watermark_is, &awaited);
}

static bool in_isr(void *arg)
{
    struct awaited *awaited = arg;
    CHECK(pthread_mutex_lock(&awaited->b->mutex) == 0);
    bool in = meta_ids_has(&awaited->b->partition.isr, awaited->b->nodes[awaited->node].id);
    CHECK(pthread_mutex_unlock(&awaited->b->mutex) == 0);
    return in;
}

bool bench_soon_in_isr(struct bench *b, uint32_t node)
{
    struct awaited awaited = {b, node, 0};
    return bench_soon(in_isr, &awaited);
}

static bool is_idle(void *arg)
{
    struct awaited *awaited = arg;
    struct partition *p = bench_partition(awaited->b, awaited->node);
    partition_enter(p);
    bool idle = !p->chores_running && p->chores == 0 && !p->syncing;
    lock_leave(p->lock);
    partition_drop(p);
    return idle;
}

bool bench_soon_idle(struct bench *b, uint32_t node)
{
    struct awaited awaited = {b, node, 0};
    return bench_soon(is_idle, &awaited);
}

static bool is_told(void *arg)
{
    return atomic_load((atomic_int *)arg) > 0;
}

bool bench_soon_told(atomic_int *count)
{
    return bench_soon(is_told, count);
}

/* ---- what lies in its directories ---- */

bool bench_shell(struct bench *b, const char *format, ...)
{
    char words[1200];
    char command[1400];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(words, sizeof(words), format, args);
    va_end(args);
    CHECK(n > 0 && (size_t)n < sizeof(words));
    (void)snprintf(command, sizeof(command), "cd %s && (%s) >/dev/null 2>&1", b->root, words);
    return system(command) == 0;
}

int bench_entries(struct bench *b, uint32_t node, const char *end)
{
    char command[400];
    int n = -1;
    (void)snprintf(command, sizeof(command), "find %s/node%d -path '*%s' | wc -l", b->root,
                   b->nodes[node].id, end);
    FILE *out = popen(command, "r");
    CHECK(out != NULL && fscanf(out, "%d", &n) == 1 && pclose(out) == 0);
    return n;
}

static bool is_noted(void *arg)
{
    struct awaited *awaited = arg;
    return bench_shell(awaited->b, "grep -qx '%s 0 %lld' node%d/%s", awaited->b->topic_name,
                       (long long)awaited->value, awaited->b->nodes[awaited->node].id,
                       awaited->file);
}

bool bench_soon_noted(struct bench *b, uint32_t node, const char *file, int64_t offset)
{
    struct awaited awaited = {b, node, offset, file};
    return bench_soon(is_noted, &awaited);
}
