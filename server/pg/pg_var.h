#ifndef PG_PG_VAR_H
#define PG_PG_VAR_H

#include "server/pg/pg_out.h"
#include "server/query/setting.h"

/*
 * What a connection has set: PostgreSQL's settings (pg_var.def) and Halftone's
 * own (server/query/setting.def), all as texts.
 *
 * A text is set for the session, or until the transaction ends (LOCAL); what a
 * transaction set goes when it is rolled back.  `changed` remembers which of
 * those that are reported have to be told to the client.
 *
 * invariant: a value of NULL is the default.
 */
enum pg_var {
#define PG_VAR(id, name, value, rule, reported, help) PG_VAR_##id,
#include "server/pg/pg_var.def"
#undef PG_VAR
    PG_VAR_COUNT,
    PG_VARS = PG_VAR_COUNT + SETTING_COUNT, /* Halftone's follow */
};

struct pg_var_value {
    char *now;     /* owned */
    char *before;  /* owned: at BEGIN; what ROLLBACK goes back to */
    char *session; /* owned: what COMMIT goes back to, where LOCAL was said */
    char *base;    /* owned: as the startup packet said; what RESET goes to */
    bool moved;    /* `before` holds what was before the transaction */
    bool local;    /* `session` holds what comes after it */
};

struct pg_vars {
    struct pg_var_value value[PG_VARS];
    bool changed[PG_VAR_COUNT];
    bool in_transaction;
    unsigned generation; /* counts changes */
};

void pg_vars_fini(struct pg_vars *v);

/* What it is now; borrowed until it is set. */
const char *pg_var_get(const struct pg_vars *v, enum pg_var var);

/* As spelt by PostgreSQL: "DateStyle", "halftone.purpose". */
const char *pg_var_name(unsigned var);
const char *pg_var_help(unsigned var);
const char *pg_var_text(const struct pg_vars *v, unsigned var);

/* Without regard to case; PG_VARS: there is none. */
unsigned pg_var_find(const char *name);

/*
 * SET; value NULL is the default, name NULL all of them.  ERR_NOT_FOUND: no
 * such setting.  ERR_INVALID: no value of it, or it cannot be changed.
 */
enum err_code pg_var_set(struct pg_vars *v, const char *name, const char *value,
                         bool local, struct err *err) MUST_CHECK;

/* Without a rule, and no news to the client: who is logged in. */
void pg_var_force(struct pg_vars *v, enum pg_var var, const char *value);

/* All that was set so far is what RESET goes back to. */
void pg_vars_base(struct pg_vars *v);

void pg_vars_begin(struct pg_vars *v);
void pg_vars_end(struct pg_vars *v, bool commits);

/* ParameterStatus of what changed; `all`: of all that are reported. */
void pg_vars_report(struct pg_vars *v, struct pg_out *o, bool all);

/* Halftone's settings as fields of a question; texts borrow from `v`. */
enum err_code pg_vars_apply(const struct pg_vars *v, struct request *req,
                            struct arena *a, struct err *err) MUST_CHECK;

/* The first name in search_path that may be a dataset, copied to `a`; "" when
 * there is none.  NULL: the arena is full. */
const char *pg_vars_dataset(const struct pg_vars *v, struct arena *a);

/* statement_timeout; 0 = none. */
uint64_t pg_vars_timeout_ns(const struct pg_vars *v);

/* Are notices of this severity ("NOTICE", "WARNING") wanted? */
bool pg_vars_wants(const struct pg_vars *v, const char *severity);

#endif
