/*
 * Any bytes as a statement about the catalog: rewriting it never crashes, its
 * codes keep their promises, and whatever is handed to DuckDB is one SELECT
 * that names nothing but the catalog's tables, queries of its own WITH, and
 * functions of the allow-list.  Corpus: tests/fuzz/corpus/catalog.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/catalog/names.h"
#include "server/sql/rewrite_ctx.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

enum { TREE_MAX = 16 * 1024 * 1024, NAMES_MAX = 1 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct names names;

static const struct rewrite_relation *
relation(const void *ctx, const char *schema, const char *name)
{
    (void)ctx;
    return names_relation(&names, schema, name);
}

static const struct rewrite_function *function(const void *ctx,
                                               const char *name)
{
    (void)ctx;
    return names_function(name);
}

static const char *setting(const void *ctx, const char *name)
{
    (void)ctx;
    return strcmp(name, "jit") == 0 ? "off" : NULL;
}

static uint32_t type(const void *ctx, const char *schema, const char *name)
{
    (void)ctx;
    return *schema ? 0 : names_type(&names, name);
}

/* All that DuckDB may be told to call, and what the rewriter calls itself. */
static bool is_allowed(const char *name)
{
    static const char *const allowed[] = {
#define FUNCTION(name, as, type, is_set) as,
#include "server/catalog/function.def"
#undef FUNCTION
        "not_like_escape", "ilike_escape",        "not_ilike_escape",
        "regexp_matches",  "list_concat",         "today",
        "pgc_series",      "pgc_member",          "pgc_divide",
        "pgc_first",       "pgc_regclass_in",     "pgc_regclass_out",
        "pgc_regtype_in",  "pgc_regtype_out",     "pgc_regrole_in",
        "pgc_regrole_out", "pgc_regnamespace_in", "pgc_regnamespace_out",
    };
    for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
        if (strcmp(allowed[i], name) == 0)
            return true;
    return false;
}

static bool is_set(const char *s)
{
    return s && *s;
}

static void check_table(const PgQuery__RangeVar *v)
{
    const size_t len = strlen(v->relname);
    REQUIRE(!is_set(v->catalogname));
    if (is_set(v->schemaname))
        REQUIRE(strcmp(v->schemaname, "pgc") == 0 ||
                strcmp(v->schemaname, "infos") == 0);
    else
        REQUIRE(strncmp(v->relname, "with", 4) == 0 && len > 6 &&
                strcmp(v->relname + len - 2, "__") == 0);
}

static void check_message(const ProtobufCMessage *m)
{
    const char *kind = m->descriptor->short_name;
    if (strcmp(kind, "RangeVar") == 0)
        check_table((const PgQuery__RangeVar *)m);
    if (strcmp(kind, "FuncCall") == 0) {
        const PgQuery__FuncCall *f = (const PgQuery__FuncCall *)m;
        REQUIRE(f->n_funcname == 1);
        REQUIRE(is_allowed(rewrite_last(f->funcname, 1)));
    }
    REQUIRE(!strstr(kind, "Stmt") || strcmp(kind, "SelectStmt") == 0);
    for (unsigned i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        const char *at = (const char *)m + f->offset;
        const void *count = (const char *)m + f->quantifier_offset;
        if (f->type != PROTOBUF_C_TYPE_MESSAGE)
            continue;
        if (f->label == PROTOBUF_C_LABEL_REPEATED) {
            for (size_t k = 0; k < *(const size_t *)count; k++)
                check_message((*(ProtobufCMessage *const *const *)at)[k]);
        } else if ((!(f->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) ||
                    *(const uint32_t *)count == f->id) &&
                   *(ProtobufCMessage *const *)at) {
            check_message(*(ProtobufCMessage *const *)at);
        }
    }
}

static enum err_code check_tree(struct sql_ctx *c, void *out,
                                const PgQuery__ParseResult *tree)
{
    (void)c, (void)out;
    REQUIRE(tree->n_stmts == 1);
    check_message(&tree->stmts[0]->stmt->base);
    return ERR_OK;
}

struct input {
    const char *text;
    size_t len;
    size_t room; /* of the arena */
};

static void rewrite(const struct input *in)
{
    static const char *const path[] = { "clinic", "public" };
    const struct rewrite_names all = { .relation = relation,
                                       .function = function,
                                       .setting = setting,
                                       .type = type,
                                       .user = "analyst",
                                       .database = "clinic",
                                       .version = "15.0",
                                       .schemas = path,
                                       .n_schemas = 2 };
    struct rewrite r;
    struct arena a, again;
    struct err err = { 0 };
    arena_init(&a, in->room);
    const enum err_code code =
        rewrite_catalog(&r, in->text, in->len, &all, &a, &err);
    REQUIRE(code == ERR_OK || code == ERR_SYNTAX || code == ERR_REFUSED ||
            code == ERR_LIMIT || code == ERR_NOT_FOUND || code == ERR_INVALID);
    REQUIRE(code == ERR_OK || (err.code == code && err.msg[0] && err.hint[0]));
    if (code == ERR_OK) {
        arena_init(&again, TREE_MAX);
        for (size_t i = 0; i < r.n_fields; i++)
            REQUIRE(r.fields[i].name);
        const enum err_code read =
            sql_read(check_tree, NULL, r.sql, strlen(r.sql), &again, &err);
        REQUIRE(read == ERR_OK || read == ERR_LIMIT);
        arena_fini(&again);
    }
    arena_fini(&a);
}

/* With room, and with so little that something finds none. */
static void *run(void *arg)
{
    struct input in = *(const struct input *)arg;
    rewrite(&in);
    for (in.room = 256; in.room < 8192; in.room *= 2)
        rewrite(&in);
    return NULL;
}

/* On a thread of its own with the stack the parser asks for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static struct arena kept;
    struct input in = { (const char *)data, len, TREE_MAX };
    pthread_attr_t attr;
    pthread_t thread;
    if (!names.relations) {
        sql_init();
        arena_init(&kept, NAMES_MAX);
        REQUIRE(names_read(&names, &kept));
    }
    REQUIRE(pthread_attr_init(&attr) == 0);
    REQUIRE(pthread_attr_setstacksize(&attr, SQL_STACK_MIN) == 0);
    REQUIRE(pthread_create(&thread, &attr, run, &in) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    REQUIRE(pthread_attr_destroy(&attr) == 0);
    return 0;
}
