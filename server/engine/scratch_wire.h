#ifndef ENGINE_SCRATCH_WIRE_H
#define ENGINE_SCRATCH_WIRE_H

#include "server/base/reader.h"
#include "server/base/writer.h"
#include "server/engine/scratch.h"

/*
 * What the server and a process of its catalog tell each other (scratch.h):
 * messages of a length (4 bytes, of what follows) and a body.
 *
 *   to the process    BUILD id script      ASK or DESCRIBE id limits statement
 *   from it           one reply to each
 *
 * Both ends check all they read: the process has an analyst's statement in it,
 * and is not believed.  No I/O here.
 */
enum {
    SCRATCH_HEAD = 4,             /* bytes of the length */
    SCRATCH_REPLY_MAX = 32 << 20, /* bytes of a body */
    SCRATCH_CALL_MAX = 32 << 20,
};

enum scratch_kind { SCRATCH_BUILD, SCRATCH_ASK, SCRATCH_DESCRIBE };

struct scratch_call {
    enum scratch_kind kind;
    uint64_t id;            /* of the database */
    const char *script;     /* BUILD */
    uint32_t room;          /* of the reply, bytes */
    uint32_t wait_ms;       /* after which DuckDB is asked to end it */
    struct scratch_ask ask; /* ASK, DESCRIBE */
};

enum scratch_status {
    SCRATCH_ROWS,    /* the answer; after BUILD no column */
    SCRATCH_UNKNOWN, /* there is no database of this id: BUILD it */
    SCRATCH_FAILED,  /* in DuckDB's words: `message` */
    SCRATCH_LATE,
    SCRATCH_LARGE, /* of more bytes or rows than it may have */
};

struct scratch_reply {
    enum scratch_status status;
    bool ends; /* behind it the process goes */
    const char *message;
    struct scratch_rows rows;
};

/* With the length in front; too small a writer tells by `need`. */
void scratch_call_write(struct writer *w, const struct scratch_call *c);
void scratch_reply_write(struct writer *w, const struct scratch_reply *r);

/* A body.  Texts point into it, lists are in `a`.  False: it is none, or the
 * arena is full. */
bool scratch_call_read(struct scratch_call *out, const void *body, size_t len,
                       struct arena *a) MUST_CHECK;
bool scratch_reply_read(struct scratch_reply *out, const void *body, size_t len,
                        struct arena *a) MUST_CHECK;

#endif
