/*
 * The picture beside each recipe: its answer on the demo shop under the demo's
 * own policy, the noise drawn from a fixed seed.  The file in docs/recipes is
 * what the code draws, byte for byte; DOCS_WRITE=1 writes it anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/main/noise.h"
#include "server/sql/sql.h"
#include "tests/lib_chart.h"
#include "tests/lib_docs.h"
#include "tests/lib_rng.h"
#include "tests/lib_shop.h"
#include "tests/table.h"

enum { PAGE = 64 * 1024, PEOPLE = 20000, SEED = 7 };

static struct shop shop;

static const struct picture {
    const char *name, *page;
    struct chart chart;
} pictures[] = {
#define ROW(page, name, kind, title, text, columns, labels)                    \
    { name, page, { CHART_##kind, title, text, columns, labels } },
#include "tests/pictures.def"
#undef ROW
};

static char *page_of(const char *name)
{
    char path[128];
    (void)snprintf(path, sizeof path, "docs/recipes/%s.md", name);
    char *text = calloc(1, PAGE);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(text && fread(text, 1, PAGE - 1, f) > 0);
    assert_int_equal(fclose(f), 0);
    return text;
}

/* The SQL block just above the picture, which the page must show. */
static char *question_of(const struct picture *row)
{
    char link[64];
    (void)snprintf(link, sizeof link, "](%s.svg)", row->name);
    char *page = page_of(row->page);
    char *shown = strstr(page, link);
    if (!shown)
        fail_msg("docs/recipes/%s.md shows no picture: ![...%s", row->page,
                 link);
    char *from = NULL;
    for (char *s = strstr(page, "```sql\n"); s && s < shown;
         s = strstr(s + 1, "```sql\n"))
        from = s;
    assert_non_null(from);
    char *to = strstr(from + 7, "```");
    assert_true(to && to < shown);
    char *sql = strndup(from + 7, (size_t)(to - from - 7));
    free(page);
    return sql;
}

static void check_picture(void **state)
{
    static char text[PAGE];
    const struct picture *row = *state;
    const struct request req = { .purpose = "improve_products" };
    struct arena a;
    struct err err = { 0 };
    struct reply_table table;
    struct plan_noisy noisy;
    char path[128];
    struct writer w = writer_of(text, sizeof text);
    gsl_rng *rng = test_rng_new(SEED);
    char *sql = question_of(row);

    arena_init(&a, 1 << 26);
    const struct plan *p = shop_plan(sql, &req, shop.policy, &a);
    const struct engine_result exact = shop_run(&shop, p, &a);
    if (noise_release(&noisy, p, &exact, shop_hists(&shop, p, &a), rng, &a,
                      &err) != ERR_OK ||
        plan_finish(&table, p, &noisy, &a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    chart_print(&w, &row->chart, &table);
    (void)snprintf(path, sizeof path, "docs/recipes/%s.svg", row->name);
    docs_check_file(path, &w);
    free(sql);
    gsl_rng_free(rng);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    shop_open_demo(&shop, PEOPLE);
    const int failed = RUN_ROWS(pictures, check_picture);
    shop_close(&shop);
    return failed;
}
