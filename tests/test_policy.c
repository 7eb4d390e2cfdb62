#include "server/policy/policy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_docs.h"
#include "tests/lib_edit.h"
#include "tests/lib_example.h"
#include "tests/table.h"

/* Line 1 is `dataset`; rows below count on it. */
static const char BASE[] =
    "dataset: shop\n"
    "help: Orders of a web shop.\n"
    "exclusive: true\n"
    "version: 1\n"
    "data_version: \"2011-12-09\"\n"
    "cap: {epsilon: 8, delta: 1e-6}\n"
    "default_price: {epsilon: 0.1}\n"
    "max_price: {epsilon: 1}\n"
    "max_people: 100_000\n"
    "purposes:\n"
    "  analytics: {help: How it does., basis: legitimate_interest}\n"
    "  ads: {basis: consent}\n"
    "quotas:\n"
    "  - {principal: \"*\", limit: {epsilon: 1}, window: 30 days}\n"
    "  - {purpose: ads, limit: {rho: 0.1}}\n"
    "tables:\n"
    "  orders:\n"
    "    from: orders.parquet\n"
    "    key: customer_id\n"
    "    columns:\n"
    "      customer_id: int\n"
    "      country: {type: text, domain: [Norway, France, NO], other: Other}\n"
    "      day: {type: date, range: [2010-12-01, 2011-12-10]}\n"
    "      amount: {type: double, range: [0, 500.003], grid: 0.01}\n"
    "      quantity: {type: int, range: [0, 100], person_clamp: [0, 1000]}\n"
    "  products:\n"
    "    from: products.csv\n"
    "    public: true\n"
    "    columns: {sku: text, price: double}\n";

/* One change to the file above, and every mistake that it must bring. */
static const struct row {
    const char *name, *find, *put;
    unsigned line;
    const char *msg, *fix;
} rows[] = {
    /* keys */
    { "an unknown key is met by the nearest one", "version: 1", "verson: 1", 4,
      "the policy has no key 'verson'", "did you mean 'version'?" },
    { "an unknown key near nothing lists the keys", "max_price:", "colour:", 8,
      "has no key 'colour'", "its keys are: dataset, help" },
    { "a missing key is named with its meaning", "max_people: 100_000\n", "", 1,
      "the policy needs the key 'max_people'", "add 'max_people:'" },
    { "a key without a value", "100_000", "", 9, "'max_people' has no value",
      "write one, or remove the key" },
    { "a key still to be decided", "{epsilon: 8, delta: 1e-6}", "DECIDE", 6,
      "'cap' is still to be decided", "What all answers together" },
    { "a key set twice", "version: 1", "version: 1\nversion: 2", 5,
      "key 'version' is already set on line 4", "keep one of the two" },
    { "a list where one value belongs", "version: 1", "version: [1]", 4,
      "'version' must be one value, not a list", "Version of this policy" },
    { "text where a map belongs", "orders:\n    from: orders.parquet\n    key",
      "orders: {from: a.csv, public: true, columns: 7}\n  x:\n    from: "
      "o.csv\n    key",
      17, "'columns' must be a map", "write 'columns:" },
    /* scalars */
    { "a name in upper case", "dataset: shop", "dataset: Shop", 1,
      "'dataset' must be a name", "Name of the dataset" },
    { "a name that SQL reserves", "sku: text", "order: text", 29,
      "'column' must be a name that SQL or Halftone does not reserve",
      "Give it another name here" },
    { "a schema that databases have", "dataset: shop", "dataset: main", 1,
      "'main' is a schema", "choose a name" },
    { "a whole number that is not", "version: 1", "version: 1.5", 4,
      "'version' must be a whole number", "Version" },
    { "a whole number below its least", "version: 1", "version: 0", 4,
      "'version' is 0, which is outside 1 to", "Version" },
    { "a number that overflows", "100_000", "1e400", 9,
      "'max_people' must be a whole number", "Public upper bound" },
    { "a word near another", "basis: consent", "basis: consnet", 12,
      "'consnet' is no basis", "did you mean 'consent'?" },
    { "a word near nothing", "basis: consent", "basis: none", 12,
      "'none' is no basis", "choose one of: consent, legitimate_interest" },
    { "a truth in other words", "public: true", "public: yes", 28,
      "'public' must be true or false, not 'yes'", "True:" },
    { "a duration without a unit", "30 days", "30", 14,
      "'window' must be a duration", "Spending older" },
    { "a duration finer than the unit kept", "30 days", "1500 ms", 14,
      "'window' must be a duration", "Spending older" },
    { "text with a control character", "Orders of a web shop.", "\"a\\x1bb\"",
      2, "'help' must be short text", "What the data is" },
    /* databases */
    { "a database without a URI", "version: 1",
      "version: 1\nsource: postgresql\ndatabase: shop.duckdb", 6,
      "source postgresql needs the key 'database' with a URI",
      "write 'database: postgresql://" },
    { "a URI that libpq does not understand", "version: 1",
      "version: 1\nsource: postgresql\ndatabase: postgresql://h/d?sslmod=x", 6,
      "'database' cannot be read: libpq finds a mistake",
      "postgresql://user@" },
    { "a password in a URI", "version: 1",
      "version: 1\nsource: postgresql\ndatabase: postgresql://r:s@h/d", 6,
      "'database' has a password in it", "?passfile=" },
    { "... whose name is spelled otherwise", "version: 1",
      "version: 1\nsource: postgresql\ndatabase: "
      "postgresql://r@h/d?p%61ssword=s",
      6, "'database' has a password in it", "?passfile=" },
    { "the password of a key in a URI, of the writer", "version: 1",
      "version: 1\nsource: postgresql\ndatabase: postgresql://r@h/d\n"
      "writer: postgresql://w@h/d?sslkey=/k&sslpassword=s",
      7, "'writer' has a password in it, 'sslpassword'", "sslkey=FILE" },
    /* people */
    { "no signature for exclusiveness", "exclusive: true", "exclusive: false",
      3, "must not share people", "sign 'exclusive: true'" },
    { "a delta above one in the people", "100_000", "9_000_000", 6,
      "the cap's delta is above one in max_people", "well below 1 / max" },
    { "more expected than possible", "max_people: 100_000",
      "max_people: 100_000\nexpected_size: 100_001", 10,
      "'expected_size' passes 'max_people'", "lower it" },
    { "an audience larger than the people", "max_people: 100_000",
      "max_people: 100_000\nmin_audience: 100_001", 10,
      "'min_audience' passes 'max_people'", "lower it" },
    /* prices */
    { "epsilon and rho together", "{epsilon: 0.1}", "{epsilon: 1, rho: 1}", 7,
      "an epsilon or a rho, not both", "write '{epsilon: 1" },
    { "neither epsilon nor rho", "{epsilon: 0.1}", "{delta: 1e-9}", 7,
      "a price needs an epsilon or a rho", "write '{epsilon: 1" },
    { "a price that is no number", "{epsilon: 0.1}", "{epsilon: nan}", 7,
      "'epsilon' must be a number", "Epsilon" },
    { "an infinite price", "{epsilon: 0.1}", "{epsilon: .inf}", 7,
      "'epsilon' must be a number", "Epsilon" },
    { "a negative price", "{epsilon: 0.1}", "{epsilon: -1}", 7,
      "'epsilon' is -1, which is outside 0 to 100", "Epsilon" },
    { "a price below the unit", "{epsilon: 0.1}", "{rho: 1e-13}", 7,
      "a rho of 1e-13 is too small", "the unit is 1e-12" },
    { "a cap without delta", "{epsilon: 8, delta: 1e-6}", "{rho: 1}", 6,
      "under zcdp the cap needs a delta", "add 'delta: 1e-6'" },
    { "an epsilon without any delta", "{epsilon: 8, delta: 1e-6}",
      "{epsilon: 8, delta: 0}", 6, "epsilon 8 has no rho at delta 0",
      "name a rho" },
    { "a conversion that takes all of delta", "version: 1",
      "version: 1\nshown_delta: 1e-5", 7,
      "shown_delta takes more than the cap's whole delta", "smaller" },
    { "a default price above the maximum", "{epsilon: 0.1}", "{epsilon: 2}", 7,
      "the price of default_price passes its limit", "default_price <=" },
    { "a maximum above the cap", "max_price: {epsilon: 1}",
      "max_price: {rho: 9}", 8, "the price of max_price passes its limit",
      "max_price <= cap" },
    { "a maximum delta above the cap's", "max_price: {epsilon: 1}",
      "max_price: {epsilon: 1, delta: 1e-3}", 8,
      "the delta of max_price passes its limit", "max_price <= cap" },
    /* quotas */
    { "a quota of nobody", "purpose: ads, limit", "limit", 15,
      "a quota must name a principal, a team, a purpose or a dashboard",
      "write 'principal:" },
    { "a quota of two", "purpose: ads, limit",
      "purpose: ads, team: growth, limit", 15,
      "a quota must name a principal, a team, a purpose or a dashboard",
      "write 'principal:" },
    { "a quota of a dashboard and a purpose", "purpose: ads, limit",
      "purpose: ads, dashboard: weekly, limit", 15, "one of the four",
      "'dashboard: NAME'" },
    { "a quota above the cap", "{rho: 0.1}", "{rho: 10}", 15,
      "the price of the quota passes its limit", "each quota <= cap" },
    { "a quota for an undeclared purpose", "purpose: ads", "purpose: add", 15,
      "the quota's purpose 'add' is not declared", "list it under" },
    { "the same quota twice", "{purpose: ads",
      "{principal: \"*\", window: 30 "
      "days",
      15, "'*' has a quota of this window already", "keep the smaller" },
    { "quotas as a map",
      "  - {principal: \"*\", limit: {epsilon: 1}, window: "
      "30 days}\n  - {purpose: ads, limit: {rho: 0.1}}\n",
      "  a: 1\n", 14, "'quotas' must be a list", "write '- {principal" },
    /* purposes */
    { "a key of the owner's that is none", "purposes:\n",
      "consent: {erasure: {owner: abc}}\npurposes:\n", 10,
      "'owner' is not a key of 64 hexadecimal digits",
      "'halftone erasures key' makes one" },
    { "a notice shown since no time", "ads: {basis: consent}",
      "ads: {basis: consent, notice_since: 2026-02-30}", 12,
      "'notice_since' is no time", "write 'notice_since: 2026-05-01'" },
    { "a notice that nobody may have agreed to", "ads: {basis: consent}",
      "ads: {basis: consent, least_notice: 2}", 12,
      "'least_notice' passes 'notice'", "lower it" },
    { "a purpose without a basis", "ads: {basis: consent}", "ads: {}", 12,
      "a purpose needs the key 'basis'", "add 'basis:'" },
    { "a purpose whose id is no id", "ads: {basis: consent}\nquotas:\n",
      "Adverts!: {basis: consent}\n  ads: {basis: consent}\nquotas:\n", 12,
      "'id' must be an id", "what queries name" },
    /* tables */
    { "a table that nobody owns", "    public: true\n", "", 26,
      "table 'products' does not say whose its rows are",
      "add 'key: COLUMN', or 'public: true'" },
    { "a table with an owner and none", "public: true",
      "public: true\n    key: sku", 28, "'products' has a key and is public",
      "remove one" },
    { "a key that is not a column", "key: customer_id", "key: customer", 19,
      "the key 'customer' is not among the columns of 'orders'", "list it" },
    { "a key of a type that names nobody", "customer_id: int",
      "customer_id: date", 19, "the key 'customer_id' is of type date",
      "int, uuid or text" },
    { "a key with a public domain", "customer_id: int",
      "customer_id: {type: int, domain: [1, 2]}", 21,
      "'customer_id' is the privacy key", "it names people" },
    { "keys of two types", "public: true\n    columns: {sku: text",
      "key: sku\n    columns: {sku: text", 28,
      "the key of 'products' is text, that of 'orders' is int", "cast it" },
    { "a uuid that is no key", "price: double", "price: uuid", 29,
      "column 'price' is of type uuid but not the key", "call it text" },
    { "a table from nowhere", "    from: products.csv\n", "", 26,
      "does not say which file", "add 'from:" },
    { "a source on another machine", "products.csv", "s3://b/products.csv", 27,
      "is no local Parquet or CSV file", "ends in .parquet" },
    { "a source of an unknown kind", "products.csv", "products.xls", 27,
      "is no local Parquet or CSV file", "source: duckdb" },
    { "most below usual", "public: true", "public: true\n    most_rows: 2", 29,
      "'most_rows' is below the default of 10", "raise it" },
    { "no groups at all", "public: true", "public: true\n    max_groups: 0", 29,
      "'max_groups' is 0, which is outside 1", "Groups of one answer" },
    /* rollups */
    { "a rollup by a column that is not there", "  products:\n",
      "    rollups:\n      r: {by: [land]}\n  products:\n", 27,
      "'land' is no column of the table", "name columns under 'by'" },
    { "a rollup by the privacy key", "  products:\n",
      "    rollups:\n      r: {by: [customer_id]}\n  products:\n", 27,
      "'customer_id' is the privacy key", "name columns" },
    { "a rollup by a real number", "  products:\n",
      "    rollups:\n      r: {by: [amount]}\n  products:\n", 27,
      "'amount' is a real number", "leave it out" },
    { "a rollup by an attribute of the person",
      "NO], other: Other}\n"
      "      day: {type: date, range: [2010-12-01, 2011-12-10]}\n",
      "NO], other: Other}\n"
      "      day: {type: text, of_person: true}\n"
      "    rollups: {r: {by: [day]}}\n"
      "  others:\n    from: o.parquet\n    key: customer_id\n"
      "    columns:\n      customer_id: int\n",
      24, "'day' is an attribute of the person", "leave it out" },
    { "a rollup by the day of a country", "  products:\n",
      "    rollups:\n      r: {by: [day(country)]}\n  products:\n", 27,
      "'country' is no time", "leave it out" },
    { "a rollup by a unit that is none", "  products:\n",
      "    rollups:\n      r: {by: [era(day)]}\n  products:\n", 27,
      "'era(day)' is neither a column nor a unit", "write 'day(ordered_at)'" },
    { "a rollup by an open bracket", "  products:\n",
      "    rollups:\n      r: {by: ['day(day']}\n  products:\n", 27,
      "'day(day' is neither", "units are hour, day" },
    { "a rollup that adds up text", "  products:\n",
      "    rollups:\n      r: {sum: [country]}\n  products:\n", 27,
      "'country' is no number", "leave it out" },
    { "a rollup of a key twice", "  products:\n",
      "    rollups:\n      r: {by: [country, country]}\n  products:\n", 27,
      "'country' is listed twice", "remove one" },
    { "a rollup by too many", "  products:\n",
      "    rollups:\n      r: {by: [country, day, quantity, year(day), "
      "month(day), week(day), quarter(day), hour(day), day(day)]}\n  "
      "products:\n",
      27, "a rollup is by at most 8 keys", "make two" },
    { "a rollup that takes as long as it lasts", "  products:\n",
      "    rollups:\n      r: {refresh: 1 h, takes: 1 h}\n  products:\n", 27,
      "rollup 'r' takes as long as it is good for", "make 'takes' shorter" },
    { "no rollup at all", "  products:\n", "    rollups: {}\n  products:\n", 26,
      "'rollups' must be a map of 1 to 20", "write 'rollups:" },
    { "a rollup of a public table", "    public: true\n",
      "    public: true\n    rollups: {r: {}}\n", 29,
      "table 'products' has no privacy key", "remove 'rollups'" },
    { "a rollup that would tell how long it takes, in strict mode",
      "tables:\n  orders:\n",
      "slots: {strict: 5 s}\ntables:\n  orders:\n    rollups: {r: {}}\n", 19,
      "rollup 'r' does not say how long its build takes", "add 'takes: 10" },
    /* source */
    { "a database without the source", "version: 1",
      "version: 1\ndatabase: a.duckdb", 5, "'database' is for source duckdb",
      "write 'source: duckdb'" },
    { "a DuckDB source without its file", "version: 1",
      "version: 1\nsource: duckdb", 5, "source duckdb needs the key 'database'",
      "add 'database:" },
    /* columns */
    { "a column of no type", "{sku: text, price: double}", "{sku: {help: x}}",
      29, "a column needs the key 'type'", "add 'type:'" },
    { "a column of an unknown type", "price: double", "price: doubel", 29,
      "'doubel' is no type", "did you mean 'double'?" },
    { "a range upside down", "[0, 100]", "[100, 0]", 25,
      "the least of 'range' is not below its greatest", "swap them" },
    { "a range of one bound", "[0, 100]", "[100]", 25,
      "'range' must be a list of two bounds", "write 'range:" },
    { "a fraction as an integer's bound", "[0, 100]", "[0.5, 100]", 25,
      "the bound '0.5' is not a whole number", "of type int" },
    { "a day that does not exist", "2011-12-10", "2011-02-29", 23,
      "the bound '2011-02-29' is not a date", "of type date" },
    { "a range of text", "domain: [Norway, France, NO], other: Other",
      "range: [a, b]", 22, "'range' does not fit type text", "use 'domain'" },
    { "a grid for integers", "range: [0, 100],", "range: [0, 100], grid: 1,",
      25, "'grid' does not fit type int", "only doubles" },
    { "a grid of zero", "grid: 0.01", "grid: 0", 24, "'grid' is 0, which is",
      "Doubles are rounded" },
    { "a range of too many steps", "[0, 500.003], grid: 0.01",
      "[0, 1e15], grid: 0.01", 24, "'range' spans more than 2^53 steps",
      "coarser 'grid'" },
    { "a clamp on text", "other: Other", "other: Other, person_clamp: [0, 1]",
      22, "'person_clamp' does not fit type text", "only numbers" },
    { "a key listed twice", "[Norway, France, NO]", "[Norway, NO, Norway]", 22,
      "'Norway' is listed already on line 22", "remove one" },
    { "NULL as a key", "[Norway, France, NO]", "[Norway, null]", 22,
      "'null' is no key of type text", "NULL is outside every domain" },
    { "a domain of doubles", "range: [0, 500.003], grid: 0.01",
      "domain: [0.5, 1.5]", 24, "'domain' does not fit type double",
      "text, int, bool or date" },
    { "an empty domain", "[Norway, France, NO], other: Other", "[]", 22,
      "'domain' must be a list of at least one key", "write 'domain:" },
    { "other without a domain", "domain: [Norway, France, NO], ", "", 22,
      "'other' needs a domain", "add 'domain:" },
    { "other that is in the domain", "other: Other", "other: NO", 22,
      "'NO' is both 'other' and in the domain", "remove it from the domain" },
    { "a key under a second name",
      "country: {type: text, domain: [Norway, France, NO], other: Other}",
      "country: {type: text, from: Customer_ID}", 22,
      "'customer_id' and 'country' are one column of the source",
      "remove one of the two" },
    { "an attribute of nobody", "price: double",
      "price: {type: double, of_person: true}", 29,
      "'price' is an attribute of a person in a public table",
      "remove 'of_person'" },
    { "sums past 10^38", "type: int, range: [0, 100], person_clamp: [0, 1000]",
      "type: double, range: [0, 8e3], grid: 1e-12, person_clamp: [0, 8e3]", 25,
      "a sum of 'quantity' at the default price", "coarsen its grid" },
    /* syntax */
    { "a tab in the indentation", "  orders:", "\torders:", 17,
      "found character that cannot start any token", "not tabs" },
    { "an anchor", "version: 1", "version: &v 1", 4, "anchors (&), aliases",
      "write the value out" },
    { "an alias", "version: 1", "version: *v", 4, "anchors (&), aliases",
      "write the value out" },
    { "a tag", "version: 1", "version: !!str 1", 4, "anchors (&), aliases",
      "in quotes" },
    { "a second document", "quotas:", "---\nquotas:", 13,
      "a second document starts here", "remove the '---'" },
    { "an open bracket", "{basis: consent}", "{basis: consent", 13,
      "expected ',' or '}'", "check indentation" },
    { "bytes that are not UTF-8", "a web shop", "\xff\xfe", 2,
      "the file is not UTF-8 text", "save it as UTF-8" },
    { "a NUL inside text", "Orders of a web shop.", "\"a\\0b\"", 2,
      "text holds a NUL", "remove the \\0" },
};

static enum err_code load(struct policy **p, const char *text, struct arena *a,
                          struct policy_report *report, struct err *err)
{
    return policy_load_bytes(p, text, strlen(text), "/srv/shop.yaml", report, a,
                             err);
}

static void check_wrong(void **state)
{
    const struct row *row = *state;
    struct policy_report report = { 0 };
    struct policy *p = NULL;
    struct arena a;
    struct err err;
    char *text = edit_text(BASE, row->find, row->put);
    arena_init(&a, 1 << 20);
    assert_int_equal(load(&p, text, &a, &report, &err), ERR_INVALID);
    policy_report_print(stdout, &report, row->name);
    assert_null(p);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.mistakes[0].line, row->line);
    assert_true(report.mistakes[0].col > 0);
    assert_non_null(strstr(report.mistakes[0].msg, row->msg));
    assert_non_null(strstr(report.mistakes[0].fix, row->fix));
    assert_non_null(strstr(err.msg, row->msg));
    assert_int_equal(err.line, row->line);
    free(text);
    arena_fini(&a);
}

/* --- right files --- */

static struct policy *load_right(const char *text, struct arena *a)
{
    struct policy_report report = { 0 };
    struct policy *p = NULL;
    struct err err = { 0 };
    const enum err_code code = load(&p, text, a, &report, &err);
    policy_report_print(stdout, &report, "right");
    assert_int_equal(code, ERR_OK);
    return p;
}

static void check_values(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    const struct policy *p = load_right(BASE, &a);
    assert_string_equal(p->name, "shop");
    assert_string_equal(p->id, "shop");
    assert_string_equal(p->population, "shop");
    assert_int_equal(p->max_people, 100000);
    assert_int_equal(p->time_grain_us, UINT64_C(86400000000));
    assert_int_equal(p->slot_first_ns, 50000000);
    assert_true(p->slot_ratio == 2);
    assert_int_equal(p->n_quotas, 2);
    assert_int_equal(p->quotas[0].window_s, 30 * 86400);
    assert_int_equal(policy_find_purpose(p, "ads")->basis, BASIS_CONSENT);
    assert_null(policy_find_purpose(p, "Ads"));

    const struct policy_table *t = policy_find_table(p, "orders");
    assert_string_equal(t->source, "/srv/orders.parquet");
    assert_true(t->owned && t->key == 0);
    assert_int_equal(t->most_rows, 10 * t->max_rows);
    assert_false(t->columns[0].may_group || t->columns[0].may_filter);
    assert_false(policy_find_table(p, "products")->owned);
    arena_fini(&a);
}

static void check_columns(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    const struct policy_table *t =
        policy_find_table(load_right(BASE, &a), "orders");
    const struct policy_column *country = policy_find_column(t, "country");
    /* Sorted by bytes, and the country NO is no truth value. */
    assert_int_equal(country->domain.n, 3);
    assert_string_equal(country->domain.text[0], "France");
    assert_string_equal(country->domain.text[1], "NO");
    assert_string_equal(country->other, "Other");
    assert_true(country->may_group && country->may_filter);

    const struct policy_column *day = policy_find_column(t, "day");
    assert_true(day->lo == 14944 * 86400e6); /* 2010-12-01 */

    /* 0.01 is a step of 1/128; 500.003 rounds outward to the next. */
    const struct policy_column *amount = policy_find_column(t, "amount");
    assert_int_equal(amount->grid_bits, 7);
    assert_true(amount->lo == 0 && amount->hi == 64001 / 128.0);
    assert_null(policy_find_column(t, "Amount"));
    arena_fini(&a);
}

/* What a cap says is never exceeded by what is shown when it is spent. */
static void check_cap(void **state)
{
    static const struct {
        const char *cap;
        double epsilon, delta; /* at most what is shown, and near it */
    } caps[] = {
        { "{epsilon: 8, delta: 1e-6}", 8, 1e-6 },
        { "{epsilon: 1, delta: 1e-9}", 1, 1e-9 },
        { "{rho: 1.052, delta: 0}", 8.0001, 1e-6 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof caps / sizeof caps[0]; i++) {
        struct arena a;
        char *text = edit_text(BASE, "{epsilon: 8, delta: 1e-6}", caps[i].cap);
        char *quotas =
            edit_text(text, "limit: {rho: 0.1}", "limit: {rho: 0.001}");
        char *small = edit_text(quotas, "max_price: {epsilon: 1}\n",
                                "max_price: {epsilon: 0.5}\n");
        arena_init(&a, 1 << 20);
        const struct policy *p = load_right(small, &a);
        const struct policy_shown s = policy_shown_of(p, p->cap);
        assert_true(s.epsilon <= caps[i].epsilon);
        assert_true(i == 2 || s.epsilon >= caps[i].epsilon); /* as written */
        assert_true(s.epsilon >= caps[i].epsilon * 0.999);
        assert_true(s.delta <= caps[i].delta * (1 + 1e-12));
        assert_true(s.delta >= caps[i].delta * 0.999);
        assert_true(dp_price_fits(p->default_price, p->max_price));
        assert_true(dp_price_fits(p->max_price, p->cap));
        free(small);
        free(quotas);
        free(text);
        arena_fini(&a);
    }
}

static const char PURE[] = "dataset: shop\nexclusive: true\nversion: 1\n"
                           "data_version: a\nnotion: pure\n"
                           "cap: {epsilon: 3}\nmax_people: 10\n"
                           "purposes: {a: {basis: public_task}}\n"
                           "source: duckdb\ndatabase: shop.db\n"
                           "tables:\n  t:\n    key: k\n    columns:\n"
                           "      k: uuid\n      city: text\n"
                           "      size: {type: int, range: [1, 3]}\n";

static void check_pure(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    const struct policy *p = load_right(PURE, &a);
    assert_int_equal(p->cap.eps_nano, 3000000000);
    assert_int_equal(p->default_price.eps_nano, 3000000);
    assert_int_equal(p->max_price.eps_nano, 150000000);
    assert_int_equal(p->cap.rho_pico | p->cap.delta_atto, 0);
    assert_true(p->default_delta == 0 && p->shown_delta == 0);
    assert_string_equal(p->database, "/srv/shop.db");
    assert_string_equal(p->tables[0].source, "t");
    /* Keys must be public: text without a domain groups nothing. */
    assert_false(p->tables[0].columns[1].may_group);
    assert_true(p->tables[0].columns[2].may_group);
    arena_fini(&a);
}

/*
 * Under gdp a cap in epsilon buys the rho = mu^2/2 of a Gaussian's own curve,
 * more than zcdp's, and shows the epsilon that was written.
 */
static void check_gdp(void **state)
{
    static const struct {
        const char *notion;
        uint64_t rho_pico; /* at epsilon 1, delta 1e-6 (mpmath) */
    } gdp_rows[] = { { "gdp", 28014481912 }, { "zcdp", 24355970359 } };
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct arena a;
        char text[512];
        arena_init(&a, 1 << 20);
        snprintf(text, sizeof text,
                 "dataset: shop\nexclusive: true\nversion: 1\n"
                 "data_version: a\nnotion: %s\n"
                 "cap: {epsilon: 1, delta: 2e-6}\nmax_people: 10\n"
                 "purposes: {a: {basis: public_task}}\n"
                 "source: duckdb\ndatabase: shop.db\n"
                 "tables:\n  t:\n    key: k\n    columns:\n"
                 "      k: uuid\n      city: text\n",
                 gdp_rows[i].notion);
        const struct policy *p = load_right(text, &a);
        assert_string_equal(policy_notion_name(p->notion), gdp_rows[i].notion);
        assert_int_equal(p->cap.rho_pico, gdp_rows[i].rho_pico);
        assert_int_equal(p->cap.eps_nano, 0);
        assert_int_equal(p->cap.delta_atto, 1000000000000);
        const struct policy_shown s = policy_shown_of(p, p->cap);
        assert_true(s.epsilon <= 1 && s.epsilon >= 1); /* as written */
        assert_true(fabs(s.delta - 2e-6) < 1e-15);
        assert_true(p->tables[0].columns[1].may_group);
        arena_fini(&a);
    }
}

/* Several mistakes come together, in file order. */
static void check_all_at_once(void **state)
{
    static const char text[] =
        "exclusive: false\ndataset: Shop\ncap: {rho: 1}\nversion: x\n"
        "purposes: []\ntables: {t: {from: a, columns: {k: {}}}}\n";
    struct policy_report report = { 0 };
    struct policy *p;
    struct arena a;
    struct err err;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(load(&p, text, &a, &report, &err), ERR_INVALID);
    assert_true(report.n >= 8);
    for (size_t i = 1; i < report.n; i++)
        assert_true(report.mistakes[i - 1].line <= report.mistakes[i].line);
    assert_non_null(strstr(err.msg, "more)"));
    arena_fini(&a);
}

static void check_report_is_bounded(void **state)
{
    enum { WRONG = 900 };
    static char text[WRONG * 8];
    struct policy_report report = { 0 };
    struct policy *p;
    struct arena a;
    struct err err;
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    for (int i = 0; i < WRONG; i++)
        writer_printf(&w, "x%d: 1\n", i);
    arena_init(&a, 1 << 22);
    assert_int_equal(policy_load_bytes(&p, text, w.len, "x", &report, &a, &err),
                     ERR_INVALID);
    assert_int_equal(report.n, REPORT_MAX);
    arena_fini(&a);
}

/* Too little memory is ERR_LIMIT and nothing else, wherever it runs out. */
static void sweep(const char *text, enum err_code want)
{
    size_t high = 0;
    for (size_t cap = 0;; cap += 48) {
        struct policy_report report = { 0 };
        struct policy *p;
        struct arena a;
        struct err err = { 0 };
        arena_init(&a, cap);
        const enum err_code code = load(&p, text, &a, &report, &err);
        high = a.used;
        arena_fini(&a);
        if (code == want)
            break;
        assert_int_equal(code, ERR_LIMIT);
        assert_true(err.msg[0]);
        assert_true(cap < 1 << 20);
    }
    assert_true(high > 0);
}

static void check_memory(void **state)
{
    (void)state;
    sweep(BASE, ERR_OK);
    sweep(PURE, ERR_OK);
    sweep("dataset: Shop\nverson: 1\ntables: {t: {columns: {a: b}}}\n",
          ERR_INVALID);
    sweep("a: [1", ERR_INVALID);
}

static void check_rollups(void **state)
{
    struct arena a;
    char *text = edit_text(BASE, "  products:\n",
                           "    rollups:\n"
                           "      total: {sum: amount}\n"
                           "      by_week:\n"
                           "        by: [country, week(day)]\n"
                           "        sum: [quantity, amount]\n"
                           "        refresh: 1 h\n"
                           "        takes: 10 min\n"
                           "  products:\n");
    (void)state;
    arena_init(&a, 1 << 20);
    const struct policy_table *t =
        policy_find_table(load_right(text, &a), "orders");
    assert_int_equal(t->n_rollups, 2);
    assert_string_equal(t->rollups[0].name, "total");
    assert_int_equal(t->rollups[0].n_by, 0);
    assert_int_equal(t->rollups[0].n_sums, 1);
    assert_string_equal(t->columns[t->rollups[0].sums[0]].name, "amount");
    const struct policy_rollup *r = &t->rollups[1];
    assert_int_equal(r->line, 28);
    assert_int_equal(r->n_by, 2);
    assert_string_equal(t->columns[r->by[0].column].name, "country");
    assert_null(r->by[0].unit);
    assert_string_equal(t->columns[r->by[1].column].name, "day");
    assert_string_equal(r->by[1].unit, "week");
    assert_int_equal(r->n_sums, 2);
    assert_int_equal(r->refresh_s, 3600);
    assert_int_equal(r->takes_s, 600);
    free(text);
    arena_fini(&a);
}

/* Both limits of a sum that only extreme numbers reach. */
static void check_largest_sum(void **state)
{
    struct policy_report report = { 0 };
    struct policy *p;
    struct arena a;
    struct err err;
    (void)state;
    arena_init(&a, 1 << 20);
    static const char text[] =
        "dataset: shop\nexclusive: true\nversion: 1\ndata_version: a\n"
        "cap: {rho: 1, delta: 0}\nmax_people: 9e15\nsource: fake\n"
        "purposes: {a: {basis: public_task}}\n"
        "tables:\n  t:\n    key: k\n    most_rows: 1_000_000\n    columns:\n"
        "      k: int\n"
        "      x: {type: int, range: [-9e15, 9e15]}\n";
    assert_int_equal(load(&p, text, &a, &report, &err), ERR_INVALID);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.mistakes[0].line, 15);
    assert_non_null(strstr(report.mistakes[0].msg, "could pass 10^38"));
    arena_fini(&a);
}

/* What is wrong with a thing is told even when its name is wrong too. */
static void check_wrong_names(void **state)
{
    struct policy_report report = { 0 };
    struct policy *p;
    struct arena a;
    struct err err;
    char *table = edit_text(BASE, "  orders:", "  Or ders:");
    char *text = edit_text(table,
                           "quantity: {type: int, range: [0, 100], "
                           "person_clamp: [0, 1000]}",
                           "Quantity: {type: int, range: [0, 9e15]}");
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(load(&p, text, &a, &report, &err), ERR_INVALID);
    assert_int_equal(report.n, 3);
    assert_int_equal(report.mistakes[0].line, 17);
    assert_int_equal(report.mistakes[1].line, 25);
    assert_int_equal(report.mistakes[2].line, 25);
    assert_non_null(strstr(report.mistakes[2].msg, "more noise than can be"));
    free(text);
    free(table);
    arena_fini(&a);
}

static void check_no_file(void **state)
{
    struct policy_report report = { 0 };
    struct policy *p;
    struct arena a;
    struct err err;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(policy_load(&p, "/nonexistent.yaml", &report, &a, &err),
                     ERR_NOT_FOUND);
    assert_int_equal(policy_load(&p, "/", &report, &a, &err), ERR_NOT_FOUND);
    assert_int_equal(report.n, 0);
    assert_non_null(strstr(err.hint, "path"));
    arena_fini(&a);
}

/* The page shows what the loader reads. */
static void check_page(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    char *example = example_of("docs/policy.md");
    const struct policy *p = load_right(example, &a);
    assert_int_equal(p->n_tables, 2);
    static char table[64 * 1024];
    struct writer w = writer_of(table, sizeof table);
    policy_keys_print(&w);
    docs_check("docs/policy.md", "keys", &w);
    free(example);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_values),
        cmocka_unit_test(check_columns),
        cmocka_unit_test(check_cap),
        cmocka_unit_test(check_pure),
        cmocka_unit_test(check_gdp),
        cmocka_unit_test(check_all_at_once),
        cmocka_unit_test(check_report_is_bounded),
        cmocka_unit_test(check_memory),
        cmocka_unit_test(check_largest_sum),
        cmocka_unit_test(check_rollups),
        cmocka_unit_test(check_wrong_names),
        cmocka_unit_test(check_no_file),
        cmocka_unit_test(check_page),
    };
    return RUN_ROWS(rows, check_wrong) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
