/* halftone consent history, receipt, verify and signal. */
#include <stdio.h>
#include <string.h>

#include "clients/cli/answer.h"
#include "clients/cli/consent.h"
#include "clients/cli/grid.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"
#include "server/audit/note.h"

static char *text_of(const char *s)
{
    return (char *)(uintptr_t)(s ? s : "");
}

/* ---- history ---- */

enum { COLUMNS = 10 };
static struct grid_column HEADS[COLUMNS] = {
    { "record", GRID_NUMBER }, { "state", GRID_TEXT },
    { "purposes", GRID_TEXT }, { "at", GRID_TEXT },
    { "until", GRID_TEXT },    { "notice", GRID_NUMBER },
    { "source", GRID_TEXT },   { "proof", GRID_TEXT },
    { "by", GRID_TEXT },       { "holds", GRID_BOOL },
};

static const char *joined(char *const *words, size_t n, struct arena *a)
{
    const char *out = "";
    for (size_t i = 0; i < n && out; i++)
        out = arena_printf(a, "%s%s%s", out, i ? " " : "", words[i]);
    return out;
}

static bool put_row(const char **cell, const Halftone__V1__HistoryEvent *e,
                    struct arena *a)
{
    cell[0] = arena_strdup(a, number_scaled(e->record, 0).s);
    cell[1] = e->state;
    cell[2] = e->channel[0] ? arena_printf(a, "%s: %s", e->channel, e->at_most)
                            : joined(e->purposes, e->n_purposes, a);
    cell[3] = answer_time(e->at_us, a);
    cell[4] = e->until_us ? answer_time(e->until_us, a) : NULL;
    cell[5] = e->notice ? arena_strdup(a, number_scaled(e->notice, 0).s) : NULL;
    cell[6] = e->source;
    cell[7] = e->proof;
    cell[8] = e->by;
    cell[9] = e->holds ? "true" : "false";
    return cell[0] && cell[2] && cell[3] && (cell[5] || !e->notice);
}

static enum err_code
print_history(struct cli *cli, const Halftone__V1__History *m, struct err *err)
{
    struct grid g = { .columns = HEADS,
                      .n_columns = COLUMNS,
                      .cells =
                          ARENA_NEW_N(cli->arena, (m->n_events + 1) * COLUMNS,
                                      const char *) };
    bool ok = g.cells != NULL;
    for (; ok && g.n_rows < m->n_events; g.n_rows++)
        ok = put_row(g.cells + g.n_rows * COLUMNS, m->events[g.n_rows],
                     cli->arena);
    const char *yes = joined(m->yes, m->n_yes, cli->arena);
    const char *no = joined(m->no, m->n_no, cli->arena);
    if (!ok || !yes || !no)
        return err_set(err, ERR_LIMIT, "there are too many rows");
    TRY(grid_print(&g, cli->opt.format, &cli->term, cli->arena, err));
    if (cli->opt.format == FORMAT_TABLE && m->n_events == 0)
        (void)fputs(m->n_no ? "\nthis person was erased: counted nowhere\n"
                            : "\nno decision of this person is kept: counted "
                              "where no consent is needed, and nowhere else\n",
                    cli->term.out);
    else if (cli->opt.format == FORMAT_TABLE)
        (void)fprintf(cli->term.out, "\nyes to: %s\nno to: %s\n",
                      *yes ? yes : "nothing", *no ? no : "nothing");
    for (size_t i = 0; cli->opt.format == FORMAT_TABLE && i < m->n_contacts;
         i++)
        (void)fprintf(cli->term.out,
                      "contact allowed at %s to %s: by %s, for %s\n",
                      answer_time(m->contacts[i]->at_us, cli->arena),
                      m->contacts[i]->sender, m->contacts[i]->channel,
                      m->contacts[i]->purpose);
    return ERR_OK;
}

int consent_ask(struct cli *cli, const struct client_method *method,
                const ProtobufCMessage *request, consent_print_fn *print)
{
    struct err err;
    struct client client;
    ProtobufCMessage *reply;
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (client_call(&client, method, request, &reply, cli->arena, &err) !=
            ERR_OK ||
        print(cli, reply, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}

static enum err_code history(struct cli *cli, const ProtobufCMessage *reply,
                             struct err *err)
{
    return print_history(cli, (const void *)reply, err);
}

int run_consent_history(struct cli *cli)
{
    struct err err;
    Halftone__V1__GetHistoryRequest m;
    halftone__v1__get_history_request__init(&m);
    if (consent_subject(&m.subject, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    m.dataset = text_of(cli->opt.dataset);
    return consent_ask(cli, &METHOD_HISTORY, &m.base, history);
}

/* ---- receipts ---- */

static enum err_code receipt(struct cli *cli, const ProtobufCMessage *reply,
                             struct err *err)
{
    const Halftone__V1__ConsentReceipt *m = (const void *)reply;
    (void)err;
    (void)fputs(m->receipt, cli->term.out);
    return ERR_OK;
}

int run_consent_receipt(struct cli *cli)
{
    struct err err;
    Halftone__V1__GetReceiptRequest m;
    halftone__v1__get_receipt_request__init(&m);
    if (consent_subject(&m.subject, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    m.dataset = text_of(cli->opt.dataset);
    m.record = cli->opt.record;
    return consent_ask(cli, &METHOD_RECEIPT, &m.base, receipt);
}

static enum err_code read_file(char **out, const char *path, struct arena *a,
                               struct err *err)
{
    enum { RECEIPT_MAX = NOTE_LEN_MAX };
    FILE *f = fopen(path, "rb");
    char *text = arena_alloc(a, RECEIPT_MAX + 1, 1);
    const size_t n = f && text ? fread(text, 1, RECEIPT_MAX, f) : 0;
    if (f)
        (void)fclose(f);
    *out = text;
    return n > 0 ? ERR_OK
                 : err_set(err, ERR_NOT_FOUND, "%s cannot be read", path);
}

static enum err_code checked(struct cli *cli, const ProtobufCMessage *reply,
                             struct err *err)
{
    const Halftone__V1__ReceiptState *m = (const void *)reply;
    (void)err;
    if (m->erased_us) {
        (void)fprintf(cli->term.out,
                      "this is a receipt of this person's, who was erased on "
                      "%s: what it tells is no longer kept\n",
                      answer_time(m->erased_us, cli->arena));
        return ERR_OK;
    }
    (void)fprintf(cli->term.out,
                  m->holds ? "record %llu is this person's, and holds\n"
                           : "record %llu is this person's; a later decision "
                             "stands\n",
                  (unsigned long long)m->record);
    return ERR_OK;
}

/* By the key alone, without the server. */
static enum err_code verify(struct cli *cli, const char *text, struct err *err)
{
    struct note_verifier key;
    size_t len;
    if (!cli->opt.log_key) {
        (void)err_set(err, ERR_INVALID, "whose signature is it?");
        return err_hint(err, "give --log-key, which the server's operator "
                             "publishes, or SUBJECT to ask the server");
    }
    TRY(note_verifier_parse(&key, cli->opt.log_key, err));
    if (note_open(&len, text, strlen(text), &key, err) != ERR_OK)
        return err_hint(err, "give the receipt whole and unchanged, as the "
                             "server printed it");
    (void)fprintf(cli->term.out, "%.*s", (int)len, text);
    return ERR_OK;
}

int run_consent_verify(struct cli *cli)
{
    struct err err;
    char *text;
    Halftone__V1__CheckReceiptRequest m;
    if (cli->n_words == 0) {
        (void)err_set(&err, ERR_INVALID, "no receipt is named");
        (void)err_hint(&err, "halftone consent verify FILE [SUBJECT]");
        return cli_misused(cli, &err);
    }
    if (read_file(&text, cli->words[0], cli->arena, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    if (cli->n_words == 1)
        return verify(cli, text, &err) == ERR_OK ? 0
                                                 : cli_fail(cli, &err, NULL);
    halftone__v1__check_receipt_request__init(&m);
    m.dataset = text_of(cli->opt.dataset);
    m.subject = text_of(cli->words[1]);
    m.receipt = text;
    return consent_ask(cli, &METHOD_CHECK, &m.base, checked);
}

/* ---- signals ---- */

static enum err_code signalled(struct cli *cli, const ProtobufCMessage *reply,
                               struct err *err)
{
    const Halftone__V1__SignalReply *m = (const void *)reply;
    const char *yes = joined(m->granted, m->n_granted, cli->arena);
    const char *no = joined(m->refused, m->n_refused, cli->arena);
    if (!yes || !no)
        return err_set(err, ERR_LIMIT, "there are too many purposes");
    (void)fprintf(cli->term.out, "yes to: %s\nno to: %s\n",
                  *yes ? yes : "nothing", *no ? no : "nothing");
    return ERR_OK;
}

int run_consent_signal(struct cli *cli)
{
    struct err err;
    Halftone__V1__ConsentEvent event;
    Halftone__V1__SignalRequest m;
    if (consent_event_of(&event, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    halftone__v1__signal_request__init(&m);
    m.dataset = event.dataset;
    m.subject = event.subject;
    m.at_us = event.at_us;
    m.source = event.source;
    m.tc_string = text_of(cli->opt.tc_string);
    m.gpc = cli->opt.gpc;
    return consent_ask(cli, &METHOD_SIGNAL, &m.base, signalled);
}
