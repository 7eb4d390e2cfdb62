#ifndef MAIN_SERVICE_CHARGE_H
#define MAIN_SERVICE_CHARGE_H

#include "server/main/service.h"

/* What a call draws on and what its charge says, and a receipt of that. */

/* The accounts a charge moves on: the filter, then the caller's quotas. */
struct service_accounts {
    struct ledger_account_spec spec[LEDGER_ACCOUNTS_MAX];
    size_t n;
};
enum err_code service_accounts_of(struct service_accounts *out,
                                  const struct policy *policy,
                                  const struct auth_principal *who,
                                  const char *purpose, const char *dashboard,
                                  struct arena *a, struct err *err) MUST_CHECK;

/* The dashboard that a request is for, or NULL. */
const char *service_dashboard(const struct request *req,
                              const struct auth_principal *who);

/* Of a receipt: whose it is, what this price says and what is left.  The rest
 * is zero. */
struct reply_receipt service_priced(const struct policy *policy,
                                    struct dp_price price,
                                    struct dp_price left);

/* The interval of the public clock (consent.interval) that a release at this
 * time is of, in words for the audit log; NULL: the policy has no register, or
 * there is no memory. */
const char *service_interval(const struct policy *policy, int64_t now_us,
                             struct arena *a);

/* What a charge on those accounts says, for the call's request. */
enum err_code service_charge_args(struct ledger_charge_args *out,
                                  const struct service_call *call,
                                  const struct policy *policy,
                                  const uint8_t *release_hash,
                                  struct dp_price price, struct arena *a,
                                  struct err *err) MUST_CHECK;

#endif
