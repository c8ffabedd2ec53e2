#include "common/base/err.h"

const char *err_text(err_t err)
{
    static const char *const texts[] = {
#define ERR_ROW(name, text) [name] = (text),
        ERR_TABLE(ERR_ROW)
#undef ERR_ROW
    };
    assert((unsigned)err < ERR_COUNT);
    return texts[err];
}
