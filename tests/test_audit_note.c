#include "server/audit/note.h"

#include <stdio.h>
#include <string.h>

#include "server/audit/checkpoint.h"
#include "server/audit/tile.h"
#include "server/base/base64.h"
#include "tests/table.h"

/* The key and note of the documentation of Go's sumdb/note. */
static const char SIGNER[] = "PRIVATE+KEY+PeterNeumann+c74f20a3+"
                             "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
static const char VERIFIER[] = "PeterNeumann+c74f20a3+"
                               "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
static const char TEXT[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
static const char SIGNATURE[] =
    "\xe2\x80\x94 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngo"
    "tpRZb6KE6RyyBwJnAM=\n";

static void test_vector(void **state)
{
    char note[1024], want[1024], key[NOTE_KEY_TEXT_LEN];
    struct note_signer s;
    struct note_verifier v;
    struct writer w = writer_of(note, sizeof note);
    struct err err;
    size_t text_len = 0;
    (void)state;
    assert_int_equal(note_signer_parse(&s, SIGNER, &err), ERR_OK);
    assert_int_equal(note_verifier_parse(&v, VERIFIER, &err), ERR_OK);
    assert_memory_equal(v.key, s.verifier.key, sizeof v.key);
    assert_int_equal(note_sign(&w, TEXT, &s, &err), ERR_OK);
    assert_true(writer_cstr(&w));
    (void)snprintf(want, sizeof want, "%s\n%s", TEXT, SIGNATURE);
    assert_string_equal(note, want);
    assert_int_equal(note_open(&text_len, note, w.len, &v, &err), ERR_OK);
    assert_int_equal(text_len, strlen(TEXT));
    w = writer_of(key, sizeof key);
    note_signer_print(&w, &s);
    assert_true(writer_cstr(&w));
    assert_string_equal(key, SIGNER);
    w = writer_of(key, sizeof key);
    note_verifier_print(&w, &v);
    assert_true(writer_cstr(&w));
    assert_string_equal(key, VERIFIER);
}

/* Every byte of a note matters. */
static void test_flips(void **state)
{
    char note[1024];
    struct note_verifier v;
    struct err err;
    size_t text_len;
    (void)state;
    const int len = snprintf(note, sizeof note, "%s\n%s", TEXT, SIGNATURE);
    assert_int_equal(note_verifier_parse(&v, VERIFIER, &err), ERR_OK);
    for (int i = 0; i < len; i++) {
        for (int bit = 1; bit < 256; bit *= 2) {
            note[i] = (char)(note[i] ^ bit);
            err = (struct err){ 0 };
            assert_int_equal(note_open(&text_len, note, (size_t)len, &v, &err),
                             ERR_INVALID);
            assert_true(err.msg[0] && err.hint[0]);
            note[i] = (char)(note[i] ^ bit);
        }
        assert_int_equal(note_open(&text_len, note, (size_t)i, &v, &err),
                         ERR_INVALID);
    }
}

static const struct key_row {
    const char *name, *text, *says;
} keys[] = {
    { "nothing", "", "begin with a name" },
    { "no plus", "PeterNeumann", "begin with a name" },
    { "an empty name", "+c74f20a3+AR", "begin with a name" },
    { "a short hash", "a+c74f20a+AR", "8 hexadecimal" },
    { "an upper-case hash", "a+C74F20A3+AR", "8 hexadecimal" },
    { "no base64", "a+c74f20a3+", "33 bytes" },
    { "the hash of another name",
      "PeterNeuman+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "not that of" },
    { "another algorithm",
      "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "not Ed25519" },
    { "two lines",
      "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW\n\n",
      "one line" },
    { "a private key", "PRIVATE+KEY+a+c74f20a3+AR", "keep it secret" },
};

static void check_key(void **state)
{
    const struct key_row *row = *state;
    struct note_verifier v;
    struct err err = { 0 };
    assert_int_equal(note_verifier_parse(&v, row->text, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, row->says));
    assert_true(err.hint[0]);
}

static void test_checkpoint(void **state)
{
    struct note_signer s, other;
    struct merkle_frontier f = { 0 };
    struct merkle_stored out[MERKLE_LEVELS];
    struct checkpoint c;
    struct err err;
    char note[CHECKPOINT_LEN];
    (void)state;
    assert_int_equal(
        note_signer_new(&s, "halftone.example/log", NOTE_ED25519, &err),
        ERR_OK);
    assert_int_equal(
        note_signer_new(&other, "halftone.example/log", NOTE_ED25519, &err),
        ERR_OK);
    for (int i = 0; i < 300; i++) {
        const struct merkle_hash leaf = merkle_leaf(&i, sizeof i);
        (void)merkle_append(&f, out, &leaf);
    }
    struct writer w = writer_of(note, sizeof note);
    assert_int_equal(checkpoint_sign(&w, &f, &s, &err), ERR_OK);
    assert_int_equal(checkpoint_open(&c, note, w.len, &s.verifier, &err),
                     ERR_OK);
    const struct merkle_hash root = merkle_root(&f);
    assert_int_equal(c.size, 300);
    assert_memory_equal(&c.root, &root, sizeof root);
    assert_string_equal(c.origin, "halftone.example/log");
    assert_int_equal(checkpoint_open(&c, note, w.len, &other.verifier, &err),
                     ERR_INVALID);
    char small[40];
    w = writer_of(small, sizeof small);
    assert_int_equal(checkpoint_sign(&w, &f, &s, &err), ERR_LIMIT);
    assert_int_equal(note_signer_new(&s, "two words", NOTE_ED25519, &err),
                     ERR_INVALID);
    assert_int_equal(note_signer_new(&s, "a+b", NOTE_ED25519, &err),
                     ERR_INVALID);
}

#define ROOT "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
static const struct text_row {
    const char *name, *text;
    bool ok;
} texts[] = {
    { "three lines", "a/log\n7\n" ROOT "\n", true },
    { "an extension is passed over", "a/log\n7\n" ROOT "\nmore\n", true },
    { "an empty log", "a/log\n0\n" ROOT "\n", true },
    { "nothing", "", false },
    { "no origin", "\n7\n" ROOT "\n", false },
    { "a size with a zero before", "a/log\n07\n" ROOT "\n", false },
    { "a negative size", "a/log\n-7\n" ROOT "\n", false },
    { "a size past 63 bits", "a/log\n9223372036854775808\n" ROOT "\n", false },
    { "a short root", "a/log\n7\nAAAA\n", false },
    { "a root with bits to spare",
      "a/log\n7\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=\n", false },
    { "no last newline", "a/log\n7\n" ROOT, false },
    { "an empty extension", "a/log\n7\n" ROOT "\n\n", false },
};

static void check_text(void **state)
{
    const struct text_row *row = *state;
    struct checkpoint c;
    struct err err = { 0 };
    assert_int_equal(checkpoint_parse(&c, row->text, strlen(row->text), &err),
                     row->ok ? ERR_OK : ERR_INVALID);
}

static const struct path_row {
    const char *name, *path;
    bool ok;
    struct tile tile;
} paths[] = {
    { "the checkpoint", "checkpoint", true, { .width = 1 } },
    { "the first tile",
      "tile/0/000",
      true,
      { .kind = TILE_HASHES, .width = 256 } },
    { "a partial tile",
      "tile/0/012.p/7",
      true,
      { .kind = TILE_HASHES, .index = 12, .width = 7 } },
    { "a level",
      "tile/2/999",
      true,
      { .kind = TILE_HASHES, .level = 2, .index = 999, .width = 256 } },
    { "groups",
      "tile/0/x001/x234/067",
      true,
      { .kind = TILE_HASHES, .index = 1234067, .width = 256 } },
    { "entries",
      "tile/entries/x123/000.p/255",
      true,
      { .kind = TILE_ENTRIES, .index = 123000, .width = 255 } },
    { "a slash before", "/tile/0/000", false, { 0 } },
    { "no level", "tile/000", false, { 0 } },
    { "a level past the last", "tile/8/000", false, { 0 } },
    { "two digits", "tile/0/00", false, { 0 } },
    { "four digits", "tile/0/0000", false, { 0 } },
    { "a group of zeros first", "tile/0/x000/001", false, { 0 } },
    { "a full width written out", "tile/0/000.p/256", false, { 0 } },
    { "no width", "tile/0/000.p/", false, { 0 } },
    { "width 0", "tile/0/000.p/0", false, { 0 } },
    { "a width with a zero before", "tile/0/000.p/07", false, { 0 } },
    { "a way out", "tile/0/../../etc/passwd", false, { 0 } },
    { "an index without end",
      "tile/0/x001/x001/x001/x001/x001/x001/x001/001",
      false,
      { 0 } },
};

static void check_path(void **state)
{
    const struct path_row *row = *state;
    char text[TILE_PATH_LEN];
    struct writer w = writer_of(text, sizeof text);
    struct tile t;
    assert_int_equal(tile_parse(&t, row->path, strlen(row->path)), row->ok);
    if (!row->ok)
        return;
    assert_int_equal(t.kind, row->tile.kind);
    assert_int_equal(t.level, row->tile.level);
    assert_int_equal(t.index, row->tile.index);
    assert_int_equal(t.width, row->tile.width);
    tile_print(&w, &t);
    assert_true(writer_cstr(&w));
    assert_string_equal(text, row->path);
}

static const struct exists_row {
    const char *name, *path;
    uint64_t size;
    bool is;
} existing[] = {
    { "nothing is in an empty log", "tile/0/000.p/1", 0, false },
    { "the last tile as wide as it is", "tile/0/001.p/44", 300, true },
    { "a narrower one, of an older log", "tile/0/001.p/43", 300, true },
    { "none wider", "tile/0/001.p/45", 300, false },
    { "none full before its time", "tile/0/001", 300, false },
    { "a full tile", "tile/0/000", 300, true },
    { "the partial one that it was", "tile/0/000.p/9", 300, true },
    { "a level counts full tiles", "tile/1/000.p/1", 300, true },
    { "and no more than those", "tile/1/000.p/2", 300, false },
    { "far past the end", "tile/0/x999/x999/x999/999", 300, false },
};

static void check_exists(void **state)
{
    const struct exists_row *row = *state;
    struct tile t;
    assert_true(tile_parse(&t, row->path, strlen(row->path)));
    assert_int_equal(tile_exists(&t, row->size), row->is);
}

static void test_base64(void **state)
{
    static const char *const bad[] = { "A",        "AA",   "AAA",  "A===",
                                       "AB==",     "AA=A", "AAB=", "AA\n=",
                                       "AA==AAAA", "A-_=" };
    uint8_t in[64], out[64];
    size_t n;
    (void)state;
    for (size_t len = 0; len <= sizeof in; len++) {
        char text[128];
        struct writer w = writer_of(text, sizeof text);
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)(i * 37 + len * 101);
        base64_print(&w, in, len);
        assert_true(base64_parse(out, sizeof out, &n, text, w.len));
        assert_int_equal(n, len);
        assert_memory_equal(in, out, len);
        if (len > 0)
            assert_false(base64_parse(out, len - 1, &n, text, w.len));
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(base64_parse(out, sizeof out, &n, bad[i], strlen(bad[i])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_base64),
        cmocka_unit_test(test_vector),
        cmocka_unit_test(test_flips),
        cmocka_unit_test(test_checkpoint),
    };
    return cmocka_run_group_tests_name(__FILE__, tests, NULL, NULL) |
           RUN_ROWS(keys, check_key) | RUN_ROWS(texts, check_text) |
           RUN_ROWS(paths, check_path) | RUN_ROWS(existing, check_exists);
}
