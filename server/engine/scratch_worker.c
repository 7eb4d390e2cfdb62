#include "server/engine/scratch_worker.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/engine/duck.h"
#include "server/engine/scratch_db.h"
#include "server/engine/scratch_jail.h"
#include "server/engine/scratch_limits.h"

struct kept {
    uint64_t id;
    struct scratch_db *db; /* NULL: a free place */
    uint64_t used;
};

struct worker {
    struct kept kept[SCRATCH_KEPT];
    uint64_t uses;
    struct arena arena; /* of one call */
    bool ends;
};

/* ---- the socket ---- */

static bool read_all(void *to, size_t len)
{
    for (size_t at = 0; at < len;) {
        const ssize_t n = read(STDIN_FILENO, (char *)to + at, len - at);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool write_all(const void *from, size_t len)
{
    for (size_t at = 0; at < len;) {
        const ssize_t n =
            write(STDIN_FILENO, (const char *)from + at, len - at);
        if (n <= 0 && !(n < 0 && errno == EINTR))
            return false;
        at += n > 0 ? (size_t)n : 0;
    }
    return true;
}

static bool say(struct worker *w, struct scratch_reply reply, uint32_t room)
{
    struct writer size = writer_of(NULL, 0);
    scratch_reply_write(&size, &reply);
    char *bytes =
        size.need <= room ? arena_alloc(&w->arena, size.need, 1) : NULL;
    if (!bytes && reply.status == SCRATCH_ROWS)
        return say(w,
                   (struct scratch_reply){ .status = SCRATCH_LARGE,
                                           .ends = reply.ends },
                   room);
    struct writer out = writer_of(bytes, bytes ? size.need : 0);
    scratch_reply_write(&out, &reply);
    return !out.overflow && write_all(out.data, out.len);
}

/* ---- databases ---- */

static struct kept *find(struct worker *w, uint64_t id)
{
    for (size_t i = 0; i < SCRATCH_KEPT; i++)
        if (w->kept[i].db && w->kept[i].id == id)
            return &w->kept[i];
    return NULL;
}

/* A free place, or that of the database asked longest ago. */
static struct kept *place(struct worker *w)
{
    struct kept *oldest = &w->kept[0];
    for (size_t i = 0; i < SCRATCH_KEPT; i++) {
        if (!w->kept[i].db)
            return &w->kept[i];
        if (w->kept[i].used < oldest->used)
            oldest = &w->kept[i];
    }
    scratch_db_close(oldest->db);
    oldest->db = NULL;
    return oldest;
}

static struct scratch_reply build(struct worker *w,
                                  const struct scratch_call *call)
{
    struct kept *k = place(w);
    k->id = call->id;
    k->used = ++w->uses;
    return scratch_db_open(&k->db, call->script, &w->arena);
}

static struct scratch_reply ask(struct worker *w,
                                const struct scratch_call *call)
{
    struct kept *k = find(w, call->id);
    if (!k)
        return (struct scratch_reply){ .status = SCRATCH_UNKNOWN };
    k->used = ++w->uses;
    const struct scratch_db_ask q = { .ask = &call->ask,
                                      .runs = call->kind == SCRATCH_ASK,
                                      .wait_ms = call->wait_ms };
    return scratch_db_ask(k->db, &q, &w->arena);
}

/* ---- when to go ---- */

static bool lasts(const struct scratch_reply *reply)
{
    static const char *const classes[] = { "out_of_memory", "internal",
                                           "fatal" };
    if (reply->status != SCRATCH_FAILED)
        return false;
    const char *class = duck_error_class(reply->message);
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++)
        if (strcmp(class, classes[i]) == 0)
            return true;
    return strstr(reply->message, "bad_alloc") != NULL;
}

/* Half of the address space is no longer free: allocators keep what they had.
 */
static bool is_swollen(void)
{
    const size_t half = SCRATCH_MEMORY / 2;
    if (scratch_jail_is_open())
        return false;
    void *p = mmap(NULL, half, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return p == MAP_FAILED || munmap(p, half) != 0;
}

static bool serve(struct worker *w)
{
    uint8_t head[SCRATCH_HEAD];
    struct scratch_call call;
    if (!read_all(head, sizeof head))
        return false;
    struct reader r = reader_of(head, sizeof head);
    const uint32_t len = reader_be32(&r);
    arena_reset(&w->arena);
    void *body =
        len <= SCRATCH_CALL_MAX ? arena_alloc(&w->arena, len + 1, 1) : NULL;
    if (!body || !read_all(body, len) ||
        !scratch_call_read(&call, body, len, &w->arena))
        return false;
    struct scratch_reply reply =
        call.kind == SCRATCH_BUILD ? build(w, &call) : ask(w, &call);
    w->ends = reply.ends = lasts(&reply) || is_swollen();
    return say(w, reply,
               call.kind == SCRATCH_BUILD ? SCRATCH_REPLY_MAX : call.room);
}

bool scratch_worker_is(int argc, char **argv)
{
    return argc == 2 && strcmp(argv[1], SCRATCH_WORKER_ARG) == 0;
}

int scratch_worker_main(void)
{
    struct worker w = { .ends = false };
    if (scratch_jail_enter(STDIN_FILENO, SCRATCH_MEMORY, SCRATCH_STACK))
        _exit(EXIT_FAILURE);
    arena_init(&w.arena, SCRATCH_ARENA);
    while (!w.ends && serve(&w))
        continue;
    _exit(EXIT_SUCCESS);
}
