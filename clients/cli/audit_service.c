/* The audit log of a running server, for an auditor with a token. */
#include "clients/cli/audit.h"

#include <halftone/v1/audit.pb-c.h>
#include <string.h>

#include "clients/cli/methods.h"
#include "clients/cli/text.h"
#include "server/audit/entry.h"

enum { PAGE = 500 };

static enum err_code print_page(struct cli *cli, struct client *client,
                                uint64_t *first, struct arena *page,
                                struct err *err)
{
    Halftone__V1__ListEntriesRequest request =
        HALFTONE__V1__LIST_ENTRIES_REQUEST__INIT;
    ProtobufCMessage *m;
    request.first = *first;
    request.page_size = PAGE;
    TRY(client_call(client, &METHOD_LIST_ENTRIES, &request.base, &m, page,
                    err));
    const Halftone__V1__ListEntriesReply *r = (const void *)m;
    for (size_t i = 0; i < r->n_entries; i++) {
        const char *safe = text_line(page, r->entries[i]->entry);
        (void)fprintf(cli->term.out, "%s\n", safe ? safe : "");
    }
    *first = r->n_entries ? *first + r->n_entries : UINT64_MAX;
    return ERR_OK;
}

enum err_code audit_list(struct cli *cli, struct err *err)
{
    enum { ROOM = 16 << 20 };
    struct client client;
    struct arena page;
    uint64_t first = 0;
    TRY(client_of(&client, &cli->opt, &cli->term, cli->arena, err));
    arena_init(&page, ROOM);
    enum err_code code = ERR_OK;
    while (code == ERR_OK && first != UINT64_MAX) {
        arena_reset(&page);
        code = print_page(cli, &client, &first, &page, err);
    }
    arena_fini(&page);
    return code;
}

static bool take_hash(struct merkle_hash *out, const ProtobufCBinaryData *b)
{
    if (b->len != sizeof out->bytes)
        return false;
    memcpy(out->bytes, b->data, sizeof out->bytes);
    return true;
}

/* What the server sent is as long as it must be; no more is believed. */
static bool take(struct audit_proof *out, const Halftone__V1__Proof *p)
{
    const Halftone__V1__AuditEntry *e = p->entry;
    *out = (struct audit_proof){ .size = p->size, .proof.n = p->n_hashes };
    if (!e || e->salt.len != sizeof out->salt.bytes ||
        !take_hash(&out->root, &p->root) || p->n_hashes > MERKLE_PROOF_MAX)
        return false;
    out->index = e->index;
    out->entry = e->entry;
    memcpy(out->salt.bytes, e->salt.data, sizeof out->salt.bytes);
    for (size_t i = 0; i < p->n_hashes; i++)
        if (!take_hash(&out->proof.hash[i], &p->hashes[i]))
            return false;
    return true;
}

enum err_code audit_ask_proof(struct audit_proof *out, struct cli *cli,
                              const char *charge, struct err *err)
{
    Halftone__V1__ProveRequest request = HALFTONE__V1__PROVE_REQUEST__INIT;
    struct client client;
    ProtobufCMessage *m;
    request.leaf_case = HALFTONE__V1__PROVE_REQUEST__LEAF_QUERY_ID;
    request.query_id = (char *)(uintptr_t)charge; /* protobuf-c has no const */
    TRY(client_of(&client, &cli->opt, &cli->term, cli->arena, err));
    TRY(client_call(&client, &METHOD_PROVE, &request.base, &m, cli->arena,
                    err));
    if (take(out, (const Halftone__V1__Proof *)m))
        return ERR_OK;
    (void)err_set(err, ERR_INVALID, "the server's proof is malformed");
    return err_hint(err, "is this a halftone server?");
}
