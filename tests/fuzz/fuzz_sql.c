/*
 * Any bytes: the parser never crashes, its codes keep their promises, and what
 * it accepts prints as SQL that parses to an equal tree and prints the same.
 * Corpus: tests/fuzz/corpus/sql.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/sql/sql.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

enum { TREE_MAX = 16 * 1024 * 1024, PRINT_MAX = 64 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct input {
    const char *text;
    size_t len;
};

static void check_error(enum err_code code, const struct err *err)
{
    REQUIRE(code == ERR_SYNTAX || code == ERR_REFUSED || code == ERR_LIMIT ||
            code == ERR_INVALID);
    REQUIRE(err->code == code && err->msg[0] != '\0' && err->hint[0] != '\0');
}

static void check_again(const struct select *tree, struct arena *a)
{
    static char first[PRINT_MAX], second[PRINT_MAX];
    struct err err = { 0 };
    struct select *again = NULL;
    struct writer w = writer_of(first, sizeof first);
    select_print(&w, tree);
    if (w.overflow)
        return; /* longer than any SQL may be */
    REQUIRE(sql_parse(&again, first, w.len, a, &err) == ERR_OK);
    REQUIRE(select_equal(tree, again));
    struct writer v = writer_of(second, sizeof second);
    select_print(&v, again);
    REQUIRE(v.len == w.len && memcmp(first, second, w.len) == 0);
}

static void *run(void *arg)
{
    const struct input *in = arg;
    struct arena a;
    struct err err = { 0 };
    struct select *tree = NULL;
    arena_init(&a, TREE_MAX);
    const enum err_code code = sql_parse(&tree, in->text, in->len, &a, &err);
    if (code == ERR_OK)
        check_again(tree, &a);
    else
        check_error(code, &err);
    arena_fini(&a);
    return NULL;
}

/* On a thread of its own with the stack the parser asks for. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static bool ready;
    struct input in = { (const char *)data, len };
    pthread_attr_t attr;
    pthread_t thread;
    if (!ready)
        sql_init();
    ready = true;
    REQUIRE(pthread_attr_init(&attr) == 0);
    REQUIRE(pthread_attr_setstacksize(&attr, SQL_STACK_MIN) == 0);
    REQUIRE(pthread_create(&thread, &attr, run, &in) == 0);
    REQUIRE(pthread_join(thread, NULL) == 0);
    REQUIRE(pthread_attr_destroy(&attr) == 0);
    return 0;
}
