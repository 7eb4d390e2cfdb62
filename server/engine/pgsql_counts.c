#include "server/engine/pgsql_counts.h"

#include <inttypes.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/engine/counted.h"
#include "server/engine/pgsql_erase.h"
#include "server/engine/pgsql_tables.h"
#include "server/plan/dialect_pg.h"
#include "server/plan/gate.h"

enum { KEYS_MAX = 64 * 1024, SQL_MAX = 2048, NAP_NS = 20 * 1000 * 1000 };

struct pgsql_counts {
    const struct policy *policy; /* borrowed, as what follows */
    const struct gate *gate;
    char reader[POLICY_NAME_MAX + 1]; /* the role that reads */
    char keys[KEYS_MAX];
    bool key_is_int;
    pthread_mutex_t lock;    /* guards all below */
    PGconn *writer;          /* NULL: there is none now */
    struct counted *counted; /* NULL: as above */
    struct counted_sql sql;
    uint64_t holder;
};

/* ---- statements ---- */

static bool run(void *ctx, const char *sql)
{
    const struct pgsql_counts *c = ctx;
    return pgsql_do(c->writer, sql);
}

/* Row by row: the keys of everybody would take libpq's memory twice. */
static bool each(void *ctx, const char *sql,
                 bool (*take)(void *arg, const char *text), void *arg)
{
    const struct pgsql_counts *c = ctx;
    PGresult *r;
    bool ok =
        PQsendQuery(c->writer, sql) == 1 && PQsetSingleRowMode(c->writer) == 1;
    while ((r = PQgetResult(c->writer))) {
        const ExecStatusType status = PQresultStatus(r);
        ok = ok && (status == PGRES_SINGLE_TUPLE || status == PGRES_TUPLES_OK);
        for (int i = 0; ok && i < PQntuples(r); i++)
            ok = take(arg, PQgetvalue(r, i, 0));
        PQclear(r);
    }
    return ok;
}

/* ---- the schema ---- */

static void quoted_schema(char *out, size_t cap, const struct policy *policy)
{
    char name[PG_SCHEMA_MAX];
    struct writer w = writer_of(out, cap);
    pg_schema_name(name, policy);
    dialect_name(&w, name);
    (void)writer_cstr(&w);
}

static const char TABLES[] =
    "CREATE TABLE IF NOT EXISTS halftone_holders (holder BIGINT PRIMARY KEY);"
    "CREATE TABLE IF NOT EXISTS halftone_people (holder BIGINT NOT NULL "
    "DEFAULT CAST(current_setting('halftone.holder') AS BIGINT), person %s NOT "
    "NULL, number BIGINT NOT NULL, PRIMARY KEY (holder, person));"
    "CREATE INDEX IF NOT EXISTS halftone_numbers ON halftone_people (holder, "
    "number);"
    "CREATE TABLE IF NOT EXISTS halftone_said (holder BIGINT NOT NULL DEFAULT "
    "CAST(current_setting('halftone.holder') AS BIGINT), purpose TEXT NOT "
    "NULL, "
    "person %s NOT NULL, PRIMARY KEY (holder, purpose, person))";

static const char SECURITY[] =
    "ALTER TABLE halftone_people ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL "
    "SECURITY; ALTER TABLE halftone_said ENABLE ROW LEVEL SECURITY, FORCE ROW "
    "LEVEL SECURITY; DROP POLICY IF EXISTS holder ON halftone_people; DROP "
    "POLICY IF EXISTS holder ON halftone_said; CREATE POLICY holder ON "
    "halftone_people USING (holder = CAST(current_setting('halftone.holder') "
    "AS "
    "BIGINT)); CREATE POLICY holder ON halftone_said USING (holder = "
    "CAST(current_setting('halftone.holder') AS BIGINT))";

/* Servers that begin together make them once. */
static const char ONE_AT_A_TIME[] = "SELECT pg_advisory_xact_lock(1215581288)";

/* Are they as they were made?  A schema of another's making is not ours. */
static const char SECURED[] =
    "SELECT count(*) FROM pg_class c JOIN pg_policy p ON p.polrelid = c.oid "
    "JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'person' AND "
    "a.atttypid = %s WHERE c.relnamespace = current_schema()::regnamespace AND "
    "c.relname IN "
    "('halftone_people', 'halftone_said') AND c.relrowsecurity AND "
    "c.relforcerowsecurity AND p.polname = 'holder' AND p.polcmd = '*'";

static enum err_code no_schema(const struct pgsql_counts *c, const char *schema,
                               struct err *err)
{
    (void)err_set(err, ERR_INVALID,
                  "the role of 'writer', %s, cannot keep tables in schema %s",
                  PQuser(c->writer), schema);
    (void)err_at(err, c->policy->line, 1);
    return err_hint(err,
                    "CREATE SCHEMA %s AUTHORIZATION %s; docs/sources.md "
                    "has all of it",
                    schema, PQuser(c->writer));
}

/* The tables' types follow the key's: those of another policy are replaced. */
static bool make_tables(const struct pgsql_counts *c)
{
    char secured[SQL_MAX], sql[SQL_MAX], n[8];
    const char *type = c->key_is_int ? "BIGINT" : "TEXT";
    (void)snprintf(secured, sizeof secured, SECURED,
                   c->key_is_int ? "'int8'::regtype" : "'text'::regtype");
    (void)snprintf(sql, sizeof sql, TABLES, type, type);
    bool ok =
        pgsql_do(c->writer, "BEGIN") && pgsql_do(c->writer, ONE_AT_A_TIME);
    if (ok &&
        !(pgsql_text(n, sizeof n, c->writer, secured) && strcmp(n, "2") == 0))
        ok = pgsql_do(c->writer, "DROP TABLE IF EXISTS halftone_people, "
                                 "halftone_said") &&
             pgsql_do(c->writer, sql) && pgsql_do(c->writer, SECURITY);
    return ok && pgsql_do(c->writer, "COMMIT");
}

static bool let_read(const struct pgsql_counts *c, const char *schema)
{
    char sql[SQL_MAX];
    struct writer w = writer_of(sql, sizeof sql);
    writer_printf(&w, "GRANT USAGE ON SCHEMA %s TO ", schema);
    dialect_name(&w, c->reader);
    writer_str(&w, "; GRANT SELECT ON halftone_people, halftone_said TO ");
    dialect_name(&w, c->reader);
    return writer_cstr(&w) && pgsql_do(c->writer, sql);
}

bool pgsql_counts_can_read(PGconn *reader, const struct policy *policy)
{
    char schema[2 * PG_SCHEMA_MAX + 2], sql[SQL_MAX], ok[8];
    quoted_schema(schema, sizeof schema, policy);
    (void)snprintf(sql, sizeof sql,
                   "SELECT has_table_privilege(to_regclass('%s." GATE_SAID
                   "'), 'SELECT')",
                   schema);
    return pgsql_text(ok, sizeof ok, reader, sql) && ok[0] == 't';
}

/* ---- holders ---- */

static void name_holder(char *out, size_t cap, uint64_t holder)
{
    (void)snprintf(out, cap, "SET halftone.holder = '%" PRIu64 "'", holder);
}

/* Whether its advisory lock is held, of a number as SQL. */
#define LIVES(holder)                                                          \
    "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted "    \
    "AND objsubid = 1 AND database = (SELECT oid FROM pg_database WHERE "      \
    "datname = current_database()) AND CAST(classid AS BIGINT) * 4294967296 "  \
    "+ CAST(objid AS BIGINT) = " holder ")"

void pgsql_counts_holds(char out[PGSQL_HOLDS_MAX], uint64_t holder)
{
    (void)snprintf(out, PGSQL_HOLDS_MAX, "SELECT " LIVES("%" PRIu64), holder);
}

bool pgsql_counts_is_seen(struct pgsql_counts *c, PGconn *reader)
{
    char sql[PGSQL_HOLDS_MAX], lives[8];
    (void)pthread_mutex_lock(&c->lock);
    pgsql_counts_holds(sql, c->holder);
    (void)pthread_mutex_unlock(&c->lock);
    return pgsql_text(lives, sizeof lives, reader, sql) && lives[0] == 't';
}

/* What those that are gone left behind. */
static bool clean(const struct pgsql_counts *c)
{
    bool ok = true;
    PGresult *r =
        PQexec(c->writer, "SELECT h.holder FROM halftone_holders h WHERE "
                          "NOT " LIVES("h.holder"));
    for (int i = 0; ok && i < PQntuples(r); i++) {
        char sql[SQL_MAX];
        const char *gone = PQgetvalue(r, i, 0);
        (void)snprintf(sql, sizeof sql,
                       "SET halftone.holder = '%s'; DELETE FROM halftone_said; "
                       "DELETE FROM halftone_people; DELETE FROM "
                       "halftone_holders WHERE holder = %s",
                       gone, gone);
        ok = pgsql_do(c->writer, sql);
    }
    ok = ok && PQresultStatus(r) == PGRES_TUPLES_OK;
    PQclear(r);
    return ok;
}

static bool begin_holder(struct pgsql_counts *c)
{
    char sql[SQL_MAX];
    if (RAND_bytes((unsigned char *)&c->holder, sizeof c->holder) != 1)
        return false;
    c->holder = c->holder >> 2 | 1; /* a BIGINT, and not 0 */
    (void)snprintf(sql, sizeof sql,
                   "SELECT pg_advisory_lock(%" PRIu64 "); INSERT INTO "
                   "halftone_holders VALUES (%" PRIu64 ")",
                   c->holder, c->holder);
    if (!pgsql_do(c->writer, sql))
        return false;
    name_holder(sql, sizeof sql, c->holder);
    return pgsql_do(c->writer, sql);
}

/* ---- a connection ---- */

static void drop(struct pgsql_counts *c)
{
    counted_close(c->counted);
    PQfinish(c->writer);
    c->counted = NULL;
    c->writer = NULL;
}

static enum err_code set_up(struct pgsql_counts *c, struct err *err)
{
    char schema[2 * PG_SCHEMA_MAX + 2], sql[SQL_MAX], owner[8];
    quoted_schema(schema, sizeof schema, c->policy);
    (void)snprintf(sql, sizeof sql, "SET search_path = %s", schema);
    if (!pgsql_do(c->writer, sql))
        return no_schema(c, schema, err);
    if (!pgsql_text(owner, sizeof owner, c->writer,
                    "SELECT has_schema_privilege(current_schema(), 'CREATE')"))
        (void)snprintf(owner, sizeof owner, "f");
    if (owner[0] != 't' || !make_tables(c) || !let_read(c, schema))
        return no_schema(c, schema, err);
    if (!clean(c) || !begin_holder(c))
        return err_set(err, ERR_UNAVAILABLE,
                       "the tables of who counts cannot be begun");
    return counted_open(&c->counted, &c->sql, c->gate, c->keys, c->key_is_int,
                        err);
}

static enum err_code connect(struct pgsql_counts *c, struct err *err)
{
    TRY(pgsql_link(&c->writer, c->policy, PGSQL_WRITER, err));
    const enum err_code code = set_up(c, err);
    if (code != ERR_OK)
        drop(c);
    return code;
}

/* ---- what is asked of it ---- */

/* GCC 12's ThreadSanitizer does not know pthread_mutex_clocklock, and would
 * take what it locked for unlocked. */
#ifdef __SANITIZE_THREAD__
enum { LOCK_CLOCK = CLOCK_REALTIME };
static int lock_until(pthread_mutex_t *lock, const struct timespec *until)
{
    return pthread_mutex_timedlock(lock, until);
}
#else
enum { LOCK_CLOCK = CLOCK_MONOTONIC };
static int lock_until(pthread_mutex_t *lock, const struct timespec *until)
{
    return pthread_mutex_clocklock(lock, LOCK_CLOCK, until);
}
#endif

/* With the lock, unless `stop` is set while others have it. */
static bool take_lock(struct pgsql_counts *c, const atomic_int *stop)
{
    while (!atomic_load_explicit(stop, memory_order_relaxed)) {
        struct timespec until;
        (void)clock_gettime(LOCK_CLOCK, &until);
        until.tv_nsec += NAP_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        if (lock_until(&c->lock, &until) == 0)
            return true;
    }
    return false;
}

/* There is a connection; a broken one is made anew.  With the lock. */
static bool is_connected(struct pgsql_counts *c)
{
    struct err ignored = { 0 };
    return c->counted || connect(c, &ignored) == ERR_OK;
}

/* A failure may have been the connection's: once more, with a new one. */
static bool sync_once(struct pgsql_counts *c,
                      const struct policy_purpose *purpose)
{
    if (!is_connected(c))
        return false;
    if (counted_sync(c->counted, purpose))
        return true;
    drop(c);
    return false;
}

bool pgsql_counts_sync(struct pgsql_counts *c, uint64_t *holder,
                       const struct policy_purpose *purpose,
                       const atomic_int *stop)
{
    if (!take_lock(c, stop))
        return false;
    const bool ok = sync_once(c, purpose) || sync_once(c, purpose);
    *holder = c->holder;
    (void)pthread_mutex_unlock(&c->lock);
    return ok;
}

void pgsql_counts_lost(struct pgsql_counts *c, uint64_t holder)
{
    (void)pthread_mutex_lock(&c->lock);
    if (c->holder == holder)
        drop(c);
    (void)pthread_mutex_unlock(&c->lock);
}

bool pgsql_counts_number(struct pgsql_counts *c)
{
    (void)pthread_mutex_lock(&c->lock);
    const bool ok = is_connected(c) && counted_number(c->counted);
    if (!ok)
        drop(c); /* the next sync numbers all of them */
    (void)pthread_mutex_unlock(&c->lock);
    return ok;
}

/* ---- erasing ---- */

enum err_code pgsql_counts_find(struct pgsql_counts *c,
                                struct engine_erased *out, struct arena *a,
                                struct err *err)
{
    (void)pthread_mutex_lock(&c->lock);
    enum err_code code =
        is_connected(c) ? ERR_OK
                        : err_set(err, ERR_UNAVAILABLE,
                                  "the data could not be searched for those "
                                  "who were erased");
    const struct pgsql_erase e = { c->writer, c->policy, c->gate, c->keys };
    if (code == ERR_OK)
        code = pgsql_erase_find(&e, out, a, err);
    if (code == ERR_OK && !counted_number(c->counted))
        drop(c);
    (void)pthread_mutex_unlock(&c->lock);
    return code;
}

enum err_code pgsql_counts_erase(struct pgsql_counts *c,
                                 const struct engine_erased *whom,
                                 struct err *err)
{
    (void)pthread_mutex_lock(&c->lock);
    enum err_code code =
        is_connected(c)
            ? ERR_OK
            : err_set(err, ERR_UNAVAILABLE, "the database cannot be reached");
    const struct pgsql_erase e = { c->writer, c->policy, c->gate, c->keys };
    if (code == ERR_OK)
        code = pgsql_erase_run(&e, whom, err);
    (void)pthread_mutex_unlock(&c->lock);
    return code;
}

bool pgsql_counts_can_erase(struct pgsql_counts *c)
{
    (void)pthread_mutex_lock(&c->lock);
    const bool connected = is_connected(c);
    const struct pgsql_erase e = { c->writer, c->policy, c->gate, c->keys };
    const bool can = connected && pgsql_erase_can(&e);
    (void)pthread_mutex_unlock(&c->lock);
    return can;
}

/* ---- life ---- */

enum err_code pgsql_counts_open(struct pgsql_counts **out,
                                const struct policy *policy,
                                const struct gate *gate, const char *reader,
                                struct err *err)
{
    struct pgsql_counts *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_LIMIT, "out of memory");
    c->policy = policy;
    c->gate = gate;
    c->sql = (struct counted_sql){ c, run, each };
    (void)snprintf(c->reader, sizeof c->reader, "%s", reader);
    (void)pthread_mutex_init(&c->lock, NULL);
    for (size_t i = 0; i < policy->n_tables; i++)
        if (policy->tables[i].owned)
            c->key_is_int =
                policy->tables[i].columns[policy->tables[i].key].type ==
                POLICY_INT;
    struct writer w = writer_of(c->keys, sizeof c->keys);
    pgsql_tables_keys(&w, policy);
    enum err_code code = writer_cstr(&w)
                             ? connect(c, err)
                             : err_set(err, ERR_LIMIT, "too many tables");
    if (code == ERR_OK)
        *out = c;
    else
        pgsql_counts_close(c);
    return code;
}

void pgsql_counts_close(struct pgsql_counts *c)
{
    if (!c)
        return;
    drop(c);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}
