/*
 * A line of input becomes a record: the whole line as its value, or split at separators into headers, key and value, or a JSON
 * object as `odradek consume --json` writes it:
 *
 *     {"key": "k", "value": "v", "headers": [{"key": "h", "value": "x"}], "partition": 1, "timestamp": "2026-11-21T08:15:30.125Z"}
 *
 * All members may be left out. Key and value may be strings, null, or any other JSON, which is then taken as it stands; bytes that
 * are no text are "key_base64" and "value_base64". headers may be an object too. topic, offset and timestamp_type are passed over.
 */
#ifndef ODRADEK_CLI_RECORD_IN_H
#define ODRADEK_CLI_RECORD_IN_H

#include "common/base/arena.h"
#include "common/base/buf.h"
#include "common/wire/record_batch_records.h"

struct record_format {
    bool json;
    bool keys;                  /* text up to the separator is the key */
    bool headers;               /* "a:1,b:2" and a separator stand in front */
    struct slice key_separator; /* between key and value, headers and key */
    struct slice null_marker;   /* NULL: none; this text stands for null */
    struct slice fixed_headers; /* encoded; on every record */
    int32_t fixed_header_count;
};

struct record_line {
    struct record record; /* timestamp NO_TIMESTAMP: now */
    int32_t partition;    /* -1: by the key */
};

/* line: without its newline. headers: scratch that the record borrows until the next call, as it borrows line and arena.
 * NULL: fine; else what is wrong. */
const char *record_line_read(const struct record_format *, struct slice line, struct arena *,
                             struct heap *, struct buf *headers,
                             struct record_line *ret_line) MUST_USE;

#endif
