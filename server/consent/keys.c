/* The keys by which people of a shared register are known: every server has to
 * have all of them, or it would not find who withdrew at another. */
#include <openssl/sha.h>
#include <string.h>

#include "server/consent/parts.h"

struct print {
    uint8_t bytes[SHA256_DIGEST_LENGTH];
};

/* Keys are random: nobody goes back. */
static struct print print_of(const uint8_t key[PSEUDONYM_KEY_LEN])
{
    static const char what[] = "halftone pseudonym key";
    uint8_t text[sizeof what + PSEUDONYM_KEY_LEN];
    struct print out;
    memcpy(text, what, sizeof what);
    memcpy(text + sizeof what, key, PSEUDONYM_KEY_LEN);
    (void)SHA256(text, sizeof text, out.bytes);
    return out;
}

static bool has_key(const struct consent *c, const void *print, size_t len)
{
    for (size_t i = 0; i < c->options.keys.n; i++) {
        const struct print own = print_of(c->options.keys.key[i]);
        if (len == sizeof own && memcmp(own.bytes, print, len) == 0)
            return true;
    }
    return false;
}

bool keys_are_all(struct consent *c)
{
    struct shelf *s = &c->shelf;
    bool all = true;
    for (bool more = shelf_find(s, SHELF_KEYS, ""); more;
         more = shelf_next(s, SHELF_KEYS)) {
        size_t len;
        const void *print = shelf_blob(s, SHELF_KEYS, 0, &len);
        all &= has_key(c, print, len);
    }
    return all;
}

static enum err_code tell(struct consent *c, struct consent_job *job)
{
    struct shelf *s = &c->shelf;
    const struct print own = print_of(c->options.keys.key[0]);
    (void)job;
    if (shelf_find(s, SHELF_KEY, "b", own.bytes, sizeof own.bytes)) {
        shelf_end(s, SHELF_KEY);
        return ERR_OK;
    }
    shelf_run(s, SHELF_KEY_NEW, "b", own.bytes, sizeof own.bytes);
    follow_tell(c, CHANGE_KEYS, 0, 0);
    return ERR_OK;
}

enum err_code keys_tell(struct consent *c, struct err *err)
{
    struct consent_job job = { .run = tell, .err = err };
    if (!c->lacks_key)
        return consent_run(c, &job);
    (void)err_set(err, ERR_REFUSED,
                  "the file of pseudonym keys lacks a key by which people of "
                  "the register of consent are known");
    return err_hint(err, "the servers of a register share one file of keys: "
                         "copy it from another server");
}
