#include "server/ledger/journal.h"

#include <string.h>

enum err_code journal_read(void *ctx, struct merkle_hash *out, unsigned level,
                           uint64_t first, size_t n, struct err *err)
{
    struct store *s = ctx;
    const enum sql sql = level == 0 ? SQL_LEAF_HASHES : SQL_TILE_HASHES;
    const int64_t from = (int64_t)first, to = (int64_t)(first + n);
    size_t got = 0, len;
    bool more = level == 0
                    ? store_find(s, sql, "ii", from, to)
                    : store_find(s, sql, "iii", (int64_t)level, from, to);
    while (more && got < n) {
        const void *hash = store_blob(s, sql, 0, &len);
        if (len != MERKLE_HASH_LEN)
            break;
        memcpy(out[got++].bytes, hash, MERKLE_HASH_LEN);
        more = store_next(s, sql);
    }
    if (more)
        store_end(s, sql);
    if (got == n)
        return ERR_OK;
    (void)err_set(err, ERR_INTERNAL,
                  "the audit log lacks hash %llu of level %u",
                  (unsigned long long)(first + got), level);
    return err_hint(err, "run: halftone ledger verify");
}

void journal_load(struct journal *j, struct store *s)
{
    const struct merkle_reader reader = { .read = journal_read, .ctx = s };
    struct merkle_frontier there = { .size = 0 };
    struct err err;
    uint64_t size = 0;
    if (store_find(s, SQL_LEAF_COUNT, "")) {
        size = store_amount(s, SQL_LEAF_COUNT, 0);
        store_end(s, SQL_LEAF_COUNT);
    }
    if (s->rc == STORE_OK &&
        merkle_frontier_at(&there, &reader, size, &err) != ERR_OK)
        store_fail(s, STORE_FAILED, "the audit log is damaged");
    if (s->rc == STORE_OK) /* what was known stays when the connection breaks */
        j->now = there;
    j->next = j->now;
}

bool journal_begins_with(struct store *s, uint64_t size,
                         const struct merkle_hash *root)
{
    const struct merkle_reader reader = { .read = journal_read, .ctx = s };
    struct merkle_frontier there;
    struct err err;
    if (merkle_frontier_at(&there, &reader, size, &err) != ERR_OK)
        return false;
    const struct merkle_hash found = merkle_root(&there);
    return memcmp(found.bytes, root->bytes, sizeof found.bytes) == 0;
}

void journal_reload(struct journal *j, struct store *s)
{
    const struct merkle_frontier known = j->now;
    const struct merkle_hash root = merkle_root(&known);
    journal_load(j, s);
    if (s->rc != STORE_OK || (j->now.size >= known.size &&
                              journal_begins_with(s, known.size, &root)))
        return;
    j->now = j->next = known;
    store_fail(s, STORE_FAILED, "the audit log was put back");
}

/* Further behind than so many leaves, reading tiles is less. */
enum { FOLLOWED_MAX = 1024 };

void journal_ask(const struct journal *j, struct store *s)
{
    store_ask(s, SQL_LEAVES_SINCE, "ii", (int64_t)j->now.size,
              (int64_t)FOLLOWED_MAX);
}

void journal_follow(struct journal *j, struct store *s)
{
    struct merkle_stored stored[MERKLE_LEVELS];
    struct merkle_hash leaf;
    size_t n = 0, len;
    bool more = store_find(s, SQL_LEAVES_SINCE, "ii", (int64_t)j->now.size,
                           (int64_t)FOLLOWED_MAX);
    for (; more; n++) {
        const void *hash = store_blob(s, SQL_LEAVES_SINCE, 0, &len);
        if (len != sizeof leaf.bytes) {
            store_fail(s, STORE_FAILED, "the audit log is damaged");
            return;
        }
        memcpy(leaf.bytes, hash, len);
        (void)merkle_append(&j->now, stored, &leaf);
        more = store_next(s, SQL_LEAVES_SINCE);
    }
    j->next = j->now;
    if (n == FOLLOWED_MAX)
        journal_load(j, s);
}

int64_t journal_append(struct journal *j, struct store *s,
                       const struct audit_entry *e)
{
    char text[AUDIT_ENTRY_LEN + 1];
    struct writer w = writer_of(text, AUDIT_ENTRY_LEN);
    struct audit_salt salt;
    struct merkle_stored stored[MERKLE_LEVELS];
    audit_entry_print(&w, e);
    if (s->rc == STORE_OK &&
        (w.overflow || !random_take(&j->random, salt.bytes, sizeof salt.bytes)))
        store_fail(s, STORE_FAILED, "an entry of the audit log failed");
    if (s->rc != STORE_OK)
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
