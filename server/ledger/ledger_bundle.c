/* The works of bundle.h, as ledger.c has those of ledger.h. */
#include "server/ledger/committer.h"
#include "server/ledger/piece.h"

enum { SEALED_CAP = 64 << 20 };

struct look_work {
    struct work work;
    struct ledger_look *out;
    const struct ledger_look_args *args;
    struct arena *a;
};

static enum err_code exec_look(struct book *b, struct work *w)
{
    struct look_work *k = (struct look_work *)w;
    return book_look(b, k->out, k->args, k->a, w->err);
}

enum err_code ledger_look(struct ledger *l, struct ledger_look *out,
                          const struct ledger_look_args *args, struct arena *a,
                          struct err *err)
{
    struct look_work w = { { .exec = exec_look, .err = err }, out, args, a };
    TRY(committer_run(&l->committer, &w.work));
    out->rung = w.work.rung;
    return ERR_OK;
}

struct bundle_work {
    struct work work;
    struct ledger_run *out;
    const struct ledger_charge_args *args;
    const struct ledger_piece *pieces;
    size_t n;
    int64_t newest;
    struct arena *a;
};

static void ask_bundle(struct book *b, const struct work *w)
{
    book_ask_charge(b, ((const struct bundle_work *)w)->args);
}

static enum err_code exec_bundle(struct book *b, struct work *w)
{
    struct bundle_work *k = (struct bundle_work *)w;
    return book_charge_bundle(b, k->out, k->args, k->pieces, k->n, k->newest,
                              k->a, w->err);
}

enum err_code ledger_charge_bundle(struct ledger *l, struct ledger_run *out,
                                   const struct ledger_charge_args *args,
                                   const struct ledger_piece *pieces, size_t n,
                                   int64_t newest, uint64_t *rung,
                                   struct arena *a, struct err *err)
{
    struct bundle_work w = {
        { .exec = exec_bundle, .ask = ask_bundle, .err = err, .is_last = true },
        out,
        args,
        pieces,
        n,
        newest,
        a
    };
    TRY(committer_run(&l->committer, &w.work));
    *rung = w.work.rung;
    return ERR_OK;
}

struct pieces_work {
    struct work work;
    struct ledger_id id;
    uint64_t fence;
    int64_t release_us;
    const struct ledger_piece_answer *pieces;
    size_t n;
    const uint8_t **answer;
    size_t *answer_len;
    bool *is_over;
    struct arena *a;
};

static enum err_code exec_answer_bundle(struct book *b, struct work *w)
{
    struct pieces_work *k = (struct pieces_work *)w;
    return book_answer_bundle(b, k->id, k->fence, k->release_us, k->pieces,
                              k->n, k->answer, k->answer_len, k->a, w->err);
}

static enum err_code exec_stumble(struct book *b, struct work *w)
{
    struct pieces_work *k = (struct pieces_work *)w;
    return book_stumble(b, k->id, k->fence, k->release_us, k->is_over, w->err);
}

enum err_code ledger_answer_bundle(struct ledger *l, struct ledger_id id,
                                   uint64_t fence, int64_t release_us,
                                   const struct ledger_piece_answer *pieces,
                                   size_t n, const uint8_t **answer,
                                   size_t *answer_len, struct arena *a,
                                   struct err *err)
{
    struct pieces_work w = { .work = { .exec = exec_answer_bundle, .err = err },
                             .id = id,
                             .fence = fence,
                             .release_us = release_us,
                             .pieces = pieces,
                             .n = n,
                             .answer = answer,
                             .answer_len = answer_len,
                             .a = a };
    return committer_run(&l->committer, &w.work);
}

enum err_code ledger_stumble(struct ledger *l, struct ledger_id id,
                             uint64_t fence, int64_t release_us, bool *is_over,
                             struct err *err)
{
    struct pieces_work w = { .work = { .exec = exec_stumble, .err = err },
                             .id = id,
                             .fence = fence,
                             .release_us = release_us,
                             .is_over = is_over };
    return committer_run(&l->committer, &w.work);
}
