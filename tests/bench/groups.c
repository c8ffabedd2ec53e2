/*
 * The loader of groups: many members on few connections, the members of one group each on another.
 *
 *   bench_groups --to HOST:PORT --pid BROKER [--groups N] [--members M] [--sets S] [--seconds T] [--beat-ms B] [--offsets K]
 *                [--topic T] [--newcomer] [--at-once G] [--consumer PARTITIONS | --echo]
 *
 * One broker, which coordinates everything. All members join and are assigned; then they send heartbeats for T seconds, each
 * every B ms; then each commits K offsets. --newcomer: one more member comes to group 0, and all of that group ask at once,
 * until everyone has the next generation. --consumer: members of the consumer protocol (KIP-848), of a topic with so many partitions;
 * they are assigned when each has its share. --echo: nobody joins, and BROKER is bench_echo. Answers are checked; a rebalance that members were told of is followed. Prints
 * `name value` lines: the broker's CPU and its anonymous memory are the kernel's word (/proc/BROKER).
 */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/dial.h"
#include "tests/bench/kernel.h"
#include "tests/bench/words.h"

enum kind { ASK_FIND, ASK_JOIN, ASK_SYNC, ASK_BEAT, ASK_COMMIT, ASK_LIVE };
static const int16_t keys[] = {[ASK_FIND] = 10, [ASK_JOIN] = 11,  [ASK_SYNC] = 14,
                               [ASK_BEAT] = 12, [ASK_COMMIT] = 8, [ASK_LIVE] = 68};
static const int16_t versions[] = {[ASK_FIND] = 0, [ASK_JOIN] = 3,   [ASK_SYNC] = 1,
                                   [ASK_BEAT] = 1, [ASK_COMMIT] = 2, [ASK_LIVE] = 1};

/* Errors that mean "again": coordinator not there yet, loading, elsewhere; a new generation has begun. */
#define LOADING(e)     ((e) == 14 || (e) == 15 || (e) == 16)
#define REBALANCE(e)   ((e) == 22 || (e) == 27)
#define UNKNOWN_MEMBER 25

#define BEATS_AHEAD 4 /* while members join: see struct bench, at_once */
#define ID_MAX      64
#define WINDOW      256 /* commits on their way */
#define PATIENCE_US INT64_C(300000000)
#define SESSION_MS  60000
#define PARTS_MAX   128

struct member {
    uint32_t group;
    uint32_t conn;
    int32_t generation;
    uint8_t id_bytes;
    char id[ID_MAX];
    bool stable;
    bool again; /* joins with its next turn */
    bool tells; /* of the consumer protocol: it is to say what it has */
    uint64_t parts[PARTS_MAX / 64];
    int64_t due_us;
};

struct ask {
    uint32_t member;
    enum kind kind;
    int64_t at_us;
};

struct conn {
    int fd;
    uint8_t *out, *in;
    size_t out_at, out_n, out_room, in_n, in_room;
    struct ask *asks; /* ring */
    uint32_t ask_at, ask_n, ask_room;
    bool writable;
};

struct bench {
    const char *to, *topic;
    int pid, epoll;
    uint32_t groups, per_group, sets, offsets;
    int64_t seconds, beat_us;
    bool newcomer, beating, joining, echo;
    uint32_t partitions; /* of the consumer protocol; 0: classic members */
    /* Groups of one set of connections that are on their way to be assigned: a broker reads only so many requests ahead (Apache
     * Kafka none), and those that wait for others must not stand in front of what they wait for. */
    uint32_t at_once;
    uint8_t topic_id[16];
    struct conn *conns;
    uint32_t conn_n;
    struct member *members;
    uint32_t member_n, stable, next;
    uint32_t *assigned; /* group -> members that are */
    uint32_t *begun;    /* set -> groups that were begun */
    bool *settled;      /* group -> has been assigned whole once */
    uint64_t beats, told, commits, committed, asks;
    uint64_t held; /* heartbeats put off: joins are on the way */
    uint32_t *latency;
    uint32_t latency_n, latency_room;
};

static _Noreturn void stop(const char *form, ...)
{
    va_list list;
    va_start(list, form);
    fprintf(stderr, "bench_groups: ");
    vfprintf(stderr, form, list);
    fprintf(stderr, "\n");
    va_end(list);
    exit(1);
}

static void *memory(void *old, size_t bytes)
{
    void *p = realloc(old, bytes);
    if (p == NULL) {
        stop("out of memory");
    }
    return p;
}

/* ---- connections ---- */

static void watch(struct bench *b, uint32_t i, bool out, int op)
{
    struct epoll_event event = {.events = EPOLLIN | (out ? EPOLLOUT : 0), .data.u32 = i};
    if (epoll_ctl(b->epoll, op, b->conns[i].fd, &event) != 0) {
        stop("epoll: %s", strerror(errno));
    }
    b->conns[i].writable = !out;
}

static void conns_open(struct bench *b)
{
    b->conn_n = b->sets * (b->per_group + b->newcomer);
    b->conns = memory(NULL, b->conn_n * sizeof(*b->conns));
    memset(b->conns, 0, b->conn_n * sizeof(*b->conns));
    b->epoll = epoll_create1(EPOLL_CLOEXEC);
    for (uint32_t i = 0; i < b->conn_n; i++) {
        b->conns[i].fd = dial(b->to);
        if (b->conns[i].fd < 0) {
            stop("--to %s: %s", b->to, strerror(errno));
        }
        watch(b, i, false, EPOLL_CTL_ADD);
    }
}

static void flush(struct bench *b, struct conn *c)
{
    while (c->out_at < c->out_n) {
        ssize_t n = send(c->fd, c->out + c->out_at, c->out_n - c->out_at,
                         MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            if (c->writable) {
                watch(b, (uint32_t)(c - b->conns), true, EPOLL_CTL_MOD);
            }
            return;
        }
        if (n <= 0) {
            stop("the broker has closed a connection");
        }
        c->out_at += (size_t)n;
    }
    c->out_at = 0;
    c->out_n = 0;
    if (!c->writable) {
        watch(b, (uint32_t)(c - b->conns), false, EPOLL_CTL_MOD);
    }
}

/* Room for a frame of so many bytes; head and correlation are in it. */
static uint8_t *frame_begin(struct bench *b, uint32_t member, enum kind kind, size_t bytes_max)
{
    struct conn *c = &b->conns[b->members[member].conn];
    if (c->out_n + bytes_max + 64 > c->out_room) {
        c->out_room = 2 * (c->out_n + bytes_max + 64);
        c->out = memory(c->out, c->out_room);
    }
    if (c->ask_n == c->ask_room) {
        uint32_t room = c->ask_room == 0 ? 16 : 2 * c->ask_room;
        struct ask *asks = memory(NULL, room * sizeof(*asks));
        for (uint32_t i = 0; i < c->ask_n; i++) {
            asks[i] = c->asks[(c->ask_at + i) % c->ask_room];
        }
        free(c->asks);
        c->asks = asks;
        c->ask_at = 0;
        c->ask_room = room;
    }
    c->asks[(c->ask_at + c->ask_n++) % c->ask_room] = (struct ask){member, kind, now_us()};
    b->asks++;
    uint8_t *at = c->out + c->out_n + FRAME_HEAD_BYTES;
    put16(&at, keys[kind]);
    put16(&at, versions[kind]);
    put32(&at, 1);
    put_text(&at, "bench", 5);
    return at;
}

static void frame_end(struct bench *b, uint32_t member, uint8_t *at)
{
    struct conn *c = &b->conns[b->members[member].conn];
    frame_finish(c->out + c->out_n, at);
    c->out_n = (size_t)(at - c->out);
    if (c->writable) {
        flush(b, c);
    }
}

/* ---- requests ---- */

static void put_group(uint8_t **at, const struct member *m)
{
    char name[32];
    int n = snprintf(name, sizeof(name), "bench-%d-%06u", (int)getpid(), m->group);
    put_text(at, name, (size_t)n);
}

static void put_who(uint8_t **at, const struct member *m)
{
    put_group(at, m);
    put32(at, m->generation);
    put_text(at, m->id, m->id_bytes);
}

static void ask_find(struct bench *b, uint32_t i)
{
    uint8_t *at = frame_begin(b, i, ASK_FIND, 64);
    put_group(&at, &b->members[i]);
    frame_end(b, i, at);
}

static void is_unstable(struct bench *b, uint32_t i)
{
    struct member *m = &b->members[i];
    b->stable -= m->stable;
    b->assigned[m->group] -= m->stable;
    m->stable = false;
}

static void ask_join(struct bench *b, uint32_t i)
{
    static const uint8_t subscription[] = {0,   0,   0,   0,   0,   1,   0,   6,   'o',
                                           'r', 'd', 'e', 'r', 's', 255, 255, 255, 255};
    struct member *m = &b->members[i];
    uint8_t *at = frame_begin(b, i, ASK_JOIN, 256);
    is_unstable(b, i);
    m->again = false;
    put_group(&at, m);
    put32(&at, SESSION_MS);
    put32(&at, SESSION_MS);
    put_text(&at, m->id, m->id_bytes);
    put_text(&at, "consumer", 8);
    put32(&at, 1);
    put_text(&at, "range", 5);
    put32(&at, sizeof(subscription));
    memcpy(at, subscription, sizeof(subscription));
    frame_end(b, i, at + sizeof(subscription));
}

/* The next group of these connections. */
static void begin_group(struct bench *b, uint32_t set)
{
    uint32_t group = set + b->sets * b->begun[set];
    if (group < b->groups) {
        b->begun[set]++;
        for (uint32_t k = 0; k < b->per_group; k++) {
            ask_join(b, group * b->per_group + k);
        }
    }
}

static void is_stable(struct bench *b, uint32_t i)
{
    uint32_t group = b->members[i].group;
    b->members[i].stable = true;
    b->stable++;
    if (++b->assigned[group] >= b->per_group && !b->settled[group]) {
        b->settled[group] = true;
        begin_group(b, group % b->sets);
    }
}

static void ask_beat(struct bench *b, uint32_t i)
{
    uint8_t *at = frame_begin(b, i, ASK_BEAT, 128);
    put_who(&at, &b->members[i]);
    frame_end(b, i, at);
}

/* ---- the consumer protocol ---- */

static void put8(uint8_t **at, size_t v)
{
    *(*at)++ = (uint8_t)v;
}

static void put_short(uint8_t **at, const char *text, size_t n)
{
    put8(at, n + 1); /* a varint of one byte */
    memcpy(*at, text, n);
    *at += n;
}

static uint32_t parts_count(const struct member *m)
{
    return (uint32_t)(__builtin_popcountll(m->parts[0]) + __builtin_popcountll(m->parts[1]));
}

static void put_owned(struct bench *b, uint8_t **at, const struct member *m)
{
    uint32_t count = parts_count(m);
    put8(at, count > 0 ? 2 : 1);
    if (count > 0) {
        memcpy(*at, b->topic_id, sizeof(b->topic_id));
        *at += sizeof(b->topic_id);
        if (count + 1 > 127) {
            put8(at, ((count + 1) & 127) | 128);
            put8(at, (count + 1) >> 7);
        } else {
            put8(at, count + 1);
        }
        for (uint32_t p = 0; p < PARTS_MAX; p++) {
            if (m->parts[p / 64] >> p % 64 & 1) {
                put32(at, p);
            }
        }
        put8(at, 0);
    }
}

static void ask_live(struct bench *b, uint32_t i)
{
    struct member *m = &b->members[i];
    char name[32];
    uint8_t *at = frame_begin(b, i, ASK_LIVE, 256 + 4 * PARTS_MAX);
    put8(&at, 0);
    put_short(&at, name,
              (size_t)snprintf(name, sizeof(name), "bench-%d-%06u", (int)getpid(), m->group));
    if (m->id_bytes == 0) {
        m->id_bytes = (uint8_t)snprintf(m->id, sizeof(m->id), "member-%u-of-the-consumer-protocol-",
                                        i);
        m->id_bytes = 36 < m->id_bytes ? 36 : m->id_bytes;
        m->tells = true;
    }
    bool enters = m->generation <= 0;
    put_short(&at, m->id, m->id_bytes);
    put32(&at, enters ? 0 : m->generation);
    put8(&at, 0); /* no instance, no rack */
    put8(&at, 0);
    put32(&at, enters ? SESSION_MS : -1);
    put8(&at, enters ? 2 : 0);
    if (enters) {
        put_short(&at, b->topic, strlen(b->topic));
    }
    put8(&at, 0); /* no pattern, no assignor */
    put8(&at, 0);
    if (m->tells) {
        put_owned(b, &at, m);
    } else {
        put8(&at, 0);
    }
    put8(&at, 0);
    m->tells = false;
    frame_end(b, i, at);
}

static uint32_t take_varint(const uint8_t **at)
{
    uint32_t v = 0;
    for (int shift = 0;; shift += 7) {
        uint8_t byte = *(*at)++;
        v |= (uint32_t)(byte & 127) << shift;
        if (byte < 128) {
            return v;
        }
    }
}

static void skip_short(const uint8_t **at)
{
    uint32_t n = take_varint(at);
    *at += n > 0 ? n - 1 : 0;
}

/* Behind the error: what it is to read, perhaps. */
static void assigned(struct bench *b, struct member *m, const uint8_t *at)
{
    m->tells = true;
    memset(m->parts, 0, sizeof(m->parts));
    for (uint32_t topics = take_varint(&at); topics > 1; topics--) {
        memcpy(b->topic_id, at, sizeof(b->topic_id));
        at += sizeof(b->topic_id);
        for (uint32_t count = take_varint(&at); count > 1; count--, at += 4) {
            uint32_t p = load_be32(at);
            if (p >= b->partitions) {
                stop("partition %u", p);
            }
            m->parts[p / 64] |= (uint64_t)1 << p % 64;
        }
        at++;
    }
}

static void lives(struct bench *b, uint32_t i, const uint8_t *at)
{
    struct member *m = &b->members[i];
    int error = (int16_t)load_be16(at);
    at += 2;
    if (LOADING(error) || error == 110 || error == UNKNOWN_MEMBER) { /* fenced: it enters anew */
        memset(m->parts, 0, sizeof(m->parts));
        m->generation = 0;
        m->tells = true;
    } else if (error != 0) {
        stop("error %d", error);
    } else {
        skip_short(&at);
        skip_short(&at);
        m->generation = (int32_t)load_be32(at);
        at += 8;
        if ((int8_t)*at++ > 0) {
            assigned(b, m, at);
        }
    }
    bool stable = error == 0 && parts_count(m) == b->partitions / b->per_group && !m->tells;
    b->stable += (uint32_t)stable - (uint32_t)m->stable;
    m->stable = stable;
}

static void ask_commit(struct bench *b, uint32_t i)
{
    uint8_t *at = frame_begin(b, i, ASK_COMMIT, 256 + 16 * b->offsets);
    put_who(&at, &b->members[i]);
    put64(&at, -1);
    put32(&at, 1);
    put_text(&at, b->topic, strlen(b->topic));
    put32(&at, b->offsets);
    for (uint32_t k = 0; k < b->offsets; k++) {
        put32(&at, i % b->per_group * b->offsets + k);
        put64(&at, 1000 + k);
        put16(&at, 0);
    }
    frame_end(b, i, at);
    b->commits++;
}

/* The leader's: an assignment for everyone that its answer named, or for none. */
static void ask_sync(struct bench *b, uint32_t i, const uint8_t *members, uint32_t count)
{
    static const uint8_t assignment[32];
    uint8_t *at = frame_begin(b, i, ASK_SYNC,
                              256 + (size_t)count * (sizeof(assignment) + ID_MAX + 8));
    put_who(&at, &b->members[i]);
    put32(&at, count);
    for (uint32_t k = 0; k < count; k++) {
        int n;
        const uint8_t *id = take_text(&members, &n);
        members += 4 + load_be32(members);
        put_text(&at, (const char *)id, (size_t)n);
        put32(&at, sizeof(assignment));
        memcpy(at, assignment, sizeof(assignment));
        at += sizeof(assignment);
    }
    frame_end(b, i, at);
}

/* ---- answers ---- */

/* Has to join anew: at once, or with its next turn where the coordinator was not ready. */
static void again(struct bench *b, uint32_t i, int error)
{
    struct member *m = &b->members[i];
    is_unstable(b, i);
    m->id_bytes = error == UNKNOWN_MEMBER ? 0 : m->id_bytes;
    if (error == UNKNOWN_MEMBER || REBALANCE(error)) {
        ask_join(b, i);
    } else if (LOADING(error)) {
        m->again = true;
    } else {
        stop("error %d", error);
    }
}

static void joined(struct bench *b, uint32_t i, const uint8_t *at)
{
    struct member *m = &b->members[i];
    int error = (int16_t)load_be16(at), n;
    at += 2;
    if (error != 0) {
        again(b, i, error);
        return;
    }
    m->generation = (int32_t)load_be32(at);
    at += 4;
    (void)take_text(&at, &n);
    (void)take_text(&at, &n);
    const uint8_t *id = take_text(&at, &n);
    if (n <= 0 || n > ID_MAX) {
        stop("a member id of %d bytes", n);
    }
    memcpy(m->id, id, (size_t)n);
    m->id_bytes = (uint8_t)n;
    uint32_t count = load_be32(at);
    ask_sync(b, i, at + 4, count);
}

static void note_latency(struct bench *b, int64_t us)
{
    if (b->latency_n == b->latency_room) {
        b->latency_room = b->latency_room == 0 ? 65536 : 2 * b->latency_room;
        b->latency = memory(b->latency, b->latency_room * sizeof(*b->latency));
    }
    b->latency[b->latency_n++] = (uint32_t)us;
}

static void answered(struct bench *b, const struct ask *ask, const uint8_t *at)
{
    int error = (int16_t)load_be16(at + 4); /* behind throttle_time_ms */
    switch (ask->kind) {
    case ASK_FIND: b->told = load_be16(at) == 0; break;
    case ASK_JOIN: joined(b, ask->member, at + 4); break;
    case ASK_SYNC:
        if (error != 0) {
            again(b, ask->member, error);
        } else {
            is_stable(b, ask->member);
        }
        break;
    case ASK_BEAT:
        b->beats++;
        note_latency(b, now_us() - ask->at_us);
        if (error != 0) {
            again(b, ask->member, error);
        }
        break;
    case ASK_LIVE:
        b->beats++;
        note_latency(b, now_us() - ask->at_us);
        lives(b, ask->member, at + 1 + 4); /* behind the head's tags and throttle_time_ms */
        break;
    case ASK_COMMIT:
        at += 4;
        at += 2 + load_be16(at) + 4;
        for (uint32_t k = 0; k < b->offsets; k++) {
            if (load_be16(at + 6 * k + 4) != 0) {
                stop("a commit: error %d", (int16_t)load_be16(at + 6 * k + 4));
            }
        }
        b->committed++;
        break;
    }
}

static void receive(struct bench *b, struct conn *c)
{
    if (c->in_room - c->in_n < 65536) {
        c->in_room = 2 * c->in_room + 65536;
        c->in = memory(c->in, c->in_room);
    }
    ssize_t n = recv(c->fd, c->in + c->in_n, c->in_room - c->in_n, MSG_DONTWAIT);
    if (n <= 0) {
        if (n < 0 && errno == EAGAIN) {
            return;
        }
        stop("the broker has closed a connection");
    }
    c->in_n += (size_t)n;
    size_t at = 0;
    while (c->in_n - at >= 8 && c->in_n - at - 4 >= load_be32(c->in + at)) {
        if (c->ask_n == 0) {
            stop("an answer to nothing");
        }
        struct ask ask = c->asks[c->ask_at];
        c->ask_at = (c->ask_at + 1) % c->ask_room;
        c->ask_n--;
        b->asks--;
        answered(b, &ask, c->in + at + 8);
        at += 4 + load_be32(c->in + at);
    }
    memmove(c->in, c->in + at, c->in_n - at);
    c->in_n -= at;
}

/* ---- phases ---- */

/* Whose turn it is: who was told so joins anew, and everybody else says that it lives. */
static void turns(struct bench *b)
{
    int64_t now = now_us();
    for (uint32_t k = 0; k < b->member_n; k++) {
        struct member *m = &b->members[b->next];
        if (m->due_us > now) {
            return;
        }
        m->due_us = m->due_us + b->beat_us > now ? m->due_us + b->beat_us : now + b->beat_us;
        if (b->joining && b->conns[m->conn].ask_n > BEATS_AHEAD) {
            b->held++;
        } else if (b->partitions > 0) {
            ask_live(b, b->next);
        } else if (m->again) {
            ask_join(b, b->next);
        } else if (m->stable && b->beating) {
            ask_beat(b, b->next);
        }
        b->next = (b->next + 1) % b->member_n;
    }
}

static void poll_once(struct bench *b, int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(b->epoll, events, 256, timeout_ms);
    for (int i = 0; i < n; i++) {
        struct conn *c = &b->conns[events[i].data.u32];
        if (events[i].events & EPOLLOUT) {
            flush(b, c);
        }
        if (events[i].events & ~(uint32_t)EPOLLOUT) {
            receive(b, c);
        }
    }
}

static void until_stable(struct bench *b)
{
    int64_t begun = now_us();
    while (b->stable < b->member_n) {
        turns(b);
        poll_once(b, 5);
        if (now_us() - begun > PATIENCE_US) {
            stop("%u of %u members are assigned", b->stable, b->member_n);
        }
    }
}

static void members_make(struct bench *b)
{
    int64_t now = now_us();
    b->member_n = b->groups * b->per_group;
    b->members = memory(NULL, (b->member_n + 1) * sizeof(*b->members));
    memset(b->members, 0, (b->member_n + 1) * sizeof(*b->members));
    b->assigned = calloc(b->groups, sizeof(*b->assigned));
    b->settled = calloc(b->groups, sizeof(*b->settled));
    b->begun = calloc(b->sets, sizeof(*b->begun));
    if (b->assigned == NULL || b->settled == NULL || b->begun == NULL) {
        stop("out of memory");
    }
    for (uint32_t i = 0; i < b->member_n; i++) {
        struct member *m = &b->members[i];
        m->group = i / b->per_group;
        m->conn = m->group % b->sets * (b->per_group + b->newcomer) + i % b->per_group;
        m->due_us = now + b->beat_us * i / b->member_n;
    }
    for (b->told = b->echo; b->told == 0; (void)usleep(20000)) {
        ask_find(b, 0);
        while (b->asks > 0) {
            poll_once(b, 100);
        }
    }
}

static void join_all(struct bench *b)
{
    int64_t anon = anon_bytes(b->pid), cpu = cpu_ns(b->pid), begun = now_us();
    for (uint32_t i = 0; b->partitions == 0 && i < b->sets * b->at_once; i++) {
        begin_group(b, i % b->sets);
    }
    b->beating = true;
    b->joining = true;
    until_stable(b);
    b->joining = false;
    int64_t bytes = anon_bytes(b->pid) - anon;
    printf("members %u\njoin_ms %lld\njoin_cpu_us_per_member %.1f\nbytes_per_member %.0f\n",
           b->member_n, (long long)(now_us() - begun) / 1000,
           (double)(cpu_ns(b->pid) - cpu) / 1e3 / b->member_n, (double)bytes / b->member_n);
}

/* As if all were assigned. */
static void all_echo(struct bench *b)
{
    for (uint32_t i = 0; i < b->member_n; i++) {
        struct member *m = &b->members[i];
        m->id_bytes = 42; /* as long as a broker makes them here */
        memset(m->id, 'm', m->id_bytes);
        m->generation = 1;
        m->stable = true;
    }
    b->stable = b->member_n;
    b->beating = true;
}

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void beat_all(struct bench *b)
{
    int64_t settled = now_us() + b->beat_us;
    while (now_us() < settled) {
        turns(b);
        poll_once(b, 1);
    }
    uint64_t beats = b->beats;
    double kernel_s = system_s(b->pid);
    int64_t cpu = cpu_ns(b->pid), end = now_us() + b->seconds * 1000000;
    b->latency_n = 0;
    while (now_us() < end) {
        turns(b);
        poll_once(b, 1);
    }
    cpu = cpu_ns(b->pid) - cpu;
    kernel_s = system_s(b->pid) - kernel_s;
    beats = b->beats - beats;
    if (beats == 0 || b->latency_n == 0 || b->stable != b->member_n) {
        stop("%llu heartbeats, %u of %u members assigned", (unsigned long long)beats, b->stable,
             b->member_n);
    }
    qsort(b->latency, b->latency_n, sizeof(*b->latency), by_value);
    printf("heartbeats %llu\nheartbeat_cpu_us %.2f\nheartbeat_kernel_us %.2f\n"
           "heartbeat_p50_us %u\nheartbeat_p99_us %u\n",
           (unsigned long long)beats, (double)cpu / 1e3 / (double)beats,
           kernel_s * 1e6 / (double)beats, b->latency[b->latency_n / 2],
           b->latency[(uint64_t)b->latency_n * 99 / 100]);
}

static void commit_all(struct bench *b)
{
    int64_t anon = anon_bytes(b->pid), cpu = cpu_ns(b->pid), begun = now_us();
    uint64_t beats = b->beats;
    for (uint32_t i = 0; i < b->member_n;) {
        turns(b);
        while (i < b->member_n && b->commits - b->committed < WINDOW) {
            ask_commit(b, i++);
        }
        poll_once(b, 1);
    }
    while (b->committed < b->commits) {
        turns(b);
        poll_once(b, 1);
    }
    uint64_t offsets = b->commits * b->offsets;
    printf(
        "offsets %llu\ncommit_ms %lld\ncommit_cpu_us %.1f\nbytes_per_offset %.0f\nbeats_meanwhile %llu\n",
        (unsigned long long)offsets, (long long)(now_us() - begun) / 1000,
        (double)(cpu_ns(b->pid) - cpu) / 1e3 / (double)b->commits,
        (double)(anon_bytes(b->pid) - anon) / (double)offsets,
        (unsigned long long)(b->beats - beats));
}

/* One more comes to group 0, and all others of it ask at once. */
static void rebalance(struct bench *b)
{
    uint32_t i = b->member_n;
    int32_t generation = b->members[0].generation;
    int64_t cpu = cpu_ns(b->pid), begun = now_us();
    b->members[i] = (struct member){.conn = b->per_group, .due_us = begun + b->beat_us};
    b->member_n++;
    ask_join(b, i);
    poll_once(b, 10);
    for (uint32_t k = 0; k < b->per_group; k++) {
        ask_beat(b, k);
    }
    while (b->stable < b->member_n) {
        turns(b);
        poll_once(b, 5);
        if (now_us() - begun > PATIENCE_US) {
            stop("%u of %u members are assigned anew", b->stable, b->member_n);
        }
    }
    if (b->members[0].generation <= generation) {
        stop("no new generation");
    }
    printf("rebalance_members %u\nrebalance_ms %.1f\nrebalance_cpu_ms %.1f\n", b->per_group + 1,
           (double)(now_us() - begun) / 1e3, (double)(cpu_ns(b->pid) - cpu) / 1e6);
}

static void options(struct bench *b, int argc, char **argv)
{
    static const struct option known[] = {{"to", 1, NULL, 't'},      {"pid", 1, NULL, 'p'},
                                          {"groups", 1, NULL, 'g'},  {"members", 1, NULL, 'm'},
                                          {"sets", 1, NULL, 's'},    {"seconds", 1, NULL, 'n'},
                                          {"beat-ms", 1, NULL, 'b'}, {"offsets", 1, NULL, 'o'},
                                          {"topic", 1, NULL, 'T'},   {"newcomer", 0, NULL, 'N'},
                                          {"at-once", 1, NULL, 'a'}, {"consumer", 1, NULL, 'c'},
                                          {"echo", 0, NULL, 'e'},    {0}};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        uint32_t number = optarg == NULL ? 0 : (uint32_t)strtoul(optarg, NULL, 10);
        switch (c) {
        case 't': b->to = optarg; break;
        case 'T': b->topic = optarg; break;
        case 'p': b->pid = (int)number; break;
        case 'g': b->groups = number; break;
        case 'm': b->per_group = number; break;
        case 's': b->sets = number; break;
        case 'n': b->seconds = number; break;
        case 'b': b->beat_us = number * INT64_C(1000); break;
        case 'o': b->offsets = number; break;
        case 'N': b->newcomer = true; break;
        case 'a': b->at_once = number; break;
        case 'c': b->partitions = number; break;
        case 'e': b->echo = true; break;
        default: exit(2);
        }
    }
    if (b->partitions > PARTS_MAX || (b->partitions > 0 && (b->newcomer || b->offsets > 0))) {
        stop("--consumer is of at most %d partitions, and without --newcomer and --offsets",
             PARTS_MAX);
    }
    if (b->to == NULL || b->pid == 0 || b->groups == 0 || b->per_group == 0 || b->sets == 0 ||
        b->at_once == 0 || b->beat_us == 0) {
        stop("--to and --pid are needed, and nothing may be 0");
    }
}

int main(int argc, char **argv)
{
    struct bench b = {.topic = "orders",
                      .groups = 1000,
                      .per_group = 5,
                      .sets = 64,
                      .at_once = 6,
                      .seconds = 10,
                      .beat_us = 3000000};
    options(&b, argc, argv);
    conns_open(&b);
    members_make(&b);
    if (b.echo) {
        all_echo(&b);
    } else {
        join_all(&b);
    }
    if (b.seconds > 0) {
        beat_all(&b);
    }
    if (b.offsets > 0) {
        commit_all(&b);
    }
    if (b.newcomer) {
        rebalance(&b);
    }
    return 0;
}
