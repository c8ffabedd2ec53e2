/*
 * LD_PRELOAD library: records every fsync, fdatasync, sync_file_range and syncfs of a process, and delays or fails them.
 *
 * It serves the suite that demands "an ack means disk" of real processes, of ours and of any other server that calls the C library
 * (the JVM does). Without its two environment variables it does nothing but call through. A sync that is failed on demand does not
 * reach the kernel: as on a disk that lost the write. sync_file_range is recorded, but it promises nothing to the judge.
 * Writes by io_uring or through O_DSYNC would not be seen; then the judge finds no sync and says so loudly.
 */
#include "tests/shim/shim.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int log_fd = -1;
static const volatile struct shim_control *control;

static void open_both(void)
{
    const char *log_path = getenv("ODRADEK_SHIM_LOG"),
               *control_path = getenv("ODRADEK_SHIM_CONTROL");
    if (log_path != NULL)
        log_fd = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
    int fd = control_path != NULL ? open(control_path, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *at = mmap(NULL, sizeof(struct shim_control), PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        control = at;
    close(fd);
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void begin(struct shim_event *e, int fd, uint8_t op)
{
    char link[64];
    struct stat st;
    pthread_once(&once, open_both);
    memset(e, 0, sizeof *e);
    e->op = op;
    e->begin_ns = now_ns();
    if (fstat(fd, &st) == 0) {
        e->device = (uint64_t)st.st_dev;
        e->inode = (uint64_t)st.st_ino;
        e->size = (int64_t)st.st_size;
    }
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, e->path, sizeof e->path - 1);
    e->path[n > 0 ? n : 0] = 0;
}

/* Waits as told; true when the sync is to fail, with the error in the event. */
static bool injected(struct shim_event *e)
{
    char match[sizeof control->match];
    if (control == NULL)
        return false;
    for (size_t k = 0; k < sizeof match; k++)
        match[k] = control->match[k];
    match[sizeof match - 1] = 0;
    if (strstr(e->path, match) == NULL)
        return false;
    uint32_t delay_us = control->delay_us;
    if (delay_us > 0) {
        struct timespec t = {.tv_sec = delay_us / 1000000,
                             .tv_nsec = (long)(delay_us % 1000000) * 1000};
        nanosleep(&t, NULL);
        e->injected = 1;
    }
    e->result = (int32_t)control->error;
    return e->result != 0;
}

static int end(struct shim_event *e, int rc, int error)
{
    if (e->result != 0) {
        e->injected = 1;
        rc = -1;
        error = e->result;
    } else if (rc != 0) {
        e->result = error;
    }
    e->end_ns = now_ns();
    if (log_fd >= 0 && write(log_fd, e, sizeof *e) != (ssize_t)sizeof *e)
        abort(); /* a record of syncs with holes would accuse the innocent */
    errno = error;
    return rc;
}

int fsync(int fd)
{
    struct shim_event e;
    begin(&e, fd, SHIM_FSYNC);
    int rc = injected(&e) ? -1 : (int)syscall(SYS_fsync, fd);
    return end(&e, rc, errno);
}

int fdatasync(int fd)
{
    struct shim_event e;
    begin(&e, fd, SHIM_FDATASYNC);
    int rc = injected(&e) ? -1 : (int)syscall(SYS_fdatasync, fd);
    return end(&e, rc, errno);
}

int sync_file_range(int fd, off_t offset, off_t count, unsigned int flags)
{
    struct shim_event e;
    begin(&e, fd, SHIM_SYNC_FILE_RANGE);
    int rc = injected(&e) ? -1 : (int)syscall(SYS_sync_file_range, fd, offset, count, flags);
    return end(&e, rc, errno);
}

int syncfs(int fd)
{
    struct shim_event e;
    begin(&e, fd, SHIM_SYNCFS);
    int rc = injected(&e) ? -1 : (int)syscall(SYS_syncfs, fd);
    return end(&e, rc, errno);
}
