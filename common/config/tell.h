/* How common/config writes its messages down. Private. */
#ifndef ODRADEK_CONFIG_TELL_H
#define ODRADEK_CONFIG_TELL_H

#include "common/config/config.h"

/* Whether a message of this grade is kept; counts it otherwise. */
bool config_seat(struct config *, enum config_grade);
/* text: in the config's arena, NULL: no memory was left for it (then that is told as an error). */
void config_tell(struct config *, enum config_grade, const char *text);
#define CONFIG_TELL(config, grade, ...)                                                 \
    do {                                                                                \
        if (config_seat((config), (grade))) {                                           \
            config_tell((config), (grade), arena_printf((config)->arena, __VA_ARGS__)); \
        }                                                                               \
    } while (0)

struct spec;
/* Whether a value passes the row's checks; on false the sentence that Kafka has for it. */
bool value_judge(const struct spec *, struct slice value, char *why, size_t why_bytes);

struct shown {
    char text[256];
};
/* "file:line: key=value", as far as they are known. */
struct shown config_where(const struct config *, enum config_key);
/* Outside text for a message: cut, valid UTF-8, without control bytes. */
struct shown config_show(struct slice);

#endif
