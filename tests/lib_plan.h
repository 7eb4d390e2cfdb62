#ifndef TESTS_LIB_PLAN_H
#define TESTS_LIB_PLAN_H

#include <duckdb.h>

#include "server/plan/plan.h"

/*
 * A small shop to plan against: table shop.buys, 24 rows a person at most.
 *
 *   who    BIGINT     the privacy key
 *   land   VARCHAR    domain AT, DE, FR; others are counted as 'other'
 *   kind   VARCHAR    domain a, b; others are dropped
 *   city   VARCHAR    no domain: selected
 *   n      BIGINT     range 0..10
 *   price  DOUBLE     range -1..7.5, grid 2^-2
 *   free   DOUBLE     no range
 *   total  DOUBLE     range 0..100, person clamp 0..150, grid 1
 *   ok     BOOLEAN
 *   day    DATE       range 2024-01-01..2024-03-31
 *   at     TIMESTAMP  no range
 *   note   VARCHAR    may neither group nor filter
 *   home   VARCHAR    an attribute of the person; no domain
 *
 * L0 2 (at most 4), Linf 3 (at most 8); zcdp, default rho 0.1, at most 0.5;
 * 10^6 people, expected size 1000; grain one day.
 *
 * Beside it shop.trips (who, city, km 0..20, day) of the same people, and
 * shop.towns (city, zone 0..9), which is public.
 */
extern const struct policy plan_shop;

/* The same under pure: default epsilon 1, at most 4. */
extern const struct policy plan_shop_pure;

/* Parse and plan `sql`; req->sql is not read. */
enum err_code plan_sql(struct plan **out, const char *sql,
                       const struct request *req, const struct policy *policy,
                       struct arena *a, struct err *err);

/* An in-memory engine holding the tables, empty. */
struct plan_db {
    duckdb_database db;
    duckdb_connection conn;
};
void plan_db_open(struct plan_db *db);
void plan_db_close(struct plan_db *db);

/* Run a script; fails the test on error. */
void plan_db_run(struct plan_db *db, const char *sql);

/*
 * Run and finish the earlier releases of a chain without noise, and put their
 * answers into the plan's statement: *out.
 */
void plan_db_bind(struct plan_db *db, struct plan *out, const struct plan *plan,
                  struct arena *a);
/* ... of the earlier releases of `here`, the same question for this engine. */
void plan_db_bind_as(struct plan_db *db, struct plan *out,
                     const struct plan *plan, const struct plan *here,
                     struct arena *a);

/*
 * Run plan->sql with a secret of 32 times `secret`; rows sorted as text
 * "k0|k1|m0|m1\n"..., for free() by the caller; NULL and the engine's message
 * on stderr when it fails.
 */
char *plan_db_answer(struct plan_db *db, const struct plan *plan,
                     unsigned char secret);

/* The same, each measure in units of its column: "9.5" for 38 quarters. */
char *plan_db_units(struct plan_db *db, const struct plan *plan,
                    unsigned char secret);

#endif
