/* Relations; tree.h says what they mean. */
#include <string.h>

#include "server/query/tree.h"

static bool text_equal(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

const char *set_kind_name(enum set_kind kind)
{
    static const char *const names[] = {
        [SET_UNION_ALL] = "UNION ALL",
        [SET_UNION] = "UNION",
        [SET_INTERSECT] = "INTERSECT",
        [SET_EXCEPT] = "EXCEPT",
    };
    return names[kind];
}

const char *relation_name(const struct relation *r)
{
    return r->alias || r->kind != RELATION_TABLE ? r->alias : r->table.name;
}

static const char *dataset_of(const struct relation *r)
{
    const char *name = NULL;
    switch (r->kind) {
    case RELATION_TABLE:
        return r->table.dataset;
    case RELATION_QUERY:
        return select_dataset(r->select);
    case RELATION_JOIN:
        name = dataset_of(r->join.left);
        return name ? name : dataset_of(r->join.right);
    case RELATION_SET:
        for (size_t i = 0; !name && i < r->set.n_arms; i++)
            name = select_dataset(r->set.arms[i]);
        break;
    }
    return name;
}

const char *select_dataset(const struct select *s)
{
    return dataset_of(s->from);
}

static bool join_equal(const struct relation *a, const struct relation *b)
{
    bool same = a->join.kind == b->join.kind &&
                a->join.n_using == b->join.n_using &&
                relation_equal(a->join.left, b->join.left) &&
                relation_equal(a->join.right, b->join.right) &&
                expr_equal(a->join.on, b->join.on);
    for (size_t i = 0; same && i < a->join.n_using; i++)
        same = text_equal(a->join.using[i], b -> join.using[i]);
    return same;
}

static bool set_equal(const struct relation *a, const struct relation *b)
{
    bool same = a->set.kind == b->set.kind && a->set.n_arms == b->set.n_arms;
    for (size_t i = 0; same && i < a->set.n_arms; i++)
        same = select_equal(a->set.arms[i], b->set.arms[i]);
    return same;
}

bool relation_equal(const struct relation *a, const struct relation *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind || !text_equal(a->alias, b->alias))
        return false;
    switch (a->kind) {
    case RELATION_TABLE:
        return text_equal(a->table.dataset, b->table.dataset) &&
               text_equal(a->table.name, b->table.name);
    case RELATION_QUERY:
        return select_equal(a->select, b->select);
    case RELATION_JOIN:
        return join_equal(a, b);
    case RELATION_SET:
        return set_equal(a, b);
    }
    return false;
}

static void print_alias(struct writer *w, const struct relation *r)
{
    if (!r->alias)
        return;
    writer_str(w, " AS ");
    name_print(w, r->alias);
}

static void print_table(struct writer *w, const struct relation *r)
{
    if (r->table.dataset) {
        name_print(w, r->table.dataset);
        writer_str(w, ".");
    }
    name_print(w, r->table.name);
    print_alias(w, r);
}

static void print_join(struct writer *w, const struct relation *r)
{
    static const char *const words[] = {
        [JOIN_INNER] = " JOIN ",
        [JOIN_LEFT] = " LEFT JOIN ",
        [JOIN_RIGHT] = " RIGHT JOIN ",
        [JOIN_FULL] = " FULL JOIN ",
    };
    const bool every = !r->join.on && r->join.n_using == 0;
    const bool nests = r->join.right->kind == RELATION_JOIN;
    relation_print(w, r->join.left);
    writer_str(w, every ? " CROSS JOIN " : words[r->join.kind]);
    writer_str(w, nests ? "(" : "");
    relation_print(w, r->join.right);
    writer_str(w, nests ? ")" : "");
    for (size_t i = 0; i < r->join.n_using; i++) {
        writer_str(w, i > 0 ? ", " : " USING (");
        name_print(w, r->join.using[i]);
    }
    writer_str(w, r->join.n_using > 0 ? ")" : "");
    if (r->join.on) {
        writer_str(w, " ON ");
        expr_print(w, r->join.on);
    }
}

static void print_set(struct writer *w, const struct relation *r)
{
    for (size_t i = 0; i < r->set.n_arms; i++) {
        if (i > 0)
            writer_printf(w, " %s ", set_kind_name(r->set.kind));
        writer_str(w, "(");
        select_print(w, r->set.arms[i]);
        writer_str(w, ")");
    }
}

void relation_print(struct writer *w, const struct relation *r)
{
    if (r->kind == RELATION_TABLE) {
        print_table(w, r);
        return;
    }
    if (r->kind == RELATION_JOIN) {
        print_join(w, r);
        return;
    }
    writer_str(w, "(");
    if (r->kind == RELATION_QUERY)
        select_print(w, r->select);
    else
        print_set(w, r);
    writer_str(w, ")");
    print_alias(w, r);
}
