#include <string.h>

#include "clients/cli/answer.h"
#include "clients/cli/cli.h"
#include "clients/cli/methods.h"
#include "clients/cli/question.h"

void question_hint_at_key(struct err *err, const char *key)
{
    /* The server knows a way out that is no retry. */
    if (err->code == ERR_UNAVAILABLE && err->hint[0] &&
        !strstr(err->hint, "key"))
        return;
    if (err->code == ERR_DEADLINE || err->code == ERR_CANCELLED ||
        err->code == ERR_UNAVAILABLE)
        (void)err_hint(err,
                       "repeat it with --key %s: if it was charged, that "
                       "costs nothing more",
                       key);
    if (err->code == ERR_MISS && strstr(err->hint, "the same idempotency key"))
        (void)err_hint(err,
                       "repeat it with --key %s: it runs once more, and "
                       "nothing more is charged",
                       key);
}

int run_query(struct cli *cli)
{
    struct err err;
    struct question q;
    struct client client;
    ProtobufCMessage *reply;
    if (question_of(&q, &cli->opt, cli->words, cli->n_words, true, cli->arena,
                    &err) != ERR_OK ||
        client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    client.doing = "asking";
    if (client_call(&client, &METHOD_QUERY, &q.message.base, &reply, cli->arena,
                    &err) != ERR_OK) {
        if (client.reached)
            question_hint_at_key(&err, q.message.idempotency_key);
        return cli_fail(cli, &err, q.sql);
    }
    if (answer_print((const Halftone__V1__QueryReply *)reply, cli->opt.format,
                     &cli->term, cli->arena, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}
