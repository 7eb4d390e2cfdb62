#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/base/durable.h"
#include "server/ledger/ledger.h"
#include "server/main/config_parts.h"

enum { POLICIES_MAX = 1000 };

/* --- policies --- */

static int is_policy(const struct dirent *e)
{
    const size_t n = strlen(e->d_name);
    return e->d_name[0] != '.' && n > 5 &&
           strcmp(e->d_name + n - 5, ".yaml") == 0;
}

static void add_policy(struct loader *l, struct config *c, const char *path)
{
    if (!path)
        l->full = true;
    else if (c->n_policies < POLICIES_MAX)
        c->policies[c->n_policies++] = path;
}

static void add_folder(struct loader *l, struct config *c, const char *folder,
                       struct yaml_place at)
{
    struct dirent **found;
    const int n = scandir(folder, &found, is_policy, alphasort);
    for (int i = 0; i < n; i++) {
        add_policy(l, c, arena_printf(l->a, "%s/%s", folder, found[i]->d_name));
        free(found[i]);
    }
    if (n >= 0)
        free(found);
    if (n <= 0)
        loader_mistake(l, at,
                       arena_printf(l->a, "the folder '%s' holds no *.yaml",
                                    loader_quote(l, folder)),
                       "put a policy there: 'halftone policy draft' writes a "
                       "first one");
}

static int by_text(const void *x, const void *y)
{
    return strcmp(*(const char *const *)x, *(const char *const *)y);
}

/* A file named by itself and by its folder is one policy. */
static void sort_unique(struct config *c)
{
    size_t n = 0;
    if (c->n_policies > 1)
        qsort(c->policies, c->n_policies, sizeof *c->policies, by_text);
    for (size_t i = 0; i < c->n_policies; i++)
        if (n == 0 || strcmp(c->policies[n - 1], c->policies[i]) != 0)
            c->policies[n++] = c->policies[i];
    c->n_policies = n;
}

void config_list_policies(struct loader *l, struct config_text *t)
{
    struct config *c = &t->c;
    c->policies = loader_alloc(l, POLICIES_MAX, sizeof *c->policies);
    c->n_policies = 0;
    for (size_t i = 0; c->policies && i < t->policies.n; i++) {
        const char *path = t->policies.text[i];
        struct stat st;
        if (stat(path, &st) != 0)
            loader_mistake(l, t->policies.at[i],
                           arena_printf(l->a, "cannot read '%s': %s",
                                        loader_quote(l, path), strerror(errno)),
                           "name a policy file or a folder of them");
        else if (S_ISDIR(st.st_mode))
            add_folder(l, c, path, t->policies.at[i]);
        else
            add_policy(l, c, path);
    }
    if (c->policies)
        sort_unique(c);
}

/* --- private files --- */

/* Make the file whole or not at all: written aside, then linked, so that a
 * crash leaves no short one and the loser of a race keeps the winner's. */
static bool make_private(const char *path, char *aside, const void *fresh,
                         size_t len)
{
    AUTO_CLOSE int fd = mkostemp(aside, O_CLOEXEC); /* mode 0600 */
    if (fd < 0)
        return false;
    const bool made = durable_put(fd, fresh, len) &&
                      (link(aside, path) == 0 || errno == EEXIST);
    const int cause = errno;
    (void)unlink(aside);
    errno = cause;
    return made;
}

/* NULL when it was read; else what is wrong with the file.  *len: at most, and
 * how many there were. */
static const char *read_private(int fd, void *out, size_t *len)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
        return "is no regular file";
    if (st.st_mode & (S_IRWXG | S_IRWXO))
        return "can be read or written by others";
    if (st.st_uid != geteuid())
        return "belongs to another user";
    if (st.st_size > (off_t)*len || read(fd, out, *len) != st.st_size)
        return "is too long";
    *len = (size_t)st.st_size;
    return NULL;
}

/* A file that only the server may read: `what` it is, where its key stands,
 * and what to put into it when it is not there. */
struct private_file {
    const char *what, *path;
    struct yaml_place at;
    const void *fresh;
    size_t fresh_len;
};

static bool mistake_of(struct loader *l, const struct private_file *f,
                       const char *wrong)
{
    loader_mistake(l, f->at,
                   arena_printf(l->a, "the %s '%s' %s", f->what,
                                loader_quote(l, f->path), wrong),
                   "chmod 600 and chown it to the server's user, or remove "
                   "it: a new one is made");
    return false;
}

/* Read it into out[0 .. *len), or make it first; false after a mistake. */
static bool open_private(struct loader *l, const struct private_file *f,
                         void *out, size_t *len)
{
    char *aside = arena_printf(l->a, "%s.XXXXXX", f->path);
    if (!aside) {
        l->full = true;
        return false;
    }
    bool made = true;
    if (access(f->path, F_OK) != 0)
        made = make_private(f->path, aside, f->fresh, f->fresh_len);
    AUTO_CLOSE int fd =
        made ? open(f->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK) : -1;
    if (fd < 0) {
        loader_mistake(l, f->at,
                       arena_printf(l->a, "cannot %s '%s': %s",
                                    made ? "read" : "make",
                                    loader_quote(l, f->path), strerror(errno)),
                       "name a file in a folder that the server may write");
        return false;
    }
    const char *wrong = read_private(fd, out, len);
    /* What is used from now on must be there after the power went, also when a
     * start that was cut short made it. */
    if (!wrong && !durable_name(f->path))
        wrong = "stands in a folder that cannot be synced";
    return wrong ? mistake_of(l, f, wrong) : true;
}

void config_open_secret(struct loader *l, struct config_text *t)
{
    uint8_t fresh[sizeof t->c.secret];
    size_t len = sizeof t->c.secret;
    const struct private_file f = {
        .what = "secret",
        .path = t->secret,
        .at = yaml_place_of(yaml_tree_find(t->root, "secret")),
        .fresh = fresh,
        .fresh_len = sizeof fresh,
    };
    if (RAND_priv_bytes(fresh, sizeof fresh) != 1)
        (void)mistake_of(l, &f, "cannot be made: no randomness");
    else if (open_private(l, &f, t->c.secret, &len) &&
             len != sizeof t->c.secret)
        (void)mistake_of(l, &f, "does not hold exactly 32 bytes");
    OPENSSL_cleanse(fresh, sizeof fresh);
}

/* The key's line, and a name for it that is the log's. */
/* The servers that share a ledger, or a register, share its keys: each must be
 * told where. */
static bool is_named_of(struct loader *l, const struct config_text *t,
                        const char *where, const char *node, const char *path,
                        const char *key)
{
    if (path || !ledger_is_shared(where))
        return true;
    loader_mistake(l, yaml_place_of(yaml_tree_find(t->root, node)),
                   arena_printf(l->a,
                                "a %s in a database needs '%s', a file "
                                "that is the same on each of its servers",
                                strcmp(node, "ledger") == 0 ? node : "register",
                                key),
                   "name a file; the first server makes it, then copy it to "
                   "the others");
    return false;
}

static bool is_named(struct loader *l, const struct config_text *t,
                     const char *path, const char *key)
{
    return is_named_of(l, t, t->c.ledger, "ledger", path, key);
}

void config_open_audit_key(struct loader *l, struct config_text *t)
{
    const struct yaml_node *node = yaml_tree_find(t->root, "audit");
    struct note_signer *key = &t->c.audit_key;
    char line[NOTE_KEY_TEXT_LEN + 1], fresh[NOTE_KEY_TEXT_LEN];
    size_t len = sizeof line - 1;
    struct writer w = writer_of(fresh, sizeof fresh);
    struct err err = { 0 };
    if (!is_named(l, t, t->audit_key, "audit.key"))
        return;
    if (!t->audit_key)
        t->audit_key = arena_printf(l->a, "%s-audit-key", t->c.ledger);
    struct private_file f = {
        .what = "audit key",
        .path = t->audit_key,
        .at = yaml_place_of(node ? node : t->root),
        .fresh = fresh,
    };
    if (!t->audit_key) {
        l->full = true;
        return;
    }
    if (note_signer_new(key, t->c.audit_name, NOTE_ED25519, &err) != ERR_OK) {
        loader_mistake(l, f.at, arena_strdup(l->a, err.msg),
                       "set audit.name to something like "
                       "example.com/halftone: no space, no '+'");
        return;
    }
    note_signer_print(&w, key);
    writer_u8(&w, '\n');
    f.fresh_len = w.len;
    if (open_private(l, &f, line, &len)) {
        line[len] = '\0';
        if (note_signer_parse(key, line, &err) != ERR_OK)
            (void)mistake_of(l, &f, "does not hold a signer's key");
        else if (strcmp(key->verifier.name, t->c.audit_name) != 0)
            loader_mistake(l, f.at,
                           arena_printf(l->a,
                                        "the audit key '%s' is for the log "
                                        "'%s', and audit.name is '%s'",
                                        loader_quote(l, f.path),
                                        key->verifier.name, t->c.audit_name),
                           "a log keeps its name; name another key file to "
                           "begin a new one");
    }
    OPENSSL_cleanse(fresh, sizeof fresh);
    OPENSSL_cleanse(line, sizeof line);
}

/* A file of keys of 32 bytes, one in hexadecimal a line. */
struct key_file {
    const char *what, *key; /* for people; where it stands in the file */
    const char **path;
    const char *beside, *suffix; /* its name where none is given */
    enum err_code (*parse)(void *out, const char *text, size_t len,
                           struct err *err);
    void *out;
};

static void open_keys(struct loader *l, const struct config_text *t,
                      const struct key_file *k)
{
    enum {
        KEYS_MAX = 8,
        KEY_LEN = 32,
        FILE_MAX = KEYS_MAX * (2 * KEY_LEN + 1)
    };
    uint8_t key[KEY_LEN];
    char fresh[2 * KEY_LEN + 2], text[FILE_MAX];
    struct writer w = writer_of(fresh, sizeof fresh);
    size_t len = sizeof text;
    struct err err = { 0 };
    if (!*k->path)
        *k->path = arena_printf(l->a, "%s%s", k->beside, k->suffix);
    if (!*k->path) {
        l->full = true;
        return;
    }
    const bool random = RAND_priv_bytes(key, sizeof key) == 1;
    for (size_t i = 0; i < sizeof key; i++)
        writer_printf(&w, "%02x", key[i]);
    writer_u8(&w, '\n');
    const struct yaml_node *node = yaml_tree_find(t->root, k->key);
    const struct private_file f = {
        .what = k->what,
        .path = *k->path,
        .at = yaml_place_of(node ? node : t->root),
        .fresh = fresh,
        .fresh_len = w.len,
    };
    if (!random)
        (void)mistake_of(l, &f, "cannot be made: no randomness");
    else if (open_private(l, &f, text, &len) &&
             k->parse(k->out, text, len, &err) != ERR_OK)
        loader_mistake(l, f.at,
                       arena_printf(l->a, "the %s '%s': %s", k->what,
                                    loader_quote(l, f.path), err.msg),
                       "a key a line: openssl rand -hex 32");
    OPENSSL_cleanse(key, sizeof key);
    OPENSSL_cleanse(fresh, sizeof fresh);
    OPENSSL_cleanse(text, sizeof text);
}

static enum err_code parse_answer_keys(void *out, const char *text, size_t len,
                                       struct err *err)
{
    return seal_keys_parse(out, text, len, err);
}

static enum err_code parse_pseudonym_keys(void *out, const char *text,
                                          size_t len, struct err *err)
{
    return pseudonym_keys_parse(out, text, len, err);
}

void config_read_witness(struct loader *l, struct config_text *t)
{
    const struct yaml_node *node = yaml_tree_find(t->root, "audit");
    const struct yaml_place at = yaml_place_of(node ? node : t->root);
    struct err err = { 0 };
    if (!t->c.witness_url)
        return;
    if (t->c.witness)
        loader_mistake(l, at,
                       "audit.witness and audit.witness_url are two "
                       "witnesses",
                       "name one of them");
    if (!t->witness_key)
        loader_mistake(l, at, "audit.witness_url needs audit.witness_key",
                       "it is the line that the witness prints when it "
                       "starts");
    else if (note_verifier_parse(&t->c.witness_key, t->witness_key, &err) !=
                 ERR_OK ||
             t->c.witness_key.alg != NOTE_COSIGNATURE)
        loader_mistake(l, at, "audit.witness_key is no key of a witness",
                       "it is one line, NAME+HASH+BASE64, whose base64 begins "
                       "with B");
}

void config_open_answer_keys(struct loader *l, struct config_text *t)
{
    if (!is_named(l, t, t->answer_keys, "answer_keys"))
        return;
    const struct key_file k = { "file of answer keys", "answer_keys",
                                &t->answer_keys,       t->c.ledger,
                                "-answer-keys",        parse_answer_keys,
                                &t->c.answer_keys };
    open_keys(l, t, &k);
}

void config_open_pseudonym_keys(struct loader *l, struct config_text *t)
{
    if (!is_named_of(l, t, t->c.consent, "consent", t->pseudonym_keys,
                     "consent.keys"))
        return;
    const struct key_file k = { "file of pseudonym keys",
                                "consent",
                                &t->pseudonym_keys,
                                t->c.consent,
                                "-keys",
                                parse_pseudonym_keys,
                                &t->c.pseudonym_keys };
    open_keys(l, t, &k);
}

void config_name_erasures(struct loader *l, struct config_text *t)
{
    if (t->c.erasures)
        return;
    if (ledger_is_shared(t->c.consent)) {
        loader_mistake(l, yaml_place_of(yaml_tree_find(t->root, "consent")),
                       "a register in a database needs 'consent.erasures', a "
                       "file of each server's own",
                       "name a file; the server makes it");
        return;
    }
    t->c.erasures = arena_printf(l->a, "%s-erasures", t->c.consent);
    l->full |= !t->c.erasures;
}
