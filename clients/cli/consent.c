#include "clients/cli/consent.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/cli/answer.h"
#include "clients/cli/grid.h"
#include "clients/cli/methods.h"
#include "clients/cli/number.h"
#include "server/query/value.h"

enum { SUBJECT_MAX = 1024, WORDS_MAX = 64 };

static char *text_of(const char *s)
{
    return (char *)(uintptr_t)(s ? s : "");
}

enum err_code consent_subject(char **out, struct cli *cli, struct err *err)
{
    const char *word = cli->n_words > 0 ? cli->words[0] : "";
    char line[SUBJECT_MAX + 2] = "";
    if (strcmp(word, "-") == 0) {
        if (!fgets(line, sizeof line, stdin))
            line[0] = '\0';
        line[strcspn(line, "\r\n")] = '\0';
        word = line;
    }
    *out = arena_strdup(cli->arena, word);
    if (*out && **out)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "no person is named");
    return err_hint(err,
                    "halftone %s SUBJECT, or - to read it from standard "
                    "input",
                    cli->command->name);
}

static enum err_code read_time(int64_t *out, const char *flag, const char *text,
                               struct err *err)
{
    struct value v;
    struct err why;
    if (!text)
        return ERR_OK;
    if (value_parse(&v, VALUE_TIMESTAMP, text, strlen(text), &why) == ERR_OK) {
        *out = v.i;
        return ERR_OK;
    }
    (void)err_set(err, ERR_INVALID, "--%s: '%.40s' is no time", flag, text);
    return err_hint(err, "write it in UTC, as 2026-01-31T12:00:00");
}

enum err_code consent_words(char ***out, size_t *n, const char *text,
                            struct arena *a, struct err *err)
{
    char **list = ARENA_NEW_N(a, WORDS_MAX, char *);
    *out = list;
    *n = 0;
    while (list && text && *text && *n < WORDS_MAX) {
        const size_t len = strcspn(text, ",");
        list[*n] = arena_strndup(a, text, len);
        if (!list[*n])
            break;
        ++*n;
        text += len + (text[len] == ',');
    }
    return list && !(text && *text)
               ? ERR_OK
               : err_set(err, ERR_LIMIT, "there are too many purposes");
}

enum err_code consent_at(int64_t *out, struct cli *cli, struct err *err)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *out = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
    return read_time(out, "at", cli->opt.at, err);
}

enum err_code consent_event_of(Halftone__V1__ConsentEvent *m, struct cli *cli,
                               struct err *err)
{
    halftone__v1__consent_event__init(m);
    TRY(consent_subject(&m->subject, cli, err));
    TRY(consent_at(&m->at_us, cli, err));
    TRY(read_time(&m->until_us, "until", cli->opt.until, err));
    TRY(consent_words(&m->purposes, &m->n_purposes, cli->opt.purpose,
                      cli->arena, err));
    m->dataset = text_of(cli->opt.dataset);
    m->notice = cli->opt.notice;
    m->source = text_of(cli->opt.from);
    m->proof = text_of(cli->opt.proof);
    m->explicit_ = cli->opt.explicit;
    return ERR_OK;
}

/* `purposes` are those asked for, which may come from the environment: whoever
 * records something sees for what.  NULL for what is about the person. */
static enum err_code print(struct cli *cli, const Halftone__V1__Recorded *m,
                           const char *purposes, struct err *err)
{
    static struct grid_column heads[] = {
        { "record", GRID_NUMBER }, { "purposes", GRID_TEXT },
        { "at", GRID_TEXT },       { "until", GRID_TEXT },
        { "notice", GRID_NUMBER }, { "was_there", GRID_TEXT }
    };
    enum { N = sizeof heads / sizeof heads[0] };
    const char *cells[N] = {
        arena_strdup(cli->arena, number_scaled(m->record, 0).s),
        purposes,
        answer_time(m->at_us, cli->arena),
        m->until_us ? answer_time(m->until_us, cli->arena) : NULL,
        m->notice ? arena_strdup(cli->arena, number_scaled(m->notice, 0).s)
                  : NULL,
        m->was_there ? "yes" : "no",
    };
    const struct grid g = {
        .columns = heads, .n_columns = N, .cells = cells, .n_rows = 1
    };
    return grid_print(&g, cli->opt.format, &cli->term, cli->arena, err);
}

static int call(struct cli *cli, const struct client_method *method,
                const ProtobufCMessage *request, const char *purposes)
{
    struct err err;
    struct client client;
    ProtobufCMessage *m;
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (client_call(&client, method, request, &m, cli->arena, &err) != ERR_OK ||
        print(cli, (const Halftone__V1__Recorded *)m, purposes, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}

static int send(struct cli *cli, const struct client_method *method)
{
    struct err err;
    Halftone__V1__ConsentEvent event;
    if (consent_event_of(&event, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    return call(cli, method, &event.base, cli->opt.purpose);
}

int run_consent_mark(struct cli *cli)
{
    struct err err;
    Halftone__V1__ConsentEvent event;
    Halftone__V1__MarkRequest mark;
    if (consent_event_of(&event, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    halftone__v1__mark_request__init(&mark);
    mark.dataset = event.dataset;
    mark.subject = event.subject;
    mark.at_us = event.at_us;
    mark.source = event.source;
    mark.proof = event.proof;
    mark.ordinary = cli->opt.ordinary;
    return call(cli, &METHOD_MARK, &mark.base, NULL);
}

int run_consent_record(struct cli *cli)
{
    return send(cli, &METHOD_GRANT);
}

int run_consent_withdraw(struct cli *cli)
{
    return send(cli, &METHOD_WITHDRAW);
}

int run_consent_object(struct cli *cli)
{
    return send(cli, &METHOD_OBJECT);
}

int run_consent_expire(struct cli *cli)
{
    return send(cli, &METHOD_EXPIRE);
}
