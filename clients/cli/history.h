#ifndef CLI_HISTORY_H
#define CLI_HISTORY_H

#include "dp/event.h"
#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * A history of releases in words, for `halftone calc compose`:
 *
 *   G5x10          10 Gaussians of standard deviation 5 (L2 sensitivity 1)
 *   L0.1x50        50 Laplace releases of epsilon 0.1
 *   R0.1x50        50 discrete Laplace (randomised response) of epsilon 0.1
 *   S0.1_1e-8x20   20 of anything (0.1, 1e-8)-DP
 *
 * Numbers are decimal, "x1" may be left out.
 */

/*
 * The event that one word of `len` bytes says; *out is untouched on failure.
 * ERR_INVALID names the word and the place in it (err->col, from 1).
 */
enum err_code history_word_parse(struct dp_event *out, const char *word,
                                 size_t len, struct err *err) MUST_CHECK;

/*
 * All words of all texts.  Within one text words are parted by spaces, or by
 * '_' before a capital; a leading MIX_ is passed over: "G5x10 L0.1x50" and
 * "MIX_G5x10_L0.1x50" are one history.
 *
 * *out lives in the arena.  ERR_INVALID: a word is wrong, or there is none;
 * ERR_LIMIT: no memory.
 */
enum err_code history_of_words(struct dp_event **out, size_t *n,
                               const char *const *texts, size_t n_texts,
                               struct arena *a, struct err *err) MUST_CHECK;

/* The longest text that history_word_print writes, its NUL included. */
enum { HISTORY_WORD_MAX = 96 };

/* The word of an event, which reads back as the same event. */
void history_word_print(char out[HISTORY_WORD_MAX], const struct dp_event *e);

#endif
