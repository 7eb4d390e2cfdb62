#ifndef TESTS_LIB_HISTORY_H
#define TESTS_LIB_HISTORY_H

#include <gsl/gsl_rng.h>

#include "dp/event.h"

/* Histories of releases for tests: the names of the reference ledgers, and
 * random ones. */
struct history_text {
    struct dp_event events[8];
    size_t n;
    bool has_gauss;
};

/* "G5x10", "MIX_G20x50_S0.1_1e-8x20"; false when a word is none. */
bool history_parse(struct history_text *out, const char *name);

/* 1 to `most` events of all kinds, small and large. */
size_t history_random(struct dp_event *out, size_t most, gsl_rng *r);

#endif
