/*
 * What servers of the crash test do that Halftone does not; linked in by
 * --wrap, so that the product has no such switch.  CRASH_PLANT says which:
 *
 *   charge    a charge is written after its answer has left
 *   decision  a decision is recorded after that was told
 *   runs      what is due after thousands of charges, after each: a run of keys
 *             and releases is written (lookup.h), and eight are merged
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/consent/consent.h"
#include "server/ledger/ledger.h"
#include "server/ledger/lookup.h"
#include "tests/wrap.h"

WRAPPED(ledger_wait);
WRAPPED(ledger_answer);
WRAPPED(consent_record);
WRAPPED(lookup_is_due);
WRAPPED(lookup_step);

static bool plants(const char *what)
{
    const char *plant = getenv("CRASH_PLANT");
    return plant && strcmp(plant, what) == 0;
}

enum { KEY_CAP = 64, ARENA_CAP = 1 << 20, LATE_MS = 20 };

/* The charge that was said to be there, of this worker. */
static _Thread_local struct late {
    struct ledger *ledger;
    struct ledger_charge_args args;
    struct ledger_account_spec accounts[LEDGER_ACCOUNTS_MAX];
    uint8_t request[LEDGER_HASH_LEN], release[LEDGER_HASH_LEN];
    char words[4][KEY_CAP], names[LEDGER_ACCOUNTS_MAX][2 * KEY_CAP];
    uint8_t *answer; /* owned */
    size_t len;
} late;

static const char *kept(char *to, size_t cap, const char *text)
{
    const size_t n = strlen(text);
    if (n >= cap)
        abort();
    memcpy(to, text, n + 1);
    return to;
}

static void keep(struct late *k, struct ledger *l,
                 const struct ledger_charge_args *args)
{
    *k = (struct late){ .ledger = l, .args = *args };
    k->args.principal = args->principal;
    memcpy(k->request, args->request_hash, sizeof k->request);
    memcpy(k->release, args->release_hash, sizeof k->release);
    memcpy(k->accounts, args->accounts, args->n_accounts * sizeof *k->accounts);
    (void)kept(k->words[0], KEY_CAP, args->principal);
    (void)kept(k->words[1], KEY_CAP, args->dataset);
    (void)kept(k->words[2], KEY_CAP, args->purpose);
    (void)kept(k->words[3], KEY_CAP, args->idempotency_key);
    for (size_t i = 0; i < args->n_accounts; i++)
        (void)kept(k->names[i], sizeof k->names[i], args->accounts[i].name);
}

static void point(struct late *k)
{
    k->args.principal = k->words[0];
    k->args.dataset = k->words[1];
    k->args.purpose = k->words[2];
    k->args.idempotency_key = k->words[3];
    k->args.request_hash = k->request;
    k->args.release_hash = k->release;
    k->args.wider_hash = NULL;
    k->args.accounts = k->accounts;
    for (size_t i = 0; i < k->args.n_accounts; i++)
        k->accounts[i].name = k->names[i];
}

/* Nothing is charged yet; a stored answer is served as ever. */
enum err_code __wrap_ledger_wait(struct ledger *l, struct ledger_run *out,
                                 const struct ledger_charge_args *args,
                                 uint64_t deadline_ns, struct arena *a,
                                 struct err *err)
{
    if (!plants("charge"))
        return __real_ledger_wait(l, out, args, deadline_ns, a, err);
    TRY(ledger_find(l, out, args->principal, args->idempotency_key,
                    args->request_hash, a, err));
    if (out->verdict != LEDGER_UNKNOWN)
        return ERR_OK;
    keep(&late, l, args);
    *out = (struct ledger_run){ .verdict = LEDGER_CHARGED,
                                .fence = 1,
                                .charged_us = clock_wall_us(clock_system()),
                                .price = args->price,
                                .policy_version = args->policy_version,
                                .dataset = args->dataset,
                                .purpose = args->purpose };
    memcpy(out->release_hash, args->release_hash, sizeof out->release_hash);
    for (size_t i = 0; i < LEDGER_ID_LEN; i++)
        out->id.bytes[i] = (uint8_t)(rand() & 0xff);
    return ERR_OK;
}

static void *charge(void *arg)
{
    struct late *k = arg;
    const struct timespec t = { .tv_nsec = LATE_MS * 1000000 };
    struct ledger_run run;
    struct arena a;
    struct err err;
    (void)nanosleep(&t, NULL);
    arena_init(&a, ARENA_CAP);
    point(k);
    const uint8_t *answer = k->answer;
    enum err_code code =
        __real_ledger_wait(k->ledger, &run, &k->args, 0, &a, &err);
    if (code == ERR_OK && run.verdict == LEDGER_CHARGED)
        code = __real_ledger_answer(k->ledger, run.id, run.fence, 0, &answer,
                                    &k->len, &a, &err);
    arena_fini(&a);
    free(k->answer);
    free(k);
    return code == ERR_OK ? k : NULL;
}

enum err_code __wrap_ledger_answer(struct ledger *l, struct ledger_id id,
                                   uint64_t fence, int64_t release_us,
                                   const uint8_t **answer, size_t *answer_len,
                                   struct arena *a, struct err *err)
{
    struct late *k;
    pthread_t thread;
    if (!plants("charge"))
        return __real_ledger_answer(l, id, fence, release_us, answer,
                                    answer_len, a, err);
    k = malloc(sizeof *k);
    (void)l, (void)id, (void)fence, (void)release_us, (void)a, (void)err;
    if (!k)
        abort();
    *k = late;
    k->len = *answer_len;
    k->answer = malloc(k->len);
    if (!k->answer)
        abort();
    memcpy(k->answer, *answer, k->len);
    if (pthread_create(&thread, NULL, charge, k) != 0)
        abort();
    (void)pthread_detach(thread);
    return ERR_OK;
}

/* ---- decisions ---- */

/* One that was said to be recorded; it names one purpose. */
struct late_decision {
    struct consent *consent;
    struct consent_circle *circle;
    struct consent_event e;
    char subject[KEY_CAP], purpose[KEY_CAP];
};

static void *decide(void *arg)
{
    struct late_decision *k = arg;
    const struct timespec t = { .tv_nsec = LATE_MS * 1000000 };
    const char *purposes[] = { k->purpose };
    struct consent_recorded out;
    struct err err;
    (void)nanosleep(&t, NULL);
    k->e.subject = k->subject;
    k->e.purposes = purposes;
    k->e.source = k->e.proof = k->e.by = "";
    const enum err_code code =
        __real_consent_record(k->consent, k->circle, &k->e, &out, &err);
    free(k);
    return code == ERR_OK ? arg : NULL;
}

enum err_code __wrap_consent_record(struct consent *c,
                                    struct consent_circle *circle,
                                    const struct consent_event *e,
                                    struct consent_recorded *out,
                                    struct err *err)
{
    struct late_decision *k;
    pthread_t thread;
    if (!plants("decision"))
        return __real_consent_record(c, circle, e, out, err);
    k = malloc(sizeof *k);
    if (!k || e->n_purposes != 1)
        abort();
    *k = (struct late_decision){ c, circle, *e, "", "" };
    (void)kept(k->subject, KEY_CAP, e->subject);
    (void)kept(k->purpose, KEY_CAP, e->purposes[0]);
    *out = (struct consent_recorded){ .seq = 1, .at_us = e->at_us };
    if (pthread_create(&thread, NULL, decide, k) != 0)
        abort();
    (void)pthread_detach(thread);
    return ERR_OK;
}

/* ---- runs ---- */

bool __wrap_lookup_is_due(const struct lookup *l, size_t tail_pairs)
{
    return plants("runs") || __real_lookup_is_due(l, tail_pairs);
}

int __wrap_lookup_step(struct lookup *l, size_t tail_pairs)
{
    return __real_lookup_step(l, plants("runs") ? 1 : tail_pairs);
}
