#include "server/ledger/schema.h"

#include <stddef.h>

/* clang-format off */
/* At most DP_PRICE_MAX. */
#define AMOUNT(name)                                                           \
    name " INTEGER NOT NULL CHECK (" name                                      \
         " BETWEEN 0 AND 4611686018427387904)"
#define COUNTER_PART(part)                                                     \
    AMOUNT(part "_limit") "," AMOUNT(part "_pending") "," AMOUNT(part "_spent")

/* In a trigger: an update takes more of `part`, and more than its limit. */
#define OVERDRAWN(part)                                                        \
    "(NEW." part "_pending + NEW." part "_spent > NEW." part "_limit"          \
    " AND NEW." part "_pending + NEW." part "_spent"                           \
    " > OLD." part "_pending + OLD." part "_spent)"

#define REFUSE(name, event, when, why)                                         \
    "CREATE TRIGGER " name " BEFORE " event " WHEN " when                      \
    " BEGIN SELECT RAISE(ABORT, '" why "'); END;"

#define NOTE_LIMIT                                                             \
    " BEGIN INSERT INTO limits (counter, since_us, policy_version, rho, eps,"  \
    " delta) VALUES (NEW.id, NEW.limit_since_us, NEW.policy_version,"          \
    " NEW.rho_limit, NEW.eps_limit, NEW.delta_limit); END;"

#define LOG_TABLES                                                             \
    "CREATE TABLE log_leaves ("                                                \
    "    idx INTEGER PRIMARY KEY CHECK (idx >= 0),"                            \
    "    hash BLOB NOT NULL CHECK (length(hash) = 32),"                        \
    "    salt BLOB NOT NULL CHECK (length(salt) = 32),"                        \
    "    entry TEXT NOT NULL"                                                  \
    ") STRICT;"                                                                \
    "CREATE TABLE log_tiles ("                                                 \
    "    level INTEGER NOT NULL CHECK (level BETWEEN 1 AND 7),"                \
    "    idx INTEGER NOT NULL CHECK (idx >= 0),"                               \
    "    hash BLOB NOT NULL CHECK (length(hash) = 32),"                        \
    "    PRIMARY KEY (level, idx)"                                             \
    ") STRICT, WITHOUT ROWID;"                                                 \
    REFUSE("leaves_fixed", "UPDATE ON log_leaves", "1", "the log only grows")  \
    REFUSE("leaves_kept", "DELETE ON log_leaves", "1", "the log only grows")   \
    REFUSE("tiles_fixed", "UPDATE ON log_tiles", "1", "the log only grows")    \
    REFUSE("tiles_kept", "DELETE ON log_tiles", "1", "the log only grows")

/* Each leaf but the first refers to the one before it: the log grows at its end.
 * (A trigger said so before version 11, for a tenth of what a row cost.) */
#define LEAVES_FOLLOW                                                          \
    "ALTER TABLE log_leaves ADD COLUMN previous INTEGER GENERATED ALWAYS AS"   \
    " (CASE WHEN idx > 0 THEN idx - 1 END) VIRTUAL REFERENCES log_leaves;"

#define CHARGES_ONCE                                                           \
    REFUSE("charges_once",                                                     \
           "UPDATE OF state, runs, run_boot, lease_until_us, resolved_us,"     \
           " expires_us ON charges", "OLD.state <> 0",                         \
           "a charge is resolved once")
#define CHARGES_LEAF                                                           \
    REFUSE("charges_leaf", "UPDATE OF leaf ON charges", "OLD.leaf IS NOT NULL",\
           "a charge keeps its leaf")

/* What a charge that pays for several releases has beside it. */
#define PIECE_TABLES \
"CREATE TABLE pieces ("                                                        \
"    id INTEGER PRIMARY KEY,"                                                  \
"    charge INTEGER NOT NULL REFERENCES charges,"                              \
"    place INTEGER NOT NULL CHECK (place >= 0),"                               \
"    release_hash BLOB NOT NULL CHECK (length(release_hash) = 32),"            \
"    series_hash BLOB NOT NULL CHECK (length(series_hash) IN (0, 32)),"        \
"    from_us INTEGER NOT NULL,"                                                \
"    to_us INTEGER NOT NULL CHECK (to_us >= from_us),"                         \
"    keep_us INTEGER NOT NULL CHECK (keep_us >= 0),"                           \
"    what BLOB NOT NULL,"                                                      \
"    resolved_us INTEGER,"                                                     \
"    expires_us INTEGER,"                                                      \
"    CHECK ((resolved_us IS NULL) = (expires_us IS NULL)),"                    \
"    UNIQUE (charge, place)"                                                   \
") STRICT;"                                                                    \
"CREATE INDEX pieces_by_series ON pieces (series_hash)"                        \
"    WHERE length(series_hash) = 32;"                                          \
"CREATE TABLE piece_answers ("                                                 \
"    piece INTEGER PRIMARY KEY REFERENCES pieces,"                             \
"    expires_us INTEGER NOT NULL,"                                             \
"    answer BLOB NOT NULL"                                                     \
") STRICT;"                                                                    \
"CREATE INDEX piece_answers_by_expiry ON piece_answers (expires_us);"          \
"CREATE TABLE stumbles ("                                                      \
"    id INTEGER PRIMARY KEY,"                                                  \
"    charge INTEGER NOT NULL REFERENCES charges,"                              \
"    dataset TEXT NOT NULL,"                                                   \
"    principal TEXT NOT NULL,"                                                 \
"    shown_us INTEGER NOT NULL"                                                \
") STRICT;"                                                                    \
"CREATE INDEX stumbles_by_dataset ON stumbles (dataset);"                      \
"CREATE INDEX stumbles_by_principal ON stumbles (principal, shown_us);"        \
REFUSE("pieces_new", "INSERT ON pieces",                                       \
       "NEW.resolved_us IS NOT NULL OR"                                        \
       " (SELECT state FROM charges WHERE seq = NEW.charge) <> 0",             \
       "a piece starts open")                                                  \
REFUSE("pieces_fixed",                                                         \
       "UPDATE OF id, charge, place, release_hash, series_hash, from_us, to_us," \
       " keep_us, what ON pieces", "1", "a piece never changes")               \
REFUSE("pieces_once", "UPDATE ON pieces",                                      \
       "OLD.resolved_us IS NOT NULL OR"                                        \
       " (SELECT state FROM charges WHERE seq = OLD.charge) <> 0",             \
       "a piece is answered once")                                             \
REFUSE("pieces_kept", "DELETE ON pieces", "1", "a piece is never deleted")     \
REFUSE("piece_answers_new", "INSERT ON piece_answers",                         \
       "(SELECT resolved_us FROM pieces WHERE id = NEW.piece) IS NULL",        \
       "an answer belongs to an answered piece")                               \
REFUSE("piece_answers_fixed", "UPDATE ON piece_answers", "1",                  \
       "an answer never changes")                                              \
REFUSE("stumbles_fixed", "UPDATE ON stumbles", "1", "history never changes")   \
REFUSE("stumbles_kept", "DELETE ON stumbles", "1", "history never changes")   

#define LIFT_TABLE                                                             \
"CREATE TABLE lifts ("                                                         \
"    id INTEGER PRIMARY KEY,"                                                  \
"    dataset TEXT NOT NULL,"                                                   \
"    at_us INTEGER NOT NULL,"                                                  \
"    principal TEXT NOT NULL,"                                                 \
"    reason TEXT NOT NULL CHECK (length(reason) > 0),"                         \
"    lifted INTEGER NOT NULL CHECK (lifted > 0)"                               \
") STRICT;"                                                                    \
"CREATE INDEX lifts_by_dataset ON lifts (dataset, at_us);"                     \
REFUSE("lifts_fixed", "UPDATE ON lifts", "1", "history never changes")         \
REFUSE("lifts_kept", "DELETE ON lifts", "1", "history never changes")

#define TEXT_TABLE                                                             \
"CREATE TABLE texts ("                                                         \
"    charge INTEGER PRIMARY KEY REFERENCES charges,"                           \
"    expires_us INTEGER NOT NULL,"                                             \
"    text BLOB NOT NULL"                                                       \
") STRICT;"                                                                    \
"CREATE INDEX texts_by_expiry ON texts (expires_us);"                          \
REFUSE("texts_fixed", "UPDATE ON texts", "1", "a question never changes")

#define META_TABLE                                                             \
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL)"            \
    " STRICT, WITHOUT ROWID;"

/* The next start looks for what is open, however much is not. */
#define OPEN_INDEX                                                             \
    "CREATE INDEX charges_open ON charges (boot) WHERE state = 0;"

/* Found by lookup.h: an index over keys would dirty a page for each.  A key that
 * was bound to a void charge is bound again by another row. */
#define KEYS_TABLE                                                             \
"CREATE TABLE keys ("                                                          \
"    id INTEGER PRIMARY KEY,"                                                  \
"    principal TEXT NOT NULL,"                                                 \
"    key TEXT NOT NULL,"                                                       \
"    request_hash BLOB NOT NULL CHECK (length(request_hash) = 32),"            \
"    charge INTEGER NOT NULL REFERENCES charges"                               \
") STRICT;"
#define KEYS_RULES                                                             \
REFUSE("keys_fixed", "UPDATE ON keys", "1", "a key never changes")             \
REFUSE("keys_kept", "DELETE ON keys", "1", "a key is never deleted")

#define LOOKUP_TABLES                                                          \
"CREATE TABLE lookup_runs ("                                                   \
"    id INTEGER PRIMARY KEY,"                                                  \
"    level INTEGER NOT NULL CHECK (level >= 0),"                               \
"    pairs INTEGER NOT NULL CHECK (pairs > 0),"                                \
"    keys INTEGER NOT NULL,"                                                   \
"    charges INTEGER NOT NULL,"                                                \
"    pieces INTEGER NOT NULL"                                                  \
") STRICT;"                                                                    \
"CREATE TABLE lookup_pages ("                                                  \
"    id INTEGER PRIMARY KEY,"                                                  \
"    data BLOB NOT NULL"                                                       \
") STRICT;"

/* Questions of this day about a segment (plan/segment.h), by who asks. */
#define SEGMENT_TABLE                                                          \
"CREATE TABLE segments ("                                                      \
"    id INTEGER PRIMARY KEY,"                                                  \
"    day INTEGER NOT NULL,"                                                    \
"    dataset TEXT NOT NULL,"                                                   \
"    who TEXT NOT NULL,"                                                       \
"    segment BLOB NOT NULL CHECK (length(segment) = 16),"                      \
"    n INTEGER NOT NULL CHECK (n > 0),"                                        \
"    UNIQUE (day, dataset, who, segment)"                                      \
") STRICT;"

/* How long a server that shares its ledger is taken to live (0: it does not
 * share), and whether what it left open has become spent. */
#define LIVES                                                                  \
    "alive_until_us INTEGER NOT NULL DEFAULT 0,"                               \
    "settled INTEGER NOT NULL DEFAULT 0 CHECK (settled IN (0, 1))"
#define LIVES_INDEX                                                            \
    "CREATE INDEX boots_alive ON boots (alive_until_us) WHERE settled = 0;"
#define CHARGES_VOID                                                           \
REFUSE("charges_void", "UPDATE OF state ON charges",                           \
       "NEW.state = 3 AND (SELECT settled FROM boots WHERE id = OLD.boot) <> 0",\
       "only the process that charged voids")

const char *const SCHEMA_UPGRADES[SCHEMA_VERSION] = {
/* from 1: no log yet; the next start writes the leaves of what was charged */
[1] = LOG_TABLES
"DROP TRIGGER charges_once;"
"ALTER TABLE charges ADD COLUMN leaf INTEGER REFERENCES log_leaves;"
CHARGES_ONCE CHARGES_LEAF,
[2] = PIECE_TABLES
"CREATE INDEX pieces_by_release ON pieces (release_hash);",
[3] = LIFT_TABLE,
[4] = META_TABLE,
[5] = "CREATE INDEX charges_open ON charges (release_hash) WHERE state = 0;",
/* to 7: what is pending is the newest boot's; the next start settles it */
[6] =
"ALTER TABLE boots ADD COLUMN alive_until_us INTEGER NOT NULL DEFAULT 0;"
"ALTER TABLE boots ADD COLUMN settled INTEGER NOT NULL DEFAULT 0"
"    CHECK (settled IN (0, 1));"
"UPDATE boots SET settled = 1 WHERE id < (SELECT max(id) FROM boots);"
"DROP TRIGGER charges_void;"
LIVES_INDEX CHARGES_VOID,
[7] = TEXT_TABLE,
/* to 9: the next start makes the runs of lookup.h from what is there */
[8] = LOOKUP_TABLES
"DROP INDEX charges_by_release; DROP INDEX pieces_by_release;"
"DROP INDEX charges_open;" OPEN_INDEX
"DROP TRIGGER keys_fixed; DROP TRIGGER keys_once; DROP TRIGGER keys_kept;"
"ALTER TABLE keys RENAME TO keys_before;"
KEYS_TABLE
"INSERT INTO keys (principal, key, request_hash, charge)"
" SELECT principal, key, request_hash, charge FROM keys_before ORDER BY charge;"
"DROP TABLE keys_before;"
KEYS_RULES,
[9] = SEGMENT_TABLE,
[10] = "DROP TRIGGER IF EXISTS leaves_next;" LEAVES_FOLLOW,
};

const char *const SCHEMA_SQL[] = {
LOG_TABLES,
LEAVES_FOLLOW,

"CREATE TABLE boots ("
"    id INTEGER PRIMARY KEY,"
"    started_us INTEGER NOT NULL,"
     LIVES
") STRICT;",
LIVES_INDEX,

"CREATE TABLE counters ("
"    id INTEGER PRIMARY KEY,"
"    account TEXT NOT NULL,"
"    window_s INTEGER NOT NULL CHECK (window_s >= 0),"
"    start_us INTEGER NOT NULL CHECK (window_s > 0 OR start_us = 0),"
"    policy_version INTEGER NOT NULL,"
"    limit_since_us INTEGER NOT NULL,"
     COUNTER_PART("rho") "," COUNTER_PART("eps") "," COUNTER_PART("delta") ","
"    UNIQUE (account, window_s, start_us)"
") STRICT;",

"CREATE TABLE limits ("
"    id INTEGER PRIMARY KEY,"
"    counter INTEGER NOT NULL REFERENCES counters,"
"    since_us INTEGER NOT NULL,"
"    policy_version INTEGER NOT NULL,"
     AMOUNT("rho") "," AMOUNT("eps") "," AMOUNT("delta")
") STRICT;",

"CREATE TABLE routes ("
"    id INTEGER PRIMARY KEY,"
"    name TEXT NOT NULL UNIQUE" /* ids of its counters, "3,7" */
") STRICT;",

"CREATE TABLE route_counters ("
"    route INTEGER NOT NULL REFERENCES routes,"
"    counter INTEGER NOT NULL REFERENCES counters,"
"    PRIMARY KEY (route, counter)"
") STRICT, WITHOUT ROWID;",

"CREATE TABLE charges ("
"    seq INTEGER PRIMARY KEY,"
"    id BLOB NOT NULL UNIQUE CHECK (length(id) = 16),"
"    principal TEXT NOT NULL,"
"    dataset TEXT NOT NULL,"
"    purpose TEXT NOT NULL,"
"    release_hash BLOB NOT NULL CHECK (length(release_hash) = 32),"
     AMOUNT("rho") "," AMOUNT("eps") "," AMOUNT("delta") ","
"    policy_version INTEGER NOT NULL,"
"    route INTEGER NOT NULL REFERENCES routes,"
"    boot INTEGER NOT NULL REFERENCES boots,"
"    charged_us INTEGER NOT NULL,"
"    keep_us INTEGER NOT NULL CHECK (keep_us >= 0),"
     /* what follows changes, until state is no longer 0 */
"    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3)," /* ledger_state */
"    runs INTEGER NOT NULL CHECK (runs BETWEEN 1 AND 3),"   /* the fence */
"    run_boot INTEGER NOT NULL REFERENCES boots,"
"    lease_until_us INTEGER NOT NULL,"
"    resolved_us INTEGER,"
"    expires_us INTEGER,"
"    leaf INTEGER REFERENCES log_leaves,"
"    CHECK ((state = 0) = (resolved_us IS NULL)),"
"    CHECK ((state = 1) = (expires_us IS NOT NULL)),"
"    CHECK (state <> 3 OR (runs = 1 AND run_boot = boot))"
") STRICT;",
"CREATE INDEX charges_by_principal ON charges (dataset, principal);",
"CREATE INDEX misses_by_dataset ON charges (dataset) WHERE state = 2;",
"CREATE INDEX misses_by_principal ON charges (principal, resolved_us)"
"    WHERE state = 2;",

KEYS_TABLE,
LOOKUP_TABLES,

"CREATE TABLE answers ("
"    charge INTEGER PRIMARY KEY REFERENCES charges,"
"    expires_us INTEGER NOT NULL,"
"    answer BLOB NOT NULL"
") STRICT;",
"CREATE INDEX answers_by_expiry ON answers (expires_us);",

"CREATE TRIGGER limits_first AFTER INSERT ON counters" NOTE_LIMIT,
"CREATE TRIGGER limits_next AFTER UPDATE OF rho_limit, eps_limit, delta_limit"
"    ON counters" NOTE_LIMIT,
REFUSE("limits_fixed", "UPDATE ON limits", "1", "history never changes"),
REFUSE("limits_kept", "DELETE ON limits", "1", "history never changes"),

REFUSE("counters_new", "INSERT ON counters",
       "NEW.rho_pending + NEW.rho_spent + NEW.eps_pending + NEW.eps_spent"
       " + NEW.delta_pending + NEW.delta_spent <> 0", "a counter starts at 0"),
REFUSE("counters_fixed", "UPDATE OF id, account, window_s, start_us ON counters",
       "1", "a counter keeps its name"),
REFUSE("counters_kept", "DELETE ON counters", "1", "a counter is never deleted"),
REFUSE("counters_limit", "UPDATE ON counters",
       OVERDRAWN("rho") " OR " OVERDRAWN("eps") " OR " OVERDRAWN("delta"),
       "over the limit"),
REFUSE("counters_spent", "UPDATE ON counters",
       "NEW.rho_spent < OLD.rho_spent OR NEW.eps_spent < OLD.eps_spent"
       " OR NEW.delta_spent < OLD.delta_spent", "spent never falls"),

REFUSE("routes_fixed", "UPDATE ON routes", "1", "a route never changes"),
REFUSE("routes_kept", "DELETE ON routes", "1", "a route is never deleted"),
REFUSE("members_fixed", "UPDATE ON route_counters", "1",
       "a route never changes"),
REFUSE("members_kept", "DELETE ON route_counters", "1",
       "a route never changes"),

REFUSE("charges_new", "INSERT ON charges", "NEW.state <> 0 OR NEW.runs <> 1",
       "a charge starts open"),
REFUSE("charges_fixed",
       "UPDATE OF seq, id, principal, dataset, purpose, release_hash, rho, eps,"
       " delta, policy_version, route, boot, charged_us, keep_us ON charges",
       "1", "a charge never changes"),
CHARGES_ONCE, CHARGES_LEAF,
REFUSE("charges_fence", "UPDATE OF runs ON charges", "NEW.runs < OLD.runs",
       "a fence never falls"),
CHARGES_VOID,
REFUSE("charges_kept", "DELETE ON charges", "1", "a charge is never deleted"),

KEYS_RULES,

REFUSE("answers_new", "INSERT ON answers",
       "(SELECT state FROM charges WHERE seq = NEW.charge) <> 1",
       "an answer belongs to an answered charge"),
REFUSE("answers_fixed", "UPDATE ON answers", "1", "an answer never changes"),
PIECE_TABLES,
LIFT_TABLE,
META_TABLE,
TEXT_TABLE,
SEGMENT_TABLE,
OPEN_INDEX,
NULL,
};
/* clang-format on */
