#include "server/policy/policy.h"

#include <math.h>
#include <openssl/sha.h>
#include <string.h>

#include "server/policy/parts.h"

static const char *const SOURCES[] = { "files", "duckdb", "fake", "postgresql",
                                       NULL };
/* In the order of enum dp_notion. */
static const char *const NOTIONS[] = { "zcdp", "pure", "gdp", NULL };
#define AT(member)      offsetof(struct policy_file, p.member)
#define FILE_AT(member) offsetof(struct policy_file, member)
static const struct field SLOTS[] = {
    { .key = "first",
      .kind = FIELD_DURATION,
      .unit_ns = 1,
      .at = AT(slot_first_ns),
      .fallback = "50ms",
      .max = 60e9,
      .help = "Answers leave at the first slot at the earliest; 0 switches "
              "slots off, for tests." },
    { .key = "ratio",
      .kind = FIELD_REAL,
      .at = AT(slot_ratio),
      .fallback = "2",
      .min = 1.1,
      .max = 10,
      .help = "Each slot is this many times later than the one before." },
    { .key = "strict",
      .kind = FIELD_DURATION,
      .unit_ns = 1,
      .at = AT(slot_strict_ns),
      .fallback = "0",
      .max = 600e9,
      .help =
          "Strict mode: each query leaves this long after its worker began, "
          "stored or fresh, and holds the worker until then; what takes "
          "longer is a miss. 0 is off." },
};
static const struct field_set SLOT_FIELDS = FIELD_SET("slots", "slots", SLOTS);

/* The order is the page's: who, what it may cost, what it is for, the data. */
static const struct field POLICY[] = {
    { .key = "dataset",
      .kind = FIELD_NAME,
      .required = true,
      .at = AT(name),
      .help = "Name of the dataset, and its schema in SQL." },
    { .key = "help",
      .kind = FIELD_TEXT,
      .at = AT(help),
      .absent = "nothing",
      .help = "What the data is, for analysts." },
    { .key = "id",
      .kind = FIELD_ID,
      .at = AT(id),
      .absent = "the dataset's name",
      .help = "Identity under which the budget is kept: never change it, "
              "whatever else is renamed." },
    { .key = "population",
      .kind = FIELD_ID,
      .at = AT(population),
      .absent = "the id",
      .help = "Whose data it is; two datasets never share a population." },
    { .key = "exclusive",
      .kind = FIELD_BOOL,
      .required = true,
      .at = FILE_AT(exclusive),
      .form = "true",
      .help = "The steward's signature: the people in this dataset are in no "
              "other one, here or elsewhere." },
    { .key = "version",
      .kind = FIELD_U64,
      .required = true,
      .at = AT(version),
      .min = 1,
      .max = 0x1p53,
      .help = "Version of this policy, public; raise it with every change." },
    { .key = "data_version",
      .kind = FIELD_TEXT,
      .required = true,
      .at = AT(data_version),
      .help = "Public name of the state of the data, such as its last day; "
              "stored answers belong to one, and now() is not past a day or "
              "time that it names." },

    { .key = "source",
      .kind = FIELD_WORD,
      .at = AT(source),
      .words = SOURCES,
      .fallback = "files",
      .help = "Where the rows are: Parquet or CSV files, a DuckDB file, "
              "nowhere (for tests), or a PostgreSQL." },
    { .key = "database",
      .kind = FIELD_PATH,
      .at = AT(database),
      .absent = "none",
      .form = "path",
      .help = "The DuckDB file, for source duckdb; relative to this file.  For "
              "source postgresql the URI of a role that can only read, without "
              "a password: postgresql://reader@host/db?passfile=FILE." },
    { .key = "writer",
      .kind = FIELD_TEXT,
      .at = AT(writer),
      .absent = "none",
      .form = "URI",
      .help = "For source postgresql with consent: the URI of the role that "
              "keeps the tables of who counts." },

    { .key = "notion",
      .kind = FIELD_WORD,
      .at = AT(notion),
      .words = NOTIONS,
      .fallback = "zcdp",
      .help = "How spending is counted, for the life of the dataset: zcdp, "
              "gdp (Gaussian DP: the same cap answers about a sixth more), or "
              "pure (epsilon alone, public domains only)." },
    { .key = "cap",
      .kind = FIELD_CUSTOM,
      .required = true,
      .at = FILE_AT(cap),
      .read = policy_read_price,
      .form = "price",
      .help = "What all answers together may cost, for ever." },
    { .key = "max_price",
      .kind = FIELD_CUSTOM,
      .at = FILE_AT(max_price),
      .read = policy_read_price,
      .form = "price",
      .absent = "a twentieth of the cap",
      .help = "What one query may cost." },
    { .key = "default_price",
      .kind = FIELD_CUSTOM,
      .at = FILE_AT(default_price),
      .read = policy_read_price,
      .form = "price",
      .absent = "a thousandth of the cap",
      .help = "What a query costs that names neither accuracy nor price." },
    { .key = "default_delta",
      .kind = FIELD_REAL,
      .at = FILE_AT(default_delta),
      .max = 0.01,
      .absent = "a thousandth of the cap's",
      .help = "Delta of one private selection of groups." },
    { .key = "shown_delta",
      .kind = FIELD_REAL,
      .at = FILE_AT(shown_delta),
      .max = 0.01,
      .absent = "half the cap's delta, or 1e-6 with rho",
      .help = "Delta at which rho is converted to epsilon; what is shown adds "
              "the delta that was spent." },
    { .key = "quotas",
      .kind = FIELD_CUSTOM,
      .read = policy_read_quotas,
      .inner = &POLICY_QUOTA_FIELDS,
      .form = "list",
      .absent = "none",
      .help = "Limits under the cap, by principal, team, purpose or dashboard; "
              "a charge must "
              "fit all that match." },
    { .key = "max_people",
      .kind = FIELD_U64,
      .required = true,
      .at = AT(max_people),
      .min = 1,
      .max = 0x1p53,
      .help = "Public upper bound on the number of people." },
    { .key = "expected_size",
      .kind = FIELD_U64,
      .at = AT(expected_size),
      .fallback = "0",
      .max = 0x1p53,
      .help = "Public guess of the number of people, for relative accuracy; 0 "
              "is none." },
    { .key = "min_audience",
      .kind = FIELD_U32,
      .at = AT(min_audience),
      .fallback = "0",
      .max = 1e9,
      .help = "Least noisy number of people of a group that is shown." },
    { .key = "max_segment_day",
      .kind = FIELD_U32,
      .at = AT(max_segment_day),
      .fallback = "0",
      .max = 1e9,
      .help = "Questions that a principal, or all of its team, may ask in a "
              "day (UTC) about one segment: people picked out by a value of a "
              "column, or split by it; stored answers are free, and 0 is no "
              "limit." },

    { .key = "time_grain",
      .kind = FIELD_DURATION,
      .unit_ns = 1000,
      .at = AT(time_grain_us),
      .fallback = "1 day",
      .min = 1e6,
      .max = 366 * 86400e6,
      .help = "Bounds on times snap outward to it, so that a dashboard left "
              "open asks nothing new." },
    { .key = "reuse_for",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000000,
      .at = AT(reuse_for_s),
      .fallback = "1 day",
      .max = 3660 * 86400.0,
      .help = "A stored answer is served again, free, for this long; 0 is "
              "never." },
    { .key = "closed_after",
      .kind = FIELD_DURATION,
      .unit_ns = 1000,
      .at = AT(closed_after_us),
      .fallback = "6 h",
      .max = 3660 * 86400e6,
      .help = "A day (week, month) is closed so long after its end: rows that "
              "come later do not show in what was released of it." },
    { .key = "closed_for",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000000,
      .at = AT(closed_for_s),
      .fallback = "731 days",
      .max = 36600 * 86400.0,
      .help = "The released numbers of a closed day are served again, free, "
              "for this long, whatever `data_version`; 0 is no longer than "
              "`reuse_for`." },
    { .key = "slots",
      .kind = FIELD_MAP,
      .inner = &SLOT_FIELDS,
      .form = "map",
      .help = "When answers leave; coarsens what running time "
              "tells." },
    { .key = "deadline",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000,
      .at = AT(deadline_ms),
      .fallback = "30 s",
      .min = 100,
      .max = 3600e3,
      .help = "Longest run of one query; past it, a miss." },
    { .key = "max_misses",
      .kind = FIELD_U32,
      .at = AT(max_misses),
      .fallback = "8",
      .min = 1,
      .max = 1e6,
      .help = "Misses over the dataset's life before queries stop until a "
              "steward lifts it (halftone misses lift)." },
    { .key = "max_misses_day",
      .kind = FIELD_U32,
      .at = AT(max_misses_day),
      .fallback = "3",
      .min = 1,
      .max = 1e6,
      .help = "The same for one principal and day." },

    { .key = "consent",
      .kind = FIELD_CUSTOM,
      .read = policy_read_consent,
      .inner = &POLICY_CONSENT_FIELDS,
      .form = "map",
      .absent = "no register is asked who counts",
      .help = "The server's register of consent says who counts; `{}` takes "
              "the defaults." },
    { .key = "contact",
      .kind = FIELD_CUSTOM,
      .read = policy_read_contact,
      .inner = &POLICY_CONTACT_FIELDS,
      .form = "map",
      .absent = "nobody may be contacted",
      .help = "Channels through which senders may contact people who chose "
              "so, and limits." },
    { .key = "purposes",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = policy_read_purposes,
      .inner = &POLICY_PURPOSE_FIELDS,
      .form = "map",
      .help = "What the data may be used for: every query names one." },
    { .key = "tables",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = policy_read_tables,
      .inner = &POLICY_TABLE_FIELDS,
      .form = "map",
      .help = "The tables analysts see, by name." },
};
const struct field_set POLICY_FIELDS = FIELD_SET("the policy", "", POLICY);

void policy_keys_print(struct writer *w)
{
    static const struct field_set *const sets[] = {
        &POLICY_FIELDS,         &POLICY_PRICE_FIELDS,   &POLICY_QUOTA_FIELDS,
        &SLOT_FIELDS,           &POLICY_CONSENT_FIELDS, &POLICY_MAP_FIELDS,
        &POLICY_ERASURE_FIELDS, &POLICY_CONTACT_FIELDS, &POLICY_CHANNEL_FIELDS,
        &POLICY_COUNTS_FIELDS,  &POLICY_PURPOSE_FIELDS, &POLICY_TABLE_FIELDS,
        &POLICY_COLUMN_FIELDS,  &POLICY_ROLLUP_FIELDS,
    };
    fields_print(w, sets, sizeof sets / sizeof sets[0]);
}

static enum err_code finish(struct policy **out, struct loader *l,
                            const struct yaml_node *root, const void *bytes,
                            size_t len, struct err *err)
{
    struct policy_file *file = loader_alloc(l, 1, sizeof *file);
    if (!file)
        return loader_close(l, err);
    file->root = root;
    file->default_delta = file->shown_delta = NAN;
    file->cap = file->max_price = file->default_price = file->counts_price =
        file->counts_reserve = (struct price_text){ NULL, NAN, NAN, NAN };
    file->p.path = arena_strdup(l->a, l->path);
    file->p.help = "";
    fields_read(l, &POLICY_FIELDS, root, file);

    struct policy *p = &file->p;
    const struct yaml_node *name = yaml_tree_find(root, "dataset");
    p->line = name ? name->line : 0;
    p->id = p->id ? p->id : p->name;
    p->population = p->population ? p->population : p->id;
    (void)SHA256(bytes, len, p->hash);
    policy_hash_meaning(p->meaning, root, bytes, len);
    /* People are told that answers are re-read for reuse_for. */
    if (p->has_consent && p->closed_for_s > p->reuse_for_s)
        p->closed_for_s = p->reuse_for_s;
    policy_resolve_prices(l, file);
    policy_check(l, file);
    if (!p->path)
        l->full = true;
    TRY(loader_close(l, err));
    *out = p;
    return ERR_OK;
}

enum err_code policy_load(struct policy **out, const char *path,
                          struct policy_report *report, struct arena *a,
                          struct err *err)
{
    struct loader l = loader_of(path, report, a);
    const struct yaml_node *root;
    const uint8_t *bytes;
    size_t len;
    if (l.full)
        return loader_close(&l, err);
    TRY(loader_open_file(&l, &root, &bytes, &len, err));
    return finish(out, &l, root, bytes, len, err);
}

enum err_code policy_load_bytes(struct policy **out, const void *bytes,
                                size_t len, const char *path,
                                struct policy_report *report, struct arena *a,
                                struct err *err)
{
    struct loader l = loader_of(path, report, a);
    const struct yaml_node *root;
    if (l.full)
        return loader_close(&l, err);
    TRY(loader_open_bytes(&l, &root, bytes, len, err));
    return finish(out, &l, root, bytes, len, err);
}

const char *policy_notion_name(enum dp_notion notion)
{
    return NOTIONS[notion];
}
