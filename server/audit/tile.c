#include "server/audit/tile.h"

#include <string.h>

enum { GROUP = 1000, LEVEL_MAX = 7, INDEX_DIGITS_MAX = 18 };

/* A group of three digits, or -1. */
static int group_of(const char *s)
{
    int v = 0;
    for (int i = 0; i < 3; i++) {
        if (s[i] < '0' || s[i] > '9')
            return -1;
        v = 10 * v + (s[i] - '0');
    }
    return v;
}

/* x001/x234/067 at *s, which moves behind it; no leading x000. */
static bool parse_index(uint64_t *out, const char **s)
{
    uint64_t index = 0;
    for (int digits = 0; digits < INDEX_DIGITS_MAX; digits += 3) {
        const bool is_last = **s != 'x';
        const int group = group_of(*s + !is_last);
        if (group < 0 || (digits == 0 && group == 0 && !is_last))
            return false;
        index = index * GROUP + (unsigned)group;
        *s += 3 + !is_last;
        if (is_last) {
            *out = index;
            return true;
        }
        if (*(*s)++ != '/')
            return false;
    }
    return false;
}

/* ".p/W", or nothing for a full tile, up to the end. */
static bool parse_width(unsigned *out, const char *s)
{
    unsigned width = 0;
    *out = MERKLE_TILE;
    if (*s == '\0')
        return true;
    if (strncmp(s, ".p/", 3) != 0 || s[3] == '0' || s[3] == '\0')
        return false;
    for (s += 3; *s; s++) {
        if (*s < '0' || *s > '9')
            return false;
        width = 10 * width + (unsigned)(*s - '0');
        if (width >= MERKLE_TILE)
            return false;
    }
    *out = width;
    return true;
}

bool tile_parse(struct tile *out, const char *path, size_t len)
{
    char text[TILE_PATH_LEN];
    const char *s = text;
    if (len >= sizeof text || memchr(path, '\0', len) != NULL)
        return false;
    memcpy(text, path, len);
    text[len] = '\0';
    *out = (struct tile){ .width = 1 };
    if (strcmp(s, "checkpoint") == 0)
        return true;
    if (strncmp(s, "tile/", 5) != 0)
        return false;
    s += 5;
    if (strncmp(s, "entries/", 8) == 0) {
        out->kind = TILE_ENTRIES;
        s += 8;
    } else {
        if (s[0] < '0' || s[0] > '0' + LEVEL_MAX || s[1] != '/')
            return false;
        out->kind = TILE_HASHES;
        out->level = (unsigned)(s[0] - '0');
        s += 2;
    }
    return parse_index(&out->index, &s) && parse_width(&out->width, s);
}

static void print_index(struct writer *w, uint64_t index)
{
    uint64_t unit = 1;
    while (index / unit >= GROUP)
        unit *= GROUP;
    for (; unit > 1; unit /= GROUP)
        writer_printf(w, "x%03u/", (unsigned)(index / unit % GROUP));
    writer_printf(w, "%03u", (unsigned)(index % GROUP));
}

void tile_print(struct writer *w, const struct tile *t)
{
    if (t->kind == TILE_CHECKPOINT) {
        writer_str(w, "checkpoint");
        return;
    }
    writer_str(w, "tile/");
    if (t->kind == TILE_ENTRIES)
        writer_str(w, "entries/");
    else
        writer_printf(w, "%u/", t->level);
    print_index(w, t->index);
    if (t->width < MERKLE_TILE)
        writer_printf(w, ".p/%u", t->width);
}

bool tile_exists(const struct tile *t, uint64_t size)
{
    if (t->kind == TILE_CHECKPOINT)
        return true;
    const uint64_t n = size >> 8 * t->level; /* of its level */
    const uint64_t left =
        t->index <= n / MERKLE_TILE ? n - t->index * MERKLE_TILE : 0;
    return t->width <= left;
}

enum err_code tile_hashes(struct writer *w, const struct tile *t,
                          const struct merkle_reader *r, struct err *err)
{
    struct merkle_hash hash[MERKLE_TILE];
    TRY(r->read(r->ctx, hash, t->level, t->index * MERKLE_TILE, t->width, err));
    writer_bytes(w, hash, t->width * sizeof hash[0]);
    return ERR_OK;
}
