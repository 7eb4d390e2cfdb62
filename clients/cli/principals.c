#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "clients/cli/cli.h"
#include "server/auth/auth.h"
#include "server/base/cleanup.h"

enum { NAMES_MAX = 64, ENTRY_MAX = 16384 };

/* "a,b" as a list; what the environment or a file says is not meant here. */
static enum err_code split(const char ***out, size_t *n, struct cli *cli,
                           enum flag_id flag, const char *text, struct err *err)
{
    const char **list = ARENA_NEW_N(cli->arena, NAMES_MAX, const char *);
    *out = list;
    *n = 0;
    if (cli->opt.source[flag] != FROM_ARGS)
        return ERR_OK;
    while (list && *n < NAMES_MAX) {
        const size_t len = strcspn(text, ",");
        list[*n] = arena_strndup(cli->arena, text, len);
        if (!list[*n])
            break;
        ++*n;
        if (text[len] == '\0')
            return ERR_OK;
        text += len + 1;
    }
    return err_set(err, ERR_INVALID, "--%s: too many names",
                   flag_of(flag)->name);
}

static enum err_code principal_of(struct auth_principal *p, struct cli *cli,
                                  struct err *err)
{
    const char *role = cli->opt.role ? cli->opt.role : "analyst";
    if (cli->n_words == 0) {
        (void)err_set(err, ERR_INVALID, "the principal has no name");
        return err_hint(err, "usage: halftone principals add NAME");
    }
    *p = (struct auth_principal){ .name = cli->words[0],
                                  .role = auth_role_of_name(role) };
    if (p->role == ROLE_COUNT) {
        (void)err_set(err, ERR_INVALID, "there is no role '%.40s'", role);
        return err_hint(err, "roles are analyst, auditor, steward, operator, "
                             "subject_service and sender");
    }
    TRY(split(&p->datasets, &p->n_datasets, cli, FLAG_DATASET, cli->opt.dataset,
              err));
    TRY(split(&p->purposes, &p->n_purposes, cli, FLAG_PURPOSE, cli->opt.purpose,
              err));
    return split(&p->dashboards, &p->n_dashboards, cli, FLAG_DASHBOARD,
                 cli->opt.dashboard, err);
}

/* A new file that only its owner reads; one that exists stays as it is. */
static enum err_code write_token(const char *path, const char *hex,
                                 struct err *err)
{
    AUTO_CLOSE int fd =
        open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        (void)err_set(err, ERR_INVALID, "cannot create '%.200s': %s", path,
                      strerror(errno));
        return err_hint(err, "--token-out names a file that does not exist");
    }
    if (dprintf(fd, "%s\n", hex) != (int)strlen(hex) + 1 || fsync(fd) != 0)
        return err_set(err, ERR_INTERNAL, "cannot write '%.200s': %s", path,
                       strerror(errno));
    return ERR_OK;
}

/* A file that '>>' has just made: what an entry stands under is missing. */
static bool is_new_file(FILE *out)
{
    struct stat s;
    return fstat(fileno(out), &s) == 0 && S_ISREG(s.st_mode) && s.st_size == 0;
}

int run_principals_add(struct cli *cli)
{
    struct err err;
    struct auth_token token;
    struct auth_principal p;
    struct scram_verifier scram;
    char entry[ENTRY_MAX];
    struct writer w = writer_of(entry, sizeof entry);
    if (principal_of(&p, cli, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (auth_token_new(&token, &err) != ERR_OK ||
        scram_verifier_new(&scram, token.hex, &err) != ERR_OK)
        return cli_fail(cli, &err, NULL);
    p.scram = &scram;
    memcpy(p.token_hash, token.hash, sizeof p.token_hash);
    if (auth_entry_print(&w, &p, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (!writer_cstr(&w)) {
        (void)err_set(&err, ERR_INVALID, "the entry is too long");
        return cli_misused(cli, &err);
    }
    if (cli->opt.token_out &&
        write_token(cli->opt.token_out, token.hex, &err) != ERR_OK)
        return cli_misused(cli, &err);
    if (is_new_file(cli->term.out))
        (void)fputs("principals:\n", cli->term.out);
    (void)fputs(entry, cli->term.out);
    (void)fflush(cli->term.out);
    if (!cli->opt.token_out)
        (void)fprintf(cli->term.err, "token (shown once, keep it secret): %s\n",
                      token.hex);
    return 0;
}

/* A line of standard input; a terminal does not show what is typed. */
static bool read_password(struct cli *cli, char *out, size_t cap)
{
    struct termios shown, hidden;
    const bool asks = tcgetattr(STDIN_FILENO, &shown) == 0;
    if (asks) {
        hidden = shown;
        hidden.c_lflag &= ~(tcflag_t)ECHO;
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
        (void)fputs("password: ", cli->term.err);
        (void)fflush(cli->term.err);
    }
    const bool got = fgets(out, (int)cap, stdin);
    if (asks) {
        (void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
        (void)fputc('\n', cli->term.err);
    }
    if (got)
        out[strcspn(out, "\r\n")] = '\0';
    return got;
}

int run_principals_password(struct cli *cli)
{
    enum { PASSWORD_MAX = 1024 };
    struct err err;
    struct scram_verifier scram;
    char password[PASSWORD_MAX], line[PASSWORD_MAX];
    struct writer w = writer_of(line, sizeof line);
    if (!read_password(cli, password, sizeof password)) {
        (void)err_set(&err, ERR_INVALID, "there is no password");
        (void)err_hint(&err, "it is one line of standard input");
        return cli_misused(cli, &err);
    }
    const enum err_code code = scram_verifier_new(&scram, password, &err);
    OPENSSL_cleanse(password, sizeof password);
    if (code == ERR_INVALID)
        return cli_misused(cli, &err);
    if (code != ERR_OK)
        return cli_fail(cli, &err, NULL);
    scram_print(&w, &scram);
    if (!writer_cstr(&w))
        return 1;
    (void)fprintf(cli->term.out, "    scram_sha256: \"%s\"\n", line);
    return 0;
}
