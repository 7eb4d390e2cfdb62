#include "clients/cli/cli.h"

#include <string.h>

#include "server/query/suggest.h"

enum { ASKS = FOR_SERVER | FOR_OUTPUT | FOR_QUESTION };

const struct command COMMANDS[] = {
    { "query", "[SQL | -]", "Ask, pay, and print the private answer.",
      "Each number comes with the interval in which the value without noise\n"
      "lies.  A random idempotency key makes retries inside the tool safe;\n"
      "give --key to make your own retries safe.\n"
      "\n"
      "  halftone query \"SELECT country, count(*) FROM orders GROUP BY 1\" "
      "\\\n"
      "      --purpose reporting --accuracy '\xc2\xb1"
      "100@95%'\n"
      "  halftone query -f report.sql --format csv > report.csv\n"
      "  halftone query --table orders --by country --count --sum revenue\n",
      ASKS | FOR_QUERY, 64, run_query },
    { "batch", "[FILE | -]",
      "Ask all questions of a file for one charge, or none.",
      "The file holds SQL statements, each ended by a semicolon: a dashboard,\n"
      "say.  What is stored already is free, equal questions are paid once, "
      "and\n"
      "the rest is one charge under one key.  --rho or --epsilon is the price "
      "of\n"
      "the whole, split so that all answers together are least wrong; an\n"
      "--accuracy holds for each.  When a question is refused, nothing is\n"
      "charged.\n"
      "\n"
      "  halftone batch dashboard.sql --estimate\n"
      "  halftone batch dashboard.sql --rho 0.01 --format json\n",
      ASKS | FOR_QUERY | FOR_BATCH, 1, run_batch },
    { "estimate", "[SQL | -]", "Tell what a query would cost; charges nothing.",
      "Takes what query takes, and prints the price, the noise, the expected\n"
      "error of each column and how many such queries the budget covers.\n",
      ASKS, 64, run_estimate },
    { "budget", "[DATASET]", "Show what a dataset's budget holds and has left.",
      "", FOR_SERVER | FOR_OUTPUT | FOR_DATASET | FOR_BUDGET, 1, run_budget },
    { "charges", "[DATASET]", "List charges, newest first.",
      "Your own; stewards and auditors see everybody's.  --sql shows what was\n"
      "asked, which the ledger keeps as long as the answer, encrypted.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_DATASET | FOR_PAGES, 1, run_charges },
    { "datasets", "", "List the datasets you may see.", "",
      FOR_SERVER | FOR_OUTPUT, 0, run_datasets },
    { "describe", "[DATASET]", "Show a dataset's published schema.", "",
      FOR_SERVER | FOR_OUTPUT | FOR_DATASET, 1, run_describe },
    { "health", "", "Ask whether the server is serving.",
      "Prints 'serving' and exits 0, or exits 6.\n", FOR_SERVER | FOR_OUTPUT, 0,
      run_health },
    { "policy check", "FILE...", "Explain every mistake in policy files.",
      "Compares columns and types with the source where that is here; reads "
      "no\n"
      "values.  Several files are checked to have no people in common.  Exits "
      "0\nwhen a server would start with them.\n",
      0, 64, run_policy_check },
    { "policy draft", "FILE",
      "Write a first policy for a Parquet, CSV or DuckDB file, or a "
      "PostgreSQL.",
      "Reads names and types, no values.  What only you can know is written\n"
      "DECIDE: the file does not load until every one is gone.  A PostgreSQL "
      "is\nnamed by its URI, of the role that will read; what that role may "
      "see is\ndrafted.\n"
      "\n"
      "  halftone policy draft sales.parquet > sales.yaml\n"
      "  halftone policy draft "
      "'postgresql://halftone_reader@db.example/sales?passfile=/etc/pgpass' > "
      "sales.yaml\n",
      0, 1, run_policy_draft },
    { "policy ddl", "FILE...",
      "Print the published schema as PostgreSQL's DDL.",
      "What clients of the PostgreSQL port see of the policies: tables, "
      "types,\n"
      "comments, and public domains as check constraints.\n",
      0, 64, run_policy_ddl },
    { "policy records", "FILE...",
      "Print the records of processing that GDPR Art. 30 asks for.",
      "A row for each purpose of each policy: who answers for it, why, on "
      "what\n"
      "basis, whose data, for whom, for how long, and what protects people.\n"
      "\n"
      "  halftone policy records shop.yaml --format csv > records.csv\n",
      FOR_OUTPUT, 64, run_policy_records },
    { "policy keys", "", "Print every key of a policy, with its meaning.", "",
      0, 0, run_policy_keys },
    { "principals add", "NAME", "Make an entry and a token for a principal.",
      "Prints the entry for the principals file on standard output and the\n"
      "token, once, on standard error: only its hash is in the entry.  A file\n"
      "that >> makes begins with the line 'principals:'.  The token is the\n"
      "password on the PostgreSQL port.\n"
      "\n"
      "  halftone principals add ana --dataset shop --purpose reporting \\\n"
      "      --token-out ana.token >> principals.yaml\n",
      FOR_PRINCIPAL, 1, run_principals_add },
    { "principals password", "", "Make a verifier of a password.",
      "Reads the password from standard input and prints the line of the\n"
      "principal's entry by which the PostgreSQL port knows it.  'add' makes\n"
      "one already: there, the token is the password.\n",
      0, 0, run_principals_password },
    { "misses show", "[DATASET]",
      "Show how many charged queries gave no answer.",
      "At the limit nothing new runs: a steward finds out why, then lifts it.\n"
      "For stewards and auditors.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_DATASET, 1, run_misses_show },
    { "misses lift", "DATASET", "Let a dataset go on after its misses.",
      "What counted until now counts no more; who lifted it and why stays in\n"
      "the ledger.  For stewards.\n"
      "\n"
      "  halftone misses lift shop --reason 'the disk was slow, it is "
      "replaced'\n",
      FOR_SERVER | FOR_OUTPUT | FOR_DATASET | FOR_LIFT, 1, run_misses_lift },
    { "consent record", "SUBJECT", "Record that a person said yes.",
      "SUBJECT is the value of the dataset's privacy key; - reads it from\n"
      "standard input, so that no other user sees it.  For subject services.\n"
      "\n"
      "  halftone consent record 4711 --purpose measure_campaigns \\\n"
      "      --source 'web form' --proof form-2026-118\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_record },
    { "consent withdraw", "SUBJECT", "Record that a person takes it back.",
      "No release that begins after this command ends counts the person.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_withdraw },
    { "consent object", "SUBJECT",
      "Record that a person objects to a use that needs no consent.", "",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_object },
    { "consent expire", "SUBJECT", "Record that a consent is over.", "",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_expire },
    { "consent mark", "SUBJECT",
      "Mark a child, or somebody by special categories of data.",
      "Such a person never counts, or by explicit consent alone, as the "
      "policy\nsays.  --ordinary takes the mark back.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_mark },
    { "consent signal", "SUBJECT", "Record what a person's browser said.",
      "A consent string of IAB TCF v2.3, for the purposes that the policy "
      "gives a\nnumber there, or Global Privacy Control.\n"
      "\n"
      "  halftone consent signal 4711 --gpc\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_signal },
    { "consent contact", "SUBJECT",
      "Record through which channel a person may be contacted, and how often.",
      "The later choice about a channel holds; without one, nobody may.\n"
      "\n"
      "  halftone consent contact 4711 --channel email --at-most '2 per "
      "month'\n"
      "  halftone consent contact 4711 --channel sms,phone --at-most never\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CHANNEL | FOR_CHOICE, 1,
      run_consent_contact },
    { "consent history", "SUBJECT", "Show all that is kept of a person.", "",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_history },
    { "consent receipt", "SUBJECT", "Print a signed receipt for a decision.",
      "One line of JSON with the fields of ISO/IEC TS 27560, and the server's\n"
      "signature under it.  --record names the decision (default the "
      "newest).\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_receipt },
    { "consent verify", "FILE [SUBJECT]", "Check a receipt.",
      "By --log-key alone, without the server; with SUBJECT, that it is this\n"
      "person's and whether it still holds.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT | FOR_LOG, 2, run_consent_verify },
    { "consent import", "FILE",
      "Record all decisions and choices of a file, or none.",
      "CSV with a header, Parquet or JSON lines.  Decisions have columns "
      "subject,\n"
      "state, purposes and at, and maybe until and notice; choices of "
      "channels\n"
      "have subject, channel, at_most and at.  A file that was cut in half, "
      "or\n"
      "holds a wrong row, counts nothing; sent again it goes on where it "
      "stopped,\nand is recorded once.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_import },
    { "may-contact", "SUBJECT",
      "Ask whether a person may be contacted, which then counts as done.",
      "Prints yes and exits 0, or prints no and exits 3; there are no "
      "reasons.\n"
      "A yes counts against how often the person allows it: ask just before\n"
      "you write.  For senders.\n"
      "\n"
      "  halftone may-contact 4711 --purpose send_offers \\\n"
      "      --channel email && send-mail 4711\n",
      FOR_SERVER | FOR_CHANNEL | FOR_MAY, 1, run_may_contact },
    { "consent erase", "SUBJECT", "Erase a person, for good.",
      "She counts for nothing once this command ends, what is told beside her\n"
      "decisions is destroyed, and her rows are to go from the data.  It "
      "cannot\n"
      "be undone.  She comes back by a later yes.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_erase },
    { "consent erasure", "SUBJECT", "Show how far a person's erasure is.",
      "In each dataset: suppressed (she counts for nothing), handed over to "
      "the\nowner of the data, done, verified (her rows are not there).\n",
      FOR_SERVER | FOR_OUTPUT | FOR_CONSENT, 1, run_consent_erasure },
    { "erasures list", "DATASET",
      "Show how far erasures are, and what is late.",
      "They have numbers, not names.  For stewards.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_DATASET, 1, run_erasures_list },
    { "erasures run", "DATASET", "Look at the data for who was erased, now.",
      "Where the policy lets the server do it, deletes them.  It does so by\n"
      "itself, too, as often as the policy says.  For stewards.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_DATASET, 1, run_erasures_run },
    { "erasures key", "FILE", "Make a key for the owner of the data.",
      "The secret goes to a new file of mode 600, which the owner keeps; the\n"
      "line for the policy is printed.  Nothing is sent.\n",
      0, 1, run_erasures_key },
    { "erasures sign", "DATASET",
      "Print the signed list of whom the owner is to erase.",
      "Sealed for the owner's key in the policy: 'erasures open' reads it.  For"
      "\nstewards.\n"
      "\n"
      "  halftone erasures sign shop > list.txt\n",
      FOR_SERVER | FOR_DATASET, 1, run_erasures_sign },
    { "erasures open", "FILE", "Open a list, with the owner's key.",
      "Prints lines of JSON: where people's rows lie, then whose are to go.\n"
      "Without the server.\n"
      "\n"
      "  halftone erasures open list.txt --owner-key owner.key \\\n"
      "      --log-key \"$(curl -s https://shop.example:7443/audit/key)\"\n",
      FOR_ERASURES | FOR_LOG, 1, run_erasures_open },
    { "erasures confirm", "FILE", "Say that what a list says was done.",
      "The data are looked at, and who is not in them any more is verified.\n"
      "For stewards.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_DATASET, 1, run_erasures_confirm },
    { "consent counts", "[DATASET]",
      "Show how many people said yes and no, with noise.",
      "The server releases it on the policy's schedule (consent.counts), and\n"
      "reading it costs nothing.\n",
      FOR_SERVER | FOR_OUTPUT | FOR_DATASET, 1, run_consent_counts },
    { "consent confirm", "", "Say that the register of consent is whole again.",
      "After a copy was put back, or the register was lost, nothing is "
      "released\nby it: import what was recorded meanwhile, then say so.  For "
      "stewards;\nwho said it and why stays in the audit log.\n"
      "\n"
      "  halftone consent confirm --reason 'imported all since the copy of "
      "May 2'\n",
      FOR_SERVER | FOR_OUTPUT | FOR_LIFT, 0, run_consent_confirm },
    { "ledger verify", "LEDGER [CHECKPOINT]",
      "Check every invariant of a ledger.",
      "Of a file or of a database (postgresql://...), and reads only.  Exits "
      "0\n"
      "when all hold, 1 when one is broken, 3 when it is no ledger, or its log\n"
      "does not go on from CHECKPOINT: a page /audit/checkpoint that was kept, "
      "what\n"
      "'audit witness' remembers, or a server's witness.\n",
      FOR_LOG, 2, run_ledger_verify },
    { "ledger backup", "FILE COPY", "Copy a ledger, also while it is used.",
      "The copy says that it is one: no server opens it as it is, for what "
      "was\n"
      "spent since would be spent twice.  'ledger recover' is the way back.\n",
      0, 2, run_ledger_backup },
    { "ledger export", "LEDGER", "Print every charge, oldest first.",
      "As CSV, or with --format json one JSON object a line.  Amounts are\n"
      "whole pico-rho, nano-epsilon and atto-delta.\n",
      FOR_OUTPUT, 1, run_ledger_export },
    { "ledger migrate", "FROM TO",
      "Move a ledger into a database, or into a file.",
      "Each is the path of an SQLite file or the URI of a PostgreSQL "
      "database;\n"
      "TO is new.  All servers are stopped.  Both are verified, and what is\n"
      "left behind says that it was moved: no server starts on it.  Cut "
      "short,\n"
      "the same command goes on.\n",
      0, 2, run_ledger_migrate },
    { "ledger recover", "FILE [WITNESS]",
      "Make a ledger that was put back usable.",
      "All that the witness leased counts as spent; without one, --burn-all\n"
      "counts every dataset's whole budget as spent.  The audit log ends: "
      "give\n"
      "audit.name another name and audit.key another file, and move the\n"
      "witness away.  No server may run on it.\n",
      FOR_LOG | FOR_RECOVERY, 2, run_ledger_recover },
    { "audit entries", "[LEDGER]", "Print the audit log, opened.",
      "One line of JSON for each entry, oldest first: of the server, for an\n"
      "auditor who sees every dataset, or of a ledger file, also while its\n"
      "server runs.\n",
      FOR_SERVER, 1, run_audit_entries },
    { "audit prove", "[LEDGER] CHARGE", "Prove that a charge is in the log.",
      "Prints entry, salt, commitment and inclusion proof as JSON: with the\n"
      "checkpoint of that size anybody can check it.  CHARGE is a receipt's\n"
      "query id.  Asks the server, as an auditor, or reads a ledger file.\n",
      FOR_SERVER, 2, run_audit_prove },
    { "audit verify", "[FILE]", "Check the audit log of a running server.",
      "Fetches every tile and computes the root that the checkpoint signs.\n"
      "With FILE, also that the log goes on from the checkpoint in it, which\n"
      "is then replaced.  Needs no token.\n",
      FOR_SERVER | FOR_LOG, 1, run_audit_verify },
    { "audit witness", "FILE", "Remember how long the audit log was.",
      "As verify with FILE, but fetches only the few tiles that a proof\n"
      "needs.  Run it elsewhere than the server, with --every: a log that is\n"
      "rolled back or changed ends it with exit code 3.\n"
      "\n"
      "  halftone audit witness /mnt/other/shop.checkpoint --every 1m\n"
      "\n"
      "With --listen it is a witness that the server asks by itself\n"
      "(audit.witness_url): it prints its key, signs what goes on from what "
      "it\n"
      "saw, and remembers what was leased.  Put TLS in front of it.\n"
      "\n"
      "  halftone audit witness shop.witness --listen 127.0.0.1:7500 \\\n"
      "      --log-key \"$(curl -s https://shop.example:7443/audit/key)\"\n",
      FOR_SERVER | FOR_LOG | FOR_WITNESS, 1, run_audit_witness },
    { "calc gaussian-sigma", "", "Sigma of the analytic Gaussian mechanism.",
      "At L2 sensitivity 1 (Balle and Wang 2018), rounded up.\n"
      "\n"
      "  halftone calc gaussian-sigma --epsilon 1 --delta 1e-6\n",
      CALC_EPSILON | CALC_DELTA, 0, run_calc_gaussian_sigma },
    { "calc zcdp-epsilon", "", "Epsilon that a rho of zCDP is at a delta.",
      "By Canonne, Kamath and Steinke 2020, rounded up.\n",
      CALC_RHO | CALC_DELTA, 0, run_calc_zcdp_epsilon },
    { "calc zcdp-rho", "", "Rho of zCDP that an epsilon at a delta allows.",
      "The other way round, rounded down.\n", CALC_EPSILON | CALC_DELTA, 0,
      run_calc_zcdp_rho },
    { "calc laplace-interval", "",
      "Half width that Laplace noise stays within.",
      "At sensitivity 1, with chance 1 - alpha.\n", CALC_EPSILON | CALC_ALPHA,
      0, run_calc_laplace_interval },
    { "calc selection-keep", "", "Chance that a group of N people is shown.",
      "By the optimal rule (Desfontaines et al. 2022); epsilon and delta are\n"
      "those of all L0 groups together.\n",
      CALC_EPSILON | CALC_DELTA | CALC_L0 | CALC_N, 0,
      run_calc_selection_keep },
    { "calc selection-threshold", "", "Threshold on a noisy number of people.",
      "Laws: laplace and gaussian (keep if more), discrete-laplace (keep if "
      "at\n"
      "least).  Delta is the total; of the Gaussian's, half is for its "
      "noise.\n",
      CALC_LAW | CALC_EPSILON | CALC_DELTA | CALC_L0, 0,
      run_calc_selection_threshold },
    { "calc compose", "LEDGER...", "Epsilon of a history of releases.",
      "G5x10 is 10 Gaussians of sigma 5, L0.1x50 50 Laplace releases of "
      "epsilon\n"
      "0.1, R0.1x50 50 of discrete Laplace, S0.1_1e-8x20 20 of anything\n"
      "(0.1, 1e-8)-DP.  Accountants: pure, rdp, zcdp and gdp hold for "
      "adaptive\n"
      "choices; pld is for reports, never to charge by.\n"
      "\n"
      "  halftone calc compose --accountant pld --delta 1e-6 G20x50 L0.1x50\n",
      CALC_ACCOUNTANT | CALC_DELTA, OPTION_ARGS_MAX, run_calc_compose },
    { "calc sample", "", "Draw exact integer noise, one number a line.",
      "From the cryptographic generator.  Laws: discrete-laplace,\n"
      "discrete-gaussian and rounded-gaussian.\n"
      "\n"
      "  halftone calc sample --law discrete-gaussian --scale 51.3 --count 5\n",
      CALC_LAW | CALC_SAMPLE, 0, run_calc_sample },
    { "completion", "bash | zsh | fish", "Print completions for a shell.",
      "  halftone completion bash > "
      "~/.local/share/bash-completion/completions/halftone\n",
      0, 1, run_completion },
    { "help", "[COMMAND]", "Show what a command does.", "", 0, 2, run_help },
    { .name = NULL },
};

/* How many of the words spell the command's name, or 0. */
static size_t words_match(const char *name, const char *const *words, size_t n)
{
    size_t used = 0;
    while (*name) {
        const size_t len = strcspn(name, " ");
        if (used == n || strlen(words[used]) != len ||
            memcmp(words[used], name, len) != 0)
            return 0;
        used++;
        name += len + (name[len] == ' ');
    }
    return used;
}

const struct command *command_find(const char *const *words, size_t n,
                                   size_t *used)
{
    for (const struct command *c = COMMANDS; c->name; c++) {
        *used = words_match(c->name, words, n);
        if (*used > 0)
            return c;
    }
    return NULL;
}

bool command_is_family(const char *word)
{
    const size_t len = strlen(word);
    for (const struct command *c = COMMANDS; c->name; c++)
        if (strncmp(c->name, word, len) == 0 && c->name[len] == ' ')
            return true;
    return false;
}

const char *command_suggest(const char *const *words, size_t n)
{
    enum { MANY = 64 };
    char typed[2 * SUGGEST_LEN_MAX];
    const char *names[MANY];
    size_t many = 0;
    for (const struct command *c = COMMANDS; c->name && many < MANY; c++) {
        const size_t len = strcspn(c->name, " ");
        /* "policy" alone: show the first thing it can do. */
        if (n == 1 && strlen(words[0]) == len && c->name[len] == ' ' &&
            memcmp(words[0], c->name, len) == 0)
            return c->name;
        names[many++] = c->name;
    }
    if (n > 1) {
        (void)snprintf(typed, sizeof typed, "%.38s %.38s", words[0], words[1]);
        const char *near = suggest(typed, names, many);
        if (near)
            return near;
    }
    return suggest(words[0], names, many);
}
