/*
 * Loops, mail, timers, pool, files and connections of the real host, as a plain program so that ThreadSanitizer can run it.
 * Two loops: one serves a file by sendfile behind a memory header to every connection that sends four bytes, the other dials
 * it again and again, checks every byte, and posts letters across.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/host/host.h"
#include "common/port/clock.h"
#include "common/port/disk.h"
#include "common/port/entropy.h"
#include "common/port/lock.h"
#include "common/port/memory.h"
#include "common/port/net.h"

#define FILE_BYTES (3u << 20)
#define ROUNDS     20
#define LETTERS    20000

#define CHECK(cond)                                                          \
    do {                                                                     \
        if (!(cond)) {                                                       \
            (void)fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            abort();                                                         \
        }                                                                    \
    } while (0)

struct test {
    struct host *host;
    struct loop *server;
    struct loop *client;
    struct net_listener *listener;
    struct net_address address;
    struct heap heap; /* the server loop's */
    struct disk_file *file;
    struct heap client_heap;
    struct net_conn *conn;
    size_t got;
    int rounds;
    struct mail letter;
    int letters;
    struct lock *lock;
    int counted; /* under the lock */
    struct timer timer;
    time_us armed_at;
    struct disk_job job;
    bool synced;
    bool refused;
    bool turned_away;
    bool unanswered;
    int silent[4]; /* a socket that takes no more connections, and those that it took */
    uint16_t silent_port;
    struct net_address gate;
    struct net_listener *gate_listener;
    bool done_net;
    _Atomic bool done_mail; /* asked on the other loop */
    struct turn_end restless;
};

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + i / 251);
}

/* Asks for the end of every turn: turns end all the same, or nothing else here would happen any more. */
static void restless(struct turn_end *end)
{
    struct test *t = CONTAINER_OF(end, struct test, restless);
    if (!t->done_mail) {
        loop_at_turn_end(t->server, end);
    }
}

static void maybe_stop(struct test *t)
{
    if (t->done_net && t->done_mail && t->synced && t->refused && t->turned_away && t->unanswered) {
        host_stop(t->host);
    }
}

struct served {
    struct test *test;
    struct net_conn *conn;
};

static void served_bytes(void *ctx, const uint8_t *p, size_t n)
{
    struct served *served = ctx;
    struct test *t = served->test;
    CHECK(n == 4 && memcmp(p, "give", 4) == 0);
    struct chain chain;
    chain_init(&chain, &t->heap);
    memcpy(chain_add_memory(&chain, 5), "head:", 5);
    CHECK(chain_add_file(&chain, t->file, 0, FILE_BYTES, NULL, NULL));
    memcpy(chain_add_memory(&chain, 5), ":tail", 5);
    net_send(served->conn, &chain);
}

static void served_closed(void *ctx, err_t why)
{
    CHECK(why == ERR_CLOSED);
    free(ctx);
}

static const struct net_events served_events = {.bytes = served_bytes, .closed = served_closed};

static void on_accept(void *ctx, struct net_conn *conn)
{
    struct served *served = calloc(1, sizeof(*served));
    served->test = ctx;
    served->conn = conn;
    CHECK(strncmp(net_peer(conn), "127.0.0.1:", 10) == 0);
    net_start(served->test->server, conn, &served_events, served);
}

static void dial_next(struct test *t);

static void client_opened(void *ctx)
{
    struct test *t = ctx;
    struct chain chain;
    chain_init(&chain, &t->client_heap);
    memcpy(chain_add_memory(&chain, 4), "give", 4);
    net_send(t->conn, &chain);
}

static void client_bytes(void *ctx, const uint8_t *p, size_t n)
{
    struct test *t = ctx;
    for (size_t i = 0; i < n; i++, t->got++) {
        uint8_t want = t->got < 5                ? (uint8_t)("head:"[t->got])
                       : t->got < FILE_BYTES + 5 ? pattern(t->got - 5)
                                                 : (uint8_t)(":tail"[t->got - FILE_BYTES - 5]);
        CHECK(p[i] == want);
    }
    if (t->got == FILE_BYTES + 10) {
        net_close(t->conn);
        t->got = 0;
        if (++t->rounds < ROUNDS) {
            dial_next(t);
        } else {
            t->done_net = true;
            maybe_stop(t);
        }
    }
}

static void client_closed(void *ctx, err_t why)
{
    (void)ctx;
    (void)why;
    CHECK(!"the server never closes first");
}

static const struct net_events client_events = {
    .opened = client_opened, .bytes = client_bytes, .closed = client_closed};

static void dial_next(struct test *t)
{
    CHECK(net_dial(t->client, &t->address, &client_events, t, &t->conn) == OK);
}

static void refused_closed(void *ctx, err_t why)
{
    struct test *t = ctx;
    CHECK(why == ERR_REFUSED);
    t->refused = true;
    maybe_stop(t);
}

/* As on a machine without power. */
static void unanswered_closed(void *ctx, err_t why)
{
    struct test *t = ctx;
    CHECK(why == ERR_TIMEOUT);
    t->unanswered = true;
    maybe_stop(t);
}

/* Knocks at a full queue are not answered. */
static void silent_make(struct test *t)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof(address);
    for (size_t i = 0; i < ARRAY_LEN(t->silent); i++) {
        t->silent[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(t->silent[i] >= 0);
    }
    CHECK(bind(t->silent[0], (struct sockaddr *)&address, bytes) == 0);
    CHECK(listen(t->silent[0], 0) == 0);
    CHECK(getsockname(t->silent[0], (struct sockaddr *)&address, &bytes) == 0);
    t->silent_port = ntohs(address.sin_port);
    for (size_t i = 1; i < ARRAY_LEN(t->silent); i++) {
        (void)connect(t->silent[i], (struct sockaddr *)&address, bytes);
    }
}

/* A connection that was closed where it was accepted, before it was anybody's. */
static void turned_away_closed(void *ctx, err_t why)
{
    struct test *t = ctx;
    CHECK(why == ERR_CLOSED);
    t->turned_away = true;
    maybe_stop(t);
}

static const struct net_events turned_away_events = {.bytes = client_bytes,
                                                     .closed = turned_away_closed};

static void on_gate(void *ctx, struct net_conn *conn)
{
    (void)ctx;
    net_close(conn);
}

static const struct net_events refused_events = {.bytes = client_bytes, .closed = refused_closed};
static const struct net_events unanswered_events = {.bytes = client_bytes,
                                                    .closed = unanswered_closed};

static void letter_back(struct mail *mail);

static void count(struct test *t)
{
    lock_enter(t->lock);
    t->counted++;
    lock_leave(t->lock);
}

static void letter_there(struct mail *mail)
{
    struct test *t = CONTAINER_OF(mail, struct test, letter);
    count(t);
    mail->deliver = letter_back;
    loop_post(t->client, mail);
}

static void letter_back(struct mail *mail)
{
    struct test *t = CONTAINER_OF(mail, struct test, letter);
    count(t);
    if (++t->letters == LETTERS) {
        CHECK(t->counted == 2 * LETTERS);
        t->done_mail = true;
        maybe_stop(t);
        return;
    }
    mail->deliver = letter_there;
    loop_post(t->server, mail);
}

static void job_work(struct disk_job *job)
{
    CHECK(disk_sync(CONTAINER_OF(job, struct test, job)->file) == OK);
}

static void job_done(struct disk_job *job)
{
    struct test *t = CONTAINER_OF(job, struct test, job);
    t->synced = true;
    maybe_stop(t);
}

static void on_timer(struct timer *timer)
{
    struct test *t = CONTAINER_OF(timer, struct test, timer);
    CHECK(loop_now_us(t->client) >= t->armed_at + 2500);
    t->job.work = job_work;
    t->job.done = job_done;
    disk_submit(t->client, &t->job);
}

static void client_first(void *arg)
{
    struct test *t = arg;
    dial_next(t);
    t->letter.deliver = letter_there;
    loop_post(t->server, &t->letter);
    t->armed_at = loop_now_us(t->client);
    t->timer.fire = on_timer;
    timer_arm(t->client, &t->timer, t->armed_at + 2500);
    struct net_conn *conn;
    const struct net_address nobody = {"127.0.0.1", 1};
    CHECK(net_dial(t->client, &nobody, &refused_events, t, &conn) == OK);
    CHECK(net_dial(t->client, &t->gate, &turned_away_events, t, &conn) == OK);
    const struct net_address silent = {"127.0.0.1", t->silent_port};
    CHECK(net_dial(t->client, &silent, &unanswered_events, t, &conn) == OK);
}

static void server_first(void *arg)
{
    struct test *t = arg;
    t->address = (struct net_address){"127.0.0.1", 0};
    CHECK(net_listen(t->server, &t->address, 16, on_accept, t, &t->listener) == OK);
    t->address.port = net_listener_port(t->listener);
    struct net_listener *twice;
    CHECK(net_listen(t->server, &t->address, 16, on_accept, t, &twice) == ERR_EXISTS);
    t->gate = (struct net_address){"127.0.0.1", 0};
    CHECK(net_listen(t->server, &t->gate, 16, on_gate, t, &t->gate_listener) == OK);
    t->gate.port = net_listener_port(t->gate_listener);
    t->restless.run = restless;
    loop_at_turn_end(t->server, &t->restless);
    loop_start(t->client, client_first, t);
}

static void file_make(struct test *t, const char *path)
{
    CHECK(disk_open(t->host, path, DISK_WRITE | DISK_CREATE, &t->file) == OK);
    uint8_t *p = malloc(FILE_BYTES);
    for (size_t i = 0; i < FILE_BYTES; i++) {
        p[i] = pattern(i);
    }
    struct slice pieces[100];
    for (size_t i = 0; i < 100; i++) {
        pieces[i] = slice_of(p + i * 1000, i == 99 ? FILE_BYTES - 99000 : 1000);
    }
    CHECK(disk_write(t->file, pieces, 100, 0) == OK);
    CHECK(disk_hot(t->file, 0, FILE_BYTES));
    free(p);
}

int main(void)
{
    struct test t = {0};
    t.host = host_open(&(struct host_options){.pool_threads = 2, .memory_max_bytes = 64 << 20});
    heap_init(&t.heap, memory_source(t.host), 16 << 20);
    heap_init(&t.client_heap, memory_source(t.host), 16 << 20);
    CHECK(lock_open(t.host, "test", &t.lock) == OK);
    char path[64];
    (void)snprintf(path, sizeof(path), "/tmp/odradek-test-host.%d", (int)getpid());
    file_make(&t, path);
    silent_make(&t);
    CHECK(loop_open(t.host, "server", &t.server) == OK &&
          loop_open(t.host, "client", &t.client) == OK);
    loop_start(t.server, server_first, &t);
    CHECK(host_wait(t.host) == 0);
    loop_stop(t.server);
    loop_stop(t.client);
    loop_join(t.client);
    loop_join(t.server);
    for (size_t i = 0; i < ARRAY_LEN(t.silent); i++) {
        (void)close(t.silent[i]);
    }
    disk_close(t.file);
    CHECK(disk_unlink(t.host, path) == OK);
    lock_close(t.lock);
    heap_release(&t.heap);
    heap_release(&t.client_heap);
    host_close(t.host);
    (void)printf("host: %d connections of %u bytes, %d letters there and back\n", t.rounds,
                 FILE_BYTES, t.letters);
    return 0;
}
