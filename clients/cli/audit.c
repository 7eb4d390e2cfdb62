/* The audit log, opened: for who holds the ledger's file, or an auditor's
 * token. */
#include <stdlib.h>
#include <string.h>

#include "clients/cli/audit.h"
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
    enum err_code code;
    if (cli->n_words == 0) {
        code = audit_list(cli, &err);
    } else {
        code = ledger_log_open(&log, cli->words[0], &err);
        if (code == ERR_OK)
            code = print_entries(cli, log, &err);
    }
    ledger_log_close(log);
    return code == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
}

static enum err_code find_proof(struct audit_proof *out, struct cli *cli,
                                struct ledger_log *log, const char *charge,
                                struct err *err)
{
    const struct merkle_reader reader = ledger_log_reader(log);
    struct ledger_log_entry *e;
    struct merkle_frontier head;
    size_t n;
    TRY(ledger_log_of_charge(log, &out->index, charge, err));
    TRY(ledger_log_head(log, &head, err));
    TRY(ledger_log_entries(log, &e, &n, out->index, 1, cli->arena, err));
    TRY(merkle_prove(&out->proof, &reader, out->index, head.size, err));
    out->size = head.size;
    out->root = merkle_root(&head);
    out->entry = e->entry;
    out->salt = e->salt;
    return ERR_OK;
}

static void print_hash(struct writer *w, const char *before,
                       const struct merkle_hash *h)
{
    writer_str(w, before);
    base64_print(w, h->bytes, sizeof h->bytes);
    writer_u8(w, '"');
}

static enum err_code print_proof(struct cli *cli, const struct audit_proof *p,
                                 struct err *err)
{
    char text[PROOF_TEXT_LEN];
    struct writer w = writer_of(text, sizeof text);
    const struct merkle_hash c =
        audit_commitment(&p->salt, p->entry, strlen(p->entry));
    const struct merkle_hash leaf = audit_leaf(&c);
    TRY(merkle_check(&p->proof, p->index, p->size, &leaf, &p->root, err));
    writer_printf(&w, "{\"index\":%llu,\"size\":%llu",
                  (unsigned long long)p->index, (unsigned long long)p->size);
    print_hash(&w, ",\"root\":\"", &p->root);
    writer_printf(&w, ",\"entry\":%s,\"salt\":\"",
                  text_line(cli->arena, p->entry));
    base64_print(&w, p->salt.bytes, sizeof p->salt.bytes);
    print_hash(&w, "\",\"commitment\":\"", &c);
    writer_str(&w, ",\"proof\":[");
    for (size_t i = 0; i < p->proof.n; i++)
        print_hash(&w, i ? ",\"" : "\"", &p->proof.hash[i]);
    writer_str(&w, "]}");
    if (!writer_cstr(&w))
        return err_set(err, ERR_LIMIT, "the proof does not fit into memory");
    (void)fprintf(cli->term.out, "%s\n", text);
    return ERR_OK;
}

int run_audit_prove(struct cli *cli)
{
    struct ledger_log *log = NULL;
    struct audit_proof p;
    struct err err;
    enum err_code code;
    if (cli->n_words == 0)
        return need_words(cli, "audit prove [LEDGER] CHARGE");
    if (cli->n_words == 1) {
        code = audit_ask_proof(&p, cli, cli->words[0], &err);
    } else {
        code = ledger_log_open(&log, cli->words[0], &err);
        if (code == ERR_OK)
            code = find_proof(&p, cli, log, cli->words[1], &err);
    }
    if (code == ERR_OK)
        code = print_proof(cli, &p, &err);
    ledger_log_close(log);
    return code == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
}
