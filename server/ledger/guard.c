#include "server/ledger/guard.h"

#include <assert.h>
#include <limits.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- what the file remembers ---- */

static bool meta_get(struct store *s, const char *key,
                     uint8_t epoch[WITNESS_EPOCH_LEN])
{
    size_t len = 0;
    if (!store_find(s, SQL_META_FIND, "t", key))
        return false;
    const void *value = store_blob(s, SQL_META_FIND, 0, &len);
    if (epoch && len == WITNESS_EPOCH_LEN)
        memcpy(epoch, value, len);
    store_end(s, SQL_META_FIND);
    return true;
}

static void meta_set(struct store *s, const char *key, const uint8_t *value,
                     size_t len)
{
    store_run(s, SQL_META_SET, "tb", key, value, len);
}

/* ---- the start ---- */

static enum err_code refuse(struct err *err, const char *why)
{
    (void)err_set(err, ERR_CONFLICT, "this ledger must not be used: %s", why);
    return err_hint(err, "find the newest ledger; if it is lost, 'halftone "
                         "ledger recover' counts as spent what may have been "
                         "(docs/ledger.md)");
}

/* Servers that share a ledger have a witness each, and each its own epoch: by
 * its host and path.  A file has one server, whose keys have no such ending. */
static void name_epoch(struct guard *g, const struct store *s)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char host[HOST_NAME_MAX + 1] = "", text[PATH_MAX + HOST_NAME_MAX + 2];
    struct writer ending = writer_of(g->ending, sizeof g->ending);
    struct writer w = writer_of(text, sizeof text);
    (void)gethostname(host, sizeof host - 1);
    writer_printf(&w, "%s %s", host, g->path);
    (void)SHA256(w.data, w.len, digest);
    writer_u8(&ending, '/');
    for (int i = 0; i < 8; i++)
        writer_printf(&ending, "%02x", digest[i]);
    const bool fits = writer_cstr(&ending);
    assert(fits);
    g->has_ending = s->alive_us > 0;
}

struct guard_key {
    char text[48];
};
static struct guard_key key_of(const struct guard *g, const char *name,
                               bool has_ending)
{
    struct guard_key key;
    (void)snprintf(key.text, sizeof key.text, "%s%s", name,
                   has_ending ? g->ending : "");
    return key;
}

static bool own_get(const struct guard *g, struct store *s, const char *name)
{
    return meta_get(s, key_of(g, name, g->has_ending).text, NULL);
}

static void own_set(const struct guard *g, struct store *s, const char *name,
                    const uint8_t *value, size_t len)
{
    meta_set(s, key_of(g, name, g->has_ending).text, value, len);
}

/* The epoch of the newest start, or the one before: that start was cut short
 * between its commit and the witness.  A ledger that was moved from a file to a
 * database, or back, has them under the other names until it starts. */
static enum err_code check_epoch(struct guard *g, struct store *s,
                                 struct err *err)
{
    static const char *const NAMES[] = { "epoch", "epoch_before" };
    bool any = false;
    for (int i = 0; i < 4; i++) {
        uint8_t epoch[WITNESS_EPOCH_LEN] = { 0 };
        if (!meta_get(s, key_of(g, NAMES[i % 2], i < 2).text, epoch))
            continue;
        any = true;
        if (memcmp(g->witness.epoch, epoch, sizeof epoch) == 0)
            return ERR_OK;
    }
    return any ? refuse(err, "it is a copy from before the last start")
               : refuse(err, "its witness has seen a newer one");
}

bool guard_knew_before(const struct witness *w, struct store *s)
{
    uint8_t now[WITNESS_EPOCH_LEN] = { 0 }, before[WITNESS_EPOCH_LEN] = { 0 };
    return meta_get(s, "epoch", now) && meta_get(s, "epoch_before", before) &&
           memcmp(w->epoch, before, sizeof before) == 0 &&
           memcmp(w->epoch, now, sizeof now) != 0;
}

bool guard_is_past(const struct checkpoint *seen, struct store *s,
                   uint64_t held)
{
    /* Beyond what is held nobody can say. */
    return seen->size > held || journal_begins_with(s, seen->size, &seen->root);
}

static enum err_code check_log(const struct guard *g, struct store *s,
                               const struct journal *j, struct err *err)
{
    const struct checkpoint *seen = &g->witness.head;
    if (seen->size > j->now.size)
        return refuse(err, "its witness has seen more than it holds");
    return guard_is_past(seen, s, j->now.size)
               ? ERR_OK
               : refuse(err, "its past is not the one its witness has seen");
}

static enum err_code check_retired(const struct guard *g, struct store *s,
                                   struct err *err)
{
    char key[NOTE_NAME_MAX + sizeof "retired/"];
    struct writer w = writer_of(key, sizeof key);
    writer_printf(&w, "retired/%s", g->key->verifier.name);
    if (!writer_cstr(&w) || !meta_get(s, key, NULL))
        return ERR_OK;
    (void)err_set(err, ERR_CONFLICT,
                  "the log '%s' ended when this ledger was recovered",
                  g->key->verifier.name);
    return err_hint(err, "give audit.name another name and audit.key another "
                         "file: a log never goes back");
}

static enum err_code check_witness(struct guard *g, struct store *s,
                                   const struct journal *j, struct err *err)
{
    bool is_there;
    TRY(witness_read(&g->witness, &is_there, g->path, &g->key->verifier, err));
    if (is_there) {
        TRY(check_epoch(g, s, err));
        return check_log(g, s, j, err);
    }
    g->witness = (struct witness){ .n = 0 };
    if (!own_get(g, s, "epoch"))
        own_set(g, s, "untold", NULL, 0); /* the first start with a witness */
    if (own_get(g, s, "untold"))
        return ERR_OK; /* ... or one after it was cut short */
    (void)err_set(err, ERR_NOT_FOUND,
                  "the witness %s is not there, and this ledger had one",
                  g->path);
    return err_hint(err, "mount its disk; if it is lost, start once without "
                         "audit.witness");
}

/* ---- a witness over HTTP ---- */

/* What it signed last, with the blocks that were leased then. */
static enum err_code load_cosigned(struct guard *g, struct store *s,
                                   struct err *err)
{
    char note[NOTE_LEN_MAX];
    size_t len = 0, text_len = 0;
    g->witness = (struct witness){ .n = 0 };
    g->told = 0;
    if (!store_find(s, SQL_META_FIND, "t", "cosigned"))
        return ERR_OK;
    const void *value = store_blob(s, SQL_META_FIND, 0, &len);
    if (len <= sizeof note)
        memcpy(note, value, len);
    store_end(s, SQL_META_FIND);
    if (len > sizeof note)
        return err_set(err, ERR_INTERNAL,
                       "what the witness signed is too long");
    TRY(note_open(&text_len, note, len, &g->key->verifier, err));
    TRY(witness_parse(&g->witness, note, text_len, err));
    g->told = g->witness.head.size;
    return ERR_OK;
}

static enum err_code print_note(struct writer *w, const struct guard *g,
                                struct err *err)
{
    char text[NOTE_LEN_MAX];
    struct writer t = writer_of(text, sizeof text);
    witness_print(&t, &g->witness);
    if (!writer_cstr(&t))
        return err_set(err, ERR_UNAVAILABLE, "the witness is too long");
    return note_sign(w, text, g->key, err);
}

/* What it said that is no signature: another size to go on from, or an error.
 */
static enum err_code go_on_from(struct guard *g, uint64_t *old,
                                const struct cosigner_said *said,
                                struct err *err)
{
    if (said->verdict == COSIGNER_OTHER && said->size > g->witness.head.size)
        return refuse(err, "its witness has seen more than it holds");
    if (said->verdict == COSIGNER_OTHER && said->size >= g->told) {
        *old = said->size;
        return ERR_OK;
    }
    if (said->verdict == COSIGNER_DENIED && said->status != 404)
        return refuse(err, "its past is not the one its witness has seen");
    (void)err_set(err, ERR_NOT_FOUND, "the witness does not know this log%s",
                  g->told ? " any more" : "");
    return err_hint(err, g->told
                             ? "find out what became of it; to go on, start "
                               "once without audit.witness_url"
                             : "start it with --log-key and the line of "
                               "/audit/key");
}

static uint64_t later_of(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* Of a ledger that is shared: what other servers leased is leased. */
static enum err_code merge_leases(struct guard *g, struct err *err)
{
    struct guard stored = { .key = g->key };
    if (g->store->alive_us == 0)
        return ERR_OK;
    TRY(load_cosigned(&stored, g->store, err));
    for (size_t i = 0; i < stored.witness.n; i++) {
        const struct witness_block *theirs = &stored.witness.block[i];
        struct witness_block *b =
            witness_block_of(&g->witness, theirs->account);
        if (!b)
            continue;
        b->rho_pico = later_of(b->rho_pico, theirs->rho_pico);
        b->eps_nano = later_of(b->eps_nano, theirs->eps_nano);
        b->delta_atto = later_of(b->delta_atto, theirs->delta_atto);
    }
    return ERR_OK;
}

/* Shown what g->witness says; kept in the open transaction. */
static enum err_code submit(struct guard *g, struct err *err)
{
    static _Thread_local struct cosigner_said said; /* large */
    const struct merkle_reader reader = { .read = journal_read,
                                          .ctx = g->store };
    const uint64_t size = g->witness.head.size;
    uint64_t old = g->told;
    char note[NOTE_LEN_MAX];
    struct writer w = writer_of(note, sizeof note);
    if (cosigner_is_away(g->cosigner)) /* others wait for us */
        return err_set(err, ERR_UNAVAILABLE,
                       "the witness could not be reached a moment ago");
    TRY(merge_leases(g, err));
    TRY(print_note(&w, g, err));
    for (int tries = 0; tries < 2; tries++) {
        struct merkle_proof proof = { .n = 0 };
        if (old > 0 && old < size)
            TRY(merkle_prove_prefix(&proof, &reader, old, size, err));
        TRY(cosigner_ask(g->cosigner, &said, note, w.len, old, &proof, err));
        if (said.verdict == COSIGNER_SIGNED) {
            g->told = size;
            meta_set(g->store, "cosigned", (const uint8_t *)said.note,
                     said.note_len);
            return ERR_OK;
        }
        TRY(go_on_from(g, &old, &said, err));
    }
    return err_set(err, ERR_UNAVAILABLE, "the witness changes its mind");
}

static void look_at(struct guard *g, const struct journal *j)
{
    struct checkpoint *head = &g->witness.head;
    *head = (struct checkpoint){ .size = j->now.size,
                                 .root = merkle_root(&j->now) };
    memcpy(head->origin, g->key->verifier.name, sizeof head->origin);
}

/* Is what is here what it saw?  A log without leaves is asked about when it has
 * some (guard_begin). */
static enum err_code check_cosigner(struct guard *g, struct store *s,
                                    const struct journal *j, struct err *err)
{
    TRY(load_cosigned(g, s, err));
    if (RAND_bytes(g->witness.epoch, sizeof g->witness.epoch) != 1)
        return err_set(err, ERR_INTERNAL, "the system gave no randomness");
    look_at(g, j);
    if (j->now.size == 0)
        return ERR_OK;
    return submit(g, err);
}

/* What a move (migrate.h) says of either end. */
static enum err_code check_moved(struct store *s, struct err *err)
{
    if (meta_get(s, "moving", NULL) || meta_get(s, "arrived", NULL)) {
        (void)err_set(err, ERR_CONFLICT,
                      "this ledger is being moved, and that has not ended");
        return err_hint(err, "run the same 'halftone ledger migrate' again: it "
                             "goes on where it was cut short");
    }
    if (!meta_get(s, "moved", NULL))
        return ERR_OK;
    (void)err_set(err, ERR_CONFLICT,
                  "this ledger was moved: what is here is not the ledger any "
                  "more");
    return err_hint(err, "name the place it was moved to as 'ledger'");
}

enum err_code guard_check(struct guard *g, struct store *s,
                          const struct journal *j, struct err *err)
{
    if (g->recovers)
        return ERR_OK;
    if (meta_get(s, "backup", NULL))
        return refuse(err, "it is a backup");
    TRY(check_moved(s, err));
    if (g->key)
        TRY(check_retired(g, s, err));
    g->store = s;
    if (g->cosigner)
        return check_cosigner(g, s, j, err);
    if (!g->path) { /* the witnesses of others stay theirs */
        if (s->alive_us == 0)
            store_run(s, SQL_META_FORGET, "");
        return ERR_OK;
    }
    name_epoch(g, s);
    TRY(check_witness(g, s, j, err));
    /* However many starts are cut short: the one that the witness knows. */
    own_set(g, s, "epoch_before", g->witness.epoch, sizeof g->witness.epoch);
    if (RAND_bytes(g->witness.epoch, sizeof g->witness.epoch) != 1)
        return err_set(err, ERR_INTERNAL, "the system gave no randomness");
    own_set(g, s, "epoch", g->witness.epoch, sizeof g->witness.epoch);
    return ERR_OK;
}

/* ---- the witness ---- */

static bool has_witness(const struct guard *g)
{
    return g->path || g->cosigner;
}

static enum err_code write_now(struct guard *g, const struct journal *j,
                               struct err *err)
{
    const struct checkpoint before = g->witness.head;
    look_at(g, j);
    const enum err_code code =
        g->cosigner ? submit(g, err)
                    : witness_write(&g->witness, g->path, g->key, err);
    if (code != ERR_OK)
        g->witness.head = before; /* what was not told is told next time */
    return code;
}

enum err_code guard_tell(struct guard *g, const struct journal *j,
                         struct err *err)
{
    const bool grew = j->now.size != g->witness.head.size;
    return has_witness(g) && grew ? write_now(g, j, err) : ERR_OK;
}

enum err_code guard_offer(struct guard *g, struct guard_offer *out,
                          const struct journal *j, struct err *err)
{
    const struct merkle_reader reader = { .read = journal_read,
                                          .ctx = g->store };
    const struct checkpoint before = g->witness.head;
    out->is_due = false;
    out->old = g->told;
    out->size = j->now.size;
    out->proof.n = 0;
    struct writer w = writer_of(out->note, sizeof out->note);
    if (!g->cosigner ||
        (out->size == before.size && !cosigner_is_away(g->cosigner)))
        return ERR_OK;
    TRY(merge_leases(g, err));
    look_at(g, j);
    const enum err_code code = print_note(&w, g, err);
    out->head = g->witness.head;
    g->witness.head = before;
    if (code != ERR_OK)
        return code;
    out->note_len = w.len;
    out->is_due = true;
    return out->old > 0 && out->old < out->size
               ? merkle_prove_prefix(&out->proof, &reader, out->old, out->size,
                                     err)
               : ERR_OK;
}

enum err_code guard_accept(struct guard *g, const struct guard_offer *offer,
                           const struct cosigner_said *said,
                           const struct journal *j, struct err *err)
{
    uint64_t old = g->told;
    if (offer->size <= g->told)
        return ERR_OK; /* more was leased meanwhile, and that it signed */
    if (said->verdict == COSIGNER_OTHER && said->size >= g->told &&
        said->size <= j->now.size) {
        g->told = said->size; /* the next time from there */
        return ERR_OK;
    }
    if (said->verdict != COSIGNER_SIGNED)
        return go_on_from(g, &old, said, err);
    g->told = offer->size;
    g->witness.head = offer->head;
    meta_set(g->store, "cosigned", (const uint8_t *)said->note, said->note_len);
    return ERR_OK;
}

enum err_code guard_begin(struct guard *g, struct store *s,
                          const struct journal *j, struct err *err)
{
    if (!has_witness(g))
        return ERR_OK;
    store_begin(s);
    const enum err_code code = write_now(g, j, err);
    if (code == ERR_OK && !g->cosigner && own_get(g, s, "untold"))
        store_run(s, SQL_META_DELETE, "t",
                  key_of(g, "untold", g->has_ending).text);
    if (code == ERR_OK)
        store_commit(s);
    else
        store_rollback(s);
    return code; /* the caller looks at the store */
}

static uint64_t grown(uint64_t block, uint64_t taken, uint64_t limit)
{
    if (taken <= block)
        return block;
    const uint64_t share = limit / GUARD_SHARE;
    return taken >= limit || limit - taken < share
               ? (taken > limit ? taken : limit)
               : taken + share;
}

enum err_code guard_cover(struct guard *g, const struct journal *j,
                          const char *account, struct dp_price taken,
                          struct dp_price limit, struct err *err)
{
    if (!has_witness(g))
        return ERR_OK;
    struct witness_block *b = witness_block_of(&g->witness, account);
    if (!b)
        return err_set(err, ERR_UNAVAILABLE, "the witness has no room for '%s'",
                       account);
    const struct witness_block before = *b;
    b->rho_pico = grown(b->rho_pico, taken.rho_pico, limit.rho_pico);
    b->eps_nano = grown(b->eps_nano, taken.eps_nano, limit.eps_nano);
    b->delta_atto = grown(b->delta_atto, taken.delta_atto, limit.delta_atto);
    if (memcmp(&before, b, sizeof before) == 0)
        return ERR_OK;
    const enum err_code code = write_now(g, j, err);
    if (code == ERR_OK)
        return ERR_OK;
    *b = before;
    if (!g->cosigner)
        return code;
    /* Whatever is wrong with it, the caller's key is not. */
    (void)err_set(
        err, ERR_UNAVAILABLE,
        "The witness leases no more budget now, and what it leased is "
        "used up: nothing was charged.");
    return err_hint(err,
                    "Ask again later with the same idempotency key; stored "
                    "answers stay readable.");
}
