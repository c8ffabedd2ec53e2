/*
 * The `.properties` notation (java.util.Properties.load), as UTF-8. Private to common/config.
 *
 * A line may end with \n, \r or \r\n; an odd number of backslashes before its end continues it, and the next line's leading
 * blanks go. Comments cannot be continued. An unknown escape gives the escaped character. Two \uXXXX may make a surrogate pair.
 */
#ifndef ODRADEK_CONFIG_PROPERTIES_H
#define ODRADEK_CONFIG_PROPERTIES_H

#include "common/base/arena.h"
#include "common/base/err.h"

struct properties {
    struct slice text;
    size_t at;
    uint32_t line; /* lines begun so far */
    uint8_t *scratch;
    size_t scratch_room;
};

struct property {
    struct slice key;   /* unescaped, in the arena; until the next call */
    struct slice value; /* the same; may hold any bytes that the text holds */
    uint32_t line;      /* where it begins, from 1 */
    bool broken;        /* a \u without four hexadecimal digits, or half a surrogate pair */
};

void properties_init(struct properties *, struct slice text);
/* OK, ERR_NOT_FOUND at the end, ERR_NO_MEMORY. */
err_t properties_next(struct properties *, struct arena *, struct property *ret_property) MUST_USE;

#endif
