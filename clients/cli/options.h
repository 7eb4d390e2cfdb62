#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "server/query/accuracy.h"
#include <stdint.h>

#include "server/base/arena.h"

/*
 * What the command line, the environment and the configuration file say, as
 * one value.  flag.def is the table of flags; each is set through
 * options_set, whatever the source, so that all sources obey the same rules.
 *
 * Precedence: command line, then environment, then file.
 */
enum flag_id {
#define FLAG(id, name, letter, arg, kind, field, groups, env, in_file, help)   \
    FLAG_##id,
#include "clients/cli/flag.def"
#undef FLAG
    FLAG_COUNT_
};

enum flag_kind {
    FLAG_KIND_SWITCH,   /* bool */
    FLAG_KIND_TEXT,     /* const char * */
    FLAG_KIND_NUMBER,   /* double, > 0 */
    FLAG_KIND_COUNT,    /* uint32_t, 1 .. 2^32 - 1 */
    FLAG_KIND_WHOLE,    /* uint64_t, 0 .. 2^53 */
    FLAG_KIND_LEVEL,    /* double, 0 < level < 1 */
    FLAG_KIND_SHARE,    /* double, 0 <= share < 1 */
    FLAG_KIND_DURATION, /* uint64_t, milliseconds, 1 ms .. 30 days */
    FLAG_KIND_FORMAT,   /* enum output_format */
    FLAG_KIND_ACCURACY, /* struct accuracy */
    FLAG_KIND_LIST,     /* struct option_list: one entry each time */
};

/* Which commands take a flag. */
enum flag_group {
    FOR_ALL = 1,
    FOR_SERVER = 2,
    FOR_OUTPUT = 4,
    FOR_DATASET = 8,
    FOR_QUESTION = 16,
    FOR_QUERY = 32,
    FOR_BUDGET = 64,
    FOR_PAGES = 128,
    FOR_PRINCIPAL = 256,
    /* The flags of `halftone calc`, which takes them one by one. */
    CALC_RHO = 512,
    CALC_EPSILON = 1024,
    CALC_DELTA = 2048,
    CALC_ALPHA = 4096,
    CALC_LAW = 8192,
    CALC_L0 = 16384,
    CALC_N = 32768,
    CALC_SAMPLE = 65536,
    CALC_ACCOUNTANT = 131072,
    FOR_CALC = 262143 & ~511,
    FOR_LOG = 262144,
    FOR_WITNESS = 524288,
    FOR_LIFT = 1048576,
    FOR_RECOVERY = 2097152,
    FOR_BATCH = 4194304,
    FOR_CONSENT = 8388608,
    FOR_CHANNEL = 16777216,
    FOR_CHOICE = 33554432,
    FOR_MAY = 67108864,
    FOR_ERASURES = 134217728,
};

struct flag {
    const char *name; /* without dashes; also the key in the file */
    char letter;      /* or 0 */
    const char *arg;  /* what the value is called; NULL = takes none */
    enum flag_kind kind;
    size_t field; /* offset in struct options */
    unsigned groups;
    const char *env; /* or NULL */
    bool in_file;
    const char *help;
};
const struct flag *flag_of(enum flag_id id);

/*
 * FLAG_COUNT_ when no flag has the name (without dashes, `len` bytes).  Of two
 * flags of one name (--count) the one that a command of `groups` takes, else
 * the first.
 */
enum flag_id flag_by_name(const char *name, size_t len, unsigned groups);

enum output_format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

enum { OPTION_LIST_MAX = 64, OPTION_ARGS_MAX = 4096 };
struct option_list {
    struct option {
        enum flag_id flag;
        const char *value; /* borrowed; NULL when the flag takes none */
    } items[OPTION_LIST_MAX];
    size_t n;
};

enum option_source { FROM_NOWHERE, FROM_FILE, FROM_ENV, FROM_ARGS };

struct options {
    bool burn_all, explicit, ordinary, gpc;
    bool help, version, no_color, plaintext, watch, with_sql, intervals,
        bounds_report, estimate;
    const char *config, *target, *ca, *token, *token_file; /* NULL = not set */
    const char *dataset, *purpose, *dashboard, *file, *key, *log_key, *table,
        *role, *token_out, *listen, *witness_name, *reason, *at, *until, *proof,
        *from, *tc_string, *channel, *at_most, *owner_key;
    uint64_t timeout_ms, every_ms; /* 0 = not set */
    enum output_format format;
    struct accuracy accuracy;                     /* half_width 0 = not set */
    double rho, epsilon, level;                   /* 0 = not set */
    uint32_t max_groups, max_rows, limit, notice; /* 0 = not set */
    const char *law, *accountant;
    double delta, alpha, scale;
    uint32_t l0;
    uint64_t n, samples, record;
    bool discrete;
    struct option_list params, by, where, aggregates;

    enum option_source source[FLAG_COUNT_];
    const char *args[OPTION_ARGS_MAX]; /* words that are no flags */
    size_t n_args;
};

/*
 * Read argv[1..argc) into *out (zeroed before).  Strings are borrowed from
 * argv.  "--" ends the flags, "-" is a word.  After the word "calc" a name
 * means the flag of `halftone calc` where there are two. ERR_INVALID: unknown
 * flag (with the nearest known one), value missing or wrong, or too many words.
 */
enum err_code options_parse(struct options *out, int argc,
                            const char *const *argv,
                            struct err *err) MUST_CHECK;

/*
 * Set one flag.  `value` is NULL for a switch on the command line, else text
 * (for a switch "true" or "false"); borrowed.  A source replaces what a weaker
 * one said and leaves alone what a stronger one said.  ERR_INVALID.
 */
enum err_code options_set(struct options *o, enum flag_id id, const char *value,
                          enum option_source source,
                          struct err *err) MUST_CHECK;

/*
 * Every flag used on the command line must be one of `groups`; `command` is
 * for the message.  ERR_INVALID.
 */
enum err_code options_check_groups(const struct options *o, unsigned groups,
                                   const char *command,
                                   struct err *err) MUST_CHECK;

#endif
