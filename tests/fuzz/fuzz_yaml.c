/*
 * Any bytes: a tree whose counts, keys and places hold, or an error with a
 * place; and the same text again gives the same verdict.
 * Corpus: tests/fuzz/corpus/yaml.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "server/policy/yaml.h"

#define REQUIRE(cond)                                                          \
    do {                                                                       \
        if (!(cond))                                                           \
            abort();                                                           \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

/* Recursion is bounded by YAML_DEPTH_MAX, which is one of the properties. */
static void check_node(const struct yaml_node *node, unsigned depth)
{
    size_t n = 0;
    REQUIRE(depth <= YAML_DEPTH_MAX && node->line > 0 && node->col > 0);
    if (node->kind == YAML_SCALAR)
        REQUIRE(node->text && strlen(node->text) == node->len && !node->first);
    for (const struct yaml_node *c = node->first; c; c = c->next, n++) {
        REQUIRE((node->kind == YAML_MAP) == (c->key != NULL));
        if (c->key)
            REQUIRE(yaml_tree_find(node, c->key) == c); /* keys are unique */
        check_node(c, depth + 1);
    }
    REQUIRE(n == node->n && (node->kind != YAML_MAP || n <= YAML_KEYS_MAX));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct yaml_node *root = NULL;
    struct arena a;
    struct err err = { 0 };

    arena_init(&a, 256 << 20);
    const enum err_code code = yaml_tree_parse(&root, data, len, &a, &err);
    REQUIRE(code == ERR_OK || code == ERR_INVALID || code == ERR_LIMIT);
    if (code == ERR_OK)
        check_node(root, 0);
    if (code == ERR_INVALID)
        REQUIRE(err.line > 0 && err.col > 0 && err.msg[0] && err.hint[0]);
    arena_fini(&a);
    return 0;
}
