#include "server/audit/entry.h"

#include <assert.h>
#include <openssl/rand.h>
#include <string.h>

#include "server/audit/sha256.h"

enum { TEXT_MAX = 200 };

static const struct {
    const char *name, *help;
} KINDS[AUDIT_KINDS] = {
#define AUDIT(constant, name, help) [AUDIT_##constant] = { name, help },
#include "server/audit/audit.def"
#undef AUDIT
};

const char *audit_kind_name(enum audit_kind k)
{
    return KINDS[k].name;
}

const char *audit_kind_help(enum audit_kind k)
{
    return KINDS[k].help;
}

/* At most TEXT_MAX bytes, ending between characters. */
static size_t cut_of(const char *text)
{
    size_t len = strnlen(text, TEXT_MAX + 1);
    if (len <= TEXT_MAX)
        return len;
    len = TEXT_MAX;
    while (len > 0 && ((unsigned char)text[len] & 0xc0) == 0x80)
        len--;
    return len;
}

/* ,"key": */
static void print_key(struct writer *w, const char *key)
{
    writer_bytes(w, ",\"", 2);
    writer_str(w, key);
    writer_bytes(w, "\":", 2);
}

static void print_text(struct writer *w, const char *key, const char *text)
{
    if (!text)
        return;
    print_key(w, key);
    writer_json(w, text, cut_of(text));
}

static void print_number(struct writer *w, const char *key, uint64_t v)
{
    char digits[20]; /* of UINT64_MAX */
    size_t at = sizeof digits;
    do
        digits[--at] = (char)('0' + v % 10);
    while ((v /= 10) > 0);
    print_key(w, key);
    writer_bytes(w, digits + at, sizeof digits - at);
}

void audit_entry_print(struct writer *w, const struct audit_entry *e)
{
    assert(e->kind < AUDIT_KINDS);
    writer_str(w, "{\"kind\":\"");
    writer_str(w, KINDS[e->kind].name);
    writer_u8(w, '"');
    if (e->time_us < 0)
        writer_printf(w, ",\"time_us\":%lld", (long long)e->time_us);
    else
        print_number(w, "time_us", (uint64_t)e->time_us);
    print_text(w, "principal", e->principal);
    print_text(w, "dataset", e->dataset);
    print_text(w, "purpose", e->purpose);
    print_text(w, "charge", e->charge);
    if (e->has_price) {
        print_number(w, "rho_pico", e->rho_pico);
        print_number(w, "eps_nano", e->eps_nano);
        print_number(w, "delta_atto", e->delta_atto);
    }
    if (e->policy_version)
        print_number(w, "policy_version", e->policy_version);
    print_text(w, "detail", e->detail);
    print_text(w, "bond", e->bond);
    writer_u8(w, '}');
}

bool audit_salt_new(struct audit_salt *out)
{
    return RAND_bytes(out->bytes, sizeof out->bytes) == 1;
}

struct merkle_hash audit_commitment(const struct audit_salt *salt,
                                    const void *entry, size_t len)
{
    struct merkle_hash out;
    sha256_of(out.bytes, salt->bytes, sizeof salt->bytes, entry, len);
    return out;
}

struct merkle_hash audit_leaf(const struct merkle_hash *commitment)
{
    return merkle_leaf(commitment->bytes, sizeof commitment->bytes);
}
