#ifndef POLICY_DRAFT_NAME_H
#define POLICY_DRAFT_NAME_H

#include <stdbool.h>

#include "server/policy/policy.h"

/*
 * A name for analysts from a name in a source: "Customer ID" and "CustomerID"
 * become customer_id, "order" becomes order_, "2024" becomes n2024.  A function
 * of the text alone.
 */
struct draft_name {
    char s[POLICY_NAME_MAX + 1]; /* "" when nothing of the text is left */
};
struct draft_name draft_name_of(const char *foreign);

#endif
