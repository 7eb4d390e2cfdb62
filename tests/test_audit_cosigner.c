/* What a witness that is asked over HTTP signs, and what it does not. */
#include "server/audit/cosigner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/table.h"

enum { LEAVES = 600, OLD = 300, NEW = 557, TIME_S = 1760000400 };

/* A log in memory; `other` begins like it and is another from leaf 100 on. */
struct log {
    struct merkle_hash stored[MERKLE_LEVELS][LEAVES];
    struct merkle_frontier at[LEAVES + 1];
};

static struct log *log_new(bool other)
{
    struct log *l = calloc(1, sizeof *l);
    assert_non_null(l);
    for (int i = 0; i < LEAVES; i++) {
        struct merkle_stored out[MERKLE_LEVELS];
        const int what = other && i >= 100 ? -i : i;
        const struct merkle_hash leaf = merkle_leaf(&what, sizeof what);
        l->at[i + 1] = l->at[i];
        const size_t n = merkle_append(&l->at[i + 1], out, &leaf);
        for (size_t k = 0; k < n; k++)
            l->stored[out[k].level][out[k].index] = out[k].hash;
    }
    return l;
}

static enum err_code read_log(void *ctx, struct merkle_hash *out,
                              unsigned level, uint64_t first, size_t n,
                              struct err *err)
{
    const struct log *l = ctx;
    (void)err;
    memcpy(out, &l->stored[level][first], n * sizeof *out);
    return ERR_OK;
}

/* What is submitted, and to a witness that has seen what. */
static const struct row {
    const char *name;
    uint64_t seen, old, size;
    bool seen_other;    /* ... of the other log */
    bool no_proof;      /* left out */
    bool flips;         /* a bit of the proof */
    bool other_key;     /* signed by somebody else */
    const char *origin; /* another log's name */
    int status;
    const char *says; /* in the answer */
} rows[] = {
    { "the first checkpoint of a log is signed", 0, 0, NEW, 0, 0, 0, 0, NULL,
      200, "\xe2\x80\x94 w.example/1 " },
    { "one that goes on from what was seen is signed", OLD, OLD, NEW, 0, 0, 0,
      0, NULL, 200, "\xe2\x80\x94 w.example/1 " },
    { "the same once more is signed", OLD, OLD, OLD, 0, 0, 0, 0, NULL, 200,
      "\xe2\x80\x94 w.example/1 " },
    { "one from another size hears which was seen", OLD, 0, NEW, 0, 0, 0, 0,
      NULL, 409, "300\n" },
    { "a shorter one hears it, too", NEW, OLD, OLD, 0, 0, 0, 0, NULL, 409,
      "557\n" },
    { "another root at the same size is not signed", OLD, OLD, OLD, true, 0, 0,
      0, NULL, 409, "another root" },
    { "a log with another past is not signed", OLD, OLD, NEW, true, 0, 0, 0,
      NULL, 422, "" },
    { "without its proof nothing is", OLD, OLD, NEW, 0, true, 0, 0, NULL, 422,
      "" },
    { "a flipped bit is found", OLD, OLD, NEW, 0, 0, true, 0, NULL, 422, "" },
    { "an old size beyond the new one is nonsense", OLD, NEW, OLD, 0, 0, 0, 0,
      NULL, 400, "larger" },
    { "what another key signed is not the log's", 0, 0, NEW, 0, 0, 0, true,
      NULL, 403, "" },
    { "another log is not known", 0, 0, NEW, 0, 0, 0, 0, "other.example", 404,
      "not known" },
};

static void sign_head(char *note, size_t *len, const struct log *l,
                      uint64_t size, const struct note_signer *key)
{
    struct err err;
    struct writer w = writer_of(note, CHECKPOINT_LEN);
    assert_int_equal(checkpoint_sign(&w, &l->at[size], key, &err), ERR_OK);
    *len = w.len;
}

static void print_request(struct writer *w, const struct row *row,
                          struct log *l, const struct note_signer *key)
{
    char note[CHECKPOINT_LEN];
    size_t len;
    struct err err;
    struct merkle_proof proof = { .n = 0 };
    const struct merkle_reader reader = { read_log, l };
    if (row->old > 0 && row->old < row->size && !row->no_proof)
        assert_int_equal(
            merkle_prove_prefix(&proof, &reader, row->old, row->size, &err),
            ERR_OK);
    if (row->flips)
        proof.hash[proof.n - 1].bytes[3] ^= 4;
    sign_head(note, &len, l, row->size, key);
    cosigner_request_print(w, note, len, row->old, &proof);
    assert_false(w->overflow);
}

/* What it answered opens with its key, and not when a bit of the time or the
 * text is another. */
static void check_signature(const char *note, size_t note_len,
                            const struct writer *reply,
                            const struct note_verifier *key)
{
    static char both[COSIGNER_REQUEST_LEN];
    struct writer w = writer_of(both, sizeof both);
    struct err err;
    size_t len;
    writer_bytes(&w, note, note_len);
    writer_bytes(&w, reply->data, reply->len);
    assert_int_equal(note_open(&len, both, w.len, key, &err), ERR_OK);
    both[w.len - 100] ^= 1;
    assert_int_equal(note_open(&len, both, w.len, key, &err), ERR_INVALID);
    both[w.len - 100] ^= 1;
    both[0] ^= 1;
    assert_int_equal(note_open(&len, both, w.len, key, &err), ERR_INVALID);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    static char body[COSIGNER_REQUEST_LEN];
    char answer[COSIGNER_LINES_LEN + 1] = { 0 };
    struct writer w = writer_of(body, sizeof body),
                  reply = writer_of(answer, COSIGNER_LINES_LEN);
    struct log *l = log_new(false), *other = log_new(true);
    struct note_signer key, stranger;
    struct cosigner_state s = { .seen.size = row->seen };
    struct checkpoint fresh;
    struct err err;
    const char *note = NULL, *name = row->origin ? row->origin : "l.example";
    size_t note_len = 0;
    assert_int_equal(note_signer_new(&key, name, NOTE_ED25519, &err), ERR_OK);
    assert_int_equal(note_signer_new(&stranger, name, NOTE_ED25519, &err),
                     ERR_OK);
    assert_int_equal(
        note_signer_new(&s.key, "w.example/1", NOTE_COSIGNATURE, &err), ERR_OK);
    s.log = key.verifier;
    memcpy(s.log.name, "l.example", sizeof "l.example");
    s.seen.root = merkle_root(&(row->seen_other ? other : l)->at[row->seen]);
    print_request(&w, row, l, row->other_key ? &stranger : &key);
    assert_int_equal(cosigner_decide(&s, body, w.len, TIME_S, &note, &note_len,
                                     &fresh, &reply),
                     row->status);
    assert_non_null(strstr(answer, row->says));
    if (row->status == 200) {
        assert_int_equal(fresh.size, row->size);
        check_signature(note, note_len, &reply, &s.key.verifier);
    }
    free(l);
    free(other);
}

/* Bodies that are none. */
static const struct body {
    const char *name, *body;
} bodies[] = {
    { "nothing", "" },
    { "no end of the line", "old 3" },
    { "no old size", "new 3\n\nx\n" },
    { "a size with a zero before it", "old 03\n\nx\n" },
    { "a negative size", "old -3\n\nx\n" },
    { "a size past all", "old 99999999999999999999\n\nx\n" },
    { "a proof that is no base64", "old 3\n?\n\nx\n" },
    { "a proof that is no hash", "old 3\nAAAA\n\nx\n" },
    { "no empty line", "old 3\n" },
};

static void check_body(void **state)
{
    const struct body *row = *state;
    struct cosigner_request r;
    struct err err = { 0 };
    assert_int_equal(
        cosigner_request_parse(&r, row->body, strlen(row->body), &err),
        ERR_INVALID);
    assert_true(err.msg[0]);
}

int main(void)
{
    return RUN_ROWS(rows, check_row) | RUN_ROWS(bodies, check_body);
}
