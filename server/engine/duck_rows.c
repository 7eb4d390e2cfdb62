#include "server/engine/duck_rows.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "server/engine/duck_keys.h"

enum { ROWS_MAX = UINT32_MAX - 1 };

struct table {
    size_t first, n; /* of files */
};

struct duck_rows {
    atomic_uint refs;
    const struct stamp_paths *paths; /* borrowed */
    struct stamp_look *look;         /* owned */
    struct duck_rows_file *files;    /* owned, of all tables */
    size_t n_files;
    uint64_t n;
    uint32_t *numbers; /* owned; by row, until end */
    uint32_t n_people;
    uint32_t *starts; /* owned; of each person's rows, and the end */
    uint32_t *hers;   /* owned; rows, person by person */
    size_t n_tables;
    struct table tables[];
};

struct duck_rows *duck_rows_new(size_t n_tables,
                                const struct stamp_paths *paths,
                                struct stamp_look *look)
{
    struct duck_rows *r = calloc(1, sizeof *r + n_tables * sizeof r->tables[0]);
    if (!r) {
        free(look);
        return NULL;
    }
    atomic_init(&r->refs, 1);
    r->n_tables = n_tables;
    r->paths = paths;
    r->look = look;
    return r;
}

struct duck_rows *duck_rows_keep(struct duck_rows *r)
{
    if (r)
        atomic_fetch_add(&r->refs, 1);
    return r;
}

void duck_rows_drop(struct duck_rows *r)
{
    if (!r || atomic_fetch_sub(&r->refs, 1) != 1)
        return;
    free(r->look);
    free(r->files);
    free(r->numbers);
    free(r->starts);
    free(r->hers);
    free(r);
}

/* ---- making ---- */

bool duck_rows_add_file(struct duck_rows *r, size_t table, uint64_t n)
{
    assert(table < r->n_tables);
    if (n > ROWS_MAX - r->n)
        return false;
    void *more = realloc(r->files, (r->n_files + 1) * sizeof *r->files);
    if (!more)
        return false;
    r->files = more;
    r->files[r->n_files] = (struct duck_rows_file){ r->n, n };
    if (r->tables[table].n == 0)
        r->tables[table].first = r->n_files;
    assert(r->tables[table].first + r->tables[table].n == r->n_files);
    r->tables[table].n++;
    r->n_files++;
    r->n += n;
    return true;
}

bool duck_rows_begin(struct duck_rows *r, uint64_t most)
{
    if (r->n > most / (2 * sizeof *r->numbers))
        return false;
    r->numbers = duck_keys_huge((r->n + 1) * sizeof *r->numbers);
    if (r->numbers)
        memset(r->numbers, 0xff, r->n * sizeof *r->numbers); /* nobody's */
    return r->numbers != NULL;
}

bool duck_rows_note(struct duck_rows *r, size_t table, int64_t file,
                    int64_t row, uint32_t number)
{
    struct duck_rows_file f;
    if (!duck_rows_file_of(&f, r, table, file) || row < 0 ||
        (uint64_t)row >= f.n)
        return false;
    r->numbers[f.first + (uint64_t)row] = number;
    return true;
}

/* How many rows are whose, then where they begin. */
static void find_starts(struct duck_rows *r)
{
    uint32_t at = 0;
    for (uint64_t i = 0; i < r->n; i++)
        if (r->numbers[i] != GATE_NOBODY)
            r->starts[r->numbers[i]]++;
    for (uint32_t p = 0; p <= r->n_people; p++) {
        const uint32_t n = r->starts[p];
        r->starts[p] = at;
        at += n;
    }
}

/* starts[p] moves to the end of p's rows, which is where p + 1's begin. */
static void sort_rows(struct duck_rows *r)
{
    for (uint64_t i = 0; i < r->n; i++)
        if (r->numbers[i] != GATE_NOBODY)
            r->hers[r->starts[r->numbers[i]]++] = (uint32_t)i;
    memmove(r->starts + 1, r->starts, r->n_people * sizeof *r->starts);
    r->starts[0] = 0;
}

bool duck_rows_end(struct duck_rows *r, uint64_t most)
{
    for (uint64_t i = 0; i < r->n; i++)
        if (r->numbers[i] != GATE_NOBODY && r->numbers[i] >= r->n_people)
            r->n_people = r->numbers[i] + 1;
    const uint64_t places = 2 * r->n + r->n_people + 1;
    if (places > most / sizeof *r->hers)
        return false;
    r->starts = duck_keys_huge(((size_t)r->n_people + 1) * sizeof *r->starts);
    r->hers = duck_keys_huge((r->n + 1) * sizeof *r->hers);
    if (!r->starts || !r->hers)
        return false;
    memset(r->starts, 0, ((size_t)r->n_people + 1) * sizeof *r->starts);
    find_starts(r);
    sort_rows(r);
    free(r->numbers);
    r->numbers = NULL;
    return true;
}

/* ---- reading ---- */

const struct stamp_paths *duck_rows_paths(const struct duck_rows *r)
{
    return r->paths;
}

const struct stamp_look *duck_rows_look(const struct duck_rows *r)
{
    return r->look;
}

uint64_t duck_rows_n(const struct duck_rows *r)
{
    return r->n;
}

bool duck_rows_file_of(struct duck_rows_file *out, const struct duck_rows *r,
                       size_t table, int64_t file)
{
    if (table >= r->n_tables || file < 0 ||
        (uint64_t)file >= r->tables[table].n)
        return false;
    *out = r->files[r->tables[table].first + (uint64_t)file];
    return true;
}

uint32_t duck_rows_people(const struct duck_rows *r)
{
    return r->n_people;
}

struct duck_rows_hers duck_rows_of(const struct duck_rows *r, uint32_t number)
{
    if (number >= r->n_people)
        return (struct duck_rows_hers){ .n = 0 };
    const uint32_t first = r->starts[number];
    return (struct duck_rows_hers){ r->hers + first,
                                    r->starts[number + 1] - first };
}
