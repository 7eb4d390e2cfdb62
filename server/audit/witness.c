#include "server/audit/witness.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/cleanup.h"
#include "server/base/durable.h"
#include "server/base/hex.h"

enum { TEXT_LEN = NOTE_LEN_MAX - 1024 };
static const char EPOCH[] = "halftone-epoch ", BLOCK[] = "halftone-block ";

struct witness_block *witness_find(struct witness *w, const char *account)
{
    for (size_t i = 0; i < w->n; i++)
        if (strcmp(w->block[i].account, account) == 0)
            return &w->block[i];
    return NULL;
}

struct witness_block *witness_block_of(struct witness *w, const char *account)
{
    struct witness_block *b = witness_find(w, account);
    const size_t len = strlen(account);
    if (b)
        return b;
    if (w->n == WITNESS_BLOCKS || len == 0 || len >= sizeof b->account ||
        strcspn(account, " \n") != len)
        return NULL;
    b = &w->block[w->n++];
    *b = (struct witness_block){ 0 };
    memcpy(b->account, account, len + 1);
    return b;
}

void witness_print(struct writer *w, const struct witness *witness)
{
    checkpoint_print(w, &witness->head);
    writer_str(w, EPOCH);
    for (size_t i = 0; i < WITNESS_EPOCH_LEN; i++)
        writer_printf(w, "%02x", witness->epoch[i]);
    writer_u8(w, '\n');
    for (size_t i = 0; i < witness->n; i++) {
        const struct witness_block *b = &witness->block[i];
        writer_printf(w, "%s%s %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", BLOCK,
                      b->account, b->rho_pico, b->eps_nano, b->delta_atto);
    }
}

static enum err_code bad(struct err *err, const char *what)
{
    (void)err_set(err, ERR_INVALID, "this is no witness of a ledger: %s", what);
    return err_hint(err, "name the file that the server's audit.witness names");
}

/* What follows `prefix` on this line, or NULL. */
static const char *after(const char *line, const char *prefix)
{
    const size_t len = strlen(prefix);
    return strncmp(line, prefix, len) == 0 ? line + len : NULL;
}

static bool parse_epoch(struct witness *w, const char *hex)
{
    return hex_parse(w->epoch, WITNESS_EPOCH_LEN, hex) &&
           hex[2 * WITNESS_EPOCH_LEN] == '\0';
}

/* "NAME RHO EPS DELTA", decimal without signs or leading zeros. */
static bool parse_block(struct witness *w, const char *line)
{
    uint64_t v[3];
    char name[WITNESS_NAME_MAX];
    const size_t len = strcspn(line, " ");
    if (len == 0 || len >= sizeof name)
        return false;
    memcpy(name, line, len);
    name[len] = '\0';
    line += len;
    for (int i = 0; i < 3; i++) {
        char *end;
        if (line[0] != ' ' || line[1] < '0' || line[1] > '9' ||
            (line[1] == '0' && line[2] != ' ' && line[2] != '\0'))
            return false;
        errno = 0;
        v[i] = strtoull(line + 1, &end, 10);
        if (errno != 0 || v[i] > INT64_MAX)
            return false;
        line = end;
    }
    if (*line != '\0' || witness_find(w, name))
        return false;
    struct witness_block *b = witness_block_of(w, name);
    if (b) {
        b->rho_pico = v[0];
        b->eps_nano = v[1];
        b->delta_atto = v[2];
    }
    return b != NULL;
}

static bool parse_lines(struct witness *w, const char *text, size_t len)
{
    bool has_epoch = false;
    for (size_t at = 0; at < len;) {
        char line[WITNESS_NAME_MAX + 128];
        const char *nl = memchr(text + at, '\n', len - at);
        const size_t n = nl ? (size_t)(nl - text) - at : len - at;
        const char *rest;
        if (n < sizeof line) { /* longer ones are not ours */
            memcpy(line, text + at, n);
            line[n] = '\0';
            if ((rest = after(line, EPOCH)) != NULL) {
                if (has_epoch || !parse_epoch(w, rest))
                    return false;
                has_epoch = true;
            } else if ((rest = after(line, BLOCK)) != NULL &&
                       !parse_block(w, rest)) {
                return false;
            }
        }
        at += n + 1;
    }
    return has_epoch;
}

enum err_code witness_parse(struct witness *out, const char *text, size_t len,
                            struct err *err)
{
    *out = (struct witness){ .n = 0 };
    TRY(checkpoint_parse(&out->head, text, len, err));
    return parse_lines(out, text, len)
               ? ERR_OK
               : bad(err, "its epoch is missing, or a block is malformed");
}

static enum err_code unreadable(struct err *err, const char *path)
{
    (void)err_set(err, ERR_NOT_FOUND, "cannot read the witness %s: %s", path,
                  strerror(errno));
    return err_hint(err, "mount the disk it is on");
}

enum err_code witness_read(struct witness *out, bool *is_there,
                           const char *path, const struct note_verifier *v,
                           struct err *err)
{
    char note[NOTE_LEN_MAX + 1];
    size_t text_len;
    *is_there = false;
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? ERR_OK : unreadable(err, path);
    const ssize_t n = read(fd, note, sizeof note);
    if (n < 0)
        return unreadable(err, path);
    TRY(note_open(&text_len, note, (size_t)n, v, err));
    TRY(witness_parse(out, note, text_len, err));
    if (strcmp(out->head.origin, v->name) != 0)
        return bad(err, "it is of a log of another name");
    *is_there = true;
    return ERR_OK;
}

enum err_code witness_write(const struct witness *w, const char *path,
                            const struct note_signer *s, struct err *err)
{
    char text[TEXT_LEN], note[NOTE_LEN_MAX];
    struct writer t = writer_of(text, sizeof text);
    struct writer n = writer_of(note, sizeof note);
    witness_print(&t, w);
    if (!writer_cstr(&t))
        return err_set(err, ERR_UNAVAILABLE, "the witness is too long");
    TRY(note_sign(&n, text, s, err));
    if (durable_write(path, note, n.len, 0644))
        return ERR_OK;
    (void)err_set(err, ERR_UNAVAILABLE, "the witness %s cannot be written: %s",
                  path, strerror(errno));
    return err_hint(err, "mount its disk, and ask again: nothing was charged");
}
