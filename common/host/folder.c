#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/host/internal.h"

#define PATH_TEXT_MAX 4096

err_t disk_mkdir(struct host *host, const char *path)
{
    (void)host;
    return mkdir(path, 0755) == 0 ? OK : host_err(errno);
}

err_t disk_rmdir(struct host *host, const char *path)
{
    (void)host;
    return rmdir(path) == 0 ? OK : host_err(errno);
}

err_t disk_rename(struct host *host, const char *from, const char *to)
{
    (void)host;
    return rename(from, to) == 0 ? OK : host_err(errno);
}

err_t disk_unlink(struct host *host, const char *path)
{
    (void)host;
    return unlink(path) == 0 ? OK : host_err(errno);
}

err_t disk_sync_dir(struct host *host, const char *path)
{
    (void)host;
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    ENSURE(fd >= 0, host_err(errno));
    err_t err = fsync(fd) == 0 ? OK : host_err(errno);
    (void)close(fd);
    return err;
}

static int entry_order(const void *a, const void *b)
{
    return strcmp(((const struct disk_entry *)a)->name, ((const struct disk_entry *)b)->name);
}

static err_t entry_fill(DIR *dir, const struct dirent *from, struct arena *arena,
                        struct disk_entry *ret_entry)
{
    struct stat st;
    ENSURE(fstatat(dirfd(dir), from->d_name, &st, 0) == 0, host_err(errno));
    ret_entry->name = arena_printf(arena, "%s", from->d_name);
    ENSURE(ret_entry->name != NULL, ERR_NO_MEMORY);
    ret_entry->is_dir = S_ISDIR(st.st_mode);
    ret_entry->bytes = st.st_size;
    ret_entry->modified_wall_ms = st.st_mtim.tv_sec * 1000 + st.st_mtim.tv_nsec / 1000000;
    return OK;
}

/* NULL: the end, with errno 0, or an error. */
static const struct dirent *dir_next(DIR *dir)
{
    errno = 0;
    return readdir(dir);
}

static err_t dir_read(DIR *dir, struct arena *arena, struct disk_entry **ret_entries,
                      size_t *ret_count)
{
    size_t room = 16;
    size_t count = 0;
    struct disk_entry *entries = arena_array(arena, room, sizeof(*entries));
    ENSURE(entries != NULL, ERR_NO_MEMORY);
    const struct dirent *d = NULL;
    while ((d = dir_next(dir)) != NULL) {
        if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0) {
            continue;
        }
        if (count == room) {
            struct disk_entry *more = arena_array(arena, room * 2, sizeof(*entries));
            ENSURE(more != NULL, ERR_NO_MEMORY);
            memcpy(more, entries, room * sizeof(*entries));
            entries = more;
            room *= 2;
        }
        err_t err = entry_fill(dir, d, arena, &entries[count]);
        if (err == ERR_NOT_FOUND) {
            continue; /* gone between the two looks */
        }
        TRY(err);
        count++;
    }
    ENSURE(errno == 0, host_err(errno)); /* a log without its last segments looks like one */
    qsort(entries, count, sizeof(*entries), entry_order);
    *ret_entries = entries;
    *ret_count = count;
    return OK;
}

err_t disk_list(struct host *host, const char *path, struct arena *arena,
                struct disk_entry **ret_entries, size_t *ret_count)
{
    (void)host;
    assert(path != NULL && ret_entries != NULL && ret_count != NULL);
    DIR *dir = opendir(path);
    ENSURE(dir != NULL, host_err(errno));
    err_t err = dir_read(dir, arena, ret_entries, ret_count);
    (void)closedir(dir);
    return err;
}

err_t disk_read_file(struct host *host, const char *path, size_t bytes_max, struct arena *arena,
                     struct slice *ret_bytes)
{
    assert(ret_bytes != NULL);
    struct disk_file *file;
    TRY(disk_open(host, path, DISK_READ, &file));
    int64_t bytes = 0;
    err_t err = disk_size(file, &bytes);
    if (err == OK && (uint64_t)bytes > bytes_max) {
        err = ERR_TOO_LARGE;
    }
    uint8_t *p = err == OK ? arena_alloc(arena, (size_t)bytes) : NULL;
    if (err == OK && p == NULL) {
        err = ERR_NO_MEMORY;
    }
    size_t n = 0;
    if (err == OK) {
        err = disk_read(file, 0, p, (size_t)bytes, &n);
    }
    disk_close(file);
    *ret_bytes = slice_of(p, n);
    return err;
}

static err_t folder_of(const char *path, char *folder)
{
    const char *slash = strrchr(path, '/');
    int n = snprintf(folder, PATH_TEXT_MAX, "%.*s", slash == NULL ? 1 : (int)(slash - path),
                     slash == NULL ? "." : path);
    ENSURE(n >= 0 && n < PATH_TEXT_MAX, ERR_INVALID);
    return OK;
}

err_t disk_replace_file(struct host *host, const char *path, struct slice bytes)
{
    assert(bytes.n == 0 || bytes.p != NULL);
    char temporary[PATH_TEXT_MAX];
    char folder[PATH_TEXT_MAX];
    TRY(folder_of(path, folder));
    unsigned long long number = atomic_fetch_add(&host->name_counter, 1);
    int n = snprintf(temporary, sizeof(temporary), "%s.%llu.tmp", path, number);
    ENSURE(n >= 0 && (size_t)n < sizeof(temporary), ERR_INVALID);
    struct disk_file *file;
    TRY(disk_open(host, temporary, DISK_WRITE | DISK_CREATE, &file));
    err_t err = disk_truncate(file, 0);
    if (err == OK) {
        err = disk_write(file, &bytes, 1, 0);
    }
    if (err == OK) {
        err = disk_sync(file);
    }
    disk_close(file);
    if (err == OK) {
        err = disk_rename(host, temporary, path);
    }
    if (err != OK) {
        IGNORE(disk_unlink(host, temporary)); /* the first error is the one to tell */
        return err;
    }
    return disk_sync_dir(host, folder);
}

struct disk_lock {
    int fd;
};

err_t disk_lock(struct host *host, const char *path, struct disk_lock **ret_lock)
{
    (void)host;
    struct disk_lock *lock = calloc(1, sizeof(*lock));
    ENSURE(lock != NULL, ERR_NO_MEMORY);
    lock->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    err_t err = lock->fd < 0 ? host_err(errno) : OK;
    if (err == OK && flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
        err = errno == EWOULDBLOCK ? ERR_LOCKED : host_err(errno);
        (void)close(lock->fd);
    }
    if (err != OK) {
        free(lock);
        return err;
    }
    *ret_lock = lock;
    return OK;
}

void disk_unlock(struct disk_lock *lock)
{
    if (lock != NULL) {
        (void)close(lock->fd);
        free(lock);
    }
}

err_t disk_space(struct host *host, const char *path, int64_t *ret_free_bytes,
                 int64_t *ret_total_bytes)
{
    (void)host;
    struct statvfs vfs;
    ENSURE(statvfs(path, &vfs) == 0, host_err(errno));
    *ret_free_bytes = (int64_t)(vfs.f_bavail * vfs.f_frsize);
    *ret_total_bytes = (int64_t)(vfs.f_blocks * vfs.f_frsize);
    return OK;
}

void disk_boot_id(struct host *host, struct uuid *ret_boot_id)
{
    (void)host;
    *ret_boot_id = UUID_NONE;
    FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
    if (file == NULL) {
        return; /* no such kernel: every start counts as another boot only if the ids differ, so all look alike */
    }
    size_t digits = 0;
    for (int c = fgetc(file); c != EOF && digits < 32; c = fgetc(file)) {
        int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (value >= 0) {
            ret_boot_id->b[digits / 2] = (uint8_t)(ret_boot_id->b[digits / 2] << 4 | value);
            digits++;
        }
    }
    (void)fclose(file);
}
