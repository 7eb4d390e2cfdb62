#include "server/ledger/log.h"

#include <stdlib.h>
#include <string.h>

#include "server/ledger/journal.h"
#include "server/ledger/ledger.h"

struct ledger_log {
    struct store *store; /* owned */
};

/* The error of what was just read; the next call begins anew. */
static enum err_code end_read(struct ledger_log *log, struct err *err)
{
    struct store *s = log->store;
    if (s->rc == STORE_OK)
        return ERR_OK;
    (void)err_set(err, ERR_INTERNAL, "the audit log cannot be read: %s",
                  s->why);
    store_rollback(s);
    return ERR_INTERNAL;
}

enum err_code ledger_log_open(struct ledger_log **out, const char *path,
                              struct err *err)
{
    struct ledger_log *log = calloc(1, sizeof *log);
    if (!log)
        return err_set(err, ERR_LIMIT, "out of memory");
    const enum err_code code = store_open_read(&log->store, path, err);
    if (code == ERR_OK)
        *out = log;
    else
        ledger_log_close(log);
    return code;
}

void ledger_log_close(struct ledger_log *log)
{
    if (!log)
        return;
    store_close(log->store);
    free(log);
}

struct merkle_reader ledger_log_reader(struct ledger_log *log)
{
    return (struct merkle_reader){ .read = journal_read, .ctx = log->store };
}

static enum err_code size_of(struct ledger_log *log, uint64_t *out,
                             struct err *err)
{
    *out = 0;
    if (store_find(log->store, SQL_LEAF_COUNT, "")) {
        *out = store_amount(log->store, SQL_LEAF_COUNT, 0);
        store_end(log->store, SQL_LEAF_COUNT);
    }
    return end_read(log, err);
}

enum err_code ledger_log_head(struct ledger_log *log,
                              struct merkle_frontier *out, struct err *err)
{
    /* What is read after the size was there when it was: the log only grows. */
    const struct merkle_reader reader = ledger_log_reader(log);
    uint64_t size;
    TRY(size_of(log, &size, err));
    return merkle_frontier_at(out, &reader, size, err);
}

/* Call `each` with the rows of SQL_LEAVES from `first`; *n how many. */
typedef bool each_fn(void *ctx, struct store *row);
static enum err_code each_entry(struct ledger_log *log, uint64_t first,
                                size_t limit, size_t *n, each_fn *each,
                                void *ctx, struct err *err)
{
    struct store *s = log->store;
    bool ok = true;
    *n = 0;
    bool more = store_find(s, SQL_LEAVES, "ii", (int64_t)first, (int64_t)limit);
    while (more && ok) {
        size_t salt_len;
        (void)store_blob(s, SQL_LEAVES, 1, &salt_len);
        ok = salt_len == AUDIT_SALT_LEN &&
             strlen(store_text(s, SQL_LEAVES, 2)) <= AUDIT_ENTRY_LEN &&
             each(ctx, s);
        *n += ok;
        more = ok && store_next(s, SQL_LEAVES);
    }
    if (ok)
        return end_read(log, err);
    store_end(s, SQL_LEAVES);
    return err_set(err, ERR_LIMIT, "the audit log does not fit into memory");
}

static struct audit_salt salt_of(struct store *row)
{
    struct audit_salt salt;
    size_t len;
    memcpy(salt.bytes, store_blob(row, SQL_LEAVES, 1, &len), sizeof salt.bytes);
    return salt;
}

static bool print_commitment(void *ctx, struct store *row)
{
    const struct audit_salt salt = salt_of(row);
    const char *entry = store_text(row, SQL_LEAVES, 2);
    const struct merkle_hash commitment =
        audit_commitment(&salt, entry, strlen(entry));
    writer_be16(ctx, sizeof commitment.bytes);
    writer_bytes(ctx, commitment.bytes, sizeof commitment.bytes);
    return true;
}

enum err_code ledger_log_tile(struct ledger_log *log, struct writer *w,
                              const struct tile *t, struct err *err)
{
    const struct merkle_reader reader = ledger_log_reader(log);
    uint64_t size;
    size_t n;
    TRY(size_of(log, &size, err));
    if (t->kind == TILE_CHECKPOINT || !tile_exists(t, size)) {
        (void)err_set(err, ERR_NOT_FOUND, "the log has no such tile");
        return err_hint(err, "fetch the checkpoint first: it says how long the "
                             "log is");
    }
    if (t->kind == TILE_HASHES)
        return tile_hashes(w, t, &reader, err);
    return each_entry(log, t->index * MERKLE_TILE, t->width, &n,
                      print_commitment, w, err);
}

struct collect {
    struct ledger_log_entry *entries;
    size_t n;
    struct arena *a;
};

static bool collect_entry(void *ctx, struct store *row)
{
    struct collect *c = ctx;
    struct ledger_log_entry *e = &c->entries[c->n++];
    e->index = store_amount(row, SQL_LEAVES, 0);
    e->salt = salt_of(row);
    e->entry = arena_strdup(c->a, store_text(row, SQL_LEAVES, 2));
    return e->entry != NULL;
}

enum err_code ledger_log_entries(struct ledger_log *log,
                                 struct ledger_log_entry **out, size_t *n,
                                 uint64_t first, size_t limit, struct arena *a,
                                 struct err *err)
{
    struct collect c = { .entries = ARENA_NEW_N(a, limit ? limit : 1,
                                                struct ledger_log_entry),
                         .a = a };
    *n = 0;
    if (!c.entries)
        return err_set(err, ERR_LIMIT, "the entries do not fit into memory");
    *out = c.entries;
    if (first > INT64_MAX)
        return ERR_OK;
    return each_entry(log, first, limit, n, collect_entry, &c, err);
}

enum err_code ledger_log_cosigned(struct ledger_log *log, struct writer *w,
                                  struct err *err)
{
    size_t len = 0;
    if (store_find(log->store, SQL_META_FIND, "t", "cosigned")) {
        const void *note = store_blob(log->store, SQL_META_FIND, 0, &len);
        writer_bytes(w, note, len);
        store_end(log->store, SQL_META_FIND);
    }
    TRY(end_read(log, err));
    return len ? ERR_OK
               : err_set(err, ERR_NOT_FOUND, "no witness signed this log");
}

enum err_code ledger_log_of_charge(struct ledger_log *log, uint64_t *index,
                                   const char *charge, struct err *err)
{
    struct ledger_id id;
    if (ledger_id_parse(&id, charge) &&
        store_find(log->store, SQL_LEAF_OF, "b", id.bytes,
                   (size_t)LEDGER_ID_LEN)) {
        *index = store_amount(log->store, SQL_LEAF_OF, 0);
        store_end(log->store, SQL_LEAF_OF);
        return end_read(log, err);
    }
    TRY(end_read(log, err));
    (void)err_set(err, ERR_NOT_FOUND, "there is no charge '%.40s'", charge);
    return err_hint(err, "the id is the 32 hexadecimal digits of a receipt's "
                         "query_id");
}
