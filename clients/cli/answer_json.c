#include "clients/cli/answer_json.h"

#include "clients/cli/cell.h"
#include "clients/cli/json.h"
#include "clients/cli/number.h"

static void json_cell(struct json *j, const Halftone__V1__Value *v,
                      struct arena *a)
{
    const char *text = cell_text(v, a);
    switch (cell_value(v).type) {
    case VALUE_DOUBLE:
        json_double(j, v->double_value);
        return;
    case VALUE_INT:
    case VALUE_BOOL:
        json_number(j, text ? text : "null");
        return;
    case VALUE_NULL:
    case VALUE_TEXT:
    case VALUE_DATE:
    case VALUE_TIMESTAMP:
    case VALUE_TYPE_COUNT:
        break;
    }
    if (text)
        json_text(j, text);
    else
        json_null(j);
}

static void json_bound(struct json *j, const Halftone__V1__Interval *i,
                       double bound)
{
    if (answer_is_bounded(i))
        json_double(j, bound);
    else
        json_null(j);
}

static void json_interval(struct json *j, const Halftone__V1__Interval *i)
{
    if (!answer_is_bounded(i) && !answer_is_unbounded(i)) {
        json_null(j);
        return;
    }
    json_open(j, '[');
    json_bound(j, i, i->lo);
    json_bound(j, i, i->hi);
    json_close(j, ']');
}

/* Units of the notion that is not in force are null: nothing is counted. */
static void json_units(struct json *j, const char *key, bool counts,
                       uint64_t units, unsigned decimals)
{
    json_key(j, key);
    json_number(j, counts ? number_scaled(units, decimals).s : "null");
}

static void json_named(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_text(j, text);
}

static void json_bounds(struct json *j, const Halftone__V1__Bounds *b)
{
    json_key(j, "max_groups");
    json_number(j, number_scaled(b->max_groups, 0).s);
    json_key(j, "max_rows");
    json_number(j, number_scaled(b->max_rows, 0).s);
}

static void json_part(struct json *j, const Halftone__V1__ReceiptPart *p,
                      struct arena *a)
{
    const char *when = answer_time(p->as_of_us, a);
    json_open(j, '{');
    json_named(j, "query_id", p->query_id);
    json_named(j, "as_of", when ? when : "");
    json_key(j, "first");
    json_cell(j, p->first, a);
    json_key(j, "last");
    json_cell(j, p->last, a);
    json_key(j, "keys");
    json_number(j, number_scaled(p->keys, 0).s);
    json_key(j, "max_groups");
    json_number(j, number_scaled(p->max_groups, 0).s);
    json_key(j, "cached");
    json_bool(j, p->cached);
    json_close(j, '}');
}

/* The fields of a receipt, in an object that stays open. */
static void json_receipt_fields(struct json *j, const Halftone__V1__Receipt *r,
                                struct arena *a)
{
    const char *when = answer_time(r->as_of_us, a);
    json_open(j, '{');
    json_named(j, "query_id", r->query_id);
    json_units(j, "rho", !r->pure, r->rho_pico, 12);
    json_key(j, "epsilon");
    json_double(j, r->epsilon);
    json_units(j, "remaining_rho", !r->pure, r->remaining_rho_pico, 12);
    json_key(j, "cached");
    json_bool(j, r->cached);
    json_named(j, "as_of", when ? when : "");
    json_key(j, "delta");
    json_double(j, r->delta);
    json_units(j, "charged_delta", true, r->delta_atto, 18);
    json_units(j, "charged_epsilon", r->pure, r->epsilon_nano, 9);
    json_units(j, "remaining_epsilon", r->pure, r->remaining_epsilon_nano, 9);
    json_named(j, "dataset", r->dataset);
    json_named(j, "purpose", r->purpose);
    json_named(j, "mechanism", r->mechanism);
    json_units(j, "policy_version", true, r->policy_version, 0);
    if (r->bounds)
        json_bounds(j, r->bounds);
    if (r->n_parts == 0)
        return;
    json_key(j, "parts");
    json_open(j, '[');
    for (size_t i = 0; i < r->n_parts; i++)
        if (r->parts[i]->first && r->parts[i]->last)
            json_part(j, r->parts[i], a);
    json_close(j, ']');
}

static void json_receipt(struct json *j, const Halftone__V1__QueryReply *m,
                         struct arena *a)
{
    json_receipt_fields(j, m->receipt, a);
    json_key(j, "level");
    json_double(j, m->level);
    json_key(j, "notices");
    json_open(j, '[');
    for (size_t i = 0; i < m->n_notices; i++)
        json_text(j, m->notices[i]);
    json_close(j, ']');
    json_close(j, '}');
}

void answer_print_receipt(const Halftone__V1__Receipt *r, FILE *out,
                          struct arena *a)
{
    struct json j = json_of(out, a);
    json_receipt_fields(&j, r, a);
    json_close(&j, '}');
}

static void json_columns(struct json *j, const Halftone__V1__QueryReply *m)
{
    json_key(j, "columns");
    json_open(j, '[');
    for (size_t c = 0; c < m->n_columns; c++) {
        json_open(j, '{');
        json_named(j, "name", m->columns[c]->name);
        json_named(j, "type", value_type_name(cell_type(m->columns[c]->type)));
        json_close(j, '}');
    }
    json_close(j, ']');
}

void answer_print_json(const Halftone__V1__QueryReply *m, FILE *out,
                       struct arena *a)
{
    struct json j = json_of(out, a);
    json_open(&j, '{');
    json_columns(&j, m);
    json_key(&j, "rows");
    json_open(&j, '[');
    for (size_t r = 0; r < m->n_rows; r++) {
        json_open(&j, '[');
        for (size_t c = 0; c < m->n_columns; c++)
            json_cell(&j, m->rows[r]->cells[c], a);
        json_close(&j, ']');
    }
    json_close(&j, ']');
    json_key(&j, "intervals");
    json_open(&j, '[');
    for (size_t r = 0; r < m->n_rows; r++) {
        json_open(&j, '[');
        for (size_t c = 0; c < m->n_columns; c++)
            json_interval(&j, answer_interval_at(m, r, c));
        json_close(&j, ']');
    }
    json_close(&j, ']');
    json_key(&j, "receipt");
    json_receipt(&j, m, a);
    json_close(&j, '}');
}
