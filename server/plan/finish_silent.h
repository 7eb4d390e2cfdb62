#ifndef PLAN_FINISH_SILENT_H
#define PLAN_FINISH_SILENT_H

#include "server/plan/laws.h"

/*
 * Which numbers of an answer have no interval, told in notices behind those
 * that `out` has, one for each column of numbers that has none in any row.
 * Functions of released numbers and the plan.  ERR_LIMIT: the arena is full.
 */

/* Of the release itself; `laws` are those of its rows, or NULL. */
enum err_code finish_silent(struct reply_table *out, const struct plan *p,
                            const struct laws *laws, struct arena *a,
                            struct err *err) MUST_CHECK;

/* Of what SELECTs around a release, or around several, made of their answers.
 */
enum err_code finish_silent_after(struct reply_table *out, const struct plan *p,
                                  struct arena *a, struct err *err) MUST_CHECK;

/* The table of a mix, before the SELECTs around it: numbers that one of these
 * chooses rows by lose their intervals, which know nothing of that. */
void finish_lose_chosen(struct reply_table *t, const struct plan *p);

#endif
