#include "server/ledger/register.h"

#include <string.h>

#include "server/base/reader.h"
#include "server/base/writer.h"
#include "server/ledger/committer.h"

/* id, number, head, boot of the server that told; a byte more: it is shared. */
enum { NOTE_LEN = REGISTER_ID_LEN + 8 + REGISTER_HEAD_LEN + 8 };
static const char KEY[] = "register";

struct note {
    struct ledger_register r;
    int64_t boot;
};

struct register_work {
    struct work work;
    const struct ledger_register *own;
    struct note note;
    bool is_there, anew;
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
    out->r.is_shared = len > NOTE_LEN;
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

static bool is_same(const struct ledger_register *a,
                    const struct ledger_register *b)
{
    return a->is_shared && b->is_shared &&
           memcmp(a->id, b->id, sizeof a->id) == 0;
}

/* Is the note of another register, by a server that lives?  Then say so. */
static enum err_code check_mine(struct book *b, const struct note *last,
                                const struct ledger_register *own,
                                struct err *err)
{
    if (last->boot == b->boot || is_same(&last->r, own) ||
        !is_alive(b, last->boot))
        return ERR_OK;
    (void)err_set(err, ERR_CONFLICT,
                  "another server that shares this ledger has a register of "
                  "consent: what people tell one would not reach the other");
    return err_hint(err, "give the servers one register, in a database "
                         "(consent.file: postgresql://...); or serve the "
                         "policies with 'consent' on one server, and leave "
                         "'consent' out of the others' configuration");
}

static enum err_code exec_last(struct book *b, struct work *w)
{
    struct register_work *k = (struct register_work *)w;
    k->is_there = read_note(&k->note, b->store);
    return k->is_there ? check_mine(b, &k->note, k->own, w->err) : ERR_OK;
}

enum err_code ledger_register_last(struct ledger *l,
                                   const struct ledger_register *own,
                                   struct ledger_register *out, bool *is_there,
                                   struct err *err)
{
    struct register_work k = { .work = { .exec = exec_last, .err = err },
                               .own = own };
    TRY(committer_run(&l->committer, &k.work));
    *out = k.note.r;
    *is_there = k.is_there;
    return ERR_OK;
}

static enum err_code exec_tell(struct book *b, struct work *w)
{
    struct register_work *k = (struct register_work *)w;
    const struct ledger_register *own = &k->note.r;
    struct note last;
    if (read_note(&last, b->store)) {
        TRY(check_mine(b, &last, own, w->err));
        if (!k->anew && is_same(&last.r, own) && last.r.number > own->number)
            return ERR_OK; /* another server told after us, and came first */
    }
    uint8_t value[NOTE_LEN + 1];
    struct writer out = writer_of(value, sizeof value);
    writer_bytes(&out, k->note.r.id, REGISTER_ID_LEN);
    writer_be64(&out, k->note.r.number);
    writer_bytes(&out, k->note.r.head, REGISTER_HEAD_LEN);
    writer_be64(&out, (uint64_t)b->boot);
    if (own->is_shared)
        writer_u8(&out, 1);
    store_run(b->store, SQL_META_SET, "tb", KEY, value, out.len);
    return ERR_OK;
}

enum err_code ledger_register_tell(struct ledger *l,
                                   const struct ledger_register *r, bool anew,
                                   struct err *err)
{
    struct register_work k = { .work = { .exec = exec_tell, .err = err },
                               .note = { .r = *r },
                               .anew = anew };
    return committer_run(&l->committer, &k.work);
}
