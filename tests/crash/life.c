#include "tests/crash/life.h"

#include <fcntl.h>
#include <openssl/sha.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "halftone/v1/consent.pb-c.h"
#include "halftone/v1/halftone.pb-c.h"
#include "tests/auditor/pipe.h"

enum {
    PEOPLE = 300,
    REST_MS = 200,
    START_MS = 30000,
    ASK_MS = 30000,
    STOP_MS = 30000
};
/* rho; more than half of what the witness leases at a time. */
#define PRICE 0.006
static const char TOKEN[] =
    "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
static const char TOKEN_OF_PEOPLE[] =
    "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

static _Noreturn void give_up(const char *what)
{
    perror(what);
    exit(EXIT_FAILURE);
}

void life_path(char out[LIFE_PATH], const struct life *l, const char *name)
{
    if (snprintf(out, LIFE_PATH, "%s/%s", l->run, name) >= LIFE_PATH)
        give_up("the path is too long");
}

static FILE *file_new(const struct life *l, const char *name)
{
    char path[LIFE_PATH];
    life_path(path, l, name);
    FILE *f = fopen(path, "w");
    if (!f)
        give_up(path);
    return f;
}

static void make_folder(const struct life *l, const char *name)
{
    char path[LIFE_PATH];
    life_path(path, l, name);
    if (mkdir(path, 0700) != 0)
        give_up(path);
}

static void write_data(const struct life *l)
{
    FILE *f = file_new(l, "people.csv");
    (void)fprintf(f, "person,n\n");
    for (int i = 0; i < PEOPLE; i++)
        (void)fprintf(f, "%d,%d\n", i, i % 10);
    (void)fclose(f);
    f = file_new(l, "clinic.yaml");
    (void)fprintf(
        f,
        "dataset: clinic\nexclusive: true\nversion: 1\ndata_version: \"1\"\n"
        "cap: {epsilon: 8, delta: 1e-6}\nmax_people: 1000\n"
        "slots: {first: 0}\nreuse_for: 0\n"
        "purposes:\n  care: {help: To see how many come., basis: "
        "legitimate_interest}\n"
        "%s"
        "tables:\n  visits: {from: people.csv, key: person, columns: {person: "
        "int, n: {type: int, range: [0, 9]}}}\n",
        l->asks_no_people ? ""
                          : "  news: {help: Who may be written to., basis: "
                            "consent}\nconsent: {}\n");
    (void)fclose(f);
}

static void write_principal(FILE *f, const char *name, const char *role,
                            const char *token)
{
    uint8_t hash[SHA256_DIGEST_LENGTH];
    (void)SHA256((const uint8_t *)token, strlen(token), hash);
    (void)fprintf(f,
                  "  %s: {role: %s, datasets: [\"*\"], purposes: [\"*\"], "
                  "token_sha256: ",
                  name, role);
    for (size_t i = 0; i < sizeof hash; i++)
        (void)fprintf(f, "%02x", hash[i]);
    (void)fprintf(f, "}\n");
}

static void write_config(const struct life *l)
{
    FILE *f = file_new(l, "principals.yaml");
    (void)fprintf(f, "principals:\n");
    write_principal(f, "ann", "analyst", TOKEN);
    write_principal(f, "desk", "subject_service", TOKEN_OF_PEOPLE);
    (void)fclose(f);
    f = file_new(l, "config.yaml");
    (void)fprintf(
        f,
        "listen: 127.0.0.1:0\nmetrics: off\nplaintext: loopback\n"
        "policies: clinic.yaml\nprincipals: principals.yaml\nlease: 1 s\n"
        "ledger: '%s'\nsecret: %s/secret\nanswer_keys: %s/answers\n"
        "%s"
        "audit: {name: example.com/log, key: %s/audit, "
        "witness: state/b/witness}\nloops: 1\nworkers: 2\n",
        l->ledger ? l->ledger : "state/a/ledger.db", l->keys, l->keys,
        l->asks_no_people
            ? ""
            : "consent: {file: state/d/consent.db, keys: state/c/people}\n",
        l->keys);
    (void)fclose(f);
}

void life_init(struct life *l, const char *shim, const char *server)
{
    life_init_at(l, server, NULL, NULL);
    l->shim = shim;
}

void life_init_at(struct life *l, const char *server, const char *ledger,
                  const char *keys)
{
    const char *tmp = getenv("TMPDIR");
    *l = (struct life){ .server = server,
                        .ledger = ledger,
                        .asks_no_people = ledger != NULL,
                        .keys = keys ? keys : "state/c" };
    (void)snprintf(l->run, sizeof l->run, "%s/crash.XXXXXX",
                   tmp ? tmp : "/tmp");
    if (!mkdtemp(l->run))
        give_up(l->run);
    write_data(l);
    write_config(l);
    static const char *const folders[] = { "state", "state/a", "state/b",
                                           "state/c", "state/d" };
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        make_folder(l, folders[i]);
}

/* Only what this test made; its names have no characters of a shell. */
static void remove_here(const struct life *l, const char *names)
{
    char command[3 * LIFE_PATH];
    (void)snprintf(command, sizeof command, "cd %s && rm -rf %s", l->run,
                   names);
    if (system(command) != 0)
        give_up(command);
}

void life_wipe(struct life *l)
{
    remove_here(l, "state/a/* state/b/* state/c/* state/d/* trace");
}

void life_fini(struct life *l)
{
    if (l->pid)
        (void)life_stop(l, SIGKILL);
    remove_here(l, "*");
    if (rmdir(l->run) != 0)
        give_up(l->run);
}

/* ---- the server ---- */

static void become_server(const struct life *l, const struct life_how *how)
{
    char path[LIFE_PATH], at[24];
    life_path(path, l, "server.log");
    const int log = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
    (void)dup2(log, STDERR_FILENO);
    (void)dup2(log, STDOUT_FILENO);
    life_path(path, l, "state");
    (void)setenv("CRASH_DIR", path, 1);
    life_path(path, l, "trace");
    if (how->traced)
        (void)setenv("CRASH_TRACE", path, 1);
    (void)snprintf(at, sizeof at, "%llu", (unsigned long long)how->at);
    (void)setenv("CRASH_AT", at, 1);
    if (how->fault)
        (void)setenv("CRASH_FAULT", how->fault, 1);
    if (how->plant)
        (void)setenv("CRASH_PLANT", how->plant, 1);
    if (l->shim)
        (void)setenv("LD_PRELOAD", l->shim, 1);
    (void)setenv("ASAN_OPTIONS", "verify_asan_link_order=0", 1);
    life_path(path, l, "config.yaml");
    (void)execl(how->server ? how->server : l->server, "halftoned", "--config",
                path, (char *)NULL);
    _exit(127);
}

static void pause_ms(long ms)
{
    const struct timespec t = { .tv_nsec = ms * 1000000 };
    (void)nanosleep(&t, NULL);
}

void life_rest(void)
{
    pause_ms(REST_MS);
}

void life_show_log(const struct life *l)
{
    char path[LIFE_PATH], line[512];
    life_path(path, l, "server.log");
    FILE *f = fopen(path, "r");
    while (f && fgets(line, sizeof line, f))
        printf("    server: %s", line);
    if (f)
        (void)fclose(f);
}

/* The port that its log tells; 0 = not yet. */
static uint16_t port_in_log(const struct life *l)
{
    char path[LIFE_PATH], text[16384];
    life_path(path, l, "server.log");
    const int fd = open(path, O_RDONLY);
    const ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0)
        (void)close(fd);
    text[n > 0 ? n : 0] = '\0';
    const char *start = strstr(text, "server_start");
    const char *port = start ? strstr(start, "127.0.0.1:") : NULL;
    return port && strchr(port, '\n')
               ? (uint16_t)strtol(port + strlen("127.0.0.1:"), NULL, 10)
               : 0;
}

bool life_start(struct life *l, const struct life_how *how)
{
    (void)fclose(file_new(l, "server.log")); /* not the port of before */
    l->pid = fork();
    if (l->pid < 0)
        give_up("fork");
    if (l->pid == 0)
        become_server(l, how);
    for (int ms = 0; ms < START_MS; ms += 2) {
        siginfo_t ended = { 0 };
        l->port = port_in_log(l);
        if (l->port)
            return true;
        if (waitid(P_PID, (id_t)l->pid, &ended, WEXITED | WNOHANG | WNOWAIT) !=
                0 ||
            ended.si_pid != 0)
            return false;
        pause_ms(2);
    }
    (void)kill(l->pid, SIGKILL);
    give_up("the server neither started nor ended");
}

const char *life_stop(struct life *l, int sig)
{
    int status = 0;
    pid_t gone = 0;
    if (sig)
        (void)kill(l->pid, sig);
    for (int ms = 0; ms < STOP_MS && gone == 0; ms += 2) {
        gone = waitpid(l->pid, &status, WNOHANG);
        if (gone == 0)
            pause_ms(2);
    }
    if (gone == 0) {
        (void)kill(l->pid, SIGKILL);
        (void)waitpid(l->pid, &status, 0);
        l->pid = 0;
        return "it did not stop";
    }
    l->pid = 0;
    /* One that was stopping already may end by the signal itself. */
    return WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL &&
                   WTERMSIG(status) != sig
               ? "it crashed"
               : NULL;
}

/* ---- who asks ---- */

/* Questions of one method, over one connection. */
enum method {
    METHOD_QUERY,
    METHOD_BATCH,
    METHOD_GRANT,
    METHOD_WITHDRAW,
    METHODS
};
struct asking {
    struct life_replies *replies;
    enum method method;
    size_t question[LIFE_ASKED], n;
    uint8_t message[LIFE_REPLY_MAX];
};

struct life_replies *life_replies_new(void)
{
    void *p = mmap(NULL, sizeof(struct life_replies), PROT_READ | PROT_WRITE,
                   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        give_up("mmap");
    return p;
}

void life_replies_free(struct life_replies *r)
{
    (void)munmap(r, sizeof *r);
}

bool life_is_decision(size_t question)
{
    return question % 4 == 2;
}

static enum method method_of(size_t question)
{
    if (life_is_decision(question))
        return question / 4 % 2 ? METHOD_WITHDRAW : METHOD_GRANT;
    return question == LIFE_ASKED - 1 ? METHOD_BATCH : METHOD_QUERY;
}

static char purpose[] = "care", dataset[] = "clinic";

/* When the person decided: a number that nothing else says. */
static int64_t decided_us(size_t question)
{
    return INT64_C(1700000000123456) + (int64_t)question * 1000000;
}

/* Person 1 says yes, then takes it back; person 2 says yes. */
static size_t pack_decision(uint8_t *out, size_t question)
{
    static char source[] = "a form", news[] = "news", *purposes[] = { news };
    Halftone__V1__ConsentEvent d = HALFTONE__V1__CONSENT_EVENT__INIT;
    char subject[24];
    (void)snprintf(subject, sizeof subject, "%zu", 1 + question / 8);
    d.dataset = dataset;
    d.subject = subject;
    d.purposes = purposes;
    d.n_purposes = 1;
    d.at_us = decided_us(question);
    d.source = source;
    return halftone__v1__consent_event__pack(&d, out);
}

static void init_query(Halftone__V1__QueryRequest *r, Halftone__V1__Ask *ask,
                       char *sql)
{
    halftone__v1__query_request__init(r);
    halftone__v1__ask__init(ask);
    ask->kind_case = HALFTONE__V1__ASK__KIND_RHO;
    ask->rho = PRICE;
    r->ask = ask;
    r->question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL;
    r->sql = sql;
}

static void on_ask(void *ctx, size_t call, const uint8_t **msg, size_t *len)
{
    struct asking *a = ctx;
    const size_t question = a->question[call];
    char key[16], sql[2][96];
    Halftone__V1__QueryRequest query[2], *queries[] = { &query[0], &query[1] };
    Halftone__V1__Ask ask[2];
    *msg = a->message;
    if (life_is_decision(question)) {
        *len = pack_decision(a->message, question);
        return;
    }
    (void)snprintf(key, sizeof key, "key %zu", question);
    for (size_t i = 0; i < 2; i++) {
        (void)snprintf(sql[i], sizeof sql[i],
                       "SELECT COUNT(*) FROM visits WHERE n > %zu",
                       question + i);
        init_query(&query[i], &ask[i], sql[i]);
    }
    if (a->method == METHOD_QUERY) {
        query[0].dataset = dataset;
        query[0].purpose = purpose;
        query[0].idempotency_key = key;
        *len = halftone__v1__query_request__pack(&query[0], a->message);
        return;
    }
    Halftone__V1__BatchRequest batch = HALFTONE__V1__BATCH_REQUEST__INIT;
    batch.dataset = dataset;
    batch.purpose = purpose;
    batch.idempotency_key = key;
    batch.queries = queries;
    batch.n_queries = 2;
    batch.ask = &ask[0];
    query[0].ask = query[1].ask = NULL;
    *len = halftone__v1__batch_request__pack(&batch, a->message);
}

/* The first word of 32 hexadecimal digits is the receipt's query_id. */
static void find_charge(struct life_reply *r)
{
    size_t run = 0;
    for (size_t i = 0; i < r->len && run < 32; i++) {
        const char c = (char)r->msg[i];
        run = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') ? run + 1 : 0;
        if (run == 32)
            memcpy(r->charge, r->msg + i - 31, 32);
    }
    r->mark_len = strlen(r->charge);
    memcpy(r->mark, r->charge, r->mark_len);
}

/* Its mark: the time, as the message holds it. */
static void find_record(struct life_reply *r, size_t question)
{
    uint64_t at_us = (uint64_t)decided_us(question);
    Halftone__V1__Recorded *m =
        halftone__v1__recorded__unpack(NULL, r->len, r->msg);
    if (!m)
        give_up("a decision's reply cannot be read");
    r->record = m->record;
    r->was_there = m->was_there;
    halftone__v1__recorded__free_unpacked(m, NULL);
    for (; at_us; at_us >>= 7)
        r->mark[r->mark_len++] =
            (char)((at_us & 127) + (at_us > 127 ? 128 : 0));
}

static void on_reply(void *ctx, const struct pipe_reply *reply)
{
    struct asking *a = ctx;
    const size_t question = a->question[reply->call];
    struct life_reply *r = &a->replies->of[question];
    if (reply->status < 0)
        return; /* cut off */
    *r = (struct life_reply){ .status = reply->status,
                              .len = reply->msg ? reply->len : 0 };
    (void)snprintf(r->what, sizeof r->what, "%s", reply->what);
    if (r->len > sizeof r->msg)
        give_up("a reply is too long");
    if (r->len)
        memcpy(r->msg, reply->msg, r->len);
    if (!life_is_decision(question))
        find_charge(r);
    else if (r->status == 0)
        find_record(r, question);
    r->is_there = true;
}

static void ask_here(const struct life *l, struct asking *a, unsigned at_once)
{
    static const char *const paths[METHODS] = {
        [METHOD_QUERY] = "/halftone.v1.Halftone/Query",
        [METHOD_BATCH] = "/halftone.v1.Halftone/Batch",
        [METHOD_GRANT] = "/halftone.v1.Consent/Grant",
        [METHOD_WITHDRAW] = "/halftone.v1.Consent/Withdraw",
    };
    struct pipe pipe = { .port = l->port,
                         .token = life_is_decision(a->question[0])
                                      ? TOKEN_OF_PEOPLE
                                      : TOKEN,
                         .path = paths[a->method],
                         .at_once = at_once,
                         .ask = on_ask,
                         .reply = on_reply,
                         .ctx = a };
    pipe_run(&pipe, a->n);
}

/* A process of its own: a broken connection ends it. */
static void ask_aside(struct life *l, struct asking *a, unsigned at_once)
{
    int status;
    const pid_t pid = fork();
    if (pid < 0)
        give_up("fork");
    if (pid == 0) {
        const int null = open("/dev/null", O_WRONLY);
        (void)dup2(null, STDERR_FILENO);
        (void)alarm(ASK_MS / 1000);
        ask_here(l, a, at_once);
        _exit(0);
    }
    if (waitpid(pid, &status, 0) != pid)
        give_up("waitpid");
}

void life_ask(struct life *l, struct life_replies *r, size_t first, size_t n,
              unsigned at_once)
{
    for (int m = 0; m < METHODS; m++) {
        struct asking a = { .replies = r, .method = (enum method)m };
        if (l->asks_no_people && (m == METHOD_GRANT || m == METHOD_WITHDRAW))
            continue;
        for (size_t q = first; q < first + n; q++)
            if (method_of(q) == a.method)
                a.question[a.n++] = q;
        if (a.n)
            ask_aside(l, &a, at_once);
    }
}
