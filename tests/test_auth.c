#include "server/auth/auth.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/policy/report.h"
#include "tests/lib_docs.h"
#include "tests/lib_edit.h"
#include "tests/lib_example.h"
#include "tests/table.h"

#define HASH_A                                                                 \
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
#define HASH_B                                                                 \
    "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752"

static const char BASE[] = "principals:\n"
                           "  jane:\n"
                           "    role: analyst\n"
                           "    datasets: [shop]\n"
                           "    purposes: analytics\n"
                           "    dashboards: [daily]\n"
                           "    token_sha256: \"" HASH_A "\"\n"
                           "  bob:\n"
                           "    role: steward\n"
                           "    datasets: \"*\"\n"
                           "    token_sha256: \"" HASH_B "\"\n";

static const struct row {
    const char *name, *find, *put;
    unsigned line;
    const char *msg, *fix;
} rows[] = {
    { "an unknown role", "role: analyst", "role: analist", 3,
      "'analist' is no role", "did you mean 'analyst'?" },
    { "no role", "    role: analyst\n", "", 2,
      "a principal needs the key "
      "'role'",
      "add 'role:'" },
    { "a short hash", HASH_A, "9f86", 7, "must be 64 lower-case hex digits",
      "principals add" },
    { "a hash in upper case", HASH_A,
      "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", 7,
      "must be 64 lower-case hex digits", "principals add" },
    { "no hash", "    token_sha256: \"" HASH_A "\"\n", "", 2,
      "a principal needs the key 'token_sha256'", "add 'token_sha256:'" },
    { "a token in place of its hash's key", "token_sha256", "token", 7,
      "a principal has no key 'token'", "its keys are" },
    { "a password in place of its verifier",
      "    token_sha256: \"" HASH_A "\"\n",
      "    token_sha256: \"" HASH_A "\"\n    scram_sha256: sesame\n", 8,
      "'scram_sha256' must be a verifier", "principals password" },
    { "one token for two", HASH_B, HASH_A, 8, "'bob' has the token of 'jane'",
      "a token of its own" },
    { "a name in upper case", "jane:", "Jane:", 2, "'principal' must be an id",
      "appears in the ledger" },
    { "the same name twice", "bob:", "jane:", 8,
      "key 'jane' is already set on line 2", "keep one" },
    { "any dashboard", "[daily]", "\"*\"", 6, "'dashboards' must be named",
      "list those" },
    { "a dashboard that is no name", "[daily]", "[\"a/b\"]", 6,
      "'a/b' is no name", "lower-case" },
    { "a dataset listed twice", "[shop]", "[shop, shop]", 4,
      "'shop' is listed twice", "remove one" },
    { "a dataset that is no name", "[shop]", "[\"sh op\"]", 4,
      "'sh op' is no name", "\"*\" for all" },
    { "datasets as a map", "[shop]", "{shop: 1}", 4,
      "'datasets' must be a list", "The datasets it sees" },
    { "nobody at all", "principals:\n", "principals: {}\nx:\n", 2,
      "the principals file has no key 'x'", "its keys are: principals" },
};

static enum err_code load(struct auth_registry **r, const char *text,
                          struct policy_report *report, struct arena *a,
                          struct err *err)
{
    return auth_load_bytes(r, text, strlen(text), "p.yaml", report, a, err);
}

static bool reports(const struct policy_report *report, const struct row *row)
{
    for (size_t i = 0; i < report->n; i++) {
        const struct policy_mistake *m = &report->mistakes[i];
        if (m->line == row->line && strstr(m->msg, row->msg) &&
            strstr(m->fix, row->fix))
            return true;
    }
    return false;
}

static void check_wrong(void **state)
{
    const struct row *row = *state;
    struct policy_report report = { 0 };
    struct auth_registry *r = NULL;
    struct arena a;
    struct err err;
    char *text = edit_text(BASE, row->find, row->put);
    arena_init(&a, 1 << 20);
    assert_int_equal(load(&r, text, &report, &a, &err), ERR_INVALID);
    policy_report_print(stdout, &report, row->name);
    assert_null(r);
    assert_true(report.n <= 2 && reports(&report, row));
    free(text);
    arena_fini(&a);
}

static struct auth_registry *load_right(const char *text, struct arena *a)
{
    struct policy_report report = { 0 };
    struct auth_registry *r = NULL;
    struct err err = { 0 };
    assert_int_equal(load(&r, text, &report, a, &err), ERR_OK);
    return r;
}

static void check_lists(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    const struct auth_registry *r = load_right(BASE, &a);
    assert_int_equal(r->n, 2);
    const struct auth_principal *bob = &r->principals[0];
    const struct auth_principal *jane = &r->principals[1];
    assert_string_equal(bob->name, "bob"); /* sorted by hash */
    assert_true(auth_sees_dataset(jane, "shop"));
    assert_false(auth_sees_dataset(jane, "shops"));
    assert_false(auth_sees_dataset(jane, "*"));
    assert_true(auth_may_purpose(jane, "analytics"));
    assert_false(auth_may_purpose(jane, "ads"));
    assert_true(auth_may_dashboard(jane, "daily"));
    assert_false(auth_may_dashboard(jane, "weekly"));
    assert_string_equal(auth_own_dashboard(jane), "daily");
    assert_null(auth_own_dashboard(bob));
    assert_true(auth_sees_dataset(bob, "anything"));
    assert_false(auth_may_purpose(bob, "analytics")); /* absent is none */
    arena_fini(&a);
}

/* A token made, written into a file, loaded, and presented. */
static void check_token(void **state)
{
    static char text[4096];
    struct writer w = writer_of(text, sizeof text);
    struct auth_token tokens[20];
    struct err err = { 0 };
    struct arena a;
    (void)state;
    const char *datasets[] = { "shop", "*" };
    writer_str(&w, "principals:\n");
    for (int i = 0; i < 20; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "%d-x", i);
        assert_int_equal(auth_token_new(&tokens[i], &err), ERR_OK);
        struct auth_principal p = { .name = name,
                                    .role = ROLE_ANALYST,
                                    .datasets = datasets,
                                    .n_datasets = 2 };
        memcpy(p.token_hash, tokens[i].hash, sizeof p.token_hash);
        assert_int_equal(auth_entry_print(&w, &p, &err), ERR_OK);
    }
    assert_true(writer_cstr(&w));
    arena_init(&a, 1 << 20);
    const struct auth_registry *r = load_right(text, &a);
    for (int i = 0; i < 20; i++) {
        char header[128];
        const struct auth_principal *who = NULL;
        const int len =
            snprintf(header, sizeof header, "bEARER %s", tokens[i].hex);
        assert_int_equal(auth_by_header(&who, r, header, (size_t)len, &err),
                         ERR_OK);
        assert_int_equal(atoi(who->name), i);
        assert_null(strstr(text, tokens[i].hex));
    }
    arena_fini(&a);
}

/* Every way to be nobody looks the same. */
static void check_nobody(void **state)
{
    static const char *const headers[] = {
        NULL,
        "",
        "Bearer",
        "Bearer ",
        "Basic abc",
        "Bearer " HASH_A,
        "Bearer  " HASH_A,
        "Bearer " HASH_A "0",
        "Bearer zz",
        "Bearer \xff\xfe",
    };
    char first[320] = "";
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    const struct auth_registry *r = load_right(BASE, &a);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        const struct auth_principal *who = NULL;
        struct err err = { 0 };
        const char *h = headers[i];
        assert_int_equal(auth_by_header(&who, r, h, h ? strlen(h) : 0, &err),
                         ERR_UNAUTHENTICATED);
        assert_null(who);
        if (i == 0)
            memcpy(first, err.msg, sizeof first);
        assert_string_equal(err.msg, first);
    }
    arena_fini(&a);
}

/* Of many names that are nobody's about as many take after each verifier, and
 * each after the same one again. */
static void check_like(void **state)
{
    static const uint8_t secret[32] = { 7 };
    enum { NAMES = 400 };
    unsigned often = 0;
    struct arena a;
    (void)state;
    char text[2048];
    struct writer w = writer_of(text, sizeof text);
    arena_init(&a, 1 << 20);
    assert_null(auth_scram_like(load_right(BASE, &a), secret, "nobody"));
    writer_str(&w, BASE);
    for (int i = 0; i < 2; i++) {
        struct scram_verifier v = { .iterations = i ? 15000 : 4096,
                                    .salt_len = 16 };
        writer_printf(&w,
                      "  p%d:\n    role: analyst\n    datasets: [shop]\n"
                      "    purposes: analytics\n"
                      "    scram_sha256: \"",
                      i);
        scram_print(&w, &v);
        writer_printf(&w, "\"\n    token_sha256: \"%064d\"\n", i + 1);
    }
    assert_true(writer_cstr(&w));
    const struct auth_registry *r = load_right(text, &a);
    for (int i = 0; i < NAMES; i++) {
        char name[16];
        (void)snprintf(name, sizeof name, "nobody%d", i);
        const struct scram_verifier *like = auth_scram_like(r, secret, name);
        assert_non_null(like);
        assert_ptr_equal(like, auth_scram_like(r, secret, name));
        often += like->iterations == 15000;
    }
    /* A fair coin is outside once in a million. */
    assert_in_range(often, NAMES / 2 - 50, NAMES / 2 + 50);
    arena_fini(&a);
}

/* What must never be, whatever else the table comes to say. */
static void check_roles(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        const enum auth_role role = (enum auth_role)i;
        assert_int_equal(auth_role_of_name(auth_role_name(role)), role);
        assert_int_equal(auth_may(role, AUTH_QUERY), role == ROLE_ANALYST);
        assert_int_equal(auth_may(role, AUTH_ADMIN), role == ROLE_STEWARD);
        assert_int_equal(auth_may(role, AUTH_CHARGES_ALL),
                         role == ROLE_STEWARD || role == ROLE_AUDITOR);
    }
    assert_false(auth_may(ROLE_OPERATOR, AUTH_LIST));
    assert_false(auth_may(ROLE_SENDER, AUTH_LIST));
    assert_int_equal(auth_role_of_name("root"), ROLE_COUNT);
}

static void check_entry(void **state)
{
    static char text[1024];
    const char *bad[] = { "a\"b" };
    struct writer w = writer_of(text, sizeof text);
    struct err err;
    (void)state;
    const struct auth_principal name = { .name = "a: b" };
    const struct auth_principal list = { .name = "a",
                                         .datasets = bad,
                                         .n_datasets = 1 };
    assert_int_equal(auth_entry_print(&w, &name, &err), ERR_INVALID);
    assert_int_equal(auth_entry_print(&w, &list, &err), ERR_INVALID);
}

static void check_memory(void **state)
{
    enum err_code code = ERR_LIMIT;
    (void)state;
    for (size_t cap = 0; code == ERR_LIMIT; cap += 16) {
        struct policy_report report = { 0 };
        struct auth_registry *r;
        struct arena a;
        struct err err;
        arena_init(&a, cap);
        code = load(&r, BASE, &report, &a, &err);
        arena_fini(&a);
        assert_true(cap < 1 << 20);
    }
    assert_int_equal(code, ERR_OK);
}

static void check_page(void **state)
{
    static char table[16 * 1024];
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    char *example = example_of("docs/principals.md");
    assert_int_equal(load_right(example, &a)->n, 2);
    struct writer w = writer_of(table, sizeof table);
    auth_keys_print(&w);
    docs_check("docs/principals.md", "keys", &w);
    w = writer_of(table, sizeof table);
    auth_roles_print(&w);
    docs_check("docs/principals.md", "roles", &w);
    free(example);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_lists),  cmocka_unit_test(check_token),
        cmocka_unit_test(check_nobody), cmocka_unit_test(check_roles),
        cmocka_unit_test(check_entry),  cmocka_unit_test(check_memory),
        cmocka_unit_test(check_page),   cmocka_unit_test(check_like),
    };
    return RUN_ROWS(rows, check_wrong) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
