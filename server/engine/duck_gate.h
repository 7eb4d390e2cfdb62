#ifndef ENGINE_DUCK_GATE_H
#define ENGINE_DUCK_GATE_H

#include "server/engine/duck.h"
#include "server/engine/gate.h"

/*
 * The functions of server/plan/gate.h inside DuckDB.
 *
 *   halftone_counts_i(BIGINT) -> BOOLEAN
 *   halftone_counts_t(VARCHAR) -> BOOLEAN
 *
 * and one that takes what the gate calls the person, whatever the data's key is:
 *
 *   halftone_of(VARCHAR) -> BOOLEAN
 *
 * Which purpose a statement runs for is that of its connection: a run pins a
 * view for it, the statement takes it when it is bound, and the run gives it
 * back.  On a connection without a pin nobody counts.
 *
 * Keys of the data are mapped to numbers of people once (duck_gate_map): a row
 * costs a look into a table and a bit; or, where the keys are numbers that lie
 * close together, one look (duck_bits.h).  A key that came later costs what
 * naming a person costs, and is right all the same.
 */
struct duck_gate;
struct duck_keys;
#define DUCK_GATE_ERASED "halftone_of"
struct duck_bits;

/* One run's, on its stack. */
struct duck_pin {
    const struct duck_gate *gate;
    struct gate_view view;
    struct duck_bits *bits; /* a reference, and the view is theirs; or NULL */
    struct duck_keys *keys; /* a reference; or NULL */
    uint64_t connection;
    struct duck_pin *next;
};

/*
 * Register the functions: right after duckdb_open, as duck_keep_register.
 * `gate` NULL: nobody ever counts.  ERR_INTERNAL, ERR_LIMIT.
 */
enum err_code duck_gate_open(struct duck_gate **out, struct duck *d,
                             const struct gate *gate,
                             struct err *err) MUST_CHECK;
/* After the database is closed.  NULL is allowed. */
void duck_gate_close(struct duck_gate *g);

/*
 * Map the keys that src's tables have now, on a connection of its own; runs go
 * on with what was mapped before.  False when DuckDB or memory failed: the old
 * map stays, and keys that are not in it are looked up one by one.
 */
bool duck_gate_map(struct duck_gate *g, struct duck *d,
                   const struct policy *policy);

/* From now on statements bound on `con` count by the newest view of `purpose`,
 * NULL: of who was erased.
 * Between, no statement of the run is left when it is unpinned. */
void duck_gate_pin(struct duck_pin *pin, struct duck_gate *g,
                   duckdb_connection con, const struct policy_purpose *purpose);
void duck_gate_unpin(struct duck_pin *pin, struct duck_gate *g);

#endif
