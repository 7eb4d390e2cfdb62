#ifndef TESTS_AUDITOR_QUESTION_H
#define TESTS_AUDITOR_QUESTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dp/notion.h"
#include "halftone/v1/halftone.pb-c.h"

/* What the auditor asks: one row a mechanism or a shape of SELECT. */
struct question {
    const char *name;
    enum dp_notion notion;
    const char *sql;
    double price;              /* asked for: epsilon under pure, else rho */
    double delta;              /* at which a price in rho is read as epsilon */
    uint32_t l0;               /* groups a person counts in; 0 = the policy's */
    bool quick, quick_planted; /* in make test, too */
    const char *planted;       /* what, planted, it must find, or NULL */
};

size_t question_count(void);
const struct question *question_at(size_t i);

/* Is it among `which` ("all", "quick" or its name) for a server with `plant`
 * ("holds": none)? */
bool question_is_of(const struct question *q, const char *which,
                    const char *plant);

/* The request about the dataset without (0) or with (1) the person, under a
 * key of its own; its length.  It must fit. */
size_t question_pack(const struct question *q, int side, char *key,
                     uint8_t *out, size_t cap);

struct question_price {
    uint64_t rho_pico, eps_nano, delta_atto;
};
struct question_price question_price_of(const Halftone__V1__Receipt *receipt);

#endif
