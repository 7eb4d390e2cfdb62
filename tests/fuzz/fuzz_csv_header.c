/*
 * Any bytes as the first line of a CSV file: refused with a message, or at
 * least one name, none empty, no two alike, each a text; and a header printed
 * from the names, all quoted, parses to the same names.
 */
#include "server/engine/csv_header.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "server/base/utf8.h"
#include "server/base/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(int ok)
{
    if (!ok)
        abort();
}

static void check_reprint(const struct csv_header *h, struct arena *a)
{
    static char line[1 << 21];
    struct writer w = writer_of(line, sizeof line);
    struct csv_header again;
    struct err err;
    for (size_t i = 0; i < h->n; i++) {
        writer_str(&w, i ? ",\"" : "\"");
        for (const char *c = h->names[i]; *c; c++) {
            writer_u8(&w, (uint8_t)*c);
            if (*c == '"')
                writer_u8(&w, '"');
        }
        writer_str(&w, "\"");
    }
    check(!w.overflow);
    check(csv_header_parse(&again, line, w.len, a, &err) == ERR_OK);
    check(again.n == h->n && again.separator == ',');
    for (size_t i = 0; i < h->n; i++)
        check(strcmp(again.names[i], h->names[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct arena a;
    struct csv_header h = { 0 };
    struct err err = { 0 };
    arena_init(&a, 64 << 20);
    if (csv_header_parse(&h, (const char *)data, len, &a, &err) == ERR_OK) {
        check(h.n >= 1 && h.n <= CSV_COLUMNS_MAX);
        for (size_t i = 0; i < h.n; i++) {
            check(h.names[i][0] != 0);
            check(utf8_is_text(h.names[i], strlen(h.names[i])));
            for (size_t j = 0; j < i; j++)
                check(strcasecmp(h.names[i], h.names[j]) != 0);
        }
        check_reprint(&h, &a);
    } else {
        check(h.n == 0 && err.msg[0] != 0);
    }
    arena_fini(&a);
    return 0;
}
