#ifndef SQL_SCRIPT_H
#define SQL_SCRIPT_H

#include "server/sql/sql.h"

/*
 * A text of several statements: settings, then a question or a SHOW.
 *
 *   SET [SESSION | LOCAL] halftone.accuracy = '5%';  (or TO, or TO DEFAULT)
 *   RESET halftone.accuracy;  RESET ALL;
 *   SELECT ... | EXPLAIN (PRIVACY) SELECT ... | SHOW halftone.accuracy | SHOW
 * ALL
 *
 * Reads what is written and judges no name: server/query/setting.h knows the
 * settings, and front ends with connections know others.  SESSION and LOCAL are
 * told apart for those; within one call they are one.
 */
struct sql_setting {
    const char *name;  /* NULL: RESET ALL */
    const char *value; /* quotes removed; NULL: back to the default */
    bool is_local;
    struct place at;       /* of the name */
    struct place value_at; /* of the value */
};

struct sql_script {
    struct sql_setting *sets;
    size_t n_sets;
    struct select *question; /* or NULL */
    bool shows;
    const char *show; /* a name; NULL: all */
    struct place at;  /* of the SHOW */
};

enum { SQL_SETTINGS_MAX = 64 };

/* As sql_parse, which takes one statement and no settings; a text without a
 * question is none of its errors. */
enum err_code sql_script_parse(struct sql_script *out, const char *text,
                               size_t len, struct arena *a,
                               struct err *err) MUST_CHECK;

#endif
