#include "clients/cli/answer.h"

#include <string.h>

#include "clients/cli/grid.h"
#include "clients/cli/terminal.h"
#include "tests/table.h"

typedef Halftone__V1__Value value;

static value text(const char *s)
{
    value v;
    halftone__v1__value__init(&v);
    v.kind_case = HALFTONE__V1__VALUE__KIND_TEXT_VALUE;
    v.text_value = (char *)(uintptr_t)s;
    return v;
}

static value whole(int64_t n)
{
    value v;
    halftone__v1__value__init(&v);
    v.kind_case = HALFTONE__V1__VALUE__KIND_INT_VALUE;
    v.int_value = n;
    return v;
}

static value real(double d)
{
    value v;
    halftone__v1__value__init(&v);
    v.kind_case = HALFTONE__V1__VALUE__KIND_DOUBLE_VALUE;
    v.double_value = d;
    return v;
}

static value null(void)
{
    value v;
    halftone__v1__value__init(&v);
    v.kind_case = HALFTONE__V1__VALUE__KIND_NULL_VALUE;
    return v;
}

static Halftone__V1__Interval interval(Halftone__V1__Interval__Kind kind,
                                       double lo, double hi)
{
    Halftone__V1__Interval i;
    halftone__v1__interval__init(&i);
    i.kind = kind;
    i.lo = lo;
    i.hi = hi;
    return i;
}

enum { ROWS = 3, COLUMNS = 3 };

/* Three rows of a key, a count and a mean. */
static value cells[ROWS][COLUMNS];
static Halftone__V1__Interval intervals[ROWS][COLUMNS];
static Halftone__V1__Row rows_of[ROWS];
static Halftone__V1__Column columns[COLUMNS];
static Halftone__V1__Receipt receipt;

static void make_cells(void)
{
    const Halftone__V1__Interval none =
        interval(HALFTONE__V1__INTERVAL__KIND__NONE, 0, 0);
    static const double around[ROWS][2] = { { 1134, 1334 },
                                            { -106, 94 },
                                            { 0, 12 } };
    const value made[ROWS][COLUMNS] = {
        { text("a,\"b"), whole(1234), real(2.345678) },
        { text(""), whole(-6), real(1e6) },
        { null(), whole(7), null() },
    };
    memcpy(cells, made, sizeof cells);
    for (size_t r = 0; r < ROWS; r++) {
        intervals[r][0] = intervals[r][2] = none;
        intervals[r][1] = interval(HALFTONE__V1__INTERVAL__KIND__BOUNDED,
                                   around[r][0], around[r][1]);
    }
    intervals[0][2] =
        interval(HALFTONE__V1__INTERVAL__KIND__BOUNDED, 2.245678, 2.445678);
    intervals[1][2] = interval(HALFTONE__V1__INTERVAL__KIND__UNBOUNDED, 0, 0);
}

static void make_rows(Halftone__V1__QueryReply *m)
{
    static value *cell_refs[ROWS][COLUMNS];
    static Halftone__V1__Interval *interval_refs[ROWS][COLUMNS];
    static Halftone__V1__Row *row_refs[ROWS];
    for (size_t r = 0; r < ROWS; r++) {
        for (size_t c = 0; c < COLUMNS; c++) {
            cell_refs[r][c] = &cells[r][c];
            interval_refs[r][c] = &intervals[r][c];
        }
        halftone__v1__row__init(&rows_of[r]);
        rows_of[r].n_cells = rows_of[r].n_intervals = COLUMNS;
        rows_of[r].cells = cell_refs[r];
        rows_of[r].intervals = interval_refs[r];
        row_refs[r] = &rows_of[r];
    }
    m->n_rows = ROWS;
    m->rows = row_refs;
}

static void make_columns(Halftone__V1__QueryReply *m)
{
    static char names[COLUMNS][2] = { "k", "n", "m" };
    static const Halftone__V1__ValueType types[] = {
        HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_TEXT,
        HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_INT,
        HALFTONE__V1__VALUE_TYPE__VALUE_TYPE_DOUBLE
    };
    static Halftone__V1__Column *column_refs[COLUMNS];
    for (size_t c = 0; c < COLUMNS; c++) {
        halftone__v1__column__init(&columns[c]);
        columns[c].name = names[c];
        columns[c].type = types[c];
        columns[c].is_key = c == 0;
        column_refs[c] = &columns[c];
    }
    m->n_columns = COLUMNS;
    m->columns = column_refs;
}

static void make_reply(Halftone__V1__QueryReply *m)
{
    static char id[] = "00c0ffee", note[] = "a\x1b[2Jnote";
    static char *notes[] = { note };
    halftone__v1__query_reply__init(m);
    make_cells();
    make_rows(m);
    make_columns(m);
    halftone__v1__receipt__init(&receipt);
    receipt.query_id = id;
    receipt.rho_pico = 224020278;
    receipt.epsilon = 0.10657864;
    receipt.delta = 5.005000001e-9;
    receipt.remaining_rho_pico = 223796259568;
    receipt.as_of_us = 1000000;
    m->level = 0.95;
    m->receipt = &receipt;
    m->n_notices = 1;
    m->notices = notes;
}

static void print(char *out, size_t cap, enum output_format format)
{
    Halftone__V1__QueryReply m;
    struct arena a;
    struct err err;
    arena_init(&a, 1 << 20);
    make_reply(&m);
    FILE *f = fmemopen(out, cap, "w");
    FILE *other = fmemopen(NULL, 4096, "w");
    assert_true(f && other);
    struct terminal t = { .out = f, .err = other, .out_columns = 80 };
    assert_int_equal(answer_print(&m, format, &t, &a, &err), ERR_OK);
    assert_int_equal(fclose(f) | fclose(other), 0);
    arena_fini(&a);
}

static const struct row {
    const char *name;
    enum output_format format;
    const char *want;
} rows[] = {
    { "a table rounds to what is certain and escapes what is foreign",
      FORMAT_TABLE,
      "k         n      95 %          m       95 %\n"
      "────  ─────  ────────  ─────────  ─────────\n"
      "a,\"b  1,234      ±100       2.35      ±0.10\n"
      "         -6      ±100  1,000,000  unbounded\n"
      "NULL      7  [0 … 12]       NULL\n\n" },
    { "csv is exact: NULL is nothing, empty text is quoted", FORMAT_CSV,
      "k,n,n_low,n_high,m,m_low,m_high\r\n"
      "\"a,\"\"b\",1234,1134,1334,2.345678,2.245678,2.445678\r\n"
      "\"\",-6,-106,94,1000000,-inf,inf\r\n"
      ",7,0,12,,,\r\n" },
    { "json has its fixed shape", FORMAT_JSON,
      "{\"columns\":[{\"name\":\"k\",\"type\":\"text\"},{\"name\":\"n\","
      "\"type\":\"int\"},{\"name\":\"m\",\"type\":\"double\"}],"
      "\"rows\":[[\"a,\\\"b\",1234,2.345678],[\"\",-6,1000000],"
      "[null,7,null]],\"intervals\":[[null,[1134,1334],[2.245678,2.445678]],"
      "[null,[-106,94],[null,null]],[null,[0,12],null]],"
      "\"receipt\":{\"query_id\":\"00c0ffee\",\"rho\":0.000224020278,"
      "\"epsilon\":0.10657864,\"remaining_rho\":0.223796259568,"
      "\"cached\":false,\"as_of\":\"1970-01-01T00:00:01Z\"" },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    static char out[8192];
    print(out, sizeof out, row->format);
    print_message("%s\n", out);
    if (row->format == FORMAT_TABLE) {
        assert_null(strchr(out, '\x1b'));
        assert_non_null(strstr(out, "note: a\\x1b[2Jnote\n"));
        assert_non_null(strstr(out, "cost rho 0.0002241 (epsilon 0.107 at "
                                    "delta 5.01e-9); rho 0.2237 left; query "
                                    "00c0ffee\n"));
    }
    assert_memory_equal(out, row->want, strlen(row->want));
}

static void an_interval_is_a_half_width_when_its_halves_look_alike(void **state)
{
    static const struct {
        double value, lo, hi;
        unsigned decimals;
        const char *want;
    } cases[] = {
        { 39231, 38098, 40364, 0,
          "\xc2\xb1"
          "1,133" },
        { 39231, 38098, 40365, 0,
          "\xc2\xb1"
          "1,134" },
        { 39231, 38097.4, 40364.1, 0,
          "\xc2\xb1"
          "1,134" },
        { 0.1482, 0.1362, 0.1605, 3,
          "\xc2\xb1"
          "0.012" },
        { 39231, 38098, 40366, 0, "[38,098 \xe2\x80\xa6 40,366]" },
        { 3, 0, 7, 0, "[0 \xe2\x80\xa6 7]" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const Halftone__V1__Interval at = interval(
            HALFTONE__V1__INTERVAL__KIND__BOUNDED, cases[i].lo, cases[i].hi);
        struct arena a;
        arena_init(&a, 1 << 12);
        assert_string_equal(
            answer_interval(cases[i].value, &at, cases[i].decimals, &a),
            cases[i].want);
        arena_fini(&a);
    }
}

/* A plan is a column of long text: its rule ends where the screen does. */
static void a_rule_ends_with_the_screen(void **state)
{
    static const char wide[] =
        "a line of a hundred columns or so, longer than any rule should be "
        "however wide the text below it is";
    struct grid_column column = { "plan", GRID_TEXT };
    const char *lines[] = { wide };
    const struct grid g = {
        .columns = &column, .n_columns = 1, .cells = lines, .n_rows = 1
    };
    static const size_t screens[] = { 2, 40, 80, 500 };
    (void)state;
    for (size_t i = 0; i < sizeof screens / sizeof screens[0]; i++) {
        static const char dash[] = "\xe2\x94\x80";
        char out[2048] = "";
        struct arena a;
        struct err err;
        size_t dashes = 0;
        arena_init(&a, 1 << 16);
        FILE *f = fmemopen(out, sizeof out, "w");
        assert_non_null(f);
        struct terminal t = { .out = f, .out_columns = screens[i] };
        assert_int_equal(grid_print_table(&g, &t, &a, &err), ERR_OK);
        assert_int_equal(fclose(f), 0);
        for (const char *at = out; (at = strstr(at, dash)); at += 3)
            dashes++;
        assert_int_equal(dashes, screens[i] < 4              ? 4
                                 : screens[i] < strlen(wide) ? screens[i]
                                                             : strlen(wide));
        assert_non_null(strstr(out, wide));
        arena_fini(&a);
    }
}

/* Of an answer it is SQL's NULL; of a list it is nothing worth a word. */
static void what_has_no_value_is_told_apart(void **state)
{
    struct grid_column heads[] = { { "who", GRID_TEXT }, { "n", GRID_NUMBER } };
    const char *texts[] = { "ana", NULL };
    static const struct {
        bool is_answer, blocks;
        const char *want;
    } cases[] = {
        { true, false, "ana  NULL\n" },
        { false, false, "ana  -\n" },
        { false, true, "who  ana\nn    -\n" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct grid g = { .columns = heads,
                                .n_columns = 2,
                                .cells = texts,
                                .n_rows = 1,
                                .is_answer = cases[i].is_answer };
        char out[256] = "";
        struct arena a;
        struct err err;
        arena_init(&a, 1 << 12);
        FILE *f = fmemopen(out, sizeof out, "w");
        assert_non_null(f);
        struct terminal t = { .out = f, .out_columns = 80 };
        assert_int_equal((cases[i].blocks ? grid_print_long : grid_print)(
                             &g, FORMAT_TABLE, &t, &a, &err),
                         ERR_OK);
        assert_int_equal(fclose(f), 0);
        if (!strstr(out, cases[i].want))
            fail_msg("%s", out);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            an_interval_is_a_half_width_when_its_halves_look_alike),
        cmocka_unit_test(a_rule_ends_with_the_screen),
        cmocka_unit_test(what_has_no_value_is_told_apart),
    };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
