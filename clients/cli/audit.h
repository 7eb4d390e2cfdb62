#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H

#include "clients/cli/cli.h"
#include "server/audit/entry.h"

/* All that somebody needs to check, with a checkpoint of that size, that the
 * log holds this entry. */
struct audit_proof {
    uint64_t index, size;
    const char *entry;
    struct audit_salt salt;
    struct merkle_hash root;
    struct merkle_proof proof;
};

/* From a running server, with its auditor's token: print every entry, or get
 * the proof of a charge, of which nothing is checked yet. */
enum err_code audit_list(struct cli *cli, struct err *err) MUST_CHECK;
enum err_code audit_ask_proof(struct audit_proof *out, struct cli *cli,
                              const char *charge, struct err *err) MUST_CHECK;

/* Be a witness that logs ask, at --listen; returns on errors only. */
enum err_code audit_listen(struct cli *cli, struct err *err) MUST_CHECK;

#endif
