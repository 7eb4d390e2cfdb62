/* One leaf for each stretch of time, whatever people did in it. */
#include "server/main/trail.h"

#include <stdio.h>
#include <string.h>

#include "server/ledger/log.h"
#include "tests/lib_ledger.h"
#include "tests/table.h"

enum { ARENA_CAP = 1 << 20, INTERVAL_S = 600, ENTRIES = 32, LIVES = 2 };
#define START_US (INT64_C(1760000400) * 1000000)

static struct merkle_hash told(void *ctx, int64_t to_us)
{
    struct merkle_hash h;
    *(int64_t *)ctx = to_us;
    memset(h.bytes, 0xab, sizeof h.bytes);
    return h;
}

static const struct row {
    const char *name;
    trail_people_fn *people;
    int64_t pass_s;       /* while the server runs */
    const char *interval; /* in the entry, or NULL: there is none */
} rows[] = {
    { "an interval that has not ended is not told", NULL, 10, NULL },
    { "one that has ended is, when nobody keeps a history", NULL, INTERVAL_S,
      "from_us 1760000400000000 to_us 1760001000000000 people " },
    { "with what the keeper of people's history commits to", told, INTERVAL_S,
      "to_us 1760001000000000 people abababab" },
    { "many that passed at once are one", NULL, 5 * INTERVAL_S + 3,
      "from_us 1760000400000000 to_us 1760003400000000 people " },
};

/* The detail of the only interval's entry, or NULL. */
static const char *find_interval(const char *path, struct arena *a)
{
    struct ledger_log *log;
    struct ledger_log_entry *entries;
    struct err err;
    size_t n;
    const char *found = NULL;
    assert_int_equal(ledger_log_open(&log, path, &err), ERR_OK);
    assert_int_equal(ledger_log_entries(log, &entries, &n, 0, ENTRIES, a, &err),
                     ERR_OK);
    for (size_t i = 0; i < n; i++)
        if (strstr(entries[i].entry, "\"kind\":\"interval\"")) {
            assert_null(found);
            found = entries[i].entry;
        }
    ledger_log_close(log);
    return found;
}

/* One server's life, in which `pass_s` go by. */
static const char *live(const struct row *row, struct arena *a)
{
    struct ledger_dir dir;
    struct fake_clock clock;
    struct ledger *ledger;
    struct trail *trail;
    struct err err;
    uint64_t found;
    int64_t asked_us = 0;
    ledger_dir_init(&dir);
    fake_clock_init(&clock, START_US);
    const struct ledger_options o = { .path = dir.path,
                                      .clock = &clock.clock,
                                      .lease_ns = 1000000000 };
    assert_int_equal(ledger_open(&ledger, &o, &found, &err), ERR_OK);
    const struct trail_options t = { .ledger = ledger,
                                     .clock = &clock.clock,
                                     .interval_s = INTERVAL_S,
                                     .people = row->people,
                                     .people_ctx = &asked_us };
    assert_int_equal(trail_new(&trail, &t, &err), ERR_OK);
    assert_int_equal(trail_start(trail, &err), ERR_OK);
    atomic_fetch_add(&clock.wall_us, row->pass_s * 1000000);
    trail_free(trail);
    ledger_close(ledger);
    const char *entry = find_interval(dir.path, a);
    if (row->people)
        assert_int_equal(asked_us, START_US + INTERVAL_S * INT64_C(1000000));
    ledger_dir_fini(&dir);
    return entry;
}

static void check_row(void **state)
{
    const struct row *row = *state;
    const char *entry[LIVES];
    struct arena a;
    arena_init(&a, ARENA_CAP);
    for (int i = 0; i < LIVES; i++) {
        entry[i] = live(row, &a);
        assert_int_equal(entry[i] != NULL, row->interval != NULL);
        if (entry[i] && !strstr(entry[i], row->interval))
            fail_msg("%s does not say %s", entry[i], row->interval);
    }
    if (row->interval) /* with people's history or without: alike */
        assert_int_equal(strlen(strstr(entry[0], "people ")),
                         strlen("people ") + 64 + strlen("\"}"));
    if (row->interval && !row->people)
        assert_string_not_equal(entry[0], entry[1]); /* salted anew */
    arena_fini(&a);
}

int main(void)
{
    return RUN_ROWS(rows, check_row);
}
