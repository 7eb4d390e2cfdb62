#include "server/libpq/pq_uri.h"

#include <string.h>

#include "tests/table.h"

static const struct row {
    const char *name, *uri;
    const char *msg, *hint; /* NULL: it is taken */
} rows[] = {
    { "user, host and database", "postgresql://reader@db/shop", NULL, NULL },
    { "the short scheme", "postgres://reader@db/shop", NULL, NULL },
    { "the password in a file",
      "postgresql://reader@db/shop?passfile=/etc/halftone/pgpass", NULL, NULL },
    { "a certificate's key in a file",
      "postgresql://db/shop?sslcert=/c.pem&sslkey=/k.pem", NULL, NULL },
    { "two hosts", "postgresql://reader@a,b:5433/shop", NULL, NULL },
    { "a user whose name is the word", "postgresql://password@db/shop", NULL,
      NULL },
    { "a database whose name is the word", "postgresql://db/password=x", NULL,
      NULL },
    { "a value in which the word stands",
      "postgresql://db/shop?application_name=password%3Dx", NULL, NULL },
    { "a password before the host", "postgresql://reader:sesame@db/shop",
      "has a password in it", "passfile=" },
    { "... percent-encoded", "postgresql://reader:%73esame@db/shop",
      "has a password in it", "passfile=" },
    { "... of several hosts", "postgresql://reader:sesame@a,b/shop",
      "has a password in it", "passfile=" },
    { "a password as a parameter", "postgresql://db/shop?password=sesame",
      "has a password in it", "passfile=" },
    { "... whose name is percent-encoded",
      "postgresql://db/shop?p%61ssw%6frd=sesame", "has a password in it",
      "passfile=" },
    { "... that is empty",
      "postgresql://db/shop?password=", "has a password in it", "passfile=" },
    { "... beside the file where it belongs",
      "postgresql://db/shop?passfile=/f&password=sesame",
      "has a password in it", "passfile=" },
    { "the password of a certificate's key",
      "postgresql://db/shop?sslkey=/k.pem&sslpassword=sesame",
      "has a password in it, 'sslpassword'", "sslkey=" },
    { "... percent-encoded", "postgresql://db/shop?%73%73lpassword=sesame",
      "has a password in it, 'sslpassword'", "sslkey=" },
    { "a parameter that there is none of", "postgresql://db/shop?sesame=1",
      "libpq finds a mistake", "postgresql://user@host" },
    { "a percent sign that stands for nothing", "postgresql://db/%zzsesame",
      "libpq finds a mistake", "postgresql://user@host" },
    { "a key in capitals is another", "postgresql://db/shop?PASSWORD=sesame",
      "libpq finds a mistake", "postgresql://user@host" },
};

static void check(void **state)
{
    const struct row *row = *state;
    struct err err = { 0 };
    assert_int_equal(pq_uri_check("'database'", row->uri, &err),
                     row->msg ? ERR_INVALID : ERR_OK);
    assert_true(pq_uri_is(row->uri));
    if (!row->msg)
        return;
    assert_memory_equal(err.msg, "'database' ", 11);
    assert_non_null(strstr(err.msg, row->msg));
    assert_non_null(strstr(err.hint, row->hint));
    assert_null(strstr(err.msg, "sesame"));
    assert_null(strstr(err.hint, "sesame"));
}

static const struct named {
    const char *name, *where;
    const char *shown; /* NULL: a file */
} names[] = {
    { "what follows is not shown", "postgresql://u@db/shop?passfile=/f",
      "postgresql://u@db/shop" },
    { "the short scheme is written out", "postgres://db", "postgresql://db" },
    { "a path is none", "ledger.db", NULL },
    { "a path with the word is none", "./postgresql://db", NULL },
    { "nothing is none", "", NULL },
};

static void check_name(void **state)
{
    const struct named *row = *state;
    assert_int_equal(pq_uri_is(row->where), row->shown != NULL);
    if (row->shown)
        assert_string_equal(pq_uri_name(row->where).text, row->shown);
}

int main(void)
{
    const int failed = RUN_ROWS(rows, check);
    return failed + RUN_ROWS(names, check_name);
}
