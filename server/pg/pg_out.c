#include "server/pg/pg_out.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAP = 1024, KEEP_CAP = 64 * 1024 };

void pg_out_init(struct pg_out *o, size_t most)
{
    *o = (struct pg_out){ .most = most };
}

void pg_out_fini(struct pg_out *o)
{
    free(o->data);
    *o = (struct pg_out){ .most = o->most };
}

/* Room for n more bytes; false: there is none, and there will be none. */
static bool reserve(struct pg_out *o, size_t n)
{
    if (o->full || n > o->most || o->len > o->most - n) {
        o->full = true;
        return false;
    }
    if (o->len + n <= o->cap)
        return true;
    size_t cap = o->cap ? o->cap : FIRST_CAP;
    while (cap < o->len + n)
        cap *= 2;
    uint8_t *data = realloc(o->data, cap);
    o->full = !data;
    if (!data)
        return false;
    o->data = data;
    o->cap = cap;
    return true;
}

void pg_out_bytes(struct pg_out *o, const void *data, size_t len)
{
    if (len == 0 || !reserve(o, len))
        return;
    memcpy(o->data + o->len, data, len);
    o->len += len;
}

static void put_be(struct pg_out *o, uint64_t v, size_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(v >> 8 * (n - 1 - i));
    pg_out_bytes(o, bytes, n);
}

void pg_out_u8(struct pg_out *o, uint8_t v)
{
    put_be(o, v, 1);
}

void pg_out_u16(struct pg_out *o, uint16_t v)
{
    put_be(o, v, 2);
}

void pg_out_u32(struct pg_out *o, uint32_t v)
{
    put_be(o, v, 4);
}

void pg_out_u64(struct pg_out *o, uint64_t v)
{
    put_be(o, v, 8);
}

void pg_out_text(struct pg_out *o, const char *s)
{
    pg_out_bytes(o, s, strlen(s) + 1);
}

size_t pg_out_hole(struct pg_out *o)
{
    const size_t hole = o->len;
    pg_out_u32(o, 0);
    return hole;
}

static void put_len(struct pg_out *o, size_t at, size_t len)
{
    for (size_t i = 0; i < 4; i++)
        o->data[at + i] = (uint8_t)(len >> 8 * (3 - i));
}

void pg_out_fill(struct pg_out *o, size_t hole)
{
    if (!o->full)
        put_len(o, hole, o->len - hole - 4);
}

void pg_out_begin(struct pg_out *o, char type)
{
    pg_out_u8(o, (uint8_t)type);
    o->start = o->len;
    pg_out_u32(o, 0);
}

/* The length of a message counts itself. */
void pg_out_end(struct pg_out *o)
{
    if (!o->full)
        put_len(o, o->start, o->len - o->start);
}

size_t pg_out_pull(struct pg_out *o, uint8_t *buf, size_t cap)
{
    const size_t left = pg_out_left(o), n = left < cap ? left : cap;
    if (n > 0)
        memcpy(buf, o->data + o->sent, n);
    o->sent += n;
    if (o->sent < o->len)
        return n;
    o->sent = o->len = 0;
    if (o->cap > KEEP_CAP) { /* an idle connection holds no large buffer */
        free(o->data);
        o->data = NULL;
        o->cap = 0;
    }
    return n;
}

void pg_out_move(struct pg_out *o, struct pg_out *from)
{
    if (o->len == 0 && !o->full && from->len <= o->most) {
        const struct pg_out mine = *o;
        *o = *from;
        o->most = mine.most;
        *from = mine;
        from->most = o->most;
        from->sent = from->len = 0;
        from->full = false;
        return;
    }
    if (from->full)
        o->full = true;
    pg_out_bytes(o, from->data + from->sent, pg_out_left(from));
    from->sent = from->len = 0;
}

void pg_out_cut(struct pg_out *o, size_t len)
{
    assert(len >= o->sent);
    if (!o->full && len < o->len)
        o->len = len;
}
