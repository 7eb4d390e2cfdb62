#include "tests/neighbour/side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/main/notion.h"
#include "server/metrics/metrics.h"
#include "server/pg/pg_rows.h"
#include "tests/lib_rng.h"
#include "tests/lib_service.h"
#include "tests/neighbour/pgshop.h"
#include "tests/neighbour/shop.h"

enum { REQUEST_ARENA = PLAN_ARENA };
static const char *const DATASETS[] = { "shop" };
static const char *const PURPOSES[] = { "analytics" };

void side_die(const char *what, const struct err *err)
{
    (void)fprintf(stderr, "%s: %s\n", what, err->msg);
    abort();
}

static enum err_code spy_run(struct engine *e, struct engine_result *out,
                             const struct plan *plan, const uint8_t secret[32],
                             const atomic_int *stop, struct arena *a,
                             struct err *err)
{
    struct side *s = (struct side *)((char *)e - offsetof(struct side, spy));
    if (s->statements)
        (void)fprintf(s->statements, "%s\n%s\n", plan->sql,
                      plan->rollup_sql ? plan->rollup_sql : "");
    struct plan spare = *plan;
    if (s->spares && plan->spare_sql)
        spare.sql = plan->spare_sql;
    return engine_run(s->inner, out, &spare, secret, stop, a, err);
}

static void spy_close(struct engine *e)
{
    (void)e;
}

/* The policy is the same on all sides, but for whose database it means. */
static void connect(struct side *s, struct policy *policy, const char *dir)
{
    char uri[300];
    pgshop_uri(uri, sizeof uri, dir, "reader");
    policy->database = arena_printf(&s->arena, "%s", uri);
    pgshop_uri(uri, sizeof uri, dir, "writer");
    policy->writer = arena_printf(&s->arena, "%s", uri);
    if (!policy->database || !policy->writer)
        abort();
}

static void load(struct side *s, const char *bytes, const char *dir)
{
    static const struct engine_ops ops = { .run = spy_run, .close = spy_close };
    struct policy_report report = { 0 };
    struct policy *policy;
    struct err err = { 0 };
    struct engine_options options = { .threads = 1,
                                      .secret = s->service.secret };
    char path[128];
    (void)snprintf(path, sizeof path, "%s/shop.yaml", dir);
    if (policy_load_bytes(&policy, bytes, strlen(bytes), path, &report,
                          &s->arena, &err) != ERR_OK)
        side_die(report.n ? report.mistakes[report.n - 1].msg : "policy", &err);
    if (policy->source == SOURCE_POSTGRESQL)
        connect(s, policy, dir);
    s->dataset.policy = policy;
    if (policy->has_consent) {
        side_open_register(s);
        options.gate = &s->dataset.gate;
    }
    if (engine_open(&s->inner, policy, &options, &err) != ERR_OK)
        side_die("engine", &err);
    if (!engine_settle(s->inner))
        side_die("a rollup", &err);
    s->spy.ops = &ops;
    s->dataset.engine = &s->spy;
}

void side_open(struct side *s, const char *policy, const char *dir)
{
    struct err err = { 0 };
    uint64_t found;
    *s = (struct side){ .datasets = { &s->dataset } };
    arena_init(&s->arena, 16 << 20);
    ledger_dir_init(&s->ledger);
    fake_clock_init(&s->clock, SIDE_NOW_US);
    load(s, policy, dir);
    s->analyst = (struct auth_principal){
        .name = "ana",
        .role = ROLE_ANALYST,
        .datasets = (const char **)(uintptr_t)DATASETS,
        .n_datasets = 1,
        .purposes = (const char **)(uintptr_t)PURPOSES,
        .n_purposes = 1,
    };
    s->registry = (struct auth_registry){ .principals = &s->analyst, .n = 1 };
    s->world = (struct world){ .principals = &s->registry,
                               .datasets = s->datasets,
                               .n_datasets = 1 };
    s->service.clock = &s->clock.clock;
    const struct ledger_options options = { .path = s->ledger.path,
                                            .clock = &s->clock.clock,
                                            .lease_ns = 60000000000 };
    if (ledger_open(&s->service.ledger, &options, &found, &err) != ERR_OK)
        side_die("ledger", &err);
    const struct trail_options trail = { .ledger = s->service.ledger,
                                         .clock = &s->clock.clock,
                                         .interval_s = 86400 };
    if (trail_new(&s->service.trail, &trail, &err) != ERR_OK ||
        trail_start(s->service.trail, &err) != ERR_OK ||
        ledger_log_open(&s->leaves, s->ledger.path, &err) != ERR_OK)
        side_die("audit log", &err);
    s->rng = test_rng_new(7);
}

void side_close(struct side *s)
{
    engine_close(s->inner);
    consent_close(s->consent);
    ledger_log_close(s->leaves);
    trail_free(s->service.trail);
    ledger_close(s->service.ledger);
    gsl_rng_free(s->rng);
    arena_fini(&s->arena);
    ledger_dir_fini(&s->ledger);
}

void side_renew(struct side *s)
{
    struct policy *p = (struct policy *)(uintptr_t)s->dataset.policy;
    p->id = arena_printf(&s->arena, "shop_%u", ++s->renewed);
    if (!p->id)
        abort();
}

/* ---- what one sees ---- */

static void print_value(FILE *f, const struct value *v)
{
    uint8_t room[8192];
    struct writer w = writer_of(room, sizeof room);
    value_print(&w, v);
    (void)fprintf(f, "%d:", (int)v->type);
    (void)fwrite(w.data, 1, w.len, f);
    (void)fputc('|', f);
}

static double first_number(const struct reply_table *t)
{
    for (size_t c = 0; t->n_rows && c < t->n_columns; c++)
        if (!t->columns[c].is_key && t->cells[c].type == VALUE_INT)
            return (double)t->cells[c].i;
        else if (!t->columns[c].is_key && t->cells[c].type == VALUE_DOUBLE)
            return t->cells[c].d;
    return 0;
}

static void print_table(FILE *f, const struct reply_table *t)
{
    const struct reply_receipt *r = &t->receipt;
    for (size_t c = 0; c < t->n_columns; c++)
        (void)fprintf(f, "%s %d %d|", t->columns[c].name,
                      (int)t->columns[c].type, t->columns[c].is_key);
    for (size_t i = 0; i < t->n_rows * t->n_columns; i++) {
        const struct reply_interval *in = &t->intervals[i];
        (void)fputs(i % t->n_columns ? "" : "\n", f);
        print_value(f, &t->cells[i]);
        (void)fprintf(f, "%d %a %a|", (int)in->kind, in->lo, in->hi);
    }
    for (size_t i = 0; i < t->n_notices; i++)
        (void)fprintf(f, "\nnote %s", t->notices[i]);
    (void)fprintf(
        f, "\n%s %llu %lld %llu %llu %llu %a %a %llu %d %d %u %u\n",
        r->mechanism ? r->mechanism : "", (unsigned long long)r->policy_version,
        (long long)r->as_of_us, (unsigned long long)r->rho_pico,
        (unsigned long long)r->eps_nano, (unsigned long long)r->delta_atto,
        r->epsilon, r->shown_delta, (unsigned long long)r->remaining_rho_pico,
        r->pure, r->cached, r->max_groups, r->max_rows);
    for (size_t i = 0; i < r->n_parts; i++) {
        const struct reply_part *p = &r->parts[i];
        print_value(f, &p->first);
        print_value(f, &p->last);
        (void)fprintf(f, "%lld %u %u %d\n", (long long)p->as_of_us, p->n_keys,
                      p->max_groups, p->cached);
    }
}

static char *read_log(FILE *f)
{
    char *text = NULL, line[LOG_LINE_MAX];
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    if (!out)
        abort();
    rewind(f);
    while (fgets(line, sizeof line, f)) {
        const char *event = strstr(line, "event=");
        char *query = strstr(line, "query=");
        if (query)
            memset(query, '-', strcspn(query, " \n"));
        (void)fputs(event ? event : line, out);
    }
    (void)fclose(out);
    return text;
}

/* Counters of events; those of time differ between any two runs, and those of
 * the ledger count what the audit log tells each minute. */
enum {
#define METRIC(name, type, help) METRIC_##name,
#include "server/metrics/metrics.def"
#undef METRIC
    METRICS_N
};

static void read_metrics(uint64_t out[METRICS_N])
{
#define METRIC(name, type, help)                                               \
    out[METRIC_##name] = atomic_load(&metrics.name);
#include "server/metrics/metrics.def"
#undef METRIC
}

static void print_metrics(FILE *f, const uint64_t before[METRICS_N])
{
    uint64_t now[METRICS_N];
    read_metrics(now);
#define METRIC(name, type, help)                                               \
    if (!strstr(#name, "_ns_") && !strstr(#name, "ledger_c") &&                \
        now[METRIC_##name] != before[METRIC_##name])                           \
        (void)fprintf(                                                         \
            f, "%s %lld\n", #name,                                             \
            (long long)(now[METRIC_##name] - before[METRIC_##name]));
#include "server/metrics/metrics.def"
#undef METRIC
}

static struct dp_price spent(struct side *s)
{
    struct ledger_balance b;
    struct err err = { 0 };
    const struct policy *p = s->dataset.policy;
    const struct ledger_account_spec filter = {
        .name = notion_account(p, p->notion, &s->arena), .limit = p->cap
    };
    if (!filter.name ||
        ledger_balance(s->service.ledger, &b, &filter, &err) != ERR_OK)
        side_die("balance", &err);
    return b.lifetime;
}

/* What is a charge's own in its entry: its id, and the bond that is made with
 * it and a secret of the ledger; in the order of an entry. */
static const char *const OWN[] = { "\"charge\":\"", "\"bond\":\"" };

/* Charges and refusals, without what is each one's own; other entries come with
 * time, not with questions. */
static void print_leaf(FILE *f, const char *entry)
{
    if (!strstr(entry, "\"charge\"") && !strstr(entry, "\"refusal\""))
        return;
    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++) {
        const char *at = strstr(entry, OWN[i]);
        if (!at)
            continue;
        at += strlen(OWN[i]);
        (void)fprintf(f, "%.*s-", (int)(at - entry), entry);
        entry = at + strcspn(at, "\"");
    }
    (void)fprintf(f, "%s\n", entry);
}

static void read_leaves(FILE *f, struct side *s)
{
    enum { AT_ONCE = 64 };
    struct arena a;
    struct err err = { 0 };
    size_t n = AT_ONCE;
    arena_init(&a, 1 << 20);
    while (n > 0) {
        struct ledger_log_entry *entries;
        if (ledger_log_entries(s->leaves, &entries, &n, s->n_leaves, AT_ONCE,
                               &a, &err) != ERR_OK)
            side_die("audit log", &err);
        for (size_t i = 0; i < n; i++)
            print_leaf(f, entries[i].entry);
        s->n_leaves += n;
    }
    arena_fini(&a);
}

/* ---- asking ---- */

/* The number behind `name` in the comment, or -1. */
static double setting(const char *sql, const char *name)
{
    const char *end = strstr(sql, "*/"), *at = strstr(sql, name);
    return end && at && at < end ? strtod(at + strlen(name), NULL) : -1;
}

static bool is_set(const char *sql, const char *name)
{
    const char *end = strstr(sql, "*/"), *at = strstr(sql, name);
    return end && at && at < end;
}

static void read_settings(struct request *req, const char *sql)
{
    static const struct {
        const char *name;
        enum ask_kind kind;
    } kinds[] = { { "rho=", ASK_RHO },
                  { "epsilon=", ASK_EPSILON },
                  { "accuracy=", ASK_ACCURACY_ABS },
                  { "relative=", ASK_ACCURACY_REL } };
    if (strncmp(sql, "/*", 2) != 0)
        return;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (is_set(sql, kinds[i].name)) {
            req->ask.kind = kinds[i].kind;
            req->ask.price = req->ask.half_width = setting(sql, kinds[i].name);
        }
    if (is_set(sql, "level="))
        req->ask.level = setting(sql, "level=");
    if (is_set(sql, "groups="))
        req->bounds.max_groups = (uint32_t)setting(sql, "groups=");
    if (is_set(sql, "rows="))
        req->bounds.max_rows = (uint32_t)setting(sql, "rows=");
    req->bounds_report = is_set(sql, "report");
    req->intervals = is_set(sql, "intervals");
}

void side_request(struct request *out, struct value params[SIDE_PARAMS],
                  const char *sql)
{
    params[0] = value_int(2);
    params[1] = value_text("books", strlen("books"));
    params[2] = (struct value){ .type = VALUE_DATE, .i = 19754 };
    *out = (struct request){ .op = REQUEST_QUERY,
                             .dataset = "shop",
                             .purpose = "analytics",
                             .sql = sql,
                             .sql_len = strlen(sql),
                             .params = params,
                             .n_params = SIDE_PARAMS,
                             .idempotency_key = "",
                             .page_token = "",
                             .now_us = SIDE_NOW_US,
                             .ask.level = 0.95 };
    read_settings(out, sql);
}

/* The batch's questions; the settings in front of the first are the batch's. */
static void make_batch(struct request *req, struct arena *a)
{
    const char *at = req->sql;
    req->queries = ARENA_NEW_N(a, REQUEST_QUERIES_MAX, struct request);
    req->op = REQUEST_BATCH;
    req->is_batch = true;
    while (at && req->queries && req->n_queries < REQUEST_QUERIES_MAX) {
        const char *end = strstr(at, SIDE_AND);
        struct request *q = &req->queries[req->n_queries++];
        *q = *req;
        q->ask = (struct ask){ .level = req->ask.level };
        q->op = REQUEST_QUERY;
        q->is_batch = false;
        q->queries = NULL;
        q->n_queries = 0;
        q->sql_len = end ? (size_t)(end - at) : strlen(at);
        q->sql = arena_strndup(a, at, q->sql_len);
        if (!q->sql)
            abort();
        at = end ? end + strlen(SIDE_AND) : NULL;
    }
    if (!req->queries)
        abort();
}

/* What the PostgreSQL port makes of it: types, and both formats. */
static void print_wire(FILE *f, const struct reply_table *t, struct arena *a)
{
    static const uint8_t binary[] = { 0, 1 };
    const struct pg_formats formats[] = { { NULL, 0 }, { binary, 1 } };
    const struct pg_rows rows = { pg_columns_of(t->columns, t->n_columns, a),
                                  t->n_columns, t->cells, t->n_rows };
    struct pg_out o;
    if (!rows.columns)
        side_die("no memory", &(struct err){ 0 });
    for (size_t i = 0; i < 2; i++) {
        pg_out_init(&o, 1 << 26);
        pg_rows_describe(&o, rows.columns, rows.n_columns, formats[i]);
        pg_rows_send(&o, &rows, 0, rows.n_rows, formats[i]);
        uint64_t hash = UINT64_C(14695981039346656037); /* FNV-1a */
        for (size_t b = 0; b < o.len; b++)
            hash = (hash ^ o.data[b]) * UINT64_C(1099511628211);
        (void)fprintf(f, "wire %zu %llx\n", o.len, (unsigned long long)hash);
        pg_out_fini(&o);
    }
}

static void print_answer(struct seen *out, FILE *f, const struct request *req,
                         const struct reply *reply, struct arena *a)
{
    const struct reply_table *tables =
        req->is_batch ? reply->tables : &reply->table;
    const size_t n = req->is_batch ? reply->n_tables : 1;
    out->first = n > 0 ? first_number(&tables[0]) : 0;
    for (size_t i = 0; i < n; i++) {
        print_table(f, &tables[i]);
        print_wire(f, &tables[i], a);
    }
}

static void answer(struct seen *out, FILE *f, struct side *s, const char *sql,
                   struct arena *a)
{
    const atomic_int gone = 0, stop = 0;
    struct value params[SIDE_PARAMS];
    struct request req;
    struct service_call call = { .service = &s->service,
                                 .world = &s->world,
                                 .who = &s->analyst,
                                 .req = &req,
                                 .rng = s->rng,
                                 .gone = &gone,
                                 .stop = &stop,
                                 .limit_run = service_no_limit };
    struct reply reply = { 0 };
    struct err err = { 0 };
    side_request(&req, params, sql);
    if (strstr(sql, SIDE_AND))
        make_batch(&req, a);
    call.received_ns = call.started_ns = clock_mono_ns(&s->clock.clock);
    out->code = service_answer(&call, &reply, a, &err);
    if (call.holds)
        out->slot_ns = call.leave_ns - call.started_ns;
    if (out->code == ERR_OK)
        print_answer(out, f, &req, &reply, a);
    else if (out->code == ERR_MISS) /* names the query's id */
        (void)fprintf(f, "a miss\n");
    else
        (void)fprintf(f, "%u:%u: %s (%s)\n", err.line, err.col, err.msg,
                      err.hint);
}

static FILE *open_text(char **text, size_t *len)
{
    FILE *f = open_memstream(text, len);
    if (!f)
        abort();
    return f;
}

void side_ask(struct seen *out, struct side *s, const char *sql)
{
    struct arena a;
    size_t len;
    uint64_t before[METRICS_N];
    *out = (struct seen){ .before = spent(s) };
    FILE *log = fdopen(memfd_create("log", 0), "w+"),
         *text = open_text(&out->text, &len);
    FILE *moved = open_text(&out->metrics, &len);
    FILE *leaves = open_text(&out->leaves, &len);
    s->statements = open_text(&out->statements, &len);
    if (!log)
        abort();
    read_metrics(before);
    arena_init(&a, REQUEST_ARENA);
    log_set_fd(fileno(log));
    answer(out, text, s, sql, &a);
    log_set_fd(STDERR_FILENO);
    print_metrics(moved, before);
    read_leaves(leaves, s);
    out->log = read_log(log);
    (void)fclose(log);
    out->spent = dp_price_left(spent(s), out->before);
    arena_fini(&a);
    (void)fclose(text);
    (void)fclose(moved);
    (void)fclose(leaves);
    (void)fclose(s->statements);
    s->statements = NULL;
}

void seen_fini(struct seen *s)
{
    free(s->text);
    free(s->log);
    free(s->statements);
    free(s->metrics);
    free(s->leaves);
}

static bool same_price(struct dp_price a, struct dp_price b)
{
    return a.rho_pico == b.rho_pico && a.eps_nano == b.eps_nano &&
           a.delta_atto == b.delta_atto;
}

const char *seen_differ(const struct seen *a, const struct seen *b)
{
    if (a->code != b->code)
        return "the status differs";
    if (a->slot_ns != b->slot_ns)
        return "the slot differs";
    if (strcmp(a->statements, b->statements) != 0)
        return "the engine's statements differ";
    if (strcmp(a->text, b->text) != 0)
        return "the answer differs beyond its noise";
    if (strcmp(a->log, b->log) != 0)
        return "the log differs";
    if (!same_price(a->spent, b->spent) || !same_price(a->before, b->before))
        return "the price differs";
    if (strcmp(a->metrics, b->metrics) != 0)
        return "the metrics differ";
    if (strcmp(a->leaves, b->leaves) != 0)
        return "the audit log differs";
    return NULL;
}
