#ifndef ENGINE_CSV_HEADER_H
#define ENGINE_CSV_HEADER_H

#include <stddef.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * The first line of a CSV file, which names its columns.  The separator is the
 * one of , ; tab | that occurs most outside quotes in this line (the comma when
 * none does), so that nothing is guessed from values.  Source: RFC 4180.
 */
struct csv_header {
    const char **names; /* in the arena, NUL-terminated, none empty */
    size_t n;           /* at least 1 */
    char separator;
};

enum { CSV_COLUMNS_MAX = 1000 };

/*
 * ERR_OK       *out describes the line; names are unique, ASCII case ignored
 * ERR_INVALID  an empty or repeated name, a quote left open or followed by
 *              text, not UTF-8, more than CSV_COLUMNS_MAX columns
 * ERR_LIMIT    the arena is full
 */
enum err_code csv_header_parse(struct csv_header *out, const char *line,
                               size_t len, struct arena *a,
                               struct err *err) MUST_CHECK;

#endif
