#ifndef AUDIT_TILE_H
#define AUDIT_TILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/audit/merkle.h"
#include "server/base/writer.h"

/*
 * The names under which a log's pieces are served, and their bytes.
 *
 *   checkpoint                     the newest signed tree head
 *   tile/<L>/<N>[.p/<W>]           W hashes of level L from N * 256
 *   tile/entries/<N>[.p/<W>]       W entries, each after its length (be16)
 *
 * N is written in groups of three digits, all but the last after an 'x':
 * 1234067 is x001/x234/067.  W is 256, and not written, for a full tile; 1 to
 * 255 for the last, partial one.  A name is accepted only as it is printed.
 *
 * Source: C2SP tlog-tiles.
 */
enum tile_kind { TILE_CHECKPOINT, TILE_HASHES, TILE_ENTRIES };
struct tile {
    enum tile_kind kind;
    unsigned level;
    uint64_t index; /* within its level */
    unsigned width; /* hashes or entries, 1..256 */
};
enum { TILE_PATH_LEN = 64 };

/* `path` has no leading slash.  False: it names nothing a log has. */
bool tile_parse(struct tile *out, const char *path, size_t len);
void tile_print(struct writer *w, const struct tile *t);

/* Whether a log of `size` leaves has this tile.  A partial one stays when the
 * tile has filled up: somebody may hold an older checkpoint. */
bool tile_exists(const struct tile *t, uint64_t size);

/* The tile's hashes, in order. */
enum err_code tile_hashes(struct writer *w, const struct tile *t,
                          const struct merkle_reader *r,
                          struct err *err) MUST_CHECK;

#endif
