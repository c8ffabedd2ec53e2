#include "common/config/alter.h"
#include "common/config/spec.h"
#include "common/config/tell.h"

#include <inttypes.h>
#include <stdio.h>

/* --- lists --- */

bool topic_config_is_list(struct slice name)
{
    enum topic_config_key key;
    return topic_config_find(name, &key) && spec_of_topic(key)->type == CONFIG_TYPE_LIST;
}

bool config_is_list(struct slice name)
{
    enum config_key key;
    return config_find(name, &key) && spec_of_key(key)->type == CONFIG_TYPE_LIST;
}

struct slice topic_config_default(struct slice name)
{
    enum topic_config_key key;
    return topic_config_find(name, &key) ? slice_str(spec_of_topic(key)->fallback)
                                         : (struct slice){0};
}

struct slice config_default(struct slice name)
{
    enum config_key key;
    return config_find(name, &key) ? slice_str(spec_of_key(key)->fallback) : (struct slice){0};
}

/* A list under construction: room for all that can come. */
struct items {
    uint8_t *p;
    size_t n;
};

static void items_add(struct items *to, struct slice item)
{
    assert(item.n > 0);
    if (to->n > 0) {
        to->p[to->n++] = ',';
    }
    memcpy(to->p + to->n, item.p, item.n);
    to->n += item.n;
}

static bool list_has(struct slice list, struct slice item)
{
    struct slice other;
    while (list_next(&list, &other)) {
        if (slice_eq(other, item)) {
            return true;
        }
    }
    return false;
}

err_t config_list_change(struct arena *arena, struct slice old, struct slice change,
                         enum config_op op, struct slice *ret_list)
{
    struct slice item;
    assert(op == CONFIG_APPEND || op == CONFIG_SUBTRACT);
    struct items to = {.p = arena_array(arena, old.n + change.n + 2, 1)};
    ENSURE(to.p != NULL, ERR_NO_MEMORY);
    struct slice rest = old;
    while (list_next(&rest, &item)) {
        if (op == CONFIG_APPEND || !list_has(change, item)) {
            items_add(&to, item);
        }
    }
    rest = change;
    while (op == CONFIG_APPEND && list_next(&rest, &item)) {
        if (!list_has(slice_of(to.p, to.n), item)) {
            items_add(&to, item);
        }
    }
    assert(to.n <= old.n + change.n + 2);
    *ret_list = slice_of(to.p, to.n);
    return OK;
}

/* --- one value --- */

static bool refuse(char *why, size_t room, const char *sentence)
{
    assert(room > 0);
    (void)snprintf(why, room, "%s", sentence);
    return false;
}

/* A refused value as Kafka prints it, which is as what it was parsed to. */
static struct shown show_value(const struct spec *spec, struct slice value)
{
    struct spec_value parsed;
    char reason[256];
    struct shown shown = config_show(value);
    struct slice rest = value;
    struct slice item;
    if (spec->type == CONFIG_TYPE_PASSWORD) {
        return (struct shown){"(hidden)"};
    }
    if (spec->type == CONFIG_TYPE_LIST && spec->valid.rule == SPEC_WORDS) {
        while (list_next(&rest, &item)) {
            if (spec_check(spec, item, &parsed, reason, sizeof(reason)) != OK) {
                return config_show(item);
            }
        }
    } else if (spec->type == CONFIG_TYPE_LIST) {
        size_t n = 0;
        shown.text[0] = '\0';
        while (list_next(&rest, &item) && n < sizeof(shown.text)) {
            struct shown one = config_show(item);
            n += (size_t)snprintf(shown.text + n, sizeof(shown.text) - n, "%s%.100s",
                                  n == 0 ? "[" : ", ", one.text);
        }
        n = n < sizeof(shown.text) - 1 ? n : sizeof(shown.text) - 2;
        (void)snprintf(shown.text + n, sizeof(shown.text) - n, "]");
    } else if (spec->type == CONFIG_TYPE_DOUBLE &&
               (spec_check(spec, value, &parsed, reason, sizeof(reason)) == OK ||
                parsed.real != 0)) {
        double whole = (double)(int64_t)(parsed.real > 1e9 || parsed.real < -1e9 ? 0.5
                                                                                 : parsed.real);
        (void)snprintf(shown.text, sizeof(shown.text), parsed.real - whole == 0 ? "%.1f" : "%g",
                       parsed.real);
    }
    return shown;
}

bool value_judge(const struct spec *spec, struct slice value, char *why, size_t room)
{
    struct spec_value parsed;
    char reason[256];
    if (spec_check(spec, value, &parsed, reason, sizeof(reason)) != OK) {
        struct shown shown = show_value(spec, value);
        (void)snprintf(why, room, "Invalid value %s for configuration %s: %s", shown.text,
                       spec->name, reason);
        return false;
    }
    if (spec->effect == CONFIG_REFUSED &&
        !slice_is(slice_trim(value), spec->fallback == NULL ? "" : spec->fallback)) {
        return refuse(why, room, spec->text);
    }
    return true;
}

/* --- topics --- */

bool topic_config_judge(const struct config_change *changes, uint32_t count, char *why,
                        size_t why_bytes)
{
    enum topic_config_key key;
    assert(changes != NULL || count == 0);
    for (uint32_t i = 0; i < count; i++) {
        struct shown shown = config_show(changes[i].name);
        if (changes[i].value.p == NULL) {
            (void)snprintf(why, why_bytes, "Null value not supported for topic configs: %s",
                           shown.text);
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        struct shown shown = config_show(changes[i].name);
        if (!topic_config_find(changes[i].name, &key)) {
            (void)snprintf(why, why_bytes, "Unknown topic config name: %s", shown.text);
            return false;
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        bool known = topic_config_find(changes[i].name, &key);
        assert(known);
        if (!value_judge(spec_of_topic(key), changes[i].value, why, why_bytes)) {
            return false;
        }
    }
    return true;
}

bool topic_config_check(struct slice name, struct slice value, char *why, size_t why_bytes)
{
    const struct config_change change = {name, value};
    assert(why != NULL && why_bytes > 0);
    return topic_config_judge(&change, 1, why, why_bytes);
}

bool topic_config_judge_together(struct slice (*value)(const void *ctx, const char *name),
                                 const void *ctx, char *why, size_t why_bytes)
{
    struct spec_value least;
    struct spec_value most;
    const struct spec *min = spec_of_topic(TOPIC_CONFIG_MIN_COMPACTION_LAG_MS);
    const struct spec *max = spec_of_topic(TOPIC_CONFIG_MAX_COMPACTION_LAG_MS);
    struct slice low = value(ctx, min->name);
    struct slice high = value(ctx, max->name);
    assert(why != NULL && why_bytes > 0);
    if (low.p == NULL || high.p == NULL || spec_check(min, low, &least, why, why_bytes) != OK ||
        spec_check(max, high, &most, why, why_bytes) != OK || least.number <= most.number) {
        return true; /* a value that is bad by itself was told by itself */
    }
    (void)snprintf(why, why_bytes,
                   "conflict topic config setting %s (%" PRId64 ") > %s (%" PRId64 ")", min->name,
                   least.number, max->name, most.number);
    return false;
}

/* --- nodes --- */

/* Names gathered for one sentence: "what: [a, b]". */
struct names {
    char text[400];
    size_t n;
};

static void names_add(struct names *names, const char *name)
{
    if (names->n < sizeof(names->text)) {
        names->n += (size_t)snprintf(names->text + names->n, sizeof(names->text) - names->n, "%s%s",
                                     names->n == 0 ? "" : ", ", name);
    }
    assert(names->text[sizeof(names->text) - 1] == '\0');
}

static bool per_listener(const struct spec *spec)
{
    return spec->mode == CONFIG_PER_BROKER && strncmp(spec->name, "ssl.", 4) == 0;
}

static bool prefixed(struct slice name)
{
    return slice_starts(name, "listener.name.");
}

static bool told(const struct names *names, const char *what, char *why, size_t room)
{
    if (names->n > 0) {
        (void)snprintf(why, room, "%s: [%s]", what, names->text);
    }
    return names->n > 0;
}

/* What may not be changed this way at all. */
static bool modes_judge(const struct config_change *changes, uint32_t count, bool one, char *why,
                        size_t room)
{
    struct names fixed = {.n = 0};
    struct names listeners = {.n = 0};
    struct names singles = {.n = 0};
    for (uint32_t i = 0; i < count; i++) {
        enum config_key key;
        bool known = config_find(changes[i].name, &key);
        const struct spec *spec = known ? spec_of_key(key) : NULL;
        if (known && spec->mode == CONFIG_READ_ONLY) {
            names_add(&fixed, spec->name);
        } else if (known && per_listener(spec)) {
            names_add(&listeners, spec->name);
        } else if ((known && spec->mode == CONFIG_PER_BROKER) || prefixed(changes[i].name)) {
            struct shown shown = config_show(changes[i].name);
            names_add(&singles, shown.text);
        }
    }
    assert(fixed.n + listeners.n + singles.n == 0 || count > 0);
    return !told(&fixed, "Cannot update these configs dynamically", why, room) &&
           !told(&listeners,
                 "These security configs can be dynamically updated only per-listener using the "
                 "listener prefix",
                 why, room) &&
           (one ||
            !told(
                &singles,
                "Cannot update these configs at default cluster level, broker id must be specified",
                why, room));
}

bool config_judge(const struct config_change *changes, uint32_t count, bool one, char *why,
                  size_t why_bytes)
{
    assert(why != NULL && why_bytes > 0);
    if (!modes_judge(changes, count, one, why, why_bytes)) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        enum config_key key;
        if (config_find(changes[i].name, &key) &&
            !value_judge(spec_of_key(key), changes[i].value, why, why_bytes)) {
            return false;
        }
    }
    return true;
}
