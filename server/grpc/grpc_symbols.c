#include "server/grpc/grpc_symbols.h"

#include <stdlib.h>
#include <string.h>

#include "server/base/reader.h"

/* Numbers of descriptor.proto. */
enum {
    SET_FILE = 1,
    FILE_NAME = 1,
    FILE_PACKAGE = 2,
    FILE_DEPENDENCY = 3,
    FILE_MESSAGE = 4,
    FILE_ENUM = 5,
    FILE_SERVICE = 6,
    ANY_NAME = 1, /* of messages, fields, enums, values, services, methods */
    MESSAGE_FIELD = 2,
    MESSAGE_NESTED = 3,
    MESSAGE_ENUM = 4,
    CHILD = 2, /* EnumDescriptorProto.value, ServiceDescriptorProto.method */
    SYMBOLS_MAX = 8192,
    NESTING_MAX = 32,
};

/* A length-delimited field; others are skipped. */
struct field {
    uint32_t number;
    const uint8_t *data;
    size_t len;
};

struct build {
    struct grpc_symbols *out;
    struct arena *arena;
    size_t file;
    bool no_memory;
};

/* The next length-delimited field; false at the end or when malformed. */
static bool next_field(struct reader *r, struct field *out)
{
    while (!r->short_read && reader_left(r) > 0) {
        const uint64_t key = reader_varint(r);
        const uint64_t value =
            (key & 7) == 0 || (key & 7) == 2 ? reader_varint(r) : 0;
        if ((key & 7) == 2) {
            out->number = (uint32_t)(key >> 3);
            out->len = (size_t)value;
            out->data = reader_take(r, out->len);
            return out->data != NULL;
        }
        if ((key & 7) == 1)
            (void)reader_take(r, 8);
        else if ((key & 7) == 5)
            (void)reader_take(r, 4);
        else if ((key & 7) != 0)
            r->short_read = true;
    }
    return false;
}

/* The text of field `number`, copied; "" when absent, NULL without memory. */
static const char *text_field(struct build *b, const uint8_t *data, size_t len,
                              uint32_t number)
{
    struct reader r = reader_of(data, len);
    struct field f;
    while (next_field(&r, &f))
        if (f.number == number)
            return arena_strndup(b->arena, (const char *)f.data, f.len);
    return "";
}

/* Record scope.name; returns the full name, or NULL without memory. */
static const char *add(struct build *b, const char *scope, struct field f,
                       bool is_message)
{
    const char *name = text_field(b, f.data, f.len, ANY_NAME);
    const char *full = NULL;
    if (name)
        full = *scope ? arena_printf(b->arena, "%s.%s", scope, name) : name;
    if (!full || b->out->n_symbols == SYMBOLS_MAX) {
        b->no_memory = true;
        return NULL;
    }
    b->out->symbols[b->out->n_symbols++] = (struct grpc_symbol){
        .name = full,
        .file = b->file,
        .is_message = is_message,
    };
    return full;
}

/* Record every `number` field of data as a name in scope. */
static void add_all(struct build *b, const char *scope, struct field of,
                    uint32_t number)
{
    struct reader r = reader_of(of.data, of.len);
    struct field f;
    while (next_field(&r, &f))
        if (f.number == number)
            (void)add(b, scope, f, false);
}

/* Enum values belong to the scope of their enum, as in C++. */
static void add_enum(struct build *b, const char *scope, struct field f)
{
    if (add(b, scope, f, false))
        add_all(b, scope, f, CHILD);
}

struct open_message {
    struct reader rest;
    const char *scope;
};

/* Messages within messages, without recursion. */
static void add_message(struct build *b, const char *scope, struct field first)
{
    struct open_message open[NESTING_MAX];
    size_t depth = 0;
    const char *full = add(b, scope, first, true);
    if (!full)
        return;
    open[depth++] =
        (struct open_message){ reader_of(first.data, first.len), full };
    while (depth > 0) {
        struct open_message *m = &open[depth - 1];
        struct field f;
        if (!next_field(&m->rest, &f)) {
            depth--;
        } else if (f.number == MESSAGE_FIELD) {
            (void)add(b, m->scope, f, false);
        } else if (f.number == MESSAGE_ENUM) {
            add_enum(b, m->scope, f);
        } else if (f.number == MESSAGE_NESTED && depth < NESTING_MAX) {
            full = add(b, m->scope, f, true);
            if (full)
                open[depth++] =
                    (struct open_message){ reader_of(f.data, f.len), full };
        }
    }
}

static void add_file(struct build *b, const struct grpc_file *file)
{
    const char *package = text_field(b, file->data, file->len, FILE_PACKAGE);
    struct reader r = reader_of(file->data, file->len);
    struct field f;
    if (!package) {
        b->no_memory = true;
        return;
    }
    while (next_field(&r, &f)) {
        if (f.number == FILE_MESSAGE) {
            add_message(b, package, f);
        } else if (f.number == FILE_ENUM) {
            add_enum(b, package, f);
        } else if (f.number == FILE_SERVICE) {
            const char *service = add(b, package, f, false);
            if (service)
                add_all(b, service, f, CHILD);
        }
    }
}

static int by_name(const void *a, const void *b)
{
    const struct grpc_symbol *x = a, *y = b;
    return strcmp(x->name, y->name);
}

static size_t count(const uint8_t *data, size_t len, uint32_t number)
{
    struct reader r = reader_of(data, len);
    struct field f;
    size_t n = 0;
    while (next_field(&r, &f))
        n += f.number == number;
    return n;
}

static enum err_code read_files(struct build *b, const uint8_t *set, size_t len,
                                struct err *err)
{
    struct grpc_symbols *out = b->out;
    struct reader r = reader_of(set, len);
    struct field f;
    const size_t n = count(set, len, SET_FILE);
    out->files = ARENA_NEW_N(b->arena, n + 1, struct grpc_file);
    if (!out->files)
        return err_set(err, ERR_LIMIT, "the descriptor set is too large");
    while (next_field(&r, &f)) {
        if (f.number != SET_FILE)
            continue;
        struct grpc_file *file = &out->files[out->n_files++];
        *file = (struct grpc_file){ .data = f.data, .len = f.len };
        file->name = text_field(b, f.data, f.len, FILE_NAME);
        if (!file->name)
            return err_set(err, ERR_LIMIT, "the descriptor set is too large");
    }
    if (r.short_read)
        return err_set(err, ERR_INVALID, "the descriptor set is malformed");
    return ERR_OK;
}

static enum err_code read_imports(struct build *b, struct grpc_file *file,
                                  struct err *err)
{
    size_t *imports = ARENA_NEW_N(
        b->arena, count(file->data, file->len, FILE_DEPENDENCY) + 1, size_t);
    struct reader r = reader_of(file->data, file->len);
    struct field f;
    if (!imports)
        return err_set(err, ERR_LIMIT, "the descriptor set is too large");
    file->imports = imports;
    while (next_field(&r, &f)) {
        if (f.number != FILE_DEPENDENCY)
            continue;
        const char *name = arena_strndup(b->arena, (const char *)f.data, f.len);
        const struct grpc_file *to =
            name ? grpc_symbols_file(b->out, name) : NULL;
        if (!to)
            return err_set(err, ERR_INVALID,
                           "%s imports a file that the descriptor set lacks",
                           file->name);
        imports[file->n_imports++] = (size_t)(to - b->out->files);
    }
    return ERR_OK;
}

enum err_code grpc_symbols_read(struct grpc_symbols *out, struct arena *arena,
                                const uint8_t *set, size_t len, struct err *err)
{
    *out = (struct grpc_symbols){ 0 };
    struct build b = { .out = out, .arena = arena };
    TRY(read_files(&b, set, len, err));
    out->symbols = ARENA_NEW_N(arena, SYMBOLS_MAX, struct grpc_symbol);
    if (!out->symbols)
        return err_set(err, ERR_LIMIT, "the descriptor set is too large");
    for (b.file = 0; b.file < out->n_files; b.file++) {
        TRY(read_imports(&b, &out->files[b.file], err));
        add_file(&b, &out->files[b.file]);
    }
    if (b.no_memory)
        return err_set(err, ERR_LIMIT, "the descriptor set is too large");
    qsort(out->symbols, out->n_symbols, sizeof *out->symbols, by_name);
    return ERR_OK;
}

const struct grpc_file *grpc_symbols_file(const struct grpc_symbols *s,
                                          const char *name)
{
    for (size_t i = 0; i < s->n_files; i++)
        if (strcmp(s->files[i].name, name) == 0)
            return &s->files[i];
    return NULL;
}

const struct grpc_symbol *grpc_symbols_find(const struct grpc_symbols *s,
                                            const char *name)
{
    const struct grpc_symbol key = { .name = name };
    return bsearch(&key, s->symbols, s->n_symbols, sizeof key, by_name);
}
