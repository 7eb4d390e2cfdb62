#include "server/query/refusal.h"

#include <assert.h>
#include <string.h>

static const struct refusal_info INFO[REFUSAL_COUNT] = {
#define REFUSAL(id, code_, name_, sentence_, hint_)                            \
    [REFUSAL_##id] = { name_, sentence_, hint_, ERR_##code_ },
#include "server/query/refusal.def"
#undef REFUSAL
};

const struct refusal_info *refusal_info_of(enum refusal id)
{
    assert(id < REFUSAL_COUNT);
    return &INFO[id];
}

enum { FILLED_MAX = 1024 };

/* `form` with the names in their places; what does not fit is cut. */
static const char *fill(char out[FILLED_MAX], const char *form, const char *one,
                        const char *two)
{
    struct writer w = writer_of(out, FILLED_MAX - 1);
    while (*form) {
        const bool is_name = (form[0] == '{') &&
                             (form[1] == '1' || form[1] == '2') &&
                             form[2] == '}';
        if (is_name) {
            const char *name = form[1] == '1' ? one : two;
            assert(name);
            writer_str(&w, name);
            form += 3;
        } else {
            writer_u8(&w, (uint8_t)*form++);
        }
    }
    out[w.len] = '\0';
    return out;
}

enum err_code refuse(struct err *err, enum refusal id, struct place at,
                     const char *one, const char *two)
{
    const struct refusal_info *info = refusal_info_of(id);
    char text[FILLED_MAX];
    err_set(err, info->code, "%s", fill(text, info->sentence, one, two));
    err_hint(err, "%s", fill(text, info->hint, one, two));
    err->reason = info->name;
    return err_at(err, at.line, at.col);
}
