#ifndef PG_PG_OUT_H
#define PG_PG_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Messages on their way to the client: a buffer that grows, up to a limit, and
 * is sent from its front.
 *
 *   pg_out_begin(o, 'C'); pg_out_text(o, "SELECT 1"); pg_out_end(o);
 *
 * The error is sticky: past the limit, or without memory, nothing is written
 * any more and `full` stays set; what is in the buffer then ends in the middle
 * of a message, so that its connection can only be closed.
 * invariant: sent <= len <= cap.
 */
struct pg_out {
    uint8_t *data; /* owned */
    size_t sent, len, cap;
    size_t most;  /* bytes that it may hold */
    size_t start; /* of the message being written */
    bool full;
};

void pg_out_init(struct pg_out *o, size_t most);
void pg_out_fini(struct pg_out *o);

/* A message and its type; what lies between is its body. */
void pg_out_begin(struct pg_out *o, char type);
void pg_out_end(struct pg_out *o);

void pg_out_bytes(struct pg_out *o, const void *data, size_t len);
void pg_out_u8(struct pg_out *o, uint8_t v);
void pg_out_u16(struct pg_out *o, uint16_t v);
void pg_out_u32(struct pg_out *o, uint32_t v);
void pg_out_u64(struct pg_out *o, uint64_t v);
void pg_out_text(struct pg_out *o, const char *s); /* with its NUL */

/* A length that is not known yet, as four bytes; set it to what was written
 * since. */
size_t pg_out_hole(struct pg_out *o);
void pg_out_fill(struct pg_out *o, size_t hole);

/* Bytes that wait to be sent; take up to `cap` of them. */
static inline size_t pg_out_left(const struct pg_out *o)
{
    return o->len - o->sent;
}
size_t pg_out_pull(struct pg_out *o, uint8_t *buf, size_t cap);

/* Move everything in `from` behind what is in `o`. */
void pg_out_move(struct pg_out *o, struct pg_out *from);

/* Forget what was written since `len`. */
void pg_out_cut(struct pg_out *o, size_t len);

#endif
