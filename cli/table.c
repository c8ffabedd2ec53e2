#include "cli/table.h"

#include <stdarg.h>
#include <stdio.h>

struct table_row {
    struct table_row *next;
    uint32_t cells;
    const char *cell[TABLE_COLUMNS_MAX];
};

void table_init(struct table *table, struct arena *arena, const char *const *titles,
                uint32_t columns)
{
    assert(columns > 0 && columns <= TABLE_COLUMNS_MAX);
    *table = (struct table){.arena = arena, .columns = columns};
    for (uint32_t i = 0; i < columns; i++) {
        size_t n = strlen(titles[i]);
        table->titles[i] = titles[i];
        table->right[i] = n > 0 && titles[i][n - 1] == '>';
    }
}

void table_row(struct table *table)
{
    assert(table->columns > 0);
    struct table_row *row = ARENA_NEW(table->arena, struct table_row);
    if (row == NULL) {
        table->failed = true;
        return;
    }
    assert(table->last == NULL || table->last->cells == table->columns);
    if (table->last == NULL) {
        table->first = row;
    } else {
        table->last->next = row;
    }
    table->last = row;
}

static char *cell_text(struct arena *arena, const char *fmt, va_list list)
{
    va_list again;
    va_copy(again, list);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    assert(n >= 0);
    char *text = arena_alloc(arena, (size_t)n + 1);
    if (text == NULL) {
        return NULL;
    }
    (void)vsnprintf(text, (size_t)n + 1, fmt, list);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7F) {
            *c = '?';
        }
    }
    return text;
}

void table_cell(struct table *table, const char *fmt, ...)
{
    va_list list;
    if (table->failed) {
        return;
    }
    assert(table->last != NULL && table->last->cells < table->columns);
    va_start(list, fmt);
    char *text = cell_text(table->arena, fmt, list);
    va_end(list);
    table->failed = text == NULL;
    table->last->cell[table->last->cells++] = text == NULL ? "" : text;
}

/* Letters on the screen: UTF-8 continuation bytes take no place. */
static size_t shown(const char *text)
{
    size_t n = 0;
    for (; *text != '\0'; text++) {
        n += ((unsigned char)*text & 0xC0) != 0x80;
    }
    return n;
}

static void pad(struct buf *out, size_t n)
{
    while (n-- > 0) {
        buf_put(out, " ", 1);
    }
}

static size_t title_shown(const struct table *table, uint32_t column)
{
    assert(column < table->columns);
    return strlen(table->titles[column]) - table->right[column];
}

static void put_cell(const struct table *table, struct buf *out, uint32_t column, size_t width,
                     const char *text, size_t bytes, size_t letters)
{
    assert(column < table->columns && letters <= width);
    bool last = column + 1 == table->columns;
    size_t space = width - letters;
    if (table->right[column]) {
        pad(out, space);
    }
    buf_put(out, text, bytes);
    if (!table->right[column] && !last) {
        pad(out, space);
    }
    buf_put(out, last ? "\n" : "  ", last ? 1 : 2);
}

void table_print(const struct table *table, struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX] = {0};
    for (uint32_t i = 0; i < table->columns; i++) {
        widths[i] = title_shown(table, i);
    }
    for (const struct table_row *row = table->first; row != NULL; row = row->next) {
        for (uint32_t i = 0; i < row->cells; i++) {
            size_t n = shown(row->cell[i]);
            widths[i] = n > widths[i] ? n : widths[i];
        }
    }
    for (uint32_t i = 0; i < table->columns; i++) {
        size_t n = title_shown(table, i);
        put_cell(table, out, i, widths[i], table->titles[i], n, n);
    }
    for (const struct table_row *row = table->first; row != NULL; row = row->next) {
        for (uint32_t i = 0; i < table->columns; i++) {
            const char *text = i < row->cells ? row->cell[i] : "";
            put_cell(table, out, i, widths[i], text, strlen(text), shown(text));
        }
    }
}
