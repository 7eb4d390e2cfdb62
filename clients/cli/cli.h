#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "clients/cli/client.h"

/*
 * What every command has at hand, and how it fails.
 *
 * Exit codes are fixed: 0 ok, 1 internal, 2 usage, 3 refused, 4 over budget,
 * 5 unauthorised, 6 unreachable; server/base/err.def maps errors to them.
 */
enum { EXIT_USAGE = 2 };

struct cli {
    struct options opt; /* command line, environment and file, merged */
    struct terminal term;
    struct arena *arena;      /* for the whole run */
    const char *const *words; /* after the command's name */
    size_t n_words;
    const struct command *command;
};

/* Do it; returns the exit code. */
typedef int command_fn(struct cli *cli);

struct command {
    const char *name;  /* "query", "policy check" */
    const char *words; /* what follows, for the usage line, or "" */
    const char *help;  /* one line */
    const char *more;  /* the rest of its help page, or "" */
    unsigned groups;   /* of the flags it takes */
    size_t most_words;
    command_fn *run;
};

/* All commands, ended by one without a name. */
extern const struct command COMMANDS[];

/* The command that words[0..n) begin with, and how many words name it. */
const struct command *command_find(const char *const *words, size_t n,
                                   size_t *used);

/* A command that was perhaps meant by words[0..n), n > 0, or NULL. */
const char *command_suggest(const char *const *words, size_t n);

/* Do commands of two words begin with this one? */
bool command_is_family(const char *word);

/* Print the error, with its place under `sql` (or NULL) and its hint, and give
 * its exit code. */
int cli_fail(struct cli *cli, const struct err *err, const char *sql);

/* The same for a mistake on the command line: exit code 2. */
int cli_misused(struct cli *cli, const struct err *err);

/* A remark on stderr. */
void cli_note(struct cli *cli, const char *text);

command_fn run_query, run_batch, run_estimate, run_budget, run_charges,
    run_datasets, run_describe, run_policy_check, run_policy_draft,
    run_policy_ddl, run_policy_keys, run_principals_add, run_ledger_verify,
    run_ledger_backup, run_ledger_export, run_ledger_migrate,
    run_ledger_recover, run_audit_entries, run_audit_prove, run_audit_verify,
    run_audit_witness, run_health, run_completion, run_help;

command_fn run_misses_show, run_misses_lift, run_principals_password;

command_fn run_consent_record, run_consent_withdraw, run_consent_object,
    run_consent_expire, run_consent_mark, run_consent_import,
    run_consent_history, run_consent_receipt, run_consent_verify,
    run_consent_signal, run_policy_records, run_consent_contact,
    run_may_contact, run_consent_counts, run_consent_confirm;

command_fn run_consent_erase, run_consent_erasure, run_erasures_list,
    run_erasures_sign, run_erasures_open, run_erasures_confirm,
    run_erasures_run, run_erasures_key;

command_fn run_calc_gaussian_sigma, run_calc_zcdp_epsilon, run_calc_zcdp_rho,
    run_calc_laplace_interval, run_calc_selection_keep,
    run_calc_selection_threshold, run_calc_compose, run_calc_sample;

/* The general help page, or that of one command. */
void help_print(FILE *out, const struct command *command);

/* The commands whose name begins with the word ("calc"); false: there is none.
 */
bool help_print_family(FILE *out, const char *word);

/* There is no such command: what was perhaps meant, and exit code 2. */
int help_unknown(struct cli *cli, const char *const *words, size_t n);

#endif
