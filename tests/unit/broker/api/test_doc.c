/* The table of APIs in docs/COMPATIBILITY.md is what the code serves. REWRITE_DOCS=1 writes it anew. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "broker/api/api.h"

#define HEADING "## APIs that a broker serves\n"

static char found[200000];
static char made[200000];
static size_t made_bytes;

static void put(const char *text)
{
    size_t n = strlen(text);
    cr_assert_lt(made_bytes + n, sizeof(made));
    memcpy(made + made_bytes, text, n + 1);
    made_bytes += n;
}

static void put_api(const struct kmsg_api *api)
{
    char row[200];
    char versions[80];
    if (api->version_min == api->version_max) {
        (void)snprintf(versions, sizeof(versions), "%d", api->version_min);
    } else {
        (void)snprintf(versions, sizeof(versions), "%d–%d", api->version_min, api->version_max);
    }
    (void)snprintf(row, sizeof(row), "| %d | %s | %s", api->key, api->name, versions);
    put(row);
    if (api->advertised_min != api->version_min) {
        (void)snprintf(row, sizeof(row), " (advertised from %d)", api->advertised_min);
        put(row);
    }
}

/* Two APIs a line, by key down the columns. */
static void put_section(void)
{
    size_t half = (api_handler_count + 1) / 2;
    put(HEADING "\n");
    put("Made from the code's own table (`REWRITE_DOCS=1 build/tests/unit/unit_broker_api_test_doc_c`). All versions of Kafka "
        "4.3.1 in\neach range (`common/wire`, checked field by field against the official definitions by suite `words`).\n\n");
    put("| key | API | versions | key | API | versions |\n|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < half; i++) {
        put_api(kmsg_api_find(api_handlers[i].key));
        put(" ");
        if (half + i < api_handler_count) {
            put_api(kmsg_api_find(api_handlers[half + i].key));
            put(" |\n");
        } else {
            put("| | | |\n");
        }
    }
    put("\n");
}

static size_t whole_file(const char *path, char *to, size_t room)
{
    FILE *in = fopen(path, "r");
    cr_assert_not_null(in, "%s is missing", path);
    size_t n = fread(to, 1, room - 1, in);
    (void)fclose(in);
    to[n] = '\0';
    return n;
}

/* The section, from its heading to the next one. */
static void section(char **ret_from, char **ret_to)
{
    *ret_from = strstr(found, HEADING);
    cr_assert_not_null(*ret_from, "%s has no section of APIs", COMPATIBILITY_DOC);
    *ret_to = strstr(*ret_from + 1, "\n## ");
    cr_assert_not_null(*ret_to);
    (*ret_to)++;
}

Test(doc, handlers_stand_in_the_order_of_their_keys)
{
    for (size_t i = 0; i < api_handler_count; i++) {
        const struct kmsg_api *api = kmsg_api_find(api_handlers[i].key);
        cr_assert_not_null(api, "%d", api_handlers[i].key);
        cr_assert_not_null(api_handlers[i].handle);
        cr_assert(i == 0 || api_handlers[i - 1].key < api_handlers[i].key);
    }
}

Test(doc, the_table_of_apis_is_what_is_served)
{
    char *from;
    char *to;
    size_t n = whole_file(COMPATIBILITY_DOC, found, sizeof(found));
    section(&from, &to);
    put_section();
    if (getenv("REWRITE_DOCS") != NULL) {
        FILE *out = fopen(COMPATIBILITY_DOC, "w");
        cr_assert_not_null(out);
        (void)fwrite(found, 1, (size_t)(from - found), out);
        (void)fwrite(made, 1, made_bytes, out);
        (void)fwrite(to, 1, n - (size_t)(to - found), out);
        cr_assert_eq(fclose(out), 0);
        (void)whole_file(COMPATIBILITY_DOC, found, sizeof(found));
        section(&from, &to);
    }
    cr_assert((size_t)(to - from) == made_bytes && memcmp(from, made, made_bytes) == 0,
              "docs/COMPATIBILITY.md is older than the code; run this test with REWRITE_DOCS=1");
}
