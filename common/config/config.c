#include "common/config/config.h"
#include "common/config/properties.h"
#include "common/config/spec.h"
#include "common/config/tell.h"

#include <stdio.h>
#include <stdlib.h>

/* Near names are looked for so often only: a file of nothing but rubbish must not keep the start waiting. */
#define NEAREST_MAX 50
/* Bytes of a value or name that a message shows. */
#define SHOWN_MAX   200

void config_init(struct config *config, struct arena *arena)
{
    assert(arena != NULL);
    *config = (struct config){.arena = arena};
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        config->values[i] = slice_str(spec_of_key((enum config_key)i)->fallback);
    }
}

bool config_failed(const struct config *config)
{
    return config->failed;
}

/* --- messages --- */

bool config_seat(struct config *config, enum config_grade grade)
{
    assert(config->message_count <= CONFIG_MESSAGES_MAX);
    bool error = grade == CONFIG_ERROR;
    bool free = config->message_count <
                CONFIG_MESSAGES_MAX - (error ? 0u : 1u); /* the last seat is an error's */
    config->failed = config->failed || error;
    config->untold += !free;
    return free;
}

void config_tell(struct config *config, enum config_grade grade, const char *text)
{
    assert(config->message_count < CONFIG_MESSAGES_MAX);
    uint32_t at = config->message_count++;
    config->messages[at] = text != NULL ? text : "out of memory while the configuration was read";
    config->grades[at] = text != NULL ? grade : CONFIG_ERROR;
    config->fatal[at] = config->grades[at] == CONFIG_ERROR;
    config->failed = config->failed || config->fatal[at];
}

static void tell_no_memory(struct config *config)
{
    if (config_seat(config, CONFIG_ERROR)) {
        config_tell(config, CONFIG_ERROR, NULL);
    }
}

/* Outside text for a message: bounded, without control bytes, valid UTF-8. */
struct shown config_show(struct slice text)
{
    struct shown shown;
    size_t n = text.n < SHOWN_MAX ? text.n : SHOWN_MAX;
    bool good = spec_text_good(slice_of(text.p, n));
    size_t out = 0;
    for (size_t i = 0; i < n; i++) {
        uint8_t c = text.p[i];
        shown.text[out++] = (char)(c < 0x20 || c == 0x7f || (!good && c >= 0x80) ? '?' : c);
    }
    assert(out + 4 <= sizeof(shown.text));
    (void)snprintf(shown.text + out, sizeof(shown.text) - out, "%s", text.n > n ? "..." : "");
    return shown;
}

/* file:line, or --override. */
struct place {
    const char *name;
    uint32_t line; /* 0: an override */
};

static struct shown place_show(struct place place)
{
    struct shown shown;
    const char *shape = place.line == 0 ? "%s" : "%s:%u";
    (void)snprintf(shown.text, sizeof(shown.text), shape, place.name, place.line);
    return shown;
}

struct shown config_where(const struct config *config, enum config_key key)
{
    struct shown where;
    struct slice text = config->values[key];
    struct shown value = config_show(slice_of(text.p, text.n < 100 ? text.n : 100));
    assert(config_type(key) != CONFIG_TYPE_PASSWORD);
    char line[16] = "";
    if (config->lines[key] > 0 && !config->overridden[key]) {
        (void)snprintf(line, sizeof(line), "%u: ", config->lines[key]);
    }
    (void)snprintf(where.text, sizeof(where.text), "%.80s%s%s%.70s=%.100s",
                   line[0] != '\0' ? config->file : "", line[0] != '\0' ? ":" : "", line,
                   config_name(key), value.text);
    return where;
}

/* --- setting --- */

static void tell_refused(struct config *config, struct place place, const struct spec *spec,
                         struct slice value)
{
    struct shown shown = config_show(value);
    assert(spec->effect == CONFIG_REFUSED);
    CONFIG_TELL(config, CONFIG_ERROR, "%s: %s=%s is not possible here. %s", place_show(place).text,
                spec->name, shown.text, spec->text);
}

static void tell_invalid(struct config *config, struct place place, const struct spec *spec,
                         struct slice value, const char *why)
{
    struct shown shown = config_show(value);
    bool secret = spec->type == CONFIG_TYPE_PASSWORD;
    bool numeric = spec->type == CONFIG_TYPE_INT || spec->type == CONFIG_TYPE_LONG ||
                   spec->type == CONFIG_TYPE_SHORT;
    const char *advice = numeric && spec->fallback != NULL
                             ? arena_printf(config->arena, "; the default is %s", spec->fallback)
                             : "";
    CONFIG_TELL(config, CONFIG_ERROR, "%s: Invalid value %s for configuration %s: %s%s",
                place_show(place).text, secret ? "(hidden)" : shown.text, spec->name, why,
                advice == NULL ? "" : advice);
}

static void tell_unknown(struct config *config, struct place place, struct slice key)
{
    const char *what = spec_legacy(key);
    const char *word = spec_prefix(key);
    struct shown shown = config_show(key);
    struct shown at = place_show(place);
    if (what != NULL) {
        CONFIG_TELL(config, CONFIG_ERROR, "%s: %s belongs to earlier versions of Kafka. %s.",
                    at.text, shown.text, what);
        return;
    }
    if (word != NULL) {
        CONFIG_TELL(config, CONFIG_NOTE, "%s: %s is known and has no effect here (%s)", at.text,
                    shown.text, word);
        return;
    }
    const char *near = config->unknown++ < NEAREST_MAX ? spec_nearest(key) : NULL;
    if (near != NULL) {
        CONFIG_TELL(config, CONFIG_WARNING, "%s: %s is unknown and has no effect; did you mean %s?",
                    at.text, shown.text, near);
    } else {
        CONFIG_TELL(config, CONFIG_WARNING, "%s: %s is unknown and has no effect", at.text,
                    shown.text);
    }
}

static bool silent(const struct spec *spec)
{
    return spec->effect == CONFIG_NO_EFFECT || spec->effect == CONFIG_HIDDEN;
}

static void set(struct config *config, struct place place, struct slice name, struct slice value)
{
    enum config_key key;
    if (!config_find(name, &key)) {
        tell_unknown(config, place, name);
        return;
    }
    const struct spec *spec = spec_of_key(key);
    struct spec_value parsed;
    char why[256];
    value = slice_trim(value);
    if (spec_check(spec, value, &parsed, why, sizeof(why)) != OK) {
        tell_invalid(config, place, spec, value, why);
        return;
    }
    if (spec->effect == CONFIG_REFUSED && !slice_is(value, spec->fallback ? spec->fallback : "")) {
        tell_refused(config, place, spec, value);
        return;
    }
    if (silent(spec) && !slice_is(value, spec->fallback == NULL ? "" : spec->fallback)) {
        CONFIG_TELL(config, CONFIG_NOTE, "%s: %s is known and has no effect here (%s)",
                    place_show(place).text, spec->name, spec->text);
    }
    if (place.line != 0 && config->lines[key] != 0) {
        CONFIG_TELL(config, CONFIG_WARNING, "%s: %s stood in line %u already; this one counts",
                    place_show(place).text, spec->name, config->lines[key]);
    }
    config->lines[key] = place.line != 0 ? place.line : config->lines[key];
    if (place.line != 0 && config->overridden[key]) {
        return;
    }
    char *copy = arena_printf(config->arena, "%.*s", (int)value.n, (const char *)value.p);
    if (copy == NULL) {
        tell_no_memory(config);
        return;
    }
    config->values[key] = slice_of(copy, value.n);
    config->given[key] = true;
    config->overridden[key] = place.line == 0;
}

void config_read(struct config *config, struct slice text, const char *place)
{
    assert(place != NULL);
    if (text.n > CONFIG_FILE_MAX) {
        CONFIG_TELL(config, CONFIG_ERROR,
                    "%s: %zu bytes are too many for a configuration file (%zu at most)", place,
                    text.n, CONFIG_FILE_MAX);
        return;
    }
    struct properties properties;
    struct property property;
    err_t err;
    config->file = place;
    memset(config->lines, 0, sizeof(config->lines));
    properties_init(&properties, text);
    while ((err = properties_next(&properties, config->arena, &property)) == OK) {
        struct place at = {.name = place, .line = property.line};
        assert(property.line > 0);
        if (property.broken) {
            CONFIG_TELL(config, CONFIG_ERROR,
                        "%s:%u: a \\u that four hexadecimal digits do not follow, or half a "
                        "surrogate pair; write a backslash itself as \\\\",
                        place, property.line);
        } else {
            set(config, at, property.key, property.value);
        }
    }
    if (err != ERR_NOT_FOUND) {
        assert(err == ERR_NO_MEMORY);
        tell_no_memory(config);
    }
}

void config_override(struct config *config, struct slice assignment)
{
    const uint8_t *equals = assignment.n == 0 ? NULL : memchr(assignment.p, '=', assignment.n);
    size_t n = equals == NULL ? 0 : (size_t)(equals - assignment.p);
    struct slice key = slice_trim(slice_of(assignment.p, n));
    if (equals == NULL || key.n == 0) {
        struct shown shown = config_show(assignment);
        CONFIG_TELL(config, CONFIG_ERROR, "--override %s: write it as key=value", shown.text);
        return;
    }
    assert(n < assignment.n);
    set(config, (struct place){.name = "--override"}, key,
        slice_of(equals + 1, assignment.n - n - 1));
}

/* --- getting --- */

bool config_set(const struct config *config, enum config_key key)
{
    assert((size_t)key < CONFIG_KEYS);
    return config->values[key].p != NULL;
}

static struct spec_value parsed_value(const struct config *config, enum config_key key)
{
    struct spec_value value;
    char why[256];
    assert(config_set(config, key));
    err_t err = spec_check(spec_of_key(key), config->values[key], &value, why, sizeof(why));
    assert(err == OK); /* it was checked when it was set, and test_table checks the defaults */
    return value;
}

int64_t config_int(const struct config *config, enum config_key key)
{
    enum config_type type = config_type(key);
    assert(type == CONFIG_TYPE_INT || type == CONFIG_TYPE_LONG || type == CONFIG_TYPE_SHORT);
    return parsed_value(config, key).number;
}

bool config_bool(const struct config *config, enum config_key key)
{
    assert(config_type(key) == CONFIG_TYPE_BOOLEAN);
    return parsed_value(config, key).number != 0;
}

double config_double(const struct config *config, enum config_key key)
{
    assert(config_type(key) == CONFIG_TYPE_DOUBLE);
    return parsed_value(config, key).real;
}

struct slice config_text(const struct config *config, enum config_key key)
{
    assert((size_t)key < CONFIG_KEYS);
    return config->values[key];
}

const char *config_str(const struct config *config, enum config_key key)
{
    struct slice text = config_text(config, key);
    assert(text.p == NULL || text.p[text.n] == '\0');
    return (const char *)text.p;
}

bool config_item(struct slice *list, struct slice *ret_item)
{
    return list_next(list, ret_item);
}

/* --- chains --- */

/* The first of a topic's synonyms that has a value, in milliseconds. */
static int64_t chain_ms(const struct config *config, enum topic_config_key topic)
{
    const enum config_key *keys;
    uint32_t n = spec_synonyms(topic, &keys);
    assert(n > 1);
    for (uint32_t i = 0; i < n; i++) {
        if (config_set(config, keys[i])) {
            int64_t v = config_int(config, keys[i]);
            return v < 0 ? -1 : v * spec_unit_ms(keys[i]);
        }
    }
    assert(false); /* the last one has a default */
    return -1;
}

int64_t config_retention_ms(const struct config *config)
{
    return chain_ms(config, TOPIC_CONFIG_RETENTION_MS);
}

int64_t config_roll_ms(const struct config *config)
{
    return chain_ms(config, TOPIC_CONFIG_SEGMENT_MS);
}

int64_t config_roll_jitter_ms(const struct config *config)
{
    return chain_ms(config, TOPIC_CONFIG_SEGMENT_JITTER_MS);
}

uint32_t config_reactors(const struct config *config, uint32_t cores)
{
    assert(cores > 0);
    if (config_set(config, CONFIG_NETWORK_THREADS)) {
        return (uint32_t)config_int(config, CONFIG_NETWORK_THREADS);
    }
    return cores <= 2 ? 1 : cores < 64 ? cores : 64;
}
