#include "server/plan/dialect_pg_operand.h"

#include <string.h>

#include "server/plan/dialect_pg_size.h"

#define REAL     "DOUBLE PRECISION"
#define INT_LOW  "FLOAT8 '-9223372036854775808'"
#define INT_HIGH "FLOAT8 '9223372036854775808'"

enum { TWICE_DEPTH = 3 };

bool pg_holds_window(const struct writer *w, const struct typed *e)
{
    bool holds = e->kind == TYPED_TEXT && e->is_window &&
                 dialect_named(w, e) == w->dialect->n_named;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++)
        holds |= pg_holds_window(w, e->call.args[i]);
    return holds;
}

static unsigned depth_of(const struct typed *e)
{
    unsigned most = 0;
    for (size_t i = 0; e->kind == TYPED_CALL && i < e->call.n_args; i++) {
        const unsigned d = 1 + depth_of(e->call.args[i]);
        most = d > most ? d : most;
    }
    return most;
}

/* So it is written as often as it is named, if that is not too long. */
static bool is_written_often(struct writer *w, const struct pg_let *l)
{
    bool simple = true, holds = false;
    for (size_t i = 0; i < PG_LET_MAX && l->e[i]; i++) {
        simple &= l->e[i]->kind != TYPED_CALL;
        holds |= pg_holds_window(w, l->e[i]);
    }
    for (size_t i = 0; i < PG_LET_MAX && l->e[i] && holds; i++)
        if (depth_of(l->e[i]) > TWICE_DEPTH)
            dialect_lacks(w, PG_WIDE("so much arithmetic"), l->e[i]->at);
    return simple || (holds && !w->dialect->lacks);
}

static void operand(struct writer *w, const struct pg_let *l, size_t i)
{
    if (l->as == PG_LET_TAME)
        pg_tame(w, l->e[i]);
    else if (l->as == PG_LET_REAL)
        pg_real(w, l->e[i]);
    else
        dialect_expr(w, l->e[i]);
}

/* Of a form: $1 the argument as it is, #1 as a double, @1 as one that is tame,
 * %1 a bare constant. */
static void argument(struct writer *w, const struct typed *arg, char how)
{
    if (how == '$')
        dialect_expr(w, arg);
    else if (how == '#')
        pg_real(w, arg);
    else if (how == '@')
        pg_tame(w, arg);
    else
        writer_printf(w, "%lld", (long long)arg->value.i);
}

/* With ~1 and ~2 for the operands, written out or as h1 and h2. */
void pg_form_print(struct writer *w, const struct pg_let *l, const char *form,
                   bool often)
{
    for (const char *c = form; *c; c++) {
        if (!strchr("~$#@%", *c)) {
            writer_u8(w, (uint8_t)*c);
            continue;
        }
        const size_t i = (size_t)(c[1] - '1');
        if (*c != '~')
            argument(w, l->call->call.args[i], *c);
        else if (often)
            operand(w, l, i);
        else
            writer_printf(w, "h%zu", i + 1);
        c++;
    }
}

void pg_let_print(struct writer *w, const struct pg_let *l, const char *form)
{
    const bool often = is_written_often(w, l);
    writer_str(w, often ? "(" : "(SELECT ");
    pg_form_print(w, l, form, often);
    for (size_t i = 0; i < PG_LET_MAX && l->e[i] && !often; i++) {
        writer_str(w, i ? ", " : " FROM (SELECT ");
        operand(w, l, i);
        writer_printf(w, " AS h%zu", i + 1);
    }
    writer_str(w, often ? ")" : " OFFSET 0) AS h)");
}

void pg_real(struct writer *w, const struct typed *e)
{
    writer_str(w, "CAST(");
    dialect_expr(w, e);
    writer_str(w, " AS " REAL ")");
}

/* An operand that no operation can overflow or underflow with. */
void pg_tame(struct writer *w, const struct typed *e)
{
    const struct pg_size s = pg_size_of(e);
    if (s.lo >= -PG_TAME && s.hi <= PG_TAME) {
        pg_real(w, e);
        return;
    }
    const struct pg_let l = { .e = { e }, .as = PG_LET_REAL };
    pg_let_print(
        w, &l,
        "CASE WHEN abs(~1) < FLOAT8 '1e-150' THEN FLOAT8 '0' WHEN "
        "abs(~1) <= FLOAT8 '1e150' THEN ~1 WHEN ~1 > FLOAT8 '0' THEN "
        "FLOAT8 '1e150' WHEN ~1 < FLOAT8 '0' THEN FLOAT8 '-1e150' END");
}

void pg_int(struct writer *w, const struct typed *e)
{
    const struct pg_size s = pg_size_of(e);
    const bool stored = e->type == VALUE_INT && e->kind != TYPED_CALL;
    if (stored || s.hi < PG_BIGINT_DIGITS - 1) {
        writer_str(w, "CAST(");
        dialect_expr(w, e);
        writer_str(w, " AS BIGINT)");
        return;
    }
    const struct pg_let l = { .e = { e }, .as = PG_LET_REAL };
    pg_let_print(w, &l,
                 "CASE WHEN ~1 >= " INT_LOW " AND ~1 < " INT_HIGH
                 " THEN CAST(~1 AS BIGINT) END");
}
