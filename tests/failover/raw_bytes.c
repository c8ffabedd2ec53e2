#include "tests/failover/raw_bytes.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static uint8_t *room(struct out *o, size_t len)
{
    if (o->len + len > o->cap) {
        o->cap = (o->len + len) * 2 + 256;
        o->data = realloc(o->data, o->cap);
        assert(o->data != NULL);
    }
    o->len += len;
    return o->data + o->len - len;
}

void out_free(struct out *o)
{
    free(o->data);
    *o = (struct out){0};
}

void put_raw(struct out *o, const void *data, size_t len)
{
    if (len > 0)
        memcpy(room(o, len), data, len);
}

static void put_be(struct out *o, uint64_t v, int bytes)
{
    uint8_t *to = room(o, (size_t)bytes);
    for (int i = 0; i < bytes; i++)
        to[i] = (uint8_t)(v >> (8 * (bytes - 1 - i)));
}

void put_i8(struct out *o, int8_t v)
{
    put_be(o, (uint8_t)v, 1);
}

void put_i16(struct out *o, int16_t v)
{
    put_be(o, (uint16_t)v, 2);
}

void put_i32(struct out *o, int32_t v)
{
    put_be(o, (uint32_t)v, 4);
}

void put_i64(struct out *o, int64_t v)
{
    put_be(o, (uint64_t)v, 8);
}

void put_uvarint(struct out *o, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        put_i8(o, (int8_t)(v | 0x80));
    put_i8(o, (int8_t)v);
}

void put_varint(struct out *o, int64_t v)
{
    put_uvarint(o, ((uint64_t)v << 1) ^ (uint64_t)(v >> 63));
}

void put_text(struct out *o, const char *s)
{
    put_i16(o, (int16_t)strlen(s));
    put_raw(o, s, strlen(s));
}

void put_compact_text(struct out *o, const char *s)
{
    put_uvarint(o, strlen(s) + 1);
    put_raw(o, s, strlen(s));
}

void patch_i32(struct out *o, size_t at, uint32_t v)
{
    assert(at + 4 <= o->len);
    for (int i = 0; i < 4; i++)
        o->data[at + (size_t)i] = (uint8_t)(v >> (24 - 8 * i));
}

const uint8_t *get_raw(struct in *i, size_t len)
{
    if ((size_t)(i->end - i->at) < len) {
        i->bad = true;
        i->at = i->end;
        return NULL;
    }
    i->at += len;
    return i->at - len;
}

static uint64_t get_be(struct in *i, size_t bytes)
{
    const uint8_t *p = get_raw(i, bytes);
    uint64_t v = 0;
    for (size_t k = 0; p != NULL && k < bytes; k++)
        v = v << 8 | p[k];
    return v;
}

int8_t get_i8(struct in *i)
{
    return (int8_t)get_be(i, 1);
}

int16_t get_i16(struct in *i)
{
    return (int16_t)get_be(i, 2);
}

int32_t get_i32(struct in *i)
{
    return (int32_t)get_be(i, 4);
}

int64_t get_i64(struct in *i)
{
    return (int64_t)get_be(i, 8);
}

uint64_t get_uvarint(struct in *i)
{
    uint64_t v = 0;
    for (int shift = 0; shift < 70; shift += 7) {
        uint8_t byte = (uint8_t)get_i8(i);
        if (shift < 64)
            v |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return v;
    }
    i->bad = true;
    return 0;
}

int64_t get_varint(struct in *i)
{
    uint64_t v = get_uvarint(i);
    return (int64_t)(v >> 1) ^ -(int64_t)(v & 1);
}

static void take_text(struct in *i, int64_t len, char *ret_text, size_t cap)
{
    const uint8_t *p = len > 0 ? get_raw(i, (size_t)len) : NULL;
    size_t n = p == NULL ? 0 : (size_t)len < cap ? (size_t)len : cap - 1;
    if (n > 0)
        memcpy(ret_text, p, n);
    ret_text[n] = 0;
}

void get_text(struct in *i, char *ret_text, size_t cap)
{
    int16_t len = get_i16(i);
    take_text(i, len, ret_text, cap);
}

void get_compact_text(struct in *i, char *ret_text, size_t cap)
{
    int64_t len = (int64_t)get_uvarint(i) - 1;
    take_text(i, len, ret_text, cap);
}

void skip_tags(struct in *i)
{
    for (uint64_t n = get_uvarint(i); n > 0 && !i->bad; n--) {
        get_uvarint(i);
        get_raw(i, get_uvarint(i));
    }
}

/* Reflected CRC with a table per polynomial, filled at first use. */
static uint32_t crc(uint32_t *table, uint32_t polynomial, const void *data, size_t len)
{
    if (table[1] == 0)
        for (uint32_t n = 0; n < 256; n++) {
            uint32_t c = n;
            for (int k = 0; k < 8; k++)
                c = c >> 1 ^ (c & 1 ? polynomial : 0);
            table[n] = c;
        }
    uint32_t c = ~0u;
    const uint8_t *p = data;
    for (size_t k = 0; k < len; k++)
        c = table[(c ^ p[k]) & 255] ^ c >> 8;
    return ~c;
}

uint32_t crc32c(const void *data, size_t len)
{
    static uint32_t table[256];
    return crc(table, 0x82f63b78u, data, len);
}

uint32_t crc32_ieee(const void *data, size_t len)
{
    static uint32_t table[256];
    return crc(table, 0xedb88320u, data, len);
}

static uint64_t clock_ns(clockid_t id)
{
    struct timespec t;
    int rc = clock_gettime(id, &t);
    assert(rc == 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t now_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

int64_t wall_ms(void)
{
    return (int64_t)(clock_ns(CLOCK_REALTIME) / 1000000);
}
