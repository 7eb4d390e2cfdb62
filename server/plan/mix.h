#ifndef PLAN_MIX_H
#define PLAN_MIX_H

#include "server/plan/plan.h"
#include "server/plan/rel.h"

/*
 * Several answers put together: SELECTs whose aggregates are over people, in
 * one FROM, joined or united.
 *
 *   SELECT 'all', COUNT(*) FROM t UNION ALL SELECT x, COUNT(*) FROM t GROUP BY
 * x SELECT a.x, a.n, b.n FROM (SELECT ..) AS a LEFT JOIN (SELECT ..) AS b ON ..
 *
 * Each is a question of its own, priced and finished by itself; one charge pays
 * for all, and what puts them together sees noisy tables, so it is free and
 * means what PostgreSQL means.  Answers of the same release are released once.
 *
 *   arms -releases-> noisy rows -each finished-> tables -root-> one table
 *        -plan->after-> the answer
 *
 * The releases of all arms, one after the other, are the plan's parts.
 */
struct plan_arm {
    struct plan *plan; /* may have parts of its own, and be a mix itself */
    size_t first;      /* its first release among the parts; arms that are the
                          same release have the same */
    bool is_twin;      /* ... of an arm before it */
};

/* Rows matched by equality; the rest of ON is looked at for each match. */
struct plan_mix_pair {
    const struct typed *left, *right; /* of one type */
    bool nulls;                       /* match each other: IS NOT DISTINCT */
};

enum plan_mix_kind {
    MIX_ARM,  /* an arm's answer */
    MIX_SET,  /* `set` of two tables or more, column by column */
    MIX_JOIN, /* `join` of two */
};

struct plan_mix_node {
    enum plan_mix_kind kind;
    size_t arm;
    enum set_kind set;
    enum join_kind join;
    struct plan_mix_node **parts;
    size_t n_parts;
    struct plan_mix_pair *pairs; /* JOIN */
    size_t n_pairs;
    struct typed **on;
    size_t n_on;
    size_t column; /* its first in plan_mix.columns; SET: of the whole */
    size_t n_columns;
    double rows; /* at most, by the plan */
};

struct plan_mix {
    struct plan_arm *arms;
    size_t n_arms;
    struct plan_mix_node *root;
    struct rel_column *columns; /* of the root's rows, for COLUMN */
    size_t n_columns;
};

/* PAIRS: rows of two tables that are put side by side, at most; a join without
 * an equality has so many whatever the tables hold. */
enum {
    MIX_ARMS_MAX = 16,
    MIX_RELEASES_MAX = 32,
    MIX_DEPTH_MAX = 3, /* mixes in mixes: each is planned twice where it shares
                          its price among fewer than its arms */
    MIX_PAIRS_MAX = 100000
};

/* The table of the root; then `after` is the caller's.  ERR_LIMIT: the arena is
 * full, or more than MIX_PAIRS_MAX rows match. */
enum err_code plan_mix_apply(struct reply_table *out, const struct plan *p,
                             const struct plan_noisy *noisy, struct arena *a,
                             struct err *err) MUST_CHECK;

#endif
