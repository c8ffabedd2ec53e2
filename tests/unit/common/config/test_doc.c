/* docs/CONFIG.md is what the table says. REWRITE_DOCS=1 writes it anew. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/config/config.h"

static char made[200000];
static char found[200000];

static void keep(void *ctx, struct slice text)
{
    size_t *n = ctx;
    cr_assert_lt(*n + text.n, sizeof(made));
    memcpy(made + *n, text.p, text.n);
    *n += text.n;
}

Test(doc, config_md_is_what_the_table_says)
{
    size_t n = 0;
    config_doc_print(keep, &n);
    cr_assert_gt(n, 20000);
    if (getenv("REWRITE_DOCS") != NULL) {
        FILE *out = fopen(CONFIG_DOC, "w");
        cr_assert_not_null(out);
        cr_assert_eq(fwrite(made, 1, n, out), n);
        cr_assert_eq(fclose(out), 0);
    }
    FILE *in = fopen(CONFIG_DOC, "r");
    cr_assert_not_null(in, "%s is missing; run this test with REWRITE_DOCS=1", CONFIG_DOC);
    size_t read = fread(found, 1, sizeof(found), in);
    (void)fclose(in);
    cr_assert(read == n && memcmp(made, found, n) == 0,
              "docs/CONFIG.md is older than the table; run this test with REWRITE_DOCS=1");
}
