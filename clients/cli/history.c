#include "clients/cli/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "clients/cli/number.h"

static const char LETTERS[] = {
    [DP_EVENT_GAUSS] = 'G',
    [DP_EVENT_LAPLACE] = 'L',
    [DP_EVENT_RESPONSE] = 'R',
    [DP_EVENT_APPROX] = 'S',
};

/* The word, and how much of it has been read. */
struct scan {
    const char *word;
    size_t len, at;
};

static enum err_code wrong(const struct scan *s, const char *what,
                           struct err *err)
{
    (void)err_set(err, ERR_INVALID, "'%.*s', at byte %zu: %s",
                  (int)(s->len < 40 ? s->len : 40), s->word, s->at + 1, what);
    (void)err_hint(err, "write G5x10 (sigma 5, 10 times), L0.1x50, R0.1x50 or "
                        "S0.1_1e-8x20");
    return err_at(err, 1, (unsigned)(s->at + 1));
}

/* The number up to `end` or the end of the word; then past `end`. */
static enum err_code number(double *out, struct scan *s, char end,
                            const char *what, struct err *err)
{
    const char *from = s->word + s->at;
    const char *stop = memchr(from, end, s->len - s->at);
    const size_t len = stop ? (size_t)(stop - from) : s->len - s->at;
    if (!number_parse(out, from, len))
        return wrong(s, what, err);
    s->at += len + (stop != NULL);
    return ERR_OK;
}

static enum err_code times(uint64_t *out, struct scan *s, struct err *err)
{
    uint64_t n = 0;
    const size_t from = s->at;
    for (; s->at < s->len; s->at++) {
        const char c = s->word[s->at];
        if (c < '0' || c > '9' || n > DP_EVENT_TIMES_MAX)
            return wrong(s, "the count is no whole number up to 2^40", err);
        n = n * 10 + (uint64_t)(c - '0');
    }
    s->at = from;
    if (n < 1 || n > DP_EVENT_TIMES_MAX)
        return wrong(s, "the count is no whole number from 1 to 2^40", err);
    *out = n;
    return ERR_OK;
}

static const char *range_of(enum dp_event_kind kind)
{
    return kind == DP_EVENT_GAUSS    ? "sigma is not from 1e-4 to 1e12"
           : kind == DP_EVENT_APPROX ? "epsilon is not from 1e-9 to 1e4, or "
                                       "delta not from 0 to below 1"
                                     : "epsilon is not from 1e-9 to 1e4";
}

enum err_code history_word_parse(struct dp_event *out, const char *word,
                                 size_t len, struct err *err)
{
    struct scan s = { word, len, 0 };
    struct dp_event e = { .times = 1 };
    const char *letter =
        len > 0 ? memchr(LETTERS, *word, sizeof LETTERS) : NULL;
    if (!letter)
        return wrong(&s, "no G, L, R or S", err);
    e.kind = (enum dp_event_kind)(letter - LETTERS);
    s.at = 1;
    if (e.kind == DP_EVENT_APPROX) {
        TRY(number(&e.eps, &s, '_', "no number for epsilon before '_'", err));
        TRY(number(&e.delta, &s, 'x', "no number for delta after '_'", err));
    } else {
        double *size = e.kind == DP_EVENT_GAUSS ? &e.sigma : &e.eps;
        TRY(number(size, &s, 'x', "no number after the letter", err));
    }
    if (s.at < len || word[len - 1] == 'x')
        TRY(times(&e.times, &s, err));
    s.at = 1;
    if (!dp_event_ok(&e))
        return wrong(&s, range_of(e.kind), err);
    *out = e;
    return ERR_OK;
}

/* Length of the word at `text`, which is no separator. */
static size_t word_len(const char *text)
{
    size_t len = 0;
    while (text[len] && !strchr(" \t\n", text[len]) &&
           !(text[len] == '_' && text[len + 1] >= 'A' && text[len + 1] <= 'Z'))
        len++;
    return len;
}

/* Moves *text to its next word and past it; NULL when there is none. */
static const char *next_word(const char **text, size_t *len)
{
    for (;;) {
        *text += strspn(*text, " \t\n");
        const char *word = *text;
        if (*word == '\0')
            return NULL;
        *len = word_len(word);
        *text += *len + (word[*len] == '_');
        if (*len != 3 || memcmp(word, "MIX", 3) != 0)
            return word;
    }
}

static size_t count_words(const char *text)
{
    size_t n = 0, len;
    while (next_word(&text, &len))
        n++;
    return n;
}

enum err_code history_of_words(struct dp_event **out, size_t *n,
                               const char *const *texts, size_t n_texts,
                               struct arena *a, struct err *err)
{
    size_t many = 0, len;
    for (size_t i = 0; i < n_texts; i++)
        many += count_words(texts[i]);
    if (many == 0) {
        (void)err_set(err, ERR_INVALID, "there is no ledger to add up");
        return err_hint(err, "write G5x10 (sigma 5, 10 times), L0.1x50, "
                             "R0.1x50 or S0.1_1e-8x20");
    }
    *out = arena_alloc(a, many, sizeof **out);
    if (!*out)
        return err_set(err, ERR_LIMIT, "the ledger is too long");
    *n = 0;
    for (size_t i = 0; i < n_texts; i++) {
        const char *text = texts[i], *word;
        while ((word = next_word(&text, &len)) != NULL)
            TRY(history_word_parse(&(*out)[(*n)++], word, len, err));
    }
    return ERR_OK;
}

void history_word_print(char out[HISTORY_WORD_MAX], const struct dp_event *e)
{
    const bool gauss = e->kind == DP_EVENT_GAUSS;
    const struct number_text size = number_shortest(gauss ? e->sigma : e->eps);
    const struct number_text delta = number_shortest(e->delta);
    const bool approx = e->kind == DP_EVENT_APPROX;
    (void)snprintf(out, HISTORY_WORD_MAX, "%c%.32s%s%.32sx%" PRIu64,
                   LETTERS[e->kind], size.s, approx ? "_" : "",
                   approx ? delta.s : "", e->times);
}
