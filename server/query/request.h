#ifndef QUERY_REQUEST_H
#define QUERY_REQUEST_H

#include "server/query/tree.h"

/*
 * One request, whichever front end it came through.  Codecs fill it in; the
 * service in server/main answers it; nothing between knows the protocol.
 * All pointers live in the request arena.
 */
enum request_op {
    REQUEST_QUERY,
    REQUEST_ESTIMATE,
    REQUEST_LIST_DATASETS,
    REQUEST_DESCRIBE_DATASET,
    REQUEST_GET_BUDGET,
    REQUEST_WATCH_BUDGET,
    REQUEST_LIST_CHARGES,
    REQUEST_GET_MISSES,
    REQUEST_LIFT_MISSES,
    REQUEST_CONFIRM_REGISTER,
    REQUEST_CONSENT_COUNTS,
    REQUEST_BATCH,
    REQUEST_CONSENT_RECORD,
    REQUEST_CONSENT_IMPORT,
    REQUEST_CONSENT_SIGNAL,
    REQUEST_CONSENT_HISTORY,
    REQUEST_CONSENT_RECEIPT,
    REQUEST_CONSENT_CHECK,
    REQUEST_CONTACT_CHOOSE,
    REQUEST_CONTACT_MAY,
    REQUEST_CONSENT_ERASE,
    REQUEST_CONSENT_ERASURE,
    REQUEST_ERASURES_LIST,
    REQUEST_ERASURES_SIGN,
    REQUEST_ERASURES_CONFIRM,
    REQUEST_ERASURES_RUN,
    REQUEST_AUDIT_CHECKPOINT,
    REQUEST_AUDIT_ENTRIES,
    REQUEST_AUDIT_PROVE,
    REQUEST_OP_COUNT
};

/* What the analyst asks of the answer: at most one; none = policy default. */
enum ask_kind {
    ASK_DEFAULT,
    ASK_ACCURACY_ABS, /* each aggregate within +-half_width at `level` */
    ASK_ACCURACY_REL, /* ... within +-half_width as a fraction of a public size
                       */
    ASK_RHO,          /* spend exactly this zCDP rho */
    ASK_EPSILON,      /* pure: this epsilon; zcdp: the rho it converts to */
};

struct ask {
    enum ask_kind kind;
    double half_width; /* ACCURACY_ABS: units of the column; REL: fraction */
    double level; /* confidence of an interval, 0 < level < 1; default 0.95 */
    double price; /* ASK_RHO, ASK_EPSILON */
};

/* Contribution limits the analyst chose; 0 = the policy's. */
struct ask_bounds {
    uint32_t max_groups; /* L0 */
    uint32_t max_rows;   /* Linf: rows per person and group */
};

enum {
    REQUEST_HASH_LEN = 32,
    REQUEST_KEY_MAX = 128,
    REQUEST_SQL_MAX = 64 * 1024,
    REQUEST_REASON_MAX = 200,
    REQUEST_QUERIES_MAX = 64,
    REQUEST_BATCH_SQL_MAX = 128 * 1024
};

/* About one person: CONSENT_* but IMPORT, and CONTACT_*. */
struct request_consent {
    const char *state; /* "granted", "withdrawn", "objected", "expired" */
    const char *subject;
    const char *const *purposes;
    size_t n_purposes;
    int64_t at_us, until_us; /* wall; 0 = now, as the policy says */
    uint32_t notice;         /* 0 = the newest */
    const char *source, *proof;
    const char *tc_string; /* SIGNAL: or NULL, and the signal is GPC's */
    uint64_t record;       /* RECEIPT: 0 = the newest */
    const char *receipt;   /* CHECK */
    const char *channel;   /* CONTACT_* */
    const char *at_most;   /* CHOOSE */
};

/* A piece of a file of decisions: CONSENT_IMPORT. */
struct request_import_kind {
    const char *channel, *at_most; /* of a choice; "" */
    const char *state;
    const char *const *purposes;
    size_t n_purposes;
    uint32_t notice;
};
struct request_import {
    const uint8_t *digest; /* 32 bytes */
    uint64_t first;
    struct request_import_kind *kinds;
    size_t n_kinds;
    const char *const *subjects; /* n_rows, as the next three */
    const uint32_t *kind;
    const int64_t *at_us, *until_us; /* until_us may be NULL */
    size_t n_rows;
    bool last;
    const char *source;
};

/* What becomes of rows of people, which never leave. */
enum ask_rows {
    ASK_ROWS_REFUSED, /* with a way out */
    ASK_ROWS_PROBE,   /* under LIMIT 1, as tools look for columns: no row */
    ASK_ROWS_NONE     /* no row */
};

struct request {
    enum request_op op;
    const char *dataset;   /* default schema of a query, or the dataset asked
                              about; "" = none given */
    const char *purpose;   /* "" = none given */
    const char *dashboard; /* whose quota pays, too; "" or NULL = none given */

    /* QUERY, ESTIMATE: exactly one of sql and tree. */
    const char *sql;  /* NUL-terminated, or NULL */
    size_t sql_len;   /* bytes */
    const char *text; /* the SQL as it was sent, once `sql` became `tree` */
    const struct select *tree; /* structured message, or NULL */
    struct value *params;      /* $1.. */
    size_t n_params;
    struct ask ask;
    struct ask_bounds bounds;
    bool portable; /* as SQL that any engine could run, where there is another
                      form: what tests hold the others against */
    size_t n_together;  /* questions of a batch it is one of; 0: asked alone */
    bool bounds_report; /* tell, for a share of the price, what bounds cut */
    enum ask_rows rows;
    bool intervals;     /* also where an interval costs something: quantiles */
    const char *idempotency_key; /* "" = none; at most REQUEST_KEY_MAX bytes */
    uint8_t hash[REQUEST_HASH_LEN]; /* SHA-256 of the request as sent, key and
                                       token left out; binds the key */
    uint64_t deadline_ns;           /* monotonic; 0 = none */
    int64_t now_us; /* wall clock when it came in; now() is never later */

    /* BATCH, and ESTIMATE of one: the questions, each as a QUERY's; dataset,
     * purpose, ask and key above are of them all */
    bool is_batch;
    struct request *queries; /* is_batch: n_queries */
    size_t n_queries;

    /* LIST_CHARGES, AUDIT_ENTRIES */
    uint32_t page_size;     /* 1..1000 */
    const char *page_token; /* "" = first page */
    bool with_sql;

    /* AUDIT_ENTRIES, AUDIT_PROVE */
    uint64_t first;     /* index of a leaf */
    const char *charge; /* PROVE: the leaf of this charge instead, or NULL */

    /* CONSENT_*, CONTACT_* */
    const struct request_consent *consent;
    const struct request_import *import;

    /* ERASURES_LIST: those after number `first`, page_size of them */
    const char *note; /* ERASURES_CONFIRM: a list's */

    /* LIFT_MISSES, CONFIRM_REGISTER */
    const char *reason; /* not empty; at most REQUEST_REASON_MAX bytes */
};

#endif
