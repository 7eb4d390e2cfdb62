#ifndef POLICY_FIELDS_H
#define POLICY_FIELDS_H

#include <stdint.h>

#include "server/base/writer.h"
#include "server/policy/report.h"
#include "server/policy/yaml.h"

/*
 * Settings files by table.  A field names a key, what may stand there, where
 * the value goes and what it is for; a set is the fields of one kind of map.
 * The reader, every message and the pages in docs/ come from the same rows, so
 * they cannot drift apart.
 *
 *   bytes --yaml_tree_parse--> nodes --fields_read--> struct + report
 *
 * The reader never stops at a mistake: it notes it and goes on, leaving the
 * value as it was.  A value DECIDE is a mistake too: a draft's way to say that
 * somebody has to think first.
 */
struct field;
struct loader;
typedef void field_read_fn(struct loader *l, const struct field *f,
                           const struct yaml_node *node, void *out);

/* Distinct texts in file order, and where each stands. */
struct field_texts {
    const char **text;
    struct yaml_place *at;
    size_t n;
};

enum field_kind {
    FIELD_TEXT,     /* const char * */
    FIELD_NAME,     /* const char *, an SQL identifier, not reserved */
    FIELD_ID,       /* const char *, see scalar_is_id */
    FIELD_PATH,     /* const char *, resolved against the file's folder */
    FIELD_WORD,     /* an enum: the index in `words` */
    FIELD_BOOL,     /* bool */
    FIELD_U32,      /* uint32_t, in [min, max] */
    FIELD_U64,      /* uint64_t, in [min, max] */
    FIELD_REAL,     /* double, in [min, max] */
    FIELD_DURATION, /* uint64_t in units of unit_ns; min, max in those units */
    FIELD_BYTES,    /* uint64_t, in [min, max] */
    FIELD_TEXTS,    /* struct field_texts: a list of text, or one text alone */
    FIELD_PATHS,    /* the same, each resolved against the file's folder */
    FIELD_MAP,      /* keys of `inner`, into the same struct */
    FIELD_CUSTOM,   /* `read` does it; `inner` documents a map's keys */
};

struct field {
    const char *key;
    enum field_kind kind;
    bool required;
    size_t at;            /* offset in the struct; CUSTOM: free to use */
    const char *fallback; /* read when absent, as one would write it; or NULL */
    double min, max;      /* no bounds when both are 0 */
    uint64_t unit_ns;     /* DURATION */
    const char *const *words;      /* WORD: NULL ends it */
    field_read_fn *read;           /* CUSTOM; out is the whole struct */
    const struct field_set *inner; /* MAP, CUSTOM */
    const char *form;   /* for people: what may stand there; NULL = by kind */
    const char *absent; /* for people: what holds when absent and there is no
                           fallback */
    const char *help;   /* one sentence */
};

struct field_set {
    const char *what; /* "a column" */
    const char *path; /* for the page: "tables.NAME.columns.NAME", "" = root */
    const struct field *fields;
    size_t n;
};
#define FIELD_SET(what_, path_, fields_)                                       \
    {                                                                          \
        .what = (what_), .path = (path_), .fields = (fields_),                 \
        .n = sizeof(fields_) / sizeof((fields_)[0])                            \
    }

/* One load. */
struct loader {
    struct arena *a;
    struct policy_report *report;
    const char *path;   /* of the file */
    const char *folder; /* relative paths start here */
    bool full;          /* the arena was exhausted: the result is worthless */
};

/*
 * A load in four steps, so that callers can check more before the verdict:
 *   loader_of      where it happens; texts go to `a`, mistakes to `report`
 *   loader_open_*  the file at l->path, or its bytes -> root
 *   fields_read    root -> a struct that the caller zeroed
 *   loader_close   the verdict
 * Opening fails as policy_load does, with the report closed.
 */
enum err_code loader_open_file(struct loader *l, const struct yaml_node **root,
                               const uint8_t **bytes, size_t *len,
                               struct err *err) MUST_CHECK;
enum err_code loader_open_bytes(struct loader *l, const struct yaml_node **root,
                                const void *bytes, size_t len,
                                struct err *err) MUST_CHECK;
struct loader loader_of(const char *path, struct policy_report *report,
                        struct arena *a);

/* ERR_OK without mistakes; else ERR_INVALID as report_err, or ERR_LIMIT. */
enum err_code loader_close(struct loader *l, struct err *err) MUST_CHECK;

/* Keys are read in the order of the set, whatever their order in the file. */
void fields_read(struct loader *l, const struct field_set *set,
                 const struct yaml_node *map, void *out);

/* Read one value by a field: for readers that turn it into something else. */
void fields_read_value(struct loader *l, const struct field *f,
                       const struct yaml_node *node, void *out);

/* Read the key of `child` as if it were the value of `f`: names of things. */
void fields_read_key(struct loader *l, const struct field *f,
                     const struct yaml_node *child, void *out);

/* Note a mistake; NULL texts mean that the arena is full. */
void loader_mistake(struct loader *l, struct yaml_place at, const char *msg,
                    const char *fix);

/* `text`, fit to stand in a message: short, printable.  Never NULL. */
const char *loader_quote(struct loader *l, const char *text);

/* The text of a scalar node with a value; else notes a mistake: NULL. */
const char *loader_scalar(struct loader *l, const struct field *f,
                          const struct yaml_node *node);

/* NULL and l->full when the arena is exhausted. */
void *loader_alloc(struct loader *l, size_t n, size_t size);

/* `path` against the folder of the file; NULL as above. */
const char *loader_resolve(struct loader *l, const char *path);

/* The keys of sets as rows of Markdown tables, one table a set: the same on a
 * terminal and in docs/. */
void fields_print(struct writer *w, const struct field_set *const *sets,
                  size_t n);

/* The word of a NULL-terminated list nearest to `text`, or NULL when none is
 * near enough to be meant. */
const char *suggest_word(const char *text, const char *const *words);

#endif
