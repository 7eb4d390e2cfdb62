#ifndef ENGINE_COUNTED_H
#define ENGINE_COUNTED_H

#include "server/base/writer.h"
#include "server/engine/gate.h"

/*
 * Who counts, as tables in an SQL database that has no functions of ours, kept
 * by the server (server/plan/gate.h says which rows they stand for).
 *
 *   halftone_people (person, number)   the data's keys, and the gate's numbers
 *   halftone_said (purpose, person) whose bit of the purpose is set
 *
 *   open: keys are numbered --sync--> the newest view of a purpose is there
 *                                |
 *   a release: sync, then its statement, which has counted_condition
 *
 *   - A sync is one transaction: a reader sees one view of a purpose, never a
 *     part of it.  The first one of a purpose writes everybody; those after it
 *     only people for whom the view differs from the one before.
 *   - When sync returned true, whoever withdrew before it began is in no
 *     statement that begins after it.  False: nothing may be released, and
 *     nobody knows what is in the tables, for a commit whose answer was lost
 *     may have happened; the next sync of each purpose writes everybody.
 *   - A key that came later is unknown until counted_number: nobody under
 *     consent, but somebody who did not object elsewhere.  So new data are read
 *     after their keys were numbered.
 *
 * Statements are those that PostgreSQL, DuckDB and others agree on.  One thread
 * at a time; the tables are the server's alone to write.
 */
struct counted_sql {
    void *ctx;
    /* One statement without rows; false: it failed. */
    bool (*run)(void *ctx, const char *sql);
    /* Each row's only column, as text, never NULL. */
    bool (*each)(void *ctx, const char *sql,
                 bool (*take)(void *arg, const char *text), void *arg);
};

struct counted;

/*
 * Makes the tables, empties them, and numbers the keys that `keys` selects (one
 * column, no NULL; "SELECT who FROM a UNION SELECT who FROM b").  The texts and
 * what is pointed to are borrowed for life.
 * ERR_UNAVAILABLE  a statement failed    ERR_LIMIT  no memory
 */
enum err_code counted_open(struct counted **out, const struct counted_sql *sql,
                           const struct gate *gate, const char *keys,
                           bool key_is_int, struct err *err) MUST_CHECK;
void counted_close(struct counted *c); /* NULL is allowed; tables stay */

/* Number the keys that are new in the data.  False: nothing changed. */
bool counted_number(struct counted *c);

/* See above. */
bool counted_sync(struct counted *c, const struct policy_purpose *purpose);

/* The condition on `key`, an expression of the statement: under consent that
 * she said yes, else that she did not say no. */
void counted_condition(struct writer *w, const struct policy_purpose *purpose,
                       const char *key);

#endif
