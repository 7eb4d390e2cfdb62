/*
 * What real clients asked of PostgreSQL about its catalog, asked again of two
 * servers that publish the same schema: PostgreSQL and Halftone.
 *
 * Usage: captured HALFTONE POSTGRESQL FILE...  (two connection strings, files
 * of captured statements).  Prints a line for each that differs, then for each
 * file and for all together how many were answered alike: columns, types and
 * rows.  OIDs of published objects are compared by the names they stand for.
 */
#include <ctype.h>
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LINE_MAX_LEN = 1 << 20,
    PARAMS_MAX = 64,
    NAMES_MAX = 256,
    VALUE_MAX = 4096
};

/* ---- what an OID stands for ---- */

static const char names_sql[] =
    "SELECT 's:' || nspname, oid::bigint FROM pg_namespace WHERE oid >= 16384 "
    "UNION ALL SELECT 't:' || n.nspname || '.' || c.relname, c.oid::bigint "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE c.oid >= 16384 AND c.relkind = 'r' "
    "UNION ALL SELECT 'y:' || n.nspname || '.' || t.typname, t.oid::bigint "
    "FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace "
    "WHERE t.oid >= 16384 "
    "UNION ALL SELECT 'c:' || conname, oid::bigint FROM pg_constraint "
    "WHERE oid >= 16384 "
    "UNION ALL SELECT 'd:', oid::bigint FROM pg_database "
    "UNION ALL SELECT 'r:' || rolname, oid::bigint FROM pg_roles "
    "WHERE oid >= 16384";

struct names {
    char name[NAMES_MAX][128];
    unsigned long oid[NAMES_MAX];
    int n;
};

/* The OIDs in the captured statements. */
static const struct {
    const char *oid, *name;
} captured_oids[] = {
    { "16391", "t:clinic.patients" },       { "16386", "t:clinic.patients" },
    { "16398", "t:clinic.visits" },         { "16400", "y:clinic.visits" },
    { "16409", "t:clinic.visits_by_dept" },
};

static void die(const char *what, PGconn *con)
{
    (void)fprintf(stderr, "captured: %s: %s\n", what, PQerrorMessage(con));
    exit(2);
}

static void read_names(struct names *out, PGconn *con)
{
    PGresult *r = PQexec(con, names_sql);
    if (PQresultStatus(r) != PGRES_TUPLES_OK)
        die("names", con);
    out->n = PQntuples(r) < NAMES_MAX ? PQntuples(r) : NAMES_MAX;
    for (int i = 0; i < out->n; i++) {
        (void)snprintf(out->name[i], sizeof out->name[i], "%s",
                       PQgetvalue(r, i, 0));
        out->oid[i] = strtoul(PQgetvalue(r, i, 1), NULL, 10);
    }
    PQclear(r);
}

static const char *name_of(const struct names *n, unsigned long oid)
{
    for (int i = 0; i < n->n; i++)
        if (n->oid[i] == oid)
            return n->name[i];
    return NULL;
}

static unsigned long oid_of(const struct names *n, const char *name)
{
    for (int i = 0; i < n->n; i++)
        if (strcmp(n->name[i], name) == 0)
            return n->oid[i];
    return 0;
}

/* Copy with every whole number of five digits or more put through `to`. */
typedef void number_fn(FILE *out, const char *digits, const struct names *n);

static char *with_numbers(const char *s, number_fn *to, const struct names *n)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    while (*s) {
        size_t digits = strspn(s, "0123456789");
        char word[24];
        if (digits >= 5 && digits < sizeof word) {
            (void)snprintf(word, sizeof word, "%.*s", (int)digits, s);
            to(out, word, n);
            s += digits;
            continue;
        }
        if (digits == 0)
            for (digits = 1; isalpha((unsigned char)s[digits - 1]) &&
                             isalnum((unsigned char)s[digits]);)
                digits++;
        (void)fwrite(s, 1, digits, out);
        s += digits;
    }
    (void)fclose(out);
    return text;
}

static void to_server(FILE *out, const char *digits, const struct names *n)
{
    for (size_t i = 0; i < sizeof captured_oids / sizeof *captured_oids; i++)
        if (strcmp(captured_oids[i].oid, digits) == 0) {
            (void)fprintf(out, "%lu", oid_of(n, captured_oids[i].name));
            return;
        }
    (void)fputs(digits, out);
}

static void to_name(FILE *out, const char *digits, const struct names *n)
{
    const char *name = name_of(n, strtoul(digits, NULL, 10));
    (void)fputs(name ? name : digits, out);
}

/* ---- one captured line ---- */

struct param {
    char bytes[VALUE_MAX];
    int len, format;
    Oid type; /* as the client said; 0: it did not */
    bool is_null;
};

struct statement {
    char *sql;
    struct param params[PARAMS_MAX];
    int n_params;
};

/* b'\x00\x02' inside a JSON string: two layers of backslashes. */
static const char *read_bytes(struct param *p, const char *s)
{
    char quote = 0;
    p->len = 0;
    p->is_null = strncmp(s, "None", 4) == 0 || strncmp(s, "null", 4) == 0;
    if (p->is_null)
        return s + 4;
    s++; /* the string's own quote */
    if (strncmp(s, "None", 4) == 0) {
        p->is_null = true;
        return s + 5;
    }
    s++; /* b */
    quote = *s++;
    while (*s && *s != quote && p->len < VALUE_MAX - 1) {
        if (s[0] == '\\' && s[1] == '\\' && s[2] == 'x') {
            const char hex[3] = { s[3], s[4], 0 };
            p->bytes[p->len++] = (char)strtoul(hex, NULL, 16);
            s += 5;
        } else if (s[0] == '\\' && s[1] == '\\') {
            const char c = s[2];
            p->bytes[p->len++] = c == 'n' ? '\n' : c == 't' ? '\t' : c;
            s += 3;
        } else if (s[0] == '\\') {
            p->bytes[p->len++] = s[1];
            s += 2;
        } else {
            p->bytes[p->len++] = *s++;
        }
    }
    p->bytes[p->len] = 0;
    return strchr(s, '"') ? strchr(s, '"') + 1 : s + strlen(s);
}

static void read_params(struct statement *st, const char *rest)
{
    const char *s = strstr(rest, "params=["), *f = strstr(rest, "fmt=["),
               *o = strstr(rest, "oids=[");
    st->n_params = 0;
    if (!s)
        return;
    for (s += 8; *s && *s != ']' && st->n_params < PARAMS_MAX;) {
        s = read_bytes(&st->params[st->n_params++], s);
        s += strspn(s, ", ");
    }
    f = f ? f + 5 : "";
    o = o ? o + 6 : "";
    for (int i = 0; i < st->n_params; i++) {
        if (isdigit((unsigned char)*f))
            st->params[i].format = (int)strtol(f, (char **)(uintptr_t)&f, 10);
        else if (i)
            st->params[i].format = st->params[0].format;
        f += strspn(f, ", ");
        st->params[i].type = 0;
        if (isdigit((unsigned char)*o))
            st->params[i].type = (Oid)strtoul(o, (char **)(uintptr_t)&o, 10);
        o += strspn(o, ", ");
    }
}

static bool begins(const char *s, const char *word)
{
    return strncasecmp(s, word, strlen(word)) == 0;
}

/* Statements about the catalog, or about nothing: data is asked elsewhere. */
static bool is_about_catalog(const char *sql)
{
    static const char *const tables[] = {
        "from clinic.", "join clinic.",     "from \"clinic\".", "FROM clinic.",
        "JOIN clinic.", "FROM \"clinic\".", "from visits",      "FROM visits",
    };
    sql += strspn(sql, " \t");
    if (!begins(sql, "select") && !begins(sql, "with") && !begins(sql, "show"))
        return false;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        if (strstr(sql, tables[i]))
            return false;
    return true;
}

/* False: the line holds none. */
static bool read_statement(struct statement *out, char *line)
{
    char *end = NULL;
    for (char *at = line; (at = strstr(at, "-- [")); at++)
        end = at;
    if (!end)
        return false;
    read_params(out, end);
    while (end > line && strchr("; \t", end[-1]))
        end--;
    *end = 0;
    out->sql = line;
    return is_about_catalog(line);
}

/* ---- one server's answer ---- */

struct server {
    PGconn *con;
    struct names names;
};

static PGresult *ask(const struct server *s, const struct statement *st)
{
    const char *values[PARAMS_MAX];
    int lengths[PARAMS_MAX], formats[PARAMS_MAX];
    char numbers[PARAMS_MAX][4], *texts[PARAMS_MAX] = { NULL };
    Oid types[PARAMS_MAX];
    for (int i = 0; i < st->n_params; i++) {
        const struct param *p = &st->params[i];
        values[i] = p->is_null ? NULL : p->bytes;
        lengths[i] = p->len;
        types[i] = p->type;
        formats[i] = p->format;
        if (p->is_null)
            continue;
        if (p->format == 0) {
            values[i] = texts[i] = with_numbers(p->bytes, to_server, &s->names);
        } else if (p->len == 4) { /* an OID of theirs is one of ours */
            const unsigned char *b = (const unsigned char *)p->bytes;
            char text[24], *own;
            (void)snprintf(text, sizeof text, "%u",
                           (unsigned)b[0] << 24 | (unsigned)b[1] << 16 |
                               (unsigned)b[2] << 8 | b[3]);
            own = with_numbers(text, to_server, &s->names);
            const unsigned long v = strtoul(own, NULL, 10);
            for (int k = 0; k < 4; k++)
                numbers[i][k] = (char)(v >> (24 - 8 * k));
            free(own);
            values[i] = numbers[i];
        }
    }
    char *sql = with_numbers(st->sql, to_server, &s->names);
    PGresult *r = st->n_params ? PQexecParams(s->con, sql, st->n_params, types,
                                              values, lengths, formats, 0)
                               : PQexec(s->con, sql);
    free(sql);
    for (int i = 0; i < st->n_params; i++)
        free(texts[i]);
    return r;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *row_text(const PGresult *r, int row, const struct names *n)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    for (int k = 0; k < PQnfields(r); k++) {
        char *cell = with_numbers(PQgetvalue(r, row, k), to_name, n);
        (void)fprintf(out, "%s%s", k ? "|" : "",
                      PQgetisnull(r, row, k) ? "NULL" : cell);
        free(cell);
    }
    (void)fclose(out);
    return text;
}

/* Columns with their types, then the rows, sorted. */
static char *answer_text(const PGresult *r, const struct names *n)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    for (int k = 0; k < PQnfields(r); k++) {
        const char *type = name_of(n, PQftype(r, k));
        (void)fprintf(out, "%s:", PQfname(r, k));
        if (type)
            (void)fprintf(out, "%s ", type);
        else
            (void)fprintf(out, "%u ", PQftype(r, k));
    }
    const int n_rows = PQntuples(r);
    char **rows = calloc((size_t)n_rows + 1, sizeof *rows);
    for (int i = 0; i < n_rows; i++)
        rows[i] = row_text(r, i, n);
    qsort(rows, (size_t)n_rows, sizeof *rows, by_text);
    for (int i = 0; i < n_rows; i++) {
        (void)fprintf(out, "\n%s", rows[i]);
        free(rows[i]);
    }
    free(rows);
    (void)fclose(out);
    return text;
}

/* A server says of itself who it is, and when. */
static bool is_its_own(const char *sql)
{
    return strstr(sql, "version") || strstr(sql, "pg_backend_pid") ||
           strstr(sql, "now()");
}

/* ---- all of them ---- */

struct count {
    int asked, alike;
};

static void show_difference(const char *file, const char *sql, const char *ours,
                            const char *theirs)
{
    size_t at = 0;
    while (ours[at] && ours[at] == theirs[at])
        at++;
    at = at > 60 ? at - 60 : 0;
    (void)printf("%s: %.160s\n  Halftone:   %.200s\n  PostgreSQL: %.200s\n",
                 file, sql, ours + at, theirs + at);
}

static void compare(struct count *c, const struct server *ours,
                    const struct server *theirs, const struct statement *st,
                    const char *file)
{
    PGresult *a = ask(ours, st), *b = ask(theirs, st);
    const bool a_ok = PQresultStatus(a) == PGRES_TUPLES_OK,
               b_ok = PQresultStatus(b) == PGRES_TUPLES_OK;
    char *one =
        a_ok ? answer_text(a, &ours->names) : strdup(PQresultErrorMessage(a));
    char *two =
        b_ok ? answer_text(b, &theirs->names) : strdup(PQresultErrorMessage(b));
    const bool alike =
        a_ok == b_ok && (!a_ok || strcmp(one, two) == 0 || is_its_own(st->sql));
    c->asked++;
    c->alike += alike;
    if (!alike)
        show_difference(file, st->sql, one, two);
    free(one);
    free(two);
    PQclear(a);
    PQclear(b);
}

static struct count compare_file(const char *path, const struct server *ours,
                                 const struct server *theirs)
{
    static char line[LINE_MAX_LEN];
    static struct statement st;
    struct count c = { 0, 0 };
    const char *file = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    FILE *in = fopen(path, "r");
    if (!in) {
        perror(path);
        exit(2);
    }
    while (fgets(line, sizeof line, in)) {
        line[strcspn(line, "\n")] = 0;
        if (read_statement(&st, line))
            compare(&c, ours, theirs, &st, file);
    }
    (void)fclose(in);
    (void)printf("note %-24s %3d of %3d alike\n", file, c.alike, c.asked);
    return c;
}

static void ignore(void *ctx, const char *message)
{
    (void)ctx;
    (void)message;
}

int main(int argc, char **argv)
{
    static struct server ours, theirs;
    struct count all = { 0, 0 };
    if (argc < 4)
        return 2;
    ours.con = PQconnectdb(argv[1]);
    theirs.con = PQconnectdb(argv[2]);
    if (PQstatus(ours.con) != CONNECTION_OK)
        die("Halftone", ours.con);
    if (PQstatus(theirs.con) != CONNECTION_OK)
        die("PostgreSQL", theirs.con);
    (void)PQsetNoticeProcessor(ours.con, ignore, NULL);
    read_names(&ours.names, ours.con);
    read_names(&theirs.names, theirs.con);
    for (int i = 3; i < argc; i++) {
        const struct count c = compare_file(argv[i], &ours, &theirs);
        all.asked += c.asked;
        all.alike += c.alike;
    }
    (void)printf("note %d of %d statements alike, %.1f %%\n", all.alike,
                 all.asked, 100.0 * all.alike / all.asked);
    PQfinish(ours.con);
    PQfinish(theirs.con);
    return all.asked >= 200 && all.alike * 100 >= all.asked * 99 ? 0 : 1;
}
