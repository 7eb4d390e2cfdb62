/* How people stand, from the events in the file. */
#include <stdlib.h>
#include <string.h>

#include "server/consent/parts.h"

static void set_all(struct consent *c, const struct consent_circle *circle,
                    uint32_t id, struct fold *f, bool *ok)
{
    const uint32_t number = enroll_number(c, id);
    if (number == PEOPLE_NONE)
        return; /* what is left of somebody who was erased */
    fold_end(f, circle->never);
    if (c->staging && erase_has(c, number)) { /* who may come back by it */
        *ok &= people_stale(c->people, number);
        return;
    }
    erase_shape(f, c, circle, number);
    for (unsigned k = 0; k < circle->n_purposes; k++)
        *ok &= (c->staging ? people_stage : people_set)(
            c->people, number, k, f->yes >> k & 1, f->no >> k & 1);
}

struct fold_event state_event(struct shelf *s, enum shelf_sql sql, int first)
{
    const bool ends = !shelf_is_null(s, sql, first + 5);
    return (struct fold_event){
        .at_us = shelf_int(s, sql, first),
        .state = (enum consent_state)shelf_int(s, sql, first + 2),
        .purposes = (uint64_t)shelf_int(s, sql, first + 3),
        .notice = (uint32_t)shelf_int(s, sql, first + 4),
        .until_us = ends ? shelf_int(s, sql, first + 5) : FOLD_NEVER,
    };
}

bool state_is_open(const struct consent *c, int64_t import)
{
    for (size_t i = 0; i < c->n_open; i++)
        if (c->open[i] == import)
            return true;
    return false;
}

bool state_open(struct consent *c, int64_t import)
{
    if (state_is_open(c, import))
        return true;
    int64_t *more = realloc(c->open, (c->n_open + 1) * sizeof *more);
    if (!more)
        return false;
    c->open = more;
    c->open[c->n_open++] = import;
    return true;
}

void state_close(struct consent *c, int64_t import)
{
    for (size_t i = 0; i < c->n_open; i++)
        if (c->open[i] == import)
            c->open[i] = c->open[--c->n_open];
}

bool state_counts(struct consent *c, enum shelf_sql sql, int column)
{
    struct shelf *s = &c->shelf;
    if (shelf_is_null(s, sql, column))
        return true;
    const int64_t import = shelf_int(s, sql, column);
    return import == c->staging || !state_is_open(c, import);
}

bool state_refold(struct consent *c, uint32_t id)
{
    struct shelf *s = &c->shelf;
    struct fold f = { 0 };
    bool ok = true;
    const int64_t now_us = consent_now(c);
    if (!shelf_find(s, SHELF_SUBJECT, "i", (int64_t)id))
        return c->follows && s->rc == STORE_OK; /* she is gone since */
    const struct consent_circle *circle =
        circle_of_id(c, shelf_int(s, SHELF_SUBJECT, 0));
    shelf_end(s, SHELF_SUBJECT);
    for (bool more = shelf_find(s, SHELF_EVENTS_OF, "i", (int64_t)id); more;
         more = shelf_next(s, SHELF_EVENTS_OF)) {
        const struct fold_event e = state_event(s, SHELF_EVENTS_OF, 0);
        if (state_counts(c, SHELF_EVENTS_OF, 6))
            fold_add(&f, &e, now_us, circle->least_notice);
    }
    set_all(c, circle, id, &f, &ok);
    return ok;
}

bool state_refold_span(struct consent *c, int64_t from, int64_t to)
{
    struct shelf *s = &c->shelf;
    const int64_t now_us = consent_now(c);
    const struct consent_circle *circle = NULL;
    struct fold f = { 0 };
    int64_t subject = -1;
    bool ok = true;
    for (bool more = shelf_find(s, SHELF_EVENTS_BETWEEN, "ii", from, to); more;
         more = shelf_next(s, SHELF_EVENTS_BETWEEN)) {
        const int64_t of = shelf_int(s, SHELF_EVENTS_BETWEEN, 0);
        if (of != subject && circle)
            set_all(c, circle, (uint32_t)subject, &f, &ok);
        if (of != subject) {
            subject = of;
            f = (struct fold){ 0 };
            circle = circle_of_id(c, shelf_int(s, SHELF_EVENTS_BETWEEN, 8));
        }
        const struct fold_event e = state_event(s, SHELF_EVENTS_BETWEEN, 1);
        if (state_counts(c, SHELF_EVENTS_BETWEEN, 7))
            fold_add(&f, &e, now_us, circle->least_notice);
    }
    if (circle)
        set_all(c, circle, (uint32_t)subject, &f, &ok);
    return ok;
}

/* Whose circle the person of each id is in, while events are read. */
struct circles {
    struct consent_circle **of; /* owned */
    size_t n, cap;
};

static bool note_circle(struct circles *all, int64_t number,
                        struct consent_circle *circle)
{
    if ((size_t)number >= all->cap) {
        const size_t cap = 2 * (size_t)number + 1024;
        void *more = realloc(all->of, cap * sizeof *all->of);
        if (!more)
            return false;
        all->of = more;
        all->cap = cap;
    }
    while (all->n <= (size_t)number)
        all->of[all->n++] = NULL;
    all->of[number] = circle;
    return true;
}

/* Her number is her id, so that a start gives what the last one gave; where it
 * is read anew, people have numbers already. */
static bool put_person(struct consent *c, uint32_t id,
                       const struct pseudonym *who)
{
    uint32_t number = id;
    if (c->shelf.is_shared)
        number = people_add(c->people, who);
    else if (!people_put(c->people, id, who))
        return false;
    return number != PEOPLE_NONE && enroll_note(c, id, number);
}

static enum err_code load_people(struct circles *all, struct consent *c,
                                 bool puts, struct err *err)
{
    static const uint8_t gone[SEALED_KEY_LEN];
    struct shelf *s = &c->shelf;
    for (bool more = shelf_find(s, SHELF_SUBJECTS, "b", gone, sizeof gone);
         more; more = shelf_next(s, SHELF_SUBJECTS)) {
        struct pseudonym who;
        size_t len;
        const void *bytes = shelf_blob(s, SHELF_SUBJECTS, 2, &len);
        const int64_t id = shelf_int(s, SHELF_SUBJECTS, 0);
        struct consent_circle *circle =
            circle_of_id(c, shelf_int(s, SHELF_SUBJECTS, 1));
        if (len != sizeof who || id < 0 || id >= PEOPLE_MAX || !circle) {
            shelf_fail(s, STORE_FAILED, "a row is damaged");
            break;
        }
        if (shelf_int(s, SHELF_SUBJECTS, 3)) { /* erased */
            c->next_id = id >= c->next_id ? (uint32_t)id + 1 : c->next_id;
            continue;
        }
        memcpy(&who, bytes, sizeof who);
        if ((puts && !put_person(c, (uint32_t)id, &who)) ||
            !note_circle(all, id, circle)) {
            shelf_end(s, SHELF_SUBJECTS);
            return err_set(err, ERR_LIMIT,
                           "no memory for the people of the "
                           "register of consent");
        }
    }
    return ERR_OK;
}

static enum err_code load_events(const struct circles *all, struct consent *c,
                                 struct err *err)
{
    struct shelf *s = &c->shelf;
    const int64_t now_us = consent_now(c);
    const struct consent_circle *circle = NULL;
    struct fold f = { 0 };
    int64_t subject = -1;
    bool ok = true;
    for (bool more = shelf_find(s, SHELF_EVENTS_ALL, ""); more;
         more = shelf_next(s, SHELF_EVENTS_ALL)) {
        const int64_t of = shelf_int(s, SHELF_EVENTS_ALL, 0);
        if (of != subject && circle)
            set_all(c, circle, (uint32_t)subject, &f, &ok);
        if (of != subject) {
            subject = of;
            f = (struct fold){ 0 };
            circle = of >= 0 && (size_t)of < all->n ? all->of[of] : NULL;
        }
        const struct fold_event e = state_event(s, SHELF_EVENTS_ALL, 1);
        if (circle && state_counts(c, SHELF_EVENTS_ALL, 7))
            fold_add(&f, &e, now_us, circle->least_notice);
    }
    if (circle)
        set_all(c, circle, (uint32_t)subject, &f, &ok);
    return ok ? ERR_OK
              : err_set(err, ERR_LIMIT,
                        "no memory for the register of consent");
}

static bool load_open(struct consent *c)
{
    struct shelf *s = &c->shelf;
    bool ok = true;
    for (bool more = shelf_find(s, SHELF_IMPORTS_OPEN, ""); more && ok;
         more = shelf_next(s, SHELF_IMPORTS_OPEN))
        ok = state_open(c, shelf_int(s, SHELF_IMPORTS_OPEN, 0));
    return ok;
}

static enum err_code fold_all(struct consent *c, bool puts, struct err *err)
{
    struct circles all = { 0 };
    enum err_code code = load_people(&all, c, puts, err);
    if (code == ERR_OK && !erase_load(c))
        code = err_set(err, ERR_LIMIT, "no memory for who was erased");
    if (code == ERR_OK)
        code = load_events(&all, c, err);
    free(all.of);
    return code;
}

enum err_code state_refold_all(struct consent *c, struct err *err)
{
    return fold_all(c, false, err);
}

enum err_code state_load(struct consent *c, struct err *err)
{
    if (!load_open(c))
        return err_set(err, ERR_LIMIT, "out of memory");
    TRY(fold_all(c, true, err));
    people_show(c->people);
    if (c->shelf.rc == STORE_OK)
        return ERR_OK;
    return err_set(err, ERR_INTERNAL,
                   "the register of consent cannot be read: %s", c->shelf.why);
}
