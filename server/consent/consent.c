#include "server/consent/consent.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "server/consent/parts.h"

bool consent_failed(const struct consent *c)
{
    return atomic_load(&c->failed);
}

/* ---- who counts ---- */

uint32_t consent_number(struct consent *c, const struct consent_circle *circle,
                        const void *key, size_t len, bool adds)
{
    struct pseudonym who = { { 0 } };
    for (size_t i = 0; i < c->options.keys.n; i++) {
        const struct pseudonym one = pseudonym_of(&circle->makers[i], key, len);
        const uint32_t number = people_find(c->people, &one);
        if (number != PEOPLE_NONE)
            return number;
        who = i == 0 ? one : who;
    }
    return adds ? people_add(c->people, &who) : PEOPLE_NONE;
}

const struct people_view *consent_pin(struct consent *c,
                                      const struct consent_circle *circle,
                                      const char *purpose,
                                      enum people_side side)
{
    return people_pin(c->people, (unsigned)circle_purpose(circle, purpose),
                      side);
}

/* ---- what ends ---- */

struct tick {
    struct consent_job job;
    int64_t now_us;
};

static enum err_code tick(struct consent *c, struct consent_job *job)
{
    const int64_t now_us = consent_now(c);
    struct shelf *s = &c->shelf;
    for (bool more = shelf_find(s, SHELF_ENDING, "ii", c->ticked_us, now_us);
         more; more = shelf_next(s, SHELF_ENDING))
        if (!state_refold(c, (uint32_t)shelf_int(s, SHELF_ENDING, 0)))
            shelf_full(s);
    ((struct tick *)(void *)job)->now_us = now_us;
    import_sweep(c, now_us);
    follow_prune(c);
    return ERR_OK;
}

void consent_tick(struct consent *c)
{
    struct err ignored;
    struct tick t = { .job = { .run = tick, .err = &ignored } };
    /* Else what ended is looked for again with the next one. */
    if (consent_run(c, &t.job) == ERR_OK)
        c->ticked_us = t.now_us;
}

/* ---- what the audit log tells ---- */

struct commit {
    struct consent_job job;
    int64_t to_us;
    uint8_t salted[64]; /* salt, head */
};

/* Whoever is first says what it is; others, of the same register, say the
 * same. */
static enum err_code commit(struct consent *c, struct consent_job *job)
{
    struct commit *m = (struct commit *)(void *)job;
    struct shelf *s = &c->shelf;
    size_t salt_len, head_len;
    memcpy(m->salted + 32, c->head, sizeof c->head);
    shelf_run(s, SHELF_COMMITMENT_NEW, "ibb", m->to_us, m->salted, (size_t)32,
              m->salted + 32, (size_t)32);
    if (!shelf_find(s, SHELF_COMMITMENT, "i", m->to_us))
        return ERR_UNAVAILABLE;
    const void *salt = shelf_blob(s, SHELF_COMMITMENT, 0, &salt_len);
    const void *head = shelf_blob(s, SHELF_COMMITMENT, 1, &head_len);
    if (salt_len == 32 && head_len == 32) {
        memcpy(m->salted, salt, 32);
        memcpy(m->salted + 32, head, 32);
    }
    shelf_end(s, SHELF_COMMITMENT);
    return salt_len == 32 && head_len == 32 ? ERR_OK : ERR_INTERNAL;
}

bool consent_commit(struct consent *c, int64_t to_us, uint8_t out[32])
{
    struct err ignored;
    struct commit m = { .job = { .run = commit, .err = &ignored },
                        .to_us = to_us };
    if (RAND_bytes(m.salted, 32) != 1 || consent_run(c, &m.job) != ERR_OK)
        return false;
    (void)SHA256(m.salted, sizeof m.salted, out);
    return true;
}

/* ---- other servers ---- */

bool consent_is_shared(const struct consent *c)
{
    return c->shelf.is_shared;
}

enum err_code consent_follow(struct consent *c, struct err *err)
{
    struct consent_job job = { .err = err, .kind = SHELF_READS };
    if (!c->shelf.is_shared)
        return ERR_OK;
    TRY(consent_run(c, &job));
    return consent_is_held(c) ? err_set(err, ERR_UNAVAILABLE,
                                        "the register of consent went back")
                              : ERR_OK;
}

/* ---- life ---- */

/* A shared register is read as what others wrote. */
static enum err_code load_shared(struct consent *c, struct err *err)
{
    c->seen.serial = -1;
    const enum err_code code = consent_follow(c, err);
    return code == ERR_OK || c->lacks_key ? keys_tell(c, err) : code;
}

static enum err_code load_own(struct consent *c, struct err *err)
{
    size_t len = 0;
    bool is_new;
    TRY(circle_load_all(c, &is_new, err));
    if (shelf_find(&c->shelf, SHELF_HEAD, "")) {
        const void *head = shelf_blob(&c->shelf, SHELF_HEAD, 0, &len);
        memcpy(c->head, head, len < sizeof c->head ? len : sizeof c->head);
    }
    shelf_end(&c->shelf, SHELF_HEAD);
    c->ticked_us = clock_wall_us(c->options.clock);
    return state_load(c, err);
}

static enum err_code load(struct consent *c, struct err *err)
{
    TRY(shelf_open(&c->shelf, c->options.path, err));
    TRY(c->shelf.is_shared ? load_shared(c, err) : load_own(c, err));
    return erase_log_open(c, err);
}

enum err_code consent_open(struct consent **out,
                           const struct consent_options *o, struct err *err)
{
    struct consent *c = calloc(1, sizeof *c);
    if (!c)
        return err_set(err, ERR_LIMIT, "out of memory");
    c->options = *o;
    c->erasures_fd = -1;
    c->last = &c->first;
    (void)pthread_mutex_init(&c->lock, NULL);
    (void)pthread_mutex_init(&c->finishing, NULL);
    (void)pthread_cond_init(&c->done, NULL);
    c->people = people_new();
    const enum err_code code =
        c->people ? load(c, err) : err_set(err, ERR_LIMIT, "out of memory");
    if (code == ERR_OK)
        *out = c;
    else
        consent_close(c);
    return code;
}

static void free_circle(struct consent_circle *circle)
{
    for (size_t k = 0; k < circle->n_purposes; k++)
        free(circle->purposes[k].id);
    free(circle->name);
    free(circle);
}

void consent_close(struct consent *c)
{
    if (!c)
        return;
    shelf_close(&c->shelf);
    erase_log_close(c);
    people_free(c->people);
    while (c->circles) {
        struct consent_circle *next = c->circles->next;
        free_circle(c->circles);
        c->circles = next;
    }
    free(c->open);
    free(c->id_of);
    free(c->number_of);
    free(c->parted);
    (void)pthread_cond_destroy(&c->done);
    (void)pthread_mutex_destroy(&c->lock);
    (void)pthread_mutex_destroy(&c->finishing);
    free(c);
}
