#include "server/metrics/metrics.h"

#include <pthread.h>
#include <string.h>

#include "tests/table.h"

static const struct row {
    const char *name;
    uint64_t requests;
    const char *line;
    int is_there;
} rows[] = {
    { "zero is printed", 0, "\nhalftone_requests_total 0\n", 1 },
    { "a value is printed", 7, "\nhalftone_requests_total 7\n", 1 },
    { "the largest value", UINT64_MAX,
      "\nhalftone_requests_total 18446744073709551615\n", 1 },
    { "a gauge says so", 0, "# TYPE halftone_connections_open gauge\n", 1 },
    { "help comes first", 0, "# HELP halftone_connections_open ", 1 },
    { "nothing without the prefix", 0, "\nrequests_total", 0 },
    { "no number per analyst", 0, "{", 0 },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    char text[16384] = "";
    FILE *out = fmemopen(text, sizeof text, "w");
    struct metrics m = { .requests_total = row->requests };

    metrics_print(&m, out);
    (void)fclose(out);

    assert_int_equal(strstr(text, row->line) != NULL, row->is_there);
}

enum { THREADS = 4, ADDS = 10000 };

static void *add_many(void *arg)
{
    struct metrics *m = arg;
    for (int i = 0; i < ADDS; i++) {
        metrics_add(&m->requests_total, 1);
        metrics_add(&m->requests_open, 1);
        metrics_sub(&m->requests_open, 1);
    }
    return NULL;
}

static void check_threads(void **state)
{
    struct metrics m = { 0 };
    pthread_t threads[THREADS];
    (void)state;

    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, add_many, &m), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);

    assert_int_equal(m.requests_total, THREADS * ADDS);
    assert_int_equal(m.requests_open, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_threads) };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
