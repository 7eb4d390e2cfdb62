#ifndef BASE_MAN_H
#define BASE_MAN_H

#include "server/base/writer.h"

/*
 * Pieces of a manual page in the language of man(7).  Pages are made from the
 * tables that programs read, so that they cannot drift apart.
 */
struct man_option {
    const char *name; /* without dashes */
    char letter;      /* or 0 */
    const char *arg;  /* what its value is called, or NULL */
    const char *help; /* sentences */
};

/* Title and NAME; `name` is markup. */
void man_head(struct writer *w, const char *title, unsigned section,
              const char *name);

/* Plain text: nothing in it is taken for a request or an escape. */
void man_text(struct writer *w, const char *s);

void man_option(struct writer *w, const struct man_option *o);

#endif
