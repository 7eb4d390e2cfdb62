/* RAND_set_rand_method() is the only way to make the generator fail. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "dp/rng.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gsl/gsl_cdf.h>
#include <openssl/core_names.h>
#include <openssl/rand.h>

#include "tests/lib_rng.h"
#include "tests/table.h"

enum { WORDS = 64 };

static void draw(gsl_rng *rng, uint64_t out[WORDS])
{
    for (int i = 0; i < WORDS; i++)
        out[i] = dp_rng_word(rng);
}

/* No two words of a set are equal: chance of a false alarm below 2^-50. */
static bool disjoint(const uint64_t *a, const uint64_t *b)
{
    for (int i = 0; i < WORDS; i++)
        for (int j = 0; j < WORDS; j++)
            if (a[i] == b[j])
                return false;
    return true;
}

static void clones_never_repeat(void **state)
{
    (void)state;
    gsl_rng *rng = dp_rng_system();
    uint64_t first[WORDS], clone_drew[WORDS], then[WORDS];
    draw(rng, first);
    gsl_rng *clone = gsl_rng_clone(rng);
    draw(clone, clone_drew);
    draw(rng, then);
    assert_true(disjoint(clone_drew, then));
    gsl_rng_memcpy(rng, clone);
    draw(rng, then);
    assert_true(disjoint(clone_drew, then));
    assert_true(disjoint(first, then));
    gsl_rng_free(clone);
    gsl_rng_free(rng);
}

static void a_seed_is_ignored(void **state)
{
    (void)state;
    gsl_rng *rng = dp_rng_system();
    uint64_t a[WORDS], b[WORDS];
    gsl_rng_set(rng, 1);
    draw(rng, a);
    gsl_rng_set(rng, 1);
    draw(rng, b);
    assert_true(disjoint(a, b));
    gsl_rng_free(rng);
}

static pid_t bare_clone(void)
{
    return (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
}

/* Parent and child share a half-drawn block when the child is made. */
static void child_draws_afresh(pid_t (*make)(void))
{
    gsl_rng *rng = dp_rng_system();
    uint64_t mine[WORDS], theirs[WORDS];
    int fd[2];
    draw(rng, mine);
    assert_int_equal(pipe(fd), 0);
    const pid_t child = make();
    assert_true(child >= 0);
    if (child == 0) {
        draw(rng, theirs);
        const ssize_t n = write(fd[1], theirs, sizeof theirs);
        _exit(n == (ssize_t)sizeof theirs ? 0 : 1);
    }
    draw(rng, mine);
    assert_int_equal(read(fd[0], theirs, sizeof theirs), sizeof theirs);
    assert_true(disjoint(mine, theirs));
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    close(fd[0]);
    close(fd[1]);
    gsl_rng_free(rng);
}

static void a_forked_child_draws_afresh(void **state)
{
    (void)state;
    child_draws_afresh(fork);
}

/* No handler of the C library runs in this one. */
static void a_cloned_child_draws_afresh(void **state)
{
    (void)state;
    child_draws_afresh(bare_clone);
}

static void *draw_in_thread(void *words)
{
    gsl_rng *rng = dp_rng_system();
    draw(rng, words);
    gsl_rng_free(rng);
    return NULL;
}

static void threads_draw_apart(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    uint64_t words[THREADS][WORDS];
    pthread_t thread[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(
            pthread_create(&thread[i], NULL, draw_in_thread, words[i]), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    for (int i = 0; i < THREADS; i++)
        for (int j = 0; j < i; j++)
            assert_true(disjoint(words[i], words[j]));
}

/* Runs shorter and longer than a block, from the block and past it. */
static void a_run_of_words_never_repeats(void **state)
{
    (void)state;
    enum { MOST = 1500 };
    static const size_t lengths[] = { 1, 5, 127, 128, 511, 512, 513, MOST };
    gsl_rng *rng = dp_rng_system();
    uint64_t last[WORDS] = { 0 };
    draw(rng, last);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        static uint64_t run[MOST + 1];
        const size_t n = lengths[i];
        memset(run, 0, sizeof run);
        dp_rng_words(rng, run, n);
        assert_true(run[n] == 0);
        for (size_t a = 0; a < n; a++) {
            assert_true(run[a] != 0);
            for (size_t b = 0; b < a && b < 600; b++)
                assert_true(run[a] != run[b]);
            for (size_t b = 0; b < WORDS; b++)
                assert_true(run[a] != last[b]);
        }
        draw(rng, last);
    }
    gsl_rng_free(rng);

    /* On another generator a run is the words it would have drawn. */
    gsl_rng *one = test_rng_new(6), *other = test_rng_new(6);
    uint64_t run[WORDS];
    dp_rng_words(one, run, WORDS);
    draw(other, last);
    assert_memory_equal(run, last, sizeof run);
    gsl_rng_free(one), gsl_rng_free(other);
}

static int no_bytes(unsigned char *buf, int num)
{
    (void)buf;
    (void)num;
    return 0;
}

/* Draws in a child whose generator fails, one word or many; true when the child
 * was stopped by SIGABRT. */
static bool failure_aborts(size_t n)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static RAND_METHOD broken;
        const struct rlimit no_core = { 0, 0 };
        uint64_t words[512];
        signal(SIGABRT, SIG_DFL);
        setrlimit(RLIMIT_CORE, &no_core);
        broken.bytes = no_bytes;
        if (RAND_set_rand_method(&broken) != 1)
            _exit(2);
        gsl_rng *rng = dp_rng_system();
        dp_rng_words(rng, words, n);
        _exit(0);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void a_failing_generator_stops_the_process(void **state)
{
    (void)state;
    assert_true(failure_aborts(1));
    assert_true(failure_aborts(512));
    assert_false(failure_aborts(0)); /* the control: nothing was drawn */
}

/* Set to reseed every four calls, the DRBG has done so after eight blocks. */
static void the_generator_reseeds_itself(void **state)
{
    (void)state;
    EVP_RAND_CTX *drbg = RAND_get0_private(NULL);
    assert_non_null(drbg);
    unsigned requests = 0, before = 0, after = 0;
    OSSL_PARAM get[] = {
        OSSL_PARAM_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &requests),
        OSSL_PARAM_uint(OSSL_DRBG_PARAM_RESEED_COUNTER, &before),
        OSSL_PARAM_END,
    };
    assert_int_equal(EVP_RAND_CTX_get_params(drbg, get), 1);
    assert_in_range(requests, 1, 1 << 20); /* as shipped: not never */

    unsigned often = 4;
    const OSSL_PARAM set[] = {
        OSSL_PARAM_uint(OSSL_DRBG_PARAM_RESEED_REQUESTS, &often),
        OSSL_PARAM_END,
    };
    assert_int_equal(EVP_RAND_CTX_set_params(drbg, set), 1);
    gsl_rng *rng = dp_rng_system();
    uint64_t words[512];
    for (int i = 0; i < 8; i++)
        dp_rng_words(rng, words, 512);
    gsl_rng_free(rng);
    OSSL_PARAM again[] = {
        OSSL_PARAM_uint(OSSL_DRBG_PARAM_RESEED_COUNTER, &after),
        OSSL_PARAM_END,
    };
    assert_int_equal(EVP_RAND_CTX_get_params(drbg, again), 1);
    assert_true(after > before);
}

static void doubles_lie_in_the_unit_interval(void **state)
{
    (void)state;
    gsl_rng *rng = dp_rng_system();
    for (int i = 0; i < 10000; i++) {
        const double u = gsl_rng_uniform(rng);
        assert_true(u >= 0 && u < 1);
    }
    gsl_rng_free(rng);
}

static const struct below_row {
    const char *name;
    uint64_t high, low; /* bound */
} below_rows[] = {
    { "below 1", 0, 1 },
    { "below 3", 0, 3 },
    { "below 7", 0, 7 },
    { "below 3 * 2^62, where a plain remainder is biased", 0,
      UINT64_C(3) << 62 },
    { "below 2^64 - 1", 0, UINT64_MAX },
    { "below 2^64", 1, 0 },
    { "below 3 * 2^64", 3, 0 },
    { "below 2^64 + 1", 1, 1 },
    { "below 2^127 - 1", UINT64_MAX >> 1, UINT64_MAX },
};

/*
 * Chi-square over (up to) 7 equal parts of the range, 70,000 draws, seeded;
 * over seeds a false alarm comes once in 10^6.
 */
static void check_below(void **state)
{
    enum { PARTS = 7, N = 70000 };
    const struct below_row *row = *state;
    const dp_uint bound = (dp_uint)row->high << 64 | row->low;
    const unsigned parts = bound < PARTS ? (unsigned)bound : PARTS;
    gsl_rng *rng = test_rng_new(7);
    double count[PARTS] = { 0 }, chi = 0;
    for (int i = 0; i < N; i++) {
        const dp_uint v = dp_rng_below_wide(rng, bound);
        assert_true(v < bound);
        const dp_uint part = bound < PARTS ? v : v / (bound / PARTS);
        count[part < parts ? part : parts - 1]++;
    }
    for (unsigned i = 0; i < parts; i++) {
        const double want = (double)N / parts;
        chi += (count[i] - want) * (count[i] - want) / want;
    }
    if (parts > 1)
        assert_true(chi < gsl_cdf_chisq_Qinv(1e-6, parts - 1));
    gsl_rng_free(rng);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clones_never_repeat),
        cmocka_unit_test(a_seed_is_ignored),
        cmocka_unit_test(a_forked_child_draws_afresh),
        cmocka_unit_test(a_cloned_child_draws_afresh),
        cmocka_unit_test(threads_draw_apart),
        cmocka_unit_test(a_run_of_words_never_repeats),
        cmocka_unit_test(a_failing_generator_stops_the_process),
        cmocka_unit_test(the_generator_reseeds_itself),
        cmocka_unit_test(doubles_lie_in_the_unit_interval),
    };
    return RUN_ROWS(below_rows, check_below) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
