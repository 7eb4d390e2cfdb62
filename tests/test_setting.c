#include "server/query/setting.h"

#include <string.h>

#include "server/query/refusal.h"
#include "server/sql/script.h"
#include "tests/table.h"

/* Settings as SQL, and what a request says then: purpose, accuracy, rho,
 * epsilon, intervals, bounds_report. */
static const struct row {
    const char *name; /* the SQL */
    const char *want;
} rows[] = {
    { "SELECT count(*) FROM t", "base|||||off|off|refused" },
    { "SET halftone.purpose = 'other'; SELECT count(*) FROM t",
      "other|||||off|off|refused" },
    { "SET halftone.dashboard = weekly; SELECT count(*) FROM t",
      "base|weekly||||off|off|refused" },
    { "SET halftone.dashboard = weekly; RESET halftone.dashboard; SELECT "
      "count(*) FROM t",
      "base|||||off|off|refused" },
    { "SET halftone.purpose TO other; SELECT count(*) FROM t",
      "other|||||off|off|refused" },
    { "set session halftone.accuracy = '5%'; select 1 from t",
      "base||5%|||off|off|refused" },
    { "set local halftone.accuracy = '\302\261"
      "100@99%'; select 1 from t",
      "base||100@99%|||off|off|refused" },
    { "set halftone.accuracy = 100; select 1 from t",
      "base||100|||off|off|refused" },
    { "set halftone.rho = 0.01; select 1 from t",
      "base|||0.01||off|off|refused" },
    { "set halftone.epsilon = '0.5'; select 1 from t",
      "base||||0.5|off|off|refused" },
    { "set halftone.rho = 0.01; set halftone.accuracy = '5%'; select 1 from t",
      "base||5%|||off|off|refused" },
    { "set halftone.intervals = on; set halftone.bounds_report = true; select "
      "1 from t",
      "base|||||on|on|refused" },
    { "SET HALFTONE.Intervals = 1; SET halftone.intervals = 'No'; SELECT 1 "
      "FROM t",
      "base|||||off|off|refused" },
    { "set halftone.intervals = on; reset halftone.intervals; select 1 from t",
      "base|||||off|off|refused" },
    { "set halftone.purpose = x; set halftone.rho = 1; reset all; select 1 "
      "from t",
      "base|||||off|off|refused" },
    { "set halftone.rho = 1; reset halftone.accuracy; select 1 from t",
      "base|||1||off|off|refused" },
    { "set halftone.rho = 1; set halftone.rho to default; select 1 from t",
      "base|||||off|off|refused" },
    { "set halftone.rho = 1; show halftone.rho", "base|||1||off|off|refused" },
    { "SET halftone.rows = probe; SELECT 1 FROM t", "base|||||off|off|probe" },
    { "SET halftone.rows = 'None'; SELECT 1 FROM t", "base|||||off|off|none" },
    { "SET halftone.rows = none; RESET halftone.rows; SELECT 1 FROM t",
      "base|||||off|off|refused" },
    { ";; set halftone.rho = 2 ;; select 1 from t;",
      "base|||2||off|off|refused" },
};

static enum err_code apply(struct request *req, const char *sql,
                           struct arena *a, struct err *err)
{
    const struct request base = *req;
    struct sql_script script;
    TRY(sql_script_parse(&script, sql, strlen(sql), a, err));
    for (size_t i = 0; i < script.n_sets; i++) {
        const struct sql_setting *s = &script.sets[i];
        const enum err_code code =
            s->value ? setting_set(req, s->name, s->value, a, err)
                     : setting_reset(req, &base, s->name, err);
        const struct place at = code == ERR_NOT_FOUND ? s->at : s->value_at;
        if (code != ERR_OK)
            return err_at(err, at.line, at.col);
    }
    return ERR_OK;
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct request req = { .purpose = "base" };
    char text[512];
    struct writer w = writer_of(text, sizeof text);
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 22);
    if (apply(&req, row->name, &a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    for (unsigned s = 0; s < SETTING_COUNT; s++)
        writer_printf(&w, "%s%s", s ? "|" : "",
                      setting_show(&req, (enum setting)s, &a));
    assert_non_null(writer_cstr(&w));
    assert_string_equal(text, row->want);
    arena_fini(&a);
}

static const struct refused {
    const char *name;
    enum err_code code;
    const char *reason; /* of the parser; or NULL */
    unsigned line, col;
} refused[] = {
    { "SET halftone.acuracy = '5%'; SELECT 1 FROM t", ERR_NOT_FOUND, NULL, 1,
      5 },
    { "SET halftone.rho = 1;\n  SET  halftone.nothing = 1; SELECT 1 FROM t",
      ERR_NOT_FOUND, NULL, 2, 8 },
    { "RESET halftone.nothing; SELECT 1 FROM t", ERR_NOT_FOUND, NULL, 1, 7 },
    { "SET search_path = shop; SELECT 1 FROM t", ERR_NOT_FOUND, NULL, 1, 5 },
    { "SET halftone.accuracy = 'good'; SELECT 1 FROM t", ERR_INVALID, NULL, 1,
      25 },
    { "SET halftone.accuracy = '-5%'; SELECT 1 FROM t", ERR_INVALID, NULL, 1,
      25 },
    { "SET halftone.accuracy = 'nan'; SELECT 1 FROM t", ERR_INVALID, NULL, 1,
      25 },
    { "SET halftone.rows = few; SELECT 1 FROM t", ERR_INVALID, NULL, 1, 21 },
    { "SET halftone.rho = 0; SELECT 1 FROM t", ERR_INVALID, NULL, 1, 20 },
    { "SET halftone.rho = -1; SELECT 1 FROM t", ERR_INVALID, NULL, 1, 20 },
    { "SET halftone.epsilon = inf; SELECT 1 FROM t", ERR_INVALID, NULL, 1, 24 },
    { "SET halftone.intervals = maybe; SELECT 1 FROM t", ERR_INVALID, NULL, 1,
      26 },
    { "SET halftone.rho = 1, 2; SELECT 1 FROM t", ERR_REFUSED, "set_value", 1,
      1 },
    { "SELECT 1 FROM t; SET halftone.rho = 1", ERR_REFUSED, "set_order", 1,
      18 },
    { "SELECT 1 FROM t; SELECT 2 FROM t", ERR_INVALID, "text_many", 1, 18 },
    { "SHOW halftone.rho; SELECT 1 FROM t", ERR_INVALID, "text_many", 1, 20 },
    { "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT 1 FROM t",
      ERR_REFUSED, "set_kind", 1, 1 },
    { "DELETE FROM t", ERR_REFUSED, "statement", 1, 1 },
    { "", ERR_INVALID, "text_empty", 0, 0 },
};

static void check_refused(void **state)
{
    const struct refused *row = *state;
    struct request req = { .purpose = "base" };
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 22);
    assert_int_equal(apply(&req, row->name, &a, &err), row->code);
    assert_true(err.hint[0] != '\0');
    if (row->reason && (!err.reason || strcmp(err.reason, row->reason) != 0))
        fail_msg("%s: %s", err.reason ? err.reason : "-", err.msg);
    if (err.line != row->line || err.col != row->col)
        fail_msg("%u:%u: %s", err.line, err.col, err.msg);
    arena_fini(&a);
}

/* What another port calls a setting is met by what it is called here. */
static void check_elsewhere(void **state)
{
    struct request req = { .purpose = "base" };
    struct arena a;
    struct err err = { 0 };
    (void)state;
    arena_init(&a, 1 << 16);
    assert_int_equal(setting_reset(&req, &req, "halftone.budget", &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "'halftone budget' tells"));
    assert_int_equal(setting_reset(&req, &req, "tables", &err), ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "'halftone describe' shows"));
    assert_int_equal(setting_reset(&req, &req, "halftone.acuracy", &err),
                     ERR_NOT_FOUND);
    assert_string_equal(err.hint, "did you mean halftone.accuracy?");
    assert_int_equal(setting_reset(&req, &req, "purpose", &err), ERR_NOT_FOUND);
    assert_string_equal(err.hint, "did you mean halftone.purpose?");
    assert_int_equal(setting_reset(&req, &req, "halftone.weather", &err),
                     ERR_NOT_FOUND);
    assert_non_null(strstr(err.hint, "there are halftone.purpose, "));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest single[] = { cmocka_unit_test(check_elsewhere) };
    sql_init();
    return RUN_ROWS(rows, check_row) + RUN_ROWS(refused, check_refused) +
           cmocka_run_group_tests(single, NULL, NULL);
}
