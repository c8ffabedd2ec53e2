#include "common/config/spec.h"

#include <inttypes.h>
#include <stdio.h>

/* One place that may hold the value of a setting; walked from the one that counts most. */
struct candidate {
    const struct spec *spec; /* whose checks it must pass */
    struct slice text;
    enum config_origin origin;
    int64_t unit_ms;
    struct spec_value value;
};

static struct slice dynamic_value(const struct config_dynamic *dynamic, enum config_origin level,
                                  const char *name)
{
    assert(level >= CONFIG_FROM_TOPIC && level <= CONFIG_FROM_CLUSTER);
    return dynamic == NULL ? (struct slice){0} : dynamic->value(dynamic->ctx, level, name);
}

#define CANDIDATES_MAX (2 + 4 * SPEC_SYNONYMS_MAX)
_Static_assert(CANDIDATES_MAX <= CONFIG_SYNONYMS_MAX, "room for all synonyms");

struct candidates {
    uint32_t count;
    uint32_t wanted; /* nobody looks at more than the first so many */
    struct candidate items[CANDIDATES_MAX];
};

static bool enough(const struct candidates *c)
{
    assert(c->wanted > 0 && c->count <= c->wanted);
    return c->count == c->wanted;
}

/* Values that are not there, or that somebody got past the checks, do not count. */
static void add(struct candidates *c, const struct spec *spec, struct slice text,
                enum config_origin origin, int64_t unit_ms)
{
    struct spec_value value;
    char why[256];
    assert(c->count < CANDIDATES_MAX && !enough(c) && unit_ms > 0);
    if (text.p != NULL && spec_check(spec, text, &value, why, sizeof(why)) == OK) {
        if (unit_ms > 1) { /* hours and minutes are INT: 2^31 hours fit */
            value.number = value.number < 0 ? -1 : value.number * unit_ms;
        }
        c->items[c->count++] = (struct candidate){spec, text, origin, unit_ms, value};
    }
}

/* As Kafka orders them: all levels of log.retention.ms, then all of log.retention.minutes, ... */
static void add_key(struct candidates *c, const struct config *config,
                    const struct config_dynamic *dynamic, enum config_key key, int64_t unit_ms,
                    bool of_cluster)
{
    const struct spec *spec = spec_of_key(key);
    if (!of_cluster && !enough(c)) {
        add(c, spec, dynamic_value(dynamic, CONFIG_FROM_BROKER, spec->name), CONFIG_FROM_BROKER,
            unit_ms);
    }
    if (!enough(c)) {
        add(c, spec, dynamic_value(dynamic, CONFIG_FROM_CLUSTER, spec->name), CONFIG_FROM_CLUSTER,
            unit_ms);
    }
    if (config->given[key] && !enough(c)) {
        add(c, spec, config->values[key], CONFIG_FROM_FILE, unit_ms);
    }
    if (!enough(c)) {
        add(c, spec, slice_str(spec->fallback), CONFIG_FROM_DEFAULT, unit_ms);
    }
}

static void candidates_of_topic(struct candidates *c, uint32_t wanted, const struct config *config,
                                const struct config_dynamic *dynamic, enum topic_config_key key)
{
    const struct spec *spec = spec_of_topic(key);
    const enum config_key *keys;
    uint32_t n = spec_synonyms(key, &keys);
    c->count = 0;
    c->wanted = wanted;
    add(c, spec, dynamic_value(dynamic, CONFIG_FROM_TOPIC, spec->name), CONFIG_FROM_TOPIC, 1);
    for (uint32_t i = 0; i < n && !enough(c); i++) {
        bool time = n > 1;
        add_key(c, config, dynamic, keys[i], time ? spec_unit_ms(keys[i]) : 1,
                topic_config_of_cluster(key));
    }
    if (n == 0 && !enough(c)) {
        add(c, spec, slice_str(spec->fallback), CONFIG_FROM_DEFAULT, 1);
    }
    assert(c->count <= CANDIDATES_MAX);
}

static struct spec_value effective(const struct config *config,
                                   const struct config_dynamic *dynamic, enum topic_config_key key)
{
    struct candidates c;
    candidates_of_topic(&c, 1, config, dynamic, key);
    assert(c.count > 0);
    return c.items[0].value;
}

bool config_topic_bool(const struct config *config, const struct config_dynamic *dynamic,
                       enum topic_config_key key)
{
    assert(topic_config_type(key) == CONFIG_TYPE_BOOLEAN);
    return effective(config, dynamic, key).number != 0;
}

int64_t config_topic_long(const struct config *config, const struct config_dynamic *dynamic,
                          enum topic_config_key key)
{
    assert(topic_config_type(key) == CONFIG_TYPE_INT || topic_config_type(key) == CONFIG_TYPE_LONG);
    assert(key != TOPIC_CONFIG_INTERNAL_SEGMENT_BYTES); /* the only one without a default */
    return effective(config, dynamic, key).number;
}

double config_topic_double(const struct config *config, const struct config_dynamic *dynamic,
                           enum topic_config_key key)
{
    assert(topic_config_type(key) == CONFIG_TYPE_DOUBLE);
    return effective(config, dynamic, key).real;
}

bool config_topic_is(const struct config *config, const struct config_dynamic *dynamic,
                     enum topic_config_key key, const char *word)
{
    struct candidates c;
    struct slice item;
    candidates_of_topic(&c, 1, config, dynamic, key);
    assert(c.count > 0 && (topic_config_type(key) == CONFIG_TYPE_STRING ||
                           topic_config_type(key) == CONFIG_TYPE_LIST));
    struct slice rest = slice_trim(c.items[0].text);
    if (topic_config_type(key) == CONFIG_TYPE_STRING) {
        return slice_is(rest, word);
    }
    while (list_next(&rest, &item)) {
        if (slice_is(item, word)) {
            return true;
        }
    }
    return false;
}

static struct candidate now_of(const struct config *config, const struct config_dynamic *dynamic,
                               enum config_key key)
{
    struct candidates c;
    c.count = 0;
    c.wanted = 1;
    add_key(&c, config, dynamic, key, 1, false);
    assert(c.count > 0);
    return c.items[0];
}

int64_t config_now_long(const struct config *config, const struct config_dynamic *dynamic,
                        enum config_key key)
{
    struct candidate now = now_of(config, dynamic, key);
    assert(config_type(key) == CONFIG_TYPE_INT || config_type(key) == CONFIG_TYPE_LONG);
    return now.value.number;
}

struct slice config_now_text(const struct config *config, const struct config_dynamic *dynamic,
                             enum config_key key)
{
    return slice_trim(now_of(config, dynamic, key).text);
}

/* --- DescribeConfigs --- */

static bool default_only(const struct candidates *c)
{
    assert(c->count <= CANDIDATES_MAX);
    return c->count == 0 || c->items[0].origin == CONFIG_FROM_DEFAULT;
}

/* Of the defaults Kafka tells the first key's only. first: NULL: of nobody's. */
static void fill(const struct candidates *c, const struct spec *first, struct config_entry *e)
{
    for (uint32_t i = 0; i < c->count; i++) {
        const struct candidate *from = &c->items[i];
        assert(e->synonym_count < CONFIG_SYNONYMS_MAX);
        if (from->origin == CONFIG_FROM_DEFAULT && from->spec != first) {
            continue;
        }
        e->synonyms[e->synonym_count++] = (struct config_synonym){
            .name = from->spec->name,
            .value = e->sensitive ? (struct slice){0} : from->text,
            .origin = from->origin};
    }
    e->origin = c->count == 0 ? CONFIG_FROM_DEFAULT : c->items[0].origin;
    if (c->count == 0 || e->sensitive) {
        return;
    }
    e->value = c->items[0].text;
    if (c->items[0].unit_ms > 1) {
        int n = snprintf(e->number, sizeof(e->number), "%" PRId64, c->items[0].value.number);
        assert(n > 0 && (size_t)n < sizeof(e->number));
        e->value = slice_of(e->number, (size_t)n);
    }
}

bool config_topic_describe(const struct config *config, const struct config_dynamic *dynamic,
                           enum topic_config_key key, struct config_entry *ret_entry)
{
    struct candidates c;
    candidates_of_topic(&c, CANDIDATES_MAX, config, dynamic, key);
    if (spec_of_topic(key)->unlisted && default_only(&c)) {
        return false;
    }
    *ret_entry = (struct config_entry){.name = topic_config_name(key),
                                       .type = topic_config_type(key),
                                       .documentation = topic_config_doc(key)};
    const enum config_key *keys;
    fill(&c, spec_synonyms(key, &keys) > 0 ? spec_of_key(keys[0]) : NULL, ret_entry);
    assert(ret_entry->name != NULL && ret_entry->documentation != NULL);
    return true;
}

bool config_describe(const struct config *config, const struct config_dynamic *dynamic,
                     enum config_key key, struct config_entry *ret_entry)
{
    struct candidates c = {.count = 0, .wanted = CANDIDATES_MAX};
    add_key(&c, config, dynamic, key, 1, false);
    if (spec_of_key(key)->unlisted && default_only(&c)) {
        return false;
    }
    *ret_entry = (struct config_entry){.name = config_name(key),
                                       .type = config_type(key),
                                       .read_only = config_mode(key) == CONFIG_READ_ONLY,
                                       .sensitive = config_type(key) == CONFIG_TYPE_PASSWORD,
                                       .documentation = config_doc(key)};
    fill(&c, spec_of_key(key), ret_entry);
    assert(!ret_entry->sensitive || ret_entry->value.p == NULL);
    return true;
}
