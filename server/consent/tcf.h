#ifndef CONSENT_TCF_H
#define CONSENT_TCF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/err.h"

/*
 * The core segment of a consent string of the IAB's Transparency and Consent
 * Framework, v2.0 to v2.3: what a person told a consent platform.
 *
 *   base64url(version, times, platform, language, purposes, vendors, ...) . ...
 *
 * Only what decides is kept: when, and for each purpose consent and whether its
 * legitimate interest was shown and not objected to; the same of one vendor.
 * Other segments are passed over; what publishers restrict is read to its end
 * and not applied, for it can only take purposes away from vendors, which
 * `vendor` 0 does not ask about.
 *
 * Source: IAB Tech Lab, "Consent string and vendor list formats v2", 2.3.
 */
enum { TCF_PURPOSES = 24, TCF_LEN_MAX = 32 * 1024 };

struct tcf {
    int64_t updated_us;  /* wall */
    uint32_t consent;    /* bit p - 1: purpose p */
    uint32_t interest;   /* the same, of legitimate interest */
    bool vendor_consent; /* of the vendor asked about */
    bool vendor_interest;
};

/*
 * ERR_INVALID  no such string: says what is wrong; *out is untouched
 */
enum err_code tcf_parse(struct tcf *out, const char *text, size_t len,
                        unsigned vendor, struct err *err) MUST_CHECK;

#endif
