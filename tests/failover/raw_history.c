#include "tests/failover/raw_history.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/failover/raw_bytes.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the file is little-endian");

struct __attribute__((packed)) payload {
    uint64_t value;
    uint32_t topic_crc;
    int32_t partition;
    uint32_t producer, length;
    uint64_t sent_ns;
    uint32_t seed;
};
_Static_assert(sizeof(struct payload) + 4 == PAYLOAD_MIN, "the layout of the payload");

FILE *history_open(const char *path)
{
    FILE *f = fopen(path, "wb");
    if (f == NULL) {
        perror(path);
        exit(2);
    }
    fwrite("ODRH0001", 1, 8, f);
    return f;
}

void history_add(FILE *f, const struct history_event *e)
{
    size_t n = fwrite(e, sizeof *e, 1, f);
    assert(n == 1);
}

void payload_fill(uint8_t *to, size_t len, uint64_t value, uint32_t topic_crc, int32_t partition,
                  uint32_t producer)
{
    assert(len >= PAYLOAD_MIN);
    struct payload p = {.value = value,
                        .topic_crc = topic_crc,
                        .partition = partition,
                        .producer = producer,
                        .length = (uint32_t)len,
                        .sent_ns = now_ns(),
                        .seed = (uint32_t)value};
    memset(to, (uint8_t)value, len);
    memcpy(to, &p, sizeof p);
    uint32_t sum = crc32_ieee(to, len - 4);
    memcpy(to + len - 4, &sum, 4);
}

bool payload_check(const uint8_t *data, size_t len, uint32_t topic_crc, int32_t partition,
                   uint64_t *ret_value)
{
    struct payload p;
    uint32_t sum;
    *ret_value = 0;
    if (data == NULL || len < PAYLOAD_MIN)
        return false;
    memcpy(&p, data, sizeof p);
    memcpy(&sum, data + len - 4, 4);
    *ret_value = p.value;
    return sum == crc32_ieee(data, len - 4) && p.topic_crc == topic_crc &&
           p.partition == partition && p.length == len;
}
