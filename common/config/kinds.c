#include "common/config/kinds.h"
#include "common/config/spec.h"
#include "common/config/tell.h"

#include <stdio.h>

/* KIP-714. */
#define INTERVAL_MIN_MS 100
#define INTERVAL_MAX_MS 3600000

static const struct kind_spec *find(bool group, struct slice name)
{
    for (uint32_t i = 0; i < spec_kind_keys(group); i++) {
        if (slice_is(name, spec_of_kind(group, i)->spec.name)) {
            return spec_of_kind(group, i);
        }
    }
    return NULL;
}

static err_t say(err_t err, char *why, size_t room, const char *what, struct slice name)
{
    struct shown shown = config_show(name);
    assert(err != OK);
    (void)snprintf(why, room, "%s%s", what, shown.text);
    return err;
}

/* --- groups --- */

/* Within what the node's file allows. */
static err_t bounds_check(const struct config *config, const struct kind_spec *kind,
                          struct slice value, char *why, size_t room)
{
    struct spec_value number;
    err_t err = spec_check(&kind->spec, value, &number, why, room);
    assert(err == OK);
    if (kind->least != CONFIG_KEYS && number.number < config_int(config, kind->least)) {
        (void)snprintf(why, room, "%s must be greater than or equal to %s", kind->spec.name,
                       config_name(kind->least));
        return ERR_INVALID;
    }
    if (kind->most != CONFIG_KEYS && number.number > config_int(config, kind->most)) {
        (void)snprintf(why, room, "%s must be less than or equal to %s", kind->spec.name,
                       config_name(kind->most));
        return ERR_INVALID;
    }
    return OK;
}

/* --- client metrics --- */

/* A regular expression that is not cut short: brackets and parentheses closed, no lone backslash at the end. What it means
 * is not looked at. */
static bool pattern_whole(struct slice text)
{
    int64_t open = 0;
    bool in_class = false;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\\') {
            if (++i == text.n) {
                return false;
            }
        } else if (in_class) {
            in_class = text.p[i] != ']';
        } else if (text.p[i] == '[') {
            in_class = true;
        } else if (text.p[i] == '(') {
            open++;
        } else if (text.p[i] == ')' && --open < 0) {
            return false;
        }
    }
    return text.n > 0 && open == 0 && !in_class;
}

static bool match_good(struct slice item)
{
    static const char *const names[] = {"client_instance_id",    "client_id",
                                        "client_software_name",  "client_software_version",
                                        "client_source_address", "client_source_port"};
    const uint8_t *equals = memchr(item.p, '=', item.n);
    size_t n = equals == NULL ? 0 : (size_t)(equals - item.p);
    struct slice name = slice_trim(slice_of(item.p, n));
    for (size_t i = 0; equals != NULL && i < ARRAY_LEN(names); i++) {
        if (slice_is(name, names[i])) {
            return pattern_whole(slice_trim(slice_of(equals + 1, item.n - n - 1)));
        }
    }
    return false;
}

static err_t metrics_check(const struct kind_spec *kind, struct slice value, char *why, size_t room)
{
    struct spec_value number;
    struct slice item;
    err_t err = spec_check(&kind->spec, value, &number, why, room);
    assert(err == OK);
    if (kind->spec.type == CONFIG_TYPE_INT &&
        (number.number < INTERVAL_MIN_MS || number.number > INTERVAL_MAX_MS)) {
        (void)snprintf(why, room,
                       "Invalid value %lld for %s, interval must be between %d and %d (1 hour)",
                       (long long)number.number, kind->spec.name, INTERVAL_MIN_MS, INTERVAL_MAX_MS);
        return ERR_RANGE;
    }
    while (slice_is(slice_str(kind->spec.name), "match") && list_next(&value, &item)) {
        if (!match_good(item)) {
            return say(ERR_INVALID, why, room, "Illegal client matching pattern: ", item);
        }
    }
    return OK;
}

/* --- both --- */

err_t config_kind_judge(const struct config *config, enum config_kind which,
                        const struct config_change *changes, uint32_t count, char *why,
                        size_t why_bytes)
{
    bool group = which == CONFIG_KIND_GROUP;
    assert(why_bytes > 0 && (changes != NULL || count == 0));
    for (uint32_t i = 0; i < count; i++) {
        if (find(group, changes[i].name) == NULL) {
            return group ? say(ERR_INVALID, why, why_bytes,
                               "Unknown group config name: ", changes[i].name)
                         : say(ERR_RANGE, why, why_bytes,
                               "Unknown client metrics configuration: ", changes[i].name);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct kind_spec *kind = find(group, changes[i].name);
        ENSURE(value_judge(&kind->spec, changes[i].value, why, why_bytes), ERR_INVALID);
        TRY(group ? bounds_check(config, kind, changes[i].value, why, why_bytes)
                  : metrics_check(kind, changes[i].value, why, why_bytes));
    }
    return OK;
}

uint32_t config_kind_keys(enum config_kind which)
{
    return spec_kind_keys(which == CONFIG_KIND_GROUP);
}

const char *config_kind_name(enum config_kind which, uint32_t key)
{
    return spec_of_kind(which == CONFIG_KIND_GROUP, key)->spec.name;
}

void config_kind_describe(const struct config *config, const struct config_dynamic *dynamic,
                          enum config_kind which, uint32_t key, struct slice own,
                          struct config_entry *ret_entry)
{
    bool group = which == CONFIG_KIND_GROUP;
    const struct kind_spec *kind = spec_of_kind(group, key);
    struct config_entry behind = {.value = slice_str(kind->spec.fallback),
                                  .origin = CONFIG_FROM_DEFAULT};
    if (kind->behind != CONFIG_KEYS && !config_describe(config, dynamic, kind->behind, &behind)) {
        assert(!"the node's keys behind a group's are told");
    } else if (group && kind->behind == CONFIG_KEYS) {
        behind.synonyms[0] = (struct config_synonym){kind->spec.name, behind.value,
                                                     CONFIG_FROM_DEFAULT};
        behind.synonym_count = 1;
    }
    *ret_entry = behind;
    ret_entry->name = kind->spec.name;
    ret_entry->type = kind->spec.type;
    ret_entry->documentation = "A setting of Kafka's.";
    ret_entry->read_only = false;
    if (own.p != NULL) {
        enum config_origin origin = group ? CONFIG_FROM_GROUP : CONFIG_FROM_CLIENT_METRICS;
        assert(behind.synonym_count < CONFIG_SYNONYMS_MAX);
        memcpy(&ret_entry->synonyms[1], behind.synonyms,
               behind.synonym_count * sizeof(behind.synonyms[0]));
        ret_entry->synonyms[0] = (struct config_synonym){kind->spec.name, own, origin};
        ret_entry->synonym_count = behind.synonym_count + 1;
        ret_entry->value = own;
        ret_entry->origin = origin;
    }
}
