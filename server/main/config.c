#include "server/main/config.h"

#include <limits.h>
#include <string.h>

#include "server/ledger/ledger.h"
#include "server/main/config_parts.h"
#include "server/main/config_wire.h"
#include "server/policy/scalar.h"

#define AT(member) offsetof(struct config_text, c.member)

/* A path, or the URI of a database, which is no path.  NULL: a mistake. */
static const char *read_where(struct loader *l, const struct field *f,
                              const struct yaml_node *node)
{
    const char *text = loader_scalar(l, f, node);
    struct err err = { 0 };
    if (!text)
        return NULL;
    if (node->len == 0 || node->len > PATH_MAX ||
        !scalar_is_printable(text, node->len)) {
        loader_mistake(
            l, yaml_place_of(node),
            arena_printf(l->a, "'%s' is no path without control characters",
                         f->key),
            "write the path of a file, or postgresql://...");
        return NULL;
    }
    if (ledger_check_where(text, &err) != ERR_OK) {
        loader_mistake(l, yaml_place_of(node), arena_strdup(l->a, err.msg),
                       arena_strdup(l->a, err.hint));
        return NULL;
    }
    return ledger_is_shared(text) ? arena_strdup(l->a, text)
                                  : loader_resolve(l, text);
}

static void read_ledger(struct loader *l, const struct field *f,
                        const struct yaml_node *node, void *out)
{
    ((struct config_text *)out)->c.ledger = read_where(l, f, node);
}

static void read_register(struct loader *l, const struct field *f,
                          const struct yaml_node *node, void *out)
{
    ((struct config_text *)out)->c.consent = read_where(l, f, node);
}

static void read_level(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    static const char *const levels[] = { "debug", "info", "warn", "error",
                                          NULL };
    struct config *c = &((struct config_text *)out)->c;
    unsigned level = 1;
    const struct field word = {
        .key = f->key, .kind = FIELD_WORD, .words = levels, .help = f->help
    };
    fields_read_value(l, &word, node, &level);
    c->log_level = levels[level];
}

static const struct field TLS[] = {
    { .key = "cert",
      .kind = FIELD_PATH,
      .at = AT(tls_cert),
      .absent = "none",
      .help = "Certificate chain, PEM; read again on SIGHUP." },
    { .key = "key",
      .kind = FIELD_PATH,
      .at = AT(tls_key),
      .absent = "none",
      .help = "Its private key, PEM." },
    { .key = "client_ca",
      .kind = FIELD_PATH,
      .at = AT(tls_client_ca),
      .absent = "clients need no certificate",
      .help = "Clients must show a certificate signed by this one, PEM." },
    { .key = "tls12",
      .kind = FIELD_BOOL,
      .at = AT(tls12),
      .fallback = "false",
      .help = "Also speak TLS 1.2, for old drivers." },
};
static const struct field_set TLS_FIELDS = FIELD_SET("tls", "tls", TLS);

static const struct field ENGINE[] = {
    { .key = "memory",
      .kind = FIELD_BYTES,
      .at = AT(engine_memory),
      .fallback = "0",
      .max = 0x1p50,
      .help = "Memory of one engine; 0 is half of the machine's, shared by the "
              "datasets." },
    { .key = "threads",
      .kind = FIELD_U32,
      .at = AT(engine_threads),
      .fallback = "0",
      .max = 1024,
      .help = "Threads of one engine; 0 is one per core." },
    { .key = "temp",
      .kind = FIELD_PATH,
      .at = AT(engine_temp),
      .absent = "none",
      .help = "Folder for what does not fit into memory; it holds personal "
              "data while a query runs." },
};
static const struct field_set ENGINE_FIELDS =
    FIELD_SET("engine", "engine", ENGINE);

static const struct field LIMITS[] = {
    { .key = "connections",
      .kind = FIELD_U32,
      .at = AT(max_conns),
      .fallback = "4096",
      .min = 1,
      .max = 1e6,
      .help = "Open connections; for more, the oldest without a caller makes "
              "room." },
    { .key = "handshakes",
      .kind = FIELD_U32,
      .at = AT(handshakes),
      .fallback = "128",
      .min = 1,
      .max = 1e6,
      .help = "TLS handshakes that one address (a /64 of IPv6) may have under "
              "way; more are closed at once." },
    { .key = "handshake_rate",
      .kind = FIELD_U32,
      .at = AT(handshake_rate),
      .fallback = "100",
      .min = 1,
      .max = 1e6,
      .help = "TLS handshakes that one address may begin in a second, with "
              "two seconds' worth at once." },
    { .key = "streams",
      .kind = FIELD_U32,
      .at = AT(max_streams),
      .fallback = "100",
      .min = 1,
      .max = 10000,
      .help = "Calls under way on one connection." },
    { .key = "message",
      .kind = FIELD_BYTES,
      .at = AT(max_message_len),
      .fallback = "256 KiB",
      .min = 1024,
      .max = 0x1p26,
      .help = "Longest message from a client." },
    { .key = "idle",
      .kind = FIELD_DURATION,
      .unit_ns = 1,
      .at = AT(idle_ns),
      .fallback = "5 min",
      .min = 1e9,
      .max = 86400e9,
      .help = "A connection without calls is closed after it; one that "
              "never had any, after 30 s." },
    { .key = "postgres_idle",
      .kind = FIELD_DURATION,
      .unit_ns = 1,
      .at = AT(pg_idle_ns),
      .fallback = "8 h",
      .min = 1e9,
      .max = 30 * 86400e9,
      .help = "The same of a PostgreSQL connection that somebody logged in on: "
              "tools keep them for hours." },
    { .key = "stall",
      .kind = FIELD_DURATION,
      .unit_ns = 1,
      .at = AT(stall_ns),
      .fallback = "30 s",
      .min = 1e8,
      .max = 3600e9,
      .help = "So is one that does not take what is sent; a call that does "
              "not send its request whole, or take its reply, is reset." },
    { .key = "drain",
      .kind = FIELD_DURATION,
      .unit_ns = 1,
      .at = AT(drain_ns),
      .fallback = "10 s",
      .max = 3600e9,
      .help = "How long calls may finish after SIGTERM." },
    { .key = "replay",
      .kind = FIELD_BYTES,
      .at = AT(replay_len),
      .fallback = "64 MiB",
      .max = 0x1p40,
      .help = "Memory for replies that are served again." },
};
static const struct field_set LIMIT_FIELDS =
    FIELD_SET("limits", "limits", LIMITS);

static const struct field AUDIT[] = {
    { .key = "name",
      .kind = FIELD_TEXT,
      .at = AT(audit_name),
      .fallback = "halftone.local/log",
      .help = "What the log is called by those who verify it: like a URL "
              "without its scheme, and yours alone." },
    { .key = "key",
      .kind = FIELD_PATH,
      .at = offsetof(struct config_text, audit_key),
      .absent = "'-audit-key' beside the ledger",
      .help = "File of the Ed25519 key that signs the log; made when absent, "
              "readable by the server alone." },
    { .key = "witness",
      .kind = FIELD_PATH,
      .at = AT(witness),
      .absent = "a rollback is not detected",
      .help = "File on another disk that remembers how far the ledger has "
              "come; a ledger older than it is refused." },
    { .key = "witness_url",
      .kind = FIELD_TEXT,
      .at = AT(witness_url),
      .absent = "none is asked",
      .help = "Instead of a file, the address of a witness that speaks C2SP "
              "tlog-witness, such as 'halftone audit witness --listen'." },
    { .key = "witness_key",
      .kind = FIELD_TEXT,
      .at = offsetof(struct config_text, witness_key),
      .absent = "needed with witness_url",
      .help = "The key that it signs with: the line that it prints." },
    { .key = "witness_ca",
      .kind = FIELD_PATH,
      .at = AT(witness_ca),
      .absent = "the system's authorities",
      .help = "Authorities that its certificate is checked by, PEM." },
    { .key = "interval",
      .kind = FIELD_DURATION,
      .unit_ns = 1,
      .at = AT(audit_interval_ns),
      .fallback = "10 min",
      .min = 1e9,
      .max = 86400e9,
      .help = "One leaf stands for all that people did in each stretch of "
              "this length." },
};
static const struct field_set AUDIT_FIELDS = FIELD_SET("audit", "audit", AUDIT);

static const struct field CONSENT[] = {
    { .key = "file",
      .kind = FIELD_CUSTOM,
      .read = read_register,
      .form = "path or postgresql://...",
      .absent = "there is no register",
      .help = "The SQLite file of who decided what, made when absent; or the "
              "PostgreSQL database, the ledger's or another, which several "
              "servers may share.  It holds pseudonyms and no identifier." },
    { .key = "keys",
      .kind = FIELD_PATH,
      .at = offsetof(struct config_text, pseudonym_keys),
      .absent = "'-keys' beside the file",
      .help = "File of the keys that make pseudonyms, 64 hexadecimal digits a "
              "line, the newest first; made when absent, readable by the "
              "server alone; the same for all servers of a register.  Losing "
              "them loses who decided." },
    { .key = "erasures",
      .kind = FIELD_PATH,
      .at = AT(erasures),
      .absent = "'-erasures' beside the file",
      .help = "Who was erased, once more, so that a register that is put back "
              "forgets nobody; made when absent, one for each server.  Never "
              "put back a copy of it." },
};
static const struct field_set CONSENT_FIELDS =
    FIELD_SET("consent", "consent", CONSENT);

static const struct field CONFIG[] = {
    { .key = "listen",
      .kind = FIELD_CUSTOM,
      .read = config_read_listen,
      .at = AT(grpc),
      .form = "address:port",
      .fallback = "127.0.0.1:7443",
      .help = "Where gRPC is served; port 0 is any." },
    { .key = "postgres",
      .kind = FIELD_CUSTOM,
      .read = config_read_pg,
      .at = AT(pg),
      .form = "address:port, off",
      .absent = "off",
      .help = "Where PostgreSQL's protocol is served, usually on port 7432, "
              "with the same certificate." },
    { .key = "metrics",
      .kind = FIELD_CUSTOM,
      .read = config_read_metrics,
      .at = AT(metrics),
      .form = "address:port, off",
      .fallback = "127.0.0.1:7490",
      .help = "Where metrics are served, on a loopback address only." },
    { .key = "tls",
      .kind = FIELD_MAP,
      .inner = &TLS_FIELDS,
      .form = "map",
      .absent = "'plaintext' is needed",
      .help = "Certificate and key." },
    { .key = "plaintext",
      .kind = FIELD_CUSTOM,
      .read = config_read_plaintext,
      .form = "loopback",
      .absent = "TLS is needed",
      .help = "Serve without TLS, on a loopback address only." },

    { .key = "policies",
      .kind = FIELD_PATHS,
      .required = true,
      .at = offsetof(struct config_text, policies),
      .help = "The datasets: policy files, and folders of *.yaml." },
    { .key = "principals",
      .kind = FIELD_PATH,
      .required = true,
      .at = AT(principals),
      .help = "The file of who may call." },
    { .key = "ledger",
      .kind = FIELD_CUSTOM,
      .read = read_ledger,
      .form = "path or postgresql://...",
      .required = true,
      .help = "The SQLite file of what was spent, made when absent; or the "
              "PostgreSQL database, which several servers may share.  Losing "
              "it loses the guarantee." },
    { .key = "secret",
      .kind = FIELD_PATH,
      .required = true,
      .at = offsetof(struct config_text, secret),
      .help = "File of 32 random bytes that choose which rows of a person "
              "count; made when absent, readable by the server alone." },

    { .key = "answer_keys",
      .kind = FIELD_PATH,
      .at = offsetof(struct config_text, answer_keys),
      .absent = "'-answer-keys' beside the ledger",
      .help = "File of the keys that encrypt stored answers, 64 hexadecimal "
              "digits a line, the newest first; made when absent, readable by "
              "the server alone." },
    { .key = "consent",
      .kind = FIELD_MAP,
      .inner = &CONSENT_FIELDS,
      .form = "map",
      .absent = "no policy may ask for consent",
      .help = "The register of what people decided." },
    { .key = "audit",
      .kind = FIELD_MAP,
      .inner = &AUDIT_FIELDS,
      .form = "map",
      .help = "The log that others can verify." },

    { .key = "loops",
      .kind = FIELD_U32,
      .at = AT(loops),
      .fallback = "0",
      .max = 64,
      .help = "Threads that own connections; 0 is one per core." },
    { .key = "workers",
      .kind = FIELD_U32,
      .at = AT(workers),
      .fallback = "8",
      .min = 1,
      .max = 1024,
      .help = "Threads that run queries; one caller gets three quarters of "
              "them and of the queue at most." },
    { .key = "queue",
      .kind = FIELD_U32,
      .at = AT(queue),
      .fallback = "256",
      .min = 1,
      .max = 1e6,
      .help = "Queries that may wait for a worker; more are refused before "
              "they are charged." },
    { .key = "lease",
      .kind = FIELD_DURATION,
      .unit_ns = 1,
      .at = AT(lease_ns),
      .fallback = "10 min",
      .min = 1e9,
      .max = 86400e9,
      .help = "How long one run holds its charge before another may take "
              "over." },
    { .key = "engine",
      .kind = FIELD_MAP,
      .inner = &ENGINE_FIELDS,
      .form = "map",
      .help = "What an engine may use." },
    { .key = "limits",
      .kind = FIELD_MAP,
      .inner = &LIMIT_FIELDS,
      .form = "map",
      .help = "What clients may use." },
    { .key = "log_level",
      .kind = FIELD_CUSTOM,
      .read = read_level,
      .form = "debug, info, warn, error",
      .fallback = "info",
      .help = "Least severity that is logged, to standard error." },
};
static const struct field_set CONFIG_FIELDS =
    FIELD_SET("the server's file", "", CONFIG);

void config_keys_print(struct writer *w)
{
    static const struct field_set *const sets[] = {
        &CONFIG_FIELDS, &TLS_FIELDS,    &CONSENT_FIELDS,
        &AUDIT_FIELDS,  &ENGINE_FIELDS, &LIMIT_FIELDS
    };
    fields_print(w, sets, sizeof sets / sizeof sets[0]);
}

static struct config_text *read_config(struct loader *l,
                                       const struct yaml_node *root)
{
    struct config_text *t = loader_alloc(l, 1, sizeof *t);
    if (!t)
        return NULL;
    t->root = root;
    t->c.path = arena_strdup(l->a, l->path);
    l->full = l->full || !t->c.path;
    fields_read(l, &CONFIG_FIELDS, root, t);
    config_check_wire(l, t);
    t->c.policies = t->policies.text;
    t->c.n_policies = t->policies.n;
    return t;
}

enum err_code config_check_bytes(struct config **out, const void *bytes,
                                 size_t len, const char *path,
                                 struct policy_report *report, struct arena *a,
                                 struct err *err)
{
    struct loader l = loader_of(path, report, a);
    const struct yaml_node *root;
    if (l.full)
        return loader_close(&l, err);
    TRY(loader_open_bytes(&l, &root, bytes, len, err));
    struct config_text *t = read_config(&l, root);
    TRY(loader_close(&l, err));
    *out = &t->c;
    return ERR_OK;
}

enum err_code config_load(struct config **out, const char *path,
                          struct policy_report *report, struct arena *a,
                          struct err *err)
{
    struct loader l = loader_of(path, report, a);
    const struct yaml_node *root;
    const uint8_t *bytes;
    size_t len;
    if (l.full)
        return loader_close(&l, err);
    TRY(loader_open_file(&l, &root, &bytes, &len, err));
    struct config_text *t = read_config(&l, root);
    if (t)
        config_list_policies(&l, t);
    if (t && !l.full && report->n == 0)
        config_open_secret(&l, t);
    if (t && !l.full && report->n == 0)
        config_open_audit_key(&l, t);
    if (t && !l.full)
        config_read_witness(&l, t);
    if (t && !l.full && report->n == 0)
        config_open_answer_keys(&l, t);
    if (t && !l.full && report->n == 0 && t->c.consent)
        config_open_pseudonym_keys(&l, t);
    if (t && !l.full && report->n == 0 && t->c.consent)
        config_name_erasures(&l, t);
    TRY(loader_close(&l, err));
    *out = &t->c;
    return ERR_OK;
}
