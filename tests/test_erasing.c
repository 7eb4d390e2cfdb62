#include "server/main/erasing.h"

#include <string.h>

#include "server/consent/erase.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

#define NOW (INT64_C(20000) * 86400 * 1000000)

/* ---- an engine that has a row of hers, and may delete it ---- */

struct table {
    struct engine engine;
    bool has_her;
    unsigned looks;
};

static struct engine_found her = { "1", "1" };

static enum err_code find_erased(struct engine *e, struct engine_erased *out,
                                 struct arena *a, struct err *err)
{
    struct table *t = (struct table *)e;
    (void)a, (void)err;
    t->looks++;
    if (t->has_her)
        *out = (struct engine_erased){ &her, 1 };
    return ERR_OK;
}

static enum err_code
delete_her(struct engine *e, const struct engine_erased *whom, struct err *err)
{
    (void)err;
    assert_int_equal(whom->n, 1);
    ((struct table *)e)->has_her = false;
    return ERR_OK;
}

static bool can_erase(struct engine *e)
{
    (void)e;
    return true;
}

static const struct engine_ops OPS = { .find_erased = find_erased,
                                       .erase = delete_her,
                                       .can_erase = can_erase };

/* ---- a dataset with her in it ---- */

static struct policy_column columns[] = { { .name = "who",
                                            .type = POLICY_INT } };
static struct policy_table tables[] = {
    { .name = "t", .owned = true, .columns = columns, .n_columns = 1 }
};
static struct policy_purpose purposes[] = { { .id = "a", .help = "" } };
static const struct policy policy = { .id = "shop",
                                      .population = "people",
                                      .tables = tables,
                                      .n_tables = 1,
                                      .purposes = purposes,
                                      .n_purposes = 1 };

struct fixture {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct arena a;
    struct table table;
    struct dataset d;
};

static void must(enum err_code code, const struct err *err)
{
    if (code != ERR_OK)
        fail_msg("%s", err->msg);
}

static void fixture_open(struct fixture *f)
{
    const struct consent_options o = { .path = f->dir.path,
                                       .clock = &f->clock.clock,
                                       .keys = { .key = { { 1 } }, .n = 1 } };
    struct err err = { 0 };
    *f = (struct fixture){ .table = { .engine = { &OPS }, .has_her = true } };
    ledger_dir_init(&f->dir);
    fake_clock_init(&f->clock, NOW);
    arena_init(&f->a, 1 << 20);
    f->d.policy = &policy;
    f->d.engine = &f->table.engine;
    must(consent_open(&f->d.consent, &o, &err), &err);
    must(consent_circle(&f->d.circle, f->d.consent, &policy, &err), &err);
}

static void fixture_close(struct fixture *f)
{
    consent_close(f->d.consent);
    arena_fini(&f->a);
    ledger_dir_fini(&f->dir);
}

static void erase(struct fixture *f)
{
    const char *const shop = policy.id;
    const struct erasure_request r = {
        .subject = "1", .deadline_s = 86400, .datasets = &shop, .n_datasets = 1
    };
    struct erasure e;
    struct err err = { 0 };
    must(consent_erase(f->d.consent, f->d.circle, &r, &e, &f->a, &err), &err);
}

static enum erasure_state state_of(struct fixture *f)
{
    struct erasure e;
    struct err err = { 0 };
    must(consent_erasure(f->d.consent, f->d.circle, "1", &e, &f->a, &err),
         &err);
    return e.places[0].state;
}

/* An older copy of the register lacks that she came back since. */
static void check_held(void **state)
{
    struct fixture f;
    struct err err = { 0 };
    (void)state;
    fixture_open(&f);
    erase(&f);
    consent_hold(f.d.consent, true);
    assert_int_equal(erasing_pass(&f.d, &err), ERR_UNAVAILABLE);
    assert_true(f.table.has_her);
    assert_int_equal(f.table.looks, 0);
    assert_int_equal(state_of(&f), ERASURE_SUPPRESSED);
    consent_hold(f.d.consent, false);
    must(erasing_pass(&f.d, &err), &err);
    assert_false(f.table.has_her);
    assert_int_equal(state_of(&f), ERASURE_VERIFIED);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "by a register that is held nobody is deleted", check_held, NULL,
          NULL, NULL },
    };
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL);
}
