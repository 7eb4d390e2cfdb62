#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "server/base/err.h"

/*
 * What the server says about itself: one line per event, key=value, on
 * standard error.
 *
 *   ts=2026-03-01T12:00:00.123Z level=info event=query_charged query=5f... ...
 *
 * log.def holds one row per event.  There is no free text: a line carries the
 * event's own fields, all of them public, and none that could hold data, SQL
 * or a number that touched data.  Any thread may log; a line is one write(2),
 * so lines never mix (up to PIPE_BUF).  Values are quoted where they need it,
 * with control bytes escaped, and cut at LOG_VALUE_MAX bytes.
 */
enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_COUNT
};

enum log_event {
#define LOG(id, name, level, fields, help) LOG_##id,
#include "server/base/log.def"
#undef LOG
    LOG_EVENT_COUNT
};

enum { LOG_VALUE_MAX = 128, LOG_LINE_MAX = 4096, LOG_LINES_PER_S = 20 };

/* Public facts, borrowed for the call.  NULL texts print as "". */
struct log_fields {
    const char *query;     /* id of a query: names its charge */
    const char *principal; /* who asks, as in the principals file */
    const char *dataset;
    const char *address; /* of a peer or listener: "127.0.0.1:7443" */
    const char *path;    /* of a file of the operator's */
    const char *name;    /* of what the policy calls so */
    const char *what;    /* one static word: the class of a failure */
    enum err_code error; /* printed as its stable name */
    uint64_t count;      /* what the event counts; its help says what */
};

/* Bits of the fields an event prints, in this order. */
enum log_field {
    LOG_FIELD_QUERY = 1,
    LOG_FIELD_PRINCIPAL = 2,
    LOG_FIELD_DATASET = 4,
    LOG_FIELD_ADDRESS = 8,
    LOG_FIELD_PATH = 16,
    LOG_FIELD_ERROR = 32,
    LOG_FIELD_COUNT = 64,
    LOG_FIELD_WHAT = 128,
    LOG_FIELD_NAME = 256,
};

/* Facts about an event.  Borrowed, static. */
struct log_info {
    const char *name, *help;
    enum log_level level;
    unsigned fields; /* of enum log_field */
};
const struct log_info *log_info_of(enum log_event event);

/*
 * Write one line, or nothing when the event is below the level in force.  Of
 * events that anyone can cause, LOG_LINES_PER_S are written each second; the
 * next line after those says how many were dropped.
 */
void log_event(enum log_event event, struct log_fields fields);

/* Least severe level that is written; LOG_LEVEL_INFO at the start. */
void log_set_level(enum log_level level);

/* Where lines go; standard error at the start. */
void log_set_fd(int fd);

const char *log_level_name(enum log_level level);

#endif
