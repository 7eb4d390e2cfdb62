#include "tests/lib_source.h"

#include <stdio.h>
#include <string.h>

#include "tests/lib_plan.h"
#include "tests/table.h"

void lib_source_open(struct lib_source *s, const char *policy,
                     const char *const *make, size_t n, const struct gate *gate)
{
    char path[128];
    struct policy_report report = { 0 };
    struct err err = { 0 };
    const struct engine_options options = { .gate = gate };
    *s = (struct lib_source){ 0 };
    lib_files_make(&s->files, make, n);
    arena_init(&s->a, 1 << 24);
    (void)snprintf(path, sizeof path, "%s/s.yaml", s->files.dir);
    if (policy_load_bytes(&s->policy, policy, strlen(policy), path, &report,
                          &s->a, &err) != ERR_OK ||
        engine_open(&s->engine, s->policy, &options, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
}

void lib_source_close(struct lib_source *s)
{
    engine_close(s->engine);
    arena_fini(&s->a);
    lib_files_remove(&s->files);
}

int64_t lib_source_people(struct lib_source *s)
{
    static const uint8_t secret[32] = { 1 };
    const struct request req = { .purpose = "p" };
    struct engine_result out = { 0 };
    struct plan *plan;
    struct err err = { 0 };
    atomic_int stop;
    atomic_init(&stop, 0);
    if (plan_sql(&plan, "SELECT COUNT(DISTINCT k) FROM t", &req, s->policy,
                 &s->a, &err) != ERR_OK ||
        engine_run(s->engine, &out, plan, secret, &stop, &s->a, &err) != ERR_OK)
        fail_msg("%s (%s)", err.msg, err.hint);
    assert_int_equal(out.n_rows, 1);
    return (int64_t)out.measures[0].touched;
}
