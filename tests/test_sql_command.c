/* Statements of a session: what each is, what it reads, why it is refused. */
#include "server/sql/command.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/table.h"

/* A text, and its statements as tag/what it reads/what else there is to tell;
 * a refusal is "!reason line:col". */
static const struct row {
    const char *name; /* the text */
    const char *want;
} rows[] = {
    { "", "" },
    { ";;", "" },
    { "SELECT 1", "SELECT nothing ?column?" },
    { "select version(), current_user as u, $1::int",
      "SELECT nothing version u "
      "int4" },
    { "SELECT 1 WHERE true", "SELECT nothing" },
    { "SELECT count(*) FROM shop.orders", "SELECT data" },
    { "SELECT count(*) FROM orders", "SELECT data" },
    { "SELECT relname FROM pg_class", "SELECT catalog" },
    { "SELECT * FROM information_schema.tables t JOIN pg_catalog.pg_class c ON "
      "true",
      "SELECT catalog" },
    { "WITH x AS (SELECT 1) SELECT * FROM x", "SELECT nothing" },
    { "WITH x AS (SELECT count(*) FROM t) SELECT * FROM x", "SELECT data" },
    { "SELECT (SELECT count(*) FROM t) FROM pg_class", "SELECT data" },
    { "SELECT * FROM halftone.budget", "SELECT own budget" },
    { "SELECT state, rho FROM halftone.charges LIMIT 5",
      "SELECT own charges state rho 5" },
    { "SELECT state FROM halftone.charges WHERE rho > 1",
      "SELECT own !own_table 1:1" },
    { "EXPLAIN SELECT count(*) FROM t", "EXPLAIN data explains" },
    { "EXPLAIN (PRIVACY) SELECT count(*) FROM t", "EXPLAIN data explains" },
    { "EXPLAIN ANALYZE SELECT count(*) FROM t",
      "EXPLAIN explains !explain_option 1:9" },
    { "SET a TO b; RESET a; RESET ALL", "SET a=b; RESET a; RESET *" },
    { "SET SESSION a = 1, 'x y'", "SET a=1, x y" },
    { "SET LOCAL a = DEFAULT", "SET local a" },
    { "SET TIME ZONE 'UTC'", "SET timezone=UTC" },
    { "SET NAMES 'UTF8'", "SET client_encoding=UTF8" },
    { "SET TRANSACTION READ ONLY", "SET" },
    { "SHOW a; SHOW ALL; SHOW TIME ZONE", "SHOW a; SHOW; SHOW timezone" },
    { "BEGIN; START TRANSACTION ISOLATION LEVEL SERIALIZABLE; END; ABORT",
      "BEGIN; START TRANSACTION; COMMIT; ROLLBACK" },
    { "SAVEPOINT a; RELEASE SAVEPOINT a; ROLLBACK TO SAVEPOINT a",
      "SAVEPOINT a; RELEASE a; ROLLBACK a" },
    { "PREPARE p (int, text[]) AS SELECT $1::int", "PREPARE p int4 text[] "
                                                   "<SELECT $1::int>" },
    { "prepare \"as\" /* as */ as -- as\n TABLE shop.orders; SELECT 1",
      "PREPARE as <-- as\n TABLE shop.orders>; SELECT nothing ?column?" },
    { "PREPARE p AS DELETE FROM t", "PREPARE p !statement 1:1" },
    { "EXECUTE p; EXECUTE p (1, NULL, 'a'::date, -2.5, $1)",
      "EXECUTE p 0; EXECUTE p 5" },
    { "EXECUTE p (1 + 1)", "EXECUTE p !execute_value 1:1" },
    { "PREPARE TRANSACTION 'x'", " !statement 1:1" },
    { "DECLARE c CURSOR WITH HOLD FOR SELECT count(*) FROM t",
      "DECLARE CURSOR data c hold" },
    { "declare c binary cursor for select 1", "DECLARE CURSOR nothing c binary "
                                              "?column?" },
    { "FETCH c; FETCH 100 IN c; FETCH ALL FROM c; MOVE BACKWARD 2 IN c",
      "FETCH c 0:1; FETCH c 0:100; FETCH c 0:9223372036854775807; MOVE c 1:2" },
    { "FETCH LAST c; FETCH RELATIVE -1 FROM c", "FETCH c 2:-1; FETCH c 3:-1" },
    { "CLOSE c; CLOSE ALL", "CLOSE CURSOR c; CLOSE CURSOR all" },
    { "DEALLOCATE a; DEALLOCATE PREPARE ALL", "DEALLOCATE a; DEALLOCATE all" },
    { "DISCARD ALL; DISCARD TEMP; UNLISTEN *",
      "DISCARD ALL all; DISCARD PLANS; UNLISTEN" },
    { "COPY (SELECT count(*) FROM t) TO STDOUT", "COPY data text" },
    { "COPY (SELECT count(*) FROM t) TO STDOUT WITH CSV HEADER",
      "COPY data csv header" },
    { "COPY t TO STDOUT", "COPY !copy 1:1" },
    { "COPY t FROM STDIN", "COPY !copy 1:1" },
    { "COPY (SELECT count(*) FROM t) TO '/tmp/x'", "COPY !copy 1:1" },
    { "COPY (SELECT count(*) FROM t) TO STDOUT (FORMAT binary)",
      "COPY !copy_option 1:42" },
    { "CALL halftone.estimate('SELECT 1')", "CALL SELECT 1" },
    { "CALL other('SELECT 1')", " !call 1:1" },
    { "SELECT 1; DELETE FROM t; SELECT 2",
      "SELECT nothing ?column?;  !statement 1:11; SELECT nothing ?column?" },
};

static void print_one(struct writer *w, const struct sql_command *c)
{
    static const char *const reads[] = { "nothing", "catalog", "own", "data" };
    const bool asks = c->kind == SQL_QUESTION || c->kind == SQL_DECLARE ||
                      c->kind == SQL_COPY;
    writer_str(w, c->tag);
    if (asks && (c->reads || !c->refused))
        writer_printf(w, " %s", reads[c->reads]);
    if (c->name)
        writer_printf(w, " %s", c->name);
    if (c->kind == SQL_SET)
        writer_printf(w, "%s %s%s%s", c->set.is_local ? " local" : "",
                      c->set.name ? c->set.name : "*", c->set.value ? "=" : "",
                      c->set.value ? c->set.value : "");
    if (c->kind == SQL_FETCH)
        writer_printf(w, " %d:%" PRId64, (int)c->fetch.direction, c->fetch.n);
    if (c->kind == SQL_COPY && !c->refused)
        writer_printf(w, " %s%s", c->copy.csv ? "csv" : "text",
                      c->copy.header ? " header" : "");
    writer_printf(w, "%s%s%s%s", c->hold ? " hold" : "",
                  c->binary ? " binary" : "", c->all ? " all" : "",
                  c->explains ? " explains" : "");
    for (size_t i = 0; c->constants && i < c->constants->n; i++)
        writer_printf(w, " %s", c->constants->list[i].name);
    if (c->own) {
        writer_printf(w, " %s", c->own->table);
        for (size_t i = 0; i < c->own->n; i++)
            writer_printf(w, " %s", c->own->columns[i]);
        if (c->own->limit != INT64_MAX)
            writer_printf(w, " %" PRId64, c->own->limit);
    }
    for (size_t i = 0; c->prepare && i < c->prepare->n_types; i++)
        writer_printf(w, " %s%s", c->prepare->types[i].name,
                      c->prepare->types[i].is_array ? "[]" : "");
    if (c->prepare && c->prepare->text)
        writer_printf(w, " <%s>", c->prepare->text);
    if (c->args)
        writer_printf(w, " %zu", c->args->n);
    if (c->refused)
        writer_printf(w, " !%s %u:%u", c->refused->reason, c->refused->line,
                      c->refused->col);
}

static void check(void **state)
{
    const struct row *row = *state;
    struct sql_commands list;
    struct err err;
    struct arena a;
    char got[1024];
    struct writer w = writer_of(got, sizeof got);
    arena_init(&a, 1 << 22);
    assert_int_equal(
        sql_commands_parse(&list, row->name, strlen(row->name), &a, &err),
        ERR_OK);
    for (size_t i = 0; i < list.n; i++) {
        writer_str(&w, i ? "; " : "");
        print_one(&w, &list.list[i]);
    }
    assert_true(writer_cstr(&w));
    assert_string_equal(got, row->want);
    arena_fini(&a);
}

static void *run(void *failed)
{
    sql_init();
    *(int *)failed = RUN_ROWS(rows, check);
    return NULL;
}

/* PostgreSQL's parser needs a stack of its own size. */
int main(void)
{
    pthread_attr_t attr;
    pthread_t thread;
    int failed = 1;
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, SQL_STACK_MIN);
    if (pthread_create(&thread, &attr, run, &failed) == 0)
        (void)pthread_join(thread, NULL);
    return failed;
}
