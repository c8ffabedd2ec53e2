/* A log directory's own files: whose it is, how it was left, which folders lie in it. Blocking, before anyone is served. */
#include <stdio.h>
#include <stdlib.h>

#include "broker/partition/partition_internal.h"

#include "common/log/clean_shutdown.h"
#include "common/log/offset_checkpoint.h"
#include "common/log/partition_metadata.h"
#include "common/log/small_file.h"
#include "common/port/entropy.h"

#define LOCK_FILE         ".lock"
#define BOOT_ID_FILE      "boot-id"
#define FAILED_SYNC_FILE  "sync-failed"
#define FAILED_SYNC_TRIES 3 /* the device may refuse one write, too */
#define DIR_ARENA_CHUNK   ((size_t)64 << 10)
#define DIR_ARENA_MAX     ((size_t)1 << 30)
#define BOOT_ID_MAX       64

static void say(char *sentence, size_t room, const char *path, const char *what, err_t err)
{
    int n = snprintf(sentence, room, "log directory %s: %s (%s)", path, what, err_text(err));
    assert(n > 0);
}

static void join(char *out, size_t room, const char *dir, const char *name)
{
    int n = snprintf(out, room, "%s/%s", dir, name);
    assert(n > 0 && (size_t)n < room);
}

bool folder_path(const struct log_dir *dir, const char *topic, int32_t index, const char *suffix,
                 char *out)
{
    int n = snprintf(out, FOLDER_PATH_MAX + 1, "%s/%s-%d%s", dir->path, topic, index, suffix);
    return n > 0 && n <= FOLDER_PATH_MAX;
}

bool folder_parse(const char *folder, char *ret_topic, int32_t *ret_index)
{
    const char *dash = strrchr(folder, '-');
    size_t digits = dash == NULL ? 0 : strlen(dash + 1);
    size_t n = dash == NULL ? 0 : (size_t)(dash - folder);
    if (n == 0 || n > TOPIC_NAME_MAX || digits == 0 || digits > 9 ||
        strspn(dash + 1, "0123456789") != digits || (digits > 1 && dash[1] == '0')) {
        return false;
    }
    memcpy(ret_topic, folder, n);
    ret_topic[n] = '\0';
    *ret_index = (int32_t)strtol(dash + 1, NULL, 10);
    return true;
}

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name);
    size_t m = strlen(suffix);
    return n > m && strcmp(name + n - m, suffix) == 0;
}

/* ---- how it was left ---- */

static err_t boot_id_look(struct partitions *table, struct log_dir *dir, bool *ret_same)
{
    char path[LOG_DIR_PATH_MAX + 32];
    struct arena arena;
    struct slice text;
    struct uuid boot;
    disk_boot_id(table->host, &boot);
    struct uuid_text now = uuid_print(boot);
    join(path, sizeof(path), dir->path, BOOT_ID_FILE);
    arena_init(&arena, memory_source(table->host), 4096, 1 << 20);
    err_t err = disk_read_file(table->host, path, BOOT_ID_MAX, &arena, &text);
    *ret_same = err == OK && slice_eq(text, slice_str(now.s));
    arena_release(&arena);
    dir->boot_noted = *ret_same;
    dir->same_boot = *ret_same;
    return err == ERR_NOT_FOUND || err == ERR_TOO_LARGE ? OK : err;
}

/* Only once the controllers have heard how it was left: a process that dies before that must not make a power cut look like a
 * crash, nor a directory that was closed in order look like one that was not. Nothing is appended before. */
err_t log_dir_note_use(struct log_dir *dir)
{
    return clean_shutdown_remove(dir->table->host, dir->path);
}

err_t log_dir_note_boot(struct log_dir *dir)
{
    char path[LOG_DIR_PATH_MAX + 32];
    struct uuid boot;
    if (dir->boot_noted) {
        return OK;
    }
    disk_boot_id(dir->table->host, &boot);
    struct uuid_text now = uuid_print(boot);
    join(path, sizeof(path), dir->path, BOOT_ID_FILE);
    TRY(disk_replace_file(dir->table->host, path, slice_str(now.s)));
    dir->boot_noted = true;
    return OK;
}

static err_t failed_sync_write(struct host *host, const char *path)
{
    struct disk_file *file = NULL;
    struct uuid boot;
    disk_boot_id(host, &boot);
    struct uuid_text text = uuid_print(boot);
    struct slice bytes = slice_str(text.s);
    TRY(disk_open(host, path, DISK_WRITE | DISK_CREATE, &file));
    IGNORE(disk_write(file, &bytes, 1, 0)); /* where there is no room, its name alone says it */
    disk_close(file);
    return OK;
}

/* The page cache is enough to keep it: once that is gone, so is what must not be believed. */
void log_dir_note_failed_sync(struct log_dir *dir)
{
    char path[LOG_DIR_PATH_MAX + 32];
    join(path, sizeof(path), dir->path, FAILED_SYNC_FILE);
    err_t err = ERR_IO;
    for (int tries = 0; err != OK && tries < FAILED_SYNC_TRIES; tries++) {
        err = failed_sync_write(dir->table->host, path);
    }
    if (err != OK) {
        trace_log(
            dir->table->config.trace, TRACE_ERROR, TRACE_PARTITION,
            "%s cannot be written (%s): boot the machine before this broker is started again.",
            path, err_text(err));
    }
}

static err_t failed_sync_look(struct partitions *table, struct log_dir *dir)
{
    char path[LOG_DIR_PATH_MAX + 32];
    struct arena arena;
    struct slice text;
    struct uuid boot;
    struct uuid noted;
    disk_boot_id(table->host, &boot);
    join(path, sizeof(path), dir->path, FAILED_SYNC_FILE);
    arena_init(&arena, memory_source(table->host), 4096, 1 << 20);
    err_t err = disk_read_file(table->host, path, BOOT_ID_MAX, &arena, &text);
    bool whole = err == OK && uuid_parse(text, &noted) == OK;
    err = err == ERR_TOO_LARGE ? OK : err;
    dir->rewrite = err == OK && (!whole || uuid_eq(noted, boot));
    arena_release(&arena);
    if (err == OK && !whole) { /* of which boot nobody knows: of this one, until the next */
        IGNORE(failed_sync_write(table->host, path));
    }
    if (err == OK && !dir->rewrite) {
        return disk_unlink(table->host, path); /* of an earlier boot */
    }
    return err == ERR_NOT_FOUND ? OK : err;
}

/* No meta.properties: only a directory without partitions may become ours. */
static err_t make_new(struct partitions *table, struct log_dir *dir, char *sentence, size_t room)
{
    struct arena arena;
    struct disk_entry *entries;
    size_t count;
    char topic[TOPIC_NAME_MAX + 1];
    int32_t index;
    bool empty = true;
    arena_init(&arena, memory_source(table->host), DIR_ARENA_CHUNK, DIR_ARENA_MAX);
    err_t err = disk_list(table->host, dir->path, &arena, &entries, &count);
    for (size_t i = 0; err == OK && i < count; i++) {
        empty = empty && !(entries[i].is_dir && folder_parse(entries[i].name, topic, &index));
    }
    arena_release(&arena);
    if (err == OK && !empty) {
        (void)snprintf(
            sentence, room,
            "log directory %s holds partitions but no meta.properties: nobody knows whose they are",
            dir->path);
        return ERR_FOREIGN;
    }
    TRY(err);
    dir->state = LOG_DIR_NEW;
    dir->properties = (struct meta_properties){.version = 1, .node_id = table->config.broker_id};
    dir->properties.directory_id = entropy_uuid(table->host);
    return meta_properties_save(table->host, dir->path, &dir->properties);
}

static err_t check_owner(struct partitions *table, struct log_dir *dir, char *sentence, size_t room)
{
    struct meta_properties *properties = &dir->properties;
    if (properties->node_id != table->config.broker_id && properties->node_id >= 0) {
        (void)snprintf(sentence, room, "log directory %s belongs to node %d; this is broker %d",
                       dir->path, properties->node_id, table->config.broker_id);
        return ERR_FOREIGN;
    }
    bool named = properties->cluster_id[0] != '\0';
    if (named && table->cluster_id[0] != '\0' &&
        strcmp(properties->cluster_id, table->cluster_id) != 0) {
        (void)snprintf(sentence, room, "log directory %s belongs to cluster %s, another one to %s",
                       dir->path, properties->cluster_id, table->cluster_id);
        return ERR_FOREIGN;
    }
    if (named) {
        memcpy(table->cluster_id, properties->cluster_id, sizeof(table->cluster_id));
    }
    if (uuid_is_none(properties->directory_id) || properties->node_id < 0) {
        if (uuid_is_none(properties->directory_id)) {
            properties->directory_id = entropy_uuid(table->host);
        }
        properties->node_id = table->config.broker_id;
        properties->version = 1;
        return meta_properties_save(table->host, dir->path, properties);
    }
    return OK;
}

/* Of those that were closed in order some may be of an earlier life: the newest of their epochs is the last process', if that is the one
 * that the controllers know, and the others count as crashed. Of those that were not their condition says enough: a new directory, or
 * one whose device was away for a while, takes nothing from the rest. */
static void note_epoch(struct partitions *table, struct log_dir *dir, int64_t epoch)
{
    if (dir->state != LOG_DIR_CLEAN) {
        return;
    }
    if (epoch < table->previous_epoch) {
        dir->state = LOG_DIR_CRASHED_OTHER_BOOT;
        return;
    }
    for (struct log_dir *other = table->dirs; other < dir && epoch > table->previous_epoch;
         other++) {
        other->state = other->state == LOG_DIR_CLEAN ? LOG_DIR_CRASHED_OTHER_BOOT : other->state;
    }
    table->previous_epoch = epoch;
}

static err_t identify(struct partitions *table, struct log_dir *dir, char *sentence, size_t room)
{
    bool clean = false;
    bool same_boot = false;
    int64_t epoch = BROKER_EPOCH_UNKNOWN;
    err_t err = meta_properties_load(table->host, dir->path, &dir->properties);
    bool known = err == OK &&
                 dir->properties.cluster_id[0] != '\0'; /* else it never hosted anything */
    dir->state = LOG_DIR_NEW;
    if (err == ERR_NOT_FOUND) {
        err = make_new(table, dir, sentence, room);
    } else if (err == OK) {
        err = check_owner(table, dir, sentence, room);
    }
    TRY(err);
    TRY(clean_shutdown_load(table->host, dir->path, &clean, &epoch));
    TRY(boot_id_look(table, dir, &same_boot));
    TRY(failed_sync_look(table, dir));
    if (known) {
        dir->state = clean       ? LOG_DIR_CLEAN
                     : same_boot ? LOG_DIR_CRASHED_THIS_BOOT
                                 : LOG_DIR_CRASHED_OTHER_BOOT;
    }
    note_epoch(table, dir, epoch);
    return OK;
}

err_t log_dir_open(struct partitions *table, struct log_dir *dir, const char *path, char *sentence,
                   size_t room)
{
    char lock_path[LOG_DIR_PATH_MAX + 32];
    dir->table = table;
    size_t n = strlen(path);
    if (n == 0 || n + TOPIC_NAME_MAX + 80 > LOG_DIR_PATH_MAX) {
        say(sentence, room, path, "its name is empty or too long", ERR_INVALID);
        return ERR_INVALID;
    }
    memcpy(dir->path, path, n + 1);
    dir_sync_init(dir);
    TRY(lock_open(table->host, "log dir", &dir->lock));
    err_t err = small_file_folders(table->host, path);
    if (err != OK) {
        say(sentence, room, path,
            err == ERR_NOT_FOUND
                ? "is no folder, or lies below a file; choose another one in log.dirs"
                : "cannot be made; log.dirs names folders that this user may make",
            err);
        return err;
    }
    join(lock_path, sizeof(lock_path), path, LOCK_FILE);
    err = disk_lock(table->host, lock_path, &dir->disk_lock);
    if (err != OK) {
        say(sentence, room, path,
            err == ERR_LOCKED ? "another process that lives has it; stop that one, or choose "
                                "another folder in log.dirs"
                              : "its file .lock cannot be taken",
            err);
        return err;
    }
    err = identify(table, dir, sentence, room);
    if (err != OK && sentence[0] == '\0') {
        say(sentence, room, path, "its own files cannot be read or written", err);
    }
    atomic_init(&dir->gone, dir->state == LOG_DIR_NEW ? 0 : 1);
    return err;
}

err_t log_dir_set_cluster(struct log_dir *dir, const char *cluster_id)
{
    if (dir->properties.cluster_id[0] != '\0') {
        return strcmp(dir->properties.cluster_id, cluster_id) == 0 ? OK : ERR_FOREIGN;
    }
    struct meta_properties properties = dir->properties;
    size_t n = strlen(cluster_id);
    ENSURE(n <= CLUSTER_ID_MAX, ERR_TOO_LARGE);
    memcpy(properties.cluster_id, cluster_id, n + 1);
    TRY(meta_properties_save(dir->table->host, dir->path, &properties));
    dir->properties = properties;
    return OK;
}

/* ---- what lies in it ---- */

struct scan {
    struct partitions *table;
    struct log_dir *dir;
    struct arena arena;
    struct map by_folder; /* "topic-index" -> struct found_folder */
};

static err_t add_folder(struct scan *scan, const char *name)
{
    char path[LOG_DIR_PATH_MAX + 300];
    struct found_folder *found = HEAP_NEW(&scan->table->heap, struct found_folder);
    ENSURE(found != NULL, ERR_NO_MEMORY);
    bool parsed = folder_parse(name, found->name, &found->index);
    assert(parsed);
    found->dir = (uint32_t)(scan->dir - scan->table->dirs);
    list_push(&scan->table->found, &found->node);
    ENSURE(map_put(&scan->by_folder, slice_str(name), found), ERR_NO_MEMORY);
    join(path, sizeof(path), scan->dir->path, name);
    struct map *by_name = &scan->table->found_by_name;
    found->same = map_get(by_name, slice_str(name));
    ENSURE(map_put(by_name, slice_str(name), found), ERR_NO_MEMORY);
    err_t err = partition_metadata_load(scan->table->host, path, &found->topic);
    bool unknown = err == ERR_NOT_FOUND || err == ERR_MALFORMED || err == ERR_TRUNCATED;
    return unknown ? OK : err;
}

/* Removes what a deletion left behind. */
static err_t remove_rest(struct scan *scan, const char *name)
{
    char path[LOG_DIR_PATH_MAX + 300];
    join(path, sizeof(path), scan->dir->path, name);
    return log_remove(scan->table->host, path);
}

static err_t scan_folders(struct scan *scan)
{
    struct disk_entry *entries;
    size_t count;
    char topic[TOPIC_NAME_MAX + 1];
    int32_t index;
    TRY(disk_list(scan->table->host, scan->dir->path, &scan->arena, &entries, &count));
    for (size_t i = 0; i < count; i++) {
        if (!entries[i].is_dir) {
            continue;
        }
        if (has_suffix(entries[i].name, "-delete")) {
            TRY(remove_rest(scan, entries[i].name));
        } else if (folder_parse(entries[i].name, topic, &index)) {
            TRY(add_folder(scan, entries[i].name));
        }
    }
    return OK;
}

/* One that cannot be read, or says nothing that can be understood, is not nothing: without a recovery point synced records count as a
 * torn tail, without a start deleted ones are there again. A high watermark is only a hint. */
static err_t scan_checkpoint(struct scan *scan, const char *file, size_t field)
{
    bool hint = field == offsetof(struct found_folder, high_watermark);
    struct offset_line *lines = NULL;
    size_t count = 0;
    err_t err = ERR_IO;
    for (int i = 0; i < 2 && err == ERR_IO; i++) {
        err = offset_checkpoint_load(scan->table->host, scan->dir->path, file, &scan->arena, &lines,
                                     &count);
    }
    ENSURE(err == OK || small_file_missing(err), err);
    if (err != OK && err != ERR_NOT_FOUND) {
        trace_log(scan->table->config.trace, hint ? TRACE_WARN : TRACE_ERROR, TRACE_PARTITION,
                  "%s/%s is damaged (%s)%s", scan->dir->path, file, err_text(err),
                  hint ? "; starting without it."
                       : ". Put it back from a backup, or replace the disk; without this file, "
                         "what has rotted is taken for a torn tail, and deleted records are back.");
        return hint ? OK : ERR_IO;
    }
    if (err != OK) {
        return OK;
    }
    for (size_t i = 0; i < count; i++) {
        char key[TOPIC_NAME_MAX + 16];
        int n = snprintf(key, sizeof(key), "%.*s-%d",
                         (int)min_i64((int64_t)lines[i].topic.n, TOPIC_NAME_MAX),
                         (const char *)lines[i].topic.p, lines[i].partition);
        struct found_folder *found = map_get(&scan->by_folder, slice_of(key, (size_t)n));
        if (found != NULL) {
            memcpy((char *)found + field, &lines[i].offset, sizeof(lines[i].offset));
        }
    }
    return OK;
}

err_t log_dir_scan(struct partitions *table, uint32_t i, char *sentence, size_t room)
{
    struct scan scan = {.table = table, .dir = &table->dirs[i]};
    arena_init(&scan.arena, memory_source(table->host), DIR_ARENA_CHUNK, DIR_ARENA_MAX);
    map_init(&scan.by_folder, &table->heap, table->config.hash_key);
    err_t err = scan_folders(&scan);
    const char *what = err == OK ? "its checkpoints cannot be used" : "its folders cannot be read";
    if (err == OK) {
        err = scan_checkpoint(&scan, RECOVERY_POINT_FILE,
                              offsetof(struct found_folder, recovery_point));
    }
    if (err == OK) {
        err = scan_checkpoint(&scan, LOG_START_FILE, offsetof(struct found_folder, log_start));
    }
    if (err == OK) {
        err = scan_checkpoint(&scan, HIGH_WATERMARK_FILE,
                              offsetof(struct found_folder, high_watermark));
    }
    if (err != OK) {
        say(sentence, room, scan.dir->path, what, err);
    }
    map_release(&scan.by_folder);
    arena_release(&scan.arena);
    return err;
}
