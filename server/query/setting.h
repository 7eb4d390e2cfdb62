#ifndef QUERY_SETTING_H
#define QUERY_SETTING_H

#include "server/query/request.h"

/*
 * Session settings: what a request's fields say, said in SQL.
 *
 *   SET halftone.accuracy = '5%'; SELECT ...
 *
 * A session is a struct request whose fields are filled in as settings are
 * set.  A call that carries its settings with it (gRPC, Connect, the command
 * line) starts from the request as it came and ends with it; a front end whose
 * connections live on (PostgreSQL) keeps one for each connection, starts each
 * question from it, and keeps settings of other names, client_encoding and
 * their like, itself.  server/sql/script.h reads the statements.
 *
 * accuracy, rho and epsilon say what the answer shall be worth, so setting one
 * takes back the others.  Values are functions of the text alone.
 */
enum setting {
#define SETTING(id, name, takes, help) SETTING_##id,
#include "server/query/setting.def"
#undef SETTING
    SETTING_COUNT
};

/* Facts about a setting.  Borrowed, static. */
struct setting_info {
    const char *name;  /* without "halftone." */
    const char *takes; /* examples */
    const char *help;
};
const struct setting_info *setting_info_of(enum setting s);

#define SETTING_PREFIX "halftone."

/* The setting called `name`, prefix and all, without regard to case;
 * SETTING_COUNT when there is none. */
enum setting setting_of_name(const char *name);

/* A setting of Halftone's by its prefix, known or not? */
bool setting_is_ours(const char *name);

/*
 * Change `req`.  `value` is as written, its quotes removed; its text moves to
 * `a`.
 *
 * ERR_OK
 * ERR_NOT_FOUND  no such setting; the hint lists those there are
 * ERR_INVALID    no value of it; the hint shows one
 * ERR_LIMIT      the arena is full
 */
enum err_code setting_set(struct request *req, const char *name,
                          const char *value, struct arena *a,
                          struct err *err) MUST_CHECK;

/* Back to what `base` says; `name` NULL: all of them. */
enum err_code setting_reset(struct request *req, const struct request *base,
                            const char *name, struct err *err) MUST_CHECK;

/* What is set, as SET would take it; "" when nothing is.  In `a`; NULL when it
 * is full. */
const char *setting_show(const struct request *req, enum setting s,
                         struct arena *a);

#endif
