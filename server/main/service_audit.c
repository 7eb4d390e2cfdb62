/* AUDIT_CHECKPOINT, AUDIT_ENTRIES and AUDIT_PROVE.  Declared in service.h. */
#include <string.h>

#include "server/main/audit_pages.h"
#include "server/main/service.h"

static enum err_code full(struct err *err)
{
    return err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

/* Entries are of every dataset, and none of them may be left out of a log. */
static enum err_code check(const struct service_call *call, struct err *err)
{
    if (!call->service->pages)
        return err_set(err, ERR_UNAVAILABLE, "there is no log to read");
    if (auth_sees_dataset(call->who, "*"))
        return ERR_OK;
    (void)err_set(err, ERR_DENIED,
                  "the audit log is of every dataset, and "
                  "you see some");
    return err_hint(err, "an auditor of the log has datasets: \"*\"");
}

static enum err_code fill(struct reply_audit *out,
                          const struct ledger_log_entry *entries, size_t n,
                          struct arena *a, struct err *err)
{
    struct reply_entry *e = ARENA_NEW_N(a, n + 1, struct reply_entry);
    if (!e)
        return full(err);
    for (size_t i = 0; i < n; i++)
        e[i] = (struct reply_entry){ .index = entries[i].index,
                                     .entry = entries[i].entry,
                                     .salt = entries[i].salt.bytes,
                                     .salt_len = sizeof entries[i].salt.bytes };
    out->entries = e;
    out->n_entries = n;
    return ERR_OK;
}

enum err_code service_audit_checkpoint(struct service_call *call,
                                       struct reply *out, struct arena *a,
                                       struct err *err)
{
    TRY(check(call, err));
    return audit_pages_checkpoint(call->service->pages, &out->audit.note,
                                  &out->audit.key, a, err);
}

enum err_code service_audit_entries(struct service_call *call,
                                    struct reply *out, struct arena *a,
                                    struct err *err)
{
    struct ledger_log_entry *entries;
    size_t n;
    TRY(check(call, err));
    TRY(audit_pages_entries(call->service->pages, &entries, &n,
                            call->req->first, call->req->page_size, a, err));
    return fill(&out->audit, entries, n, a, err);
}

enum err_code service_audit_prove(struct service_call *call, struct reply *out,
                                  struct arena *a, struct err *err)
{
    struct audit_proved *p = ARENA_NEW(a, struct audit_proved);
    struct reply_audit *r = &out->audit;
    TRY(check(call, err));
    if (!p)
        return full(err);
    TRY(audit_pages_prove(call->service->pages, p, call->req->charge,
                          call->req->first, a, err));
    TRY(fill(r, p->entry, 1, a, err));
    r->size = p->size;
    r->root = p->root.bytes;
    r->hash_len = sizeof p->root.bytes;
    r->hashes = p->proof.hash[0].bytes;
    r->n_hashes = p->proof.n;
    return ERR_OK;
}
