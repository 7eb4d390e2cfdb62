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

static enum err_code check_purposes(struct record *r, struct err *err)
{
    if (consent_marks(r->e->state) && r->e->n_purposes > 0)
        return err_set(err, ERR_INVALID,
                       "a mark is about the person: it names no purpose");
    if (consent_marks(r->e->state))
        r->purposes = UINT64_MAX;
    for (size_t i = 0; i < r->e->n_purposes; i++) {
        const size_t k = circle_purpose(r->circle, r->e->purposes[i]);
        if (k == r->circle->n_purposes) {
            (void)err_set(err, ERR_NOT_FOUND,
                          "the dataset has no purpose '%.63s'",
                          r->e->purposes[i]);
            return err_hint(err, "'halftone describe' lists its purposes");
        }
        r->purposes |= UINT64_C(1) << k;
    }
    return r->purposes
               ? ERR_OK
               : err_set(err, ERR_INVALID, "the event names no purpose");
}

static enum err_code check_times(const struct record *r, int64_t now_us,
                                 struct err *err)
{
    const struct consent_event *e = r->e;
    if (e->at_us < 0 || e->at_us > now_us + AHEAD_US) {
        (void)err_set(err, ERR_INVALID,
                      e->at_us < 0 ? "at lies before 1970"
                                   : "at lies in the future");
        return err_hint(err, "at is when the person decided, in microseconds "
                             "since 1970 UTC; leave it out for now");
    }
    if (e->until_us != 0 && !consent_grants(e->state))
        return err_set(err, ERR_INVALID, "only what is granted has an end");
    if (e->until_us < 0 || (e->until_us != 0 && e->until_us <= e->at_us))
        return err_set(err, ERR_INVALID, "until does not lie after at");
    return ERR_OK;
}

static enum err_code check(struct record *r, const struct consent *c,
                           struct err *err)
{
    const struct consent_event *e = r->e;
    if (e->state <= CONSENT_UNKNOWN || e->state >= CONSENT_STATES)
        return err_set(err, ERR_INVALID,
                       "state is granted, granted_explicitly, withdrawn, "
                       "objected, expired, special or ordinary");
    if (!is_text(e->source) || !is_text(e->proof))
        return err_set(err, ERR_INVALID,
                       "source and proof are at most %d bytes of text",
                       CONSENT_TEXT_MAX);
    TRY(check_purposes(r, err));
    TRY(check_times(r, clock_wall_us(c->options.clock), err));
    return circle_name(r->names, c, r->circle, e->subject, e->subject_len, err);
}

/* ---- in it ---- */

/* The person's number, under whichever key she is known; registered, with a
 * key of her own, when she is not. */
static uint32_t find_person(struct consent *c, struct record *r)
{
    uint8_t key[SEALED_KEY_LEN];
    uint32_t number = PEOPLE_NONE;
    size_t i = 0;
    for (; i < c->options.keys.n && number == PEOPLE_NONE; i++)
        number = people_find(c->people, &r->names[i]);
    const struct pseudonym *who = &r->names[number == PEOPLE_NONE ? 0 : i - 1];
    if (number == PEOPLE_NONE)
        number = people_add(c->people, who);
    if (number == PEOPLE_NONE || RAND_priv_bytes(key, sizeof key) != 1)
        return PEOPLE_NONE;
    shelf_run(&c->shelf, SHELF_SUBJECT_NEW, "iibb", (int64_t)number,
              r->circle->id, who->bytes, sizeof who->bytes, key, sizeof key);
    r->out->who = *who;
    return number;
}

/* Sealed: what is told beside the decision, line by line. */
static bool seal_texts(uint8_t *out, size_t *len, struct consent *c,
                       const struct consent_event *e, uint32_t number)
{
    char text[3 * CONSENT_TEXT_MAX + 64];
    struct writer w = writer_of(text, sizeof text);
    uint8_t key[SEALED_KEY_LEN];
    size_t n = 0;
    writer_printf(&w, "%s\n%s\n%s", e->source ? e->source : "",
                  e->proof ? e->proof : "", e->by ? e->by : "");
    if (w.overflow ||
        !shelf_find(&c->shelf, SHELF_SUBJECT, "i", (int64_t)number))
        return false;
    const void *stored = shelf_blob(&c->shelf, SHELF_SUBJECT, 1, &n);
    if (n == sizeof key)
        memcpy(key, stored, n);
    shelf_end(&c->shelf, SHELF_SUBJECT);
    *len = w.len + SEALED_OVERHEAD;
    return n == sizeof key && sealed_put(out, key, text, w.len);
}

void chain_add(struct consent *c, int64_t seq, uint32_t number,
               const struct fold_event *e, const void *sealed, size_t len)
{
    uint8_t bytes[32 + 6 * 8 + SHA256_DIGEST_LENGTH];
    struct writer w = writer_of(bytes, sizeof bytes);
    writer_bytes(&w, c->head, sizeof c->head);
    writer_be64(&w, (uint64_t)seq);
    writer_be64(&w, number);
    writer_be64(&w, (uint64_t)e->at_us);
    writer_be64(&w, (uint64_t)e->state << 32 | e->notice);
    writer_be64(&w, e->purposes);
    writer_be64(&w, (uint64_t)e->until_us);
    (void)SHA256(sealed, len, bytes + w.len);
    (void)SHA256(bytes, sizeof bytes, c->head);
    shelf_run(&c->shelf, SHELF_HEAD_SET, "b", c->head, sizeof c->head);
}

static int64_t insert(struct consent *c, uint32_t number,
                      const struct fold_event *e, int64_t now_us,
                      const uint8_t *sealed, size_t len)
{
    struct shelf *s = &c->shelf;
    const bool found =
        e->until_us == FOLD_NEVER
            ? shelf_find(s, SHELF_EVENT_NEW, "iiiiininb", (int64_t)number,
                         e->at_us, (int64_t)e->state, (int64_t)e->purposes,
                         (int64_t)e->notice, now_us, sealed, len)
            : shelf_find(s, SHELF_EVENT_NEW, "iiiiiiinb", (int64_t)number,
                         e->at_us, (int64_t)e->state, (int64_t)e->purposes,
                         (int64_t)e->notice, e->until_us, now_us, sealed, len);
    if (!found)
        return 0;
    const int64_t seq = shelf_int(s, SHELF_EVENT_NEW, 0);
    shelf_end(s, SHELF_EVENT_NEW);
    return seq;
}

/* What the event says of one purpose. */
static void fill_in(struct fold_event *e, const struct record *r, unsigned k)
{
    const struct consent_purpose *p = &r->circle->purposes[k];
    e->until_us = FOLD_NEVER;
    e->notice = r->e->notice;
    if (!consent_grants(e->state))
        return;
    if (r->e->until_us)
        e->until_us = r->e->until_us;
    else if (p->valid_us)
        e->until_us = e->at_us + (int64_t)p->valid_us;
    if (!e->notice)
        e->notice = p->notice;
}

/* The event for the purposes that end alike: taken from *left. */
static struct fold_event take_alike(const struct record *r, uint64_t *left,
                                    int64_t at_us)
{
    struct fold_event e = { .at_us = at_us, .state = r->e->state };
    fill_in(&e, r, (unsigned)__builtin_ctzll(*left));
    if (consent_marks(e.state))
        e.purposes = *left;
    for (unsigned k = 0; k < r->circle->n_purposes; k++) {
        struct fold_event one = e;
        fill_in(&one, r, k);
        if ((*left >> k & 1) && one.until_us == e.until_us &&
            one.notice == e.notice)
            e.purposes |= UINT64_C(1) << k;
    }
    *left &= ~e.purposes;
    return e;
}

/* Is it there already?  Then its number. */
static int64_t find_same(struct consent *c, uint32_t number,
                         const struct fold_event *e)
{
    int64_t seq = 0;
    if (shelf_find(&c->shelf, SHELF_EVENT_SAME, "iiiiin", (int64_t)number,
                   e->at_us, (int64_t)e->state, (int64_t)e->purposes,
                   (int64_t)e->notice))
        seq = shelf_int(&c->shelf, SHELF_EVENT_SAME, 0);
    shelf_end(&c->shelf, SHELF_EVENT_SAME);
    return seq;
}

static enum err_code record(struct consent *c, struct consent_job *job)
{
    struct record *r = (struct record *)(void *)job;
    uint8_t sealed[3 * CONSENT_TEXT_MAX + 64 + SEALED_OVERHEAD];
    size_t len = 0;
    const int64_t now_us = clock_wall_us(c->options.clock);
    const uint32_t number = find_person(c, r);
    if (number == PEOPLE_NONE)
        return err_set(job->err, ERR_LIMIT, "no memory for another person");
    if (!seal_texts(sealed, &len, c, r->e, number))
        return err_set(job->err, ERR_INTERNAL, "the event cannot be sealed");
    const int64_t at_us = r->e->at_us ? r->e->at_us : now_us;
    r->out->seq = 0;
    r->out->was_there = true;
    for (uint64_t left = r->purposes; left;) {
        const struct fold_event e = take_alike(r, &left, at_us);
        int64_t seq = find_same(c, number, &e);
        if (!seq) {
            seq = insert(c, number, &e, now_us, sealed, len);
            chain_add(c, seq, number, &e, sealed, len);
            r->out->was_there = false;
        }
        if (r->out->seq == 0) {
            r->out->seq = (uint64_t)seq;
            r->out->until_us = e.until_us;
            r->out->notice = e.notice;
        }
    }
    r->out->at_us = at_us;
    r->out->recorded_us = now_us;
    if (!state_refold(c, number))
        c->shelf.rc = c->shelf.rc == SQLITE_OK ? SQLITE_NOMEM : c->shelf.rc;
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
