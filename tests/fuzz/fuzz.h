/* What the targets share: taking an input apart, memory from the sanitizers' malloc. */
#ifndef ODRADEK_TESTS_FUZZ_H
#define ODRADEK_TESTS_FUZZ_H

#include "common/base/bytes.h"
#include "common/base/types.h"
#include "tests/lib/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* The next byte of an input; 0 behind its end. */
static inline uint8_t fuzz_byte(struct slice *in)
{
    if (in->n == 0) {
        return 0;
    }
    in->n--;
    return *in->p++;
}

static inline uint32_t fuzz_number(struct slice *in, unsigned bytes)
{
    uint32_t number = 0;
    for (unsigned i = 0; i < bytes; i++) {
        number = number << 8 | fuzz_byte(in);
    }
    return number;
}

/* The next n bytes, or what is left. */
static inline struct slice fuzz_bytes(struct slice *in, size_t n)
{
    n = n < in->n ? n : in->n;
    struct slice taken = slice_of(in->p, n);
    in->p += n;
    in->n -= n;
    return taken;
}

/* A length of two bytes and as many bytes: how seeds put several files or frames into one input. */
static inline struct slice fuzz_piece(struct slice *in)
{
    size_t n = fuzz_number(in, 2);
    return fuzz_bytes(in, n);
}

#endif
