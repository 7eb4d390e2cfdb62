/*
 * Any bytes as a value of one of PostgreSQL's types: two bytes choose the type,
 * one the format, the rest is the value.  Reading it never crashes, an error
 * has an SQLSTATE or says what is not taken, and what was read is written and
 * read again alike: its binary form, and its text.  Corpus:
 * tests/fuzz/corpus/pg_value.
 */
#include <stdlib.h>
#include <string.h>

#include "server/pg/pg_value.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

enum { ARENA = 1 << 20, HEAD = 2 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static const uint32_t oids[] = {
#define PG_TYPE(id, name, oid, array, len, value) oid, array,
#include "server/pg/pg_type.def"
#undef PG_TYPE
};

static enum value_type want_of(uint32_t oid)
{
    const struct pg_type *t = pg_type_of(oid);
    return t && t->oid != PG_NUMERIC ? t->value : VALUE_TEXT;
}

static enum err_code take(struct value *out, const void *data, size_t len,
                          uint16_t format, uint32_t oid, struct arena *a)
{
    struct err err = { 0 };
    const struct pg_param p = { .data = data ? data : (const void *)"",
                                .len = len,
                                .format = format,
                                .oid = oid,
                                .want = want_of(oid),
                                .n = 1 };
    const enum err_code code = pg_param_read(out, &p, a, &err);
    REQUIRE(code == ERR_OK || (err.code == code && err.msg[0]));
    return code;
}

/* Written in a format and read again it is written alike. */
static void again(const struct value *v, uint32_t oid, uint16_t format,
                  struct arena *a)
{
    struct pg_out one, two;
    struct value back = value_null();
    pg_out_init(&one, ARENA);
    pg_out_init(&two, ARENA);
    pg_value_cell(&one, oid, format, v);
    if (!one.full &&
        take(&back, one.data + 4, one.len - 4, format, oid, a) == ERR_OK) {
        pg_value_cell(&two, oid, format, &back);
        REQUIRE(one.len == two.len);
        REQUIRE(memcmp(one.data, two.data, one.len) == 0);
    }
    pg_out_fini(&one);
    pg_out_fini(&two);
}

/* What is tidy stays so. */
static void tidied(const struct value *v, uint32_t oid, struct arena *a)
{
    struct err err = { 0 };
    struct value one = *v;
    if (pg_value_tidy(&one, oid, a, &err) != ERR_OK || one.type != VALUE_TEXT)
        return;
    struct value two = one;
    REQUIRE(pg_value_tidy(&two, oid, a, &err) == ERR_OK);
    REQUIRE(one.text.len == two.text.len &&
            memcmp(one.text.s, two.text.s, one.text.len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a;
    struct value v = value_null();
    if (len < HEAD || len > ARENA / 64)
        return 0;
    const uint32_t oid = oids[data[0] % (sizeof oids / sizeof oids[0])];
    const uint16_t format = data[1] % 2;
    arena_init(&a, ARENA);
    if (take(&v, data + HEAD, len - HEAD, format, oid, &a) == ERR_OK) {
        again(&v, oid, PG_FORMAT_BINARY, &a);
        tidied(&v, oid, &a);
    }
    arena_fini(&a);
    return 0;
}
