#include "server/main/settle.h"

#include <string.h>

#include "server/metrics/metrics.h"
#include "server/query/refusal.h"
#include "server/query/setting.h"
#include "server/sql/script.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the request needs too much memory");
}

static enum err_code apply(struct request *req, const struct request *base,
                           const struct sql_setting *s, struct arena *a,
                           struct err *err)
{
    const enum err_code code = s->value
                                   ? setting_set(req, s->name, s->value, a, err)
                                   : setting_reset(req, base, s->name, err);
    if (code == ERR_OK)
        return ERR_OK;
    const struct place at = code == ERR_NOT_FOUND ? s->at : s->value_at;
    return err_at(err, at.line, at.col);
}

/* name, value and meaning, as PostgreSQL's SHOW ALL. */
static enum err_code show_all(struct reply_table *out,
                              const struct request *req, struct arena *a,
                              struct err *err)
{
    static const struct reply_column columns[] = {
        { .name = "name", .type = VALUE_TEXT, .is_key = true },
        { .name = "setting", .type = VALUE_TEXT, .is_key = true },
        { .name = "description", .type = VALUE_TEXT, .is_key = true },
    };
    struct value *cell = out->cells;
    out->n_columns = sizeof columns / sizeof columns[0];
    for (size_t i = 0; i < out->n_columns; i++)
        out->columns[i] = columns[i];
    for (unsigned s = 0; s < SETTING_COUNT; s++, cell += out->n_columns) {
        const struct setting_info *info = setting_info_of((enum setting)s);
        const char *name = arena_printf(a, SETTING_PREFIX "%s", info->name);
        const char *value = setting_show(req, (enum setting)s, a);
        if (!name || !value)
            return full(err);
        cell[0] = value_text(name, strlen(name));
        cell[1] = value_text(value, strlen(value));
        cell[2] = value_text(info->help, strlen(info->help));
    }
    out->n_rows = SETTING_COUNT;
    return ERR_OK;
}

static enum err_code show_one(struct reply_table *out,
                              const struct request *req,
                              const struct sql_script *script, struct arena *a,
                              struct err *err)
{
    const enum setting s = setting_of_name(script->show);
    if (s == SETTING_COUNT) {
        struct request none = *req;
        const enum err_code code = setting_reset(&none, req, script->show, err);
        return code == ERR_OK ? code
                              : err_at(err, script->at.line, script->at.col);
    }
    const char *value = setting_show(req, s, a);
    if (!value)
        return full(err);
    out->columns[0] = (struct reply_column){ .name = script->show,
                                             .type = VALUE_TEXT,
                                             .is_key = true };
    out->cells[0] = value_text(value, strlen(value));
    out->n_columns = out->n_rows = 1;
    return ERR_OK;
}

static enum err_code show(struct reply_table *out, const struct request *req,
                          const struct sql_script *script, struct arena *a,
                          struct err *err)
{
    enum { COLUMNS = 3 };
    const size_t n = COLUMNS * SETTING_COUNT;
    *out = (struct reply_table){ .release_slot_ns = -1 };
    out->columns = ARENA_NEW_N(a, COLUMNS, struct reply_column);
    out->cells = ARENA_NEW_N(a, n, struct value);
    out->intervals = ARENA_NEW_N(a, n, struct reply_interval);
    if (!out->columns || !out->cells || !out->intervals)
        return full(err);
    return script->show ? show_one(out, req, script, a, err)
                        : show_all(out, req, a, err);
}

enum err_code settle(bool *shows, struct reply_table *out,
                     struct service_call *call, struct arena *a,
                     struct err *err)
{
    const struct request *base = call->req;
    struct request *req = ARENA_NEW(a, struct request);
    struct sql_script script;
    *shows = false;
    if (base->tree)
        return ERR_OK;
    if (!req)
        return full(err);
    *req = *base;
    const uint64_t start = clock_mono_ns(call->service->clock);
    TRY(sql_script_parse(&script, base->sql, base->sql_len, a, err));
    metrics_add(&metrics.plan_ns_total,
                clock_mono_ns(call->service->clock) - start);
    for (size_t i = 0; i < script.n_sets; i++)
        TRY(apply(req, base, &script.sets[i], a, err));
    *shows = script.shows;
    if (script.shows)
        return show(out, req, &script, a, err);
    if (!script.question)
        return refuse(err, REFUSAL_SET_ALONE, script.sets[0].at, NULL, NULL);
    req->tree = script.question;
    req->text = req->sql;
    req->sql = NULL;
    req->sql_len = 0;
    call->req = req;
    return ERR_OK;
}
