#ifndef SQL_COMMAND_H
#define SQL_COMMAND_H

#include "server/sql/script.h"

/*
 * What a client of a session says: the statements of a text, each with what a
 * front end needs to obey it.  Questions come as trees; the rest, by which
 * PostgreSQL's clients steer their connection, as plain values.
 *
 * A text that does not parse is an error as a whole.  A statement that parses
 * and cannot be answered carries its error in `refused`: what stands before it
 * in the text is done first, as PostgreSQL does.
 */
enum sql_command_kind {
    SQL_QUESTION,    /* SELECT, VALUES, TABLE; EXPLAIN of one */
    SQL_SET,         /* set; also RESET */
    SQL_SHOW,        /* name; NULL: all */
    SQL_TRANSACTION, /* SET TRANSACTION and its like: what is so already */
    SQL_BEGIN,
    SQL_COMMIT,
    SQL_ROLLBACK,
    SQL_SAVEPOINT,
    SQL_RELEASE,
    SQL_ROLLBACK_TO,
    SQL_DECLARE,    /* name, hold, scroll, binary; the question */
    SQL_FETCH,      /* name, fetch; also MOVE */
    SQL_CLOSE,      /* name; NULL: all */
    SQL_COPY,       /* copy; the question */
    SQL_DISCARD,    /* all, or what there is none of */
    SQL_PREPARE,    /* name, prepare */
    SQL_EXECUTE,    /* name, args */
    SQL_DEALLOCATE, /* name; NULL: all */
    SQL_UNLISTEN,
    SQL_ESTIMATE, /* CALL halftone.estimate('text'): text */
    SQL_REFUSED,  /* anything else: `refused` is set */
};

/* What a question reads, by the names in it; the most that any part does. */
enum sql_reads {
    SQL_READS_NOTHING, /* SELECT 1 */
    SQL_READS_CATALOG, /* pg_catalog, information_schema */
    SQL_READS_OWN,     /* halftone.budget and its like */
    SQL_READS_DATA,
};

enum sql_direction {
    SQL_FORWARD,
    SQL_BACKWARD,
    SQL_ABSOLUTE,
    SQL_RELATIVE,
};
struct sql_fetch {
    enum sql_direction direction;
    int64_t n; /* rows, or the place of one; INT64_MAX = all */
    bool moves;
};

struct sql_copy {
    bool csv, header;
    char delimiter, quote, escape;
    const char *null;
};

/*
 * A SELECT without FROM and of constants alone, as clients write to see whether
 * somebody is there: SELECT 1, SELECT version(), SELECT $1::int.
 */
struct sql_constant {
    enum sql_constant_kind {
        SQL_CONSTANT_VALUE,
        SQL_CONSTANT_PARAM, /* param */
        SQL_CONSTANT_CALL,  /* function, args */
    } kind;
    const char *name; /* of the column, as PostgreSQL calls it */
    const char *cast; /* name of a type, without its schema; or NULL */
    bool casts_array;
    struct value value; /* a number with a point is a text to be cast */
    const char *type;   /* of the value: "int4", "numeric", "text", ... */
    unsigned param;     /* from 1 */
    const char *function;
    struct sql_constant *args;
    size_t n_args;
};
struct sql_constants {
    struct sql_constant *list;
    size_t n;
};

/* SELECT of columns of one table of ours, as they are: SELECT * FROM
 * halftone.budget. */
struct sql_own {
    const char *table;
    struct place at;
    const char **columns; /* n = 0: all */
    size_t n;
    int64_t limit; /* INT64_MAX = none */
};

/* PREPARE name (types) AS text. */
struct sql_prepare {
    const char *text;
    struct sql_prepare_type {
        const char *name; /* without its schema */
        bool is_array;
    } * types;
    size_t n_types;
};

struct sql_command {
    enum sql_command_kind kind;
    const char *tag;  /* "SELECT", "START TRANSACTION"; static */
    const char *text; /* as written, without what follows; NUL-terminated */
    size_t len;
    struct place at;
    const struct err *refused; /* or NULL */
    enum sql_reads reads;
    struct select *question;         /* where it reads data; else NULL */
    struct sql_constants *constants; /* where it reads nothing and is so
                                        simple; else NULL */
    struct sql_own *own;             /* where it reads OWN, and likewise */
    bool explains; /* the question is asked for its price alone */
    struct sql_setting set;
    const char *name;
    struct sql_fetch fetch;
    bool hold, binary;
    bool all;
    struct sql_copy copy;
    struct sql_prepare *prepare;
    struct sql_constants *args;
};

struct sql_commands {
    struct sql_command *list;
    size_t n; /* 0: an empty text */
};

enum { SQL_COMMANDS_MAX = 1000 };

/*
 * ERR_SYNTAX, ERR_LIMIT and ERR_INVALID as sql_parse.  Everything moves to `a`.
 */
enum err_code sql_commands_parse(struct sql_commands *out, const char *text,
                                 size_t len, struct arena *a,
                                 struct err *err) MUST_CHECK;

#endif
