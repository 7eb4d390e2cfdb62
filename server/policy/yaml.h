#ifndef POLICY_YAML_H
#define POLICY_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "server/base/arena.h"
#include "server/base/err.h"

/*
 * YAML text as a tree of nodes that know their place, in an arena.
 *
 *   map     first -> next -> ...   each child has a key, keys are unique
 *   list    first -> next -> ...   children without keys
 *   scalar  text, always as written: what it means is the reader's to decide,
 *           so that the country NO stays NO
 *
 * One document.  Anchors, aliases and tags are refused: a file that decides
 * about people is read as it stands.  Source: YAML 1.1 by libyaml 0.2.
 */
enum {
    YAML_BYTES_MAX = 1 << 20,
    YAML_DEPTH_MAX = 32,
    YAML_KEYS_MAX = 1024, /* of one map: duplicates are found by comparing */
};

enum yaml_kind { YAML_SCALAR, YAML_LIST, YAML_MAP };

struct yaml_node {
    enum yaml_kind kind;
    unsigned line, col; /* of the value, from 1 */

    const char *key; /* in a map; NULL elsewhere */
    unsigned key_line, key_col;

    const char *text; /* scalar; NUL-terminated, no NUL inside */
    size_t len;       /* bytes of text */
    bool plain;       /* scalar without quotes */

    struct yaml_node *first, *next; /* children; sibling */
    size_t n;                       /* children */
};

/* Where a value, or the key before it, stands in the file; from 1. */
struct yaml_place {
    unsigned line, col;
};

static inline struct yaml_place yaml_place_of(const struct yaml_node *n)
{
    return (struct yaml_place){ n->line, n->col };
}

static inline struct yaml_place yaml_place_of_key(const struct yaml_node *n)
{
    return n->key ? (struct yaml_place){ n->key_line, n->key_col }
                  : yaml_place_of(n);
}

/*
 * Parse `len` bytes.
 *
 * ERR_OK       *out is the root of the only document
 * ERR_INVALID  not such a document; err has line, column, sentence and hint
 * ERR_LIMIT    more than YAML_BYTES_MAX bytes, or the arena is full
 */
enum err_code yaml_tree_parse(struct yaml_node **out, const void *bytes,
                              size_t len, struct arena *a,
                              struct err *err) MUST_CHECK;

/* The value of `key` in a map; NULL when absent or when `map` is no map. */
const struct yaml_node *yaml_tree_find(const struct yaml_node *map,
                                       const char *key);

#endif
