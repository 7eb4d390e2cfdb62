#include "server/ledger/register.h"

#include <string.h>

#include "server/base/reader.h"
#include "server/base/writer.h"
#include "server/ledger/committer.h"

/* id, number, head, boot of the server whose it is. */
enum { NOTE_LEN = REGISTER_ID_LEN + 8 + REGISTER_HEAD_LEN + 8 };
static const char KEY[] = "register";

struct note {
    struct ledger_register r;
    int64_t boot;
};

struct register_work {
    struct work work;
    struct note note;
    bool is_there;
};

/* False: there is none; a damaged one is the store's error. */
static bool read_note(struct note *out, struct store *s)
{
    size_t len = 0;
    if (!store_find(s, SQL_META_FIND, "t", KEY))
        return false;
    const void *value = store_blob(s, SQL_META_FIND, 0, &len);
    struct reader r = reader_of(value, len);
    const uint8_t *id = reader_take(&r, REGISTER_ID_LEN);
    out->r.number = reader_be64(&r);
    const uint8_t *head = reader_take(&r, REGISTER_HEAD_LEN);
    out->boot = (int64_t)reader_be64(&r);
    if (head && !r.short_read) {
        memcpy(out->r.id, id, REGISTER_ID_LEN);
        memcpy(out->r.head, head, REGISTER_HEAD_LEN);
    }
    store_end(s, SQL_META_FIND);
    if (r.short_read)
        store_fail(s, STORE_FAILED, "what is kept of the register is damaged");
    return !r.short_read;
}

static bool is_alive(struct book *b, int64_t boot)
{
    if (!store_find(b->store, SQL_BOOT_LIVES, "ii", boot, b->now_us))
        return false;
    store_end(b->store, SQL_BOOT_LIVES);
    return true;
}

/* Is the note of another server, which lives?  Then say so. */
static enum err_code check_mine(struct book *b, const struct note *last,
                                struct err *err)
{
    if (last->boot == b->boot || !is_alive(b, last->boot))
        return ERR_OK;
    (void)err_set(err, ERR_CONFLICT,
                  "another server that shares this ledger has a register of "
                  "consent: what people tell one would not reach the other");
    return err_hint(err, "serve the policies with 'consent' on one server, and "
                         "leave 'consent' out of the others' configuration");
}

static enum err_code exec_last(struct book *b, struct work *w)
{
    struct register_work *k = (struct register_work *)w;
    k->is_there = read_note(&k->note, b->store);
    return k->is_there ? check_mine(b, &k->note, w->err) : ERR_OK;
}

enum err_code ledger_register_last(struct ledger *l,
                                   struct ledger_register *out, bool *is_there,
                                   struct err *err)
{
    struct register_work k = { .work = { .exec = exec_last, .err = err } };
    TRY(committer_run(&l->committer, &k.work));
    *out = k.note.r;
    *is_there = k.is_there;
    return ERR_OK;
}

static enum err_code exec_tell(struct book *b, struct work *w)
{
    struct register_work *k = (struct register_work *)w;
    struct note last;
    if (read_note(&last, b->store))
        TRY(check_mine(b, &last, w->err));
    uint8_t value[NOTE_LEN];
    struct writer out = writer_of(value, sizeof value);
    writer_bytes(&out, k->note.r.id, REGISTER_ID_LEN);
    writer_be64(&out, k->note.r.number);
    writer_bytes(&out, k->note.r.head, REGISTER_HEAD_LEN);
    writer_be64(&out, (uint64_t)b->boot);
    store_run(b->store, SQL_META_SET, "tb", KEY, value, out.len);
    return ERR_OK;
}

enum err_code ledger_register_tell(struct ledger *l,
                                   const struct ledger_register *r,
                                   struct err *err)
{
    struct register_work k = { .work = { .exec = exec_tell, .err = err },
                               .note = { .r = *r } };
    return committer_run(&l->committer, &k.work);
}
