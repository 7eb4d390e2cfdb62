#include "server/main/service_people.h"

enum err_code service_people(const struct dataset **out,
                             const struct service_call *call, struct err *err)
{
    TRY(world_dataset(out, call->world, call->who, call->req->dataset, err));
    if ((*out)->consent)
        return ERR_OK;
    (void)err_set(err, ERR_INVALID,
                  "dataset '%s' asks no register of consent who counts",
                  (*out)->policy->name);
    return err_hint(err, "a steward adds 'consent: {}' to its policy");
}

enum err_code service_people_purposes(const struct service_call *call,
                                      const struct dataset *d,
                                      const char *const *ids, size_t n,
                                      struct err *err)
{
    for (size_t i = 0; i < n; i++)
        if (!auth_may_purpose(call->who, ids[i]) ||
            !policy_find_purpose(d->policy, ids[i])) {
            (void)err_set(err, ERR_NOT_FOUND,
                          "there is no purpose '%.63s' that you may use with "
                          "dataset '%s'",
                          ids[i], d->policy->name);
            return err_hint(err, "the policy lists the purposes");
        }
    return ERR_OK;
}

enum err_code service_channel(const struct policy_channel **out,
                              const struct dataset *d, const char *id,
                              struct err *err)
{
    *out = policy_find_channel(d->policy, id);
    if (*out)
        return ERR_OK;
    if (id[0])
        (void)err_set(err, ERR_NOT_FOUND, "dataset '%s' has no channel '%.63s'",
                      d->policy->name, id);
    else
        (void)err_set(err, ERR_INVALID, "no channel is named");
    if (d->policy->n_channels == 0)
        return err_hint(err, "a steward adds 'contact: {channels: ...}' to its "
                             "policy");
    return err_hint(err, "the policy lists its channels; the first is '%s'",
                    d->policy->channels[0].id);
}

enum err_code service_often(struct often *out, const char *text,
                            struct err *err)
{
    if (often_parse(out, text))
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "at_most '%.40s' is no frequency", text);
    return err_hint(err, "'2 per month' (day, week, month, year), 'any' or "
                         "'never'");
}
