#include "tests/auditor/question.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/*
 * A price in rho is read as the epsilon that it is at this delta.  A larger one
 * asks for less, and answers tell more: at a thousandth it takes ten times as
 * many to refute half the noise.
 */
#define SOME 1e-2

static const struct question QUESTIONS[] = {
    { .name = "discrete Laplace, a count",
      .notion = DP_PURE,
      .sql = "SELECT COUNT(*) FROM visits",
      .price = 1,
      .quick = true,
      .quick_planted = true,
      .planted = "scale" },
    { .name = "discrete Gaussian, a sum",
      .notion = DP_ZCDP,
      .sql = "SELECT SUM(amount) FROM visits",
      .price = 0.5,
      .delta = SOME,
      .planted = "scale" },
    { .name = "rounded Gaussian, a number of people",
      .notion = DP_GDP,
      .sql = "SELECT COUNT(DISTINCT person) FROM visits",
      .price = 0.5,
      .delta = SOME,
      .planted = "scale" },
    { .name = "groups by a threshold",
      .notion = DP_ZCDP,
      .sql = "SELECT tag, COUNT(DISTINCT person) FROM visits WHERE tag <> "
             "'solo' GROUP BY tag",
      .price = 0.5,
      .delta = SOME,
      .l0 = 1,
      .planted = "scale" },
    { .name = "a threshold: is the group of one person shown?",
      .notion = DP_ZCDP,
      .sql = "SELECT tag, COUNT(DISTINCT person) FROM visits WHERE tag = "
             "'solo' GROUP BY tag",
      .price = 0.001,
      .delta = 1e-9,
      .l0 = 1,
      .planted = "threshold" },
    { .name = "percentile by permute-and-flip",
      .notion = DP_PURE,
      .sql = "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) FROM "
             "visits WHERE n > 3",
      .price = 2,
      .planted = "scale" },
    { .name = "percentile by the exponential mechanism",
      .notion = DP_ZCDP,
      .sql = "SELECT percentile_disc(0.5) WITHIN GROUP (ORDER BY amount) FROM "
             "visits WHERE n > 3",
      .price = 0.5,
      .delta = SOME,
      .planted = "scale" },
    { .name = "top group by the exponential mechanism",
      .notion = DP_ZCDP,
      .sql = "SELECT city, COUNT(*) FROM visits GROUP BY city ORDER BY 2 DESC "
             "LIMIT 1",
      .price = 0.5,
      .delta = SOME,
      .l0 = 4,
      .planted = "scale" },
    { .name = "SELECT: several aggregates by group",
      .notion = DP_ZCDP,
      .sql = "SELECT city, COUNT(*), SUM(n), SUM(amount) FROM visits GROUP BY "
             "city",
      .price = 0.5,
      .delta = SOME,
      .quick = true,
      .planted = "scale" },
    { .name = "SELECT: grouping sets",
      .notion = DP_ZCDP,
      .sql = "SELECT city, COUNT(*), SUM(n) FROM visits GROUP BY GROUPING SETS "
             "((city), ())",
      .price = 0.5,
      .delta = SOME,
      .planted = "scale" },
    { .name = "SELECT: FILTER",
      .notion = DP_ZCDP,
      .sql = "SELECT COUNT(*) FILTER (WHERE n > 2), COUNT(*) FILTER (WHERE n > "
             "3), COUNT(DISTINCT person) FROM visits",
      .price = 0.5,
      .delta = SOME,
      .planted = "scale" },
    { .name = "SELECT: AVG and its count",
      .notion = DP_ZCDP,
      .sql = "SELECT AVG(amount), COUNT(*) FROM visits",
      .price = 0.5,
      .delta = SOME,
      .planted = "scale" },
    { .name = "SELECT: VAR_POP, its average and count",
      .notion = DP_ZCDP,
      .sql = "SELECT VAR_POP(amount), AVG(amount), COUNT(*) FROM visits",
      .price = 0.5,
      .delta = SOME,
      .planted = "scale" },
    { .name = "SELECT: a chain, an average and who is above it",
      .notion = DP_ZCDP,
      .sql = "SELECT COUNT(*) FROM visits WHERE amount > (SELECT AVG(amount) "
             "FROM visits)",
      .price = 0.5,
      .delta = SOME,
      .planted = "scale" },
    { .name = "SELECT: selected groups with sums",
      .notion = DP_ZCDP,
      .sql = "SELECT tag, COUNT(DISTINCT person), COUNT(*), SUM(n) FROM visits "
             "WHERE tag <> 'solo' GROUP BY tag",
      .price = 0.5,
      .delta = SOME,
      .l0 = 1,
      .planted = "scale" },
};

size_t question_count(void)
{
    return sizeof QUESTIONS / sizeof QUESTIONS[0];
}

const struct question *question_at(size_t i)
{
    assert(i < question_count());
    return &QUESTIONS[i];
}

bool question_is_of(const struct question *q, const char *which,
                    const char *plant)
{
    const bool sound = strcmp(plant, "holds") == 0;
    if (!sound && !(q->planted && strcmp(q->planted, plant) == 0))
        return false;
    if (strcmp(which, "quick") == 0)
        return sound ? q->quick : q->quick_planted;
    return strcmp(which, "all") == 0 || strcmp(which, q->name) == 0;
}

size_t question_pack(const struct question *q, int side, char *key,
                     uint8_t *out, size_t cap)
{
    static const char *const NOTIONS[] = {
        [DP_ZCDP] = "zcdp", [DP_PURE] = "pure", [DP_GDP] = "gdp"
    };
    char dataset[32], sql[512], purpose[] = "audit";
    (void)snprintf(dataset, sizeof dataset, "%s_%s", NOTIONS[q->notion],
                   side ? "with" : "without");
    (void)snprintf(sql, sizeof sql, "%s", q->sql);
    Halftone__V1__Ask ask = HALFTONE__V1__ASK__INIT;
    Halftone__V1__Bounds bounds = HALFTONE__V1__BOUNDS__INIT;
    Halftone__V1__QueryRequest r = HALFTONE__V1__QUERY_REQUEST__INIT;
    if (q->notion == DP_PURE) {
        ask.kind_case = HALFTONE__V1__ASK__KIND_EPSILON;
        ask.epsilon = q->price;
    } else {
        ask.kind_case = HALFTONE__V1__ASK__KIND_RHO;
        ask.rho = q->price;
    }
    bounds.max_groups = q->l0;
    r.dataset = dataset;
    r.purpose = purpose;
    r.question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL;
    r.sql = sql;
    r.ask = &ask;
    r.bounds = q->l0 > 0 ? &bounds : NULL;
    r.idempotency_key = key;
    assert(halftone__v1__query_request__get_packed_size(&r) <= cap);
    return halftone__v1__query_request__pack(&r, out);
}

struct question_price question_price_of(const Halftone__V1__Receipt *receipt)
{
    return (struct question_price){ receipt->rho_pico, receipt->epsilon_nano,
                                    receipt->delta_atto };
}
