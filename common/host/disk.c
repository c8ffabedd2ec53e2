#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/host/internal.h"

#define WRITE_PIECES_MAX 64

err_t disk_open(struct host *host, const char *path, unsigned flags, struct disk_file **ret_file)
{
    int mode = O_CLOEXEC | (flags & DISK_WRITE ? O_RDWR : O_RDONLY);
    mode |= flags & DISK_CREATE ? O_CREAT : 0;
    mode |= flags & DISK_EXCLUSIVE ? O_EXCL : 0;
    struct disk_file *file = calloc(1, sizeof(*file));
    ENSURE(file != NULL, ERR_NO_MEMORY);
    file->host = host;
    file->fd = open(path, mode, 0644);
    if (file->fd < 0) {
        err_t err = host_err(errno);
        free(file);
        return err;
    }
    *ret_file = file;
    return OK;
}

void disk_close(struct disk_file *file)
{
    if (file != NULL) {
        (void)close(file->fd);
        free(file);
    }
}

/* Drops n written bytes from the front of the vector. */
static void vector_advance(struct iovec **vector, int *count, size_t n)
{
    while (*count > 0 && (*vector)->iov_len <= n) {
        n -= (*vector)->iov_len;
        (*vector)++;
        (*count)--;
    }
    if (*count > 0) {
        (*vector)->iov_base = (uint8_t *)(*vector)->iov_base + n;
        (*vector)->iov_len -= n;
    }
}

static err_t vector_write(int fd, struct iovec *vector, int count, int64_t *at)
{
    while (count > 0) {
        ssize_t n = pwritev(fd, vector, count, *at);
        if (n < 0 && errno != EINTR) {
            return host_err(errno);
        }
        if (n == 0) {
            return ERR_NO_SPACE;
        }
        if (n > 0) {
            *at += n;
            vector_advance(&vector, &count, (size_t)n);
        }
    }
    return OK;
}

err_t disk_write(struct disk_file *file, const struct slice *pieces, size_t count, int64_t at)
{
    assert(at >= 0);
    struct iovec vector[WRITE_PIECES_MAX];
    for (size_t done = 0; done < count;) {
        int n = 0;
        for (; n < WRITE_PIECES_MAX && done < count; n++, done++) {
            vector[n] = (struct iovec){.iov_base = (void *)pieces[done].p,
                                       .iov_len = pieces[done].n};
        }
        struct iovec *first = vector;
        vector_advance(&first, &n, 0); /* empty pieces */
        TRY(vector_write(file->fd, first, n, &at));
    }
    return OK;
}

err_t disk_read(struct disk_file *file, int64_t at, void *p, size_t n, size_t *ret_n)
{
    assert(at >= 0 && ret_n != NULL);
    size_t done = 0;
    while (done < n) {
        ssize_t got = pread(file->fd, (uint8_t *)p + done, n - done, at + (int64_t)done);
        if (got < 0 && errno != EINTR) {
            return host_err(errno);
        }
        if (got == 0) {
            break;
        }
        done += got > 0 ? (size_t)got : 0;
    }
    *ret_n = done;
    return OK;
}

/* One byte out of every 64 KiB, without waiting: the kernel reads ahead in larger steps than that. */
bool disk_hot(struct disk_file *file, int64_t at, size_t n)
{
    uint8_t byte;
    struct iovec vector = {.iov_base = &byte, .iov_len = 1};
    for (size_t step = 0; step < n; step += 64 << 10) {
        if (preadv2(file->fd, &vector, 1, at + (int64_t)step, RWF_NOWAIT) < 0 &&
            errno != EOPNOTSUPP) {
            return false;
        }
    }
    return n == 0 || preadv2(file->fd, &vector, 1, at + (int64_t)n - 1, RWF_NOWAIT) >= 0 ||
           errno == EOPNOTSUPP;
}

err_t disk_size(struct disk_file *file, int64_t *ret_bytes)
{
    struct stat st;
    ENSURE(fstat(file->fd, &st) == 0, host_err(errno));
    *ret_bytes = st.st_size;
    return OK;
}

err_t disk_truncate(struct disk_file *file, int64_t bytes)
{
    assert(bytes >= 0);
    return ftruncate(file->fd, bytes) == 0 ? OK : host_err(errno);
}

err_t disk_sync(struct disk_file *file)
{
    return fdatasync(file->fd) == 0 ? OK : host_err(errno);
}
