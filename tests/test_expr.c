#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/table.h"

/*
 * Every operation against what PostgreSQL says (expr_values.def), twice: as the
 * engine computes it on a row of a table, and as the planner does on constants.
 */
enum source { A, B, Z };

static const struct row {
    const char *name; /* the expression */
    enum source from;
    const char *value;
} rows[] = {
#define ROW(from, expr, value) { expr, from, value },
#include "tests/expr_values.def"
#undef ROW
};

/* Columns and their values in each row, as SQL. */
static const char *const COLUMNS[] = { "n", "free", "city", "at", "day", "ok" };
enum { N_COLUMNS = sizeof COLUMNS / sizeof COLUMNS[0] };
static const char *const VALUES[][N_COLUMNS] = {
    [A] = { "7", "2.5", "'Hello'", "TIMESTAMP '2024-05-05 10:11:12.345678'",
            "DATE '2024-02-29'", "TRUE" },
    [B] = { "-7", "-2.5", "'  a,b,c '", "TIMESTAMP '0001-01-01 00:00:00'",
            "DATE '2023-12-31'", "FALSE" },
    [Z] = { "CAST(NULL AS int)", "CAST(NULL AS double precision)",
            "CAST(NULL AS text)", "CAST(NULL AS timestamp)",
            "CAST(NULL AS date)", "CAST(NULL AS boolean)" },
};

static struct plan *planned(const char *sql, struct arena *a)
{
    const struct request req = { .purpose = "stats" };
    struct plan *plan = NULL;
    struct err err = { 0 };
    if (plan_sql(&plan, sql, &req, &plan_shop, a, &err) != ERR_OK)
        fail_msg("%s: %s (%s)", sql, err.msg, err.hint);
    return plan;
}

static void check_engine(void **state)
{
    static struct plan_db db;
    static bool open;
    const struct row *row = *state;
    struct arena a;
    char sql[1024];

    if (!open) {
        plan_db_open(&db);
        open = true;
    }
    plan_db_run(&db, "DELETE FROM src.buys");
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO src.buys(who, n, free, city, \"at\", day, ok) "
                   "VALUES (1, %s, %s, %s, %s, %s, %s)",
                   VALUES[row->from][0], VALUES[row->from][1],
                   VALUES[row->from][2], VALUES[row->from][3],
                   VALUES[row->from][4], VALUES[row->from][5]);
    plan_db_run(&db, sql);
    arena_init(&a, 1 << 22);
    (void)snprintf(sql, sizeof sql,
                   "SELECT COUNT(*) FILTER (WHERE (%s) IS NOT DISTINCT FROM "
                   "%s) FROM buys",
                   row->name, row->value);
    const struct plan *plan = planned(sql, &a);
    char *got = plan_db_answer(&db, plan, 1);
    assert_non_null(got);
    if (strcmp(got, "1\n") != 0)
        print_error("%s\n", plan->sql);
    assert_string_equal(got, "1\n");
    free(got);
    arena_fini(&a);
}

static bool is_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* `expr` with each column outside quotes replaced by its value. */
static void with_values(char *out, size_t cap, const struct row *row)
{
    const char *e = row->name;
    struct writer w = writer_of(out, cap);
    bool quoted = false;
    while (*e) {
        size_t len = 0, c = N_COLUMNS;
        quoted ^= *e == '\'';
        while (!quoted && is_word(e[len]))
            len++;
        for (size_t i = 0; i < N_COLUMNS && len > 0; i++)
            if (strlen(COLUMNS[i]) == len && strncmp(COLUMNS[i], e, len) == 0)
                c = i;
        if (c < N_COLUMNS)
            writer_printf(&w, "(%s)", VALUES[row->from][c]);
        else
            writer_bytes(&w, e, len ? len : 1);
        e += len ? len : 1;
    }
    assert_true(writer_cstr(&w));
}

/* Constant: no row is left of what must be true, so the plan is free. */
static void check_constant(void **state)
{
    const struct row *row = *state;
    char expr[768], sql[1024];
    struct arena a;
    arena_init(&a, 1 << 22);
    with_values(expr, sizeof expr, row);
    (void)snprintf(sql, sizeof sql,
                   "SELECT COUNT(*) FROM buys WHERE (%s) IS DISTINCT FROM %s",
                   expr, row->value);
    const struct plan *plan = planned(sql, &a);
    if (!plan->is_free)
        print_error("%s\n", sql);
    assert_true(plan->is_free);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(rows, check_engine) + RUN_ROWS(rows, check_constant);
}
