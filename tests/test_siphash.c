#include "server/base/siphash.h"

#include "tests/table.h"

/* Key 00..0f, data 00, 00 01, ...: the first and last of the reference's
 * table, and the paper's own example (15 bytes). */
static const struct row {
    const char *name;
    size_t len;
    uint64_t hash;
} rows[] = {
    { "no bytes", 0, UINT64_C(0x726fdb47dd0e0e31) },
    { "one byte", 1, UINT64_C(0x74f839c593dc67fd) },
    { "seven bytes", 7, UINT64_C(0xab0200f58b01d137) },
    { "one word", 8, UINT64_C(0x93f5f5799a932462) },
    { "the paper's example", 15, UINT64_C(0xa129ca6149be45e5) },
    { "63 bytes", 63, UINT64_C(0x958a324ceb064572) },
};

static void check(void **state)
{
    const struct row *row = *state;
    const struct siphash_key key = { UINT64_C(0x0706050403020100),
                                     UINT64_C(0x0f0e0d0c0b0a0908) };
    uint8_t data[64];
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)i;
    assert_int_equal(siphash(&key, data, row->len), row->hash);
}

int main(void)
{
    return RUN_ROWS(rows, check);
}
