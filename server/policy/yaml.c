#include "server/policy/yaml.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>
#include <yaml.h>

/* An open map or list, and the key that waits for its value. */
struct frame {
    struct yaml_node *node;
    struct yaml_node **tail; /* where the next child is linked */
    struct yaml_node key;    /* key, key_line, key_col; key NULL = none */
};

/* invariant: depth counts the open maps and lists; root is set by then. */
struct builder {
    yaml_parser_t parser;
    struct arena *a;
    struct err *err;
    struct frame stack[YAML_DEPTH_MAX];
    size_t depth;
    struct yaml_node *root;
    bool finished; /* the end of the input was seen */
};

static enum err_code full(struct builder *b)
{
    return err_set(b->err, ERR_LIMIT, "the file needs too much memory");
}

static enum err_code refuse(struct builder *b, yaml_mark_t at, const char *msg,
                            const char *hint)
{
    (void)err_set(b->err, ERR_INVALID, "%s", msg);
    (void)err_at(b->err, (unsigned)at.line + 1, (unsigned)at.column + 1);
    return err_hint(b->err, "%s", hint);
}

/* The place of a byte that libyaml could not decode: it gives an offset. */
static yaml_mark_t mark_of_offset(const uint8_t *bytes, size_t offset)
{
    yaml_mark_t at = { .index = offset };
    for (size_t i = 0; i < offset; i++) {
        at.column = bytes[i] == '\n' ? 0 : at.column + 1;
        at.line += bytes[i] == '\n';
    }
    return at;
}

static enum err_code scanner_error(struct builder *b, const uint8_t *bytes,
                                   size_t len)
{
    const yaml_parser_t *p = &b->parser;
    if (p->error == YAML_MEMORY_ERROR)
        return full(b);
    if (p->error == YAML_READER_ERROR) {
        const size_t at = p->problem_offset < len ? p->problem_offset : len;
        return refuse(b, mark_of_offset(bytes, at),
                      "the file is not UTF-8 text",
                      "save it as UTF-8, without control characters");
    }
    /* libyaml's own words name syntax only; they never quote the file. */
    const bool tab = p->problem && strstr(p->problem, "any token");
    return refuse(b, p->problem_mark,
                  p->problem ? p->problem : "the file is not YAML",
                  tab ? "quote text that starts with a special character, and "
                        "indent with spaces, not tabs"
                      : "check indentation, quotes, and the space after each "
                        "':'");
}

/* A new node, linked under the open map or list, or the root. */
static enum err_code attach(struct builder *b, enum yaml_kind kind,
                            yaml_mark_t at, struct yaml_node **out)
{
    struct yaml_node *node = ARENA_NEW(b->a, struct yaml_node);
    if (!node)
        return full(b);
    node->kind = kind;
    node->line = (unsigned)at.line + 1;
    node->col = (unsigned)at.column + 1;
    *out = node;
    if (b->depth == 0) {
        b->root = node;
        return ERR_OK;
    }
    struct frame *f = &b->stack[b->depth - 1];
    node->key = f->key.key;
    node->key_line = f->key.key_line;
    node->key_col = f->key.key_col;
    f->key.key = NULL;
    *f->tail = node;
    f->tail = &node->next;
    f->node->n++;
    return ERR_OK;
}

static bool awaits_key(const struct builder *b)
{
    const struct frame *f = b->depth ? &b->stack[b->depth - 1] : NULL;
    return f && f->node->kind == YAML_MAP && !f->key.key;
}

static enum err_code refuse_second(struct builder *b, yaml_mark_t at,
                                   const char *key, unsigned first_line)
{
    struct err *err = b->err;
    (void)err_set(err, ERR_INVALID, "key '%.60s' is already set on line %u",
                  key, first_line);
    (void)err_at(err, (unsigned)at.line + 1, (unsigned)at.column + 1);
    return err_hint(err, "keep one of the two");
}

static enum err_code take_key(struct builder *b, const yaml_event_t *e,
                              const char *text)
{
    struct frame *f = &b->stack[b->depth - 1];
    if (f->node->n == YAML_KEYS_MAX)
        return refuse(b, e->start_mark, "a map holds more than 1024 keys",
                      "split it, or use a list");
    for (const struct yaml_node *c = f->node->first; c; c = c->next)
        if (strcmp(c->key, text) == 0)
            return refuse_second(b, e->start_mark, text, c->key_line);
    f->key.key = text;
    f->key.key_line = (unsigned)e->start_mark.line + 1;
    f->key.key_col = (unsigned)e->start_mark.column + 1;
    return ERR_OK;
}

static enum err_code on_scalar(struct builder *b, const yaml_event_t *e)
{
    const char *raw = (const char *)e->data.scalar.value;
    const size_t len = e->data.scalar.length;
    if (memchr(raw, '\0', len))
        return refuse(b, e->start_mark, "text holds a NUL character",
                      "remove the \\0");
    const char *text = arena_strndup(b->a, raw, len);
    if (!text)
        return full(b);
    if (awaits_key(b))
        return take_key(b, e, text);

    struct yaml_node *node;
    TRY(attach(b, YAML_SCALAR, e->start_mark, &node));
    node->text = text;
    node->len = len;
    node->plain = e->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    return ERR_OK;
}

static enum err_code on_open(struct builder *b, const yaml_event_t *e,
                             enum yaml_kind kind)
{
    if (awaits_key(b))
        return refuse(b, e->start_mark, "a key must be one word",
                      "write 'key: value'");
    if (b->depth == YAML_DEPTH_MAX)
        return refuse(b, e->start_mark, "maps and lists nest too deep",
                      "no key of this file needs more than a few levels");
    struct yaml_node *node;
    TRY(attach(b, kind, e->start_mark, &node));
    b->stack[b->depth++] = (struct frame){ node, &node->first, { 0 } };
    return ERR_OK;
}

/* What an event names beside its value: an anchor or a tag, or NULL. */
static const yaml_char_t *decoration(const yaml_event_t *e)
{
    if (e->type == YAML_SCALAR_EVENT)
        return e->data.scalar.anchor ? e->data.scalar.anchor
                                     : e->data.scalar.tag;
    if (e->type == YAML_SEQUENCE_START_EVENT)
        return e->data.sequence_start.anchor ? e->data.sequence_start.anchor
                                             : e->data.sequence_start.tag;
    if (e->type == YAML_MAPPING_START_EVENT)
        return e->data.mapping_start.anchor ? e->data.mapping_start.anchor
                                            : e->data.mapping_start.tag;
    return NULL;
}

static enum err_code on_event(struct builder *b, const yaml_event_t *e)
{
    if (decoration(e) || e->type == YAML_ALIAS_EVENT)
        return refuse(b, e->start_mark,
                      "anchors (&), aliases (*) and tags (!) are not allowed",
                      "write the value out, or put it in quotes");
    switch (e->type) {
    case YAML_SCALAR_EVENT:
        return on_scalar(b, e);
    case YAML_SEQUENCE_START_EVENT:
        return on_open(b, e, YAML_LIST);
    case YAML_MAPPING_START_EVENT:
        return on_open(b, e, YAML_MAP);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        assert(b->depth > 0);
        b->depth--;
        return ERR_OK;
    case YAML_DOCUMENT_START_EVENT:
        if (b->root)
            return refuse(b, e->start_mark, "a second document starts here",
                          "keep one document a file: remove the '---'");
        return ERR_OK;
    case YAML_STREAM_END_EVENT:
        b->finished = true;
        return ERR_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_DOCUMENT_END_EVENT:
    case YAML_ALIAS_EVENT:
        return ERR_OK;
    }
    return ERR_OK;
}

static enum err_code build(struct builder *b, const uint8_t *bytes, size_t len)
{
    while (!b->finished) {
        yaml_event_t event;
        if (!yaml_parser_parse(&b->parser, &event))
            return scanner_error(b, bytes, len);
        const enum err_code code = on_event(b, &event);
        yaml_event_delete(&event);
        TRY(code);
    }
    const yaml_mark_t start = { 0 };
    if (!b->root)
        return refuse(b, start, "the file is empty",
                      "see docs/ for an example to start from");
    return ERR_OK;
}

enum err_code yaml_tree_parse(struct yaml_node **out, const void *bytes,
                              size_t len, struct arena *a, struct err *err)
{
    if (len > YAML_BYTES_MAX) {
        (void)err_set(err, ERR_LIMIT, "the file has more than %d bytes",
                      YAML_BYTES_MAX);
        return err_hint(err, "shorten it: a file of settings is small");
    }
    struct builder b = { .a = a, .err = err };
    if (!yaml_parser_initialize(&b.parser))
        return full(&b);
    /* Fixed: a byte order mark must not switch the file to UTF-16. */
    yaml_parser_set_encoding(&b.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&b.parser, bytes, len);
    const enum err_code code = build(&b, bytes, len);
    yaml_parser_delete(&b.parser);
    TRY(code);
    *out = b.root;
    return ERR_OK;
}

const struct yaml_node *yaml_tree_find(const struct yaml_node *map,
                                       const char *key)
{
    if (!map || map->kind != YAML_MAP)
        return NULL;
    for (const struct yaml_node *c = map->first; c; c = c->next)
        if (strcmp(c->key, key) == 0)
            return c;
    return NULL;
}
