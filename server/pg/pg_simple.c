/* The simple protocol: a text of statements, done in turn.  pg_backend.h. */
#include <string.h>

#include "server/pg/pg_backend.h"

static void send_result(struct pg_backend *b, const struct sql_command *c,
                        const struct pg_result *r)
{
    struct pg_formats formats = { 0 };
    if (r->has_rows) {
        const struct pg_portal *cursor =
            c->kind == SQL_FETCH ? pg_portal_find(b, c->name) : NULL;
        if (cursor)
            formats = cursor->formats;
        pg_rows_describe(&b->out, r->rows.columns, r->rows.n_columns, formats);
        pg_rows_send(&b->out, &r->rows, 0, r->rows.n_rows, formats);
    }
    pg_complete(&b->out, r->tag, r->counts ? r->n : -1);
}

static enum err_code run_all(struct pg_backend *b,
                             const struct sql_commands *list,
                             const struct pg_service *service, struct err *err)
{
    if (list->n == 0)
        pg_backend_say(b, 'I');
    for (size_t i = 0; i < list->n; i++) {
        struct pg_result result;
        TRY(pg_run(&result, b, &list->list[i], NULL, 0, service, err));
        send_result(b, &list->list[i], &result);
    }
    return ERR_OK;
}

/* ---- a text that was parsed before ---- */

static bool is_known(const struct pg_backend *b, const char *text)
{
    return b->script.text && strcmp(b->script.text, text) == 0;
}

/* Without a worker: all of it is light.  What is remembered is so of a question
 * alone: a setting in front of it would make it another. */
static bool is_light(const struct pg_backend *b)
{
    const struct sql_commands *list = &b->script.list;
    for (size_t i = 0; i < list->n; i++)
        if ((list->list[i].question && list->n > 1) ||
            !pg_command_is_light(b, &list->list[i], NULL, 0))
            return false;
    return true;
}

/* Short texts are kept, long ones are gone with the message. */
static enum err_code parse(struct sql_commands *out, struct pg_backend *b,
                           const char *text, struct err *err)
{
    const size_t len = strlen(text);
    if (len > PG_SCRIPT_MAX)
        return pg_commands_parse(out, text, &b->scratch, err);
    if (!is_known(b, text)) {
        b->script.text = NULL;
        arena_reset(&b->script.arena);
        TRY(pg_commands_parse(&b->script.list, text, &b->script.arena, err));
        b->script.text = arena_strdup(&b->script.arena, text);
    }
    *out = b->script.list;
    return ERR_OK;
}

enum err_code pg_simple_query(struct pg_backend *b, const struct pg_frame *f,
                              const struct pg_service *service, struct err *err)
{
    struct sql_commands list = { 0 };
    const char *text;
    TRY(pg_text_read(&text, f, err));
    if (!service && !(is_known(b, text) && is_light(b)))
        return ERR_AGAIN;
    pg_statement_drop(b, "");
    pg_portal_drop(b, "");
    enum err_code code = parse(&list, b, text, err);
    if (code == ERR_OK)
        code = run_all(b, &list, service, err);
    if (code != ERR_OK)
        pg_backend_refuse(b, service, err, text, true);
    pg_backend_end_implicit(b);
    pg_backend_ready(b);
    return ERR_OK;
}
