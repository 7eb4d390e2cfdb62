#ifndef PG_PG_WIRE_H
#define PG_PG_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/base/reader.h"

/*
 * What a client sends, as bytes and as values; no state, no I/O.  Everything
 * borrows from the bytes it was read from.
 * Source: PostgreSQL 15 manual, chapter 55, "Frontend/Backend Protocol".
 */

/* ---- before TLS ---- */

enum pg_hello {
    PG_HELLO_MORE,  /* the first byte says too little */
    PG_HELLO_NO,    /* answer 'N', and wait for another */
    PG_HELLO_TLS,   /* answer 'S', and begin TLS */
    PG_HELLO_RAW,   /* it is TLS already */
    PG_HELLO_START, /* a startup or cancel packet */
};
enum { PG_HELLO_LEN = 8 };

/* Of the first byte, or of the first PG_HELLO_LEN. */
enum pg_hello pg_hello_of(const uint8_t *data, size_t len, bool has_tls);

/* ---- the first packet, which has no type ---- */

enum { PG_STARTUP_MAX = 10000 }; /* bytes, as PostgreSQL */

enum pg_startup_kind { PG_STARTUP, PG_CANCEL };

struct pg_startup {
    enum pg_startup_kind kind;
    uint16_t minor;        /* of protocol 3 */
    const uint8_t *params; /* name, value, name, value, each with its NUL */
    size_t params_len;
    const uint8_t *end;   /* what follows the packet */
    uint32_t pid, secret; /* CANCEL */
};

/*
 * ERR_OK       *out is the packet that data begins with; wire_len is its length
 * ERR_AGAIN    the bytes so far are a proper prefix; read more and retry
 * ERR_INVALID  no continuation can make this a packet; close the connection
 */
enum err_code pg_startup_parse(struct pg_startup *out, const uint8_t *data,
                               size_t len, struct err *err) MUST_CHECK;

/* The next name and value; false behind the last. */
bool pg_startup_next(const struct pg_startup *s, size_t *at, const char **name,
                     const char **value);
/* NULL when it is not there. */
const char *pg_startup_find(const struct pg_startup *s, const char *name);

/*
 * The next "-c name=value" (or "--name=value") of the parameter `options`,
 * where a backslash keeps the character behind it: both are written to `out`,
 * cut at `cap`, with a NUL between.  ERR_AGAIN behind the last.  ERR_INVALID:
 * it is none of those.
 */
enum err_code pg_options_next(const char *options, size_t *at, char *out,
                              size_t cap, const char **name, const char **value,
                              struct err *err) MUST_CHECK;

/* ---- all others ---- */

/* A type byte, a length that counts itself but not the type, a body. */
struct pg_frame {
    char type;
    const uint8_t *body;
    size_t body_len, wire_len; /* bytes; wire_len with its header */
};

/* Codes as pg_startup_parse; a body of more than `most` bytes is ERR_LIMIT. */
enum err_code pg_frame_parse(struct pg_frame *out, const uint8_t *data,
                             size_t len, size_t most,
                             struct err *err) MUST_CHECK;

/* A text with its NUL; NULL (and a short read) when there is none. */
const char *pg_read_text(struct reader *r);

struct pg_parse {
    const char *name, *text;
    const uint8_t *types; /* n_types OIDs, big endian */
    size_t n_types;
};
struct pg_bind {
    const char *portal, *name;
    const uint8_t *formats; /* of parameters, n_formats words, big endian */
    size_t n_formats;
    struct reader values; /* n_values: a length (-1 = NULL) and bytes each */
    size_t n_values;
    const uint8_t *results; /* formats of columns, n_results words */
    size_t n_results;
};
struct pg_execute {
    const char *portal;
    uint32_t max_rows; /* 0 = all */
};
/* Describe and Close. */
struct pg_target {
    char kind; /* 'S' or 'P' */
    const char *name;
};

/* ERR_INVALID: the body is no such message. */
enum err_code pg_parse_read(struct pg_parse *out, const struct pg_frame *f,
                            struct err *err) MUST_CHECK;
enum err_code pg_bind_read(struct pg_bind *out, const struct pg_frame *f,
                           struct err *err) MUST_CHECK;
enum err_code pg_execute_read(struct pg_execute *out, const struct pg_frame *f,
                              struct err *err) MUST_CHECK;
enum err_code pg_target_read(struct pg_target *out, const struct pg_frame *f,
                             struct err *err) MUST_CHECK;
/* A body that is one text, as Query's. */
enum err_code pg_text_read(const char **out, const struct pg_frame *f,
                           struct err *err) MUST_CHECK;

/* Word or OID i of those above. */
uint16_t pg_word(const uint8_t *list, size_t i);
uint32_t pg_oid(const uint8_t *list, size_t i);

/*
 * Format of column (or parameter) i where n were given: none is text, one is
 * for all.  1 is binary.
 */
uint16_t pg_format(const uint8_t *list, size_t n, size_t i);

#endif
