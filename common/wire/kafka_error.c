#include "common/wire/kafka_error.h"

struct row {
    const char *name;
    bool retriable;
};

/* Codes begin at -1, so a code's row stands one further. */
static const struct row rows[] = {
#define KAFKA_ERROR_ROW(code, name, retriable) [(code) + 1] = {#name, retriable},
    KAFKA_ERROR_TABLE(KAFKA_ERROR_ROW)
#undef KAFKA_ERROR_ROW
};

static const struct row *row_of(int16_t code)
{
    int index = code + 1;
    return index < 0 || index >= (int)ARRAY_LEN(rows) || rows[index].name == NULL ? NULL
                                                                                  : &rows[index];
}

const char *kafka_error_name(int16_t code)
{
    const struct row *row = row_of(code);
    return row == NULL ? "UNKNOWN" : row->name;
}

bool kafka_error_retriable(int16_t code)
{
    const struct row *row = row_of(code);
    return row != NULL && row->retriable;
}
