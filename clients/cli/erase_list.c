/* halftone erasures key, sign and open: lists for the owner of the data. */
#include <errno.h>
#include <fcntl.h>
#include <halftone/v1/admin.pb-c.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/cli/consent.h"
#include "clients/cli/dataset_word.h"
#include "clients/cli/erase.h"
#include "clients/cli/methods.h"
#include "server/audit/box.h"
#include "server/audit/note.h"
#include "server/base/base64.h"
#include "server/base/cleanup.h"

enum { LINE = 76, FILE_MAX = 256 << 20, HEX_KEY = 2 * BOX_KEY_LEN };
static const char TITLE[] = "halftone erasures\n";

static enum err_code no_list(struct err *err, const char *path)
{
    (void)err_set(err, ERR_INVALID, "%s is no list of whom to erase", path);
    return err_hint(err, "'halftone erasures sign' prints one; keep all of it");
}

/* ---- the owner's key ---- */

static void put_hex(char out[HEX_KEY + 1], const uint8_t key[BOX_KEY_LEN])
{
    for (size_t i = 0; i < BOX_KEY_LEN; i++)
        (void)snprintf(out + 2 * i, 3, "%02x", key[i]);
}

static enum err_code make_key(const char *path, char owner[HEX_KEY + 1],
                              struct err *err)
{
    uint8_t secret[BOX_KEY_LEN], public[BOX_KEY_LEN];
    char hex[HEX_KEY + 2];
    AUTO_CLOSE int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_set(err, ERR_INVALID, "%s cannot be made: %s", path,
                       strerror(errno));
    if (!box_key_new(secret, public))
        return err_set(err, ERR_INTERNAL, "the system has no randomness");
    put_hex(owner, public);
    put_hex(hex, secret);
    hex[HEX_KEY] = '\n';
    const bool ok =
        write(fd, hex, HEX_KEY + 1) == HEX_KEY + 1 && fsync(fd) == 0;
    OPENSSL_cleanse(secret, sizeof secret);
    OPENSSL_cleanse(hex, sizeof hex);
    return ok ? ERR_OK
              : err_set(err, ERR_INTERNAL, "%s cannot be written: %s", path,
                        strerror(errno));
}

int run_erasures_key(struct cli *cli)
{
    struct err err;
    char owner[HEX_KEY + 1];
    if (cli->n_words == 0) {
        (void)err_set(&err, ERR_INVALID, "no file is named");
        (void)err_hint(&err, "halftone erasures key owner.key");
        return cli_misused(cli, &err);
    }
    if (make_key(cli->words[0], owner, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    (void)fprintf(cli->term.out, "consent:\n  erasure:\n    owner: %s\n",
                  owner);
    cli_note(cli, "the secret is in the file: whoever owns the data keeps it, "
                  "away from the server");
    return 0;
}

static enum err_code read_key(uint8_t out[BOX_KEY_LEN], const char *path,
                              struct err *err)
{
    char hex[HEX_KEY + 1] = "";
    size_t len = 0;
    FILE *f = fopen(path, "r");
    const size_t n = f ? fread(hex, 1, HEX_KEY, f) : 0;
    if (f)
        (void)fclose(f);
    if (n == HEX_KEY &&
        OPENSSL_hexstr2buf_ex(out, BOX_KEY_LEN, &len, hex, '\0') == 1)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "%s holds no key of 64 hexadecimal digits",
                  path);
    return err_hint(err, "it is the file that 'halftone erasures key' made");
}

/* ---- a list is signed ---- */

static enum err_code print_list(struct cli *cli, const ProtobufCMessage *reply,
                                struct err *err)
{
    const Halftone__V1__SignedErasures *m = (const void *)reply;
    const size_t cap = m->sealed.len / 3 * 4 + 8;
    char *text = arena_alloc(cli->arena, cap, 1);
    if (!text)
        return err_set(err, ERR_LIMIT, "the list needs too much memory");
    struct writer w = writer_of(text, cap);
    base64_print(&w, m->sealed.data, m->sealed.len);
    (void)fprintf(cli->term.out, "%s\n", m->note);
    for (size_t at = 0; at < w.len; at += LINE)
        (void)fprintf(cli->term.out, "%.*s\n",
                      (int)(w.len - at < LINE ? w.len - at : LINE), text + at);
    return ERR_OK;
}

int run_erasures_sign(struct cli *cli)
{
    Halftone__V1__SignErasuresRequest m;
    halftone__v1__sign_erasures_request__init(&m);
    m.dataset = dataset_word(cli);
    return consent_ask(cli, &METHOD_SIGN_ERASURES, &m.base, print_list);
}

/* ---- and read ---- */

static enum err_code read_text(char **out, size_t *len, const char *path,
                               struct arena *a, struct err *err)
{
    FILE *f = fopen(path, "rb");
    long size = -1;
    if (f && fseek(f, 0, SEEK_END) == 0)
        size = ftell(f);
    const bool fits = size >= 0 && size < FILE_MAX;
    *out = fits ? arena_alloc(a, (size_t)size + 1, 1) : NULL;
    if (*out)
        rewind(f);
    *len = *out ? fread(*out, 1, (size_t)size, f) : 0;
    if (f)
        (void)fclose(f);
    if (*out)
        (*out)[*len] = '\0';
    return *out ? ERR_OK
                : err_set(err, ERR_NOT_FOUND, "%s cannot be read", path);
}

enum err_code erase_list_read(struct erase_list *out, struct cli *cli,
                              struct err *err)
{
    char *text;
    size_t len;
    if (cli->n_words == 0) {
        (void)err_set(err, ERR_INVALID, "no list is named");
        return err_hint(err, "halftone %s FILE", cli->command->name);
    }
    TRY(read_text(&text, &len, cli->words[0], cli->arena, err));
    return erase_list_parse(out, text, len, cli->words[0], cli->arena, err);
}

enum err_code erase_list_parse(struct erase_list *out, char *text, size_t len,
                               const char *path, struct arena *a,
                               struct err *err)
{
    char *end = NULL;
    size_t n = 0;
    /* After the text of the note and after its signatures. */
    for (int i = 0; i < 2; i++) {
        end = strstr(end ? end : text, "\n\n");
        if (!end)
            return no_list(err, path);
        end += 2;
    }
    out->note = arena_strndup(a, text, (size_t)(end - 1 - text));
    out->sealed = arena_alloc(a, len, 1);
    if (!out->note || !out->sealed)
        return err_set(err, ERR_LIMIT, "the list needs too much memory");
    for (char *s = end; *s; s++)
        if (*s != '\n' && *s != '\r')
            end[n++] = *s;
    return base64_parse(out->sealed, len, &out->sealed_len, end, n)
               ? ERR_OK
               : no_list(err, path);
}

/* The note is about what is sealed here, and signed by that key. */
static enum err_code check_note(const struct erase_list *list, const char *path,
                                const char *log_key, struct err *err)
{
    uint8_t digest[SHA256_DIGEST_LENGTH];
    char hex[16 + 2 * SHA256_DIGEST_LENGTH] = "\nsha256 ";
    struct note_verifier key;
    size_t len, at = strlen(hex);
    (void)SHA256(list->sealed, list->sealed_len, digest);
    for (size_t i = 0; i < sizeof digest; i++, at += 2)
        (void)snprintf(hex + at, 3, "%02x", digest[i]);
    if (!strstr(list->note, hex)) {
        (void)err_set(err, ERR_INVALID, "%s is not what was signed", path);
        return err_hint(err, "ask for a new list");
    }
    TRY(note_verifier_parse(&key, log_key, err));
    return note_open(&len, list->note, strlen(list->note), &key, err);
}

static enum err_code open_list(const struct erase_list *list,
                               const uint8_t secret[BOX_KEY_LEN],
                               struct cli *cli, struct err *err)
{
    const char *id = list->note + sizeof TITLE - 1;
    if (strncmp(list->note, TITLE, sizeof TITLE - 1) != 0)
        return no_list(err, cli->words[0]);
    const struct box_context c = { .info = TITLE,
                                   .info_len = sizeof TITLE - 1,
                                   .aad = id,
                                   .aad_len = strcspn(id, "\n") };
    uint8_t *text = arena_alloc(cli->arena, list->sealed_len + 1, 1);
    if (!text)
        return err_set(err, ERR_LIMIT, "the list needs too much memory");
    if (!box_open(text, secret, &c, list->sealed, list->sealed_len)) {
        (void)err_set(err, ERR_INVALID, "%s was sealed for another key",
                      cli->words[0]);
        return err_hint(err, "the policy's consent.erasure.owner says for "
                             "which");
    }
    size_t len = list->sealed_len - BOX_OVERHEAD;
    while (len > 1 && text[len - 1] == '\n' && text[len - 2] == '\n')
        len--;
    (void)fwrite(text, 1, len, cli->term.out);
    return ERR_OK;
}

int run_erasures_open(struct cli *cli)
{
    struct err err;
    struct erase_list list;
    uint8_t secret[BOX_KEY_LEN];
    if (!cli->opt.owner_key || !cli->opt.log_key) {
        (void)err_set(&err, ERR_INVALID,
                      "a list needs two keys: the owner's, "
                      "and that of the server");
        (void)err_hint(&err, "halftone erasures open FILE --owner-key FILE "
                             "--log-key KEY, which its operator publishes");
        return cli_misused(cli, &err);
    }
    if (erase_list_read(&list, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (read_key(secret, cli->opt.owner_key, &err) != ERR_OK ||
        check_note(&list, cli->words[0], cli->opt.log_key, &err) != ERR_OK ||
        open_list(&list, secret, cli, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    return 0;
}
