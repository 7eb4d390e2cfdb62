#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/policy/parts.h"
#include "server/policy/scalar.h"

static const char *const TYPES[] = { "bool", "int",       "double", "text",
                                     "date", "timestamp", "uuid",   NULL };

/* Doubles hold every integer up to it, so bounds in grid steps stay exact. */
#define STEPS_MAX 0x1p53
enum { AUTO_GRID_BITS = 16 }; /* default grid: a 65,536th of the range */

/* A column while it is read. */
struct column_text {
    struct policy_column c;
    double grid; /* NaN = absent */
    const struct yaml_node *range, *domain, *person_clamp;
};

/* Keep the node: it is read once the type is known. */
static void keep(struct loader *l, const struct field *f,
                 const struct yaml_node *node, void *out)
{
    (void)l;
    memcpy((char *)out + f->at, &node, sizeof node);
}

#define AT(member) offsetof(struct column_text, member)
static const struct field COLUMN[] = {
    { .key = "type",
      .kind = FIELD_WORD,
      .required = true,
      .at = AT(c.type),
      .words = TYPES,
      .help = "Type in the source; decimals are double, uuid is for the key "
              "only." },
    { .key = "from",
      .kind = FIELD_TEXT,
      .at = AT(c.stored),
      .absent = "the column's name",
      .help = "Its name in the source, where that is no lower-case SQL name: "
              "\"Customer ID\"." },
    { .key = "help",
      .kind = FIELD_TEXT,
      .at = AT(c.help),
      .absent = "nothing",
      .help = "What it means, and its unit, for analysts." },
    { .key = "domain",
      .kind = FIELD_CUSTOM,
      .read = keep,
      .at = AT(domain),
      .form = "list",
      .absent = "keys are private and selected with noise",
      .help = "Every key that groups may have, declared public: their being "
              "there tells nothing about anybody." },
    { .key = "other",
      .kind = FIELD_TEXT,
      .at = AT(c.other),
      .absent = "they are dropped",
      .help = "The key under which values outside the domain, NULL included, "
              "are counted." },
    { .key = "range",
      .kind = FIELD_CUSTOM,
      .read = keep,
      .at = AT(range),
      .form = "[least, greatest]",
      .absent = "the column cannot be summed",
      .help = "Public bounds: values outside are moved to the nearer one. "
              "Choose them from knowledge, not from the data." },
    { .key = "grid",
      .kind = FIELD_REAL,
      .at = AT(grid),
      .min = 1e-12,
      .max = 1,
      .absent = "a 65,536th of the range, at most 1",
      .help = "Doubles are rounded to steps of at most this: to the next power "
              "of two below." },
    { .key = "person_clamp",
      .kind = FIELD_CUSTOM,
      .read = keep,
      .at = AT(person_clamp),
      .form = "[least, greatest]",
      .absent = "max_rows times the range",
      .help = "Bounds of one person's sum within one group." },
    { .key = "group_by",
      .kind = FIELD_BOOL,
      .at = AT(c.may_group),
      .absent = "true; under pure only with a domain or a range",
      .help = "Whether answers may be grouped by it." },
    { .key = "filter",
      .kind = FIELD_BOOL,
      .at = AT(c.may_filter),
      .fallback = "true",
      .help = "Whether people may be picked out by it. If not, WHERE, ON, FILTER, "
              "CASE, HAVING and comparisons refuse it, and it is aggregated as "
              "it is: SUM(x), COUNT(DISTINCT x), but nothing computed from it." },
    { .key = "of_person",
      .kind = FIELD_BOOL,
      .at = AT(c.of_person),
      .fallback = "false",
      .help = "True: it is an attribute of the person, such as a country of "
              "residence; who has several counts under the least." },
};
const struct field_set POLICY_COLUMN_FIELDS =
    FIELD_SET("a column", "tables.NAME.columns.NAME", COLUMN);

static bool is_number(enum policy_type t)
{
    return t == POLICY_INT || t == POLICY_DOUBLE;
}

static bool is_time(enum policy_type t)
{
    return t == POLICY_DATE || t == POLICY_TIMESTAMP;
}

/* A bound as the column's type writes it; false notes a mistake. */
static bool read_bound(struct loader *l, enum policy_type type,
                       const struct yaml_node *node, double *out)
{
    /* Years in which microseconds are exact in a double: 2^53 of them. */
    const double exact_us = 0x1p53;
    int64_t us = 0;
    const char *text = node->kind == YAML_SCALAR ? node->text : "";
    const char *want = "a number";
    bool ok;
    if (type == POLICY_DATE) {
        want = "a date such as 2011-03-01";
        ok = scalar_date_us(&us, text);
    } else if (type == POLICY_TIMESTAMP) {
        want = "a time such as 2011-03-01 12:00, between 1700 and 2250";
        ok = scalar_timestamp_us(&us, text) && fabs((double)us) < exact_us;
    } else {
        ok = scalar_real(out, text);
        if (type == POLICY_INT) {
            want = "a whole number of at most 2^53";
            ok = ok && *out == floor(*out) && fabs(*out) <= STEPS_MAX;
        }
    }
    if (ok && is_time(type))
        *out = (double)us;
    if (!ok)
        loader_mistake(l, yaml_place_of(node),
                       arena_printf(l->a, "the bound '%s' is not %s",
                                    loader_quote(l, text), want),
                       arena_printf(l->a, "the column is of type %s",
                                    policy_type_name(type)));
    return ok;
}

/* [lo, hi] with lo < hi; false notes a mistake. */
static bool read_interval(struct loader *l, enum policy_type type,
                          const struct yaml_node *node, double *lo, double *hi)
{
    if (node->kind != YAML_LIST || node->n != 2) {
        loader_mistake(
            l, yaml_place_of(node),
            arena_printf(l->a, "'%s' must be a list of two bounds", node->key),
            arena_printf(l->a, "write '%s: [least, greatest]'", node->key));
        return false;
    }
    const bool low = read_bound(l, type, node->first, lo);
    if (!read_bound(l, type, node->first->next, hi) || !low)
        return false;
    if (*lo < *hi)
        return true;
    loader_mistake(l, yaml_place_of(node),
                   arena_printf(l->a,
                                "the least of '%s' is not below its "
                                "greatest",
                                node->key),
                   "swap them, or widen the interval");
    return false;
}

/* Bits so that a step is at most `step`, which is in (0, 1]. */
static unsigned bits_of(double step)
{
    unsigned bits = 0;
    while (ldexp(1, -(int)bits) > step && bits < POLICY_GRID_BITS_MAX)
        bits++;
    return bits;
}

static void set_grid(struct loader *l, const struct yaml_node *node,
                     struct column_text *t)
{
    struct policy_column *c = &t->c;
    if (!isnan(t->grid) && c->type != POLICY_DOUBLE) {
        loader_mistake(l, yaml_place_of_key(yaml_tree_find(node, "grid")),
                       arena_printf(l->a, "'grid' does not fit type %s",
                                    policy_type_name(c->type)),
                       "remove it: only doubles are rounded");
        return;
    }
    if (!isnan(t->grid))
        c->grid_bits = bits_of(t->grid);
    else if (c->type == POLICY_DOUBLE && c->has_range)
        c->grid_bits = bits_of(ldexp(c->hi - c->lo, -AUTO_GRID_BITS));
}

/* Round an interval outward to the grid; false notes a mistake. */
static bool snap(struct loader *l, const struct yaml_node *node, unsigned bits,
                 double *lo, double *hi)
{
    const double low = floor(ldexp(*lo, (int)bits));
    const double high = ceil(ldexp(*hi, (int)bits));
    if (fabs(low) > STEPS_MAX || fabs(high) > STEPS_MAX) {
        loader_mistake(l, yaml_place_of(node),
                       arena_printf(l->a,
                                    "'%s' spans more than 2^53 steps of "
                                    "the grid",
                                    node->key),
                       "narrow it, or choose a coarser 'grid'");
        return false;
    }
    *lo = ldexp(low, -(int)bits);
    *hi = ldexp(high, -(int)bits);
    return true;
}

static void unfit(struct loader *l, const struct yaml_node *node,
                  enum policy_type type, const char *fix)
{
    loader_mistake(l, yaml_place_of_key(node),
                   arena_printf(l->a, "'%s' does not fit type %s", node->key,
                                policy_type_name(type)),
                   fix);
}

static void read_ranges(struct loader *l, const struct yaml_node *node,
                        struct column_text *t)
{
    struct policy_column *c = &t->c;
    if (t->range && !is_number(c->type) && !is_time(c->type))
        unfit(l, t->range, c->type,
              "use 'domain' for keys that are no numbers");
    else if (t->range)
        c->has_range = read_interval(l, c->type, t->range, &c->lo, &c->hi);
    set_grid(l, node, t);
    if (t->person_clamp && !is_number(c->type))
        unfit(l, t->person_clamp, c->type,
              "only numbers are summed: remove it");
    else if (t->person_clamp)
        c->has_person_clamp = read_interval(l, c->type, t->person_clamp,
                                            &c->person_lo, &c->person_hi);
    if (c->has_range)
        c->has_range = snap(l, t->range, c->grid_bits, &c->lo, &c->hi);
    if (c->has_person_clamp)
        c->has_person_clamp = snap(l, t->person_clamp, c->grid_bits,
                                   &c->person_lo, &c->person_hi);
}

/* A key of a domain in the form that value_print writes; NULL = not one. */
static const char *canonical(struct loader *l, enum policy_type type,
                             const char *text)
{
    int64_t us;
    double v;
    if (type == POLICY_TEXT)
        return text;
    if (type == POLICY_BOOL)
        return strcmp(text, "true") && strcmp(text, "false") ? NULL : text;
    if (type == POLICY_DATE)
        return scalar_date_us(&us, text) ? text : NULL;
    if (type == POLICY_INT && scalar_real(&v, text) && v == floor(v) &&
        fabs(v) <= STEPS_MAX) {
        const char *out = arena_printf(l->a, "%.0f", v == 0 ? 0.0 : v);
        l->full = l->full || !out;
        return out ? out : "";
    }
    return NULL;
}

/* One key of a domain; NULL after noting a mistake. */
static const char *read_key(struct loader *l, const struct column_text *t,
                            const struct yaml_node *node)
{
    const char *text = node->kind == YAML_SCALAR ? node->text : "";
    const bool null =
        node->kind == YAML_SCALAR && node->plain &&
        (node->len == 0 || strcmp(text, "null") == 0 || strcmp(text, "~") == 0);
    const char *key = NULL;
    if (node->kind == YAML_SCALAR && !null && node->len <= 1000 &&
        scalar_is_printable(text, node->len))
        key = canonical(l, t->c.type, text);
    if (!key)
        loader_mistake(l, yaml_place_of(node),
                       arena_printf(l->a, "'%s' is no key of type %s",
                                    loader_quote(l, text),
                                    policy_type_name(t->c.type)),
                       null ? "NULL is outside every domain: remove it, or "
                              "quote the word"
                            : "correct it, or remove it");
    return key;
}

/* A listed key with the node it came from, for messages after sorting. */
struct listed {
    const char *text;
    const struct yaml_node *node;
};

static int by_text(const void *x, const void *y)
{
    const struct listed *a = x, *b = y;
    const int order = strcmp(a->text, b->text);
    return order ? order
                 : (a->node->line > b->node->line) -
                       (a->node->line < b->node->line);
}

static size_t read_keys(struct loader *l, const struct column_text *t,
                        struct listed *keys)
{
    size_t n = 0;
    for (const struct yaml_node *c = t->domain->first; c; c = c->next) {
        const char *key = read_key(l, t, c);
        if (key)
            keys[n++] = (struct listed){ key, c };
    }
    if (n > 1)
        qsort(keys, n, sizeof *keys, by_text);
    return n;
}

static void read_domain(struct loader *l, struct column_text *t)
{
    struct policy_column *c = &t->c;
    const size_t n = t->domain->n;
    if (c->type == POLICY_DOUBLE || c->type == POLICY_TIMESTAMP ||
        c->type == POLICY_UUID) {
        unfit(l, t->domain, c->type,
              "a domain lists keys of type text, int, bool or date");
        return;
    }
    if (t->domain->kind != YAML_LIST || n == 0) {
        loader_mistake(l, yaml_place_of(t->domain),
                       "'domain' must be a list of at least one key",
                       "write 'domain: [a, b, c]'");
        return;
    }
    struct listed *keys = loader_alloc(l, n, sizeof *keys);
    c->domain.text = loader_alloc(l, n, sizeof *c->domain.text);
    if (!keys || !c->domain.text)
        return;
    const size_t found = read_keys(l, t, keys);
    for (size_t i = 0; i < found; i++) {
        if (i > 0 && strcmp(keys[i].text, keys[i - 1].text) == 0)
            loader_mistake(l, yaml_place_of(keys[i].node),
                           arena_printf(l->a,
                                        "'%s' is listed already on line "
                                        "%u",
                                        loader_quote(l, keys[i].text),
                                        keys[i - 1].node->line),
                           "remove one of the two");
        else
            c->domain.text[c->domain.n++] = keys[i].text;
    }
    c->has_domain = true;
}

static void read_other(struct loader *l, const struct yaml_node *node,
                       struct column_text *t)
{
    struct policy_column *c = &t->c;
    const struct yaml_node *other = yaml_tree_find(node, "other");
    if (!other || !c->other)
        return;
    if (!c->has_domain) {
        loader_mistake(l, yaml_place_of_key(other),
                       "'other' needs a domain that values can be outside of",
                       "add 'domain: [...]', or remove 'other'");
        return;
    }
    c->other = read_key(l, t, other);
    for (size_t i = 0; c->other && i < c->domain.n; i++)
        if (strcmp(c->domain.text[i], c->other) == 0)
            loader_mistake(l, yaml_place_of(other),
                           arena_printf(l->a,
                                        "'%s' is both 'other' and in the "
                                        "domain",
                                        loader_quote(l, c->other)),
                           "remove it from the domain: 'other' is answered as "
                           "a key anyway");
}

static void read_column(struct loader *l, const struct yaml_node *node,
                        struct policy_column *out)
{
    static const struct field name = {
        .key = "column",
        .kind = FIELD_NAME,
        .help = "Give it another name here; 'from' says what it is called in "
                "the source."
    };
    struct column_text t = { .c = { .name = "",
                                    .help = "",
                                    .type = POLICY_TEXT,
                                    .line = node->key_line,
                                    .may_group = true },
                             .grid = NAN };
    fields_read_key(l, &name, node, &t.c.name);
    /* 'country: text' is short for 'country: {type: text}'. */
    if (node->kind == YAML_SCALAR) {
        struct yaml_node type = *node;
        struct yaml_node map = *node;
        type.key = "type";
        type.next = NULL;
        map.kind = YAML_MAP;
        map.first = &type;
        map.n = 1;
        fields_read(l, &POLICY_COLUMN_FIELDS, &map, &t);
    } else {
        fields_read(l, &POLICY_COLUMN_FIELDS, node, &t);
        read_ranges(l, node, &t);
        if (t.domain)
            read_domain(l, &t);
        read_other(l, node, &t);
    }
    *out = t.c;
}

/* Under a second name, a privacy key could be asked for. */
static void refuse_twice(struct loader *l, const struct policy_table *t,
                         const struct yaml_node *node)
{
    const struct policy_column *c = &t->columns[t->n_columns - 1];
    for (size_t i = 0; i + 1 < t->n_columns; i++)
        if ((c->stored || t->columns[i].stored) &&
            strcasecmp(policy_stored_name(&t->columns[i]),
                       policy_stored_name(c)) == 0)
            loader_mistake(l, yaml_place_of_key(node),
                           arena_printf(l->a,
                                        "'%s' and '%s' are one column of the "
                                        "source",
                                        t->columns[i].name, c->name),
                           "remove one of the two");
}

void policy_read_columns(struct loader *l, const struct field *f,
                         const struct yaml_node *node, void *out)
{
    struct policy_table *table = out;
    (void)f;
    if (node->kind != YAML_MAP || node->n == 0) {
        loader_mistake(l, yaml_place_of_key(node),
                       "'columns' must be a map of at least one column",
                       "write 'columns: {customer_id: int, country: text}'");
        return;
    }
    table->columns = loader_alloc(l, node->n, sizeof *table->columns);
    if (!table->columns)
        return;
    for (const struct yaml_node *c = node->first; c; c = c->next) {
        read_column(l, c, &table->columns[table->n_columns++]);
        refuse_twice(l, table, c);
    }
}
