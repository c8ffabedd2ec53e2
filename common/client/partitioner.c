#include "common/client/partitioner.h"

#include "common/base/bytes.h"

#define MIX 0x5bd1e995u

uint32_t partitioner_murmur2(struct slice key)
{
    uint32_t h = 0x9747b28cu ^ (uint32_t)key.n;
    size_t at = 0;
    for (; at + 4 <= key.n; at += 4) {
        uint32_t k = load_le32(key.p + at) * MIX;
        k = (k ^ k >> 24) * MIX;
        h = h * MIX ^ k;
    }
    if (at < key.n) {
        for (size_t i = key.n; i > at; i--) {
            h ^= (uint32_t)key.p[i - 1] << 8 * (i - 1 - at);
        }
        h *= MIX;
    }
    h = (h ^ h >> 13) * MIX;
    return h ^ h >> 15;
}

int32_t partitioner_pick(struct slice key, int32_t partitions)
{
    assert(partitions > 0);
    return (int32_t)((partitioner_murmur2(key) & 0x7fffffffu) % (uint32_t)partitions);
}
