#ifndef CLI_CONSENT_H
#define CLI_CONSENT_H

#include <halftone/v1/consent.pb-c.h>

#include "clients/cli/cli.h"

/* What the commands about people's consent share. */

/*
 * The event that the command line tells, its time set, so that a call that is
 * tried again records the same.  ERR_INVALID: no subject, or a time that is
 * none.
 */
enum err_code consent_event_of(Halftone__V1__ConsentEvent *out, struct cli *cli,
                               struct err *err) MUST_CHECK;

/* The person that the command's word names, or standard input for -. */
enum err_code consent_subject(char **out, struct cli *cli,
                              struct err *err) MUST_CHECK;

/* --at, or now, so that a call that is tried again records the same. */
enum err_code consent_at(int64_t *out, struct cli *cli,
                         struct err *err) MUST_CHECK;

/* "a,b" as a list, which is allocated for protobuf-c. */
enum err_code consent_words(char ***out, size_t *n, const char *text,
                            struct arena *a, struct err *err) MUST_CHECK;

/* Call, and print the reply; the command's exit code. */
typedef enum err_code consent_print_fn(struct cli *cli,
                                       const ProtobufCMessage *reply,
                                       struct err *err);
int consent_ask(struct cli *cli, const struct client_method *method,
                const ProtobufCMessage *request, consent_print_fn *print);

#endif
