/*
 * Reading small text files of lines and words: checkpoints and properties. Nothing is copied, a slice is eaten from its
 * front. Files come from outside (a crash, another server, an editor), so every number is bounded.
 */
#ifndef ODRADEK_LOG_TEXT_H
#define ODRADEK_LOG_TEXT_H

#include "common/base/err.h"
#include "common/base/types.h"

/* The next line without its "\n" or "\r\n"; false at the end of the text. The last line may lack its end. */
bool text_line(struct slice *text, struct slice *ret_line) MUST_USE;
/* The next word between blanks and tabs; false when there is none left. */
bool text_word(struct slice *line, struct slice *ret_word) MUST_USE;
/* Without blanks and tabs at both ends. */
struct slice text_trim(struct slice);
/* A whole decimal number, perhaps with a sign: ERR_MALFORMED unless it is one within low..high. */
err_t text_number(struct slice word, int64_t low, int64_t high, int64_t *ret_number) MUST_USE;
/* A line that is one number. */
err_t text_number_line(struct slice *text, int64_t low, int64_t high, int64_t *ret_number) MUST_USE;

#endif
