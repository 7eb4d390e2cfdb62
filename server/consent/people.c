#include "server/consent/people.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { LEAST = 1024, WORD = 64 };

/* The view shown, the copy that the writer is changing, and the one that is
 * staged; or NULL. */
struct side {
    struct people_view *shown, *next, *staged;
};

struct people {
    pthread_rwlock_t names; /* guards what stands until `views` */
    struct pseudonym *who;  /* by number; all zero: free */
    uint32_t n, cap;        /* numbers below n may be taken */
    uint32_t hole;          /* no number below it is free */
    uint32_t *slots;        /* number + 1, or 0; open addressing */
    uint32_t mask, used;
    pthread_mutex_t views; /* guards `shown` of all */
    struct side sides[PEOPLE_ROWS][PEOPLE_SIDES];
    /* The writer's: */
    bool stages;
    struct people_view *stale; /* who was set since that began; or NULL */
};

static const struct pseudonym NOBODY;

/* ---- numbers ---- */

/* Pseudonyms are as good as random. */
static uint32_t home_of(const struct people *p, const struct pseudonym *who)
{
    uint32_t h;
    memcpy(&h, who->bytes, sizeof h);
    return h & p->mask;
}

static bool is_free(const struct pseudonym *who)
{
    return memcmp(who, &NOBODY, sizeof NOBODY) == 0;
}

/* Where the person stands in slots, or the empty slot where she would. */
static uint32_t slot_of(const struct people *p, const struct pseudonym *who)
{
    uint32_t at = home_of(p, who);
    while (p->slots[at] != 0 &&
           memcmp(&p->who[p->slots[at] - 1], who, sizeof *who) != 0)
        at = (at + 1) & p->mask;
    return at;
}

static bool grow_slots(struct people *p)
{
    const uint32_t old = p->mask + 1;
    if (old > UINT32_MAX / 2)
        return false;
    uint32_t *slots = calloc((size_t)old * 2, sizeof *slots);
    uint32_t *from = p->slots;
    if (!slots)
        return false;
    p->slots = slots;
    p->mask = old * 2 - 1;
    for (uint32_t i = 0; i < old; i++)
        if (from[i] != 0 && !is_free(&p->who[from[i] - 1]))
            slots[slot_of(p, &p->who[from[i] - 1])] = from[i];
    free(from);
    return true;
}

/* Room for `number`. */
static bool grow_who(struct people *p, uint32_t number)
{
    if (number < p->cap)
        return true;
    if (number >= PEOPLE_MAX)
        return false;
    size_t cap = p->cap ? p->cap : LEAST;
    while (cap <= number)
        cap *= 2;
    cap = cap > PEOPLE_MAX ? PEOPLE_MAX : cap;
    struct pseudonym *who = realloc(p->who, cap * sizeof *who);
    if (!who)
        return false;
    memset(who + p->cap, 0, (cap - p->cap) * sizeof *who);
    p->who = who;
    p->cap = (uint32_t)cap;
    return true;
}

/* Under the write lock. */
static bool put(struct people *p, uint32_t number, const struct pseudonym *who)
{
    if (!grow_who(p, number) || (p->used >= p->mask / 4 * 3 && !grow_slots(p)))
        return false;
    assert(is_free(&p->who[number]));
    p->who[number] = *who;
    p->slots[slot_of(p, who)] = number + 1;
    p->used++;
    p->n = number >= p->n ? number + 1 : p->n;
    return true;
}

static uint32_t find(const struct people *p, const struct pseudonym *who)
{
    return p->slots[slot_of(p, who)] - 1; /* 0 - 1 is PEOPLE_NONE */
}

uint32_t people_find(struct people *p, const struct pseudonym *who)
{
    (void)pthread_rwlock_rdlock(&p->names);
    const uint32_t number = find(p, who);
    (void)pthread_rwlock_unlock(&p->names);
    return number;
}

uint32_t people_add(struct people *p, const struct pseudonym *who)
{
    (void)pthread_rwlock_wrlock(&p->names);
    uint32_t number = find(p, who);
    if (number == PEOPLE_NONE) {
        while (p->hole < p->n && !is_free(&p->who[p->hole]))
            p->hole++;
        if (p->hole < PEOPLE_MAX && put(p, p->hole, who))
            number = p->hole;
    }
    (void)pthread_rwlock_unlock(&p->names);
    return number;
}

struct pseudonym people_who(struct people *p, uint32_t number)
{
    (void)pthread_rwlock_rdlock(&p->names);
    assert(number < p->n);
    const struct pseudonym who = p->who[number];
    (void)pthread_rwlock_unlock(&p->names);
    return who;
}

bool people_put(struct people *p, uint32_t number, const struct pseudonym *who)
{
    (void)pthread_rwlock_wrlock(&p->names);
    const bool ok = put(p, number, who);
    (void)pthread_rwlock_unlock(&p->names);
    return ok;
}

/* ---- views ---- */

static struct people_view *copy_of(const struct people_view *from, uint32_t n)
{
    const size_t words = n / WORD, had = from->n / WORD;
    struct people_view *v = malloc(sizeof *v + words * sizeof v->bits[0]);
    if (!v)
        return NULL;
    atomic_init(&v->refs, 1);
    v->n = n;
    memcpy(v->bits, from->bits, had * sizeof v->bits[0]);
    memset(v->bits + had, 0, (words - had) * sizeof v->bits[0]);
    return v;
}

/* *at with room for `number`, made of `from` while it is NULL.  False: no
 * memory. */
static bool reserve(struct people_view **at, const struct people_view *from,
                    uint32_t number)
{
    if (*at && number < (*at)->n)
        return true;
    from = *at ? *at : from;
    uint64_t n = from->n ? from->n : LEAST;
    while (n <= number)
        n += n / 4 / WORD * WORD;
    struct people_view *v =
        copy_of(from, n < PEOPLE_MAX ? (uint32_t)n : PEOPLE_MAX);
    if (!v)
        return false;
    free(*at);
    *at = v;
    return true;
}

static void flip(struct people_view *v, uint32_t number)
{
    v->bits[number / WORD] ^= UINT64_C(1) << (number % WORD);
}

static bool has(const struct side *s, uint32_t number)
{
    return people_has(s->next ? s->next : s->shown, number);
}

bool people_is(const struct people *p, uint32_t number, unsigned purpose,
               enum people_side side)
{
    return has(&p->sides[purpose][side], number);
}

bool people_set(struct people *p, uint32_t number, unsigned purpose, bool yes,
                bool no)
{
    const bool want[PEOPLE_SIDES] = { yes, no };
    bool flips[PEOPLE_SIDES];
    if (p->stages && !people_stale(p, number))
        return false;
    for (int i = 0; i < PEOPLE_SIDES; i++) {
        struct side *s = &p->sides[purpose][i];
        flips[i] = has(s, number) != want[i];
        if (flips[i] && !reserve(&s->next, s->shown, number))
            return false;
    }
    for (int i = 0; i < PEOPLE_SIDES; i++)
        if (flips[i])
            flip(p->sides[purpose][i].next, number);
    return true;
}

bool people_clear(struct people *p)
{
    people_restage(p, false);
    for (unsigned k = 0; k < PEOPLE_ROWS; k++)
        for (int i = 0; i < PEOPLE_SIDES; i++) {
            struct side *s = &p->sides[k][i];
            if (s->shown->n == 0 && !s->next)
                continue;
            struct people_view *v =
                copy_of(&(struct people_view){ .n = 0 }, s->shown->n);
            if (!v)
                return false;
            free(s->next);
            s->next = v;
        }
    return true;
}

void people_show(struct people *p)
{
    (void)pthread_mutex_lock(&p->views);
    for (unsigned k = 0; k < PEOPLE_ROWS; k++)
        for (int i = 0; i < PEOPLE_SIDES; i++) {
            struct side *s = &p->sides[k][i];
            if (!s->next)
                continue;
            people_unpin(s->shown);
            s->shown = s->next;
            s->next = NULL;
        }
    (void)pthread_mutex_unlock(&p->views);
}

void people_revert(struct people *p)
{
    for (unsigned k = 0; k < PEOPLE_ROWS; k++)
        for (int i = 0; i < PEOPLE_SIDES; i++) {
            free(p->sides[k][i].next);
            p->sides[k][i].next = NULL;
        }
    people_restage(p, false); /* it may hold what was undone */
}

/* ---- a file's decisions ---- */

static const struct people_view NONE = { .n = 0 };

bool people_stage(struct people *p, uint32_t number, unsigned purpose, bool yes,
                  bool no)
{
    const bool want[PEOPLE_SIDES] = { yes, no };
    for (int i = 0; i < PEOPLE_SIDES; i++) {
        struct side *s = &p->sides[purpose][i];
        const struct people_view *now = s->next ? s->next : s->shown;
        if (people_has(s->staged ? s->staged : now, number) == want[i])
            continue;
        if (!reserve(&s->staged, now, number))
            return false;
        flip(s->staged, number);
    }
    return true;
}

bool people_stale(struct people *p, uint32_t number)
{
    if (!reserve(&p->stale, &NONE, number))
        return false;
    p->stale->bits[number / WORD] |= UINT64_C(1) << (number % WORD);
    return true;
}

uint32_t people_next_stale(const struct people *p, uint32_t from)
{
    const struct people_view *v = p->stale;
    for (uint32_t at = from; v && at < v->n; at++)
        if (v->bits[at / WORD] == 0)
            at |= WORD - 1; /* none in this word */
        else if (people_has(v, at))
            return at;
    return PEOPLE_NONE;
}

uint32_t people_count_stale(const struct people *p)
{
    uint32_t n = 0;
    for (uint32_t i = 0; p->stale && i < p->stale->n / WORD; i++)
        n += (uint32_t)__builtin_popcountll(p->stale->bits[i]);
    return n;
}

/* Of who is stale, as she stands without the file. */
static bool pass_over(struct people *p, struct side *s)
{
    for (uint32_t at = 0; (at = people_next_stale(p, at)) != PEOPLE_NONE;
         at++) {
        if (people_has(s->staged, at) == has(s, at))
            continue;
        if (!reserve(&s->staged, &NONE, at))
            return false;
        flip(s->staged, at);
    }
    return true;
}

bool people_adopt(struct people *p)
{
    for (unsigned k = 0; k < PEOPLE_ROWS; k++)
        for (int i = 0; i < PEOPLE_SIDES; i++) {
            struct side *s = &p->sides[k][i];
            if (!s->staged)
                continue;
            if (!pass_over(p, s))
                return false;
            free(s->next);
            s->next = s->staged;
            s->staged = NULL;
        }
    return true;
}

bool people_stages(const struct people *p)
{
    return p->stages;
}

void people_restage(struct people *p, bool begins)
{
    for (unsigned k = 0; k < PEOPLE_ROWS; k++)
        for (int i = 0; i < PEOPLE_SIDES; i++) {
            free(p->sides[k][i].staged);
            p->sides[k][i].staged = NULL;
        }
    free(p->stale);
    p->stale = NULL;
    p->stages = begins;
}

const struct people_view *people_pin(struct people *p, unsigned purpose,
                                     enum people_side side)
{
    (void)pthread_mutex_lock(&p->views);
    struct people_view *v = p->sides[purpose][side].shown;
    atomic_fetch_add(&v->refs, 1);
    (void)pthread_mutex_unlock(&p->views);
    return v;
}

void people_unpin(const struct people_view *v)
{
    struct people_view *own = (struct people_view *)(uintptr_t)v;
    if (own && atomic_fetch_sub(&own->refs, 1) == 1)
        free(own);
}

/* ---- life ---- */

struct people *people_new(void)
{
    struct people *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    (void)pthread_rwlock_init(&p->names, NULL);
    (void)pthread_mutex_init(&p->views, NULL);
    p->mask = LEAST - 1;
    p->slots = calloc(LEAST, sizeof *p->slots);
    bool ok = p->slots != NULL && grow_who(p, 0);
    for (unsigned k = 0; k < PEOPLE_ROWS; k++)
        for (int i = 0; i < PEOPLE_SIDES; i++) {
            p->sides[k][i].shown = copy_of(&NONE, 0);
            ok &= p->sides[k][i].shown != NULL;
        }
    if (ok)
        return p;
    people_free(p);
    return NULL;
}

void people_free(struct people *p)
{
    if (!p)
        return;
    people_restage(p, false);
    for (unsigned k = 0; k < PEOPLE_ROWS; k++)
        for (int i = 0; i < PEOPLE_SIDES; i++) {
            people_unpin(p->sides[k][i].shown);
            free(p->sides[k][i].next);
        }
    free(p->who);
    free(p->slots);
    (void)pthread_mutex_destroy(&p->views);
    (void)pthread_rwlock_destroy(&p->names);
    free(p);
}
