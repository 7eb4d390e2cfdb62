/* The hash state of one block is copied a million times a second: the calls
 * that OpenSSL 3 calls deprecated are the ones that do not allocate. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "server/engine/duck_order.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void duck_order_init(struct duck_order *o, const struct duck_keep_key *key)
{
    SHA256_Init(&o->keyed);
    SHA256_Update(&o->keyed, key->bytes, sizeof key->bytes);
}

/* Decimal digits and a comma, ending at out + INT_END. */
enum { INT_ROOM = 24, INT_END = 22 };

static const char *spell_int(char out[INT_ROOM], int64_t v)
{
    uint64_t rest = v < 0 ? -(uint64_t)v : (uint64_t)v;
    char *at = out + INT_END;
    *--at = ',';
    do
        *--at = (char)('0' + rest % 10);
    while (rest /= 10);
    if (v < 0)
        *--at = '-';
    return at;
}

/* A message after the key's block: mostly short enough for one block more. */
struct message {
    SHA256_CTX hash;
    unsigned char block[SHA256_CBLOCK];
    size_t len; /* in block; all else went into hash */
    bool spilt;
};
enum { LAST_LEN = SHA256_CBLOCK - 9 }; /* beside the mark and the length */

static void say(struct message *m, const void *bytes, size_t len)
{
    if (!m->spilt && m->len + len <= LAST_LEN) {
        memcpy(m->block + m->len, bytes, len);
        m->len += len;
        return;
    }
    if (!m->spilt)
        SHA256_Update(&m->hash, m->block, m->len);
    m->spilt = true;
    SHA256_Update(&m->hash, bytes, len);
}

/* The first 128 bits of the digest, its words behind one another. */
static struct duck_line finish(struct message *m)
{
    if (m->spilt) {
        unsigned char digest[SHA256_DIGEST_LENGTH];
        SHA256_Final(digest, &m->hash); /* leaves the words in m->hash.h */
    } else {
        const unsigned bits = (unsigned)(KEEP_KEY_LEN + m->len) * 8;
        m->block[m->len] = 0x80;
        memset(m->block + m->len + 1, 0, SHA256_CBLOCK - 3 - m->len);
        m->block[SHA256_CBLOCK - 2] = (unsigned char)(bits >> 8);
        m->block[SHA256_CBLOCK - 1] = (unsigned char)bits;
        SHA256_Transform(&m->hash, m->block);
    }
    return (struct duck_line){ (uint64_t)m->hash.h[0] << 32 | m->hash.h[1],
                               (uint64_t)m->hash.h[2] << 32 | m->hash.h[3] };
}

static void say_text(struct message *m, duckdb_string_t text)
{
    const uint32_t len = duckdb_string_t_length(text);
    char digits[INT_ROOM];
    const char *at = spell_int(digits, len);
    digits[INT_END - 1] = ':';
    say(m, at, (size_t)(digits + INT_END - at));
    say(m, duckdb_string_t_data(&text), len);
}

static void say_int(struct message *m, int64_t v)
{
    char digits[INT_ROOM];
    const char *at = spell_int(digits, v);
    say(m, at, (size_t)(digits + INT_END - at));
}

struct duck_line duck_order_line(const struct duck_order *o,
                                 const struct duck_column *person, bool is_text,
                                 idx_t row)
{
    struct message m = { .hash = o->keyed };
    say(&m, "p", 1);
    if (is_text)
        say_text(&m, ((const duckdb_string_t *)person->data)[row]);
    else
        say_int(&m, ((const int64_t *)person->data)[row]);
    const struct duck_line d = finish(&m);
    return (struct duck_line){ 1 + (d.a >> 4), (d.a & 15) << 56 | d.b >> 8 };
}

/* ---- codes of groups ---- */

/* Of one registered function. */
struct function {
    const struct duck_keep_key *key;
    bool is_text;
};

static uint64_t code_of(const struct duck_order *o, bool is_text,
                        const void *value)
{
    struct message m = { .hash = o->keyed };
    say(&m, "c", 1);
    if (!value)
        say(&m, "n", 1);
    else if (is_text)
        say_text(&m, *(const duckdb_string_t *)value);
    else
        say_int(&m, *(const int64_t *)value);
    return finish(&m).a;
}

/*
 * Groups repeat, mostly: codes of this chunk's values, by how DuckDB holds
 * them.  Two that it holds alike, as bytes or at one address, are alike.
 */
enum { SEEN = 512, SEEN_LOG = 9 };
struct seen {
    uint64_t held[2], code;
    bool is_set;
};

static struct seen *seen_of(struct seen all[SEEN], const uint64_t held[2])
{
    const uint64_t h = (held[0] ^ held[1] * UINT64_C(0x9e3779b97f4a7c15)) *
                       UINT64_C(0xbf58476d1ce4e5b9);
    return &all[h >> (64 - SEEN_LOG)];
}

static void code_rows(duckdb_function_info info, duckdb_data_chunk chunk,
                      duckdb_vector out)
{
    const struct function *f = duckdb_scalar_function_get_extra_info(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    const struct duck_column c = duck_column_of(chunk, 0);
    const size_t size = f->is_text ? sizeof(duckdb_string_t) : sizeof(int64_t);
    uint64_t *code = duckdb_vector_get_data(out);
    struct seen all[SEEN] = { 0 };
    struct duck_order o;
    duck_order_init(&o, f->key);
    const uint64_t of_null = code_of(&o, f->is_text, NULL);
    for (idx_t row = 0; row < n; row++) {
        const void *value = (const char *)c.data + row * size;
        uint64_t held[2] = { 0 };
        if (duck_is_null(&c, row)) {
            code[row] = of_null;
            continue;
        }
        static_assert(sizeof(duckdb_string_t) == sizeof held, "two words");
        memcpy(held, value, size);
        struct seen *at = seen_of(all, held);
        if (!at->is_set || at->held[0] != held[0] || at->held[1] != held[1])
            *at = (struct seen){ { held[0], held[1] },
                                 code_of(&o, f->is_text, value),
                                 true };
        code[row] = at->code;
    }
}

/* ---- codes of several keys ---- */

/* A bijection: the last step of MurmurHash3 by Austin Appleby. */
static uint64_t mixed(uint64_t h)
{
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ h >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ h >> 33;
}

static void both_rows(duckdb_function_info info, duckdb_data_chunk chunk,
                      duckdb_vector out)
{
    const struct function *f = duckdb_scalar_function_get_extra_info(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    const uint64_t *first = duck_column_of(chunk, 0).data,
                   *second = duck_column_of(chunk, 1).data;
    uint64_t *code = duckdb_vector_get_data(out);
    struct duck_order o;
    duck_order_init(&o, f->key);
    struct message m = { .hash = o.keyed };
    say(&m, "x", 1);
    const uint64_t x = 1 + (finish(&m).a >> 4);
    for (idx_t i = 0; i < n; i++) {
        const struct duck_line l = { x, second[i] & KEEP_PRIME };
        code[i] = mixed(duck_order_place(&l, first[i]));
    }
}

/* ---- places ---- */

static void place_rows(duckdb_function_info info, duckdb_data_chunk chunk,
                       duckdb_vector out)
{
    const struct function *f = duckdb_scalar_function_get_extra_info(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    const struct duck_column person = duck_column_of(chunk, 0),
                             code = duck_column_of(chunk, 1);
    uint64_t *place = duckdb_vector_get_data(out);
    struct duck_order o;
    duck_order_init(&o, f->key);
    for (idx_t i = 0; i < n; i++) {
        place[i] = 0; /* nobody's */
        if (duck_is_null(&person, i) || duck_is_null(&code, i))
            continue;
        const struct duck_line l = duck_order_line(&o, &person, f->is_text, i);
        place[i] = duck_order_place(&l, ((const uint64_t *)code.data)[i]);
    }
}

/* ---- registration ---- */

static bool add_function(duckdb_connection con, const char *name,
                         const duckdb_type *types, size_t n_types,
                         duckdb_scalar_function_t run, const struct function *f)
{
    struct function *own = malloc(sizeof *own);
    if (!own)
        return false;
    *own = *f;
    duckdb_scalar_function fn = duckdb_create_scalar_function();
    duckdb_logical_type to = duckdb_create_logical_type(DUCKDB_TYPE_UBIGINT);
    duckdb_scalar_function_set_name(fn, name);
    for (size_t i = 0; i < n_types; i++) {
        duckdb_logical_type in = duckdb_create_logical_type(types[i]);
        duckdb_scalar_function_add_parameter(fn, in);
        duckdb_destroy_logical_type(&in);
    }
    duckdb_scalar_function_set_return_type(fn, to);
    duckdb_scalar_function_set_special_handling(fn);
    duckdb_scalar_function_set_extra_info(fn, own, free);
    duckdb_scalar_function_set_function(fn, run);
    const bool ok = duckdb_register_scalar_function(con, fn) == DuckDBSuccess;
    duckdb_destroy_scalar_function(&fn);
    duckdb_destroy_logical_type(&to);
    return ok;
}

enum err_code duck_order_register(struct duck *d,
                                  const struct duck_keep_key *key,
                                  struct err *err)
{
    bool ok = true;
    for (int text = 0; text < 2; text++) {
        const struct function f = { key, text };
        const duckdb_type types[] = { text ? DUCKDB_TYPE_VARCHAR
                                           : DUCKDB_TYPE_BIGINT,
                                      DUCKDB_TYPE_UBIGINT };
        char name[KEEP_NAME_MAX];
        keep_code_name(name, text);
        ok = ok && add_function(d->con, name, types, 1, code_rows, &f);
        keep_place_name(name, text);
        ok = ok && add_function(d->con, name, types, 2, place_rows, &f);
    }
    const struct function f = { key, false };
    const duckdb_type codes[] = { DUCKDB_TYPE_UBIGINT, DUCKDB_TYPE_UBIGINT };
    ok = ok && add_function(d->con, KEEP_BOTH, codes, 2, both_rows, &f);
    if (ok && duck_exec(d, "SELECT halftone_place_t('', halftone_code_t(''))"))
        return ERR_OK;
    return err_set(err, ERR_INTERNAL,
                   "DuckDB does not take the functions that order groups");
}
