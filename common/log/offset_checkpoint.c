#include <inttypes.h>

#include "common/log/offset_checkpoint.h"
#include "common/log/small_file.h"
#include "common/log/text.h"

#define CHECKPOINT_VERSION 0
/* "t 0 0": a shorter line is none, so a count can be judged before memory is taken. */
#define LINE_BYTES_MIN     5

void offset_checkpoint_encode(struct buf *buf, const struct offset_line *lines, size_t count)
{
    assert(buf != NULL && (lines != NULL || count == 0));
    buf_printf(buf, "%d\n%zu\n", CHECKPOINT_VERSION, count);
    for (size_t i = 0; i < count; i++) {
        const struct offset_line *line = &lines[i];
        assert(line->topic.n > 0 && line->partition >= 0 && line->offset >= 0);
        assert(memchr(line->topic.p, ' ', line->topic.n) == NULL);
        buf_put(buf, line->topic.p, line->topic.n);
        buf_printf(buf, " %" PRId32 " %" PRId64 "\n", line->partition, line->offset);
    }
}

static err_t line_decode(struct slice *text, struct offset_line *ret_line)
{
    struct slice line;
    struct slice word;
    int64_t number = 0;
    ENSURE(text_line(text, &line), ERR_MALFORMED);
    ENSURE(text_word(&line, &ret_line->topic), ERR_MALFORMED);
    ENSURE(text_word(&line, &word), ERR_MALFORMED);
    TRY(text_number(word, 0, INT32_MAX, &number));
    ret_line->partition = (int32_t)number;
    ENSURE(text_word(&line, &word), ERR_MALFORMED);
    TRY(text_number(word, 0, INT64_MAX, &ret_line->offset));
    ENSURE(!text_word(&line, &word), ERR_MALFORMED);
    return OK;
}

err_t offset_checkpoint_decode(struct slice text, struct arena *arena,
                               struct offset_line **ret_lines, size_t *ret_count)
{
    assert(ret_lines != NULL && ret_count != NULL);
    int64_t version = 0;
    int64_t count = 0;
    TRY(text_number_line(&text, INT32_MIN, INT32_MAX, &version));
    ENSURE(version == CHECKPOINT_VERSION, ERR_VERSION);
    TRY(text_number_line(&text, 0, INT32_MAX, &count));
    ENSURE((uint64_t)count <= text.n / LINE_BYTES_MIN, ERR_MALFORMED);
    struct offset_line *lines = arena_array(arena, (size_t)count, sizeof(*lines));
    ENSURE(lines != NULL, ERR_NO_MEMORY);
    for (int64_t i = 0; i < count; i++) {
        TRY(line_decode(&text, &lines[i]));
    }
    ENSURE(text.n == 0, ERR_MALFORMED); /* a count that lies is a file that lies */
    *ret_lines = lines;
    *ret_count = (size_t)count;
    return OK;
}

err_t offset_checkpoint_load(struct host *host, const char *log_dir, const char *file,
                             struct arena *arena, struct offset_line **ret_lines, size_t *ret_count)
{
    struct slice text;
    TRY(small_file_load(host, log_dir, file, OFFSET_CHECKPOINT_BYTES_MAX, arena, &text));
    return offset_checkpoint_decode(text, arena, ret_lines, ret_count);
}

err_t offset_checkpoint_save(struct host *host, struct heap *heap, const char *log_dir,
                             const char *file, const struct offset_line *lines, size_t count)
{
    struct buf buf;
    buf_init(&buf, heap, OFFSET_CHECKPOINT_BYTES_MAX);
    offset_checkpoint_encode(&buf, lines, count);
    return small_file_save(host, log_dir, file, &buf);
}
