#include "server/plan/draft.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "server/plan/reach.h"
#include "server/query/refusal.h"

enum err_code draft_memory(struct err *err)
{
    return refuse(err, REFUSAL_MEMORY, REFUSAL_NOWHERE, NULL, NULL);
}

const char *draft_print(struct draft *d,
                        void (*print)(struct writer *w, const void *ctx),
                        const void *ctx)
{
    struct writer w = writer_of(NULL, 0);
    w.dialect = d->dialect;
    print(&w, ctx);
    char *text = arena_alloc(d->a, w.need + 1, 1);
    if (!text)
        return NULL;
    w = writer_of(text, w.need + 1);
    w.dialect = d->dialect;
    print(&w, ctx);
    d->behind = reach_add(d->behind, w.behind);
    return writer_cstr(&w) ? text : NULL;
}

static void print_texts(struct writer *w, const void *ctx)
{
    for (const char *const *text = ctx; *text; text++)
        writer_str(w, *text);
}

const char *draft_concat(struct draft *d, const char *const *texts)
{
    return draft_print(d, print_texts, texts);
}

static void print_typed(struct writer *w, const void *ctx)
{
    typed_print(w, ctx);
}

const char *draft_text(struct draft *d, const struct typed *e)
{
    return draft_print(d, print_typed, e);
}

enum err_code draft_notice(struct draft *d, struct err *err, const char *fmt,
                           ...)
{
    char text[640];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (d->plan->n_notices == DRAFT_NOTICES_MAX)
        return ERR_OK;
    for (size_t i = 0; i < d->plan->n_notices; i++)
        if (strcmp(d->plan->notices[i], text) == 0)
            return ERR_OK; /* once is enough */
    const char *copy = arena_strdup(d->a, text);
    if (!copy)
        return draft_memory(err);
    d->plan->notices[d->plan->n_notices++] = copy;
    return ERR_OK;
}
