#include "server/query/lifecycle.h"

#include "tests/table.h"

/* Each row scripts what one stage does; the others succeed at once. */
static const struct row {
    const char *name;
    enum query_state at;
    enum err_code does;
    enum query_state skip; /* 0 = none */
    enum query_state want;
    int ran; /* stages that ran */
} rows[] = {
    { "no stage objects", QUERY_FAILED, ERR_OK, 0, QUERY_REPLIED, 6 },
    { "plan refused", QUERY_RECEIVED, ERR_REFUSED, 0, QUERY_FAILED, 1 },
    { "no budget", QUERY_PLANNED, ERR_BUDGET, 0, QUERY_FAILED, 2 },
    { "engine fails after the charge", QUERY_CHARGED, ERR_MISS, 0,
      QUERY_FAILED, 3 },
    { "a stored answer skips the engine", QUERY_PLANNED, ERR_OK, QUERY_STORED,
      QUERY_REPLIED, 3 },
    { "a free plan skips everything", QUERY_RECEIVED, ERR_OK, QUERY_REPLIED,
      QUERY_REPLIED, 1 },
};

struct script {
    const struct row *row;
    int ran;
};

static enum err_code scripted(struct lifecycle *q, struct err *err)
{
    struct script *script = q->ctx;
    const struct row *row = script->row;
    script->ran++;
    if (q->state != row->at)
        return ERR_OK;
    if (row->skip)
        lifecycle_skip(q, row->skip);
    return row->does == ERR_OK ? ERR_OK
                               : err_set(err, row->does, "%s", row->name);
}

static void check_row(void **state)
{
    static lifecycle_stage_fn *const stages[QUERY_STAGES] = {
        [QUERY_RECEIVED] = scripted, [QUERY_PLANNED] = scripted,
        [QUERY_CHARGED] = scripted,  [QUERY_EXECUTED] = scripted,
        [QUERY_NOISED] = scripted,   [QUERY_STORED] = scripted,
    };
    struct script script = { .row = *state };
    struct lifecycle q = { .stage = stages, .ctx = &script };
    struct err err = { 0 };

    assert_int_equal(lifecycle_run(&q, &err), script.row->does);
    assert_int_equal(q.state, script.row->want);
    assert_int_equal(script.ran, script.row->ran);
}

int main(void)
{
    return RUN_ROWS(rows, check_row);
}
