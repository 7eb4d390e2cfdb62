#include "tests/lib_service.h"

#include <string.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

static const char *const SHOP[] = { "shop" }, *const ANALYTICS[] = {
    "analytics", "ads"
};

void service_fixture_close(struct service_fixture *f)
{
    engine_close(f->dataset.engine);
    ledger_close(f->service.ledger);
    gsl_rng_free(f->rng);
    arena_fini(&f->arena);
    ledger_dir_fini(&f->dir);
}

struct auth_principal service_analyst(void)
{
    static const char *const all[] = { "*" };
    return (struct auth_principal){ .name = "ana",
                                    .role = ROLE_ANALYST,
                                    .datasets = (const char **)(uintptr_t)all,
                                    .n_datasets = 1,
                                    .purposes = (const char **)(uintptr_t)all,
                                    .n_purposes = 1 };
}

void service_fixture_open(struct service_fixture *f, const char *policy,
                          const struct engine_fake_script *script,
                          struct clock *clock)
{
    struct policy_report report = { 0 };
    struct err err = { 0 };
    uint64_t found;
    *f = (struct service_fixture){ 0 };
    ledger_dir_init(&f->dir);
    arena_init(&f->arena, 16 << 20);
    if (policy_load_bytes(&f->policy, policy, strlen(policy), "shop.yaml",
                          &report, &f->arena, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    f->dataset.policy = f->policy;
    f->dataset.engine = engine_fake_new(script);
    f->datasets[0] = &f->dataset;
    f->principals[0] =
        (struct auth_principal){ .name = "ana",
                                 .role = ROLE_ANALYST,
                                 .datasets = (const char **)(uintptr_t)SHOP,
                                 .n_datasets = 1,
                                 .purposes =
                                     (const char **)(uintptr_t)ANALYTICS,
                                 .n_purposes = 2 };
    f->principals[1] =
        (struct auth_principal){ .name = "eve", .role = ROLE_ANALYST };
    f->registry = (struct auth_registry){ .principals = f->principals, .n = 2 };
    f->world = (struct world){ .principals = &f->registry,
                               .datasets = f->datasets,
                               .n_datasets = 1 };
    f->service.clock = clock ? clock : clock_system();
    const struct ledger_options options = { .path = f->dir.path,
                                            .clock = f->service.clock,
                                            .lease_ns = 60000000000 };
    assert_int_equal(ledger_open(&f->service.ledger, &options, &found, &err),
                     ERR_OK);
    f->rng = test_rng_new(42);
}

uint64_t service_spent_pico(struct service_fixture *f)
{
    struct ledger_balance b;
    struct err err = { 0 };
    const struct ledger_account_spec filter = { .name = "dataset/shop",
                                                .limit = f->policy->cap };
    assert_int_equal(ledger_balance(f->service.ledger, &b, &filter, &err),
                     ERR_OK);
    return b.lifetime.rho_pico;
}

void service_no_limit(void *ctx, uint64_t deadline_ns)
{
    (void)ctx, (void)deadline_ns;
}

void service_ask_request(struct service_asked *out, struct service_fixture *f,
                         const struct service_ask_args *args,
                         const struct request *req)
{
    const atomic_int gone = args->gone, stop = 0;
    *out = (struct service_asked){ 0 };
    arena_init(&out->arena, args->room ? args->room : 64 << 20);
    struct service_call call = {
        .service = &f->service,
        .world = &f->world,
        .who = &f->principals[args->who],
        .req = req,
        .rng = f->rng,
        .gone = &gone,
        .stop = &stop,
        .limit_run = service_no_limit,
        .received_ns = clock_mono_ns(clock_system()) - f->queued_ns,
        .started_ns = clock_mono_ns(clock_system()),
    };
    out->code = service_answer(&call, &out->reply, &out->arena, &out->err);
    out->leave_ns = call.leave_ns;
    out->took_ns = clock_mono_ns(clock_system()) - call.received_ns;
    out->delay_ns = call.leave_ns ? call.leave_ns - call.received_ns : 0;
    out->held_ns = call.holds ? call.leave_ns - call.started_ns : 0;
}

struct request service_request(const struct service_ask_args *args)
{
    struct request req = { .op = REQUEST_QUERY,
                           .dataset = "",
                           .purpose = args->purpose,
                           .sql = args->sql,
                           .sql_len = strlen(args->sql),
                           .idempotency_key = args->key ? args->key : "",
                           .page_token = "",
                           .ask.level = 0.95 };
    /* Stands for the hash of what was sent. */
    for (size_t i = 0; args->sql[i]; i++)
        req.hash[i % REQUEST_HASH_LEN] ^= (uint8_t)(args->sql[i] + (int)i);
    return req;
}

void service_ask(struct service_asked *out, struct service_fixture *f,
                 const struct service_ask_args *args)
{
    const struct request req = service_request(args);
    service_ask_request(out, f, args, &req);
}
