#ifndef CLI_PAGES_H
#define CLI_PAGES_H

#include "server/base/writer.h"

/*
 * The reference of the command line, made from the tables of commands and
 * flags: docs/cli.md holds the first, build/man/halftone.1 is the second.
 */

/* Markdown: every command, every flag with its environment variable. */
void pages_markdown(struct writer *w);

/* A manual page in the language of man(7). */
void pages_man(struct writer *w);

#endif
