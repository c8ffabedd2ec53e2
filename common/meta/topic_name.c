#include "common/meta/record.h"

#include <stdio.h>

static bool letter_fits(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '_' || c == '-';
}

/* Bytes of the name that a sentence shows: what is not a letter may be anything. */
static int shown(struct slice name)
{
    return (int)(name.n < TOPIC_NAME_MAX ? name.n : TOPIC_NAME_MAX);
}

bool meta_topic_name_good(struct slice name, char *why, size_t why_bytes)
{
    assert(why_bytes > 0);
    if (name.n == 0) {
        (void)snprintf(why, why_bytes, "Topic name is invalid: the empty string is not allowed");
        return false;
    }
    if (slice_eq(name, slice_str(".")) || slice_eq(name, slice_str(".."))) {
        (void)snprintf(why, why_bytes, "Topic name is invalid: '%.*s' is not allowed", shown(name),
                       (const char *)name.p);
        return false;
    }
    if (name.n > TOPIC_NAME_MAX) {
        (void)snprintf(
            why, why_bytes,
            "Topic name is invalid: the length of '%.*s' is longer than the max allowed length %d",
            shown(name), (const char *)name.p, TOPIC_NAME_MAX);
        return false;
    }
    for (size_t i = 0; i < name.n; i++) {
        if (!letter_fits(name.p[i])) {
            (void)snprintf(why, why_bytes,
                           "Topic name is invalid: '%.*s' contains one or more characters other "
                           "than ASCII alphanumerics, '.', '_' and '-'",
                           shown(name), (const char *)name.p);
            return false;
        }
    }
    assert(name.n <= TOPIC_NAME_MAX);
    return true;
}
