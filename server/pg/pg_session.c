#include "server/pg/pg_session.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_error.h"
#include "server/pg/pg_login.h"

enum state { STARTUP, SASL, READY, AWAY, ENDED };

enum {
    OUT_HIGH = 256 * 1024, /* bytes: more is not made before these go */
    IN_SLACK = 64 * 1024,  /* beside one message */
};

struct pg_session {
    struct pg_session_options options;
    enum state state;
    bool drains;
    bool active; /* since last asked */
    uint8_t *in; /* owned; in_pos..in_len waits */
    size_t in_pos, in_len, in_cap;
    struct pg_out out;
    struct pg_login login;
    struct pg_backend *backend; /* owned; NULL while AWAY and before READY */
};

struct pg_session *pg_session_new(const struct pg_session_options *options)
{
    struct pg_session *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->options = *options;
    s->login = (struct pg_login){ .options = &s->options, .out = &s->out };
    pg_out_init(&s->out, PG_OUT_MAX);
    return s;
}

void pg_session_free(struct pg_session *s)
{
    pg_backend_free(s->backend);
    pg_login_fini(&s->login);
    pg_out_fini(&s->out);
    free(s->in);
    free(s);
}

void pg_session_forget(struct pg_session *s)
{
    if (s->backend)
        pg_memo_clear(&s->backend->memo);
}

const char *pg_session_user(const struct pg_session *s)
{
    return s->state == READY || s->state == AWAY ? s->login.user : NULL;
}

/* ---- ends ---- */

static void end(struct pg_session *s)
{
    s->state = ENDED;
}

static void fatal(struct pg_session *s, const char *state,
                  const struct err *err)
{
    pg_error_fatal_send(&s->out, state, err);
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

/* ---- messages ---- */

/* False: more bytes are needed. */
static bool follow_login(struct pg_session *s, enum pg_login_next next)
{
    switch (next) {
    case PG_LOGIN_WAITS:
        return false;
    case PG_LOGIN_GOES_ON:
        s->state = SASL;
        break;
    case PG_LOGIN_DONE:
        s->state = READY;
        s->active = true;
        break;
    case PG_LOGIN_FAILED:
        end(s);
        break;
    }
    return true;
}

static bool on_startup(struct pg_session *s)
{
    size_t taken;
    const enum pg_login_next next = pg_login_start(
        &s->login, s->in + s->in_pos, s->in_len - s->in_pos, &taken);
    s->in_pos += taken;
    return follow_login(s, next);
}

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
        s->state == SASL ? PG_LOGIN_MESSAGE_MAX : s->options.max_message_len,
        &err);
    if (code == ERR_AGAIN)
        return false;
    if (code != ERR_OK) {
        fatal(s, code == ERR_LIMIT ? "54000" : "08P01", &err);
        return true;
    }
    s->in_pos += f.wire_len;
    if (s->state != READY)
        return follow_login(s, pg_login_message(&s->login, &f, &s->backend));
    on_message(s, &f);
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
