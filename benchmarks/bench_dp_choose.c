/*
 * A private choice among 65,536 candidates, by law and by what the scores look
 * like: how long a pick takes, and whether its time tells about the scores.
 *
 * Kinds of scores are alternated within each round, CPU time.  Prints a line a
 * law and kind: median ns a candidate, quartiles, and the ratio of the medians
 * to that of equal scores, which should be 1.
 */
#include "benchmarks/bench.h"
#include "dp/choose.h"
#include "dp/rng.h"

enum { N = 1 << 16, ROUNDS = 31, KINDS = 4, LAWS = 3 };

static const char *const kind_name[KINDS] = { "equal", "rising", "random",
                                              "half far away" };
static const char *const law_name[LAWS] = { "exponential", "permute and flip",
                                            "noisy max" };
static struct dp_exact score[KINDS][N];
static double ns[LAWS][KINDS][ROUNDS];

static void make_scores(gsl_rng *rng)
{
    for (int i = 0; i < N; i++) {
        score[1][i].touched = i;
        score[2][i].touched = (dp_int)(dp_rng_word(rng) % 1000);
        score[3][i].touched = i % 2 ? 0 : INT64_MIN;
    }
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

int main(void)
{
    gsl_rng *rng = dp_rng_system();
    make_scores(rng);
    for (int r = 0; r < ROUNDS; r++)
        for (int law = 0; law < LAWS; law++)
            for (int kind = 0; kind < KINDS; kind++) {
                const struct dp_choice c = { (enum dp_choice_law)law, 100000000,
                                             1, true };
                size_t pick;
                const double start = cpu_ns();
                if (dp_choose(&pick, score[kind], NULL, N, &c, rng) != DP_OK)
                    return 1;
                ns[law][kind][r] = (cpu_ns() - start) / N;
            }
    for (int law = 0; law < LAWS; law++)
        for (int kind = 0; kind < KINDS; kind++) {
            double *t = ns[law][kind];
            qsort(t, ROUNDS, sizeof *t, bench_cmp_);
            printf("%s, %s\t%.1f\t%.1f\t%.1f\t%.3f\n", law_name[law],
                   kind_name[kind], t[ROUNDS / 2], t[ROUNDS / 4],
                   t[3 * ROUNDS / 4], t[ROUNDS / 2] / ns[law][0][ROUNDS / 2]);
        }
    gsl_rng_free(rng);
    return 0;
}
