#include "server/main/erasing.h"

#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/base/log.h"
#include "server/consent/erase.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

#define NOW (INT64_C(20000) * 86400 * 1000000)

/* ---- an engine that has a row of hers, and may delete it ---- */

struct table {
    struct engine engine;
    bool has_her;
    bool is_blind, is_stubborn; /* it cannot look; it does not delete */
    bool is_kept;               /* its files cannot be replaced */
    atomic_uint looks;
};

static struct engine_found her = { "1", "1" };

static enum err_code find_erased(struct engine *e, struct engine_erased *out,
                                 struct arena *a, struct err *err)
{
    struct table *t = (struct table *)e;
    (void)a;
    *out = (struct engine_erased){ &her, t->has_her };
    atomic_fetch_add(&t->looks, 1);
    return t->is_blind ? err_set(err, ERR_INTERNAL, "no file") : ERR_OK;
}

static enum err_code
delete_her(struct engine *e, const struct engine_erased *whom, struct err *err)
{
    struct table *t = (struct table *)e;
    assert_int_equal(whom->n, 1);
    if (t->is_stubborn)
        return err_set(err, ERR_INTERNAL, "no room");
    t->has_her = false;
    return ERR_OK;
}

static bool can_erase(struct engine *e)
{
    return !((struct table *)e)->is_kept;
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
                                      .erasure = { .executes = true,
                                                   .every_s = 86400 },
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

/* ---- what the log says of a pass by the clock ---- */

static const struct row {
    const char *name;
    bool is_blind, is_kept, is_stubborn;
    bool has_her;
    const char *says; /* NULL: no line */
} rows[] = {
    { "a pass that works is no line", .has_her = true },
    { "data that cannot be looked at are one", .is_blind = true,
      .says = " level=error event=erasure_failed dataset=shop what=look\n" },
    { "whoever is in them", .is_blind = true, .has_her = true,
      .says = " level=error event=erasure_failed dataset=shop what=look\n" },
    { "files that cannot be replaced are one", .is_kept = true,
      .says = " level=error event=erasure_failed dataset=shop what=write\n" },
    { "whoever is in them, too", .is_kept = true, .has_her = true,
      .says = " level=error event=erasure_failed dataset=shop what=write\n" },
    { "that somebody was not deleted is none: it would tell of her",
      .is_stubborn = true, .has_her = true },
};

/* A pass by the thread that makes them; it has ended on return. */
static void pass(struct fixture *f)
{
    struct dataset *all[] = { &f->d };
    struct world world = { .datasets = all, .n_datasets = 1, .refs = 1 };
    const struct timespec nap = { .tv_nsec = 1000000 };
    struct eraser *e;
    struct err err = { 0 };
    must(eraser_new(&e, &f->clock.clock, &err), &err);
    eraser_world(e, &world);
    while (atomic_load(&f->table.looks) == 0)
        (void)nanosleep(&nap, NULL);
    eraser_free(e);
    assert_int_equal(world.refs, 1);
}

static void check_row(void **state)
{
    const struct row *row = *state;
    struct fixture f;
    char line[LOG_LINE_MAX + 1];
    int ends[2];
    fixture_open(&f);
    erase(&f);
    f.table.is_blind = row->is_blind;
    f.table.is_kept = row->is_kept;
    f.table.is_stubborn = row->is_stubborn;
    f.table.has_her = row->has_her;
    assert_int_equal(pipe(ends), 0);
    log_set_fd(ends[1]);
    pass(&f);
    log_set_fd(STDERR_FILENO);
    assert_int_equal(close(ends[1]), 0);
    const ssize_t n = read(ends[0], line, LOG_LINE_MAX);
    assert_int_equal(close(ends[0]), 0);
    assert_true(n >= 0);
    line[n] = '\0';
    if (row->says)
        assert_string_equal(line + strcspn(line, " "), row->says);
    else
        assert_string_equal(line, "");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        { "by a register that is held nobody is deleted", check_held, NULL,
          NULL, NULL },
    };
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL) |
           RUN_ROWS(rows, check_row);
}
