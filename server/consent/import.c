/* Decisions of a file: kept as they come, counting once all are there. */
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "server/base/writer.h"
#include "server/consent/parts.h"

enum {
    STATE_DONE = 1,
    SLICE = 10000, /* people who are staged in one transaction */
    SPREAD = 8,    /* ids so far apart are folded one by one */
    STALE = 20 * SLICE,
    TRIES = 3,
};
static const int64_t STALE_US = INT64_C(86400) * 1000000;

struct importing {
    struct consent_job job;
    struct consent_circle *circle;
    const struct consent_chunk *chunk;
    struct consent_imported *out;
    struct pseudonym *names;            /* n_rows * keys; owned */
    uint64_t *purposes;                 /* by kind; owned */
    uint8_t digest[CONSENT_DIGEST_LEN]; /* under a key, once it is looked up */
    int64_t id;                         /* of the import, once it is known */
    bool is_whole; /* all rows are kept: it is to count now */
    int64_t after; /* people up to this id were staged */
    bool is_staged;
    int tries;
};

/* ---- before the transaction ---- */

static enum err_code check_row(struct importing *m, const struct consent *c,
                               size_t i, int64_t now_us, struct err *err)
{
    const struct consent_chunk *k = m->chunk;
    if (k->kind[i] >= k->n_kinds)
        return err_set(err, ERR_INVALID, "kind is past the list of kinds");
    const struct fold_event e = {
        .at_us = k->at_us[i],
        .state = k->kinds[k->kind[i]].state,
        .until_us = k->until_us ? k->until_us[i] : 0,
    };
    if (e.at_us == 0)
        return err_set(err, ERR_INVALID, "at is missing");
    TRY(record_times(&e, now_us, err));
    return circle_name(&m->names[i * c->options.keys.n], c, m->circle,
                       k->subjects[i], strlen(k->subjects[i]), err);
}

static enum err_code check_choice(const struct consent_kind *one,
                                  struct err *err)
{
    if (one->n_purposes > 0 || one->notice > 0) {
        (void)err_set(err, ERR_INVALID,
                      "a choice of a channel names no purpose or notice");
        return err_hint(err, "leave both out, or make two rows of it");
    }
    return often_is_valid(one->at_most)
               ? ERR_OK
               : err_set(err, ERR_INVALID, "at_most is no frequency");
}

static enum err_code check_decision(struct importing *m, size_t kind,
                                    struct err *err)
{
    const struct consent_kind *one = &m->chunk->kinds[kind];
    TRY(record_purposes(&m->purposes[kind], m->circle, one->state,
                        one->purposes, one->n_purposes, err));
    return record_notice(m->circle, one->state, m->purposes[kind], one->notice,
                         err);
}

/* A mistake of a kind is named by the first row that is of it. */
static enum err_code check_kind(struct importing *m, size_t kind,
                                struct err *err)
{
    const struct consent_chunk *k = m->chunk;
    const struct consent_kind *one = &k->kinds[kind];
    size_t i = 0;
    if ((one->channel ? check_choice(one, err)
                      : check_decision(m, kind, err)) == ERR_OK)
        return ERR_OK;
    while (i < k->n_rows && k->kind[i] != kind)
        i++;
    return i == k->n_rows
               ? err->code
               : err_before(
                     err, "row %llu: ", (unsigned long long)(k->first + i + 1));
}

static enum err_code check(struct importing *m, const struct consent *c,
                           struct err *err)
{
    const struct consent_chunk *k = m->chunk;
    const int64_t now_us = clock_wall_us(c->options.clock);
    if (k->n_kinds > CONSENT_KINDS_MAX)
        return err_set(err, ERR_LIMIT, "there are more than %d kinds of rows",
                       CONSENT_KINDS_MAX);
    m->names = calloc(k->n_rows * c->options.keys.n + 1, sizeof *m->names);
    m->purposes = calloc(k->n_kinds + 1, sizeof *m->purposes);
    if (!m->names || !m->purposes)
        return err_set(err, ERR_LIMIT, "out of memory");
    for (size_t i = 0; i < k->n_kinds; i++)
        TRY(check_kind(m, i, err));
    for (size_t i = 0; i < k->n_rows; i++)
        if (check_row(m, c, i, now_us, err) != ERR_OK)
            return err_before(
                err, "row %llu: ", (unsigned long long)(k->first + i + 1));
    return ERR_OK;
}

/* ---- in it ---- */

/* What the register knows a file by: a hash under its keys, since that of a
 * short file could be guessed. */
static void hash_file(uint8_t out[CONSENT_DIGEST_LEN],
                      const struct importing *m, size_t key)
{
    uint8_t text[sizeof "file 0" + CONSENT_DIGEST_LEN] = "file 0";
    memcpy(text + sizeof "file 0", m->chunk->digest, CONSENT_DIGEST_LEN);
    for (size_t half = 0; half < 2; half++) {
        text[sizeof "file 0" - 2] = (uint8_t)('0' + half);
        const struct pseudonym one =
            pseudonym_of(&m->circle->makers[key], text, sizeof text);
        memcpy(out + half * sizeof one, one.bytes, sizeof one);
    }
}
_Static_assert(2 * (int)PSEUDONYM_LEN == (int)CONSENT_DIGEST_LEN,
               "two halves are a digest");

/* Its row, whose columns are there until shelf_end; known by any key, as people
 * are. */
static bool look_up(struct consent *c, struct importing *m)
{
    for (size_t key = c->options.keys.n; key-- > 0;) {
        hash_file(m->digest, m, key);
        if (shelf_find(&c->shelf, SHELF_IMPORT, "ib", m->circle->id, m->digest,
                       sizeof m->digest))
            return true;
    }
    return false;
}

/* Its row among the imports, made when it is not there.  False: failed. */
static bool find_import(struct consent *c, struct importing *m, int64_t *state)
{
    struct shelf *s = &c->shelf;
    const struct consent_chunk *k = m->chunk;
    *state = 0;
    if (look_up(c, m)) {
        m->id = shelf_int(s, SHELF_IMPORT, 0);
        *state = shelf_int(s, SHELF_IMPORT, 1);
        m->out->n_rows = (uint64_t)shelf_int(s, SHELF_IMPORT, 2);
        shelf_end(s, SHELF_IMPORT);
        return true;
    }
    if (!shelf_find(s, SHELF_IMPORT_NEW, "ibtti", m->circle->id, m->digest,
                    sizeof m->digest, k->by, k->source, consent_now(c)))
        return false;
    m->id = shelf_int(s, SHELF_IMPORT_NEW, 0);
    shelf_end(s, SHELF_IMPORT_NEW);
    follow_tell(c, CHANGE_IMPORT, m->id, 0);
    return state_open(c, m->id);
}

static bool keep_row(struct consent *c, const struct importing *m, size_t i,
                     int64_t now_us)
{
    const struct consent_chunk *k = m->chunk;
    const struct consent_kind *kind = &k->kinds[k->kind[i]];
    const struct pseudonym *names = &m->names[i * c->options.keys.n];
    struct pseudonym who;
    bool is_new;
    int64_t erased_us;
    if (erase_bars(&erased_us, c, m->circle, names, k->at_us[i]))
        return true; /* of what was before nothing is kept */
    const uint32_t id = record_person(c, m->circle, names, &who, &is_new);
    if (id == PEOPLE_NONE)
        return false;
    if (kind->channel) {
        const struct choice_row row = { .channel = kind->channel,
                                        .at_most = kind->at_most,
                                        .at_us = k->at_us[i],
                                        .import = m->id };
        contact_import(c, id, &row, now_us);
        return true;
    }
    const struct fold_event as = { .at_us = k->at_us[i],
                                   .state = kind->state,
                                   .notice = kind->notice,
                                   .until_us =
                                       k->until_us ? k->until_us[i] : 0 };
    for (uint64_t left = m->purposes[k->kind[i]]; left;) {
        const struct fold_event e = record_alike(m->circle, &as, &left);
        shelf_run(&c->shelf, SHELF_EVENT_IMPORTED, "iiiiioii", (int64_t)id,
                  e.at_us, (int64_t)e.state, (int64_t)e.purposes,
                  (int64_t)e.notice, e.until_us, now_us, m->id);
    }
    return true;
}

/* That the file was imported is one link of the chain. */
static void finish(struct consent *c, struct importing *m, int64_t now_us)
{
    const struct fold_event e = { .at_us = now_us,
                                  .purposes = m->out->n_rows,
                                  .until_us = FOLD_NEVER };
    shelf_run(&c->shelf, SHELF_IMPORT_DONE, "ii", now_us, m->id);
    chain_add(c, m->id, PEOPLE_NONE, &e, m->digest, sizeof m->digest);
    state_close(c, m->id);
    c->closed = m->id;
    follow_tell(c, CHANGE_IMPORT, m->id, 0);
    m->out->done = true;
}

static enum err_code keep(struct consent *c, struct consent_job *job)
{
    struct importing *m = (struct importing *)(void *)job;
    const struct consent_chunk *k = m->chunk;
    const int64_t now_us = consent_now(c);
    int64_t state;
    *m->out = (struct consent_imported){ .n_rows = 0 };
    if (!find_import(c, m, &state))
        return err_set(job->err, ERR_LIMIT, "out of memory");
    m->out->done = state == STATE_DONE;
    if (m->out->done || k->first != m->out->n_rows)
        return ERR_OK;
    for (size_t i = 0; i < k->n_rows; i++)
        if (!keep_row(c, m, i, now_us)) {
            shelf_full(&c->shelf);
            return ERR_LIMIT;
        }
    m->out->n_rows += k->n_rows;
    shelf_run(&c->shelf, SHELF_IMPORT_ROWS, "ii", (int64_t)m->out->n_rows,
              m->id);
    m->is_whole = k->last;
    return ERR_OK;
}

/* ---- the whole file, at once ---- */

/* The next people of the file, as they will stand: with what came meanwhile.
 * *after: people up to this id were seen to.  False: the register failed, or
 * memory. */
static bool see_slice(struct consent *c, int64_t import, int64_t *after,
                      bool *is_last)
{
    struct shelf *s = &c->shelf;
    int64_t *people = calloc(SLICE, sizeof *people);
    size_t n = 0;
    bool ok = people != NULL;
    for (bool more = ok && shelf_find(s, SHELF_IMPORT_SUBJECTS, "iii", import,
                                      *after, (int64_t)SLICE);
         more; more = shelf_next(s, SHELF_IMPORT_SUBJECTS))
        people[n++] = shelf_int(s, SHELF_IMPORT_SUBJECTS, 0);
    *is_last = n < SLICE;
    if (n > 0 && people[n - 1] - people[0] < SPREAD * (int64_t)n)
        ok = state_refold_span(c, people[0], people[n - 1]);
    else
        for (size_t i = 0; i < n; i++)
            ok &= state_refold(c, (uint32_t)people[i]);
    *after = n > 0 ? people[n - 1] : *after;
    free(people);
    return ok && s->rc == STORE_OK;
}

static void stage_slice(struct consent *c, struct importing *m)
{
    c->staging = m->id;
    const bool ok = see_slice(c, m->id, &m->after, &m->is_staged);
    c->staging = 0;
    if (!ok)
        shelf_full(&c->shelf);
}

bool import_see_all(struct consent *c, int64_t import)
{
    int64_t after = -1;
    bool is_last = false, ok = true;
    while (ok && !is_last)
        ok = see_slice(c, import, &after, &is_last);
    return ok;
}

/* Its digest becomes another, so that the file may be sent anew. */
static void drop_import(struct shelf *s, int64_t id)
{
    uint8_t digest[CONSENT_DIGEST_LEN];
    if (RAND_bytes(digest, sizeof digest) == 1)
        shelf_run(s, SHELF_IMPORT_DROP, "bi", digest, sizeof digest, id);
    else
        shelf_fail(s, STORE_REFUSED, "no randomness");
}

/* Nobody dropped it meanwhile; *done: somebody else sent it, too. */
static bool is_there(struct consent *c, struct importing *m, bool *done)
{
    struct shelf *s = &c->shelf;
    if (!look_up(c, m))
        return false;
    const bool same = shelf_int(s, SHELF_IMPORT, 0) == m->id;
    *done = shelf_int(s, SHELF_IMPORT, 1) == STATE_DONE;
    shelf_end(s, SHELF_IMPORT);
    return same;
}

/* From now on it counts, and whoever pins a view sees all of it. */
static void conclude(struct consent *c, struct importing *m)
{
    finish(c, m, consent_now(c));
    bool ok = people_adopt(c->people);
    for (uint32_t at = 0;
         ok && (at = people_next_stale(c->people, at)) != PEOPLE_NONE; at++) {
        const uint32_t id = enroll_id(c, at);
        ok = id == PEOPLE_NONE || state_refold(c, id);
    }
    people_restage(c->people, false);
    if (!ok)
        shelf_full(&c->shelf);
}

/*
 * A slice of its people at a time is staged, so that others need not wait; what
 * they decide meanwhile is folded anew at the end.  Were they too many (a new
 * policy), all is staged anew.
 */
static enum err_code go_on(struct consent *c, struct consent_job *job)
{
    struct importing *m = (struct importing *)(void *)job;
    if (!is_there(c, m, &m->out->done) || m->out->done) {
        people_restage(c->people, false);
        if (m->out->done)
            return ERR_OK;
        (void)err_set(job->err, ERR_CONFLICT, "the file was dropped meanwhile");
        return err_hint(job->err, "send it again");
    }
    if (m->is_staged && people_count_stale(c->people) > STALE &&
        m->tries++ < TRIES)
        people_restage(c->people, false);
    if (!people_stages(c->people)) { /* also when a transaction was undone */
        people_restage(c->people, true);
        m->after = -1;
        m->is_staged = false;
    }
    if (m->is_staged)
        conclude(c, m);
    else
        stage_slice(c, m);
    return ERR_OK;
}

static enum err_code count_all(struct consent *c, struct importing *m,
                               struct err *err)
{
    enum err_code code = ERR_OK;
    (void)pthread_mutex_lock(&c->finishing);
    while (code == ERR_OK && !m->out->done) {
        m->job = (struct consent_job){ .run = go_on, .err = err };
        code = consent_run(c, &m->job);
    }
    (void)pthread_mutex_unlock(&c->finishing);
    return code;
}

static enum err_code drop(struct consent *c, struct consent_job *job)
{
    struct importing *m = (struct importing *)(void *)job;
    struct shelf *s = &c->shelf;
    if (look_up(c, m)) {
        const int64_t id = shelf_int(s, SHELF_IMPORT, 0);
        shelf_end(s, SHELF_IMPORT);
        drop_import(s, id);
    }
    return ERR_OK;
}

static enum err_code refuse(struct importing *m, struct consent *c,
                            struct err *err)
{
    struct err other = { 0 };
    m->job = (struct consent_job){ .run = drop, .err = &other };
    TRY(consent_run(c, &m->job)); /* what cannot be dropped counts nothing */
    (void)err_hint(err, "nothing of the file counts; mend it, then send it "
                        "again");
    return err->code;
}

enum err_code consent_import(struct consent *c, struct consent_circle *circle,
                             const struct consent_chunk *chunk,
                             struct consent_imported *out, struct err *err)
{
    struct importing m = {
        .job = { .run = keep, .err = err, .may_be_lost = !chunk->last },
        .circle = circle,
        .chunk = chunk,
        .out = out
    };
    enum err_code code = check(&m, c, err);
    if (code == ERR_INVALID || code == ERR_NOT_FOUND)
        code = refuse(&m, c, err);
    else if (code == ERR_OK)
        code = consent_run(c, &m.job);
    free(m.names);
    free(m.purposes);
    return code == ERR_OK && m.is_whole ? count_all(c, &m, err) : code;
}

/* ---- what is left ---- */

/* And who is nobody without them.  False: nothing is left of it. */
static bool delete_some(struct consent *c, enum shelf_sql sql, int64_t import)
{
    enum { AT_ONCE = 5000 }; /* as the statements say */
    struct shelf *s = &c->shelf;
    int64_t people[AT_ONCE];
    size_t n = 0;
    for (bool more = shelf_find(s, sql, "i", import); more;
         more = n < AT_ONCE && shelf_next(s, sql))
        people[n++] = shelf_int(s, sql, 0);
    shelf_end(s, sql);
    for (size_t i = 0; i < n; i++)
        if (shelf_find(s, SHELF_SUBJECT_ORPHAN, "i", people[i])) {
            shelf_end(s, SHELF_SUBJECT_ORPHAN);
            enroll_forget(c, (uint32_t)people[i]);
            follow_tell(c, CHANGE_ORPHAN, people[i], 0);
        }
    return n > 0;
}

void import_sweep(struct consent *c, int64_t now_us)
{
    struct shelf *s = &c->shelf;
    int64_t id = -1;
    if (shelf_find(s, SHELF_IMPORT_STALE, "i", now_us - STALE_US)) {
        id = shelf_int(s, SHELF_IMPORT_STALE, 0);
        shelf_end(s, SHELF_IMPORT_STALE);
        drop_import(s, id);
    }
    if (!shelf_find(s, SHELF_IMPORT_DROPPED, ""))
        return;
    id = shelf_int(s, SHELF_IMPORT_DROPPED, 0);
    shelf_end(s, SHELF_IMPORT_DROPPED);
    if (delete_some(c, SHELF_IMPORT_DELETE, id) ||
        delete_some(c, SHELF_IMPORT_DELETE_CHOICES, id))
        return;
    shelf_run(s, SHELF_IMPORT_END, "i", id);
    follow_tell(c, CHANGE_IMPORT, id, 0);
    state_close(c, id);
}
