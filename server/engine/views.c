#include "server/engine/views.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/engine/duck_row.h"
#include "server/engine/schema_types.h"
#include "server/plan/gate.h"

enum { VIEW_MAX = 2 << 20 }; /* bytes of one CREATE VIEW */

/* What the source has, as far as it fits into the hint. */
static enum err_code list_columns(const struct source *s, struct err *err)
{
    char text[sizeof err->hint - 16] = "";
    struct writer w = writer_of(text, sizeof text - sizeof ", ...");
    for (size_t i = 0; i < s->n_columns && !w.overflow; i++) {
        const size_t before = w.len;
        writer_printf(&w, "%s%s", i ? ", " : "", s->columns[i].name);
        if (w.overflow)
            memcpy(text + before, ", ...", sizeof ", ...");
    }
    return err_hint(err, "it has %s", text);
}

static enum err_code missing(const struct source *s,
                             const struct policy_table *t,
                             const struct policy_column *c, struct err *err)
{
    const struct source_column *near = NULL;
    for (size_t i = 0; i < s->n_columns; i++)
        if (strcasecmp(s->columns[i].name, policy_stored_name(c)) == 0)
            near = &s->columns[i];
    (void)err_set(err, ERR_INVALID, "table %s: the source has no column %s",
                  t->name, policy_stored_name(c));
    (void)err_at(err, c->line, 1);
    if (near)
        return err_hint(err, "it has %s: write %s: {from: \"%s\", ...}",
                        near->name, c->name, near->name);
    return list_columns(s, err);
}

/* Writes the SELECT item that turns the stored column into the declared one. */
static enum err_code column(struct writer *w, const struct source *s,
                            const struct policy_table *t,
                            const struct policy_column *c, struct err *err)
{
    const struct source_column *found = NULL;
    for (size_t i = 0; i < s->n_columns && !found; i++)
        if (strcmp(s->columns[i].name, policy_stored_name(c)) == 0)
            found = &s->columns[i];
    if (!found)
        return missing(s, t, c, err);

    const enum fit fit = schema_fit_of(s, found, c->type);
    if (fit == FIT_NONE) {
        enum policy_type best;
        (void)err_set(err, ERR_INVALID,
                      "table %s, column %s: declared %s, stored as %s", t->name,
                      c->name, policy_type_name(c->type),
                      schema_stored_name(found->type));
        (void)err_at(err, c->line, 1);
        if (schema_best(&best, found->type))
            return err_hint(err, "declare it as %s", policy_type_name(best));
        return err_hint(err, "leave the column out");
    }
    if (fit != FIT_SAME)
        writer_str(w, fit == FIT_WIDER ? "CAST(" : "TRY_CAST(");
    duck_ident(w, policy_stored_name(c));
    if (fit != FIT_SAME)
        writer_printf(w, " AS %s)", schema_target_name(c->type));
    writer_str(w, " AS ");
    duck_ident(w, c->name);
    return ERR_OK;
}

/* DuckDB takes names that differ only in case for one. */
static enum err_code check_case(const struct policy_table *t, struct err *err)
{
    for (size_t i = 0; i < t->n_columns; i++)
        for (size_t j = 0; j < i; j++)
            if (strcasecmp(t->columns[i].name, t->columns[j].name) == 0) {
                (void)err_set(err, ERR_INVALID,
                              "table %s: columns %s and %s differ only in case",
                              t->name, t->columns[j].name, t->columns[i].name);
                (void)err_at(err, t->columns[i].line, 1);
                return err_hint(err, "DuckDB takes them for one: rename or "
                                     "leave out one of them");
            }
    return ERR_OK;
}

static enum err_code columns(struct writer *w, const struct source *s,
                             const struct policy_table *t, struct err *err)
{
    for (size_t i = 0; i < t->n_columns; i++) {
        writer_str(w, i ? ", " : "");
        TRY(column(w, s, t, &t->columns[i], err));
    }
    return ERR_OK;
}

static enum err_code cannot_show(const struct policy_table *t, struct err *err)
{
    (void)err_set(err, ERR_INVALID, "table %s: DuckDB cannot show it", t->name);
    (void)err_at(err, t->line, 1);
    return err_hint(err, "is its name, ASCII case ignored, that of another "
                         "table?");
}

static enum err_code create(struct duck *d, const struct source *s,
                            const struct policy_table *t, char *text,
                            struct err *err)
{
    struct writer w = writer_of(text, VIEW_MAX);
    TRY(check_case(t, err));
    writer_str(&w, "CREATE VIEW src.");
    duck_ident(&w, t->name);
    writer_str(&w, " AS SELECT ");
    TRY(columns(&w, s, t, err));
    writer_str(&w, " FROM ");
    writer_str(&w, s->from);
    return writer_cstr(&w) && duck_exec(d, text) ? ERR_OK : cannot_show(t, err);
}

/* ---- people who count ---- */

static bool names(const struct policy_table *t, const char *name)
{
    for (size_t i = 0; name && i < t->n_columns; i++)
        if (strcasecmp(t->columns[i].name, name) == 0)
            return true;
    return false;
}

/* May its rows be told by their place?  Not where a column of the policy goes
 * by a name that is to mean that place. */
static bool tells_rows(const struct source *s, const struct policy_table *t)
{
    return s->row && !names(t, s->row) && !names(t, s->file) &&
           !names(t, "halftone_row") && !names(t, "halftone_file");
}

static enum err_code create_rows(struct duck *d, const struct source *s,
                                 const struct policy_table *t, size_t i,
                                 char *text, struct err *err)
{
    struct writer w = writer_of(text, VIEW_MAX);
    writer_printf(&w, "CREATE VIEW " VIEWS_ROWS " AS SELECT ", i);
    TRY(columns(&w, s, t, err));
    writer_printf(&w,
                  ", CAST(%s AS BIGINT) AS halftone_file, CAST(%s AS BIGINT) "
                  "AS halftone_row FROM ",
                  s->file ? s->file : "0", s->row);
    writer_str(&w, s->from);
    return writer_cstr(&w) && duck_exec(d, text) ? ERR_OK : cannot_show(t, err);
}

/* A condition that DuckDB folds before it looks which columns it needs. */
static void print_condition(struct writer *w, const struct policy_table *t,
                            size_t i, const struct source *s)
{
    const struct policy_column *key = &t->columns[t->key];
    if (s)
        writer_printf(w, "CASE WHEN " DUCK_BY_ROW " THEN ");
    if (s && s->file)
        writer_printf(
            w, DUCK_PLACE "%zu(halftone_file, halftone_row) <> 0 ELSE ", i);
    else if (s)
        writer_printf(w, DUCK_ROW "%zu(halftone_row) <> 0 ELSE ", i);
    writer_printf(w, "%s(", gate_name(key->type == POLICY_INT));
    duck_ident(w, key->name);
    writer_str(w, s ? ") END" : ")");
}

static enum err_code create_counted(bool *has_rows, struct duck *d,
                                    const struct source *s,
                                    const struct policy_table *t, size_t i,
                                    char *text, struct err *err)
{
    *has_rows = tells_rows(s, t);
    if (*has_rows)
        TRY(create_rows(d, s, t, i, text, err));
    struct writer w = writer_of(text, VIEW_MAX);
    writer_str(&w, "CREATE VIEW " GATE_SCHEMA ".");
    duck_ident(&w, t->name);
    for (size_t c = 0; c < t->n_columns; c++) {
        writer_str(&w, c ? ", " : " AS SELECT ");
        duck_ident(&w, t->columns[c].name);
    }
    writer_str(&w, " FROM ");
    if (*has_rows) {
        writer_printf(&w, VIEWS_ROWS, i);
    } else {
        writer_str(&w, "src.");
        duck_ident(&w, t->name);
    }
    writer_str(&w, " WHERE ");
    print_condition(&w, t, i, *has_rows ? s : NULL);
    return writer_cstr(&w) && duck_exec(d, text) ? ERR_OK : cannot_show(t, err);
}

/* ---- all of it ---- */

static enum err_code add_files(const char ***files, size_t *n,
                               const struct source *s, struct arena *a,
                               struct err *err)
{
    const char **all = ARENA_NEW_N(a, *n + s->n_files, const char *);
    if (!all)
        return err_set(err, ERR_LIMIT, "too many source files");
    for (size_t i = 0; i < *n; i++)
        all[i] = (*files)[i];
    for (size_t i = 0; i < s->n_files; i++)
        all[*n + i] = s->files[i];
    *files = all;
    *n += s->n_files;
    return ERR_OK;
}

/* Of the map of subjects: k, the key as the tables show it, and subject. */
static enum err_code create_map(struct duck *d, const struct source *s,
                                const struct policy *p, char *text,
                                struct err *err)
{
    const struct policy_map *m = &p->map;
    enum policy_type type = POLICY_TEXT;
    struct writer w = writer_of(text, VIEW_MAX);
    for (size_t i = 0; i < p->n_tables; i++)
        if (p->tables[i].owned)
            type = p->tables[i].columns[p->tables[i].key].type;
    writer_printf(&w, "CREATE VIEW %s AS SELECT TRY_CAST(", VIEWS_MAP);
    duck_ident(&w, m->key);
    writer_printf(&w, " AS %s) AS k, CAST(",
                  type == POLICY_INT ? "BIGINT" : "VARCHAR");
    duck_ident(&w, m->subject);
    writer_printf(&w, " AS VARCHAR) AS subject FROM %s", s->from);
    if (writer_cstr(&w) && duck_exec(d, text))
        return ERR_OK;
    (void)err_set(err, ERR_INVALID,
                  "the map of subjects has no columns %s and "
                  "%s",
                  m->key, m->subject);
    (void)err_at(err, p->line, 1);
    return list_columns(s, err);
}

/* What create_all gathers. */
struct gathering {
    const char **files, **of_people;
    size_t n, n_of_people;
    bool has_rows; /* all tables of people, so far */
};

static enum err_code find_source(struct source *s, struct duck *d,
                                 const struct policy *p, const char *source,
                                 struct arena *a, struct err *err)
{
    return p->source == SOURCE_DUCKDB ? source_of_table(s, d, source, a, err)
                                      : source_of_files(s, d, source, a, err);
}

static enum err_code create_all(struct gathering *g, struct duck *d,
                                const struct policy *p, char *text,
                                struct arena *a, struct err *err)
{
    struct source s;
    for (size_t i = 0; i < p->n_tables; i++) {
        const struct policy_table *t = &p->tables[i];
        TRY(find_source(&s, d, p, t->source, a, err));
        TRY(create(d, &s, t, text, err));
        TRY(add_files(&g->files, &g->n, &s, a, err));
        if (!p->has_consent || !t->owned)
            continue;
        bool has_rows;
        TRY(create_counted(&has_rows, d, &s, t, i, text, err));
        TRY(add_files(&g->of_people, &g->n_of_people, &s, a, err));
        g->has_rows &= has_rows;
    }
    if (!p->has_consent || !p->map.source)
        return ERR_OK;
    TRY(find_source(&s, d, p, p->map.source, a, err));
    TRY(create_map(d, &s, p, text, err));
    return add_files(&g->files, &g->n, &s, a, err);
}

/* Looked at before DuckDB opens it, so that what is seen is what it opens. */
static enum err_code attach(struct views *out, struct duck *d, const char *path,
                            struct arena *a, struct err *err)
{
    char resolved[PATH_MAX];
    const char *const file = resolved;
    if (!realpath(path, resolved))
        return source_attach(d, path, a, err); /* and says what is wrong */
    out->paths = stamp_paths_of(&file, 1);
    out->attached = out->paths ? stamp_look(out->paths) : NULL;
    if (!out->attached) {
        stamp_paths_free(out->paths);
        out->paths = NULL;
    }
    return source_attach(d, resolved, a, err);
}

static enum err_code create_views(struct views *out, struct gathering *g,
                                  struct duck *d, const struct policy *policy,
                                  struct arena *a, struct err *err)
{
    if (policy->source == SOURCE_DUCKDB)
        TRY(attach(out, d, policy->database, a, err));
    char *text = malloc(VIEW_MAX);
    if (!text ||
        !duck_exec(d, "CREATE SCHEMA src; CREATE SCHEMA " GATE_SCHEMA)) {
        free(text);
        return err_set(err, ERR_INTERNAL, "DuckDB cannot make a schema");
    }
    const enum err_code code = create_all(g, d, policy, text, a, err);
    free(text);
    return code;
}

enum err_code views_create(struct views *out, struct duck *d,
                           const struct policy *policy, struct arena *a,
                           struct err *err)
{
    struct gathering g = { .has_rows = policy->has_consent };
    *out = (struct views){ 0 };
    const enum err_code code = create_views(out, &g, d, policy, a, err);
    out->files = (const char *const *)g.files;
    out->n_files = g.n;
    if (code == ERR_OK && g.has_rows) {
        if (policy->source != SOURCE_DUCKDB)
            out->paths =
                stamp_paths_of((const char *const *)g.of_people, g.n_of_people);
        return ERR_OK;
    }
    stamp_paths_free(out->paths);
    free(out->attached);
    out->paths = NULL;
    out->attached = NULL;
    return code;
}
