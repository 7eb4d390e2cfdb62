#ifndef CONSENT_PARTS_H
#define CONSENT_PARTS_H

#include <pthread.h>

#include "server/consent/consent.h"
#include "server/consent/erase_log.h"
#include "server/consent/follow.h"
#include "server/consent/history.h"
#include "server/consent/shelf.h"

/* Inside server/consent/: the register while it is open. */
struct consent_purpose {
    char *id;          /* owned */
    uint64_t valid_us; /* of a grant; 0 = for ever */
    uint32_t notice;   /* newest version */
    int64_t since_us;  /* shown since; 0 = always */
};

struct consent_circle {
    struct consent_circle *next;
    int64_t id;
    char *name; /* of the population; owned */
    enum policy_type key_type;
    struct pseudonym_maker makers[PSEUDONYM_KEYS_MAX];
    struct consent_purpose purposes[FOLD_PURPOSES]; /* by number */
    _Atomic size_t n_purposes; /* whoever reads it may read their ids */
    /* The leader's: */
    uint32_t least_notice[FOLD_PURPOSES];
    bool never;     /* people who are marked never count */
    bool is_folded; /* ... and memory is as these say */
};

/* A change of the register, or a look at it (SHELF_READS, which changes nothing
 * but memory): `run` is called inside the transaction.  NULL: what others wrote
 * until now is to be in memory. */
struct consent_job {
    enum err_code (*run)(struct consent *c, struct consent_job *job);
    enum shelf_kind kind;
    struct err *err;
    enum err_code code;
    bool is_done;
    bool may_be_lost; /* by a power cut, so that its caller sends it again */
    struct consent_job *next;
};

/* An id that is nobody's any more, should the transaction commit. */
struct parted {
    uint32_t id, number;
};

struct consent {
    struct consent_options options;
    struct shelf shelf; /* the leader's alone */
    struct people *people;
    int64_t ticked_us; /* what ended until then was seen; the leader's */
    uint8_t head[32];  /* of the chain; the leader's */
    /* enroll.c; the leader's */
    uint32_t *id_of, *number_of; /* owned; PEOPLE_NONE */
    size_t n_ids, n_numbers;
    uint32_t next_id;
    struct parted *parted; /* in the transaction that runs; owned */
    size_t n_parted;
    int erasures_fd; /* erase_log.h; -1 */
    bool sweeps;     /* something was destroyed that the log has still */
    int64_t *open;   /* imports that are not done; the leader's, owned */
    size_t n_open;
    int64_t closed;  /* in the transaction that runs; 0: none */
    int64_t staging; /* its events are folded as if they counted; 0: none */
    pthread_mutex_t finishing; /* one file at a time is made to count */
    /* follow.c; the leader's */
    struct shelf_stamp seen; /* what is in memory; serial -1: nothing is */
    bool follows;            /* memory alone changes: nothing may be written */
    bool lacks_key;          /* people are known by one that is not ours */
    int64_t pruned_us;
    int64_t logged_us; /* erasures until then are in the log */
    _Atomic bool failed, held;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t done;
    struct consent_job *first, **last;
    bool is_led;
    struct consent_circle *circles; /* only ever longer */
};

/* writer.c: run the job in a transaction with all that wait; returns once it is
 * durable and shown, or failed. */
enum err_code consent_run(struct consent *c,
                          struct consent_job *job) MUST_CHECK;

/* In a job: the time, which is one for all servers of a register. */
static inline int64_t consent_now(const struct consent *c)
{
    return c->shelf.now_us && !c->options.keeps_time
               ? c->shelf.now_us
               : clock_wall_us(c->options.clock);
}

/* circle.c: those of the register that are not in memory yet; *is_new: some
 * were not. */
enum err_code circle_load_all(struct consent *c, bool *is_new,
                              struct err *err) MUST_CHECK;
struct consent_circle *circle_of_id(struct consent *c, int64_t id);
/* Of the population, registered when it is not.  NULL: no memory, or the file
 * failed. */
struct consent_circle *circle_named(struct consent *c, const char *population);
/* The number of the purpose; n_purposes when there is none. */
size_t circle_purpose(const struct consent_circle *circle, const char *id);
/* The pseudonyms of an identifier under all keys, the newest first.
 * ERR_INVALID: not a key of the dataset's type. */
enum err_code circle_name(struct pseudonym *out, const struct consent *c,
                          const struct consent_circle *circle,
                          const char *subject, size_t len,
                          struct err *err) MUST_CHECK;

/* state.c: of events that count, for the leader. */
bool state_is_open(const struct consent *c, int64_t import);
bool state_open(struct consent *c, int64_t import); /* false: no memory */
void state_close(struct consent *c, int64_t import);
bool state_refold(struct consent *c, uint32_t id);
/* The event in columns at_us, (seq), state, purposes, notice, until_us from
 * `first` on; and whether it counts, by its import's column. */
struct fold_event state_event(struct shelf *s, enum shelf_sql sql, int first);
bool state_counts(struct consent *c, enum shelf_sql sql, int column);
/* People with ids from..to, all of them; in one scan. */
bool state_refold_span(struct consent *c, int64_t from, int64_t to);
/* Everybody, after what counts has changed. */
enum err_code state_refold_all(struct consent *c, struct err *err) MUST_CHECK;
enum err_code state_load(struct consent *c, struct err *err) MUST_CHECK;

/*
 * record.c: what a single decision and those of a file share.
 *
 * Purposes as bits: ERR_INVALID, ERR_NOT_FOUND.  Times that can be:
 * ERR_INVALID; at_us 0 is now and until_us 0 the policy's.
 */
enum err_code record_purposes(uint64_t *out,
                              const struct consent_circle *circle,
                              enum consent_state state, const char *const *ids,
                              size_t n, struct err *err) MUST_CHECK;
/* Nobody can have said yes to a notice that is newer than the policy's.  A no
 * is taken whatever notice it names.  ERR_INVALID. */
enum err_code record_notice(const struct consent_circle *circle,
                            enum consent_state state, uint64_t purposes,
                            uint32_t notice, struct err *err) MUST_CHECK;
enum err_code record_times(const struct fold_event *e, int64_t now_us,
                           struct err *err) MUST_CHECK;
/* The person's number, under whichever of the names she is known (*who); the
 * first name and PEOPLE_NONE when she is not. */
uint32_t record_find(const struct consent *c, const struct pseudonym *names,
                     struct pseudonym *who);
/* The person's id, under whichever of the names she is known (*who);
 * registered, with a key of her own, when she is not.  PEOPLE_NONE. */
uint32_t record_person(struct consent *c, const struct consent_circle *circle,
                       const struct pseudonym *names, struct pseudonym *who,
                       bool *is_new);
/* The event `as` says for the purposes that end alike: taken from *left. */
struct fold_event record_alike(const struct consent_circle *circle,
                               const struct fold_event *as, uint64_t *left);
/* Is it there already, and counts or is of this import?  Its number, and when
 * it was recorded; or 0. */
int64_t record_same(int64_t *recorded_us, struct consent *c, uint32_t id,
                    const struct fold_event *e, int64_t of_import);
int64_t record_insert(struct consent *c, uint32_t id,
                      const struct fold_event *e, int64_t now_us,
                      int64_t import, const uint8_t *sealed, size_t len);

/* What is told beside a decision. */
struct record_texts {
    const char *source, *proof, *by; /* or NULL */
};
enum {
    SEALED_KEY_LEN = 32,
    SEALED_OVERHEAD = 12 + 16,
    RECORD_SEALED_MAX = 3 * CONSENT_TEXT_MAX + 64 + SEALED_OVERHEAD
};
/* ERR_INVALID: too long, or no text. */
enum err_code record_check_texts(const struct record_texts *t,
                                 struct err *err) MUST_CHECK;
/* ERR_CONFLICT: she was erased after this time. */
enum err_code record_bars(struct consent *c,
                          const struct consent_circle *circle,
                          const struct pseudonym *names, int64_t at_us,
                          struct err *err) MUST_CHECK;
/* Under the person's key, in RECORD_SEALED_MAX bytes. */
bool record_seal(uint8_t *out, size_t *len, struct consent *c,
                 const struct record_texts *t, uint32_t id);

/* history.c: source, proof and by, of the sealed column.  False: no room. */
bool history_open_texts(struct history_event *e, struct shelf *s,
                        enum shelf_sql sql, int column,
                        const uint8_t key[SEALED_KEY_LEN],
                        struct arena *a) MUST_CHECK;
/* history_contact.c: the person's choices and contacts.  False: no room. */
bool history_contact(struct history *h, struct consent *c, uint32_t id,
                     const struct pseudonym *who, const uint8_t *key,
                     struct arena *a) MUST_CHECK;

/* contact.c: a choice of a file that is kept, and counts once the file does;
 * one that is there is passed over. */
struct choice_row {
    const char *channel;
    struct often at_most;
    int64_t at_us;
    int64_t import; /* 0: none */
};
void contact_import(struct consent *c, uint32_t id,
                    const struct choice_row *row, int64_t now_us);

/* contact.c: nothing of what the person chose, or of who contacted her, is
 * kept; the leader's. */
void contact_erase(struct consent *c, uint32_t id);

/* The event goes into the chain. */
void chain_add(struct consent *c, int64_t seq, uint32_t id,
               const struct fold_event *e, const void *sealed, size_t len);

/* import.c: all people of an import that is done are seen to.  False: the file
 * failed, or memory. */
bool import_see_all(struct consent *c, int64_t import);
/* A little of what was dropped is deleted; the leader's. */
void import_sweep(struct consent *c, int64_t now_us);

/* enroll.c: ids in the file and numbers in memory; PEOPLE_NONE. */
uint32_t enroll_id(const struct consent *c, uint32_t number);
uint32_t enroll_number(const struct consent *c, uint32_t id);
/* They belong together.  False: no memory. */
bool enroll_note(struct consent *c, uint32_t id, uint32_t number);
/* The next id, for this number. */
uint32_t enroll_new(struct consent *c, uint32_t number);
void enroll_forget(struct consent *c, uint32_t id);
/* It is nobody's: in no transaction of ours. */
void enroll_drop(struct consent *c, uint32_t id);
/* Nobody has an id. */
void enroll_clear(struct consent *c);
/* The id is nobody's any more, whether the person is recorded anew or not.
 * False: no memory. */
bool enroll_part(struct consent *c, uint32_t id);
/* Ids from `first` on were given, or some were parted with, in a transaction
 * that failed. */
void enroll_undo(struct consent *c, uint32_t first);

/*
 * erase.c.  May what she decided at that time be recorded, or was she erased
 * since?  *erased_us tells when.
 */
bool erase_bars(int64_t *erased_us, struct consent *c,
                const struct consent_circle *circle,
                const struct pseudonym *names, int64_t at_us);
/* Was she, whether she came back or not? */
bool erase_has(const struct consent *c, uint32_t number);
/* What the fold of a person is, who may have been erased: no to all, or to all
 * but what she said yes to after she came back. */
void erase_shape(struct fold *f, struct consent *c,
                 const struct consent_circle *circle, uint32_t number);
/* She is erased as the line says, unless the register knows it.  False: no
 * memory. */
bool erase_again(struct consent *c, const struct erase_line *line);
/* Another server erased her, or saw her come back.  False: no memory. */
bool erase_follow(struct consent *c, const struct consent_circle *circle,
                  const struct pseudonym *who, bool back);
/* At a start, after people and before their events; later, for purposes that
 * are new.  False: no memory. */
bool erase_load(struct consent *c);

/* keys.c: every key of a shared register is ours: in a transaction. */
bool keys_are_all(struct consent *c);
/* Ours is one of them from now on.  ERR_REFUSED: one of them is not ours. */
enum err_code keys_tell(struct consent *c, struct err *err) MUST_CHECK;

/* sealed.c: under a person's key. */
bool sealed_put(uint8_t *out, const uint8_t key[SEALED_KEY_LEN],
                const void *text, size_t len);
/* False: it was changed, or is another's. */
bool sealed_get(uint8_t *out, const uint8_t key[SEALED_KEY_LEN],
                const void *sealed, size_t len);

#endif
