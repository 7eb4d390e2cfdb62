#ifndef NEIGHBOUR_SIDE_H
#define NEIGHBOUR_SIDE_H

#include "server/main/service.h"
#include "tests/lib_ledger.h"

/*
 * One of two servers that must not be told apart: the whole service with a
 * ledger of its own, over one folder of the shop (shop.h).  Time stands still.
 */
struct side {
    struct ledger_dir ledger;
    struct arena arena;
    struct dataset dataset;
    struct dataset *datasets[1];
    struct auth_principal analyst;
    struct auth_registry registry;
    struct world world;
    struct service service;
    struct fake_clock clock;
    struct engine *inner; /* the real one; dataset.engine may stand before it */
    gsl_rng *rng;
};

/* Aborts with a message when the shop cannot be opened. */
void side_open(struct side *s, const char *dir);
void side_close(struct side *s);

/* Everything one can see of an answer. */
struct seen {
    enum err_code code;
    char *text; /* the reply as text, or the error; owned */
    char *log;  /* lines logged, without times and ids; owned */
    uint64_t spent_pico, spent_atto; /* from the ledger, after */
    uint64_t metrics;                /* all counters but times, summed */
};

/* Ask; the caller frees with seen_fini(). */
void side_ask(struct seen *out, struct side *s, const char *sql);
void seen_fini(struct seen *s);

/* What differs, or NULL.  Static. */
const char *seen_differ(const struct seen *a, const struct seen *b);

#endif
