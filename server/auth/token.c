#include <openssl/rand.h>
#include <openssl/sha.h>
#include <string.h>

#include "server/auth/auth.h"
#include "server/policy/scalar.h"

enum { TOKEN_BYTES = 32 };

static void hex_of(char *out, const uint8_t *bytes, size_t n)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

enum err_code auth_token_new(struct auth_token *out, struct err *err)
{
    uint8_t secret[TOKEN_BYTES];
    if (RAND_priv_bytes(secret, sizeof secret) != 1) {
        (void)err_set(err, ERR_INTERNAL, "the system gave no randomness");
        return err_hint(err, "check that /dev/urandom can be read");
    }
    hex_of(out->hex, secret, sizeof secret);
    (void)SHA256((const unsigned char *)out->hex, 2 * sizeof secret, out->hash);
    OPENSSL_cleanse(secret, sizeof secret);
    return ERR_OK;
}

static bool is_entry(const char *text)
{
    return strcmp(text, "*") == 0 || scalar_is_id(text);
}

/* "key: [a, b]" in quotes: an id may look like a number. */
static enum err_code print_list(struct writer *w, const char *key,
                                const char *const *list, size_t n,
                                struct err *err)
{
    if (n == 0)
        return ERR_OK;
    writer_printf(w, "    %s: [", key);
    for (size_t i = 0; i < n; i++) {
        if (!is_entry(list[i])) {
            (void)err_set(err, ERR_INVALID, "'%.60s' cannot be one of the %s",
                          list[i], key);
            return err_hint(err, "a name is lower-case letters, digits and "
                                 "'_-.@', or '*' for all");
        }
        writer_printf(w, "%s\"%s\"", i ? ", " : "", list[i]);
    }
    writer_str(w, "]\n");
    return ERR_OK;
}

enum err_code auth_entry_print(struct writer *w, const struct auth_principal *p,
                               struct err *err)
{
    char hash[2 * sizeof p->token_hash + 1];
    if (!scalar_is_id(p->name)) {
        (void)err_set(err, ERR_INVALID, "'%.60s' is no name of a principal",
                      p->name);
        return err_hint(err, "use at most 63 lower-case letters, digits and "
                             "'_-.@'");
    }
    hex_of(hash, p->token_hash, sizeof p->token_hash);
    writer_printf(w, "  \"%s\":\n    role: %s\n", p->name,
                  auth_role_name(p->role));
    TRY(print_list(w, "datasets", p->datasets, p->n_datasets, err));
    TRY(print_list(w, "purposes", p->purposes, p->n_purposes, err));
    TRY(print_list(w, "dashboards", p->dashboards, p->n_dashboards, err));
    writer_printf(w, "    token_sha256: \"%s\"\n", hash);
    if (p->scram) {
        writer_str(w, "    scram_sha256: \"");
        scram_print(w, p->scram);
        writer_str(w, "\"\n");
    }
    return ERR_OK;
}
