#include "tests/neighbour/crew.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/neighbour/reduce.h"

static unsigned number_of(const char *name, unsigned usual)
{
    const char *text = getenv(name);
    return text && text[0] ? (unsigned)strtoul(text, NULL, 10) : usual;
}

struct crew crew_of_environment(unsigned count)
{
    const char *seed = getenv("NEIGHBOUR_SEED");
    struct crew c = { .jobs = number_of("NEIGHBOUR_JOBS", 2),
                      .count = number_of("NEIGHBOUR_COUNT", count),
                      .seconds = number_of("NEIGHBOUR_SECONDS", 25),
                      .seed = seed ? strtoull(seed, NULL, 10) : 1 };
    if (c.jobs > CREW_MAX)
        c.jobs = CREW_MAX;
    return c;
}

static double now_s(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Each process has its share of the questions. */
static void work(struct tally *t, const struct crew *c, unsigned k,
                 crew_round_fn *round, const void *ctx)
{
    const unsigned step = c->jobs ? c->jobs : 1;
    const double end = now_s() + c->seconds;
    for (uint64_t i = k; t->asked < c->count / step && now_s() < end; i += step)
        if (!round(t, c->seed + i, ctx))
            break;
}

static void add(struct tally *to, const struct tally *t)
{
    to->questions += t->questions;
    to->asked += t->asked;
    to->answered += t->answered;
    to->batches += t->batches;
    to->free += t->free;
    to->caught += t->caught;
    for (size_t i = 0; i < FEATURES_MAX; i++) {
        to->reached[i] += t->reached[i];
        to->drawn[i] += t->drawn[i];
    }
    if (t->used > to->used)
        to->used = t->used;
    if (t->wrong[0])
        memcpy(to->wrong, t->wrong, sizeof to->wrong);
}

static void die(const char *what)
{
    perror(what);
    abort();
}

void crew_run(struct tally *out, const struct crew *c, crew_round_fn *round,
              const void *ctx)
{
    const size_t size = CREW_MAX * sizeof(struct tally);
    struct tally *each = mmap(NULL, size, PROT_READ | PROT_WRITE,
                              MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pid_t pids[CREW_MAX];
    if (each == MAP_FAILED)
        die("mmap");
    if (c->jobs == 0)
        work(&each[0], c, 0, round, ctx);
    (void)fflush(NULL);
    for (unsigned k = 0; k < c->jobs; k++) {
        pids[k] = fork();
        if (pids[k] < 0)
            die("fork");
        if (pids[k] == 0) {
            work(&each[k], c, k, round, ctx);
            _exit(0);
        }
    }
    for (unsigned k = 0; k < c->jobs; k++) {
        int status = 0;
        if (waitpid(pids[k], &status, 0) != pids[k] || status != 0) {
            (void)fprintf(stderr, "process %u of the crew died: %d\n", k,
                          status);
            abort();
        }
    }
    *out = (struct tally){ 0 };
    for (unsigned k = 0; k < CREW_MAX; k++)
        add(out, &each[k]);
    (void)munmap(each, size);
}

struct pair_verdict crew_ask(struct tally *t, struct pair *p, const char *sql)
{
    const struct pair_verdict v = pair_ask(p, sql);
    if (v.code == ERR_BUDGET)
        pair_renew(p);
    t->questions++;
    t->asked += (unsigned)p->shop.n;
    t->answered += v.code == ERR_OK;
    t->caught += v.wrong != NULL;
    if (v.used > t->used)
        t->used = v.used;
    if (v.wrong)
        reduce_complain(p, sql, v.wrong);
    return v;
}

void crew_in_memory(void)
{
    struct stat st;
    if (!getenv("TMPDIR") && stat("/dev/shm", &st) == 0)
        (void)setenv("TMPDIR", "/dev/shm", 1);
}
