#ifndef TESTS_LIB_PGSAME_H
#define TESTS_LIB_PGSAME_H

#include "tests/lib_pgsource.h"

/*
 * One question, two engines: planned for tables in DuckDB and for the same
 * tables in a PostgreSQL (lib_pgsource.h), it gives the same exact integers
 * under one secret, or is refused there before it costs anything.
 */
enum { PGSAME_SECRET = 9 }; /* 32 times */

struct pgsame {
    const struct policy *here; /* of the DuckDB in db; borrowed */
    struct policy there;       /* the same, of the PostgreSQL */
    struct plan_db db;
    struct engine *engine; /* of `there` */
    struct value *params;
    size_t n_params;
    bool only_runs; /* values for which the engines may differ */
    bool verbose;   /* what is refused is printed: VERBOSE=1 */
    /* Statements that gave the same integers or others; questions that are
     * refused here alone, and by every engine. */
    unsigned same, differ, refused, other;
};

/* The tables of lib_pgsource.h, empty; then with `there` as it is, too. */
void pgsame_open(struct pgsame *s);
void pgsame_connect(struct pgsame *s);
void pgsame_close(struct pgsame *s);

/* Fails the test when a refusal of PostgreSQL's alone has another code than
 * engine_sql, no place, or no hint. */
void pgsame_ask(struct pgsame *s, const char *sql);

#endif
