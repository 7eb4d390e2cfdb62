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
#include "tests/lib_recipe.h"
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

static void check_picture(void **state)
{
    static char text[PAGE];
    const struct picture *row = *state;
    struct recipe recipe;
    struct arena a;
    struct err err = { 0 };
    struct reply_table table;
    struct plan_noisy noisy;
    char path[128], link[64];
    struct writer w = writer_of(text, sizeof text);
    gsl_rng *rng = test_rng_new(SEED);

    /* The SQL block just above the picture, which the page must show. */
    (void)snprintf(link, sizeof link, "](%s.svg)", row->name);
    recipe_read(&recipe, row->page, link);
    arena_init(&a, 1 << 26);
    const struct plan *p = shop_plan(recipe.sql, &recipe.req, shop.policy, &a);
    const struct engine_result exact = shop_run(&shop, p, &a);
    if (noise_release(&noisy, p, &exact, shop_hists(&shop, p, &a), rng, &a,
                      &err) != ERR_OK ||
        plan_finish(&table, p, &noisy, &a, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    chart_print(&w, &row->chart, &table);
    (void)snprintf(path, sizeof path, "docs/recipes/%s.svg", row->name);
    docs_check_file(path, &w);
    recipe_free(&recipe);
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
