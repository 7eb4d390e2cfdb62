#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/ledger/book.h"

enum { NUMBER_CAP = 40, RHO_DIGITS = 12, EPS_DIGITS = 9, DELTA_DIGITS = 18 };

/* Integer units to natural ones, exactly: 1200000000 pico is "0.0012". */
struct number {
    char text[NUMBER_CAP];
};
static struct number number_of(uint64_t v, int digits)
{
    uint64_t unit = 1;
    for (int i = 0; i < digits; i++)
        unit *= 10;
    struct number out;
    int len = snprintf(out.text, sizeof out.text, "%" PRIu64 ".%0*" PRIu64,
                       v / unit, digits, v % unit);
    while (len > 0 && out.text[len - 1] == '0')
        out.text[--len] = '\0';
    if (len > 0 && out.text[len - 1] == '.')
        out.text[--len] = '\0';
    return out;
}

/* The part of a price that does not fit. */
struct part {
    const char *name;
    uint64_t price, left, fits;
    int digits;
};
static struct part failing_part(const struct refusal *r)
{
    if (r->price.rho_pico > r->left.rho_pico)
        return (struct part){ "rho", r->price.rho_pico, r->left.rho_pico,
                              r->fits.rho_pico, RHO_DIGITS };
    if (r->price.eps_nano > r->left.eps_nano)
        return (struct part){ "epsilon", r->price.eps_nano, r->left.eps_nano,
                              r->fits.eps_nano, EPS_DIGITS };
    return (struct part){ "delta", r->price.delta_atto, r->left.delta_atto,
                          r->fits.delta_atto, DELTA_DIGITS };
}

/* "dataset/shop" + "/principal/ann" is ann's quota, who is the one asking. */
static void describe(char *out, size_t cap, const struct refusal *r)
{
    const char *filter = r->accounts[0].name;
    const char *name = r->accounts[r->failing].name;
    const size_t len = strlen(filter);
    const char *rest = strncmp(name, filter, len) == 0 ? name + len : name;
    const char *slash = strrchr(rest, '/');
    if (r->failing == 0)
        (void)snprintf(out, cap, "The dataset's budget");
    else if (strncmp(rest, "/principal/", strlen("/principal/")) == 0)
        (void)snprintf(out, cap, "Your quota");
    else if (strncmp(rest, "/team/", strlen("/team/")) == 0)
        (void)snprintf(out, cap, "Your team's quota");
    else if (strncmp(rest, "/purpose/", strlen("/purpose/")) == 0)
        (void)snprintf(out, cap, "The quota of purpose %s",
                       rest + strlen("/purpose/"));
    else if (strncmp(rest, "/dashboard/", strlen("/dashboard/")) == 0)
        (void)snprintf(out, cap, "The quota of dashboard %s",
                       rest + strlen("/dashboard/"));
    else
        (void)snprintf(out, cap, "The quota of %s", slash ? slash + 1 : rest);
}

enum err_code say_over_budget(struct err *err, const struct refusal *r)
{
    char who[160];
    describe(who, sizeof who, r);
    const struct part p = failing_part(r);
    const uint64_t window_s = r->accounts[r->failing].window_s;
    (void)err_set(err, ERR_BUDGET,
                  "%s does not cover this query: it costs %s %s, and %s is "
                  "left%s.",
                  who, p.name, number_of(p.price, p.digits).text,
                  number_of(p.left, p.digits).text,
                  window_s ? " in this window" : "");
    if (p.fits > 0)
        return err_hint(err,
                        "At most %s %s fits: ask for less accuracy, fewer "
                        "groups or fewer columns.",
                        p.name, number_of(p.fits, p.digits).text);
    if (window_s)
        return err_hint(err, "Nothing fits until the next window begins; "
                             "stored answers stay readable.");
    return err_hint(err, "Nothing fits any more; stored answers stay readable, "
                         "and a steward decides about the budget.");
}

enum err_code say_expired(struct err *err)
{
    (void)err_set(err, ERR_EXPIRED,
                  "This query was charged and answered, and its answer has "
                  "expired.");
    return err_hint(err, "Ask with a new idempotency key: it is charged anew.");
}

enum err_code say_missed(struct err *err)
{
    (void)err_set(err, ERR_MISS,
                  "This query was charged, and no answer was produced in "
                  "time; the charge stays.");
    return err_hint(err, "Ask with a new idempotency key: it is charged anew.");
}
