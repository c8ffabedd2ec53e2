#include "tests/golden/controller/desk.h"

#include <stdlib.h>

void desk_split(struct desk *desk, char *line)
{
    desk->word_count = 0;
    for (char *at = line; *at != '\0';) {
        size_t n = strcspn(at, " ");
        if (n > 0) {
            assert(desk->word_count < DESK_WORDS);
            desk->words[desk->word_count++] = at;
        }
        at += n;
        if (*at == ' ') {
            *at++ = '\0';
        }
    }
}

const char *desk_word(const struct desk *desk, int n)
{
    for (int i = 0; i < desk->word_count; i++) {
        if (strchr(desk->words[i], '=') == NULL && n-- == 0) {
            return desk->words[i];
        }
    }
    return NULL;
}

const char *desk_value(const struct desk *desk, const char *key)
{
    size_t n = strlen(key);
    for (int i = 0; i < desk->word_count; i++) {
        if (strncmp(desk->words[i], key, n) == 0 && desk->words[i][n] == '=') {
            return desk->words[i] + n + 1;
        }
    }
    return NULL;
}

int desk_number(const struct desk *desk, const char *key, int otherwise)
{
    const char *value = desk_value(desk, key);
    return value == NULL ? otherwise : (int)strtol(value, NULL, 10);
}

bool desk_flag(const struct desk *desk, const char *word)
{
    for (int i = 1; i < desk->word_count; i++) {
        if (strcmp(desk->words[i], word) == 0) {
            return true;
        }
    }
    return false;
}

struct uuid desk_dir(const char *name, size_t n)
{
    struct uuid dir = UUID_NONE;
    assert(n < sizeof(dir.b));
    memcpy(dir.b, name, n);
    return dir;
}

uint32_t desk_ids(const char *text, int32_t *ret_ids, uint32_t max)
{
    uint32_t count = 0;
    while (text != NULL && *text >= '0' && *text <= '9') {
        char *end;
        assert(count < max);
        ret_ids[count++] = (int32_t)strtol(text, &end, 10);
        text = *end == ',' ? end + 1 : end;
    }
    return count;
}
