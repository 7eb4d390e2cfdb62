#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "dp/price.h"
#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * One dataset as its steward describes it, in one YAML file: what is public
 * about it, who owns which rows, how much one person may contribute and what
 * may be spent.  Immutable once loaded; docs/policy.md documents the file.
 */
enum { POLICY_NAME_MAX = 63 };

/* Storage types the engine must find.  Reals go on the grid. */
enum policy_type {
    POLICY_BOOL,
    POLICY_INT,
    POLICY_DOUBLE, /* also decimals */
    POLICY_TEXT,
    POLICY_DATE,
    POLICY_TIMESTAMP,
    POLICY_UUID, /* as a key only; compared as text */
    POLICY_TYPE_COUNT
};

struct policy_text_list {
    const char **text;
    size_t n;
};

struct policy_column {
    const char *name;
    const char *help; /* "" = none */
    enum policy_type type;
    unsigned line; /* in the file, for messages */

    bool has_range; /* public lo..hi, in units of the column; dates and
                       timestamps in microseconds since 1970 */
    double lo, hi;
    unsigned grid_bits; /* values are rounded to 2^-grid_bits; 0 for ints */

    bool has_domain; /* public list of keys, sorted by bytes, no duplicates */
    struct policy_text_list domain;
    const char *other; /* key for values outside the domain, or NULL */

    bool has_person_clamp; /* bounds of one person's sum within one group */
    double person_lo, person_hi;
    bool may_group, may_filter; /* default true */
};

struct policy_table {
    const char *name;
    const char *help;
    const char *source;   /* path as resolved (parquet, csv), or the table's
                             name in a DuckDB file */
    unsigned line;
    bool owned;           /* rows belong to persons, by `key` */
    size_t key;           /* index in columns; owned only */
    struct policy_column *columns;
    size_t n_columns;
    uint32_t max_groups, max_rows;         /* default L0, Linf */
    uint32_t most_groups, most_rows;       /* what an analyst may ask for */
};

enum policy_basis { BASIS_CONSENT, BASIS_LEGITIMATE_INTEREST, BASIS_PUBLIC_TASK };

struct policy_purpose {
    const char *id;
    const char *help;
    enum policy_basis basis; /* consent: refused until consent exists */
};

/* A quota under the dataset's filter. */
struct policy_quota {
    enum { QUOTA_PRINCIPAL, QUOTA_PURPOSE } kind;
    const char *name; /* principal or purpose; "*" = each */
    struct dp_price limit;
    uint64_t window_s; /* 0 = for life */
};

enum policy_source { SOURCE_FILES, SOURCE_DUCKDB, SOURCE_FAKE };

struct policy {
    const char *name; /* the dataset; also its SQL schema */
    const char *help;
    const char *path; /* of the file */
    const char *id;   /* identity that outlives renames; default: name */
    uint64_t version; /* public; from the file */
    const char *data_version; /* public; from the file */
    uint8_t hash[32]; /* SHA-256 of the file's bytes */

    enum policy_source source;
    const char *database; /* path, SOURCE_DUCKDB */

    enum dp_notion notion;
    struct dp_price cap;           /* of the filter, for life */
    struct dp_price default_price; /* of a query that names none */
    struct dp_price max_price;     /* of one query */
    double default_delta;          /* of one selection; 0 under pure */
    double shown_delta;            /* at which epsilon is shown */
    uint64_t max_people;
    uint64_t expected_size;        /* public size for relative accuracy; 0 = none */
    uint64_t time_grain_us;        /* bounds on times snap outward to it */
    uint64_t reuse_for_s;          /* validity of stored answers; 0 = never */
    uint64_t slot_first_ns;        /* first slot, default 50 ms */
    double slot_ratio;             /* geometric schedule, default 2 */
    uint32_t max_misses, max_misses_day;
    uint32_t min_audience;         /* least noisy people in a selected group */
    uint64_t deadline_ms;          /* longest run of one query */

    struct policy_table *tables;
    size_t n_tables;
    struct policy_purpose *purposes;
    size_t n_purposes;
    struct policy_quota *quotas;
    size_t n_quotas;
};

/* Mistakes found in a file: every one, in file order. */
struct policy_report {
    struct policy_mistake {
        unsigned line, col;
        const char *msg, *fix;
    } *mistakes;
    size_t n;
    size_t cap;
};

/*
 * Load one file into `a`.
 *
 * ERR_OK         *out is complete and consistent
 * ERR_INVALID    the file is wrong; *report lists every mistake with line and
 *                fix (never more than 100); the message names the first
 * ERR_NOT_FOUND  the file cannot be read
 * ERR_LIMIT      the arena is full, or the file passes 1 MiB
 */
enum err_code policy_load(struct policy **out, const char *path,
                          struct policy_report *report, struct arena *a,
                          struct err *err) MUST_CHECK;

/* NULL when there is none; names compare as bytes. */
const struct policy_table *policy_find_table(const struct policy *p,
                                             const char *name);
const struct policy_column *policy_find_column(const struct policy_table *t,
                                               const char *name);
const struct policy_purpose *policy_find_purpose(const struct policy *p,
                                                 const char *id);

const char *policy_type_name(enum policy_type type);

#endif
