#ifndef MAIN_PAGES_H
#define MAIN_PAGES_H

#include "server/main/noise.h"

/*
 * EXECUTED -> NOISED where groups are private, however many there are: the
 * engine hands its groups over in pages, each gets its noise at once, and what
 * is not selected is forgotten.
 *
 *   engine --page--> threshold --selected--> pile (plan->rows_most, those with
 *                                            the most people by noisy numbers)
 *   engine --page--> the greatest exact numbers --> picks       first k groups
 *   engine --page--> rows of released groups    --> picks        percentiles
 *
 * Noise is drawn for each group by itself, so pages change nothing of what is
 * drawn.  Which groups are left out is a function of noisy numbers and of keys
 * that are told.  A result of one page, with its histograms, is one call of
 * noise_release(), as that of public groups is.
 */
struct pages_run {
    /* Runs the plan's statement; an engine's codes. */
    enum err_code (*statement)(void *ctx, struct engine_result *out,
                               const struct plan *plan, struct arena *a,
                               struct err *err);
    void *ctx;
    gsl_rng *rng;
    size_t page_rows; /* 0: as many as fit */
};

/* *out, with its texts, lives in `a`.  Requires plan->selects.  Every error is
 * a miss to the caller. */
enum err_code pages_release(struct plan_noisy *out, const struct pages_run *run,
                            const struct plan *plan, struct arena *a,
                            struct err *err) MUST_CHECK;

/* The plan whose statement is histogram h, with its bucket as one key more. */
enum err_code pages_hist(struct plan *out, const struct plan *plan, size_t h,
                         struct arena *a, struct err *err) MUST_CHECK;

#endif
