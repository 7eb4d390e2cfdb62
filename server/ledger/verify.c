#include <assert.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/ledger/journal.h"
#include "server/ledger/ledger.h"
#include "server/ledger/schema.h"
#include "server/ledger/store.h"

/*
 * Each check is a query whose rows are the findings: one text column, a
 * sentence for a person.  Sums are SQLite's over integers, which are exact or
 * an error, never rounded.
 */
enum { LINE_CAP = 400, FINDINGS_MAX = 20, BUSY_MS = 5000 };

/* What the charges say a part of a counter must be. */
#define RECOMPUTED(part)                                                       \
    "SELECT 'account ' || c.account || ': " part " pending ' || c." part       \
    "_pending || ' and spent ' || c." part                                     \
    "_spent || ', but its charges sum to ' || s.pending || ' and ' || s.spent" \
    " FROM counters c JOIN (SELECT k.id,"                                      \
    " coalesce(sum(iif(h.state = 0 AND h.boot = b.boot, h." part               \
    ", 0)), 0) AS pending,"                                                    \
    " coalesce(sum(iif(h.state IN (1, 2) OR (h.state = 0 AND h.boot <> "       \
    "b.boot), h." part ", 0)), 0) AS spent"                                    \
    " FROM counters k LEFT JOIN route_counters r ON r.counter = k.id"          \
    " LEFT JOIN charges h ON h.route = r.route"                                \
    " CROSS JOIN (SELECT max(id) AS boot FROM boots) b GROUP BY k.id) s"       \
    " ON s.id = c.id"                                                          \
    " WHERE c." part "_pending <> s.pending OR c." part "_spent <> s.spent"

/* A lowered limit may lie below what was taken; the highest may not. */
#define WITHIN_LIMIT(part)                                                     \
    "SELECT 'account ' || account || ': " part " taken ' || (" part            \
    "_pending + " part "_spent) || ' passes every limit it ever had'"          \
    " FROM counters c WHERE " part "_pending + " part                          \
    "_spent > (SELECT max(" part ") FROM limits WHERE counter = c.id)"

static const struct check {
    const char *name, *sql;
} CHECKS[] = {
    { "the file is whole", "SELECT integrity_check FROM pragma_integrity_check"
                           " WHERE integrity_check <> 'ok'" },
    { "references hold",
      "SELECT 'a row of ' || \"table\" || ' refers to a missing ' || parent"
      " FROM pragma_foreign_key_check" },
    { "rho adds up", RECOMPUTED("rho") },
    { "epsilon adds up", RECOMPUTED("eps") },
    { "delta adds up", RECOMPUTED("delta") },
    { "rho within limits", WITHIN_LIMIT("rho") },
    { "epsilon within limits", WITHIN_LIMIT("eps") },
    { "delta within limits", WITHIN_LIMIT("delta") },
    { "limits in force are the newest of the history",
      "SELECT 'account ' || c.account || ': the limit in force is not the last"
      " one of its history' FROM counters c LEFT JOIN limits l ON l.id ="
      " (SELECT max(id) FROM limits WHERE counter = c.id)"
      " WHERE l.id IS NULL OR l.rho <> c.rho_limit OR l.eps <> c.eps_limit"
      " OR l.delta <> c.delta_limit" },
    { "every charge draws on a dataset",
      "SELECT 'charge ' || lower(hex(id)) || ': draws on no account'"
      " FROM charges WHERE route NOT IN (SELECT route FROM route_counters)" },
    { "routes are what they say",
      "SELECT 'route ' || r.id || ': is not the set of accounts it names'"
      " FROM routes r LEFT JOIN (SELECT route, group_concat(counter, ',') AS"
      " name FROM (SELECT route, counter FROM route_counters ORDER BY route,"
      " counter) GROUP BY route) m ON m.route = r.id"
      " WHERE m.name IS NULL OR m.name <> r.name" },
    { "each charge is resolved once and in order",
      "SELECT 'charge ' || lower(hex(id)) || ': its state is inconsistent'"
      " FROM charges WHERE (state = 0) <> (resolved_us IS NULL)"
      " OR (state = 1) <> (expires_us IS NOT NULL) OR run_boot < boot"
      " OR (state = 3 AND (runs <> 1 OR run_boot <> boot))" },
    { "answers belong to answered charges",
      "SELECT 'charge ' || lower(hex(c.id)) || ': has an answer that does not"
      " belong' FROM answers a JOIN charges c ON c.seq = a.charge"
      " WHERE c.state <> 1 OR c.expires_us <> a.expires_us" },
    { "no answer is lost before it expires",
      "SELECT 'charge ' || lower(hex(id)) || ': its answer is gone before its"
      " time' FROM charges WHERE state = 1 AND seq NOT IN (SELECT charge FROM"
      " answers) AND expires_us > (SELECT max(coalesce(resolved_us, "
      "charged_us))"
      " FROM charges)" },
    { "each charge has its leaf",
      "SELECT 'charge ' || lower(hex(c.id)) || ': its leaf does not tell of it'"
      " FROM charges c LEFT JOIN log_leaves l ON l.idx = c.leaf"
      " WHERE l.idx IS NULL OR l.entry ->> 'kind' <> 'charge'"
      " OR l.entry ->> 'charge' <> lower(hex(c.id))"
      " OR l.entry ->> 'dataset' <> c.dataset"
      " OR l.entry ->> 'principal' <> c.principal"
      " OR l.entry ->> 'rho_pico' <> c.rho OR l.entry ->> 'eps_nano' <> c.eps"
      " OR l.entry ->> 'delta_atto' <> c.delta"
      " OR l.entry ->> 'time_us' <> c.charged_us" },
    { "each leaf of a charge has it",
      "SELECT 'leaf ' || idx || ' tells of a charge that is not here'"
      " FROM log_leaves WHERE entry ->> 'kind' = 'charge' AND idx NOT IN"
      " (SELECT leaf FROM charges WHERE leaf IS NOT NULL)" },
    { "every piece of an answered charge was answered",
      "SELECT 'charge ' || lower(hex(c.id)) || ': its release ' || p.place ||"
      " ' has no answer' FROM pieces p JOIN charges c ON c.seq = p.charge"
      " WHERE c.state = 1 AND p.resolved_us IS NULL" },
    { "answers of pieces belong to answered pieces",
      "SELECT 'piece ' || p.id || ': has an answer that does not belong'"
      " FROM piece_answers a JOIN pieces p ON p.id = a.piece"
      " WHERE p.expires_us IS NOT a.expires_us" },
    { "a charge stumbles at most once a run",
      "SELECT 'charge ' || lower(hex(c.id)) || ': more runs failed than ran'"
      " FROM charges c JOIN (SELECT charge, count(*) AS n FROM stumbles GROUP"
      " BY charge) s ON s.charge = c.seq WHERE s.n > c.runs" },
    { "keys belong to their principal's charges or to reused answers",
      "SELECT 'charge ' || lower(hex(c.id)) || ': another principal''s key"
      " leads to it before it was answered' FROM keys k JOIN charges c ON"
      " c.seq = k.charge WHERE k.principal <> c.principal AND c.state <> 1" },
};

/* Where findings go, and how many there were. */
struct report {
    sqlite3 *db;
    ledger_say_fn *say;
    void *ctx;
    uint64_t findings;
};

static void say(const struct report *r, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void say(const struct report *r, const char *fmt, ...)
{
    char line[LINE_CAP];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    r->say(r->ctx, line);
}

static void run_check(struct report *r, const struct check *check)
{
    sqlite3_stmt *stmt = NULL;
    int rc = sqlite3_prepare_v2(r->db, check->sql, -1, &stmt, NULL);
    uint64_t n = 0;
    while (rc == SQLITE_OK && (rc = sqlite3_step(stmt)) == SQLITE_ROW) {
        if (n++ < FINDINGS_MAX)
            say(r, "FAILED %s: %s", check->name,
                (const char *)sqlite3_column_text(stmt, 0));
        rc = SQLITE_OK;
    }
    if (rc != SQLITE_DONE) {
        n++;
        say(r, "FAILED %s: %s", check->name, sqlite3_errmsg(r->db));
    }
    if (n > FINDINGS_MAX)
        say(r, "FAILED %s: %llu findings in all", check->name,
            (unsigned long long)n);
    r->findings += n;
    (void)sqlite3_finalize(stmt);
}

static void find(struct report *r, const char *what, int64_t at)
{
    if (r->findings++ < FINDINGS_MAX)
        say(r, "FAILED the log's tree: %s %lld", what, (long long)at);
}

/* Each stored hash is what entries and salts make it, and none is missing. */
static void check_tree(struct report *r)
{
    sqlite3_stmt *leaf = NULL, *tile = NULL;
    struct merkle_frontier f = { 0 };
    struct merkle_stored out[MERKLE_LEVELS];
    if (sqlite3_prepare_v2(r->db,
                           "SELECT idx, hash, salt, entry FROM log_leaves"
                           " ORDER BY idx",
                           -1, &leaf, NULL) != SQLITE_OK ||
        sqlite3_prepare_v2(r->db,
                           "SELECT hash FROM log_tiles WHERE level = ? AND"
                           " idx = ?",
                           -1, &tile, NULL) != SQLITE_OK)
        find(r, "no log in this file: version", store_schema(r->db));
    while (leaf && tile && sqlite3_step(leaf) == SQLITE_ROW) {
        const int64_t at = sqlite3_column_int64(leaf, 0);
        struct audit_salt salt = { { 0 } };
        const size_t len = (size_t)sqlite3_column_bytes(leaf, 3);
        if (at != (int64_t)f.size || len > AUDIT_ENTRY_LEN ||
            sqlite3_column_bytes(leaf, 2) != AUDIT_SALT_LEN) {
            find(r, "it breaks off before leaf", at);
            break;
        }
        memcpy(salt.bytes, sqlite3_column_blob(leaf, 2), sizeof salt.bytes);
        const struct merkle_hash commitment =
            audit_commitment(&salt, sqlite3_column_text(leaf, 3), len);
        const struct merkle_hash hash = audit_leaf(&commitment);
        const size_t n = merkle_append(&f, out, &hash);
        if (memcmp(sqlite3_column_blob(leaf, 1), hash.bytes, sizeof hash) != 0)
            find(r, "the entry is not the one that was logged as leaf", at);
        for (size_t i = 1; i < n; i++) {
            (void)sqlite3_bind_int64(tile, 1, out[i].level);
            (void)sqlite3_bind_int64(tile, 2, (int64_t)out[i].index);
            if (sqlite3_step(tile) != SQLITE_ROW ||
                memcmp(sqlite3_column_blob(tile, 0), out[i].hash.bytes,
                       MERKLE_HASH_LEN) != 0)
                find(r, "a tile's root is wrong after leaf", at);
            (void)sqlite3_reset(tile);
        }
    }
    (void)sqlite3_finalize(leaf);
    (void)sqlite3_finalize(tile);
}

/* "12 charges (1 open, 2 missed, 0 void) on 3 accounts" */
static void sum_up(const struct report *r)
{
    sqlite3_stmt *stmt = NULL;
    if (sqlite3_prepare_v2(
            r->db,
            "SELECT count(*), coalesce(sum(state = 0), 0),"
            " coalesce(sum(state = 2), 0), coalesce(sum(state = 3), 0),"
            " (SELECT count(DISTINCT account) FROM counters) FROM charges",
            -1, &stmt, NULL) == SQLITE_OK &&
        sqlite3_step(stmt) == SQLITE_ROW)
        say(r,
            "%s: %lld charges (%lld open, %lld missed, %lld void) on %lld "
            "accounts, %llu findings",
            r->findings ? "FAILED" : "ok",
            (long long)sqlite3_column_int64(stmt, 0),
            (long long)sqlite3_column_int64(stmt, 1),
            (long long)sqlite3_column_int64(stmt, 2),
            (long long)sqlite3_column_int64(stmt, 3),
            (long long)sqlite3_column_int64(stmt, 4),
            (unsigned long long)r->findings);
    (void)sqlite3_finalize(stmt);
}

static enum err_code run_checks(struct report *r, const char *path,
                                struct err *err)
{
    (void)sqlite3_busy_timeout(r->db, BUSY_MS);
    /* One snapshot for all checks: a server may be writing. */
    if (sqlite3_exec(r->db, "PRAGMA query_only = ON; BEGIN", NULL, NULL, NULL))
        return err_set(err, ERR_NOT_FOUND, "cannot read %s: %s", path,
                       sqlite3_errmsg(r->db));
    const int version = store_schema(r->db);
    if (version != SCHEMA_VERSION)
        return err_set(err, ERR_INTERNAL,
                       version > 0 ? "%s is a ledger of another version"
                                   : "%s is not a ledger of Halftone",
                       path);
    for (size_t i = 0; i < sizeof CHECKS / sizeof CHECKS[0]; i++)
        run_check(r, &CHECKS[i]);
    check_tree(r);
    sum_up(r);
    return r->findings ? err_set(err, ERR_INTERNAL,
                                 "%s breaks %llu of the ledger's invariants",
                                 path, (unsigned long long)r->findings)
                       : ERR_OK;
}

enum err_code ledger_verify(const char *path, ledger_say_fn *say_fn, void *ctx,
                            struct err *err)
{
    struct report r = { .say = say_fn, .ctx = ctx };
    enum err_code code = ERR_NOT_FOUND;
    if (sqlite3_open_v2(path, &r.db, SQLITE_OPEN_READONLY, NULL) == SQLITE_OK)
        code = run_checks(&r, path, err);
    else
        (void)err_set(err, code, "cannot read %s: %s", path,
                      r.db ? sqlite3_errmsg(r.db) : "out of memory");
    const int rc = sqlite3_close(r.db);
    assert(rc == SQLITE_OK);
    return code;
}
