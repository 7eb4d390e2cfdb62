#include "server/ledger/interval.h"

#include "server/base/reader.h"
#include "server/base/writer.h"
#include "server/ledger/committer.h"

static const char KEY[] = "interval";
enum { NOTE_LEN = 8 };

struct interval_work {
    struct work work;
    const struct audit_entry *entry;
    int64_t to_us;
    bool is_ours;
};

/* The end of the newest interval that was written; 0: none was. */
static int64_t last_of(struct store *s)
{
    size_t len = 0;
    if (!store_find(s, SQL_META_FIND, "t", KEY))
        return 0;
    const void *value = store_blob(s, SQL_META_FIND, 0, &len);
    struct reader r = reader_of(value, len);
    const int64_t last = (int64_t)reader_be64(&r);
    store_end(s, SQL_META_FIND);
    if (r.short_read)
        store_fail(s, STORE_FAILED, "the note of the last interval is damaged");
    return last;
}

static enum err_code exec_interval(struct book *b, struct work *w)
{
    struct interval_work *k = (struct interval_work *)w;
    uint8_t value[NOTE_LEN];
    struct writer out = writer_of(value, sizeof value);
    k->is_ours = last_of(b->store) < k->to_us;
    if (!k->is_ours)
        return ERR_OK;
    writer_be64(&out, (uint64_t)k->to_us);
    book_note(b, k->entry);
    store_run(b->store, SQL_META_SET, "tb", KEY, value, out.len);
    return ERR_OK;
}

enum err_code ledger_interval(struct ledger *l, const struct audit_entry *e,
                              int64_t to_us, bool *is_ours, struct err *err)
{
    struct interval_work k = { .work = { .exec = exec_interval, .err = err },
                               .entry = e,
                               .to_us = to_us };
    TRY(committer_run(&l->committer, &k.work));
    *is_ours = k.is_ours;
    return ERR_OK;
}
