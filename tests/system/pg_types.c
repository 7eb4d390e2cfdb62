/*
 * Values of each type, as a parameter and as a column, in text and in binary,
 * to one server and to another: pg_types DSN DSN.  The first is Halftone, the
 * second a PostgreSQL, which also says what the binary forms are.  Prints what
 * differs; the last line counts.
 */
#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct row {
    const char *type, *text;
} ROWS[] = {
    { "bool", "t" },
    { "bool", "off" },
    { "int2", "-32768" },
    { "int4", "2147483647" },
    { "int8", "-9223372036854775808" },
    { "oid", "4294967295" },
    { "float4", "0.1" },
    { "float4", "-1e-30" },
    { "float8", "0.1" },
    { "float8", "1e300" },
    { "float8", "123456789.125" },
    { "float8", "-Infinity" },
    { "float8", "NaN" },
    { "numeric", "12345.678" },
    { "numeric", "-0.00012" },
    { "numeric", "0" },
    { "numeric", "1.50" },
    { "numeric", "1000000000000" },
    { "numeric", "NaN" },
    { "text", "a'b\"c\\d" },
    { "text", "" },
    { "varchar", "\xc3\xa4\xe2\x82\xac" },
    { "name", "relname" },
    { "date", "2011-03-01" },
    { "date", "1970-01-01" },
    { "date", "0001-01-01" },
    { "time", "12:34:56.5" },
    { "time", "00:00:00" },
    { "timestamp", "2011-01-01 12:00:00.5" },
    { "timestamp", "1999-12-31 23:59:59.999999" },
    { "timestamp", "2011-03-01" },
    { "timestamptz", "2011-01-01 12:00:00+02" },
    { "timestamptz", "2011-01-01 12:00:00.25" },
    { "interval", "1 year 2 mons 3 days 04:05:06.5" },
    { "interval", "-1 mons +2 days -03:00:00" },
    { "interval", "30 days" },
    { "interval", "90 minutes" },
    { "interval", "0" },
    { "uuid", "00010203-0405-0607-0809-0A0B0C0D0E0F" },
    { "int2[]", "{1,2}" },
    { "int4[]", "{1,NULL,-3}" },
    { "int8[]", "{}" },
    { "float8[]", "{0.1,1e300}" },
    { "bool[]", "{t,f}" },
    { "text[]", "{a,\"b,c\",NULL,\"NULL\",\"\",\"q\\\"\\\\\"}" },
    { "varchar[]", "{x}" },
    { "name[]", "{x,y}" },
    { "oid[]", "{1,2}" },
    { "numeric[]", "{1.5,0}" },
    { "date[]", "{2011-03-01}" },
    { "timestamp[]", "{\"2011-01-01 12:00:00\"}" },
};
enum { N_ROWS = sizeof ROWS / sizeof ROWS[0] };

static PGconn *connected(const char *dsn)
{
    PGconn *c = PQconnectdb(dsn);
    if (PQstatus(c) != CONNECTION_OK) {
        (void)fprintf(stderr, "%s", PQerrorMessage(c));
        exit(2);
    }
    return c;
}

/* SELECT $1::type, prepared without a type, its value in a format. */
static PGresult *ask(PGconn *c, const char *type, const char *data, int len,
                     int in, int out)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "SELECT $1::%s AS v", type);
    return PQexecParams(c, sql, 1, NULL, &data, &len, &in, out);
}

static bool alike(const PGresult *a, const PGresult *b)
{
    return PQresultStatus(a) == PGRES_TUPLES_OK &&
           PQresultStatus(b) == PGRES_TUPLES_OK &&
           PQftype(a, 0) == PQftype(b, 0) && PQfsize(a, 0) == PQfsize(b, 0) &&
           PQgetlength(a, 0, 0) == PQgetlength(b, 0, 0) &&
           memcmp(PQgetvalue(a, 0, 0), PQgetvalue(b, 0, 0),
                  (size_t)PQgetlength(a, 0, 0)) == 0;
}

static void show(const char *who, const PGresult *r, int out)
{
    if (PQresultStatus(r) != PGRES_TUPLES_OK) {
        (void)printf("    %s: %s", who, PQresultErrorMessage(r));
        return;
    }
    const unsigned char *data = (const unsigned char *)PQgetvalue(r, 0, 0);
    (void)printf("    %s: %u ", who, PQftype(r, 0));
    for (int i = 0; out && i < PQgetlength(r, 0, 0); i++)
        (void)printf("%02x", data[i]);
    (void)printf("%s\n", out ? "" : (const char *)data);
}

static unsigned check(PGconn *ours, PGconn *theirs, const struct row *row)
{
    PGresult *bytes = ask(theirs, row->type, row->text, 0, 0, 1);
    unsigned failed = 0;
    for (int way = 0; way < 4; way++) {
        const int in = way / 2, out = way % 2;
        const char *data = in ? PQgetvalue(bytes, 0, 0) : row->text;
        const int len = in ? PQgetlength(bytes, 0, 0) : 0;
        PGresult *a = ask(ours, row->type, data, len, in, out);
        PGresult *b = ask(theirs, row->type, data, len, in, out);
        if (!alike(a, b)) {
            (void)printf("differs: %s '%s', %s in, %s out\n", row->type,
                         row->text, in ? "binary" : "text",
                         out ? "binary" : "text");
            show("ours", a, out);
            show("PostgreSQL", b, out);
            failed++;
        }
        PQclear(a);
        PQclear(b);
    }
    PQclear(bytes);
    return failed;
}

int main(int argc, char **argv)
{
    if (argc != 3)
        return 2;
    PGconn *ours = connected(argv[1]), *theirs = connected(argv[2]);
    unsigned failed = 0;
    for (size_t i = 0; i < N_ROWS; i++)
        failed += check(ours, theirs, &ROWS[i]);
    (void)printf("note %u of %d values of types alike, in both formats, there "
                 "and back\n",
                 4 * N_ROWS - failed, 4 * N_ROWS);
    PQfinish(ours);
    PQfinish(theirs);
    return failed ? 1 : 0;
}
