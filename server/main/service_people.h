#ifndef MAIN_SERVICE_PEOPLE_H
#define MAIN_SERVICE_PEOPLE_H

#include "server/main/service.h"

/* What calls about people name, checked against policy and caller. */

/* The dataset of a call about people's consent, which has a register.
 * ERR_NOT_FOUND as world_dataset; ERR_INVALID: it has none. */
enum err_code service_people(const struct dataset **out,
                             const struct service_call *call,
                             struct err *err) MUST_CHECK;

/* Each is one of the dataset's that the caller may name; ERR_NOT_FOUND. */
enum err_code service_people_purposes(const struct service_call *call,
                                      const struct dataset *d,
                                      const char *const *ids, size_t n,
                                      struct err *err) MUST_CHECK;
/* A channel of the dataset's policy; ERR_NOT_FOUND, or ERR_INVALID for "". */
enum err_code service_channel(const struct policy_channel **out,
                              const struct dataset *d, const char *id,
                              struct err *err) MUST_CHECK;
/* ERR_INVALID: the text is none. */
enum err_code service_often(struct often *out, const char *text,
                            struct err *err) MUST_CHECK;

#endif
