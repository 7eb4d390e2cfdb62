#include "server/consent/tcf.h"

#include <string.h>

#include "tests/table.h"

/* Strings made bit by bit from the table of fields of the specification; the
 * time is 17,000,000,000 tenths of a second. */
#define UPDATED INT64_C(1700000000000000)

static const struct row {
    const char *name, *text;
    unsigned vendor;
    uint32_t consent, interest;
    bool vendor_consent;
    const char *error;
} rows[] = {
    { "yes to purposes 7 and 10",
      "CP1R2oAP1R2oAAHABABFBkFgAAJAAAIAAAIoAEgKABICgAA", 0, 1u << 6 | 1u << 9,
      1u << 6, false, NULL },
    { "a vendor in a field of bits",
      "CP1R2oAP1R2oAAHABABFBkFgAAIAAAAAAAIoAEgKABICgAA", 7, 1u << 6, 0, true,
      NULL },
    { "a vendor between those in it",
      "CP1R2oAP1R2oAAHABABFBkFgAAIAAAAAAAIoAEgKABICgAA", 8, 1u << 6, 0, false,
      NULL },
    { "a vendor in a range",
      "CP1R2oAP1R2oAAHABABFBkFgAP_gAH_gAAIoAEwAgABwAFAAkACYAQAA4ACgASAA", 6,
      0x7ff, 0x7fe, true, NULL },
    { "a vendor between ranges",
      "CP1R2oAP1R2oAAHABABFBkFgAP_gAH_gAAIoAEwAgABwAFAAkACYAQAA4ACgASAA", 4,
      0x7ff, 0x7fe, false, NULL },
    { "what publishers restrict is read over",
      "CP1R2oAP1R2oAAHABABFBkFgAAIAAAAAAAIoAAoAAoAI6AEAASABAAKA", 1, 1u << 6, 0,
      true, NULL },
    { "all 24 purposes", "CP1R2oAP1R2oAAHABABFBkFgAP_______wIoAAAAAAAA", 0,
      0xffffff, 0xffffff, false, NULL },
    { "other segments are passed over",
      "CP1R2oAP1R2oAAHABABFBkFgAACAAABAAAIoAAAAAAAA.IFoEUQQgAIQ", 0, 1u << 8,
      1u << 9, false, NULL },
    { "another version", "BP1R2oAP1R2oAAHABABFBkFgAAIAAAAAAAIoAAAAAAAA", 0, 0,
      0, false, "version" },
    { "a character that is none",
      "CP1R2oAP1R2oAAHABABF+kFgAAIAAAAAAAIoAAAAAAAA", 0, 0, 0, false,
      "base64url" },
    { "cut in half", "CP1R2oAP1R2oAAHABABFBkFgAAIAAA", 0, 0, 0, false,
      "too early" },
    { "nothing", "", 0, 0, 0, false, "too early" },
};

static void check(void **state)
{
    const struct row *row = *state;
    struct tcf t = { .updated_us = 1 };
    struct err err = { 0 };
    const enum err_code code =
        tcf_parse(&t, row->text, strlen(row->text), row->vendor, &err);
    if (row->error) {
        assert_int_equal(code, ERR_INVALID);
        assert_non_null(strstr(err.msg, row->error));
        assert_int_equal(t.updated_us, 1); /* untouched */
        return;
    }
    assert_int_equal(code, ERR_OK);
    assert_int_equal(t.updated_us, UPDATED);
    assert_int_equal(t.consent, row->consent);
    assert_int_equal(t.interest, row->interest);
    assert_int_equal(t.vendor_consent, row->vendor_consent);
}

/* However it is cut, it is refused, until only padding is missing. */
static void check_cut(void **state)
{
    const char *text = rows[5].text;
    const size_t all = strlen(text);
    (void)state;
    for (size_t len = 0; len + 1 < all; len++) {
        struct tcf t;
        struct err err = { 0 };
        assert_int_equal(tcf_parse(&t, text, len, 0, &err), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(check_cut) };
    return RUN_ROWS(rows, check) + cmocka_run_group_tests(tests, NULL, NULL);
}
