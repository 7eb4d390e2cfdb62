#ifndef CONSENT_ERASE_H
#define CONSENT_ERASE_H

#include "server/consent/consent.h"

/*
 * Erasure of a person, in one transaction of the register and then wherever her
 * rows lie:
 *
 *   asked --> SUPPRESSED --list signed--> HANDED --owner says so--> DONE
 *                 ^   '-------- the server deletes her rows --------->'
 *                 |                                                   |
 *                 '---- found (again) in the data <-- looked at --> VERIFIED
 *
 *   - At once: she counts for nothing, under every basis; the key that opens
 *     what is told beside her decisions is destroyed, and what is left of them
 *     is linked with nobody.
 *   - Kept: her pseudonym, by which she is known when old data are put back,
 *     and the times.  Data that hold her again are suppressed all the same, and
 *     what was done is to be done again.
 *   - She comes back by a yes that she says afterwards, once every dataset was
 *     found to be without her: then she counts for the purposes she said yes to
 *     since, and for no others.
 *   - Asked twice it is one erasure.  Somebody unknown is erased alike.
 *
 * States belong to a dataset: each of those that share the register's people
 * has its own.  Any thread.
 */
enum erasure_state {
    ERASURE_SUPPRESSED = 1,
    ERASURE_HANDED,
    ERASURE_DONE,
    ERASURE_VERIFIED,
    ERASURE_STATES
};
const char *erasure_state_name(enum erasure_state s);

/* Times are microseconds since 1970; 0: not yet. */
struct erasure_place {
    const char *dataset;
    enum erasure_state state;
    uint64_t list; /* the first one she is on; 0: none */
    int64_t handed_us, done_us, verified_us;
    int64_t found_us; /* again, after it was done */
};

struct erasure {
    uint64_t number;
    int64_t asked_us, recorded_us; /* suppressed since the latter */
    int64_t deadline_us;
    int64_t back_us; /* she came back */
    bool was_there;  /* asked before */
    struct erasure_place *places;
    size_t n_places;
};

struct erasure_request {
    const char *subject; /* the identifier; is not stored */
    int64_t asked_us;    /* 0: now.  One no later than that of an erasure which
                            is there is the same request, whatever she did since
                          */
    uint64_t deadline_s;
    const char *const *datasets; /* that have the circle's people */
    size_t n_datasets;
};

/*
 * ERR_INVALID      no key of the dataset, or a time that cannot be
 * ERR_LIMIT        no memory
 * ERR_UNAVAILABLE  the file could not be written: nothing was erased
 */
enum err_code consent_erase(struct consent *c, struct consent_circle *circle,
                            const struct erasure_request *r,
                            struct erasure *out, struct arena *a,
                            struct err *err) MUST_CHECK;

/* How far it is.  ERR_NOT_FOUND: none was asked for; else as above. */
enum err_code consent_erasure(struct consent *c, struct consent_circle *circle,
                              const char *subject, struct erasure *out,
                              struct arena *a, struct err *err) MUST_CHECK;

/* The same of whom a receipt (receipt.h) names, who is to be the subject. */
enum err_code consent_erasure_of(struct consent *c,
                                 struct consent_circle *circle,
                                 const char *subject, const char *receipt,
                                 size_t len, struct erasure *out,
                                 struct arena *a, struct err *err) MUST_CHECK;

/* Erasures after number `after`, at most n of them, with one place each: that
 * of `dataset`. */
enum err_code consent_erasures(struct consent *c, struct consent_circle *circle,
                               const char *dataset, uint64_t after,
                               struct erasure **out, size_t *n, struct arena *a,
                               struct err *err) MUST_CHECK;

/* How many of a dataset's are how far; late: not verified after its deadline.
 */
struct erasure_counts {
    uint64_t in[ERASURE_STATES], late;
};
enum err_code consent_erasure_counts(struct consent *c,
                                     struct consent_circle *circle,
                                     const char *dataset,
                                     struct erasure_counts *out,
                                     struct err *err) MUST_CHECK;

/* The dataset has the circle's people, too: erasures of before are to be done
 * in it. */
enum err_code consent_erasure_cover(struct consent *c,
                                    struct consent_circle *circle,
                                    const char *dataset,
                                    struct err *err) MUST_CHECK;

/* ---- lists for owners ---- */

struct erasure_list {
    uint64_t number;
    int64_t made_us;
};
/* A number for a list; whoever was erased until then is to be on it. */
enum err_code consent_list_new(struct consent *c, struct consent_circle *circle,
                               const char *dataset, struct erasure_list *out,
                               struct err *err) MUST_CHECK;
/* It is signed: what was SUPPRESSED when it was made is HANDED. */
enum err_code consent_list_handed(struct consent *c,
                                  struct consent_circle *circle,
                                  const char *dataset,
                                  const struct erasure_list *list,
                                  struct err *err) MUST_CHECK;
/* The owner did what it says.  *was_there: said before, and nothing changed.
 * ERR_NOT_FOUND: the dataset has no such list. */
enum err_code consent_list_confirm(struct consent *c,
                                   struct consent_circle *circle,
                                   const char *dataset, uint64_t list,
                                   bool *was_there, struct err *err) MUST_CHECK;

/* ---- what the data say ---- */

/* Somebody begins to look at the data: whoever was erased until *looked_us is
 * in what consent_pin_erased gives from now on. */
enum err_code consent_erasure_look(struct consent *c, int64_t *looked_us,
                                   struct err *err) MUST_CHECK;

struct erasure_seen {
    const char *dataset;
    int64_t looked_us;  /* when that began: what was done later waits */
    int64_t deleted_us; /* the server deleted the rows of whoever was erased
                           until then; 0: it did not */
    const char *const *subjects; /* erased, and in the data */
    size_t n_subjects;
};
/* What was done and is not in the data is VERIFIED; what is in them and was
 * done is SUPPRESSED again. */
enum err_code consent_erasure_seen(struct consent *c,
                                   struct consent_circle *circle,
                                   const struct erasure_seen *seen,
                                   struct err *err) MUST_CHECK;

/* For the engines' gate: whose rows are to go.  Given back by people_unpin. */
const struct people_view *consent_pin_erased(struct consent *c);

#endif
