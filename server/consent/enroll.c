/*
 * Ids of people in the file, beside their numbers in memory.
 *
 * Numbers are given as people are met, in the data or by a decision; ids as
 * they are recorded, one after the other, so that a file of millions is written
 * at the end of every table and index.  After a start both are alike.
 */
#include <stdlib.h>

#include "server/consent/parts.h"

/* Room for index `at` in an array of `cap`, what is new being PEOPLE_NONE. */
static bool grow(uint32_t **v, size_t *cap, uint32_t at)
{
    if (at < *cap)
        return true;
    const size_t n = (size_t)at + at / 2 + 1024;
    uint32_t *more = realloc(*v, n * sizeof *more);
    if (!more)
        return false;
    for (size_t i = *cap; i < n; i++)
        more[i] = PEOPLE_NONE;
    *v = more;
    *cap = n;
    return true;
}

uint32_t enroll_id(const struct consent *c, uint32_t number)
{
    return number < c->n_ids ? c->id_of[number] : PEOPLE_NONE;
}

uint32_t enroll_number(const struct consent *c, uint32_t id)
{
    return id < c->n_numbers ? c->number_of[id] : PEOPLE_NONE;
}

bool enroll_note(struct consent *c, uint32_t id, uint32_t number)
{
    if (!grow(&c->id_of, &c->n_ids, number) ||
        !grow(&c->number_of, &c->n_numbers, id))
        return false;
    c->id_of[number] = id;
    c->number_of[id] = number;
    c->next_id = id >= c->next_id ? id + 1 : c->next_id;
    return true;
}

uint32_t enroll_new(struct consent *c, uint32_t number)
{
    const uint32_t id = c->next_id;
    return id < PEOPLE_MAX && enroll_note(c, id, number) ? id : PEOPLE_NONE;
}

void enroll_forget(struct consent *c, uint32_t id)
{
    const uint32_t number = enroll_number(c, id);
    if (number != PEOPLE_NONE)
        c->id_of[number] = PEOPLE_NONE;
}

void enroll_drop(struct consent *c, uint32_t id)
{
    enroll_forget(c, id);
    if (id < c->n_numbers)
        c->number_of[id] = PEOPLE_NONE;
}

void enroll_clear(struct consent *c)
{
    for (size_t i = 0; i < c->n_ids; i++)
        c->id_of[i] = PEOPLE_NONE;
    for (size_t i = 0; i < c->n_numbers; i++)
        c->number_of[i] = PEOPLE_NONE;
    c->next_id = 0;
}

bool enroll_part(struct consent *c, uint32_t id)
{
    const uint32_t number = enroll_number(c, id);
    void *more = realloc(c->parted, (c->n_parted + 1) * sizeof c->parted[0]);
    if (!more)
        return false;
    c->parted = more;
    c->parted[c->n_parted++] = (struct parted){ id, number };
    enroll_forget(c, id);
    c->number_of[id] = PEOPLE_NONE;
    return true;
}

void enroll_undo(struct consent *c, uint32_t first)
{
    for (uint32_t id = first; id < c->next_id; id++)
        enroll_forget(c, id);
    c->next_id = first;
    /* Room for both was there. */
    for (; c->n_parted > 0; c->n_parted--) {
        const struct parted *p = &c->parted[c->n_parted - 1];
        c->id_of[p->number] = p->id;
        c->number_of[p->id] = p->number;
    }
}
