#include <stdio.h>

#include "common/log/small_file.h"
#include "common/log/log.h"
#include "common/port/disk.h"
#include "common/port/memory.h"

#define NAME_BYTES_MAX 96

static err_t small_path(const char *folder, const char *name, char *path, size_t room)
{
    int n = snprintf(path, room, "%s/%s", folder, name);
    ENSURE(n > 0 && (size_t)n < room, ERR_INVALID);
    return OK;
}

err_t small_file_load(struct host *host, const char *folder, const char *name, size_t bytes_max,
                      struct arena *arena, struct slice *ret_bytes)
{
    char path[LOG_DIR_PATH_MAX + NAME_BYTES_MAX];
    assert(ret_bytes != NULL && bytes_max > 0);
    TRY(small_path(folder, name, path, sizeof(path)));
    return disk_read_file(host, path, bytes_max, arena, ret_bytes);
}

err_t small_file_read(struct host *host, const char *folder, const char *name, size_t bytes_max,
                      struct arena *ret_arena, struct slice *ret_bytes)
{
    arena_init(ret_arena, memory_source(host), 4096, bytes_max + 4096);
    return small_file_load(host, folder, name, bytes_max, ret_arena, ret_bytes);
}

err_t small_file_save(struct host *host, const char *folder, const char *name, struct buf *buf)
{
    char path[LOG_DIR_PATH_MAX + NAME_BYTES_MAX];
    err_t err = buf->err;
    if (err == OK) {
        err = small_path(folder, name, path, sizeof(path));
    }
    if (err == OK) {
        err = disk_replace_file(host, path, buf_slice(buf));
    }
    buf_release(buf);
    return err;
}

err_t small_file_remove(struct host *host, const char *folder, const char *name)
{
    char path[LOG_DIR_PATH_MAX + NAME_BYTES_MAX];
    TRY(small_path(folder, name, path, sizeof(path)));
    err_t err = disk_unlink(host, path);
    ENSURE(err == OK || err == ERR_NOT_FOUND, err);
    return err == OK ? disk_sync_dir(host, folder) : OK;
}

/* The last of them also where it is there: a process may have died between making it and syncing its name. */
static err_t folder_make(struct host *host, const char *path, const char *parent, bool last)
{
    err_t made = disk_mkdir(host, path);
    if (made == ERR_EXISTS && !last) {
        return OK;
    }
    ENSURE(made == OK || made == ERR_EXISTS, made);
    if (last) {
        TRY(disk_sync_dir(host, path));
    }
    err_t err = disk_sync_dir(host, parent);
    /* What was made for us may lie in a folder that we must not read. */
    return made == ERR_EXISTS && err == ERR_PERMISSION ? OK : err;
}

err_t small_file_folders(struct host *host, const char *path)
{
    char part[LOG_DIR_PATH_MAX + 1];
    char parent[LOG_DIR_PATH_MAX + 1] = ".";
    size_t n = strlen(path);
    ENSURE(n > 0 && n < sizeof(part), ERR_INVALID);
    if (path[0] == '/') {
        memcpy(parent, "/", 2);
    }
    for (size_t i = 1; i <= n; i++) {
        if ((path[i] == '/' || path[i] == '\0') && path[i - 1] != '/') {
            memcpy(part, path, i);
            part[i] = '\0';
            TRY(folder_make(host, part, parent, strspn(path + i, "/") == n - i));
            memcpy(parent, part, i + 1);
        }
    }
    return OK;
}
