#include "tests/neighbour/tape.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/writer.h"
#include "server/plan/release.h"
#include "tests/neighbour/tape_hist.h"
#include "tests/wrap.h"

/* One row of a release, in storage of its own. */
struct kept_row {
    uint8_t *key; /* n_keys values printed one after another */
    size_t key_len;
    struct dp_exact *exact;
    struct dp_noisy *noisy; /* NULL when the group was not released */
    size_t rank;            /* as released: what a pick tells */
};

struct tape_call {
    struct tape_call *next;
    char *sql;
    struct kept_row *rows;
    size_t n_rows;
    struct tape_hists hists;
    size_t order; /* 0 = the query's first release */
};

enum mode { OFF, RECORD, PLAY };
static struct tape *current;
static enum mode mode;

WRAPPED(noise_release);

static void *copied(const void *from, size_t n)
{
    void *to = malloc(n + 1);
    if (!to)
        abort();
    if (n)
        memcpy(to, from, n);
    return to;
}

static void print_key(struct writer *w, const struct value *keys, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        writer_u8(w, (uint8_t)keys[i].type);
        value_write(w, &keys[i]);
    }
}

static void key_of(struct kept_row *row, const struct value *keys, size_t n)
{
    struct writer measure = writer_of(NULL, 0);
    print_key(&measure, keys, n);
    row->key = copied(NULL, 0);
    row->key = realloc(row->key, measure.need + 1);
    if (!row->key)
        abort();
    struct writer w = writer_of(row->key, measure.need);
    print_key(&w, keys, n);
    row->key_len = w.len;
}

static void wrong(const char *what)
{
    if (!current->wrong)
        current->wrong = what;
}

static struct kept_row *find_row(const struct tape_call *call,
                                 const struct kept_row *key)
{
    for (size_t i = 0; i < call->n_rows; i++)
        if (call->rows[i].key_len == key->key_len &&
            memcmp(call->rows[i].key, key->key, key->key_len) == 0)
            return &call->rows[i];
    return NULL;
}

/* ---- record ---- */

static void record(const struct plan *plan, const struct engine_result *exact,
                   const struct engine_result *hists,
                   const struct plan_noisy *noisy)
{
    struct tape_call *call = calloc(1, sizeof *call);
    const size_t wide = plan->n_measures, all = plan_width(plan);
    if (!call)
        abort();
    call->sql = copied(plan->sql, strlen(plan->sql));
    call->sql[strlen(plan->sql)] = '\0';
    call->order = current->n++;
    call->next = current->calls;
    current->calls = call;
    call->rows = calloc(exact->n_rows + noisy->n_rows + 1, sizeof *call->rows);
    if (!call->rows)
        abort();
    for (size_t i = 0; i < exact->n_rows; i++) {
        struct kept_row *row = &call->rows[call->n_rows++];
        key_of(row, &exact->keys[i * plan->n_keys], plan->n_keys);
        row->exact =
            copied(&exact->measures[i * wide], wide * sizeof *row->exact);
    }
    for (size_t i = 0; i < noisy->n_rows; i++) {
        struct kept_row key;
        key_of(&key, &noisy->keys[i * plan->n_keys], plan->n_keys);
        struct kept_row *row = find_row(call, &key);
        if (!row) { /* a public group that the engine did not find */
            row = &call->rows[call->n_rows++];
            *row = (struct kept_row){ .key_len = key.key_len };
            row->key = copied(key.key, key.key_len);
            row->exact = calloc(wide + 1, sizeof *row->exact);
        }
        free(key.key);
        row->rank = i;
        row->noisy =
            copied(&noisy->measures[i * all], all * sizeof *row->noisy);
    }
    tape_hists_keep(&call->hists, plan, hists);
}

/* ---- play ---- */

static dp_uint distance(struct dp_exact a, struct dp_exact b)
{
    return a.touched > b.touched ? (dp_uint)(a.touched - b.touched)
                                 : (dp_uint)(b.touched - a.touched);
}

static const struct tape_call *next_call(const char *sql)
{
    const struct tape_call *call = current->calls;
    while (call && call->order != current->at)
        call = call->next;
    current->at++;
    if (!call)
        wrong("one side made more releases than the other");
    else if (strcmp(call->sql, sql) != 0)
        wrong("the statements differ");
    return current->wrong ? NULL : call;
}

/* Sums over the groups of one release. */
struct moved {
    size_t groups, alone;
    dp_uint score;        /* top: the most that one moved */
    dp_uint *total;       /* per measure: L1 */
    long double *squares; /* ... and L2, squared */
};

/* The picks are paid for by what one person moves a score by. */
static void compare_score(struct moved *m, const struct plan *plan, dp_uint by)
{
    if (by > m->score)
        m->score = by;
    if (by > plan->top.t.pick.sensitivity)
        wrong("a score moved by more than the picks were paid for");
}

/* Does noise stand between the reader and this cell, or nothing at all? */
static bool is_told(const struct plan *plan, size_t measure, bool is_new,
                    bool is_released)
{
    if (plan->top.on)
        return is_released && !plan_hides(plan, measure);
    return !is_new;
}

/* `is_new`: a group that one side lacks, which costs delta and not noise;
 * `is_released`: it is in the recorded answer. */
static void compare_row(struct moved *m, const struct plan *plan,
                        const struct dp_exact *with,
                        const struct dp_exact *without, bool is_new,
                        bool is_released)
{
    bool any = false;
    for (size_t j = 0; j < plan->n_measures; j++) {
        const dp_uint by = distance(with[j], without[j]);
        const bool own = plan->measures[j].l0 > 0; /* groups of its own */
        if (own && is_new)
            continue; /* shown with the group, or not: delta pays for both */
        any |= by > 0 && !own;
        m->total[j] += by;
        m->squares[j] += (long double)by * (long double)by;
        if (is_told(plan, j, is_new, is_released))
            tape_cost_cell(&current->cost, plan->policy->notion,
                           &plan->measures[j].noise, by);
        if (by > plan->measures[j].bound)
            wrong("a cell moved by more than its bound");
    }
    m->groups += any;
    if (plan->top.on)
        compare_score(
            m, plan, distance(with[plan->top.score], without[plan->top.score]));
}

static void check_totals(const struct moved *m, const struct plan *plan)
{
    if (m->groups > plan->l0)
        wrong("more groups moved than L0");
    if (plan->top.on && m->groups > plan->top.t.l0)
        wrong("more groups moved than the picks' margin allows for");
    if (m->alone > plan->l0)
        wrong("more groups of one person alone than L0");
    for (uint32_t i = 0; plan->top.on && i < plan->top.t.k; i++)
        tape_cost_pick(&current->cost, plan->policy->notion, &plan->top.t.pick,
                       (double)m->score / (double)plan->top.t.pick.sensitivity);
    current->moved += m->groups;
    current->l0 += plan->l0;
    if (current->moved > current->l0)
        wrong("more groups moved than L0 of all grouping sets");
    for (size_t j = 0; j < plan->n_measures; j++) {
        const struct plan_measure *is = &plan->measures[j];
        const uint32_t l0 = is->l0 ? is->l0 : plan->l0;
        if (m->total[j] > (dp_uint)l0 * is->bound)
            wrong("a measure moved by more than L0 times its bound");
        else if (m->squares[j] > (long double)l0 * (long double)is->bound *
                                     (long double)is->bound)
            wrong("a measure moved by more than the root of L0 times its "
                  "bound");
    }
}

static void play_group(struct moved *m, const struct plan *plan,
                       struct kept_row *row, const struct tape_call *call)
{
    static const struct dp_exact none[PLAN_MEASURES_MAX];
    const struct kept_row *was = find_row(call, row);
    compare_row(m, plan, row->exact, was ? was->exact : none,
                plan->selects && !was, was && was->noisy);
    if (was) {
        row->noisy = was->noisy;
        return;
    }
    if (!plan->selects) { /* of a list only what was picked is on the tape */
        if (!plan->top.on)
            wrong("a group outside the public domain");
        return;
    }
    if (plan_thresholds(plan))
        tape_cost_alone(&current->cost, plan);
    m->alone++;
    if (plan->has_people && row->exact[plan->people].touched != 1)
        wrong("a group that one side lacks holds somebody else");
}

/* Rows of the recorded answer, in the order in which noise would give them. */
static enum err_code give(struct plan_noisy *out, const struct plan *plan,
                          const struct engine_result *exact,
                          const struct kept_row *rows, struct arena *a,
                          struct err *err)
{
    const size_t wide = plan_width(plan);
    out->n_rows = 0;
    out->keys = ARENA_NEW_N(a, exact->n_rows * plan->n_keys + 1, struct value);
    out->measures = ARENA_NEW_N(a, exact->n_rows * wide + 1, struct dp_noisy);
    if (!out->keys || !out->measures)
        return err_set(err, ERR_LIMIT, "no room to replay");
    for (size_t i = 0; i < exact->n_rows; i++) {
        if (!rows[i].noisy)
            continue;
        for (size_t k = 0; k < plan->n_keys; k++)
            out->keys[out->n_rows * plan->n_keys + k] =
                exact->keys[i * plan->n_keys + k];
        memcpy(&out->measures[out->n_rows * wide], rows[i].noisy,
               wide * sizeof *out->measures);
        out->n_rows++;
    }
    return ERR_OK;
}

/* One row of a list that was picked, if it was. */
static void give_picked(struct plan_noisy *out, const struct plan *plan,
                        const struct value *keys, const struct tape_call *call)
{
    const size_t wide = plan_width(plan), n = plan->n_keys;
    struct kept_row key;
    key_of(&key, keys, n);
    const struct kept_row *was = find_row(call, &key);
    free(key.key);
    if (!was || !was->noisy)
        return;
    memcpy(&out->keys[was->rank * n], keys, n * sizeof *keys);
    memcpy(&out->measures[was->rank * wide], was->noisy,
           wide * sizeof *out->measures);
    out->n_rows++;
}

/* The list that was picked on the other side, in its order. */
static enum err_code give_top(struct plan_noisy *out, const struct plan *plan,
                              const struct engine_result *exact,
                              const struct tape_call *call, struct arena *a,
                              struct err *err)
{
    const size_t k = plan->top.t.k, n = plan->n_keys;
    struct value *keys = ARENA_NEW_N(a, n + 1, struct value);
    out->n_rows = 0;
    out->keys = ARENA_NEW_N(a, k * n + 1, struct value);
    out->measures = ARENA_NEW_N(a, k * plan_width(plan) + 1, struct dp_noisy);
    if (!keys || !out->keys || !out->measures)
        return err_set(err, ERR_LIMIT, "no room to replay");
    for (size_t i = 0; plan->selects && i < exact->n_rows; i++)
        give_picked(out, plan, &exact->keys[i * n], call);
    for (uint64_t i = 0; !plan->selects && i < plan->groups_public; i++) {
        plan_group_keys(keys, plan, i);
        give_picked(out, plan, keys, call);
    }
    return ERR_OK;
}

/* Every public group of the recorded release. */
static enum err_code give_public(struct plan_noisy *out,
                                 const struct plan *plan,
                                 const struct engine_result *exact,
                                 const struct engine_result *hists,
                                 const struct tape_call *call, gsl_rng *rng,
                                 struct arena *a, struct err *err)
{
    const size_t wide = plan_width(plan);
    TRY(__real_noise_release(out, plan, exact, hists, rng, a, err));
    for (size_t i = 0; i < out->n_rows; i++) {
        struct kept_row key;
        key_of(&key, &out->keys[i * plan->n_keys], plan->n_keys);
        const struct kept_row *was = find_row(call, &key);
        free(key.key);
        if (!was || !was->noisy)
            wrong("a public group has no answer on the other side");
        else
            memcpy(&out->measures[i * wide], was->noisy,
                   wide * sizeof *out->measures);
    }
    return ERR_OK;
}

/* Groups that only the data without the person has. */
static void check_missing(struct moved *m, const struct plan *plan,
                          const struct tape_call *call,
                          const struct kept_row *rows, size_t n)
{
    static const struct dp_exact none[PLAN_MEASURES_MAX];
    const struct tape_call with = { .rows = (struct kept_row *)(uintptr_t)rows,
                                    .n_rows = n };
    for (size_t i = 0; i < call->n_rows; i++)
        if (!find_row(&with, &call->rows[i])) {
            compare_row(m, plan, none, call->rows[i].exact, false,
                        call->rows[i].noisy);
            if (plan->selects)
                wrong("removing a person made a group");
        }
}

static enum err_code play(struct plan_noisy *out, const struct plan *plan,
                          const struct engine_result *exact,
                          const struct engine_result *hists, gsl_rng *rng,
                          struct arena *a, struct err *err)
{
    const struct tape_call *call = next_call(plan->sql);
    if (!call)
        return err_set(err, ERR_INTERNAL, "the replay is out of step");
    struct kept_row *rows = calloc(exact->n_rows + 1, sizeof *rows);
    struct moved m = {
        .total = calloc(plan->n_measures + 1, sizeof *m.total),
        .squares = calloc(plan->n_measures + 1, sizeof *m.squares),
    };
    if (!rows || !m.total || !m.squares)
        abort();
    for (size_t i = 0; i < exact->n_rows; i++) {
        key_of(&rows[i], &exact->keys[i * plan->n_keys], plan->n_keys);
        rows[i].exact = &exact->measures[i * plan->n_measures];
        play_group(&m, plan, &rows[i], call);
    }
    check_missing(&m, plan, call, rows, exact->n_rows);
    check_totals(&m, plan);
    const enum err_code code =
        plan->top.on ? give_top(out, plan, exact, call, a, err)
        : plan->selects
            ? give(out, plan, exact, rows, a, err)
            : give_public(out, plan, exact, hists, call, rng, a, err);
    const char *broken =
        code == ERR_OK
            ? tape_hists_wrong(&current->cost, &call->hists, plan, hists, out)
            : NULL;
    if (broken)
        wrong(broken);
    for (size_t i = 0; i < exact->n_rows; i++)
        free(rows[i].key);
    free(rows);
    free(m.total);
    free(m.squares);
    return code;
}

enum err_code __wrap_noise_release(struct plan_noisy *out,
                                   const struct plan *plan,
                                   const struct engine_result *exact,
                                   const struct engine_result *hists,
                                   gsl_rng *rng, struct arena *a,
                                   struct err *err)
{
    if (mode == PLAY)
        return play(out, plan, exact, hists, rng, a, err);
    TRY(__real_noise_release(out, plan, exact, hists, rng, a, err));
    if (mode == RECORD)
        record(plan, exact, hists, out);
    return ERR_OK;
}

void tape_record(struct tape *r)
{
    current = r;
    mode = RECORD;
}

void tape_play(struct tape *r)
{
    current = r;
    r->at = r->moved = r->l0 = 0;
    r->wrong = NULL;
    r->cost = (struct tape_cost){ 0 };
    mode = PLAY;
}

void tape_stop(void)
{
    mode = OFF;
}

void tape_fini(struct tape *r)
{
    for (struct tape_call *c = r->calls, *next; c; c = next) {
        next = c->next;
        for (size_t i = 0; i < c->n_rows; i++) {
            free(c->rows[i].key);
            free(c->rows[i].exact);
            free(c->rows[i].noisy);
        }
        tape_hists_fini(&c->hists);
        free(c->rows);
        free(c->sql);
        free(c);
    }
    *r = (struct tape){ 0 };
}
