/*
 * Canonical bytes of an expression.  typed.h.
 *
 * Kind and counts go before contents, so no two trees share their bytes.
 * Operands that may change places without changing the value are written in the
 * order of their bytes, each behind its length; a > b is written as b < a.
 */
#include "server/plan/typed.h"

#include <string.h>

#include "server/plan/rel.h"

enum { LEN_BYTES = 4 };
#define ALL_FIXED SIZE_MAX

/* How many operands keep their place: the others' order means nothing. */
static size_t fixed_args(enum expr_op op)
{
    switch ((unsigned)op) {
    case OP_AND:
    case OP_OR:
    case OP_EQ:
    case OP_NE:
    case OP_IS_DISTINCT:
    case OP_ADD:
    case OP_MUL:
    case OP_LEAST:
    case OP_GREATEST:
        return 0;
    case OP_IN:
        return 1;
    default:
        return ALL_FIXED;
    }
}

static enum expr_op mirrored(enum expr_op op)
{
    return op == OP_GT ? OP_LT : op == OP_GE ? OP_LE : op;
}

static size_t len_at(const struct writer *w, size_t at)
{
    size_t len = 0;
    for (size_t i = 0; i < LEN_BYTES; i++)
        len = len << 8 | w->data[at + i];
    return len;
}

static void put_len(struct writer *w, size_t at, size_t len)
{
    for (size_t i = 0; i < LEN_BYTES; i++)
        w->data[at + i] = (uint8_t)(len >> 8 * (LEN_BYTES - 1 - i));
}

static void reverse(uint8_t *data, size_t from, size_t to)
{
    for (; from + 1 < to; from++, to--) {
        const uint8_t kept = data[from];
        data[from] = data[to - 1];
        data[to - 1] = kept;
    }
}

/* The operand written last, at `last`, goes in front of the first one since
 * `first` whose bytes come after its own. */
static void settle(struct writer *w, size_t first, size_t last)
{
    const size_t end = w->len, size = end - last;
    size_t at = first;
    while (at < last) {
        const size_t len = LEN_BYTES + len_at(w, at);
        const size_t n = len < size ? len : size;
        if (memcmp(w->data + at, w->data + last, n) > 0)
            break; /* lengths lead, so equal heads are equal operands */
        at += len;
    }
    reverse(w->data, at, last);
    reverse(w->data, last, end);
    reverse(w->data, at, end);
}

static void write_operand(struct writer *w, const struct typed *e, size_t first)
{
    const size_t at = w->len;
    writer_be32(w, 0);
    typed_write(w, e);
    if (w->overflow)
        return; /* it was measured; the order does not matter */
    put_len(w, at, w->len - at - LEN_BYTES);
    settle(w, first, at);
}

static void write_call(struct writer *w, const struct typed *e)
{
    const enum expr_op op = mirrored(e->call.op);
    const char *name = op_info_of(op)->sql;
    const size_t fixed = fixed_args(op), n = e->call.n_args;
    /* The name, not the number: op.def may grow in the middle. */
    writer_be16(w, (uint16_t)strlen(name));
    writer_str(w, name);
    writer_be32(w, (uint32_t)n);
    for (size_t i = 0; i < n && i < fixed; i++)
        typed_write(w, e->call.args[op == e->call.op ? i : n - 1 - i]);
    const size_t first = w->len;
    for (size_t i = fixed; i < n; i++)
        write_operand(w, e->call.args[i], first);
}

void typed_write(struct writer *w, const struct typed *e)
{
    if (!e) {
        writer_u8(w, UINT8_MAX);
        return;
    }
    writer_u8(w, (uint8_t)e->kind);
    writer_u8(w, (uint8_t)e->type);
    switch (e->kind) {
    case TYPED_CONST:
        value_write(w, &e->value);
        return;
    case TYPED_COLUMN:
        writer_be32(w, (uint32_t)strlen(e->column->sql));
        writer_str(w, e->column->sql);
        return;
    case TYPED_TEXT:
        writer_be32(w, (uint32_t)strlen(e->text));
        writer_str(w, e->text);
        return;
    case TYPED_CALL:
        write_call(w, e);
        return;
    case TYPED_KEY:
    case TYPED_AGG:
    case TYPED_OVER:
        writer_be32(w, (uint32_t)e->index);
        return;
    }
}
