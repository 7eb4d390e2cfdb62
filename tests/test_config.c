#include "server/main/config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/lib_docs.h"
#include "tests/lib_edit.h"
#include "tests/lib_example.h"
#include "tests/table.h"

static const char BASE[] = "listen: 127.0.0.1:7443\n"
                           "tls: {cert: a.pem, key: a.key}\n"
                           "metrics: 127.0.0.1:7490\n"
                           "policies: [shop.yaml]\n"
                           "principals: principals.yaml\n"
                           "ledger: ledger.db\n"
                           "secret: bounding.key\n"
                           "workers: 4\n"
                           "engine: {memory: 1 GiB}\n"
                           "limits: {idle: 1 min}\n";

static const struct row {
    const char *name, *find, *put;
    unsigned line;
    const char *msg, *fix;
} rows[] = {
    { "an unknown key", "workers", "wokers", 8, "has no key 'wokers'",
      "did you mean 'workers'?" },
    { "an unknown key inside", "memory", "memmory", 9,
      "engine has no key 'memmory'", "did you mean 'memory'?" },
    { "no ledger", "ledger: ledger.db\n", "", 1, "needs the key 'ledger'",
      "add 'ledger:'" },
    { "a database's password in the file", "ledger: ledger.db",
      "ledger: postgresql://h:sesame@db/l", 6, "has a password in it",
      "passfile=" },
    { "a key's password in the file", "ledger: ledger.db",
      "ledger: postgresql://h@db/l?sslp%61ssword=sesame", 6,
      "has a password in it, 'sslpassword'", "sslkey=" },
    { "a database's URI that is none", "ledger: ledger.db",
      "ledger: postgresql://db:port/l?sslmod=x", 6, "cannot be read",
      "postgresql://user@host" },
    { "an address by name", "127.0.0.1:7443", "localhost:7443", 1,
      "'localhost:7443' is no address and port", "a numeric address" },
    { "an address without a port", "127.0.0.1:7443", "127.0.0.1", 1,
      "'127.0.0.1' is no address and port", "a numeric address" },
    { "a port out of range", "127.0.0.1:7443", "127.0.0.1:65536", 1,
      "is no address and port", "a numeric address" },
    { "an unfinished IPv6 address", "127.0.0.1:7443", "\"[::1\"", 1,
      "is no address and port", "a numeric address" },
    { "a certificate without its key", ", key: a.key", "", 2,
      "'tls' needs both 'cert' and 'key'", "add the one" },
    { "neither TLS nor leave to do without", "tls: {cert: a.pem, key: a.key}\n",
      "", 1, "neither certificate nor leave", "plaintext: loopback" },
    { "both TLS and plaintext", "workers", "plaintext: loopback\nworkers", 8,
      "exclude each other", "remove 'plaintext'" },
    { "plaintext elsewhere", "127.0.0.1:7443\ntls: {cert: a.pem, key: a.key}",
      "0.0.0.0:7443\nplaintext: loopback", 1, "plaintext on 0.0.0.0 would show",
      "listen on 127.0.0.1" },
    { "plaintext everywhere", "tls: {cert: a.pem, key: a.key}",
      "plaintext: yes", 2, "'plaintext' can only be loopback",
      "write 'plaintext: loopback'" },
    { "metrics for the network", "metrics: 127.0.0.1", "metrics: 10.0.0.1", 3,
      "metrics on 10.0.0.1 would be open", "'metrics: off'" },
    { "one port for both", "7490", "7443", 3, "name the same port",
      "choose another" },
    { "PostgreSQL in plaintext elsewhere", "tls: {cert: a.pem, key: a.key}\n",
      "plaintext: loopback\npostgres: 0.0.0.0:7432\n", 3,
      "plaintext on 0.0.0.0 would show", "listen on 127.0.0.1" },
    { "PostgreSQL on a port that is taken", "workers: 4",
      "postgres: 127.0.0.1:7490\nworkers: 4", 8,
      "'postgres' names the port of another", "choose another" },
    { "PostgreSQL without an address", "workers: 4",
      "postgres: here\nworkers: 4", 8, "'here' is no address and port",
      "a numeric address" },
    { "no workers", "workers: 4", "workers: 0", 8, "'workers' is 0, which is",
      "Threads that run queries" },
    { "memory without a unit that is", "1 GiB", "1 GiBB", 9,
      "'memory' must be a size such as 512 MiB", "Memory of one engine" },
    { "an idle time too short", "1 min", "1 ms", 10,
      "'idle' is 1 ms, which is outside 1000000000 to", "without calls" },
    { "an unknown level", "workers: 4", "log_level: loud", 8,
      "'loud' is no log_level", "choose one of: debug, info, warn, error" },
};

static enum err_code check_text(struct config **c, const char *text,
                                struct policy_report *report, struct arena *a)
{
    struct err err;
    return config_check_bytes(c, text, strlen(text), "/etc/h/halftone.yaml",
                              report, a, &err);
}

static void check_wrong(void **state)
{
    const struct row *row = *state;
    struct policy_report report = { 0 };
    struct config *c = NULL;
    struct arena a;
    char *text = edit_text(BASE, row->find, row->put);
    arena_init(&a, 1 << 20);
    assert_int_equal(check_text(&c, text, &report, &a), ERR_INVALID);
    policy_report_print(stdout, &report, row->name);
    assert_null(c);
    assert_int_equal(report.n, 1);
    assert_int_equal(report.mistakes[0].line, row->line);
    assert_non_null(strstr(report.mistakes[0].msg, row->msg));
    assert_non_null(strstr(report.mistakes[0].fix, row->fix));
    free(text);
    arena_fini(&a);
}

static void check_values(void **state)
{
    struct policy_report report = { 0 };
    struct config *c = NULL;
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(check_text(&c, BASE, &report, &a), ERR_OK);
    assert_string_equal(c->grpc.host, "127.0.0.1");
    assert_int_equal(c->grpc.port, 7443);
    assert_true(c->has_metrics && c->metrics.port == 7490 && !c->plaintext);
    assert_string_equal(c->tls_cert, "/etc/h/a.pem");
    assert_string_equal(c->policies[0], "/etc/h/shop.yaml");
    assert_int_equal(c->workers, 4);
    assert_int_equal(c->queue, 256);
    assert_int_equal(c->engine_memory, 1 << 30);
    assert_int_equal(c->idle_ns, UINT64_C(60000000000));
    assert_int_equal(c->stall_ns, UINT64_C(30000000000));
    assert_int_equal(c->max_message_len, 256 * 1024);
    assert_int_equal(c->replay_len, 64 << 20);
    assert_int_equal(c->lease_ns, UINT64_C(600000000000));
    assert_string_equal(c->log_level, "info");

    static const char bare[] = "listen: \"[::1]:0\"\nplaintext: loopback\n"
                               "metrics: off\npolicies: p\nprincipals: p\n"
                               "ledger: l\nsecret: s\nlog_level: warn\n";
    assert_int_equal(check_text(&c, bare, &report, &a), ERR_OK);
    assert_string_equal(c->grpc.host, "::1");
    assert_true(c->plaintext && !c->has_metrics && !c->tls_cert);
    assert_string_equal(c->log_level, "warn");
    arena_fini(&a);
}

/* --- with files --- */

static char folder[] = "/tmp/halftone-config-XXXXXX";
static char file_path[128];

static const char *in_folder(const char *name)
{
    (void)snprintf(file_path, sizeof file_path, "%s/%s", folder, name);
    return file_path;
}

static void put_file(const char *name, const char *text, mode_t mode)
{
    const int fd = open(in_folder(name), O_CREAT | O_TRUNC | O_WRONLY, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    (void)close(fd);
}

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(mkdir(in_folder("policies"), 0700), 0);
    put_file("policies/b.yaml", "", 0600);
    put_file("policies/a.yaml", "", 0600);
    put_file("policies/.hidden.yaml", "", 0600);
    put_file("policies/notes.txt", "", 0600);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {
        "policies/a.yaml",    "policies/b.yaml", "policies/.hidden.yaml",
        "policies/notes.txt", "h.yaml",          "s",
        "l-answer-keys",      "l-audit-key",
    };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        (void)unlink(in_folder(names[i]));
    (void)rmdir(in_folder("policies"));
    return rmdir(folder);
}

/* Load h.yaml with `policies` and the secret `s`; the first mistake. */
static const char *load(const char *policies, struct config **c,
                        struct arena *a)
{
    struct policy_report report = { 0 };
    struct err err;
    char text[400];
    (void)snprintf(text, sizeof text,
                   "plaintext: loopback\npolicies: %s\nprincipals: p\n"
                   "ledger: l\nsecret: s\n",
                   policies);
    put_file("h.yaml", text, 0600);
    const enum err_code code =
        config_load(c, in_folder("h.yaml"), &report, a, &err);
    assert_int_equal(code, report.n ? ERR_INVALID : ERR_OK);
    return report.n ? report.mistakes[0].msg : "";
}

static void check_policies(void **state)
{
    struct config *c;
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_string_equal(load("[policies/b.yaml, policies]", &c, &a), "");
    assert_int_equal(c->n_policies, 2); /* sorted, once each */
    assert_non_null(strstr(c->policies[0], "/policies/a.yaml"));
    assert_non_null(strstr(load("[nowhere]", &c, &a), "cannot read"));
    assert_non_null(strstr(load("[policies/nowhere]", &c, &a), "cannot read"));
    arena_fini(&a);
}

static void check_secret(void **state)
{
    struct config *c;
    struct arena a;
    struct stat st;
    uint8_t first[32], zero[32] = { 0 };
    (void)state;
    arena_init(&a, 1 << 20);
    (void)unlink(in_folder("s"));
    assert_non_null(strstr(load("[nowhere]", &c, &a), "cannot read"));
    assert_int_not_equal(access(in_folder("s"), F_OK), 0); /* nothing made */

    assert_string_equal(load("policies", &c, &a), "");
    memcpy(first, c->secret, sizeof first);
    assert_memory_not_equal(first, zero, sizeof zero);
    assert_int_equal(stat(in_folder("s"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_string_equal(load("policies", &c, &a), "");
    assert_memory_equal(first, c->secret, sizeof first);

    assert_int_equal(chmod(in_folder("s"), 0640), 0);
    assert_non_null(strstr(load("policies", &c, &a), "by others"));
    put_file("s", "short", 0600);
    assert_non_null(strstr(load("policies", &c, &a), "exactly 32 bytes"));
    arena_fini(&a);
}

static void check_memory(void **state)
{
    enum err_code code = ERR_LIMIT;
    (void)state;
    for (size_t cap = 0; code == ERR_LIMIT; cap += 16) {
        struct policy_report report = { 0 };
        struct config *c;
        struct arena a;
        arena_init(&a, cap);
        code = check_text(&c, BASE, &report, &a);
        arena_fini(&a);
        assert_true(cap < 1 << 20);
    }
    assert_int_equal(code, ERR_OK);
}

static void check_page(void **state)
{
    static char table[32 * 1024];
    struct policy_report report = { 0 };
    struct config *c;
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    char *example = example_of("docs/config.md");
    assert_int_equal(check_text(&c, example, &report, &a), ERR_OK);
    struct writer w = writer_of(table, sizeof table);
    config_keys_print(&w);
    docs_check("docs/config.md", "keys", &w);
    free(example);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_values), cmocka_unit_test(check_policies),
        cmocka_unit_test(check_secret), cmocka_unit_test(check_memory),
        cmocka_unit_test(check_page),
    };
    return RUN_ROWS(rows, check_wrong) +
           cmocka_run_group_tests(tests, make_folder, remove_folder);
}
