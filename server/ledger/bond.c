#include "server/ledger/bond.h"

#include <assert.h>
#include <openssl/rand.h>
#include <string.h>

#include "server/audit/sha256.h"
#include "server/base/hex.h"
#include "server/base/writer.h"

static_assert((int)BOND_DIGEST == (int)SHA256_LEN, "digests are SHA-256");

static const char KEY[] = "bond";

/* 32 bytes, or zeros. */
static void print_hash(struct writer *w, const uint8_t *hash)
{
    static const uint8_t none[BOND_DIGEST];
    writer_bytes(w, hash ? hash : none, BOND_DIGEST);
}

struct bond_hex bond_of(const struct bond_secret *secret, const struct bond *b)
{
    uint8_t text[LEDGER_ID_LEN + 8 + 5 * BOND_DIGEST], digest[BOND_DIGEST];
    struct writer w = writer_of(text, sizeof text);
    struct bond_hex out = { "" };
    print_hash(&w, secret->bytes);
    writer_bytes(&w, b->id, LEDGER_ID_LEN);
    print_hash(&w, b->release_hash);
    writer_be64(&w, (uint64_t)b->keep_us);
    print_hash(&w, b->accounts);
    print_hash(&w, b->pieces);
    print_hash(&w, b->key[0] ? b->request_hash : NULL);
    assert(!w.overflow);
    /* The key is last: its length needs no telling. */
    sha256_of(digest, text, w.len, b->key, strlen(b->key));
    hex_print(out.text, digest, BOND_LEN);
    return out;
}

void bond_of_text(uint8_t out[BOND_DIGEST], const char *accounts)
{
    sha256_of(out, accounts, strlen(accounts), NULL, 0);
}

void bond_add_piece(uint8_t digest[BOND_DIGEST], const struct ledger_piece *p)
{
    const uint64_t keep_s =
        p->keep_s < LEDGER_WINDOW_MAX_S ? p->keep_s : LEDGER_WINDOW_MAX_S;
    uint8_t text[3 * BOND_DIGEST + 24], what[BOND_DIGEST];
    struct writer w = writer_of(text, sizeof text);
    sha256_of(what, p->what, p->what_len, NULL, 0);
    print_hash(&w, p->want.release_hash);
    print_hash(&w, p->want.series_hash);
    writer_be64(&w, (uint64_t)p->want.from_us);
    writer_be64(&w, (uint64_t)p->want.to_us);
    writer_be64(&w, keep_s); /* as it is kept */
    print_hash(&w, what);
    assert(!w.overflow);
    sha256_of(digest, digest, BOND_DIGEST, text, w.len);
}

bool bond_find(struct bond_secret *out, struct store *s)
{
    size_t len = 0;
    if (!store_find(s, SQL_META_FIND, "t", KEY))
        return false;
    const void *value = store_blob(s, SQL_META_FIND, 0, &len);
    if (len == sizeof out->bytes)
        memcpy(out->bytes, value, len);
    store_end(s, SQL_META_FIND);
    return len == sizeof out->bytes;
}

void bond_load(struct bond_secret *out, struct store *s)
{
    if (bond_find(out, s) || s->rc != STORE_OK)
        return;
    if (RAND_bytes(out->bytes, sizeof out->bytes) != 1)
        store_fail(s, STORE_FAILED, "the system gave no randomness");
    else
        store_run(s, SQL_META_SET, "tb", KEY, out->bytes, sizeof out->bytes);
}
