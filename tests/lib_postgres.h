#ifndef TESTS_LIB_POSTGRES_H
#define TESTS_LIB_POSTGRES_H

#include <stddef.h>

/* The PostgreSQL of this test program (tests/postgres.sh): started when first
 * asked for, in memory, ended when the program ends. */
const char *postgres_uri(void);

/* The same of another database and role. */
void postgres_uri_of(char *out, size_t cap, const char *database,
                     const char *role);

/* Empty it: the next ledger there is new. */
void postgres_clear(void);

/* Run a statement; it must succeed. */
void postgres_run(const char *sql);

/* The number that a query gives. */
unsigned long postgres_count(const char *sql);

/* Kill -9 all of it, and start it again. */
void postgres_kill(void);
void postgres_again(void);

#endif
