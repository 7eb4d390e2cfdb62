#ifndef CLI_QUESTION_H
#define CLI_QUESTION_H

#include <halftone/v1/halftone.pb-c.h>

#include "clients/cli/options.h"

/*
 * The question as a message: SQL from the words, a file or standard input, or
 * --table with --by, --where and aggregates; then what it may cost.
 */
struct question {
    Halftone__V1__QueryRequest message;
    const char *sql; /* or NULL; for the caret under it */
};

/*
 * Build from the options; all in `a`.  `key` asks for an idempotency key: the
 * user's, or 128 random bits.
 *
 * ERR_INVALID    contradicting or incomplete flags, SQL too long or not text
 * ERR_NOT_FOUND  the file cannot be read
 */
enum err_code question_of(struct question *out, const struct options *o,
                          const char *const *words, size_t n_words, bool key,
                          struct arena *a, struct err *err) MUST_CHECK;

/* The user's key, or (NULL) 128 random bits.  ERR_INVALID: it is too long. */
enum err_code question_key(char **out, const char *key, struct arena *a,
                           struct err *err) MUST_CHECK;

/*
 * query.c: a call that broke off may have been charged: with its key the answer
 * can be had without paying again.
 */
void question_hint_at_key(struct err *err, const char *key);

/* Several: the statements of a file, as one batch. */
struct questions {
    Halftone__V1__BatchRequest message;
    const char *sql;     /* the file; places in errors are places in it */
    const char **titles; /* each statement's text */
};

/* As question_of; always with a key.  ERR_INVALID may have a place. */
enum err_code questions_of(struct questions *out, const struct options *o,
                           const char *const *words, size_t n_words,
                           struct arena *a, struct err *err) MUST_CHECK;

#endif
