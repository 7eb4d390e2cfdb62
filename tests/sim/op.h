#ifndef TESTS_SIM_OP_H
#define TESTS_SIM_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"
#include "server/ledger/ledger.h"

/*
 * What a client wants to know under one key, what it was told, and whether that
 * may be: the model that sim.h holds servers against.
 *
 *   open --answer--> answered      whoever asks again is told the same bytes
 *     '---miss-----> missed        ... is told that again
 *     '---budget---> refused       nothing was charged
 *
 * Functions return what does not hold, the first of it and static, or NULL.
 */
enum { OP_ANSWER_CAP = 4096, OP_TEXT_CAP = 128 };

struct op {
    char key[16], sql[OP_TEXT_CAP];
    bool
        is_batch; /* two questions for one charge: what is missing runs again */
    enum err_code told; /* the last one */
    bool is_over, is_answered, is_missed;
    unsigned misses, retries;
    uint8_t answer[OP_ANSWER_CAP];
    size_t len;
    char charge[2 * LEDGER_ID_LEN + 1];
};

/* Somebody told it these bytes, for this charge. */
const char *op_hear_answer(struct op *op, const uint8_t *answer, size_t len,
                           const char *charge);

/* Somebody told it this code; ERR_OK follows its answer. */
const char *op_hear(struct op *op, enum err_code code);

struct op_sums {
    unsigned answers, misses, refused, retries;
    unsigned charges; /* in the ledger */
};

/* Afterwards: the ledger at `path`, whose budget is for so many, charged what
 * the `n` of them were told, and its invariants hold. */
const char *ops_check(struct op_sums *out, const struct op *ops, unsigned n,
                      const char *path, unsigned budget);

#endif
