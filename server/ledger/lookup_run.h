#ifndef LEDGER_LOOKUP_RUN_H
#define LEDGER_LOOKUP_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A sorted run of (print, row) pairs, as lookup.h keeps them, without its
 * storage: the bytes of a page, and what memory holds of the whole run.
 *
 *   pages    250 pairs each, by print, equal prints by row, the newest first
 *   fences   the first print of each page
 *   filter   16 bits a pair, in blocks of a cache line: a print that is not in
 *            the run passes it once in some 800 times
 *
 * Source: Putze, Sanders & Singler, "Cache-, Hash- and Space-Efficient Bloom
 * Filters", 2007 (blocked filters).
 */
struct lookup_pair {
    uint64_t print;
    int64_t row;
};

/* By print, and of equal prints the newest row first. */
static inline bool lookup_pair_precedes(const struct lookup_pair *a,
                                        const struct lookup_pair *b)
{
    return a->print < b->print || (a->print == b->print && a->row > b->row);
}

enum { LOOKUP_PAGE = 250, LOOKUP_PAGE_LEN = LOOKUP_PAGE * 16 };

/* Returns the page's length in bytes. */
size_t lookup_page_print(uint8_t out[LOOKUP_PAGE_LEN],
                         const struct lookup_pair *pairs, size_t n);

/* How many pairs; 0 when it is not a page, or not in order. */
size_t lookup_page_parse(struct lookup_pair out[LOOKUP_PAGE],
                         const uint8_t *data, size_t len);

enum { LOOKUP_KINDS = 3 }; /* lookup.h */
struct lookup_run {
    int64_t id;
    unsigned level;
    int64_t newest[LOOKUP_KINDS]; /* the newest row of each kind that is in it,
                                     or was when it was written */
    uint64_t n;                   /* pairs */
    uint64_t *fences;             /* owned */
    size_t pages;                 /* so far */
    uint64_t *filter;             /* owned */
    uint64_t blocks;
};

/* For `n` pairs in all.  False without memory; fini it all the same. */
bool lookup_run_init(struct lookup_run *r, uint64_t n);
void lookup_run_fini(struct lookup_run *r);

/* Its next page. */
void lookup_run_note(struct lookup_run *r, const struct lookup_pair *pairs,
                     size_t n);

/* It is about to be looked for: many runs wait for memory at one time. */
void lookup_run_fetch(const struct lookup_run *r, uint64_t print);

/* False: the print is not in it. */
bool lookup_run_may_have(const struct lookup_run *r, uint64_t print);

/* The first page that can hold the print. */
size_t lookup_run_page(const struct lookup_run *r, uint64_t print);

#endif
