#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/base/writer.h"

/*
 * Base64 in its one canonical form: standard alphabet, padded, no white space,
 * unused bits zero.  Source: RFC 4648 section 4.
 */
void base64_print(struct writer *w, const void *data, size_t len);

/* False when the text is not canonical or gives more than `cap` bytes. */
bool base64_parse(uint8_t *out, size_t cap, size_t *n, const char *text,
                  size_t len);

#endif
