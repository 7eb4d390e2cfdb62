#include "server/engine/schema.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib_engine.h"
#include "tests/table.h"

static const char *const make_files[] = {
    "COPY (SELECT 1::TINYINT a, true b, 1.5::DECIMAL(9,2) c, 'x' d, "
    "DATE '2020-01-01' e, TIMESTAMPTZ '2020-01-01 00:00:00+00' f, uuid() g, "
    "[1] h) TO '@/types.parquet'",
    "COPY (SELECT 1 AS id, DATE '2020-01-01' AS day) TO '@/rows.csv'",
    "COPY (SELECT 1 AS id, 2 AS n) TO '@/packed.csv.gz'",
    "COPY (SELECT 'PAR1 is text here' AS \"PAR1x\") TO '@/fraud.csv'",
    "COPY (SELECT chr(1) AS x) TO '@/empty.csv' (HEADER false)",
    "ATTACH '@/shop.db' AS shop",
    "CREATE TABLE shop.people AS SELECT 1 id, 'a'::ENUM('a', 'b') grade",
    "CREATE VIEW shop.broken AS SELECT id FROM shop.people",
    "USE shop",
    "CREATE VIEW adults AS SELECT id FROM people",
    "USE memory",
    "DETACH shop",
    "ATTACH '@/nothing.db' AS nothing",
    "DETACH nothing",
};

static struct lib_files files;

static const struct row {
    const char *name, *file;
    enum err_code want;
    const char *shown;
} rows[] = {
    { "Parquet, every type", "@/types.parquet", ERR_OK,
      "types: a TINYINT int, b BOOLEAN bool, c DECIMAL double, d VARCHAR text, "
      "e DATE date, f TIMESTAMP WITH TIME ZONE timestamp, g UUID uuid, "
      "h a type that cannot be used -; " },
    { "CSV, all text", "@/rows.csv", ERR_OK,
      "rows: id VARCHAR text, day VARCHAR text; " },
    { "packed CSV", "@/packed.csv.gz", ERR_OK,
      "packed: id VARCHAR text, n VARCHAR text; " },
    { "a database, a broken view left out", "@/shop.db", ERR_OK,
      "adults: id INTEGER int; people: id INTEGER int, grade ENUM text; " },
    { "a database without tables", "@/nothing.db", ERR_INVALID, "" },
    { "text that starts like Parquet", "@/fraud.csv", ERR_INVALID, "" },
    { "no such file", "@/none.csv", ERR_NOT_FOUND, "" },
};

static void print(struct writer *w, const struct engine_schema *s)
{
    for (size_t t = 0; t < s->n_tables; t++) {
        writer_printf(w, "%s: ", s->tables[t].name);
        for (size_t i = 0; i < s->tables[t].n_columns; i++) {
            const struct engine_schema_column *c = &s->tables[t].columns[i];
            writer_printf(w, "%s%s %s %s", i ? ", " : "", c->name, c->physical,
                          c->usable ? policy_type_name(c->type) : "-");
        }
        writer_str(w, "; ");
    }
}

/* Every row at several arena sizes. */
static void check_row(void **state)
{
    const struct row *row = *state;
    const char *path = lib_files_path(&files, row->file);
    enum err_code code;
    size_t cap = 0;
    do {
        struct arena a;
        struct engine_schema s = { 0 };
        struct err err = { 0 };
        char text[1024];
        struct writer w = writer_of(text, sizeof text);
        arena_init(&a, cap);
        code = engine_schema_of(&s, path, &a, &err);
        print(&w, &s);
        assert_true(writer_cstr(&w));
        assert_string_equal(text, code == ERR_OK ? row->shown : "");
        arena_fini(&a);
        cap = cap ? cap * 3 : 16;
    } while (code == ERR_LIMIT && cap < 1 << 20);
    assert_int_equal(code, row->want);
}

int main(void)
{
    lib_files_make(&files, make_files, sizeof make_files / sizeof *make_files);
    const int failed = RUN_ROWS(rows, check_row);
    lib_files_remove(&files);
    return failed;
}
