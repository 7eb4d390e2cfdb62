#include "server/base/shown.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

struct shown shown_of(double v, int digits)
{
    struct shown t;
    assert(digits >= 1 && digits <= 17);
    (void)snprintf(t.s, sizeof t.s, "%.*g", digits, v);
    char *e = strchr(t.s, 'e');
    if (!e)
        return t;
    const char *from = e + 1 + strspn(e + 1, "+-");
    from += strspn(from, "0"); /* an exponent of 0 is never written */
    char *to = e[1] == '-' ? e + 2 : e + 1;
    memmove(to, from, strlen(from) + 1);
    return t;
}
