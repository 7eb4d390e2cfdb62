#include "server/main/audit_pages.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "server/ledger/log.h"

enum { PAGE_LEN = NOTE_LEN_MAX }; /* a tile is shorter */
#define FRESH_NS UINT64_C(1000000000)

struct audit_pages {
    pthread_mutex_t lock; /* of all that follows */
    struct ledger_log *log;
    const struct note_signer *key;
    struct clock *clock;
    uint64_t signed_ns; /* monotonic; 0 = never */
    char note[CHECKPOINT_LEN];
    size_t note_len;

    /* Of its own, so that pages do not wait for auditors. */
    pthread_mutex_t open_lock;
    struct ledger_log *open_log;
};

enum err_code audit_pages_new(struct audit_pages **out, const char *path,
                              const struct note_signer *key,
                              struct clock *clock, struct err *err)
{
    struct audit_pages *p = calloc(1, sizeof *p);
    if (!p)
        return err_set(err, ERR_INTERNAL, "no memory");
    *p = (struct audit_pages){ .key = key, .clock = clock };
    (void)pthread_mutex_init(&p->lock, NULL);
    (void)pthread_mutex_init(&p->open_lock, NULL);
    enum err_code code = ledger_log_open(&p->log, path, err);
    if (code == ERR_OK)
        code = ledger_log_open(&p->open_log, path, err);
    if (code != ERR_OK) {
        audit_pages_free(p);
        return code;
    }
    *out = p;
    return ERR_OK;
}

void audit_pages_free(struct audit_pages *p)
{
    if (!p)
        return;
    ledger_log_close(p->log);
    ledger_log_close(p->open_log);
    (void)pthread_mutex_destroy(&p->open_lock);
    (void)pthread_mutex_destroy(&p->lock);
    free(p);
}

static enum err_code sign(struct audit_pages *p, struct err *err)
{
    const uint64_t now_ns = clock_mono_ns(p->clock);
    struct merkle_frontier head;
    struct writer w = writer_of(p->note, sizeof p->note);
    if (p->signed_ns && now_ns - p->signed_ns < FRESH_NS)
        return ERR_OK;
    p->note_len = 0;
    TRY(ledger_log_head(p->log, &head, err));
    TRY(checkpoint_sign(&w, &head, p->key, err));
    p->note_len = w.len;
    p->signed_ns = now_ns;
    return ERR_OK;
}

/* Under the lock. */
static enum err_code print_page(struct audit_pages *p, struct writer *w,
                                const char *name, const char **type,
                                struct err *err)
{
    struct tile t;
    if (strcmp(name, "key") == 0) {
        note_verifier_print(w, &p->key->verifier);
        writer_u8(w, '\n');
        return ERR_OK;
    }
    if (strcmp(name, "cosigned") == 0)
        return ledger_log_cosigned(p->log, w, err);
    if (!tile_parse(&t, name, strlen(name)))
        return err_set(err, ERR_NOT_FOUND, "no such page");
    if (t.kind == TILE_CHECKPOINT) {
        TRY(sign(p, err));
        writer_bytes(w, p->note, p->note_len);
        return ERR_OK;
    }
    *type = "application/octet-stream";
    return ledger_log_tile(p->log, w, &t, err);
}

void audit_pages_get(void *ctx, const char *path, struct grpc_page *out)
{
    static _Thread_local uint8_t page[PAGE_LEN];
    static const char prefix[] = "/audit/";
    struct audit_pages *p = ctx;
    struct writer w = writer_of(page, sizeof page);
    struct err err;
    const char *type = out->type;
    if (strncmp(path, prefix, sizeof prefix - 1) != 0)
        return;
    (void)pthread_mutex_lock(&p->lock);
    const enum err_code code =
        print_page(p, &w, path + sizeof prefix - 1, &type, &err);
    (void)pthread_mutex_unlock(&p->lock);
    if (code == ERR_OK && !w.overflow) {
        *out = (struct grpc_page){ "200", type, page, w.len };
    } else if (code != ERR_NOT_FOUND) {
        static const char sorry[] = "The log cannot be read now.\n";
        *out = (struct grpc_page){ "503", type, sorry, sizeof sorry - 1 };
    }
}

enum err_code audit_pages_checkpoint(struct audit_pages *p, const char **note,
                                     const char **key, struct arena *a,
                                     struct err *err)
{
    char text[NOTE_KEY_TEXT_LEN];
    struct writer w = writer_of(text, sizeof text);
    note_verifier_print(&w, &p->key->verifier);
    (void)pthread_mutex_lock(&p->lock);
    const enum err_code code = sign(p, err);
    *note = arena_strndup(a, p->note, p->note_len);
    (void)pthread_mutex_unlock(&p->lock);
    *key = arena_strndup(a, text, w.len);
    if (code != ERR_OK)
        return code;
    return *note && *key
               ? ERR_OK
               : err_set(err, ERR_LIMIT, "the reply needs too much memory");
}

enum err_code audit_pages_entries(struct audit_pages *p,
                                  struct ledger_log_entry **out, size_t *n,
                                  uint64_t first, size_t limit, struct arena *a,
                                  struct err *err)
{
    (void)pthread_mutex_lock(&p->open_lock);
    const enum err_code code =
        ledger_log_entries(p->open_log, out, n, first, limit, a, err);
    (void)pthread_mutex_unlock(&p->open_lock);
    return code;
}

/* Under the auditors' lock. */
static enum err_code prove(struct audit_pages *p, struct audit_proved *out,
                           const char *charge, uint64_t index, struct arena *a,
                           struct err *err)
{
    const struct merkle_reader reader = ledger_log_reader(p->open_log);
    struct merkle_frontier head;
    size_t n;
    if (charge)
        TRY(ledger_log_of_charge(p->open_log, &index, charge, err));
    TRY(ledger_log_head(p->open_log, &head, err));
    TRY(ledger_log_entries(p->open_log, &out->entry, &n, index, 1, a, err));
    if (n == 0 || index >= head.size) {
        (void)err_set(err, ERR_NOT_FOUND, "the log has %llu entries",
                      (unsigned long long)head.size);
        return err_hint(err, "indices begin at 0");
    }
    out->size = head.size;
    out->root = merkle_root(&head);
    return merkle_prove(&out->proof, &reader, index, head.size, err);
}

enum err_code audit_pages_prove(struct audit_pages *p, struct audit_proved *out,
                                const char *charge, uint64_t index,
                                struct arena *a, struct err *err)
{
    (void)pthread_mutex_lock(&p->open_lock);
    const enum err_code code = prove(p, out, charge, index, a, err);
    (void)pthread_mutex_unlock(&p->open_lock);
    return code;
}
