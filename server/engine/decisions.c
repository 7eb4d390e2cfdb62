#include "server/engine/decisions.h"

#include <duckdb.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "server/engine/duck.h"

enum { SQL_MAX = 16384, TEXT_MAX = 2048 };
enum column {
    SUBJECT,
    STATE,
    PURPOSES,
    CHANNEL,
    AT_MOST,
    TEXTS,
    AT = TEXTS,
    UNTIL,
    NOTICE,
    COLUMNS
};
static const char *const NAMES[COLUMNS] = { "subject", "state",   "purposes",
                                            "channel", "at_most", "at",
                                            "until",   "notice" };

struct decisions {
    duckdb_database db;
    duckdb_connection con;
    duckdb_result result;
    duckdb_data_chunk chunk;
    idx_t row, n; /* in the chunk */
    uint64_t count, at;
    char text[TEXTS][TEXT_MAX];
};

/* ---- opening ---- */

/* DuckDB's reader of such a file; NULL when the name tells none. */
static const char *reader_of_name(const char *path)
{
    static const char *const readers[][2] = {
        { ".csv", "read_csv('%s', header = true, all_varchar = true)" },
        { ".parquet", "read_parquet('%s')" },
        { ".jsonl", "read_json('%s', format = 'newline_delimited')" },
        { ".ndjson", "read_json('%s', format = 'newline_delimited')" },
        { ".json", "read_json('%s', format = 'newline_delimited')" },
    };
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < sizeof readers / sizeof readers[0]; i++)
        if (strcasecmp(dot, readers[i][0]) == 0)
            return readers[i][1];
    return NULL;
}

/*
 * A CSV file that was cut inside its last field is a shorter field, which may
 * be another time: its last line has to end.  The other kinds tell by
 * themselves.
 */
static enum err_code check_end(const char *path, struct err *err)
{
    const char *dot = strrchr(path, '.');
    FILE *f = dot && strcasecmp(dot, ".csv") == 0 ? fopen(path, "rb") : NULL;
    const bool has_end = f && fseek(f, -1, SEEK_END) == 0;
    const int last = has_end ? fgetc(f) : '\n';
    if (f)
        (void)fclose(f);
    if (last == '\n' || last == '\r')
        return ERR_OK;
    (void)err_set(err, ERR_INVALID,
                  "the last line of %s does not end: was the file cut?", path);
    return err_hint(err, "fetch it whole; if it is, end its last line");
}

static enum err_code print_reader(char *out, size_t cap, const char *path,
                                  struct err *err)
{
    const char *form = reader_of_name(path);
    const char *hole = form ? strstr(form, "%s") : NULL;
    struct writer w = writer_of(out, cap);
    if (!form) {
        (void)err_set(err, ERR_INVALID, "%s is no file of decisions", path);
        return err_hint(err, "name it .csv, .parquet or .jsonl");
    }
    writer_bytes(&w, form, (size_t)(hole - form) - 1);
    duck_literal(&w, path);
    writer_str(&w, hole + 3);
    if (writer_cstr(&w))
        return ERR_OK;
    return err_set(err, ERR_INVALID, "the file's name is too long");
}

static bool query(struct decisions *d, const char *sql, struct err *err)
{
    duckdb_destroy_result(&d->result);
    if (duckdb_query(d->con, sql, &d->result) == DuckDBSuccess)
        return true;
    (void)err_set(err, ERR_INVALID, "the file cannot be read: %.200s",
                  duckdb_result_error(&d->result));
    return false;
}

/* The stored name of each column, and which hold a list. */
struct found {
    char name[COLUMNS][128];
    bool is_list, is_number[COLUMNS];
};

static enum err_code find_columns(struct found *f, struct decisions *d,
                                  const char *reader, struct err *err)
{
    char sql[SQL_MAX];
    *f = (struct found){ 0 };
    (void)snprintf(sql, sizeof sql, "SELECT * FROM %s LIMIT 0", reader);
    if (!query(d, sql, err))
        return ERR_INVALID;
    for (idx_t i = 0; i < duckdb_column_count(&d->result); i++) {
        const char *name = duckdb_column_name(&d->result, i);
        for (int c = 0; c < COLUMNS; c++) {
            if (strcasecmp(name, NAMES[c]) != 0 &&
                !(c == PURPOSES && strcasecmp(name, "purpose") == 0))
                continue;
            const duckdb_type type = duckdb_column_type(&d->result, i);
            (void)snprintf(f->name[c], sizeof f->name[c], "%s", name);
            f->is_list |= c == PURPOSES && type == DUCKDB_TYPE_LIST;
            f->is_number[c] = type == DUCKDB_TYPE_BIGINT;
        }
    }
    const bool chooses = f->name[CHANNEL][0] || f->name[AT_MOST][0];
    const bool decides = f->name[STATE][0] || f->name[PURPOSES][0] || !chooses;
    for (int c = 0; c <= AT; c++)
        if (!f->name[c][0] &&
            (c == SUBJECT || c == AT ||
             (c == STATE || c == PURPOSES ? decides : chooses))) {
            (void)err_set(err, ERR_INVALID, "the file has no column '%s'",
                          NAMES[c]);
            return err_hint(err, "decisions need subject, state, purposes and "
                                 "at, and may have until and notice; choices "
                                 "need subject, channel, at_most and at");
        }
    return ERR_OK;
}

/* NULL where there is nothing, and -1, which nobody takes for a value, where
 * there is something else. */
static void print_number(struct writer *w, const struct found *f, int c)
{
    if (!f->name[c][0]) {
        writer_str(w, "CAST(NULL AS BIGINT)");
        return;
    }
    if (f->is_number[c]) {
        duck_ident(w, f->name[c]);
        return;
    }
    writer_str(w, "CASE WHEN trim(CAST(");
    duck_ident(w, f->name[c]);
    writer_str(w, " AS VARCHAR)) <> '' THEN coalesce(TRY_CAST(CAST(");
    duck_ident(w, f->name[c]);
    writer_str(w, " AS VARCHAR) AS BIGINT), ");
    /* Whole numbers are microseconds; all else is a timestamp. */
    if (c != NOTICE) {
        writer_str(w, "epoch_us(TRY_CAST(CAST(");
        duck_ident(w, f->name[c]);
        writer_str(w, " AS VARCHAR) AS TIMESTAMP)), ");
    }
    writer_str(w, "-1) END");
}

static void print_text(struct writer *w, const struct found *f, int c)
{
    if (!f->name[c][0]) {
        writer_str(w, "''");
        return;
    }
    writer_str(w, "coalesce(trim(CAST(");
    duck_ident(w, f->name[c]);
    writer_str(w, " AS VARCHAR)), '')");
}

static void print_rows(struct writer *w, const struct found *f,
                       const char *reader)
{
    writer_str(w, "SELECT CAST(");
    duck_ident(w, f->name[SUBJECT]);
    writer_str(w, " AS VARCHAR), lower(");
    print_text(w, f, STATE);
    writer_str(w, "), ");
    if (f->name[PURPOSES][0]) {
        writer_str(w, "coalesce(trim(regexp_replace(");
        writer_str(w, f->is_list ? "array_to_string(" : "CAST(");
        duck_ident(w, f->name[PURPOSES]);
        writer_str(w, f->is_list ? ", ' ')" : " AS VARCHAR)");
        writer_str(w, ", '[,; ]+', ' ', 'g')), '')");
    } else {
        writer_str(w, "''");
    }
    for (int c = CHANNEL; c < COLUMNS; c++) {
        writer_str(w, ", ");
        if (c < TEXTS)
            print_text(w, f, c);
        else
            print_number(w, f, c);
    }
    writer_printf(w, " FROM %s", reader);
}

static enum err_code open_file(struct decisions *d, const char *path,
                               struct err *err)
{
    char reader[SQL_MAX / 2], sql[SQL_MAX];
    struct found f;
    struct writer w = writer_of(sql, sizeof sql);
    if (access(path, R_OK) != 0)
        return err_set(err, ERR_NOT_FOUND, "%s cannot be read: %s", path,
                       strerror(errno));
    TRY(print_reader(reader, sizeof reader, path, err));
    TRY(check_end(path, err));
    if (duckdb_open(NULL, &d->db) != DuckDBSuccess ||
        duckdb_connect(d->db, &d->con) != DuckDBSuccess ||
        !query(d, "SET TimeZone = 'UTC'", err))
        return err_set(err, ERR_INTERNAL, "DuckDB does not start");
    TRY(find_columns(&f, d, reader, err));
    print_rows(&w, &f, reader);
    if (!writer_cstr(&w) || !query(d, sql, err))
        return ERR_INVALID;
    d->count = duckdb_row_count(&d->result);
    return ERR_OK;
}

enum err_code decisions_open(struct decisions **out, const char *path,
                             struct err *err)
{
    struct decisions *d = calloc(1, sizeof *d);
    if (!d)
        return err_set(err, ERR_LIMIT, "out of memory");
    const enum err_code code = open_file(d, path, err);
    if (code == ERR_OK)
        *out = d;
    else
        decisions_close(d);
    return code;
}

void decisions_close(struct decisions *d)
{
    if (!d)
        return;
    duckdb_destroy_data_chunk(&d->chunk);
    duckdb_destroy_result(&d->result);
    duckdb_disconnect(&d->con);
    duckdb_close(&d->db);
    free(d);
}

uint64_t decisions_count(const struct decisions *d)
{
    return d->count;
}

/* ---- rows ---- */

static enum err_code wrong(const struct decisions *d, int c, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "row %llu: '%s' is missing, too long or "
                   "cannot be read",
                   (unsigned long long)d->at, NAMES[c]);
}

static bool text_of(struct decisions *d, int c)
{
    const struct duck_column column = duck_column_of(d->chunk, (idx_t)c);
    if (duck_is_null(&column, d->row))
        return false;
    duckdb_string_t s = ((const duckdb_string_t *)column.data)[d->row];
    const uint32_t len = duckdb_string_t_length(s);
    if (len >= TEXT_MAX || memchr(duckdb_string_t_data(&s), '\0', len))
        return false;
    memcpy(d->text[c], duckdb_string_t_data(&s), len);
    d->text[c][len] = '\0';
    return true;
}

static bool int_of(int64_t *out, const struct decisions *d, int c)
{
    const struct duck_column column = duck_column_of(d->chunk, (idx_t)c);
    *out = 0;
    if (duck_is_null(&column, d->row))
        return false;
    *out = ((const int64_t *)column.data)[d->row];
    return true;
}

enum err_code decisions_next(bool *found, struct decision *out,
                             struct decisions *d, struct err *err)
{
    int64_t notice;
    while (d->row == d->n) {
        duckdb_destroy_data_chunk(&d->chunk);
        d->chunk = duckdb_fetch_chunk(d->result);
        d->n = d->chunk ? duckdb_data_chunk_get_size(d->chunk) : 0;
        d->row = 0;
        *found = d->chunk != NULL;
        if (!*found)
            return ERR_OK;
    }
    d->at++;
    for (int c = SUBJECT; c < TEXTS; c++)
        if (!text_of(d, c))
            return wrong(d, c, err);
    out->state = d->text[STATE];
    out->channel = d->text[CHANNEL];
    out->at_most = d->text[AT_MOST];
    if (!out->state[0] && !out->channel[0] && !out->at_most[0])
        return wrong(d, STATE, err);
    if (!int_of(&out->at_us, d, AT) || out->at_us <= 0)
        return wrong(d, AT, err);
    if (int_of(&out->until_us, d, UNTIL) && out->until_us <= 0)
        return wrong(d, UNTIL, err);
    (void)int_of(&notice, d, NOTICE);
    if (notice < 0 || notice > UINT32_MAX)
        return wrong(d, NOTICE, err);
    out->notice = (uint32_t)notice;
    out->subject = d->text[SUBJECT];
    out->purposes = d->text[PURPOSES];
    d->row++;
    *found = true;
    return ERR_OK;
}
