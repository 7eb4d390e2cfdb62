/* One caller at a time touches the file, for all who wait. */
#include <string.h>

#include "server/consent/parts.h"

static enum err_code say_failed(struct err *err)
{
    (void)err_set(err, ERR_UNAVAILABLE,
                  "the register of consent could not be written: nothing was "
                  "recorded");
    return err_hint(err, "send the same again when the server is back; what "
                         "was recorded is not recorded twice");
}

/* What the file refused leaves no trace; errors of the disk end all writing,
 * since nobody knows what a failed sync left. */
static void undo(struct consent *c, uint32_t first, const uint8_t *head)
{
    const bool is_well = shelf_rollback(&c->shelf);
    people_revert(c->people);
    enroll_undo(c, first);
    memcpy(c->head, head, sizeof c->head);
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

static void serve(struct consent *c, struct consent_job *jobs)
{
    const uint32_t first = c->next_id;
    uint8_t head[sizeof c->head];
    memcpy(head, c->head, sizeof head);
    bool ok = !consent_failed(c);
    if (ok) {
        shelf_sync(&c->shelf, !all_may_be_lost(jobs));
        shelf_begin(&c->shelf);
    }
    for (struct consent_job *j = jobs; ok && j; j = j->next) {
        j->code = j->run(c, j);
        ok = c->shelf.rc == STORE_OK;
    }
    if (ok)
        shelf_commit(&c->shelf);
    ok = ok && c->shelf.rc == STORE_OK;
    if (ok) {
        people_show(c->people);
        c->n_parted = 0;
        if (c->sweeps)
            shelf_sweep(&c->shelf);
    } else if (!consent_failed(c)) {
        undo(c, first, head);
    }
    c->sweeps = false;
    c->closed = 0;
    for (struct consent_job *j = jobs; !ok && j; j = j->next)
        j->code = say_failed(j->err);
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
