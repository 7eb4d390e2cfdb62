#ifndef PLAN_NUMERIC_H
#define PLAN_NUMERIC_H

#include "server/plan/typed.h"

/*
 * Which numbers are numeric to PostgreSQL, where values here are integers and
 * doubles: sums and means of bigint, literals with a point, what is computed
 * from those.  A name for clients, who format and add up by it; nothing about a
 * release depends on it.
 * Source: PostgreSQL 15, tables 9.58 and 9.59, and section 10.2.
 */
bool numeric_call(const struct typed *e);

/* An aggregate of that kind over `value`; NULL: COUNT(*). */
bool numeric_agg(enum agg_kind kind, const struct typed *value);

#endif
