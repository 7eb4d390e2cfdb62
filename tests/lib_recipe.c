#include "tests/lib_recipe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/table.h"

enum { PAGE = 64 * 1024 };

static char *slurp(const char *page)
{
    char path[128];
    (void)snprintf(path, sizeof path, "docs/recipes/%s.md", page);
    char *text = calloc(1, PAGE);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    assert_true(text && fread(text, 1, PAGE - 1, f) > 0);
    assert_int_equal(fclose(f), 0);
    return text;
}

static double flag(const char *asks, const char *name)
{
    const char *at = strstr(asks, name);
    return at ? strtod(at + strlen(name), NULL) : 0;
}

static void read_flags(struct recipe *r)
{
    char flags[sizeof r->asks], *save = NULL;
    (void)snprintf(flags, sizeof flags, "%s", r->asks);
    for (char *f = strtok_r(flags, " ", &save); f;
         f = strtok_r(NULL, " ", &save))
        if (strncmp(f, "--", 2) == 0 && strcmp(f, "--rho") != 0 &&
            strcmp(f, "--max-groups") != 0 && strcmp(f, "--max-rows") != 0)
            fail_msg("a recipe asks with %s, which no test knows", f);
    const double rho = flag(r->asks, "--rho ");
    if (rho > 0)
        r->req.ask = (struct ask){ .kind = ASK_RHO, .price = rho };
    r->req.bounds.max_groups = (uint32_t)flag(r->asks, "--max-groups ");
    r->req.bounds.max_rows = (uint32_t)flag(r->asks, "--max-rows ");
}

/* "Ask with `...`" before `end`, or nothing. */
static void read_asks(struct recipe *r, const char *from, const char *end)
{
    static const char asks[] = "\nAsk with `";
    const char *at = strstr(from, asks);
    if (!at || at > end)
        return;
    at += sizeof asks - 1;
    const char *close = strchr(at, '`');
    assert_true(close && (size_t)(close - at) < sizeof r->asks);
    memcpy(r->asks, at, (size_t)(close - at));
}

void recipe_read(struct recipe *out, const char *page, const char *mark)
{
    static const char open[] = "```sql\n";
    char *text = slurp(page), *from = strstr(text, open);
    char *end = mark ? strstr(text, mark) : text + strlen(text);
    if (!end)
        fail_msg("docs/recipes/%s.md does not say %s", page, mark);
    assert_non_null(from);
    for (char *s = from; mark && s && s < end; s = strstr(s + 1, open))
        from = s;
    from += sizeof open - 1;
    char *to = strstr(from, "```");
    assert_true(to && to < end);
    *out = (struct recipe){ .sql = strndup(from, (size_t)(to - from)),
                            .req = { .purpose = "improve_products" } };
    char *next = strstr(to, open);
    read_asks(out, to, next && next < end ? next : end);
    read_flags(out);
    free(text);
}

void recipe_free(struct recipe *r)
{
    free(r->sql);
}
