#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "common/host/internal.h"
#include "common/port/clock.h"
#include "common/port/console.h"
#include "common/port/entropy.h"
#include "common/port/memory.h"

/* Beyond this a limit is as good as none (systemd gives servers so many). */
#define DESCRIPTORS_MAX 1048576u
/* With fewer no cluster can talk to itself. */
#define CONNS_LEAST     16u

static void *memory_take(void *ctx, size_t bytes)
{
    struct host *host = ctx;
    size_t taken = atomic_fetch_add(&host->memory_taken, bytes) + bytes;
    void *p = taken < bytes || taken > host->memory_max_bytes ? NULL : malloc(bytes);
    if (p == NULL) {
        (void)atomic_fetch_sub(&host->memory_taken, bytes);
    }
    return p;
}

static void memory_give(void *ctx, void *p, size_t bytes)
{
    struct host *host = ctx;
    free(p);
    (void)atomic_fetch_sub(&host->memory_taken, bytes);
}

static void stop_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)sigaddset(set, SIGUSR2); /* host_stop */
}

/* As many descriptors as the system allows; three of four for connections, the rest for files. */
static unsigned descriptors_take(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return CONNS_LEAST;
    }
    rlim_t soft = limit.rlim_cur;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
        limit.rlim_cur = soft;
    }
    rlim_t most = limit.rlim_cur > DESCRIPTORS_MAX ? DESCRIPTORS_MAX : limit.rlim_cur;
    unsigned conns = (unsigned)(most - most / 4);
    return conns < CONNS_LEAST ? CONNS_LEAST : conns;
}

struct host *host_open(const struct host_options *options)
{
    struct host *host = calloc(1, sizeof(*host));
    if (host == NULL) {
        return NULL;
    }
    host->memory = (struct memory_source){.take = memory_take, .give = memory_give, .ctx = host};
    host->memory_max_bytes = options->memory_max_bytes;
    host->conns_max = descriptors_take();
    sigset_t set;
    stop_signals(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pool_start(&host->pool, options->pool_threads) != OK) {
        free(host);
        return NULL;
    }
    return host;
}

int host_wait(struct host *host)
{
    sigset_t set;
    stop_signals(&set);
    for (;;) {
        int number = sigwaitinfo(&set, NULL);
        if (atomic_load(&host->stopping)) {
            return 0;
        }
        if (number > 0 && number != SIGUSR2) {
            return number;
        }
    }
}

void host_stop(struct host *host)
{
    atomic_store(&host->stopping, true);
    (void)kill(getpid(), SIGUSR2);
}

void host_close(struct host *host)
{
    pool_stop(&host->pool);
    free(host);
}

static int64_t clock_read(clockid_t which, int64_t per_second)
{
    struct timespec ts;
    int failed = clock_gettime(which, &ts);
    assert(failed == 0);
    return ts.tv_sec * per_second + ts.tv_nsec / (1000000000 / per_second);
}

time_us clock_mono_us(struct host *host)
{
    (void)host;
    return clock_read(CLOCK_MONOTONIC, 1000000);
}

time_ms clock_wall_ms(struct host *host)
{
    (void)host;
    return clock_read(CLOCK_REALTIME, 1000);
}

const struct memory_source *memory_source(struct host *host)
{
    return &host->memory;
}

size_t memory_taken_bytes(struct host *host)
{
    return atomic_load(&host->memory_taken);
}

void entropy_fill(struct host *host, void *p, size_t n)
{
    (void)host;
    assert(n <= INT32_MAX);
    if (RAND_bytes(p, (int)n) != 1) {
        static const char text[] =
            "no random bytes from the operating system: stopping, since ids and keys need them\n";
        ssize_t written = write(STDERR_FILENO, text, sizeof(text) - 1);
        (void)written;
        abort();
    }
}

void console_write(struct host *host, struct slice line)
{
    (void)host;
    while (line.n > 0) {
        ssize_t n = write(STDOUT_FILENO, line.p, line.n);
        if (n < 0 && errno != EINTR) {
            return; /* nobody reads the log: that must not stop the node */
        }
        if (n > 0) {
            line.p += n;
            line.n -= (size_t)n;
        }
    }
}

err_t host_err(int error_number)
{
    switch (error_number) {
    case 0: return OK;
    case ENOENT:
    case ENOTDIR: return ERR_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY:
    case EADDRINUSE: return ERR_EXISTS;
    case EACCES:
    case EPERM:
    case EROFS: return ERR_PERMISSION;
    case ENOSPC:
    case EDQUOT: return ERR_NO_SPACE;
    case EMFILE:
    case ENFILE: return ERR_LIMIT;
    case ENOMEM: return ERR_NO_MEMORY;
    case ECONNREFUSED: return ERR_REFUSED;
    case ETIMEDOUT: return ERR_TIMEOUT;
    case EADDRNOTAVAIL:
    case EHOSTUNREACH:
    case ENETUNREACH: return ERR_UNREACHABLE;
    case ECONNRESET:
    case EPIPE: return ERR_CLOSED;
    case ENAMETOOLONG: return ERR_INVALID;
    default: return ERR_IO;
    }
}
