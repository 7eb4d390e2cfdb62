#include "tests/lib_docs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/table.h"

enum { PAGE_MAX = 256 * 1024 };

static size_t read_page(char *page, const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    const size_t len = fread(page, 1, PAGE_MAX - 1, f);
    assert_int_equal(fclose(f), 0);
    page[len] = '\0';
    return len;
}

static void write_page(const char *path, const char *head, size_t head_len,
                       const struct writer *table, const char *tail)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(head, 1, head_len, f), head_len);
    assert_int_equal(fwrite(table->data, 1, table->len, f), table->len);
    assert_true(fputs(tail, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

void docs_check(const char *path, const char *name, struct writer *table)
{
    static char page[PAGE_MAX];
    char begin[64], end[64];
    (void)snprintf(begin, sizeof begin, "<!-- %s -->\n", name);
    (void)snprintf(end, sizeof end, "<!-- end %s -->\n", name);
    assert_true(writer_cstr(table));
    (void)read_page(page, path);
    char *from = strstr(page, begin);
    assert_non_null(from);
    from += strlen(begin);
    char *to = strstr(from, end);
    assert_non_null(to);

    if (getenv("DOCS_WRITE")) {
        char *tail = strdup(to);
        assert_non_null(tail);
        write_page(path, page, (size_t)(from - page), table, tail);
        free(tail);
        return;
    }
    *to = '\0';
    assert_string_equal(from, (const char *)table->data);
}

void docs_check_file(const char *path, struct writer *text)
{
    static char page[PAGE_MAX];
    assert_true(writer_cstr(text));
    if (getenv("DOCS_WRITE")) {
        write_page(path, "", 0, text, "");
        return;
    }
    (void)read_page(page, path);
    assert_string_equal(page, (const char *)text->data);
}
