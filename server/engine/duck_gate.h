#ifndef ENGINE_DUCK_GATE_H
#define ENGINE_DUCK_GATE_H

#include <stdatomic.h>

#include "server/engine/duck.h"
#include "server/engine/gate.h"

/*
 * The functions of server/plan/gate.h inside DuckDB.
 *
 *   halftone_key_i(BIGINT) -> UTINYINT
 *   halftone_key_t(VARCHAR) -> UTINYINT
 *   halftone_counts_i(k), halftone_counts_t(k): macros, halftone_key_.(k) <> 0
 *
 * Numbers, since DuckDB selects by a comparison without a branch for each row,
 * and by a BOOLEAN with one, which half of the people guess wrong: that alone
 * is 3 ns a row.  And one that takes what the gate calls the person, whatever
 * the data's key is:
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
struct duck_bits;
struct duck_rows;
struct duck_row_bits;
struct stamp_look;
#define DUCK_GATE_ERASED "halftone_of"

/* One run's, on its stack. */
struct duck_pin {
    const struct duck_gate *gate;
    struct gate_view view;
    /* References; the view is theirs where one is there, and not both are. */
    struct duck_bits *bits;
    struct duck_row_bits *rows;
    struct duck_keys *keys;    /* a reference; or NULL */
    struct duck_rows *making;  /* duck_row_map's, borrowed; or NULL */
    struct stamp_look *before; /* owned; with rows: when it was pinned */
    atomic_bool is_off;        /* a row was read that rows do not have */
    bool by_key;               /* rows are not to be used any more */
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

/*
 * Whose row is it, for the keys that are mapped now (duck_row.h): the gate
 * keeps a reference until keys are mapped anew.  False: they were, since these.
 */
bool duck_gate_take_rows(struct duck_gate *g, struct duck_rows *rows,
                         const struct duck_keys *keys);
/* What is mapped now: a reference, or NULL. */
struct duck_keys *duck_gate_keys(struct duck_gate *g);

/*
 * From now on statements bound on `con` count by the newest view of `purpose`,
 * NULL: of who was erased.  by_row: by the places of rows, where these are
 * mapped for the files that are there now.
 * Between, no statement of the run is left when it is unpinned.
 */
void duck_gate_pin(struct duck_pin *pin, struct duck_gate *g,
                   duckdb_connection con, const struct policy_purpose *purpose,
                   bool by_row);
/* For a statement that notes whose rows are whose; it borrows both. */
void duck_gate_pin_making(struct duck_pin *pin, struct duck_gate *g,
                          duckdb_connection con, struct duck_rows *making,
                          struct duck_keys *keys);
/*
 * Did the statement that has ended read the rows that were mapped?  False: what
 * it found is worth nothing, and it is to be bound and run again, which it then
 * is by keys.
 */
bool duck_gate_holds(struct duck_pin *pin);
void duck_gate_unpin(struct duck_pin *pin, struct duck_gate *g);

/* For functions beside those above: the gate, or NULL; a bind that finds the
 * pin of the statement's connection, which is then the bind data, if any. */
const struct gate *duck_gate_of(const struct duck_gate *g);
void duck_gate_bind(duckdb_bind_info info, const struct duck_gate *g);

#endif
