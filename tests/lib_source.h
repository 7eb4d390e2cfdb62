#ifndef TESTS_LIB_SOURCE_H
#define TESTS_LIB_SOURCE_H

#include "tests/lib_engine.h"

/* A dataset in files of its own, under a policy, in an engine behind a gate.
 * A failure of these ends the test. */
struct lib_source {
    struct lib_files files;
    struct arena a;
    struct policy *policy;
    struct engine *engine;
};

/* Files as lib_files_make makes them; the policy lies beside. */
void lib_source_open(struct lib_source *s, const char *policy,
                     const char *const *make, size_t n,
                     const struct gate *gate);
void lib_source_close(struct lib_source *s);

/* How many people a release for purpose "p" counts: keys k of table t. */
int64_t lib_source_people(struct lib_source *s);

#endif
