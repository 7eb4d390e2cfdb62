#include "server/consent/tcf.h"

#include <string.h>

static const int64_t DECISECOND_US = 100000;

/* Bits of base64url text, the first first, with a sticky error. */
struct bits {
    const char *text;
    size_t len; /* characters */
    size_t at;  /* bits taken */
    bool short_read;
};

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '-' ? 62 : c == '_' ? 63 : -1;
}

/* The next n bits, n <= 36, the first as the highest; 0 past the end. */
static uint64_t take(struct bits *b, unsigned n)
{
    uint64_t v = 0;
    if (b->short_read || n > b->len * 6 - b->at) {
        b->short_read = true;
        return 0;
    }
    for (unsigned i = 0; i < n; i++, b->at++) {
        const int six = sextet(b->text[b->at / 6]);
        v = v << 1 | ((unsigned)six >> (5 - b->at % 6) & 1);
    }
    return v;
}

/* Purpose 1 comes first: it becomes bit 0. */
static uint32_t take_purposes(struct bits *b)
{
    uint32_t out = 0;
    for (unsigned p = 0; p < TCF_PURPOSES; p++)
        out |= (uint32_t)take(b, 1) << p;
    return out;
}

/* One section of vendors: a bit each, or ranges.  Is `vendor` in it? */
static bool take_vendors(struct bits *b, unsigned vendor)
{
    const unsigned most = (unsigned)take(b, 16);
    bool in = false;
    if (take(b, 1) == 0) {
        for (unsigned v = 1; v <= most && !b->short_read; v++)
            in |= take(b, 1) == 1 && v == vendor;
        return in;
    }
    const unsigned n = (unsigned)take(b, 12);
    for (unsigned i = 0; i < n && !b->short_read; i++) {
        const bool is_range = take(b, 1) == 1;
        const unsigned first = (unsigned)take(b, 16);
        const unsigned last = is_range ? (unsigned)take(b, 16) : first;
        in |= first <= vendor && vendor <= last;
    }
    return in;
}

static void skip_restrictions(struct bits *b)
{
    const unsigned n = (unsigned)take(b, 12);
    for (unsigned i = 0; i < n && !b->short_read; i++) {
        (void)take(b, 6 + 2);
        const unsigned m = (unsigned)take(b, 12);
        for (unsigned k = 0; k < m && !b->short_read; k++)
            (void)take(b, take(b, 1) == 1 ? 32 : 16);
    }
}

static enum err_code wrong(struct err *err, const char *what)
{
    (void)err_set(err, ERR_INVALID, "the consent string %s", what);
    return err_hint(err, "send it as the consent platform gave it, all of it");
}

enum err_code tcf_parse(struct tcf *out, const char *text, size_t len,
                        unsigned vendor, struct err *err)
{
    const char *dot = memchr(text, '.', len);
    struct bits b = { .text = text, .len = dot ? (size_t)(dot - text) : len };
    struct tcf t = { 0 };
    if (len > TCF_LEN_MAX)
        return wrong(err, "is too long");
    for (size_t i = 0; i < b.len; i++)
        if (sextet(text[i]) < 0)
            return wrong(err, "holds a character that base64url has not");
    const unsigned version = (unsigned)take(&b, 6);
    if (!b.short_read && version != 2)
        return wrong(err, "is of another version than 2");
    (void)take(&b, 36); /* created */
    t.updated_us = (int64_t)take(&b, 36) * DECISECOND_US;
    (void)take(&b, 12 + 12 + 6); /* platform, its version, screen */
    (void)take(&b, 12 + 12);     /* language, version of the vendor list */
    (void)take(&b, 6 + 1 + 1);   /* policy, service specific, other texts */
    (void)take(&b, 12);          /* special features */
    t.consent = take_purposes(&b);
    t.interest = take_purposes(&b);
    (void)take(&b, 1 + 12); /* purpose one treatment, country */
    t.vendor_consent = take_vendors(&b, vendor);
    t.vendor_interest = take_vendors(&b, vendor);
    skip_restrictions(&b);
    if (b.short_read)
        return wrong(err, "ends too early");
    *out = t;
    return ERR_OK;
}
