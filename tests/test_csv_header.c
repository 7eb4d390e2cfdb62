#include "server/engine/csv_header.h"

#include <string.h>

#include "server/base/writer.h"

#include "tests/table.h"

static const struct row {
    const char *name;
    const char *line;
    enum err_code want;
    char separator;
    const char *names; /* joined by newlines */
} rows[] = {
    { "one name", "a", ERR_OK, ',', "a" },
    { "commas", "a,b,c", ERR_OK, ',', "a\nb\nc" },
    { "semicolons and a line end", "a;b\r\n", ERR_OK, ';', "a\nb" },
    { "tabs", "a b\tc", ERR_OK, '\t', "a b\nc" },
    { "bars", "a|b|c,d", ERR_OK, '|', "a\nb\nc,d" },
    { "a byte order mark is dropped",
      "\xef\xbb\xbf"
      "a,b",
      ERR_OK, ',', "a\nb" },
    { "quotes hide separators", "\"a,b,c\";d", ERR_OK, ';', "a,b,c\nd" },
    { "a doubled quote is one", "\"a\"\"b\",c", ERR_OK, ',', "a\"b\nc" },
    { "a quote inside a bare name stays", "a\"b,c,d", ERR_OK, 0x2c,
      "a\"b\nc\nd" },
    { "spaces belong to the name", " a, b", ERR_OK, ',', " a\n b" },
    { "letters of any language", "größe,länge", ERR_OK, ',', "größe\nlänge" },
    { "an empty line", "", ERR_INVALID, 0, NULL },
    { "an empty name", "a,,b", ERR_INVALID, 0, NULL },
    { "a trailing separator", "a,b,", ERR_INVALID, 0, NULL },
    { "an empty quoted name", "a,\"\"", ERR_INVALID, 0, NULL },
    { "a name twice", "a,b,a", ERR_INVALID, 0, NULL },
    { "a name twice in another case", "a,b,A", ERR_INVALID, 0, NULL },
    { "a quote left open", "a,\"b", ERR_INVALID, 0, NULL },
    { "text after a closing quote", "\"a\"b,c", ERR_INVALID, 0, NULL },
    { "not UTF-8", "a,\xff", ERR_INVALID, 0, NULL },
};

/* Every row at every arena size. */
static void check_row(void **state)
{
    const struct row *row = *state;
    enum err_code code;
    size_t cap = 0;
    do {
        struct arena a;
        struct csv_header h = { 0 };
        struct err err = { 0 };
        arena_init(&a, cap);
        code = csv_header_parse(&h, row->line, strlen(row->line), &a, &err);
        if (code == ERR_OK) {
            char joined[64];
            struct writer w = writer_of(joined, sizeof joined);
            for (size_t i = 0; i < h.n; i++) {
                writer_str(&w, i ? "\n" : "");
                writer_str(&w, h.names[i]);
            }
            assert_true(writer_cstr(&w));
            assert_string_equal(joined, row->names);
            assert_int_equal(h.separator, row->separator);
        } else {
            assert_int_equal(h.n, 0);
            assert_true(err.msg[0]);
        }
        arena_fini(&a);
        cap += 16;
    } while (code == ERR_LIMIT && cap < 1 << 16);
    assert_int_equal(code, row->want);
}

static void check_limit(void **state)
{
    static char line[8 * CSV_COLUMNS_MAX];
    (void)state;
    for (size_t extra = 0; extra < 2; extra++) {
        struct writer w = writer_of(line, sizeof line);
        for (size_t i = 0; i < CSV_COLUMNS_MAX + extra; i++)
            writer_printf(&w, "%sc%zu", i ? "," : "", i);
        struct arena a;
        struct csv_header h;
        struct err err;
        arena_init(&a, 1 << 20);
        assert_int_equal(csv_header_parse(&h, line, w.len, &a, &err),
                         extra ? ERR_INVALID : ERR_OK);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_limit) };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
