/*
 * Tables for people: columns as wide as their widest cell, two spaces between them, numbers to the right. Cells are copied into
 * the arena. Bytes of a cell that a terminal would obey (control bytes) are shown as '?'.
 */
#ifndef ODRADEK_CLI_TABLE_H
#define ODRADEK_CLI_TABLE_H

#include "common/base/arena.h"
#include "common/base/buf.h"

#define TABLE_COLUMNS_MAX 12

struct table_row;

struct table {
    struct arena *arena;
    uint32_t columns;
    const char *titles[TABLE_COLUMNS_MAX];
    bool right[TABLE_COLUMNS_MAX];
    struct table_row *first, *last;
    bool failed; /* memory was out: rows are missing */
};

/* A title that ends in > is that of a column of numbers. Borrowed. */
void table_init(struct table *, struct arena *, const char *const *titles, uint32_t columns);
/* One row; cells are filled from left to right with table_cell. */
void table_row(struct table *);
void table_cell(struct table *, const char *fmt, ...) PRINTF_LIKE(2, 3);
void table_print(const struct table *, struct buf *out);

#endif
