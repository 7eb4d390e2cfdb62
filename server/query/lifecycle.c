#include "server/query/lifecycle.h"

#include <assert.h>

enum err_code lifecycle_run(struct lifecycle *q, struct err *err)
{
    assert(q->state < QUERY_REPLIED);

    while (q->state != QUERY_REPLIED) {
        const enum query_state next = q->state + 1;
        q->skip_to = next;
        const enum err_code code = q->stage[q->state](q, err);
        assert(code != ERR_AGAIN);
        if (code != ERR_OK) {
            q->state = QUERY_FAILED;
            return code;
        }
        assert(q->skip_to >= next && q->skip_to <= QUERY_REPLIED);
        q->state = q->skip_to;
    }
    return ERR_OK;
}

void lifecycle_skip(struct lifecycle *q, enum query_state to)
{
    assert(to > q->state && to <= QUERY_REPLIED);
    q->skip_to = to;
}

const char *query_state_name(enum query_state state)
{
    static const char *const NAMES[] = {
        [QUERY_RECEIVED] = "received", [QUERY_PLANNED] = "planned",
        [QUERY_CHARGED] = "charged",   [QUERY_EXECUTED] = "executed",
        [QUERY_NOISED] = "noised",     [QUERY_STORED] = "stored",
        [QUERY_REPLIED] = "replied",   [QUERY_FAILED] = "failed",
    };
    return NAMES[state];
}
