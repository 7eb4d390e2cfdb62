#ifndef CATALOG_ROWS_H
#define CATALOG_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "server/base/writer.h"
#include "server/catalog/names.h"

/*
 * Rows of the catalog, gathered by relation and given to DuckDB as one text
 * each: thousands of INSERTs would be parsed for a second.
 */
enum rows_table {
    ROWS_NAMESPACE,
    ROWS_CLASS,
    ROWS_ATTRIBUTE,
    ROWS_TYPE,
    ROWS_CONSTRAINT,
    ROWS_DESCRIPTION,
    ROWS_SHOWN,    /* oid, name as format_type() says it */
    ROWS_TEXTS,    /* oid, definition plain and pretty */
    ROWS_KEYWORDS, /* as pg_get_keywords() */
    ROWS_TABLES
};

struct rows {
    struct rows_text {
        char *data; /* owned */
        size_t len, cap;
    } of[ROWS_TABLES];
    bool failed; /* out of memory; sticky */
};

/*
 * Add a row; types, one letter a column in the relation's order:
 *   i int   u uint32_t   z size_t   b bool   c char   t const char * (NULL is
 *   NULL)   - NULL, without an argument
 */
void rows_add(struct rows *r, enum rows_table table, const char *types, ...);

/* A row of pg_type. */
struct rows_type {
    uint32_t oid;
    const char *name;
    uint32_t schema;
    int len;
    bool by_value, is_preferred;
    char kind, category, delimiter, align, storage;
    uint32_t table, element, array, base, collation;
    const char *subscript, *input, *output, *receive, *send, *analyze;
    int modifier;
    const char *initial; /* default value of a domain, or NULL */
};
void rows_add_type(struct rows *r, const struct rows_type *t);

/* ... and that of the arrays of a type, named after it. */
struct rows_array {
    uint32_t oid;
    const char *element_name;
    uint32_t schema, element, collation;
    char delimiter, align; /* the element's */
    bool is_pseudo;
};
void rows_add_array(struct rows *r, const struct rows_array *a);

/* The type of a table's rows, and that of their arrays (0: none). */
void rows_add_row_types(struct rows *r, uint32_t row, uint32_t array,
                        uint32_t schema, uint32_t table, const char *name);

/* The INSERT statements. */
void rows_print(struct writer *w, const struct rows *r, const struct names *n);
void rows_fini(struct rows *r);

#endif
