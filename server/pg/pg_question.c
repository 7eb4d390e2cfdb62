/* Questions: what is asked of the rest of the server.  pg_backend.h. */
#include <stdio.h>
#include <string.h>

#include "server/base/shown.h"
#include "server/pg/pg_backend.h"
#include "server/pg/pg_error.h"
#include "server/pg/pg_price.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the question needs too much memory");
}

enum err_code pg_request(struct request *out, struct pg_backend *b,
                         const struct pg_service *service, struct err *err)
{
    const uint64_t timeout_ns = pg_vars_timeout_ns(&b->vars);
    const char *dataset = pg_vars_dataset(&b->vars, &b->scratch);
    if (!dataset)
        return full(err);
    *out = (struct request){
        .op = REQUEST_QUERY,
        .dataset = dataset[0] ? dataset : b->dataset,
        .purpose = "",
        .idempotency_key = "",
        .page_token = "",
        .deadline_ns =
            timeout_ns ? service->now_ns(service->ctx) + timeout_ns : 0,
        .now_us = service->now_us(service->ctx),
    };
    return pg_vars_apply(&b->vars, out, &b->scratch, err);
}

/* ---- what an answer says beside its rows ---- */

static void notice(struct pg_backend *b, const char *text)
{
    if (text && pg_vars_wants(&b->vars, "NOTICE"))
        pg_notice_send(&b->out, "NOTICE", "00000", text);
}

static const char *price_text(const struct reply_receipt *r, struct arena *a)
{
    static const double PICO = 1e12, NANO = 1e9;
    const char *unit = r->pure ? "epsilon" : "rho";
    const double price = r->pure ? pg_price_up(r->eps_nano, NANO)
                                 : pg_price_up(r->rho_pico, PICO);
    const double left = r->pure ? pg_price_down(r->remaining_eps_nano, NANO)
                                : pg_price_down(r->remaining_rho_pico, PICO);
    const char *shown = r->pure ? ""
                                : arena_printf(a, " (epsilon %s at delta %s)",
                                               shown_of(r->epsilon, 3).s,
                                               shown_of(r->shown_delta, 3).s);
    if (r->cached)
        return arena_printf(a,
                            "answered from the store, nothing charged; %s %s "
                            "left; query %s",
                            unit, shown_of(left, 4).s, r->query_id);
    return arena_printf(a, "charged %s %s%s; %s %s left; query %s", unit,
                        shown_of(price, 4).s, shown ? shown : "", unit,
                        shown_of(left, 4).s, r->query_id);
}

/* The answer's own remarks, then its price. */
static size_t list_notices(const char *out[PG_MEMO_NOTICES],
                           struct pg_backend *b, const struct reply_table *t)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n_notices && n + 1 < PG_MEMO_NOTICES; i++)
        out[n++] = t->notices[i];
    if (!t->receipt.query_id || !t->receipt.query_id[0])
        return n;
    out[n] = price_text(&t->receipt, &b->scratch);
    return out[n] ? n + 1 : n;
}

/* ---- answers ---- */

static struct pg_asked asked_of(const struct pg_backend *b,
                                const struct sql_command *c,
                                const struct value *params, size_t n_params)
{
    return (struct pg_asked){ .text = c->text,
                              .params = params,
                              .n_params = n_params,
                              .settings = b->vars.generation,
                              .now_ns = b->now_ns };
}

bool pg_remembers(const struct pg_backend *b, const struct sql_command *c,
                  const struct value *params, size_t n_params)
{
    const struct pg_asked q = asked_of(b, c, params, n_params);
    return b->clock && c->question && pg_memo_find(&b->memo, &q);
}

static bool remember(struct pg_rows *out, struct pg_backend *b,
                     const struct pg_asked *q)
{
    const struct pg_memory *e = b->clock ? pg_memo_find(&b->memo, q) : NULL;
    if (!e)
        return false;
    *out = e->rows;
    for (size_t i = 0; i < e->n_notices; i++)
        notice(b, e->notices[i]);
    if (e->slot_ns > b->wait_ns)
        b->wait_ns = e->slot_ns;
    return true;
}

static enum err_code ask_data(struct pg_rows *out, struct pg_backend *b,
                              const struct sql_command *c,
                              const struct value *params, size_t n_params,
                              const struct pg_service *service, struct err *err)
{
    const struct pg_asked asked = asked_of(b, c, params, n_params);
    const char *notices[PG_MEMO_NOTICES];
    struct request req;
    struct reply reply;
    /* A worker asks anew: it would not wait for what is remembered. */
    if (!service)
        return remember(out, b, &asked)
                   ? ERR_OK
                   : err_set(err, ERR_INTERNAL, "nothing is remembered");
    TRY(pg_request(&req, b, service, err));
    req.tree = c->question;
    req.params = (struct value *)(uintptr_t)params;
    req.n_params = n_params;
    TRY(service->answer(service->ctx, &req, &reply, err));
    const struct reply_table *t = &reply.table;
    *out =
        (struct pg_rows){ pg_columns_of(t->columns, t->n_columns, &b->scratch),
                          t->n_columns, t->cells, t->n_rows };
    if (!out->columns)
        return full(err);
    const size_t n = list_notices(notices, b, t);
    for (size_t i = 0; i < n; i++)
        notice(b, notices[i]);
    const uint64_t slot_ns = service->slot_ns(service->ctx);
    if (b->clock && t->receipt.cached && slot_ns != PG_SLOT_STRICT)
        pg_memo_put(&b->memo, &asked, out, notices, n, slot_ns);
    return ERR_OK;
}

static enum err_code no_catalog(struct err *err)
{
    (void)err_set(err, ERR_REFUSED,
                  "this statement reads PostgreSQL's catalog, or computes "
                  "without a table, in a way that is not supported");
    return err_hint(err, "Ask with SELECT aggregates FROM table WHERE filter "
                         "GROUP BY keys.");
}

static enum err_code ask_catalog(struct pg_rows *out, struct pg_backend *b,
                                 const struct sql_command *c,
                                 const struct value *params, size_t n_params,
                                 const struct pg_service *service,
                                 struct err *err)
{
    const struct pg_catalog_ask ask = { .backend = b,
                                        .text = c->text,
                                        .len = c->len,
                                        .params = params,
                                        .n_params = n_params };
    if (!service->catalog || c->explains)
        return no_catalog(err);
    return service->catalog(service->ctx, &ask, out, err);
}

enum err_code pg_ask(struct pg_rows *out, struct pg_backend *b,
                     const struct sql_command *c, const struct value *params,
                     size_t n_params, const struct pg_service *service,
                     struct err *err)
{
    switch (c->reads) {
    case SQL_READS_DATA:
        return ask_data(out, b, c, params, n_params, service, err);
    case SQL_READS_OWN:
        return pg_own(out, b, c->own, service, err);
    case SQL_READS_NOTHING:
        if (c->constants && !c->explains)
            return pg_constants(out, b, c->constants, params, n_params, err);
        break;
    case SQL_READS_CATALOG:
        break;
    }
    return ask_catalog(out, b, c, params, n_params, service, err);
}

/* ---- CALL halftone.estimate ---- */

static enum err_code read_estimated(struct sql_command **out,
                                    struct pg_backend *b, const char *text,
                                    struct err *err)
{
    struct sql_commands list;
    TRY(sql_commands_parse(&list, text, strlen(text), &b->scratch, err));
    const bool asks = list.n == 1 && list.list[0].kind == SQL_QUESTION;
    if (list.n == 1 && list.list[0].refused) {
        *err = *list.list[0].refused;
        return err->code;
    }
    if (!asks || !list.list[0].question) {
        (void)err_set(err, ERR_INVALID, "there is no question to estimate");
        return err_hint(err, "Write CALL halftone.estimate('SELECT aggregates "
                             "FROM table ...').");
    }
    *out = &list.list[0];
    return ERR_OK;
}

static struct value number(double d)
{
    return d == d ? value_double(d) : value_null();
}

enum err_code pg_estimate(struct pg_rows *out, struct pg_backend *b,
                          const char *text, const struct pg_service *service,
                          struct err *err)
{
    static const struct pg_column columns[] = {
        { "column", PG_TEXT },
        { "mechanism", PG_TEXT },
        { "expected_error", PG_FLOAT8 },
        { "level", PG_FLOAT8 },
        { "rho", PG_FLOAT8 },
        { "epsilon", PG_FLOAT8 },
        { "delta", PG_FLOAT8 },
        { "queries_left", PG_INT8 },
    };
    enum { WIDTH = sizeof columns / sizeof columns[0] };
    struct sql_command *c = NULL;
    struct request req;
    struct reply reply;
    TRY(read_estimated(&c, b, text, err));
    TRY(pg_request(&req, b, service, err));
    req.op = REQUEST_ESTIMATE;
    req.tree = c->question;
    TRY(service->answer(service->ctx, &req, &reply, err));
    const struct reply_estimate *e = &reply.estimate;
    struct value *cells =
        ARENA_NEW_N(&b->scratch, e->n_columns * WIDTH + 1, struct value);
    if (!cells)
        return full(err);
    for (size_t i = 0; i < e->n_columns; i++) {
        const struct reply_estimate_column *k = &e->columns[i];
        struct value *cell = &cells[i * WIDTH];
        cell[0] = value_text(k->name, strlen(k->name));
        cell[1] = value_text(k->mechanism, strlen(k->mechanism));
        cell[2] = number(k->expected_error);
        cell[3] = number(e->level);
        if (!e->pure)
            cell[4] = number((double)e->rho_pico / 1e12);
        cell[5] = number(e->epsilon);
        cell[6] = number(e->shown_delta);
        if (e->queries_left <= INT64_MAX)
            cell[7] = value_int((int64_t)e->queries_left);
    }
    *out = (struct pg_rows){ columns, WIDTH, cells, e->n_columns };
    return ERR_OK;
}
