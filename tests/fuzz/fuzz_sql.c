/*
 * Any bytes: the parser never crashes, its codes keep their promises, and what
 * it accepts prints as SQL that parses to an equal tree and prints the same.
 * As a script it is the same question, and a setting it accepts is shown as
 * what sets it again. Corpus: tests/fuzz/corpus/sql.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/query/setting.h"
#include "server/sql/script.h"

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

static void check_setting(const struct sql_setting *s, struct arena *a)
{
    struct request req = { .purpose = "" }, again = { .purpose = "" };
    const enum setting which =
        s->name ? setting_of_name(s->name) : SETTING_COUNT;
    struct err err = { 0 };
    if (!s->name || !s->value)
        return;
    if (setting_set(&req, s->name, s->value, a, &err) != ERR_OK) {
        REQUIRE(err.msg[0] != '\0' && err.hint[0] != '\0');
        return;
    }
    REQUIRE(which < SETTING_COUNT);
    const char *shown = setting_show(&req, which, a);
    REQUIRE(shown);
    REQUIRE(setting_set(&again, s->name, shown, a, &err) == ERR_OK);
    REQUIRE(again.ask.kind == req.ask.kind);
    REQUIRE(strcmp(shown, setting_show(&again, which, a)) == 0);
}

/* The question of `tree`, or NULL, as a script. */
static void check_script(const struct input *in, const struct select *tree,
                         struct arena *a)
{
    struct sql_script script;
    struct err err = { 0 };
    const enum err_code code =
        sql_script_parse(&script, in->text, in->len, a, &err);
    if (code != ERR_OK) {
        REQUIRE(!tree);
        check_error(code, &err);
        return;
    }
    REQUIRE(!tree || (script.n_sets == 0 && script.question &&
                      select_equal(tree, script.question)));
    for (size_t i = 0; i < script.n_sets; i++)
        check_setting(&script.sets[i], a);
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
    check_script(in, tree, &a);
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
