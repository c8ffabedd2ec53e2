/*
 * The floor: the least that a log server can do with the bytes that the loader sends. A measuring stick; one thread on raw
 * epoll, one file, no error handling beyond stopping.
 *
 *   bench_floor leader   PORT FILE [replicas=1] [sync=0]
 *   bench_floor follower PORT FILE LEADER_PORT ID [sync=0]
 *
 * A leader reads frames into one buffer, checks the batch's CRC32C, stamps its base offset, writes it to the page cache and
 * answers; with replicas > 1 when that many - 1 followers have it, with sync=1 when everyone's fdatasync (beside the loop, one
 * for all that came meanwhile) covers it. Fetches are answered by sendfile. A follower asks for what is behind its end (a
 * FOLLOW is parked while there is nothing), checks the CRC, writes, and asks again, telling its durable end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/base/crc32c.h"
#include "tests/bench/words.h"

#define INPUT_MAX     ((size_t)4 << 20)
#define CONNS_MAX     16
#define WAITERS_MAX   4096
#define FOLLOWERS_MAX 4
#define FOLLOW_MAX    ((int64_t)2 << 20)
#define BATCHES_MAX   ((size_t)1 << 22)

struct conn {
    int fd;
    uint8_t *input;
    size_t have;
    uint8_t output[65536];
    size_t out, sent;
    off_t file_at;
    size_t file_left;
    bool parked; /* a FOLLOW waits */
    int64_t follow_at;
    int64_t sent_to;
    bool want_write;
};

struct waiter {
    struct conn *conn;
    int64_t end; /* in bytes */
    int64_t offset;
};

struct floor {
    int poll, file, listener, wake;
    int replicas, id;
    bool sync;
    const struct crc32c_impl *crc;
    struct conn *conns[CONNS_MAX];
    int conn_count;
    struct conn *leader; /* of a follower */
    int64_t end, durable, told_end, told_durable;
    int64_t offset;  /* of the next record */
    int64_t *places; /* batch number -> bytes; all batches hold as many records */
    int32_t batch_records;
    int64_t batches;
    int64_t follower_end[FOLLOWERS_MAX];
    struct waiter waiters[WAITERS_MAX];
    uint32_t waiter_first, waiter_count;
    uint8_t topic[256];
    int topic_bytes;
    pthread_mutex_t mutex;
    pthread_cond_t dirty;
    int64_t sync_wanted, sync_done;
};

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "bench_floor: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- output ---- */

static void conn_watch(struct floor *f, struct conn *c, bool write)
{
    if (c->want_write != write) {
        struct epoll_event event = {.events = EPOLLIN | (write ? EPOLLOUT : 0), .data.ptr = c};
        c->want_write = write;
        (void)epoll_ctl(f->poll, EPOLL_CTL_MOD, c->fd, &event);
    }
}

static void conn_flush(struct floor *f, struct conn *c)
{
    while (c->sent < c->out || c->file_left > 0) {
        ssize_t n = c->sent < c->out
                        ? send(c->fd, c->output + c->sent, c->out - c->sent,
                               MSG_NOSIGNAL | MSG_DONTWAIT | (c->file_left > 0 ? MSG_MORE : 0))
                        : sendfile(c->fd, f->file, &c->file_at, c->file_left);
        if (n < 0 && errno == EAGAIN) {
            conn_watch(f, c, true);
            return;
        }
        if (n <= 0) {
            return; /* the input tells of the end */
        }
        if (c->sent < c->out) {
            c->sent += (size_t)n;
        } else {
            c->file_left -= (size_t)n;
        }
    }
    c->out = c->sent = 0;
    conn_watch(f, c, false);
}

static uint8_t *room(const struct conn *c)
{
    assert(c->out + 512 <= sizeof(c->output));
    return (uint8_t *)c->output + c->out;
}

static void produce_answer(struct floor *f, struct conn *c, int64_t base)
{
    uint8_t *frame = room(c);
    uint8_t *at = frame + FRAME_HEAD_BYTES;
    put32(&at, 1);
    put32(&at, 1);
    put_text(&at, (const char *)f->topic, (size_t)f->topic_bytes);
    put32(&at, 1);
    put32(&at, 0);
    put16(&at, 0);
    put64(&at, base);
    put64(&at, -1);
    put64(&at, 0);
    put32(&at, 0);
    frame_finish(frame, at);
    c->out += (size_t)(at - frame);
}

static void follow_answer(struct floor *f, struct conn *c)
{
    int64_t n = f->end - c->follow_at;
    n = n < FOLLOW_MAX ? n : FOLLOW_MAX;
    uint8_t *at = room(c);
    put32(&at, n + 4);
    put32(&at, 1);
    c->out += 8;
    c->file_at = c->follow_at;
    c->file_left = (size_t)n;
    c->parked = false;
    c->sent_to = c->follow_at + n;
    conn_flush(f, c);
}

/* ---- what a turn has changed ---- */

static void acks_send(struct floor *f)
{
    int64_t safe = f->sync ? f->durable : f->end;
    for (int i = 1; i < f->replicas; i++) {
        safe = f->follower_end[i] < safe ? f->follower_end[i] : safe;
    }
    while (f->waiter_count > 0 && f->waiters[f->waiter_first].end <= safe) {
        struct waiter *w = &f->waiters[f->waiter_first];
        produce_answer(f, w->conn, w->offset);
        f->waiter_first = (f->waiter_first + 1) % WAITERS_MAX;
        f->waiter_count--;
    }
    for (int i = 0; i < f->conn_count; i++) {
        if (f->conns[i]->out > 0) {
            conn_flush(f, f->conns[i]);
        }
    }
}

static void follow_ask(struct floor *f)
{
    struct conn *c = f->leader;
    uint8_t *frame = room(c);
    uint8_t *at = frame + FRAME_HEAD_BYTES;
    put16(&at, KEY_FOLLOW);
    put16(&at, 0);
    put32(&at, 1);
    put32(&at, f->id);
    put64(&at, f->end);
    put64(&at, f->sync ? f->durable : f->end);
    frame_finish(frame, at);
    c->out += (size_t)(at - frame);
    f->told_end = f->end;
    f->told_durable = f->durable;
    conn_flush(f, c);
}

static void sync_ask(struct floor *f)
{
    (void)pthread_mutex_lock(&f->mutex);
    if (f->sync_wanted != f->end) {
        f->sync_wanted = f->end;
        (void)pthread_cond_signal(&f->dirty);
    }
    (void)pthread_mutex_unlock(&f->mutex);
}

static void *sync_main(void *arg)
{
    struct floor *f = arg;
    const uint64_t one = 1;
    for (;;) {
        (void)pthread_mutex_lock(&f->mutex);
        while (f->sync_wanted <= f->sync_done) {
            (void)pthread_cond_wait(&f->dirty, &f->mutex);
        }
        int64_t end = f->sync_wanted;
        (void)pthread_mutex_unlock(&f->mutex);
        if (fdatasync(f->file) != 0) {
            stop("fdatasync");
        }
        (void)pthread_mutex_lock(&f->mutex);
        f->sync_done = end;
        (void)pthread_mutex_unlock(&f->mutex);
        if (write(f->wake, &one, sizeof(one)) != sizeof(one)) {
            stop("eventfd");
        }
    }
    return NULL;
}

static void turn_end(struct floor *f)
{
    if (f->sync) {
        (void)pthread_mutex_lock(&f->mutex);
        f->durable = f->sync_done;
        (void)pthread_mutex_unlock(&f->mutex);
        if (f->sync_wanted != f->end) {
            sync_ask(f);
        }
    }
    for (int i = 0; i < f->conn_count; i++) {
        if (f->conns[i]->parked && f->conns[i]->follow_at < f->end) {
            follow_answer(f, f->conns[i]);
        }
    }
    if (f->leader != NULL &&
        (f->told_end != f->end || (f->sync && f->told_durable != f->durable))) {
        follow_ask(f);
    } else {
        acks_send(f);
    }
}

/* ---- input ---- */

static void append(struct floor *f, uint8_t *batch, size_t n)
{
    if (crc32c(f->crc, batch + BATCH_CRC_FROM, n - BATCH_CRC_FROM) !=
        load_be32(batch + BATCH_CRC_AT)) {
        errno = EBADMSG;
        stop("checksum");
    }
    f->batch_records = (int32_t)load_be32(batch + BATCH_COUNT_AT);
    store_be64(batch, (uint64_t)f->offset);
    assert(f->batches < (int64_t)BATCHES_MAX);
    f->places[f->batches++] = f->end;
    for (size_t done = 0; done < n;) {
        ssize_t wrote = pwrite(f->file, batch + done, n - done, f->end + (off_t)done);
        if (wrote <= 0) {
            stop("pwrite");
        }
        done += (size_t)wrote;
    }
    f->offset += f->batch_records;
    f->end += (int64_t)n;
}

static void on_produce(struct floor *f, struct conn *c, const uint8_t *at)
{
    int n;
    (void)take_text(&at, &n); /* client */
    (void)take_text(&at, &n); /* transactional id */
    int acks = (int16_t)load_be16(at);
    at += 2 + 4 + 4;
    const uint8_t *topic = take_text(&at, &n);
    memcpy(f->topic, topic, (size_t)n);
    f->topic_bytes = n;
    at += 4 + 4;
    int64_t base = f->offset;
    append(f, (uint8_t *)at + 4, load_be32(at));
    if (acks == 1) {
        produce_answer(f, c, base);
        return;
    }
    assert(f->waiter_count < WAITERS_MAX);
    f->waiters[(f->waiter_first + f->waiter_count++) % WAITERS_MAX] = (struct waiter){
        .conn = c, .end = f->end, .offset = base};
}

static void on_fetch(struct floor *f, struct conn *c, const uint8_t *at)
{
    int n;
    (void)take_text(&at, &n);
    int64_t most = load_be32(at + 12);
    at += 4 + 4 + 4 + 4 + 1 + 4;
    const uint8_t *topic = take_text(&at, &n);
    int64_t batch = (int64_t)load_be64(at + 8) / f->batch_records;
    int64_t from = batch < f->batches ? f->places[batch] : f->end;
    int64_t bytes = f->end - from < most ? f->end - from : most;
    uint8_t *frame = room(c);
    uint8_t *to = frame + FRAME_HEAD_BYTES;
    put32(&to, 1);
    put32(&to, 0);
    put32(&to, 1);
    put_text(&to, (const char *)topic, (size_t)n);
    put32(&to, 1);
    put32(&to, 0);
    put16(&to, 0);
    put64(&to, f->offset);
    put64(&to, f->offset);
    put32(&to, -1);
    put32(&to, bytes);
    store_be32(frame, (uint32_t)(to - frame - FRAME_HEAD_BYTES + bytes));
    c->out += (size_t)(to - frame);
    c->file_at = from;
    c->file_left = (size_t)bytes;
    conn_flush(f, c);
}

static void on_follow(struct floor *f, struct conn *c, const uint8_t *at)
{
    uint32_t id = load_be32(at);
    assert(id > 0 && id < FOLLOWERS_MAX);
    c->follow_at = (int64_t)load_be64(at + 4);
    f->follower_end[id] = (int64_t)load_be64(at + 12);
    c->parked = c->follow_at == c->sent_to; /* with an answer on its way this only tells */
}

static void frame_take(struct floor *f, struct conn *c, uint8_t *frame, size_t n)
{
    if (c == f->leader) {
        uint8_t *at = frame + 8;
        for (size_t left = n - 8; left > 0;) {
            size_t bytes = 12 + (size_t)load_be32(at + 8);
            assert(bytes <= left);
            append(f, at, bytes);
            at += bytes;
            left -= bytes;
        }
        return;
    }
    int key = load_be16(frame + FRAME_HEAD_BYTES);
    const uint8_t *at = frame + FRAME_HEAD_BYTES + 8;
    if (key == KEY_PRODUCE) {
        on_produce(f, c, at);
    } else if (key == KEY_FETCH) {
        on_fetch(f, c, at);
    } else {
        on_follow(f, c, at);
    }
}

static void conn_end(struct floor *f, struct conn *c)
{
    (void)close(c->fd);
    for (int i = 0; i < f->conn_count; i++) {
        if (f->conns[i] == c) {
            f->conns[i] = f->conns[--f->conn_count];
        }
    }
    free(c->input);
    free(c);
}

static void conn_read(struct floor *f, struct conn *c)
{
    ssize_t n = recv(c->fd, c->input + c->have, INPUT_MAX - c->have, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        conn_end(f, c);
        return;
    }
    c->have += n > 0 ? (size_t)n : 0;
    size_t at = 0;
    while (c->have - at >= FRAME_HEAD_BYTES &&
           c->have - at >= FRAME_HEAD_BYTES + (size_t)load_be32(c->input + at)) {
        size_t bytes = FRAME_HEAD_BYTES + (size_t)load_be32(c->input + at);
        frame_take(f, c, c->input + at, bytes);
        at += bytes;
    }
    if (at > 0 && at < c->have) {
        memmove(c->input, c->input + at, c->have - at);
    }
    c->have -= at;
}

/* ---- life ---- */

static struct conn *conn_add(struct floor *f, int fd)
{
    int one = 1;
    struct conn *c = calloc(1, sizeof(*c));
    assert(c != NULL && f->conn_count < CONNS_MAX);
    *c = (struct conn){.fd = fd, .input = malloc(INPUT_MAX)};
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    (void)fcntl(fd, F_SETFL, O_NONBLOCK);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    (void)epoll_ctl(f->poll, EPOLL_CTL_ADD, fd, &event);
    f->conns[f->conn_count++] = c;
    return c;
}

static struct sockaddr_in loopback(const char *port)
{
    return (struct sockaddr_in){.sin_family = AF_INET,
                                .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
                                .sin_port = htons((uint16_t)strtol(port, NULL, 10))};
}

static void listen_at(struct floor *f, const char *port)
{
    struct sockaddr_in address = loopback(port);
    int one = 1;
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    (void)setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(f->listener, (struct sockaddr *)&address, sizeof(address)) != 0 ||
        listen(f->listener, CONNS_MAX) != 0) {
        stop("listening");
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &f->listener};
    (void)epoll_ctl(f->poll, EPOLL_CTL_ADD, f->listener, &event);
}

static void follow(struct floor *f, const char *port)
{
    struct sockaddr_in address = loopback(port);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
        stop("connecting to the leader");
    }
    f->leader = conn_add(f, fd);
    follow_ask(f);
}

static _Noreturn void serve(struct floor *f)
{
    struct epoll_event events[CONNS_MAX];
    for (;;) {
        int n = epoll_wait(f->poll, events, CONNS_MAX, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &f->listener) {
                (void)conn_add(f, accept(f->listener, NULL, NULL));
            } else if (events[i].data.ptr == &f->wake) {
                uint64_t count;
                (void)!read(f->wake, &count, sizeof(count));
            } else {
                if (events[i].events & EPOLLOUT) {
                    conn_flush(f, events[i].data.ptr);
                }
                if (events[i].events & ~(unsigned)EPOLLOUT) {
                    conn_read(f, events[i].data.ptr);
                }
            }
        }
        turn_end(f);
    }
}

static int option(int argc, char **argv, const char *name, int otherwise)
{
    size_t n = strlen(name);
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=') {
            return (int)strtol(argv[i] + n + 1, NULL, 10);
        }
    }
    return otherwise;
}

int main(int argc, char **argv)
{
    static struct floor f;
    bool leads = argc >= 4 && strcmp(argv[1], "leader") == 0;
    if (!leads && argc < 6) {
        fprintf(stderr,
                "usage: bench_floor leader PORT FILE | follower PORT FILE LEADER_PORT ID\n");
        return 2;
    }
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_IGN);
    f.poll = epoll_create1(EPOLL_CLOEXEC);
    f.file = open(argv[3], O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    f.wake = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    f.replicas = option(argc, argv, "replicas", 1);
    f.sync = option(argc, argv, "sync", 0) != 0;
    f.crc = crc32c_detect();
    f.places = malloc(BATCHES_MAX * sizeof(*f.places));
    (void)pthread_mutex_init(&f.mutex, NULL);
    (void)pthread_cond_init(&f.dirty, NULL);
    if (f.file < 0 || f.places == NULL) {
        stop(argv[3]);
    }
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &f.wake};
    (void)epoll_ctl(f.poll, EPOLL_CTL_ADD, f.wake, &event);
    listen_at(&f, argv[2]);
    if (!leads) {
        f.id = (int)strtol(argv[5], NULL, 10);
        follow(&f, argv[4]);
    }
    pthread_t thread;
    if (f.sync && pthread_create(&thread, NULL, sync_main, &f) != 0) {
        stop("a thread");
    }
    serve(&f);
}
