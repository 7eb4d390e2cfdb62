/*
 * make_shop SCRIPT FOLDER PEOPLE: runs an SQL script in DuckDB with FOLDER as
 * its working directory and PEOPLE as the variable `people`.
 */
#include <duckdb.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SCRIPT_MAX = 1 << 20 };

static int fail(const char *what)
{
    (void)fprintf(stderr, "make_shop: %s\n", what);
    return EXIT_FAILURE;
}

static int execute(duckdb_connection con, const char *sql)
{
    duckdb_result result;
    int code = EXIT_SUCCESS;
    if (duckdb_query(con, sql, &result) != DuckDBSuccess)
        code = fail(duckdb_result_error(&result));
    duckdb_destroy_result(&result);
    return code;
}

int main(int argc, char **argv)
{
    static char script[SCRIPT_MAX];
    char set[64];
    char *end;
    if (argc != 4)
        return fail("usage: make_shop SCRIPT FOLDER PEOPLE");
    errno = 0;
    const long people = strtol(argv[3], &end, 10);
    if (errno || *end || people < 1 || people > 100000000)
        return fail("PEOPLE must be a whole number from 1 to 100,000,000");

    FILE *f = fopen(argv[1], "r");
    if (!f || fread(script, 1, sizeof script - 1, f) == 0)
        return fail("the script cannot be read");
    (void)fclose(f);
    if (chdir(argv[2]) != 0)
        return fail("the folder cannot be entered");

    duckdb_database db;
    duckdb_connection con;
    if (duckdb_open(NULL, &db) || duckdb_connect(db, &con))
        return fail("DuckDB does not start");
    (void)snprintf(set, sizeof set, "SET VARIABLE people = %ld", people);
    int code = execute(con, set);
    if (code == EXIT_SUCCESS)
        code = execute(con, script);
    duckdb_disconnect(&con);
    duckdb_close(&db);
    return code;
}
