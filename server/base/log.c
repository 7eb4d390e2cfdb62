#include "server/base/log.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/base/clock.h"
#include "server/base/utf8.h"
#include "server/base/writer.h"

static const struct log_info INFO[LOG_EVENT_COUNT] = {
#define F(field) ((unsigned)LOG_FIELD_##field)
#define LOG(id, name_, level_, fields_, help_)                                 \
    [LOG_##id] = { name_, help_, LOG_LEVEL_##level_, fields_ },
#include "server/base/log.def"
#undef LOG
#undef F
};

static atomic_int level_in_force = LOG_LEVEL_INFO;
static atomic_int fd_in_force = STDERR_FILENO;

const struct log_info *log_info_of(enum log_event event)
{
    assert(event < LOG_EVENT_COUNT);
    return &INFO[event];
}

const char *log_level_name(enum log_level level)
{
    static const char *const names[LOG_LEVEL_COUNT] = { "error", "warn", "info",
                                                        "debug" };
    assert(level < LOG_LEVEL_COUNT);
    return names[level];
}

void log_set_level(enum log_level level)
{
    assert(level < LOG_LEVEL_COUNT);
    atomic_store(&level_in_force, (int)level);
}

void log_set_fd(int fd)
{
    atomic_store(&fd_in_force, fd);
}

static void print_time(struct writer *w)
{
    const int64_t us = clock_wall_us(clock_system());
    const time_t s = (time_t)(us / 1000000);
    struct tm tm = { 0 };
    char text[32];
    (void)gmtime_r(&s, &tm);
    (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    writer_printf(w, "ts=%s.%03dZ", text, (int)(us / 1000 % 1000));
}

/* No byte of a value can end the line, the value or the terminal's mood. */
static void print_value(struct writer *w, const char *key, const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:/@-";
    const size_t len = value ? strnlen(value, LOG_VALUE_MAX) : 0;
    writer_printf(w, " %s=", key);
    if (len > 0 && strspn(value, plain) >= len) {
        writer_bytes(w, value, len);
        return;
    }
    const bool is_text = utf8_is_text(value ? value : "", len);
    writer_u8(w, '"');
    for (size_t i = 0; i < len; i++) {
        const unsigned char b = (unsigned char)value[i];
        if (b < 0x20 || b == 0x7f || (b >= 0x80 && !is_text))
            writer_printf(w, "\\x%02x", b);
        else if (b == '"' || b == '\\')
            writer_printf(w, "\\%c", b);
        else
            writer_u8(w, b);
    }
    writer_u8(w, '"');
}

static void print_fields(struct writer *w, unsigned which,
                         const struct log_fields *f)
{
    if (which & LOG_FIELD_QUERY)
        print_value(w, "query", f->query);
    if (which & LOG_FIELD_PRINCIPAL)
        print_value(w, "principal", f->principal);
    if (which & LOG_FIELD_DATASET)
        print_value(w, "dataset", f->dataset);
    if (which & LOG_FIELD_ADDRESS)
        print_value(w, "address", f->address);
    if (which & LOG_FIELD_PATH)
        print_value(w, "path", f->path);
    if (which & LOG_FIELD_ERROR)
        print_value(w, "error", err_info_of(f->error)->name);
    if (which & LOG_FIELD_COUNT)
        writer_printf(w, " count=%llu", (unsigned long long)f->count);
    if (which & LOG_FIELD_NAME)
        print_value(w, "name", f->name);
    if (which & LOG_FIELD_WHAT)
        print_value(w, "what", f->what);
}

/* What anyone can bring about, with no token, as often as he likes. */
static bool is_limited(enum log_event event)
{
    return event == LOG_LOGIN_FAILED || event == LOG_PROTOCOL_ERROR;
}

/*
 * At most LOG_LINES_PER_S lines a second of such an event: else strangers could
 * fill the disk.  False: this one is dropped; *dropped is
 * what went before this one.  Races cost a line more or less.
 */
static bool may_log(enum log_event event, uint64_t *dropped)
{
    static struct {
        _Atomic uint64_t second, lines, dropped;
    } limits[LOG_EVENT_COUNT];
    *dropped = 0;
    if (!is_limited(event))
        return true;
    const uint64_t now = clock_mono_ns(clock_system()) / 1000000000;
    if (atomic_exchange(&limits[event].second, now) != now) {
        atomic_store(&limits[event].lines, 0);
        *dropped = atomic_exchange(&limits[event].dropped, 0);
    }
    if (atomic_fetch_add(&limits[event].lines, 1) < LOG_LINES_PER_S)
        return true;
    (void)atomic_fetch_add(&limits[event].dropped, 1);
    return false;
}

static void write_line(enum log_event event, struct log_fields fields)
{
    /* Eight fields of escaped bytes at their longest fit with room. */
    static_assert(6 * (4 * LOG_VALUE_MAX + 16) + 512 <= LOG_LINE_MAX,
                  "longest line");
    char line[LOG_LINE_MAX];
    const struct log_info *info = log_info_of(event);
    struct writer w = writer_of(line, sizeof line);
    print_time(&w);
    writer_printf(&w, " level=%s event=%s", log_level_name(info->level),
                  info->name);
    print_fields(&w, info->fields, &fields);
    writer_u8(&w, '\n');
    assert(!w.overflow);
    /* A log that cannot be written stops nothing. */
    const ssize_t written = write(atomic_load(&fd_in_force), line, w.len);
    (void)written;
}

void log_event(enum log_event event, struct log_fields fields)
{
    uint64_t dropped;
    if ((int)log_info_of(event)->level > atomic_load(&level_in_force) ||
        !may_log(event, &dropped))
        return;
    if (dropped > 0)
        write_line(LOG_DROPPED,
                   (struct log_fields){ .what = log_info_of(event)->name,
                                        .count = dropped });
    write_line(event, fields);
}
