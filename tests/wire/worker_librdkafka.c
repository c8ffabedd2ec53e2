/* librdkafka's C API writes or reads records (their format: frames.py):
 *
 *   worker_librdkafka write BOOTSTRAP TOPIC CODEC <records      worker_librdkafka read BOOTSTRAP TOPIC PARTITIONS >records */
#include <endian.h>
#include <librdkafka/rdkafka.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATIENCE_MS = 20000, FLUSH_MS = 60000, HEADERS_MAX = 64 };

struct string {
    char *data; /* null is null; an empty string has a byte of its own */
    int32_t len;
};

struct record {
    int32_t partition;
    int64_t time_ms;
    struct string key, value;
    int32_t headers_count;
    struct string names[HEADERS_MAX], values[HEADERS_MAX];
};

static _Noreturn void die(const char *form, ...)
{
    va_list args;
    va_start(args, form);
    vfprintf(stderr, form, args);
    va_end(args);
    fputc('\n', stderr);
    exit(1);
}

static void take(void *to, size_t len)
{
    if (fread(to, 1, len, stdin) != len)
        die("the records end in the middle of one");
}

static int32_t take_int32(void)
{
    uint32_t value;
    take(&value, sizeof(value));
    return (int32_t)be32toh(value);
}

static int64_t take_int64(void)
{
    uint64_t value;
    take(&value, sizeof(value));
    return (int64_t)be64toh(value);
}

static struct string take_string(void)
{
    struct string s = {.len = take_int32()};
    if (s.len < 0)
        return (struct string){0};
    s.data = malloc((size_t)s.len + 1);
    if (!s.data)
        die("no memory");
    take(s.data, (size_t)s.len);
    s.data[s.len] = '\0';
    return s;
}

/* False at the end of the input. */
static int take_record(struct record *r)
{
    int c = getc(stdin);
    if (c == EOF)
        return 0;
    ungetc(c, stdin);
    r->partition = take_int32();
    take_int64();
    r->time_ms = take_int64();
    r->key = take_string();
    r->value = take_string();
    r->headers_count = take_int32();
    if (r->headers_count > HEADERS_MAX)
        die("%d headers", r->headers_count);
    for (int i = 0; i < r->headers_count; i++) {
        r->names[i] = take_string();
        r->values[i] = take_string();
    }
    return 1;
}

static void free_record(struct record *r)
{
    free(r->key.data);
    free(r->value.data);
    for (int i = 0; i < r->headers_count; i++) {
        free(r->names[i].data);
        free(r->values[i].data);
    }
}

static void put_int32(int32_t value)
{
    uint32_t big = htobe32((uint32_t)value);
    fwrite(&big, 1, sizeof(big), stdout);
}

static void put_int64(int64_t value)
{
    uint64_t big = htobe64((uint64_t)value);
    fwrite(&big, 1, sizeof(big), stdout);
}

static void put_string(const void *data, size_t len)
{
    put_int32(data ? (int32_t)len : -1);
    if (data)
        fwrite(data, 1, len, stdout);
}

static void put_message(const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers = NULL;
    put_int32(m->partition);
    put_int64(m->offset);
    put_int64(rd_kafka_message_timestamp(m, NULL));
    put_string(m->key, m->key_len);
    put_string(m->payload, m->len);
    if (rd_kafka_message_headers(m, &headers))
        headers = NULL;
    size_t count = headers ? rd_kafka_header_cnt(headers) : 0;
    put_int32((int32_t)count);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t len;
        rd_kafka_header_get_all(headers, i, &name, &value, &len);
        put_string(name, strlen(name));
        put_string(value, len);
    }
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)))
        die("%s", why);
}

static rd_kafka_t *client(rd_kafka_type_t type, rd_kafka_conf_t *conf)
{
    char why[256];
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
    if (!rk)
        die("%s", why);
    return rk;
}

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (m->err)
        die("a record was not delivered: %s", rd_kafka_err2str(m->err));
}

static void produce(rd_kafka_t *rk, const char *topic, const struct record *r)
{
    for (;;) {
        rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)r->headers_count);
        for (int i = 0; i < r->headers_count; i++)
            rd_kafka_header_add(headers, r->names[i].data, r->names[i].len, r->values[i].data,
                                r->values[i].len);
        rd_kafka_resp_err_t err = rd_kafka_producev(
            rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(r->partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_KEY(r->key.data, (size_t)r->key.len),
            RD_KAFKA_V_VALUE(r->value.data, (size_t)r->value.len),
            RD_KAFKA_V_TIMESTAMP(r->time_ms < 0 ? 0 : r->time_ms), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_END);
        if (!err)
            return;
        rd_kafka_headers_destroy(headers);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            die("%s", rd_kafka_err2str(err));
        rd_kafka_poll(rk, 50);
    }
}

static void write_records(rd_kafka_conf_t *conf, const char *topic, const char *codec)
{
    set(conf, "enable.idempotence", "true");
    set(conf, "compression.codec", codec);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_t *rk = client(RD_KAFKA_PRODUCER, conf);
    struct record r;
    while (take_record(&r)) {
        produce(rk, topic, &r);
        free_record(&r);
        rd_kafka_poll(rk, 0);
    }
    if (rd_kafka_flush(rk, FLUSH_MS))
        die("%d records were not delivered within %d ms", rd_kafka_outq_len(rk), FLUSH_MS);
    rd_kafka_destroy(rk);
}

static void read_records(rd_kafka_conf_t *conf, const char *topic, int partitions)
{
    set(conf, "group.id", "unused");
    set(conf, "enable.auto.commit", "false");
    set(conf, "enable.partition.eof", "true");
    rd_kafka_t *rk = client(RD_KAFKA_CONSUMER, conf);
    rd_kafka_poll_set_consumer(rk);
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(partitions);
    for (int i = 0; i < partitions; i++)
        rd_kafka_topic_partition_list_add(all, topic, i)->offset = RD_KAFKA_OFFSET_BEGINNING;
    if (rd_kafka_assign(rk, all))
        die("the partitions cannot be assigned");
    rd_kafka_topic_partition_list_destroy(all);
    for (int open = partitions; open > 0;) {
        rd_kafka_message_t *m = rd_kafka_consumer_poll(rk, PATIENCE_MS);
        if (!m)
            die("nothing came for %d ms", PATIENCE_MS);
        if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            open--;
        else if (m->err)
            die("%s", rd_kafka_message_errstr(m));
        else
            put_message(m);
        rd_kafka_message_destroy(m);
    }
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    if (fflush(stdout))
        die("the output cannot be written");
}

int main(int argc, char **argv)
{
    if (argc != 5)
        die("usage: worker_librdkafka write|read BOOTSTRAP TOPIC CODEC|PARTITIONS");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", argv[2]);
    if (strcmp(argv[1], "write") == 0)
        write_records(conf, argv[3], argv[4]);
    else
        read_records(conf, argv[3], (int)strtol(argv[4], NULL, 10));
    return 0;
}
