#ifndef MAIN_SETTLE_H
#define MAIN_SETTLE_H

#include "server/main/service.h"

/*
 * The settings in a request's SQL (server/sql/script.h): what they say takes
 * the place of what the request's own fields say, before anything is looked up,
 * priced or allowed by them.  They end with the request.
 *
 * call->req becomes a copy with the fields filled in and the question as its
 * tree; a structured question is left as it is.
 *
 * ERR_OK        *shows: the SQL is a SHOW, answered into *out; nothing is left
 *               to plan
 * ERR_NOT_FOUND, ERR_INVALID  a setting that is none, or a value of none, with
 *               its place
 * ERR_SYNTAX, ERR_REFUSED, ERR_LIMIT  as sql_script_parse
 */
enum err_code settle(bool *shows, struct reply_table *out,
                     struct service_call *call, struct arena *a,
                     struct err *err) MUST_CHECK;

#endif
