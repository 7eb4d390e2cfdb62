/* What a batch is refused for before any of its questions is planned. */
#include <stdlib.h>
#include <string.h>

#include "server/main/batch.h"
#include "server/sql/sql.h"
#include "tests/table.h"

/* A question: purpose, key, length. */
#define Q(of, key, len) SAYS("SELECT COUNT(*) FROM t", of, key, len)
#define SAYS(text, of, key, len)                                               \
    {                                                                          \
        .sql = text, .sql_len = (len), .dataset = "", .purpose = (of),         \
        .idempotency_key = (key)                                               \
    }
#define PRICED                                                                 \
    {                                                                          \
        .kind = ASK_RHO, .price = 0.1                                          \
    }

static const struct row {
    const char *name, *reason;
    enum err_code code;
    struct request question;
    size_t n;       /* of it */
    struct ask ask; /* of the whole */
    struct ask own; /* of each question */
} rows[] = {
    { "no question",
      "batch_empty",
      ERR_INVALID,
      Q("", "", 22),
      0,
      { 0 },
      { 0 } },
    { "too many questions",
      "batch_size",
      ERR_LIMIT,
      Q("", "", 22),
      REQUEST_QUERIES_MAX + 1,
      { 0 },
      { 0 } },
    { "too long together",
      "batch_bytes",
      ERR_LIMIT,
      Q("", "", REQUEST_BATCH_SQL_MAX / 2 + 1),
      2,
      { 0 },
      { 0 } },
    { "another purpose",
      "batch_purpose",
      ERR_INVALID,
      Q("ads", "", 22),
      1,
      { 0 },
      { 0 } },
    { "another dashboard",
      "batch_dashboard",
      ERR_INVALID,
      SAYS("SET halftone.dashboard = daily; SELECT COUNT(*) FROM t", "", "",
           54),
      1,
      { 0 },
      { 0 } },
    { "a key of its own",
      "batch_key",
      ERR_INVALID,
      Q("", "k", 22),
      1,
      { 0 },
      { 0 } },
    { "SHOW among the questions",
      "batch_show",
      ERR_INVALID,
      SAYS("SHOW halftone.rho", "", "", 17),
      1,
      { 0 },
      { 0 } },
    { "settings and no question",
      "set_alone",
      ERR_INVALID,
      SAYS("SET halftone.rho = 0.1", "", "", 22),
      1,
      { 0 },
      { 0 } },
    { "a price of its own beside that of the whole", "batch_ask", ERR_INVALID,
      Q("", "", 22), 1, PRICED, PRICED },
};

static void check(void **state)
{
    const struct row *row = *state;
    struct request *queries = calloc(row->n + 1, sizeof *queries);
    assert_non_null(queries);
    for (size_t i = 0; i < row->n; i++) {
        queries[i] = row->question;
        queries[i].ask = row->own;
    }
    struct request req = { .op = REQUEST_BATCH,
                           .dataset = "",
                           .purpose = "stats",
                           .idempotency_key = "",
                           .ask = row->ask,
                           .queries = queries,
                           .n_queries = row->n };
    const struct service service = { .clock = clock_system() };
    struct service_call call = { .service = &service, .req = &req };
    struct batch batch;
    struct arena a;
    struct err err = { 0 };
    arena_init(&a, 1 << 22);
    const enum err_code code = batch_plan(&batch, &call, &a, &err);
    assert_int_equal(code, row->code);
    assert_non_null(err.reason);
    assert_string_equal(err.reason, row->reason);
    assert_true(err.hint[0] != '\0');
    arena_fini(&a);
    free(queries);
}

int main(void)
{
    sql_init();
    return RUN_ROWS(rows, check);
}
