#include <inttypes.h>

#include "common/log/epoch_checkpoint.h"
#include "common/log/small_file.h"
#include "common/log/text.h"

#define CHECKPOINT_VERSION 0
/* "0 0" */
#define LINE_BYTES_MIN     3

void epoch_checkpoint_encode(struct buf *buf, const struct epoch_line *lines, size_t count)
{
    assert(buf != NULL && (lines != NULL || count == 0));
    buf_printf(buf, "%d\n%zu\n", CHECKPOINT_VERSION, count);
    for (size_t i = 0; i < count; i++) {
        assert(lines[i].epoch >= 0 && lines[i].start_offset >= 0);
        buf_printf(buf, "%" PRId32 " %" PRId64 "\n", lines[i].epoch, lines[i].start_offset);
    }
}

static err_t line_decode(struct slice *text, struct epoch_line *ret_line)
{
    struct slice line;
    struct slice word;
    int64_t epoch = 0;
    ENSURE(text_line(text, &line), ERR_MALFORMED);
    ENSURE(text_word(&line, &word), ERR_MALFORMED);
    TRY(text_number(word, 0, INT32_MAX, &epoch));
    ret_line->epoch = (int32_t)epoch;
    ENSURE(text_word(&line, &word), ERR_MALFORMED);
    TRY(text_number(word, 0, INT64_MAX, &ret_line->start_offset));
    ENSURE(!text_word(&line, &word), ERR_MALFORMED);
    return OK;
}

err_t epoch_checkpoint_decode(struct slice text, struct arena *arena, struct epoch_line **ret_lines,
                              size_t *ret_count)
{
    assert(ret_lines != NULL && ret_count != NULL);
    int64_t version = 0;
    int64_t count = 0;
    TRY(text_number_line(&text, INT32_MIN, INT32_MAX, &version));
    ENSURE(version == CHECKPOINT_VERSION, ERR_VERSION);
    TRY(text_number_line(&text, 0, INT32_MAX, &count));
    ENSURE((uint64_t)count <= text.n / LINE_BYTES_MIN, ERR_MALFORMED);
    struct epoch_line *lines = arena_array(arena, (size_t)count, sizeof(*lines));
    ENSURE(lines != NULL, ERR_NO_MEMORY);
    for (int64_t i = 0; i < count; i++) {
        TRY(line_decode(&text, &lines[i]));
        ENSURE(i == 0 || (lines[i - 1].epoch < lines[i].epoch &&
                          lines[i - 1].start_offset <= lines[i].start_offset),
               ERR_MALFORMED);
    }
    ENSURE(text.n == 0, ERR_MALFORMED);
    *ret_lines = lines;
    *ret_count = (size_t)count;
    return OK;
}

err_t epoch_checkpoint_load(struct host *host, const char *dir, struct arena *arena,
                            struct epoch_line **ret_lines, size_t *ret_count)
{
    struct slice text;
    TRY(small_file_load(host, dir, EPOCH_CHECKPOINT_FILE, EPOCH_CHECKPOINT_BYTES_MAX, arena,
                        &text));
    return epoch_checkpoint_decode(text, arena, ret_lines, ret_count);
}

err_t epoch_checkpoint_save(struct host *host, struct heap *heap, const char *dir,
                            const struct epoch_line *lines, size_t count)
{
    struct buf buf;
    buf_init(&buf, heap, EPOCH_CHECKPOINT_BYTES_MAX);
    epoch_checkpoint_encode(&buf, lines, count);
    return small_file_save(host, dir, EPOCH_CHECKPOINT_FILE, &buf);
}
