#include "clients/cli/options.h"

#include <string.h>

#include "clients/cli/target.h"
#include "server/base/writer.h"
#include "server/query/suggest.h"
#include "tests/table.h"

enum { WORDS = 6 };

/* What a command line says, as text: one line a flag that was set. */
static const char *shown(const struct options *o)
{
    static char text[1024];
    struct writer w = writer_of(text, sizeof text);
    if (o->target)
        writer_printf(&w, "target=%s ", o->target);
    if (o->file)
        writer_printf(&w, "file=%s ", o->file);
    if (o->accuracy.half_width > 0)
        writer_printf(&w, "accuracy=%g%s@%g ", o->accuracy.half_width,
                      o->accuracy.relative ? "x" : "", o->accuracy.level);
    if (o->rho > 0)
        writer_printf(&w, "rho=%g ", o->rho);
    if (o->level > 0)
        writer_printf(&w, "level=%g ", o->level);
    if (o->timeout_ms > 0)
        writer_printf(&w, "timeout=%llu ", (unsigned long long)o->timeout_ms);
    if (o->max_rows > 0)
        writer_printf(&w, "rows=%u ", o->max_rows);
    if (o->format != FORMAT_TABLE)
        writer_printf(&w, "format=%d ", (int)o->format);
    if (o->watch)
        writer_str(&w, "watch ");
    for (size_t i = 0; i < o->by.n; i++)
        writer_printf(&w, "by=%s ", o->by.items[i].value);
    for (size_t i = 0; i < o->n_args; i++)
        writer_printf(&w, "[%s]", o->args[i]);
    assert_true(writer_cstr(&w));
    return text;
}

static const struct row {
    const char *name;
    const char *words[WORDS];
    const char *want, *hint; /* hint: the words are wrong; want is in the msg */
} rows[] = {
    { "nothing", { NULL }, "", NULL },
    { "a value after a blank", { "--target", "a:1" }, "target=a:1 ", NULL },
    { "a value after an equals sign", { "--target=a:1" }, "target=a:1 ", NULL },
    { "the last of two counts",
      { "--target", "a", "--target", "b" },
      "target=b ",
      NULL },
    { "a letter", { "-f", "x.sql" }, "file=x.sql ", NULL },
    { "a letter and its value in one word", { "-ocsv" }, "format=1 ", NULL },
    { "a switch", { "-w" }, "watch ", NULL },
    { "words before, between and after",
      { "query", "--rho", "0.5", "SELECT 1" },
      "rho=0.5 [query][SELECT 1]",
      NULL },
    { "two dashes end the flags",
      { "--", "--rho", "-- a comment" },
      "[--rho][-- a comment]",
      NULL },
    { "one dash is a word", { "-" }, "[-]", NULL },
    { "a list", { "--by", "a", "--by", "b" }, "by=a by=b ", NULL },
    { "an accuracy",
      { "--accuracy", "\xc2\xb1"
                      "100@95%" },
      "accuracy=100@0.95 ",
      NULL },
    { "an accuracy in ASCII", { "-a+-2.5@0.9" }, "accuracy=2.5@0.9 ", NULL },
    { "a share", { "-a", "5%" }, "accuracy=0.05x@0 ", NULL },
    { "a level", { "--level", "99.9%" }, "level=0.999 ", NULL },
    { "milliseconds", { "--timeout", "500ms" }, "timeout=500 ", NULL },
    { "minutes", { "--timeout", "1.5m" }, "timeout=90000 ", NULL },
    { "an unknown flag near another",
      { "--taget", "a" },
      "no flag --taget",
      "did you mean --target?" },
    { "an unknown letter", { "-Z" }, "no flag --Z", "see halftone --help" },
    { "no value", { "--target" }, "--target needs a value: HOST:PORT", "" },
    { "a flag for a value",
      { "--target", "--rho", "1" },
      "--target needs a value",
      "" },
    { "a value for a switch", { "--watch=yes" }, "--watch takes no value", "" },
    { "an empty value", { "--target=" }, "--target: the value is empty", "" },
    { "a price of nothing", { "--rho", "0" }, "not a number above 0", "" },
    { "a price that is none", { "--rho", "nan" }, "not a number above 0", "" },
    { "a level of certainty",
      { "--level", "100%" },
      "not a confidence level",
      "write 95% or 0.95" },
    { "an accuracy of nothing",
      { "-a", "0" },
      "is not an accuracy",
      "write \xc2\xb1"
      "100@95%" },
    { "a negative accuracy", { "-a", "+--5" }, "is not an accuracy", "write" },
    { "half a row", { "--max-rows", "1.5" }, "not a whole number", "" },
    { "too many rows", { "--max-rows", "4294967296" }, "not a whole", "" },
    { "a time without end", { "--timeout", "31d" }, "not a time", "30 days" },
    { "no time", { "--timeout", "0" }, "not a time", "from 1ms" },
    { "another format", { "-o", "xml" }, "not table, csv or json", "" },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    const char *argv[WORDS + 1] = { "halftone" };
    struct options o;
    struct err err = { 0 };
    int argc = 1;
    for (; argc <= WORDS && row->words[argc - 1]; argc++)
        argv[argc] = row->words[argc - 1];
    const enum err_code code = options_parse(&o, argc, argv, &err);
    assert_int_equal(code, row->hint ? ERR_INVALID : ERR_OK);
    if (row->hint) {
        assert_non_null(strstr(err.msg, row->want));
        assert_non_null(strstr(err.hint, row->hint));
    } else {
        assert_string_equal(shown(&o), row->want);
    }
}

/* Whatever the order in which sources speak, the strongest is heard. */
static void check_sources(void **state)
{
    static const enum option_source order[][3] = {
        { FROM_ARGS, FROM_ENV, FROM_FILE },
        { FROM_FILE, FROM_ENV, FROM_ARGS },
        { FROM_ENV, FROM_ARGS, FROM_FILE },
    };
    static const char *const said[] = {
        [FROM_FILE] = "file", [FROM_ENV] = "env", [FROM_ARGS] = "args"
    };
    (void)state;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        struct options o = { 0 };
        struct err err;
        for (size_t j = 0; j < 3; j++)
            assert_int_equal(options_set(&o, FLAG_TARGET, said[order[i][j]],
                                         order[i][j], &err),
                             ERR_OK);
        assert_string_equal(o.target, "args");
    }
}

static void check_groups(void **state)
{
    const char *const argv[] = { "halftone", "--rho", "1" };
    struct options o;
    struct err err;
    (void)state;
    assert_int_equal(options_parse(&o, 3, argv, &err), ERR_OK);
    assert_int_equal(options_check_groups(&o, FOR_QUESTION, "query", &err),
                     ERR_OK);
    assert_int_equal(options_check_groups(&o, FOR_SERVER, "budget", &err),
                     ERR_INVALID);
    assert_string_equal(err.msg, "halftone budget takes no --rho");
}

static const struct target_row {
    const char *name, *text, *want; /* NULL: wrong */
} target_rows[] = {
    { "a host", "example.org", "example.org:7443" },
    { "a host and a port", "localhost:1", "localhost:1" },
    { "an IPv6 address", "[::1]", "[::1]:7443" },
    { "an IPv6 address and a port", "[::1]:65535", "[::1]:65535" },
    { "nothing", "", NULL },
    { "a port alone", ":1", NULL },
    { "port 0", "a:0", NULL },
    { "a port too large", "a:65536", NULL },
    { "a scheme", "https://a", NULL },
    { "a bracket left open", "[::1", NULL },
    { "text after a bracket", "[::1]x", NULL },
    { "a blank", "a b", NULL },
};

static void check_target(void **state)
{
    const struct target_row *row = *state;
    struct target t;
    struct err err;
    const enum err_code code = target_parse(&t, row->text, &err);
    assert_int_equal(code, row->want ? ERR_OK : ERR_INVALID);
    if (row->want)
        assert_string_equal(t.authority, row->want);
}

/* Names are unique, letters too, and the table's parts fit one another. */
static void check_table(void **state)
{
    (void)state;
    for (unsigned i = 0; i < FLAG_COUNT_; i++) {
        const struct flag *f = flag_of((enum flag_id)i);
        const size_t len = strlen(f->help);
        assert_int_equal(flag_by_name(f->name, strlen(f->name), f->groups), i);
        assert_true(f->groups != 0 && f->help[len - 1] == '.');
        assert_true(f->kind != FLAG_KIND_SWITCH || !f->arg);
        for (unsigned j = 0; j < i; j++)
            assert_true(!f->letter ||
                        flag_of((enum flag_id)j)->letter != f->letter);
    }
}

static void check_suggest(void **state)
{
    static const char *const words[] = { "query", "budget", "charges" };
    (void)state;
    assert_string_equal(suggest("qurey", words, 3), "query");
    assert_string_equal(suggest("budgets", words, 3), "budget");
    assert_null(suggest("zebra", words, 3));
    assert_null(suggest("year", (const char *const[]){ "lead" }, 1));
    assert_int_equal(suggest_distance("ab", "ba"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_sources),
        cmocka_unit_test(check_groups),
        cmocka_unit_test(check_table),
        cmocka_unit_test(check_suggest),
    };
    return RUN_ROWS(rows, check_row) + RUN_ROWS(target_rows, check_target) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
