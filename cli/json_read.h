/*
 * Reads JSON (RFC 8259) that stands whole in memory, value after value, strictly: no comments, no trailing commas, UTF-8 only, at
 * most JSON_READ_DEPTH_MAX deep. Numbers and nested values are handed out as the bytes they stand in, so that nothing is lost of
 * a large number or of somebody's layout.
 *
 *     json_read_init(&read, line, &arena);
 *     TRY(json_read_open(&read, '{')); while (json_read_member(&read, &name)) { TRY(json_read_value(&read, &value)); ... }
 *     TRY(json_read_end(&read));
 *
 * Strings are borrowed from the input, or from the arena where they had escapes. Errors: ERR_MALFORMED (read.why says what, at
 * read.p), ERR_NO_MEMORY; sticky.
 */
#ifndef ODRADEK_CLI_JSON_READ_H
#define ODRADEK_CLI_JSON_READ_H

#include "common/base/arena.h"
#include "common/base/err.h"

#define JSON_READ_DEPTH_MAX 64

enum json_kind {
    JSON_NULL,
    JSON_TRUE,
    JSON_FALSE,
    JSON_NUMBER,
    JSON_STRING,
    JSON_OBJECT,
    JSON_ARRAY,
};

struct json_value {
    enum json_kind kind;
    struct slice text; /* JSON_STRING: unescaped, else as it stands */
};

struct json_read {
    const uint8_t *from, *p, *end;
    struct arena *arena;
    const char *why;
    err_t err;
    bool first; /* nothing was read in this object or array */
};

void json_read_init(struct json_read *, struct slice text, struct arena *);

/* Enters the object or array that comes. */
err_t json_read_open(struct json_read *, char bracket) MUST_USE;
/* The next member's name; false at the object's end (which is taken) and on errors. Its value must be read. */
bool json_read_member(struct json_read *, struct slice *ret_name);
/* Whether another element follows; the array's end is taken. */
bool json_read_element(struct json_read *);
/* Any value; nested ones are taken whole. */
err_t json_read_value(struct json_read *, struct json_value *ret_value) MUST_USE;
/* What comes, without taking it; JSON_NULL on errors. */
enum json_kind json_read_peek(struct json_read *);
/* Nothing but space is left. */
err_t json_read_end(struct json_read *) MUST_USE;

#endif
