#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/*
 * True when the bytes are well-formed UTF-8 (RFC 3629: no surrogates, no
 * overlong forms, nothing past U+10FFFF) and hold no NUL.
 */
bool utf8_is_text(const void *data, size_t len);

/* Columns a terminal needs for the text: code points, combining marks as 0. */
size_t utf8_width(const char *text, size_t len);

#endif
