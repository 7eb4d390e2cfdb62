/* What is erased at once, and who stays out. */
#include "server/consent/erase.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "server/consent/parts.h"
#include "server/consent/receipt.h"

const char *erasure_state_name(enum erasure_state s)
{
    static const char *const names[ERASURE_STATES] = {
        [0] = "",
        [ERASURE_SUPPRESSED] = "suppressed",
        [ERASURE_HANDED] = "handed over",
        [ERASURE_DONE] = "done",
        [ERASURE_VERIFIED] = "verified",
    };
    return names[s];
}

/* ---- who stays out ---- */

/* The person's erasure; columns of SHELF_ERASURE are there until shelf_end. */
static bool find_erasure(struct consent *c, const struct consent_circle *circle,
                         const struct pseudonym *who)
{
    return shelf_find(&c->shelf, SHELF_ERASURE, "ib", circle->id, who->bytes,
                      sizeof who->bytes);
}

bool erase_has(const struct consent *c, uint32_t number)
{
    return number != PEOPLE_NONE &&
           (people_is(c->people, number, PEOPLE_ERASED, PEOPLE_YES) ||
            people_is(c->people, number, PEOPLE_ERASED, PEOPLE_NO));
}

bool erase_bars(int64_t *erased_us, struct consent *c,
                const struct consent_circle *circle,
                const struct pseudonym *names, int64_t at_us)
{
    struct pseudonym who;
    if (!erase_has(c, record_find(c, names, &who)) ||
        !find_erasure(c, circle, &who))
        return false;
    *erased_us = shelf_int(&c->shelf, SHELF_ERASURE, 2);
    shelf_end(&c->shelf, SHELF_ERASURE);
    return at_us <= *erased_us;
}

/* She said yes since: she is back once every dataset was without her. */
static bool comes_back(struct consent *c, const struct consent_circle *circle,
                       uint32_t number)
{
    struct shelf *s = &c->shelf;
    const struct pseudonym who = people_who(c->people, number);
    if (!find_erasure(c, circle, &who))
        return false;
    const int64_t id = shelf_int(s, SHELF_ERASURE, 0);
    shelf_end(s, SHELF_ERASURE);
    if (shelf_find(s, SHELF_PLACE_OPEN, "i", id)) {
        shelf_end(s, SHELF_PLACE_OPEN);
        return false;
    }
    if (s->rc != STORE_OK ||
        !people_set(c->people, number, PEOPLE_ERASED, false, true))
        return false;
    shelf_run(s, SHELF_ERASURE_BACK, "ii", consent_now(c), id);
    follow_tell(c, CHANGE_ERASURE, id, 0);
    follow_tell(c, CHANGE_PERSON, (int64_t)enroll_id(c, number), 0);
    return true;
}

void erase_shape(struct fold *f, struct consent *c,
                 const struct consent_circle *circle, uint32_t number)
{
    if (!erase_has(c, number))
        return;
    const bool is_out =
        people_is(c->people, number, PEOPLE_ERASED, PEOPLE_YES) &&
        !(f->yes && !c->follows && comes_back(c, circle, number));
    f->yes = is_out ? 0 : f->yes;
    f->no = ~f->yes;
}

/* As one who says no to every purpose there is. */
static bool keep_out(struct consent *c, const struct consent_circle *circle,
                     uint32_t number)
{
    bool ok = people_set(c->people, number, PEOPLE_ERASED, true, false);
    for (unsigned k = 0; k < circle->n_purposes; k++)
        ok &= people_set(c->people, number, k, false, true);
    return ok;
}

bool erase_follow(struct consent *c, const struct consent_circle *circle,
                  const struct pseudonym *who, bool back)
{
    const uint32_t number = people_add(c->people, who);
    if (number == PEOPLE_NONE)
        return false;
    return back ? people_set(c->people, number, PEOPLE_ERASED, false, true)
                : keep_out(c, circle, number);
}

bool erase_load(struct consent *c)
{
    struct shelf *s = &c->shelf;
    bool ok = true;
    for (bool more = shelf_find(s, SHELF_ERASURES, ""); more;
         more = shelf_next(s, SHELF_ERASURES)) {
        struct pseudonym who;
        size_t len;
        const void *bytes = shelf_blob(s, SHELF_ERASURES, 1, &len);
        const struct consent_circle *circle =
            circle_of_id(c, shelf_int(s, SHELF_ERASURES, 0));
        if (len != sizeof who || !circle) {
            shelf_fail(s, STORE_FAILED, "a row is damaged");
            break;
        }
        memcpy(&who, bytes, sizeof who);
        const bool back = !shelf_is_null(s, SHELF_ERASURES, 2);
        ok &= erase_follow(c, circle, &who, false) &&
              (!back || erase_follow(c, circle, &who, true));
    }
    return ok;
}

const struct people_view *consent_pin_erased(struct consent *c)
{
    return people_pin(c->people, PEOPLE_ERASED, PEOPLE_YES);
}

/* ---- what is told of it ---- */

struct asking {
    struct consent_job job;
    struct consent_circle *circle;
    const struct erasure_request *r; /* NULL: it is asked about */
    int64_t asked_us;                /* of it */
    struct pseudonym names[PSEUDONYM_KEYS_MAX];
    struct erasure *out;
    struct arena *a;
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the erasure needs too much memory");
}

static struct erasure_place read_place(struct shelf *s, enum shelf_sql sql,
                                       int first)
{
    return (struct erasure_place){
        .state = (enum erasure_state)shelf_int(s, sql, first),
        .list = (uint64_t)shelf_int(s, sql, first + 1),
        .handed_us = shelf_int(s, sql, first + 2),
        .done_us = shelf_int(s, sql, first + 3),
        .verified_us = shelf_int(s, sql, first + 4),
        .found_us = shelf_int(s, sql, first + 5),
    };
}

static struct erasure read_erasure(struct shelf *s, enum shelf_sql sql)
{
    return (struct erasure){
        .number = (uint64_t)shelf_int(s, sql, 0),
        .asked_us = shelf_int(s, sql, 1),
        .recorded_us = shelf_int(s, sql, 2),
        .deadline_us = shelf_int(s, sql, 3),
        .back_us = shelf_int(s, sql, 4),
    };
}

enum { PLACES_MAX = 256 };

/* The erasure whose columns are there, and its places. */
static enum err_code tell(struct consent *c, struct asking *m)
{
    struct shelf *s = &c->shelf;
    struct erasure *e = m->out;
    *e = read_erasure(s, SHELF_ERASURE);
    shelf_end(s, SHELF_ERASURE);
    e->places = ARENA_NEW_N(m->a, PLACES_MAX, struct erasure_place);
    if (!e->places)
        return full(m->job.err);
    for (bool more = shelf_find(s, SHELF_PLACES, "i", (int64_t)e->number); more;
         more = e->n_places < PLACES_MAX && shelf_next(s, SHELF_PLACES)) {
        struct erasure_place *p = &e->places[e->n_places++];
        *p = read_place(s, SHELF_PLACES, 1);
        p->dataset = arena_strdup(m->a, shelf_text(s, SHELF_PLACES, 0));
        if (!p->dataset) {
            shelf_end(s, SHELF_PLACES);
            return full(m->job.err);
        }
    }
    shelf_end(s, SHELF_PLACES);
    return ERR_OK;
}

static enum err_code look(struct consent *c, struct consent_job *job)
{
    struct asking *m = (struct asking *)(void *)job;
    struct pseudonym who;
    if (erase_has(c, record_find(c, m->names, &who)) &&
        find_erasure(c, m->circle, &who))
        return tell(c, m);
    (void)err_set(job->err, ERR_NOT_FOUND,
                  "nobody asked for this person's erasure");
    return err_hint(job->err, "'halftone consent erase SUBJECT' does");
}

enum err_code consent_erasure(struct consent *c, struct consent_circle *circle,
                              const char *subject, struct erasure *out,
                              struct arena *a, struct err *err)
{
    struct asking m = { .job = { .run = look, .kind = SHELF_READS, .err = err },
                        .circle = circle,
                        .out = out,
                        .a = a };
    *out = (struct erasure){ .number = 0 };
    TRY(circle_name(m.names, c, circle, subject, strlen(subject), err));
    return consent_run(c, &m.job);
}

enum err_code consent_erasure_of(struct consent *c,
                                 struct consent_circle *circle,
                                 const char *subject, const char *receipt,
                                 size_t len, struct erasure *out,
                                 struct arena *a, struct err *err)
{
    struct pseudonym names[PSEUDONYM_KEYS_MAX];
    TRY(circle_name(names, c, circle, subject, strlen(subject), err));
    if (!receipt_is_of(receipt, len, names, c->options.keys.n))
        return err_set(err, ERR_NOT_FOUND, "the receipt is somebody else's");
    return consent_erasure(c, circle, subject, out, a, err);
}

/* ---- asking for it ---- */

/* The same request, or nothing was kept of her since. */
static bool is_there(struct consent *c, const struct asking *m, uint32_t number,
                     const struct pseudonym *who)
{
    if (!erase_has(c, number) || !find_erasure(c, m->circle, who))
        return false;
    const int64_t asked_us = shelf_int(&c->shelf, SHELF_ERASURE, 1);
    shelf_end(&c->shelf, SHELF_ERASURE);
    return m->asked_us <= asked_us || enroll_id(c, number) == PEOPLE_NONE;
}

/* What was kept of her: its key is destroyed and its name is nobody's. */
static bool part(struct consent *c, uint32_t number)
{
    static const uint8_t gone[SEALED_KEY_LEN];
    struct pseudonym nobody;
    const uint32_t id = enroll_id(c, number);
    if (id == PEOPLE_NONE)
        return true;
    if (RAND_bytes(nobody.bytes, sizeof nobody.bytes) != 1 ||
        !enroll_part(c, id))
        return false;
    shelf_run(&c->shelf, SHELF_SUBJECT_ERASE, "bbi", nobody.bytes,
              sizeof nobody.bytes, gone, sizeof gone, (int64_t)id);
    contact_erase(c, id);
    follow_tell(c, CHANGE_PARTED, (int64_t)id, 0);
    c->sweeps = true;
    return true;
}

/* Its number; 0: the file failed. */
static int64_t put_row(struct consent *c, const struct consent_circle *circle,
                       const struct erase_line *l)
{
    struct shelf *s = &c->shelf;
    const struct fold_event link = { .at_us = l->recorded_us,
                                     .until_us = FOLD_NEVER };
    if (!shelf_find(s, SHELF_ERASURE_PUT, "ibiii", circle->id, l->who.bytes,
                    sizeof l->who.bytes, l->asked_us, l->recorded_us,
                    l->deadline_us))
        return 0;
    const int64_t id = shelf_int(s, SHELF_ERASURE_PUT, 0);
    shelf_end(s, SHELF_ERASURE_PUT);
    shelf_run(s, SHELF_PLACES_RESET, "i", id);
    follow_tell(c, CHANGE_ERASURE, id, 0);
    /* One link of the chain, which names neither her nor what was kept. */
    chain_add(c, id, PEOPLE_NONE, &link, l->who.bytes, sizeof l->who.bytes);
    return id;
}

static bool put_erasure(struct consent *c, const struct asking *m,
                        const struct pseudonym *who)
{
    struct shelf *s = &c->shelf;
    const struct erasure_request *r = m->r;
    const int64_t now_us = consent_now(c);
    const struct erase_line l = { .who = *who,
                                  .asked_us = m->asked_us,
                                  .recorded_us = now_us,
                                  .deadline_us =
                                      now_us + (int64_t)r->deadline_s * 1000000,
                                  .population = m->circle->name,
                                  .population_len = strlen(m->circle->name) };
    if (!erase_log_add(c, &l))
        return false;
    const int64_t id = put_row(c, m->circle, &l);
    for (size_t i = 0; id && i < r->n_datasets; i++)
        shelf_run(s, SHELF_PLACE_PUT, "it", id, r->datasets[i]);
    return true;
}

/* False: no memory. */
static bool take_out(struct consent *c, const struct consent_circle *circle,
                     uint32_t number)
{
    return number != PEOPLE_NONE && part(c, number) &&
           keep_out(c, circle, number);
}

bool erase_again(struct consent *c, const struct erase_line *line)
{
    struct shelf *s = &c->shelf;
    char *name = strndup(line->population, line->population_len);
    const struct consent_circle *circle = name ? circle_named(c, name) : NULL;
    free(name);
    if (!circle)
        return false;
    if (find_erasure(c, circle, &line->who)) {
        const int64_t recorded_us = shelf_int(s, SHELF_ERASURE, 2);
        shelf_end(s, SHELF_ERASURE);
        if (recorded_us >= line->recorded_us)
            return true;
    }
    return take_out(c, circle, people_add(c->people, &line->who)) &&
           put_row(c, circle, line) != 0;
}

static enum err_code erase(struct consent *c, struct consent_job *job)
{
    struct asking *m = (struct asking *)(void *)job;
    struct pseudonym who;
    m->asked_us = m->r->asked_us ? m->r->asked_us : consent_now(c);
    uint32_t number = record_find(c, m->names, &who);
    const bool was_there = is_there(c, m, number, &who);
    if (!was_there) {
        number = number == PEOPLE_NONE ? people_add(c->people, &who) : number;
        const bool ok = take_out(c, m->circle, number);
        if (!ok || !put_erasure(c, m, &who)) {
            shelf_fail(&c->shelf, STORE_REFUSED, "it cannot be written down");
            return ERR_LIMIT;
        }
    }
    if (!find_erasure(c, m->circle, &who))
        return ERR_UNAVAILABLE; /* the file failed, which the writer tells */
    const enum err_code code = tell(c, m);
    m->out->was_there = was_there;
    return code;
}

enum err_code consent_erase(struct consent *c, struct consent_circle *circle,
                            const struct erasure_request *r,
                            struct erasure *out, struct arena *a,
                            struct err *err)
{
    struct asking m = { .job = { .run = erase, .err = err },
                        .circle = circle,
                        .r = r,
                        .out = out,
                        .a = a };
    const int64_t now_us = clock_wall_us(c->options.clock);
    const struct fold_event when = { .at_us = r->asked_us,
                                     .state = CONSENT_WITHDRAWN };
    *out = (struct erasure){ .number = 0 };
    TRY(record_times(&when, now_us, err));
    TRY(circle_name(m.names, c, circle, r->subject, strlen(r->subject), err));
    return consent_run(c, &m.job);
}

/* ---- those of a dataset ---- */

struct listing {
    struct consent_job job;
    struct consent_circle *circle;
    const char *dataset;
    uint64_t after;
    struct erasure *out;
    struct erasure_place *places;
    size_t n, cap;
};

static enum err_code list(struct consent *c, struct consent_job *job)
{
    struct listing *m = (struct listing *)(void *)job;
    struct shelf *s = &c->shelf;
    for (bool more =
             shelf_find(s, SHELF_ERASURES_AFTER, "tiii", m->dataset,
                        m->circle->id, (int64_t)m->after, (int64_t)m->cap);
         more; more = m->n < m->cap && shelf_next(s, SHELF_ERASURES_AFTER)) {
        m->places[m->n] = read_place(s, SHELF_ERASURES_AFTER, 5);
        m->places[m->n].dataset = m->dataset;
        m->out[m->n] = read_erasure(s, SHELF_ERASURES_AFTER);
        m->out[m->n].places = &m->places[m->n];
        m->out[m->n++].n_places = 1;
    }
    shelf_end(s, SHELF_ERASURES_AFTER);
    return ERR_OK;
}

enum err_code consent_erasures(struct consent *c, struct consent_circle *circle,
                               const char *dataset, uint64_t after,
                               struct erasure **out, size_t *n, struct arena *a,
                               struct err *err)
{
    struct listing m = {
        .job = { .run = list, .kind = SHELF_READS, .err = err },
        .circle = circle,
        .dataset = dataset,
        .after = after,
        .out = ARENA_NEW_N(a, *n + 1, struct erasure),
        .places = ARENA_NEW_N(a, *n + 1, struct erasure_place),
        .cap = *n
    };
    if (!m.out || !m.places)
        return full(err);
    TRY(consent_run(c, &m.job));
    *out = m.out;
    *n = m.n;
    return ERR_OK;
}
