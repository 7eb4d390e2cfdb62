#ifndef CLI_TEXT_H
#define CLI_TEXT_H

#include <stdio.h>

#include "server/base/arena.h"

/*
 * Text from elsewhere, made fit for a terminal.
 *
 * A server or a policy may send bytes that move the cursor, recolour the
 * screen, or reorder what is read.  Control characters, the C1 range, marks
 * that change the direction of text and bytes that are not UTF-8 come out as
 * visible escapes (\n, \x1b, \u{202e}); all else stays.
 */

/* One line; NULL when the arena is full. */
const char *text_line(struct arena *a, const char *s);

/* Line breaks stay, for text that may have several lines. */
const char *text_lines(struct arena *a, const char *s);

/* A paragraph in lines of at most `width` bytes, broken at blanks; all but the
 * first are indented. */
void text_wrap(FILE *out, const char *text, size_t width, int indent);

/* The text itself when it is UTF-8, else with U+FFFD for what is not. */
const char *text_valid(struct arena *a, const char *s);

/* Length in bytes of the character at s (1..4), or 0 when it is not UTF-8. */
size_t text_char(const char *s, size_t left);

#endif
