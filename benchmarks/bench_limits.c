/*
 * The worst questions (tests/lib_worst.c): CPU time until each is planned or
 * refused, what it comes to, and for those that are planned the statement's
 * length and the CPU time of the engine over empty tables.  The fastest of
 * five; the engine runs once, in a process of its own, which ENGINE_SECONDS
 * ends.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "server/sql/sql.h"
#include "tests/lib_plan.h"
#include "tests/lib_worst.h"

enum { ROUNDS = 5, ENGINE_SECONDS = 10 };

static double cpu_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

/* Milliseconds of the engine, below 0 when it did not end. */
static double engine_ms(const struct plan *plan)
{
    struct rusage used;
    int status;
    (void)fflush(stdout);
    const pid_t pid = fork();
    if (pid == 0) {
        struct plan_db db;
        const struct rlimit most = { ENGINE_SECONDS, ENGINE_SECONDS };
        (void)setrlimit(RLIMIT_CPU, &most);
        plan_db_open(&db);
        const double from = cpu_ms();
        char *answer = plan_db_answer(&db, plan, 1);
        const double took = cpu_ms() - from;
        free(answer);
        printf("\t%.1f", took);
        (void)fflush(stdout);
        _exit(answer ? 0 : 3);
    }
    (void)wait4(pid, &status, 0, &used);
    if (!WIFEXITED(status))
        printf("\tkilled");
    else if (WEXITSTATUS(status))
        printf("\tfailed");
    return 0;
}

static double measure(const struct worst *worst, struct arena *a)
{
    static char text[WORST_LEN + 1];
    const struct request req = { .purpose = "stats" };
    struct writer w = writer_of(text, sizeof text);
    struct plan *plan = NULL;
    struct err err = { 0 };
    enum err_code code = ERR_OK;
    double best = 1e9;
    worst_print(&w, worst);
    if (!writer_cstr(&w)) {
        fprintf(stderr, "%s is too long\n", worst->name);
        exit(EXIT_FAILURE);
    }
    for (int r = 0; r < ROUNDS; r++) {
        arena_reset(a);
        err = (struct err){ 0 };
        plan = NULL;
        const double from = cpu_ms();
        code = plan_sql(&plan, text, &req, &plan_shop, a, &err);
        const double took = cpu_ms() - from;
        best = took < best ? took : best;
    }
    printf("%-20s\t%zu\t%.2f\t%s", worst->name, w.len, best,
           code == ERR_OK ? "planned"
           : err.reason   ? err.reason
                          : err.msg);
    if (code == ERR_OK && !plan->n_parts && plan->n_before == 0) {
        printf("\t%zu", strlen(plan->sql));
        (void)engine_ms(plan);
    }
    printf("\n");
    return best;
}

static void *run(void *only)
{
    struct arena a;
    double worst = 0;
    const char *name = "";
    arena_init(&a, (size_t)64 << 20);
    printf("%-20s\tbytes\tms\tanswer\tstatement\tengine ms\n", "question");
    for (size_t i = 0; i < N_WORST; i++) {
        if (only && strcmp(only, WORST[i].name) != 0)
            continue;
        const double took = measure(&WORST[i], &a);
        if (took > worst)
            name = WORST[i].name;
        worst = took > worst ? took : worst;
    }
    printf("\nworst: %s, %.2f ms\n", name, worst);
    arena_fini(&a);
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_attr_t attr;
    pthread_t thread;
    sql_init();
    (void)pthread_attr_init(&attr);
    (void)pthread_attr_setstacksize(&attr, SQL_STACK_MIN);
    if (pthread_create(&thread, &attr, run, argc > 1 ? argv[1] : NULL) != 0)
        return EXIT_FAILURE;
    (void)pthread_join(thread, NULL);
    return EXIT_SUCCESS;
}
