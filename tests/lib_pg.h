#ifndef TESTS_LIB_PG_H
#define TESTS_LIB_PG_H

#include "server/pg/pg_session.h"

/*
 * A backend without a server behind it: a service that answers by the text of
 * the question, messages from a line, and answers as a line.
 *
 *   Q:SELECT 1            Query            P:name:text   Parse
 *   B:portal:name:v,v     Bind, texts      D:S:name      Describe
 *   E:portal:rows         Execute          C:P:name      Close
 *   S                     Sync             H             Flush
 *
 * Messages are separated by '|'.  The answers read back as
 *
 *   T(name:oid ...) D(a,b) C(SELECT 1) Z(I) E(42601) N(NOTICE) 1 2 3 n s t(20)
 */
struct pg_fake {
    unsigned asked, shaped, refused; /* times */
    enum err_code fails;             /* of the next answer */
    size_t n_rows;                   /* of an answer; 0 = three */
    bool cached;                     /* answers come from the store */
    uint64_t slot_ns;
    struct pg_service service;
    struct arena arena;
};

void pg_fake_init(struct pg_fake *f);
void pg_fake_fini(struct pg_fake *f);

/* The message that begins `*script`, which moves behind it; bytes in `buf`,
 * with type and length.  0: there is none. */
size_t pg_script_next(const char **script, uint8_t *buf, size_t cap);

/* Messages as a line, in malloc()ed memory; NULL: they are none. */
char *pg_transcript(const uint8_t *data, size_t len);

/* Everything a script gets back, from one backend. */
char *pg_talk(struct pg_backend *b, struct pg_fake *f, const char *script);

#endif
