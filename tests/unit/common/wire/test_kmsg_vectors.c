/* Bytes made by Kafka's own codec (tests/wire/vectors): what we decode we encode to the same bytes. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/wire/frame.h"

#define VECTORS_PER_VERSION 2

static void *take(void *ctx, size_t bytes)
{
    (void)ctx;
    void *p = NULL;
    return posix_memalign(&p, 16, bytes) == 0 ? p : NULL;
}

static void give(void *ctx, void *p, size_t bytes)
{
    (void)ctx;
    (void)bytes;
    free(p);
}

static const struct memory_source source = {take, give, NULL};

struct vector {
    char name[100];
    char version[20];
    uint8_t *bytes;
    size_t n;
};

struct reader {
    DIR *dir;
    FILE *file;
    char *line;
    size_t room;
};

static void reader_open(struct reader *r)
{
    *r = (struct reader){.dir = opendir(VECTORS_DIR)};
    cr_assert_not_null(r->dir, "no folder " VECTORS_DIR);
}

static void reader_close(struct reader *r)
{
    closedir(r->dir);
    free(r->line);
}

static FILE *next_file(struct reader *r)
{
    for (struct dirent *entry = readdir(r->dir); entry != NULL; entry = readdir(r->dir)) {
        size_t n = strlen(entry->d_name);
        if (n > 4 && strcmp(entry->d_name + n - 4, ".txt") == 0) {
            char path[1024];
            snprintf(path, sizeof(path), "%s/%s", VECTORS_DIR, entry->d_name);
            FILE *file = fopen(path, "r");
            cr_assert_not_null(file, "%s", path);
            return file;
        }
    }
    return NULL;
}

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void parse(struct reader *r, struct vector *v)
{
    int at = 0;
    cr_assert_eq(sscanf(r->line, "%99s %19s %n", v->name, v->version, &at), 2);
    const char *hex = r->line + at;
    size_t digits = strcspn(hex, "\n");
    cr_assert_eq(digits % 2, 0);
    v->n = digits / 2;
    v->bytes = malloc(v->n + (v->n == 0));
    for (size_t i = 0; i < v->n; i++) {
        int high = nibble(hex[2 * i]);
        int low = nibble(hex[2 * i + 1]);
        cr_assert(high >= 0 && low >= 0, "%s", r->line);
        v->bytes[i] = (uint8_t)(high << 4 | low);
    }
}

/* The caller frees v->bytes. */
static bool reader_next(struct reader *r, struct vector *v)
{
    for (;;) {
        if (r->file == NULL && (r->file = next_file(r)) == NULL) {
            return false;
        }
        if (getline(&r->line, &r->room, r->file) > 0) {
            parse(r, v);
            return true;
        }
        fclose(r->file);
        r->file = NULL;
    }
}

static bool is_header(const struct vector *v)
{
    return strcmp(v->name, "RequestHeader") == 0 || strcmp(v->name, "ResponseHeader") == 0;
}

struct fixture {
    struct arena arena;
    struct heap heap;
    struct buf buf;
};

static void setup(struct fixture *f)
{
    arena_init(&f->arena, &source, 4096, 64 << 20);
    heap_init(&f->heap, &source, 64 << 20);
    buf_init(&f->buf, &f->heap, 1 << 20);
}

static void teardown(struct fixture *f)
{
    buf_release(&f->buf);
    heap_release(&f->heap);
    arena_release(&f->arena);
}

static size_t index_of(const struct kmsg_message *message)
{
    size_t i = 0;
    while (kmsg_messages[i] != message) {
        i++;
    }
    return i;
}

static void check_same(struct fixture *f, const struct kmsg_message *message, int16_t version,
                       const struct vector *v)
{
    arena_clear(&f->arena);
    void *decoded = arena_alloc(&f->arena, message->shape->size);
    struct slice in = slice_of(v->bytes, v->n);
    cr_assert_eq(kmsg_decode(message, version, &in, &f->arena, decoded), OK, "%s %d", v->name,
                 version);
    cr_assert_eq(in.n, 0, "%s %d: %zu bytes were left over", v->name, version, in.n);
    buf_clear(&f->buf);
    cr_assert_eq(kmsg_encode_buf(message, version, decoded, &f->buf), OK, "%s %d", v->name,
                 version);
    cr_assert(slice_eq(buf_slice(&f->buf), slice_of(v->bytes, v->n)), "%s %d differs", v->name,
              version);
}

Test(kmsg_vectors, what_kafka_wrote_is_written_again)
{
    struct fixture f;
    setup(&f);
    unsigned(*seen)[32] = calloc(kmsg_message_count, sizeof(*seen));
    struct reader r;
    reader_open(&r);
    struct vector v;
    while (reader_next(&r, &v)) {
        if (!is_header(&v)) {
            const struct kmsg_message *message = kmsg_message_find(v.name);
            cr_assert_not_null(message, "%s", v.name);
            int16_t version = (int16_t)strtol(v.version, NULL, 10);
            cr_assert(kmsg_has_version(message, version), "%s %d", v.name, version);
            check_same(&f, message, version, &v);
            seen[index_of(message)][version]++;
        }
        free(v.bytes);
    }
    reader_close(&r);
    for (size_t i = 0; i < kmsg_message_count; i++) {
        const struct kmsg_message *m = kmsg_messages[i];
        for (int16_t version = m->version_min; version <= m->version_max; version++) {
            cr_assert_geq(seen[i][version], VECTORS_PER_VERSION, "%s %d", m->name, version);
        }
    }
    free(seen);
    teardown(&f);
}

Test(kmsg_vectors, truncated_vectors_are_refused_at_every_length)
{
    struct fixture f;
    setup(&f);
    struct reader r;
    reader_open(&r);
    struct vector v;
    while (reader_next(&r, &v)) {
        const struct kmsg_message *message = is_header(&v) ? NULL : kmsg_message_find(v.name);
        int16_t version = (int16_t)strtol(v.version, NULL, 10);
        for (size_t n = 0; message != NULL && n < v.n; n++) {
            uint8_t *copy = malloc(n + (n == 0)); /* exact, so that ASan sees a byte too many */
            memcpy(copy, v.bytes, n);
            struct slice in = slice_of(copy, n);
            arena_clear(&f.arena);
            void *decoded = arena_alloc(&f.arena, message->shape->size);
            err_t err = kmsg_decode(message, version, &in, &f.arena, decoded);
            cr_assert(err == ERR_TRUNCATED || err == ERR_MALFORMED, "%s %d", v.name, version);
            free(copy);
        }
        free(v.bytes);
    }
    reader_close(&r);
    teardown(&f);
}

static void check_request_header(struct fixture *f, int16_t key, int16_t version,
                                 const struct vector *v)
{
    struct frame_request request;
    cr_assert_eq(frame_request_decode(slice_of(v->bytes, v->n), &request), OK);
    cr_assert_eq(request.key, key);
    cr_assert_eq(request.version, version);
    cr_assert_eq(request.correlation_id, 1000000 + version);
    cr_assert_eq(request.client_id.p == NULL, version % 3 == 0);
    if (!request.version_known) {
        return; /* an unstable version, or an API that is gone */
    }
    cr_assert_eq(request.body.n, 0, "%d:%d", key, version);
    buf_clear(&f->buf);
    arena_clear(&f->arena);
    void *body = arena_alloc(&f->arena, request.api->request->shape->size);
    kmsg_init(request.api->request->shape, body);
    cr_assert_eq(frame_request_encode(request.api, version, request.correlation_id,
                                      request.client_id, body, &f->buf),
                 OK);
    cr_assert_geq(f->buf.n, FRAME_LENGTH_BYTES + v->n);
    cr_assert_eq(memcmp(f->buf.p + FRAME_LENGTH_BYTES, v->bytes, v->n), 0, "%d:%d", key, version);
}

static bool check_response_header(struct fixture *f, int16_t key, int16_t version,
                                  const struct vector *v)
{
    const struct kmsg_api *api = kmsg_api_find(key);
    if (api == NULL || !kmsg_has_version(api->response, version)) {
        return false;
    }
    int32_t id;
    struct slice body;
    cr_assert_eq(frame_response_id(slice_of(v->bytes, v->n), &id), OK);
    cr_assert_eq(id, 2000000 + version);
    cr_assert_eq(frame_response_body(api, version, slice_of(v->bytes, v->n), &body), OK);
    cr_assert_eq(body.n, 0, "%d:%d", key, version);
    struct chain chain;
    chain_init(&chain, &f->heap);
    arena_clear(&f->arena);
    void *response = arena_alloc(&f->arena, api->response->shape->size);
    kmsg_init(api->response->shape, response);
    cr_assert_eq(frame_response_encode(api, version, id, response, &f->arena, &chain), OK);
    cr_assert_eq(memcmp(chain.head->memory.at + FRAME_LENGTH_BYTES, v->bytes, v->n), 0);
    size_t size;
    cr_assert_eq(kmsg_size(api->response, version, response, &size), OK);
    cr_assert_eq(chain.bytes, FRAME_LENGTH_BYTES + v->n + size, "%d:%d", key, version);
    chain_release(&chain);
    return true;
}

Test(kmsg_vectors, frame_headers_are_kafkas)
{
    struct fixture f;
    setup(&f);
    struct reader r;
    reader_open(&r);
    struct vector v;
    unsigned checked = 0;
    while (reader_next(&r, &v)) {
        if (is_header(&v)) {
            char *colon;
            int16_t key = (int16_t)strtol(v.version, &colon, 10);
            int16_t version = (int16_t)strtol(colon + 1, NULL, 10);
            if (strcmp(v.name, "RequestHeader") == 0) {
                check_request_header(&f, key, version, &v);
            } else {
                checked += check_response_header(&f, key, version, &v);
            }
        }
        free(v.bytes);
    }
    reader_close(&r);
    unsigned versions = 0;
    for (size_t i = 0; i < kmsg_api_count; i++) {
        versions += (unsigned)(kmsg_apis[i].version_max - kmsg_apis[i].version_min + 1);
    }
    cr_assert_eq(checked, versions);
    teardown(&f);
}
