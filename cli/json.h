/*
 * Writes JSON (RFC 8259) into a buf, piece by piece, commas and quotes right by themselves:
 *
 *     json_open(&json, NULL, '{'); json_text(&json, "topic", "orders"); json_open(&json, "partitions", '['); ...
 *
 * `key` names a member of the object that is open; NULL: an element of the array that is open, or the document itself.
 * Text is escaped; bytes that are no UTF-8 cannot stand in JSON: json_bytes writes them as "<key>_base64" then.
 * Errors are the buf's, sticky.
 */
#ifndef ODRADEK_CLI_JSON_H
#define ODRADEK_CLI_JSON_H

#include "common/base/buf.h"
#include "common/base/uuid.h"

#define JSON_DEPTH_MAX 16

struct json {
    struct buf *out;
    char close[JSON_DEPTH_MAX]; /* what ends each level that is open */
    uint8_t depth;
    bool comma; /* a member or element was written at this level */
};

void json_init(struct json *, struct buf *out);

void json_open(struct json *, const char *key, char bracket);
void json_close(struct json *);
void json_text(struct json *, const char *key, const char *text); /* NULL: null */
void json_slice(struct json *, const char *key, struct slice text);
void json_bytes(struct json *, const char *key, struct slice bytes);
void json_number(struct json *, const char *key, int64_t number);
void json_bool(struct json *, const char *key, bool value);
void json_null(struct json *, const char *key);
void json_uuid(struct json *, const char *key, struct uuid uuid);
/* RFC 3339 in UTC with milliseconds; null below 0. */
void json_time(struct json *, const char *key, int64_t wall_ms);

/* Whether the bytes are UTF-8 as RFC 3629 has it: shortest form, no surrogates, nothing above U+10FFFF. */
bool json_is_utf8(struct slice);

/* Base64 of RFC 4648 with padding, behind what the buf holds. */
void base64_put(struct buf *, struct slice);
/* ERR_MALFORMED. */
err_t base64_read(struct slice text, struct buf *out) MUST_USE;

#endif
