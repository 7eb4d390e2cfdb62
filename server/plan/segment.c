#include "server/plan/segment.h"

#include <openssl/sha.h>
#include <string.h>

#include "server/base/writer.h"

enum { TEXT_CAP = 160, SEEN_MAX = 256, DEPTH_MAX = 200 };

/* A column, and maybe a value: "customers.country=DE". */
struct part {
    const struct policy_table *table;
    const struct policy_column *column;
    bool has_value;
    const char *value; /* has_value: as text */
};

struct walk {
    const struct policy *policy;
    const struct request *req;
    struct arena *a;
    struct part *parts;  /* SEGMENTS_MAX; none twice */
    struct reads *reads; /* of the condition at hand */
    size_t n;
    bool is_full; /* the arena */
};

/* Where names of a SELECT are looked for: its FROM, then that around it. */
struct scope {
    const struct relation *from;
    const struct scope *outer;
};

/* What one condition reads; the names seen on the way, so that each is
 * followed once. */
struct reads {
    struct part columns[SEGMENT_VALUES];
    size_t n_columns;
    struct value values[SEGMENT_VALUES + 1];
    size_t n_values;
    struct seen {
        const struct relation *from;
        const char *name;
    } seen[SEEN_MAX];
    size_t n_seen;
    unsigned depth;
};

static void read_expr(struct walk *w, struct reads *r, const struct expr *e,
                      const struct scope *scope);

/* ---- columns by name ---- */

static bool counts(const struct policy_table *t, const struct policy_column *c)
{
    return c->type != POLICY_DATE && c->type != POLICY_TIMESTAMP &&
           !(t->owned && c == &t->columns[t->key]);
}

static void add_column(struct reads *r, const struct policy_table *t,
                       const struct policy_column *c)
{
    if (!counts(t, c) || r->n_columns == SEGMENT_VALUES)
        return;
    for (size_t i = 0; i < r->n_columns; i++)
        if (r->columns[i].column == c)
            return;
    r->columns[r->n_columns++] = (struct part){ .table = t, .column = c };
}

static void add_value(struct reads *r, const struct value *v)
{
    if (v->type != VALUE_NULL && v->type != VALUE_DATE &&
        v->type != VALUE_TIMESTAMP && r->n_values <= SEGMENT_VALUES)
        r->values[r->n_values++] = *v;
}

static bool was_seen(struct reads *r, const struct relation *from,
                     const char *name)
{
    for (size_t i = 0; i < r->n_seen; i++)
        if (r->seen[i].from == from && strcmp(r->seen[i].name, name) == 0)
            return true;
    if (r->n_seen < SEEN_MAX)
        r->seen[r->n_seen++] = (struct seen){ from, name };
    return r->n_seen == SEEN_MAX;
}

static bool find(struct walk *w, struct reads *r, const struct relation *from,
                 const char *qualifier, const char *name);

/* The output of a SELECT by its name; * passes names on. */
static bool find_output(struct walk *w, struct reads *r, const struct select *s,
                        const char *name)
{
    const struct scope inner = { s->from, NULL };
    bool found = false;
    for (size_t i = 0; i < s->n_items; i++) {
        const struct expr *e = s->items[i].expr;
        if (e->kind == EXPR_STAR) {
            found |= find(w, r, s->from, NULL, name);
        } else if (strcmp(select_item_name(&s->items[i]), name) == 0) {
            read_expr(w, r, e, &inner);
            found = true;
        }
    }
    return found;
}

/* Arms of a set operation have the names of the first, by position. */
static bool find_in_set(struct walk *w, struct reads *r,
                        const struct relation *from, const char *name)
{
    const struct select *first = from->set.arms[0];
    bool found = false;
    for (size_t i = 0; i < first->n_items; i++) {
        const struct expr *e = first->items[i].expr;
        if (e->kind != EXPR_STAR &&
            strcmp(select_item_name(&first->items[i]), name) != 0)
            continue;
        for (size_t k = 0; k < from->set.n_arms; k++) {
            const struct select *arm = from->set.arms[k];
            const struct scope inner = { arm->from, NULL };
            if (i < arm->n_items && arm->items[i].expr->kind != EXPR_STAR)
                read_expr(w, r, arm->items[i].expr, &inner);
            else
                (void)find(w, r, arm->from, NULL, name);
        }
        found = true;
    }
    return found;
}

static bool find_in_table(struct walk *w, struct reads *r,
                          const struct relation *from, const char *name)
{
    const struct policy_table *t =
        policy_find_table(w->policy, from->table.name);
    const struct policy_column *c = t ? policy_find_column(t, name) : NULL;
    if (c)
        add_column(r, t, c);
    return c != NULL;
}

/* Reads what `name` stands for in a FROM; false: it has no such name. */
static bool find(struct walk *w, struct reads *r, const struct relation *from,
                 const char *qualifier, const char *name)
{
    if (!from || r->depth > DEPTH_MAX)
        return false;
    if (from->kind == RELATION_JOIN) {
        const bool left = find(w, r, from->join.left, qualifier, name);
        return find(w, r, from->join.right, qualifier, name) || left;
    }
    const char *own = relation_name(from);
    if (qualifier && (!own || strcmp(own, qualifier) != 0))
        return false;
    if (was_seen(r, from, name))
        return true;
    if (from->kind == RELATION_TABLE)
        return find_in_table(w, r, from, name);
    if (from->kind == RELATION_SET)
        return find_in_set(w, r, from, name);
    return find_output(w, r, from->select, name);
}

/* ---- what an expression reads ---- */

static void read_parts(struct walk *w, struct reads *r, const struct expr *e,
                       const struct scope *scope)
{
    const struct scope inner = { e->kind == EXPR_QUERY ? e->query.select->from
                                                       : NULL,
                                 scope };
    switch (e->kind) {
    case EXPR_CONST:
        add_value(r, &e->value);
        break;
    case EXPR_PARAM:
        if (e->param >= 1 && e->param <= w->req->n_params)
            add_value(r, &w->req->params[e->param - 1]);
        break;
    case EXPR_COLUMN:
        for (const struct scope *s = scope; s; s = s->outer)
            if (find(w, r, s->from, e->column.table, e->column.name))
                break;
        break;
    case EXPR_STAR:
        break;
    case EXPR_CALL:
        for (size_t i = 0; i < e->call.n_args; i++)
            read_expr(w, r, e->call.args[i], scope);
        break;
    case EXPR_AGG:
        read_expr(w, r, e->agg.arg, scope);
        read_expr(w, r, e->agg.filter, scope);
        break;
    case EXPR_WINDOW:
        for (size_t i = 0; window_part(e->window, i); i++)
            read_expr(w, r, window_part(e->window, i), scope);
        break;
    case EXPR_QUERY:
        read_expr(w, r, e->query.operand, scope);
        for (size_t i = 0; i < e->query.select->n_items; i++)
            read_expr(w, r, e->query.select->items[i].expr, &inner);
        break;
    }
}

static void read_expr(struct walk *w, struct reads *r, const struct expr *e,
                      const struct scope *scope)
{
    if (!e || r->depth > DEPTH_MAX)
        return;
    r->depth++;
    read_parts(w, r, e, scope);
    r->depth--;
}

/* ---- parts ---- */

/* A column whose values are too many to count apart counts as a whole. */
static void fold(struct walk *w, const struct policy_column *c)
{
    size_t kept = 0;
    bool is_there = false;
    for (size_t i = 0; i < w->n; i++) {
        struct part p = w->parts[i];
        if (p.column == c && (is_there || p.has_value)) {
            if (is_there)
                continue;
            p.has_value = false;
        }
        is_there |= p.column == c;
        w->parts[kept++] = p;
    }
    w->n = kept;
}

static bool makes_room(struct walk *w)
{
    if (w->n == SEGMENTS_MAX)
        for (size_t i = 0; i < w->n; i++)
            fold(w, w->parts[i].column);
    return w->n < SEGMENTS_MAX;
}

static void add_part(struct walk *w, struct part p, const char *value)
{
    size_t values = 0;
    for (size_t i = 0; i < w->n; i++) {
        const struct part *q = &w->parts[i];
        if (q->column != p.column)
            continue;
        if (p.has_value ? q->has_value && strcmp(q->value, value) == 0
                        : !q->has_value)
            return;
        values += q->has_value;
    }
    if (p.has_value && values == SEGMENT_VALUES) {
        fold(w, p.column);
        return;
    }
    p.value = p.has_value ? arena_strdup(w->a, value) : NULL;
    w->is_full |= p.has_value && !p.value;
    if (!w->is_full && makes_room(w))
        w->parts[w->n++] = p;
}

/* 60 and 60.0 are one; what is long is cut. */
static void print_value(char out[TEXT_CAP], const struct value *v)
{
    struct writer w = writer_of(out, TEXT_CAP - 1);
    if (v->type == VALUE_INT)
        writer_printf(&w, "%.17g", (double)v->i);
    else if (v->type == VALUE_DOUBLE)
        writer_printf(&w, "%.17g", v->d);
    else
        value_print(&w, v);
    out[w.len] = '\0';
}

/* Every column with every value of the condition. */
static void add_reads(struct walk *w, const struct reads *r, bool with_values)
{
    char text[TEXT_CAP] = "";
    const bool values =
        with_values && r->n_values > 0 && r->n_values <= SEGMENT_VALUES;
    for (size_t i = 0; i < r->n_columns; i++) {
        struct part p = r->columns[i];
        p.has_value = values;
        for (size_t k = 0; k < (values ? r->n_values : 1); k++) {
            if (values)
                print_value(text, &r->values[k]);
            add_part(w, p, text);
        }
    }
}

static void add_expr(struct walk *w, const struct expr *e,
                     const struct scope *scope, bool with_values)
{
    struct reads *r = w->reads;
    r->n_columns = r->n_values = r->n_seen = r->depth = 0;
    read_expr(w, r, e, scope);
    add_reads(w, r, with_values);
}

/* ---- conditions ---- */

static void walk_select(struct walk *w, const struct select *s,
                        const struct scope *outer, bool is_answer);

static bool is_logic(enum expr_op op)
{
    return op == OP_AND || op == OP_OR || op == OP_NOT;
}

static void walk_condition(struct walk *w, const struct expr *e,
                           const struct scope *scope)
{
    if (!e)
        return;
    if (e->kind != EXPR_CALL || !is_logic(e->call.op)) {
        add_expr(w, e, scope, true);
        return;
    }
    for (size_t i = 0; i < e->call.n_args; i++)
        walk_condition(w, e->call.args[i], scope);
}

/* Comparisons and CASE inside a value, and sub-queries anywhere; what stands in
 * a condition that was read is not read again. */
static void walk_value(struct walk *w, const struct expr *e,
                       const struct scope *scope, bool is_read);

static void walk_call(struct walk *w, const struct expr *e,
                      const struct scope *scope, bool is_read)
{
    const bool tests = e->call.op <= OP_STARTS_WITH;
    if (tests && !is_read)
        walk_condition(w, e, scope);
    for (size_t i = 0; i < e->call.n_args; i++) {
        const bool is_test =
            e->call.op == OP_CASE && i % 2 == 0 && i + 1 < e->call.n_args;
        if (is_test && !is_read)
            walk_condition(w, e->call.args[i], scope);
        walk_value(w, e->call.args[i], scope, is_read || tests || is_test);
    }
}

static void walk_value(struct walk *w, const struct expr *e,
                       const struct scope *scope, bool is_read)
{
    if (!e)
        return;
    if (e->kind == EXPR_QUERY) {
        walk_select(w, e->query.select, scope, false);
        if (e->query.operand && !is_read)
            add_expr(w, e->query.operand, scope, true);
    } else if (e->kind == EXPR_AGG) {
        walk_condition(w, e->agg.filter, scope);
        walk_value(w, e->agg.filter, scope, true);
        walk_value(w, e->agg.arg, scope, is_read);
    } else if (e->kind == EXPR_WINDOW) {
        for (size_t i = 0; window_part(e->window, i); i++)
            walk_value(w, window_part(e->window, i), scope, is_read);
    } else if (e->kind == EXPR_CALL) {
        walk_call(w, e, scope, is_read);
    }
}

static void walk_relation(struct walk *w, const struct relation *r,
                          const struct scope *outer)
{
    if (r->kind == RELATION_JOIN) {
        const struct scope both = { r, outer };
        walk_relation(w, r->join.left, outer);
        walk_relation(w, r->join.right, outer);
        walk_condition(w, r->join.on, &both);
    } else if (r->kind == RELATION_SET) {
        for (size_t i = 0; i < r->set.n_arms; i++)
            walk_select(w, r->set.arms[i], outer, false);
    } else if (r->kind == RELATION_QUERY) {
        walk_select(w, r->select, outer, false);
    }
}

/* What groups are made by: SELECT DISTINCT makes some, too. */
static void walk_groups(struct walk *w, const struct select *s,
                        const struct scope *scope)
{
    for (size_t i = 0; i < s->n_keys; i++)
        add_expr(w, s->keys[i], scope, false);
    for (size_t i = 0; s->distinct && i < s->n_items; i++)
        if (s->items[i].expr->kind != EXPR_AGG)
            add_expr(w, s->items[i].expr, scope, false);
}

static void walk_select(struct walk *w, const struct select *s,
                        const struct scope *outer, bool is_answer)
{
    const struct scope scope = { s->from, outer };
    if (s->from)
        walk_relation(w, s->from, outer);
    walk_condition(w, s->where, &scope);
    walk_value(w, s->where, &scope, true);
    for (size_t i = 0; i < s->n_items; i++)
        walk_value(w, s->items[i].expr, &scope, false);
    for (size_t i = 0; i < s->n_keys; i++)
        walk_value(w, s->keys[i], &scope, false);
    walk_groups(w, s, &scope);
    if (!is_answer)
        walk_condition(w, s->having, &scope);
}

/* ---- the list ---- */

static bool print_segment(struct segment *out, const struct part *p,
                          struct arena *a)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    const char *value = p->has_value ? p->value : "";
    const char *equals = p->has_value ? "=" : "";
    const char *key = arena_printf(a, "%s.%s%s%s", p->table->name,
                                   p->column->name, equals, value);
    out->what = p->has_value
                    ? arena_printf(a, "%s = %s", p->column->name, value)
                    : p->column->name;
    if (!out->what || !key)
        return false;
    (void)SHA256((const uint8_t *)key, strlen(key), hash);
    memcpy(out->hash, hash, sizeof out->hash);
    return true;
}

enum err_code segments_of(struct segments *out, const struct select *s,
                          const struct policy *p, const struct request *req,
                          struct arena *a, struct err *err)
{
    struct walk w = { .policy = p,
                      .req = req,
                      .a = a,
                      .parts = ARENA_NEW_N(a, SEGMENTS_MAX, struct part),
                      .reads = ARENA_NEW(a, struct reads) };
    bool ok = w.parts && w.reads;
    out->n = 0;
    if (ok)
        walk_select(&w, s, NULL, true);
    ok = ok && !w.is_full;
    for (size_t i = 0; ok && i < w.n; i++)
        ok = print_segment(&out->v[out->n++], &w.parts[i], a);
    return ok ? ERR_OK
              : err_set(err, ERR_LIMIT, "the question needs too much memory");
}
