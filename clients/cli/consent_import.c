/* halftone consent import FILE: piece by piece, whole or not at all. */
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/consent.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"
#include "server/engine/decisions.h"

enum {
    ROWS_MAX = 4096,        /* of one piece */
    KINDS_MAX = 256,        /* likewise */
    BYTES_MAX = 160 * 1024, /* of its subjects, below a server's usual limit */
    ARENA_CAP = 16 << 20,   /* of one piece */
    ROW_BYTES = 24,         /* of a row beside its subject, at most */
    DIGEST_LEN = 32,
    TELL_S = 2, /* between two lines of progress */
};

struct importing {
    struct cli *cli;
    struct client client;
    struct decisions *file;
    uint8_t digest[DIGEST_LEN];
    struct arena piece; /* of one piece, and its reply */
    uint64_t sent;      /* rows that the server has */
    time_t told_s;
    char doing[96];
    struct decision pending; /* read, and did not fit */
    bool has_pending;
};

static enum err_code digest_of(uint8_t out[DIGEST_LEN], const char *path,
                               struct err *err)
{
    static uint8_t bytes[1 << 16];
    unsigned len = DIGEST_LEN;
    size_t n = 1;
    FILE *f = fopen(path, "rb");
    EVP_MD_CTX *h = EVP_MD_CTX_new();
    bool ok = f && h && EVP_DigestInit_ex(h, EVP_sha256(), NULL) == 1;
    while (ok && n > 0) {
        n = fread(bytes, 1, sizeof bytes, f);
        ok = EVP_DigestUpdate(h, bytes, n) == 1 && !ferror(f);
    }
    ok = ok && EVP_DigestFinal_ex(h, out, &len) == 1;
    EVP_MD_CTX_free(h);
    if (f)
        (void)fclose(f);
    return ok ? ERR_OK : err_set(err, ERR_NOT_FOUND, "%s cannot be read", path);
}

/* ---- one piece ---- */

/* A piece while it is filled; everything in the arena of pieces. */
struct piece {
    Halftone__V1__ImportRequest m;
    Halftone__V1__ImportKind kinds[KINDS_MAX];
    const char *words[KINDS_MAX]; /* purposes as text */
    size_t bytes;
};

static struct piece *piece_new(struct arena *a)
{
    struct piece *p = ARENA_NEW(a, struct piece);
    if (!p)
        return NULL;
    halftone__v1__import_request__init(&p->m);
    p->m.kinds = ARENA_NEW_N(a, KINDS_MAX, Halftone__V1__ImportKind *);
    p->m.subjects = ARENA_NEW_N(a, ROWS_MAX, char *);
    p->m.kind = ARENA_NEW_N(a, ROWS_MAX, uint32_t);
    p->m.at_us = ARENA_NEW_N(a, ROWS_MAX, int64_t);
    p->m.until_us = ARENA_NEW_N(a, ROWS_MAX, int64_t);
    return p->m.kinds && p->m.subjects && p->m.kind && p->m.at_us &&
                   p->m.until_us
               ? p
               : NULL;
}

/* "a b" as a list. */
static bool split(Halftone__V1__ImportKind *k, const char *words,
                  struct arena *a)
{
    enum { WORDS_MAX = 64 };
    k->purposes = ARENA_NEW_N(a, WORDS_MAX, char *);
    while (k->purposes && *words && k->n_purposes < WORDS_MAX) {
        const size_t len = strcspn(words, " ");
        k->purposes[k->n_purposes] = arena_strndup(a, words, len);
        if (!k->purposes[k->n_purposes++])
            return false;
        words += len + (words[len] == ' ');
    }
    return k->purposes != NULL;
}

/* The kind of the row, added when it is new; KINDS_MAX: no room. */
static size_t kind_of(struct piece *p, const struct decision *d,
                      struct arena *a)
{
    size_t k = 0;
    while (k < p->m.n_kinds && (p->kinds[k].notice != d->notice ||
                                strcmp(p->kinds[k].state, d->state) != 0 ||
                                strcmp(p->kinds[k].channel, d->channel) != 0 ||
                                strcmp(p->kinds[k].at_most, d->at_most) != 0 ||
                                strcmp(p->words[k], d->purposes) != 0))
        k++;
    if (k < p->m.n_kinds || k == KINDS_MAX)
        return k;
    halftone__v1__import_kind__init(&p->kinds[k]);
    p->kinds[k].state = arena_strdup(a, d->state);
    p->kinds[k].channel = arena_strdup(a, d->channel);
    p->kinds[k].at_most = arena_strdup(a, d->at_most);
    p->words[k] = arena_strdup(a, d->purposes);
    p->kinds[k].notice = d->notice;
    if (!p->kinds[k].state || !p->kinds[k].channel || !p->kinds[k].at_most ||
        !p->words[k] || !split(&p->kinds[k], d->purposes, a))
        return KINDS_MAX;
    p->bytes += strlen(d->state) + strlen(d->channel) + strlen(d->at_most) +
                2 * strlen(d->purposes) + ROW_BYTES;
    p->m.kinds[k] = &p->kinds[k];
    p->m.n_kinds++;
    return k;
}

/* False: the piece is full. */
static bool piece_add(struct piece *p, const struct decision *d,
                      struct arena *a)
{
    const size_t n = p->m.n_subjects, len = strlen(d->subject);
    if (n == ROWS_MAX || p->bytes + len + ROW_BYTES > BYTES_MAX)
        return false;
    const size_t k = kind_of(p, d, a);
    char *subject = k < KINDS_MAX ? arena_strdup(a, d->subject) : NULL;
    if (!subject)
        return false;
    p->m.subjects[n] = subject;
    p->m.kind[n] = (uint32_t)k;
    p->m.at_us[n] = d->at_us;
    p->m.until_us[n] = d->until_us;
    p->m.n_subjects = p->m.n_kind = p->m.n_at_us = p->m.n_until_us = n + 1;
    p->bytes += len + ROW_BYTES;
    return true;
}

/* ---- the file ---- */

/* Fill the piece; *more: rows are left. */
static enum err_code fill(struct piece *p, bool *more, struct importing *m,
                          struct err *err)
{
    *more = true;
    for (;;) {
        struct decision d = m->pending;
        bool found = m->has_pending;
        if (!found)
            TRY(decisions_next(&found, &d, m->file, err));
        m->pending = d;
        *more = m->has_pending = found;
        if (!found)
            return ERR_OK;
        if (!piece_add(p, &d, &m->piece))
            return p->m.n_subjects > 0
                       ? ERR_OK
                       : err_set(err, ERR_LIMIT, "a row is too long");
        m->has_pending = false;
    }
}

/* What the server has already: rows that are read and not sent. */
static enum err_code skip(struct importing *m, uint64_t n, struct err *err)
{
    bool found = true;
    for (uint64_t i = 0; i < n && found; i++)
        TRY(decisions_next(&found, &m->pending, m->file, err));
    return ERR_OK;
}

static void tell(struct importing *m)
{
    const time_t now_s = time(NULL);
    (void)snprintf(m->doing, sizeof m->doing, "%llu of %llu rows",
                   (unsigned long long)m->sent,
                   (unsigned long long)decisions_count(m->file));
    m->client.doing = m->doing;
    if (m->cli->term.spins || now_s - m->told_s < TELL_S)
        return;
    m->told_s = now_s;
    (void)fprintf(stderr, "%s\n", m->doing);
}

static enum err_code send_piece(struct importing *m, struct piece *p, bool last,
                                Halftone__V1__ImportReply **out,
                                struct err *err)
{
    ProtobufCMessage *reply;
    const char *dataset = m->cli->opt.dataset, *from = m->cli->opt.from;
    p->m.dataset = (char *)(uintptr_t)(dataset ? dataset : "");
    p->m.source = (char *)(uintptr_t)(from ? from : "");
    p->m.digest = (ProtobufCBinaryData){ DIGEST_LEN, m->digest };
    p->m.first = m->sent;
    p->m.last = last;
    TRY(client_call(&m->client, &METHOD_IMPORT, &p->m.base, &reply, &m->piece,
                    err));
    *out = (Halftone__V1__ImportReply *)reply;
    return ERR_OK;
}

/* An empty piece asks how far an earlier try came. */
static enum err_code resume(bool *done, struct importing *m, struct err *err)
{
    struct piece *p = piece_new(&m->piece);
    Halftone__V1__ImportReply *reply;
    if (!p)
        return err_set(err, ERR_LIMIT, "out of memory");
    TRY(send_piece(m, p, false, &reply, err));
    m->sent = reply->rows;
    *done = reply->done;
    return *done ? ERR_OK : skip(m, m->sent, err);
}

static enum err_code send_all(struct importing *m, struct err *err)
{
    bool done = false, more = true;
    TRY(resume(&done, m, err));
    while (!done) {
        Halftone__V1__ImportReply *reply;
        arena_reset(&m->piece);
        struct piece *p = piece_new(&m->piece);
        if (!p)
            return err_set(err, ERR_LIMIT, "out of memory");
        TRY(fill(p, &more, m, err));
        TRY(send_piece(m, p, !more, &reply, err));
        if (!reply->done && reply->rows != m->sent + p->m.n_subjects)
            return err_set(err, ERR_CONFLICT,
                           "somebody else imports the same file");
        m->sent = reply->rows;
        done = reply->done;
        tell(m);
    }
    return ERR_OK;
}

static enum err_code import(struct importing *m, struct err *err)
{
    const char *path = m->cli->words[0];
    TRY(digest_of(m->digest, path, err));
    TRY(decisions_open(&m->file, path, err));
    TRY(send_all(m, err));
    (void)printf("%s rows of %s count now\n", number_scaled(m->sent, 0).s,
                 path);
    return ERR_OK;
}

int run_consent_import(struct cli *cli)
{
    struct err err;
    struct importing m = { .cli = cli };
    if (cli->n_words == 0) {
        (void)err_set(&err, ERR_INVALID, "no file is named");
        (void)err_hint(&err, "halftone consent import FILE");
        return cli_misused(cli, &err);
    }
    if (client_of(&m.client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    arena_init(&m.piece, ARENA_CAP);
    const enum err_code code = import(&m, &err);
    decisions_close(m.file);
    arena_fini(&m.piece);
    return code == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
}
