#include "server/main/files.h"

#include <sys/resource.h>

enum {
    BASE = 128,      /* ledger, listeners, loops, configuration, the log, and
                        connections that others make room for */
    PER_WORKER = 16, /* files of one query, those it spills to included */
    CONNS_MIN = 8,
};

/* The limit in force, raised to `want` if the system lets us. */
static rlim_t raise_to(rlim_t want)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return want; /* the system does not say: accept() will */
    if (limit.rlim_cur >= want)
        return limit.rlim_cur;
    const struct rlimit raised = {
        .rlim_cur = limit.rlim_max < want ? limit.rlim_max : want,
        .rlim_max = limit.rlim_max,
    };
    return setrlimit(RLIMIT_NOFILE, &raised) == 0 ? raised.rlim_cur
                                                  : limit.rlim_cur;
}

enum err_code files_share(unsigned *max_conns, unsigned n_workers,
                          struct err *err)
{
    const rlim_t kept = BASE + (rlim_t)PER_WORKER * n_workers;
    const rlim_t have = raise_to(kept + *max_conns);
    if (have < kept + CONNS_MIN) {
        (void)err_set(
            err, ERR_LIMIT, "this process may open %llu files, and needs %llu",
            (unsigned long long)have, (unsigned long long)kept + CONNS_MIN);
        return err_hint(err, "raise the limit (ulimit -n, or LimitNOFILE= of "
                             "the service) or lower workers");
    }
    if (have - kept < *max_conns)
        *max_conns = (unsigned)(have - kept);
    return ERR_OK;
}
