#include "server/ledger/ledger.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib_ledger.h"
#include "tests/table.h"

#define DAY (INT64_C(86400) * 1000000)
#define NOW (INT64_C(20000) * DAY)

/*
 * A conversation: "who release segments", apart by ';'.  Segments are letters,
 * each one question; the cap is 2.  '+' is the next day, '!' a restart.
 */
static const struct row {
    const char *name, *asks, *told; /* c charged, xN capped by the Nth */
} rows[] = {
    { "as often as the cap, and no more", "ann r1 a;ann r2 a;ann r3 a",
      "c c x0" },
    { "about another segment she may go on", "ann r1 a;ann r2 a;ann r3 b",
      "c c c" },
    { "one of several that is at its end is enough",
      "ann r1 a;ann r2 ab;ann r3 ba", "c c x1" },
    { "several questions in one charge are several", "ann r1 aa;ann r2 a",
      "c x0" },
    { "too many at once are none", "ann r1 aaa;ann r2 a", "x0 c" },
    { "what is refused counts nothing", "ann r1 a;ann r2 aaab;ann r3 ab",
      "c x0 c" },
    { "everybody has a day of his own", "ann r1 a;ann r2 a;bob r3 a;ann r4 a",
      "c c c x0" },
    { "tomorrow is another day", "ann r1 aa;+;ann r2 a;ann r3 a;ann r4 a",
      "c c c x0" },
    { "a restart forgets nothing", "ann r1 a;!;ann r2 a;!;ann r3 a", "c c x0" },
    { "a question about no segment is never capped",
      "ann r1 aa;ann r2 -;ann r3 -;ann r4 -", "c c c c" },
};

struct world {
    struct ledger_dir dir;
    struct fake_clock clock;
    struct ledger *ledger;
    struct arena arena;
};

static void open_ledger(struct world *w)
{
    uint64_t found;
    struct err err = { 0 };
    const struct ledger_options o = { .path = w->dir.path,
                                      .clock = &w->clock.clock,
                                      .own_clock = true,
                                      .lease_ns = 1000000000 };
    if (ledger_open(&w->ledger, &o, &found, &err) != ERR_OK)
        fail_msg("%s", err.msg);
}

static size_t read_segments(struct ledger_segment out[8], const char *letters)
{
    size_t n = 0;
    for (; *letters && *letters != '-'; letters++) {
        size_t i = 0;
        while (i < n && out[i].hash[0] != (uint8_t)*letters)
            i++;
        if (i == n)
            out[n++] = (struct ledger_segment){ .hash = { (uint8_t)*letters } };
        out[i].n++;
    }
    return n;
}

static void ask(struct world *w, const char *line, struct writer *told)
{
    char who[16], release[16], letters[16], asker[32];
    struct ledger_segment segments[8];
    struct ledger_run run;
    struct charge c;
    struct err err = { 0 };
    assert_int_equal(sscanf(line, "%15s %15s %15[^;]", who, release, letters),
                     3);
    charge_init(&c, who, "", release, 1000, 1000000);
    (void)snprintf(asker, sizeof asker, "principal/%s", who);
    c.args.segments = segments;
    c.args.n_segments = read_segments(segments, letters);
    c.args.max_segment_day = 2;
    c.args.asker = asker;
    if (ledger_charge(w->ledger, &run, &c.args, &w->arena, &err) != ERR_OK)
        fail_msg("%s", err.msg);
    if (run.verdict == LEDGER_CAPPED)
        writer_printf(told, " x%zu", run.capped);
    else
        writer_str(told, run.verdict == LEDGER_CHARGED ? " c" : " ?");
}

static void check(void **state)
{
    const struct row *row = *state;
    char text[128];
    struct writer told = writer_of(text, sizeof text);
    struct world w;
    ledger_dir_init(&w.dir);
    fake_clock_init(&w.clock, NOW);
    arena_init(&w.arena, 1 << 20);
    open_ledger(&w);
    for (const char *at = row->asks; at; at = strchr(at, ';')) {
        at += *at == ';';
        if (*at == '+') {
            w.clock.wall_us += DAY;
        } else if (*at == '!') {
            ledger_close(w.ledger);
            open_ledger(&w);
        } else {
            ask(&w, at, &told);
        }
    }
    assert_true(writer_cstr(&told));
    assert_string_equal(text + 1, row->told);
    ledger_close(w.ledger);
    assert_true(ledger_verifies(w.dir.path));
    arena_fini(&w.arena);
    ledger_dir_fini(&w.dir);
}

/* A question whose answer is stored counts nothing. */
static void check_stored(void **state)
{
    static const uint8_t bytes[] = "answer";
    struct ledger_segment a = { .hash = { 'a' }, .n = 1 };
    struct world w;
    struct ledger_run run;
    struct charge c;
    struct err err = { 0 };
    const uint8_t *answer = bytes;
    size_t len = sizeof bytes;
    (void)state;
    ledger_dir_init(&w.dir);
    fake_clock_init(&w.clock, NOW);
    arena_init(&w.arena, 1 << 20);
    open_ledger(&w);
    charge_init(&c, "ann", "", "r1", 1000, 1000000);
    c.args.segments = &a;
    c.args.n_segments = 1;
    c.args.max_segment_day = 1;
    c.args.asker = "principal/ann";
    c.args.reuse_for_s = 1000;
    assert_int_equal(ledger_charge(w.ledger, &run, &c.args, &w.arena, &err),
                     ERR_OK);
    assert_int_equal(ledger_answer(w.ledger, run.id, run.fence, 0, &answer,
                                   &len, &w.arena, &err),
                     ERR_OK);
    for (int i = 0; i < 3; i++) {
        w.clock.wall_us += 1000000;
        assert_int_equal(ledger_charge(w.ledger, &run, &c.args, &w.arena, &err),
                         ERR_OK);
        assert_int_equal(run.verdict, LEDGER_ANSWERED);
    }
    ledger_close(w.ledger);
    arena_fini(&w.arena);
    ledger_dir_fini(&w.dir);
}

/* The same in a file and in a database. */
int main(void)
{
    const struct CMUnitTest single[] = {
        { "what is stored is free", check_stored, NULL, NULL, NULL },
    };
    int failed = RUN_ROWS(rows, check);
    failed += cmocka_run_group_tests(single, NULL, NULL);
    ledger_dirs_in_postgres(true);
    return failed + RUN_ROWS(rows, check);
}
