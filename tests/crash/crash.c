/*
 * crash SHIM HALFTONED PLANTED: the real server on a disk whose power goes, or
 * that fails.
 *
 * It is watched once while it starts, answers, stops, starts again and is
 * killed; then for crashes between any two operations of its files the disk is
 * made as the crash leaves it, the server starts on it, and every question is
 * asked again under its key.  Then operations fail while it runs: the process
 * dies, an input/output error, a full disk.  Whatever a client was sent before
 * must be there after: the same bytes, one charge a key, every sum, and every
 * person's decision.
 *
 *   CRASH_POINTS  crashes to try, spread evenly over the trace (0 = all)
 *   CRASH_FAULTS  operations to fail, of each kind (0 = all)
 *   CRASH_ONLY    words of the names of tests to run; all the others are left
 *                 out
 *   CRASH_SEED    chooses which, and what of unsynced writes arrives
 *   CRASH_PART    K/N: the K-th of N runs that share them (points.h)
 *
 * A line a test as the scripts of tests/system have it.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/crash/disk.h"
#include "tests/crash/points.h"
#include "tests/crash/promise.h"

enum { KILL_AT = 80 };
static const char RUNS[] = "runs"; /* each charge is one: all come to be */

/* ---- one life, watched ---- */

static struct trace trace_of(const struct life *l)
{
    char path[LIFE_PATH];
    life_path(path, l, "trace");
    return trace_read(path);
}

static bool record(struct life *l, struct life_replies *r, const char *server,
                   const char *plant)
{
    const struct life_how watched = { .traced = true,
                                      .server = server,
                                      .plant = plant };
    const size_t half = LIFE_ASKED / 2;
    const bool one_by_one = plant && strcmp(plant, RUNS) == 0;
    life_wipe(l);
    if (!life_start(l, &watched))
        return false;
    life_ask(l, r, 0, half, 1);
    life_rest(); /* what the planted server still owes */
    if (life_stop(l, SIGTERM) || !life_start(l, &watched))
        return false;
    life_ask(l, r, half, LIFE_ASKED - half, one_by_one ? 1 : 3);
    life_rest();
    (void)life_stop(l, SIGKILL);
    for (size_t i = 0; i < LIFE_ASKED; i++)
        if (!r->of[i].is_there || r->of[i].status != 0 ||
            r->of[i].mark_len == 0) {
            printf("    question %zu: status %d %s\n", i, r->of[i].status,
                   r->of[i].what);
            return false;
        }
    return true;
}

/* True when that was the first of it. */
static bool note_sent(struct sent *s, const struct trace_event *e,
                      const uint8_t *data)
{
    bool is_new = false;
    for (size_t i = 0; e->kind == TRACE_SENT && i < LIFE_ASKED; i++)
        if (s->replies->of[i].mark_len &&
            memmem(data, e->len, s->replies->of[i].mark,
                   s->replies->of[i].mark_len)) {
            is_new = is_new || !s->was[i];
            s->was[i] = true;
        }
    return is_new;
}

struct sweep {
    uint64_t due, points, broken,
        seed;    /* due: tried here, or in another part */
    uint64_t at; /* the first one that broke */
    const char *why;
};

static uint64_t length_of(const struct trace *t)
{
    struct disk *d = disk_new(false);
    struct trace_event e;
    const uint8_t *data;
    for (size_t at = 0; trace_next(t, &at, &e, &data);)
        disk_apply(d, &e, data);
    const uint64_t n = disk_count(d);
    disk_free(d);
    return n;
}

/* All that is in a folder of the state now. */
static void hold_folder(struct disk *d, const struct life *l, const char *name)
{
    char folder[LIFE_PATH], path[LIFE_PATH + 256];
    const struct dirent *e;
    life_path(folder, l, name);
    DIR *dir = opendir(folder);
    while (dir && (e = readdir(dir))) {
        (void)snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (e->d_name[0] != '.' && !strstr(e->d_name, "-shm") &&
            !strstr(e->d_name, "-lock"))
            disk_hold(d, path);
    }
    if (dir)
        (void)closedir(dir);
}

/* The power goes again while the server recovers. */
static void crash_again(struct life *l, enum disk_keep keep, uint64_t seed)
{
    const struct life_how how = { .traced = true,
                                  .fault = "kill",
                                  .at = 1 + seed % KILL_AT };
    struct disk *d = disk_new(false);
    hold_folder(d, l, "state/a");
    hold_folder(d, l, "state/b");
    hold_folder(d, l, "state/c");
    hold_folder(d, l, "state/d");
    if (life_start(l, &how))
        (void)life_stop(l, SIGKILL);
    else
        (void)life_stop(l, 0);
    const struct trace t = trace_of(l);
    struct trace_event e;
    const uint8_t *data;
    for (size_t at = 0; trace_next(&t, &at, &e, &data);)
        disk_apply(d, &e, data);
    life_wipe(l);
    disk_crash(d, keep, seed);
    disk_free(d);
    free(t.bytes);
}

struct sweep_how {
    enum disk_keep keep;
    bool syncs_lie, twice;
    bool is_control;   /* that it breaks is no news */
    bool at_replies;   /* only right after a reply was sent */
    const char *plant; /* that server was watched (plant.c), or NULL */
    uint64_t points;   /* to try at most; 0 = all */
};

static bool is_counted(const struct trace_event *e)
{
    return e->kind == TRACE_OPEN ? e->offset != 0 : e->kind != TRACE_SENT;
}

static void try_here(struct life *l, const struct disk *d,
                     const struct sent *sent, const struct sweep_how *how,
                     struct sweep *s)
{
    const uint64_t now = disk_count(d);
    if (!points_has(s->due++) && !how->is_control)
        return;
    life_wipe(l);
    disk_crash(d, how->keep, s->seed + now);
    if (how->twice)
        crash_again(l, how->keep, s->seed + 7 * now);
    const char *why = promise_check(l, sent, !how->plant || !how->is_control,
                                    !how->is_control);
    s->points++;
    if (why && s->broken++ == 0) {
        s->at = now;
        s->why = why;
    }
}

/* Crashes before so many operations of the trace, or all, and at its end; or
 * before the first one after each reply. */
static void sweep(struct life *l, const struct trace *t,
                  const struct life_replies *r, const struct sweep_how *how,
                  struct sweep *s)
{
    const uint64_t length = length_of(t);
    const uint64_t stride =
        how->points && how->points < length ? length / how->points : 1;
    struct sent sent = { .replies = r };
    struct disk *d = disk_new(how->syncs_lie);
    struct trace_event e;
    const uint8_t *data;
    bool is_due = false;
    for (size_t at = 0; trace_next(t, &at, &e, &data);) {
        if (!how->at_replies)
            is_due = disk_count(d) % stride == s->seed % stride;
        if (is_counted(&e) && is_due) {
            try_here(l, d, &sent, how, s);
            is_due = false;
        }
        disk_apply(d, &e, data);
        is_due = note_sent(&sent, &e, data) || is_due;
    }
    try_here(l, d, &sent, how, s);
    disk_free(d);
}

/* ---- lives in which an operation fails ---- */

/* The power goes before operation `at`.  `sent` says what clients have. */
static const char *check_at(struct life *l, struct sent *sent, uint64_t at,
                            enum disk_keep keep, uint64_t seed)
{
    const struct trace t = trace_of(l);
    struct disk *d = disk_new(false);
    struct trace_event e;
    const uint8_t *data;
    for (size_t i = 0; trace_next(&t, &i, &e, &data) && disk_count(d) < at;) {
        disk_apply(d, &e, data);
        (void)note_sent(sent, &e, data);
    }
    life_wipe(l);
    disk_crash(d, keep, seed);
    disk_free(d);
    free(t.bytes);
    return promise_check(l, sent, true, true);
}

/* What a client of the failing server was sent is what it has. */
static const char *check_failed(struct life *l, const struct life_replies *r,
                                enum disk_keep keep, uint64_t seed)
{
    struct sent sent = { .replies = r };
    for (size_t i = 0; i < LIFE_ASKED; i++)
        sent.was[i] = r->of[i].is_there && r->of[i].status == 0;
    return check_at(l, &sent, UINT64_MAX, keep, seed);
}

/* The server starts on what it left, in the page cache too, and answers; then,
 * somewhere on that way or at its end, the power goes.  What it told is as good
 * as what anybody was told before. */
static const char *start_again(struct life *l, struct life_replies *r,
                               uint64_t seed)
{
    const struct life_how watched = { .traced = true };
    struct life_replies *first = life_replies_new();
    struct sent sent = { .replies = r };
    const struct trace t = trace_of(l);
    const uint64_t before = length_of(&t);
    free(t.bytes);
    *first = *r;
    const char *why = NULL;
    if (!life_start(l, &watched)) {
        (void)life_stop(l, SIGKILL);
        why = "the server does not start again";
    } else {
        life_ask(l, r, 0, LIFE_ASKED, 2);
        why = life_stop(l, SIGKILL);
    }
    for (size_t i = 0; i < LIFE_ASKED && !why; i++) {
        sent.was[i] = first->of[i].is_there && first->of[i].status == 0;
        if (sent.was[i] && !promise_repeats(&r->of[i], &first->of[i], true))
            why = "the server repeats another answer";
    }
    life_replies_free(first);
    if (why)
        return why;
    const struct trace both = trace_of(l);
    const uint64_t more = length_of(&both) - before;
    free(both.bytes);
    const uint64_t at = seed % 2 ? before + seed / 2 % (more + 1) : UINT64_MAX;
    return check_at(l, &sent, at, DISK_NOTHING, seed);
}

struct fault {
    const char *fault; /* shim.c */
    bool goes_on;      /* the server starts again before the power goes */
    const char *name;
};

static void fail_at(struct life *l, const struct fault *f, uint64_t at,
                    struct sweep *s)
{
    const struct life_how how = { .traced = true, .fault = f->fault, .at = at };
    struct life_replies *r = life_replies_new();
    life_wipe(l);
    const bool served = life_start(l, &how);
    if (served)
        life_ask(l, r, 0, LIFE_ASKED, 2);
    const char *why = life_stop(l, !served      ? 0
                                   : f->goes_on ? SIGKILL
                                                : SIGTERM);
    if (why)
        life_show_log(l);
    else if (f->goes_on)
        why = start_again(l, r, s->seed + 31 * at);
    else
        why = check_failed(l, r, (enum disk_keep)(at % DISK_KEEPS), s->seed);
    s->points++;
    if (why && s->broken++ == 0) {
        s->at = at;
        s->why = why;
    }
    life_replies_free(r);
}

/* ---- tests ---- */

static bool is_wanted(const char *name)
{
    const char *only = getenv("CRASH_ONLY");
    return !only || strstr(name, only);
}

static int failures;

static void report(const char *name, bool ok)
{
    printf("%s %s\n", ok ? "ok" : "FAILED", name);
    failures += !ok;
}

static void report_sweep(const char *name, const struct sweep *s, bool holds)
{
    char line[256];
    (void)snprintf(line, sizeof line, "%s (%llu points)", name,
                   (unsigned long long)s->points);
    if (s->why)
        printf("note broken at %llu of %llu, first before operation %llu: %s\n",
               (unsigned long long)s->broken, (unsigned long long)s->points,
               (unsigned long long)s->at, s->why);
    report(line, (s->broken == 0) == holds && s->points > 0);
}

static const struct row {
    const char *name;
    struct sweep_how how;
    bool holds;
    uint64_t share; /* of the points: one in so many */
} ROWS_OF_CRASHES[] = {
    { "power lost right after a reply, nothing unsynced arrived",
      { .keep = DISK_NOTHING, .at_replies = true },
      true,
      1 },
    { "power lost, nothing unsynced arrived",
      { .keep = DISK_NOTHING },
      true,
      1 },
    { "the process died, and all it wrote is there",
      { .keep = DISK_ALL },
      true,
      1 },
    { "power lost, some writes arrived, in any order",
      { .keep = DISK_WRITES },
      true,
      1 },
    { "power lost, writes torn", { .keep = DISK_SECTORS }, true, 1 },
    { "power lost, and lost again while the server recovered",
      { .keep = DISK_SECTORS, .twice = true },
      true,
      2 },
    { "power lost while runs of keys are written and merged",
      { .keep = DISK_NOTHING, .plant = RUNS },
      true,
      1 },
    { "... runs of keys, some writes arrived, in any order",
      { .keep = DISK_WRITES, .plant = RUNS },
      true,
      2 },
    { "... runs of keys, torn, and lost again while the server recovered",
      { .keep = DISK_SECTORS, .plant = RUNS, .twice = true },
      true,
      2 },
    { "control: without syncs it is found out",
      { .keep = DISK_NOTHING, .syncs_lie = true, .is_control = true },
      false,
      4 },
    { "control: without syncs, torn, it is found out",
      { .keep = DISK_SECTORS, .syncs_lie = true, .is_control = true },
      false,
      4 },
    { "control: a charge after its release is found out",
      { .keep = DISK_NOTHING,
        .plant = "charge",
        .is_control = true,
        .at_replies = true },
      false,
      1 },
    { "control: a decision recorded after it was told is found out",
      { .keep = DISK_NOTHING,
        .plant = "decision",
        .is_control = true,
        .at_replies = true },
      false,
      1 },
};

static void run_row(struct life *l, const struct trace *t,
                    const struct life_replies *r, const struct row *row,
                    uint64_t points, uint64_t seed)
{
    struct sweep s = { .seed = seed };
    struct sweep_how how = row->how;
    how.points = points ? points / row->share + 1 : 0;
    sweep(l, t, r, &how, &s);
    report_sweep(row->name, &s, row->holds);
}

static bool is_of(const struct row *row, const char *plant)
{
    return row->how.plant && plant ? strcmp(row->how.plant, plant) == 0
                                   : row->how.plant == plant;
}

/* Rows of one server, watched once. */
static void run_crashes(struct life *l, const char *server, const char *plant)
{
    const size_t n = sizeof ROWS_OF_CRASHES / sizeof ROWS_OF_CRASHES[0];
    const uint64_t points = points_number("CRASH_POINTS", 24),
                   seed = points_number("CRASH_SEED", 1);
    struct life_replies *r = life_replies_new();
    if (!record(l, r, server, plant)) {
        report("a server on a disk that is well answers", false);
        return;
    }
    if (plant && strcmp(plant, RUNS) == 0)
        report("eight runs of keys are one", promise_merged(l) > 0);
    const struct trace t = trace_of(l);
    if (!plant)
        printf("note %llu operations of files in two lives\n",
               (unsigned long long)length_of(&t));
    for (size_t i = 0; i < n; i++)
        if (is_of(&ROWS_OF_CRASHES[i], plant) &&
            is_wanted(ROWS_OF_CRASHES[i].name))
            run_row(l, &t, r, &ROWS_OF_CRASHES[i], points ? points / n + 1 : 0,
                    seed);
    free(t.bytes);
    life_replies_free(r);
}

/* Operations of a life in which nothing fails. */
static uint64_t life_length(struct life *l)
{
    struct life_replies *r = life_replies_new();
    if (!record(l, r, NULL, NULL))
        return 0;
    const struct trace t = trace_of(l);
    const uint64_t n = length_of(&t);
    free(t.bytes);
    life_replies_free(r);
    return n;
}

static void run_faults(struct life *l)
{
    static const struct fault FAULTS[] = {
        { "kill", false, "the process dies at an operation" },
        { "eio", false, "an operation fails: nothing is released uncharged" },
        { "enospc", false, "the disk fills: nothing is released uncharged" },
        { "eio", true, "an operation fails, and later the power" },
        { "enospc", true, "the disk was full, and then the power fails" },
    };
    const uint64_t points = points_number("CRASH_FAULTS", 3),
                   seed = points_number("CRASH_SEED", 1), n = life_length(l);
    const uint64_t stride = points && points < n ? n / points : 1;
    for (size_t i = 0; i < sizeof FAULTS / sizeof FAULTS[0]; i++) {
        struct sweep s = { .seed = seed };
        if (!is_wanted(FAULTS[i].name))
            continue;
        for (uint64_t at = 1 + (seed + i) % stride; at <= n; at += stride)
            if (points_has(s.due++))
                fail_at(l, &FAULTS[i], at, &s);
        report_sweep(FAULTS[i].name, &s, true);
    }
}

int main(int argc, char **argv)
{
    struct life l;
    if (argc != 4) {
        (void)fprintf(stderr, "usage: crash SHIM HALFTONED PLANTED\n");
        return EXIT_FAILURE;
    }
    (void)setvbuf(stdout, NULL, _IONBF, 0); /* it forks */
    life_init(&l, argv[1], argv[2]);
    run_crashes(&l, NULL, NULL);
    run_crashes(&l, argv[3], RUNS);
    run_crashes(&l, argv[3], "charge");
    run_crashes(&l, argv[3], "decision");
    run_faults(&l);
    life_fini(&l);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
