/*
 * Any bytes from a PostgreSQL client that is none: the first byte says how the
 * rest is cut, and whether somebody logged in before.  However it is cut, the
 * same answers come out; what comes out is messages; a connection that ended
 * takes no more input; questions are asked no more often than messages came
 * that may ask.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"
#include "tests/lib_pg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { OUT_MAX = 1 << 22, IN_MAX = 1 << 15 };

static void check(int ok)
{
    if (!ok)
        abort();
}

struct owner {
    struct pg_session *session;
    struct pg_backend *away;
    struct pg_frame message;
    uint8_t *bytes;
};

static enum err_code on_sasl(void *ctx, const char *user, const char *mechanism,
                             const char *data, size_t len, struct writer *reply,
                             bool *done, struct err *err)
{
    (void)ctx, (void)user, (void)reply, (void)err;
    *done = !mechanism && len > 0 && data[0] == 'r';
    return mechanism || *done ? ERR_OK
                              : err_set(err, ERR_UNAUTHENTICATED, "no");
}

static enum err_code on_open(void *ctx, const char *database,
                             const char **dataset, uint32_t *pid,
                             uint32_t *secret, struct err *err)
{
    (void)ctx, (void)database, (void)err;
    *dataset = "shop";
    *pid = *secret = 1;
    return ERR_OK;
}

static void on_cancel(void *ctx, uint32_t pid, uint32_t secret)
{
    (void)ctx, (void)pid, (void)secret;
}

static bool on_work(void *ctx, struct pg_backend *backend,
                    struct pg_frame message, uint8_t *bytes, struct err *err)
{
    struct owner *o = ctx;
    (void)err;
    check(!o->away);
    o->away = backend;
    o->message = message;
    o->bytes = bytes;
    return true;
}

static const struct pg_hooks HOOKS = {
    .sasl = on_sasl, .open = on_open, .cancel = on_cancel, .work = on_work
};

/* Workers are done at once. */
static void work(struct owner *o, struct pg_fake *fake)
{
    while (o->away) {
        struct pg_backend *b = o->away;
        uint8_t *bytes = o->bytes;
        const enum pg_handled handled =
            pg_backend_handle(b, &o->message, &fake->service);
        check(handled != PG_NEEDS_WORKER);
        o->away = NULL;
        o->bytes = NULL;
        arena_reset(&fake->arena);
        pg_session_resume(o->session, b, handled == PG_ENDS);
        free(bytes);
    }
}

static size_t pull(struct owner *o, uint8_t *out, size_t at)
{
    size_t n;
    while ((n = pg_session_pull(o->session, out + at, OUT_MAX - at)) > 0)
        at += n;
    return at;
}

/* All input, so many bytes at a time; how much came out. */
static size_t talk(uint8_t *out, const uint8_t *data, size_t len, size_t chunk,
                   unsigned *asked)
{
    struct owner o = { 0 };
    struct pg_fake fake;
    size_t n = 0;
    bool open = true;
    pg_fake_init(&fake);
    const struct pg_session_options options = { .hooks = &HOOKS,
                                                .ctx = &o,
                                                .max_message_len = 8192 };
    o.session = pg_session_new(&options);
    check(o.session != NULL);
    for (size_t at = 0; at < len && open; at += chunk) {
        open = pg_session_recv(o.session, data + at,
                               len - at < chunk ? len - at : chunk);
        /* Output makes room for what waits, and that may need a worker. */
        do {
            work(&o, &fake);
            n = pull(&o, out, n);
        } while (o.away);
    }
    if (!open) {
        check(!pg_session_recv(o.session, data, 1));
        check(pg_session_finished(o.session));
    }
    *asked = fake.asked;
    pg_session_free(o.session);
    pg_fake_fini(&fake);
    return n;
}

/* So many messages in it may have asked, if it is messages. */
static unsigned may_ask(const uint8_t *data, size_t len)
{
    unsigned n = 0;
    for (size_t i = 0; i < len; i++)
        n += data[i] == 'Q' || data[i] == 'E' || data[i] == 'P';
    return n;
}

struct input {
    const uint8_t *data;
    size_t len;
};

static void *run(void *arg)
{
    const struct input *in = arg;
    static uint8_t first[OUT_MAX], second[OUT_MAX], bytes[IN_MAX];
    unsigned asked, again;
    size_t len = 0;
    if (in->len == 0)
        return NULL;
    if (in->data[0] & 1) {
        static const uint8_t startup[] = "\0\0\0\x12\0\3\0\0user\0ana\0";
        static const uint8_t sasl[] = "p\0\0\0\x0aX\0\xff\xff\xff\xff"
                                      "p\0\0\0\x05r";
        memcpy(bytes, startup, sizeof startup);
        len = sizeof startup;
        memcpy(bytes + len, sasl, sizeof sasl - 1);
        len += sizeof sasl - 1;
    }
    const size_t rest = in->len - 1 < IN_MAX - len ? in->len - 1 : IN_MAX - len;
    memcpy(bytes + len, in->data + 1, rest);
    len += rest;
    const size_t n = talk(first, bytes, len, len ? len : 1, &asked);
    const size_t m = talk(second, bytes, len, in->data[0] / 2 + 1u, &again);
    check(n == m && memcmp(first, second, n) == 0 && asked == again);
    char *text = pg_transcript(first, n);
    check(text != NULL);
    free(text);
    check(asked <= 1000 * may_ask(bytes, len));
    return NULL;
}

/* On a thread of its own with the stack the parser asks for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    struct input in = { data, len };
    pthread_attr_t attr;
    pthread_t thread;
    if (!ready)
        sql_init();
    ready = true;
    check(pthread_attr_init(&attr) == 0);
    check(pthread_attr_setstacksize(&attr, SQL_STACK_MIN) == 0);
    check(pthread_create(&thread, &attr, run, &in) == 0);
    check(pthread_join(thread, NULL) == 0);
    check(pthread_attr_destroy(&attr) == 0);
    return 0;
}
