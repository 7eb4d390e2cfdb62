#include "server/policy/fields.h"

/* What may stand as the value, for people. */
static void print_form(struct writer *w, const struct field *f)
{
    static const char *const forms[] = {
        [FIELD_TEXT] = "text",
        [FIELD_NAME] = "name",
        [FIELD_ID] = "id",
        [FIELD_PATH] = "path",
        [FIELD_WORD] = "word",
        [FIELD_BOOL] = "true, false",
        [FIELD_U32] = "whole number",
        [FIELD_U64] = "whole number",
        [FIELD_REAL] = "number",
        [FIELD_DURATION] = "duration",
        [FIELD_BYTES] = "size",
        [FIELD_MAP] = "map",
        [FIELD_TEXTS] = "text or list",
        [FIELD_PATHS] = "path or list",
        [FIELD_CUSTOM] = "value",
    };
    if (f->form) {
        writer_str(w, f->form);
    } else if (f->kind == FIELD_WORD) {
        for (size_t i = 0; f->words[i]; i++)
            writer_printf(w, "%s%s", i ? ", " : "", f->words[i]);
    } else {
        writer_str(w, forms[f->kind]);
    }
}

static void print_absent(struct writer *w, const struct field *f)
{
    if (f->required)
        writer_str(w, "required");
    else if (f->fallback)
        writer_printf(w, "`%s`", f->fallback);
    else
        writer_str(w, f->absent ? f->absent : "see its keys");
}

static void print_set(struct writer *w, const struct field_set *set)
{
    if (set->path[0])
        writer_printf(w, "### `%s`: %s\n\n", set->path, set->what);
    else
        writer_printf(w, "### %s\n\n", set->what);
    writer_str(w, "| key | value | when absent | meaning |\n"
                  "|---|---|---|---|\n");
    for (size_t i = 0; i < set->n; i++) {
        const struct field *f = &set->fields[i];
        writer_printf(w, "| `%s` | ", f->key);
        print_form(w, f);
        writer_str(w, " | ");
        print_absent(w, f);
        writer_printf(w, " | %s |\n", f->help);
    }
}

void fields_print(struct writer *w, const struct field_set *const *sets,
                  size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            writer_str(w, "\n");
        print_set(w, sets[i]);
    }
}
