#include "server/consent/erase_log.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/consent/parts.h"

enum { PATH_CAP = 4200, LINE_MAX_ = 512, DIGITS = 2 * PSEUDONYM_LEN };

/* ---- a line ---- */

static int nibble(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* A space and a number; *at moves behind it. */
static bool take_time(int64_t *out, const char **at, const char *end)
{
    const char *s = *at;
    *out = 0;
    if (s == end || *s++ != ' ' || s == end || *s < '0' || *s > '9' ||
        (*s == '0' && s + 1 < end && s[1] >= '0' && s[1] <= '9'))
        return false;
    for (; s < end && *s >= '0' && *s <= '9'; s++)
        if (__builtin_mul_overflow(*out, 10, out) ||
            __builtin_add_overflow(*out, *s - '0', out))
            return false;
    *at = s;
    return true;
}

bool erase_line_parse(struct erase_line *out, const char *text, size_t len)
{
    const char *at = text + DIGITS, *end = text + len;
    if (len < DIGITS || memchr(text, '\0', len) || memchr(text, '\n', len))
        return false;
    for (size_t i = 0; i < DIGITS; i++) {
        const int n = nibble(text[i]);
        if (n < 0)
            return false;
        out->who.bytes[i / 2] = (uint8_t)(out->who.bytes[i / 2] << 4 | n);
    }
    if (!take_time(&out->asked_us, &at, end) ||
        !take_time(&out->recorded_us, &at, end) ||
        !take_time(&out->deadline_us, &at, end) || at == end || *at != ' ')
        return false;
    out->population = at + 1;
    out->population_len = (size_t)(end - out->population);
    return out->population_len > 0;
}

void erase_line_print(struct writer *w, const struct erase_line *l)
{
    for (size_t i = 0; i < PSEUDONYM_LEN; i++)
        writer_printf(w, "%02x", l->who.bytes[i]);
    writer_printf(w, " %" PRId64 " %" PRId64 " %" PRId64 " ", l->asked_us,
                  l->recorded_us, l->deadline_us);
    writer_bytes(w, l->population, l->population_len);
}

static void log_path(char *out, size_t size, const struct consent *c)
{
    (void)snprintf(out, size, "%s%s",
                   c->options.erasures ? c->options.erasures : c->options.path,
                   c->options.erasures ? "" : "-erasures");
}

static void note_time(struct consent *c, const struct erase_line *l)
{
    if (c->logged_us < l->recorded_us)
        c->logged_us = l->recorded_us;
}

bool erase_log_add(struct consent *c, const struct erase_line *l)
{
    char text[LINE_MAX_];
    struct writer w = writer_of(text, sizeof text);
    erase_line_print(&w, l);
    writer_u8(&w, '\n');
    const off_t before = lseek(c->erasures_fd, 0, SEEK_END);
    if (w.overflow || before < 0)
        return false;
    if (write(c->erasures_fd, text, w.len) == (ssize_t)w.len &&
        fdatasync(c->erasures_fd) == 0) {
        note_time(c, l);
        return true;
    }
    /* A part of a line would be that of the next one, too. */
    if (ftruncate(c->erasures_fd, before) != 0)
        atomic_store(&c->failed, true);
    return false;
}

/* ---- all of them ---- */

struct replay {
    struct consent_job job;
    char *text; /* owned */
    size_t len;
};

static enum err_code damaged(struct consent *c, size_t line, struct err *err)
{
    char path[PATH_CAP];
    log_path(path, sizeof path, c);
    (void)err_set(err, ERR_INTERNAL, "%s, line %zu, is damaged", path, line);
    return err_hint(err, "put back a copy of that file; without it, people who "
                         "were erased may be forgotten to be");
}

/* Lines that end. */
static enum err_code replay(struct consent *c, struct consent_job *job)
{
    struct replay *m = (struct replay *)(void *)job;
    size_t line = 1;
    for (size_t at = 0; at < m->len; line++) {
        const char *end = memchr(m->text + at, '\n', m->len - at);
        const size_t n = end ? (size_t)(end - (m->text + at)) : m->len - at;
        struct erase_line l;
        if (end && n > 0 && !erase_line_parse(&l, m->text + at, n))
            return damaged(c, line, job->err);
        if (end && n > 0)
            note_time(c, &l);
        if (end && n > 0 && !erase_again(c, &l)) {
            shelf_full(&c->shelf);
            return ERR_LIMIT;
        }
        at += n + 1;
    }
    return ERR_OK;
}

static bool read_all(struct replay *m, int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return false;
    m->text = malloc((size_t)st.st_size + 1);
    while (m->text && m->len < (size_t)st.st_size) {
        const ssize_t n = pread(fd, m->text + m->len,
                                (size_t)st.st_size - m->len, (off_t)m->len);
        if (n <= 0)
            return false;
        m->len += (size_t)n;
    }
    return m->text != NULL;
}

/* Bytes after the last end of a line. */
static size_t cut_of(const char *text, size_t len)
{
    size_t n = 0;
    while (n < len && text[len - 1 - n] != '\n')
        n++;
    return n;
}

/* They are in the order of their times. */
static enum err_code fill(struct consent *c, struct consent_job *job)
{
    struct shelf *s = &c->shelf;
    bool ok = true;
    for (bool more = shelf_find(s, SHELF_ERASURES_FOR_LOG, "i", c->logged_us);
         more; more = shelf_next(s, SHELF_ERASURES_FOR_LOG)) {
        const char *population = shelf_text(s, SHELF_ERASURES_FOR_LOG, 0);
        size_t len;
        const void *who = shelf_blob(s, SHELF_ERASURES_FOR_LOG, 1, &len);
        struct erase_line l = {
            .asked_us = shelf_int(s, SHELF_ERASURES_FOR_LOG, 2),
            .recorded_us = shelf_int(s, SHELF_ERASURES_FOR_LOG, 3),
            .deadline_us = shelf_int(s, SHELF_ERASURES_FOR_LOG, 4),
            .population = population,
            .population_len = strlen(population),
        };
        memcpy(&l.who, who, len < sizeof l.who ? len : sizeof l.who);
        ok = ok && erase_log_add(c, &l);
    }
    return ok ? ERR_OK
              : err_set(job->err, ERR_UNAVAILABLE,
                        "the log of erasures cannot be written");
}

bool erase_log_fill(struct consent *c)
{
    struct err ignored;
    struct consent_job job = { .err = &ignored };
    return c->erasures_fd < 0 || fill(c, &job) == ERR_OK;
}

enum err_code erase_log_open(struct consent *c, struct err *err)
{
    char path[PATH_CAP];
    struct replay m = { .job = { .run = replay, .err = err } };
    log_path(path, sizeof path, c);
    c->erasures_fd =
        open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, S_IRUSR | S_IWUSR);
    if (c->erasures_fd < 0 || !read_all(&m, c->erasures_fd)) {
        free(m.text);
        (void)err_set(err, ERR_NOT_FOUND, "%s cannot be read: %s", path,
                      strerror(errno));
        return err_hint(err, "it stands beside the register of consent");
    }
    /* A line that was cut goes, so that the next one is its own. */
    const bool is_cut = m.len > 0 && m.text[m.len - 1] != '\n';
    enum err_code code = consent_run(c, &m.job);
    if (code == ERR_OK && is_cut)
        code =
            ftruncate(c->erasures_fd, (off_t)(m.len - cut_of(m.text, m.len))) ==
                    0
                ? ERR_OK
                : err_set(err, ERR_UNAVAILABLE, "%s cannot be written", path);
    free(m.text);
    if (code != ERR_OK)
        return code;
    /* A register of before there was such a file; or others of the same one
     * erased while this server was away. */
    m.job =
        (struct consent_job){ .run = fill, .kind = SHELF_READS, .err = err };
    return m.len == 0 || c->shelf.is_shared ? consent_run(c, &m.job) : ERR_OK;
}

void erase_log_close(struct consent *c)
{
    if (c->erasures_fd >= 0)
        (void)close(c->erasures_fd);
    c->erasures_fd = -1;
}
