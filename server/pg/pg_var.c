#include "server/pg/pg_var.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum rule { FIXED, ANY, BOOL, ON, ENCODING, DATESTYLE, TIMEOUT };
enum { VALUE_MAX = 1024 };

static const struct {
    const char *name, *value, *help;
    enum rule rule;
    bool reported;
} VARS[PG_VAR_COUNT] = {
#define PG_VAR(id, name, value, rule, reported, help)                          \
    { name, value, help, rule, reported },
#include "server/pg/pg_var.def"
#undef PG_VAR
};

void pg_vars_fini(struct pg_vars *v)
{
    for (unsigned i = 0; i < PG_VARS; i++) {
        free(v->value[i].now);
        free(v->value[i].before);
        free(v->value[i].session);
        free(v->value[i].base);
    }
    *v = (struct pg_vars){ 0 };
}

static const char *default_of(unsigned var)
{
    return var < PG_VAR_COUNT ? VARS[var].value : "";
}

const char *pg_var_text(const struct pg_vars *v, unsigned var)
{
    const char *now = v->value[var].now;
    return now ? now : default_of(var);
}

const char *pg_var_get(const struct pg_vars *v, enum pg_var var)
{
    return pg_var_text(v, (unsigned)var);
}

/* "halftone." and the name of each, once. */
const char *pg_var_name(unsigned var)
{
    static const char *const ours[SETTING_COUNT] = {
#define SETTING(id, name, takes, help) SETTING_PREFIX name,
#include "server/query/setting.def"
#undef SETTING
    };
    return var < PG_VAR_COUNT ? VARS[var].name : ours[var - PG_VAR_COUNT];
}

const char *pg_var_help(unsigned var)
{
    return var < PG_VAR_COUNT
               ? VARS[var].help
               : setting_info_of((enum setting)(var - PG_VAR_COUNT))->help;
}

unsigned pg_var_find(const char *name)
{
    unsigned i = 0;
    while (i < PG_VARS && strcasecmp(pg_var_name(i), name) != 0)
        i++;
    return i;
}

/* ---- rules ---- */

static enum err_code no_value(unsigned var, const char *value, struct err *err)
{
    return err_set(err, ERR_INVALID,
                   "invalid value for parameter \"%s\": \"%.60s\"",
                   pg_var_name(var), value);
}

static bool is_word(const char *value, const char *const *words)
{
    while (*words && strcasecmp(value, *words) != 0)
        words++;
    return *words;
}

static enum err_code as_bool(char *out, unsigned var, const char *value,
                             struct err *err)
{
    static const char *const on[] = { "on", "true", "yes", "1", "t", NULL };
    static const char *const off[] = { "off", "false", "no", "0", "f", NULL };
    if (!is_word(value, on) && !is_word(value, off))
        return no_value(var, value, err);
    (void)strcpy(out, is_word(value, on) ? "on" : "off");
    return VARS[var].rule == ON && is_word(value, off)
               ? no_value(var, value, err)
               : ERR_OK;
}

static enum err_code as_encoding(char *out, unsigned var, const char *value,
                                 struct err *err)
{
    static const char *const utf8[] = { "utf8", "unicode", NULL };
    char word[16]; /* letters and digits alone, as PostgreSQL reads it */
    size_t n = 0;
    for (const char *p = value; *p && n + 1 < sizeof word; p++)
        if (isalnum((unsigned char)*p))
            word[n++] = *p;
    word[n] = '\0';
    if (is_word(word, utf8) || strcasecmp(word, "sqlascii") == 0) {
        (void)strcpy(out, is_word(word, utf8) ? "UTF8" : "SQL_ASCII");
        return ERR_OK;
    }
    (void)no_value(var, value, err);
    return err_hint(err, "Text is UTF-8 here; set PGCLIENTENCODING=UTF8.");
}

/* ISO and, for what is read, an order of day, month and year. */
static enum err_code as_datestyle(char *out, unsigned var, const char *value,
                                  const char *now, struct err *err)
{
    static const char *const styles[] = { "ISO", "MDY",     "DMY",
                                          "YMD", "EURO",    "EUROPEAN",
                                          "US",  "DEFAULT", NULL };
    const char *order = strrchr(now, ' ') ? strrchr(now, ' ') + 1 : "MDY";
    char copy[64], *save = NULL;
    if (strlen(value) >= sizeof copy)
        return no_value(var, value, err);
    (void)strcpy(copy, value);
    for (char *w = strtok_r(copy, ", ", &save); w;
         w = strtok_r(NULL, ", ", &save)) {
        if (!is_word(w, styles)) {
            (void)no_value(var, value, err);
            return err_hint(err, "Dates are written as ISO 8601 here.");
        }
        if (strcasecmp(w, "DMY") == 0 || strncasecmp(w, "EURO", 4) == 0)
            order = "DMY";
        else if (strcasecmp(w, "MDY") == 0 || strcasecmp(w, "US") == 0)
            order = "MDY";
        else if (strcasecmp(w, "YMD") == 0)
            order = "YMD";
    }
    (void)strcpy(out, "ISO, ");
    (void)strcat(out, order);
    return ERR_OK;
}

/* "10000", "30s", "5 min"; false when it is none of those. */
static bool read_duration_ms(const char *value, uint64_t *ms)
{
    static const struct {
        const char *unit;
        uint64_t ms;
    } units[] = { { "", 1 },        { "ms", 1 },      { "s", 1000 },
                  { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
    char *end;
    const unsigned long n = strtoul(value, &end, 10);
    if (end == value || value[0] == '-' || n > INT32_MAX)
        return false;
    end += strspn(end, " ");
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (strcmp(end, units[i].unit) == 0) {
            *ms = n * units[i].ms;
            return true;
        }
    return false;
}

/* The value as it is kept, in `out`. */
static enum err_code rule(char out[VALUE_MAX], const struct pg_vars *v,
                          unsigned var, const char *value, struct err *err)
{
    uint64_t ms;
    if (strlen(value) >= VALUE_MAX)
        return no_value(var, value, err);
    if (var >= PG_VAR_COUNT) {
        /* Judged as what it will be: a field of a question. */
        struct request trial = { .purpose = "" };
        struct arena a;
        arena_init(&a, 2 * VALUE_MAX);
        const enum err_code code =
            setting_set(&trial, pg_var_name(var), value, &a, err);
        arena_fini(&a);
        (void)strcpy(out, value);
        return code;
    }
    switch (VARS[var].rule) {
    case FIXED:
        return err_set(err, ERR_INVALID, "parameter \"%s\" cannot be changed",
                       VARS[var].name);
    case BOOL:
    case ON:
        return as_bool(out, var, value, err);
    case ENCODING:
        return as_encoding(out, var, value, err);
    case DATESTYLE:
        return as_datestyle(out, var, value, pg_var_text(v, var), err);
    case TIMEOUT:
        if (!read_duration_ms(value, &ms))
            return no_value(var, value, err);
        break;
    case ANY:
        break;
    }
    (void)strcpy(out, value);
    return ERR_OK;
}

/* ---- setting ---- */

static char *copy_of(const char *text)
{
    char *copy = text ? strdup(text) : NULL;
    if (text && !copy)
        abort(); /* a setting must not silently be another */
    return copy;
}

static void put(struct pg_vars *v, unsigned var, const char *value)
{
    struct pg_var_value *x = &v->value[var];
    const bool same =
        strcmp(pg_var_text(v, var), value ? value : default_of(var)) == 0;
    char *now = copy_of(value);
    free(x->now);
    x->now = now;
    v->generation++;
    if (var < PG_VAR_COUNT && !same)
        v->changed[var] = true;
}

static void swap_in(char **to, const char *text)
{
    char *copy = copy_of(text);
    free(*to);
    *to = copy;
}

/* What a transaction sets is remembered as it was before. */
static void remember(struct pg_vars *v, unsigned var, bool local)
{
    struct pg_var_value *x = &v->value[var];
    if (!v->in_transaction)
        return;
    if (!x->moved)
        swap_in(&x->before, x->now);
    x->moved = true;
    if (local && !x->local)
        swap_in(&x->session, x->now);
    x->local = local;
}

/* Accuracy, rho and epsilon say one thing: the last one said holds. */
static bool excludes(unsigned a, unsigned b)
{
    const unsigned first = PG_VAR_COUNT;
    const unsigned asks[] = { first + SETTING_ACCURACY, first + SETTING_RHO,
                              first + SETTING_EPSILON };
    bool has_a = false, has_b = false;
    for (size_t i = 0; i < sizeof asks / sizeof asks[0]; i++) {
        has_a |= asks[i] == a;
        has_b |= asks[i] == b;
    }
    return a != b && has_a && has_b;
}

static void set_one(struct pg_vars *v, unsigned var, const char *value,
                    bool local)
{
    for (unsigned other = PG_VAR_COUNT; value && other < PG_VARS; other++)
        if (excludes(var, other)) {
            remember(v, other, local);
            put(v, other, NULL);
        }
    remember(v, var, local);
    put(v, var, value);
}

enum err_code pg_var_set(struct pg_vars *v, const char *name, const char *value,
                         bool local, struct err *err)
{
    char kept[VALUE_MAX];
    if (local && !v->in_transaction)
        return ERR_OK; /* it would end at once; PostgreSQL warns */
    if (!name) {
        for (unsigned i = 0; i < PG_VARS; i++)
            if (i >= PG_VAR_COUNT || VARS[i].rule != FIXED)
                set_one(v, i, v->value[i].base, local);
        return ERR_OK;
    }
    const unsigned var = pg_var_find(name);
    if (var == PG_VARS && setting_is_ours(name)) {
        struct request none = { .purpose = "" };
        return setting_reset(&none, &none, name, err);
    }
    if (var == PG_VARS)
        return err_set(err, ERR_NOT_FOUND,
                       "unrecognized configuration parameter \"%.60s\"", name);
    if (value)
        TRY(rule(kept, v, var, value, err));
    else if (var < PG_VAR_COUNT && VARS[var].rule == FIXED)
        return rule(kept, v, var, "", err);
    set_one(v, var, value ? kept : v->value[var].base, local);
    return ERR_OK;
}

void pg_var_force(struct pg_vars *v, enum pg_var var, const char *value)
{
    put(v, (unsigned)var, value);
    v->changed[var] = false;
}

void pg_vars_base(struct pg_vars *v)
{
    for (unsigned i = 0; i < PG_VARS; i++)
        swap_in(&v->value[i].base, v->value[i].now);
}

void pg_vars_begin(struct pg_vars *v)
{
    v->in_transaction = true;
}

void pg_vars_end(struct pg_vars *v, bool commits)
{
    for (unsigned i = 0; i < PG_VARS; i++) {
        struct pg_var_value *x = &v->value[i];
        if (x->moved && !commits)
            put(v, i, x->before);
        else if (x->local)
            put(v, i, x->session);
        x->moved = x->local = false;
    }
    v->in_transaction = false;
}

void pg_vars_report(struct pg_vars *v, struct pg_out *o, bool all)
{
    for (unsigned i = 0; i < PG_VAR_COUNT; i++) {
        if (VARS[i].reported && (all || v->changed[i])) {
            pg_out_begin(o, 'S');
            pg_out_text(o, VARS[i].name);
            pg_out_text(o, pg_var_text(v, i));
            pg_out_end(o);
        }
        v->changed[i] = false;
    }
}

/* ---- what they mean ---- */

enum err_code pg_vars_apply(const struct pg_vars *v, struct request *req,
                            struct arena *a, struct err *err)
{
    for (unsigned s = 0; s < SETTING_COUNT; s++) {
        const char *value = v->value[PG_VAR_COUNT + s].now;
        if (value)
            TRY(setting_set(req, pg_var_name(PG_VAR_COUNT + s), value, a, err));
    }
    return ERR_OK;
}

const char *pg_vars_dataset(const struct pg_vars *v, struct arena *a)
{
    static const char *const others[] = { "$user", "public", "pg_catalog",
                                          "information_schema", NULL };
    const char *at = pg_var_get(v, PG_VAR_SEARCH_PATH);
    while (*at) {
        at += strspn(at, ", \"");
        const size_t len = strcspn(at, ",\" ");
        char *name = arena_strndup(a, at, len);
        if (!name)
            return NULL;
        if (len > 0 && !is_word(name, others))
            return name;
        at += len;
    }
    return "";
}

uint64_t pg_vars_timeout_ns(const struct pg_vars *v)
{
    uint64_t ms = 0;
    (void)read_duration_ms(pg_var_get(v, PG_VAR_STATEMENT_TIMEOUT), &ms);
    return ms * 1000000;
}

bool pg_vars_wants(const struct pg_vars *v, const char *severity)
{
    const char *least = pg_var_get(v, PG_VAR_MIN_MESSAGES);
    if (strcasecmp(least, "error") == 0)
        return false;
    return strcasecmp(least, "warning") != 0 ||
           strcmp(severity, "WARNING") == 0;
}
