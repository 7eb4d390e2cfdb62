#ifndef LEDGER_INTERVAL_H
#define LEDGER_INTERVAL_H

#include "server/audit/entry.h"
#include "server/ledger/ledger.h"

/*
 * The entry of an interval of the public clock, once for all servers of a
 * ledger: whoever comes first writes it, in one transaction with the note that it
 * is written.
 *
 * *is_ours: this call wrote it; else it, or one of a later time, was there.
 * Errors as ledger_record.
 */
enum err_code ledger_interval(struct ledger *l, const struct audit_entry *e,
                              int64_t to_us, bool *is_ours,
                              struct err *err) MUST_CHECK;

#endif
