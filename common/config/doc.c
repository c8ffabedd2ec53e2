#include "common/config/spec.h"

#include <stdio.h>

struct out {
    void (*write)(void *ctx, struct slice);
    void *ctx;
};

static void put(struct out *out, const char *text)
{
    assert(text != NULL);
    out->write(out->ctx, slice_str(text));
}

static void put_valid(struct out *out, const struct spec *spec)
{
    char text[160] = "";
    const struct spec_valid *valid = &spec->valid;
    if (valid->rule == SPEC_RANGE) {
        int n = snprintf(text, sizeof(text), valid->max == INT64_MAX ? "from %lld" : "%lld to %lld",
                         (long long)valid->min, (long long)valid->max);
        assert(n > 0 && (size_t)n < sizeof(text));
    }
    put(out, valid->rule == SPEC_GZIP_LEVEL  ? "1 to 9, or -1"
             : valid->rule == SPEC_THROTTLED ? "`partition:broker,...` or `*`"
             : valid->rule == SPEC_OVERRIDES ? "`address:count,...`"
                                             : text);
    for (const char *const *w = valid->words; valid->rule == SPEC_WORDS && *w != NULL; w++) {
        put(out, w == valid->words ? "`" : ", `");
        put(out, *w);
        put(out, "`");
    }
}

static void put_default(struct out *out, const struct spec *spec)
{
    if (spec->fallback != NULL && spec->fallback[0] != '\0') {
        put(out, "`");
        put(out, spec->fallback);
        put(out, "`");
    } else {
        put(out, spec->fallback == NULL ? "none" : "empty");
    }
    if (spec->kafka != NULL) {
        put(out, " (Kafka: ");
        put(out, spec->kafka);
        put(out, ")");
    }
}

static const char *type_name(enum config_type type)
{
    static const char *const names[] = {
        [CONFIG_TYPE_BOOLEAN] = "boolean",   [CONFIG_TYPE_STRING] = "string",
        [CONFIG_TYPE_INT] = "int",           [CONFIG_TYPE_SHORT] = "short",
        [CONFIG_TYPE_LONG] = "long",         [CONFIG_TYPE_DOUBLE] = "double",
        [CONFIG_TYPE_LIST] = "list",         [CONFIG_TYPE_CLASS] = "class",
        [CONFIG_TYPE_PASSWORD] = "password",
    };
    assert((size_t)type < ARRAY_LEN(names) && names[type] != NULL);
    return names[type];
}

static void put_row(struct out *out, const struct spec *spec, const char *last)
{
    put(out, "| `");
    put(out, spec->name);
    put(out, spec->effect == CONFIG_OWN ? "` (ours) | " : "` | ");
    put(out, type_name(spec->type));
    put(out, " | ");
    put_default(out, spec);
    put(out, " | ");
    put_valid(out, spec);
    put(out, " | ");
    put(out, last);
    put(out, " | ");
    put(out, spec->text);
    put(out, " |\n");
}

static const char *mode_name(enum config_mode mode)
{
    return mode == CONFIG_READ_ONLY    ? "restart"
           : mode == CONFIG_PER_BROKER ? "per broker"
                                       : "cluster-wide";
}

static void put_working(struct out *out)
{
    put(out, "## Keys that work\n\n| key | type | default | valid | change | what it does |\n"
             "|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        const struct spec *spec = spec_of_key((enum config_key)i);
        if (spec->effect == CONFIG_WORKS || spec->effect == CONFIG_OWN) {
            put_row(out, spec, mode_name(spec->mode));
        }
    }
}

static void put_topics(struct out *out)
{
    put(out,
        "\n## Settings of topics\n\n| setting | type | default | valid | without it counts | what it "
        "does |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < TOPIC_CONFIG_KEYS; i++) {
        const struct spec *spec = spec_of_topic((enum topic_config_key)i);
        const enum config_key *keys;
        uint32_t n = spec_synonyms((enum topic_config_key)i, &keys);
        char names[256] = "";
        size_t at = 0;
        for (uint32_t k = 0; k < n; k++) {
            at += (size_t)snprintf(names + at, sizeof(names) - at, "%s`%s`", k > 0 ? ", " : "",
                                   config_name(keys[k]));
            assert(at < sizeof(names));
        }
        if (spec->effect == CONFIG_WORKS || spec->effect == CONFIG_OWN) {
            put_row(out, spec, names);
        }
    }
}

/* "- `name`: what" */
static void put_line(struct out *out, const struct spec *spec)
{
    put(out, "- `");
    put(out, spec->name);
    put(out, "`: ");
    put(out, spec->text);
    put(out, "\n");
}

static void put_others(struct out *out, enum config_effect effect)
{
    for (size_t i = 0; i < CONFIG_KEYS; i++) {
        if (config_effect((enum config_key)i) == effect) {
            put_line(out, spec_of_key((enum config_key)i));
        }
    }
    put(out, "\nof topics:\n\n");
    for (size_t i = 0; i < TOPIC_CONFIG_KEYS; i++) {
        if (topic_config_effect((enum topic_config_key)i) == effect) {
            put_line(out, spec_of_topic((enum topic_config_key)i));
        }
    }
}

void config_doc_print(void (*write)(void *ctx, struct slice), void *ctx)
{
    struct out out = {write, ctx};
    assert(write != NULL);
    put(&out,
        "# Configuration\n\n"
        "Made from common/config/config_table.h; the unit test `doc` compares, and writes it anew when "
        "REWRITE_DOCS is set.\n\n"
        "A node reads one `.properties` file with Apache Kafka's names, units and defaults (4.3.1), and "
        "`--override key=value`, which goes before the file. Where a default differs on purpose, Kafka's "
        "stands beside it; keys that Kafka does not have are marked *ours*. A key that nobody knows gives a "
        "warning with the nearest known name.\n\n"
        "*Change* says how a value can change: with a restart, or at run time for one broker or for the "
        "whole cluster. *Decided by the cluster* means that a topic's own value counts, else the "
        "cluster-wide default, else the files, which must agree; a value set for one broker never.\n\n");
    put_working(&out);
    put_topics(&out);
    put(&out,
        "\n## Keys that are refused\n\nAny value other than Kafka's default keeps the node from "
        "starting: it would promise something that is not kept.\n\n");
    put_others(&out, CONFIG_REFUSED);
    put(&out,
        "\n## Keys without effect\n\nKnown, so that Kafka's files can be used as they are; one line in "
        "the log says so. The word says what they would belong to.\n\n");
    put_others(&out, CONFIG_NO_EFFECT);
}
