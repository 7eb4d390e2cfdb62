#ifndef LEDGER_PIECE_H
#define LEDGER_PIECE_H

#include "server/ledger/book.h"
#include "server/ledger/bundle.h"

/*
 * What the ledger decides about bundles, inside a transaction that the
 * committer runs, as book.h.
 */
struct piece_finder {
    const char *dataset, *purpose;
    int64_t since_us; /* answered not before */
    int64_t now_us;
    int64_t held; /* the charge that asks, or 0 */
};

/* The newest stored answer of the release as a piece of some charge. */
enum err_code piece_answered(struct book *b, bool *is_there,
                             struct ledger_found *out,
                             const struct piece_finder *f,
                             const struct ledger_want *want, struct arena *a,
                             struct err *err) MUST_CHECK;

/* Is some other run at it?  For how long it may be. */
bool piece_in_flight(struct book *b, int64_t *lease_left_us,
                     const struct piece_finder *f,
                     const struct ledger_want *want);

/* The operations of bundle.h. */
enum err_code book_look(struct book *b, struct ledger_look *out,
                        const struct ledger_look_args *args, struct arena *a,
                        struct err *err) MUST_CHECK;
enum err_code book_charge_bundle(struct book *b, struct ledger_run *out,
                                 const struct ledger_charge_args *args,
                                 const struct ledger_piece *pieces, size_t n,
                                 int64_t newest, struct arena *a,
                                 struct err *err) MUST_CHECK;
enum err_code book_answer_bundle(struct book *b, struct ledger_id id,
                                 uint64_t fence, int64_t release_us,
                                 const struct ledger_piece_answer *pieces,
                                 size_t n, const uint8_t **answer,
                                 size_t *answer_len, struct arena *a,
                                 struct err *err) MUST_CHECK;
enum err_code book_stumble(struct book *b, struct ledger_id id, uint64_t fence,
                           int64_t release_us, bool *is_over,
                           struct err *err) MUST_CHECK;

#endif
