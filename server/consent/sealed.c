/* nonce (12) || ciphertext || tag (16): AES-256-GCM under a person's own key.
 */
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

#include "server/consent/parts.h"

enum { NONCE = 12, TAG = 16 };

bool sealed_put(uint8_t *out, const uint8_t key[SEALED_KEY_LEN],
                const void *text, size_t len)
{
    int n = 0;
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const bool ok =
        c && RAND_bytes(out, NONCE) == 1 &&
        EVP_EncryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, out) == 1 &&
        EVP_EncryptUpdate(c, out + NONCE, &n, text, (int)len) == 1 &&
        EVP_EncryptFinal_ex(c, out + NONCE + n, &n) == 1 &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_GET_TAG, TAG, out + NONCE + len) ==
            1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}

bool sealed_get(uint8_t *out, const uint8_t key[SEALED_KEY_LEN],
                const void *sealed, size_t len)
{
    const uint8_t *in = sealed;
    uint8_t tag[TAG];
    int n = 0;
    if (len < SEALED_OVERHEAD)
        return false;
    const size_t body = len - SEALED_OVERHEAD;
    memcpy(tag, in + len - TAG, TAG);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    const bool ok =
        c && EVP_DecryptInit_ex(c, EVP_aes_256_gcm(), NULL, key, in) == 1 &&
        EVP_DecryptUpdate(c, out, &n, in + NONCE, (int)body) == 1 &&
        EVP_CIPHER_CTX_ctrl(c, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1 &&
        EVP_DecryptFinal_ex(c, out + n, &n) == 1;
    EVP_CIPHER_CTX_free(c);
    return ok;
}
