/* What data may be used for, and who is asked. */
#include <openssl/crypto.h>
#include <string.h>

#include "server/policy/parts.h"
#include "server/policy/scalar.h"

static const char *const BASES[] = { "consent", "legitimate_interest",
                                     "public_task", NULL };
static const char *const SPECIALS[] = { "never", "explicit_consent", NULL };

enum { TCF_MAX = 11, LANGUAGES_MAX = 64 };

/* Letters, digits and '-', as BCP 47 has them: "en", "zh-Hant", "pt-BR". */
static bool is_language(const char *s)
{
    const size_t len = strlen(s);
    for (size_t i = 0; i < len; i++) {
        const bool letter =
            (s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z');
        if (i < 2 ? !letter
                  : !letter && s[i] != '-' && !(s[i] >= '0' && s[i] <= '9'))
            return false;
    }
    return len >= 2 && len <= 35;
}

static void read_since(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    struct policy_purpose *p = out;
    static const struct field text = { .key = "notice_since",
                                       .kind = FIELD_TEXT };
    const char *word = "";
    (void)f;
    fields_read_value(l, &text, node, &word);
    if (!scalar_date_us(&p->notice_since_us, word) &&
        !scalar_timestamp_us(&p->notice_since_us, word))
        loader_mistake(l, yaml_place_of(node), "'notice_since' is no time",
                       "write 'notice_since: 2026-05-01', in UTC");
}

static void read_words(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    struct policy_purpose *p = out;
    static const struct field text = { .key = "text", .kind = FIELD_TEXT };
    if (node->kind != YAML_MAP || node->n == 0 || node->n > LANGUAGES_MAX) {
        loader_mistake(l, yaml_place_of(node),
                       "'text' must be a map of at least one language",
                       "write 'text: {en: \"...\", de: \"...\"}'");
        return;
    }
    p->words = loader_alloc(l, node->n, sizeof *p->words);
    if (!p->words)
        return;
    (void)f;
    for (const struct yaml_node *c = node->first; c; c = c->next) {
        struct policy_words *w = &p->words[p->n_words++];
        *w = (struct policy_words){ "", "" };
        fields_read_key(l, &text, c, &w->language);
        fields_read_value(l, &text, c, &w->text);
        if (!is_language(w->language))
            loader_mistake(l, yaml_place_of_key(c),
                           arena_printf(l->a, "'%s' names no language",
                                        loader_quote(l, w->language)),
                           "write a tag such as en, de or pt-BR");
    }
}

#define PURPOSE_AT(member) offsetof(struct policy_purpose, member)
static const struct field PURPOSE[] = {
    { .key = "help",
      .kind = FIELD_TEXT,
      .at = PURPOSE_AT(help),
      .absent = "nothing",
      .help = "One sentence for the people concerned." },
    { .key = "text",
      .kind = FIELD_CUSTOM,
      .read = read_words,
      .form = "map",
      .absent = "`help` alone",
      .help = "The same in plain words, by language: `{en: \"...\", de: "
              "\"...\"}`." },
    { .key = "basis",
      .kind = FIELD_WORD,
      .required = true,
      .at = PURPOSE_AT(basis),
      .words = BASES,
      .help =
          "Why the data may be used. Under consent only people who said yes "
          "count, and without a register (`consent`) queries are refused; "
          "under the others everybody does but who objected." },
    { .key = "tcf",
      .kind = FIELD_U32,
      .at = PURPOSE_AT(tcf),
      .fallback = "0",
      .max = TCF_MAX,
      .help = "Number of this purpose in IAB TCF v2.3, by which consent "
              "strings speak of it (7 to 10 fit analytics); 0 is none." },
    { .key = "gpc",
      .kind = FIELD_BOOL,
      .at = PURPOSE_AT(gpc),
      .fallback = "false",
      .help = "Whether a browser's Global Privacy Control signal is a no to "
              "it: for what sells or shares data." },
    { .key = "contact",
      .kind = FIELD_BOOL,
      .at = PURPOSE_AT(contact),
      .fallback = "false",
      .help = "Whether people may be contacted for it, through a channel they "
              "chose (`contact`)." },
    { .key = "retention",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000000,
      .at = PURPOSE_AT(retention_s),
      .fallback = "0",
      .max = 36600 * 86400.0,
      .help = "How long data are kept for it, as people are told; 0 is not "
              "said." },
    { .key = "valid_for",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000000,
      .at = PURPOSE_AT(valid_for_s),
      .fallback = "0",
      .max = 36600 * 86400.0,
      .help = "A consent ends so long after it was given; 0 is when it is "
              "withdrawn." },
    { .key = "notice",
      .kind = FIELD_U32,
      .at = PURPOSE_AT(notice),
      .fallback = "1",
      .min = 1,
      .max = 1e9,
      .help = "Version of what people are told of it." },
    { .key = "notice_since",
      .kind = FIELD_CUSTOM,
      .read = read_since,
      .form = "time",
      .absent = "always",
      .help = "Since when that version is shown, in UTC. A yes of before that "
              "names no version, as consent strings and old files, is to the "
              "one before." },
    { .key = "least_notice",
      .kind = FIELD_U32,
      .at = PURPOSE_AT(least_notice),
      .fallback = "0",
      .max = 1e9,
      .help = "A consent to an older notice counts no more: people are asked "
              "anew." },
};
const struct field_set POLICY_PURPOSE_FIELDS =
    FIELD_SET("a purpose", "purposes.ID", PURPOSE);

void policy_read_purposes(struct loader *l, const struct field *f,
                          const struct yaml_node *node, void *out)
{
    struct policy *p = &((struct policy_file *)out)->p;
    (void)f;
    if (node->kind != YAML_MAP || node->n == 0) {
        loader_mistake(l, yaml_place_of_key(node),
                       "'purposes' must be a map of at least one purpose",
                       "write 'purposes: {analytics: {basis: "
                       "legitimate_interest}}'");
        return;
    }
    p->purposes = loader_alloc(l, node->n, sizeof *p->purposes);
    if (!p->purposes)
        return;
    static const struct field id = {
        .key = "id",
        .kind = FIELD_ID,
        .help = "The id of a purpose is what queries name."
    };
    for (const struct yaml_node *c = node->first; c; c = c->next) {
        struct policy_purpose *purpose = &p->purposes[p->n_purposes++];
        *purpose = (struct policy_purpose){ .id = "", .help = "" };
        fields_read_key(l, &id, c, &purpose->id);
        fields_read(l, &POLICY_PURPOSE_FIELDS, c, purpose);
    }
}

/* ---- consent ---- */

#define AT(member) offsetof(struct policy, member)
static const struct field MAP[] = {
    { .key = "from",
      .kind = FIELD_TEXT,
      .required = true,
      .at = AT(map.source),
      .help = "File of the map, or table of the DuckDB file; relative to this "
              "file." },
    { .key = "key",
      .kind = FIELD_TEXT,
      .required = true,
      .at = AT(map.key),
      .help = "Column of the map with the data's key." },
    { .key = "subject",
      .kind = FIELD_TEXT,
      .required = true,
      .at = AT(map.subject),
      .help = "Column of the map with what subject services call the person." },
};
const struct field_set POLICY_MAP_FIELDS =
    FIELD_SET("a map of subjects", "consent.map", MAP);

static void read_map(struct loader *l, const struct field *f,
                     const struct yaml_node *node, void *out)
{
    struct policy *p = out;
    (void)f;
    fields_read(l, &POLICY_MAP_FIELDS, node, p);
    if (p->map.source && p->source == SOURCE_FILES)
        p->map.source = loader_resolve(l, p->map.source);
}

static void read_owner(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out)
{
    struct policy_erasure *e = &((struct policy *)out)->erasure;
    const struct field text = { .key = f->key, .kind = FIELD_TEXT };
    const char *hex = NULL;
    size_t len = 0;
    fields_read_value(l, &text, node, &hex);
    if (!hex)
        return;
    e->has_owner =
        strlen(hex) == 2 * sizeof e->owner &&
        OPENSSL_hexstr2buf_ex(e->owner, sizeof e->owner, &len, hex, '\0') == 1;
    if (!e->has_owner)
        loader_mistake(l, yaml_place_of(node),
                       "'owner' is not a key of 64 hexadecimal digits",
                       "'halftone erasures key' makes one and prints this "
                       "line");
}

static const struct field ERASURE[] = {
    { .key = "deadline",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000000,
      .at = AT(erasure.deadline_s),
      .fallback = "30 days",
      .min = 3600,
      .max = 366 * 86400.0,
      .help = "An erasure is to be done in every dataset so long after it was "
              "asked for; what is late is shown so." },
    { .key = "execute",
      .kind = FIELD_BOOL,
      .at = AT(erasure.executes),
      .fallback = "false",
      .help = "The server deletes the rows of whoever was erased itself, by "
              "writing a Parquet or DuckDB file anew without them, or by "
              "DELETE in PostgreSQL where 'writer' may. Else, and "
              "where it cannot, the owner gets a signed list." },
    { .key = "every",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000000,
      .at = AT(erasure.every_s),
      .fallback = "1 day",
      .min = 1,
      .max = 366 * 86400.0,
      .help = "At multiples of this since 1970, and when the server starts or "
              "reads its files again, the data are looked at for people who "
              "were erased." },
    { .key = "owner",
      .kind = FIELD_CUSTOM,
      .read = read_owner,
      .form = "64 hexadecimal digits",
      .absent = "no list can be made",
      .help = "X25519 key of who owns the data: lists of whom to erase are "
              "sealed for it, so that nobody else reads an identifier. "
              "`halftone erasures key` makes one." },
};
const struct field_set POLICY_ERASURE_FIELDS =
    FIELD_SET("erasure", "consent.erasure", ERASURE);

static void read_erasure(struct loader *l, const struct field *f,
                         const struct yaml_node *node, void *out)
{
    (void)f;
    fields_read(l, &POLICY_ERASURE_FIELDS, node, out);
}

#define FILE_AT(member) offsetof(struct policy_file, member)
static const struct field COUNTS[] = {
    { .key = "every",
      .kind = FIELD_DURATION,
      .required = true,
      .unit_ns = 1000000000,
      .at = FILE_AT(p.counts.every_s),
      .min = 60,
      .max = 366 * 86400.0,
      .help = "They are released at multiples of this since 1970, whether "
              "anybody decided anything or not." },
    { .key = "price",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = policy_read_price,
      .form = "price",
      .at = FILE_AT(counts_price),
      .help = "What one release costs: of all purposes together, each of which "
              "a person may count in." },
    { .key = "reserve",
      .kind = FIELD_CUSTOM,
      .required = true,
      .read = policy_read_price,
      .form = "price",
      .at = FILE_AT(counts_reserve),
      .help = "Part of the cap that is kept for them over the dataset's life; "
              "when it is spent they end." },
};
const struct field_set POLICY_COUNTS_FIELDS =
    FIELD_SET("counts of consent", "consent.counts", COUNTS);

static void read_counts(struct loader *l, const struct field *f,
                        const struct yaml_node *node, void *out)
{
    (void)f;
    fields_read(l, &POLICY_COUNTS_FIELDS, node,
                (char *)out - offsetof(struct policy_file, p));
}

static const struct field CONSENT[] = {
    { .key = "counts",
      .kind = FIELD_CUSTOM,
      .read = read_counts,
      .inner = &POLICY_COUNTS_FIELDS,
      .form = "map",
      .absent = "none are released",
      .help = "How many people said yes to each purpose, or objected to it, "
              "with noise, for everybody who sees the dataset "
              "(halftone consent counts)." },
    { .key = "interval",
      .kind = FIELD_DURATION,
      .unit_ns = 1000000000,
      .at = AT(consent_interval_s),
      .fallback = "1 day",
      .min = 1,
      .max = 366 * 86400.0,
      .help = "Stretches of this length since 1970 divide time; an answer is "
              "served again in the one it was released in alone, whatever "
              "people decided, and for `reuse_for` at most." },
    { .key = "controller",
      .kind = FIELD_TEXT,
      .at = AT(controller),
      .absent = "the dataset's name",
      .help = "Who answers for the data and how to reach them, as receipts "
              "name it." },
    { .key = "erasure",
      .kind = FIELD_CUSTOM,
      .read = read_erasure,
      .inner = &POLICY_ERASURE_FIELDS,
      .form = "map",
      .absent = "as its keys say",
      .help = "How soon people who ask for it are erased, and by whom." },
    { .key = "map",
      .kind = FIELD_CUSTOM,
      .read = read_map,
      .inner = &POLICY_MAP_FIELDS,
      .form = "map",
      .absent = "subjects are named by the privacy key",
      .help = "Where the data hold pseudonyms: a table beside them that says "
              "whose each is. Only there both stand." },
    { .key = "special",
      .kind = FIELD_WORD,
      .at = AT(special),
      .words = SPECIALS,
      .fallback = "never",
      .help = "Whether people who are marked in the register (children, "
              "special categories of data) count: never, or by explicit "
              "consent alone, whatever the basis." },
};
const struct field_set POLICY_CONSENT_FIELDS =
    FIELD_SET("consent", "consent", CONSENT);

/* That the section is there says that a register is. */
void policy_read_consent(struct loader *l, const struct field *f,
                         const struct yaml_node *node, void *out)
{
    struct policy *p = &((struct policy_file *)out)->p;
    (void)f;
    p->has_consent = true;
    p->controller = "";
    p->erasure =
        (struct policy_erasure){ .deadline_s = 30 * 86400, .every_s = 86400 };
    fields_read(l, &POLICY_CONSENT_FIELDS, node, p);
}

static const struct yaml_node *nth(const struct yaml_node *map, size_t at)
{
    const struct yaml_node *c = map ? map->first : NULL;
    while (c && at-- > 0)
        c = c->next;
    return c;
}

void policy_check_consent(struct loader *l, struct policy_file *file)
{
    const struct policy *p = &file->p;
    const struct yaml_node *all = yaml_tree_find(file->root, "purposes");
    for (size_t i = 0; i < p->n_purposes; i++) {
        const struct policy_purpose *one = &p->purposes[i];
        const struct yaml_node *node = nth(all, i);
        if (one->least_notice > one->notice)
            loader_mistake(l, yaml_place_of_key(node),
                           "'least_notice' passes 'notice'",
                           "no consent could count: lower it");
        for (size_t j = 0; one->tcf > 0 && j < i; j++)
            if (p->purposes[j].tcf == one->tcf)
                loader_mistake(l, yaml_place_of_key(node),
                               arena_printf(l->a,
                                            "purposes '%s' and '%s' are one "
                                            "to the TCF: %u",
                                            loader_quote(l, p->purposes[j].id),
                                            loader_quote(l, one->id), one->tcf),
                               "make one purpose of them, or leave 'tcf' out "
                               "of one");
    }
    if (p->n_purposes > 64)
        loader_mistake(l, yaml_place_of_key(all),
                       "there are more than 64 purposes",
                       "people cannot decide about so many: join some");
}
