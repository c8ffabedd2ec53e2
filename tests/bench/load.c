/*
 * The loader: prebuilt requests on one connection, so that its own cost does not blur the servers'.
 *
 *   bench_load produce --to HOST:PORT --topic T --acks A --bytes BATCH --count N --window W
 *   bench_load fetch   --to HOST:PORT --topic T --bytes MOST --total BYTES
 *
 * Partition 0. `produce` keeps W requests on their way and checks every answer: no error, each base offset behind the one
 * before. `fetch` reads from offset 0, one request after the other, and checks that batches follow each other until TOTAL
 * bytes came. Prints one line: requests, payload bytes, next offset, microseconds; exit code 1 with a sentence otherwise.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/base/crc32c.h"
#include "tests/bench/dial.h"
#include "tests/bench/words.h"

#define WINDOW_MAX 1024
#define INPUT_MAX  ((size_t)4 << 20)

struct load {
    const char *to, *topic;
    int acks, window;
    int64_t bytes, count, total;
    int fd;
    uint8_t *frame;
    size_t frame_bytes;
    int32_t records; /* in a batch */
    uint8_t *input;
    size_t have;
    int64_t answered, next_offset, payload;
};

static _Noreturn void stop(const char *what)
{
    fprintf(stderr, "bench_load: %s%s%s\n", what, errno != 0 ? ": " : "",
            errno != 0 ? strerror(errno) : "");
    exit(1);
}

static uint8_t *head(uint8_t *frame, int key, int version)
{
    uint8_t *at = frame + FRAME_HEAD_BYTES;
    put16(&at, key);
    put16(&at, version);
    put32(&at, 1);
    put_text(&at, "bench", 5);
    return at;
}

/* ---- a batch ---- */

static void put_varint(uint8_t **at, int64_t v)
{
    uint64_t z = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
    for (; z >= 0x80; z >>= 7) {
        *(*at)++ = (uint8_t)(z | 0x80);
    }
    *(*at)++ = (uint8_t)z;
}

/* Records of about 1 KiB, or one of whatever fits. */
static void records_put(struct load *load, uint8_t **at, const uint8_t *end)
{
    for (load->records = 0; end - *at > 64; load->records++) {
        int64_t value = end - *at - 20 < 1024 ? end - *at - 20 : 1000;
        uint8_t body[32];
        uint8_t *to = body;
        *to++ = 0;
        put_varint(&to, 0);
        put_varint(&to, load->records);
        put_varint(&to, -1);
        put_varint(&to, value);
        put_varint(at, to - body + value + 1);
        memcpy(*at, body, (size_t)(to - body));
        *at += to - body;
        for (int64_t i = 0; i < value; i++) {
            *(*at)++ = (uint8_t)(rand() & 0xFF);
        }
        *(*at)++ = 0;
    }
}

static void batch_put(struct load *load, uint8_t **at)
{
    uint8_t *batch = *at;
    struct timespec wall;
    (void)clock_gettime(CLOCK_REALTIME, &wall);
    int64_t now_ms = (int64_t)wall.tv_sec * 1000;
    memset(batch, 0, BATCH_HEAD_BYTES);
    *at += BATCH_HEAD_BYTES;
    records_put(load, at, batch + load->bytes);
    store_be32(batch + 8, (uint32_t)(*at - batch - 12));
    store_be32(batch + 12, UINT32_MAX); /* leader epoch */
    batch[16] = 2;
    store_be32(batch + 23, (uint32_t)load->records - 1);
    store_be64(batch + 27, (uint64_t)now_ms);
    store_be64(batch + 35, (uint64_t)now_ms);
    memset(batch + 43, 0xFF, 14); /* no producer id, epoch, sequence */
    store_be32(batch + BATCH_COUNT_AT, (uint32_t)load->records);
    store_be32(batch + BATCH_CRC_AT, crc32c(crc32c_detect(), batch + BATCH_CRC_FROM,
                                            (size_t)(*at - batch - BATCH_CRC_FROM)));
}

static void produce_build(struct load *load)
{
    load->frame = malloc((size_t)load->bytes + 4096);
    uint8_t *at = head(load->frame, KEY_PRODUCE, 7);
    put16(&at, -1);
    put16(&at, load->acks);
    put32(&at, 30000);
    put32(&at, 1);
    put_text(&at, load->topic, strlen(load->topic));
    put32(&at, 1);
    put32(&at, 0);
    uint8_t *size = at;
    at += 4;
    batch_put(load, &at);
    load->payload = at - size - 4;
    store_be32(size, (uint32_t)load->payload);
    frame_finish(load->frame, at);
    load->frame_bytes = (size_t)(at - load->frame);
}

/* ---- bytes ---- */

static void frames_send(struct load *load, int count)
{
    struct iovec pieces[WINDOW_MAX];
    for (int i = 0; i < count; i++) {
        pieces[i] = (struct iovec){load->frame, load->frame_bytes};
    }
    for (int i = 0; i < count;) {
        ssize_t n = writev(load->fd, pieces + i, count - i);
        if (n <= 0) {
            stop("sending");
        }
        for (; i < count && (size_t)n >= pieces[i].iov_len; i++) {
            n -= (ssize_t)pieces[i].iov_len;
        }
        if (i < count) {
            pieces[i].iov_base = (uint8_t *)pieces[i].iov_base + n;
            pieces[i].iov_len -= (size_t)n;
        }
    }
}

static void input_more(struct load *load)
{
    ssize_t n = recv(load->fd, load->input + load->have, INPUT_MAX - load->have, 0);
    if (n <= 0) {
        errno = n == 0 ? 0 : errno;
        stop("the server closed the connection");
    }
    load->have += (size_t)n;
}

/* ---- produce ---- */

static void answer_check(struct load *load, const uint8_t *frame)
{
    const uint8_t *at = frame + FRAME_HEAD_BYTES + 4 + 4;
    int n;
    (void)take_text(&at, &n);
    int error = (int16_t)load_be16(at + 8);
    int64_t base = (int64_t)load_be64(at + 10);
    errno = 0;
    if (error != 0) {
        fprintf(stderr, "bench_load: error code %d\n", error);
        exit(1);
    }
    if (load->answered > 0 && base != load->next_offset) {
        stop("an answer's base offset does not follow the one before");
    }
    load->next_offset = base + load->records;
    load->answered++;
}

static int answers_take(struct load *load)
{
    size_t at = 0;
    int count = 0;
    while (load->have - at >= FRAME_HEAD_BYTES &&
           load->have - at >= FRAME_HEAD_BYTES + (size_t)load_be32(load->input + at)) {
        answer_check(load, load->input + at);
        at += FRAME_HEAD_BYTES + (size_t)load_be32(load->input + at);
        count++;
    }
    memmove(load->input, load->input + at, load->have - at);
    load->have -= at;
    return count;
}

static void produce(struct load *load)
{
    produce_build(load);
    int64_t began = now_us();
    int64_t sent = load->window < load->count ? load->window : load->count;
    frames_send(load, (int)sent);
    while (load->answered < load->count) {
        input_more(load);
        int64_t more = answers_take(load);
        more = more < load->count - sent ? more : load->count - sent;
        frames_send(load, (int)more);
        sent += more;
    }
    printf("%ld %ld %ld %ld\n", (long)load->answered, (long)(load->answered * load->payload),
           (long)load->next_offset, (long)(now_us() - began));
}

/* ---- fetch ---- */

static uint8_t *fetch_build(struct load *load, uint8_t *frame)
{
    uint8_t *at = head(frame, KEY_FETCH, 4);
    put32(&at, -1);
    put32(&at, 1000);
    put32(&at, 1);
    put32(&at, load->bytes);
    *at++ = 0;
    put32(&at, 1);
    put_text(&at, load->topic, strlen(load->topic));
    put32(&at, 1);
    put32(&at, 0);
    put64(&at, load->next_offset);
    put32(&at, load->bytes);
    frame_finish(frame, at);
    return at;
}

/* The batches that came whole, in order. */
static void batches_count(struct load *load, const uint8_t *p, size_t n)
{
    while (n >= BATCH_HEAD_BYTES && n >= 12 + (size_t)load_be32(p + 8)) {
        size_t bytes = 12 + (size_t)load_be32(p + 8);
        int64_t base = (int64_t)load_be64(p);
        if (base != load->next_offset) {
            errno = 0;
            stop("a batch does not follow the one before");
        }
        load->next_offset = base + load_be32(p + BATCH_COUNT_AT);
        load->payload += (int64_t)bytes;
        p += bytes;
        n -= bytes;
    }
}

static void fetched(struct load *load)
{
    while (load->have < FRAME_HEAD_BYTES ||
           load->have < FRAME_HEAD_BYTES + (size_t)load_be32(load->input)) {
        input_more(load);
    }
    const uint8_t *at = load->input + FRAME_HEAD_BYTES + 4 + 4 + 4;
    int n;
    (void)take_text(&at, &n);
    errno = 0;
    if (load_be16(at + 8) != 0) {
        fprintf(stderr, "bench_load: error code %d\n", (int16_t)load_be16(at + 8));
        exit(1);
    }
    at += 4 + 4 + 2 + 8 + 8;
    int32_t aborted = (int32_t)load_be32(at);
    at += 4 + (aborted > 0 ? aborted * 16 : 0);
    int64_t before = load->next_offset;
    batches_count(load, at + 4, (size_t)(load->input + load->have - at - 4));
    if (load->next_offset == before) {
        stop("a fetch brought no whole batch");
    }
    load->have = 0;
    load->answered++;
}

static void fetch(struct load *load)
{
    uint8_t frame[1024];
    int64_t began = now_us();
    if ((size_t)load->bytes + 4096 > INPUT_MAX) {
        stop("--bytes is more than the loader holds");
    }
    while (load->payload < load->total) {
        load->frame = frame;
        load->frame_bytes = (size_t)(fetch_build(load, frame) - frame);
        frames_send(load, 1);
        fetched(load);
    }
    printf("%ld %ld %ld %ld\n", (long)load->answered, (long)load->payload, (long)load->next_offset,
           (long)(now_us() - began));
}

int main(int argc, char **argv)
{
    static const struct option known[] = {
        {"to", 1, 0, 't'},    {"topic", 1, 0, 'n'},  {"acks", 1, 0, 'a'},  {"bytes", 1, 0, 'b'},
        {"count", 1, 0, 'c'}, {"window", 1, 0, 'w'}, {"total", 1, 0, 's'}, {0}};
    struct load load = {.topic = "load", .acks = 1, .bytes = 1024, .count = 1, .window = 1};
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 't': load.to = optarg; break;
        case 'n': load.topic = optarg; break;
        case 'a': load.acks = (int)strtol(optarg, NULL, 10); break;
        case 'b': load.bytes = strtol(optarg, NULL, 10); break;
        case 'c': load.count = strtol(optarg, NULL, 10); break;
        case 'w': load.window = (int)strtol(optarg, NULL, 10); break;
        case 's': load.total = strtol(optarg, NULL, 10); break;
        default: return 2;
        }
    }
    if (optind + 1 != argc || load.to == NULL || load.bytes < 256 || load.window < 1 ||
        load.window > WINDOW_MAX || strlen(load.topic) > 200) {
        fprintf(stderr, "usage: bench_load produce|fetch --to HOST:PORT ...\n");
        return 2;
    }
    load.fd = dial(load.to);
    if (load.fd < 0) {
        stop("--to");
    }
    load.input = malloc(INPUT_MAX);
    if (strcmp(argv[optind], "produce") == 0) {
        produce(&load);
    } else {
        fetch(&load);
    }
    free(load.input);
    return 0;
}
