#include "server/sql/sql.h"

#include <assert.h>
#include <pg_query.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/utf8.h"
#include "server/sql/sql_ctx.h"

/*
 * PostgreSQL's tree of 64 KiB of the worst text found (a list of one-digit
 * numbers) takes 20 MiB unpacked; it is gone when the parse ends.
 */
enum { TEXT_MAX = 64 * 1024, SCRATCH_MAX = 64 * 1024 * 1024 };

void sql_init(void)
{
    PgQueryProtobufParseResult raw = pg_query_parse_protobuf("SELECT 1");
    assert(!raw.error);
    PgQuery__ParseResult *tree = pg_query__parse_result__unpack(
        NULL, raw.parse_tree.len, (const uint8_t *)raw.parse_tree.data);
    assert(tree);
    sql_fields_init(tree->base.descriptor);
    pg_query__parse_result__free_unpacked(tree, NULL);
    pg_query_free_protobuf_parse_result(raw);
}

static void *scratch_alloc(void *arena, size_t size)
{
    return arena_alloc(arena, size ? size : 1, 1);
}

static void scratch_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

/* How PostgreSQL would show a plan; there is none to show. */
static bool is_of_form(const char *name)
{
    static const char *const names[] = { "verbose", "costs",   "settings",
                                         "buffers", "wal",     "timing",
                                         "summary", "format" };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return false;
}

enum err_code sql_explain_options(struct sql_ctx *c,
                                  const PgQuery__ExplainStmt *explain)
{
    bool privacy = false;
    for (size_t i = 0; i < explain->n_options; i++) {
        const PgQuery__Node *n = explain->options[i];
        if (n->node_case != PG_QUERY__NODE__NODE_DEF_ELEM)
            return sql_refuse(c, REFUSAL_EXPLAIN_OPTION, 0, "", NULL);
        const PgQuery__DefElem *option = n->def_elem;
        TRY(sql_fields(c, &option->base, option->location));
        if (is_of_form(option->defname))
            continue;
        if (strcmp(option->defname, "privacy") != 0 || option->arg || privacy)
            return sql_refuse(c, REFUSAL_EXPLAIN_OPTION, option->location,
                              option->defname, NULL);
        privacy = true;
    }
    return ERR_OK;
}

enum err_code sql_statement(struct sql_ctx *c, struct select **out,
                            const PgQuery__Node *n, int offset)
{
    bool explains = false;
    if (n->node_case == PG_QUERY__NODE__NODE_EXPLAIN_STMT) {
        const PgQuery__ExplainStmt *explain = n->explain_stmt;
        TRY(sql_fields(c, &explain->base, offset));
        TRY(sql_explain_options(c, explain));
        explains = true;
        n = explain->query;
    }
    if (n->node_case != PG_QUERY__NODE__NODE_SELECT_STMT)
        return sql_refuse_statement(c, n, offset);
    TRY(sql_query(c, out, n->select_stmt, offset));
    (*out)->explain = explains;
    return sql_check_depth(c, *out);
}

/* Past spaces, which the location of a statement includes. */
int sql_statement_offset(const struct sql_ctx *c, const PgQuery__RawStmt *stmt)
{
    const int at = stmt->stmt_location < 0 ? 0 : stmt->stmt_location;
    return at + (int)strspn(c->text + at, " \t\r\n\f\v");
}

static enum err_code read_tree(struct sql_ctx *c, void *out,
                               const PgQuery__ParseResult *tree)
{
    struct select *s = NULL;
    if (tree->n_stmts == 0)
        return sql_refuse(c, REFUSAL_TEXT_EMPTY, -1, NULL, NULL);
    if (tree->n_stmts > 1)
        return sql_refuse(c, REFUSAL_TEXT_MANY,
                          sql_statement_offset(c, tree->stmts[1]), NULL, NULL);
    TRY(sql_statement(c, &s, tree->stmts[0]->stmt,
                      sql_statement_offset(c, tree->stmts[0])));
    *(struct select **)out = s;
    return ERR_OK;
}

/* PostgreSQL's own sentence; its cursor counts code points from 1. */
static enum err_code syntax_error(struct sql_ctx *c, const PgQueryError *e,
                                  const char *text)
{
    err_set(c->err, ERR_SYNTAX, "%s", e->message);
    size_t offset = 0;
    for (int left = e->cursorpos - 1; left > 0 && text[offset]; left--)
        do
            offset++;
        while (((unsigned char)text[offset] & 0xc0) == 0x80);
    const struct place at =
        e->cursorpos > 0 ? sql_place(c, (int)offset) : (struct place){ 0, 0 };
    err_hint(c->err, "%s", sql_foreign_syntax(text, offset, e->message));
    return err_at(c->err, at.line, at.col);
}

/* What is made of PostgreSQL's tree, and where it goes. */
struct reading {
    sql_tree_fn *read;
    void *out;
};

static enum err_code parse(struct sql_ctx *c, const struct reading *r,
                           const char *text, struct arena *scratch)
{
    ProtobufCAllocator allocator = { scratch_alloc, scratch_free, scratch };
    PgQueryProtobufParseResult raw = pg_query_parse_protobuf(text);
    enum err_code code;
    if (raw.error) {
        code = syntax_error(c, raw.error, text);
    } else {
        const PgQuery__ParseResult *tree = pg_query__parse_result__unpack(
            &allocator, raw.parse_tree.len,
            (const uint8_t *)raw.parse_tree.data);
        code = tree ? r->read(c, r->out, tree) : sql_no_memory(c);
    }
    pg_query_free_protobuf_parse_result(raw);
    return code;
}

static enum err_code parse_in(struct sql_ctx *c, const struct reading *r,
                              const char *text, size_t len,
                              struct arena *scratch)
{
    struct place *places = ARENA_NEW_N(scratch, len + 1, struct place);
    char *copy = arena_strndup(scratch, text, len);
    if (!places || !copy)
        return sql_no_memory(c);
    sql_places_fill(places, copy, len);
    c->places = places;
    c->text = copy;
    TRY(sql_guard(c, copy, len));
    return parse(c, r, copy, scratch);
}

enum err_code sql_read(sql_tree_fn *read, void *out, const char *text,
                       size_t len, struct arena *a, struct err *err)
{
    const struct reading r = { read, out };
    struct sql_ctx c = { .arena = a, .err = err, .len = len };
    struct arena scratch;
    if (len > TEXT_MAX)
        return sql_refuse(&c, REFUSAL_TEXT_LENGTH, -1, NULL, NULL);
    if (!utf8_is_text(text, len))
        return sql_refuse(&c, REFUSAL_TEXT_ENCODING, -1, NULL, NULL);
    arena_init(&scratch, SCRATCH_MAX);
    const enum err_code code = parse_in(&c, &r, text, len, &scratch);
    arena_fini(&scratch);
    return code;
}

enum err_code sql_parse(struct select **out, const char *text, size_t len,
                        struct arena *a, struct err *err)
{
    return sql_read(read_tree, out, text, len, a, err);
}
