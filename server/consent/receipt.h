#ifndef CONSENT_RECEIPT_H
#define CONSENT_RECEIPT_H

#include "server/base/writer.h"
#include "server/consent/history.h"
#include "server/policy/policy.h"

/*
 * What a person can keep of one decision: one line of JSON with the fields of
 * ISO/IEC TS 27560 (receipt, record, PII processing, party, event), which the
 * server signs.  It names the person by her pseudonym.
 */
void receipt_print(struct writer *w, const struct history_event *e,
                   const struct policy *policy);

/* The number of the record in a receipt that was printed so; 0: none is. */
uint64_t receipt_record(const char *json, size_t len);

/* Is the person it names known by one of these pseudonyms? */
bool receipt_is_of(const char *json, size_t len, const struct pseudonym *names,
                   size_t n);

#endif
