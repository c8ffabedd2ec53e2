#include <inttypes.h>

#include "common/base/mutant.h"
#include "common/log/clean_shutdown.h"
#include "common/log/small_file.h"
#include "common/log/text.h"
#include "common/port/disk.h"
#include "common/port/memory.h"

void clean_shutdown_encode(struct buf *buf, int64_t broker_epoch)
{
    assert(broker_epoch >= BROKER_EPOCH_UNKNOWN);
    buf_printf(buf, "{\"version\":0,\"brokerEpoch\":%" PRId64 "}", broker_epoch);
}

static void json_blanks(struct slice *text)
{
    while (text->n > 0 && strchr(" \t\r\n", text->p[0]) != NULL && text->p[0] != '\0') {
        *text = slice_of(text->p + 1, text->n - 1);
    }
}

static bool json_take(struct slice *text, char c)
{
    json_blanks(text);
    if (text->n == 0 || text->p[0] != (uint8_t)c) {
        return false;
    }
    *text = slice_of(text->p + 1, text->n - 1);
    return true;
}

/* A string without its quotes; escapes stay as they are. */
static err_t json_string(struct slice *text, struct slice *ret_string)
{
    ENSURE(json_take(text, '"'), ERR_MALFORMED);
    size_t n = 0;
    while (n < text->n && text->p[n] != '"') {
        n += text->p[n] == '\\' ? 2 : 1;
    }
    ENSURE(n < text->n, ERR_MALFORMED);
    *ret_string = slice_of(text->p, n);
    *text = slice_of(text->p + n + 1, text->n - n - 1);
    return OK;
}

/* A number, true, false or null: the text up to what ends a value. */
static err_t json_plain(struct slice *text, struct slice *ret_value)
{
    json_blanks(text);
    size_t n = 0;
    while (n < text->n && strchr(",} \t\r\n", text->p[n]) == NULL) {
        ENSURE(strchr("[{\"", text->p[n]) == NULL, ERR_MALFORMED); /* nothing nested in here */
        n++;
    }
    ENSURE(n > 0 && n < text->n, ERR_MALFORMED);
    *ret_value = slice_of(text->p, n);
    *text = slice_of(text->p + n, text->n - n);
    return OK;
}

static err_t json_member(struct slice *text, int64_t *version, int64_t *broker_epoch)
{
    struct slice name;
    struct slice value;
    TRY(json_string(text, &name));
    ENSURE(json_take(text, ':'), ERR_MALFORMED);
    json_blanks(text);
    if (text->n > 0 && text->p[0] == '"') {
        return json_string(text, &value);
    }
    TRY(json_plain(text, &value));
    if (slice_eq(name, slice_str("version"))) {
        return text_number(value, INT32_MIN, INT32_MAX, version);
    }
    if (slice_eq(name, slice_str("brokerEpoch"))) {
        return text_number(value, BROKER_EPOCH_UNKNOWN, INT64_MAX, broker_epoch);
    }
    return OK;
}

err_t clean_shutdown_decode(struct slice text, int64_t *ret_broker_epoch)
{
    int64_t version = INT64_MAX;
    *ret_broker_epoch = BROKER_EPOCH_UNKNOWN;
    if (text.n == 0) {
        return OK; /* before Kafka 3.7 */
    }
    ENSURE(json_take(&text, '{'), ERR_MALFORMED);
    if (!json_take(&text, '}')) {
        do {
            TRY(json_member(&text, &version, ret_broker_epoch));
        } while (json_take(&text, ','));
        ENSURE(json_take(&text, '}'), ERR_MALFORMED);
    }
    json_blanks(&text);
    ENSURE(text.n == 0 && version != INT64_MAX, ERR_MALFORMED);
    ENSURE(version == 0, ERR_VERSION);
    return OK;
}

err_t clean_shutdown_load(struct host *host, const char *log_dir, bool *ret_clean,
                          int64_t *ret_broker_epoch)
{
    struct arena arena;
    struct slice text;
    *ret_clean = false;
    *ret_broker_epoch = BROKER_EPOCH_UNKNOWN;
    err_t err = small_file_read(host, log_dir, CLEAN_SHUTDOWN_FILE, CLEAN_SHUTDOWN_BYTES_MAX,
                                &arena, &text);
    if (err == OK && clean_shutdown_decode(text, ret_broker_epoch) == OK) {
        *ret_clean = true;
    }
    arena_release(&arena);
    ENSURE(err == OK || err == ERR_NOT_FOUND || err == ERR_TOO_LARGE, err);
    return OK;
}

err_t clean_shutdown_remove(struct host *host, const char *log_dir)
{
    if (MUTANT(33)) {
        return OK;
    }
    TRY(small_file_remove(host, log_dir, CLEAN_SHUTDOWN_FILE));
    return disk_sync_dir(host, log_dir); /* who removed it may have died before that */
}

err_t clean_shutdown_save(struct host *host, const char *log_dir, int64_t broker_epoch)
{
    struct heap heap;
    struct buf buf;
    heap_init(&heap, memory_source(host), 1 << 20);
    buf_init(&buf, &heap, CLEAN_SHUTDOWN_BYTES_MAX);
    clean_shutdown_encode(&buf, broker_epoch);
    err_t err = small_file_save(host, log_dir, CLEAN_SHUTDOWN_FILE, &buf);
    heap_release(&heap);
    return err;
}
