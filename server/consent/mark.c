/* Where the register stands, and whether it once stood elsewhere. */
#include <string.h>

#include "server/consent/parts.h"

/* Marks that are kept: whoever remembers an older one is older himself. */
enum { KEPT = 1024 };

struct marking {
    struct consent_job job;
    struct consent_mark mark;
    bool is_known;
};

static bool read_head(struct shelf *s, enum shelf_sql sql, int column,
                      uint8_t out[CONSENT_HEAD_LEN])
{
    size_t len = 0;
    const void *head = shelf_blob(s, sql, column, &len);
    if (len == CONSENT_HEAD_LEN)
        memcpy(out, head, len);
    return len == CONSENT_HEAD_LEN;
}

static void read_id(struct shelf *s, uint8_t out[CONSENT_ID_LEN])
{
    uint8_t head[CONSENT_HEAD_LEN] = { 0 };
    if (shelf_find(s, SHELF_MARK, "i", INT64_C(0))) {
        (void)read_head(s, SHELF_MARK, 0, head);
        shelf_end(s, SHELF_MARK);
    }
    memcpy(out, head, CONSENT_ID_LEN);
}

/* Number 0 is no head. */
static void read_newest(struct shelf *s, struct consent_mark *out)
{
    if (!shelf_find(s, SHELF_MARK_NEWEST, ""))
        return;
    out->number = (uint64_t)shelf_int(s, SHELF_MARK_NEWEST, 0);
    (void)read_head(s, SHELF_MARK_NEWEST, 1, out->head);
    shelf_end(s, SHELF_MARK_NEWEST);
}

static enum err_code mark(struct consent *c, struct consent_job *job)
{
    struct marking *m = (struct marking *)(void *)job;
    struct shelf *s = &c->shelf;
    read_id(s, m->mark.id);
    read_newest(s, &m->mark);
    if (m->mark.number > 0 &&
        memcmp(m->mark.head, c->head, sizeof c->head) == 0)
        return ERR_OK;
    m->mark.number++;
    memcpy(m->mark.head, c->head, sizeof c->head);
    shelf_run(s, SHELF_MARK_NEW, "ib", (int64_t)m->mark.number, m->mark.head,
              sizeof m->mark.head);
    shelf_run(s, SHELF_MARK_OLD, "i", (int64_t)m->mark.number - KEPT);
    return ERR_OK;
}

bool consent_mark(struct consent *c, struct consent_mark *out)
{
    struct err ignored;
    struct marking m = { .job = { .run = mark, .err = &ignored } };
    if (consent_run(c, &m.job) != ERR_OK)
        return false;
    *out = m.mark;
    return true;
}

static enum err_code find(struct consent *c, struct consent_job *job)
{
    struct marking *m = (struct marking *)(void *)job;
    struct shelf *s = &c->shelf;
    struct consent_mark newest = { .number = 0 };
    uint8_t head[CONSENT_HEAD_LEN] = { 0 };
    read_id(s, newest.id);
    read_newest(s, &newest);
    if (memcmp(newest.id, m->mark.id, sizeof newest.id) != 0 ||
        m->mark.number > newest.number)
        return ERR_OK;
    m->is_known = m->mark.number + KEPT <= newest.number;
    if (m->is_known || !shelf_find(s, SHELF_MARK, "i", (int64_t)m->mark.number))
        return ERR_OK;
    m->is_known = read_head(s, SHELF_MARK, 0, head) &&
                  memcmp(head, m->mark.head, sizeof head) == 0;
    shelf_end(s, SHELF_MARK);
    return ERR_OK;
}

bool consent_has_been(struct consent *c, const struct consent_mark *there)
{
    struct err ignored;
    struct marking m = {
        .job = { .run = find, .kind = SHELF_READS, .err = &ignored },
        .mark = *there
    };
    return consent_run(c, &m.job) == ERR_OK && m.is_known;
}

void consent_hold(struct consent *c, bool holds)
{
    atomic_store(&c->held, holds);
}

bool consent_is_held(const struct consent *c)
{
    return atomic_load(&c->held);
}
