#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/ledger/bond.h"
#include "server/ledger/journal.h"
#include "server/ledger/ledger.h"
#include "server/ledger/lookup.h"
#include "server/ledger/store_sqlite.h"

/*
 * Each check is a query whose rows are the findings: one text column, a
 * sentence for a person.  Sums are SQLite's over integers, which are exact or
 * an error, never rounded.
 */
enum { LINE_CAP = 400, FINDINGS_MAX = 20, PAGE = 1024 };

static const struct check {
    const char *name, *sql;
} FILE_CHECKS[] = {
#define CHECK(name, sql)  { name, sql },
#define HEX(blob)         "lower(hex(" blob "))"
#define NUMBER(leaf, key) "(" leaf ".entry ->> '" key "')"
#define WORD(leaf, key)   "(" leaf ".entry ->> '" key "')"
#define LIST(n, from)     "group_concat(" n ", ',') AS name FROM (" from ")"
#include "server/ledger/verify.def"
#undef HEX
#undef NUMBER
#undef WORD
#undef LIST
    { "the file is whole", "SELECT integrity_check FROM pragma_integrity_check"
                           " WHERE integrity_check <> 'ok'" },
    { "references hold",
      "SELECT 'a row of ' || \"table\" || ' refers to a missing ' || parent"
      " FROM pragma_foreign_key_check" },
},
  DATABASE_CHECKS[] = {
#define HEX(blob) "encode(" blob ", 'hex')"
#define NUMBER(leaf, key)                                                      \
    "CAST(CAST(" leaf ".entry AS json) ->> '" key "' AS bigint)"
#define WORD(leaf, key) "(CAST(" leaf ".entry AS json) ->> '" key "')"
#define LIST(n, from)                                                          \
    "string_agg(CAST(" n " AS text), ',') AS name FROM (" from ") AS f"
#include "server/ledger/verify.def"
#define REFERENCE(table, column, other, key)                                   \
    {                                                                          \
        "references hold",                                                     \
            "SELECT 'a row of " table " refers to a missing " other            \
            " ' || a." column " FROM " table " a LEFT JOIN " other             \
            " b ON b." key " = a." column " WHERE b." key                      \
            " IS NULL AND a." column " IS NOT NULL"                            \
    }
    REFERENCE("limits", "counter", "counters", "id"),
    REFERENCE("route_counters", "counter", "counters", "id"),
    REFERENCE("charges", "boot", "boots", "id"),
    REFERENCE("charges", "run_boot", "boots", "id"),
    REFERENCE("keys", "charge", "charges", "seq"),
    REFERENCE("answers", "charge", "charges", "seq"),
    REFERENCE("pieces", "charge", "charges", "seq"),
    REFERENCE("piece_answers", "piece", "pieces", "id"),
    REFERENCE("stumbles", "charge", "charges", "seq"),
};

/* Where findings go, and how many there were. */
struct report {
    struct store *store; /* borrowed */
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

/* One snapshot for all: a server may be writing.  A database that does not know
 * yet how many rows there are would join them one by one. */
static void begin(struct store *s)
{
    store_begin(s);
    if (s->alive_us > 0)
        store_exec(s, "SET LOCAL enable_nestloop = off", NULL, 0);
}

/* What stops a check is a finding; the others go on. */
static uint64_t note_error(struct report *r, const char *name)
{
    if (r->store->rc == STORE_OK)
        return 0;
    say(r, "FAILED %s: %s", name, r->store->why);
    store_rollback(r->store);
    begin(r->store);
    return 1;
}

static void run_check(struct report *r, const struct check *check)
{
    uint64_t n = 0;
    bool more = store_query(r->store, check->sql, "");
    for (; more; more = store_next(r->store, SQL_QUERY))
        if (n++ < FINDINGS_MAX)
            say(r, "FAILED %s: %s", check->name,
                store_text(r->store, SQL_QUERY, 0));
    n += note_error(r, check->name);
    if (n > FINDINGS_MAX)
        say(r, "FAILED %s: %llu findings in all", check->name,
            (unsigned long long)n);
    r->findings += n;
}

static void find(struct report *r, const char *what, int64_t at)
{
    if (r->findings++ < FINDINGS_MAX)
        say(r, "FAILED the log's tree: %s %lld", what, (long long)at);
}

/* What a leaf has beside it is what its entry and the leaves before make it. */
static void check_leaf(struct report *r, struct merkle_frontier *f,
                       const struct audit_salt *salt, const char *entry,
                       size_t len, const void *logged)
{
    struct merkle_stored out[MERKLE_LEVELS];
    struct merkle_hash stored;
    struct err err;
    const int64_t at = (int64_t)f->size;
    const struct merkle_hash commitment = audit_commitment(salt, entry, len);
    const struct merkle_hash hash = audit_leaf(&commitment);
    const size_t n = merkle_append(f, out, &hash);
    if (memcmp(logged, hash.bytes, sizeof hash.bytes) != 0)
        find(r, "the entry is not the one that was logged as leaf", at);
    for (size_t i = 1; i < n; i++)
        if (journal_read(r->store, &stored, out[i].level, out[i].index, 1,
                         &err) != ERR_OK ||
            memcmp(&stored, &out[i].hash, sizeof stored) != 0)
            find(r, "a tile's root is wrong after leaf", at);
}

/* The leaves from f->size, a page of them; false when there are no more. */
static bool check_page(struct report *r, struct merkle_frontier *f)
{
    struct store *s = r->store;
    const uint64_t before = f->size;
    bool more = store_find(s, SQL_LEAVES, "ii", (int64_t)before, (int64_t)PAGE);
    while (more) {
        struct audit_salt salt;
        size_t salt_len, hash_len;
        const int64_t at = store_int(s, SQL_LEAVES, 0);
        const void *salted = store_blob(s, SQL_LEAVES, 1, &salt_len);
        const char *entry = store_text(s, SQL_LEAVES, 2);
        const void *hash = store_blob(s, SQL_LEAVES, 3, &hash_len);
        if (at != (int64_t)f->size || strlen(entry) > AUDIT_ENTRY_LEN ||
            salt_len != sizeof salt.bytes || hash_len != MERKLE_HASH_LEN) {
            find(r, "it breaks off before leaf", at);
            store_end(s, SQL_LEAVES);
            return false;
        }
        memcpy(salt.bytes, salted, sizeof salt.bytes);
        check_leaf(r, f, &salt, entry, strlen(entry), hash);
        more = store_next(s, SQL_LEAVES);
    }
    return f->size > before;
}

/* Each stored hash is what entries and salts make it, and none is missing. */
static void check_tree(struct report *r)
{
    struct merkle_frontier f = { 0 };
    while (check_page(r, &f))
        continue;
    r->findings += note_error(r, "the log's tree");
}

static void find_bond(void *ctx, const char *sentence)
{
    struct report *r = ctx;
    if (r->findings++ < FINDINGS_MAX)
        say(r, "FAILED each charge is what its leaf binds: %s", sentence);
}

/* Of a file: a key that is not found would be charged again. */
static void check_lookup(struct report *r)
{
    const char *why = lookup_check(store_sqlite_db(r->store));
    if (!why)
        return;
    say(r, "FAILED what finds keys and releases: %s", why);
    r->findings++;
}

/* "ok: 12 charges (1 open, 2 missed, 0 void) on 3 accounts" */
static void sum_up(const struct report *r)
{
    struct store *s = r->store;
    if (!store_query(s,
                     "SELECT count(*), coalesce(sum(CASE state WHEN 0 THEN 1"
                     " END), 0), coalesce(sum(CASE state WHEN 2 THEN 1 END),"
                     " 0), coalesce(sum(CASE state WHEN 3 THEN 1 END), 0),"
                     " (SELECT count(DISTINCT account) FROM counters)"
                     " FROM charges",
                     ""))
        return;
    say(r,
        "%s: %lld charge%s (%lld open, %lld missed, %lld void) on %lld "
        "account%s, %llu finding%s",
        r->findings ? "FAILED" : "ok", (long long)store_int(s, SQL_QUERY, 0),
        store_int(s, SQL_QUERY, 0) == 1 ? "" : "s",
        (long long)store_int(s, SQL_QUERY, 1),
        (long long)store_int(s, SQL_QUERY, 2),
        (long long)store_int(s, SQL_QUERY, 3),
        (long long)store_int(s, SQL_QUERY, 4),
        store_int(s, SQL_QUERY, 4) == 1 ? "" : "s",
        (unsigned long long)r->findings, r->findings == 1 ? "" : "s");
    store_end(s, SQL_QUERY);
}

/* Sums that hold do not make a ledger of a copy. */
static void say_marks(const struct report *r)
{
    static const char *const marks[][2] = {
        { "backup", "note: it is a backup; 'halftone ledger recover' makes it "
                    "usable" },
        { "moved", "note: it was moved; the ledger is elsewhere now" },
    };
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (store_find(r->store, SQL_META_FIND, "t", marks[i][0])) {
            store_end(r->store, SQL_META_FIND);
            say(r, "%s", marks[i][1]);
        }
}

enum err_code ledger_verify(const char *path, ledger_say_fn *say_fn, void *ctx,
                            struct err *err)
{
    struct report r = { .say = say_fn, .ctx = ctx };
    TRY(store_open_read(&r.store, path, err));
    begin(r.store);
    const bool shared = r.store->alive_us > 0;
    const struct check *checks = shared ? DATABASE_CHECKS : FILE_CHECKS;
    const size_t n = shared ? sizeof DATABASE_CHECKS : sizeof FILE_CHECKS;
    for (size_t i = 0; i < n / sizeof checks[0]; i++)
        run_check(&r, &checks[i]);
    bond_check(r.store, find_bond, &r);
    r.findings += note_error(&r, "each charge is what its leaf binds");
    check_tree(&r);
    if (!shared)
        check_lookup(&r);
    say_marks(&r);
    sum_up(&r);
    store_close(r.store);
    return r.findings ? err_set(err, ERR_INTERNAL,
                                "%s breaks %llu of the ledger's invariants",
                                path, (unsigned long long)r.findings)
                      : ERR_OK;
}
