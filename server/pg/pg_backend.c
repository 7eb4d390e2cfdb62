#include "server/pg/pg_backend.h"

#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_error.h"

struct pg_backend *pg_backend_new(const char *user, const char *database,
                                  const char *dataset)
{
    struct pg_backend *b = calloc(1, sizeof *b);
    if (!b)
        return NULL;
    b->transaction = 'I';
    b->user = strdup(user);
    b->database = strdup(database);
    b->dataset = strdup(dataset);
    arena_init(&b->scratch, PG_SCRATCH_ARENA);
    arena_init(&b->script.arena, PG_SCRIPT_ARENA);
    pg_memo_init(&b->memo);
    pg_out_init(&b->out, PG_OUT_MAX);
    if (!b->user || !b->database || !b->dataset) {
        pg_backend_free(b);
        return NULL;
    }
    pg_var_force(&b->vars, PG_VAR_SESSION_AUTHORIZATION, user);
    return b;
}

void pg_backend_free(struct pg_backend *b)
{
    if (!b)
        return;
    pg_portals_drop(b, true);
    pg_statements_drop(b);
    while (b->n_savepoints > 0)
        free(b->savepoints[--b->n_savepoints]);
    pg_vars_fini(&b->vars);
    pg_out_fini(&b->out);
    arena_fini(&b->scratch);
    arena_fini(&b->script.arena);
    pg_memo_fini(&b->memo);
    free(b->user);
    free(b->database);
    free(b->dataset);
    free(b);
}

void pg_backend_ready(struct pg_backend *b)
{
    pg_vars_report(&b->vars, &b->out, false);
    pg_out_begin(&b->out, 'Z');
    pg_out_u8(&b->out, (uint8_t)b->transaction);
    pg_out_end(&b->out);
}

void pg_backend_fail(struct pg_backend *b, const struct err *err,
                     const char *text, bool is_query)
{
    pg_error_send(&b->out, PG_ERROR, err, text);
    if (b->transaction == 'T')
        b->transaction = 'E';
    if (!is_query)
        b->skips = true;
}

/* Of the states that PostgreSQL alone has a word for, nobody keeps a record:
 * they are of how a client talks, not of what it asks. */
void pg_backend_refuse(struct pg_backend *b, const struct pg_service *service,
                       struct err *err, const char *text, bool is_query)
{
    const bool talks = err->reason && pg_error_state(err) == err->reason;
    if (service && !talks)
        service->refused(service->ctx, err);
    pg_backend_fail(b, err, text, is_query);
}

void pg_backend_cancelled(struct pg_backend *b, char type)
{
    struct err err = { 0 };
    (void)pg_fail(&err, "57014", "canceling statement due to user request");
    (void)err_hint(&err, "What was charged by then stays charged; asking the "
                         "same again reads the stored answer, free.");
    pg_out_cut(&b->out, b->out.sent);
    pg_backend_fail(b, &err, NULL, type == 'Q');
    if (type == 'Q')
        pg_backend_ready(b);
}

void pg_backend_say(struct pg_backend *b, char type)
{
    pg_out_begin(&b->out, type);
    pg_out_end(&b->out);
}

void pg_backend_end_implicit(struct pg_backend *b)
{
    if (b->transaction == 'I')
        pg_portals_drop(b, false);
}

/* ---- extended ---- */

static enum err_code parse(struct pg_backend *b, const struct pg_frame *f,
                           const struct pg_service *service, struct err *err)
{
    struct pg_parse m;
    TRY(pg_parse_read(&m, f, err));
    const enum err_code code = pg_statement_parse(b, &m, service, err);
    if (code == ERR_AGAIN)
        return code;
    if (code == ERR_OK)
        pg_backend_say(b, '1');
    else
        pg_backend_refuse(b, service, err, m.text, false);
    return ERR_OK;
}

static enum err_code bind(struct pg_backend *b, const struct pg_frame *f,
                          const struct pg_service *service, struct err *err)
{
    struct pg_bind m;
    (void)service;
    TRY(pg_bind_read(&m, f, err));
    TRY(pg_portal_bind(b, &m, err));
    pg_backend_say(b, '2');
    return ERR_OK;
}

/* Of a portal: FETCH gives what its cursor does. */
static const struct pg_column *columns_of(const struct pg_backend *b,
                                          const struct pg_portal *p, size_t *n)
{
    const struct pg_statement *s = p->statement;
    const struct pg_portal *from = s ? NULL : p;
    *n = 0;
    if (s && !s->is_empty && s->command.kind == SQL_EXECUTE)
        s = pg_statement_find(b, s->command.name);
    if (s && !s->is_empty && s->command.kind == SQL_FETCH &&
        !s->command.fetch.moves)
        from = pg_portal_find(b, s->command.name);
    if (from) {
        *n = from->rows.n_columns;
        return from->rows.columns;
    }
    *n = s ? s->n_columns : 0;
    return s ? s->columns : NULL;
}

static void describe_rows(struct pg_backend *b, const struct pg_column *columns,
                          size_t n, struct pg_formats formats)
{
    if (columns)
        pg_rows_describe(&b->out, columns, n, formats);
    else
        pg_backend_say(b, 'n');
}

static enum err_code describe_statement(struct pg_backend *b, const char *name,
                                        struct err *err)
{
    const struct pg_statement *s = pg_statement_find(b, name);
    struct pg_formats text = { 0 };
    if (!s)
        return pg_fail(err, "26000",
                       "prepared statement \"%.60s\" does not exist", name);
    pg_out_begin(&b->out, 't');
    pg_out_u16(&b->out, (uint16_t)s->n_params);
    for (size_t i = 0; i < s->n_params; i++)
        pg_out_u32(&b->out, s->params[i]);
    pg_out_end(&b->out);
    const struct pg_portal as = { .statement =
                                      (struct pg_statement *)(uintptr_t)s };
    size_t n;
    const struct pg_column *columns = columns_of(b, &as, &n);
    describe_rows(b, columns, n, text);
    return ERR_OK;
}

static enum err_code no_portal(const char *name, struct err *err)
{
    return pg_fail(err, "34000", "portal \"%.60s\" does not exist", name);
}

static enum err_code describe(struct pg_backend *b, const struct pg_frame *f,
                              const struct pg_service *service, struct err *err)
{
    struct pg_target m;
    size_t n;
    (void)service;
    TRY(pg_target_read(&m, f, err));
    if (m.kind == 'S')
        return describe_statement(b, m.name, err);
    const struct pg_portal *p = pg_portal_find(b, m.name);
    if (!p)
        return no_portal(m.name, err);
    const struct pg_column *columns = columns_of(b, p, &n);
    describe_rows(b, columns, n, p->formats);
    return ERR_OK;
}

/* Run at the first Execute; what does not fit on this page is kept. */
static enum err_code run_portal(struct pg_backend *b, struct pg_portal *p,
                                uint32_t max_rows,
                                const struct pg_service *service,
                                struct err *err)
{
    const struct sql_command *c = &p->statement->command;
    struct pg_result r;
    TRY(pg_run(&r, b, c, p->params, p->n_params, service, err));
    /* BEGIN, COMMIT or CLOSE ALL may have ended this portal. */
    if (!r.has_rows) {
        pg_complete(&b->out, r.tag, r.counts ? r.n : -1);
        return ERR_OK;
    }
    p->ran = true;
    p->tag = r.tag;
    /* Values go out as the types that they were described as. */
    if (p->statement->columns && p->statement->n_columns == r.rows.n_columns)
        r.rows.columns = p->statement->columns;
    if (max_rows == 0 || r.rows.n_rows < max_rows) {
        pg_rows_send(&b->out, &r.rows, 0, r.rows.n_rows, p->formats);
        pg_complete(&b->out, r.tag, r.counts ? r.n : -1);
        return ERR_OK; /* p->rows stays empty: there is no more of it */
    }
    TRY(pg_rows_copy(&p->rows, &r.rows, &p->arena, err));
    p->at = max_rows;
    pg_rows_send(&b->out, &p->rows, 0, max_rows, p->formats);
    pg_backend_say(b, 's');
    return ERR_OK;
}

static void send_page(struct pg_backend *b, struct pg_portal *p,
                      uint32_t max_rows)
{
    const size_t n = p->rows.n_rows, from = p->at < n ? p->at : n;
    const size_t left = n - from;
    const size_t take = max_rows > 0 && max_rows <= left ? max_rows : left;
    pg_rows_send(&b->out, &p->rows, from, from + take, p->formats);
    p->at = from + take;
    if (max_rows > 0 && take == max_rows)
        pg_backend_say(b, 's');
    else
        pg_complete(&b->out, p->tag ? p->tag : "SELECT", (int64_t)take);
}

static enum err_code execute(struct pg_backend *b, const struct pg_frame *f,
                             const struct pg_service *service, struct err *err)
{
    struct pg_execute m;
    TRY(pg_execute_read(&m, f, err));
    struct pg_portal *p = pg_portal_find(b, m.portal);
    if (!p)
        return no_portal(m.portal, err);
    if (p->statement && p->statement->is_empty) {
        pg_backend_say(b, 'I');
        return ERR_OK;
    }
    if (p->ran) {
        send_page(b, p, m.max_rows);
        return ERR_OK;
    }
    if (!service &&
        !pg_command_is_light(b, &p->statement->command, p->params, p->n_params))
        return ERR_AGAIN;
    /* It may close itself: the text must outlive it. */
    struct pg_statement *s = p->statement;
    s->refs++;
    const enum err_code code = run_portal(b, p, m.max_rows, service, err);
    if (code != ERR_OK)
        pg_backend_refuse(b, service, err, s->text, false);
    pg_statement_release(s);
    return ERR_OK;
}

static enum err_code close_target(struct pg_backend *b,
                                  const struct pg_frame *f,
                                  const struct pg_service *service,
                                  struct err *err)
{
    struct pg_target m;
    (void)service;
    TRY(pg_target_read(&m, f, err));
    if (m.kind == 'S')
        pg_statement_drop(b, m.name);
    else
        pg_portal_drop(b, m.name);
    pg_backend_say(b, '3');
    return ERR_OK;
}

static enum err_code sync(struct pg_backend *b, const struct pg_frame *f,
                          const struct pg_service *service, struct err *err)
{
    (void)f, (void)service, (void)err;
    b->skips = false;
    pg_backend_end_implicit(b);
    pg_backend_ready(b);
    return ERR_OK;
}

static enum err_code nothing(struct pg_backend *b, const struct pg_frame *f,
                             const struct pg_service *service, struct err *err)
{
    (void)b, (void)f, (void)service, (void)err;
    return ERR_OK;
}

static enum err_code call(struct pg_backend *b, const struct pg_frame *f,
                          const struct pg_service *service, struct err *err)
{
    (void)f, (void)service;
    (void)err_set(err, ERR_REFUSED, "function calls are not supported");
    pg_backend_fail(b, err, NULL, true);
    pg_backend_ready(b);
    return ERR_OK;
}

/* ---- any ---- */

typedef enum err_code message_fn(struct pg_backend *b, const struct pg_frame *f,
                                 const struct pg_service *service,
                                 struct err *err);

/* ERR_AGAIN: a worker is needed.  Another error ends what Sync ends. */
static const struct {
    char type;
    bool skipped; /* after an error, until Sync */
    message_fn *run;
} MESSAGES[] = {
    { 'Q', true, pg_simple_query },
    { 'P', true, parse },
    { 'B', true, bind },
    { 'D', true, describe },
    { 'E', true, execute },
    { 'C', true, close_target },
    { 'S', false, sync },
    { 'H', true, nothing },
    { 'F', true, call },
    { 'd', false, nothing },
    { 'c', false, nothing },
    { 'f', false, nothing },
};

enum pg_handled pg_backend_handle(struct pg_backend *b,
                                  const struct pg_frame *f,
                                  const struct pg_service *service)
{
    struct err err = { 0 };
    size_t i = 0;
    if (f->type == 'X')
        return PG_ENDS;
    while (i < sizeof MESSAGES / sizeof MESSAGES[0] &&
           MESSAGES[i].type != f->type)
        i++;
    if (i == sizeof MESSAGES / sizeof MESSAGES[0]) {
        (void)pg_fail(&err, "08P01", "invalid frontend message type %d",
                      (unsigned char)f->type);
        pg_error_send(&b->out, PG_FATAL, &err, NULL);
        return PG_ENDS;
    }
    if (b->skips && MESSAGES[i].skipped)
        return PG_HANDLED;
    arena_reset(&b->scratch);
    b->now_ns = b->clock ? clock_mono_ns(b->clock) : 0;
    b->wait_ns = 0;
    const enum err_code code = MESSAGES[i].run(b, f, service, &err);
    if (code == ERR_AGAIN)
        return PG_NEEDS_WORKER;
    if (code != ERR_OK) {
        pg_backend_fail(b, &err, NULL, f->type == 'Q');
        if (f->type == 'Q')
            pg_backend_ready(b);
    }
    return b->out.full ? PG_ENDS : PG_HANDLED;
}
