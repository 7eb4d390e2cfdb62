/* halftone consent contact and halftone may-contact. */
#include <stdio.h>
#include <string.h>

#include <halftone/v1/contact.pb-c.h>

#include "clients/cli/answer.h"
#include "clients/cli/consent.h"
#include "clients/cli/grid.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"
#include "clients/cli/question.h"
#include "server/policy/often.h"

enum { EXIT_NO = 3 }; /* refused */

static char *text_of(const char *s)
{
    return (char *)(uintptr_t)(s ? s : "");
}

/* ---- choices ---- */

static struct grid_column HEADS[] = { { "record", GRID_NUMBER },
                                      { "channel", GRID_TEXT },
                                      { "at_most", GRID_TEXT },
                                      { "at", GRID_TEXT },
                                      { "was_there", GRID_TEXT } };
enum { COLUMNS = sizeof HEADS / sizeof HEADS[0] };

static enum err_code read_choice(Halftone__V1__ContactChoice *m, char ***list,
                                 size_t *n, struct cli *cli, struct err *err)
{
    struct often often;
    halftone__v1__contact_choice__init(m);
    TRY(consent_subject(&m->subject, cli, err));
    TRY(consent_at(&m->at_us, cli, err));
    TRY(consent_words(list, n, cli->opt.channel, cli->arena, err));
    if (*n == 0) {
        (void)err_set(err, ERR_INVALID, "no channel is named");
        return err_hint(err, "--channel email; the policy lists its channels");
    }
    if (!cli->opt.at_most || !often_parse(&often, cli->opt.at_most)) {
        (void)err_set(err, ERR_INVALID, "how often is not said");
        return err_hint(err,
                        "--at-most '2 per month' (day, week, month, year), "
                        "'any' or 'never'");
    }
    m->at_most = text_of(cli->opt.at_most);
    m->dataset = text_of(cli->opt.dataset);
    m->source = text_of(cli->opt.from);
    m->proof = text_of(cli->opt.proof);
    return ERR_OK;
}

/*
 * One record a channel, each its own: sent again they are the same ones.  What
 * was recorded before one is refused stays, and is told.
 */
static enum err_code choose_all(struct cli *cli, struct client *client,
                                Halftone__V1__ContactChoice *m, char **list,
                                size_t n, struct err *err)
{
    struct grid g = { .columns = HEADS, .n_columns = COLUMNS };
    struct err unsaid;
    enum err_code code = ERR_OK;
    g.cells = ARENA_NEW_N(cli->arena, n * COLUMNS, const char *);
    if (!g.cells)
        return err_set(err, ERR_LIMIT, "there are too many channels");
    while (g.n_rows < n) {
        const char **cell = g.cells + g.n_rows * COLUMNS;
        ProtobufCMessage *reply;
        m->channel = list[g.n_rows];
        code = client_call(client, &METHOD_CHOOSE, &m->base, &reply, cli->arena,
                           err);
        if (code != ERR_OK)
            break;
        const Halftone__V1__Recorded *r = (const void *)reply;
        cell[0] = arena_strdup(cli->arena, number_scaled(r->record, 0).s);
        cell[1] = m->channel;
        cell[2] = m->at_most;
        cell[3] = answer_time(r->at_us, cli->arena);
        cell[4] = r->was_there ? "yes" : "no";
        g.n_rows++;
    }
    if (code != ERR_OK && g.n_rows == 0)
        return code;
    const enum err_code printed =
        grid_print(&g, cli->opt.format, &cli->term, cli->arena,
                   code == ERR_OK ? err : &unsaid);
    return code == ERR_OK ? printed : code;
}

int run_consent_contact(struct cli *cli)
{
    struct err err;
    struct client client;
    Halftone__V1__ContactChoice m;
    char **list;
    size_t n;
    if (read_choice(&m, &list, &n, cli, &err) != ERR_OK ||
        client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (choose_all(cli, &client, &m, list, n, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}

/* ---- may I? ---- */

int run_may_contact(struct cli *cli)
{
    struct err err;
    struct client client;
    ProtobufCMessage *reply;
    Halftone__V1__MayContactRequest m;
    halftone__v1__may_contact_request__init(&m);
    if (consent_subject(&m.subject, cli, &err) != ERR_OK ||
        question_key(&m.idempotency_key, cli->opt.key, cli->arena, &err) !=
            ERR_OK ||
        client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    m.dataset = text_of(cli->opt.dataset);
    m.purpose = text_of(cli->opt.purpose);
    m.channel = text_of(cli->opt.channel);
    if (client_call(&client, &METHOD_MAY_CONTACT, &m.base, &reply, cli->arena,
                    &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    const bool may = ((const Halftone__V1__MayContactReply *)reply)->may;
    (void)fprintf(cli->term.out, may ? "yes\n" : "no\n");
    return may ? 0 : EXIT_NO;
}
