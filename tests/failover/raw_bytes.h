/*
 * Bytes for the raw client: growing output, bounded input, the two checksums, the clock.
 *
 * The raw client shares no code with the product on purpose: a mistake in our codec must not hide itself.
 * All integers big-endian, varints as in the Kafka protocol (unsigned LEB128; zigzag in records).
 */
#ifndef ODRADEK_TESTS_FAILOVER_RAW_BYTES_H
#define ODRADEK_TESTS_FAILOVER_RAW_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct out {
    uint8_t *data;
    size_t len, cap;
};

void out_free(struct out *o);
void put_raw(struct out *o, const void *data, size_t len);
void put_i8(struct out *o, int8_t v);
void put_i16(struct out *o, int16_t v);
void put_i32(struct out *o, int32_t v);
void put_i64(struct out *o, int64_t v);
void put_uvarint(struct out *o, uint64_t v);
void put_varint(struct out *o, int64_t v);
void put_text(struct out *o, const char *s);         /* i16 length */
void put_compact_text(struct out *o, const char *s); /* uvarint length + 1 */
void patch_i32(struct out *o, size_t at, uint32_t v);

/* Reading past the end gives zeros and sets `bad`. */
struct in {
    const uint8_t *at, *end;
    bool bad;
};

const uint8_t *get_raw(struct in *i, size_t len); /* NULL past the end */
int8_t get_i8(struct in *i);
int16_t get_i16(struct in *i);
int32_t get_i32(struct in *i);
int64_t get_i64(struct in *i);
uint64_t get_uvarint(struct in *i);
int64_t get_varint(struct in *i);
void get_text(struct in *i, char *ret_text, size_t cap); /* i16 length, -1 gives "" */
void get_compact_text(struct in *i, char *ret_text, size_t cap);
void skip_tags(struct in *i);

uint32_t crc32c(const void *data, size_t len);     /* Castagnoli, of record batches */
uint32_t crc32_ieee(const void *data, size_t len); /* of payloads; zlib's */
uint64_t now_ns(void);                             /* CLOCK_MONOTONIC */
int64_t wall_ms(void);

#endif
