#include "server/policy/often.h"

#include <stdio.h>
#include <string.h>

static const struct unit {
    const char *name;
    uint32_t s;
} UNITS[] = {
    { "day", 86400 },
    { "week", 7 * 86400 },
    { "month", 30 * 86400 },
    { "year", 365 * 86400 },
};
enum { N_UNITS = sizeof UNITS / sizeof UNITS[0] };

/* Digits without a sign or a leading 0; NULL: there are none, or too many. */
static const char *read_count(uint32_t *n, const char *s)
{
    *n = 0;
    if (*s < '1' || *s > '9')
        return NULL;
    for (; *s >= '0' && *s <= '9'; s++) {
        *n = *n * 10 + (uint32_t)(*s - '0');
        if (*n > OFTEN_MAX)
            return NULL;
    }
    return s;
}

bool often_parse(struct often *out, const char *text)
{
    static const char per[] = " per ";
    uint32_t n;
    if (strcmp(text, "never") == 0) {
        *out = (struct often){ 0, 0 };
        return true;
    }
    if (strcmp(text, "any") == 0) {
        *out = (struct often){ 1, 0 };
        return true;
    }
    const char *rest = read_count(&n, text);
    if (!rest || strncmp(rest, per, sizeof per - 1) != 0)
        return false;
    rest += sizeof per - 1;
    for (size_t i = 0; i < N_UNITS; i++)
        if (strcmp(rest, UNITS[i].name) == 0) {
            *out = (struct often){ n, UNITS[i].s };
            return true;
        }
    return false;
}

bool often_print(char out[OFTEN_TEXT], struct often o)
{
    if (o.period_s == 0 && o.n <= 1) {
        (void)snprintf(out, OFTEN_TEXT, "%s", o.n ? "any" : "never");
        return true;
    }
    for (size_t i = 0; i < N_UNITS && o.n >= 1 && o.n <= OFTEN_MAX; i++)
        if (UNITS[i].s == o.period_s) {
            (void)snprintf(out, OFTEN_TEXT, "%u per %s", o.n, UNITS[i].name);
            return true;
        }
    out[0] = '\0';
    return false;
}

bool often_is_valid(struct often o)
{
    char text[OFTEN_TEXT];
    return often_print(text, o);
}
