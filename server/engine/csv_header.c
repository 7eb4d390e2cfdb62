#include "server/engine/csv_header.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "server/base/utf8.h"

static enum err_code bad(struct err *err, const char *what, size_t column)
{
    (void)err_set(err, ERR_INVALID, "CSV header, column %zu: %s", column, what);
    return err_hint(err, "the first line of a CSV file must name every column "
                         "once, e.g. customer,country,amount");
}

static char separator_of(const char *line, size_t len)
{
    static const char candidates[] = ",;\t|";
    size_t most = 0;
    char best = ',';
    for (const char *c = candidates; *c; c++) {
        size_t count = 0;
        bool quoted = false;
        for (size_t i = 0; i < len; i++) {
            quoted ^= line[i] == '"';
            count += !quoted && line[i] == *c;
        }
        if (count > most) {
            most = count;
            best = *c;
        }
    }
    return best;
}

/*
 * One field from line[*at), unquoted into buf, which has room for the rest of
 * the line; *at moves to the separator or the end.  Returns what is wrong.
 */
static const char *field(char *buf, size_t *buf_len, const char *line,
                         size_t len, size_t *at, char separator)
{
    size_t i = *at, n = 0;
    if (i < len && line[i] == '"') {
        for (i++;; i++) {
            if (i == len)
                return "a quote is left open";
            if (line[i] == '"' && (i + 1 == len || line[i + 1] != '"'))
                break;
            i += line[i] == '"'; /* a doubled quote stands for one */
            buf[n++] = line[i];
        }
        i++;
        if (i < len && line[i] != separator)
            return "text follows a closing quote";
    } else {
        for (; i < len && line[i] != separator; i++)
            buf[n++] = line[i];
    }
    *at = i;
    *buf_len = n;
    return n ? NULL : "the name is empty";
}

static bool repeats(const struct csv_header *h)
{
    for (size_t i = 0; i + 1 < h->n; i++)
        if (strcasecmp(h->names[i], h->names[h->n - 1]) == 0)
            return true;
    return false;
}

enum err_code csv_header_parse(struct csv_header *out, const char *line,
                               size_t len, struct arena *a, struct err *err)
{
    static const char bom[] = "\xef\xbb\xbf";
    if (len >= 3 && memcmp(line, bom, 3) == 0) {
        line += 3;
        len -= 3;
    }
    while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
        len--;
    if (!utf8_is_text(line, len))
        return bad(err, "the line is not UTF-8 text", 1);

    struct csv_header h = { .separator = separator_of(line, len) };
    h.names = ARENA_NEW_N(a, CSV_COLUMNS_MAX, const char *);
    char *buf = arena_alloc(a, len + 1, 1);
    if (!h.names || !buf)
        return err_set(err, ERR_LIMIT, "CSV header: out of memory");
    for (size_t at = 0, n = 0;; at++) {
        if (h.n == CSV_COLUMNS_MAX)
            return bad(err, "too many columns", h.n + 1);
        const char *what = field(buf, &n, line, len, &at, h.separator);
        if (what)
            return bad(err, what, h.n + 1);
        h.names[h.n] = arena_strndup(a, buf, n);
        if (!h.names[h.n++])
            return err_set(err, ERR_LIMIT, "CSV header: out of memory");
        if (repeats(&h))
            return bad(err, "the name occurs twice", h.n);
        if (at == len)
            break;
    }
    *out = h;
    return ERR_OK;
}
