#include "common/log/partition_metadata.h"
#include "common/log/small_file.h"
#include "common/log/text.h"
#include "common/port/memory.h"

void partition_metadata_encode(struct buf *buf, struct uuid topic_id)
{
    assert(!uuid_is_none(topic_id));
    buf_printf(buf, "version: 0\ntopic_id: %s", uuid_print(topic_id).s);
}

/* "name: value" */
static err_t field_decode(struct slice *text, const char *name, struct slice *ret_value)
{
    struct slice line;
    size_t n = strlen(name);
    ENSURE(text_line(text, &line), ERR_MALFORMED);
    ENSURE(line.n > n + 1 && memcmp(line.p, name, n) == 0 && line.p[n] == ':', ERR_MALFORMED);
    *ret_value = text_trim(slice_of(line.p + n + 1, line.n - n - 1));
    return OK;
}

err_t partition_metadata_decode(struct slice text, struct uuid *ret_topic_id)
{
    assert(ret_topic_id != NULL);
    struct slice value;
    int64_t version = 0;
    TRY(field_decode(&text, "version", &value));
    TRY(text_number(value, INT32_MIN, INT32_MAX, &version));
    ENSURE(version == 0, ERR_VERSION);
    TRY(field_decode(&text, "topic_id", &value));
    TRY(uuid_parse(value, ret_topic_id));
    ENSURE(!uuid_is_none(*ret_topic_id), ERR_MALFORMED);
    ENSURE(text.n == 0, ERR_MALFORMED);
    return OK;
}

err_t partition_metadata_load(struct host *host, const char *dir, struct uuid *ret_topic_id)
{
    struct arena arena;
    struct slice text;
    err_t err = small_file_read(host, dir, PARTITION_METADATA_FILE, PARTITION_METADATA_BYTES_MAX,
                                &arena, &text);
    if (err == OK) {
        err = partition_metadata_decode(text, ret_topic_id);
    }
    arena_release(&arena);
    return err;
}

err_t partition_metadata_save(struct host *host, const char *dir, struct uuid topic_id)
{
    struct heap heap;
    struct buf buf;
    heap_init(&heap, memory_source(host), 1 << 20);
    buf_init(&buf, &heap, PARTITION_METADATA_BYTES_MAX);
    partition_metadata_encode(&buf, topic_id);
    err_t err = small_file_save(host, dir, PARTITION_METADATA_FILE, &buf);
    heap_release(&heap);
    return err;
}
