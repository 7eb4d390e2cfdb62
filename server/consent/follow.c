#include "server/consent/follow.h"

#include <string.h>

#include "server/consent/parts.h"

/* Changes are kept for a server that is away for a while. */
static const int64_t KEPT_US = INT64_C(3600) * 1000000;
static const int64_t PRUNE_US = INT64_C(600) * 1000000;

void follow_tell(struct consent *c, enum change what, int64_t a, int64_t b)
{
    if (c->shelf.is_shared)
        shelf_run(&c->shelf, SHELF_CHANGE_NEW, "iiii",
                  c->shelf.stamp.serial + 1, (int64_t)what, a, b);
}

static bool is_seen(const struct consent *c)
{
    const struct shelf_stamp *now = &c->shelf.stamp;
    return now->serial == c->seen.serial &&
           memcmp(now->token, c->seen.token, sizeof now->token) == 0;
}

bool follow_has_news(struct consent *c)
{
    if (!c->shelf.is_shared)
        return false;
    shelf_look(&c->shelf);
    return c->shelf.rc != STORE_OK || !is_seen(c);
}

void follow_committed(struct consent *c)
{
    c->seen = c->shelf.stamp;
}

void follow_prune(struct consent *c)
{
    struct shelf *s = &c->shelf;
    if (!s->is_shared || s->now_us - c->pruned_us < PRUNE_US)
        return;
    c->pruned_us = s->now_us;
    shelf_run(s, SHELF_SERIALS_OLD, "i", s->now_us - KEPT_US);
    shelf_run(s, SHELF_CHANGES_OLD, "");
}

/* ---- one change ---- */

static bool read_who(struct pseudonym *out, struct shelf *s, enum shelf_sql sql,
                     int column)
{
    size_t len;
    const void *bytes = shelf_blob(s, sql, column, &len);
    if (len != sizeof *out) {
        shelf_fail(s, STORE_FAILED, "a row is damaged");
        return false;
    }
    memcpy(out, bytes, sizeof *out);
    return true;
}

static bool add_subjects(struct consent *c, int64_t from, int64_t to)
{
    static const uint8_t gone[SEALED_KEY_LEN];
    struct shelf *s = &c->shelf;
    bool ok = true;
    for (bool more = shelf_find(s, SHELF_SUBJECTS_BETWEEN, "iib", from, to,
                                gone, sizeof gone);
         more; more = shelf_next(s, SHELF_SUBJECTS_BETWEEN)) {
        struct pseudonym who;
        const int64_t id = shelf_int(s, SHELF_SUBJECTS_BETWEEN, 0);
        if (!read_who(&who, s, SHELF_SUBJECTS_BETWEEN, 1))
            break;
        const uint32_t number = people_add(c->people, &who);
        ok = ok && number != PEOPLE_NONE && id >= 0 && id < PEOPLE_MAX &&
             enroll_note(c, (uint32_t)id, number);
    }
    /* An id that was given is nobody else's, whatever is left of her. */
    if (to >= c->next_id && to < PEOPLE_MAX)
        c->next_id = (uint32_t)to + 1;
    return ok;
}

/* She may be gone since: then a later change says so. */
static bool follow_person(struct consent *c, uint32_t id)
{
    return enroll_number(c, id) == PEOPLE_NONE || state_refold(c, id);
}

static bool follow_erasure(struct consent *c, int64_t id)
{
    struct shelf *s = &c->shelf;
    struct erase_line l;
    if (!shelf_find(s, SHELF_ERASURE_OF, "i", id))
        return s->rc == STORE_OK;
    const bool is_whole = read_who(&l.who, s, SHELF_ERASURE_OF, 1);
    const struct consent_circle *circle =
        circle_of_id(c, shelf_int(s, SHELF_ERASURE_OF, 0));
    l.asked_us = shelf_int(s, SHELF_ERASURE_OF, 2);
    l.recorded_us = shelf_int(s, SHELF_ERASURE_OF, 3);
    l.deadline_us = shelf_int(s, SHELF_ERASURE_OF, 4);
    const bool back = !shelf_is_null(s, SHELF_ERASURE_OF, 5);
    l.population = shelf_text(s, SHELF_ERASURE_OF, 6);
    l.population_len = strlen(l.population);
    const bool is_noted = is_whole && (back || erase_log_add(c, &l));
    shelf_end(s, SHELF_ERASURE_OF);
    return is_noted && circle && erase_follow(c, circle, &l.who, back);
}

static bool follow_import(struct consent *c, int64_t import)
{
    struct shelf *s = &c->shelf;
    enum { OPEN = 0, DONE = 1, GONE = 3 };
    int64_t state = GONE;
    if (shelf_find(s, SHELF_IMPORT_STATE, "i", import)) {
        state = shelf_int(s, SHELF_IMPORT_STATE, 0);
        shelf_end(s, SHELF_IMPORT_STATE);
    }
    const bool was_open = state_is_open(c, import);
    if (state != DONE && state != GONE)
        return was_open || state_open(c, import);
    state_close(c, import);
    return state == GONE || import_see_all(c, import);
}

/* Who is marked or erased says no to a purpose that is new, too. */
static bool follow_circles(struct consent *c)
{
    struct err ignored;
    bool is_new;
    return circle_load_all(c, &is_new, &ignored) == ERR_OK &&
           (!is_new || state_refold_all(c, &ignored) == ERR_OK);
}

static bool follow_one(struct consent *c, enum change what, int64_t a,
                       int64_t b)
{
    switch (what) {
    case CHANGE_SUBJECTS:
        return add_subjects(c, a, b);
    case CHANGE_PERSON:
        return follow_person(c, (uint32_t)a);
    case CHANGE_PARTED:
        enroll_drop(c, (uint32_t)a);
        return true;
    case CHANGE_ORPHAN:
        enroll_forget(c, (uint32_t)a);
        return true;
    case CHANGE_ERASURE:
        return follow_erasure(c, a);
    case CHANGE_IMPORT:
        return follow_import(c, a);
    case CHANGE_CIRCLES:
        return follow_circles(c);
    case CHANGE_KEYS:
        c->lacks_key = !keys_are_all(c);
        return true;
    }
    return true; /* of a newer server, which says what it needs in its schema */
}

/* ---- all of them ---- */

static bool read_changes(struct consent *c)
{
    struct shelf *s = &c->shelf;
    bool ok = true;
    for (bool more = shelf_find(s, SHELF_CHANGES, "i", c->seen.serial); more;
         more = ok && shelf_next(s, SHELF_CHANGES))
        ok = follow_one(c, (enum change)shelf_int(s, SHELF_CHANGES, 0),
                        shelf_int(s, SHELF_CHANGES, 1),
                        shelf_int(s, SHELF_CHANGES, 2));
    return ok;
}

static bool read_anew(struct consent *c)
{
    struct err ignored;
    bool is_new;
    enroll_clear(c);
    c->n_open = 0;
    c->ticked_us = consent_now(c);
    c->lacks_key = !keys_are_all(c);
    return people_clear(c->people) &&
           circle_load_all(c, &is_new, &ignored) == ERR_OK &&
           state_load(c, &ignored) == ERR_OK && erase_log_fill(c);
}

enum found { FOUND, TOO_OLD, OTHER };

/* Is what was seen here a part of the history that is there? */
static enum found find_seen(struct consent *c)
{
    struct shelf *s = &c->shelf;
    enum found found = TOO_OLD;
    size_t len;
    if (s->stamp.serial < c->seen.serial)
        return OTHER;
    if (shelf_find(s, SHELF_SERIAL, "i", c->seen.serial)) {
        const void *token = shelf_blob(s, SHELF_SERIAL, 0, &len);
        found = len == SHELF_TOKEN_LEN && memcmp(token, c->seen.token, len) == 0
                    ? FOUND
                    : OTHER;
        shelf_end(s, SHELF_SERIAL);
    }
    return found;
}

static bool read_head(struct consent *c)
{
    struct shelf *s = &c->shelf;
    size_t len = 0;
    if (!shelf_find(s, SHELF_HEAD, ""))
        return false;
    const void *head = shelf_blob(s, SHELF_HEAD, 0, &len);
    memcpy(c->head, head, len < sizeof c->head ? len : sizeof c->head);
    shelf_end(s, SHELF_HEAD);
    return len == sizeof c->head;
}

bool follow_catch_up(struct consent *c)
{
    struct shelf *s = &c->shelf;
    if (!s->is_shared || s->rc != STORE_OK || is_seen(c))
        return s->rc == STORE_OK;
    c->follows = true;
    const enum found found = find_seen(c);
    if (found == OTHER)
        atomic_store(&c->held, true);
    const bool anew = found != FOUND;
    const bool ok = s->rc == STORE_OK &&
                    (anew ? read_anew(c) : read_changes(c)) && read_head(c) &&
                    s->rc == STORE_OK;
    c->follows = false;
    if (!ok) {
        people_revert(c->people);
        shelf_full(s);
        return false;
    }
    people_show(c->people);
    c->seen = s->stamp;
    if (c->lacks_key)
        atomic_store(&c->failed, true);
    return true;
}
