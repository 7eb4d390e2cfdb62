#include "server/ledger/migrate.h"

#include <assert.h>
#include <ctype.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "server/base/writer.h"
#include "server/ledger/pq_schema.h"
#include "server/ledger/store.h"

enum { COLUMNS_MAX = 24, TEXT_CAP = 1024, PAGE = 256, MOVE_LEN = 16 };

static const struct table {
    const char *name, *columns, *types;
    unsigned key; /* columns, the first ones */
} TABLES[] = {
#define TABLE(name, key, columns, types) { #name, columns, types, key },
#include "server/ledger/tables.def"
#undef TABLE
};
enum { N_TABLES = sizeof TABLES / sizeof TABLES[0] };

/* The last row's key, kept while the next page is asked for. */
struct place {
    char text[2][TEXT_CAP];
    struct store_value value[2];
};

static void print_key(struct writer *w, const struct table *t)
{
    const char *at = t->columns;
    for (unsigned i = 0; i < t->key; i++) {
        const size_t len = strcspn(at, ",");
        writer_bytes(w, at, len);
        if (i + 1 < t->key)
            writer_str(w, ",");
        at += len + 1;
    }
}

/* "SELECT a, b FROM t WHERE (a) > (?) ORDER BY a LIMIT 256" */
static void print_select(char out[TEXT_CAP], const struct table *t,
                         bool is_first)
{
    struct writer w = writer_of(out, TEXT_CAP);
    writer_printf(&w, "SELECT %s FROM %s", t->columns, t->name);
    if (!is_first) {
        writer_str(&w, " WHERE (");
        print_key(&w, t);
        writer_str(&w, t->key == 1 ? ") > (?)" : ") > (?, ?)");
    }
    writer_str(&w, " ORDER BY ");
    print_key(&w, t);
    writer_printf(&w, " LIMIT %d", PAGE);
    const bool fits = writer_cstr(&w);
    assert(fits);
}

/* In a file a key of a void charge is bound again by a newer row. */
static void print_insert(char out[TEXT_CAP], const struct table *t,
                         bool is_shared)
{
    struct writer w = writer_of(out, TEXT_CAP);
    writer_printf(&w, "INSERT INTO %s (%s) VALUES (", t->name, t->columns);
    for (size_t i = 0; t->types[i]; i++)
        writer_str(&w, i ? ", ?" : "?");
    writer_str(&w, ")");
    if (is_shared && strcmp(t->name, "keys") == 0)
        writer_str(&w, " ON CONFLICT " PQ_KEYS_ONCE
                       " DO UPDATE SET charge = excluded.charge");
    const bool fits = writer_cstr(&w);
    assert(fits);
}

static size_t read_row(struct store_value values[COLUMNS_MAX], struct store *s,
                       const struct table *t)
{
    size_t n = 0;
    for (; t->types[n]; n++) {
        struct store_value *v = &values[n];
        assert(n < COLUMNS_MAX);
        *v = (struct store_value){ .type = (char)tolower(t->types[n]) };
        if (isupper((unsigned char)t->types[n]) &&
            store_is_null(s, SQL_QUERY, (int)n))
            v->type = 'n';
        else if (v->type == 'i')
            v->number = store_int(s, SQL_QUERY, (int)n);
        else
            v->data = store_blob(s, SQL_QUERY, (int)n, &v->len);
    }
    return n;
}

static void keep_place(struct place *p, const struct store_value *row,
                       const struct table *t, struct store *s)
{
    for (unsigned i = 0; i < t->key; i++) {
        p->value[i] = row[i];
        if (row[i].type == 'i')
            continue;
        if (row[i].len >= TEXT_CAP) {
            store_fail(s, STORE_REFUSED, "a key is too long");
            return;
        }
        memcpy(p->text[i], row[i].data, row[i].len);
        p->text[i][row[i].len] = '\0';
        p->value[i].data = p->text[i];
    }
}

/* All keys are numbers, or all are texts. */
static bool ask_page(struct store *s, const struct table *t, const char *select,
                     const struct place *p, bool is_first)
{
    if (is_first)
        return store_query(s, select, "");
    if (p->value[0].type == 'i')
        return t->key == 1 ? store_query(s, select, "i", p->value[0].number)
                           : store_query(s, select, "ii", p->value[0].number,
                                         p->value[1].number);
    return t->key == 1 ? store_query(s, select, "t", p->text[0])
                       : store_query(s, select, "tt", p->text[0], p->text[1]);
}

/* All at once, in order: a file is read row by row. */
static void copy_file(struct store *from, struct store *to,
                      const struct table *t)
{
    char select[TEXT_CAP], insert[TEXT_CAP];
    struct store_value row[COLUMNS_MAX];
    (void)snprintf(select, sizeof select, "SELECT %s FROM %s", t->columns,
                   t->name);
    print_insert(insert, t, to->alive_us > 0);
    for (bool more = store_query(from, select, ""); more;
         more = store_next(from, SQL_QUERY)) {
        const size_t n = read_row(row, from, t);
        store_exec(to, insert, row, n);
    }
}

static void copy_table(struct store *from, struct store *to,
                       const struct table *t)
{
    char select[TEXT_CAP], insert[TEXT_CAP];
    struct store_value row[COLUMNS_MAX];
    struct place place;
    bool is_first = true, more = true;
    print_insert(insert, t, to->alive_us > 0);
    while (more) {
        print_select(select, t, is_first);
        more = ask_page(from, t, select, &place, is_first);
        for (bool here = more; here; here = store_next(from, SQL_QUERY)) {
            const size_t n = read_row(row, from, t);
            store_exec(to, insert, row, n);
            keep_place(&place, row, t, from);
        }
        is_first = false;
    }
}

void migrate_rows(struct store *from, struct store *to)
{
    store_let_in(to, true);
    for (size_t i = 0; i < N_TABLES; i++)
        (from->alive_us > 0 ? copy_table : copy_file)(from, to, &TABLES[i]);
    store_let_in(to, false);
}

/* ---- what either says of itself ---- */

struct move {
    uint8_t id[MOVE_LEN];
    bool is_there;
};

static struct move meta_get(struct store *s, const char *key)
{
    struct move m = { .is_there = false };
    size_t len = 0;
    if (!store_find(s, SQL_META_FIND, "t", key))
        return m;
    const void *value = store_blob(s, SQL_META_FIND, 0, &len);
    m.is_there = true;
    if (len == sizeof m.id)
        memcpy(m.id, value, len);
    store_end(s, SQL_META_FIND);
    return m;
}

static void meta_set(struct store *s, const char *key, const struct move *m)
{
    store_run(s, SQL_META_SET, "tb", key, m->id, sizeof m->id);
}

static enum err_code failed(const struct store *s, const char *where,
                            struct err *err)
{
    return err_set(err, ERR_UNAVAILABLE, "%s: %s",
                   ledger_is_shared(where) ? "the database" : where, s->why);
}

static int64_t now_us(const struct store *s)
{
    return s->now_us ? s->now_us : clock_wall_us(clock_system());
}

/* Commit and look. */
static enum err_code done(struct store *s, const char *where, struct err *err)
{
    store_commit(s);
    return s->rc == STORE_OK ? ERR_OK : failed(s, where, err);
}

enum err_code migrate_check_alone(struct store *s, struct err *err)
{
    if (!store_query(s,
                     "SELECT 1 FROM boots WHERE settled = 0 AND alive_until_us"
                     " > ? LIMIT 1",
                     "i", now_us(s)))
        return ERR_OK;
    store_end(s, SQL_QUERY);
    (void)err_set(err, ERR_UNAVAILABLE, "a server runs on this ledger");
    return err_hint(err, "stop its servers first; one that was killed is "
                         "waited for 15 seconds");
}

static bool is_used(struct store *s)
{
    const bool used = store_query(s, "SELECT 1 FROM boots LIMIT 1", "");
    if (used)
        store_end(s, SQL_QUERY);
    return used;
}

/* "moving" is said, and by which name; also when it was said before. */
static enum err_code begin_move(struct store *from, struct move *move,
                                const char *where, struct err *err)
{
    store_begin(from);
    if (!is_used(from))
        return err_set(err, ERR_NOT_FOUND, "there is no ledger in %s",
                       ledger_is_shared(where) ? "the database" : where);
    TRY(migrate_check_alone(from, err));
    if (meta_get(from, "backup").is_there ||
        meta_get(from, "arrived").is_there) {
        (void)err_set(err, ERR_CONFLICT,
                      "this is no ledger to be moved: it is "
                      "a copy of one");
        return err_hint(err, "move the ledger itself; a backup is recovered "
                             "first");
    }
    if (meta_get(from, "moved").is_there) {
        (void)err_set(err, ERR_CONFLICT, "this ledger was moved before");
        return err_hint(err, "what is here is not the ledger any more");
    }
    *move = meta_get(from, "moving");
    if (!move->is_there && RAND_bytes(move->id, sizeof move->id) != 1)
        return err_set(err, ERR_INTERNAL, "the system gave no randomness");
    meta_set(from, "moving", move);
    return done(from, where, err);
}

static enum err_code bring(struct store *from, struct store *to,
                           const struct move *move, const char *where,
                           struct err *err)
{
    store_begin(to);
    const struct move arrived = meta_get(to, "arrived");
    if (arrived.is_there && memcmp(arrived.id, move->id, MOVE_LEN) == 0)
        return done(to, where, err);
    if (arrived.is_there || is_used(to)) {
        (void)err_set(err, ERR_INVALID, "%s holds a ledger already",
                      ledger_is_shared(where) ? "the database" : where);
        return err_hint(err, "name a new file, or an empty database");
    }
    store_begin(from);
    migrate_rows(from, to);
    store_run(to, SQL_META_DELETE, "t", "moving");
    meta_set(to, "arrived", move);
    store_rollback(from);
    return done(to, where, err);
}

static enum err_code end_move(struct store *from, struct store *to,
                              const struct move *move, const char *where,
                              const char *to_where, struct err *err)
{
    store_begin(from);
    store_run(from, SQL_META_DELETE, "t", "moving");
    meta_set(from, "moved", move);
    TRY(done(from, where, err));
    store_begin(to);
    store_run(to, SQL_META_DELETE, "t", "arrived");
    return done(to, to_where, err);
}

static enum err_code move_between(struct store *from, struct store *to,
                                  const char *where, const char *to_where,
                                  ledger_say_fn *say, void *ctx,
                                  struct err *err)
{
    struct move move;
    TRY(begin_move(from, &move, where, err));
    TRY(bring(from, to, &move, to_where, err));
    TRY(ledger_verify(to_where, say, ctx, err));
    return end_move(from, to, &move, where, to_where, err);
}

enum err_code ledger_migrate(const char *from, const char *to,
                             ledger_say_fn *say, void *ctx, struct err *err)
{
    struct store *a = NULL, *b = NULL;
    if (strcmp(from, to) == 0)
        return err_set(err, ERR_INVALID, "a ledger is moved to another place");
    if (!ledger_is_shared(from) && access(from, R_OK) != 0)
        return err_set(err, ERR_NOT_FOUND, "there is no ledger %s", from);
    TRY(store_open(&a, from, err)); /* and upgrade it */
    enum err_code code = ledger_verify(from, say, ctx, err);
    if (code == ERR_OK)
        code = store_open(&b, to, err);
    if (code == ERR_OK)
        code = move_between(a, b, from, to, say, ctx, err);
    store_close(b);
    store_close(a);
    return code;
}
