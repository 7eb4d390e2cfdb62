/* A database that was put back under its servers, or a standby that lagged and
 * took over: what was charged since would be spent again, so they stop. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lib_ledger.h"
#include "tests/lib_postgres.h"
#include "tests/table.h"

enum { LIMIT = 1000, US = 1000000, ARENA_CAP = 1 << 20 };
#define START_US (INT64_C(1760000400) * US)

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct ledger *a, *b;
    struct arena arena;
};

static struct ledger *open_one(struct world *w)
{
    struct ledger *l = NULL;
    struct err err = { 0 };
    uint64_t found;
    const struct ledger_options o = { .path = w->dir.path,
                                      .clock = &w->clock.clock,
                                      .own_clock = true,
                                      .lease_ns = UINT64_C(60000000000) };
    assert_int_equal(ledger_open(&l, &o, &found, &err), ERR_OK);
    return l;
}

static enum err_code ask(struct world *w, struct ledger *l,
                         struct ledger_run *run, const char *key)
{
    struct charge c;
    struct err err;
    charge_init(&c, "ann", key, key, 10, LIMIT);
    return ledger_charge(l, run, &c.args, &w->arena, &err);
}

static void answer(struct world *w, struct ledger *l,
                   const struct ledger_run *run)
{
    const uint8_t *bytes = (const uint8_t *)"bytes";
    size_t len = 5;
    struct err err;
    assert_int_equal(
        ledger_answer(l, run->id, run->fence, 0, &bytes, &len, &w->arena, &err),
        ERR_OK);
}

static void shell(const struct world *w, const char *before, const char *after)
{
    char command[600];
    (void)snprintf(command, sizeof command, "%s -f '%s/dump' -d '%s'%s", before,
                   w->dir.dir, postgres_uri(), after);
    assert_int_equal(system(command), 0);
}

static void dump(const struct world *w)
{
    shell(w, "pg_dump -n halftone", "");
}

static void put_back(const struct world *w, bool connections_break)
{
    postgres_clear();
    shell(w, "psql -q -v ON_ERROR_STOP=1", " >/dev/null");
    if (connections_break)
        postgres_run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                     " WHERE application_name = 'halftoned'");
}

/* What server a did since the copy was made. */
enum since { NOTHING, A_CHARGE, AN_ANSWER };

static const struct older_row {
    const char *name;
    enum since since;
    bool other; /* it is b that asks then, which heard of it */
    bool connections_break, goes_on;
} OLDER[] = {
    { "a copy that lacks a charge stops who charged", A_CHARGE, false, true,
      false },
    { "... under a connection that goes on, too", A_CHARGE, false, false,
      false },
    { "a copy that lacks a charge stops who heard of it", A_CHARGE, true, true,
      false },
    { "... under a connection that goes on, too", A_CHARGE, true, false,
      false },
    { "a copy that lacks an answer stops who gave it: it would be given anew",
      AN_ANSWER, false, true, false },
    { "a copy that lacks nothing is the ledger", NOTHING, false, true, true },
};

static void check_older(void **state)
{
    const struct older_row *row = *state;
    struct world w = { 0 };
    struct ledger_run run;
    struct err err;
    ledger_dirs_in_postgres(true);
    ledger_dir_init(&w.dir);
    arena_init(&w.arena, ARENA_CAP);
    fake_clock_init(&w.clock, START_US);
    w.a = open_one(&w);
    w.b = open_one(&w);
    assert_int_equal(ask(&w, w.a, &run, "before"), ERR_OK);
    if (row->since != AN_ANSWER)
        answer(&w, w.a, &run);
    assert_int_equal(ledger_beat(w.b, &err), ERR_OK);
    dump(&w);
    if (row->since == AN_ANSWER)
        answer(&w, w.a, &run);
    if (row->since == A_CHARGE)
        assert_int_equal(ask(&w, w.a, &run, "since"), ERR_OK);
    if (row->other)
        assert_int_equal(ledger_beat(w.b, &err), ERR_OK);
    put_back(&w, row->connections_break);
    struct ledger *l = row->other ? w.b : w.a;
    assert_int_equal(ask(&w, l, &run, "after"),
                     row->goes_on ? ERR_OK : ERR_UNAVAILABLE);
    assert_int_equal(ledger_failed(l), !row->goes_on);
    ledger_close(w.a);
    ledger_close(w.b);
    arena_fini(&w.arena);
    ledger_dir_fini(&w.dir);
}

int main(void)
{
    return RUN_ROWS(OLDER, check_older);
}
