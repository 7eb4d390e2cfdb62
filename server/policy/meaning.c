#include <openssl/sha.h>
#include <string.h>

#include "server/policy/parts.h"

static const char KEY[] = "data_version";

/* Nothing but the key, its value and a comment begins on the key's line. */
static bool is_alone(const struct yaml_node *root, const struct yaml_node *node)
{
    for (const struct yaml_node *n = root->first; n; n = n->next)
        if (n != node &&
            (n->line == node->key_line || n->key_line == node->key_line))
            return false;
    return node->line == node->key_line;
}

void policy_hash_meaning(uint8_t out[32], const struct yaml_node *root,
                         const void *bytes, size_t len)
{
    const struct yaml_node *node = yaml_tree_find(root, KEY);
    const char *text = bytes, *end = text + len;
    const char *line = text;
    for (unsigned n = 1; node && n < node->key_line && line; n++) {
        line = memchr(line, '\n', (size_t)(end - line));
        line = line ? line + 1 : NULL;
    }
    const size_t left = node && line ? (size_t)(end - line) : 0;
    const bool starts =
        left > sizeof KEY - 1 && memcmp(line, KEY, sizeof KEY - 1) == 0;
    if (!node || !starts || !is_alone(root, node)) {
        (void)SHA256(bytes, len, out);
        return;
    }
    const char *next = memchr(line, '\n', left);
    const size_t after = next ? (size_t)(end - next) : 0;
    /* Two hashes in one, so that no move of a byte across the gap is lost. */
    uint8_t both[2 * SHA256_DIGEST_LENGTH];
    (void)SHA256(bytes, (size_t)(line - text), both);
    (void)SHA256((const uint8_t *)(next ? next : end), after,
                 both + SHA256_DIGEST_LENGTH);
    (void)SHA256(both, sizeof both, out);
}
