#ifndef CONSENT_PEOPLE_H
#define CONSENT_PEOPLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "server/consent/pseudonym.h"

/*
 * Everybody the server has heard of, in memory: a number for each pseudonym,
 * and for each purpose who said yes and who said no.
 *
 *   pseudonym --people_find--> number --view--> bit
 *
 *   - Numbers are given once; a person of the register keeps hers over restarts
 *     (people_put), one met only in the data does not (people_add).
 *   - A view never changes.  The writer changes copies and shows them all at
 *     once (people_show), so that who pins a view sees one state, and who pins
 *     after people_show sees what was shown.
 *   - YES and NO are two views: unknown is in neither.
 *   - What a file of decisions changes is staged beside that, piece by piece,
 *     while other decisions go on being shown, and then adopted at once.
 *
 * One thread writes (people_put, _set, _show, and what stages); any thread
 * adds, finds, pins.
 */
/* Numbers are less than PEOPLE_MAX, a multiple of a view's words. */
#define PEOPLE_MAX  (UINT32_MAX / 64 * 64)
#define PEOPLE_NONE UINT32_MAX
/* Beside the purposes, who was erased: YES, her rows are to go from the data;
 * NO, she has come back since. */
enum { PEOPLE_PURPOSES = 64, PEOPLE_ERASED = PEOPLE_PURPOSES, PEOPLE_ROWS };

enum people_side { PEOPLE_YES, PEOPLE_NO, PEOPLE_SIDES };

struct people_view {
    atomic_uint refs;
    uint32_t n; /* bits; those of people with higher numbers are 0 */
    uint64_t bits[];
};

struct people;

/* NULL when there is no memory. */
struct people *people_new(void);
void people_free(struct people *p);

/* PEOPLE_NONE when unknown. */
uint32_t people_find(struct people *p, const struct pseudonym *who);
/* The same; one that is unknown gets the lowest free number.  PEOPLE_NONE: no
 * memory. */
uint32_t people_add(struct people *p, const struct pseudonym *who);
/* Whose number it is, which was given. */
struct pseudonym people_who(struct people *p, uint32_t number);
/* The person has this number, which nobody has.  False: no memory. */
bool people_put(struct people *p, uint32_t number, const struct pseudonym *who);
/* How the person stands to a purpose, in copies that nobody sees yet: in YES,
 * in NO or, both false, in neither.  False: no memory; nothing changed. */
bool people_set(struct people *p, uint32_t number, unsigned purpose, bool yes,
                bool no);
/* The writer's: what was set last, shown or not. */
bool people_is(const struct people *p, uint32_t number, unsigned purpose,
               enum people_side side);
/* What was set is what people_pin gives from now on. */
void people_show(struct people *p);
/* Nobody stands to any purpose, in copies as people_set.  False: no memory. */
bool people_clear(struct people *p);
/* ... or is forgotten. */
void people_revert(struct people *p);

/*
 * ---- a file's decisions, all at once ----
 *
 * Staged is how people will stand once the file counts.  Whoever is set
 * (people_set) meanwhile is stale there: what was staged of her is passed over
 * by people_adopt, and she is to be set anew after it, or staged anew before.
 */
bool people_stage(struct people *p, uint32_t number, unsigned purpose, bool yes,
                  bool no);
/* False: no memory. */
bool people_stale(struct people *p, uint32_t number);
/* The first stale number from `from` on; PEOPLE_NONE. */
uint32_t people_next_stale(const struct people *p, uint32_t from);
uint32_t people_count_stale(const struct people *p);
/* What was staged is what people_show shows; false: no memory. */
bool people_adopt(struct people *p);
/* Nothing is staged, from now on anew: `begins`, or not any more.
 * people_revert ends it, too. */
void people_restage(struct people *p, bool begins);
bool people_stages(const struct people *p);

const struct people_view *people_pin(struct people *p, unsigned purpose,
                                     enum people_side side);
void people_unpin(const struct people_view *v);

static inline bool people_has(const struct people_view *v, uint32_t number)
{
    return number < v->n && (v->bits[number / 64] >> (number % 64) & 1);
}

#endif
