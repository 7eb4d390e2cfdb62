/* Tables of ours: halftone.budget, halftone.charges.  pg_backend.h. */
#include <stdio.h>
#include <string.h>

#include "server/base/shown.h"
#include "server/pg/pg_backend.h"
#include "server/pg/pg_error.h"
#include "server/pg/pg_price.h"

/* Units of the ledger in one; a quotient by them is the nearest double, which
 * prints without a tail of nines. */
static const double PICO = 1e12, NANO = 1e9, ATTO = 1e18;

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the rows need too much memory");
}

static struct value text(const char *s)
{
    return s ? value_text(s, strlen(s)) : value_null();
}

/* ---- halftone.budget ---- */

static const struct pg_column BUDGET[] = {
    { "dataset", PG_TEXT },
    { "notion", PG_TEXT },
    { "cap", PG_FLOAT8 },
    { "spent", PG_FLOAT8 },
    { "remaining", PG_FLOAT8 },
    { "cap_epsilon", PG_FLOAT8 },
    { "spent_epsilon", PG_FLOAT8 },
    { "delta", PG_FLOAT8 },
    { "odds", PG_TEXT },
    { "quota", PG_TEXT },
    { "quota_remaining", PG_FLOAT8 },
};
enum { BUDGET_WIDTH = sizeof BUDGET / sizeof BUDGET[0] };

static void fill_budget(struct value *cell, const struct reply_budget *r)
{
    const double per = r->pure ? NANO : PICO;
    cell[0] = text(r->dataset);
    cell[1] = text(r->notion);
    cell[2] = value_double(
        (double)(r->pure ? r->cap_eps_nano : r->cap_rho_pico) / per);
    cell[3] = value_double(
        (double)(r->pure ? r->spent_eps_nano : r->spent_rho_pico) / per);
    cell[4] = value_double(
        (double)(r->pure ? r->remaining_eps_nano : r->remaining_rho_pico) /
        per);
    cell[5] = value_double(r->cap_epsilon);
    cell[6] = value_double(r->spent_epsilon);
    cell[7] = value_double(r->shown_delta);
    cell[8] = text(r->odds);
    if (!r->quota[0])
        return; /* zero is NULL */
    cell[9] = text(r->quota);
    cell[10] = value_double((double)r->quota_remaining_pico_or_nano / per);
}

static enum err_code list_datasets(struct reply *out, struct pg_backend *b,
                                   const struct pg_service *service,
                                   struct err *err)
{
    struct request req;
    TRY(pg_request(&req, b, service, err));
    req.op = REQUEST_LIST_DATASETS;
    req.dataset = "";
    return service->answer(service->ctx, &req, out, err);
}

static enum err_code budget_of(struct reply *out, struct pg_backend *b,
                               const char *dataset,
                               const struct pg_service *service,
                               struct err *err)
{
    struct request req;
    TRY(pg_request(&req, b, service, err));
    req.op = REQUEST_GET_BUDGET;
    req.dataset = dataset;
    return service->answer(service->ctx, &req, out, err);
}

/* A row for each dataset that the caller sees. */
static enum err_code budget(struct pg_rows *out, struct pg_backend *b,
                            size_t most, const struct pg_service *service,
                            struct err *err)
{
    struct reply list, reply;
    TRY(list_datasets(&list, b, service, err));
    struct value *cells = ARENA_NEW_N(
        &b->scratch, list.n_datasets * BUDGET_WIDTH + 1, struct value);
    if (!cells)
        return full(err);
    *out = (struct pg_rows){ BUDGET, BUDGET_WIDTH, cells, 0 };
    for (size_t i = 0; i < list.n_datasets && out->n_rows < most; i++) {
        TRY(budget_of(&reply, b, list.datasets[i].name, service, err));
        fill_budget(&cells[out->n_rows++ * BUDGET_WIDTH], &reply.budget);
    }
    return ERR_OK;
}

enum err_code pg_own_show(const char **out, struct pg_backend *b,
                          const struct pg_service *service, struct err *err)
{
    struct request req;
    struct reply reply;
    TRY(pg_request(&req, b, service, err));
    TRY(budget_of(&reply, b, req.dataset, service, err));
    const struct reply_budget *r = &reply.budget;
    const double per = r->pure ? NANO : PICO;
    *out = arena_printf(
        &b->scratch, "%s %s of %s left in %s", r->pure ? "epsilon" : "rho",
        shown_of(pg_price_down(r->pure ? r->remaining_eps_nano
                                       : r->remaining_rho_pico,
                               per),
                 4)
            .s,
        shown_of((double)(r->pure ? r->cap_eps_nano : r->cap_rho_pico) / per, 4)
            .s,
        r->dataset);
    return *out ? ERR_OK : full(err);
}

/* ---- halftone.charges ---- */

static const struct pg_column CHARGES[] = {
    { "query_id", PG_TEXT }, { "charged_at", PG_TIMESTAMPTZ },
    { "dataset", PG_TEXT },  { "principal", PG_TEXT },
    { "purpose", PG_TEXT },  { "state", PG_TEXT },
    { "rho", PG_FLOAT8 },    { "epsilon", PG_FLOAT8 },
    { "delta", PG_FLOAT8 },
};
enum { CHARGES_WIDTH = sizeof CHARGES / sizeof CHARGES[0], PAGE = 1000 };

static void fill_charge(struct value *cell, const struct reply_charge *r)
{
    cell[0] = text(r->query_id);
    cell[1] = (struct value){ .type = VALUE_TIMESTAMP, .i = r->charged_us };
    cell[2] = text(r->dataset);
    cell[3] = text(r->principal);
    cell[4] = text(r->purpose);
    cell[5] = text(r->state);
    /* A price is in rho or in epsilon; what it is not in stays NULL. */
    if (r->eps_nano == 0)
        cell[6] = value_double((double)r->rho_pico / PICO);
    if (r->rho_pico == 0 && r->eps_nano > 0)
        cell[7] = value_double((double)r->eps_nano / NANO);
    cell[8] = value_double((double)r->delta_atto / ATTO);
}

/* The newest PAGE of each dataset, in the order of datasets. */
static enum err_code charges(struct pg_rows *out, struct pg_backend *b,
                             size_t most, const struct pg_service *service,
                             struct err *err)
{
    struct reply list;
    TRY(list_datasets(&list, b, service, err));
    struct value *cells = ARENA_NEW_N(
        &b->scratch, list.n_datasets * PAGE * CHARGES_WIDTH + 1, struct value);
    if (!cells)
        return full(err);
    *out = (struct pg_rows){ CHARGES, CHARGES_WIDTH, cells, 0 };
    for (size_t d = 0; d < list.n_datasets && out->n_rows < most; d++) {
        struct request req;
        struct reply reply;
        TRY(pg_request(&req, b, service, err));
        req.op = REQUEST_LIST_CHARGES;
        req.dataset = list.datasets[d].name;
        req.page_size =
            most - out->n_rows < PAGE ? (uint32_t)(most - out->n_rows) : PAGE;
        TRY(service->answer(service->ctx, &req, &reply, err));
        for (size_t i = 0; i < reply.n_charges && i < PAGE; i++)
            fill_charge(&cells[out->n_rows++ * CHARGES_WIDTH],
                        &reply.charges[i]);
    }
    return ERR_OK;
}

/* ---- any ---- */

/* Some of the columns, in the order asked. */
static enum err_code project(struct pg_rows *rows, const struct sql_own *own,
                             struct arena *a, struct err *err)
{
    const struct pg_rows all = *rows;
    struct pg_column *columns = ARENA_NEW_N(a, own->n, struct pg_column);
    struct value *cells = ARENA_NEW_N(a, all.n_rows * own->n + 1, struct value);
    if (!columns || !cells)
        return full(err);
    for (size_t i = 0; i < own->n; i++) {
        size_t c = 0;
        while (c < all.n_columns &&
               strcmp(all.columns[c].name, own->columns[i]) != 0)
            c++;
        if (c == all.n_columns)
            return pg_fail(err, "42703", "column \"%.60s\" does not exist",
                           own->columns[i]);
        columns[i] = all.columns[c];
        for (size_t r = 0; r < all.n_rows; r++)
            cells[r * own->n + i] = all.cells[r * all.n_columns + c];
    }
    *rows = (struct pg_rows){ columns, own->n, cells, all.n_rows };
    return ERR_OK;
}

enum err_code pg_own(struct pg_rows *out, struct pg_backend *b,
                     const struct sql_own *own,
                     const struct pg_service *service, struct err *err)
{
    const size_t most = own->limit < 0 ? 0 : (size_t)own->limit;
    if (strcmp(own->table, "budget") == 0) {
        TRY(budget(out, b, most, service, err));
    } else if (strcmp(own->table, "charges") == 0) {
        TRY(charges(out, b, most, service, err));
    } else {
        (void)pg_fail(err, "42P01",
                      "relation \"halftone.%.60s\" does not exist", own->table);
        (void)err_at(err, own->at.line, own->at.col);
        return err_hint(err, "There are halftone.budget and halftone.charges.");
    }
    return own->n > 0 ? project(out, own, &b->scratch, err) : ERR_OK;
}
