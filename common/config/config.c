#include "common/config/config.h"

#include <stdarg.h>
#include <stdio.h>

struct row {
    const char *name;
    enum config_type type;
    const char *value;
    int64_t least;
    int64_t most;
    const char *doc;
};

#define INT  CONFIG_TYPE_INT
#define BOOL CONFIG_TYPE_BOOL
#define TEXT CONFIG_TYPE_TEXT
#define LIST CONFIG_TYPE_LIST
static const struct row rows[CONFIG_KEYS] = {
#define CONFIG_ROW(symbol, name, type, value, least, most, doc) \
    [symbol] = {name, type, value, least, most, doc},
    CONFIG_TABLE(CONFIG_ROW)
#undef CONFIG_ROW
};

static const struct {
    const char *name;
    enum config_key behind;
} topic_rows[TOPIC_CONFIG_KEYS] = {
#define TOPIC_CONFIG_ROW(symbol, name, behind) [symbol] = {name, behind},
    TOPIC_CONFIG_TABLE(TOPIC_CONFIG_ROW)
#undef TOPIC_CONFIG_ROW
};

static void tell(struct config *config, bool fatal, const char *fmt, ...) PRINTF_LIKE(3, 4);

static void tell(struct config *config, bool fatal, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    if (config->message_count < CONFIG_MESSAGES_MAX) {
        const char *kept = arena_printf(config->arena, "%s", text);
        config->fatal[config->message_count] = fatal;
        config->messages[config->message_count++] = kept == NULL ? "out of memory" : kept;
    } else if (fatal) {
        config->fatal[CONFIG_MESSAGES_MAX - 1] = true;
    }
}

void config_init(struct config *config, struct arena *arena)
{
    *config = (struct config){.arena = arena};
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        config->values[i] = slice_str(rows[i].value);
    }
}

/* ---- values ---- */

static struct slice trim(struct slice s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t' || s.p[0] == '\r')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t' || s.p[s.n - 1] == '\r')) {
        s.n--;
    }
    return s;
}

static bool number_parse(struct slice text, int64_t *ret_number)
{
    bool minus = text.n > 0 && text.p[0] == '-';
    int64_t number = 0;
    size_t at = minus;
    if (text.n == at || text.n > 20) {
        return false;
    }
    for (; at < text.n; at++) {
        int digit = text.p[at] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_sub_overflow(number, digit, &number)) {
            return false;
        }
    }
    if (!minus && number == INT64_MIN) {
        return false;
    }
    *ret_number = minus ? number : -number;
    return true;
}

static bool same(struct slice a, const char *b)
{
    return slice_eq(a, slice_str(b));
}

/* NULL: fine; else what it should be. */
static const char *value_wrong(enum config_key key, struct slice value, char *room,
                               size_t room_bytes)
{
    const struct row *row = &rows[key];
    int64_t number;
    switch (row->type) {
    case CONFIG_TYPE_INT:
        if (!number_parse(value, &number) || number < row->least || number > row->most) {
            (void)snprintf(room, room_bytes, "a whole number from %lld to %lld",
                           (long long)row->least, (long long)row->most);
            return room;
        }
        return NULL;
    case CONFIG_TYPE_BOOL:
        return same(value, "true") || same(value, "false") ? NULL : "true or false";
    case CONFIG_TYPE_TEXT:
        if (key == CONFIG_DURABILITY) {
            return same(value, "disk") || same(value, "pagecache") ? NULL : "disk or pagecache";
        }
        if (key == CONFIG_TIMESTAMP_TYPE) {
            return same(value, "CreateTime") || same(value, "LogAppendTime")
                       ? NULL
                       : "CreateTime or LogAppendTime";
        }
        return NULL;
    case CONFIG_TYPE_LIST:
        if (key == CONFIG_CLEANUP_POLICY) {
            return same(value, "delete") || same(value, "compact") ||
                           same(value, "compact,delete") || same(value, "delete,compact")
                       ? NULL
                       : "delete, compact or both";
        }
        return NULL;
    }
    return NULL;
}

/* Edits between two names, up to a bound (Wagner and Fischer 1974, two rows). */
static size_t distance(struct slice a, const char *b)
{
    size_t row[96];
    size_t m = strlen(b);
    if (a.n >= ARRAY_LEN(row) || m >= ARRAY_LEN(row)) {
        return SIZE_MAX;
    }
    for (size_t j = 0; j <= m; j++) {
        row[j] = j;
    }
    for (size_t i = 1; i <= a.n; i++) {
        size_t corner = row[0];
        row[0] = i;
        for (size_t j = 1; j <= m; j++) {
            size_t change = corner + (a.p[i - 1] != (uint8_t)b[j - 1]);
            corner = row[j];
            size_t best = row[j] < row[j - 1] ? row[j] + 1 : row[j - 1] + 1;
            row[j] = change < best ? change : best;
        }
    }
    return row[m];
}

static void unknown_tell(struct config *config, struct slice name, const char *place, unsigned line)
{
    size_t best = 6; /* further away is no likeness */
    const char *nearest = NULL;
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        size_t d = distance(name, rows[i].name);
        if (d < best) {
            best = d;
            nearest = rows[i].name;
        }
    }
    tell(config, false, "%s:%u: %.*s has no effect here%s%s%s", place, line,
         (int)min_i64((int64_t)name.n, 100), (const char *)name.p,
         nearest == NULL ? "" : "; did you mean ", nearest == NULL ? "" : nearest,
         nearest == NULL ? "" : "?");
}

static void assign(struct config *config, struct slice name, struct slice value, const char *place,
                   unsigned line)
{
    char room[128];
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        if (!same(name, rows[i].name)) {
            continue;
        }
        const char *want = value_wrong((enum config_key)i, value, room, sizeof(room));
        if (want != NULL) {
            tell(config, true, "%s:%u: %s=%.*s is not allowed: give it %s", place, line,
                 rows[i].name, (int)min_i64((int64_t)value.n, 100), (const char *)value.p, want);
            return;
        }
        if (!arena_copy(config->arena, value.p == NULL ? slice_of("", 0) : value,
                        &config->values[i])) {
            tell(config, true, "%s:%u: out of memory", place, line);
        }
        config->given[i] = true;
        return;
    }
    unknown_tell(config, name, place, line);
}

/* ---- files ---- */

/* One logical line: continued lines are joined, escapes resolved. False at the end of the text. */
static bool line_next(struct slice *text, char *out, size_t room, size_t *ret_n, unsigned *line)
{
    size_t n = 0;
    bool any = false;
    while (text->n > 0) {
        uint8_t c = *text->p;
        any = true;
        text->p++;
        text->n--;
        if (c == '\n') {
            (*line)++;
            break;
        }
        if (c == '\\' && text->n > 0) {
            c = *text->p;
            text->p++;
            text->n--;
            if (c == '\n') { /* goes on in the next line, its blanks do not count */
                (*line)++;
                while (text->n > 0 && (*text->p == ' ' || *text->p == '\t')) {
                    text->p++;
                    text->n--;
                }
                continue;
            }
            c = c == 't' ? '\t' : c == 'n' ? '\n' : c;
        }
        if (n < room) {
            out[n++] = (char)c;
        }
    }
    *ret_n = n;
    return any;
}

void config_read(struct config *config, struct slice text, const char *place)
{
    char buffer[4096];
    size_t n;
    unsigned line = 1;
    for (unsigned at = 1; line_next(&text, buffer, sizeof(buffer), &n, &line); at = line) {
        struct slice s = trim(slice_of(buffer, n));
        if (s.n == 0 || s.p[0] == '#' || s.p[0] == '!') {
            continue;
        }
        size_t key = 0;
        while (key < s.n && s.p[key] != '=' && s.p[key] != ':' && s.p[key] != ' ' &&
               s.p[key] != '\t') {
            key++;
        }
        struct slice rest = trim(slice_of(s.p + key, s.n - key));
        if (rest.n > 0 && (rest.p[0] == '=' || rest.p[0] == ':')) {
            rest = trim(slice_of(rest.p + 1, rest.n - 1));
        }
        assign(config, slice_of(s.p, key), rest, place, at);
    }
}

void config_override(struct config *config, struct slice assignment)
{
    const uint8_t *equals = assignment.n == 0 ? NULL : memchr(assignment.p, '=', assignment.n);
    if (equals == NULL) {
        tell(config, true, "--override %.*s: write key=value",
             (int)min_i64((int64_t)assignment.n, 100),
             assignment.p == NULL ? "" : (const char *)assignment.p);
        return;
    }
    size_t key = (size_t)(equals - assignment.p);
    assign(config, trim(slice_of(assignment.p, key)),
           trim(slice_of(equals + 1, assignment.n - key - 1)), "--override", 0);
}

bool config_failed(const struct config *config)
{
    for (uint32_t i = 0; i < config->message_count; i++) {
        if (config->fatal[i]) {
            return true;
        }
    }
    return false;
}

/* ---- reading ---- */

bool config_set(const struct config *config, enum config_key key)
{
    assert(key < CONFIG_KEYS);
    return config->values[key].p != NULL;
}

int64_t config_int(const struct config *config, enum config_key key)
{
    int64_t number = 0;
    bool good = number_parse(config->values[key], &number);
    assert(good && rows[key].type == CONFIG_TYPE_INT);
    return number;
}

bool config_bool(const struct config *config, enum config_key key)
{
    assert(rows[key].type == CONFIG_TYPE_BOOL);
    return same(config->values[key], "true");
}

struct slice config_text(const struct config *config, enum config_key key)
{
    assert(key < CONFIG_KEYS);
    return config->values[key];
}

const char *config_name(enum config_key key)
{
    assert(key < CONFIG_KEYS);
    return rows[key].name;
}

enum config_type config_type(enum config_key key)
{
    assert(key < CONFIG_KEYS);
    return rows[key].type;
}

const char *config_doc(enum config_key key)
{
    assert(key < CONFIG_KEYS);
    return rows[key].doc;
}

int64_t config_retention_ms(const struct config *config)
{
    if (config_set(config, CONFIG_RETENTION_MS)) {
        return config_int(config, CONFIG_RETENTION_MS);
    }
    bool minutes = config_set(config, CONFIG_RETENTION_MINUTES);
    int64_t value = config_int(config, minutes ? CONFIG_RETENTION_MINUTES : CONFIG_RETENTION_HOURS);
    return value < 0 ? -1 : value * (minutes ? 60000 : 3600000);
}

int64_t config_roll_ms(const struct config *config)
{
    return config_set(config, CONFIG_ROLL_MS) ? config_int(config, CONFIG_ROLL_MS)
                                              : config_int(config, CONFIG_ROLL_HOURS) * 3600000;
}

bool config_item(struct slice *list, struct slice *ret_item)
{
    while (list->n > 0) {
        const uint8_t *comma = memchr(list->p, ',', list->n);
        size_t n = comma == NULL ? list->n : (size_t)(comma - list->p);
        *ret_item = trim(slice_of(list->p, n));
        size_t eaten = comma == NULL ? n : n + 1;
        list->p += eaten;
        list->n -= eaten;
        if (ret_item->n > 0) {
            return true;
        }
    }
    return false;
}

/* "host:port" or "[address]:port"; an empty host means every address. */
static err_t host_parse(struct slice text, struct config_address *address)
{
    size_t colon = text.n;
    while (colon > 0 && text.p[colon - 1] != ':') {
        colon--;
    }
    ENSURE(colon > 0, ERR_MALFORMED);
    struct slice host = slice_of(text.p, colon - 1);
    int64_t port;
    ENSURE(number_parse(slice_of(text.p + colon, text.n - colon), &port) && port >= 0 &&
               port <= UINT16_MAX,
           ERR_MALFORMED);
    if (host.n >= 2 && host.p[0] == '[' && host.p[host.n - 1] == ']') {
        host = slice_of(host.p + 1, host.n - 2);
    }
    ENSURE(host.n <= HOST_NAME_MAX_BYTES, ERR_MALFORMED);
    memset(address->host, 0, sizeof(address->host));
    if (host.n > 0) {
        memcpy(address->host, host.p, host.n);
    }
    address->port = (uint16_t)port;
    return OK;
}

err_t config_listener_parse(struct slice text, struct config_address *ret_address)
{
    size_t n = 0;
    while (n + 2 < text.n && memcmp(text.p + n, "://", 3) != 0) {
        n++;
    }
    ENSURE(n > 0 && n + 2 < text.n && n < sizeof(ret_address->name), ERR_MALFORMED);
    memset(ret_address->name, 0, sizeof(ret_address->name));
    memcpy(ret_address->name, text.p, n);
    return host_parse(slice_of(text.p + n + 3, text.n - n - 3), ret_address);
}

err_t config_voter_parse(struct slice text, int32_t *ret_id, struct config_address *ret_address)
{
    const uint8_t *at = text.n == 0 ? NULL : memchr(text.p, '@', text.n);
    ENSURE(at != NULL, ERR_MALFORMED);
    size_t n = (size_t)(at - text.p);
    int64_t id;
    ENSURE(number_parse(slice_of(text.p, n), &id) && id >= 0 && id <= INT32_MAX, ERR_MALFORMED);
    *ret_id = (int32_t)id;
    ret_address->name[0] = '\0';
    return host_parse(slice_of(at + 1, text.n - n - 1), ret_address);
}

/* ---- topic settings ---- */

const char *topic_config_name(enum topic_config_key key)
{
    assert(key < TOPIC_CONFIG_KEYS);
    return topic_rows[key].name;
}

enum config_key topic_config_behind(enum topic_config_key key)
{
    assert(key < TOPIC_CONFIG_KEYS);
    return topic_rows[key].behind;
}

bool topic_config_find(struct slice name, enum topic_config_key *ret_key)
{
    for (size_t i = 0; i < TOPIC_CONFIG_KEYS; i++) {
        if (same(name, topic_rows[i].name)) {
            *ret_key = (enum topic_config_key)i;
            return true;
        }
    }
    return false;
}

/* Topic settings of Kafka that are taken and have no effect yet. */
static bool topic_config_idle(struct slice name)
{
    static const char *const idle[] = {"compression.type",
                                       "compression.gzip.level",
                                       "compression.lz4.level",
                                       "compression.zstd.level",
                                       "delete.retention.ms",
                                       "flush.messages",
                                       "flush.ms",
                                       "max.compaction.lag.ms",
                                       "min.compaction.lag.ms",
                                       "min.cleanable.dirty.ratio",
                                       "preallocate",
                                       "segment.jitter.ms",
                                       "remote.storage.enable",
                                       "local.retention.ms",
                                       "local.retention.bytes",
                                       "leader.replication.throttled.replicas",
                                       "follower.replication.throttled.replicas"};
    for (size_t i = 0; i < ARRAY_LEN(idle); i++) {
        if (same(name, idle[i])) {
            return true;
        }
    }
    return false;
}

bool topic_config_check(struct slice name, struct slice value, char *why, size_t why_bytes)
{
    enum topic_config_key key;
    char room[128];
    if (!topic_config_find(name, &key)) {
        if (topic_config_idle(name)) {
            return true;
        }
        (void)snprintf(why, why_bytes, "Unknown topic config name: %.*s",
                       (int)min_i64((int64_t)name.n, 100), (const char *)name.p);
        return false;
    }
    const char *want = value_wrong(topic_rows[key].behind, value, room, sizeof(room));
    if (want != NULL) {
        (void)snprintf(why, why_bytes, "Invalid value %.*s for configuration %s: give it %s",
                       (int)min_i64((int64_t)value.n, 100),
                       value.p == NULL ? "" : (const char *)value.p, topic_rows[key].name, want);
        return false;
    }
    return true;
}

int64_t topic_config_int(const struct config *config, enum topic_config_key key, struct slice value)
{
    int64_t number;
    if (value.p != NULL && number_parse(value, &number)) {
        return number;
    }
    switch (key) {
    case TOPIC_CONFIG_RETENTION_MS: return config_retention_ms(config);
    case TOPIC_CONFIG_SEGMENT_MS: return config_roll_ms(config);
    default: return config_int(config, topic_rows[key].behind);
    }
}

struct slice topic_config_text(const struct config *config, enum topic_config_key key,
                               struct slice value)
{
    assert(key < TOPIC_CONFIG_KEYS);
    return value.p != NULL ? value : config_text(config, topic_rows[key].behind);
}
