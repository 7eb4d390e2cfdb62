#include "server/policy/fields.h"

#include <assert.h>
#include <string.h>

#include "server/base/utf8.h"
#include "server/policy/scalar.h"

enum { TEXT_MAX = 2000, /* bytes */ PATH_BYTES_MAX = 1000 };

static void *slot(const struct field *f, void *out)
{
    return (char *)out + f->at;
}

/* "what is wrong with the value of a key", with the field's own help as fix */
static void wrong(struct loader *l, const struct field *f,
                  const struct yaml_node *node, const char *want)
{
    const char *got = node->kind == YAML_SCALAR
                          ? loader_quote(l, node->text)
                          : (node->kind == YAML_LIST ? "a list" : "a map");
    loader_mistake(l, yaml_place_of(node),
                   arena_printf(l->a, "'%s' must be %s, not %s%s%s", f->key,
                                want, node->kind == YAML_SCALAR ? "'" : "", got,
                                node->kind == YAML_SCALAR ? "'" : ""),
                   arena_printf(l->a, "%s", f->help));
}

static bool is_word(const struct yaml_node *node, const char *word)
{
    return node->kind == YAML_SCALAR && node->plain &&
           strcmp(node->text, word) == 0;
}

/* Empty, null or DECIDE: there is no value to read. */
static bool is_missing(struct loader *l, const struct field *f,
                       const struct yaml_node *node)
{
    if (is_word(node, "DECIDE")) {
        loader_mistake(
            l, yaml_place_of(node),
            arena_printf(l->a, "'%s' is still to be decided", f->key), f->help);
        return true;
    }
    if (is_word(node, "") || is_word(node, "~") || is_word(node, "null")) {
        loader_mistake(
            l, yaml_place_of_key(node),
            arena_printf(l->a, "'%s' has no value", f->key),
            arena_printf(l->a, "write one, or remove the key: %s", f->help));
        return true;
    }
    return false;
}

const char *loader_scalar(struct loader *l, const struct field *f,
                          const struct yaml_node *node)
{
    if (is_missing(l, f, node))
        return NULL;
    if (node->kind == YAML_SCALAR)
        return node->text;
    wrong(l, f, node, "one value");
    return NULL;
}

static void read_text(struct loader *l, const struct field *f,
                      const struct yaml_node *node, void *out)
{
    const char *text = loader_scalar(l, f, node);
    const size_t most = f->kind == FIELD_PATH ? PATH_BYTES_MAX : TEXT_MAX;
    if (!text)
        return;
    if (node->len == 0) {
        wrong(l, f, node, "text that says something");
        return;
    }
    if (node->len > most || !scalar_is_printable(text, node->len)) {
        wrong(l, f, node, "short text without control characters");
        return;
    }
    if (f->kind == FIELD_PATH && !(text = loader_resolve(l, text)))
        return;
    memcpy(slot(f, out), &text, sizeof text);
}

static void read_name(struct loader *l, const struct field *f,
                      const struct yaml_node *node, void *out)
{
    const char *text = loader_scalar(l, f, node);
    if (!text)
        return;
    if (f->kind == FIELD_ID ? !scalar_is_id(text) : !scalar_is_name(text)) {
        wrong(l, f, node,
              f->kind == FIELD_ID
                  ? "an id: at most 63 lower-case letters, digits, '_-.@'"
                  : "a name: at most 63 lower-case letters, digits and '_', "
                    "first a letter");
        return;
    }
    if (f->kind == FIELD_NAME && scalar_is_reserved(text)) {
        wrong(l, f, node, "a name that SQL or Halftone does not reserve");
        return;
    }
    memcpy(slot(f, out), &text, sizeof text);
}

static void read_word(struct loader *l, const struct field *f,
                      const struct yaml_node *node, void *out)
{
    const char *text = loader_scalar(l, f, node);
    if (!text)
        return;
    unsigned at = 0;
    while (f->words[at] && strcmp(f->words[at], text) != 0)
        at++;
    if (f->words[at]) {
        memcpy(slot(f, out), &at, sizeof at);
        return;
    }
    struct writer w = writer_of((char[300]){ 0 }, 300);
    for (unsigned i = 0; f->words[i]; i++)
        writer_printf(&w, "%s%s", i ? ", " : "", f->words[i]);
    assert(writer_cstr(&w));
    const char *near = suggest_word(text, f->words);
    loader_mistake(
        l, yaml_place_of(node),
        arena_printf(l->a, "'%s' is no %s", loader_quote(l, text), f->key),
        near ? arena_printf(l->a, "did you mean '%s'?", near)
             : arena_printf(l->a, "choose one of: %s", (const char *)w.data));
}

static void read_bool(struct loader *l, const struct field *f,
                      const struct yaml_node *node, void *out)
{
    const char *text = loader_scalar(l, f, node);
    if (!text)
        return;
    const bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0) {
        wrong(l, f, node, "true or false");
        return;
    }
    memcpy(slot(f, out), &yes, sizeof yes);
}

static bool in_bounds(struct loader *l, const struct field *f,
                      const struct yaml_node *node, double v)
{
    if ((f->min == 0 && f->max == 0) || (v >= f->min && v <= f->max))
        return true;
    loader_mistake(l, yaml_place_of(node),
                   arena_printf(l->a,
                                "'%s' is %s, which is outside %.15g to "
                                "%.15g%s",
                                f->key, loader_quote(l, node->text), f->min,
                                f->max,
                                f->kind == FIELD_DURATION
                                    ? (f->unit_ns == 1         ? " ns"
                                       : f->unit_ns == 1000    ? " us"
                                       : f->unit_ns == 1000000 ? " ms"
                                                               : " s")
                                    : ""),
                   f->help);
    return false;
}

static void read_real(struct loader *l, const struct field *f,
                      const struct yaml_node *node, void *out)
{
    const char *text = loader_scalar(l, f, node);
    double v;
    if (!text)
        return;
    if (!scalar_real(&v, text)) {
        wrong(l, f, node, "a number such as 0.5 or 1e-6");
        return;
    }
    if (in_bounds(l, f, node, v))
        memcpy(slot(f, out), &v, sizeof v);
}

/* Whole numbers, sizes and durations: uint64_t by the form of their text. */
static bool whole_of(uint64_t *v, const struct field *f, const char *text)
{
    if (f->kind == FIELD_BYTES)
        return scalar_bytes(v, text);
    if (f->kind != FIELD_DURATION)
        return scalar_whole(v, text);
    if (!scalar_duration_ns(v, text) || *v % f->unit_ns != 0)
        return false;
    *v /= f->unit_ns;
    return true;
}

static void read_whole(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    const char *text = loader_scalar(l, f, node);
    uint64_t v;
    if (!text)
        return;
    if (!whole_of(&v, f, text)) {
        wrong(l, f, node,
              f->kind == FIELD_BYTES      ? "a size such as 512 MiB"
              : f->kind == FIELD_DURATION ? "a duration such as 50 ms, 12 h or "
                                            "30 days"
                                          : "a whole number, 0 or more");
        return;
    }
    if (!in_bounds(l, f, node, (double)v))
        return;
    if (f->kind == FIELD_U32) {
        const uint32_t narrow = (uint32_t)v;
        assert(f->max <= UINT32_MAX && f->max > 0);
        memcpy(slot(f, out), &narrow, sizeof narrow);
        return;
    }
    memcpy(slot(f, out), &v, sizeof v);
}

/* One element of a list of texts. */
static void add_text(struct loader *l, const struct field *f,
                     const struct yaml_node *node, struct field_texts *list)
{
    const char *text = NULL;
    const struct field one = { .key = f->key,
                               .kind = f->kind == FIELD_PATHS ? FIELD_PATH
                                                              : FIELD_TEXT,
                               .help = f->help };
    read_text(l, &one, node, &text);
    if (!text)
        return;
    for (size_t i = 0; i < list->n; i++)
        if (strcmp(list->text[i], text) == 0) {
            loader_mistake(l, yaml_place_of(node),
                           arena_printf(l->a, "'%s' is listed twice",
                                        loader_quote(l, node->text)),
                           "remove one of the two");
            return;
        }
    list->at[list->n] = yaml_place_of(node);
    list->text[list->n++] = text;
}

static void read_texts(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    enum { TEXTS_MAX = 1000 };
    struct field_texts list = { 0 };
    if (is_missing(l, f, node))
        return;
    if (node->kind == YAML_MAP || node->n > TEXTS_MAX) {
        wrong(l, f, node, "a list of at most 1000 texts");
        return;
    }
    const size_t n = node->kind == YAML_LIST ? node->n : 1;
    list.text = loader_alloc(l, n, sizeof *list.text);
    list.at = loader_alloc(l, n, sizeof *list.at);
    if (!list.text || !list.at)
        return;
    if (node->kind == YAML_SCALAR)
        add_text(l, f, node, &list);
    for (const struct yaml_node *c = node->first; c; c = c->next)
        add_text(l, f, c, &list);
    memcpy(slot(f, out), &list, sizeof list);
}

static void read_map(struct loader *l, const struct field *f,
                     const struct yaml_node *node, void *out)
{
    if (!is_missing(l, f, node))
        fields_read(l, f->inner, node, out);
}

static void read_custom(struct loader *l, const struct field *f,
                        const struct yaml_node *node, void *out)
{
    if (!is_missing(l, f, node))
        f->read(l, f, node, out);
}

static void read_field(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    static field_read_fn *const readers[] = {
        [FIELD_TEXT] = read_text,     [FIELD_NAME] = read_name,
        [FIELD_ID] = read_name,       [FIELD_PATH] = read_text,
        [FIELD_WORD] = read_word,     [FIELD_BOOL] = read_bool,
        [FIELD_U32] = read_whole,     [FIELD_U64] = read_whole,
        [FIELD_REAL] = read_real,     [FIELD_DURATION] = read_whole,
        [FIELD_BYTES] = read_whole,   [FIELD_MAP] = read_map,
        [FIELD_CUSTOM] = read_custom, [FIELD_TEXTS] = read_texts,
        [FIELD_PATHS] = read_texts,
    };
    readers[f->kind](l, f, node, out);
}

static void unknown_key(struct loader *l, const struct field_set *set,
                        const struct yaml_node *node)
{
    enum { KEYS_MAX = 40 };
    const char *keys[KEYS_MAX + 1] = { 0 };
    struct writer w = writer_of((char[700]){ 0 }, 700);
    assert(set->n <= KEYS_MAX);
    for (size_t i = 0; i < set->n; i++) {
        keys[i] = set->fields[i].key;
        writer_printf(&w, "%s%s", i ? ", " : "", keys[i]);
    }
    assert(writer_cstr(&w));
    const char *near = suggest_word(node->key, keys);
    loader_mistake(
        l, yaml_place_of_key(node),
        arena_printf(l->a, "%s has no key '%s'", set->what,
                     loader_quote(l, node->key)),
        near ? arena_printf(l->a, "did you mean '%s'?", near)
             : arena_printf(l->a, "its keys are: %s", (const char *)w.data));
}

static bool is_known(const struct field_set *set, const char *key)
{
    for (size_t i = 0; i < set->n; i++)
        if (strcmp(set->fields[i].key, key) == 0)
            return true;
    return false;
}

/* An unknown key of the map was met by a suggestion of this one: to call it
 * missing as well would be noise. */
static bool is_misspelt(const struct field *f, const struct field_set *set,
                        const struct yaml_node *map)
{
    const char *const alone[] = { f->key, NULL };
    for (const struct yaml_node *c = map->first; c; c = c->next)
        if (!is_known(set, c->key) && suggest_word(c->key, alone))
            return true;
    return false;
}

/* What is not in the file: a default, or a mistake. */
static void read_absent(struct loader *l, const struct field_set *set,
                        const struct field *f, const struct yaml_node *map,
                        void *out)
{
    if (f->fallback) {
        const struct yaml_node node = { .kind = YAML_SCALAR,
                                        .text = f->fallback,
                                        .len = strlen(f->fallback) };
        read_field(l, f, &node, out);
    } else if (f->required && !is_misspelt(f, set, map)) {
        loader_mistake(
            l, yaml_place_of_key(map),
            arena_printf(l->a, "%s needs the key '%s'", set->what, f->key),
            arena_printf(l->a, "add '%s:': %s", f->key, f->help));
    } else if (f->kind == FIELD_MAP) {
        const struct yaml_node empty = { .kind = YAML_MAP,
                                         .line = map->line,
                                         .col = map->col };
        fields_read(l, f->inner, &empty, out);
    }
}

/* In the order of the set, so that a field may rely on those before it. */
void fields_read(struct loader *l, const struct field_set *set,
                 const struct yaml_node *map, void *out)
{
    if (map->kind != YAML_MAP) {
        loader_mistake(
            l, yaml_place_of(map),
            arena_printf(l->a, "%s must be a map of keys and values",
                         set->what),
            arena_printf(l->a, "write '%s: ...' here", set->fields[0].key));
        return;
    }
    for (const struct yaml_node *c = map->first; c; c = c->next)
        if (!is_known(set, c->key))
            unknown_key(l, set, c);
    for (size_t i = 0; i < set->n; i++) {
        const struct field *f = &set->fields[i];
        const struct yaml_node *node = yaml_tree_find(map, f->key);
        if (node)
            read_field(l, f, node, out);
        else
            read_absent(l, set, f, map, out);
    }
}

void fields_read_value(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    read_field(l, f, node, out);
}

void fields_read_key(struct loader *l, const struct field *f,
                     const struct yaml_node *child, void *out)
{
    const struct yaml_node node = {
        .kind = YAML_SCALAR,
        .line = child->key_line,
        .col = child->key_col,
        .text = child->key,
        .len = strlen(child->key),
    };
    read_field(l, f, &node, out);
}
