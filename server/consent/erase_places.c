/* How far erasures are in a dataset: lists for its owner, and what is found. */
#include <stdlib.h>
#include <string.h>

#include "server/consent/erase.h"
#include "server/consent/parts.h"

struct placing {
    struct consent_job job;
    struct consent_circle *circle;
    const char *dataset;
    struct erasure_list *list;
    bool *was_there;
    const struct erasure_seen *seen;
    struct erasure_counts *counts;
};

static struct placing *placing_of(struct consent_job *job)
{
    return (struct placing *)(void *)job;
}

static enum err_code cover(struct consent *c, struct consent_job *job)
{
    const struct placing *m = placing_of(job);
    shelf_run(&c->shelf, SHELF_PLACES_COVER, "it", m->circle->id, m->dataset);
    return ERR_OK;
}

enum err_code consent_erasure_cover(struct consent *c,
                                    struct consent_circle *circle,
                                    const char *dataset, struct err *err)
{
    struct placing m = { .job = { .run = cover, .err = err },
                         .circle = circle,
                         .dataset = dataset };
    return consent_run(c, &m.job);
}

static enum err_code count(struct consent *c, struct consent_job *job)
{
    const struct placing *m = placing_of(job);
    struct shelf *s = &c->shelf;
    for (bool more = shelf_find(s, SHELF_PLACES_COUNT, "iti", consent_now(c),
                                m->dataset, m->circle->id);
         more; more = shelf_next(s, SHELF_PLACES_COUNT)) {
        const int64_t state = shelf_int(s, SHELF_PLACES_COUNT, 0);
        m->counts->in[state % ERASURE_STATES] =
            (uint64_t)shelf_int(s, SHELF_PLACES_COUNT, 1);
        m->counts->late += (uint64_t)shelf_int(s, SHELF_PLACES_COUNT, 2);
    }
    return ERR_OK;
}

enum err_code consent_erasure_counts(struct consent *c,
                                     struct consent_circle *circle,
                                     const char *dataset,
                                     struct erasure_counts *out,
                                     struct err *err)
{
    struct placing m = {
        .job = { .run = count, .kind = SHELF_READS, .err = err },
        .circle = circle,
        .dataset = dataset,
        .counts = out
    };
    *out = (struct erasure_counts){ .late = 0 };
    return consent_run(c, &m.job);
}

/* ---- lists ---- */

static enum err_code begin_list(struct consent *c, struct consent_job *job)
{
    const struct placing *m = placing_of(job);
    struct shelf *s = &c->shelf;
    m->list->made_us = consent_now(c);
    if (!shelf_find(s, SHELF_LIST_NEW, "iti", m->circle->id, m->dataset,
                    m->list->made_us))
        return ERR_UNAVAILABLE;
    m->list->number = (uint64_t)shelf_int(s, SHELF_LIST_NEW, 0);
    shelf_end(s, SHELF_LIST_NEW);
    return ERR_OK;
}

enum err_code consent_list_new(struct consent *c, struct consent_circle *circle,
                               const char *dataset, struct erasure_list *out,
                               struct err *err)
{
    struct placing m = { .job = { .run = begin_list, .err = err },
                         .circle = circle,
                         .dataset = dataset,
                         .list = out };
    return consent_run(c, &m.job);
}

static enum err_code hand(struct consent *c, struct consent_job *job)
{
    const struct placing *m = placing_of(job);
    shelf_run(&c->shelf, SHELF_LIST_HANDED, "itiii", (int64_t)m->list->number,
              m->dataset, consent_now(c), m->circle->id, m->list->made_us);
    return ERR_OK;
}

enum err_code consent_list_handed(struct consent *c,
                                  struct consent_circle *circle,
                                  const char *dataset,
                                  const struct erasure_list *list,
                                  struct err *err)
{
    struct erasure_list own = *list;
    struct placing m = { .job = { .run = hand, .err = err },
                         .circle = circle,
                         .dataset = dataset,
                         .list = &own };
    return consent_run(c, &m.job);
}

static enum err_code confirm(struct consent *c, struct consent_job *job)
{
    const struct placing *m = placing_of(job);
    struct shelf *s = &c->shelf;
    const int64_t now_us = consent_now(c), number = (int64_t)m->list->number;
    if (!shelf_find(s, SHELF_LIST, "iit", number, m->circle->id, m->dataset)) {
        (void)err_set(job->err, ERR_NOT_FOUND,
                      "the register knows no list %llu of this dataset",
                      (unsigned long long)m->list->number);
        return err_hint(job->err, "was an older copy of the register put back? "
                                  "make a new list");
    }
    *m->was_there = !shelf_is_null(s, SHELF_LIST, 0);
    shelf_end(s, SHELF_LIST);
    if (*m->was_there)
        return ERR_OK;
    shelf_run(s, SHELF_LIST_CONFIRM, "ii", now_us, number);
    shelf_run(s, SHELF_LIST_DONE, "itii", now_us, m->dataset, number,
              m->circle->id);
    return ERR_OK;
}

enum err_code consent_list_confirm(struct consent *c,
                                   struct consent_circle *circle,
                                   const char *dataset, uint64_t list,
                                   bool *was_there, struct err *err)
{
    struct erasure_list own = { .number = list };
    struct placing m = { .job = { .run = confirm, .err = err },
                         .circle = circle,
                         .dataset = dataset,
                         .list = &own,
                         .was_there = was_there };
    return consent_run(c, &m.job);
}

/* ---- what the data say ---- */

struct looking {
    struct consent_job job;
    int64_t at_us;
};

static enum err_code look(struct consent *c, struct consent_job *job)
{
    ((struct looking *)(void *)job)->at_us = consent_now(c);
    return ERR_OK;
}

/* Written in its turn: what came before was shown when this is done. */
enum err_code consent_erasure_look(struct consent *c, int64_t *looked_us,
                                   struct err *err)
{
    struct looking l = { .job = { .run = look, .err = err } };
    TRY(consent_run(c, &l.job));
    *looked_us = l.at_us;
    return ERR_OK;
}

/* She is in the data: what was done is to be done again. */
static void find(struct consent *c, const struct placing *m,
                 const char *subject, int64_t now_us)
{
    struct shelf *s = &c->shelf;
    const uint32_t number =
        consent_number(c, m->circle, subject, strlen(subject), false);
    if (number == PEOPLE_NONE)
        return;
    const struct pseudonym who = people_who(c->people, number);
    if (!shelf_find(s, SHELF_ERASURE, "ib", m->circle->id, who.bytes,
                    sizeof who.bytes))
        return;
    const int64_t id = shelf_int(s, SHELF_ERASURE, 0);
    shelf_end(s, SHELF_ERASURE);
    shelf_run(s, SHELF_PLACE_FOUND, "iit", now_us, id, m->seen->dataset);
}

/* Ids of people who decided something since they were erased, and whose rows
 * are gone now.  SIZE_MAX: no memory. */
static size_t list_returning(uint32_t **out, struct consent *c,
                             const struct placing *m)
{
    struct shelf *s = &c->shelf;
    size_t n = 0, cap = 0;
    for (bool more =
             shelf_find(s, SHELF_PLACES_TO_VERIFY, "tii", m->seen->dataset,
                        m->circle->id, m->seen->looked_us);
         more; more = shelf_next(s, SHELF_PLACES_TO_VERIFY)) {
        struct pseudonym who;
        size_t len;
        const void *bytes = shelf_blob(s, SHELF_PLACES_TO_VERIFY, 1, &len);
        memcpy(&who, bytes, len < sizeof who ? len : sizeof who);
        const uint32_t number = people_find(c->people, &who);
        const uint32_t id =
            number == PEOPLE_NONE ? PEOPLE_NONE : enroll_id(c, number);
        if (id == PEOPLE_NONE)
            continue;
        if (n == cap) {
            cap = 2 * cap + 16;
            uint32_t *grown = realloc(*out, cap * sizeof *grown);
            if (!grown) {
                shelf_end(s, SHELF_PLACES_TO_VERIFY);
                return SIZE_MAX;
            }
            *out = grown;
        }
        (*out)[n++] = id;
    }
    return n;
}

static enum err_code see(struct consent *c, struct consent_job *job)
{
    const struct placing *m = placing_of(job);
    const struct erasure_seen *seen = m->seen;
    struct shelf *s = &c->shelf;
    const int64_t now_us = consent_now(c);
    uint32_t *returning = NULL;
    if (seen->deleted_us)
        shelf_run(s, SHELF_PLACES_DONE, "itii", seen->looked_us, seen->dataset,
                  m->circle->id, seen->deleted_us);
    for (size_t i = 0; i < seen->n_subjects; i++)
        find(c, m, seen->subjects[i], now_us);
    const size_t n = list_returning(&returning, c, m);
    bool ok = n != SIZE_MAX;
    shelf_run(s, SHELF_PLACES_VERIFIED, "itii", now_us, seen->dataset,
              m->circle->id, seen->looked_us);
    for (size_t i = 0; ok && i < n; i++)
        ok = state_refold(c, returning[i]);
    free(returning);
    if (!ok)
        shelf_full(s);
    return ERR_OK;
}

enum err_code consent_erasure_seen(struct consent *c,
                                   struct consent_circle *circle,
                                   const struct erasure_seen *seen,
                                   struct err *err)
{
    struct placing m = { .job = { .run = see, .err = err },
                         .circle = circle,
                         .dataset = seen->dataset,
                         .seen = seen };
    return consent_run(c, &m.job);
}
