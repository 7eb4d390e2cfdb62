/* Portals: statements with values, and cursors.  Declared in pg_backend.h. */
#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_backend.h"
#include "server/pg/pg_error.h"
#include "server/pg/pg_value.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the values need too much memory");
}

struct pg_portal *pg_portal_find(const struct pg_backend *b, const char *name)
{
    struct pg_portal *p = b->portals;
    while (p && strcmp(p->name, name) != 0)
        p = p->next;
    return p;
}

static void portal_free(struct pg_portal *p)
{
    pg_statement_release(p->statement);
    arena_fini(&p->arena);
    free(p);
}

void pg_portal_drop(struct pg_backend *b, const char *name)
{
    for (struct pg_portal **at = &b->portals; *at; at = &(*at)->next)
        if (strcmp((*at)->name, name) == 0) {
            struct pg_portal *gone = *at;
            *at = gone->next;
            portal_free(gone);
            return;
        }
}

void pg_portals_drop(struct pg_backend *b, bool all)
{
    for (struct pg_portal **at = &b->portals; *at;) {
        struct pg_portal *p = *at;
        if (!all && p->hold) {
            at = &p->next;
            continue;
        }
        *at = p->next;
        portal_free(p);
    }
}

enum err_code pg_portal_new(struct pg_portal **out, struct pg_backend *b,
                            const char *name, struct err *err)
{
    size_t n = 0;
    if (!name[0])
        pg_portal_drop(b, "");
    else if (pg_portal_find(b, name))
        return pg_fail(err, "42P03", "cursor \"%.60s\" already exists", name);
    for (struct pg_portal *p = b->portals; p; p = p->next)
        n++;
    if (n >= PG_PORTALS_MAX) {
        (void)err_set(err, ERR_LIMIT, "more than %d cursors and portals",
                      PG_PORTALS_MAX);
        return err_hint(err, "Close some.");
    }
    struct pg_portal *p = calloc(1, sizeof *p);
    if (!p)
        return full(err);
    arena_init(&p->arena, PG_PORTAL_ARENA);
    p->name = arena_strdup(&p->arena, name);
    if (!p->name) {
        portal_free(p);
        return full(err);
    }
    p->next = b->portals;
    b->portals = p;
    *out = p;
    return ERR_OK;
}

/* ---- Bind ---- */

static enum err_code read_values(struct pg_portal *p, const struct pg_bind *m,
                                 struct err *err)
{
    const struct pg_statement *s = p->statement;
    struct reader r = m->values;
    p->params = ARENA_NEW_N(&p->arena, m->n_values + 1, struct value);
    if (!p->params)
        return full(err);
    for (size_t i = 0; i < m->n_values; i++) {
        const uint32_t len = reader_be32(&r);
        if (len == UINT32_MAX)
            continue; /* zero is NULL */
        const struct pg_param param = {
            .data = reader_take(&r, len),
            .len = len,
            .format = pg_format(m->formats, m->n_formats, i),
            .oid = s->params[i],
            .want = s->wants[i] == VALUE_NULL ? VALUE_TEXT : s->wants[i],
            .n = (unsigned)i + 1,
        };
        TRY(pg_param_read(&p->params[i], &param, &p->arena, err));
    }
    p->n_params = m->n_values;
    return ERR_OK;
}

static enum err_code bind(struct pg_portal *p, const struct pg_bind *m,
                          struct err *err)
{
    TRY(read_values(p, m, err));
    p->formats.n = m->n_results;
    p->formats.list = (const uint8_t *)arena_strndup(
        &p->arena, (const char *)m->results, 2 * m->n_results);
    if (!p->formats.list)
        return full(err);
    for (size_t i = 0; i < m->n_results; i++)
        if (pg_word(p->formats.list, i) > PG_FORMAT_BINARY)
            return pg_fail(err, "22023", "unsupported format code");
    return ERR_OK;
}

enum err_code pg_portal_bind(struct pg_backend *b, const struct pg_bind *m,
                             struct err *err)
{
    struct pg_statement *s = pg_statement_find(b, m->name);
    struct pg_portal *p;
    if (!s)
        return pg_fail(err, "26000",
                       m->name[0]
                           ? "prepared statement \"%.60s\" does not exist"
                           : "unnamed prepared statement does not exist%s",
                       m->name);
    if (m->n_values != s->n_params)
        return pg_fail(err, "08P01",
                       "bind message supplies %zu parameters, but prepared "
                       "statement \"%.60s\" requires %zu",
                       m->n_values, m->name, s->n_params);
    if (m->n_formats > 1 && m->n_formats != m->n_values)
        return pg_fail(err, "08P01",
                       "bind message has %zu parameter formats but %zu "
                       "parameters",
                       m->n_formats, m->n_values);
    TRY(pg_portal_new(&p, b, m->portal, err));
    p->statement = s;
    s->refs++;
    const enum err_code code = bind(p, m, err);
    if (code != ERR_OK)
        pg_portal_drop(b, m->portal);
    return code;
}

/* ---- FETCH ---- */

/* Rows first..last of the cursor, from 1, in that order; last < first is back
 * to front. */
static enum err_code slice(struct pg_rows *out, const struct pg_portal *p,
                           size_t first, size_t last, struct arena *a,
                           struct err *err)
{
    const size_t width = p->rows.n_columns;
    *out = p->rows;
    if (last >= first) {
        out->cells = p->rows.cells + (first - 1) * width;
        out->n_rows = last - first + 1;
        return ERR_OK;
    }
    out->n_rows = first - last + 1;
    struct value *cells = ARENA_NEW_N(a, out->n_rows * width + 1, struct value);
    if (!cells)
        return full(err);
    for (size_t i = 0; i < out->n_rows * width; i++)
        cells[i] = p->rows.cells[(first - 1 - i / width) * width + i % width];
    out->cells = cells;
    return ERR_OK;
}

static enum err_code one_row(struct pg_rows *out, struct pg_portal *p,
                             int64_t at, struct arena *a, struct err *err)
{
    const int64_t last = (int64_t)p->rows.n_rows;
    p->at = (size_t)(at < 0 ? 0 : at > last ? last + 1 : at);
    *out = p->rows;
    out->n_rows = 0;
    return at >= 1 && at <= last ? slice(out, p, p->at, p->at, a, err) : ERR_OK;
}

/* n rows ahead (sign 1) or back (-1); past the end the cursor stands there. */
static enum err_code many(struct pg_rows *out, struct pg_portal *p, int sign,
                          int64_t n, struct arena *a, struct err *err)
{
    const size_t last = p->rows.n_rows, at = p->at;
    *out = p->rows;
    out->n_rows = 0;
    if (n == 0)
        return one_row(out, p, (int64_t)at, a, err);
    const size_t ahead =
        sign > 0 ? last - (at > last ? last : at) : (at > 0 ? at - 1 : 0);
    const size_t take = (uint64_t)n > ahead ? ahead : (size_t)n;
    const bool ends = (uint64_t)n > take;
    p->at = sign > 0 ? (ends ? last + 1 : at + take) : (ends ? 0 : at - take);
    if (take == 0)
        return ERR_OK;
    return sign > 0 ? slice(out, p, at + 1, at + take, a, err)
                    : slice(out, p, at - 1, at - take, a, err);
}

enum err_code pg_portal_fetch(struct pg_rows *out, struct pg_portal *p,
                              const struct sql_fetch *f, struct arena *a,
                              struct err *err)
{
    const int64_t last = (int64_t)p->rows.n_rows, at = (int64_t)p->at;
    const bool all = f->n == INT64_MAX;
    switch (f->direction) {
    case SQL_FORWARD:
    case SQL_BACKWARD: {
        int sign = f->direction == SQL_FORWARD ? 1 : -1;
        const int64_t n = f->n < 0 ? -(f->n + 1) + 1 : f->n;
        if (f->n < 0)
            sign = -sign;
        return many(out, p, sign, f->n == INT64_MIN ? INT64_MAX : n, a, err);
    }
    case SQL_ABSOLUTE:
        return one_row(out, p, f->n >= 0 ? f->n : last + 1 + f->n, a, err);
    case SQL_RELATIVE:
        return one_row(out, p,
                       all || f->n > last + 1 ? last + 1
                       : f->n < -(last + 1)   ? 0
                                              : at + f->n,
                       a, err);
    }
    return ERR_OK;
}
