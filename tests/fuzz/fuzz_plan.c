/*
 * Any SQL over the shop of lib_plan.h: the planner never crashes, an error says
 * what and how to go on, and what is planned is a statement that the engine
 * accepts, and runs over awkward values without an error.
 * Corpus: tests/fuzz/corpus/plan.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

enum { ARENA_MAX = 32 * 1024 * 1024, TABLES_MAX = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct plan_db db;

static const char *const AWKWARD =
    "INSERT INTO src.buys SELECT who, t, 'a', t, i, d, d, d, TRUE, day, ts, t, "
    "t FROM (VALUES (1, '', 9223372036854775807, CAST('NaN' AS DOUBLE), "
    "CAST('infinity' AS DATE), CAST('-infinity' AS TIMESTAMP)), (1, '%_\\', 0, "
    "CAST('inf' AS DOUBLE), DATE '0001-01-01', TIMESTAMP '9999-12-31'), (2, "
    "NULL, -9223372036854775808, 1e308, NULL, NULL), (NULL, 'x', 1, -0.0, DATE "
    "'2024-02-03', TIMESTAMP '2024-02-03'), (2, 'infinity', 5, 2.5, DATE "
    "'2024-01-05', TIMESTAMP '2024-01-05 10:00:00')) v(who, t, i, d, day, ts); "
    "INSERT INTO src.trips VALUES (1, '', 9223372036854775807, DATE "
    "'2024-01-01'), (1, '290000-01-01', -1, NULL), (3, 'x', 2, CAST('infinity' "
    "AS "
    "DATE)); "
    "INSERT INTO src.towns VALUES ('', 1), ('x', 9223372036854775807), (NULL, "
    "NULL)";

struct input {
    const char *text;
    size_t len;
};

/* Few enough that their product stays small. */
static bool is_small(const char *sql)
{
    size_t n = 0;
    while ((sql = strstr(sql, "src.")) != NULL) {
        n++;
        sql += 4;
    }
    return n <= TABLES_MAX;
}

static void check_statement(const struct plan *plan)
{
    duckdb_prepared_statement stmt;
    const duckdb_state rc = duckdb_prepare(db.conn, plan->sql, &stmt);
    REQUIRE(rc == DuckDBSuccess);
    duckdb_destroy_prepare(&stmt);
    if (!is_small(plan->sql))
        return;
    char *got = plan_db_answer(&db, plan, 7);
    REQUIRE(got);
    free(got);
}

/* Earlier releases answer nothing. */
static void check_plan(const struct plan *plan, struct arena *a)
{
    const struct reply_table none[PLAN_CHAIN_MAX] = { { 0 } };
    struct plan bound = *plan;
    struct err err = { 0 };
    if (plan->is_free)
        return;
    REQUIRE(plan->n_measures > 0 && plan->l0 > 0 && plan->linf > 0);
    for (size_t i = 0; i < plan->n_before; i++)
        check_plan(plan->before[i], a);
    if (plan->n_before > 0)
        REQUIRE(plan_bind(&bound, plan, none, a, &err) == ERR_OK);
    check_statement(&bound);
}

static void *run(void *arg)
{
    const struct input *in = arg;
    const struct request req = { .purpose = "stats" };
    struct arena a;
    struct err err = { 0 };
    struct select *tree = NULL;
    struct plan *plan = NULL;
    arena_init(&a, ARENA_MAX);
    if (sql_parse(&tree, in->text, in->len, &a, &err) == ERR_OK) {
        const enum err_code code =
            plan_query(&plan, &req, tree, &plan_shop, &a, &err);
        REQUIRE(code != ERR_INTERNAL);
        REQUIRE((code == ERR_OK) == (plan != NULL));
        if (code == ERR_OK)
            check_plan(plan, &a);
        else
            REQUIRE(err.code == code && err.msg[0]);
    }
    arena_fini(&a);
    return NULL;
}

/* On a thread of its own with the stack the parser asks for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    struct input in = { (const char *)data, len };
    pthread_attr_t attr;
    pthread_t thread;
    if (!ready) {
        sql_init();
        plan_db_open(&db);
        plan_db_run(&db, AWKWARD);
    }
    ready = true;
    REQUIRE(pthread_attr_init(&attr) == 0);
    REQUIRE(pthread_attr_setstacksize(&attr, SQL_STACK_MIN) == 0);
    REQUIRE(pthread_create(&thread, &attr, run, &in) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    REQUIRE(pthread_attr_destroy(&attr) == 0);
    return 0;
}
