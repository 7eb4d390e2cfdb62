#include "server/pg/pg_login.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/pg/pg_error.h"

void pg_login_fini(struct pg_login *l)
{
    free(l->packet);
    free(l->user);
}

static enum pg_login_next fatal(struct pg_login *l, const char *state,
                                const struct err *err)
{
    pg_error_fatal_send(l->out, state, err);
    return PG_LOGIN_FAILED;
}

/* ---- the startup packet ---- */

/* Minor versions and options of the protocol that are not ours. */
static void negotiate(struct pg_login *l)
{
    enum { VERSION = 3 << 16 };
    const char *name, *value;
    uint32_t n = 0;
    for (size_t at = 0; pg_startup_next(&l->startup, &at, &name, &value);)
        n += strncmp(name, "_pq_.", 5) == 0;
    if (n == 0 && l->startup.minor == 0)
        return;
    pg_out_begin(l->out, 'v');
    pg_out_u32(l->out, VERSION);
    pg_out_u32(l->out, n);
    for (size_t at = 0; pg_startup_next(&l->startup, &at, &name, &value);)
        if (strncmp(name, "_pq_.", 5) == 0)
            pg_out_text(l->out, name);
    pg_out_end(l->out);
}

static void ask_password(struct pg_login *l)
{
    enum { AUTHENTICATION_SASL = 10 };
    pg_out_begin(l->out, 'R');
    pg_out_u32(l->out, AUTHENTICATION_SASL);
    if (l->options->endpoint_len > 0)
        pg_out_text(l->out, "SCRAM-SHA-256-PLUS");
    pg_out_text(l->out, "SCRAM-SHA-256");
    pg_out_u8(l->out, 0);
    pg_out_end(l->out);
}

static enum pg_login_next may_start(struct pg_login *l)
{
    struct err err;
    const char *replication = pg_startup_find(&l->startup, "replication");
    const char *user = pg_startup_find(&l->startup, "user");
    if (l->options->needs_tls && !l->options->is_tls) {
        (void)err_set(&err, ERR_UNAUTHENTICATED,
                      "this server answers over TLS only");
        (void)err_hint(&err, "connect with sslmode=require, or better "
                             "verify-full");
        return fatal(l, "28000", &err);
    }
    if (replication && strcasecmp(replication, "false") != 0 &&
        strcmp(replication, "0") != 0 && strcasecmp(replication, "off") != 0) {
        (void)err_set(&err, ERR_REFUSED, "there is nothing to replicate here");
        return fatal(l, NULL, &err);
    }
    if (!user || !user[0]) {
        (void)err_set(&err, ERR_UNAUTHENTICATED,
                      "no PostgreSQL user name specified in startup packet");
        return fatal(l, "28000", &err);
    }
    return PG_LOGIN_GOES_ON;
}

enum pg_login_next pg_login_start(struct pg_login *l, const uint8_t *data,
                                  size_t len, size_t *taken)
{
    struct err err = { 0 };
    const enum err_code code = pg_startup_parse(&l->startup, data, len, &err);
    *taken = 0;
    if (code == ERR_AGAIN)
        return PG_LOGIN_WAITS;
    if (code != ERR_OK)
        return fatal(l, "08P01", &err);
    const size_t packet_len = (size_t)(l->startup.end - data);
    if (l->startup.kind == PG_CANCEL) {
        l->options->hooks->cancel(l->options->ctx, l->startup.pid,
                                  l->startup.secret);
        return PG_LOGIN_FAILED;
    }
    /* Its texts are needed until the password is proved. */
    l->packet = malloc(packet_len);
    if (!l->packet)
        return PG_LOGIN_FAILED;
    memcpy(l->packet, data, packet_len);
    l->startup.params = l->packet + (l->startup.params - data);
    *taken = packet_len;
    const enum pg_login_next next = may_start(l);
    if (next == PG_LOGIN_GOES_ON) {
        negotiate(l);
        ask_password(l);
    }
    return next;
}

/* ---- the password ---- */

static enum err_code set_options(struct pg_backend *b, const char *options,
                                 struct err *err)
{
    char pair[1024];
    const char *name, *value;
    for (size_t at = 0;;) {
        const enum err_code code = pg_options_next(
            options, &at, pair, sizeof pair, &name, &value, err);
        if (code == ERR_AGAIN)
            return ERR_OK;
        if (code != ERR_OK)
            return code;
        TRY(pg_var_set(&b->vars, name, value, false, err));
    }
}

/* Every other parameter is a setting. */
static enum err_code set_startup(struct pg_login *l, struct pg_backend *b,
                                 struct err *err)
{
    static const char *const others[] = { "user", "database", "replication" };
    const char *name, *value;
    for (size_t at = 0; pg_startup_next(&l->startup, &at, &name, &value);) {
        bool is_other = strncmp(name, "_pq_.", 5) == 0;
        for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
            is_other |= strcmp(name, others[i]) == 0;
        if (is_other)
            continue;
        if (strcmp(name, "options") == 0)
            TRY(set_options(b, value, err));
        else
            TRY(pg_var_set(&b->vars, name, value, false, err));
    }
    pg_vars_base(&b->vars);
    return ERR_OK;
}

static void welcome(struct pg_login *l, struct pg_backend *b, uint32_t secret)
{
    struct pg_out *o = &b->out;
    pg_out_begin(o, 'R');
    pg_out_u32(o, 0); /* AuthenticationOk */
    pg_out_end(o);
    pg_vars_report(&b->vars, o, true);
    pg_out_begin(o, 'K');
    pg_out_u32(o, b->pid);
    pg_out_u32(o, secret);
    pg_out_end(o);
    pg_backend_ready(b);
    pg_out_move(l->out, o);
}

/* The backend of a database by this name, with the settings that were asked. */
static enum pg_login_next open_backend(struct pg_login *l, const char *database,
                                       struct pg_backend **out)
{
    struct err err = { 0 };
    const char *dataset = "";
    uint32_t pid = 0, secret = 0;
    if (l->options->hooks->open(l->options->ctx, database, &dataset, &pid,
                                &secret, &err) != ERR_OK)
        return fatal(l, "3D000", &err);
    struct pg_backend *b = pg_backend_new(l->user, database, dataset);
    if (!b)
        return PG_LOGIN_FAILED;
    b->pid = pid;
    b->clock = l->options->clock;
    const enum err_code code = set_startup(l, b, &err);
    if (code != ERR_OK) {
        pg_backend_free(b);
        return fatal(l, code == ERR_NOT_FOUND ? "42704" : "22023", &err);
    }
    welcome(l, b, secret);
    *out = b;
    return PG_LOGIN_DONE;
}

static enum pg_login_next log_in(struct pg_login *l, struct pg_backend **out)
{
    const char *database = pg_startup_find(&l->startup, "database");
    l->user = strdup(pg_startup_find(&l->startup, "user"));
    if (!l->user)
        return PG_LOGIN_FAILED;
    const enum pg_login_next next =
        open_backend(l, database && database[0] ? database : l->user, out);
    if (next == PG_LOGIN_DONE) {
        free(l->packet);
        l->packet = NULL;
    }
    return next;
}

static void say_sasl(struct pg_login *l, uint32_t kind,
                     const struct writer *text)
{
    pg_out_begin(l->out, 'R');
    pg_out_u32(l->out, kind);
    pg_out_bytes(l->out, text->data, text->len);
    pg_out_end(l->out);
}

static enum pg_login_next refuse(struct pg_login *l, struct err *err)
{
    if (err->code != ERR_UNAUTHENTICATED)
        return fatal(l, err->code == ERR_INVALID ? "08P01" : NULL, err);
    (void)err_set(err, ERR_UNAUTHENTICATED,
                  "password authentication failed for user \"%.63s\"",
                  pg_startup_find(&l->startup, "user"));
    return fatal(l, "28P01", err);
}

/* SASLInitialResponse, then SASLResponse. */
enum pg_login_next pg_login_message(struct pg_login *l,
                                    const struct pg_frame *f,
                                    struct pg_backend **out)
{
    enum { CONTINUE = 11, FINAL = 12 };
    char text[PG_LOGIN_MESSAGE_MAX];
    struct writer reply = writer_of(text, sizeof text);
    struct reader r = reader_of(f->body, f->body_len);
    struct err err = { 0 };
    const char *mechanism = NULL;
    bool done = false;
    if (f->type != 'p') {
        (void)err_set(&err, ERR_INVALID, "expected a SASL response");
        return fatal(l, "08P01", &err);
    }
    if (!l->sasl_began) {
        mechanism = pg_read_text(&r);
        const uint32_t len = reader_be32(&r);
        if (r.short_read || (len != UINT32_MAX && len != reader_left(&r))) {
            (void)err_set(&err, ERR_INVALID, "malformed SASL message");
            return fatal(l, "08P01", &err);
        }
    }
    l->sasl_began = true;
    const enum err_code code = l->options->hooks->sasl(
        l->options->ctx, pg_startup_find(&l->startup, "user"), mechanism,
        (const char *)r.pos, reader_left(&r), &reply, &done, &err);
    if (code != ERR_OK)
        return refuse(l, &err);
    say_sasl(l, done ? FINAL : CONTINUE, &reply);
    return done ? log_in(l, out) : PG_LOGIN_GOES_ON;
}
