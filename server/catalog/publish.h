#ifndef CATALOG_PUBLISH_H
#define CATALOG_PUBLISH_H

#include "server/base/writer.h"
#include "server/catalog/rows.h"
#include "server/policy/policy.h"

/* The rows that stand for the published schema. */
void publish_rows(struct rows *r, const struct names *n,
                  const struct policy *const *policies, size_t n_policies);

/* 'text', quoted as SQL; NULL and "" give NULL. */
void publish_text(struct writer *w, const char *text);

/* PostgreSQL's type of a published column. */
uint32_t publish_type(enum policy_type type);

uint32_t publish_row_type(const struct policy *p, const struct policy_table *t);

/*
 * The check constraint of a public domain as PostgreSQL prints it, without its
 * outer parentheses: country = ANY (ARRAY['DE'::text, 'ES'::text]).  `pretty`
 * leaves out what is not needed around constants.
 */
void publish_check(struct writer *w, const struct policy_column *c,
                   bool pretty);

#endif
