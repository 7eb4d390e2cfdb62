/* The audit log of a ledger's file, for who holds the file. */
#include <stdlib.h>
#include <string.h>

#include "clients/cli/cli.h"
#include "clients/cli/text.h"
#include "server/base/base64.h"
#include "server/ledger/log.h"

enum { PAGE = 256, PROOF_TEXT_LEN = 16384 };

static int need_words(struct cli *cli, const char *usage)
{
    struct err err;
    (void)err_set(&err, ERR_INVALID, "this command needs more words");
    (void)err_hint(&err, "usage: halftone %s", usage);
    return cli_misused(cli, &err);
}

static enum err_code print_entries(struct cli *cli, struct ledger_log *log,
                                   struct err *err)
{
    struct arena page;
    uint64_t first = 0;
    size_t n;
    enum err_code code;
    arena_init(&page,
               PAGE * (AUDIT_ENTRY_LEN + sizeof(struct ledger_log_entry)));
    do {
        struct ledger_log_entry *entries;
        arena_reset(&page);
        code = ledger_log_entries(log, &entries, &n, first, PAGE, &page, err);
        for (size_t i = 0; code == ERR_OK && i < n; i++) {
            const char *safe = text_line(&page, entries[i].entry);
            (void)fprintf(cli->term.out, "%s\n", safe ? safe : "");
        }
        first += n;
    } while (code == ERR_OK && n > 0);
    arena_fini(&page);
    return code;
}

int run_audit_entries(struct cli *cli)
{
    struct ledger_log *log = NULL;
    struct err err;
    if (cli->n_words == 0)
        return need_words(cli, "audit entries LEDGER");
    enum err_code code = ledger_log_open(&log, cli->words[0], &err);
    if (code == ERR_OK)
        code = print_entries(cli, log, &err);
    ledger_log_close(log);
    return code == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
}

/* All that somebody needs to check, with our checkpoint of the same size, that
 * this entry is in the log. */
static enum err_code print_proof(struct cli *cli, struct ledger_log *log,
                                 const char *charge, struct err *err)
{
    char text[PROOF_TEXT_LEN];
    struct writer w = writer_of(text, sizeof text);
    struct ledger_log_entry *e;
    struct merkle_frontier head;
    struct merkle_proof proof;
    uint64_t index;
    size_t n;
    const struct merkle_reader reader = ledger_log_reader(log);
    TRY(ledger_log_of_charge(log, &index, charge, err));
    TRY(ledger_log_head(log, &head, err));
    TRY(ledger_log_entries(log, &e, &n, index, 1, cli->arena, err));
    TRY(merkle_prove(&proof, &reader, index, head.size, err));
    const struct merkle_hash root = merkle_root(&head);
    const struct merkle_hash c =
        audit_commitment(&e->salt, e->entry, strlen(e->entry));
    const struct merkle_hash leaf = audit_leaf(&c);
    TRY(merkle_check(&proof, index, head.size, &leaf, &root, err));
    writer_printf(&w, "{\"index\":%llu,\"size\":%llu,\"root\":\"",
                  (unsigned long long)index, (unsigned long long)head.size);
    base64_print(&w, root.bytes, sizeof root.bytes);
    writer_printf(&w, "\",\"entry\":%s,\"salt\":\"", e->entry);
    base64_print(&w, e->salt.bytes, sizeof e->salt.bytes);
    writer_str(&w, "\",\"commitment\":\"");
    base64_print(&w, c.bytes, sizeof c.bytes);
    writer_str(&w, "\",\"proof\":[");
    for (size_t i = 0; i < proof.n; i++) {
        writer_str(&w, i ? ",\"" : "\"");
        base64_print(&w, proof.hash[i].bytes, sizeof proof.hash[i].bytes);
        writer_u8(&w, '"');
    }
    writer_str(&w, "]}");
    if (!writer_cstr(&w))
        return err_set(err, ERR_LIMIT, "the proof does not fit into memory");
    (void)fprintf(cli->term.out, "%s\n", text);
    return ERR_OK;
}

int run_audit_prove(struct cli *cli)
{
    struct ledger_log *log = NULL;
    struct err err;
    if (cli->n_words < 2)
        return need_words(cli, "audit prove LEDGER CHARGE");
    enum err_code code = ledger_log_open(&log, cli->words[0], &err);
    if (code == ERR_OK)
        code = print_proof(cli, log, cli->words[1], &err);
    ledger_log_close(log);
    return code == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
}
