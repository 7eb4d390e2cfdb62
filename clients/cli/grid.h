#ifndef CLI_GRID_H
#define CLI_GRID_H

#include "clients/cli/options.h"
#include "clients/cli/terminal.h"

/*
 * Rows and columns, printed three ways from one value.
 *
 *   table  for people: aligned, numbers to the right, amounts with thousands
 *          separators, what could move the cursor escaped; a cell without a
 *          value is -, or NULL where it is a value of SQL
 *   csv    RFC 4180; NULL is nothing, empty text is ""
 *   json   an array with one object per row
 */
enum grid_type {
    GRID_TEXT,
    GRID_NUMBER, /* as it is: years and ids have no thousands */
    GRID_AMOUNT, /* thousands separated in tables */
    GRID_BOOL,   /* "true", "false" */
};

struct grid_column {
    const char *name;
    enum grid_type type;
};

struct grid {
    struct grid_column *columns;
    size_t n_columns;
    const char **cells; /* row-major, n_rows * n_columns; NULL: no value */
    size_t n_rows;
    bool is_answer; /* no value is SQL's NULL */
};

/* ERR_LIMIT when the arena is full; nothing is printed then. */
enum err_code grid_print(const struct grid *g, enum output_format format,
                         const struct terminal *t, struct arena *a,
                         struct err *err) MUST_CHECK;

enum err_code grid_print_table(const struct grid *g, const struct terminal *t,
                               struct arena *a, struct err *err) MUST_CHECK;
/* As grid_print, but rows of long texts, for people: a line a column, wrapped,
 * and a blank line between rows. */
enum err_code grid_print_long(const struct grid *g, enum output_format format,
                              const struct terminal *t, struct arena *a,
                              struct err *err) MUST_CHECK;
void grid_print_csv(const struct grid *g, FILE *out);
void grid_print_csv_rows(const struct grid *g, FILE *out); /* without names */
void grid_print_json(const struct grid *g, FILE *out, struct arena *a);

#endif
