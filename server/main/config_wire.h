#ifndef MAIN_CONFIG_WIRE_H
#define MAIN_CONFIG_WIRE_H

#include "server/main/config_parts.h"

/*
 * Where the server listens, and that nobody else reads what is said there: the
 * keys `listen`, `postgres`, `metrics` and `plaintext` of its file.  Mistakes
 * go to the loader.  Private to config.c.
 */

/* Readers of fields (policy/fields.h); `out` is a struct config_text.  An
 * address is numeric, "127.0.0.1:7443" or "[::1]:7443": nothing is looked up.
 */
void config_read_listen(struct loader *l, const struct field *f,
                        const struct yaml_node *node, void *out);
void config_read_metrics(struct loader *l, const struct field *f,
                         const struct yaml_node *node, void *out);
void config_read_pg(struct loader *l, const struct field *f,
                    const struct yaml_node *node, void *out);
void config_read_plaintext(struct loader *l, const struct field *f,
                           const struct yaml_node *node, void *out);

/* Once all is read: TLS, or loopback and a word that says so; metrics on
 * loopback; each door on a port of its own. */
void config_check_wire(struct loader *l, const struct config_text *t);

#endif
