#include "server/query/setting.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "server/query/accuracy.h"
#include "server/query/suggest.h"

static const struct setting_info INFOS[SETTING_COUNT] = {
#define SETTING(id, name, takes, help) { name, takes, help },
#include "server/query/setting.def"
#undef SETTING
};

const struct setting_info *setting_info_of(enum setting s)
{
    return &INFOS[s];
}

bool setting_is_ours(const char *name)
{
    return strncasecmp(name, SETTING_PREFIX, strlen(SETTING_PREFIX)) == 0;
}

enum setting setting_of_name(const char *name)
{
    unsigned s = SETTING_COUNT;
    if (setting_is_ours(name))
        for (s = 0; s < SETTING_COUNT &&
                    strcasecmp(name + strlen(SETTING_PREFIX), INFOS[s].name);
             s++)
            ;
    return (enum setting)s;
}

/* The setting that was meant, or NULL; without the prefix it may be, too. */
static const char *meant(const char *name)
{
    const size_t len = sizeof SETTING_PREFIX - 1;
    const char *words[SETTING_COUNT];
    for (size_t s = 0; s < SETTING_COUNT; s++)
        words[s] = INFOS[s].name;
    if (strncasecmp(name, SETTING_PREFIX, len) == 0)
        name += len;
    return suggest(name, words, SETTING_COUNT);
}

static enum err_code unknown(const char *name, struct err *err)
{
    char list[256];
    struct writer w = writer_of(list, sizeof list);
    const char *near = meant(name);
    for (size_t s = 0; s < SETTING_COUNT; s++)
        writer_printf(&w, "%s%s%s", s ? ", " : "", SETTING_PREFIX,
                      INFOS[s].name);
    (void)err_set(err, ERR_NOT_FOUND, "there is no setting \"%.80s\"", name);
    if (strcasecmp(name, "tables") == 0) /* MySQL's SHOW TABLES */
        return err_hint(err, "'halftone describe' shows the tables, as psql "
                             "does with \\d");
    if (strcasecmp(name, SETTING_PREFIX "budget") == 0) /* of the other port */
        return err_hint(err, "'halftone budget' tells what is left, as "
                             "GetBudget does");
    if (near)
        return err_hint(err, "did you mean %s%s?", SETTING_PREFIX, near);
    return err_hint(err, "there are %s", writer_cstr(&w) ? list : "others");
}

static enum err_code bad_value(enum setting s, const char *value,
                               struct err *err)
{
    (void)err_set(err, ERR_INVALID, "'%.80s' is no value of %s%s", value,
                  SETTING_PREFIX, INFOS[s].name);
    return err_hint(err, "it takes %s", INFOS[s].takes);
}

static bool read_switch(bool *out, const char *value)
{
    static const char *const words[][2] = {
        { "off", "on" }, { "false", "true" }, { "no", "yes" }, { "0", "1" }
    };
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        for (int b = 0; b < 2; b++)
            if (strcasecmp(value, words[i][b]) == 0) {
                *out = b;
                return true;
            }
    return false;
}

/* By the number of enum ask_rows. */
static const char *const ROWS[] = { "refused", "probe", "none" };

static enum err_code set_rows(struct request *req, const char *value,
                              struct err *err)
{
    for (unsigned i = 0; i < sizeof ROWS / sizeof ROWS[0]; i++)
        if (strcasecmp(value, ROWS[i]) == 0) {
            req->rows = (enum ask_rows)i;
            return ERR_OK;
        }
    return bad_value(SETTING_ROWS, value, err);
}

static enum err_code set_price(struct request *req, enum setting s,
                               const char *value, struct err *err)
{
    struct value v;
    if (value_parse(&v, VALUE_DOUBLE, value, strlen(value), err) != ERR_OK ||
        !(v.d > 0 && v.d < 1e6))
        return bad_value(s, value, err);
    req->ask.kind = s == SETTING_RHO ? ASK_RHO : ASK_EPSILON;
    req->ask.price = v.d;
    return ERR_OK;
}

static enum err_code set_accuracy(struct request *req, const char *value,
                                  struct err *err)
{
    struct accuracy acc;
    TRY(accuracy_parse(&acc, value, err));
    req->ask.kind = acc.relative ? ASK_ACCURACY_REL : ASK_ACCURACY_ABS;
    req->ask.half_width = acc.half_width;
    if (acc.level > 0)
        req->ask.level = acc.level;
    return ERR_OK;
}

enum err_code setting_set(struct request *req, const char *name,
                          const char *value, struct arena *a, struct err *err)
{
    const enum setting s = setting_of_name(name);
    bool on = false;
    switch (s) {
    case SETTING_PURPOSE:
        req->purpose = arena_strdup(a, value);
        return req->purpose ? ERR_OK
                            : err_set(err, ERR_LIMIT, "the value is too long");
    case SETTING_DASHBOARD:
        req->dashboard = arena_strdup(a, value);
        return req->dashboard
                   ? ERR_OK
                   : err_set(err, ERR_LIMIT, "the value is too long");
    case SETTING_ACCURACY:
        return set_accuracy(req, value, err);
    case SETTING_RHO:
    case SETTING_EPSILON:
        return set_price(req, s, value, err);
    case SETTING_ROWS:
        return set_rows(req, value, err);
    case SETTING_INTERVALS:
    case SETTING_BOUNDS_REPORT:
        if (!read_switch(&on, value))
            return bad_value(s, value, err);
        if (s == SETTING_INTERVALS)
            req->intervals = on;
        else
            req->bounds_report = on;
        return ERR_OK;
    case SETTING_COUNT:
        break;
    }
    return unknown(name, err);
}

static bool says(const struct request *req, enum setting s)
{
    const enum ask_kind kind = req->ask.kind;
    return (s == SETTING_RHO && kind == ASK_RHO) ||
           (s == SETTING_EPSILON && kind == ASK_EPSILON) ||
           (s == SETTING_ACCURACY &&
            (kind == ASK_ACCURACY_ABS || kind == ASK_ACCURACY_REL));
}

static void reset(struct request *req, const struct request *base,
                  enum setting s)
{
    if (s == SETTING_PURPOSE)
        req->purpose = base->purpose;
    else if (s == SETTING_DASHBOARD)
        req->dashboard = base->dashboard;
    else if (s == SETTING_INTERVALS)
        req->intervals = base->intervals;
    else if (s == SETTING_ROWS)
        req->rows = base->rows;
    else if (s == SETTING_BOUNDS_REPORT)
        req->bounds_report = base->bounds_report;
    else if (says(req, s))
        req->ask = base->ask;
}

enum err_code setting_reset(struct request *req, const struct request *base,
                            const char *name, struct err *err)
{
    const enum setting s = name ? setting_of_name(name) : SETTING_COUNT;
    if (name && s == SETTING_COUNT)
        return unknown(name, err);
    for (unsigned i = 0; i < SETTING_COUNT; i++)
        if (!name || i == s)
            reset(req, base, (enum setting)i);
    return ERR_OK;
}

static const char *show_accuracy(const struct ask *ask, struct arena *a)
{
    const bool relative = ask->kind == ASK_ACCURACY_REL;
    const double width = relative ? 100 * ask->half_width : ask->half_width;
    const char *sign = relative ? "%" : "";
    return ask->level > 0 ? arena_printf(a, "%.15g%s@%.15g%%", width, sign,
                                         100 * ask->level)
                          : arena_printf(a, "%.15g%s", width, sign);
}

const char *setting_show(const struct request *req, enum setting s,
                         struct arena *a)
{
    switch (s) {
    case SETTING_PURPOSE:
        return req->purpose ? req->purpose : "";
    case SETTING_DASHBOARD:
        return req->dashboard ? req->dashboard : "";
    case SETTING_ACCURACY:
        return says(req, s) ? show_accuracy(&req->ask, a) : "";
    case SETTING_RHO:
    case SETTING_EPSILON:
        return says(req, s) ? arena_printf(a, "%.15g", req->ask.price) : "";
    case SETTING_INTERVALS:
        return req->intervals ? "on" : "off";
    case SETTING_ROWS:
        return ROWS[req->rows];
    case SETTING_BOUNDS_REPORT:
        return req->bounds_report ? "on" : "off";
    case SETTING_COUNT:
        break;
    }
    return "";
}
