/* Casts in PostgreSQL's words, none of which can fail: dialect_pg.h. */
#include "server/plan/dialect_pg.h"
#include "server/plan/dialect_pg_operand.h"

/* A text, whole number or date, as text. */
void pg_as_text(struct writer *w, const struct typed *e)
{
    if (e->type == VALUE_TEXT || e->type == VALUE_NULL) {
        dialect_expr(w, e);
        return;
    }
    if (e->type == VALUE_DOUBLE)
        dialect_lacks(w, "the text of a number with a fraction", e->at);
    writer_str(w, "(CAST(");
    dialect_typed(w, e);
    writer_str(w, " AS TEXT)");
    pg_collate(w);
    writer_str(w, ")");
}

/* Words and their beginnings, as PostgreSQL reads them. */
static void text_to_bool(struct writer *w, const struct typed *x)
{
    writer_str(w,
               "(ARRAY[TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, TRUE, "
               "FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, FALSE, "
               "FALSE])[array_position(ARRAY['t', 'tr', 'tru', 'true', 'y', "
               "'ye', 'yes', 'on', '1', 'f', 'fa', 'fal', 'fals', 'false', "
               "'n', 'no', 'of', 'off', '0'], lower(btrim(");
    dialect_expr(w, x);
    writer_str(w, ", E' \\t\\n\\r\\f\\x0b')))]");
}

/* What is between spaces, if it has the form, else NULL. */
#define READ_OPEN  "CAST(substring("
#define SPACES     "[ \\t\\n\\r\\f\\v]*"
#define FORM(form) " from '^" SPACES "(" form ")" SPACES "$')"

/* More than 40 digits fit no whole number. */
static void text_to_int(struct writer *w, const struct typed *x)
{
    if (pg_holds_window(w, x))
        dialect_lacks(w, PG_WIDE("a cast of text"), x->at);
    writer_str(w, "(SELECT CASE WHEN h1 BETWEEN -9223372036854775808 AND "
                  "9223372036854775807 THEN CAST(h1 AS BIGINT) END FROM "
                  "(SELECT " READ_OPEN);
    dialect_expr(w, x);
    writer_str(w,
               FORM("[+-]?[0-9]{1,40}") " AS NUMERIC) AS h1 OFFSET 0) AS h)");
}

/* As many digits as a double cannot overflow or underflow by. */
static void text_to_real(struct writer *w, const struct typed *x)
{
    writer_str(w, READ_OPEN);
    dialect_expr(w, x);
    writer_str(w, FORM("[+-]?(?:[0-9]{1,100}[.]?[0-9]{0,100}|[.][0-9]{1,100})"
                       "(?:[eE][+-]?[0-9]{1,2})?") " AS DOUBLE PRECISION)");
}

/* A day that there is, and a time of day. */
static void text_to_time(struct writer *w, const struct typed *x,
                         enum value_type type)
{
    if (pg_holds_window(w, x))
        dialect_lacks(w, PG_WIDE("a cast of text"), x->at);
    writer_printf(
        w,
        "(SELECT CASE WHEN substr(h1, 1, 4) >= '0001' AND substr(h1, 6, 2) "
        "BETWEEN '01' AND '12' AND substr(h1, 9, 2) BETWEEN '01' AND CASE "
        "WHEN substr(h1, 6, 2) IN ('04', '06', '09', '11') THEN '30' WHEN "
        "substr(h1, 6, 2) <> '02' THEN '31' WHEN CAST(substr(h1, 1, 4) AS "
        "INTEGER) %% 4 = 0 AND (substr(h1, 3, 2) <> '00' OR "
        "CAST(substr(h1, 1, 4) AS INTEGER) %% 400 = 0) THEN '29' ELSE '28' "
        "END THEN CAST(h1 AS %s) END FROM (SELECT substring(",
        dialect_type(w, type));
    dialect_expr(w, x);
    writer_str(w, FORM("[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[ T](?:[01][0-9]|2[0-3]):"
                       "[0-5][0-9](?::[0-5][0-9](?:[.][0-9]{1,6})?)?)?"));
    writer_str(w, " AS h1 OFFSET 0) AS h)");
}

void pg_cast(struct writer *w, const struct typed *e)
{
    const struct typed *x = e->call.args[0];
    const bool parses = x->type == VALUE_TEXT && !typed_is_null(x);
    if (x->type == e->type) {
        dialect_expr(w, x);
    } else if (e->type == VALUE_BOOL && parses) {
        text_to_bool(w, x);
    } else if (e->type == VALUE_BOOL && !typed_is_null(x)) {
        writer_u8(w, '(');
        dialect_expr(w, x);
        writer_str(w, " <> 0)");
    } else if (e->type == VALUE_INT && x->type == VALUE_BOOL) {
        writer_str(w, "CAST(CAST(");
        dialect_expr(w, x);
        writer_str(w, " AS INTEGER) AS BIGINT)");
    } else if (e->type == VALUE_INT && parses) {
        text_to_int(w, x);
    } else if (e->type == VALUE_INT && x->type == VALUE_DOUBLE) {
        pg_int(w, x);
    } else if (e->type == VALUE_TEXT) {
        pg_as_text(w, x);
    } else if (e->type == VALUE_DOUBLE && parses) {
        text_to_real(w, x);
    } else if (parses) {
        text_to_time(w, x, e->type);
    } else {
        writer_str(w, "CAST(");
        dialect_expr(w, x);
        writer_printf(w, " AS %s)", dialect_type(w, e->type));
    }
}
