/*
 * The text before PostgreSQL's parser sees it.
 *
 * libpg_query's grammar keeps its stack on the heap, but it writes and reads
 * the finished tree by recursion, so depth costs the caller's stack.  Depth
 * can grow by brackets, by CASE, and by chains: 1+1+1+... is a tree that leans
 * left, each operator one level.  An estimate from above is enough:
 *
 *   level(list)    = max over its parts
 *   level(part)    = tokens of the part that can be operators
 *                    + max over the brackets in it
 *   level(bracket) = level(its list) + 1
 *
 * Parts end at commas and at AND, OR, WHEN and their like, which make flat
 * lists or sides, not chains; joins and set operations chain whole parts and
 * are counted over the whole list.
 */
#include "server/sql/sql_ctx.h"

#include <pg_query.h>
#include <stdio.h>
#include <string.h>

#include "server/base/utf8.h"

/*
 * Chains and brackets may go deeper than SQL_DEPTH_MAX here, since operators
 * are guessed at; the tree itself is measured exactly later.  FAST: with so
 * few tokens no tree can be deep.  BRACKETS: levels the estimate can follow.
 * TOKENS: what a text of 64 KiB has; the parser takes up to 2 us for each.
 */
enum { FAST = 1000, DEPTH = 2000, BRACKETS = 1000, TOKENS = 16384 };

/* At least as many as there are tokens. */
static size_t tokens_at_most(const char *text, size_t len)
{
    size_t n = 0;
    bool in_word = false;
    for (size_t i = 0; i < len; i++) {
        const unsigned char b = (unsigned char)text[i];
        const bool letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z') ||
                            b == '_' || b >= 0x80;
        const bool space = b == ' ' || (b >= '\t' && b <= '\r');
        /* A digit may end one token and begin the next: 1and 2. */
        n += !space && !(letter && in_word);
        in_word = letter;
    }
    return n;
}

enum part { OPERAND, OPERATOR, SEPARATOR, CHAIN, OPEN, CLOSE };

static enum part part_of(const PgQuery__ScanToken *t)
{
    switch ((unsigned)t->token) {
    case PG_QUERY__TOKEN__IDENT:
    case PG_QUERY__TOKEN__ICONST:
    case PG_QUERY__TOKEN__FCONST:
    case PG_QUERY__TOKEN__SCONST:
    case PG_QUERY__TOKEN__PARAM:
    case PG_QUERY__TOKEN__SQL_COMMENT:
    case PG_QUERY__TOKEN__C_COMMENT:
    case PG_QUERY__TOKEN__ASCII_46: /* . */
        return OPERAND;
    case PG_QUERY__TOKEN__ASCII_44: /* , */
    case PG_QUERY__TOKEN__AND:
    case PG_QUERY__TOKEN__OR:
    case PG_QUERY__TOKEN__WHEN:
    case PG_QUERY__TOKEN__THEN:
    case PG_QUERY__TOKEN__ELSE:
        return SEPARATOR;
    case PG_QUERY__TOKEN__JOIN:
    case PG_QUERY__TOKEN__UNION:
    case PG_QUERY__TOKEN__INTERSECT:
    case PG_QUERY__TOKEN__EXCEPT:
    case PG_QUERY__TOKEN__WITH:
    case PG_QUERY__TOKEN__SELECT:
        return CHAIN;
    case PG_QUERY__TOKEN__ASCII_40: /* ( */
    case PG_QUERY__TOKEN__ASCII_91: /* [ */
    case PG_QUERY__TOKEN__CASE:
        return OPEN;
    case PG_QUERY__TOKEN__ASCII_41: /* ) */
    case PG_QUERY__TOKEN__ASCII_93: /* ] */
    case PG_QUERY__TOKEN__END_P:
        return CLOSE;
    default:
        return OPERATOR;
    }
}

/* One open bracket: its chains, its deepest part, and the part being read. */
struct level {
    unsigned chain, best, operators, inside;
};

static unsigned max_of(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

static void end_part(struct level *l)
{
    l->best = max_of(l->best, l->operators + l->inside);
    l->operators = 0;
    l->inside = 0;
}

static unsigned level_of(const struct level *l)
{
    return l->chain + max_of(l->best, l->operators + l->inside) + 1;
}

/* The token at which the estimate passes DEPTH, or -1. */
static int too_deep_at(const PgQuery__ScanResult *scan)
{
    static _Thread_local struct level levels[BRACKETS];
    size_t open = 0;
    levels[0] = (struct level){ 0 };
    for (size_t i = 0; i < scan->n_tokens && i < TOKENS; i++) {
        const PgQuery__ScanToken *t = scan->tokens[i];
        struct level *l = &levels[open];
        const enum part part = part_of(t);
        if (part == OPERATOR)
            l->operators++;
        if (part == CHAIN)
            l->chain++;
        if (part == SEPARATOR)
            end_part(l);
        if (part == OPEN) {
            if (++open == BRACKETS)
                return t->start;
            levels[open] = (struct level){ 0 };
        }
        if (part == CLOSE && open > 0) {
            const unsigned inside = level_of(l);
            l = &levels[--open];
            l->inside = max_of(l->inside, inside);
        }
        if (level_of(l) + open > DEPTH)
            return t->start;
    }
    return -1;
}

static enum err_code scan_depth(struct sql_ctx *c, const char *text)
{
    PgQueryScanResult raw = pg_query_scan(text);
    /* What does not scan does not parse: no tree is made of it. */
    PgQuery__ScanResult *scan =
        raw.error ? NULL
                  : pg_query__scan_result__unpack(
                        NULL, raw.pbuf.len, (const uint8_t *)raw.pbuf.data);
    const bool failed = !raw.error && !scan;
    const int at = scan ? too_deep_at(scan) : -1;
    const bool many = scan && scan->n_tokens > TOKENS;
    const int more_at = many ? scan->tokens[TOKENS]->start : -1;
    if (scan)
        pg_query__scan_result__free_unpacked(scan, NULL);
    pg_query_free_scan_result(raw);
    if (failed)
        return sql_no_memory(c);
    if (at < 0)
        return many ? sql_refuse(c, REFUSAL_TEXT_TOKENS, more_at, NULL, NULL)
                    : ERR_OK;
    char most[16];
    (void)snprintf(most, sizeof most, "%d", SQL_DEPTH_MAX);
    return sql_refuse(c, REFUSAL_TEXT_DEPTH, at, most, NULL);
}

enum err_code sql_guard(struct sql_ctx *c, const char *text, size_t len)
{
    if (tokens_at_most(text, len) <= FAST)
        return ERR_OK;
    return scan_depth(c, text);
}
