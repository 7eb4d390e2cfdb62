#include "server/consent/contact.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "server/consent/parts.h"

#define US_PER_S INT64_C(1000000)
#define DAY_US   (86400 * US_PER_S)

/* ---- choices ---- */

struct choose {
    struct consent_job job;
    struct consent_circle *circle;
    const struct contact_choice *choice;
    struct consent_recorded *out;
    struct pseudonym names[PSEUDONYM_KEYS_MAX];
};

/* The next number of the register, which events draw from, too. */
static int64_t next_record(struct shelf *s)
{
    int64_t seq = 1;
    if (shelf_find(s, SHELF_RECORD_NEXT, "")) {
        seq = shelf_int(s, SHELF_RECORD_NEXT, 0);
        shelf_end(s, SHELF_RECORD_NEXT);
    } else {
        shelf_run(s, SHELF_RECORD_FIRST, "");
    }
    return seq;
}

/* The chain commits to what was chosen, too. */
static void chain_choice(struct consent *c, int64_t seq, uint32_t id,
                         const struct contact_choice *choice, int64_t at_us,
                         const uint8_t *sealed, size_t len)
{
    uint8_t bytes[128 + RECORD_SEALED_MAX];
    struct writer w = writer_of(bytes, sizeof bytes);
    writer_printf(&w, "contact %s", choice->channel);
    writer_u8(&w, 0);
    writer_be64(&w,
                (uint64_t)choice->at_most.n << 32 | choice->at_most.period_s);
    writer_bytes(&w, sealed, len);
    chain_add(c, seq, id, &(struct fold_event){ .at_us = at_us }, bytes, w.len);
}

/* Its number, when it is there already and counts, or is of this import. */
static int64_t same_choice(struct consent *c, uint32_t id,
                           const struct choice_row *row, int64_t *recorded_us)
{
    struct shelf *s = &c->shelf;
    for (bool more =
             shelf_find(s, SHELF_CHOICE_SAME, "itiii", (int64_t)id,
                        row->channel, row->at_us, (int64_t)row->at_most.n,
                        (int64_t)row->at_most.period_s);
         more; more = shelf_next(s, SHELF_CHOICE_SAME)) {
        if (!state_counts(c, SHELF_CHOICE_SAME, 2) &&
            shelf_int(s, SHELF_CHOICE_SAME, 2) != row->import)
            continue; /* of a file that may never count */
        const int64_t seq = shelf_int(s, SHELF_CHOICE_SAME, 0);
        *recorded_us = shelf_int(s, SHELF_CHOICE_SAME, 1);
        shelf_end(s, SHELF_CHOICE_SAME);
        return seq;
    }
    return 0;
}

static int64_t insert_choice(struct consent *c, uint32_t id,
                             const struct choice_row *row, int64_t now_us,
                             const uint8_t *sealed, size_t len)
{
    const int64_t seq = next_record(&c->shelf);
    shelf_run(&c->shelf, SHELF_CHOICE_NEW, "iitiiiizb", seq, (int64_t)id,
              row->channel, row->at_us, (int64_t)row->at_most.n,
              (int64_t)row->at_most.period_s, now_us, row->import, sealed, len);
    return seq;
}

void contact_import(struct consent *c, uint32_t id,
                    const struct choice_row *row, int64_t now_us)
{
    int64_t ignored;
    if (c->shelf.is_shared)
        shelf_run(&c->shelf, SHELF_CHOICE_IMPORTED, "itiiiii", (int64_t)id,
                  row->channel, row->at_us, (int64_t)row->at_most.n,
                  (int64_t)row->at_most.period_s, now_us, row->import);
    else if (!same_choice(c, id, row, &ignored))
        (void)insert_choice(c, id, row, now_us, NULL, 0);
}

static enum err_code choose(struct consent *c, struct consent_job *job)
{
    struct choose *m = (struct choose *)(void *)job;
    const struct contact_choice *choice = m->choice;
    uint8_t sealed[RECORD_SEALED_MAX];
    size_t len = 0;
    bool is_new;
    const int64_t now_us = consent_now(c);
    const int64_t at_us = choice->at_us ? choice->at_us : now_us;
    const struct choice_row row = { .channel = choice->channel,
                                    .at_most = choice->at_most,
                                    .at_us = at_us };
    const struct record_texts texts = { choice->source, choice->proof,
                                        choice->by };
    TRY(record_bars(c, m->circle, m->names, at_us, job->err));
    const uint32_t id =
        record_person(c, m->circle, m->names, &m->out->who, &is_new);
    if (id == PEOPLE_NONE)
        return err_set(job->err, ERR_LIMIT, "no memory for another person");
    if (!record_seal(sealed, &len, c, &texts, id))
        return err_set(job->err, ERR_INTERNAL, "the choice cannot be sealed");
    m->out->at_us = at_us;
    m->out->recorded_us = now_us;
    const int64_t there = same_choice(c, id, &row, &m->out->recorded_us);
    m->out->was_there = there != 0;
    m->out->seq = (uint64_t)there;
    if (m->out->was_there)
        return ERR_OK;
    const int64_t seq = insert_choice(c, id, &row, now_us, sealed, len);
    chain_choice(c, seq, id, choice, at_us, sealed, len);
    m->out->seq = (uint64_t)seq;
    return ERR_OK;
}

enum err_code contact_choose(struct consent *c, struct consent_circle *circle,
                             const struct contact_choice *choice,
                             struct consent_recorded *out, struct err *err)
{
    struct choose m = { .job = { .run = choose, .err = err },
                        .circle = circle,
                        .choice = choice,
                        .out = out };
    const struct fold_event times = { .at_us = choice->at_us };
    const struct record_texts texts = { choice->source, choice->proof,
                                        choice->by };
    *out = (struct consent_recorded){ .until_us = FOLD_NEVER };
    if (!often_is_valid(choice->at_most))
        return err_set(err, ERR_INVALID, "at_most is no limit");
    TRY(record_check_texts(&texts, err));
    TRY(record_times(&times, clock_wall_us(c->options.clock), err));
    TRY(circle_name(m.names, c, circle, choice->subject, choice->subject_len,
                    err));
    return consent_run(c, &m.job);
}

/* ---- questions ---- */

struct may {
    struct consent_job job;
    struct consent_circle *circle;
    const struct contact_question *q;
    struct pseudonym names[PSEUDONYM_KEYS_MAX];
    struct pseudonym asks[PSEUDONYM_KEYS_MAX];
    size_t n_asks; /* 0: no key */
    int64_t now_us;
    bool may;
};

/* Known by the sender and its key, which may well name the person, under the
 * register's keys; to which person and channel, the row says. */
static void hash_key(struct may *m, const struct consent *c)
{
    const struct contact_question *q = m->q;
    uint8_t both[2 * SHA256_DIGEST_LENGTH];
    if (!q->key[0])
        return;
    (void)SHA256((const uint8_t *)q->sender, strlen(q->sender), both);
    (void)SHA256((const uint8_t *)q->key, strlen(q->key),
                 both + SHA256_DIGEST_LENGTH);
    for (; m->n_asks < c->options.keys.n; m->n_asks++)
        m->asks[m->n_asks] =
            pseudonym_of(&m->circle->makers[m->n_asks], both, sizeof both);
}

static int64_t number_of(struct shelf *s, enum shelf_sql sql, bool found)
{
    const int64_t n = found ? shelf_int(s, sql, 0) : 0;
    if (found)
        shelf_end(s, sql);
    return n;
}

/* Asked once more, by the sender, today: ERR_LIMIT when that is too often. */
static enum err_code count_ask(struct consent *c, struct may *m)
{
    struct shelf *s = &c->shelf;
    const struct contact_question *q = m->q;
    const int64_t day = m->now_us / DAY_US, circle = m->circle->id;
    const int64_t n =
        number_of(s, SHELF_ASKS_DAY,
                  shelf_find(s, SHELF_ASKS_DAY, "iti", circle, q->sender, day));
    if (n >= q->asks_per_day) {
        (void)err_set(m->job.err, ERR_LIMIT,
                      "You have asked %u times today whether you may contact "
                      "somebody, which is the limit.",
                      q->asks_per_day);
        return err_hint(m->job.err, "Go on after 00:00 UTC, or ask a steward "
                                    "for another 'asks_per_day'.");
    }
    shelf_run(s, SHELF_ASK, "ititt", circle, q->sender, day, q->purpose->id,
              q->channel->id);
    return ERR_OK;
}

/* By what the person decided about the purpose. */
static bool purpose_allows(struct consent *c, const struct may *m,
                           uint32_t number)
{
    const bool asks = m->q->purpose->basis == BASIS_CONSENT;
    const struct people_view *v = consent_pin(c, m->circle, m->q->purpose->id,
                                              asks ? PEOPLE_YES : PEOPLE_NO);
    const bool is_there = people_has(v, number);
    people_unpin(v);
    return is_there == asks;
}

/* One more contact is within `most`. */
static bool fits(struct shelf *s, const struct may *m, int64_t id,
                 struct often most)
{
    const int64_t since_us = m->now_us - (int64_t)most.period_s * US_PER_S;
    const int64_t n = number_of(s, SHELF_CONTACTS_SINCE,
                                shelf_find(s, SHELF_CONTACTS_SINCE, "iti", id,
                                           m->q->channel->id, since_us));
    return often_is_any(most) || n < most.n;
}

/* The person's own limit on the channel; never, without a choice. */
static struct often chosen(struct consent *c, const struct may *m, int64_t id)
{
    struct shelf *s = &c->shelf;
    for (bool more =
             shelf_find(s, SHELF_CHOICES_NEWEST, "it", id, m->q->channel->id);
         more; more = shelf_next(s, SHELF_CHOICES_NEWEST)) {
        if (!state_counts(c, SHELF_CHOICES_NEWEST, 2))
            continue;
        const struct often out = {
            (uint32_t)shelf_int(s, SHELF_CHOICES_NEWEST, 0),
            (uint32_t)shelf_int(s, SHELF_CHOICES_NEWEST, 1)
        };
        shelf_end(s, SHELF_CHOICES_NEWEST);
        return out;
    }
    return (struct often){ 0, 0 };
}

/* Allowed a while before, under this key. */
static bool is_retry(struct shelf *s, const struct may *m, int64_t id)
{
    int64_t n = 0;
    for (size_t i = 0; i < m->n_asks; i++) {
        const bool found = shelf_find(s, SHELF_CONTACT_SAME, "ittbi", id,
                                      m->q->channel->id, m->q->purpose->id,
                                      m->asks[i].bytes, sizeof m->asks[i].bytes,
                                      m->now_us - CONTACT_RETRY_S * US_PER_S);
        n += number_of(s, SHELF_CONTACT_SAME, found);
    }
    return n > 0;
}

/*
 * Whoever it is about, known or not, the same statements run: of somebody
 * unknown they find nothing.
 */
static enum err_code may(struct consent *c, struct consent_job *job)
{
    struct may *m = (struct may *)(void *)job;
    struct shelf *s = &c->shelf;
    const struct contact_question *q = m->q;
    struct pseudonym who;
    m->now_us = consent_now(c);
    TRY(count_ask(c, m));
    const uint32_t number = record_find(c, m->names, &who);
    const uint32_t known = enroll_id(c, number);
    const int64_t id = known == PEOPLE_NONE ? -1 : (int64_t)known;
    const struct often own = chosen(c, m, id);
    const bool again = is_retry(s, m, id);
    const bool within =
        fits(s, m, id, own) & fits(s, m, id, q->channel->at_most);
    m->may = purpose_allows(c, m, number) && id >= 0 && own.n > 0 &&
             (again || within);
    if (m->may && !again)
        shelf_run(s, SHELF_CONTACT_NEW, "ittitb", id, q->channel->id,
                  q->purpose->id, m->now_us, q->sender, m->asks[0].bytes,
                  m->n_asks ? sizeof m->asks[0].bytes : (size_t)0);
    shelf_run(s, SHELF_CONTACT_PRUNE, "i",
              m->now_us - CONTACT_KEPT_S * US_PER_S);
    return ERR_OK;
}

enum err_code contact_may(bool *out, struct consent *c,
                          struct consent_circle *circle,
                          const struct contact_question *q, struct err *err)
{
    struct may m = { .job = { .run = may, .err = err },
                     .circle = circle,
                     .q = q };
    TRY(circle_name(m.names, c, circle, q->subject, q->subject_len, err));
    hash_key(&m, c);
    TRY(consent_run(c, &m.job));
    *out = m.may;
    return ERR_OK;
}

/* ---- what the audit log tells ---- */

struct telling {
    struct consent_job job;
    struct contact_asked *out;
    const struct contact_asked *rows;
    size_t cap, n;
};

static enum err_code list_untold(struct consent *c, struct consent_job *job)
{
    struct telling *t = (struct telling *)(void *)job;
    struct shelf *s = &c->shelf;
    bool more = shelf_find(s, SHELF_ASKS_UNTOLD, "");
    for (; more && t->n < t->cap; more = shelf_next(s, SHELF_ASKS_UNTOLD)) {
        struct contact_asked *row = &t->out[t->n++];
        row->circle = shelf_int(s, SHELF_ASKS_UNTOLD, 0);
        (void)snprintf(row->population, sizeof row->population, "%s",
                       circle_of_id(c, row->circle)->name);
        (void)snprintf(row->sender, sizeof row->sender, "%s",
                       shelf_text(s, SHELF_ASKS_UNTOLD, 1));
        row->day = shelf_int(s, SHELF_ASKS_UNTOLD, 2);
        (void)snprintf(row->purpose, sizeof row->purpose, "%s",
                       shelf_text(s, SHELF_ASKS_UNTOLD, 3));
        (void)snprintf(row->channel, sizeof row->channel, "%s",
                       shelf_text(s, SHELF_ASKS_UNTOLD, 4));
        row->n = (uint64_t)shelf_int(s, SHELF_ASKS_UNTOLD, 5);
    }
    if (more)
        shelf_end(s, SHELF_ASKS_UNTOLD);
    return ERR_OK;
}

size_t contact_untold(struct consent *c, struct contact_asked *out, size_t cap)
{
    struct err ignored;
    struct telling t = {
        .job = { .run = list_untold, .kind = SHELF_READS, .err = &ignored },
        .out = out,
        .cap = cap
    };
    return consent_run(c, &t.job) == ERR_OK ? t.n : 0;
}

static enum err_code note_told(struct consent *c, struct consent_job *job)
{
    const struct telling *t = (const struct telling *)(const void *)job;
    struct shelf *s = &c->shelf;
    const int64_t today = consent_now(c) / DAY_US;
    for (size_t i = 0; i < t->n; i++)
        shelf_run(s, SHELF_ASK_TOLD, "iititt", (int64_t)t->rows[i].n,
                  t->rows[i].circle, t->rows[i].sender, t->rows[i].day,
                  t->rows[i].purpose, t->rows[i].channel);
    shelf_run(s, SHELF_ASKS_PRUNE, "i", today - 1);
    return ERR_OK;
}

bool contact_told(struct consent *c, const struct contact_asked *rows, size_t n)
{
    struct err ignored;
    struct telling t = { .job = { .run = note_told, .err = &ignored },
                         .rows = rows,
                         .n = n };
    return consent_run(c, &t.job) == ERR_OK;
}

/* ---- erasure ---- */

void contact_erase(struct consent *c, uint32_t id)
{
    shelf_run(&c->shelf, SHELF_CHOICES_ERASE, "i", (int64_t)id);
    shelf_run(&c->shelf, SHELF_CONTACTS_ERASE, "i", (int64_t)id);
}
