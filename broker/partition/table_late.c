/*
 * What goes only after file.delete.delay.ms: segments that were renamed `.deleted`, folders that were renamed `-delete`. They
 * wait in a list and go with the next checkpoint or retention job; what still waits when the node stops goes at the next
 * start.
 */
#include <stddef.h>

#include "broker/partition/partition_internal.h"

struct late {
    struct list_node node;
    time_ms due_ms;
    struct log_doomed *files; /* NULL: the folder */
    size_t bytes;             /* of this */
    char folder[];
};

static void go(struct partitions *table, struct late *late)
{
    const struct memory_source *memory = memory_source(table->host);
    assert(!list_linked(&late->node) && late->bytes > sizeof(*late));
    if (late->files != NULL) {
        log_doomed_run(late->files);
    } else if (log_remove(table->host, late->folder) != OK) {
        trace_log(table->config.trace, TRACE_WARN, TRACE_PARTITION,
                  "%s cannot be removed; what is left goes at the next start.", late->folder);
    }
    memory->give(memory->ctx, late, late->bytes);
}

void late_add(struct partitions *table, struct log_doomed *files, const char *folder,
              time_ms delay_ms)
{
    const struct memory_source *memory = memory_source(table->host);
    size_t n = strlen(folder) + 1;
    size_t bytes = sizeof(struct late) + n;
    struct late *late = memory->take(memory->ctx, bytes);
    assert(delay_ms >= 0);
    if (late == NULL) {
        log_doomed_run(files); /* at once rather than never; a folder goes at the next start */
        return;
    }
    *late = (struct late){.files = files, .bytes = bytes};
    late->due_ms = partitions_now_ms(table) + delay_ms;
    memcpy(late->folder, folder, n);
    if (delay_ms == 0) {
        go(table, late);
        return;
    }
    lock_enter(table->lock);
    list_push(&table->late, &late->node);
    lock_leave(table->lock);
}

static struct late *take_due(struct partitions *table, time_ms now)
{
    struct late *due = NULL;
    lock_enter(table->lock);
    LIST_EACH(&table->late, node)
    {
        struct late *late = CONTAINER_OF(node, struct late, node);
        if (late->due_ms <= now) {
            due = late;
            break;
        }
    }
    if (due != NULL) {
        list_remove(&due->node);
    }
    lock_leave(table->lock);
    return due;
}

void late_run(struct partitions *table)
{
    struct late *late;
    while ((late = take_due(table, partitions_now_ms(table))) != NULL) {
        go(table, late);
    }
}

void late_forget(struct partitions *table)
{
    const struct memory_source *memory = memory_source(table->host);
    struct list_node *node;
    while ((node = list_pop(&table->late)) != NULL) {
        struct late *late = CONTAINER_OF(node, struct late, node);
        log_doomed_run(late->files);
        memory->give(memory->ctx, late, late->bytes);
    }
}
