#ifndef QUERY_REFUSAL_H
#define QUERY_REFUSAL_H

#include "server/query/tree.h"

/*
 * The catalogue of refusals: one sentence and one way out for each reason a
 * question is turned down by the parser or the planner, written once, in
 * refusal.def.  docs/refusals.md is printed from it.
 *
 * A refusal is a function of the question and the policy.  The names given to
 * refuse() come from those two and never from data.
 */
enum refusal {
#define REFUSAL(id, code, name, sentence, hint) REFUSAL_##id,
#include "server/query/refusal.def"
#include "server/query/refusal.h"
#undef REFUSAL
    REFUSAL_COUNT
};

/* Facts about a refusal.  Borrowed, static. */
struct refusal_info {
    const char *name;     /* stable: "select_star"; err.reason points here */
    const char *sentence; /* {1} and {2} are the names */
    const char *hint;
    enum err_code code;
};
const struct refusal_info *refusal_info_of(enum refusal id);

/* For what is not written in the text: a price, a purpose. */
#define REFUSAL_NOWHERE ((struct place){ 0, 0 })

/*
 * Record the refusal at a place (0, 0 = none); returns the row's code, never
 * ERR_OK.  `one` and `two` take the place of {1} and {2}; NULL where the row
 * has no such name.
 */
enum err_code refuse(struct err *err, enum refusal id, struct place at,
                     const char *one, const char *two);

#endif
