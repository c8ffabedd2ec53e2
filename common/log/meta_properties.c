#include <inttypes.h>

#include "common/log/meta_properties.h"
#include "common/log/small_file.h"
#include "common/log/text.h"
#include "common/port/memory.h"

#define VALUE_MAX CLUSTER_ID_MAX

/* One value of a properties file, its escapes undone. */
struct value {
    char s[VALUE_MAX + 1];
    size_t n;
};

void meta_properties_encode(struct buf *buf, const struct meta_properties *properties)
{
    assert(properties->node_id >= 0);
    assert(!uuid_is_none(properties->directory_id));
    buf_printf(buf, "#\nversion=1\n");
    /* A directory that was made before its node knew a cluster names none. */
    buf_printf(buf, properties->cluster_id[0] == '\0' ? "" : "cluster.id=");
    for (const char *c = properties->cluster_id; *c != '\0'; c++) {
        bool special = strchr(":=#! \\", *c) != NULL;
        buf_printf(buf, special ? "\\%c" : "%c", *c);
    }
    buf_printf(buf, "%snode.id=%" PRId32 "\ndirectory.id=%s\n",
               properties->cluster_id[0] == '\0' ? "" : "\n", properties->node_id,
               uuid_print(properties->directory_id).s);
}

/* Cuts a line into its key and what follows the separator ("=", ":" or blanks), as Java does. */
static void line_split(struct slice line, struct slice *ret_key, struct slice *ret_rest)
{
    size_t n = 0;
    while (n < line.n && line.p[n] != '=' && line.p[n] != ':' && line.p[n] != ' ' &&
           line.p[n] != '\t') {
        n++;
    }
    *ret_key = slice_of(line.p, n);
    struct slice rest = text_trim(slice_of(line.p + n, line.n - n));
    if (rest.n > 0 && (rest.p[0] == '=' || rest.p[0] == ':')) {
        rest = text_trim(slice_of(rest.p + 1, rest.n - 1));
    }
    *ret_rest = rest;
}

/* A backslash makes the next character ordinary; letters behind one (\n, \u0041) have no place in these values. */
static err_t value_decode(struct slice text, struct value *ret_value)
{
    ret_value->n = 0;
    for (size_t i = 0; i < text.n; i++) {
        uint8_t c = text.p[i];
        if (c == '\\') {
            i++;
            ENSURE(i < text.n, ERR_MALFORMED);
            c = text.p[i];
            ENSURE((c < 'a' || c > 'z') && (c < 'A' || c > 'Z'), ERR_MALFORMED);
        }
        ENSURE(ret_value->n < VALUE_MAX && (uint8_t)c >= ' ' && c != 0x7f, ERR_MALFORMED);
        ret_value->s[ret_value->n++] = (char)c;
    }
    ret_value->s[ret_value->n] = '\0';
    return OK;
}

static err_t id_decode(const struct value *value, int32_t *ret_id)
{
    int64_t id = 0;
    TRY(text_number(slice_of(value->s, value->n), 0, INT32_MAX, &id));
    *ret_id = (int32_t)id;
    return OK;
}

struct raw_properties {
    int64_t version;
    int32_t node_id;
    int32_t broker_id;
};

static err_t line_decode(struct slice line, struct raw_properties *raw,
                         struct meta_properties *properties)
{
    struct slice key;
    struct slice rest;
    struct value value;
    line_split(line, &key, &rest);
    if (slice_eq(key, slice_str("version"))) {
        TRY(value_decode(rest, &value));
        return text_number(slice_of(value.s, value.n), INT32_MIN, INT32_MAX, &raw->version);
    }
    if (slice_eq(key, slice_str("node.id"))) {
        TRY(value_decode(rest, &value));
        return id_decode(&value, &raw->node_id);
    }
    if (slice_eq(key, slice_str("broker.id"))) {
        TRY(value_decode(rest, &value));
        return id_decode(&value, &raw->broker_id);
    }
    if (slice_eq(key, slice_str("cluster.id"))) {
        TRY(value_decode(rest, &value));
        memcpy(properties->cluster_id, value.s, value.n + 1);
        return OK;
    }
    if (slice_eq(key, slice_str("directory.id"))) {
        TRY(value_decode(rest, &value));
        return uuid_parse(slice_of(value.s, value.n), &properties->directory_id);
    }
    return OK;
}

err_t meta_properties_decode(struct slice text, struct meta_properties *ret_properties)
{
    assert(ret_properties != NULL);
    struct raw_properties raw = {-1, -1, -1};
    *ret_properties = (struct meta_properties){.node_id = -1};
    struct slice line;
    while (text_line(&text, &line)) {
        line = text_trim(line);
        if (line.n == 0 || line.p[0] == '#' || line.p[0] == '!') {
            continue;
        }
        ENSURE(line.p[line.n - 1] != '\\', ERR_MALFORMED);
        TRY(line_decode(line, &raw, ret_properties));
    }
    ENSURE(raw.version >= 0, ERR_MALFORMED);
    ENSURE(raw.version <= 1, ERR_VERSION);
    ret_properties->version = (int32_t)raw.version;
    ret_properties->node_id = raw.version == 0 ? raw.broker_id : raw.node_id;
    ENSURE(raw.version == 0 || raw.node_id >= 0, ERR_MALFORMED);
    return OK;
}

err_t meta_properties_load(struct host *host, const char *log_dir,
                           struct meta_properties *ret_properties)
{
    struct arena arena;
    struct slice text;
    err_t err = small_file_read(host, log_dir, META_PROPERTIES_FILE, META_PROPERTIES_BYTES_MAX,
                                &arena, &text);
    if (err == OK) {
        err = meta_properties_decode(text, ret_properties);
    }
    arena_release(&arena);
    return err;
}

err_t meta_properties_save(struct host *host, const char *log_dir,
                           const struct meta_properties *properties)
{
    struct heap heap;
    struct buf buf;
    heap_init(&heap, memory_source(host), 1 << 20);
    buf_init(&buf, &heap, META_PROPERTIES_BYTES_MAX);
    meta_properties_encode(&buf, properties);
    err_t err = small_file_save(host, log_dir, META_PROPERTIES_FILE, &buf);
    heap_release(&heap);
    return err;
}
