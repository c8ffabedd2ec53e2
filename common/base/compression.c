#include "common/base/compression.h"

static const char *const names[] = {
#define COMPRESSION_ROW(number, name, text) [number] = (text),
    COMPRESSION_TABLE(COMPRESSION_ROW)
#undef COMPRESSION_ROW
};

const char *compression_name(unsigned number)
{
    static_assert(ARRAY_LEN(names) == COMPRESSION_COUNT, "the count follows the table");
    return number < ARRAY_LEN(names) ? names[number] : "unknown";
}

bool compression_parse(struct slice name, enum compression *ret_compression)
{
    for (unsigned i = 0; i < ARRAY_LEN(names); i++) {
        assert(names[i] != NULL);
        if (slice_eq(name, slice_str(names[i]))) {
            *ret_compression = (enum compression)i;
            return true;
        }
    }
    return false;
}
