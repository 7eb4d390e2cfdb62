#ifndef NEIGHBOUR_SIDE_H
#define NEIGHBOUR_SIDE_H

#include <stdio.h>

#include "server/ledger/log.h"
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
    struct engine *inner; /* the real one; dataset.engine stands before it */
    struct engine spy;    /* keeps the statements that the engine is given */
    bool spares; /* it runs what stands in for those that need much memory */
    struct consent *consent; /* the register, where the policy has one */
    int64_t decided;         /* decisions in it */
    FILE *statements;
    struct ledger_log *leaves; /* of the audit log, to read */
    uint64_t n_leaves;         /* read so far */
    gsl_rng *rng;
    unsigned renewed; /* times */
};

/* The time that it is: 2025-01-01. */
#define SIDE_NOW_US INT64_C(1735689600000000)

/* Aborts with a message when the shop cannot be opened. */
void side_open(struct side *s, const char *policy, const char *dir);
void side_close(struct side *s);
void side_die(const char *what, const struct err *err);

/* side_register.c.  Of side_open: where the policy has a register. */
void side_open_register(struct side *s);

/* A person decides, or is erased (SHOP_ERASED), later than all before; nothing
 * where there is no register. */
void side_decide(struct side *s, unsigned person, enum consent_state state);

/* Does the register let her count?  Where there is none, everybody does. */
bool side_counts(const struct side *s, unsigned person);

/* The dataset under another identity: its budget is whole again. */
void side_renew(struct side *s);

/*
 * Everything one can see of an answer, and what the engine is told.  What must
 * be alike on both sides is one more member here and one more line of
 * seen_differ().
 */
struct seen {
    enum err_code code;
    char *text;       /* the reply as text, or the error; owned */
    double first;     /* the first number that is no key, of the first row */
    char *log;        /* lines logged, without times and ids; owned */
    char *statements; /* the engine's SQL; owned */
    char *metrics;    /* counters that moved, but for times; owned */
    char *leaves;     /* entries of the audit log, but for ids; owned */
    uint64_t slot_ns; /* strict mode: from when the worker began until it
                         leaves; 0 = at once */
    struct dp_price spent;  /* by this question, from the ledger */
    struct dp_price before; /* spent before it */
};

/*
 * What is asked beside the SQL stands in a comment in front of it:
 * "report intervals rho=1 epsilon=1 accuracy=10 relative=0.1 level=0.9 groups=2
 * rows=3".  Several questions with SIDE_AND between them are a batch, one
 * charge for all.  Parameters: $1 = 2, $2 = 'books', $3 = 2024-02-01.
 */
enum { SIDE_PARAMS = 3 };
#define SIDE_AND " ;; "
void side_request(struct request *out, struct value params[SIDE_PARAMS],
                  const char *sql);

/* Ask; the caller frees with seen_fini(). */
void side_ask(struct seen *out, struct side *s, const char *sql);
void seen_fini(struct seen *s);

/* What differs, or NULL.  Static. */
const char *seen_differ(const struct seen *a, const struct seen *b);

#endif
