#ifndef GRPC_GRPC_SYMBOLS_H
#define GRPC_GRPC_SYMBOLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * An index over a serialized google.protobuf.FileDescriptorSet: files by name,
 * and every full name defined in one (service, method, message, field, enum,
 * enum value) to its file.
 *
 * source: google/protobuf/descriptor.proto (field numbers).
 */
struct grpc_file {
    const char *name;      /* "halftone/v1/halftone.proto" */
    const uint8_t *data;   /* FileDescriptorProto; borrowed from the set */
    size_t len;            /* bytes */
    const size_t *imports; /* indices of files, direct ones */
    size_t n_imports;
};

struct grpc_symbol {
    const char *name; /* full, without a leading dot */
    size_t file;      /* index */
    bool is_message;
};

struct grpc_symbols {
    struct grpc_file *files;
    size_t n_files;
    struct grpc_symbol *symbols; /* sorted by name */
    size_t n_symbols;
};

/*
 * Build the index in the arena, borrowing from `set`.
 * ERR_INVALID: malformed, or a file imports one that is not in the set;
 * ERR_LIMIT: the arena is too small.
 */
enum err_code grpc_symbols_read(struct grpc_symbols *out, struct arena *arena,
                                const uint8_t *set, size_t len,
                                struct err *err) MUST_CHECK;

/* NULL when there is none. */
const struct grpc_file *grpc_symbols_file(const struct grpc_symbols *s,
                                          const char *name);
const struct grpc_symbol *grpc_symbols_find(const struct grpc_symbols *s,
                                            const char *name);

#endif
