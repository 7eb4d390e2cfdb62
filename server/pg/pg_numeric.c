#include "server/pg/pg_numeric.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    SIGN_NEGATIVE = 0x4000,
    SIGN_NAN = 0xC000,
    SIGN_INFINITY = 0xD000,
    SIGN_MINUS_INFINITY = 0xF000,
    BASE_DIGITS = 4,
    GROUPS_MAX = PG_NUMERIC_TEXT_MAX / BASE_DIGITS + 2,
};

/* The fewest of 15 to 17 significant digits that give the double back. */
static void print_short(char out[40], double d)
{
    for (int digits = 15; digits <= 17; digits++) {
        (void)snprintf(out, 40, "%.*e", digits - 1, d);
        if (strtod(out, NULL) == d)
            return;
    }
}

/* "-1.2345e+06" as -1234500; zeros at the end of the mantissa go. */
static void expand(struct writer *w, const char *sci)
{
    char digits[40];
    size_t n = 0;
    const char *e = strchr(sci, 'e');
    const long power = strtol(e + 1, NULL, 10);
    if (*sci == '-')
        writer_u8(w, '-');
    for (const char *p = sci; p < e; p++)
        if (*p >= '0' && *p <= '9')
            digits[n++] = *p;
    while (n > 1 && digits[n - 1] == '0')
        n--;
    if (power < 0) {
        writer_str(w, "0.");
        for (long i = -1; i > power; i--)
            writer_u8(w, '0');
    }
    for (size_t i = 0; i < n; i++) {
        if (power >= 0 && i == (size_t)power + 1)
            writer_u8(w, '.');
        writer_u8(w, (uint8_t)digits[i]);
    }
    for (long i = (long)n; i <= power; i++)
        writer_u8(w, '0');
}

void pg_numeric_print(struct writer *w, double d)
{
    char sci[40];
    if (isnan(d)) {
        writer_str(w, "NaN");
    } else if (isinf(d)) {
        writer_str(w, d < 0 ? "-Infinity" : "Infinity");
    } else {
        print_short(sci, d == 0 ? 0 : d);
        expand(w, sci);
    }
}

static void send_special(struct pg_out *o, uint16_t sign)
{
    pg_out_u16(o, 0);
    pg_out_u16(o, 0);
    pg_out_u16(o, sign);
    pg_out_u16(o, 0);
}

/* Digits of `text` to base 10000; groups end at the decimal point. */
static size_t read_groups(uint16_t groups[GROUPS_MAX], const char *text,
                          size_t whole, size_t fraction)
{
    const size_t lead = (BASE_DIGITS - whole % BASE_DIGITS) % BASE_DIGITS;
    size_t n = 0, in_group = lead;
    uint16_t group = 0;
    for (size_t i = 0; i < whole + fraction && n < GROUPS_MAX; i++) {
        const char digit = text[i < whole ? i : i + 1];
        group = (uint16_t)(group * 10 + (digit - '0'));
        if (++in_group == BASE_DIGITS) {
            groups[n++] = group;
            group = 0;
            in_group = 0;
        }
    }
    for (; in_group > 0 && in_group < BASE_DIGITS; in_group++)
        group = (uint16_t)(group * 10);
    if (in_group == BASE_DIGITS && n < GROUPS_MAX)
        groups[n++] = group;
    return n;
}

void pg_numeric_send(struct pg_out *o, const char *text)
{
    uint16_t groups[GROUPS_MAX];
    if (strcmp(text, "NaN") == 0) {
        send_special(o, SIGN_NAN);
        return;
    }
    const bool negative = *text == '-';
    text += negative;
    if (strcmp(text, "Infinity") == 0) {
        send_special(o, negative ? SIGN_MINUS_INFINITY : SIGN_INFINITY);
        return;
    }
    const size_t whole = strspn(text, "0123456789");
    const size_t fraction =
        text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    size_t n = read_groups(groups, text, whole, fraction), first = 0;
    long weight = (long)((whole + BASE_DIGITS - 1) / BASE_DIGITS) - 1;
    while (n > 0 && groups[n - 1] == 0)
        n--;
    while (first < n && groups[first] == 0) {
        first++;
        weight--;
    }
    pg_out_u16(o, (uint16_t)(n - first));
    pg_out_u16(o, n > first ? (uint16_t)(int16_t)weight : 0);
    pg_out_u16(o, negative && n > first ? SIGN_NEGATIVE : 0);
    pg_out_u16(o, (uint16_t)fraction);
    for (size_t i = first; i < n; i++)
        pg_out_u16(o, groups[i]);
}

bool pg_numeric_recv(struct writer *w, const uint8_t *data, size_t len)
{
    struct reader r = reader_of(data, len);
    const uint16_t n = reader_be16(&r);
    const int weight = (int16_t)reader_be16(&r);
    const uint16_t sign = reader_be16(&r), scale = reader_be16(&r);
    if (r.short_read || reader_left(&r) != 2u * n || n > GROUPS_MAX ||
        weight < -GROUPS_MAX || weight > GROUPS_MAX ||
        scale > PG_NUMERIC_TEXT_MAX)
        return false;
    if (sign == SIGN_NAN || sign == SIGN_INFINITY ||
        sign == SIGN_MINUS_INFINITY) {
        writer_str(w, sign == SIGN_NAN        ? "NaN"
                      : sign == SIGN_INFINITY ? "Infinity"
                                              : "-Infinity");
        return writer_cstr(w);
    }
    if (sign == SIGN_NEGATIVE)
        writer_u8(w, '-');
    if (weight < 0)
        writer_u8(w, '0');
    const int last = scale > 0 ? -(scale + BASE_DIGITS - 1) / BASE_DIGITS : 0;
    for (int at = weight < 0 ? -1 : weight, i = weight - at; at >= last;
         at--, i++) {
        /* Group i stands for 10000^at; those before and behind are zero. */
        const unsigned group = i >= 0 && i < n ? reader_be16(&r) : 0;
        if (group > 9999)
            return false;
        if (at == -1)
            writer_u8(w, '.');
        const int digits = -at * BASE_DIGITS - scale; /* too many, behind it */
        char text[BASE_DIGITS + 1];
        (void)snprintf(text, sizeof text,
                       at == weight && at >= 0 ? "%u" : "%04u", group);
        if (at < 0 && digits > 0)
            text[BASE_DIGITS - digits] = '\0';
        writer_str(w, text);
    }
    return writer_cstr(w);
}
