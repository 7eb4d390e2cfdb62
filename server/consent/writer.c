/* One caller at a time touches the file, for all who wait. */
#include <string.h>

#include "server/consent/parts.h"

static enum err_code say_failed(const struct consent *c, struct err *err)
{
    if (c->lacks_key) {
        (void)err_set(err, ERR_UNAVAILABLE,
                      "another server makes pseudonyms by a key that is not in "
                      "this server's file of keys");
        return err_hint(err, "copy that file from it, and start this server "
                             "again");
    }
    (void)err_set(err, ERR_UNAVAILABLE,
                  c->shelf.in_doubt
                      ? "the database of the register of consent went away: "
                        "whether this was recorded is not known"
                  : c->shelf.is_shared
                      ? "the database of the register of consent cannot be "
                        "reached: nothing was recorded"
                      : "the register of consent could not be written: nothing "
                        "was recorded");
    return err_hint(err, "send the same again when the server is back; what "
                         "was recorded is not recorded twice");
}

/* Memory before the jobs. */
struct before {
    uint32_t first; /* id that is nobody's */
    uint8_t head[32];
};

/* What the register refused leaves no trace; errors of the disk end all
 * writing, since nobody knows what a failed sync left. */
static void undo(struct consent *c, const struct before *b)
{
    const bool is_well = shelf_rollback(&c->shelf);
    people_revert(c->people);
    enroll_undo(c, b->first);
    memcpy(c->head, b->head, sizeof c->head);
    /* Room for it was there. */
    const bool opened = !c->closed || state_open(c, c->closed);
    if (!is_well || !opened)
        atomic_store(&c->failed, true);
}

/* Of pieces of a file alone nobody was told that they count: the last one,
 * which is waited for, takes them with it. */
static bool all_may_be_lost(const struct consent_job *jobs)
{
    while (jobs && jobs->may_be_lost)
        jobs = jobs->next;
    return !jobs;
}

static bool any_runs(const struct consent_job *jobs)
{
    while (jobs && !jobs->run)
        jobs = jobs->next;
    return jobs != NULL;
}

static enum shelf_kind kind_of(const struct consent_job *jobs)
{
    while (jobs && (!jobs->run || jobs->kind == SHELF_READS))
        jobs = jobs->next;
    return jobs ? SHELF_WRITES : SHELF_READS;
}

/* In the transaction.  False: it failed. */
static bool run_all(struct consent *c, struct consent_job *jobs,
                    enum shelf_kind kind, uint32_t first)
{
    bool ok = true;
    c->follows = c->shelf.is_shared && kind == SHELF_READS;
    for (struct consent_job *j = jobs; ok && j; j = j->next) {
        j->code = j->run ? j->run(c, j) : ERR_OK;
        ok = c->shelf.rc == STORE_OK;
    }
    c->follows = false;
    if (ok && c->next_id > first)
        follow_tell(c, CHANGE_SUBJECTS, first, (int64_t)c->next_id - 1);
    return ok;
}

static bool serve_in(struct consent *c, struct consent_job *jobs,
                     enum shelf_kind kind)
{
    shelf_sync(&c->shelf, !all_may_be_lost(jobs));
    shelf_begin(&c->shelf, kind);
    bool ok = follow_catch_up(c) && !consent_failed(c);
    struct before b = { .first = c->next_id };
    memcpy(b.head, c->head, sizeof b.head);
    ok = ok && run_all(c, jobs, kind, b.first);
    if (ok)
        shelf_commit(&c->shelf);
    ok = ok && c->shelf.rc == STORE_OK;
    if (!ok) {
        undo(c, &b);
        return false;
    }
    people_show(c->people);
    c->n_parted = 0;
    follow_committed(c);
    if (c->sweeps)
        shelf_sweep(&c->shelf);
    return true;
}

static void serve(struct consent *c, struct consent_job *jobs)
{
    bool ok = !consent_failed(c);
    const bool runs = any_runs(jobs);
    if (ok && (runs || follow_has_news(c)))
        ok = serve_in(c, jobs, kind_of(jobs));
    c->sweeps = false;
    c->closed = 0;
    for (struct consent_job *j = jobs; j; j = j->next)
        j->code = !ok ? say_failed(c, j->err) : runs ? j->code : ERR_OK;
}

enum err_code consent_run(struct consent *c, struct consent_job *job)
{
    job->is_done = false;
    job->next = NULL;
    (void)pthread_mutex_lock(&c->lock);
    *c->last = job;
    c->last = &job->next;
    while (!job->is_done) {
        if (c->is_led) {
            (void)pthread_cond_wait(&c->done, &c->lock);
            continue;
        }
        struct consent_job *all = c->first;
        c->first = NULL;
        c->last = &c->first;
        c->is_led = true;
        (void)pthread_mutex_unlock(&c->lock);
        serve(c, all);
        (void)pthread_mutex_lock(&c->lock);
        c->is_led = false;
        for (struct consent_job *next; all; all = next) {
            next = all->next;
            all->is_done = true;
        }
        (void)pthread_cond_broadcast(&c->done);
    }
    (void)pthread_mutex_unlock(&c->lock);
    return job->code;
}
