#include "common/config/spec.h"
#include "common/config/kinds_table.h"

#include "common/base/similar.h"

#define ANY              \
    {                    \
        .rule = SPEC_ANY \
    }
#define AT_LEAST(n)                                      \
    {                                                    \
        .rule = SPEC_RANGE, .min = (n), .max = INT64_MAX \
    }
#define BETWEEN(n, m)                              \
    {                                              \
        .rule = SPEC_RANGE, .min = (n), .max = (m) \
    }
#define WORDS(...)        \
    (const char *const[]) \
    {                     \
        __VA_ARGS__, NULL \
    }
#define ONE_OF(...)                                     \
    {                                                   \
        .rule = SPEC_WORDS, .words = WORDS(__VA_ARGS__) \
    }
#define ONE_OF_ANY_CASE(...)                                              \
    {                                                                     \
        .rule = SPEC_WORDS, .any_case = true, .words = WORDS(__VA_ARGS__) \
    }
#define GZIP_LEVEL              \
    {                           \
        .rule = SPEC_GZIP_LEVEL \
    }
#define THROTTLED              \
    {                          \
        .rule = SPEC_THROTTLED \
    }

#define OVERRIDES              \
    {                          \
        .rule = SPEC_OVERRIDES \
    }

#define OFFSET_RESET              \
    {                             \
        .rule = SPEC_OFFSET_RESET \
    }

#define WORKS      .effect = CONFIG_WORKS
#define OWN        .effect = CONFIG_OWN
#define NO_EFFECT  .effect = CONFIG_NO_EFFECT
#define UNLISTED   .effect = CONFIG_NO_EFFECT, .unlisted = true
#define HIDDEN     .effect = CONFIG_HIDDEN, .unlisted = true
#define REFUSED    .effect = CONFIG_REFUSED
#define DIFFERS(d) .effect = CONFIG_WORKS, .kafka = (d)

static const struct spec keys[] = {
#define KEY_ROW(id, the_name, the_type, the_fallback, the_valid, the_mode, the_effect, the_text) \
    [CONFIG_##id] = {.name = the_name,                                                           \
                     .fallback = the_fallback,                                                   \
                     .text = the_text,                                                           \
                     .type = CONFIG_TYPE_##the_type,                                             \
                     .mode = CONFIG_##the_mode,                                                  \
                     .valid = the_valid,                                                         \
                     the_effect},
    CONFIG_TABLE(KEY_ROW)
#undef KEY_ROW
};

static const struct spec topics[] = {
#define TOPIC_ROW(id, the_name, the_type, the_fallback, the_valid, the_synonyms, the_effect, \
                  the_text)                                                                  \
    [TOPIC_CONFIG_##id] = {.name = the_name,                                                 \
                           .fallback = the_fallback,                                         \
                           .text = the_text,                                                 \
                           .type = CONFIG_TYPE_##the_type,                                   \
                           .mode = CONFIG_CLUSTER_WIDE,                                      \
                           .valid = the_valid,                                               \
                           the_effect},
    CONFIG_TOPIC_TABLE(TOPIC_ROW)
#undef TOPIC_ROW
};

#define KIND_ROW(id, the_name, the_type, the_fallback, the_valid, the_behind, the_least, the_most) \
    {.spec = {.name = the_name,                                                                    \
              .fallback = the_fallback,                                                            \
              .text = the_name,                                                                    \
              .type = CONFIG_TYPE_##the_type,                                                      \
              .mode = CONFIG_CLUSTER_WIDE,                                                         \
              .valid = the_valid},                                                                 \
     .behind = the_behind,                                                                         \
     .least = the_least,                                                                           \
     .most = the_most},
static const struct kind_spec groups[] = {CONFIG_GROUP_TABLE(KIND_ROW)};
static const struct kind_spec client_metrics[] = {CONFIG_CLIENT_METRICS_TABLE(KIND_ROW)};
#undef KIND_ROW

uint32_t spec_kind_keys(bool group)
{
    return group ? (uint32_t)ARRAY_LEN(groups) : (uint32_t)ARRAY_LEN(client_metrics);
}

const struct kind_spec *spec_of_kind(bool group, uint32_t key)
{
    assert(key < spec_kind_keys(group));
    return group ? &groups[key] : &client_metrics[key];
}

struct synonyms {
    uint32_t count;
    enum config_key keys[SPEC_SYNONYMS_MAX];
};
#define SYNONYMS(...)                                                                      \
    {                                                                                      \
        .count = sizeof((const enum config_key[]){__VA_ARGS__}) / sizeof(enum config_key), \
        .keys = {                                                                          \
            __VA_ARGS__                                                                    \
        }                                                                                  \
    }
#define NO_SYNONYM \
    {              \
        .count = 0 \
    }

static const struct synonyms synonyms[] = {
#define SYNONYM_ROW(id, name, type, fallback, valid, the_synonyms, effect, text) \
    [TOPIC_CONFIG_##id] = the_synonyms,
    CONFIG_TOPIC_TABLE(SYNONYM_ROW)
#undef SYNONYM_ROW
};

const struct spec *spec_of_key(enum config_key key)
{
    assert((size_t)key < CONFIG_KEYS && keys[key].name != NULL);
    return &keys[key];
}

const struct spec *spec_of_topic(enum topic_config_key key)
{
    assert((size_t)key < TOPIC_CONFIG_KEYS && topics[key].name != NULL);
    return &topics[key];
}

uint32_t spec_synonyms(enum topic_config_key key, const enum config_key **ret_keys)
{
    assert((size_t)key < TOPIC_CONFIG_KEYS && synonyms[key].count <= SPEC_SYNONYMS_MAX);
    *ret_keys = synonyms[key].keys;
    return synonyms[key].count;
}

int64_t spec_unit_ms(enum config_key key)
{
    const char *name = spec_of_key(key)->name;
    assert(spec_of_key(key)->type == CONFIG_TYPE_INT || spec_of_key(key)->type == CONFIG_TYPE_LONG);
    const char *unit = strrchr(name, '.');
    assert(unit != NULL);
    return strcmp(unit, ".hours") == 0     ? 3600000
           : strcmp(unit, ".minutes") == 0 ? 60000
           : strcmp(unit, ".seconds") == 0 ? 1000
                                           : 1;
}

static const struct {
    const char *name;
    const char *text;
} legacy[] =
    {
#define LEGACY_ROW(the_name, the_text) {the_name, the_text},
        CONFIG_LEGACY_TABLE(LEGACY_ROW)
#undef LEGACY_ROW
},
  prefixes[] = {
#define PREFIX_ROW(the_name, the_text) {the_name, the_text},
      CONFIG_PREFIX_TABLE(PREFIX_ROW)
#undef PREFIX_ROW
};

const char *spec_legacy(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(legacy); i++) {
        if (slice_starts(name, legacy[i].name)) {
            return legacy[i].text;
        }
    }
    return NULL;
}

const char *spec_prefix(struct slice name)
{
    for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
        if (slice_starts(name, prefixes[i].name)) {
            return prefixes[i].text;
        }
    }
    return NULL;
}

/* --- the table as others see it --- */

const char *config_name(enum config_key key)
{
    return spec_of_key(key)->name;
}

enum config_type config_type(enum config_key key)
{
    return spec_of_key(key)->type;
}

enum config_mode config_mode(enum config_key key)
{
    return spec_of_key(key)->mode;
}

enum config_effect config_effect(enum config_key key)
{
    return spec_of_key(key)->effect;
}

static const char *text_of(const struct spec *spec)
{
    bool silent = spec->effect == CONFIG_NO_EFFECT || spec->effect == CONFIG_HIDDEN;
    return silent ? "Known for the sake of Apache Kafka's files; it has no effect here."
                  : spec->text;
}

const char *config_doc(enum config_key key)
{
    return text_of(spec_of_key(key));
}

bool config_find(struct slice name, enum config_key *ret_key)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        if (slice_is(name, keys[i].name)) {
            *ret_key = (enum config_key)i;
            return true;
        }
    }
    return false;
}

const char *topic_config_name(enum topic_config_key key)
{
    return spec_of_topic(key)->name;
}

enum config_type topic_config_type(enum topic_config_key key)
{
    return spec_of_topic(key)->type;
}

enum config_effect topic_config_effect(enum topic_config_key key)
{
    return spec_of_topic(key)->effect;
}

const char *topic_config_doc(enum topic_config_key key)
{
    return text_of(spec_of_topic(key));
}

bool topic_config_find(struct slice name, enum topic_config_key *ret_key)
{
    for (size_t i = 0; i < TOPIC_CONFIG_KEYS; i++) {
        if (slice_is(name, topics[i].name)) {
            *ret_key = (enum topic_config_key)i;
            return true;
        }
    }
    return false;
}

bool topic_config_of_cluster(enum topic_config_key key)
{
    assert((size_t)key < TOPIC_CONFIG_KEYS);
    return key == TOPIC_CONFIG_DURABILITY || key == TOPIC_CONFIG_MIN_ISR ||
           key == TOPIC_CONFIG_UNCLEAN;
}

/* --- the nearest name --- */

const char *spec_nearest(struct slice name)
{
    const char *best = NULL;
    uint32_t most = similar_most(name);
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        uint32_t d = similar_distance(name, slice_str(keys[i].name), most);
        if (d < most) {
            most = d;
            best = keys[i].name;
        }
    }
    return best;
}
