#ifndef CONSENT_FOLLOW_H
#define CONSENT_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

/*
 * What is in memory here follows a register that other servers write, too.
 *
 *   A: lock, changes, stamp n, commit --> the call returns
 *   B: look: is the newest stamp the one I have?  no --> read what changed
 *      since mine, and the rows it names --> show --> pin
 *
 *   - A transaction that changes what memory holds says so (follow_tell), in
 * the order of the serials.  Rows that are only read when they are asked for
 *     (choices, contacts, how far an erasure is) are not told.
 *   - Whoever writes follows first, under the lock: what is in memory is then
 *     what is in the database.
 *   - Changes say which row, not what is in it: to follow twice is to follow
 *     once, and a row that changed again meanwhile is read as it is.
 *   - Who was away for longer than changes are kept reads all of the register
 *     anew; his numbers of people stay.
 *   - A register whose history does not have the stamp that was seen here went
 *     back to a copy: it is held (consent_hold).
 *
 * A register of one server has nothing to follow.  The leader's alone.
 */
struct consent;

enum change {
    CHANGE_SUBJECTS = 1, /* a..b: they are new */
    CHANGE_PERSON,       /* a: what she decided */
    CHANGE_PARTED,       /* a: nobody's any more */
    CHANGE_ORPHAN,       /* a: of whom nothing is kept */
    CHANGE_ERASURE,      /* a: asked for, or she came back */
    CHANGE_IMPORT,       /* a: begun, done or gone */
    CHANGE_CIRCLES, /* populations and purposes */
    CHANGE_KEYS,    /* pseudonyms are made by a new key */
};

/* In a transaction that writes; nothing in a register of one server. */
void follow_tell(struct consent *c, enum change what, int64_t a, int64_t b);

/* Is there something that is not in memory yet, or does nobody know?  Between
 * transactions; an error is the shelf's. */
bool follow_has_news(struct consent *c);

/* In a transaction: memory is as the database was when it began, and shown.
 * False: the shelf's error, or memory; then nothing is shown. */
bool follow_catch_up(struct consent *c);

/* A transaction of ours was committed. */
void follow_committed(struct consent *c);

/* Every second or so, in a transaction that writes: changes that everybody has
 * seen by now are deleted. */
void follow_prune(struct consent *c);

#endif
