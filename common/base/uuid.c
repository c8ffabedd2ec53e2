#include "common/base/uuid.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

bool uuid_is_none(struct uuid uuid)
{
    return uuid_eq(uuid, UUID_NONE);
}

int uuid_cmp(struct uuid a, struct uuid b)
{
    return memcmp(a.b, b.b, sizeof(a.b));
}

bool uuid_from_random(const uint8_t entropy[16], struct uuid *ret_uuid)
{
    struct uuid uuid;
    memcpy(uuid.b, entropy, sizeof(uuid.b));
    uuid.b[6] = (uint8_t)((uuid.b[6] & 0x0f) | 0x40); /* RFC 9562 §5.4: version and variant bits */
    uuid.b[8] = (uint8_t)((uuid.b[8] & 0x3f) | 0x80);
    *ret_uuid = uuid;
    return uuid_print(uuid).s[0] != '-';
}

struct uuid_text uuid_print(struct uuid uuid)
{
    struct uuid_text text;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t out = 0;
    for (size_t i = 0; i < sizeof(uuid.b); i++) {
        bits = (bits << 8) | uuid.b[i];
        for (have += 8; have >= 6; have -= 6) {
            text.s[out++] = digits[(bits >> (have - 6)) & 63];
        }
    }
    text.s[out++] = digits[(bits << (6 - have)) & 63];
    assert(out == UUID_TEXT_LEN);
    text.s[out] = '\0';
    return text;
}

err_t uuid_parse(struct slice text, struct uuid *ret_uuid)
{
    ENSURE(text.n == UUID_TEXT_LEN, ERR_MALFORMED);
    struct uuid uuid;
    uint32_t bits = 0;
    unsigned have = 0;
    size_t out = 0;
    for (size_t i = 0; i < text.n; i++) {
        const char *digit = text.p[i] == 0 ? NULL : strchr(digits, text.p[i]);
        ENSURE(digit != NULL, ERR_MALFORMED);
        bits = (bits << 6) | (uint32_t)(digit - digits);
        have += 6;
        if (have >= 8) {
            have -= 8;
            uuid.b[out++] = (uint8_t)(bits >> have);
        }
    }
    assert(out == sizeof(uuid.b));
    *ret_uuid = uuid;
    return OK;
}
