/* Populations and their purposes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/consent/parts.h"

static struct consent_circle *add_circle(struct consent *c, int64_t id,
                                         const char *name)
{
    struct consent_circle *circle = calloc(1, sizeof *circle);
    char *own = strdup(name);
    if (!circle || !own) {
        free(circle);
        free(own);
        return NULL;
    }
    circle->id = id;
    circle->name = own;
    circle->key_type = POLICY_TEXT;
    circle->never = true;
    for (size_t i = 0; i < c->options.keys.n; i++)
        pseudonym_maker_init(&circle->makers[i], c->options.keys.key[i], name);
    (void)pthread_mutex_lock(&c->lock);
    circle->next = c->circles;
    c->circles = circle;
    (void)pthread_mutex_unlock(&c->lock);
    return circle;
}

static bool add_purpose(struct consent_circle *circle, const char *id)
{
    char *own = strdup(id);
    if (!own)
        return false;
    circle->purposes[circle->n_purposes].id = own;
    circle->n_purposes++;
    return true;
}

enum err_code circle_load_all(struct consent *c, struct err *err)
{
    struct shelf *s = &c->shelf;
    bool ok = true;
    for (bool more = shelf_find(s, SHELF_POPULATIONS, ""); more;
         more = shelf_next(s, SHELF_POPULATIONS))
        ok &= add_circle(c, shelf_int(s, SHELF_POPULATIONS, 0),
                         shelf_text(s, SHELF_POPULATIONS, 1)) != NULL;
    for (struct consent_circle *circle = c->circles; circle;
         circle = circle->next)
        for (bool more = shelf_find(s, SHELF_PURPOSES, "i", circle->id); more;
             more = shelf_next(s, SHELF_PURPOSES))
            ok &= add_purpose(circle, shelf_text(s, SHELF_PURPOSES, 1));
    if (s->rc != STORE_OK)
        return err_set(err, ERR_INTERNAL,
                       "the register of consent cannot be read: %s", s->why);
    return ok ? ERR_OK : err_set(err, ERR_LIMIT, "out of memory");
}

struct consent_circle *circle_of_id(struct consent *c, int64_t id)
{
    (void)pthread_mutex_lock(&c->lock);
    struct consent_circle *circle = c->circles;
    while (circle && circle->id != id)
        circle = circle->next;
    (void)pthread_mutex_unlock(&c->lock);
    return circle;
}

size_t circle_purpose(const struct consent_circle *circle, const char *id)
{
    size_t k = 0;
    while (k < circle->n_purposes && strcmp(circle->purposes[k].id, id) != 0)
        k++;
    return k;
}

/* ---- what a policy says ---- */

struct learn {
    struct consent_job job;
    const struct policy *policy;
    struct consent_circle *circle;
    bool stricter; /* others count than before */
};

static struct consent_circle *find_circle(struct consent *c, const char *name)
{
    (void)pthread_mutex_lock(&c->lock);
    struct consent_circle *circle = c->circles;
    while (circle && strcmp(circle->name, name) != 0)
        circle = circle->next;
    (void)pthread_mutex_unlock(&c->lock);
    return circle;
}

struct consent_circle *circle_named(struct consent *c, const char *population)
{
    struct consent_circle *circle = find_circle(c, population);
    if (circle || !shelf_find(&c->shelf, SHELF_POPULATION_NEW, "t", population))
        return circle;
    const int64_t id = shelf_int(&c->shelf, SHELF_POPULATION_NEW, 0);
    shelf_end(&c->shelf, SHELF_POPULATION_NEW);
    return add_circle(c, id, population);
}

static enum err_code learn_purpose(struct consent *c, struct learn *l,
                                   const struct policy_purpose *p)
{
    struct consent_circle *circle = l->circle;
    const size_t k = circle_purpose(circle, p->id);
    if (k == FOLD_PURPOSES) {
        (void)err_set(l->job.err, ERR_LIMIT,
                      "more than %d purposes were named for the people of %s",
                      FOLD_PURPOSES, circle->name);
        return err_hint(l->job.err, "use a purpose again that was there");
    }
    if (k == circle->n_purposes) {
        shelf_run(&c->shelf, SHELF_PURPOSE_NEW, "iit", circle->id, (int64_t)k,
                  p->id);
        if (!add_purpose(circle, p->id))
            return err_set(l->job.err, ERR_LIMIT, "out of memory");
        l->stricter = true; /* who is marked or erased says no to it, too */
    }
    circle->purposes[k].valid_us = p->valid_for_s * 1000000;
    circle->purposes[k].notice = p->notice;
    circle->purposes[k].since_us = p->notice_since_us;
    l->stricter |= circle->least_notice[k] != p->least_notice;
    circle->least_notice[k] = p->least_notice;
    return ERR_OK;
}

/* All tables have one type of key. */
static void learn_key(struct consent_circle *circle, const struct policy *p)
{
    for (size_t i = 0; i < p->n_tables && !p->map.source; i++) {
        const struct policy_table *t = &p->tables[i];
        if (t->owned && circle->key_type != t->columns[t->key].type)
            circle->key_type = t->columns[t->key].type;
    }
}

static enum err_code learn(struct consent *c, struct consent_job *job)
{
    struct learn *l = (struct learn *)(void *)job;
    const struct policy *p = l->policy;
    l->circle = circle_named(c, p->population);
    if (!l->circle)
        return c->shelf.rc != STORE_OK
                   ? ERR_UNAVAILABLE
                   : err_set(job->err, ERR_LIMIT, "out of memory");
    learn_key(l->circle, p);
    for (size_t i = 0; i < p->n_purposes; i++)
        TRY(learn_purpose(c, l, &p->purposes[i]));
    l->stricter |= l->circle->never != (p->special == SPECIAL_NEVER);
    l->circle->never = p->special == SPECIAL_NEVER;
    return l->stricter ? state_refold_all(c, job->err) : ERR_OK;
}

enum err_code consent_circle(struct consent_circle **out, struct consent *c,
                             const struct policy *policy, struct err *err)
{
    struct learn l = { .job = { .run = learn, .err = err }, .policy = policy };
    const enum err_code code = consent_run(c, &l.job);
    /* Numbers that memory has and the file has not must mean nothing. */
    if (code == ERR_UNAVAILABLE)
        atomic_store(&c->failed, true);
    TRY(code);
    *out = l.circle;
    return ERR_OK;
}

/* ---- names ---- */

/* As an engine spells the key: digits of a number, lower case of a UUID. */
static bool spell(char *out, size_t *len, enum policy_type type,
                  const char *subject)
{
    char *end;
    long long v;
    switch (type) {
    case POLICY_INT:
        /* A number past the engine's would be somebody else: the largest. */
        errno = 0;
        v = strtoll(subject, &end, 10);
        if (*end || !*subject || (unsigned char)*subject <= ' ' || errno != 0)
            return false;
        *len = (size_t)snprintf(out, CONSENT_SUBJECT_MAX + 1, "%lld", v);
        return true;
    case POLICY_UUID:
        if (*len != 36)
            return false;
        for (size_t i = 0; i < *len; i++) {
            const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
            const char c = subject[i];
            const bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ||
                             (c >= 'A' && c <= 'F');
            if (dash ? c != '-' : !hex)
                return false;
            out[i] = c >= 'A' && c <= 'F' ? (char)(c - 'A' + 'a') : c;
        }
        return true;
    case POLICY_BOOL:
    case POLICY_DOUBLE:
    case POLICY_TEXT:
    case POLICY_DATE:
    case POLICY_TIMESTAMP:
    case POLICY_TYPE_COUNT:
        break;
    }
    memcpy(out, subject, *len);
    return *len > 0;
}

enum err_code circle_name(struct pseudonym *out, const struct consent *c,
                          const struct consent_circle *circle,
                          const char *subject, size_t len, struct err *err)
{
    char text[CONSENT_SUBJECT_MAX + 1];
    if (len == 0 || len > CONSENT_SUBJECT_MAX)
        return err_set(err, ERR_INVALID, "subject has 1 to %d bytes",
                       CONSENT_SUBJECT_MAX);
    if (!spell(text, &len, circle->key_type, subject)) {
        (void)err_set(err, ERR_INVALID,
                      "subject is not %s, as the privacy key of the dataset is",
                      circle->key_type == POLICY_INT ? "a whole number"
                                                     : "a UUID");
        return err_hint(err, "send the value of the key column");
    }
    for (size_t i = 0; i < c->options.keys.n; i++)
        out[i] = pseudonym_of(&circle->makers[i], text, len);
    return ERR_OK;
}
