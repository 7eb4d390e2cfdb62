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

/* The best groups, whose names are not public: as many come as were asked for,
 * whatever they are ordered by. */
static const struct best {
    const char *name; /* the SQL */
} bests[] = {
    { "SELECT campaign, SUM(value) FROM shop.conversions GROUP BY 1 ORDER BY 2 "
      "DESC LIMIT 3" },
    { "SELECT campaign, COUNT(*) FROM shop.conversions GROUP BY 1 ORDER BY 2 "
      "DESC LIMIT 3" },
    { "SELECT campaign FROM shop.conversions GROUP BY 1 ORDER BY COUNT(*) DESC "
      "LIMIT 1" },
    { "SELECT campaign, COUNT(*) AS n FROM shop.touches GROUP BY campaign "
      "ORDER BY n DESC LIMIT 5" },
    { "SELECT campaign, COUNT(DISTINCT customer_id) FROM shop.touches GROUP BY "
      "1 ORDER BY 2 DESC LIMIT 3" },
    { "SELECT campaign, channel, COUNT(*) AS n FROM shop.touches GROUP BY 1, 2 "
      "ORDER BY n DESC LIMIT 3" },
};

static void check_best(void **state)
{
    enum { TIMES = 20 };
    const struct best *row = *state;
    const struct request req = { .purpose = "improve_products",
                                 .ask = { .kind = ASK_RHO, .price = 0.002 } };
    const size_t k = (size_t)atoi(strstr(row->name, "LIMIT ") + 6);
    struct arena a, each;
    struct err err = { 0 };
    gsl_rng *rng = test_rng_new(SEED);
    arena_init(&a, 1 << 26);
    arena_init(&each, 1 << 26);
    const struct plan *p = shop_plan(row->name, &req, shop.policy, &a);
    const struct engine_result exact = shop_run(&shop, p, &a);
    for (int i = 0; i < TIMES; i++) {
        struct reply_table table;
        struct plan_noisy noisy;
        assert_int_equal(noise_release(&noisy, p, &exact,
                                       shop_hists(&shop, p, &each), rng, &each,
                                       &err),
                         ERR_OK);
        assert_int_equal(plan_finish(&table, p, &noisy, &each, &err), ERR_OK);
        if (table.n_rows != k)
            fail_msg("%zu rows of %zu", table.n_rows, k);
        arena_reset(&each);
    }
    gsl_rng_free(rng);
    arena_fini(&each);
    arena_fini(&a);
}

int main(void)
{
    sql_init();
    shop_open_demo(&shop, PEOPLE);
    const int failed =
        RUN_ROWS(pictures, check_picture) + RUN_ROWS(bests, check_best);
    shop_close(&shop);
    return failed;
}
