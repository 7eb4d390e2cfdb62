#ifndef MAIN_BATCH_H
#define MAIN_BATCH_H

#include "server/main/bundle.h"

/*
 * The questions of a batch, planned: what BATCH and ESTIMATE of one share.
 *
 * All are about one dataset, for one purpose.  A price for the whole batch is
 * split over the questions so that the errors of all are least together
 * (plan_weight), the same release counted once; an accuracy holds for each
 * question that names none.
 */
struct batch {
    struct bundle_item *items;
    size_t n;
};

/*
 * Errors as question_plan, the message naming the question ("question 3 of 7"),
 * its place being in that question; BATCH_* of the catalogue.
 */
enum err_code batch_plan(struct batch *out, struct service_call *call,
                         struct arena *a, struct err *err) MUST_CHECK;

#endif
