#include "server/plan/gate.h"

static void literal(struct writer *w, const char *text)
{
    writer_u8(w, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            writer_u8(w, '\'');
        writer_u8(w, (uint8_t)*text);
    }
    writer_u8(w, '\'');
}

void gate_condition(struct writer *w, const struct policy_purpose *purpose,
                    const char *key, const char *said, const char *people)
{
    if (purpose->basis == BASIS_CONSENT) {
        writer_printf(w, "%s IN (SELECT person FROM %s WHERE purpose = ", key,
                      said);
        literal(w, purpose->id);
        writer_str(w, ")");
        return;
    }
    if (people)
        writer_printf(w, "%s IN (SELECT person FROM %s) AND ", key, people);
    writer_printf(w,
                  "%s IS NOT NULL AND NOT EXISTS (SELECT 1 FROM %s WHERE "
                  "purpose = ",
                  key, said);
    literal(w, purpose->id);
    writer_printf(w, " AND person = %s)", key);
}
