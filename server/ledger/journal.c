#include "server/ledger/journal.h"

#include <string.h>

enum err_code journal_read(void *ctx, struct merkle_hash *out, unsigned level,
                           uint64_t first, size_t n, struct err *err)
{
    sqlite3 *db = ctx;
    sqlite3_stmt *stmt = NULL;
    size_t got = 0;
    int rc = sqlite3_prepare_v2(
        db,
        level == 0 ? "SELECT hash FROM log_leaves WHERE idx >= ?2 AND idx < ?3"
                     " AND ?1 = 0 ORDER BY idx"
                   : "SELECT hash FROM log_tiles WHERE level = ?1 AND idx >= ?2"
                     " AND idx < ?3 ORDER BY idx",
        -1, &stmt, NULL);
    if (rc == SQLITE_OK) {
        (void)sqlite3_bind_int64(stmt, 1, level);
        (void)sqlite3_bind_int64(stmt, 2, (int64_t)first);
        (void)sqlite3_bind_int64(stmt, 3, (int64_t)(first + n));
    }
    while (rc == SQLITE_OK && got < n && sqlite3_step(stmt) == SQLITE_ROW &&
           sqlite3_column_bytes(stmt, 0) == MERKLE_HASH_LEN)
        memcpy(out[got++].bytes, sqlite3_column_blob(stmt, 0), MERKLE_HASH_LEN);
    (void)sqlite3_finalize(stmt);
    if (got == n)
        return ERR_OK;
    (void)err_set(err, ERR_INTERNAL,
                  "the audit log lacks hash %llu of level %u",
                  (unsigned long long)(first + got), level);
    return err_hint(err, "run: halftone ledger verify");
}

void journal_load(struct journal *j, struct store *s)
{
    const struct merkle_reader reader = { .read = journal_read, .ctx = s->db };
    struct err err;
    uint64_t size = 0;
    if (store_find(s, SQL_LEAF_COUNT, "")) {
        size = store_amount(s, SQL_LEAF_COUNT, 0);
        store_end(s, SQL_LEAF_COUNT);
    }
    if (s->rc == SQLITE_OK &&
        merkle_frontier_at(&j->now, &reader, size, &err) != ERR_OK)
        s->rc = SQLITE_CORRUPT;
    j->next = j->now;
}

int64_t journal_append(struct journal *j, struct store *s,
                       const struct audit_entry *e)
{
    char text[AUDIT_ENTRY_LEN + 1];
    struct writer w = writer_of(text, AUDIT_ENTRY_LEN);
    struct audit_salt salt;
    struct merkle_stored stored[MERKLE_LEVELS];
    audit_entry_print(&w, e);
    if (s->rc == SQLITE_OK && (w.overflow || !audit_salt_new(&salt)))
        s->rc = SQLITE_INTERNAL;
    if (s->rc != SQLITE_OK)
        return 0;
    text[w.len] = '\0';
    const struct merkle_hash commitment = audit_commitment(&salt, text, w.len);
    const struct merkle_hash leaf = audit_leaf(&commitment);
    const size_t n = merkle_append(&j->next, stored, &leaf);
    store_run(s, SQL_LEAF_NEW, "ibbt", (int64_t)stored[0].index, leaf.bytes,
              sizeof leaf.bytes, salt.bytes, sizeof salt.bytes, text);
    for (size_t i = 1; i < n; i++)
        store_run(s, SQL_TILE_NEW, "iib", (int64_t)stored[i].level,
                  (int64_t)stored[i].index, stored[i].hash.bytes,
                  sizeof stored[i].hash.bytes);
    return (int64_t)stored[0].index;
}

void journal_keep(struct journal *j)
{
    j->now = j->next;
}

void journal_undo(struct journal *j)
{
    j->next = j->now;
}
