#include "server/pg/pg_session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/pg/pg_error.h"

enum state { STARTUP, SASL, READY, AWAY, ENDED };

enum {
    OUT_HIGH = 256 * 1024, /* bytes: more is not made before these go */
    IN_SLACK = 64 * 1024,  /* beside one message */
    LOGIN_MESSAGE_MAX = 4096,
};

struct pg_session {
    struct pg_session_options options;
    enum state state;
    bool drains;
    bool active; /* since last asked */
    bool sasl_began;
    uint8_t *in; /* owned; in_pos..in_len waits */
    size_t in_pos, in_len, in_cap;
    struct pg_out out;
    uint8_t *packet; /* owned: the startup packet, until READY */
    struct pg_startup startup;
    struct pg_backend *backend; /* owned; NULL while AWAY and before READY */
    char *user;                 /* owned */
};

struct pg_session *pg_session_new(const struct pg_session_options *options)
{
    struct pg_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->options = *options;
    pg_out_init(&s->out, PG_OUT_MAX);
    return s;
}

void pg_session_free(struct pg_session *s)
{
    pg_backend_free(s->backend);
    pg_out_fini(&s->out);
    free(s->in);
    free(s->packet);
    free(s->user);
    free(s);
}

void pg_session_forget(struct pg_session *s)
{
    if (s->backend)
        pg_memo_clear(&s->backend->memo);
}

const char *pg_session_user(const struct pg_session *s)
{
    return s->state == READY || s->state == AWAY ? s->user : NULL;
}

/* ---- ends ---- */

static void end(struct pg_session *s)
{
    s->state = ENDED;
}

static void fatal(struct pg_session *s, const char *state,
                  const struct err *err)
{
    pg_error_state_send(&s->out, PG_FATAL, state ? state : pg_error_state(err),
                        err, NULL);
    end(s);
}

void pg_session_expel(struct pg_session *s, const struct err *err)
{
    assert(s->state != AWAY);
    if (s->state != ENDED)
        fatal(s, "28000", err);
}

static void say_drained(struct pg_session *s)
{
    struct err err;
    (void)err_set(&err, ERR_UNAVAILABLE,
                  "terminating connection due to administrator command");
    fatal(s, "57P01", &err);
}

void pg_session_drain(struct pg_session *s)
{
    s->drains = true;
    if (s->state == READY)
        say_drained(s);
    else if (s->state != AWAY)
        end(s);
}

/* ---- the startup packet ---- */

/* Minor versions and options of the protocol that are not ours. */
static void negotiate(struct pg_session *s)
{
    enum { VERSION = 3 << 16 };
    const char *name, *value;
    uint32_t n = 0;
    for (size_t at = 0; pg_startup_next(&s->startup, &at, &name, &value);)
        n += strncmp(name, "_pq_.", 5) == 0;
    if (n == 0 && s->startup.minor == 0)
        return;
    pg_out_begin(&s->out, 'v');
    pg_out_u32(&s->out, VERSION);
    pg_out_u32(&s->out, n);
    for (size_t at = 0; pg_startup_next(&s->startup, &at, &name, &value);)
        if (strncmp(name, "_pq_.", 5) == 0)
            pg_out_text(&s->out, name);
    pg_out_end(&s->out);
}

static void ask_password(struct pg_session *s)
{
    enum { AUTHENTICATION_SASL = 10 };
    pg_out_begin(&s->out, 'R');
    pg_out_u32(&s->out, AUTHENTICATION_SASL);
    if (s->options.endpoint_len > 0)
        pg_out_text(&s->out, "SCRAM-SHA-256-PLUS");
    pg_out_text(&s->out, "SCRAM-SHA-256");
    pg_out_u8(&s->out, 0);
    pg_out_end(&s->out);
    s->state = SASL;
}

static bool may_start(struct pg_session *s)
{
    struct err err;
    const char *replication = pg_startup_find(&s->startup, "replication");
    const char *user = pg_startup_find(&s->startup, "user");
    if (s->options.needs_tls && !s->options.is_tls) {
        (void)err_set(&err, ERR_UNAUTHENTICATED,
                      "this server answers over TLS only");
        (void)err_hint(&err, "connect with sslmode=require, or better "
                             "verify-full");
        fatal(s, "28000", &err);
        return false;
    }
    if (replication && strcasecmp(replication, "false") != 0 &&
        strcmp(replication, "0") != 0 && strcasecmp(replication, "off") != 0) {
        (void)err_set(&err, ERR_REFUSED, "there is nothing to replicate here");
        fatal(s, NULL, &err);
        return false;
    }
    if (!user || !user[0]) {
        (void)err_set(&err, ERR_UNAUTHENTICATED,
                      "no PostgreSQL user name specified in startup packet");
        fatal(s, "28000", &err);
        return false;
    }
    return true;
}

/* False: more bytes are needed. */
static bool on_startup(struct pg_session *s)
{
    struct err err = { 0 };
    const uint8_t *at = s->in + s->in_pos;
    const enum err_code code =
        pg_startup_parse(&s->startup, at, s->in_len - s->in_pos, &err);
    if (code == ERR_AGAIN)
        return false;
    if (code != ERR_OK) {
        fatal(s, "08P01", &err);
        return true;
    }
    const size_t len = (size_t)(s->startup.end - at);
    if (s->startup.kind == PG_CANCEL) {
        s->options.hooks->cancel(s->options.ctx, s->startup.pid,
                                 s->startup.secret);
        end(s);
        return true;
    }
    /* Its texts are needed until the password is proved. */
    s->packet = malloc(len);
    if (!s->packet) {
        end(s);
        return true;
    }
    memcpy(s->packet, at, len);
    s->startup.params = s->packet + (s->startup.params - at);
    s->in_pos += len;
    if (may_start(s)) {
        negotiate(s);
        ask_password(s);
    }
    return true;
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
static enum err_code set_startup(struct pg_session *s, struct pg_backend *b,
                                 struct err *err)
{
    static const char *const others[] = { "user", "database", "replication" };
    const char *name, *value;
    for (size_t at = 0; pg_startup_next(&s->startup, &at, &name, &value);) {
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

static void welcome(struct pg_session *s, uint32_t secret)
{
    struct pg_out *o = &s->backend->out;
    pg_out_begin(o, 'R');
    pg_out_u32(o, 0); /* AuthenticationOk */
    pg_out_end(o);
    pg_vars_report(&s->backend->vars, o, true);
    pg_out_begin(o, 'K');
    pg_out_u32(o, s->backend->pid);
    pg_out_u32(o, secret);
    pg_out_end(o);
    pg_backend_ready(s->backend);
    pg_out_move(&s->out, o);
    s->state = READY;
    s->active = true;
}

static void log_in(struct pg_session *s)
{
    struct err err = { 0 };
    const char *dataset = "",
               *database = pg_startup_find(&s->startup, "database");
    uint32_t pid = 0, secret = 0;
    s->user = strdup(pg_startup_find(&s->startup, "user"));
    if (!s->user) {
        end(s);
        return;
    }
    if (!database || !database[0])
        database = s->user;
    if (s->options.hooks->open(s->options.ctx, database, &dataset, &pid,
                               &secret, &err) != ERR_OK) {
        fatal(s, "3D000", &err);
        return;
    }
    s->backend = pg_backend_new(s->user, database, dataset);
    if (!s->backend) {
        end(s);
        return;
    }
    s->backend->pid = pid;
    s->backend->clock = s->options.clock;
    const enum err_code code = set_startup(s, s->backend, &err);
    if (code != ERR_OK) {
        fatal(s, code == ERR_NOT_FOUND ? "42704" : "22023", &err);
        return;
    }
    welcome(s, secret);
    free(s->packet);
    s->packet = NULL;
}

static void say_sasl(struct pg_session *s, uint32_t kind,
                     const struct writer *text)
{
    pg_out_begin(&s->out, 'R');
    pg_out_u32(&s->out, kind);
    pg_out_bytes(&s->out, text->data, text->len);
    pg_out_end(&s->out);
}

static void refuse_login(struct pg_session *s, struct err *err)
{
    if (err->code != ERR_UNAUTHENTICATED) {
        fatal(s, err->code == ERR_INVALID ? "08P01" : NULL, err);
        return;
    }
    (void)err_set(err, ERR_UNAUTHENTICATED,
                  "password authentication failed for user \"%.63s\"",
                  pg_startup_find(&s->startup, "user"));
    fatal(s, "28P01", err);
}

/* SASLInitialResponse, then SASLResponse. */
static void on_password(struct pg_session *s, const struct pg_frame *f)
{
    enum { CONTINUE = 11, FINAL = 12 };
    char text[LOGIN_MESSAGE_MAX];
    struct writer reply = writer_of(text, sizeof text);
    struct reader r = reader_of(f->body, f->body_len);
    struct err err = { 0 };
    const char *mechanism = NULL;
    bool done = false;
    if (!s->sasl_began) {
        mechanism = pg_read_text(&r);
        const uint32_t len = reader_be32(&r);
        if (r.short_read || (len != UINT32_MAX && len != reader_left(&r))) {
            (void)err_set(&err, ERR_INVALID, "malformed SASL message");
            fatal(s, "08P01", &err);
            return;
        }
    }
    s->sasl_began = true;
    const enum err_code code = s->options.hooks->sasl(
        s->options.ctx, pg_startup_find(&s->startup, "user"), mechanism,
        (const char *)r.pos, reader_left(&r), &reply, &done, &err);
    if (code != ERR_OK) {
        refuse_login(s, &err);
        return;
    }
    say_sasl(s, done ? FINAL : CONTINUE, &reply);
    if (done)
        log_in(s);
}

/* ---- messages ---- */

static void hand_over(struct pg_session *s, const struct pg_frame *f)
{
    struct err err = { 0 };
    uint8_t *bytes = malloc(f->body_len + 1);
    struct pg_backend *b = s->backend;
    if (!bytes) {
        end(s);
        return;
    }
    memcpy(bytes, f->body, f->body_len);
    struct pg_frame own = *f;
    own.body = bytes;
    if (s->options.hooks->work(s->options.ctx, b, own, bytes, &err)) {
        s->backend = NULL;
        s->state = AWAY;
        return;
    }
    free(bytes);
    pg_backend_fail(b, &err, NULL, f->type == 'Q');
    if (f->type == 'Q')
        pg_backend_ready(b);
}

/* What it says leaves later; without memory to wait, not at all. */
static void wait_for_slot(struct pg_session *s, char type)
{
    struct pg_backend *b = s->backend;
    if (s->options.hooks->wait(s->options.ctx, b, type, b->wait_ns)) {
        s->backend = NULL;
        s->state = AWAY;
    } else {
        pg_backend_cancelled(b, type);
    }
}

static void on_message(struct pg_session *s, const struct pg_frame *f)
{
    s->active = true;
    const enum pg_handled handled = pg_backend_handle(s->backend, f, NULL);
    if (handled == PG_NEEDS_WORKER)
        hand_over(s, f);
    else if (handled == PG_HANDLED && s->backend->wait_ns > 0)
        wait_for_slot(s, f->type);
    if (s->backend)
        pg_out_move(&s->out, &s->backend->out);
    if (handled == PG_ENDS)
        end(s);
}

/* False: more bytes are needed. */
static bool on_frame(struct pg_session *s)
{
    struct err err = { 0 };
    struct pg_frame f;
    const enum err_code code = pg_frame_parse(
        &f, s->in + s->in_pos, s->in_len - s->in_pos,
        s->state == SASL ? LOGIN_MESSAGE_MAX : s->options.max_message_len,
        &err);
    if (code == ERR_AGAIN)
        return false;
    if (code != ERR_OK) {
        fatal(s, code == ERR_LIMIT ? "54000" : "08P01", &err);
        return true;
    }
    s->in_pos += f.wire_len;
    if (s->state == READY) {
        on_message(s, &f);
    } else if (f.type == 'p') {
        on_password(s, &f);
    } else {
        (void)err_set(&err, ERR_INVALID, "expected a SASL response");
        fatal(s, "08P01", &err);
    }
    return true;
}

static void advance(struct pg_session *s)
{
    bool more = true;
    while (more && s->state != ENDED && s->state != AWAY &&
           pg_out_left(&s->out) < OUT_HIGH)
        more = s->state == STARTUP ? on_startup(s) : on_frame(s);
    if (s->out.full)
        end(s);
    if (s->in_pos == s->in_len)
        s->in_pos = s->in_len = 0;
}

/* ---- bytes ---- */

/* Room for more input behind what waits. */
static bool make_room(struct pg_session *s, size_t len)
{
    if (s->in_pos > 0) {
        memmove(s->in, s->in + s->in_pos, s->in_len - s->in_pos);
        s->in_len -= s->in_pos;
        s->in_pos = 0;
    }
    if (s->in_len + len <= s->in_cap)
        return true;
    size_t cap = s->in_cap ? s->in_cap : 1024;
    while (cap < s->in_len + len)
        cap *= 2;
    uint8_t *in = realloc(s->in, cap);
    if (!in)
        return false;
    s->in = in;
    s->in_cap = cap;
    return true;
}

bool pg_session_recv(struct pg_session *s, const uint8_t *data, size_t len)
{
    if (s->state == ENDED || !make_room(s, len))
        return false;
    memcpy(s->in + s->in_len, data, len);
    s->in_len += len;
    advance(s);
    return s->state != ENDED;
}

size_t pg_session_pull(struct pg_session *s, uint8_t *buf, size_t cap)
{
    const size_t n = pg_out_pull(&s->out, buf, cap);
    if (n > 0 && s->in_len > s->in_pos)
        advance(s);
    return n;
}

bool pg_session_finished(const struct pg_session *s)
{
    return s->state == ENDED && pg_out_left(&s->out) == 0;
}

bool pg_session_full(const struct pg_session *s)
{
    return s->in_len - s->in_pos >= s->options.max_message_len + IN_SLACK;
}

bool pg_session_busy(struct pg_session *s)
{
    const bool active = s->active || s->state == AWAY;
    s->active = false;
    return active;
}

void pg_session_resume(struct pg_session *s, struct pg_backend *backend,
                       bool ends)
{
    assert(s->state == AWAY);
    s->backend = backend;
    s->state = READY;
    s->active = true;
    pg_out_move(&s->out, &backend->out);
    if (ends)
        end(s);
    else if (s->drains)
        say_drained(s);
    else
        advance(s);
}
