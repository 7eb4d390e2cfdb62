/* The protocol around a backend: startup, passwords, who has the backend. */
#include "server/pg/pg_session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_error.h"
#include "tests/lib_pg.h"
#include "tests/table.h"

/* The owner: any password "right" is, and jobs wait until they are asked for.
 */
struct owner {
    struct pg_session *session;
    struct pg_backend *away;
    struct pg_frame message;
    uint8_t *bytes;
    bool busy; /* the queue is full */
    uint64_t waits_ns;
    unsigned sasl, cancelled;
    uint32_t pid, secret;
};

static enum err_code on_sasl(void *ctx, const char *user, const char *mechanism,
                             const char *data, size_t len, struct writer *reply,
                             bool *done, struct err *err)
{
    struct owner *o = ctx;
    o->sasl++;
    if (mechanism) {
        writer_str(reply, "go");
        return strcmp(mechanism, "SCRAM-SHA-256") == 0
                   ? ERR_OK
                   : err_set(err, ERR_INVALID, "no such mechanism");
    }
    *done =
        len == 5 && memcmp(data, "right", 5) == 0 && strcmp(user, "ana") == 0;
    writer_str(reply, "ok");
    return *done ? ERR_OK : err_set(err, ERR_UNAUTHENTICATED, "no");
}

static enum err_code on_open(void *ctx, const char *database,
                             const char **dataset, uint32_t *pid,
                             uint32_t *secret, struct err *err)
{
    (void)ctx;
    *dataset = "shop";
    *pid = 65;
    *secret = 66;
    if (strcmp(database, "none") == 0)
        return err_set(err, ERR_NOT_FOUND, "database does not exist");
    return ERR_OK;
}

static void on_cancel(void *ctx, uint32_t pid, uint32_t secret)
{
    struct owner *o = ctx;
    o->cancelled++;
    o->pid = pid;
    o->secret = secret;
}

static bool on_work(void *ctx, struct pg_backend *backend,
                    struct pg_frame message, uint8_t *bytes, struct err *err)
{
    struct owner *o = ctx;
    if (o->busy) {
        (void)err_set(err, ERR_UNAVAILABLE, "busy");
        return false;
    }
    assert_null(o->away);
    o->away = backend;
    o->message = message;
    o->bytes = bytes;
    return true;
}

static bool on_wait(void *ctx, struct pg_backend *backend, char type,
                    uint64_t wait_ns)
{
    struct owner *o = ctx;
    o->away = backend;
    o->message.type = type;
    o->waits_ns = wait_ns;
    return true;
}

static const struct pg_hooks HOOKS = { on_sasl, on_open, on_cancel, on_work,
                                       on_wait };

static void owner_open(struct owner *o, bool tls, bool needs_tls)
{
    *o = (struct owner){ 0 };
    const struct pg_session_options options = { .hooks = &HOOKS,
                                                .ctx = o,
                                                .is_tls = tls,
                                                .needs_tls = needs_tls,
                                                .endpoint_len = tls ? 32 : 0,
                                                .max_message_len = 4096 };
    o->session = pg_session_new(&options);
    assert_non_null(o->session);
}

static void owner_close(struct owner *o)
{
    pg_session_free(o->session);
    pg_backend_free(o->away);
    free(o->bytes);
}

/* What is ready to be sent, as a line. */
static char *pulled(struct owner *o)
{
    uint8_t buf[65536];
    size_t len = 0, n;
    while ((n = pg_session_pull(o->session, buf + len, sizeof buf - len)) > 0)
        len += n;
    return pg_transcript(buf, len);
}

static void gets(struct owner *o, const char *want)
{
    char *got = pulled(o);
    assert_non_null(got);
    assert_string_equal(got, want);
    free(got);
}

static bool gives(struct owner *o, const void *data, size_t len)
{
    return pg_session_recv(o->session, data, len);
}

/* A startup packet of these texts, each with its NUL. */
static bool starts(struct owner *o, const char *texts, size_t len)
{
    uint8_t packet[512] = { 0, 0, 0, 0, 0, 3, 0, 0 };
    memcpy(packet + 8, texts, len);
    packet[3] = (uint8_t)(9 + len);
    packet[2] = (uint8_t)((9 + len) >> 8);
    return gives(o, packet, 9 + len);
}

static bool says(struct owner *o, const char *script)
{
    uint8_t buf[8192];
    bool open = true;
    size_t n;
    while ((n = pg_script_next(&script, buf, sizeof buf)) > 0)
        open = gives(o, buf, n);
    return open;
}

/* A password message, first or last. */
static bool proves(struct owner *o, const char *mechanism, const char *data)
{
    uint8_t buf[256];
    struct writer w = writer_of(buf, sizeof buf);
    const size_t m = mechanism ? strlen(mechanism) + 1 + 4 : 0;
    writer_u8(&w, 'p');
    writer_be32(&w, (uint32_t)(4 + m + strlen(data)));
    if (mechanism) {
        writer_bytes(&w, mechanism, strlen(mechanism) + 1);
        writer_be32(&w, (uint32_t)strlen(data));
    }
    writer_str(&w, data);
    return gives(o, buf, w.len);
}

#define ANA "user\0ana\0database\0shop\0"
#define STATUSES                                                               \
    "S(application_name=) S(client_encoding=UTF8) S(DateStyle=ISO, MDY) "      \
    "S(default_transaction_read_only=off) S(in_hot_standby=off) "              \
    "S(integer_datetimes=on) S(IntervalStyle=postgres) S(is_superuser=off) "   \
    "S(server_encoding=UTF8) S(server_version=15.13) "                         \
    "S(session_authorization=ana) S(standard_conforming_strings=on) "          \
    "S(TimeZone=UTC)"
#define SASL "R(10SCRAM-SHA-256  )"

/* From the startup packet to ReadyForQuery. */
static const struct row {
    const char *name, *texts;
    size_t len;
    bool tls, needs_tls;
    const char *mechanism, *password;
    const char *want; /* all that is sent */
    bool open;        /* afterwards */
} rows[] = {
#define TEXTS(t) t, sizeof(t) - 1
    { "the right password", TEXTS(ANA), false, false, "SCRAM-SHA-256", "right",
      SASL " R(11go) R(12ok) R(0) " STATUSES " K(65 66) Z(I)", true },
    { "over TLS the channel can be bound", TEXTS(ANA), true, true,
      "SCRAM-SHA-256", "right",
      "R(10SCRAM-SHA-256-PLUS SCRAM-SHA-256  ) R(11go) R(12ok) R(0) " STATUSES
      " K(65 66) Z(I)",
      true },
    { "a wrong password", TEXTS(ANA), false, false, "SCRAM-SHA-256", "wrong",
      SASL " R(11go) E(28P01)", false },
    { "another mechanism", TEXTS(ANA), false, false, "SCRAM-SHA-1", "right",
      SASL " E(08P01)", false },
    { "TLS is needed and not there", TEXTS(ANA), false, true, NULL, NULL,
      "E(28000)", false },
    { "nobody", TEXTS("database\0shop\0"), false, false, NULL, NULL, "E(28000)",
      false },
    { "a database that is not there", TEXTS("user\0ana\0database\0none\0"),
      false, false, "SCRAM-SHA-256", "right", SASL " R(11go) R(12ok) E(3D000)",
      false },
    { "replication", TEXTS(ANA "replication\0true\0"), false, false, NULL, NULL,
      "E(0A000)", false },
    { "options of the protocol that are not ours", TEXTS(ANA "_pq_.x\0001\0"),
      false, false, NULL, NULL, "v(196608 1 _pq_.x) " SASL, true },
    { "settings at startup",
      TEXTS(ANA "application_name\0x\0options\0-c halftone.rho=0.5 "
                "--TimeZone=Europe/Berlin\0"),
      false, false, "SCRAM-SHA-256", "right",
      SASL
      " R(11go) R(12ok) R(0) S(application_name=x) S(client_encoding=UTF8) "
      "S(DateStyle=ISO, MDY) S(default_transaction_read_only=off) "
      "S(in_hot_standby=off) S(integer_datetimes=on) S(IntervalStyle=postgres) "
      "S(is_superuser=off) S(server_encoding=UTF8) S(server_version=15.13) "
      "S(session_authorization=ana) S(standard_conforming_strings=on) "
      "S(TimeZone=Europe/Berlin) K(65 66) Z(I)",
      true },
    { "a setting that is none", TEXTS(ANA "nothing\0x\0"), false, false,
      "SCRAM-SHA-256", "right", SASL " R(11go) R(12ok) E(42704)", false },
    { "a value of Halftone's that is none",
      TEXTS(ANA "options\0-c halftone.rho=much\0"), false, false,
      "SCRAM-SHA-256", "right", SASL " R(11go) R(12ok) E(22023)", false },
    { "an option that is none", TEXTS(ANA "options\0-x\0"), false, false,
      "SCRAM-SHA-256", "right", SASL " R(11go) R(12ok) E(22023)", false },
#undef TEXTS
};

static void check(void **state)
{
    const struct row *row = *state;
    struct owner o;
    owner_open(&o, row->tls, row->needs_tls);
    bool open = starts(&o, row->texts, row->len);
    if (open && row->mechanism)
        open = proves(&o, row->mechanism, "hello");
    if (open && row->password)
        open = proves(&o, NULL, row->password);
    gets(&o, row->want);
    assert_int_equal(open, row->open);
    assert_int_equal(pg_session_finished(o.session), !row->open);
    owner_close(&o);
}

static void log_in(struct owner *o)
{
    owner_open(o, false, false);
    assert_true(starts(o, ANA, sizeof ANA - 1));
    assert_true(proves(o, "SCRAM-SHA-256", "hello"));
    assert_true(proves(o, NULL, "right"));
    free(pulled(o));
}

/* The job is done: what a worker would say. */
static void finish_job(struct owner *o, const char *text)
{
    struct pg_backend *b = o->away;
    assert_non_null(b);
    o->away = NULL;
    free(o->bytes);
    o->bytes = NULL;
    pg_complete(&b->out, text, -1);
    pg_backend_ready(b);
    pg_session_resume(o->session, b, false);
}

static void input_waits_while_a_worker_has_the_backend(void **state)
{
    struct owner o;
    (void)state;
    log_in(&o);
    assert_true(says(&o, "Q:SELECT a|S|Q:SELECT b"));
    gets(&o, "");
    assert_int_equal(o.message.type, 'Q');
    assert_string_equal((const char *)o.bytes, "SELECT a");
    finish_job(&o, "ONE");
    assert_string_equal((const char *)o.bytes, "SELECT b");
    gets(&o, "C(ONE) Z(I) Z(I)");
    finish_job(&o, "TWO");
    gets(&o, "C(TWO) Z(I)");
    assert_true(pg_session_busy(o.session));
    assert_false(pg_session_busy(o.session));
    owner_close(&o);
}

static void bytes_may_come_one_by_one(void **state)
{
    struct owner o;
    uint8_t buf[256];
    const char *script = "Q:SELECT a";
    (void)state;
    log_in(&o);
    const size_t n = pg_script_next(&script, buf, sizeof buf);
    for (size_t i = 0; i < n; i++) {
        assert_null(o.away);
        assert_true(gives(&o, buf + i, 1));
    }
    assert_non_null(o.away);
    owner_close(&o);
}

static void a_full_queue_is_an_error_of_the_statement(void **state)
{
    struct owner o;
    (void)state;
    log_in(&o);
    o.busy = true;
    assert_true(says(&o, "Q:SELECT a|P::SELECT a|S"));
    gets(&o, "E(57P03) Z(I) E(57P03) Z(I)");
    owner_close(&o);
}

static void past_some_input_it_wants_no_more(void **state)
{
    struct owner o;
    (void)state;
    log_in(&o);
    assert_true(says(&o, "Q:SELECT a"));
    for (int i = 0; i < 20000 && !pg_session_full(o.session); i++)
        assert_true(says(&o, "S"));
    assert_true(pg_session_full(o.session));
    finish_job(&o, "ONE");
    for (int i = 0; i < 100 && pg_session_full(o.session); i++)
        free(pulled(&o));
    assert_false(pg_session_full(o.session));
    owner_close(&o);
}

static void a_message_that_is_too_long_ends_it(void **state)
{
    static const uint8_t head[] = { 'Q', 0, 0, 0x20, 0 };
    struct owner o;
    (void)state;
    log_in(&o);
    assert_false(gives(&o, head, sizeof head));
    gets(&o, "E(54000)");
    assert_true(pg_session_finished(o.session));
    owner_close(&o);
}

static void a_cancel_request_reaches_the_owner(void **state)
{
    static const uint8_t packet[] = { 0, 0, 0, 16, 4, 210, 22, 46,
                                      0, 0, 0, 65, 0, 0,   0,  66 };
    struct owner o;
    (void)state;
    owner_open(&o, false, true); /* in plaintext, as old clients send it */
    assert_false(gives(&o, packet, sizeof packet));
    assert_int_equal(o.cancelled, 1);
    assert_int_equal(o.pid, 65);
    assert_int_equal(o.secret, 66);
    gets(&o, "");
    owner_close(&o);
}

static void a_drain_waits_for_the_statement(void **state)
{
    struct owner o;
    (void)state;
    log_in(&o);
    assert_true(says(&o, "Q:SELECT a"));
    pg_session_drain(o.session);
    gets(&o, "");
    finish_job(&o, "ONE");
    gets(&o, "C(ONE) Z(I) E(57P01)");
    assert_true(pg_session_finished(o.session));
    owner_close(&o);
}

static void goodbye_is_heard(void **state)
{
    struct owner o;
    (void)state;
    log_in(&o);
    assert_false(says(&o, "X"));
    assert_true(pg_session_finished(o.session));
    owner_close(&o);
}

/* What comes before TLS. */
static const struct hello {
    const char *name;
    uint8_t bytes[PG_HELLO_LEN];
    size_t len;
    bool tls;
    enum pg_hello want;
} hellos[] = {
    { "a handshake at once", { 0x16 }, 1, true, PG_HELLO_RAW },
    { "the same where there is no TLS", { 0x16 }, 1, false, PG_HELLO_MORE },
    { "the first byte of a packet", { 0 }, 1, true, PG_HELLO_MORE },
    { "SSLRequest", { 0, 0, 0, 8, 4, 210, 22, 47 }, 8, true, PG_HELLO_TLS },
    { "SSLRequest without TLS",
      { 0, 0, 0, 8, 4, 210, 22, 47 },
      8,
      false,
      PG_HELLO_NO },
    { "GSSENCRequest", { 0, 0, 0, 8, 4, 210, 22, 48 }, 8, true, PG_HELLO_NO },
    { "a startup packet",
      { 0, 0, 0, 40, 0, 3, 0, 0 },
      8,
      true,
      PG_HELLO_START },
};

static void check_hello(void **state)
{
    const struct hello *row = *state;
    assert_int_equal(pg_hello_of(row->bytes, row->len, row->tls), row->want);
}

int main(void)
{
    const struct CMUnitTest others[] = {
        cmocka_unit_test(input_waits_while_a_worker_has_the_backend),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(a_full_queue_is_an_error_of_the_statement),
        cmocka_unit_test(past_some_input_it_wants_no_more),
        cmocka_unit_test(a_message_that_is_too_long_ends_it),
        cmocka_unit_test(a_cancel_request_reaches_the_owner),
        cmocka_unit_test(a_drain_waits_for_the_statement),
        cmocka_unit_test(goodbye_is_heard),
    };
    int failed = RUN_ROWS(rows, check);
    failed += RUN_ROWS(hellos, check_hello);
    return failed +
           cmocka_run_group_tests_name("connections", others, NULL, NULL);
}
