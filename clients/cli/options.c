#include "clients/cli/options.h"

#include <string.h>

#include "clients/cli/number.h"
#include "server/query/suggest.h"

static const struct flag FLAGS[FLAG_COUNT_] = {
#define FLAG(id, name_, letter_, arg_, kind_, field_, groups_, env_, in_file_, \
             help_)                                                            \
    [FLAG_##id] = { name_,                                                     \
                    letter_,                                                   \
                    arg_,                                                      \
                    FLAG_KIND_##kind_,                                         \
                    offsetof(struct options, field_),                          \
                    groups_,                                                   \
                    env_,                                                      \
                    in_file_,                                                  \
                    help_ },
#include "clients/cli/flag.def"
#undef FLAG
};

const struct flag *flag_of(enum flag_id id)
{
    return &FLAGS[id];
}

enum flag_id flag_by_name(const char *name, size_t len, unsigned groups)
{
    unsigned found = FLAG_COUNT_;
    for (unsigned id = 0; id < FLAG_COUNT_; id++) {
        if (strlen(FLAGS[id].name) != len ||
            memcmp(FLAGS[id].name, name, len) != 0)
            continue;
        if ((FLAGS[id].groups & groups) != 0)
            return (enum flag_id)id;
        if (found == FLAG_COUNT_)
            found = id;
    }
    return (enum flag_id)found;
}

static enum flag_id flag_by_letter(char letter)
{
    unsigned id = 0;
    while (id < FLAG_COUNT_ && FLAGS[id].letter != letter)
        id++;
    return (enum flag_id)id;
}

static enum err_code set_switch(bool *out, const char *text, struct err *err)
{
    *out = !text || strcmp(text, "true") == 0;
    if (*out || strcmp(text, "false") == 0)
        return ERR_OK;
    return err_set(err, ERR_INVALID, "'%.40s' is neither true nor false", text);
}

static enum err_code set_number(double *out, const char *text, struct err *err)
{
    double d;
    if (!number_parse(&d, text, strlen(text)) || !(d > 0))
        return err_set(err, ERR_INVALID, "'%.40s' is not a number above 0",
                       text);
    *out = d;
    return ERR_OK;
}

static enum err_code set_count(uint32_t *out, const char *text, struct err *err)
{
    double d;
    if (strspn(text, "0123456789") != strlen(text) ||
        !number_parse(&d, text, strlen(text)) || d < 1 || d > UINT32_MAX)
        return err_set(err, ERR_INVALID,
                       "'%.40s' is not a whole number from 1 to 4294967295",
                       text);
    *out = (uint32_t)d;
    return ERR_OK;
}

static enum err_code set_whole(uint64_t *out, const char *text, struct err *err)
{
    double d;
    if (strspn(text, "0123456789") != strlen(text) ||
        !number_parse(&d, text, strlen(text)) || d > 0x1p53)
        return err_set(err, ERR_INVALID,
                       "'%.40s' is not a whole number from 0 to 2^53", text);
    *out = (uint64_t)d;
    return ERR_OK;
}

static enum err_code set_share(double *out, const char *text, struct err *err)
{
    double d;
    if (!number_parse(&d, text, strlen(text)) || !(d >= 0 && d < 1))
        return err_set(err, ERR_INVALID,
                       "'%.40s' is not a number from 0 to below 1", text);
    *out = d;
    return ERR_OK;
}

static enum err_code set_duration(uint64_t *out, const char *text,
                                  struct err *err)
{
    static const struct unit {
        const char *name;
        double ms;
    } UNITS[] = {
        { "", 1e3 }, { "ms", 1 }, { "s", 1e3 }, { "m", 60e3 }, { "h", 3600e3 }
    };
    static const double MOST_MS = 30 * 86400e3;
    const size_t len = strspn(text, "0123456789.");
    double d = 0;
    for (size_t i = 0; i < sizeof UNITS / sizeof *UNITS; i++) {
        if (strcmp(text + len, UNITS[i].name) != 0 ||
            !number_parse(&d, text, len) || d * UNITS[i].ms < 1 ||
            d * UNITS[i].ms > MOST_MS)
            continue;
        *out = (uint64_t)(d * UNITS[i].ms);
        return ERR_OK;
    }
    (void)err_set(err, ERR_INVALID, "'%.40s' is not a time", text);
    return err_hint(err, "write 500ms, 30s or 2m: from 1ms to 30 days");
}

static enum err_code set_format(enum output_format *out, const char *text,
                                struct err *err)
{
    static const char *const NAMES[] = {
        [FORMAT_TABLE] = "table", [FORMAT_CSV] = "csv", [FORMAT_JSON] = "json"
    };
    for (unsigned f = 0; f <= FORMAT_JSON; f++) {
        if (strcmp(text, NAMES[f]) == 0) {
            *out = (enum output_format)f;
            return ERR_OK;
        }
    }
    return err_set(err, ERR_INVALID, "'%.40s' is not table, csv or json", text);
}

static enum err_code append(struct option_list *list, enum flag_id id,
                            const char *value, struct err *err)
{
    if (list->n == OPTION_LIST_MAX)
        return err_set(err, ERR_INVALID, "given more than %d times",
                       OPTION_LIST_MAX);
    list->items[list->n++] = (struct option){ id, value };
    return ERR_OK;
}

static enum err_code set_field(struct options *o, enum flag_id id,
                               const char *value, struct err *err)
{
    void *field = (char *)o + FLAGS[id].field;
    if (value && *value == '\0' && FLAGS[id].kind != FLAG_KIND_LIST)
        return err_set(err, ERR_INVALID, "the value is empty");
    switch (FLAGS[id].kind) {
    case FLAG_KIND_SWITCH:
        return set_switch(field, value, err);
    case FLAG_KIND_TEXT:
        *(const char **)field = value;
        return ERR_OK;
    case FLAG_KIND_NUMBER:
        return set_number(field, value, err);
    case FLAG_KIND_COUNT:
        return set_count(field, value, err);
    case FLAG_KIND_WHOLE:
        return set_whole(field, value, err);
    case FLAG_KIND_SHARE:
        return set_share(field, value, err);
    case FLAG_KIND_LEVEL:
        return accuracy_parse_level(field, value, err);
    case FLAG_KIND_DURATION:
        return set_duration(field, value, err);
    case FLAG_KIND_FORMAT:
        return set_format(field, value, err);
    case FLAG_KIND_ACCURACY:
        return accuracy_parse(field, value, err);
    case FLAG_KIND_LIST:
        return append(field, id, value, err);
    }
    return ERR_OK;
}

enum err_code options_set(struct options *o, enum flag_id id, const char *value,
                          enum option_source source, struct err *err)
{
    if (o->source[id] > source)
        return ERR_OK;
    TRY(set_field(o, id, value, err));
    o->source[id] = source;
    return ERR_OK;
}

static enum err_code unknown(const char *word, size_t len, struct err *err)
{
    const char *names[FLAG_COUNT_];
    char name[SUGGEST_LEN_MAX + 1] = "";
    for (size_t i = 0; i < FLAG_COUNT_; i++)
        names[i] = FLAGS[i].name;
    if (len <= SUGGEST_LEN_MAX)
        memcpy(name, word, len);
    /* Every letter is near every other. */
    const char *near = len > 1 ? suggest(name, names, FLAG_COUNT_) : NULL;
    (void)err_set(err, ERR_INVALID, "there is no flag --%.*s",
                  (int)(len < 60 ? len : 60), word);
    return near ? err_hint(err, "did you mean --%s?", near)
                : err_hint(err, "see halftone --help; SQL that begins with a "
                                "dash goes after --");
}

/* Set a flag of the command line; the message names it as written. */
static enum err_code set_arg(struct options *o, enum flag_id id,
                             const char *value, struct err *err)
{
    struct err why;
    if (options_set(o, id, value, FROM_ARGS, &why) == ERR_OK)
        return ERR_OK;
    (void)err_set(err, why.code, "--%s: %s", FLAGS[id].name, why.msg);
    return err_hint(err, "%s", why.hint);
}

/* One flag at argv[*i], which begins with a dash; moves *i to its last word. */
static enum err_code parse_flag(struct options *out, int argc,
                                const char *const *argv, int *i,
                                struct err *err)
{
    const char *word = argv[*i];
    const bool is_long = word[1] == '-';
    const char *name = word + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    const size_t len = equals ? (size_t)(equals - name) : strlen(name);
    const bool calc = out->n_args > 0 && strcmp(out->args[0], "calc") == 0;
    const enum flag_id id = is_long
                                ? flag_by_name(name, len, calc ? FOR_CALC : 0)
                                : flag_by_letter(*name);
    if (id == FLAG_COUNT_)
        return unknown(name, len, err);

    const char *value = equals ? equals + 1 : NULL;
    if (!is_long && name[1] != '\0')
        value = name + 1;
    if (!FLAGS[id].arg) {
        if (!value)
            return set_arg(out, id, NULL, err);
        return err_set(err, ERR_INVALID, "--%s takes no value", FLAGS[id].name);
    }
    if (!value && *i + 1 < argc && strncmp(argv[*i + 1], "--", 2) != 0)
        value = argv[++*i];
    if (!value)
        return err_set(err, ERR_INVALID, "--%s needs a value: %s",
                       FLAGS[id].name, FLAGS[id].arg);
    return set_arg(out, id, value, err);
}

enum err_code options_parse(struct options *out, int argc,
                            const char *const *argv, struct err *err)
{
    bool flags = true;
    *out = (struct options){ 0 };
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        if (flags && strcmp(word, "--") == 0) {
            flags = false;
        } else if (flags && word[0] == '-' && word[1] != '\0') {
            TRY(parse_flag(out, argc, argv, &i, err));
        } else if (out->n_args == OPTION_ARGS_MAX) {
            return err_set(err, ERR_INVALID, "more than %d words",
                           OPTION_ARGS_MAX);
        } else {
            out->args[out->n_args++] = word;
        }
    }
    return ERR_OK;
}

enum err_code options_check_groups(const struct options *o, unsigned groups,
                                   const char *command, struct err *err)
{
    for (size_t i = 0; i < FLAG_COUNT_; i++) {
        if (o->source[i] != FROM_ARGS ||
            (FLAGS[i].groups & (groups | FOR_ALL)) != 0)
            continue;
        (void)err_set(err, ERR_INVALID, "halftone %s takes no --%s", command,
                      FLAGS[i].name);
        return err_hint(err, "see halftone %s --help", command);
    }
    return ERR_OK;
}
