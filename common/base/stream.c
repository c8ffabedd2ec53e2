#include "common/base/stream.h"

static err_t slice_pull(void *ctx, struct slice *ret_piece)
{
    struct slice *left = ctx;
    *ret_piece = *left;
    *left = (struct slice){0};
    return OK;
}

struct byte_source source_slice(struct slice *slice)
{
    assert(slice != NULL);
    return (struct byte_source){.pull = slice_pull, .ctx = slice};
}
