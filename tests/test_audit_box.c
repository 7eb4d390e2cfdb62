#include "server/audit/box.h"

#include <openssl/crypto.h>
#include <string.h>

#include "tests/table.h"

static size_t hex(uint8_t *out, size_t cap, const char *text)
{
    size_t len = 0;
    assert_int_equal(OPENSSL_hexstr2buf_ex(out, cap, &len, text, '\0'), 1);
    return len;
}

/* RFC 9180, appendix A.2.1, sequence number 0. */
#define SECRET                                                                 \
    "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fb"
#define ENC "1afa08d3dec047a643885163f1180476fa7ddb54c6a8029ea33f95796bf2ac4a"
#define CT                                                                     \
    "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db21993c62" \
    "ce81883d2dd1b51a28"
#define INFO "4f6465206f6e2061204772656369616e2055726e"
#define AAD  "436f756e742d30"

static const struct opened {
    const char *name, *secret, *info, *aad, *sealed;
    bool opens;
} opened[] = {
    { "the RFC's message opens", SECRET, INFO, AAD, ENC CT, true },
    { "for another purpose it does not", SECRET, "4f64", AAD, ENC CT, false },
    { "nor beside other words", SECRET, INFO, "436f756e742d31", ENC CT, false },
    { "nor with another key",
      "8057991eef8f1f1af18f4a9491d16a1ce333f695d4db8e38da75975c4478e0fc", INFO,
      AAD, ENC CT, false },
    { "nor changed in its last bit", SECRET, INFO, AAD,
      ENC "1c5250d8034ec2b784ba2cfd69dbdb8af406cfe3ff938e131f0def8c8b60b4db2199"
          "3c62ce81883d2dd1b51a29",
      false },
    { "nor cut", SECRET, INFO, AAD, ENC, false },
    { "nor with a key of nothing", SECRET, INFO, AAD,
      "0000000000000000000000000000000000000000000000000000000000000000" CT,
      false },
};

static void check_opened(void **state)
{
    const struct opened *row = *state;
    uint8_t secret[BOX_KEY_LEN], info[64], aad[64], sealed[128], out[128];
    (void)hex(secret, sizeof secret, row->secret);
    const struct box_context c = { .info = info,
                                   .aad = aad,
                                   .info_len =
                                       hex(info, sizeof info, row->info),
                                   .aad_len = hex(aad, sizeof aad, row->aad) };
    const size_t len = hex(sealed, sizeof sealed, row->sealed);
    assert_int_equal(box_open(out, secret, &c, sealed, len), row->opens);
    if (row->opens)
        assert_memory_equal(out, "Beauty is truth, truth beauty", 29);
}

static void check_round(void **state)
{
    static const char text[] = "4711\n4712\n";
    uint8_t secret[BOX_KEY_LEN], owner[BOX_KEY_LEN];
    uint8_t one[sizeof text + BOX_OVERHEAD], two[sizeof one], out[sizeof text];
    const struct box_context c = {
        .info = "list", .info_len = 4, .aad = "shop", .aad_len = 4
    };
    (void)state;
    assert_true(box_key_new(secret, owner));
    assert_true(box_seal(one, owner, &c, text, sizeof text));
    assert_true(box_seal(two, owner, &c, text, sizeof text));
    assert_memory_not_equal(one, two, sizeof one);
    assert_true(box_open(out, secret, &c, one, sizeof one));
    assert_string_equal((char *)out, text);
    assert_false(box_open(out, owner, &c, one, sizeof one));
}

int main(void)
{
    const struct CMUnitTest others[] = {
        { "what is sealed for a key opens with it", check_round, NULL, NULL,
          NULL },
    };
    const int failed = RUN_ROWS(opened, check_opened);
    return failed + cmocka_run_group_tests_name(__FILE__, others, NULL, NULL);
}
