#ifndef POLICY_PARTS_H
#define POLICY_PARTS_H

#include "server/policy/fields.h"
#include "server/policy/policy.h"

/*
 * Inside server/policy/: a policy while it is being read.  Prices wait here as
 * written, because what they mean depends on the notion and on the cap, which
 * may stand below them in the file.
 */
struct price_text {
    const struct yaml_node *node; /* NULL = absent */
    double rho, eps, delta;       /* NaN = absent or wrong */
};

struct policy_file {
    struct policy p;
    bool exclusive;
    double default_delta, shown_delta; /* NaN = absent */
    struct price_text cap, default_price, max_price;
    struct price_text *quota_limits; /* one for each of p.quotas */
    struct price_text counts_price, counts_reserve; /* consent.counts */
    const struct yaml_node *root;
};

/* Tables of fields, for reading and for the page. */
extern const struct field_set POLICY_FIELDS, POLICY_PRICE_FIELDS,
    POLICY_QUOTA_FIELDS, POLICY_PURPOSE_FIELDS, POLICY_TABLE_FIELDS,
    POLICY_COLUMN_FIELDS, POLICY_ROLLUP_FIELDS, POLICY_CONSENT_FIELDS,
    POLICY_MAP_FIELDS, POLICY_ERASURE_FIELDS, POLICY_CONTACT_FIELDS,
    POLICY_CHANNEL_FIELDS, POLICY_COUNTS_FIELDS;

/* Readers of fields (fields.h); out is a struct policy_file. */
field_read_fn policy_read_price, policy_read_quotas, policy_read_tables,
    policy_read_purposes, policy_read_consent, policy_read_contact;

/* Read the columns of one table. */
void policy_read_columns(struct loader *l, const struct field *f,
                         const struct yaml_node *node, void *out);

/* The rollups of one table, whose columns and key are known: `node` is the map
 * under 'rollups'. */
void policy_read_rollups(struct loader *l, const struct policy *p,
                         struct policy_table *t, const struct yaml_node *node);

/* Prices as written -> integers under the notion; limits round down. */
void policy_resolve_prices(struct loader *l, struct policy_file *file);

/*
 * meaning.c: SHA-256 of the file's bytes without the line of data_version, when
 * that line holds nothing else; else of all.
 */
void policy_hash_meaning(uint8_t out[32], const struct yaml_node *root,
                         const void *bytes, size_t len);

/* load_purpose.c: purposes and consent, together. */
void policy_check_consent(struct loader *l, struct policy_file *file);

/* load_contact.c */
void policy_check_contact(struct loader *l, struct policy_file *file);

/* What no single key shows: keys of tables, notion and domains, 10^38. */
void policy_check(struct loader *l, struct policy_file *file);

#endif
