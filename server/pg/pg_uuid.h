#ifndef PG_PG_UUID_H
#define PG_PG_UUID_H

#include "server/base/writer.h"
#include "server/pg/pg_out.h"

/* uuid, a text in the waist, and its 16 bytes.  False: the text, or the bytes,
 * are none, and nothing is written. */
bool pg_uuid_send(struct pg_out *o, const char *text, size_t len);
bool pg_uuid_recv(struct writer *w, const uint8_t *data, size_t len);

#endif
