/* What administrators ask: producers of a log, space of the directories. */
#include "broker/partition/partition_internal.h"

enum kafka_error partition_producers(struct partition *p, uint32_t *at, uint32_t room,
                                     struct partition_producer *ret_producers, uint32_t *ret_count)
{
    uint32_t count = 0;
    assert(room > 0);
    partition_enter(p);
    enum kafka_error error = partition_closed_error(p);
    struct producer_entry entry;
    while (error == KAFKA_NONE && count < room && replica_next_producer(&p->core, at, &entry)) {
        ret_producers[count++] = (struct partition_producer){
            .id = entry.id,
            .last_timestamp_ms = entry.last_timestamp_ms,
            .txn_first_offset = entry.txn_first_offset,
            .last_sequence = entry.last_sequence,
            .coordinator_epoch = entry.coordinator_epoch,
            .epoch = entry.epoch};
    }
    lock_leave(p->lock);
    assert(count <= room && (error == KAFKA_NONE || count == 0));
    *ret_count = count;
    return error;
}

uint32_t partition_choices(struct partition *p, int64_t fetch_offset,
                           struct partition_choice ret_choices[REPLICAS_MAX])
{
    struct replica_choice choices[REPLICAS_MAX];
    partition_enter(p);
    uint32_t count = p->state == PARTITION_OPEN ? replica_choices(&p->core, fetch_offset, choices)
                                                : 0;
    lock_leave(p->lock);
    for (uint32_t i = 0; i < count; i++) {
        ret_choices[i] = (struct partition_choice){.broker = choices[i].broker,
                                                   .end = choices[i].end,
                                                   .caught_up_ms = choices[i].caught_up_ms};
    }
    return count;
}

static void space_work(struct disk_job *job)
{
    struct dirs_space *space = CONTAINER_OF(job, struct dirs_space, job);
    struct partitions *table = space->table;
    for (uint32_t i = 0; i < table->dir_count; i++) {
        space->dirs[i].total_bytes = -1;
        space->dirs[i].usable_bytes = -1;
        int64_t usable;
        int64_t total;
        if (!atomic_load(&table->dirs[i].offline) &&
            disk_space(table->host, table->dirs[i].path, &usable, &total) == OK) {
            space->dirs[i].total_bytes = total;
            space->dirs[i].usable_bytes = usable;
        }
    }
}

static void space_done(struct disk_job *job)
{
    struct dirs_space *space = CONTAINER_OF(job, struct dirs_space, job);
    space->mail.deliver(&space->mail); /* on its loop already */
}

void partitions_space(struct partitions *table, struct dirs_space *space)
{
    assert(space->loop != NULL && space->mail.deliver != NULL);
    assert(table->dir_count <= LOG_DIRS_MAX);
    space->table = table;
    space->job.work = space_work;
    space->job.done = space_done;
    disk_submit(space->loop, &space->job);
}
