#ifndef QUERY_REPLY_H
#define QUERY_REPLY_H

#include "dp/value.h"
#include "server/query/request.h"

/*
 * One reply, whichever front end will print it.  Replies are values: service
 * code fills them in, codecs turn them into bytes.  All pointers live in the
 * request arena.  Every number in a reply is public, noisy or post-processed;
 * no member can hold a struct dp_exact.
 */
struct reply_column {
    const char *name;
    enum value_type type;
    bool is_key;  /* a group key; else derived from noisy numbers */
    bool numeric; /* a number that PostgreSQL calls numeric, for its clients */
};

/* Interval of one cell at the request's level; covers noise only. */
struct reply_interval {
    enum { INTERVAL_NONE, INTERVAL_BOUNDED, INTERVAL_UNBOUNDED } kind;
    double lo, hi;
};

/* Days of a series that one release answered. */
struct reply_part {
    const char *query_id;     /* its charge */
    int64_t as_of_us;         /* wall time of the release */
    struct value first, last; /* keys, of those shown */
    uint32_t n_keys;
    uint32_t max_groups; /* L0 over the days of this release */
    bool cached;         /* paid for by an earlier question */
};

/* What the answer cost and what is left, with every answer. */
struct reply_receipt {
    const char *query_id; /* 32 hex digits; names the charge */
    const char *dataset, *purpose;
    const char *mechanism; /* one line a person can read */
    uint64_t policy_version;
    int64_t as_of_us;    /* wall time of the release */
    uint64_t rho_pico;   /* price in 1e-12 rho (zcdp, gdp) */
    uint64_t eps_nano;   /* price in 1e-9 epsilon (pure) */
    uint64_t delta_atto; /* price in 1e-18 delta */
    double epsilon;      /* the price as (epsilon, delta) at shown_delta */
    double shown_delta;
    uint64_t remaining_rho_pico, remaining_eps_nano;
    bool pure;   /* the notion: epsilon is the price, not rho */
    bool cached; /* served from a stored answer, nothing charged */
    uint32_t max_groups, max_rows; /* bounds in force: L0, Linf */
    struct reply_part *parts; /* of a series that several releases answer; by
                                 their first days */
    size_t n_parts;
};

struct reply_table {
    struct reply_column *columns;
    size_t n_columns;
    struct value *cells;              /* row-major, n_rows * n_columns */
    struct reply_interval *intervals; /* same shape */
    size_t n_rows;
    double level;         /* of the intervals */
    const char **notices; /* for the reader: what was dropped, snapped, ... */
    size_t n_notices;
    struct reply_receipt receipt;
    int64_t release_slot_ns; /* how long after RECEIVED the first release left;
                                0 = at once, slots are off;
                                -1 when nothing was released */
};

struct reply_estimate_column {
    const char *name;
    const char *mechanism; /* law and scale */
    double expected_error; /* half width at `level`, in units of the column;
                              NaN when it depends on the noisy result */
};

struct reply_estimate {
    struct reply_estimate_column *columns;
    size_t n_columns;
    double level;
    uint64_t rho_pico, eps_nano, delta_atto;
    double epsilon, shown_delta;
    bool pure;
    uint64_t queries_left; /* such queries that the budget still covers */
    const char *plan;      /* text of EXPLAIN (PRIVACY) */
};

struct reply_dataset_column {
    const char *name, *type, *help;
    bool is_key;          /* the privacy key */
    bool has_domain;      /* a public domain or range */
    struct value *domain; /* listed keys, or NULL */
    size_t n_domain;
    bool has_range;
    double lo, hi; /* public range, has_range */
};

struct reply_dataset_table {
    const char *name, *help;
    bool owned; /* rows belong to persons */
    struct reply_dataset_column *columns;
    size_t n_columns;
    uint32_t max_groups, max_rows; /* default bounds */
};

struct reply_dataset {
    const char *name, *help, *notion; /* "zcdp", "gdp", "pure" */
    uint64_t policy_version;
    const char **purposes;
    size_t n_purposes;
    struct reply_dataset_table *tables; /* DESCRIBE only */
    size_t n_tables;
};

struct reply_budget {
    const char *dataset, *notion;
    bool pure;
    uint64_t cap_rho_pico, spent_rho_pico, remaining_rho_pico;
    uint64_t cap_eps_nano, spent_eps_nano, remaining_eps_nano;
    uint64_t cap_delta_atto, spent_delta_atto, remaining_delta_atto;
    double cap_epsilon, spent_epsilon; /* at shown_delta */
    double shown_delta;
    const char *odds; /* one sentence: what the spent and the cap can reveal */
    const char
        *quota; /* "" or the name of the tightest quota over the caller */
    uint64_t quota_remaining_pico_or_nano;
};

struct reply_charge {
    const char *query_id, *principal, *dataset, *purpose;
    const char *state; /* "open", "answered", "miss", "void" */
    int64_t charged_us;
    uint64_t rho_pico, eps_nano, delta_atto;
    const char *sql; /* "": not wanted, or not kept */
};

struct reply_missed {
    const char *principal;
    uint64_t missed;
};
struct reply_lift {
    int64_t at_us;
    const char *principal, *reason;
    uint64_t lifted; /* misses that counted until then */
};
struct reply_misses {
    const char *dataset;
    uint64_t counted, limit; /* since the last lift; where queries stop */
    uint64_t limit_day;      /* of a principal */
    uint64_t lifetime;
    struct reply_missed *today; /* of those counted, by principal */
    size_t n_today;
    struct reply_lift *lifts; /* newest first */
    size_t n_lifts;
};

struct reply_recorded {
    uint64_t record; /* number of the event */
    bool was_there;  /* recorded before */
    int64_t at_us, recorded_us;
    int64_t until_us; /* 0 = no end */
    uint32_t notice;
};

/* An entry of the audit log and what opens its commitment. */
struct reply_entry {
    uint64_t index;
    const char *entry;
    const uint8_t *salt;
    size_t salt_len;
};
struct reply_audit {
    const char *note, *key; /* CHECKPOINT */
    const struct reply_entry *entries;
    size_t n_entries; /* PROVE: 1 */
    uint64_t size;    /* PROVE: of the log, with its root and the proof */
    const uint8_t *root, *hashes; /* one after another, hash_len each */
    size_t n_hashes, hash_len;
};

struct reply_decision {
    uint64_t record;
    const char *state;
    const char **purposes;
    size_t n_purposes;
    int64_t at_us, recorded_us, until_us; /* until 0: no end */
    uint32_t notice;
    const char *source, *proof, *by;
    bool holds;
    const char *channel, *at_most; /* of a choice about a channel, or NULL */
};
struct reply_contact {
    const char *channel, *purpose, *sender;
    int64_t at_us;
};
/* HISTORY; SIGNAL: yes and no as they were recorded. */
struct reply_person {
    struct reply_decision *decisions;
    size_t n_decisions;
    struct reply_contact *contacts;
    size_t n_contacts;
    const char **yes, **no;
    size_t n_yes, n_no;
};

/* Times are 0 when it has not come to that. */
struct reply_place {
    const char *dataset, *engine, *by, *state;
    uint64_t list;
    int64_t handed_us, done_us, verified_us, found_us;
    bool late;
};
struct reply_erasure {
    uint64_t number;
    int64_t asked_us, suppressed_us, deadline_us, answers_until_us, back_us;
    bool was_there;
    struct reply_place *places;
    size_t n_places;
};
struct reply_erasures {
    struct reply_erasure *v; /* CONSENT_ERASE, _ERASURE: one */
    size_t n;
    const char *dataset; /* ERASURES_*, as what follows: counts of all */
    uint64_t suppressed, handed, done, verified, late;
    bool was_there;
    const char *note; /* ERASURES_SIGN */
    const uint8_t *sealed;
    size_t sealed_len;
};

struct reply_imported {
    uint64_t rows; /* kept so far */
    bool done;
};

struct reply {
    enum request_op op;
    struct reply_table table;       /* QUERY, CONSENT_COUNTS */
    struct reply_estimate estimate; /* ESTIMATE; of a batch, of the whole */
    struct reply_table *tables;     /* BATCH: of each question, in order */
    size_t n_tables;
    struct reply_receipt receipt;     /* BATCH: of the whole */
    struct reply_estimate *estimates; /* ESTIMATE of a batch: of each */
    size_t n_estimates;
    struct reply_dataset *datasets; /* LIST_DATASETS; DESCRIBE: one */
    size_t n_datasets;
    struct reply_budget budget; /* GET_BUDGET, each WATCH_BUDGET message */
    struct reply_charge *charges;
    size_t n_charges;
    const char *next_page_token;    /* "" = last page */
    struct reply_recorded recorded; /* CONSENT_RECORD, CONTACT_CHOOSE */
    struct reply_imported imported; /* CONSENT_IMPORT */
    struct reply_person person;     /* CONSENT_HISTORY, CONSENT_SIGNAL */
    const char *consent_receipt;    /* CONSENT_RECEIPT */
    uint64_t checked_record;        /* CONSENT_CHECK */
    bool holds;                     /* likewise */
    int64_t erased_us;              /* likewise */
    bool may;                       /* CONTACT_MAY */
    struct reply_erasures erasures; /* CONSENT_ERASE, _ERASURE, ERASURES_* */
    struct reply_audit audit;       /* AUDIT_* */
    struct reply_misses misses;     /* GET_MISSES, LIFT_MISSES: afterwards */
    bool was_held;                  /* CONFIRM_REGISTER */
};

#endif
