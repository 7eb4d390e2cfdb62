/*
 * A question over several answers, made as mix.h describes: its arms planned,
 * each as a question of its own, then the joins between their columns typed.
 */
#include "server/plan/mix_draft.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "server/plan/after.h"
#include "server/plan/reach.h"
#include "server/query/refusal.h"

/* ---- is it one? ---- */

static bool is_answer(struct draft *d, const struct select *s, bool *sure)
{
    struct draft_block *const outer = d->block;
    const struct rel *rel = NULL;
    struct err ignored = { 0 };
    d->unkeyed = NULL;
    const bool is_relation = draft_sub(&rel, d, s, &ignored) == ERR_OK;
    d->block = outer;
    if (is_relation || !d->unkeyed)
        return false;
    while (s != d->unkeyed && s->from->kind == RELATION_QUERY)
        s = s->from->select;
    *sure &= s == d->unkeyed || s->from->kind == RELATION_SET;
    return true;
}

/* Are all relations in it answers? */
static bool are_answers(struct draft *d, const struct relation *r, bool *sure)
{
    bool all = true;
    switch (r->kind) {
    case RELATION_TABLE:
        return false;
    case RELATION_QUERY:
        return is_answer(d, r->select, sure);
    case RELATION_SET:
        for (size_t i = 0; all && i < r->set.n_arms; i++)
            all = is_answer(d, r->set.arms[i], sure);
        return all;
    case RELATION_JOIN:
        break;
    }
    return are_answers(d, r->join.left, sure) &&
           are_answers(d, r->join.right, sure);
}

/* The SELECT below `s` whose FROM is more than a sub-query, or a table's. */
static const struct select *bottom(const struct select *s)
{
    while (s->from->kind == RELATION_QUERY)
        s = s->from->select;
    return s;
}

bool draft_finds_mix(struct draft *d)
{
    const struct select *s = bottom(d->tree), *const unkeyed = d->unkeyed;
    const size_t n_relations = d->n_relations;
    bool sure = true;
    const bool fits = !d->no_mix && s->from->kind != RELATION_TABLE &&
                      are_answers(d, s->from, &sure);
    d->unkeyed = unkeyed;
    d->n_relations = n_relations;
    d->mix = fits ? sure ? MIX_SURE : MIX_MAYBE : MIX_NONE;
    return fits;
}

/* ---- its arms ---- */

static enum err_code read_relation(struct plan_mix_node **out, struct mixing *m,
                                   const struct relation *r, struct err *err);

static enum err_code node_of(struct plan_mix_node **out, struct mixing *m,
                             enum plan_mix_kind kind, size_t n_parts,
                             struct err *err)
{
    struct plan_mix_node *node = ARENA_NEW(m->d.a, struct plan_mix_node);
    if (!node)
        return draft_memory(err);
    node->kind = kind;
    node->n_parts = n_parts;
    node->parts = ARENA_NEW_N(m->d.a, n_parts + 1, struct plan_mix_node *);
    *out = node;
    return node->parts ? ERR_OK : draft_memory(err);
}

static enum err_code add_arm(struct plan_mix_node **out, struct mixing *m,
                             const struct select *s, struct err *err)
{
    char most[16];
    (void)snprintf(most, sizeof most, "%d", MIX_ARMS_MAX);
    if (m->mix->n_arms == MIX_ARMS_MAX)
        return refuse(err, REFUSAL_LIST_LENGTH, s->at,
                      "UNION or JOIN of answers", most);
    TRY(node_of(out, m, MIX_ARM, 0, err));
    (*out)->arm = m->mix->n_arms;
    m->selects[m->mix->n_arms++] = s;
    return ERR_OK;
}

static enum err_code read_set(struct plan_mix_node **out, struct mixing *m,
                              const struct relation *r, struct err *err)
{
    TRY(node_of(out, m, MIX_SET, r->set.n_arms, err));
    (*out)->set = r->set.kind;
    for (size_t i = 0; i < r->set.n_arms; i++)
        TRY(add_arm(&(*out)->parts[i], m, r->set.arms[i], err));
    return ERR_OK;
}

static enum err_code read_join(struct plan_mix_node **out, struct mixing *m,
                               const struct relation *r, struct err *err)
{
    TRY(node_of(out, m, MIX_JOIN, 2, err));
    (*out)->join = r->join.kind;
    TRY(read_relation(&(*out)->parts[0], m, r->join.left, err));
    return read_relation(&(*out)->parts[1], m, r->join.right, err);
}

static enum err_code read_relation(struct plan_mix_node **out, struct mixing *m,
                                   const struct relation *r, struct err *err)
{
    if (r->kind == RELATION_SET)
        return read_set(out, m, r, err);
    return r->kind == RELATION_JOIN ? read_join(out, m, r, err)
                                    : add_arm(out, m, r->select, err);
}

/* The first arm that is the same release. */
static size_t twin_of(const struct plan_mix *mix, size_t i)
{
    const struct plan *p = mix->arms[i].plan;
    size_t k = 0;
    while (memcmp(mix->arms[k].plan->release_hash, p->release_hash,
                  sizeof p->release_hash) != 0 ||
           mix->arms[k].plan->is_free != p->is_free)
        k++;
    return k;
}

/* Releases of all arms, by what is written; refused before any is planned. */
static enum err_code count_releases(const struct mixing *m, struct err *err)
{
    size_t n = 0;
    char most[16];
    (void)snprintf(most, sizeof most, "%d", MIX_RELEASES_MAX);
    for (size_t i = 0; i < m->mix->n_arms; i++) {
        const struct select *s = bottom(m->selects[i]);
        n += s->n_sets ? s->n_sets : 1;
        if (n > MIX_RELEASES_MAX)
            return refuse(err, REFUSAL_LIST_LENGTH, m->selects[i]->at,
                          "UNION or JOIN of grouping sets", most);
    }
    return m->like->mix_depth < MIX_DEPTH_MAX
               ? ERR_OK
               : refuse(err, REFUSAL_NEST_SIZE, m->like->tree->at, NULL, NULL);
}

/* Every arm, at its part of the price when `n_paid` share it. */
static enum err_code plan_arms(struct mixing *m, size_t n_paid, size_t *n_apart,
                               struct err *err)
{
    struct plan_mix *mix = m->mix;
    *n_apart = 0;
    for (size_t i = 0; i < mix->n_arms; i++) {
        struct draft like = *m->like;
        like.tree = m->selects[i];
        like.mix_depth = m->like->mix_depth + 1;
        like.n_sharers = n_paid * (m->like->n_sharers ? m->like->n_sharers : 1);
        TRY(draft_whole(&mix->arms[i].plan, &like, err));
        mix->arms[i].is_twin = !like.shape && twin_of(mix, i) != i;
        *n_apart += !mix->arms[i].is_twin && !mix->arms[i].plan->is_free;
    }
    return ERR_OK;
}

/* ---- around them ---- */

/* The SELECTs around, from the innermost. */
static enum err_code type_around(struct mixing *m, struct rel_scope *scope,
                                 struct err *err)
{
    struct plan *all = m->all;
    const struct select *around[DRAFT_OUTERS_MAX + 1];
    size_t n = 0;
    for (const struct select *s = m->like->tree;; s = s->from->select) {
        if (n > DRAFT_OUTERS_MAX)
            return refuse(err, REFUSAL_NEST_SIZE, s->at, NULL, NULL);
        around[n++] = s;
        if (s->from->kind != RELATION_QUERY)
            break;
    }
    all->after = ARENA_NEW_N(m->d.a, n, struct plan_after);
    if (!all->after)
        return draft_memory(err);
    for (; all->n_after < n; all->n_after++) {
        struct plan_after *after = &all->after[all->n_after];
        const struct select *s = around[n - 1 - all->n_after];
        if (all->n_after > 0)
            TRY(draft_answer_scope(&scope, &m->d, after[-1].outputs,
                                   after[-1].n_outputs, relation_name(s->from),
                                   err));
        TRY(draft_after(after, &m->d, s, scope, err));
        all->is_free |= after->has_limit && after->limit == 0;
    }
    return ERR_OK;
}

/* ---- the whole ---- */

static void add_release(struct plan *all, struct plan *part)
{
    all->parts[all->n_parts++] = part;
    all->reach = reach_add(all->reach, part->reach);
    all->memory += part->memory;
    if (part->row_memory > all->row_memory)
        all->row_memory = part->row_memory;
    all->selects |= part->selects;
    if (part->l0 > all->l0)
        all->l0 = part->l0;
    if (part->linf > all->linf)
        all->linf = part->linf;
    if (plan_width(part) > all->n_measures)
        all->n_measures = plan_width(part);
    if (part->n_keys + 1 > all->n_keys)
        all->n_keys = part->n_keys + 1;
}

/* The releases of all arms, each once. */
static enum err_code gather_parts(struct mixing *m, struct err *err)
{
    enum { PARTS_MAX = 64 };
    struct plan *all = m->all;
    all->parts = ARENA_NEW_N(m->d.a, PARTS_MAX, struct plan *);
    all->is_free = true;
    if (!all->parts)
        return draft_memory(err);
    for (size_t i = 0; i < m->mix->n_arms; i++) {
        struct plan_arm *arm = &m->mix->arms[i];
        const size_t n = plan_releases(arm->plan);
        arm->first = arm->is_twin ? m->mix->arms[twin_of(m->mix, i)].first
                                  : all->n_parts;
        all->is_free &= arm->plan->is_free;
        if (arm->is_twin)
            continue;
        if (all->n_parts + n > PARTS_MAX)
            return refuse(err, REFUSAL_LIST_LENGTH, m->selects[i]->at,
                          "UNION or JOIN of grouping sets", "64");
        for (size_t k = 0; k < n; k++)
            add_release(all, n == 1 && !arm->plan->n_parts
                                 ? arm->plan
                                 : arm->plan->parts[k]);
        if (!arm->plan->is_free)
            all->price = dp_price_add(all->price, arm->plan->price);
    }
    all->keys = ARENA_NEW_N(m->d.a, all->n_keys, struct plan_key);
    if (!all->keys)
        return draft_memory(err);
    for (size_t k = 0; k < all->n_keys; k++)
        all->keys[k].name = k + 1 < all->n_keys ? "key" : "release";
    all->keys[all->n_keys - 1].type = VALUE_INT;
    return ERR_OK;
}

/* Which releases it is made of, whatever is made of them. */
static enum err_code hash_all(struct mixing *m, struct err *err)
{
    static const char name[] = "halftone mix 1";
    const size_t each = sizeof m->all->release_hash;
    uint8_t bytes[sizeof name + MIX_ARMS_MAX * sizeof m->all->release_hash];
    size_t len = sizeof name;
    unsigned n = (unsigned)each;
    memcpy(bytes, name, sizeof name);
    for (size_t i = 0; i < m->mix->n_arms; i++) {
        if (m->mix->arms[i].is_twin)
            continue;
        memcpy(bytes + len, m->mix->arms[i].plan->release_hash, each);
        len += each;
    }
    if (EVP_Digest(bytes, len, m->all->release_hash, &n, EVP_sha256(), NULL) !=
        1)
        return err_set(err, ERR_INTERNAL, "hashing the release failed");
    return ERR_OK;
}

static void print_arms(struct writer *w, const void *ctx)
{
    const struct plan *all = ctx;
    const struct plan_mix *mix = all->mix;
    for (size_t i = 0; i < mix->n_arms; i++) {
        writer_printf(w, "Answer %zu of %zu:\n", i + 1, mix->n_arms);
        if (mix->arms[i].is_twin)
            writer_printf(w, "made of answer %zu's release, free\n",
                          twin_of(mix, i) + 1);
        else
            writer_str(w, mix->arms[i].plan->text);
    }
    writer_str(w, "Put together from the noisy answers, free.  ");
    draft_explain_price(w, all);
}

static enum err_code texts(struct mixing *m, struct err *err)
{
    struct plan *all = m->all;
    const struct plan *first = m->mix->arms[0].plan;
    const char *text =
        m->like->explains ? draft_print(&m->d, print_arms, all) : "";
    bool alike = true;
    for (size_t i = 0; i < m->mix->n_arms; i++)
        alike &= strcmp(m->mix->arms[i].plan->mechanism_text,
                        first->mechanism_text) == 0;
    all->text = text;
    all->mechanism_text = alike          ? first->mechanism_text
                          : all->selects ? "discrete noise, some groups "
                                           "selected"
                                         : "discrete noise";
    return text ? ERR_OK : draft_memory(err);
}

static enum err_code finish(struct mixing *m, struct err *err)
{
    struct plan *all = m->all;
    all->purpose = m->mix->arms[0].plan->purpose;
    all->level = m->mix->arms[0].plan->level;
    TRY(gather_parts(m, err));
    for (size_t i = 0; i < all->n_after; i++)
        all->is_free |= all->after[i].has_limit && all->after[i].limit == 0;
    all->memory += m->mix->root->rows * draft_sets_bytes(all);
    if (all->memory > PLAN_MEMORY_MAX)
        return draft_memory(err);
    TRY(hash_all(m, err));
    TRY(texts(m, err));
    return all->is_free ? ERR_OK : draft_within_maximum(&m->d, err);
}

enum err_code draft_mix(struct plan **out, const struct draft *like,
                        struct err *err)
{
    struct mixing *m = ARENA_NEW(like->a, struct mixing);
    const struct relation *from = bottom(like->tree)->from;
    struct rel_scope *scope = NULL;
    size_t n_apart;
    if (!m)
        return draft_memory(err);
    m->d = *like;
    m->like = like;
    TRY(draft_start(&m->d, err));
    m->all = m->d.plan;
    m->mix = m->all->mix = ARENA_NEW(like->a, struct plan_mix);
    if (!m->mix)
        return draft_memory(err);
    m->mix->arms = ARENA_NEW_N(like->a, MIX_ARMS_MAX, struct plan_arm);
    if (!m->mix->arms)
        return draft_memory(err);
    TRY(read_relation(&m->mix->root, m, from, err));
    TRY(count_releases(m, err));
    TRY(plan_arms(m, m->mix->n_arms, &n_apart, err));
    if (!like->shape && n_apart > 0 && n_apart < m->mix->n_arms)
        TRY(plan_arms(m, n_apart, &n_apart, err));
    TRY(draft_mix_from(&scope, m, from, err));
    TRY(type_around(m, scope, err));
    if (!like->shape)
        TRY(finish(m, err));
    *out = m->all;
    return ERR_OK;
}
