#include "server/consent/history.h"

#include <string.h>

#include "server/consent/parts.h"

struct asking {
    struct consent_job job;
    struct consent_circle *circle;
    struct pseudonym names[PSEUDONYM_KEYS_MAX];
    struct history *out;
    struct arena *a;
};

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the history needs too much memory");
}

static bool list_ids(const char ***out, size_t *n, uint64_t mask,
                     const struct consent_circle *circle, struct arena *a)
{
    *n = 0;
    *out = ARENA_NEW_N(a, FOLD_PURPOSES, const char *);
    for (unsigned k = 0; *out && k < circle->n_purposes; k++)
        if (mask >> k & 1)
            (*out)[(*n)++] = circle->purposes[k].id;
    return *out != NULL;
}

/* Three lines: source, proof, by. */
bool history_open_texts(struct history_event *e, struct shelf *s,
                        enum shelf_sql sql, int column,
                        const uint8_t key[SEALED_KEY_LEN], struct arena *a)
{
    size_t len;
    const void *sealed = shelf_blob(s, sql, column, &len);
    e->source = e->proof = e->by = "";
    if (len <= SEALED_OVERHEAD)
        return true;
    char *text = arena_alloc(a, len + 1, 1);
    if (!text)
        return false;
    if (!sealed_get((uint8_t *)text, key, sealed, len))
        return true; /* its key is gone: what law keeps is left */
    const char **const lines[] = { &e->source, &e->proof, &e->by };
    for (size_t i = 0; i < 3; i++) {
        *lines[i] = text;
        text += strcspn(text, "\n");
        if (*text)
            *text++ = '\0';
    }
    return true;
}

static bool fill(struct history_event *out, struct shelf *s,
                 const struct asking *m, int64_t seq,
                 const struct pseudonym *who, const uint8_t *key)
{
    if (!shelf_find(s, SHELF_EVENT, "i", seq))
        return false;
    const uint64_t mask = (uint64_t)shelf_int(s, SHELF_EVENT, 3);
    *out = (struct history_event){
        .record = (uint64_t)seq,
        .who = *who,
        .at_us = shelf_int(s, SHELF_EVENT, 1),
        .state = (enum consent_state)shelf_int(s, SHELF_EVENT, 2),
        .notice = (uint32_t)shelf_int(s, SHELF_EVENT, 4),
        .until_us = shelf_is_null(s, SHELF_EVENT, 5)
                        ? FOLD_NEVER
                        : shelf_int(s, SHELF_EVENT, 5),
        .recorded_us = shelf_int(s, SHELF_EVENT, 6),
    };
    const bool marks = consent_marks(out->state);
    const bool ok = list_ids(&out->purposes, &out->n_purposes, marks ? 0 : mask,
                             m->circle, m->a) &&
                    history_open_texts(out, s, SHELF_EVENT, 7, key, m->a);
    shelf_end(s, SHELF_EVENT);
    return ok;
}

/* Numbers of the events that count, in their order, and what they fold to. */
static size_t list_events(int64_t **out, uint64_t **masks, struct fold *f,
                          struct consent *c, const struct asking *m,
                          uint32_t id)
{
    enum { EVENTS_MAX = 10000 };
    struct shelf *s = &c->shelf;
    const int64_t now_us = consent_now(c);
    size_t n = 0;
    *out = ARENA_NEW_N(m->a, EVENTS_MAX, int64_t);
    *masks = ARENA_NEW_N(m->a, EVENTS_MAX, uint64_t);
    for (bool more =
             *out && *masks && shelf_find(s, SHELF_EVENTS_OF, "i", (int64_t)id);
         more; more = n < EVENTS_MAX && shelf_next(s, SHELF_EVENTS_OF)) {
        const struct fold_event e = state_event(s, SHELF_EVENTS_OF, 0);
        if (!state_counts(c, SHELF_EVENTS_OF, 6))
            continue;
        fold_add(f, &e, now_us, m->circle->least_notice);
        (*masks)[n] = consent_marks(e.state) ? 0 : e.purposes;
        (*out)[n++] = shelf_int(s, SHELF_EVENTS_OF, 1);
    }
    shelf_end(s, SHELF_EVENTS_OF);
    fold_end(f, m->circle->never);
    return n;
}

static enum err_code look(struct consent *c, struct consent_job *job)
{
    struct asking *m = (struct asking *)(void *)job;
    struct shelf *s = &c->shelf;
    struct history *out = m->out;
    struct fold f = { 0 };
    uint8_t key[SEALED_KEY_LEN] = { 0 };
    uint32_t number = PEOPLE_NONE;
    size_t i = 0, len;
    int64_t *seqs;
    uint64_t *masks, later = 0;
    bool marked_later = false;
    for (; i < c->options.keys.n && number == PEOPLE_NONE; i++)
        number = people_find(c->people, &m->names[i]);
    const uint32_t id = enroll_id(c, number);
    if (id == PEOPLE_NONE || !shelf_find(s, SHELF_SUBJECT, "i", (int64_t)id))
        return ERR_OK;
    const void *stored = shelf_blob(s, SHELF_SUBJECT, 1, &len);
    memcpy(key, stored, len < sizeof key ? len : sizeof key);
    shelf_end(s, SHELF_SUBJECT);
    out->n = list_events(&seqs, &masks, &f, c, m, id);
    out->events = ARENA_NEW_N(m->a, out->n + 1, struct history_event);
    if (!seqs || !masks || !out->events ||
        !list_ids(&out->yes, &out->n_yes, f.yes, m->circle, m->a) ||
        !list_ids(&out->no, &out->n_no, f.no, m->circle, m->a))
        return full(job->err);
    for (size_t e = out->n; e-- > 0; later |= masks[e]) {
        if (!fill(&out->events[e], s, m, seqs[e], &m->names[i - 1], key))
            return full(job->err);
        /* A mark is about the person: the newest one holds. */
        const bool marks = consent_marks(out->events[e].state);
        out->events[e].holds = marks ? !marked_later : (masks[e] & ~later) != 0;
        marked_later |= marks;
    }
    if (!history_contact(out, c, id, &m->names[i - 1], key, m->a))
        return full(job->err);
    return ERR_OK;
}

enum err_code consent_history(struct history *out, struct consent *c,
                              struct consent_circle *circle,
                              const char *subject, size_t subject_len,
                              struct arena *a, struct err *err)
{
    struct asking m = { .job = { .run = look, .kind = SHELF_READS, .err = err },
                        .circle = circle,
                        .out = out,
                        .a = a };
    *out = (struct history){ .n = 0 };
    TRY(circle_name(m.names, c, circle, subject, subject_len, err));
    return consent_run(c, &m.job);
}
