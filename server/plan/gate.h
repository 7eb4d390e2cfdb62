#ifndef PLAN_GATE_H
#define PLAN_GATE_H

#include <stdbool.h>

#include "server/base/writer.h"
#include "server/policy/policy.h"

/*
 * What planner and engines agree on about who counts: under a policy with a
 * register of consent, every relation of people is read through a view of the
 * engine's, GATE_SCHEMA."T" instead of src."T", which is
 *
 *   (SELECT * FROM src."T" WHERE halftone_counts_P(key))
 *
 * where P is the key's type, i (BIGINT) or t (VARCHAR), or the same rows by a
 * shorter way (server/engine/views.h).  The function is true
 * of the people whose recorded state allows the purpose of the plan that runs,
 * as of when its statement began; false of all others.  It never fails, is the
 * same on every row of a person, and says nothing of the row itself, so that
 * what is bounded after it is bounded as before.
 *
 * An engine without functions of ours reads a table that the server maintains
 * (server/engine/counted.h), by gate_condition, which is the same rows.
 */
#define GATE_SCHEMA "counted"

static inline const char *gate_name(bool key_is_int)
{
    return key_is_int ? "halftone_counts_i" : "halftone_counts_t";
}

/* The table of whose bit is set, (purpose, person), and the condition over
 * `said`, its name: under consent that she said yes, else that she did not say
 * no and, where `people` is not NULL, that she is in that table: whoever is not
 * yet known may have said no.  `key` is an expression of the statement. */
#define GATE_SAID   "halftone_said"
#define GATE_PEOPLE "halftone_people"
void gate_condition(struct writer *w, const struct policy_purpose *purpose,
                    const char *key, const char *said, const char *people);

#endif
