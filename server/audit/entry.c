#include "server/audit/entry.h"

#include <assert.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

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

static void print_text(struct writer *w, const char *key, const char *text)
{
    if (!text)
        return;
    writer_printf(w, ",\"%s\":\"", key);
    const size_t len = cut_of(text);
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            writer_printf(w, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            writer_printf(w, "\\u%04x", c);
        else
            writer_u8(w, c);
    }
    writer_u8(w, '"');
}

static void print_number(struct writer *w, const char *key, uint64_t v)
{
    writer_printf(w, ",\"%s\":%llu", key, (unsigned long long)v);
}

void audit_entry_print(struct writer *w, const struct audit_entry *e)
{
    assert(e->kind < AUDIT_KINDS);
    writer_printf(w, "{\"kind\":\"%s\",\"time_us\":%lld", KINDS[e->kind].name,
                  (long long)e->time_us);
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
    writer_u8(w, '}');
}

bool audit_salt_new(struct audit_salt *out)
{
    return RAND_bytes(out->bytes, sizeof out->bytes) == 1;
}

struct merkle_hash audit_commitment(const struct audit_salt *salt,
                                    const void *entry, size_t len)
{
    uint8_t both[AUDIT_SALT_LEN + AUDIT_ENTRY_LEN];
    struct merkle_hash out;
    struct writer w = writer_of(both, sizeof both);
    writer_bytes(&w, salt->bytes, sizeof salt->bytes);
    writer_bytes(&w, entry, len);
    assert(!w.overflow);
    (void)SHA256(both, w.len, out.bytes);
    return out;
}

struct merkle_hash audit_leaf(const struct merkle_hash *commitment)
{
    return merkle_leaf(commitment->bytes, sizeof commitment->bytes);
}
