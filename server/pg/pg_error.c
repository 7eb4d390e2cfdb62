#include "server/pg/pg_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *reason, *state;
} STATES[] = {
#define PG_STATE(reason, state) { reason, state },
#include "server/pg/pg_state.def"
#undef PG_STATE
};

enum err_code pg_fail(struct err *err, const char *state, const char *fmt, ...)
{
    char text[sizeof err->msg];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)err_set(err, ERR_INVALID, "%s", text);
    err->reason = state;
    return ERR_INVALID;
}

/* Reasons of Halftone's own are words in lower case. */
static bool is_state(const char *reason)
{
    return reason && reason[0] >= '0' && reason[0] <= '9' &&
           strlen(reason) == 5;
}

const char *pg_error_state(const struct err *err)
{
    if (is_state(err->reason))
        return err->reason;
    for (size_t i = 0; err->reason && i < sizeof STATES / sizeof STATES[0]; i++)
        if (strcmp(STATES[i].reason, err->reason) == 0)
            return STATES[i].state;
    return err_info_of(err->code)->sqlstate;
}

static void field(struct pg_out *o, char type, const char *text)
{
    if (!text[0])
        return;
    pg_out_u8(o, (uint8_t)type);
    pg_out_text(o, text);
}

/* Characters from 1, of a line and a column from 1; 0: there are no such. */
static unsigned position_of(const char *text, unsigned line, unsigned col)
{
    unsigned at_line = 1, at_col = 1, n = 1;
    if (!text || line == 0)
        return 0;
    for (const char *p = text; *p; p++) {
        if (((unsigned char)*p & 0xc0) == 0x80)
            continue;
        if (at_line == line && at_col == col)
            return n;
        if (*p == '\n') {
            at_line++;
            at_col = 1;
        } else {
            at_col++;
        }
        n++;
    }
    return at_line == line && at_col == col ? n : 0;
}

void pg_error_state_send(struct pg_out *o, enum pg_severity severity,
                         const char *state, const struct err *err,
                         const char *text)
{
    const char *word = severity == PG_FATAL ? "FATAL" : "ERROR";
    const unsigned position = position_of(text, err->line, err->col);
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%u", position);
    pg_out_begin(o, 'E');
    field(o, 'S', word);
    field(o, 'V', word);
    field(o, 'C', state);
    field(o, 'M', err->msg);
    field(o, 'H', err->hint);
    if (position > 0)
        field(o, 'P', digits);
    pg_out_u8(o, 0);
    pg_out_end(o);
}

void pg_error_send(struct pg_out *o, enum pg_severity severity,
                   const struct err *err, const char *text)
{
    pg_error_state_send(o, severity, pg_error_state(err), err, text);
}

void pg_error_fatal_send(struct pg_out *o, const char *state,
                         const struct err *err)
{
    pg_error_state_send(o, PG_FATAL, state ? state : pg_error_state(err), err,
                        NULL);
}

void pg_notice_send(struct pg_out *o, const char *severity, const char *state,
                    const char *text)
{
    pg_out_begin(o, 'N');
    field(o, 'S', severity);
    field(o, 'V', severity);
    field(o, 'C', state);
    field(o, 'M', text);
    pg_out_u8(o, 0);
    pg_out_end(o);
}
