/* halftone consent counts, confirm: about the register, and nobody in it. */
#include <halftone/v1/admin.pb-c.h>

#include "clients/cli/answer.h"
#include "clients/cli/dataset_word.h"
#include "clients/cli/methods.h"

int run_consent_counts(struct cli *cli)
{
    struct err err;
    struct client client;
    ProtobufCMessage *reply;
    Halftone__V1__GetConsentCountsRequest request;
    halftone__v1__get_consent_counts_request__init(&request);
    request.dataset = dataset_word(cli);
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (client_call(&client, &METHOD_COUNTS, &request.base, &reply, cli->arena,
                    &err) != ERR_OK ||
        answer_print((const Halftone__V1__QueryReply *)reply, cli->opt.format,
                     &cli->term, cli->arena, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}

int run_consent_confirm(struct cli *cli)
{
    struct err err;
    struct client client;
    ProtobufCMessage *reply;
    Halftone__V1__ConfirmRegisterRequest request;
    halftone__v1__confirm_register_request__init(&request);
    if (!cli->opt.reason) {
        (void)err_set(&err, ERR_INVALID, "to confirm needs a reason");
        (void)err_hint(&err, "halftone consent confirm --reason 'imported all "
                             "since the copy of May 2'");
        return cli_misused(cli, &err);
    }
    request.reason = (char *)(uintptr_t)cli->opt.reason;
    if (client_of(&client, &cli->opt, &cli->term, cli->arena, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (client_call(&client, &METHOD_CONFIRM, &request.base, &reply, cli->arena,
                    &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    const bool was_held =
        ((const Halftone__V1__RegisterState *)(const void *)reply)->was_held;
    (void)puts(was_held ? "the register is no longer held: questions are "
                          "answered again"
                        : "the register was not held: questions were answered "
                          "all the time");
    return 0;
}
