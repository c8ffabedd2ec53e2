/* consume: records of a topic on standard output, as lines or as JSON. */
#include <stdio.h>

#include "cli/consumer.h"
#include "cli/when.h"
#include "common/port/clock.h"

#define FLUSH_BYTES ((size_t)64 << 10)
#define TURN_US     200000

struct consume {
    struct cli *cli;
    struct consumer consumer;
    struct slice separator;
    bool keys, headers, offsets, timestamps, values;
    bool follow;
    int64_t most; /* records */
    int64_t printed;
    time_us shown_at;
    time_us began_at;
};

/* ---- printing ---- */

static void put_bytes(struct consume *consume, struct slice bytes)
{
    if (bytes.p == NULL) {
        buf_put(&consume->cli->out, "null", 4);
    } else if (bytes.n > 0) {
        buf_put(&consume->cli->out, bytes.p, bytes.n);
    }
}

static void put_headers(struct consume *consume, const struct record *record)
{
    assert(record->header_count >= 0);
    struct buf *out = &consume->cli->out;
    struct slice rest = record->headers;
    struct slice key, value;
    bool first = true;
    while (record_header_next(&rest, &key, &value)) {
        if (!first) {
            buf_put(out, ",", 1);
        }
        first = false;
        put_bytes(consume, key);
        buf_put(out, ":", 1);
        put_bytes(consume, value);
    }
}

static void put_separator(struct consume *consume, bool *first)
{
    if (!*first) {
        buf_put(&consume->cli->out, consume->separator.p, consume->separator.n);
    }
    *first = false;
}

static void print_text(struct consume *consume, const struct consumer_partition *p,
                       const struct record *record)
{
    assert(record->offset >= 0);
    struct buf *out = &consume->cli->out;
    bool first = true;
    if (consume->timestamps) {
        struct when_text when = when_print(record->timestamp);
        put_separator(consume, &first);
        buf_printf(out, "%s", record->timestamp < 0 ? "-" : when.s);
    }
    if (consume->offsets) {
        put_separator(consume, &first);
        buf_printf(out, "%d:%lld", p->partition, (long long)record->offset);
    }
    if (consume->headers) {
        put_separator(consume, &first);
        put_headers(consume, record);
    }
    if (consume->keys) {
        put_separator(consume, &first);
        put_bytes(consume, record->key);
    }
    if (consume->values) {
        put_separator(consume, &first);
        put_bytes(consume, record->value);
    }
    buf_put(out, "\n", 1);
}

static void print_json(struct consume *consume, const struct consumer_partition *p,
                       const struct record *record)
{
    assert(record->offset >= 0);
    struct json *json = &consume->cli->json_out;
    struct slice rest = record->headers;
    struct slice key, value;
    json_open(json, NULL, '{');
    json_slice(json, "topic", consume->consumer.topic);
    json_number(json, "partition", p->partition);
    json_number(json, "offset", record->offset);
    json_time(json, "timestamp", record->timestamp);
    json_bytes(json, "key", record->key);
    json_bytes(json, "value", record->value);
    json_open(json, "headers", '[');
    while (record_header_next(&rest, &key, &value)) {
        json_open(json, NULL, '{');
        json_bytes(json, "key", key);
        json_bytes(json, "value", value);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

static bool on_record(struct consumer *consumer, const struct consumer_partition *p,
                      const struct record *record)
{
    assert(consumer->ctx != NULL);
    struct consume *consume = consumer->ctx;
    if (consume->cli->json) {
        print_json(consume, p, record);
    } else {
        print_text(consume, p, record);
    }
    consume->printed++;
    if (consume->cli->out.n >= FLUSH_BYTES && !cli_flush(consume->cli)) {
        return false;
    }
    return consume->printed < consume->most;
}

/* ---- where to begin ---- */

static int from_time(struct cli *cli, const char *text, struct place *places, int32_t count)
{
    assert(count >= 0);
    int64_t at_ms;
    if (when_parse(text, clock_wall_ms(cli->host), &at_ms) != OK) {
        return cli_fail(cli, EXIT_USAGE,
                        "@2026-11-21T08:15:30Z, @MILLISECONDS, or @-15m, @-2h, @-7d",
                        "--from @%s: this is no time", text);
    }
    for (int32_t i = 0; i < count; i++) {
        places[i].ask = at_ms;
    }
    return EXIT_OK;
}

/* Offsets where reading begins, from --from: beginning, end, @TIME, N, -N. ends: the ends of now. */
static int from_places(struct consume *consume, struct place *places, const struct place *begins,
                       const struct place *ends, int32_t count)
{
    assert(begins != ends);
    struct cli *cli = consume->cli;
    const char *from = args_text(cli->args, "from");
    int64_t number = 0;
    int code = EXIT_OK;
    bool time = from[0] == '@';
    if (strcmp(from, "beginning") != 0 && strcmp(from, "end") != 0 && !time &&
        !args_parse_number(from, &number)) {
        return cli_fail(cli, EXIT_USAGE,
                        "beginning, end, an offset, -N for the last N of each partition, or @TIME",
                        "--from %s: this is no place to begin", from);
    }
    if (time) {
        code = from_time(cli, from + 1, places, count);
        code = code != EXIT_OK
                   ? code
                   : places_ask(cli, consume->consumer.topic, places, count, places_offsets);
    }
    for (int32_t i = 0; i < count && code == EXIT_OK; i++) {
        int64_t low = begins[i].offset;
        int64_t end = ends[i].offset;
        if (time) {
            places[i].offset = places[i].offset < 0 ? end : places[i].offset;
        } else if (from[0] == 'b') {
            places[i].offset = low;
        } else if (from[0] == 'e') {
            places[i].offset = end;
        } else if (from[0] == '-') {
            places[i].offset = max_i64(low, end + number);
        } else {
            places[i].offset = number;
        }
    }
    return code;
}

/* Three answers for each partition: where it begins, where it ends, where to read from. */
static int places_find(struct consume *consume, struct place **ret_from, struct place **ret_ends,
                       int32_t *ret_count)
{
    assert(consume->cli->args->word_count == 1);
    struct cli *cli = consume->cli;
    struct slice name = slice_str(cli->args->words[0]);
    struct kmsg_metadata_response metadata;
    const struct kmsg_metadata_response_topic *topic;
    struct place *begins;
    consume->consumer.topic = name;
    int code = topic_metadata(cli, &cli->arena, name, &metadata, &topic);
    code = code != EXIT_OK ? code : places_of(cli, name, topic, ret_from, ret_count);
    code = code != EXIT_OK ? code : places_of(cli, name, topic, &begins, ret_count);
    code = code != EXIT_OK ? code : places_of(cli, name, topic, ret_ends, ret_count);
    for (int32_t i = 0; code == EXIT_OK && i < *ret_count; i++) {
        begins[i].ask = OFFSET_BEGINNING;
        (*ret_ends)[i].ask = OFFSET_END;
    }
    code = code != EXIT_OK ? code : places_ask(cli, name, begins, *ret_count, places_offsets);
    code = code != EXIT_OK ? code : places_ask(cli, name, *ret_ends, *ret_count, places_offsets);
    return code != EXIT_OK ? code : from_places(consume, *ret_from, begins, *ret_ends, *ret_count);
}

/* ---- the run ---- */

static void options_read(struct consume *consume)
{
    assert(consume->cli->args->word_count == 1);
    const struct args *args = consume->cli->args;
    const char *separator = args_text(args, "separator");
    consume->separator = slice_str(strcmp(separator, "\\t") == 0 ? "\t" : separator);
    consume->keys = args_flag(args, "key");
    consume->headers = args_flag(args, "headers");
    consume->offsets = args_flag(args, "offsets");
    consume->timestamps = args_flag(args, "timestamps");
    consume->values = !args_flag(args, "no-value");
    consume->most = args_number(args, "count", INT64_MAX);
    consume->follow = args_flag(args, "follow") || strcmp(args_text(args, "from"), "end") == 0;
}

static void progress(struct consume *consume)
{
    struct session *session = &consume->cli->session;
    time_us now = session_now(session);
    if (consume->cli->wide || now - consume->shown_at < TURN_US) {
        return; /* records on the terminal are progress enough */
    }
    consume->shown_at = now;
    double seconds = (double)(now - consume->began_at) / 1e6;
    cli_progress(consume->cli, "%lld records, %.0f/s", (long long)consume->printed,
                 (double)consume->printed / (seconds > 0 ? seconds : 1));
}

static int consume_loop(struct consume *consume)
{
    assert(consume->most > 0);
    struct consumer *consumer = &consume->consumer;
    struct session *session = &consume->cli->session;
    consume->began_at = session_now(session);
    while (consumer->failed == EXIT_OK && !consumer->enough && !session->interrupted &&
           !consumer_done(consumer)) {
        consumer_step(consumer, session_now(session) + TURN_US);
        if (!cli_flush(consume->cli)) {
            break; /* nobody reads on: `| head` */
        }
        progress(consume);
    }
    cli_progress_end(consume->cli);
    return consumer->failed;
}

int consume_run(struct cli *cli)
{
    struct consume consume;
    struct place *from, *ends;
    int32_t count = 0;
    memset(&consume, 0, sizeof(consume));
    consume.cli = cli;
    options_read(&consume);
    cli_catch_signals(cli);
    int code = places_find(&consume, &from, &ends, &count);
    if (code != EXIT_OK) {
        return code;
    }
    code = consumer_init(&consume.consumer, cli, slice_str(cli->args->words[0]), from, count,
                         on_record, &consume);
    for (int32_t i = 0; i < count && code == EXIT_OK && !consume.follow; i++) {
        consume.consumer.partitions[i].stop = ends[i].offset;
    }
    if (code == EXIT_OK && consume.most > 0) {
        code = consume_loop(&consume);
    }
    consumer_release(&consume.consumer);
    return code;
}
