#include "server/main/tell.h"

#include <stdio.h>

#include "server/metrics/metrics.h"

void tell_line(void *ctx, const char *line)
{
    (void)ctx;
    (void)fprintf(stderr, "halftoned: %s\n", line);
}

void tell_error(const struct err *err)
{
    tell_line(NULL, err->msg);
    if (err->hint[0])
        tell_line(NULL, err->hint);
}

void tell_engine_failed(void *ctx, const char *class_name)
{
    (void)ctx;
    log_event(LOG_ENGINE_FAILED, (struct log_fields){ .what = class_name });
}

void tell_rollup_built(void *ctx, const char *dataset, const char *rollup,
                       const char *class_name)
{
    (void)ctx;
    log_event(class_name ? LOG_ROLLUP_FAILED : LOG_ROLLUP_BUILT,
              (struct log_fields){
                  .dataset = dataset, .name = rollup, .what = class_name });
}

void tell_address(enum log_event event, const char *host, uint16_t port)
{
    char address[80];
    (void)snprintf(address, sizeof address, "%s:%u", host, port);
    log_event(event, (struct log_fields){ .address = address });
}

void tell_world(const struct world *w)
{
    for (size_t i = 0; i < w->n_datasets; i++) {
        const struct policy *p = w->datasets[i]->policy;
        log_event(LOG_POLICY_LOADED,
                  (struct log_fields){ .dataset = p->name,
                                       .path = p->path,
                                       .count = p->version });
    }
}

size_t tell_metrics(char *buf, size_t cap, const struct net_server *net,
                    struct ledger *ledger)
{
    const struct net_stats stats = net_server_stats(net);
    metrics_set(&metrics.connections_open, stats.active_shown);
    metrics_set(&metrics.connections_total, stats.accepted);
    metrics_set(&metrics.connections_refused_total, stats.refused);
    metrics_set(&metrics.connections_evicted_total, stats.evicted);
    metrics_set(&metrics.bytes_received_total, stats.bytes_in);
    metrics_set(&metrics.bytes_sent_total, stats.bytes_out);
    metrics_set(&metrics.ledger_failed, ledger_failed(ledger));
    FILE *out = fmemopen(buf, cap, "w");
    if (!out)
        return 0;
    metrics_print(&metrics, out);
    const long len = ftell(out);
    (void)fclose(out);
    return len < 0 ? 0 : (size_t)len;
}
