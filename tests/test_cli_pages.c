#include "clients/cli/pages.h"

#include <string.h>

#include "clients/cli/cli.h"
#include "server/base/man.h"
#include "server/main/arguments.h"
#include "tests/lib_docs.h"
#include "tests/table.h"

static char text[64 * 1024];

static void check_docs(void **state)
{
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    pages_markdown(&w);
    docs_check("docs/cli.md", "commands", &w);
}

/* Nothing in a text begins a request, and no line is one that man(7) lacks. */
static void check_requests(const char *page)
{
    static const char *const known[] = { ".TH ",  ".SH ",  ".SS ",  ".TP\n",
                                         ".PP\n", ".nf\n", ".fi\n", ".B ",
                                         ".I ",   ".BR " };
    for (const char *line = page; *line; line = strchr(line, '\n') + 1) {
        size_t i = 0;
        assert_non_null(strchr(line, '\n'));
        assert_int_not_equal(*line, '\'');
        if (*line != '.')
            continue;
        while (i < sizeof known / sizeof *known &&
               strncmp(line, known[i], strlen(known[i])) != 0)
            i++;
        assert_true(i < sizeof known / sizeof *known);
    }
}

static void check_man(void **state)
{
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    pages_man(&w);
    assert_true(writer_cstr(&w));
    check_requests(text);
    for (unsigned i = 0; i < FLAG_COUNT_; i++) {
        char flag[80];
        struct writer f = writer_of(flag, sizeof flag);
        writer_str(&f, "\n\\fB");
        man_text(&f, flag_of((enum flag_id)i)->name);
        assert_true(writer_cstr(&f));
        assert_non_null(strstr(text, flag + 4)); /* each flag has its entry */
    }
    w = writer_of(text, sizeof text);
    arguments_man(&w);
    assert_true(writer_cstr(&w));
    check_requests(text);
    assert_non_null(strstr(text, "\\-\\-check"));
}

static const struct escape_row {
    const char *name, *plain, *want;
} escape_rows[] = {
    { "words", "plain words", "plain words" },
    { "a request at the start", ".SH x", "\\&.SH x" },
    { "a request on the next line", "a\n'br\n.b", "a\n\\&\\(aqbr\n\\&.b" },
    { "a point inside", "a.b", "a.b" },
    { "dashes and backslashes", "--a \\n", "\\-\\-a \\en" },
    { "tilde and caret", "~/.x ^", "\\(ti/.x \\(ha" },
};

static void check_escape(void **state)
{
    const struct escape_row *row = *state;
    char out[128];
    struct writer w = writer_of(out, sizeof out);
    man_text(&w, row->plain);
    assert_true(writer_cstr(&w));
    assert_string_equal(out, row->want);
}

/* The server's words. */
static const struct words_row {
    const char *name;
    const char *argv[5];
    enum err_code want;
    const char *msg;
} words_rows[] = {
    { "a file", { "--config", "x" }, ERR_OK, NULL },
    { "a file and check", { "--check", "--config", "x" }, ERR_OK, NULL },
    { "help needs no file", { "--help" }, ERR_OK, NULL },
    { "nothing", { NULL }, ERR_INVALID, "--config FILE is needed" },
    { "no value", { "--config" }, ERR_INVALID, "a value is missing after" },
    { "an unknown option", { "--port", "1" }, ERR_INVALID, "'--port'" },
    { "a word", { "config" }, ERR_INVALID, "there is no option 'config'" },
};

static void check_words(void **state)
{
    const struct words_row *row = *state;
    const char *argv[6] = { "halftoned" };
    struct arguments args;
    struct err err = { 0 };
    int argc = 1;
    for (; row->argv[argc - 1]; argc++)
        argv[argc] = row->argv[argc - 1];
    assert_int_equal(arguments_read(&args, argc, argv, &err), row->want);
    if (row->msg)
        assert_non_null(strstr(err.msg, row->msg));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_docs),
                                        cmocka_unit_test(check_man) };
    return RUN_ROWS(escape_rows, check_escape) +
           RUN_ROWS(words_rows, check_words) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
