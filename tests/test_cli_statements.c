/* A file of SQL taken apart at its semicolons. */
#include "clients/cli/statements.h"

#include <stdio.h>
#include <string.h>

#include "tests/table.h"

static const struct row {
    const char *name, *sql;
    const char *want; /* each "[text]@line:col"; NULL: an error at "line:col" */
    const char *place;
} rows[] = {
    { "two statements", "SELECT 1; SELECT 2;", "[SELECT 1]@1:1[SELECT 2]@1:11",
      NULL },
    { "the last needs no semicolon", "SELECT 1;\nSELECT 2\n",
      "[SELECT 1]@1:1[SELECT 2]@2:1", NULL },
    { "nothing", "", "", NULL },
    { "blanks, comments and semicolons are no statement",
      " ;; -- one; two\n /* ; /* ; */ ; */ ;", "", NULL },
    { "a comment before a statement is not its beginning",
      "-- sales; by day\n  SELECT 1 -- not; here\n + 2;",
      "[SELECT 1 -- not; "
      "here\n + 2]@2:3",
      NULL },
    { "a semicolon in a text", "SELECT 'a;''b;'; SELECT 2",
      "[SELECT 'a;''b;']@1:1[SELECT 2]@1:18", NULL },
    { "a backslash is nothing in a text", "SELECT 'a\\'; SELECT 2",
      "[SELECT 'a\\']@1:1[SELECT 2]@1:14", NULL },
    { "... but in one with E before it", "SELECT E'a\\';'; SELECT 2",
      "[SELECT E'a\\';']@1:1[SELECT 2]@1:17", NULL },
    { "... unless the E ends a word", "SELECT ce'a\\'; SELECT 2",
      "[SELECT ce'a\\']@1:1[SELECT 2]@1:16", NULL },
    { "a semicolon in a name", "SELECT \"a;\"\"b\"; SELECT 2",
      "[SELECT \"a;\"\"b\"]@1:1[SELECT 2]@1:17", NULL },
    { "a semicolon between dollars", "SELECT $$a;'b$$; SELECT $x$ $$; $x$",
      "[SELECT $$a;'b$$]@1:1[SELECT $x$ $$; $x$]@1:18", NULL },
    { "a dollar before a number is a parameter", "SELECT $1; SELECT $2",
      "[SELECT $1]@1:1[SELECT $2]@1:12", NULL },
    { "columns count characters", "SELECT '\xc3\xa9'; SELECT 2",
      "[SELECT '\xc3\xa9']@1:1[SELECT 2]@1:13", NULL },
    { "a text that does not end", "SELECT 1;\n SELECT 'a; SELECT 2", NULL,
      "2:9" },
    { "a comment that does not end", "SELECT 1; /* /* */ SELECT 2", NULL,
      "1:11" },
    { "dollars that do not end", "SELECT $a$ $b$", NULL, "1:8" },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    struct arena a;
    struct err err = { 0 };
    struct statement *list;
    size_t n;
    char text[512] = "";
    arena_init(&a, 1 << 20);
    const enum err_code code = statements_split(&list, &n, row->sql, &a, &err);
    if (row->want) {
        assert_int_equal(code, ERR_OK);
        for (size_t i = 0; i < n; i++)
            (void)snprintf(text + strlen(text), sizeof text - strlen(text),
                           "[%.*s]@%u:%u", (int)list[i].len, list[i].text,
                           list[i].line, list[i].col);
        assert_string_equal(text, row->want);
    } else {
        assert_int_equal(code, ERR_INVALID);
        (void)snprintf(text, sizeof text, "%u:%u", err.line, err.col);
        assert_string_equal(text, row->place);
    }
    arena_fini(&a);
}

int main(void)
{
    return RUN_ROWS(rows, check_row);
}
