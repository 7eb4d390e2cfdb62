#include "tests/neighbour/reduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tests/neighbour/words.h"

enum { SQL_MAX = 65536 };

struct reducer {
    struct pair *p;
    char *sql;
    const char *wrong;
    unsigned tries;
    time_t end;
};

static bool shows(struct reducer *r, const char *sql)
{
    if (r->tries++ > REDUCE_TRIES || time(NULL) > r->end)
        return false;
    const char *wrong = pair_ask(r->p, sql).wrong;
    return wrong && strcmp(wrong, r->wrong) == 0;
}

/* ---- the question ---- */

static bool without_words(struct reducer *r, const char *const *start,
                          size_t from, size_t to)
{
    char *sql = malloc(SQL_MAX);
    bool still;
    if (!sql)
        abort();
    (void)snprintf(sql, SQL_MAX, "%.*s%s", (int)(start[from] - r->sql), r->sql,
                   start[to]);
    still = shows(r, sql);
    if (still)
        strcpy(r->sql, sql);
    free(sql);
    return still;
}

/* Leave out runs of words: of each length, and whole brackets. */
static bool fewer_words(struct reducer *r)
{
    static const char *start[WORDS_MAX];
    bool any = false;
    for (size_t len = words_cut(start, r->sql) / 2; len > 0;
         len = len > 24 ? len / 2 : len - 1)
        for (size_t i = 0, n = words_cut(start, r->sql); i + len <= n;) {
            const size_t close = words_closing(start, n, i);
            bool less = without_words(r, start, i, i + len);
            if (!less && len == 1 && close > i + 1)
                less = without_words(r, start, i, close);
            any |= less;
            i += !less;
            n = less ? words_cut(start, r->sql) : n;
        }
    return any;
}

static bool try_instead(struct reducer *r, const char *head, int head_len,
                        const char *middle, int middle_len, const char *tail)
{
    char *sql = malloc(SQL_MAX);
    if (!sql)
        abort();
    (void)snprintf(sql, SQL_MAX, "%.*s%.*s%s", head_len, head, middle_len,
                   middle, tail);
    const bool still = strlen(sql) < strlen(r->sql) && shows(r, sql);
    if (still)
        strcpy(r->sql, sql);
    free(sql);
    return still;
}

/* A sub-query alone is the question, or a table stands for it. */
static bool flatter(struct reducer *r)
{
    static const char *start[WORDS_MAX];
    for (size_t i = 0, n = words_cut(start, r->sql); i < n; i++) {
        const size_t end = words_closing(start, n, i);
        size_t n_cells;
        if (*start[i] != '(' || strncmp(start[i + 1], "SELECT", 6) != 0)
            continue;
        if (try_instead(r, "", 0, start[i + 1],
                        (int)(start[end - 1] - start[i + 1]), ""))
            return true;
        for (size_t t = 0; shop_table(t, &n_cells); t++) {
            char table[64];
            (void)snprintf(table, sizeof table, "shop.%s ",
                           shop_table(t, &n_cells));
            if (try_instead(r, r->sql, (int)(start[i] - r->sql), table,
                            (int)strlen(table), start[end]))
                return true;
        }
    }
    return false;
}

/* ---- the tables ---- */

static bool still_shows(struct reducer *r)
{
    pair_reopen(r->p);
    return shows(r, r->sql);
}

/* Leave out [from, to) of the rows that pass; the person's own too. */
static void without_rows(struct reducer *r, size_t from, size_t to)
{
    struct shop *s = &r->p->shop;
    bool was[SHOP_ROWS_MAX], any = false;
    for (size_t i = from; i < to; i++) {
        was[i] = s->rows[i].gone;
        any |= !was[i];
        s->rows[i].gone = true;
    }
    if (!any || still_shows(r))
        return;
    for (size_t i = from; i < to; i++)
        s->rows[i].gone = was[i];
}

static void without_person(struct reducer *r, unsigned person)
{
    struct shop *s = &r->p->shop;
    bool was[SHOP_ROWS_MAX], any = false;
    for (size_t i = 0; i < s->n_rows; i++) {
        was[i] = s->rows[i].gone;
        any |= s->rows[i].person == person && !was[i];
        s->rows[i].gone |= s->rows[i].person == person;
    }
    if (!any || still_shows(r))
        return;
    for (size_t i = 0; i < s->n_rows; i++)
        s->rows[i].gone = was[i];
}

static void without_column(struct reducer *r, size_t table, size_t cell)
{
    struct shop *s = &r->p->shop;
    const char *was[SHOP_ROWS_MAX];
    bool any = false;
    for (size_t i = 0; i < s->n_rows; i++) {
        was[i] = s->rows[i].cells[cell];
        if (s->rows[i].table != table || s->rows[i].gone)
            continue;
        any |= strcmp(was[i], "NULL") != 0;
        s->rows[i].cells[cell] = "NULL";
    }
    if (!any || still_shows(r))
        return;
    for (size_t i = 0; i < s->n_rows; i++)
        s->rows[i].cells[cell] = was[i];
}

static void fewer_rows(struct reducer *r)
{
    struct shop *s = &r->p->shop;
    size_t n_cells;
    for (unsigned person = 0; person <= SHOP_PEOPLE; person++)
        if (person != s->person[0])
            without_person(r, person);
    for (size_t len = s->n_rows / 4; len > 0; len /= 2)
        for (size_t i = 0; i < s->n_rows; i += len)
            without_rows(r, i, i + len < s->n_rows ? i + len : s->n_rows);
    for (size_t t = 0; shop_table(t, &n_cells); t++)
        for (size_t c = 0; c < n_cells; c++)
            without_column(r, t, c);
    pair_reopen(r->p); /* the last try may have been in vain */
}

void reduce(struct pair *p, char *sql, const char *wrong)
{
    struct reducer r = {
        .p = p, .sql = sql, .wrong = wrong, .end = time(NULL) + REDUCE_SECONDS
    };
    pair_keep(p, p->last);
    if (!shows(&r, sql)) /* shown once, by something that moves by itself, or
                            by what other questions left behind */
        return;
    while (flatter(&r))
        ;
    (void)fewer_words(&r);
    while (flatter(&r))
        ;
    fewer_rows(&r);
    while (fewer_words(&r))
        ;
}

/* ---- telling ---- */

size_t reduce_rows(const struct pair *p)
{
    size_t n = 0;
    for (size_t i = 0; i < p->shop.n_rows; i++)
        n += !p->shop.rows[i].gone;
    return n;
}

static void print_row(const struct shop_row *r, size_t n_cells)
{
    if (r->person)
        (void)fprintf(stderr, "    (%u", r->person);
    else
        (void)fprintf(stderr, "    (NULL");
    for (size_t c = 0; c < n_cells; c++)
        (void)fprintf(stderr, ", %s", r->cells[c]);
    (void)fprintf(stderr, ")\n");
}

void reduce_print(const struct pair *p, const char *sql, const char *wrong)
{
    const struct shop *s = &p->shop;
    size_t n_cells;
    unsigned policy = 0;
    while (policy + 1 < SHOP_POLICIES && s->policy != shop_policy(policy))
        policy++;
    (void)fprintf(stderr, "%s\n  with and without person %u, policy %u\n  %s\n",
                  wrong, s->person[0], policy, sql);
    if (strstr(s->policy, "consent: {"))
        for (size_t i = 0; i < s->n_events; i++)
            (void)fprintf(stderr, "  person %u: %s\n", s->events[i].person,
                          s->events[i].state == SHOP_ERASED
                              ? "erased"
                              : consent_state_name(s->events[i].state));
    for (size_t t = 0; shop_table(t, &n_cells); t++) {
        size_t rows = 0;
        for (size_t i = 0; i < s->n_rows; i++)
            rows += s->rows[i].table == t && !s->rows[i].gone;
        if (rows == 0)
            continue;
        (void)fprintf(stderr, "  %s (key", shop_table(t, &n_cells));
        for (size_t c = 0; c < n_cells; c++)
            (void)fprintf(stderr, ", %s", shop_column(t, c));
        (void)fprintf(stderr, ")\n");
        for (size_t i = 0; i < s->n_rows; i++)
            if (s->rows[i].table == t && !s->rows[i].gone)
                print_row(&s->rows[i], n_cells);
    }
    (void)fprintf(stderr,
                  "  NEIGHBOUR_SHOW=1 %sNEIGHBOUR_SEED=%llu "
                  "NEIGHBOUR_SQL=\"%s\" build/opt/tests/test_neighbour\n",
                  s->which == SHOP_OF_LISTS ? "NEIGHBOUR_LISTS=1 " : "",
                  (unsigned long long)p->seed, sql);
    (void)fprintf(stderr,
                  "  the whole round, decisions in between too: "
                  "NEIGHBOUR_JOBS=0 NEIGHBOUR_COUNT=1 NEIGHBOUR_SEED=%llu and "
                  "the test that failed\n",
                  (unsigned long long)p->seed);
}

void reduce_complain(struct pair *p, const char *sql, const char *wrong)
{
    char *small = malloc(SQL_MAX);
    if (!small)
        abort();
    (void)snprintf(small, SQL_MAX, "%s", sql);
    (void)fprintf(stderr,
                  "seed %llu: %s\n  %s\nreduced: ", (unsigned long long)p->seed,
                  wrong, sql);
    reduce(p, small, wrong);
    reduce_print(p, small, wrong);
    free(small);
}
