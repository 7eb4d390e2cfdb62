#ifndef MAIN_CONFIG_PARTS_H
#define MAIN_CONFIG_PARTS_H

#include "server/main/config.h"
#include "server/policy/fields.h"

/* A configuration while it is read: what needs other files to become final. */
struct config_text {
    struct config c;
    struct field_texts policies; /* files and folders as resolved */
    const char *secret;          /* path as resolved */
    const char *answer_keys;     /* likewise */
    const char *audit_key;
    const char *witness_key;    /* likewise, or NULL: beside the ledger */
    const char *pseudonym_keys; /* likewise */
    const struct yaml_node *root;
    bool plaintext_asked;
};

/* policies -> c.policies: files as they are, folders as the policies in them.
 */
void config_list_policies(struct loader *l, struct config_text *t);

/* secret -> c.secret: read the file, or make it. */
void config_open_secret(struct loader *l, struct config_text *t);

/* audit.key -> c.audit_key and answer_keys -> c.answer_keys, likewise. */
void config_open_audit_key(struct loader *l, struct config_text *t);
void config_read_witness(struct loader *l, struct config_text *t);
void config_open_answer_keys(struct loader *l, struct config_text *t);
/* consent.keys -> c.pseudonym_keys, where there is a register. */
void config_open_pseudonym_keys(struct loader *l, struct config_text *t);
/* consent.erasures, beside the register's file when it is not named. */
void config_name_erasures(struct loader *l, struct config_text *t);

#endif
