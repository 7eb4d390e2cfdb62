/* One decision, recorded. */
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "server/base/writer.h"
#include "server/consent/parts.h"

/* Clocks of those who record may run ahead a little. */
enum { AHEAD_US = 5 * 60 * 1000000 };

struct record {
    struct consent_job job;
    struct consent_circle *circle;
    const struct consent_event *e;
    struct consent_recorded *out;
    struct pseudonym names[PSEUDONYM_KEYS_MAX];
    uint64_t purposes; /* by number */
};

/* ---- before the transaction ---- */

static bool is_text(const char *s)
{
    const size_t len = s ? strlen(s) : 0;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < ' ' || s[i] == 0x7f)
            return false;
    return len <= CONSENT_TEXT_MAX;
}

enum err_code record_check_texts(const struct record_texts *t, struct err *err)
{
    return is_text(t->source) && is_text(t->proof)
               ? ERR_OK
               : err_set(err, ERR_INVALID,
                         "source and proof are at most %d bytes of text",
                         CONSENT_TEXT_MAX);
}

enum err_code record_purposes(uint64_t *out,
                              const struct consent_circle *circle,
                              enum consent_state state, const char *const *ids,
                              size_t n, struct err *err)
{
    if (state <= CONSENT_UNKNOWN || state >= CONSENT_STATES)
        return err_set(err, ERR_INVALID,
                       "state is granted, granted_explicitly, withdrawn, "
                       "objected, expired, special or ordinary");
    if (consent_marks(state) && n > 0)
        return err_set(err, ERR_INVALID,
                       "a mark is about the person: it names no purpose");
    *out = consent_marks(state) ? UINT64_MAX : 0;
    for (size_t i = 0; i < n; i++) {
        const size_t k = circle_purpose(circle, ids[i]);
        if (k == circle->n_purposes) {
            (void)err_set(err, ERR_NOT_FOUND,
                          "the dataset has no purpose '%.63s'", ids[i]);
            return err_hint(err, "'halftone describe' lists its purposes");
        }
        *out |= UINT64_C(1) << k;
    }
    if (*out)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "the event names no purpose");
    return err_hint(err, "--purpose names it, or several, apart by commas");
}

enum err_code record_notice(const struct consent_circle *circle,
                            enum consent_state state, uint64_t purposes,
                            uint32_t notice, struct err *err)
{
    for (size_t k = 0; k < circle->n_purposes && consent_grants(state); k++)
        if ((purposes >> k & 1) && notice > circle->purposes[k].notice) {
            (void)err_set(err, ERR_INVALID,
                          "notice: purpose '%.63s' has no version %u, its "
                          "newest is %u",
                          circle->purposes[k].id, notice,
                          circle->purposes[k].notice);
            return err_hint(err, "send the version that was shown, or none for "
                                 "the newest; a steward raises 'notice' in the "
                                 "policy before people are shown a new one");
        }
    return ERR_OK;
}

enum err_code record_times(const struct fold_event *e, int64_t now_us,
                           struct err *err)
{
    if (e->at_us < 0 || e->at_us > now_us + AHEAD_US) {
        (void)err_set(err, ERR_INVALID,
                      e->at_us < 0 ? "at lies before 1970"
                                   : "at lies in the future");
        return err_hint(err,
                        "at is when the person decided, in UTC; left out it "
                        "is the present");
    }
    if (e->until_us != 0 && !consent_grants(e->state)) {
        (void)err_set(err, ERR_INVALID, "only what is granted has an end");
        return err_hint(err, "leave until out");
    }
    if (e->until_us < 0 || (e->until_us != 0 && e->until_us <= e->at_us)) {
        (void)err_set(err, ERR_INVALID, "until does not lie after at");
        return err_hint(err, "until is when the consent ends, at when it was "
                             "given; what is over is recorded as expired");
    }
    return ERR_OK;
}

static enum err_code check(struct record *r, const struct consent *c,
                           struct err *err)
{
    const struct consent_event *e = r->e;
    const struct fold_event times = { .at_us = e->at_us,
                                      .state = e->state,
                                      .until_us = e->until_us };
    const struct record_texts texts = { e->source, e->proof, e->by };
    TRY(record_purposes(&r->purposes, r->circle, e->state, e->purposes,
                        e->n_purposes, err));
    TRY(record_notice(r->circle, e->state, r->purposes, e->notice, err));
    TRY(record_check_texts(&texts, err));
    TRY(record_times(&times, clock_wall_us(c->options.clock), err));
    return circle_name(r->names, c, r->circle, e->subject, e->subject_len, err);
}

/* ---- in it ---- */

uint32_t record_find(const struct consent *c, const struct pseudonym *names,
                     struct pseudonym *who)
{
    uint32_t number = PEOPLE_NONE;
    size_t i = 0;
    for (; i < c->options.keys.n && number == PEOPLE_NONE; i++)
        number = people_find(c->people, &names[i]);
    *who = names[number == PEOPLE_NONE ? 0 : i - 1];
    return number;
}

uint32_t record_person(struct consent *c, const struct consent_circle *circle,
                       const struct pseudonym *names, struct pseudonym *who,
                       bool *is_new)
{
    uint8_t key[SEALED_KEY_LEN];
    uint32_t number = record_find(c, names, who);
    if (number == PEOPLE_NONE)
        number = people_add(c->people, who);
    uint32_t id = number == PEOPLE_NONE ? number : enroll_id(c, number);
    *is_new = id == PEOPLE_NONE;
    if (!*is_new)
        return id;
    if (number == PEOPLE_NONE || RAND_priv_bytes(key, sizeof key) != 1)
        return PEOPLE_NONE;
    id = enroll_new(c, number);
    if (id != PEOPLE_NONE)
        shelf_run(&c->shelf, SHELF_SUBJECT_NEW, "iibb", (int64_t)id, circle->id,
                  who->bytes, sizeof who->bytes, key, sizeof key);
    return id;
}

/* Sealed: what is told beside the decision, line by line. */
bool record_seal(uint8_t *out, size_t *len, struct consent *c,
                 const struct record_texts *t, uint32_t id)
{
    char text[3 * CONSENT_TEXT_MAX + 64];
    struct writer w = writer_of(text, sizeof text);
    uint8_t key[SEALED_KEY_LEN];
    size_t n = 0;
    writer_printf(&w, "%s\n%s\n%s", t->source ? t->source : "",
                  t->proof ? t->proof : "", t->by ? t->by : "");
    if (w.overflow || !shelf_find(&c->shelf, SHELF_SUBJECT, "i", (int64_t)id))
        return false;
    const void *stored = shelf_blob(&c->shelf, SHELF_SUBJECT, 1, &n);
    if (n == sizeof key)
        memcpy(key, stored, n);
    shelf_end(&c->shelf, SHELF_SUBJECT);
    *len = w.len + SEALED_OVERHEAD;
    return n == sizeof key && sealed_put(out, key, text, w.len);
}

void chain_add(struct consent *c, int64_t seq, uint32_t id,
               const struct fold_event *e, const void *sealed, size_t len)
{
    uint8_t bytes[32 + 6 * 8 + SHA256_DIGEST_LENGTH];
    struct writer w = writer_of(bytes, sizeof bytes);
    writer_bytes(&w, c->head, sizeof c->head);
    writer_be64(&w, (uint64_t)seq);
    writer_be64(&w, id);
    writer_be64(&w, (uint64_t)e->at_us);
    writer_be64(&w, (uint64_t)e->state << 32 | e->notice);
    writer_be64(&w, e->purposes);
    writer_be64(&w, (uint64_t)e->until_us);
    (void)SHA256(sealed, len, bytes + w.len);
    (void)SHA256(bytes, sizeof bytes, c->head);
    shelf_run(&c->shelf, SHELF_HEAD_SET, "b", c->head, sizeof c->head);
}

int64_t record_insert(struct consent *c, uint32_t id,
                      const struct fold_event *e, int64_t now_us,
                      int64_t import, const uint8_t *sealed, size_t len)
{
    struct shelf *s = &c->shelf;
    _Static_assert(FOLD_NEVER == SHELF_NULL, "what never ends has no end");
    if (!shelf_find(s, SHELF_EVENT_NEW, "iiiiioize", (int64_t)id, e->at_us,
                    (int64_t)e->state, (int64_t)e->purposes, (int64_t)e->notice,
                    e->until_us, now_us, import, sealed, len))
        return 0;
    const int64_t seq = shelf_int(s, SHELF_EVENT_NEW, 0);
    shelf_end(s, SHELF_EVENT_NEW);
    return seq;
}

/* What the event says of one purpose. */
static void fill_in(struct fold_event *e, const struct consent_circle *circle,
                    const struct fold_event *as, unsigned k)
{
    const struct consent_purpose *p = &circle->purposes[k];
    e->until_us = FOLD_NEVER;
    e->notice = as->notice;
    if (!e->notice && !consent_marks(e->state))
        e->notice = p->notice - (p->notice > 0 && e->at_us < p->since_us);
    if (!consent_grants(e->state))
        return;
    if (as->until_us)
        e->until_us = as->until_us;
    else if (p->valid_us)
        e->until_us = e->at_us + (int64_t)p->valid_us;
}

struct fold_event record_alike(const struct consent_circle *circle,
                               const struct fold_event *as, uint64_t *left)
{
    struct fold_event e = { .at_us = as->at_us, .state = as->state };
    fill_in(&e, circle, as, (unsigned)__builtin_ctzll(*left));
    if (consent_marks(e.state))
        e.purposes = *left;
    for (unsigned k = 0; k < circle->n_purposes; k++) {
        struct fold_event one = e;
        fill_in(&one, circle, as, k);
        if ((*left >> k & 1) && one.until_us == e.until_us &&
            one.notice == e.notice)
            e.purposes |= UINT64_C(1) << k;
    }
    *left &= ~e.purposes;
    return e;
}

int64_t record_same(int64_t *recorded_us, struct consent *c, uint32_t id,
                    const struct fold_event *e, int64_t of_import)
{
    struct shelf *s = &c->shelf;
    for (bool more = shelf_find(s, SHELF_EVENT_SAME, "iiiii", (int64_t)id,
                                e->at_us, (int64_t)e->state,
                                (int64_t)e->purposes, (int64_t)e->notice);
         more; more = shelf_next(s, SHELF_EVENT_SAME)) {
        const int64_t import = shelf_int(s, SHELF_EVENT_SAME, 1);
        if (!shelf_is_null(s, SHELF_EVENT_SAME, 1) && import != of_import &&
            state_is_open(c, import))
            continue; /* of a file that may never count */
        const int64_t seq = shelf_int(s, SHELF_EVENT_SAME, 0);
        *recorded_us = shelf_int(s, SHELF_EVENT_SAME, 2);
        shelf_end(s, SHELF_EVENT_SAME);
        return seq;
    }
    return 0;
}

enum err_code record_bars(struct consent *c,
                          const struct consent_circle *circle,
                          const struct pseudonym *names, int64_t at_us,
                          struct err *err)
{
    int64_t erased_us;
    if (!erase_bars(&erased_us, c, circle, names, at_us))
        return ERR_OK;
    (void)err_set(err, ERR_CONFLICT,
                  "this person was erased after she decided this");
    return err_hint(err, "'halftone consent erasure' tells when; what she "
                         "decides from now on can be recorded");
}

static enum err_code record(struct consent *c, struct consent_job *job)
{
    struct record *r = (struct record *)(void *)job;
    uint8_t sealed[RECORD_SEALED_MAX];
    const struct record_texts texts = { r->e->source, r->e->proof, r->e->by };
    size_t len = 0;
    const int64_t now_us = consent_now(c);
    const int64_t at_us = r->e->at_us ? r->e->at_us : now_us;
    bool is_new;
    TRY(record_bars(c, r->circle, r->names, at_us, job->err));
    const uint32_t id =
        record_person(c, r->circle, r->names, &r->out->who, &is_new);
    if (id == PEOPLE_NONE)
        return err_set(job->err, ERR_LIMIT, "no memory for another person");
    if (!record_seal(sealed, &len, c, &texts, id))
        return err_set(job->err, ERR_INTERNAL, "the event cannot be sealed");
    r->out->seq = 0;
    r->out->was_there = true;
    const struct fold_event as = { .at_us = at_us,
                                   .state = r->e->state,
                                   .notice = r->e->notice,
                                   .until_us = r->e->until_us };
    for (uint64_t left = r->purposes; left;) {
        const struct fold_event e = record_alike(r->circle, &as, &left);
        int64_t recorded_us, seq = record_same(&recorded_us, c, id, &e, 0);
        if (!seq) {
            recorded_us = now_us;
            seq = record_insert(c, id, &e, now_us, 0, sealed, len);
            chain_add(c, seq, id, &e, sealed, len);
            r->out->was_there = false;
        }
        if (r->out->seq == 0) {
            r->out->seq = (uint64_t)seq;
            r->out->until_us = e.until_us;
            r->out->notice = e.notice;
        }
        if (r->out->recorded_us < recorded_us)
            r->out->recorded_us = recorded_us;
    }
    r->out->at_us = at_us;
    follow_tell(c, CHANGE_PERSON, (int64_t)id, 0);
    if (!state_refold(c, id))
        shelf_full(&c->shelf);
    return ERR_OK;
}

enum err_code consent_record(struct consent *c, struct consent_circle *circle,
                             const struct consent_event *e,
                             struct consent_recorded *out, struct err *err)
{
    struct record r = { .job = { .run = record, .err = err },
                        .circle = circle,
                        .e = e,
                        .out = out };
    *out = (struct consent_recorded){ 0 };
    TRY(check(&r, c, err));
    return consent_run(c, &r.job);
}
