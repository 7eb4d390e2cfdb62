#ifndef TESTS_SIM_BATON_H
#define TESTS_SIM_BATON_H

#include <stdbool.h>
#include <stdint.h>

/*
 * Threads of which one runs at a time, in an order that a seed decides, in a
 * time of their own.
 *
 *   baton_spawn -> waits until its time -> runs -> baton_pause -> waits ...
 *                                             '-> returns, or is killed
 *
 * Whoever runs goes on until it pauses; then one of those whose time has come
 * is chosen at random, and when nobody's has, the clock is set to the earliest.
 * So a run of the same seed is the same run.
 */
struct baton;
typedef void baton_fn(void *arg);

/* The clock begins at wall_us. */
struct baton *baton_new(uint64_t seed, int64_t wall_us);
void baton_free(struct baton *b); /* nobody is left */

/* fn(arg) begins `delay_us` from now.  `group` names whose it is, for
 * baton_kill; arg is freed after it ends, however it ends. */
void baton_spawn(struct baton *b, int group, uint64_t delay_us, baton_fn *fn,
                 void *arg);

/* Run until nobody is left. */
void baton_run(struct baton *b);

/* Of the thread that runs: let others go on for so long. */
void baton_pause(struct baton *b, uint64_t delay_us);

/* All of a group but the one that runs end where they paused. */
void baton_kill(struct baton *b, int group);

int64_t baton_now_us(const struct baton *b);

/* 0 to n - 1, or true once in so many. */
uint64_t baton_pick(struct baton *b, uint64_t n);
bool baton_chance(struct baton *b, uint64_t one_in);

#endif
