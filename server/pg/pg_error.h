#ifndef PG_PG_ERROR_H
#define PG_PG_ERROR_H

#include "server/base/err.h"
#include "server/pg/pg_out.h"

/*
 * ErrorResponse and NoticeResponse: severity, SQLSTATE, message, hint, place.
 *
 * An error of Halftone has a code (err.def), and some a reason (refusal.def)
 * for which PostgreSQL has a state of its own (pg_state.def).
 */
enum pg_severity { PG_ERROR, PG_FATAL };

/* An error that PostgreSQL has a state for and Halftone no code; the state, a
 * static text, is its reason.  Returns ERR_INVALID. */
enum err_code pg_fail(struct err *err, const char *state, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The five characters of an error. */
const char *pg_error_state(const struct err *err);

/* `text` is what the client sent, or NULL: a line and a column of it become a
 * position, characters from 1. */
void pg_error_send(struct pg_out *o, enum pg_severity severity,
                   const struct err *err, const char *text);

/* The same with a state of its own. */
void pg_error_state_send(struct pg_out *o, enum pg_severity severity,
                         const char *state, const struct err *err,
                         const char *text);

/* The connection ends with it; `state` NULL: the error's own. */
void pg_error_fatal_send(struct pg_out *o, const char *state,
                         const struct err *err);

/* `severity` "NOTICE" or "WARNING". */
void pg_notice_send(struct pg_out *o, const char *severity, const char *state,
                    const char *text);

#endif
