#include "server/ledger/random.h"

#include <assert.h>
#include <openssl/rand.h>
#include <string.h>

bool random_take(struct random_pool *p, void *out, size_t len)
{
    assert(len <= sizeof p->bytes);
    if (p->left < len) {
        if (RAND_bytes(p->bytes, sizeof p->bytes) != 1)
            return false;
        p->left = sizeof p->bytes;
    }
    uint8_t *from = p->bytes + sizeof p->bytes - p->left;
    memcpy(out, from, len);
    memset(from, 0, len);
    p->left -= len;
    return true;
}
