#ifndef NEIGHBOUR_PAIR_H
#define NEIGHBOUR_PAIR_H

#include "tests/neighbour/control.h"
#include "tests/neighbour/shop.h"
#include "tests/neighbour/side.h"
#include "tests/neighbour/tape.h"

/*
 * Shops that differ in one person from `without`, and a server over each.  All
 * of it follows from the seed.
 */
struct pair {
    uint64_t seed;
    enum control control; /* the mistake planted in both servers */
    struct shop shop;
    struct side without, with[SHOP_NEIGHBOURS]; /* as many as shop.n */
    size_t last; /* neighbour that the last question told most about */
    bool show;   /* print what the sides show */
};

void pair_open(struct pair *p, uint64_t seed, enum shop_tables which,
               enum control control);
/* ... with the shop in this place. */
void pair_open_in(struct pair *p, uint64_t seed, enum shop_tables which,
                  enum control control, enum shop_source source);
/* The same over p->shop as it is. */
void pair_open_shop(struct pair *p, enum control control);
void pair_close(struct pair *p);

/* The servers anew, after rows of p->shop changed. */
void pair_reopen(struct pair *p);

/* Somebody decides about the purpose, where there is a register of consent: on
 * the sides that have the person's rows, too. */
void pair_decide(struct pair *p, struct draw *d);

/* The budget is whole again, on all sides. */
void pair_renew(struct pair *p);

/* Neighbour `i` alone is left, with servers anew. */
void pair_keep(struct pair *p, size_t i);

/* What one question showed: of the neighbour that is told from `without`, if
 * any, else of the one that used up most. */
struct pair_verdict {
    enum err_code code; /* of the neighbour */
    const char *wrong;  /* what tells the sides apart, or NULL; static */
    double used;  /* of the price charged, the part that the person's rows used
                     up: at most 1; 0 where nothing was charged */
    size_t moved; /* groups that the person moved */
    struct dp_price charged;
    double first;    /* number of the answer's first row; 0 = none */
    char said[2048]; /* the answer, or the error, as text */
};
struct pair_verdict pair_ask(struct pair *p, const char *sql);

/* A statement that the engine refuses: shows nothing about privacy. */
extern const char PAIR_FAILED[];

#endif
