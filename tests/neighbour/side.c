#include "tests/neighbour/side.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/metrics/metrics.h"
#include "tests/lib_rng.h"
#include "tests/neighbour/shop.h"

enum { REQUEST_ARENA = 64 << 20 };

static const char *const DATASETS[] = { "shop" };
static const char *const PURPOSES[] = { "analytics" };

static void die(const char *what, const struct err *err)
{
    (void)fprintf(stderr, "%s: %s\n", what, err->msg);
    abort();
}

static void load(struct side *s, const char *dir)
{
    struct policy_report report = { 0 };
    struct policy *policy;
    struct err err = { 0 };
    const struct engine_options options = { .threads = 1,
                                            .secret = s->service.secret };
    char path[128];
    (void)snprintf(path, sizeof path, "%s/shop.yaml", dir);
    if (policy_load_bytes(&policy, SHOP_POLICY, strlen(SHOP_POLICY), path,
                          &report, &s->arena, &err) != ERR_OK)
        die(report.n ? report.mistakes[report.n - 1].msg : "policy", &err);
    s->dataset.policy = policy;
    if (engine_open(&s->inner, policy, &options, &err) != ERR_OK)
        die("engine", &err);
    if (!engine_settle(s->inner))
        die("a rollup", &err);
    s->dataset.engine = s->inner;
}

void side_open(struct side *s, const char *dir)
{
    struct err err = { 0 };
    uint64_t found;
    *s = (struct side){ .datasets = { &s->dataset } };
    arena_init(&s->arena, 16 << 20);
    ledger_dir_init(&s->ledger);
    fake_clock_init(&s->clock, INT64_C(1735689600000000));
    load(s, dir);
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
        die("ledger", &err);
    s->rng = test_rng_new(7);
}

void side_close(struct side *s)
{
    engine_close(s->inner);
    ledger_close(s->service.ledger);
    gsl_rng_free(s->rng);
    arena_fini(&s->arena);
    ledger_dir_fini(&s->ledger);
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

/* Counters of events; those of time differ between any two runs. */
static uint64_t sum_metrics(void)
{
    uint64_t sum = 0;
#define METRIC(name, type, help)                                               \
    if (!strstr(#name, "_ns_"))                                                \
        sum += atomic_load(&metrics.name);
#include "server/metrics/metrics.def"
#undef METRIC
    return sum;
}

static void no_limit(void *ctx, uint64_t deadline_ns)
{
    (void)ctx, (void)deadline_ns;
}

static void spent(struct seen *out, struct side *s)
{
    struct ledger_balance b;
    struct err err = { 0 };
    const struct ledger_account_spec filter = { .name = "dataset/shop",
                                                .limit =
                                                    s->dataset.policy->cap };
    if (ledger_balance(s->service.ledger, &b, &filter, &err) != ERR_OK)
        die("balance", &err);
    out->spent_pico = b.lifetime.rho_pico;
    out->spent_atto = b.lifetime.delta_atto;
}

static void answer(struct seen *out, struct side *s, const char *sql,
                   struct arena *a)
{
    const atomic_int gone = 0, stop = 0;
    struct request req = { .op = REQUEST_QUERY,
                           .dataset = "",
                           .purpose = "analytics",
                           .sql = sql,
                           .sql_len = strlen(sql),
                           .idempotency_key = "",
                           .page_token = "",
                           .bounds_report = strlen(sql) % 3 == 0,
                           .ask.level = 0.95 };
    struct service_call call = { .service = &s->service,
                                 .world = &s->world,
                                 .who = &s->analyst,
                                 .req = &req,
                                 .rng = s->rng,
                                 .gone = &gone,
                                 .stop = &stop,
                                 .limit_run = no_limit };
    struct reply reply = { 0 };
    struct err err = { 0 };
    size_t len = 0;
    FILE *f = open_memstream(&out->text, &len);
    if (!f)
        abort();
    out->code = service_answer(&call, &reply, a, &err);
    if (out->code == ERR_OK)
        print_table(f, &reply.table);
    else if (out->code == ERR_MISS) /* names the query's id */
        (void)fprintf(f, "a miss\n");
    else
        (void)fprintf(f, "%u:%u: %s (%s)\n", err.line, err.col, err.msg,
                      err.hint);
    (void)fclose(f);
}

void side_ask(struct seen *out, struct side *s, const char *sql)
{
    struct arena a;
    FILE *log = tmpfile();
    const uint64_t before = sum_metrics();
    if (!log)
        abort();
    *out = (struct seen){ 0 };
    arena_init(&a, REQUEST_ARENA);
    log_set_fd(fileno(log));
    answer(out, s, sql, &a);
    log_set_fd(STDERR_FILENO);
    out->metrics = sum_metrics() - before;
    out->log = read_log(log);
    (void)fclose(log);
    spent(out, s);
    arena_fini(&a);
}

void seen_fini(struct seen *s)
{
    free(s->text);
    free(s->log);
}

const char *seen_differ(const struct seen *a, const struct seen *b)
{
    if (a->code != b->code)
        return "the status differs";
    if (strcmp(a->text, b->text) != 0)
        return "the answer differs beyond its noise";
    if (strcmp(a->log, b->log) != 0)
        return "the log differs";
    if (a->spent_pico != b->spent_pico || a->spent_atto != b->spent_atto)
        return "the price differs";
    if (a->metrics != b->metrics)
        return "the metrics differ";
    return NULL;
}
