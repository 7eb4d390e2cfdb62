#include "server/grpc/codec_audit.h"

#include <halftone/v1/audit.pb-c.h>

#include "server/grpc/codec_arena.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000 };

enum err_code codec_audit_list(struct request *out, const ProtobufCMessage *msg,
                               struct arena *a, struct err *err)
{
    const Halftone__V1__ListEntriesRequest *m = (const void *)msg;
    (void)a;
    if (m->page_size > PAGE_MAX)
        return err_set(err, ERR_INVALID, "page_size is at most %d", PAGE_MAX);
    out->first = m->first;
    out->page_size = m->page_size ? m->page_size : PAGE_DEFAULT;
    return ERR_OK;
}

enum err_code codec_audit_prove(struct request *out,
                                const ProtobufCMessage *msg, struct arena *a,
                                struct err *err)
{
    const Halftone__V1__ProveRequest *m = (const void *)msg;
    (void)a;
    switch (m->leaf_case) {
    case HALFTONE__V1__PROVE_REQUEST__LEAF_QUERY_ID:
        out->charge = m->query_id;
        return ERR_OK;
    case HALFTONE__V1__PROVE_REQUEST__LEAF_INDEX:
        out->first = m->index;
        return ERR_OK;
    case HALFTONE__V1__PROVE_REQUEST__LEAF__NOT_SET:
    case _HALFTONE__V1__PROVE_REQUEST__LEAF__CASE_IS_INT_SIZE:
        break;
    }
    return err_set(err, ERR_INVALID,
                   "the request names no entry: give its "
                   "query_id or its index");
}

static ProtobufCBinaryData bytes(const uint8_t *data, size_t len)
{
    return (ProtobufCBinaryData){ .len = len,
                                  .data = (uint8_t *)(uintptr_t)data };
}

enum err_code codec_audit_checkpoint(const uint8_t **msg, size_t *len,
                                     const struct reply *reply, struct arena *a,
                                     struct err *err)
{
    Halftone__V1__Checkpoint m = HALFTONE__V1__CHECKPOINT__INIT;
    m.note = codec_text(reply->audit.note);
    m.key = codec_text(reply->audit.key);
    return codec_pack(msg, len, &m.base, a, err);
}

static void fill(Halftone__V1__AuditEntry *out, const struct reply_entry *e)
{
    halftone__v1__audit_entry__init(out);
    out->index = e->index;
    out->entry = codec_text(e->entry);
    out->salt = bytes(e->salt, e->salt_len);
}

enum err_code codec_audit_entries(const uint8_t **msg, size_t *len,
                                  const struct reply *reply, struct arena *a,
                                  struct err *err)
{
    const struct reply_audit *r = &reply->audit;
    Halftone__V1__ListEntriesReply m = HALFTONE__V1__LIST_ENTRIES_REPLY__INIT;
    Halftone__V1__AuditEntry *entries =
        ARENA_NEW_N(a, r->n_entries + 1, Halftone__V1__AuditEntry);
    m.entries = ARENA_NEW_N(a, r->n_entries + 1, Halftone__V1__AuditEntry *);
    m.n_entries = r->n_entries;
    if (!entries || !m.entries)
        return codec_full(err);
    for (size_t i = 0; i < r->n_entries; i++) {
        fill(&entries[i], &r->entries[i]);
        m.entries[i] = &entries[i];
    }
    return codec_pack(msg, len, &m.base, a, err);
}

enum err_code codec_audit_proof(const uint8_t **msg, size_t *len,
                                const struct reply *reply, struct arena *a,
                                struct err *err)
{
    const struct reply_audit *r = &reply->audit;
    Halftone__V1__Proof m = HALFTONE__V1__PROOF__INIT;
    Halftone__V1__AuditEntry entry;
    fill(&entry, &r->entries[0]);
    m.entry = &entry;
    m.size = r->size;
    m.root = bytes(r->root, r->hash_len);
    m.n_hashes = r->n_hashes;
    m.hashes = ARENA_NEW_N(a, r->n_hashes + 1, ProtobufCBinaryData);
    if (!m.hashes)
        return codec_full(err);
    for (size_t i = 0; i < r->n_hashes; i++)
        m.hashes[i] = bytes(r->hashes + i * r->hash_len, r->hash_len);
    return codec_pack(msg, len, &m.base, a, err);
}
