/* The table: directories opened, partitions made, found and buried. */
#include <stdio.h>

#include "broker/partition/partition_internal.h"

#define TABLE_HEAP_MAX ((size_t)4 << 30)
#define FOLDER_KEY_MAX (TOPIC_NAME_MAX + 4)

/* ---- keys of the maps ---- */

static struct slice id_key(struct uuid topic, int32_t index, uint8_t *room)
{
    memcpy(room, topic.b, sizeof(topic.b));
    memcpy(room + sizeof(topic.b), &index, sizeof(index));
    return slice_of(room, sizeof(topic.b) + sizeof(index));
}

static struct slice name_key(struct slice name, int32_t index, uint8_t *room)
{
    assert(name.n <= TOPIC_NAME_MAX);
    memcpy(room, name.p, name.n);
    memcpy(room + name.n, &index, sizeof(index));
    return slice_of(room, name.n + sizeof(index));
}

/* ---- finding ---- */

static struct partition *find(struct partitions *table, const struct map *map, struct slice key)
{
    lock_enter(table->lock);
    struct partition *p = map_get(map, key);
    if (p != NULL) {
        partition_hold(p); /* the table's own hold keeps it above zero */
    }
    lock_leave(table->lock);
    return p;
}

struct partition *partitions_find(struct partitions *table, struct uuid topic, int32_t index)
{
    uint8_t key[sizeof(topic.b) + sizeof(index)];
    return find(table, &table->by_id, id_key(topic, index, key));
}

struct partition *partitions_find_named(struct partitions *table, struct slice topic, int32_t index)
{
    uint8_t key[FOLDER_KEY_MAX];
    if (topic.n == 0 || topic.n > TOPIC_NAME_MAX) {
        return NULL;
    }
    return find(table, &table->by_name, name_key(topic, index, key));
}

struct partition *partitions_next(struct partitions *table, uint32_t *at)
{
    lock_enter(table->lock);
    const struct map_entry *entry = map_next(&table->by_id, at);
    struct partition *p = entry == NULL ? NULL : entry->value;
    if (p != NULL) {
        partition_hold(p);
    }
    lock_leave(table->lock);
    return p;
}

/* Control loop, where partitions are made and freed: every one, found or not. Nobody may be freed during the walk, which
 * holds as long as the loop does not turn. */
struct partition *table_next(struct partitions *table, struct partition *after)
{
    lock_enter(table->lock);
    struct list_node *node = after == NULL ? table->all.head.next : after->node.next;
    struct partition *p = node == &table->all.head ? NULL
                                                   : CONTAINER_OF(node, struct partition, node);
    lock_leave(table->lock);
    return p;
}

bool table_peer(struct partitions *table, int32_t broker, struct net_address *ret_address)
{
    assert(broker >= 0);
    lock_enter(table->lock);
    const struct peer *peer = map_get_u64(&table->peers, (uint64_t)broker);
    bool known = peer != NULL && peer->known;
    if (known) {
        *ret_address = peer->address;
    }
    lock_leave(table->lock);
    return known;
}

int64_t table_broker_epoch(struct partitions *table)
{
    lock_enter(table->lock);
    int64_t epoch = table->broker_epoch;
    lock_leave(table->lock);
    return epoch;
}

/* ---- making and burying ---- */

static void partition_free(struct partition *p)
{
    struct partitions *table = p->table;
    lock_enter(table->lock);
    list_remove(&p->node);
    lock_leave(table->lock);
    if (p->log != NULL) {
        log_abandon(p->log);
    }
    replica_release(&p->core);
    heap_release(&p->heap);
    lock_close(p->lock);
    assert(p->dir->partitions > 0);
    p->dir->partitions--;
    heap_free(&table->heap, p, sizeof(*p));
}

static void bury(struct mail *mail)
{
    struct partition *p = CONTAINER_OF(mail, struct partition, bury);
    assert(atomic_load(&p->refs) == 0);
    assert(list_empty(&p->followers) && list_empty(&p->consumers));
    partition_free(p);
}

static void partition_init(struct partition *p, struct partitions *table, struct log_dir *dir)
{
    p->table = table;
    p->dir = dir;
    atomic_init(&p->refs, 1);
    p->bury.deliver = bury;
    p->ask_mail.deliver = table_ask;
    p->proved_mail.deliver = table_proved;
    p->rotten_mail.deliver = table_rotten;
    heap_init(&p->heap, memory_source(table->host), PARTITION_HEAP_MAX);
    replica_init(
        &p->core,
        &(struct replica_config){.self_id = table->config.broker_id,
                                 .producer_expiration_ms = table->config.producer_expiration_ms,
                                 .hash_key = table->config.hash_key},
        &p->heap);
    partition_tick_init(p);
    partition_chores_init(p);
}

static bool enlist(struct partitions *table, struct partition *p)
{
    uint8_t key[FOLDER_KEY_MAX];
    lock_enter(table->lock);
    struct slice by_id = id_key(p->topic, p->index, key);
    bool good = map_put(&table->by_id, by_id, p);
    if (good && !map_put(&table->by_name, name_key(slice_str(p->name), p->index, key), p)) {
        (void)map_remove(&table->by_id, id_key(p->topic, p->index, key));
        good = false;
    }
    list_push(&table->all, &p->node);
    lock_leave(table->lock);
    return good;
}

struct partition *table_create(struct partitions *table, struct uuid topic, struct slice name,
                               int32_t index, struct log_dir *dir, const struct found_folder *found)
{
    assert(name.n > 0 && name.n <= TOPIC_NAME_MAX && index >= 0);
    struct partition *p = HEAP_NEW(&table->heap, struct partition);
    if (p == NULL) {
        return NULL;
    }
    if (lock_open(table->host, "partition", &p->lock) != OK) {
        heap_free(&table->heap, p, sizeof(*p));
        return NULL;
    }
    partition_init(p, table, dir);
    p->topic = topic;
    p->index = index;
    memcpy(p->name, name.p, name.n);
    bool fits = folder_path(dir, p->name, index, "", p->folder);
    assert(fits); /* log_dir_open left room for it */
    uint64_t spread = (uint64_t)(uint32_t)index + topic.b[15];
    p->home = table->config.reactors[spread % table->config.reactor_count];
    if (found != NULL) {
        p->known = (struct log_known){.rewrite = dir->rewrite,
                                      .clean = dir->state == LOG_DIR_CLEAN,
                                      .recovery_point = found->recovery_point,
                                      .log_start = found->log_start};
        p->known_high_watermark = found->high_watermark;
        p->saved_point = found->recovery_point;
    }
    dir->partitions++;
    if (!enlist(table, p)) {
        partition_free(p);
        return NULL;
    }
    return p;
}

void table_forget(struct partition *p)
{
    struct partitions *table = p->table;
    uint8_t key[FOLDER_KEY_MAX];
    lock_enter(table->lock);
    struct slice by_id = id_key(p->topic, p->index, key);
    if (map_get(&table->by_id, by_id) == p) {
        (void)map_remove(&table->by_id, by_id);
    }
    struct slice by_name = name_key(slice_str(p->name), p->index, key);
    if (map_get(&table->by_name, by_name) == p) {
        (void)map_remove(&table->by_name, by_name);
    }
    lock_leave(table->lock);
}

/* ---- opening and closing the room ---- */

/* What is wrong with the disk and not with the operator's words: others may be good. */
static bool dir_is_lost(err_t err)
{
    return err == ERR_IO || err == ERR_PERMISSION || err == ERR_NOT_FOUND || err == ERR_NO_SPACE;
}

/* Goes on without this directory, as Kafka does: the controllers do not hear of it, so that of its replicas those lose their seats that
 * others can be copied from. */
static void give_up(struct log_dir *dir, const char *sentence)
{
    atomic_store(&dir->offline, true);
    dir->failure_told = true;
    trace_log(
        dir->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
        "%s; it is offline until a restart. Replicas that others have are made anew in the other directories; what nobody "
        "else has waits for this one.",
        sentence);
}

static err_t check_same(const struct partitions *table, uint32_t i, char *sentence, size_t room)
{
    for (uint32_t j = 0; j < i; j++) {
        const struct log_dir *a = &table->dirs[j];
        const struct log_dir *b = &table->dirs[i];
        if (!atomic_load(&a->offline) &&
            uuid_eq(a->properties.directory_id, b->properties.directory_id)) {
            (void)snprintf(sentence, room, "log directories %s and %s have the same directory.id",
                           a->path, b->path);
            return ERR_FOREIGN;
        }
    }
    return OK;
}

static err_t open_dirs(struct partitions *table, char *sentence, size_t room)
{
    const struct partitions_config *config = &table->config;
    uint32_t good = 0;
    err_t err = OK;
    for (uint32_t i = 0; i < config->dir_count; i++) {
        table->dir_count++;
        err = log_dir_open(table, &table->dirs[i], config->dirs[i], sentence, room);
        if (err == OK) {
            TRY(check_same(table, i, sentence, room));
            err = log_dir_scan(table, i, sentence, room);
        }
        if (err == OK) {
            good++;
        } else if (dir_is_lost(err)) {
            give_up(&table->dirs[i], sentence);
        } else {
            return err;
        }
    }
    return good > 0 ? OK : err;
}

err_t partitions_open(const struct partitions_config *config, char *sentence, size_t sentence_room,
                      struct partitions **ret_partitions)
{
    assert(config->reactor_count > 0 && config->dir_count > 0 && config->dir_count <= LOG_DIRS_MAX);
    assert(config->crc != NULL && config->trace != NULL && config->control != NULL);
    assert(config->lag_time_max_ms > 0 && config->checkpoint_ms > 0 && config->retention_ms > 0);
    assert(config->fetch_bytes_max > 0 && config->unsynced_bytes_max > 0 && sentence_room > 0);
    const struct memory_source *memory = memory_source(config->host);
    sentence[0] = '\0';
    struct partitions *table = memory->take(memory->ctx, sizeof(*table));
    ENSURE(table != NULL, ERR_NO_MEMORY);
    memset(table, 0, sizeof(*table));
    table->config = *config;
    table->host = config->host;
    table->broker_epoch = -1;
    table->previous_epoch = -1;
    list_init(&table->found);
    list_init(&table->all);
    list_init(&table->late);
    heap_init(&table->heap, memory, TABLE_HEAP_MAX);
    map_init(&table->found_by_name, &table->heap, config->hash_key);
    heap_init(&table->map_heap, memory, TABLE_HEAP_MAX);
    map_init(&table->by_id, &table->map_heap, config->hash_key);
    map_init(&table->by_name, &table->map_heap, config->hash_key);
    map_init(&table->peers, &table->map_heap, config->hash_key);
    err_t err = lock_open(table->host, "partitions", &table->lock);
    if (err == OK) {
        err = open_dirs(table, sentence, sentence_room);
    }
    if (err == OK) {
        err = fetch_rooms_open(table);
    }
    if (err != OK) {
        if (sentence[0] == '\0') {
            (void)snprintf(sentence, sentence_room, "the log directories cannot be opened: %s",
                           err_text(err));
        }
        partitions_close(table);
        return err;
    }
    *ret_partitions = table;
    return OK;
}

void partitions_close(struct partitions *table)
{
    const struct memory_source *memory = memory_source(table->host);
    fetch_rooms_close(table);
    while (!list_empty(&table->all)) {
        partition_free(CONTAINER_OF(list_first(&table->all), struct partition, node));
    }
    late_forget(table);
    for (uint32_t i = 0; i < table->dir_count; i++) {
        lock_close(table->dirs[i].lock);
        if (table->dirs[i].disk_lock != NULL) {
            disk_unlock(table->dirs[i].disk_lock);
        }
    }
    lock_close(table->lock);
    heap_release(&table->map_heap);
    heap_release(&table->heap);
    memory->give(memory->ctx, table, sizeof(*table));
}

/* ---- facts ---- */

uint32_t partitions_dir_count(const struct partitions *table)
{
    return table->dir_count;
}

struct log_dir_facts partitions_dir(const struct partitions *table, uint32_t i)
{
    assert(i < table->dir_count);
    const struct log_dir *dir = &table->dirs[i];
    return (struct log_dir_facts){.id = dir->properties.directory_id,
                                  .state = dir->state,
                                  .this_boot = dir->same_boot,
                                  .online = !atomic_load(&dir->offline),
                                  .path = dir->path};
}

const char *partitions_cluster_id(const struct partitions *table)
{
    return table->cluster_id;
}

int64_t partitions_previous_epoch(const struct partitions *table)
{
    return table->previous_epoch;
}

void partitions_start(struct partitions *table)
{
    assert(!table->started);
    table->started = true;
    fetch_rooms_start(table);
    upkeep_start(table);
}

/* A full device must not keep a broker from coming up, for who shall make room then? Without this note a crash in this boot is taken
 * for a power cut. */
static err_t note_boot(struct log_dir *dir)
{
    err_t err = log_dir_note_boot(dir);
    if (err == ERR_NO_SPACE) {
        trace_log(
            dir->table->config.trace, TRACE_WARN, TRACE_PARTITION,
            "The log directory %s has no room to note this boot: a crash will count as a loss "
            "of power.",
            dir->path);
        return OK;
    }
    return err;
}

err_t partitions_registered(struct partitions *table, struct slice cluster_id, int64_t broker_epoch)
{
    char text[CLUSTER_ID_MAX + 1];
    ENSURE(cluster_id.n > 0 && cluster_id.n <= CLUSTER_ID_MAX, ERR_INVALID);
    memcpy(text, cluster_id.p, cluster_id.n);
    text[cluster_id.n] = '\0';
    for (uint32_t i = 0; i < table->dir_count; i++) {
        struct log_dir *dir = &table->dirs[i];
        if (atomic_load(&dir->offline)) {
            continue;
        }
        err_t err = log_dir_set_cluster(dir, text);
        ENSURE(err != ERR_FOREIGN, err);
        err = err == OK ? log_dir_note_use(dir) : err;
        err = err == OK ? note_boot(dir) : err;
        if (err != OK) { /* the others are as good as they were */
            trace_log(table->config.trace, TRACE_ERROR, TRACE_PARTITION,
                      "The log directory %s does not take what it is to say of this cluster and "
                      "this boot: %s.",
                      dir->path, err_text(err));
            table_dir_failed(dir);
        }
    }
    memcpy(table->cluster_id, text, cluster_id.n + 1);
    lock_enter(table->lock);
    table->broker_epoch = broker_epoch;
    lock_leave(table->lock);
    return OK;
}
