#include "server/ledger/ledger.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/cli.h"
#include "clients/cli/json.h"
#include "clients/cli/text.h"
#include "server/audit/checkpoint.h"
#include "server/base/cleanup.h"
#include "server/ledger/log.h"
#include "server/ledger/migrate.h"
#include "server/ledger/recover.h"

enum { ROW_LEN = 16384 };

static void say(void *ctx, const char *line)
{
    struct cli *cli = ctx;
    const char *safe = text_line(cli->arena, line);
    (void)fprintf(cli->term.out, "%s\n", safe ? safe : "");
}

static int need(struct cli *cli, const char *what, const char *usage)
{
    struct err err;
    (void)err_set(&err, ERR_INVALID, "%s", what);
    (void)err_hint(&err, "usage: halftone %s", usage);
    return cli_misused(cli, &err);
}

/* --log-key, the line or the server's own file; or the file beside a ledger
 * that is one. */
static enum err_code find_key(struct cli *cli, struct note_verifier *out,
                              struct err *err)
{
    char path[4096], text[NOTE_KEY_TEXT_LEN + 1];
    struct note_signer signer;
    struct err ignored;
    const char *said = cli->opt.log_key;
    if (said && note_verifier_parse(out, said, &ignored) == ERR_OK)
        return ERR_OK;
    (void)snprintf(path, sizeof path, "%s%s", said ? said : cli->words[0],
                   said ? "" : "-audit-key");
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
    if (n < 0 && said)
        return note_verifier_parse(out, said, err);
    if (n < 0) {
        (void)err_set(err, ERR_NOT_FOUND,
                      "the audit log's key is not beside "
                      "the ledger");
        return err_hint(err, "give --log-key with the server's audit.key, or "
                             "with the line that /audit/key showed");
    }
    text[n] = '\0';
    TRY(note_signer_parse(&signer, text, err));
    *out = signer.verifier;
    return ERR_OK;
}

/* The log goes on from a checkpoint that somebody remembered: then nobody who
 * holds file and key wrote its past anew. */
static enum err_code check_seen(const char *path, const struct checkpoint *seen,
                                struct err *err)
{
    struct ledger_log *log = NULL;
    struct merkle_frontier head, then;
    TRY(ledger_log_open(&log, path, err));
    const struct merkle_reader reader = ledger_log_reader(log);
    enum err_code code = ledger_log_head(log, &head, err);
    if (code == ERR_OK && seen->size > head.size)
        code = err_set(err, ERR_CONFLICT,
                       "the checkpoint is of %llu leaves, and the log holds "
                       "%llu: it is older, or was cut",
                       (unsigned long long)seen->size,
                       (unsigned long long)head.size);
    if (code == ERR_OK)
        code = merkle_frontier_at(&then, &reader, seen->size, err);
    ledger_log_close(log);
    if (code != ERR_OK)
        return code;
    const struct merkle_hash root = merkle_root(&then);
    return memcmp(root.bytes, seen->root.bytes, sizeof root.bytes) == 0
               ? ERR_OK
               : err_set(err, ERR_CONFLICT,
                         "the log's first %llu leaves are not those that the "
                         "checkpoint was signed for: its past was changed",
                         (unsigned long long)seen->size);
}

static enum err_code check_file(struct cli *cli, const char *file,
                                struct err *err)
{
    char note[NOTE_LEN_MAX];
    struct note_verifier key;
    struct checkpoint seen;
    TRY(find_key(cli, &key, err));
    AUTO_CLOSE int fd = open(file, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, note, sizeof note);
    if (n < 0)
        return err_set(err, ERR_NOT_FOUND, "cannot read %s: %s", file,
                       strerror(errno));
    TRY(checkpoint_open(&seen, note, (size_t)n, &key, err));
    TRY(check_seen(cli->words[0], &seen, err));
    (void)fprintf(cli->term.out,
                  "ok: the log goes on from %s, a checkpoint of %llu leaves\n",
                  file, (unsigned long long)seen.size);
    return ERR_OK;
}

int run_ledger_verify(struct cli *cli)
{
    struct err err;
    if (cli->n_words == 0)
        return need(cli, "there is no ledger to verify",
                    "ledger verify LEDGER [CHECKPOINT]");
    if (ledger_verify(cli->words[0], say, cli, &err) != ERR_OK ||
        (cli->n_words > 1 && check_file(cli, cli->words[1], &err) != ERR_OK))
        return cli_fail(cli, &err, NULL);
    (void)fprintf(cli->term.out, "%s: every invariant holds\n", cli->words[0]);
    return 0;
}

int run_ledger_backup(struct cli *cli)
{
    struct err err;
    if (cli->n_words < 2)
        return need(cli, "a backup needs a ledger and a new file",
                    "ledger backup FILE COPY");
    if (ledger_backup(cli->words[0], cli->words[1], &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    (void)fprintf(
        cli->term.out,
        "%s: a copy of %s; 'halftone ledger recover' makes it usable\n",
        cli->words[1], cli->words[0]);
    return 0;
}

/* ---- export ---- */

/* Names are lower-case ids by policy; what is not is quoted all the same. */
static void print_field(FILE *out, const char *text)
{
    if (strcspn(text, ",\"\r\n") == strlen(text)) {
        (void)fputs(text, out);
        return;
    }
    (void)fputc('"', out);
    for (; *text; text++)
        (void)fprintf(out, *text == '"' ? "\"\"" : "%c", *text);
    (void)fputc('"', out);
}

static enum err_code print_csv(void *ctx, const struct ledger_export_row *r,
                               struct err *err)
{
    FILE *out = ((struct cli *)ctx)->term.out;
    const char *const texts[] = { r->id, r->principal, r->dataset, r->purpose,
                                  r->state };
    (void)err;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        print_field(out, texts[i]);
        (void)fputc(',', out);
    }
    (void)fprintf(out,
                  "%" PRId64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
                  ",%" PRId64 ",",
                  r->charged_us, r->price.rho_pico, r->price.eps_nano,
                  r->price.delta_atto, r->policy_version, r->leaf);
    print_field(out, r->accounts);
    (void)fputc('\n', out);
    return ERR_OK;
}

static void json_int(struct json *j, const char *key, int64_t v)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, v);
    json_key(j, key);
    json_number(j, text);
}

static enum err_code print_json(void *ctx, const struct ledger_export_row *r,
                                struct err *err)
{
    struct cli *cli = ctx;
    const struct {
        const char *key, *text;
    } texts[] = { { "charge", r->id },
                  { "principal", r->principal },
                  { "dataset", r->dataset },
                  { "purpose", r->purpose },
                  { "state", r->state } };
    struct arena a; /* of this row */
    struct json j = json_of(cli->term.out, &a);
    (void)err;
    arena_init(&a, ROW_LEN);
    json_open(&j, '{');
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        json_key(&j, texts[i].key);
        json_text(&j, texts[i].text);
    }
    json_int(&j, "charged_us", r->charged_us);
    json_int(&j, "rho_pico", (int64_t)r->price.rho_pico);
    json_int(&j, "eps_nano", (int64_t)r->price.eps_nano);
    json_int(&j, "delta_atto", (int64_t)r->price.delta_atto);
    json_int(&j, "policy_version", (int64_t)r->policy_version);
    json_int(&j, "leaf", r->leaf);
    json_key(&j, "accounts");
    json_text(&j, r->accounts);
    json_close(&j, '}');
    (void)fputc('\n', cli->term.out);
    arena_fini(&a);
    return ERR_OK;
}

int run_ledger_export(struct cli *cli)
{
    const bool json = cli->opt.format == FORMAT_JSON;
    struct err err;
    if (cli->n_words == 0)
        return need(cli, "there is no ledger to export", "ledger export FILE");
    if (!json)
        (void)fprintf(cli->term.out,
                      "charge,principal,dataset,purpose,state,charged_us,"
                      "rho_pico,eps_nano,delta_atto,policy_version,leaf,"
                      "accounts\n");
    if (ledger_export(cli->words[0], json ? print_json : print_csv, cli,
                      &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}

/* ---- recovery ---- */

int run_ledger_migrate(struct cli *cli)
{
    struct err err;
    if (cli->n_words < 2)
        return need(cli, "a ledger is moved from one place to another",
                    "ledger migrate FROM TO");
    if (ledger_migrate(cli->words[0], cli->words[1], say, cli, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    (void)fprintf(cli->term.out,
                  "moved; set 'ledger' to the new place on each server, and "
                  "keep audit.key and answer_keys\n");
    return 0;
}

int run_ledger_recover(struct cli *cli)
{
    static const char usage[] = "ledger recover FILE [WITNESS]";
    const char *witness = cli->n_words > 1 ? cli->words[1] : NULL;
    struct note_verifier key;
    struct err err;
    if (cli->n_words == 0)
        return need(cli, "there is no ledger to recover", usage);
    if (!witness != cli->opt.burn_all)
        return need(cli, "name a witness, or say --burn-all", usage);
    enum err_code code = find_key(cli, &key, &err);
    if (code == ERR_OK)
        code = ledger_recover(cli->words[0], witness, &key, clock_system(), say,
                              cli, &err);
    if (code != ERR_OK)
        return cli_fail(cli, &err, NULL);
    (void)fprintf(cli->term.out,
                  "%s: recovered; give audit.name another name and audit.key "
                  "another file%s\n",
                  cli->words[0], witness ? ", and move the witness away" : "");
    return 0;
}
