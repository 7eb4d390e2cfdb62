#ifndef TESTS_LIB_SERVICE_H
#define TESTS_LIB_SERVICE_H

#include "server/engine/fake.h"
#include "server/main/service.h"
#include "tests/lib_ledger.h"

/* The whole pipeline but sockets and data: a fake engine, a real ledger. */
struct service_fixture {
    struct ledger_dir dir;
    struct arena arena;
    struct policy *policy;
    struct dataset dataset;
    struct dataset *datasets[1];
    struct auth_principal principals[2]; /* ana sees the shop, eve nothing */
    struct auth_registry registry;
    struct world world;
    struct service service;
    gsl_rng *rng;
    uint64_t queued_ns; /* a worker begins so long after RECEIVED */
};

/* Fails the test when the policy does not load.  `script` as engine_fake_new;
 * `clock` NULL: the system's. */
void service_fixture_open(struct service_fixture *f, const char *policy,
                          const struct engine_fake_script *script,
                          struct clock *clock);
void service_fixture_close(struct service_fixture *f);

/* "ana", an analyst who may ask everything for every purpose. */
struct auth_principal service_analyst(void);

/* A run may last as long as it does; for struct service_call. */
void service_no_limit(void *ctx, uint64_t deadline_ns);

/* Of dataset "shop", since the start. */
uint64_t service_spent_pico(struct service_fixture *f);

struct service_ask_args {
    const char *sql, *purpose, *key;
    size_t who;  /* index of the principal */
    int gone;    /* the caller left before */
    size_t room; /* of the request arena; 0 = plenty */
};

struct service_asked {
    enum err_code code;
    struct err err;
    struct reply reply;
    uint64_t delay_ns; /* until it may leave */
    uint64_t held_ns;  /* strict mode: the worker, since it began */
    uint64_t leave_ns; /* monotonic */
    uint64_t took_ns;  /* since it was received; on a starved machine longer
                          than to the slot, and then a later one is right */
    struct arena arena;
};

/* Ask; the caller ends with arena_fini(&out->arena). */
void service_ask(struct service_asked *out, struct service_fixture *f,
                 const struct service_ask_args *args);

/* ... in two steps, for what the arguments do not say. */
struct request service_request(const struct service_ask_args *args);
void service_ask_request(struct service_asked *out, struct service_fixture *f,
                         const struct service_ask_args *args,
                         const struct request *req);

#endif
