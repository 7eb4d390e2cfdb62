/* ERASURES_*: what stewards see of erasures and have done.  Declared in
 * service.h. */
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "server/audit/box.h"
#include "server/main/erasing.h"
#include "server/main/service_consent.h"
#include "server/main/service_erase.h"
#include "server/query/refusal.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

static enum err_code count(struct reply *out, const struct dataset *d,
                           struct err *err)
{
    struct erasure_counts n;
    struct reply_erasures *r = &out->erasures;
    TRY(consent_erasure_counts(d->consent, d->circle, d->policy->id, &n, err));
    r->dataset = d->policy->name;
    r->suppressed = n.in[ERASURE_SUPPRESSED];
    r->handed = n.in[ERASURE_HANDED];
    r->done = n.in[ERASURE_DONE];
    r->verified = n.in[ERASURE_VERIFIED];
    r->late = n.late;
    return ERR_OK;
}

enum err_code service_erasures_list(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err)
{
    const struct dataset *d;
    struct erasure *all;
    struct reply_erasures *r = &out->erasures;
    size_t n = call->req->page_size;
    TRY(service_people(&d, call, err));
    TRY(consent_erasures(d->consent, d->circle, d->policy->id, call->req->first,
                         &all, &n, a, err));
    r->v = ARENA_NEW_N(a, n + 1, struct reply_erasure);
    if (!r->v)
        return full(err);
    for (; r->n < n; r->n++)
        if (!erase_reply(&r->v[r->n], &all[r->n], call, d, a))
            return full(err);
    return count(out, d, err);
}

/* Of a register that is held nothing is done in the data. */
static enum err_code find_whole(const struct dataset **out,
                                const struct service_call *call,
                                struct err *err)
{
    TRY(service_people(out, call, err));
    return consent_is_held((*out)->consent)
               ? refuse(err, REFUSAL_REGISTER_HELD, REFUSAL_NOWHERE, NULL, NULL)
               : ERR_OK;
}

enum err_code service_erasures_run(struct service_call *call, struct reply *out,
                                   struct arena *a, struct err *err)
{
    const struct dataset *d;
    (void)a;
    TRY(find_whole(&d, call, err));
    TRY(erasing_pass(d, err));
    return count(out, d, err);
}

/* ---- what a list holds ---- */

static void put_json(struct writer *w, const char *s)
{
    writer_json(w, s, strlen(s));
}

static void put_source(struct writer *w, const char *table, const char *source,
                       const char *column)
{
    writer_str(w, "{\"table\":");
    put_json(w, table);
    writer_str(w, ",\"source\":");
    put_json(w, source);
    writer_str(w, ",\"column\":");
    put_json(w, column);
    writer_str(w, "}\n");
}

/* Lines of JSON: where people's rows lie, then whose are to go.  Empty lines
 * fill it up, so that its length tells little. */
static void put_list(struct writer *w, const struct policy *p,
                     const struct engine_erased *found)
{
    enum { ROUND = 4096 };
    for (size_t i = 0; i < p->n_tables; i++) {
        const struct policy_table *t = &p->tables[i];
        if (t->owned)
            put_source(w, t->name, t->source,
                       policy_stored_name(&t->columns[t->key]));
    }
    if (p->map.source)
        put_source(w, "map", p->map.source, p->map.subject);
    for (size_t i = 0; i < found->n; i++) {
        writer_str(w, found->v[i].key ? "{\"key\":" : "{");
        if (found->v[i].key)
            put_json(w, found->v[i].key);
        if (p->map.source) {
            writer_str(w, found->v[i].key ? ",\"subject\":" : "\"subject\":");
            put_json(w, found->v[i].subject);
        }
        writer_str(w, "}\n");
    }
    while (w->len % ROUND != 0 && !w->overflow)
        writer_u8(w, '\n');
}

static size_t list_len(const struct policy *p,
                       const struct engine_erased *found)
{
    enum { ESCAPED = 6, WORDS = 64, SLACK = 8192 };
    size_t n = SLACK;
    for (size_t i = 0; i < p->n_tables; i++)
        n += ESCAPED * (strlen(p->tables[i].source) + 256) + WORDS;
    if (p->map.source)
        n += ESCAPED * (strlen(p->map.source) + strlen(p->map.subject)) + WORDS;
    for (size_t i = 0; i < found->n; i++)
        n += WORDS + ESCAPED * strlen(found->v[i].subject) +
             (found->v[i].key ? ESCAPED * strlen(found->v[i].key) : 0);
    return n;
}

/* ---- its note ---- */

static const char TITLE[] = "halftone erasures\n";

static enum err_code seal(struct reply_erasures *r, const struct policy *p,
                          const struct engine_erased *found, struct arena *a,
                          struct err *err)
{
    const size_t cap = list_len(p, found);
    char *text = arena_alloc(a, cap, 1);
    uint8_t *sealed = arena_alloc(a, cap + BOX_OVERHEAD, 1);
    const struct box_context c = { .info = TITLE,
                                   .info_len = sizeof TITLE - 1,
                                   .aad = p->id,
                                   .aad_len = strlen(p->id) };
    if (!text || !sealed)
        return full(err);
    struct writer w = writer_of(text, cap);
    put_list(&w, p, found);
    if (w.overflow || !box_seal(sealed, p->erasure.owner, &c, text, w.len)) {
        (void)err_set(err, ERR_INVALID,
                      "the list cannot be sealed for the "
                      "owner's key in the policy");
        return err_hint(err, "is consent.erasure.owner what 'halftone erasures "
                             "key' printed?");
    }
    r->sealed = sealed;
    r->sealed_len = w.len + BOX_OVERHEAD;
    return ERR_OK;
}

static enum err_code sign(struct reply_erasures *r,
                          const struct service_call *call,
                          const struct policy *p,
                          const struct erasure_list *list, struct arena *a,
                          struct err *err)
{
    enum { TEXT_MAX = 1024, NOTE_MAX = TEXT_MAX + NOTE_KEY_TEXT_LEN + 256 };
    char text[TEXT_MAX];
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char *note = arena_alloc(a, NOTE_MAX, 1);
    struct writer w = writer_of(text, sizeof text);
    if (!note)
        return full(err);
    (void)SHA256(r->sealed, r->sealed_len, digest);
    writer_printf(&w, "%s%s\n%" PRIu64 "\n%" PRId64 "\nsha256 ", TITLE, p->id,
                  list->number, list->made_us);
    for (size_t i = 0; i < sizeof digest; i++)
        writer_printf(&w, "%02x", digest[i]);
    writer_u8(&w, '\n');
    struct writer out = writer_of(note, NOTE_MAX);
    if (!writer_cstr(&w))
        return full(err);
    TRY(note_sign(&out, text, call->service->signer, err));
    r->note = writer_cstr(&out) ? note : NULL;
    return r->note ? ERR_OK : full(err);
}

static enum err_code check_signer(const struct service_call *call,
                                  struct err *err)
{
    return call->service->signer
               ? ERR_OK
               : err_set(err, ERR_UNAVAILABLE, "the server has no key to sign");
}

enum err_code service_erasures_sign(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err)
{
    const struct dataset *d;
    struct erasure_list list;
    struct engine_erased found;
    struct reply_erasures *r = &out->erasures;
    TRY(find_whole(&d, call, err));
    TRY(check_signer(call, err));
    const struct policy *p = d->policy;
    if (!p->erasure.has_owner) {
        (void)err_set(err, ERR_INVALID,
                      "the policy of dataset '%s' names no key of its owner, "
                      "for whom a list is sealed",
                      p->name);
        return err_hint(err, "'halftone erasures key' makes one and prints the "
                             "line for the policy");
    }
    /* Who is erased while it is made is on the next one. */
    TRY(consent_list_new(d->consent, d->circle, p->id, &list, err));
    TRY(engine_find_erased(d->engine, &found, a, err));
    TRY(seal(r, p, &found, a, err));
    TRY(sign(r, call, p, &list, a, err));
    return consent_list_handed(d->consent, d->circle, p->id, &list, err);
}

/* ---- what an owner confirms ---- */

static enum err_code not_ours(struct err *err)
{
    (void)err_set(err, ERR_INVALID, "this is no list of this server");
    return err_hint(err, "send it whole, as 'halftone erasures sign' gave it");
}

/* The number in the note's text, when it is of this dataset. */
static enum err_code read_note(uint64_t *number, const char *note,
                               const struct note_signer *signer,
                               const struct policy *p, struct err *err)
{
    size_t len;
    const size_t title = sizeof TITLE - 1, id = strlen(p->id);
    if (note_open(&len, note, strlen(note), &signer->verifier, err) != ERR_OK ||
        len < title || memcmp(note, TITLE, title) != 0)
        return not_ours(err);
    if (len <= title + id || memcmp(note + title, p->id, id) != 0 ||
        note[title + id] != '\n') {
        (void)err_set(err, ERR_INVALID,
                      "this list is of another dataset than "
                      "'%s'",
                      p->name);
        return err_hint(err, "--dataset names the one it is of");
    }
    *number = 0;
    for (const char *s = note + title + id + 1; *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(*number, 10, number) ||
            __builtin_add_overflow(*number, (uint64_t)(*s - '0'), number))
            return not_ours(err);
    return ERR_OK;
}

enum err_code service_erasures_confirm(struct service_call *call,
                                       struct reply *out, struct arena *a,
                                       struct err *err)
{
    const struct dataset *d;
    uint64_t number = 0;
    (void)a;
    TRY(find_whole(&d, call, err));
    TRY(check_signer(call, err));
    TRY(read_note(&number, call->req->note, call->service->signer, d->policy,
                  err));
    TRY(consent_list_confirm(d->consent, d->circle, d->policy->id, number,
                             &out->erasures.was_there, err));
    TRY(erasing_pass(d, err));
    return count(out, d, err);
}
