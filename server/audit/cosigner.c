#include "server/audit/cosigner.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit/http.h"
#include "server/base/base64.h"

enum { TIMEOUT_MS = 3000, OLD_DIGITS = 20 };

struct cosigner {
    pthread_mutex_t lock; /* of all that follows */
    struct http *http;    /* owned */
    struct note_verifier key;
    _Atomic bool is_away; /* nobody answered the last time */
    char request[COSIGNER_REQUEST_LEN];
};

/* ---- bytes ---- */

void cosigner_request_print(struct writer *w, const char *note, size_t note_len,
                            uint64_t old, const struct merkle_proof *proof)
{
    writer_printf(w, "old %llu\n", (unsigned long long)old);
    for (size_t i = 0; i < proof->n; i++) {
        base64_print(w, proof->hash[i].bytes, sizeof proof->hash[i].bytes);
        writer_u8(w, '\n');
    }
    writer_u8(w, '\n');
    writer_bytes(w, note, note_len);
}

static enum err_code bad(struct err *err, const char *what)
{
    return err_set(err, ERR_INVALID, "this is no add-checkpoint: %s", what);
}

/* Decimal without leading zeros, all of the line. */
static bool parse_number(uint64_t *out, const char *line, size_t len)
{
    *out = 0;
    if (len == 0 || (len > 1 && line[0] == '0'))
        return false;
    for (size_t i = 0; i < len; i++)
        if (line[i] < '0' || line[i] > '9' ||
            __builtin_mul_overflow(*out, UINT64_C(10), out) ||
            __builtin_add_overflow(*out, (uint64_t)(line[i] - '0'), out))
            return false;
    return *out <= INT64_MAX;
}

enum err_code cosigner_request_parse(struct cosigner_request *out,
                                     const char *body, size_t len,
                                     struct err *err)
{
    static const char OLD[] = "old ";
    const char *line = body, *end = body + len;
    *out = (struct cosigner_request){ .old = 0 };
    for (bool is_first = true;; is_first = false) {
        const char *nl = memchr(line, '\n', (size_t)(end - line));
        size_t n;
        if (!nl)
            return bad(err, "a line does not end");
        const size_t line_len = (size_t)(nl - line);
        if (is_first) {
            if (line_len < sizeof OLD ||
                memcmp(line, OLD, sizeof OLD - 1) != 0 ||
                !parse_number(&out->old, line + sizeof OLD - 1,
                              line_len - (sizeof OLD - 1)))
                return bad(err, "the first line is not 'old SIZE'");
        } else if (line_len == 0) {
            out->note = nl + 1;
            out->note_len = (size_t)(end - out->note);
            return ERR_OK;
        } else if (out->proof.n == COSIGNER_PROOF_MAX ||
                   !base64_parse(out->proof.hash[out->proof.n].bytes,
                                 MERKLE_HASH_LEN, &n, line, line_len) ||
                   n != MERKLE_HASH_LEN) {
            return bad(err, "a line of the proof is no hash, or there are too "
                            "many");
        } else {
            out->proof.n++;
        }
        line = nl + 1;
    }
}

/* ---- the log's side ---- */

enum err_code cosigner_new(struct cosigner **out, const char *base,
                           const char *ca, const struct note_verifier *key,
                           struct err *err)
{
    const struct http_options o = { .base = base,
                                    .ca = ca,
                                    .timeout_ms = TIMEOUT_MS };
    struct cosigner *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_LIMIT, "out of memory");
    c->key = *key;
    (void)pthread_mutex_init(&c->lock, NULL);
    const enum err_code code = http_new(&c->http, &o, err);
    if (code != ERR_OK) {
        cosigner_free(c);
        return code;
    }
    *out = c;
    return ERR_OK;
}

void cosigner_free(struct cosigner *c)
{
    if (!c)
        return;
    http_free(c->http);
    (void)pthread_mutex_destroy(&c->lock);
    free(c);
}

bool cosigner_is_away(const struct cosigner *c)
{
    return atomic_load(&c->is_away);
}

static enum err_code out_of_reach(struct cosigner *c, struct err *err)
{
    atomic_store(&c->is_away, true);
    return err->code;
}

/* The note, and behind it those of the lines that are the witness's. */
static enum err_code take_lines(struct cosigner *c, struct cosigner_said *out,
                                const char *note, size_t note_len,
                                const char *lines, size_t len, struct err *err)
{
    struct writer w = writer_of(out->note, sizeof out->note);
    size_t text_len;
    writer_bytes(&w, note, note_len);
    writer_bytes(&w, lines, len);
    out->note_len = w.len;
    if (!w.overflow &&
        note_open(&text_len, out->note, w.len, &c->key, err) == ERR_OK)
        return ERR_OK;
    (void)err_set(err, ERR_UNAVAILABLE,
                  "the witness did not sign with the key %s", c->key.name);
    return err_hint(err, "audit.witness_key is the line that the witness "
                         "prints");
}

static enum err_code ask(struct cosigner *c, struct cosigner_said *out,
                         const char *note, size_t note_len, uint64_t old,
                         const struct merkle_proof *proof, struct err *err)
{
    char answer[COSIGNER_LINES_LEN];
    size_t len = sizeof answer;
    struct writer w = writer_of(c->request, sizeof c->request);
    *out = (struct cosigner_said){ .verdict = COSIGNER_DENIED };
    cosigner_request_print(&w, note, note_len, old, proof);
    if (w.overflow)
        return err_set(err, ERR_UNAVAILABLE,
                       "what is to be witnessed is too long");
    const struct http_body body = { c->request, w.len };
    if (http_exchange(c->http, "add-checkpoint", &body, answer, &len,
                      &out->status, err) != ERR_OK)
        return out_of_reach(c, err);
    atomic_store(&c->is_away, false);
    if (out->status == 200) {
        out->verdict = COSIGNER_SIGNED;
        return take_lines(c, out, note, note_len, answer, len, err);
    }
    if (out->status == 409 && len > 1 && answer[len - 1] == '\n' &&
        parse_number(&out->size, answer, len - 1)) {
        out->verdict = COSIGNER_OTHER;
        return ERR_OK;
    }
    if (out->status == 403 || out->status == 404 || out->status == 409 ||
        out->status == 422)
        return ERR_OK;
    (void)err_set(err, ERR_UNAVAILABLE, "the witness answered HTTP %ld",
                  out->status);
    return out_of_reach(c, err);
}

enum err_code cosigner_ask(struct cosigner *c, struct cosigner_said *out,
                           const char *note, size_t note_len, uint64_t old,
                           const struct merkle_proof *proof, struct err *err)
{
    (void)pthread_mutex_lock(&c->lock);
    const enum err_code code = ask(c, out, note, note_len, old, proof, err);
    (void)pthread_mutex_unlock(&c->lock);
    return code;
}

/* ---- the witness's side ---- */

static int answer(struct writer *reply, int status, const char *text)
{
    writer_str(reply, text);
    writer_u8(reply, '\n');
    return status;
}

static bool same_root(const struct checkpoint *a, const struct checkpoint *b)
{
    return memcmp(a->root.bytes, b->root.bytes, sizeof a->root.bytes) == 0;
}

int cosigner_decide(const struct cosigner_state *s, const char *body,
                    size_t len, uint64_t time_s, const char **note,
                    size_t *note_len, struct checkpoint *fresh,
                    struct writer *reply)
{
    struct cosigner_request r;
    struct err err;
    size_t text_len;
    if (cosigner_request_parse(&r, body, len, &err) != ERR_OK)
        return answer(reply, 400, err.msg);
    const size_t name = strlen(s->log.name);
    if (r.note_len <= name || memcmp(r.note, s->log.name, name) != 0 ||
        r.note[name] != '\n')
        return answer(reply, 404, "this log is not known here");
    if (note_open(&text_len, r.note, r.note_len, &s->log, &err) != ERR_OK ||
        checkpoint_parse(fresh, r.note, text_len, &err) != ERR_OK)
        return answer(reply, 403, err.msg);
    if (r.old > fresh->size)
        return answer(reply, 400, "the old size is larger than the new one");
    if (r.old != s->seen.size) {
        writer_printf(reply, "%llu\n", (unsigned long long)s->seen.size);
        return 409;
    }
    if (r.old == fresh->size && r.old > 0 && !same_root(&s->seen, fresh))
        return answer(reply, 409, "another root was seen at this size");
    if (r.old == 0 || r.old == fresh->size) {
        if (r.proof.n > 0)
            return answer(reply, 422, "there is nothing to prove");
    } else if (merkle_check_prefix(&r.proof, r.old, fresh->size, &s->seen.root,
                                   &fresh->root, &err) != ERR_OK) {
        return answer(reply, 422, err.msg);
    }
    if (note_cosign(reply, r.note, text_len, &s->key, time_s, &err) != ERR_OK)
        return answer(reply, 500, err.msg);
    *note = r.note;
    *note_len = r.note_len;
    return 200;
}
