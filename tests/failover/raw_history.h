/*
 * The history file and the payload of the failover suite, as tests/lib/history.py describes them: events of 48 bytes,
 * little-endian, in the order in which their outcome became known; payloads that prove themselves.
 */
#ifndef ODRADEK_TESTS_FAILOVER_RAW_HISTORY_H
#define ODRADEK_TESTS_FAILOVER_RAW_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum history_op { HISTORY_SEND = 1, HISTORY_POLL, HISTORY_FINAL, HISTORY_RANGE };
enum history_status { HISTORY_OK, HISTORY_FAIL, HISTORY_INFO, HISTORY_CORRUPT };

struct history_event {
    uint64_t invoked_ns, returned_ns, value;
    int64_t offset;
    int32_t partition;
    uint16_t client;
    uint8_t op, status;
    int32_t code;
    uint32_t session;
};
_Static_assert(sizeof(struct history_event) == 48, "the layout of the file");

enum { PAYLOAD_MIN = 40 };

FILE *history_open(const char *path);
void history_add(FILE *f, const struct history_event *e);

/* Writes `len` (>= PAYLOAD_MIN) bytes. */
void payload_fill(uint8_t *to, size_t len, uint64_t value, uint32_t topic_crc, int32_t partition,
                  uint32_t producer);
/* False when the bytes are damaged or belong to another topic or partition. */
bool payload_check(const uint8_t *data, size_t len, uint32_t topic_crc, int32_t partition,
                   uint64_t *ret_value);

#endif
