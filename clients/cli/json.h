#ifndef CLI_JSON_H
#define CLI_JSON_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/base/arena.h"

/*
 * Writes JSON (RFC 8259) straight to a stream, commas included: open, keys and
 * values in order, close.  Text that is not UTF-8 comes out with U+FFFD in
 * place of what is wrong.
 */
struct json {
    FILE *out; /* borrowed */
    struct arena *arena;
    bool comma; /* the next element needs one before it */
};

static inline struct json json_of(FILE *out, struct arena *a)
{
    return (struct json){ .out = out, .arena = a };
}

void json_open(struct json *j, char bracket); /* '{' or '[' */
void json_close(struct json *j, char bracket);
void json_key(struct json *j, const char *key);

void json_null(struct json *j);
void json_bool(struct json *j, bool b);
void json_text(struct json *j, const char *s);
/* A double that reads back the same; NaN and infinities become null. */
void json_double(struct json *j, double d);
/* A number already in JSON's form: value_print's integers, number_scaled's. */
void json_number(struct json *j, const char *text);

#endif
