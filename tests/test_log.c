#include "server/base/log.h"

#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tests/lib_docs.h"
#include "tests/table.h"

static const struct row {
    const char *name;
    enum log_event event;
    struct log_fields fields;
    const char *ends; /* of the line, after the time; NULL: no line */
} rows[] = {
    { "an event prints its own fields only",
      LOG_QUERY_CHARGED,
      { .query = "5f", .principal = "ann", .dataset = "shop", .path = "/x" },
      " level=info event=query_charged query=5f principal=ann dataset=shop\n" },
    { "an error prints as its name",
      LOG_LOGIN_FAILED,
      { .address = "127.0.0.1:9", .error = ERR_UNAUTHENTICATED },
      " level=warn event=login_failed address=127.0.0.1:9 "
      "error=unauthenticated\n" },
    { "a value cannot forge a line",
      LOG_RELOAD,
      { .path = "a\nb c\"d\\\x7f" },
      " event=reload path=\"a\\x0ab c\\\"d\\\\\\x7f\"\n" },
    { "UTF-8 stays, other bytes do not",
      LOG_RELOAD,
      { .path = "h\xc3\xa9" },
      " path=\"h\xc3\xa9\"\n" },
    { "bytes that are no UTF-8 are escaped",
      LOG_RELOAD,
      { .path = "\xff\xc0" },
      " path=\"\\xff\\xc0\"\n" },
    { "a missing text is empty", LOG_RELOAD, { 0 }, " path=\"\"\n" },
    { "a count",
      LOG_QUEUE_FULL,
      { .count = UINT64_MAX },
      " event=queue_full count=18446744073709551615\n" },
    { "below the level", LOG_CONNECTIONS, { .count = 1 }, NULL },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    char line[LOG_LINE_MAX + 1];
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    log_set_fd(ends[1]);
    log_event(row->event, row->fields);
    log_set_fd(STDERR_FILENO);
    assert_int_equal(close(ends[1]), 0);
    const ssize_t n = read(ends[0], line, LOG_LINE_MAX);
    assert_int_equal(close(ends[0]), 0);
    assert_true(n >= 0);
    line[n] = '\0';
    if (!row->ends) {
        assert_int_equal(n, 0);
        return;
    }
    assert_int_equal(strncmp(line, "ts=20", 5), 0);
    assert_true((size_t)n > strlen(row->ends));
    assert_string_equal(line + (size_t)n - strlen(row->ends), row->ends);
}

static void check_longest(void **state)
{
    static char bytes[10 * LOG_VALUE_MAX];
    (void)state;
    memset(bytes, 1, sizeof bytes - 1);
    for (unsigned e = 0; e < LOG_EVENT_COUNT; e++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        log_set_fd(ends[1]);
        log_event((enum log_event)e,
                  (struct log_fields){ .query = bytes,
                                       .principal = bytes,
                                       .dataset = bytes,
                                       .address = bytes,
                                       .path = bytes,
                                       .what = bytes,
                                       .error = ERR_UNAUTHENTICATED,
                                       .count = UINT64_MAX });
        log_set_fd(STDERR_FILENO);
        assert_int_equal(close(ends[0]) + close(ends[1]), 0);
    }
}

static void check_docs(void **state)
{
    static char text[32 * 1024];
    struct writer w = writer_of(text, sizeof text);
    (void)state;
    writer_str(&w, "| event | level | meaning |\n|---|---|---|\n");
    for (unsigned e = 0; e < LOG_EVENT_COUNT; e++) {
        const struct log_info *i = log_info_of((enum log_event)e);
        writer_printf(&w, "| `%s` | %s | %s |\n", i->name,
                      log_level_name(i->level), i->help);
    }
    docs_check("docs/log.md", "events", &w);
}

/* Lines that peers cause are bounded; what was dropped is told. */
static void check_flood(void **state)
{
    static char lines[64 * LOG_LINE_MAX];
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    log_set_fd(ends[1]);
    for (int second = 0; second < 2; second++) {
        for (int i = 0; i < 10 * LOG_LINES_PER_S; i++)
            log_event(LOG_PROTOCOL_ERROR,
                      (struct log_fields){ .address = "x" });
        const struct timespec nap = { .tv_sec = 1 };
        if (second == 0)
            (void)nanosleep(&nap, NULL);
    }
    log_set_fd(STDERR_FILENO);
    assert_int_equal(close(ends[1]), 0);
    size_t len = 0;
    for (ssize_t n = 1; n > 0; len += (size_t)(n > 0 ? n : 0))
        n = read(ends[0], lines + len, sizeof lines - 1 - len);
    assert_int_equal(close(ends[0]), 0);
    int n_lines = 0;
    for (size_t i = 0; i < len; i++)
        n_lines += lines[i] == '\n';
    /* Two seconds, or three when the clock ticked amid the loops. */
    assert_in_range(n_lines, 2 * LOG_LINES_PER_S, 4 * LOG_LINES_PER_S + 3);
    assert_non_null(strstr(lines, " event=log_dropped count="));
    assert_non_null(strstr(lines, " what=protocol_error\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_longest),
        cmocka_unit_test(check_docs),
        cmocka_unit_test(check_flood),
    };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
