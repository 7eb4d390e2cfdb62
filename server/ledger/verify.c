#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/ledger/journal.h"
#include "server/ledger/ledger.h"
#include "server/ledger/store.h"

/*
 * Each check is a query whose rows are the findings: one text column, a
 * sentence for a person.  Sums are SQLite's over integers, which are exact or
 * an error, never rounded.
 */
enum { LINE_CAP = 400, FINDINGS_MAX = 20, PAGE = 1024 };

/* What the charges say a part of a counter must be. */
#define RECOMPUTED(part)                                                       \
    "SELECT 'account ' || c.account || ': " part " pending ' || c." part       \
    "_pending || ' and spent ' || c." part                                     \
    "_spent || ', but its charges sum to ' || s.pending || ' and ' || s.spent" \
    " FROM counters c JOIN (SELECT k.id,"                                      \
    " coalesce(sum(CASE WHEN h.state = 0 AND b.settled = 0 THEN h." part       \
    " ELSE 0 END), 0) AS pending,"                                             \
    " coalesce(sum(CASE WHEN h.state IN (1, 2) OR (h.state = 0 AND b.settled"  \
    " = 1) THEN h." part " ELSE 0 END), 0) AS spent"                           \
    " FROM counters k LEFT JOIN route_counters r ON r.counter = k.id"          \
    " LEFT JOIN charges h ON h.route = r.route"                                \
    " LEFT JOIN boots b ON b.id = h.boot GROUP BY k.id) s"                     \
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
      " OR (state = 1) <> (expires_us IS NOT NULL)"
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

/* What stops a check is a finding; the others go on. */
static uint64_t note_error(struct report *r, const char *name)
{
    if (r->store->rc == STORE_OK)
        return 0;
    say(r, "FAILED %s: %s", name, r->store->why);
    store_rollback(r->store);
    store_begin(r->store);
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

/* "12 charges (1 open, 2 missed, 0 void) on 3 accounts" */
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
        "%s: %lld charges (%lld open, %lld missed, %lld void) on %lld "
        "accounts, %llu findings",
        r->findings ? "FAILED" : "ok", (long long)store_int(s, SQL_QUERY, 0),
        (long long)store_int(s, SQL_QUERY, 1),
        (long long)store_int(s, SQL_QUERY, 2),
        (long long)store_int(s, SQL_QUERY, 3),
        (long long)store_int(s, SQL_QUERY, 4), (unsigned long long)r->findings);
    store_end(s, SQL_QUERY);
}

enum err_code ledger_verify(const char *path, ledger_say_fn *say_fn, void *ctx,
                            struct err *err)
{
    struct report r = { .say = say_fn, .ctx = ctx };
    TRY(store_open_read(&r.store, path, err));
    store_begin(r.store); /* one snapshot for all: a server may be writing */
    for (size_t i = 0; i < sizeof CHECKS / sizeof CHECKS[0]; i++)
        run_check(&r, &CHECKS[i]);
    check_tree(&r);
    sum_up(&r);
    store_close(r.store);
    return r.findings ? err_set(err, ERR_INTERNAL,
                                "%s breaks %llu of the ledger's invariants",
                                path, (unsigned long long)r.findings)
                      : ERR_OK;
}
