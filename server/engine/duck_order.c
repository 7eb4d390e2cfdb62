/* The hash state of one block is copied a million times a second: the calls
 * that OpenSSL 3 calls deprecated are the ones that do not allocate. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "server/engine/duck_order.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/siphash.h"

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

/* The first 64 bits of the digest. */
static uint64_t finish(struct message *m)
{
    if (m->spilt) {
        unsigned char digest[SHA256_DIGEST_LENGTH];
        SHA256_Final(digest, &m->hash); /* leaves the words in m->hash.h */
        return (uint64_t)m->hash.h[0] << 32 | m->hash.h[1];
    }
    const unsigned bits = (unsigned)(KEEP_KEY_LEN + m->len) * 8;
    m->block[m->len] = 0x80;
    memset(m->block + m->len + 1, 0, SHA256_CBLOCK - 3 - m->len);
    m->block[SHA256_CBLOCK - 2] = (unsigned char)(bits >> 8);
    m->block[SHA256_CBLOCK - 1] = (unsigned char)bits;
    SHA256_Transform(&m->hash, m->block);
    return (uint64_t)m->hash.h[0] << 32 | m->hash.h[1];
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

static void say_spelled(struct message *m, duckdb_string_t text)
{
    say(m, duckdb_string_t_data(&text), duckdb_string_t_length(text));
}

static void say_int(struct message *m, int64_t v)
{
    char digits[INT_ROOM];
    const char *at = spell_int(digits, v);
    say(m, at, (size_t)(digits + INT_END - at));
}

uint64_t duck_order_of_row(const struct duck_order *o,
                           const struct duck_column *person, bool person_text,
                           const struct duck_column *group, bool group_text,
                           idx_t row)
{
    struct message m = { .hash = o->keyed };
    say(&m, "g", 1);
    if (person_text)
        say_text(&m, ((const duckdb_string_t *)person->data)[row]);
    else
        say_int(&m, ((const int64_t *)person->data)[row]);
    if (duck_is_null(group, row))
        say(&m, "n", 1);
    else if (group_text)
        say_text(&m, ((const duckdb_string_t *)group->data)[row]);
    else
        say_spelled(&m, ((const duckdb_string_t *)group->data)[row]);
    return finish(&m);
}

/* ---- codes of groups ---- */

/* From the second half of the secret. */
static struct siphash_key code_key(const struct duck_keep_key *key)
{
    struct siphash_key k;
    memcpy(&k.k0, key->bytes + sizeof k, sizeof k.k0);
    memcpy(&k.k1, key->bytes + sizeof k + sizeof k.k0, sizeof k.k1);
    return k;
}

/* NULL has a code of its own: that of nothing, under another key. */
static void code_rows(duckdb_function_info info, duckdb_data_chunk chunk,
                      duckdb_vector out)
{
    const struct duck_keep_key *const *key =
        duckdb_scalar_function_get_extra_info(info);
    const struct siphash_key k = code_key(*key);
    const struct siphash_key of_null = { ~k.k0, k.k1 };
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    duckdb_vector text = duckdb_data_chunk_get_vector(chunk, 0);
    const struct duck_column c = { duckdb_vector_get_data(text),
                                   duckdb_vector_get_validity(text) };
    uint64_t *code = duckdb_vector_get_data(out);
    for (idx_t row = 0; row < n; row++) {
        duckdb_string_t s = ((const duckdb_string_t *)c.data)[row];
        code[row] = duck_is_null(&c, row)
                        ? siphash(&of_null, "", 0)
                        : siphash(&k, duckdb_string_t_data(&s),
                                  duckdb_string_t_length(s));
    }
}

/* ---- the order by itself ---- */

/* Of one registered function. */
struct order_function {
    const struct duck_keep_key *key;
    bool person_text, group_text;
};

static struct duck_column column_of(duckdb_data_chunk chunk, idx_t i)
{
    duckdb_vector v = duckdb_data_chunk_get_vector(chunk, i);
    return (struct duck_column){ duckdb_vector_get_data(v),
                                 duckdb_vector_get_validity(v) };
}

static void order_rows(duckdb_function_info info, duckdb_data_chunk chunk,
                       duckdb_vector out)
{
    const struct order_function *f =
        duckdb_scalar_function_get_extra_info(info);
    const idx_t n = duckdb_data_chunk_get_size(chunk);
    const struct duck_column person = column_of(chunk, 0),
                             group = column_of(chunk, 1);
    uint64_t *order = duckdb_vector_get_data(out);
    struct duck_order o;
    duck_order_init(&o, f->key);
    for (idx_t i = 0; i < n; i++)
        order[i] = duck_is_null(&person, i)
                       ? 0 /* nobody */
                       : duck_order_of_row(&o, &person, f->person_text, &group,
                                           f->group_text, i);
}

/* ---- registration ---- */

/* `own` becomes DuckDB's. */
static bool add_function(duckdb_connection con, const char *name,
                         const duckdb_type *types, size_t n_types,
                         duckdb_scalar_function_t run, void *own)
{
    if (!own)
        return false;
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

static bool add_code(duckdb_connection con, const struct duck_keep_key *key)
{
    static const duckdb_type text = DUCKDB_TYPE_VARCHAR;
    const struct duck_keep_key **own = malloc(sizeof *own);
    if (own)
        *own = key;
    return add_function(con, KEEP_CODE, &text, 1, code_rows, (void *)own);
}

static bool add_order(duckdb_connection con, const struct duck_keep_key *key,
                      bool person_text, bool group_text)
{
    const duckdb_type types[] = { person_text ? DUCKDB_TYPE_VARCHAR
                                              : DUCKDB_TYPE_BIGINT,
                                  DUCKDB_TYPE_VARCHAR };
    char name[KEEP_NAME_MAX];
    struct order_function *own = malloc(sizeof *own);
    if (own)
        *own = (struct order_function){ key, person_text, group_text };
    keep_order_name(name, person_text, group_text);
    return add_function(con, name, types, 2, order_rows, own);
}

enum err_code duck_order_register(struct duck *d,
                                  const struct duck_keep_key *key,
                                  struct err *err)
{
    bool ok = add_code(d->con, key);
    for (unsigned types = 0; types < 4; types++)
        ok = ok && add_order(d->con, key, types & 1, types & 2);
    if (ok && duck_exec(d, "SELECT " KEEP_CODE "(''), halftone_order_tt('', "
                           "'')"))
        return ERR_OK;
    return err_set(err, ERR_INTERNAL,
                   "DuckDB does not take the functions that hash groups");
}
