#ifndef BASE_HEX_H
#define BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The n bytes that 2n hexadecimal digits in lower case stand for; false when
 * `text` does not begin with so many.  What follows them is the caller's. */
bool hex_parse(uint8_t *out, size_t n, const char *text);

/* The 2n digits of n bytes, without a NUL. */
void hex_print(char *out, const uint8_t *bytes, size_t n);

#endif
