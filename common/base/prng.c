#include "common/base/prng.h"

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

void prng_init(struct prng *prng, uint64_t seed)
{
    for (size_t i = 0; i < ARRAY_LEN(prng->s); i++) {
        prng->s[i] = splitmix(&seed);
    }
}

static uint64_t rotl(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

uint64_t prng_u64(struct prng *prng)
{
    uint64_t *s = prng->s;
    uint64_t result = rotl(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

uint64_t prng_below(struct prng *prng, uint64_t bound)
{
    assert(bound > 0);
    uint64_t x = prng_u64(prng);
    /* The first numbers would make small results likelier; fewer than `bound` of them, so that most draws need not ask. */
    while (x < bound && x < (0 - bound) % bound) {
        x = prng_u64(prng);
    }
    return x % bound;
}

int64_t prng_between(struct prng *prng, int64_t low, int64_t high)
{
    assert(low <= high);
    uint64_t span = (uint64_t)high - (uint64_t)low;
    uint64_t draw = span == UINT64_MAX ? prng_u64(prng) : prng_below(prng, span + 1);
    return (int64_t)((uint64_t)low + draw);
}

bool prng_chance(struct prng *prng, unsigned per_mille)
{
    return prng_below(prng, 1000) < per_mille;
}

void prng_split(const struct prng *parent, uint64_t name, struct prng *ret_child)
{
    uint64_t seed = parent->s[0] ^ rotl(parent->s[2], 21) ^ (name * 0x9e3779b97f4a7c15ULL);
    prng_init(ret_child, seed);
}
