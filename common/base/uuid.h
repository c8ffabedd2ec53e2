/*
 * Kafka's UUIDs: 16 bytes, written as 22 characters of URL-safe base64 without padding (KIP-516).
 * All zeros means "none". Topic ids, directory ids, cluster ids and incarnations are made from entropy by uuid_from_random,
 * which avoids the reserved values 0 and 1 and ids whose text begins with '-' (people paste them into command lines).
 */
#ifndef ODRADEK_BASE_UUID_H
#define ODRADEK_BASE_UUID_H

#include "common/base/err.h"

#define UUID_TEXT_LEN 22

struct uuid {
    uint8_t b[16];
};

#define UUID_NONE ((struct uuid){{0}})

struct uuid_text {
    char s[UUID_TEXT_LEN + 1];
};

/* By halves: a memcmp would have both copied into memory first, and what compares nodes and topics does little else. */
static inline bool uuid_eq(struct uuid a, struct uuid b)
{
    uint64_t x[2];
    uint64_t y[2];
    memcpy(x, a.b, sizeof(x));
    memcpy(y, b.b, sizeof(y));
    return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

bool uuid_is_none(struct uuid);
int uuid_cmp(struct uuid a, struct uuid b);

/* A version 4 UUID of 16 random bytes. False: these bytes gave a reserved or awkward id, draw again. */
bool uuid_from_random(const uint8_t entropy[16], struct uuid *ret_uuid) MUST_USE;

struct uuid_text uuid_print(struct uuid);
/* ERR_MALFORMED unless exactly 22 characters of URL-safe base64. */
err_t uuid_parse(struct slice text, struct uuid *ret_uuid) MUST_USE;

#endif
