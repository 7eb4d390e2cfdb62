#include "tests/sim/op.h"

#include <stdio.h>
#include <string.h>

#include "server/ledger/recover.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

enum {
    CHARGES = 64,
    BATCH_MISSES = 9, /* a batch that missed so often is missed for good */
};

/* ---- what it is told ---- */

const char *op_hear_answer(struct op *op, const uint8_t *answer, size_t len,
                           const char *charge)
{
    const char *broken = NULL;
    if (op->is_missed)
        broken = "an answer after the last miss";
    else if (op->is_answered &&
             (op->len != len || memcmp(op->answer, answer, len) != 0))
        broken = "two answers for one key";
    if (len > sizeof op->answer)
        return broken ? broken : "an answer is too long for the test";
    memcpy(op->answer, answer, len);
    op->len = len;
    (void)snprintf(op->charge, sizeof op->charge, "%s", charge);
    op->is_answered = op->is_over = true;
    return broken;
}

const char *op_hear(struct op *op, enum err_code code)
{
    static const bool retried[ERR_COUNT] = {
        [ERR_UNAVAILABLE] = true, [ERR_DEADLINE] = true
    };
    const char *broken = NULL;
    op->told = code;
    op->retries += retried[code];
    if (code == ERR_OK || retried[code])
        return NULL;
    if (op->is_answered)
        broken = "an answer, then a refusal";
    if (code == ERR_MISS && op->is_batch && ++op->misses < BATCH_MISSES)
        return broken;
    if (code == ERR_MISS)
        op->is_missed = true;
    else if (!broken && code != ERR_BUDGET)
        broken = err_info_of(code)->name;
    else if (!broken && op->is_missed)
        broken = "a miss, then a refusal";
    op->is_over = true;
    return broken;
}

/* ---- what was charged for it ---- */

struct kept {
    char charge[CHARGES][2 * LEDGER_ID_LEN + 1];
    unsigned n;
};

static enum err_code keep(void *ctx, const struct ledger_export_row *row,
                          struct err *err)
{
    struct kept *k = ctx;
    (void)err;
    assert_true(k->n < CHARGES);
    (void)snprintf(k->charge[k->n++], sizeof k->charge[0], "%s", row->id);
    return ERR_OK;
}

static bool is_kept(const struct kept *k, const char *charge)
{
    for (unsigned i = 0; i < k->n; i++)
        if (strcmp(k->charge[i], charge) == 0)
            return true;
    return false;
}

/* Of all answers; true: each has its charge. */
static bool sum_up(struct op_sums *out, const struct op *ops, unsigned n,
                   const struct kept *kept)
{
    bool all_kept = true;
    *out = (struct op_sums){ .charges = kept->n };
    for (unsigned i = 0; i < n; i++) {
        const struct op *op = &ops[i];
        out->answers += op->is_answered;
        out->misses += op->is_missed;
        out->refused += op->told == ERR_BUDGET;
        out->retries += op->retries;
        all_kept = all_kept && (!op->is_answered || is_kept(kept, op->charge));
    }
    return all_kept;
}

const char *ops_check(struct op_sums *out, const struct op *ops, unsigned n,
                      const char *path, unsigned budget)
{
    struct kept kept = { .n = 0 };
    struct err err;
    const bool is_sound = ledger_verifies(path);
    const bool is_read = ledger_export(path, keep, &kept, &err) == ERR_OK;
    const bool all_kept = sum_up(out, ops, n, &kept);
    if (!is_sound)
        return "an invariant of the ledger";
    if (!is_read)
        return "the ledger cannot be read";
    if (!all_kept)
        return "an answer without a charge";
    if (kept.n != out->answers + out->misses)
        return "not one charge for each key that came through";
    if (kept.n != (n < budget ? n : budget))
        return "not as many as the budget is for";
    return NULL;
}
