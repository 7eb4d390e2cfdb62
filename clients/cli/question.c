#include "clients/cli/question.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clients/cli/cell.h"
#include "clients/cli/statements.h"
#include "clients/cli/structured.h"
#include "server/base/utf8.h"
#include "server/base/writer.h"
#include "server/query/request.h"

enum { KEY_BYTES = 16 };

/* A borrowed string where protobuf-c wants a mutable one; it does not write. */
static char *text_of(const char *s)
{
    return (char *)(uintptr_t)s;
}

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the question is too large");
}

/* ---- the SQL ---- */

static enum err_code read_sql(const char **out, const char *path, size_t most,
                              struct arena *a, struct err *err)
{
    const bool standard = strcmp(path, "-") == 0;
    char *text = arena_alloc(a, most + 2, 1);
    if (!text)
        return full(err);
    FILE *f = standard ? stdin : fopen(path, "re");
    const size_t len = f ? fread(text, 1, most + 1, f) : 0;
    const bool bad = !f || ferror(f);
    const int why = errno;
    if (f && !standard)
        (void)fclose(f);
    if (bad)
        return err_set(err, ERR_NOT_FOUND, "cannot read '%.200s': %s", path,
                       strerror(why));
    if (memchr(text, '\0', len))
        return err_set(err, ERR_INVALID, "the SQL in '%.200s' holds a NUL",
                       path);
    *out = text;
    return ERR_OK;
}

/* Something is piped or redirected into the tool. */
static bool is_fed(void)
{
    struct stat st;
    return fstat(STDIN_FILENO, &st) == 0 &&
           (S_ISFIFO(st.st_mode) || (S_ISREG(st.st_mode) && st.st_size > 0));
}

static enum err_code find_sql(const char **out, const struct options *o,
                              const char *const *words, size_t n_words,
                              struct arena *a, struct err *err)
{
    const size_t sources = n_words + (o->file != NULL) + (o->table != NULL);
    if (n_words > 1) {
        (void)err_set(err, ERR_INVALID, "the SQL is in %zu words", n_words);
        return err_hint(err, "put it in quotes");
    }
    if (sources == 0 && is_fed())
        return read_sql(out, "-", REQUEST_SQL_MAX, a, err);
    if (sources != 1) {
        (void)err_set(err, ERR_INVALID,
                      sources ? "the question is asked twice"
                              : "there is no question");
        return err_hint(err, "give SQL as a word, with --file FILE, - for "
                             "standard input, or --table without SQL");
    }
    *out = NULL;
    if (o->table)
        return ERR_OK;
    if (o->file || strcmp(words[0], "-") == 0)
        return read_sql(out, o->file ? o->file : "-", REQUEST_SQL_MAX, a, err);
    *out = words[0];
    return ERR_OK;
}

static enum err_code check_sql(const char *sql, struct err *err)
{
    const size_t len = strlen(sql);
    if (strspn(sql, " \t\r\n") == len)
        return err_set(err, ERR_INVALID, "the SQL is empty");
    if (len > REQUEST_SQL_MAX)
        return err_set(err, ERR_INVALID, "the SQL is longer than 64 KiB");
    if (!utf8_is_text(sql, len))
        return err_set(err, ERR_INVALID, "the SQL is not UTF-8");
    return ERR_OK;
}

/* ---- what it may cost ---- */

static enum err_code set_ask(Halftone__V1__Ask **out, const struct options *o,
                             struct arena *a, struct err *err)
{
    const int given =
        (o->accuracy.half_width > 0) + (o->rho > 0) + (o->epsilon > 0);
    if (given > 1) {
        (void)err_set(err, ERR_INVALID,
                      "--accuracy, --rho and --epsilon exclude one another");
        return err_hint(err, "one says what the answer is worth: keep it");
    }
    const double level = o->level > 0 ? o->level : o->accuracy.level;
    if (given == 0 && !(level > 0))
        return ERR_OK;
    Halftone__V1__Ask *ask = ARENA_NEW(a, Halftone__V1__Ask);
    Halftone__V1__Accuracy *accuracy = ARENA_NEW(a, Halftone__V1__Accuracy);
    if (!ask || !accuracy)
        return full(err);
    halftone__v1__ask__init(ask);
    ask->level = level;
    if (o->rho > 0) {
        ask->kind_case = HALFTONE__V1__ASK__KIND_RHO;
        ask->rho = o->rho;
    } else if (o->epsilon > 0) {
        ask->kind_case = HALFTONE__V1__ASK__KIND_EPSILON;
        ask->epsilon = o->epsilon;
    } else if (given > 0) {
        halftone__v1__accuracy__init(accuracy);
        accuracy->half_width = o->accuracy.half_width;
        accuracy->relative = o->accuracy.relative;
        ask->kind_case = HALFTONE__V1__ASK__KIND_ACCURACY;
        ask->accuracy = accuracy;
    }
    *out = ask;
    return ERR_OK;
}

static enum err_code set_bounds(Halftone__V1__QueryRequest *m,
                                const struct options *o, struct arena *a,
                                struct err *err)
{
    if (o->max_groups == 0 && o->max_rows == 0)
        return ERR_OK;
    Halftone__V1__Bounds *b = ARENA_NEW(a, Halftone__V1__Bounds);
    if (!b)
        return full(err);
    halftone__v1__bounds__init(b);
    b->max_groups = o->max_groups;
    b->max_rows = o->max_rows;
    m->bounds = b;
    return ERR_OK;
}

/* 1=books is meant for $1, and would be a text. */
static enum err_code check_order(const char *text, struct err *err)
{
    const size_t digits = strspn(text, "0123456789");
    if (digits == 0 || text[digits] != '=')
        return ERR_OK;
    err_set(err, ERR_INVALID,
            "--param '%.40s': parameters come in order, $1 first", text);
    return err_hint(err,
                    "write --param %.40s, or --param text:%.40s for that "
                    "text",
                    text + digits + 1, text);
}

static enum err_code set_params(Halftone__V1__QueryRequest *m,
                                const struct options *o, struct arena *a,
                                struct err *err)
{
    m->params = ARENA_NEW_N(a, o->params.n, Halftone__V1__Value *);
    if (!m->params)
        return full(err);
    for (size_t i = 0; i < o->params.n; i++) {
        struct value v;
        struct err why;
        TRY(check_order(o->params.items[i].value, err));
        if (cell_parse(&v, o->params.items[i].value, &why) != ERR_OK)
            return err_set(err, ERR_INVALID, "--param number %zu: %s", i + 1,
                           why.msg);
        m->params[i] = cell_message(&v, a);
        if (!m->params[i])
            return full(err);
        m->n_params++;
    }
    return ERR_OK;
}

enum err_code question_key(char **out, const char *key, struct arena *a,
                           struct err *err)
{
    if (key && strlen(key) > REQUEST_KEY_MAX)
        return err_set(err, ERR_INVALID, "--key is longer than %d bytes",
                       REQUEST_KEY_MAX);
    if (key) {
        *out = text_of(key);
        return ERR_OK;
    }
    uint8_t random[KEY_BYTES];
    char *hex = arena_alloc(a, 2 * KEY_BYTES + 1, 1);
    if (!hex)
        return full(err);
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return err_set(err, ERR_INTERNAL, "no random bytes for the key");
    for (size_t i = 0; i < KEY_BYTES; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", random[i]);
    *out = hex;
    return ERR_OK;
}

enum err_code question_of(struct question *out, const struct options *o,
                          const char *const *words, size_t n_words, bool key,
                          struct arena *a, struct err *err)
{
    Halftone__V1__QueryRequest *m = &out->message;
    halftone__v1__query_request__init(m);
    TRY(find_sql(&out->sql, o, words, n_words, a, err));
    if (out->sql) {
        TRY(check_sql(out->sql, err));
        m->question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL;
        m->sql = text_of(out->sql);
    } else {
        m->question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_STRUCTURED;
        TRY(structured_of(&m->structured, o, a, err));
    }
    if (out->sql && o->by.n + o->where.n + o->aggregates.n > 0)
        return err_set(err, ERR_INVALID,
                       "--by, --where and aggregates go with --table, not "
                       "with SQL");
    m->dataset = text_of(o->dataset ? o->dataset : "");
    m->purpose = text_of(o->purpose ? o->purpose : "");
    m->dashboard = text_of(o->dashboard ? o->dashboard : "");
    m->intervals = o->intervals;
    m->bounds_report = o->bounds_report;
    TRY(set_ask(&m->ask, o, a, err));
    TRY(set_bounds(m, o, a, err));
    TRY(set_params(m, o, a, err));
    return key ? question_key(&m->idempotency_key, o->key, a, err) : ERR_OK;
}

/* ---- several ---- */

static enum err_code find_file(const char **path, const struct options *o,
                               const char *const *words, size_t n_words,
                               struct err *err)
{
    const size_t sources = n_words + (o->file != NULL);
    *path = o->file ? o->file : n_words == 1 ? words[0] : "-";
    if (sources > 1)
        return err_set(err, ERR_INVALID, "the questions are in two places");
    if (sources == 0 && !is_fed()) {
        (void)err_set(err, ERR_INVALID, "there are no questions");
        return err_hint(err, "name a file of SQL statements, each ended by a "
                             "semicolon; - is standard input");
    }
    if (!o->table)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "--table asks one question");
    return err_hint(err, "write the questions as SQL");
}

static bool is_set(const struct statement *s)
{
    return (s->len > 3 && strncasecmp(s->text, "set", 3) == 0 &&
            isspace((unsigned char)s->text[3])) ||
           (s->len > 5 && strncasecmp(s->text, "reset", 5) == 0 &&
            isspace((unsigned char)s->text[5]));
}

/* Where text that begins at `line` and `col` goes on. */
struct pen {
    struct writer *w;
    unsigned line, col;
};

/* Blanks put a statement where it stands in the file, so that the server's
 * places are the file's. */
static void put_statement(struct pen *pen, const struct statement *s)
{
    for (; pen->line < s->line; pen->line++, pen->col = 1)
        writer_u8(pen->w, '\n');
    for (; pen->col < s->col; pen->col++)
        writer_u8(pen->w, ' ');
    writer_bytes(pen->w, s->text, s->len);
    for (size_t i = 0; i < s->len; i++) {
        const unsigned char c = (unsigned char)s->text[i];
        pen->col = c == '\n' ? 1 : pen->col + ((c & 0xc0) != 0x80);
        pen->line += c == '\n';
    }
}

/* Statement `at` behind the settings that stand before it. */
static const char *placed(const struct statement *list, size_t at,
                          struct arena *a)
{
    char *text = NULL;
    struct writer w = writer_of(NULL, 0);
    for (int pass = 0; pass < 2; pass++) { /* measure, then write */
        struct pen pen = { &w, 1, 1 };
        for (size_t i = 0; i < at; i++)
            if (is_set(&list[i])) {
                put_statement(&pen, &list[i]);
                writer_u8(&w, ';');
                pen.col++;
            }
        put_statement(&pen, &list[at]);
        if (pass == 1)
            break;
        const size_t need = w.need + 1;
        text = arena_alloc(a, need, 1);
        if (!text)
            return NULL;
        w = writer_of(text, need);
    }
    return writer_cstr(&w) ? text : NULL;
}

static enum err_code add_statement(Halftone__V1__BatchRequest *m,
                                   const char *sql, const struct options *o,
                                   struct arena *a, struct err *err)
{
    Halftone__V1__QueryRequest *q = ARENA_NEW(a, Halftone__V1__QueryRequest);
    if (!q || !sql)
        return full(err);
    TRY(check_sql(sql, err));
    halftone__v1__query_request__init(q);
    q->question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL;
    q->sql = text_of(sql);
    q->intervals = o->intervals;
    q->bounds_report = o->bounds_report;
    TRY(set_bounds(q, o, a, err));
    TRY(set_params(q, o, a, err));
    m->queries[m->n_queries++] = q;
    return ERR_OK;
}

enum err_code questions_of(struct questions *out, const struct options *o,
                           const char *const *words, size_t n_words,
                           struct arena *a, struct err *err)
{
    Halftone__V1__BatchRequest *m = &out->message;
    struct statement *list;
    const char *path;
    size_t n;
    halftone__v1__batch_request__init(m);
    TRY(find_file(&path, o, words, n_words, err));
    TRY(read_sql(&out->sql, path, REQUEST_BATCH_SQL_MAX, a, err));
    if (strlen(out->sql) > REQUEST_BATCH_SQL_MAX)
        return err_set(err, ERR_INVALID, "'%.200s' is longer than 128 KiB",
                       path);
    TRY(statements_split(&list, &n, out->sql, a, err));
    m->queries = ARENA_NEW_N(a, n + 1, Halftone__V1__QueryRequest *);
    out->titles = ARENA_NEW_N(a, n + 1, const char *);
    if (!m->queries || !out->titles)
        return full(err);
    for (size_t i = 0; i < n; i++) {
        if (is_set(&list[i]) && i + 1 < n) /* alone at the end it is refused */
            continue;
        out->titles[m->n_queries] = arena_strndup(a, list[i].text, list[i].len);
        if (!out->titles[m->n_queries])
            return full(err);
        TRY(add_statement(m, placed(list, i, a), o, a, err));
    }
    m->dataset = text_of(o->dataset ? o->dataset : "");
    m->purpose = text_of(o->purpose ? o->purpose : "");
    m->dashboard = text_of(o->dashboard ? o->dashboard : "");
    TRY(set_ask(&m->ask, o, a, err));
    return question_key(&m->idempotency_key, o->key, a, err);
}
