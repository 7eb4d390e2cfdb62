/* Whether each row is what its leaf binds.  bond.h. */
#include <string.h>

#include "server/base/writer.h"
#include "server/ledger/bond.h"

enum { US_PER_S = 1000000 };

/* Of each charge that has a bond and is not void, as often as there are keys of
 * its principal that lead to it, at least once.  A key of a void charge may
 * lead to another one since. */
#define ROWS(word, list)                                                       \
    "SELECT c.seq, c.id, c.release_hash, c.keep_us, " word                     \
    ", a.name, k.key, k.request_hash, (SELECT count(*) FROM pieces p WHERE"    \
    " p.charge = c.seq) FROM charges c JOIN log_leaves l ON l.idx = c.leaf"    \
    " LEFT JOIN (SELECT route, " list                                          \
    " GROUP BY route) a ON a.route = c.route"                                  \
    " LEFT JOIN keys k ON k.charge = c.seq AND k.principal = c.principal"      \
    " WHERE c.state <> 3 AND l.entry LIKE '%,\"bond\":%' ORDER BY c.seq"
#define MEMBERS                                                                \
    "SELECT r.route AS route, k.account || ' ' || k.window_s || ' ' ||"        \
    " k.start_us AS member FROM route_counters r JOIN counters k ON"           \
    " k.id = r.counter ORDER BY r.route, r.counter"
enum column {
    SEQ,
    ID,
    RELEASE,
    KEEP,
    BOUND,
    ACCOUNTS,
    THE_KEY,
    REQUEST,
    PIECES
};

static const char FILE_ROWS[] =
    ROWS("l.entry ->> 'bond'",
         "group_concat(member, ',') AS name FROM (" MEMBERS ")");

/* A page at a time: libpq holds what a statement gives. */
static const char DATABASE_ROWS[] = "DECLARE bonds NO SCROLL CURSOR FOR " ROWS(
    "CAST(l.entry AS json) ->> 'bond'",
    "string_agg(member, ',') AS name FROM (" MEMBERS ") AS m");
static const char NEXT_PAGE[] = "FETCH 1024 FROM bonds";

static bool first_row(struct store *s)
{
    if (s->alive_us == 0)
        return store_query(s, FILE_ROWS, "");
    store_exec(s, DATABASE_ROWS, NULL, 0);
    return store_query(s, NEXT_PAGE, "");
}

static bool next_row(struct store *s)
{
    return store_next(s, SQL_QUERY) ||
           (s->alive_us > 0 && store_query(s, NEXT_PAGE, ""));
}

/* The charge that rows are of. */
struct bound {
    int64_t seq;
    struct ledger_id id;
    int64_t keep_us;
    uint8_t release_hash[LEDGER_HASH_LEN], accounts[BOND_DIGEST];
    uint8_t pieces[BOND_DIGEST];
    bool has_pieces;
    struct bond_hex bond; /* of its leaf */
    bool holds;
};

static const uint8_t *hash_of(struct store *s, enum sql sql, int column)
{
    size_t len;
    const void *hash = store_blob(s, sql, column, &len);
    return len == LEDGER_HASH_LEN ? hash : NULL;
}

static void read_pieces(struct bound *c, struct store *s)
{
    memset(c->pieces, 0, sizeof c->pieces);
    bool more = store_find(s, SQL_PIECES_BOUND, "i", c->seq);
    for (; more; more = store_next(s, SQL_PIECES_BOUND)) {
        struct ledger_piece p = {
            .want = { .release_hash = hash_of(s, SQL_PIECES_BOUND, 0),
                      .series_hash = hash_of(s, SQL_PIECES_BOUND, 1),
                      .from_us = store_int(s, SQL_PIECES_BOUND, 2),
                      .to_us = store_int(s, SQL_PIECES_BOUND, 3) },
            .keep_s = store_amount(s, SQL_PIECES_BOUND, 5) / US_PER_S,
        };
        p.what = store_blob(s, SQL_PIECES_BOUND, 4, &p.what_len);
        bond_add_piece(c->pieces, &p);
    }
}

static void read_charge(struct bound *c, struct store *s)
{
    size_t len;
    *c = (struct bound){ .seq = store_int(s, SQL_QUERY, SEQ),
                         .keep_us = store_int(s, SQL_QUERY, KEEP) };
    const void *id = store_blob(s, SQL_QUERY, ID, &len);
    if (len == sizeof c->id.bytes)
        memcpy(c->id.bytes, id, len);
    const uint8_t *release = hash_of(s, SQL_QUERY, RELEASE);
    if (release)
        memcpy(c->release_hash, release, sizeof c->release_hash);
    bond_of_text(c->accounts, store_text(s, SQL_QUERY, ACCOUNTS));
    const char *bond = store_text(s, SQL_QUERY, BOUND);
    if (strlen(bond) < sizeof c->bond.text)
        strcpy(c->bond.text, bond);
    c->has_pieces = store_int(s, SQL_QUERY, PIECES) > 0;
    if (c->has_pieces)
        read_pieces(c, s);
}

/* Is it what the leaf binds, under this key? */
static bool holds(const struct bound *c, const struct bond_secret *secret,
                  const char *key, const uint8_t *request_hash)
{
    const struct bond b = { .id = c->id.bytes,
                            .release_hash = c->release_hash,
                            .keep_us = c->keep_us,
                            .accounts = c->accounts,
                            .pieces = c->has_pieces ? c->pieces : NULL,
                            .request_hash = request_hash,
                            .key = key };
    return strcmp(bond_of(secret, &b).text, c->bond.text) == 0;
}

static void end_charge(const struct bound *c, bond_find_fn *find, void *ctx)
{
    char sentence[160];
    struct writer w = writer_of(sentence, sizeof sentence);
    if (c->seq == 0 || c->holds)
        return;
    writer_printf(&w,
                  "charge %s: its release, lifetime, accounts, key or request "
                  "are not those that were charged",
                  ledger_id_hex(c->id).text);
    if (writer_cstr(&w))
        find(ctx, sentence);
}

void bond_check(struct store *s, bond_find_fn *find, void *ctx)
{
    struct bond_secret secret = { { 0 } };
    struct bound c = { .seq = 0 };
    const bool is_there = bond_find(&secret, s);
    bool more = first_row(s);
    if (more && !is_there)
        find(ctx, "the ledger's secret is gone, with which charges were bound "
                  "to their leaves");
    for (; more && is_there; more = next_row(s)) {
        if (store_int(s, SQL_QUERY, SEQ) != c.seq) {
            end_charge(&c, find, ctx);
            read_charge(&c, s);
            c.holds = holds(&c, &secret, "", NULL);
        }
        c.holds =
            c.holds || holds(&c, &secret, store_text(s, SQL_QUERY, THE_KEY),
                             hash_of(s, SQL_QUERY, REQUEST));
    }
    end_charge(&c, find, ctx);
    store_end(s, SQL_QUERY);
}
