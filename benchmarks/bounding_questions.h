#ifndef BENCHMARKS_BOUNDING_QUESTIONS_H
#define BENCHMARKS_BOUNDING_QUESTIONS_H

/*
 * What bench_bounding asks: a policy over events and people, and questions of
 * it, each with the forms that are compared.
 */
static const char POLICY[] =
    "dataset: shop\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: v1\n"
    "cap: {rho: 1, delta: 1e-9}\n"
    "max_people: 100000000\n"
    "purposes:\n"
    "  stats: {help: Figures., basis: legitimate_interest}\n"
    "tables:\n"
    "  events:\n"
    "    from: events.parquet\n"
    "    key: user_id\n"
    "    max_groups: 5\n"
    "    max_rows: 20\n"
    "    columns:\n"
    "      user_id: int\n"
    "      campaign: text\n"
    "      revenue: {type: double, range: [0, 100], grid: 0.01, person_clamp: "
    "[0, 200]}\n"
    "    rollups:\n"
    "      by_campaign: {by: [campaign], sum: [revenue]}\n"
    "  visits:\n"
    "    from: events.parquet\n"
    "    key: user_id\n"
    "    max_groups: 40\n"
    "    max_rows: 3\n"
    "    columns:\n"
    "      user_id: int\n"
    "      campaign: text\n"
    "      revenue: {type: double, range: [0, 100], grid: 0.01, person_clamp: "
    "[0, 200]}\n"
    "  people:\n"
    "    from: people.parquet\n"
    "    key: user_id\n"
    "    max_groups: 1\n"
    "    columns:\n"
    "      user_id: int\n"
    "      country: {type: text, domain: [C0, C1, C2, C3, C4, C5, C6, C7]}\n";

enum { FORMS_MAX = 6 };

/* What a form runs: its own SQL, or what the planner makes of its question. */
enum form_kind { FORM_SQL, FORM_ROWS, FORM_PORTABLE, FORM_ROLLUP };
struct form {
    const char *name;
    enum form_kind kind;
    const char
        *sql; /* SQL, or the question; NULL: that of the group of forms */
};

struct question {
    const char *name, *sql;
    struct form forms[FORMS_MAX]; /* the first is plain */
};

static const struct question QUESTIONS[] = {
    { "reach and clamped revenue by campaign, 5 campaigns a person",
      "SELECT campaign, COUNT(DISTINCT user_id), SUM(revenue) FROM events "
      "GROUP BY campaign",
      { { "plain", FORM_SQL,
          "SELECT campaign, count(DISTINCT user_id), sum(revenue) FROM "
          "src.events GROUP BY campaign" },
        { "ours, in one pass", FORM_ROWS, NULL },
        { "ours, portable SQL (window)", FORM_PORTABLE, NULL },
        { "ours, over a sub-query", FORM_ROWS,
          "SELECT campaign, COUNT(DISTINCT user_id), SUM(revenue) FROM (SELECT "
          "* FROM events) AS e GROUP BY campaign" },
        { "row_number over distinct pairs", FORM_SQL,
          "WITH pairs AS (SELECT DISTINCT user_id, campaign FROM src.events), "
          "kept AS (SELECT * FROM (SELECT *, row_number() OVER (PARTITION BY "
          "user_id ORDER BY hash(user_id, campaign)) AS r FROM pairs) WHERE r "
          "<= 5), sums AS (SELECT user_id, campaign, least(200, sum(revenue)) "
          "AS s FROM src.events SEMI JOIN kept USING (user_id, campaign) GROUP "
          "BY 1, 2) SELECT campaign, count(*), sum(s) FROM sums GROUP BY "
          "campaign" },
        { "dense_rank over raw rows", FORM_SQL,
          "WITH kept AS (SELECT user_id, campaign, revenue FROM (SELECT *, "
          "dense_rank() OVER (PARTITION BY user_id ORDER BY hash(user_id, "
          "campaign), campaign) AS r FROM src.events) WHERE r <= 5), sums AS "
          "(SELECT user_id, campaign, least(200, sum(revenue)) AS s FROM kept "
          "GROUP BY 1, 2) SELECT campaign, count(*), sum(s) FROM sums GROUP BY "
          "campaign" } } },
    { "the same over a join with the people",
      "SELECT e.campaign, COUNT(DISTINCT e.user_id), SUM(e.revenue) FROM "
      "events AS e JOIN people AS p ON e.user_id = p.user_id WHERE p.country "
      "<> 'C3' GROUP BY e.campaign",
      { { "plain", FORM_SQL,
          "SELECT e.campaign, count(DISTINCT e.user_id), sum(e.revenue) FROM "
          "src.events AS e JOIN src.people AS p ON e.user_id = p.user_id WHERE "
          "p.country <> 'C3' GROUP BY e.campaign" },
        { "ours, in one pass", FORM_ROWS, NULL },
        { "ours, portable SQL (window)", FORM_PORTABLE, NULL } } },
    { "... by campaign and country of the person",
      "SELECT e.campaign, p.country, COUNT(DISTINCT e.user_id), "
      "SUM(e.revenue) FROM events AS e JOIN people AS p ON e.user_id = "
      "p.user_id GROUP BY e.campaign, p.country",
      { { "plain", FORM_SQL,
          "SELECT e.campaign, p.country, count(DISTINCT e.user_id), "
          "sum(e.revenue) FROM src.events AS e JOIN src.people AS p ON "
          "e.user_id = p.user_id GROUP BY e.campaign, p.country" },
        { "ours", FORM_ROWS, NULL },
        { "ours, portable SQL (window)", FORM_PORTABLE, NULL } } },
    { "reach by an attribute of the person",
      "SELECT country, COUNT(*) FROM (SELECT user_id, min(country) AS country "
      "FROM people GROUP BY user_id) AS p GROUP BY country",
      { { "plain", FORM_SQL,
          "SELECT country, count(DISTINCT user_id) FROM src.people GROUP BY "
          "country" },
        { "ours", FORM_ROWS, NULL },
        { "the keys alone, grouped", FORM_SQL,
          "SELECT count(*) FROM (SELECT user_id FROM src.people GROUP BY "
          "user_id)" } } },
    { "rows and revenue by campaign",
      "SELECT campaign, COUNT(*), SUM(revenue) FROM events GROUP BY campaign",
      { { "plain", FORM_SQL,
          "SELECT campaign, count(*), sum(revenue) FROM src.events GROUP BY "
          "campaign" },
        { "ours, from a rollup", FORM_ROLLUP, NULL },
        { "ours, without", FORM_ROWS, NULL } } },
    { "rows and revenue of three campaigns",
      "SELECT campaign, COUNT(*), SUM(revenue) FROM events WHERE campaign IN "
      "('campaign_3', 'campaign_40', 'campaign_150') GROUP BY campaign",
      { { "plain", FORM_SQL,
          "SELECT campaign, count(*), sum(revenue) FROM src.events WHERE "
          "campaign IN ('campaign_3', 'campaign_40', 'campaign_150') GROUP BY "
          "campaign" },
        { "ours, from a rollup", FORM_ROLLUP, NULL },
        { "ours, without", FORM_ROWS, NULL } } },
    { "rows and revenue of all campaigns but one",
      "SELECT campaign, COUNT(*), SUM(revenue) FROM events WHERE campaign <> "
      "'campaign_7' GROUP BY campaign",
      { { "plain", FORM_SQL,
          "SELECT campaign, count(*), sum(revenue) FROM src.events WHERE "
          "campaign <> 'campaign_7' GROUP BY campaign" },
        { "ours, from a rollup", FORM_ROLLUP, NULL },
        { "ours, without", FORM_ROWS, NULL } } },
    { "different values by campaign, 20 of a person",
      "SELECT campaign, COUNT(DISTINCT revenue) FROM events GROUP BY campaign",
      { { "plain", FORM_SQL,
          "SELECT campaign, count(DISTINCT user_id), count(DISTINCT revenue) "
          "FROM src.events GROUP BY campaign" },
        { "ours", FORM_ROWS, NULL },
        { "ours, portable SQL", FORM_PORTABLE, NULL } } },
    { "different values by campaign, 3 of a person",
      "SELECT campaign, COUNT(DISTINCT revenue) FROM visits GROUP BY campaign",
      { { "plain", FORM_SQL,
          "SELECT campaign, count(DISTINCT user_id), count(DISTINCT revenue) "
          "FROM src.events GROUP BY campaign" },
        { "ours", FORM_ROWS, NULL },
        { "ours, portable SQL", FORM_PORTABLE, NULL } } },
    { "median by campaign",
      "SELECT campaign, MEDIAN(revenue) FROM events GROUP BY campaign",
      { { "plain", FORM_SQL,
          "SELECT campaign, median(revenue) FROM src.events GROUP BY "
          "campaign" },
        { "ours", FORM_ROWS, NULL },
        { "ours, portable SQL", FORM_PORTABLE, NULL } } },
    { "reach and clamped revenue, 40 campaigns a person",
      "SELECT campaign, COUNT(DISTINCT user_id), SUM(revenue) FROM visits "
      "GROUP BY campaign",
      { { "plain", FORM_SQL,
          "SELECT campaign, count(DISTINCT user_id), sum(revenue) FROM "
          "src.events GROUP BY campaign" },
        { "ours", FORM_ROWS, NULL },
        { "ours, portable SQL", FORM_PORTABLE, NULL } } },
};

#endif
