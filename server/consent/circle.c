/* Populations and their purposes. */
#include <assert.h>
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
    circle->never = circle->is_folded = true;
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

enum err_code circle_load_all(struct consent *c, bool *is_new, struct err *err)
{
    struct shelf *s = &c->shelf;
    bool ok = true;
    *is_new = false;
    for (bool more = shelf_find(s, SHELF_POPULATIONS, ""); more;
         more = shelf_next(s, SHELF_POPULATIONS)) {
        const int64_t id = shelf_int(s, SHELF_POPULATIONS, 0);
        if (circle_of_id(c, id))
            continue;
        *is_new = true;
        ok &= add_circle(c, id, shelf_text(s, SHELF_POPULATIONS, 1)) != NULL;
    }
    for (struct consent_circle *circle = c->circles; circle;
         circle = circle->next)
        for (bool more = shelf_find(s, SHELF_PURPOSES, "i", circle->id); more;
             more = shelf_next(s, SHELF_PURPOSES)) {
            if ((size_t)shelf_int(s, SHELF_PURPOSES, 0) < circle->n_purposes)
                continue;
            *is_new = true;
            ok &= add_purpose(circle, shelf_text(s, SHELF_PURPOSES, 1));
        }
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

/* The number of a population in the register; 0: the register failed. */
static int64_t name_population(struct consent *c, const char *name)
{
    const struct consent_circle *circle = find_circle(c, name);
    if (circle || !shelf_find(&c->shelf, SHELF_POPULATION_NEW, "t", name))
        return circle ? circle->id : 0;
    const int64_t id = shelf_int(&c->shelf, SHELF_POPULATION_NEW, 0);
    shelf_end(&c->shelf, SHELF_POPULATION_NEW);
    follow_tell(c, CHANGE_CIRCLES, 0, 0);
    return id;
}

struct consent_circle *circle_named(struct consent *c, const char *population)
{
    struct consent_circle *circle = find_circle(c, population);
    const int64_t id = circle ? circle->id : name_population(c, population);
    return circle || id == 0 ? circle : add_circle(c, id, population);
}

/* Purposes that have no number yet get one, in the register alone: memory hears
 * of it once that is durable. */
static enum err_code name_all(struct consent *c, struct consent_job *job)
{
    struct learn *l = (struct learn *)(void *)job;
    const struct policy *p = l->policy;
    const struct consent_circle *circle = find_circle(c, p->population);
    const int64_t id = name_population(c, p->population);
    const size_t there = circle ? circle->n_purposes : 0;
    size_t n = there;
    for (size_t i = 0; i < p->n_purposes; i++) {
        if (circle && circle_purpose(circle, p->purposes[i].id) < there)
            continue;
        if (n == FOLD_PURPOSES) {
            (void)err_set(job->err, ERR_LIMIT,
                          "more than %d purposes were named for the people of "
                          "%s",
                          FOLD_PURPOSES, p->population);
            return err_hint(job->err, "use a purpose again that was there");
        }
        shelf_run(&c->shelf, SHELF_PURPOSE_NEW, "iit", id, (int64_t)n++,
                  p->purposes[i].id);
    }
    if (n > there)
        follow_tell(c, CHANGE_CIRCLES, 0, 0);
    return ERR_OK;
}

/* True: others count than before. */
static bool learn_purpose(struct consent_circle *circle,
                          const struct policy_purpose *p)
{
    const size_t k = circle_purpose(circle, p->id);
    const bool is_stricter = circle->least_notice[k] != p->least_notice;
    circle->purposes[k].valid_us = p->valid_for_s * 1000000;
    circle->purposes[k].notice = p->notice;
    circle->purposes[k].since_us = p->notice_since_us;
    circle->least_notice[k] = p->least_notice;
    return is_stricter;
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
    bool changes;
    TRY(circle_load_all(c, &changes, job->err));
    struct consent_circle *circle = l->circle = find_circle(c, p->population);
    assert(circle);
    learn_key(circle, p);
    for (size_t i = 0; i < p->n_purposes; i++)
        changes |= learn_purpose(circle, &p->purposes[i]);
    changes |= circle->never != (p->special == SPECIAL_NEVER);
    circle->never = p->special == SPECIAL_NEVER;
    circle->is_folded &= !changes;
    if (!circle->is_folded) /* who is marked or erased says no to what is new */
        TRY(state_refold_all(c, job->err));
    circle->is_folded = c->shelf.rc == STORE_OK;
    return ERR_OK;
}

enum err_code consent_circle(struct consent_circle **out, struct consent *c,
                             const struct policy *policy, struct err *err)
{
    struct learn l = { .job = { .run = name_all, .err = err },
                       .policy = policy };
    TRY(consent_run(c, &l.job));
    l.job =
        (struct consent_job){ .run = learn, .kind = SHELF_READS, .err = err };
    TRY(consent_run(c, &l.job));
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
