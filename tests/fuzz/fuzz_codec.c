/*
 * Any bytes to any method: decoding ends in a request or in one clear error,
 * and what it accepts has every text set.  The first byte chooses the method.
 * Corpus: tests/fuzz/corpus/codec.
 */
#include <stdlib.h>
#include <string.h>

#include "server/grpc/codec.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const PATHS[] = {
        "/halftone.v1.Halftone/Query",
        "/halftone.v1.Halftone/Estimate",
        "/halftone.v1.Halftone/ListDatasets",
        "/halftone.v1.Halftone/DescribeDataset",
        "/halftone.v1.Halftone/GetBudget",
        "/halftone.v1.Halftone/WatchBudget",
        "/halftone.v1.Halftone/ListCharges",
        "/halftone.v1.Admin/GetMisses",
        "/halftone.v1.Admin/LiftMisses",
        "/halftone.v1.Halftone/Batch",
        "/halftone.v1.Consent/Grant",
        "/halftone.v1.Consent/Withdraw",
        "/halftone.v1.Audit/ListEntries",
        "/halftone.v1.Audit/Prove",
        "/halftone.v1.Contact/Choose",
        "/halftone.v1.Contact/MayContact",
        "/halftone.v1.Consent/Erase",
        "/halftone.v1.Admin/ListErasures",
        "/halftone.v1.Admin/ConfirmErasures",
        "/halftone.v1.Admin/ConfirmRegister",
        "/halftone.v1.Halftone/GetConsentCounts",
    };
    struct request req;
    struct err err = { 0 };
    struct arena a;
    if (len == 0)
        return 0;
    const struct codec_method *m =
        codec_find(PATHS[data[0] % (sizeof PATHS / sizeof PATHS[0])]);
    REQUIRE(m);
    arena_init(&a, 1 << 20);
    const enum err_code code =
        codec_decode(&req, m, data + 1, len - 1, &a, &err);
    REQUIRE(code == ERR_OK || code == ERR_INVALID || code == ERR_LIMIT);
    REQUIRE((code != ERR_OK) == (err.msg[0] != '\0'));
    if (code == ERR_OK) {
        REQUIRE(req.dataset && req.purpose && req.idempotency_key);
        REQUIRE(strlen(req.idempotency_key) <= REQUEST_KEY_MAX);
        REQUIRE(req.ask.level > 0 && req.ask.level < 1);
        if (!req.is_batch &&
            (req.op == REQUEST_QUERY || req.op == REQUEST_ESTIMATE))
            REQUIRE(!req.sql != !req.tree);
        for (size_t i = 0; i < req.n_queries; i++) {
            const struct request *q = &req.queries[i];
            REQUIRE(!q->sql != !q->tree && q->dataset && q->purpose);
            REQUIRE(q->idempotency_key && q->ask.level > 0 && !q->is_batch);
        }
    }
    arena_fini(&a);
    return 0;
}
