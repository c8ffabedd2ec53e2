/*
 * Rows of the tables as structs, and the check of a text against a row. Private to common/config.
 */
#ifndef ODRADEK_CONFIG_SPEC_H
#define ODRADEK_CONFIG_SPEC_H

#include "common/config/topic_config.h"

enum spec_rule {
    SPEC_ANY,
    SPEC_RANGE,
    SPEC_WORDS,
    SPEC_GZIP_LEVEL,
    SPEC_THROTTLED,
    SPEC_OVERRIDES,
    SPEC_OFFSET_RESET
};

struct spec {
    const char *name;
    const char *fallback; /* the default; NULL: none */
    const char *kafka;    /* Kafka's default where ours differs */
    const char *text;
    enum config_type type;
    enum config_mode mode;
    enum config_effect effect;
    bool unlisted; /* told only where it is set */
    struct spec_valid {
        enum spec_rule rule;
        bool any_case;
        int64_t min;
        int64_t max;
        const char *const *words; /* the last is NULL */
    } valid;
};

#define SPEC_SYNONYMS_MAX 3

/* Rows of kinds_table.h: the node's keys are CONFIG_KEYS where there is none. */
struct kind_spec {
    struct spec spec;
    enum config_key behind;
    enum config_key least;
    enum config_key most;
};
uint32_t spec_kind_keys(bool group);
const struct kind_spec *spec_of_kind(bool group, uint32_t key);

const struct spec *spec_of_key(enum config_key);
const struct spec *spec_of_topic(enum topic_config_key);
/* The node's keys behind a topic's setting, the first that is set counts. */
uint32_t spec_synonyms(enum topic_config_key, const enum config_key **ret_keys);
/* Milliseconds of one unit of this key: 1 for .ms. */
int64_t spec_unit_ms(enum config_key);

/* Earlier and foreign keys: what to do about `name`, or NULL. */
const char *spec_legacy(struct slice name);
/* Keys with a free rest: the word why they have no effect, or NULL. */
const char *spec_prefix(struct slice name);
/* The known name that is most like it, or NULL if none is much like it. */
const char *spec_nearest(struct slice name);

/* What a text says; only the member of the type is set. */
struct spec_value {
    int64_t number;
    double real;
};
/* ERR_INVALID: `why` is a phrase as Kafka's. The text is UTF-8 without control bytes (spec_text_good). */
err_t spec_check(const struct spec *, struct slice text, struct spec_value *ret_value, char *why,
                 size_t why_room) MUST_USE;
/* Text that may be a value: UTF-8 without control bytes other than tab and newline. */
bool spec_text_good(struct slice text);

/* Without blanks and control bytes around it (java.lang.String.trim). */
struct slice slice_trim(struct slice);
/* Items of a list, trimmed; empty ones are passed over. `rest` starts as the whole. */
bool list_next(struct slice *rest, struct slice *ret_item);
bool slice_is(struct slice, const char *word);
bool slice_starts(struct slice, const char *word);
/* An integer of the decimal kind within [min, max]. */
bool int_parse(struct slice text, int64_t min, int64_t max, int64_t *ret_number);

#endif
