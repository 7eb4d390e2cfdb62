/* The audit log of a running server, for who believes nothing of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clients/cli/audit.h"
#include "clients/cli/fetch.h"
#include "server/audit/remote.h"
#include "server/base/cleanup.h"
#include "server/base/durable.h"

/* A log and what is known of it. */
struct watch {
    struct cli *cli;
    struct client client;
    struct fetcher *fetcher; /* owned */
    struct note_verifier key;
    const char *file; /* of the checkpoint seen before, or NULL */
    char seen[CHECKPOINT_LEN], now[CHECKPOINT_LEN];
    size_t seen_len, now_len;
    struct checkpoint old, fresh;
};

static enum err_code fetch_tile(void *ctx, const char *path, uint8_t *out,
                                size_t len, struct err *err)
{
    struct watch *w = ctx;
    char page[TILE_PATH_LEN + 16];
    size_t got = len;
    (void)snprintf(page, sizeof page, "/audit/%s", path);
    TRY(fetch(w->fetcher, page, out, &got, err));
    return got == len ? ERR_OK
                      : err_set(err, ERR_INVALID, "%s is %zu bytes, not %zu",
                                page, got, len);
}

/* --log-key, or (and it says so) what the server itself says. */
static enum err_code find_key(struct watch *w, struct err *err)
{
    char text[NOTE_KEY_TEXT_LEN + 1];
    size_t len = sizeof text - 1;
    if (w->cli->opt.log_key)
        return note_verifier_parse(&w->key, w->cli->opt.log_key, err);
    TRY(fetch(w->fetcher, "/audit/key", text, &len, err));
    text[len] = '\0';
    TRY(note_verifier_parse(&w->key, text, err));
    text[strcspn(text, "\n")] = '\0';
    cli_note(w->cli,
             "the key is the server's own word; give --log-key with one "
             "that you got otherwise:");
    cli_note(w->cli, text);
    return ERR_OK;
}

/* The checkpoint seen before; none at the first look. */
static enum err_code read_seen(struct watch *w, struct err *err)
{
    w->seen_len = 0;
    if (!w->file)
        return ERR_OK;
    AUTO_CLOSE int fd = open(w->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return ERR_OK;
    const ssize_t n = fd < 0 ? -1 : read(fd, w->seen, sizeof w->seen);
    if (n < 0)
        return err_set(err, ERR_NOT_FOUND, "cannot read %s: %s", w->file,
                       strerror(errno));
    w->seen_len = (size_t)n;
    return checkpoint_open(&w->old, w->seen, w->seen_len, &w->key, err);
}

/* Whole or not at all, and durable: this file is a memory. */
static enum err_code keep(struct watch *w, struct err *err)
{
    if (!w->file || durable_write(w->file, w->now, w->now_len, 0644))
        return ERR_OK;
    return err_set(err, ERR_INTERNAL, "cannot write %s: %s", w->file,
                   strerror(errno));
}

static enum err_code look(struct watch *w, bool whole, struct err *err)
{
    struct remote *r = malloc(sizeof *r); /* large for a stack */
    if (!r)
        return err_set(err, ERR_LIMIT, "out of memory");
    *r = remote_of(fetch_tile, w);
    const struct checkpoint *old = w->seen_len ? &w->old : NULL;
    w->now_len = sizeof w->now;
    enum err_code code =
        fetch(w->fetcher, "/audit/checkpoint", w->now, &w->now_len, err);
    if (code == ERR_OK)
        code = checkpoint_open(&w->fresh, w->now, w->now_len, &w->key, err);
    if (code == ERR_OK && whole)
        code = remote_check_whole(r, &w->fresh, old, err);
    else if (code == ERR_OK && old)
        code = remote_check_grown(r, old, &w->fresh, err);
    free(r);
    return code;
}

static void tell(struct watch *w, bool whole)
{
    (void)fprintf(w->cli->term.out, "%s: %llu leaves, %s%s\n", w->fresh.origin,
                  (unsigned long long)w->fresh.size,
                  whole ? "every tile as signed" : "signed",
                  w->seen_len ? ", and goes on from what was seen before" : "");
    (void)fflush(w->cli->term.out);
}

static enum err_code once(struct watch *w, bool whole, struct err *err)
{
    TRY(read_seen(w, err));
    TRY(look(w, whole, err));
    TRY(keep(w, err));
    tell(w, whole);
    return ERR_OK;
}

static enum err_code begin(struct watch *w, struct cli *cli, struct err *err)
{
    *w = (struct watch){ .cli = cli,
                         .file = cli->n_words ? cli->words[0] : NULL };
    TRY(client_of(&w->client, &cli->opt, &cli->term, cli->arena, err));
    TRY(fetcher_new(&w->fetcher, &w->client, err));
    return find_key(w, err);
}

int run_audit_verify(struct cli *cli)
{
    struct watch *w = ARENA_NEW(cli->arena, struct watch);
    struct err err = { 0 };
    enum err_code code =
        w ? begin(w, cli, &err) : err_set(&err, ERR_LIMIT, "out of memory");
    if (code == ERR_OK)
        code = once(w, true, &err);
    if (w)
        fetcher_free(w->fetcher);
    return code == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
}

/* With --every again and again: a server that cannot be reached is told and
 * asked later, one whose past changed ends it. */
int run_audit_witness(struct cli *cli)
{
    struct watch *w = ARENA_NEW(cli->arena, struct watch);
    struct err err = { 0 };
    const uint64_t every_ms = cli->opt.every_ms;
    if (cli->n_words == 0) {
        (void)err_set(&err, ERR_INVALID, "a witness needs a file to remember");
        (void)err_hint(&err, "usage: halftone audit witness FILE");
        return cli_misused(cli, &err);
    }
    if (cli->opt.listen) {
        const enum err_code ended = audit_listen(cli, &err);
        return ended == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
    }
    enum err_code code =
        w ? begin(w, cli, &err) : err_set(&err, ERR_LIMIT, "out of memory");
    while (code == ERR_OK) {
        code = once(w, false, &err);
        if (code == ERR_UNAVAILABLE && every_ms) {
            cli_note(cli, err.msg);
            code = ERR_OK;
        }
        const struct timespec pause = { .tv_sec = (time_t)(every_ms / 1000),
                                        .tv_nsec =
                                            (long)(every_ms % 1000) * 1000000 };
        if (!every_ms || (code == ERR_OK && nanosleep(&pause, NULL) != 0))
            break;
    }
    if (w)
        fetcher_free(w->fetcher);
    return code == ERR_OK ? 0 : cli_fail(cli, &err, NULL);
}
