#include "server/main/server.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/audit/cosigner.h"
#include "server/base/log.h"
#include "server/consent/consent.h"
#include "server/engine/scratch_pool.h"
#include "server/grpc/grpc_health.h"
#include "server/grpc/grpc_reflection.h"
#include "server/main/audit_pages.h"
#include "server/main/calls.h"
#include "server/main/counts.h"
#include "server/main/erasing.h"
#include "server/main/files.h"
#include "server/main/grpc_conn.h"
#include "server/main/keeping.h"
#include "server/main/metrics_conn.h"
#include "server/main/notion.h"
#include "server/main/pg_conn.h"
#include "server/main/reload.h"
#include "server/main/tell.h"
#include "server/metrics/metrics.h"
#include "server/plan/plan.h"
#include "server/sql/sql.h"

enum { NS_PER_S = 1000000000 };
enum { ARENA_CAP = PLAN_ARENA }; /* bytes one query may use in a worker */

static const char *const SERVICES[] = {
    "halftone.v1.Halftone",
    "halftone.v1.Admin",
    "halftone.v1.Audit",
    "halftone.v1.Consent",
    "halftone.v1.Contact",
    "grpc.health.v1.Health",
    "grpc.reflection.v1.ServerReflection",
    "grpc.reflection.v1alpha.ServerReflection",
    NULL,
};

struct server {
    const struct config *config;
    struct scratch_pool *scratch; /* what answers about the catalog */
    struct world *world;          /* the newest; a reference */
    struct reload reload;
    struct counts *counts;
    struct service service;
    struct cosigner *cosigner; /* NULL: no witness over HTTP */
    struct trail *trail;
    struct eraser *eraser; /* NULL: no register */
    struct audit_pages *pages;
    struct workers *workers;
    struct calls *calls;
    struct grpc_health health;
    struct grpc_reflection *reflection;
    struct grpc_service services[3];
    struct grpc_conn_options grpc;
    struct pg_door pg;
    struct metrics_conn_options metrics;
    struct net_server *net;
    size_t metrics_at, pg_at; /* which listener */
};

/* ---- signals, on the thread of net_server_run ---- */

static struct world_sources sources_of(const struct server *s)
{
    const struct config *c = s->config;
    return (struct world_sources){
        .policies = c->policies,
        .n_policies = c->n_policies,
        .principals = c->principals,
        .engine = { .memory_limit = c->engine_memory,
                    .threads = c->engine_threads,
                    .temp_dir = c->engine_temp,
                    .failed = tell_engine_failed,
                    .built = tell_rollup_built,
                    .secret = c->secret },
        .consent = s->service.consent,
        .scratch = s->scratch,
    };
}

static void on_terminate(void *ctx)
{
    struct server *s = ctx;
    log_event(LOG_SERVER_DRAIN,
              (struct log_fields){ .count = net_server_stats(s->net).active });
    atomic_store(&s->health.serving, false);
    net_server_drain(s->net, s->config->drain_ns);
}

/* On the reload's thread, which alone changes s->world. */
static void read_again(void *ctx)
{
    struct server *s = ctx;
    struct err err = { 0 };
    const struct world_sources sources = sources_of(s);
    struct world *world;
    if (net_server_reload_tls(s->net, &err) != ERR_OK) {
        tell_error(&err);
        log_event(LOG_RELOAD_FAILED,
                  (struct log_fields){ .path = s->config->tls_cert,
                                       .error = err.code });
    }
    enum err_code code =
        world_load(&world, &sources, s->world, tell_line, NULL, &err);
    if (code == ERR_OK) {
        code = notion_check(s->service.ledger, world, &err);
        if (code != ERR_OK)
            world_drop(world);
    }
    if (code != ERR_OK) {
        tell_error(&err);
        log_event(
            LOG_RELOAD_FAILED,
            (struct log_fields){ .path = s->config->path, .error = err.code });
        return;
    }
    if (trail_world(s->trail, world, &err) != ERR_OK)
        tell_error(&err); /* the ledger failed: the server stops */
    calls_set_world(s->calls, world);
    if (s->eraser)
        eraser_world(s->eraser, world);
    world_drop(s->world);
    s->world = world;
    log_event(LOG_RELOAD, (struct log_fields){ .path = s->config->path });
    tell_world(world);
}

static void on_reload(void *ctx)
{
    struct server *s = ctx;
    metrics_add(&metrics.reloads_total, 1);
    if (!reload_ask(&s->reload))
        log_event(LOG_RELOAD_FAILED,
                  (struct log_fields){ .path = s->config->path,
                                       .error = ERR_INTERNAL });
}

/* ---- building ---- */

static size_t print_metrics(void *ctx, char *buf, size_t cap)
{
    const struct server *s = ctx;
    return tell_metrics(buf, cap, s->net, s->service.ledger);
}

static enum err_code open_ledger(struct server *s, struct err *err)
{
    uint64_t found;
    if (s->config->witness_url)
        TRY(cosigner_new(&s->cosigner, s->config->witness_url,
                         s->config->witness_ca, &s->config->witness_key, err));
    const struct ledger_options options = { .path = s->config->ledger,
                                            .cosigner = s->cosigner,
                                            .clock = clock_system(),
                                            .witness = s->config->witness,
                                            .key = &s->config->audit_key,
                                            .answer_keys =
                                                &s->config->answer_keys,
                                            .lease_ns = s->config->lease_ns };
    TRY(ledger_open(&s->service.ledger, &options, &found, err));
    if (found > 0)
        log_event(LOG_LEDGER_FOUND, (struct log_fields){ .count = found });
    return ERR_OK;
}

static enum err_code open_consent(struct server *s, struct err *err)
{
    const struct consent_options options = {
        .path = s->config->consent,
        .erasures = s->config->erasures,
        .keys = s->config->pseudonym_keys,
        .clock = clock_system(),
    };
    return options.path ? consent_open(&s->service.consent, &options, err)
                        : ERR_OK;
}

static enum err_code open_scratch(struct server *s, struct err *err)
{
    s->scratch = scratch_pool_new("/proc/self/exe", 0);
    return s->scratch ? ERR_OK : err_set(err, ERR_INTERNAL, "no memory");
}

/* Should the register fail, the leaf commits to nothing anybody can open. */
static struct merkle_hash commit_people(void *ctx, int64_t to_us)
{
    struct merkle_hash out = { { 0 } };
    struct audit_salt salt = { { 0 } };
    if (consent_commit(ctx, to_us, out.bytes))
        return out;
    (void)audit_salt_new(&salt);
    return audit_commitment(&salt, "", 0);
}

static enum err_code make_trail(struct server *s, struct err *err)
{
    TRY(counts_new(&s->counts, &s->service, err));
    const struct trail_options options = {
        .ledger = s->service.ledger,
        .clock = clock_system(),
        .interval_s = s->config->audit_interval_ns / NS_PER_S,
        .consent = s->service.consent,
        .people = s->service.consent ? commit_people : NULL,
        .people_ctx = s->service.consent,
        .counts = s->counts,
    };
    TRY(trail_new(&s->trail, &options, err));
    s->service.trail = s->trail;
    TRY(audit_pages_new(&s->pages, s->config->ledger, &s->config->audit_key,
                        clock_system(), err));
    s->service.pages = s->pages;
    return ERR_OK;
}

static enum err_code start_calls(struct server *s, unsigned loops,
                                 struct err *err)
{
    const struct workers_options workers = { .n = s->config->workers,
                                             .queue_len = s->config->queue,
                                             .arena_cap = ARENA_CAP,
                                             .stack_len = SQL_STACK_MIN,
                                             .clock = clock_system() };
    TRY(workers_new(&s->workers, &workers, err));
    const struct calls_options calls = { .service = &s->service,
                                         .workers = s->workers,
                                         .world = s->world,
                                         .n_loops = loops,
                                         .replay_len =
                                             s->config->replay_len / loops };
    TRY(calls_new(&s->calls, &calls, err));
    TRY(grpc_reflection_new(&s->reflection, grpc_descriptor_set,
                            grpc_descriptor_set_len, SERVICES, err));
    grpc_health_init(&s->health, SERVICES);
    atomic_store(&s->health.serving, true);
    s->services[0] = calls_service(s->calls);
    s->services[1] = grpc_health_service(&s->health);
    s->services[2] = grpc_reflection_service(s->reflection);
    s->grpc = (struct grpc_conn_options){
        .services = s->services,
        .n_services = sizeof s->services / sizeof s->services[0],
        .limits = { .max_streams = s->config->max_streams,
                    .max_message_len = s->config->max_message_len,
                    .request_ns = s->config->stall_ns,
                    .stall_ns = s->config->stall_ns },
        .on_get = audit_pages_get,
        .get_ctx = s->pages,
        .clock = clock_system(),
    };
    return ERR_OK;
}

/* gRPC's is the first. */
static size_t fill_listeners(struct server *s,
                             struct net_listener_options out[3])
{
    const struct config *c = s->config;
    const struct net_tls_options tls = {
        .cert_file = c->plaintext ? NULL : c->tls_cert,
        .key_file = c->tls_key,
        .client_ca_file = c->tls_client_ca,
        .allow_tls12 = c->tls12,
    };
    size_t n = 0;
    s->metrics = (struct metrics_conn_options){ print_metrics, s };
    out[n++] = (struct net_listener_options){ .host = c->grpc.host,
                                              .port = c->grpc.port,
                                              .tls = tls,
                                              .protocol = &grpc_conn_protocol,
                                              .protocol_ctx = &s->grpc };
    s->metrics_at = n;
    if (c->has_metrics)
        out[n++] =
            (struct net_listener_options){ .host = c->metrics.host,
                                           .port = c->metrics.port,
                                           .protocol = &metrics_conn_protocol,
                                           .protocol_ctx = &s->metrics };
    s->pg_at = n;
    if (c->has_pg)
        out[n++] = (struct net_listener_options){ .host = c->pg.host,
                                                  .port = c->pg.port,
                                                  .tls = tls,
                                                  .protocol = &pg_conn_protocol,
                                                  .protocol_ctx = &s->pg,
                                                  .idle_ns = c->pg_idle_ns };
    return n;
}

static enum err_code start_pg(struct server *s, struct err *err)
{
    s->pg = (struct pg_door){ .service = &s->service,
                              .workers = s->workers,
                              .calls = s->calls,
                              .keys = pg_keys_new(),
                              .needs_tls = !s->config->plaintext,
                              .max_message_len = s->config->max_message_len };
    return s->pg.keys ? ERR_OK : err_set(err, ERR_INTERNAL, "no memory");
}

static enum err_code start_net(struct server *s, unsigned loops,
                               struct err *err)
{
    const struct config *c = s->config;
    struct net_listener_options listeners[3];
    const size_t n_listeners = fill_listeners(s, listeners);
    unsigned max_conns = c->max_conns;
    TRY(files_share(&max_conns, c->workers, err));
    if (max_conns < c->max_conns)
        log_event(LOG_CONNECTIONS_LOWERED,
                  (struct log_fields){ .count = max_conns });
    const struct net_server_options options = {
        .listeners = listeners,
        .n_listeners = n_listeners,
        .n_loops = loops,
        .limits = { .max_conns = max_conns,
                    .handshakes = c->handshakes,
                    .handshake_rate = c->handshake_rate,
                    .idle_ns = c->idle_ns,
                    .stall_ns = c->stall_ns },
    };
    TRY(net_server_new(&s->net, &options, err));
    calls_attach(s->calls, s->net);
    s->pg.server = s->net;
    TRY(net_server_on_signal(s->net, SIGTERM, on_terminate, s, err));
    TRY(net_server_on_signal(s->net, SIGINT, on_terminate, s, err));
    return net_server_on_signal(s->net, SIGHUP, on_reload, s, err);
}

static enum err_code start_eraser(struct server *s, struct err *err)
{
    if (!s->service.consent)
        return ERR_OK;
    TRY(eraser_new(&s->eraser, clock_system(), err));
    eraser_world(s->eraser, s->world);
    return ERR_OK;
}

enum err_code server_new(struct server **out, const struct config *config,
                         struct err *err)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return err_set(err, ERR_INTERNAL, "no memory");
    s->config = config;
    reload_init(&s->reload, read_again, s);
    (void)signal(SIGXFSZ, SIG_IGN); /* a file too long is an error of write() */
    s->service.clock = clock_system();
    for (int level = 0; level < LOG_LEVEL_COUNT; level++)
        if (strcmp(log_level_name((enum log_level)level), config->log_level) ==
            0)
            log_set_level((enum log_level)level);
    s->service.signer = &config->audit_key;
    memcpy(s->service.secret, config->secret, sizeof s->service.secret);
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    const unsigned loops = config->loops ? config->loops
                           : cores > 0   ? (unsigned)cores
                                         : 1;
    enum err_code code = open_consent(s, err);
    if (code == ERR_OK)
        code = open_scratch(s, err);
    const struct world_sources sources = sources_of(s);
    if (code == ERR_OK)
        code = world_load(&s->world, &sources, NULL, tell_line, NULL, err);
    if (code == ERR_OK)
        code = open_ledger(s, err);
    if (code == ERR_OK)
        code = notion_check(s->service.ledger, s->world, err);
    if (code == ERR_OK)
        code = keeping_start(s->service.ledger, s->service.consent, err);
    if (code == ERR_OK)
        code = make_trail(s, err);
    if (code == ERR_OK)
        code = start_calls(s, loops, err);
    if (code == ERR_OK)
        code = start_pg(s, err);
    if (code == ERR_OK)
        code = start_net(s, loops, err);
    if (code != ERR_OK) {
        server_free(s);
        return code;
    }
    *out = s;
    return ERR_OK;
}

enum err_code server_run(struct server *s, struct err *err)
{
    /* A server that is only checked charges, tells and deletes nothing. */
    TRY(notion_burn(s->service.ledger, s->world, err));
    TRY(trail_start(s->trail, err));
    TRY(trail_world(s->trail, s->world, err));
    TRY(start_eraser(s, err));
    tell_world(s->world);
    tell_address(LOG_SERVER_START, s->config->grpc.host,
                 net_server_port(s->net, 0));
    if (s->config->has_metrics)
        tell_address(LOG_METRICS_START, s->config->metrics.host,
                     net_server_port(s->net, s->metrics_at));
    if (s->config->has_pg)
        tell_address(LOG_POSTGRES_START, s->config->pg.host,
                     net_server_port(s->net, s->pg_at));
    net_server_run(s->net);
    log_event(LOG_SERVER_STOP,
              (struct log_fields){ .count = net_server_stats(s->net).active });
    if (!ledger_failed(s->service.ledger))
        return ERR_OK;
    log_event(LOG_LEDGER_FAILED,
              (struct log_fields){ .path = s->config->ledger,
                                   .error = ERR_UNAVAILABLE });
    return err_set(err, ERR_INTERNAL,
                   "the ledger could not be written; see docs/ledger.md before "
                   "starting again");
}

/*
 * The reload and who deletes, then workers: what they post is run by loops that
 * still live. Then the loops, then what both used.
 */
void server_free(struct server *s)
{
    if (!s)
        return;
    reload_end(&s->reload);
    eraser_free(s->eraser);
    workers_free(s->workers);
    if (s->net)
        net_server_free(s->net);
    calls_free(s->calls);
    pg_keys_free(s->pg.keys);
    grpc_reflection_free(s->reflection);
    audit_pages_free(s->pages);
    trail_free(s->trail);
    counts_free(s->counts);
    ledger_close(s->service.ledger);
    cosigner_free(s->cosigner);
    world_drop(s->world);
    scratch_pool_free(s->scratch);
    consent_close(s->service.consent);
    free(s);
}
