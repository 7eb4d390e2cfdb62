#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "dp/price.h"
#include "server/base/arena.h"
#include "server/base/err.h"
#include "server/base/writer.h"
#include "server/policy/often.h"
#include "server/policy/report.h"

/*
 * One dataset as its steward describes it, in one YAML file: what is public
 * about it, who owns which rows, how much one person may contribute and what
 * may be spent.  Immutable once loaded; docs/policy.md documents the file.
 */
enum { POLICY_NAME_MAX = 63, POLICY_GRID_BITS_MAX = 40 };

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
    const char *name;   /* for analysts */
    const char *stored; /* its name in the source; NULL = `name` */
    const char *help;   /* "" = none */
    enum policy_type type;
    unsigned line; /* in the file, for messages */

    bool has_range;     /* public lo..hi, in units of the column; dates and
                           timestamps in microseconds since 1970 */
    double lo, hi;      /* lo < hi, multiples of 2^-grid_bits (the file's bounds
                           rounded outward), at most 2^53 grid steps */
    unsigned grid_bits; /* values are rounded to 2^-grid_bits; 0 for ints; at
                           most POLICY_GRID_BITS_MAX */

    bool has_domain; /* public list of keys, sorted by bytes, no duplicates */
    struct policy_text_list domain; /* ISO text, canonical for the type */
    const char *other; /* key for values outside the domain, or NULL; never
                          itself in the domain; answered as one key more */

    bool has_person_clamp; /* bounds of one person's sum within one group */
    double person_lo, person_hi; /* lo < hi, on the grid like lo and hi */
    bool may_group, may_filter;  /* default true; both false for the privacy
                                    key; may_group is false under pure without a
                                    domain or range */
    bool of_person; /* an attribute of a person (country of residence).  Never
                       believed: a person with several values counts under the
                       least of them */
};

/*
 * A rollup: for each person and group of these keys the number of rows and the
 * sums of these columns, kept beside the data so that counts and sums need not
 * read every row (server/plan/rollup.h).
 */
struct policy_rollup_key {
    size_t column;    /* index in columns */
    const char *unit; /* of date_trunc: "day"; NULL = the column itself */
};
struct policy_rollup {
    const char *name;
    unsigned line;
    struct policy_rollup_key *by; /* in the order of GROUP BY */
    size_t n_by;                  /* 0 = all rows are one group */
    size_t *sums;                 /* indices in columns */
    size_t n_sums;
    uint64_t refresh_s; /* built again at multiples of it since 1970; 0 = only
                           with the engine, which a new data version opens */
    uint64_t takes_s;   /* serves from so long after its build began; 0 = once
                           it is built.  Not 0 in strict mode */
};

struct policy_table {
    const char *name;
    const char *help;
    const char *source; /* path as resolved (parquet, csv; may hold the
                           wildcards * and ?), or the table's name in a
                           database */
    unsigned line;
    bool owned; /* rows belong to persons, by `key` */
    size_t key; /* index in columns; owned only */
    struct policy_column *columns;
    size_t n_columns;
    uint32_t max_groups, max_rows;   /* default L0, Linf */
    uint32_t most_groups, most_rows; /* what an analyst may ask for */
    uint64_t expected_rows;          /* public guess; 0 = none */
    struct policy_rollup *rollups;   /* owned only */
    size_t n_rollups;
};

enum policy_basis {
    BASIS_CONSENT,
    BASIS_LEGITIMATE_INTEREST,
    BASIS_PUBLIC_TASK
};

/* What people are told of a purpose, in one language. */
struct policy_words {
    const char *language; /* BCP 47: "en", "pt-BR" */
    const char *text;
};

struct policy_purpose {
    const char *id;
    const char *help;
    struct policy_words *words; /* the same for people, by language */
    size_t n_words;
    bool gpc;                /* Global Privacy Control says no to it */
    bool contact;            /* people may be contacted for it */
    uint32_t tcf;            /* purpose of IAB TCF v2.3, 1 to 11; 0 = none */
    uint64_t retention_s;    /* how long data are kept for it; 0 = not said */
    uint64_t valid_for_s;    /* of a consent; 0 = until it is withdrawn */
    uint32_t notice;         /* version of what people are told now, from 1 */
    int64_t notice_since_us; /* when people were shown it first; 0 = always */
    uint32_t least_notice;   /* consent to an older one does not count */
    enum policy_basis basis; /* consent: refused without has_consent */
};

/* Through what people are contacted. */
struct policy_channel {
    const char *id;
    const char *help;
    struct often at_most; /* of one person, by all senders together */
};

/* A quota under the dataset's filter. */
struct policy_quota {
    enum policy_quota_kind {
        QUOTA_PRINCIPAL,
        QUOTA_TEAM,
        QUOTA_PURPOSE,
        QUOTA_DASHBOARD,
        QUOTA_KINDS
    } kind;
    const char *name; /* of that kind; "*" = each */
    struct dp_price limit;
    uint64_t window_s; /* 0 = for life */
};

enum policy_source {
    SOURCE_FILES,
    SOURCE_DUCKDB,
    SOURCE_FAKE,
    SOURCE_POSTGRESQL
};

struct policy {
    const char *name; /* the dataset; also its SQL schema */
    const char *help;
    const char *path; /* of the file */
    const char *id;   /* identity that outlives renames; default: name */
    const char
        *population;  /* whose data it is; one dataset each; default: id */
    unsigned line;    /* of `dataset:` in the file */
    uint64_t version; /* public; from the file */
    const char *data_version; /* public; from the file */
    uint8_t hash[32];         /* SHA-256 of the file's bytes */
    uint8_t meaning[32]; /* ... without the line of data_version: the same while
                            only the state of the data moves on */

    enum policy_source source;
    const char *database; /* path, SOURCE_DUCKDB; URI, SOURCE_POSTGRESQL */
    const char *writer;   /* SOURCE_POSTGRESQL: URI of the role that keeps the
                             tables of who counts; or NULL */

    enum dp_notion notion;
    struct dp_price cap;           /* of the filter, for life */
    double cap_epsilon;            /* of it, as it was written; 0 = as a rho */
    struct dp_price default_price; /* of a query that names none */
    struct dp_price max_price;     /* of one query */
    double default_delta;          /* of one selection; 0 under pure */
    double shown_delta;            /* of the conversion from rho to epsilon: the
                                      delta shown is this plus the price's own
                                      (policy_shown); 0 under pure */
    uint64_t max_people;           /* public; max_people x bound <= 10^38 */
    uint64_t expected_size;   /* public size for relative accuracy; 0 = none */
    uint64_t time_grain_us;   /* bounds on times snap outward to it */
    uint64_t reuse_for_s;     /* validity of stored answers; 0 = never */
    uint64_t closed_after_us; /* a day is closed so long after its end */
    uint64_t closed_for_s;    /* validity of released closed days; 0 = as any */
    uint64_t slot_first_ns;   /* first slot, default 50 ms */
    double slot_ratio;        /* geometric schedule, default 2 */
    uint64_t slot_strict_ns;  /* one slot for every query; 0 = not strict */
    uint32_t max_misses, max_misses_day;
    uint32_t max_segment_day; /* questions of one principal, or team, about one
                                 segment in a day (server/plan/segment.h); 0 =
                                 no limit */
    uint32_t min_audience;    /* least noisy people in a selected group */
    uint64_t deadline_ms;     /* longest run of one query */

    bool has_consent; /* a register says who counts */
    enum policy_special {
        SPECIAL_NEVER,    /* people marked as children, or by special
                             categories of data, never count */
        SPECIAL_EXPLICIT, /* ... count by explicit consent alone */
    } special;
    struct policy_map {     /* which subject each key of the data stands for */
        const char *source; /* as a table's; NULL: the key itself names her */
        const char *key, *subject; /* columns there */
    } map;
    struct policy_erasure {
        uint64_t deadline_s; /* from the request to when it is to be done */
        uint64_t every_s;    /* how often the data are looked at for people who
                                were erased */
        bool executes;       /* the server deletes rows where it can */
        bool has_owner;      /* lists are sealed for this key */
        uint8_t owner[32];   /* X25519 */
    } erasure;
    const char *controller; /* who answers for the data, as receipts name it; ""
                               = the dataset's name */
    struct policy_counts {  /* how many people said yes, and no, told by itself
                             */
        uint64_t every_s;   /* at multiples of it since 1970; 0 = never */
        struct dp_price price;   /* of one release of all purposes */
        struct dp_price reserve; /* for life: of the cap, and nothing else takes
                                    it */
    } counts;
    uint64_t consent_interval_s; /* what is released belongs to one stretch of
                                    this length of the public clock */

    struct policy_channel *channels; /* none: nobody is contacted */
    size_t n_channels;
    uint32_t asks_per_day; /* of one sender */

    struct policy_table *tables;
    size_t n_tables;
    struct policy_purpose *purposes;
    size_t n_purposes;
    struct policy_quota *quotas;
    size_t n_quotas;
};

/*
 * Load one file into `a`.
 *
 * ERR_OK         *out is complete and consistent
 * ERR_INVALID    the file is wrong; *report lists every mistake with line and
 *                fix (never more than REPORT_MAX); the message names the first
 * ERR_NOT_FOUND  the file cannot be read
 * ERR_LIMIT      the arena is full, or the file passes 1 MiB
 *
 * *out is written on ERR_OK only.
 */
enum err_code policy_load(struct policy **out, const char *path,
                          struct policy_report *report, struct arena *a,
                          struct err *err) MUST_CHECK;

/* The same from memory; `path` names it in messages and resolves sources. */
enum err_code policy_load_bytes(struct policy **out, const void *bytes,
                                size_t len, const char *path,
                                struct policy_report *report, struct arena *a,
                                struct err *err) MUST_CHECK;

/*
 * One server's datasets together: names, ids and populations are unique, and no
 * file, nor key of one DuckDB file, belongs to two of them (through symbolic
 * and hard links too, where the files exist).  Codes as policy_load; mistakes
 * name the file of the later policy.
 */
enum err_code policy_check_overlap(const struct policy *const *policies,
                                   size_t n, struct policy_report *report,
                                   struct arena *a, struct err *err) MUST_CHECK;

/* A price as people read it: (eps, delta), rounded up; never epsilon alone. */
struct policy_shown {
    double epsilon, delta;
};
struct policy_shown policy_shown_of(const struct policy *p,
                                    struct dp_price price);

/* Every key of the file, with its values, default and meaning: Markdown. */
void policy_keys_print(struct writer *w);

/* NULL when there is none; names compare as bytes. */
const struct policy_table *policy_find_table(const struct policy *p,
                                             const char *name);
const struct policy_column *policy_find_column(const struct policy_table *t,
                                               const char *name);
const struct policy_purpose *policy_find_purpose(const struct policy *p,
                                                 const char *id);
const struct policy_channel *policy_find_channel(const struct policy *p,
                                                 const char *id);

/* The column's name in the source. */
static inline const char *policy_stored_name(const struct policy_column *c)
{
    return c->stored ? c->stored : c->name;
}

const char *policy_type_name(enum policy_type type);

/* "zcdp", "pure" or "gdp", as in the policy. */
const char *policy_notion_name(enum dp_notion notion);

#endif
