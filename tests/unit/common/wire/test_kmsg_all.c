/* Every message in every version: random round trips, truncations and mutations. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "common/wire/kmsg.h"

#define CHUNK             4096u
/* An array's items in memory against their bytes on the wire: the widest struct behind the shortest encoding. */
#define AMPLIFICATION_MAX 96u

static void *take(void *ctx, size_t bytes)
{
    size_t *most = ctx;
    *most = bytes > *most ? bytes : *most;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

struct fixture {
    size_t most;
    struct memory_source source;
    struct arena fill;   /* what is encoded */
    struct arena decode; /* what decoding takes */
    struct heap heap;
    struct buf buf;
    struct buf again;
    struct prng prng;
};

static void setup(struct fixture *f, uint64_t seed)
{
    f->most = 0;
    f->source = (struct memory_source){take, give, &f->most};
    arena_init(&f->fill, &f->source, CHUNK, 64 << 20);
    arena_init(&f->decode, &f->source, CHUNK, 64 << 20);
    heap_init(&f->heap, &f->source, 64 << 20);
    buf_init(&f->buf, &f->heap, 8 << 20);
    buf_init(&f->again, &f->heap, 8 << 20);
    prng_init(&f->prng, seed);
}

static void teardown(struct fixture *f)
{
    buf_release(&f->buf);
    buf_release(&f->again);
    heap_release(&f->heap);
    arena_release(&f->fill);
    arena_release(&f->decode);
}

/* A random message, encoded in f->buf. */
static void encode_random(struct fixture *f, const struct kmsg_message *m, int16_t version)
{
    arena_release(&f->fill);
    buf_clear(&f->buf);
    void *message = arena_alloc(&f->fill, m->shape->size);
    cr_assert_eq(kmsg_random(m, version, &f->prng, 3, &f->fill, message), OK);
    size_t size;
    cr_assert_eq(kmsg_size(m, version, message, &size), OK, "%s %d", m->name, version);
    cr_assert_eq(kmsg_encode_buf(m, version, message, &f->buf), OK);
    cr_assert_eq(f->buf.n, size, "%s %d", m->name, version);
}

static err_t decode(struct fixture *f, const struct kmsg_message *m, int16_t version,
                    struct slice *bytes, void **ret_message)
{
    arena_release(&f->decode);
    *ret_message = arena_alloc(&f->decode, m->shape->size);
    return kmsg_decode(m, version, bytes, &f->decode, *ret_message);
}

#define EACH_MESSAGE(m, version)                                                    \
    for (size_t i_ = 0; i_ < kmsg_message_count; i_++)                              \
        for (const struct kmsg_message *m = kmsg_messages[i_]; m != NULL; m = NULL) \
            for (int16_t version = m->version_min; version <= m->version_max; version++)

Test(kmsg_all, tables_are_sane)
{
    cr_assert_eq(kmsg_api_count, 89);
    cr_assert_geq(kmsg_message_count, 2 * kmsg_api_count + 12);
    for (size_t i = 1; i < kmsg_api_count; i++) {
        cr_assert_lt(kmsg_apis[i - 1].key, kmsg_apis[i].key);
    }
    for (size_t i = 0; i < kmsg_api_count; i++) {
        cr_assert_eq(kmsg_apis[i].request->id, kmsg_apis[i].key);
        cr_assert_eq(kmsg_apis[i].response->id, kmsg_apis[i].key);
        cr_assert_eq(kmsg_apis[i].request->version_max, kmsg_apis[i].version_max);
        cr_assert_leq(kmsg_apis[i].advertised_min, kmsg_apis[i].version_min);
    }
    for (size_t i = 0; i < kmsg_message_count; i++) {
        cr_assert_eq(kmsg_message_find(kmsg_messages[i]->name), kmsg_messages[i]);
    }
}

Test(kmsg_all, random_messages_come_back_as_they_were)
{
    struct fixture f;
    setup(&f, 20240901);
    unsigned rounds = 0;
    EACH_MESSAGE(m, version)
    {
        for (unsigned round = 0; round < 6; round++, rounds++) {
            encode_random(&f, m, version);
            struct slice in = buf_slice(&f.buf);
            void *back;
            cr_assert_eq(decode(&f, m, version, &in, &back), OK, "%s %d", m->name, version);
            cr_assert_eq(in.n, 0, "%s %d", m->name, version);
            buf_clear(&f.again);
            cr_assert_eq(kmsg_encode_buf(m, version, back, &f.again), OK);
            cr_assert(slice_eq(buf_slice(&f.again), buf_slice(&f.buf)), "%s %d", m->name, version);
            buf_clear(&f.again);
            kmsg_print(m, version, back, 400, &f.again);
            cr_assert_leq(f.again.n, 400);
            cr_assert_eq(f.again.p[0], '{');
        }
    }
    cr_assert_gt(rounds, 1000);
    teardown(&f);
}

Test(kmsg_all, a_truncated_message_is_an_error_at_every_length)
{
    struct fixture f;
    setup(&f, 7);
    EACH_MESSAGE(m, version)
    {
        encode_random(&f, m, version);
        for (size_t n = 0; n < f.buf.n; n++) {
            uint8_t *copy = malloc(n + (n == 0)); /* exact, so that ASan sees a byte too many */
            memcpy(copy, f.buf.p, n);
            struct slice in = slice_of(copy, n);
            void *back;
            err_t err = decode(&f, m, version, &in, &back);
            cr_assert(err == ERR_TRUNCATED || err == ERR_MALFORMED, "%s %d at %zu", m->name,
                      version, n);
            free(copy);
        }
    }
    teardown(&f);
}

static void mutate(struct fixture *f, uint8_t *p, size_t n)
{
    static const uint8_t nasty[] = {0, 1, 2, 0x7f, 0x80, 0xfe, 0xff};
    uint64_t count = 1 + prng_below(&f->prng, 4);
    for (uint64_t i = 0; i < count; i++) {
        size_t at = (size_t)prng_below(&f->prng, n);
        size_t run = 1 + (size_t)prng_below(&f->prng, 5);
        for (size_t k = at; k < n && k < at + run; k++) {
            p[k] = prng_chance(&f->prng, 700) ? nasty[prng_below(&f->prng, sizeof(nasty))]
                                              : (uint8_t)prng_u64(&f->prng);
        }
    }
}

/* Whatever decodes from mutated bytes encodes again, and never took more memory than its bytes explain. */
Test(kmsg_all, mutated_messages_are_decoded_or_refused)
{
    struct fixture f;
    setup(&f, 99);
    unsigned decoded = 0;
    unsigned refused = 0;
    EACH_MESSAGE(m, version)
    {
        encode_random(&f, m, version);
        for (unsigned round = 0; round < 40 && f.buf.n > 0; round++) {
            uint8_t *copy = malloc(f.buf.n);
            memcpy(copy, f.buf.p, f.buf.n);
            mutate(&f, copy, f.buf.n);
            struct slice in = slice_of(copy, f.buf.n);
            void *back;
            err_t err = decode(&f, m, version, &in, &back);
            cr_assert_leq(f.decode.total, 2 * CHUNK + m->shape->size + AMPLIFICATION_MAX * f.buf.n,
                          "%s %d", m->name, version);
            if (err == OK) {
                decoded++;
                size_t size;
                cr_assert_eq(kmsg_size(m, version, back, &size), OK, "%s %d", m->name, version);
                buf_clear(&f.again);
                cr_assert_eq(kmsg_encode_buf(m, version, back, &f.again), OK);
                cr_assert_eq(f.again.n, size);
            } else {
                refused++;
                cr_assert(err == ERR_TRUNCATED || err == ERR_MALFORMED || err == ERR_TOO_LARGE);
            }
            free(copy);
        }
    }
    cr_assert_gt(decoded, 1000);
    cr_assert_gt(refused, 1000);
    teardown(&f);
}

/* Frames of one repeated byte ask for the largest counts there are; random ones for anything. */
Test(kmsg_all, hostile_counts_take_no_memory)
{
    struct fixture f;
    setup(&f, 5);
    static uint8_t bytes[3000];
    EACH_MESSAGE(m, version)
    {
        for (unsigned round = 0; round < 12; round++) {
            static const uint8_t fill[] = {0, 1, 2, 0x0f, 0x3f, 0x7f, 0x80, 0xff};
            for (size_t i = 0; i < sizeof(bytes); i++) {
                bytes[i] = round < sizeof(fill) ? fill[round] : (uint8_t)prng_u64(&f.prng);
            }
            struct slice in = slice_of(bytes, sizeof(bytes));
            void *back;
            f.most = 0;
            (void)!decode(&f, m, version, &in, &back);
            cr_assert_leq(
                f.decode.total, 2 * CHUNK + m->shape->size + AMPLIFICATION_MAX * sizeof(bytes),
                "%s %d took %zu for %zu", m->name, version, f.decode.total, sizeof(bytes));
        }
    }
    teardown(&f);
}
