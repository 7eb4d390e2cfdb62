#include "clients/cli/json.h"

#include <math.h>

#include "clients/cli/number.h"
#include "clients/cli/text.h"

static void begin(struct json *j)
{
    if (j->comma)
        (void)fputc(',', j->out);
    j->comma = true;
}

void json_open(struct json *j, char bracket)
{
    begin(j);
    (void)fputc(bracket, j->out);
    j->comma = false;
}

void json_close(struct json *j, char bracket)
{
    (void)fputc(bracket, j->out);
    j->comma = true;
}

static void put_char(FILE *out, unsigned char c)
{
    switch (c) {
    case '"':
    case '\\':
        (void)fprintf(out, "\\%c", c);
        return;
    case '\n':
        (void)fputs("\\n", out);
        return;
    case '\t':
        (void)fputs("\\t", out);
        return;
    default:
        if (c < 0x20 || c == 0x7f)
            (void)fprintf(out, "\\u%04x", c);
        else
            (void)fputc(c, out);
    }
}

static void put_text(struct json *j, const char *s)
{
    const char *valid = text_valid(j->arena, s);
    (void)fputc('"', j->out);
    for (const char *at = valid ? valid : ""; *at; at++)
        put_char(j->out, (unsigned char)*at);
    (void)fputc('"', j->out);
}

void json_key(struct json *j, const char *key)
{
    json_text(j, key);
    (void)fputc(':', j->out);
    j->comma = false;
}

void json_null(struct json *j)
{
    json_number(j, "null");
}

void json_bool(struct json *j, bool b)
{
    json_number(j, b ? "true" : "false");
}

void json_text(struct json *j, const char *s)
{
    begin(j);
    put_text(j, s);
}

void json_double(struct json *j, double d)
{
    json_number(j, isfinite(d) ? number_shortest(d).s : "null");
}

void json_number(struct json *j, const char *text)
{
    begin(j);
    (void)fputs(text, j->out);
}
