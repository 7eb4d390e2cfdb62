/*
 * A symbol becomes the text of one of its productions, drawn by weight, with
 * its holes filled in from left to right.  What a hole may name depends on the
 * relations read so far: the scope.  A production that cannot be filled in (no
 * column of that type in reach) is given up and another one drawn.
 */
#include "tests/neighbour/grammar.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct production {
    const char *symbol;
    unsigned weight;
    const char *feature, *text, *gives;
};
static const struct production GRAMMAR[] = {
#define P(symbol, weight, feature, text, gives)                                \
    { #symbol, weight, feature, text, gives },
#include "tests/neighbour/grammar.def"
#undef P
};
enum { GRAMMAR_N = sizeof GRAMMAR / sizeof GRAMMAR[0] };

/* The shop's tables; '+' has public bounds, '-' may not be grouped by. */
static const struct table {
    const char *name, *cols;
    bool owned;
} TABLES[] = {
    { "customers", "country:t+ age:t+ joined:D score:d active:b", true },
    { "orders", "category:t+ amount:d+ qty:i+ at:T+ note:t- day:D+", true },
    { "touches", "channel:t+ campaign:t cost:d+ at:T+", true },
    { "campaigns", "campaign:t kind:t+ price:d+", false },
};
enum { TABLES_N = sizeof TABLES / sizeof TABLES[0] };

struct col {
    char name[28]; /* with its alias: "t1.amount" */
    char type;     /* i d t D(ate) T(imestamp) b */
    bool bounded, groups;
    unsigned part; /* of which relation of the scope */
};

/* A column picked before, by the name that the production gives it. */
struct named {
    char name[8];
    struct col col;
};

enum {
    COLS_MAX = 64,
    NAMED_MAX = 8,
    TEXT_MAX = 12288,
    TRIES = 10,
    FAILED_MAX = 100
};

/* The relations read so far, and those of the query around it. */
struct scope {
    struct col cols[COLS_MAX];
    size_t n;
    unsigned parts;
    char key[28], last[12]; /* privacy key of the first; alias of the last */
    struct named named[NAMED_MAX];
    size_t n_named;
    const struct scope *outer;
    const char *from; /* what {from} wrote */
    char as[12];      /* what {as} writes */
};

struct text {
    char s[TEXT_MAX];
    size_t len;
};

struct gram {
    struct draw *d;
    struct grammar_used *used;
    struct text with; /* queries of WITH */
    unsigned aliases, depth, nest;
    unsigned failed; /* productions given up; too many start anew */
};

static bool expand(struct gram *g, struct text *t, struct scope *s,
                   const char *symbol, size_t len);
static bool walk(struct gram *g, struct text *t, struct scope *s,
                 const char *text, size_t len);

static bool put(struct text *t, const char *s, size_t len)
{
    if (t->len + len >= TEXT_MAX)
        return false;
    memcpy(t->s + t->len, s, len);
    t->len += len;
    t->s[t->len] = '\0';
    return true;
}

static bool put_text(struct text *t, const char *s)
{
    return put(t, s, strlen(s));
}

static bool is(const char *s, size_t len, const char *word)
{
    return strlen(word) == len && memcmp(s, word, len) == 0;
}

static void name_of(char *out, size_t size, const char *fmt, unsigned n)
{
    struct writer w = writer_of(out, size);
    writer_printf(&w, "%s%u", fmt, n);
    if (!writer_cstr(&w))
        abort();
}

/* ---- scopes ---- */

/* "name:type+" or, of a column picked before, "name=pick". */
static bool add_col(struct scope *s, const char *alias, const char *spec,
                    size_t len, const struct scope *picks)
{
    const size_t name = strcspn(spec, ":=");
    struct col c = { .part = s->parts };
    struct writer w = writer_of(c.name, sizeof c.name);
    if (s->n == COLS_MAX)
        return false;
    if (spec[name] == ':') {
        c.type = spec[name + 1];
        c.bounded = memchr(spec, '+', len);
        c.groups = !memchr(spec, '-', len);
    } else {
        size_t i = 0;
        while (i < picks->n_named &&
               !is(spec + name + 1, len - name - 1, picks->named[i].name))
            i++;
        if (i == picks->n_named)
            return true; /* an optional part was left out */
        c.type = picks->named[i].col.type;
        c.bounded = picks->named[i].col.bounded;
        c.groups = picks->named[i].col.groups;
    }
    writer_printf(&w, "%s.%.*s", alias, (int)name, spec);
    if (!writer_cstr(&w))
        return false;
    s->cols[s->n++] = c;
    return true;
}

/* Columns separated by blanks, under the alias; the first may be the key. */
static bool add_relation(struct scope *s, const char *alias, const char *cols,
                         bool owned, const struct scope *picks)
{
    struct writer key = writer_of(s->key, sizeof s->key);
    for (const char *at = cols; *at;) {
        const size_t len = strcspn(at, " ");
        if (is(at, len, "customer_id"))
            owned = true;
        else if (!add_col(s, alias, at, len, picks))
            return false;
        at += len + (at[len] == ' ');
    }
    if (owned && !s->key[0])
        writer_printf(&key, "%s.customer_id", alias);
    if (!s->key[0] && owned && !writer_cstr(&key))
        return false;
    memcpy(s->last, alias, strlen(alias) + 1);
    s->parts++;
    return true;
}

/* {table}, {table:orders}, {table:public} */
static bool put_table(struct gram *g, struct text *t, struct scope *s,
                      const char *which, size_t len)
{
    const struct table *of = &TABLES[draw_below(g->d, TABLES_N - 1)];
    char alias[12];
    for (size_t i = 0; len && i < TABLES_N; i++)
        if (is(which, len, TABLES[i].name) ||
            (is(which, len, "public") && !TABLES[i].owned))
            of = &TABLES[i];
    name_of(alias, sizeof alias, "t", ++g->aliases);
    return put_text(t, "shop.") && put_text(t, of->name) &&
           put_text(t, " AS ") && put_text(t, alias) &&
           add_relation(s, alias, of->cols, of->owned, s);
}

/* {c:idt}: a column of such a type; '+' bounded, '*' to group by; f and l: of
 * the first and last relation; o: of the query around. */
static const struct col *pick(struct gram *g, const struct scope *s,
                              const char *spec, size_t len)
{
    const struct scope *of = spec[0] == 'o' ? s->outer : s;
    for (int tries = 0; of && of->n && tries < 40; tries++) {
        const struct col *c = &of->cols[draw_below(g->d, (unsigned)of->n)];
        if (memchr(spec + 2, c->type, len - 2) &&
            (c->bounded || !memchr(spec, '+', len)) &&
            (c->groups || !memchr(spec, '*', len)) &&
            (spec[0] != 'f' || c->part == 0) &&
            (spec[0] != 'l' || c->part + 1 == of->parts))
            return c;
    }
    return NULL;
}

static bool put_pick(struct gram *g, struct text *t, struct scope *s,
                     const char *body, size_t len)
{
    const char *eq = memchr(body, '=', len);
    const char *spec = eq ? eq + 1 : body;
    const struct col *c = pick(g, s, spec, len - (size_t)(spec - body));
    if (!c)
        return false;
    if (eq && s->n_named < NAMED_MAX) {
        struct named *n = &s->named[s->n_named++];
        const size_t l = (size_t)(eq - body);
        memcpy(n->name, body, l);
        n->name[l] = '\0';
        n->col = *c;
    }
    return put_text(t, c->name);
}

/* ---- holes ---- */

/* Up to the next `stop` outside braces. */
static size_t span(const char *s, size_t len, char stop)
{
    size_t i = 0;
    for (int deep = 0; i < len; i++) {
        if (s[i] == stop && deep == 0)
            break;
        deep += s[i] == '{';
        deep -= s[i] == '}';
    }
    return i;
}

/* {?25:text}: with that chance; left out where it cannot be filled in. */
static bool maybe(struct gram *g, struct text *t, struct scope *s,
                  const char *body, size_t len)
{
    const size_t colon = span(body, len, ':');
    const unsigned percent = (unsigned)strtoul(body, NULL, 10);
    const size_t was = t->len, with = g->with.len, used = g->used->n;
    struct scope *kept;
    if (!draw_chance(g->d, percent))
        return true;
    kept = malloc(sizeof *kept);
    if (!kept)
        abort();
    *kept = *s;
    if (!walk(g, t, s, body + colon + 1, len - colon - 1)) {
        t->len = was;
        t->s[was] = '\0';
        g->with.len = with;
        g->used->n = used;
        *s = *kept;
    }
    free(kept);
    return true;
}

/* {~a~b~c}: one of them. */
static bool one_of(struct gram *g, struct text *t, struct scope *s,
                   const char *body, size_t len)
{
    size_t n = 1, at = 0;
    for (size_t i = 0; (i += span(body + i, len - i, '~')) < len; i++)
        n++;
    for (size_t skip = draw_below(g->d, (unsigned)n); skip > 0; skip--)
        at += span(body + at, len - at, '~') + 1;
    return walk(g, t, s, body + at, span(body + at, len - at, '~'));
}

static bool put_number(struct gram *g, struct text *t, const char *body)
{
    char digits[16];
    name_of(digits, sizeof digits, "",
            1 + draw_below(g->d, (unsigned)strtoul(body, NULL, 10)));
    return put_text(t, digits);
}

static bool put_with(struct gram *g, struct scope *s, const char *body,
                     size_t len)
{
    if (g->with.len && !put_text(&g->with, ", "))
        return false;
    return walk(g, &g->with, s, body, len);
}

static bool put_name(struct gram *g, struct text *t, struct scope *s,
                     const char *body, size_t len)
{
    if (is(body, len, "key"))
        return s->key[0] && put_text(t, s->key);
    if (is(body, len, "outer"))
        return s->outer && s->outer->key[0] && put_text(t, s->outer->key);
    if (is(body, len, "last"))
        return put_text(t, s->last);
    if (is(body, len, "as"))
        return put_text(t, s->as);
    for (size_t i = s->n_named; i-- > 0;)
        if (is(body, len, s->named[i].name))
            return put_text(t, s->named[i].col.name);
    return expand(g, t, s, body, len);
}

static bool fill(struct gram *g, struct text *t, struct scope *s,
                 const char *body, size_t len)
{
    if (body[0] == '?')
        return maybe(g, t, s, body + 1, len - 1);
    if (body[0] == '~')
        return one_of(g, t, s, body + 1, len - 1);
    if (body[0] == '#')
        return put_number(g, t, body + 1);
    if (len >= 4 && memcmp(body, "from", 4) == 0)
        return put_text(t, s->from);
    if (len >= 5 && memcmp(body, "with:", 5) == 0)
        return put_with(g, s, body + 5, len - 5);
    if (len >= 5 && memcmp(body, "table", 5) == 0)
        return put_table(g, t, s, body + 5 + (len > 5), len - 5 - (len > 5));
    if (memchr(body, ':', len))
        return put_pick(g, t, s, body, len);
    return put_name(g, t, s, body, len);
}

static bool walk(struct gram *g, struct text *t, struct scope *s,
                 const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        const size_t plain = span(text + i, len - i, '{');
        if (!put(t, text + i, plain))
            return false;
        i += plain;
        if (i == len)
            break;
        const size_t hole = span(text + i + 1, len - i - 1, '}');
        if (!fill(g, t, s, text + i + 1, hole))
            return false;
        i += hole + 2;
    }
    return true;
}

/* ---- productions ---- */

/* {from} or {from:symbol}: a scope of its own, read before the text. */
static bool produce_nested(struct gram *g, struct text *t, struct scope *s,
                           const struct production *p, const char *from)
{
    static const char usual[] = "relation";
    const char *symbol = from[5] == ':' ? from + 6 : usual;
    struct scope *in = calloc(1, sizeof *in);
    struct text *read = calloc(1, sizeof *read);
    if (!in || !read)
        abort();
    in->outer = s;
    in->from = read->s;
    name_of(in->as, sizeof in->as, "q", ++g->aliases);
    g->nest--;
    const bool done =
        expand(g, read, in, symbol, strcspn(symbol, "}")) &&
        walk(g, t, in, p->text, strlen(p->text)) &&
        (!p->gives[0] || add_relation(s, in->as, p->gives, false, in));
    g->nest++;
    free(in);
    free(read);
    return done;
}

static bool produce(struct gram *g, struct text *t, struct scope *s,
                    const struct production *p)
{
    const char *from = strstr(p->text, "{from");
    if (from)
        return produce_nested(g, t, s, p, from);
    if (p->gives[0])
        name_of(s->as, sizeof s->as, "q", ++g->aliases);
    return walk(g, t, s, p->text, strlen(p->text)) &&
           (!p->gives[0] || add_relation(s, s->as, p->gives, false, s));
}

/* The first production of a symbol ends: it stands alone when deep enough. */
static const struct production *choose(struct gram *g, const char *symbol,
                                       size_t len)
{
    unsigned total = 0;
    for (size_t i = 0; i < GRAMMAR_N; i++) {
        if (!is(symbol, len, GRAMMAR[i].symbol))
            continue;
        if (g->depth == 0 || (g->nest == 0 && is(symbol, len, "relation")))
            return &GRAMMAR[i];
        total += GRAMMAR[i].weight;
    }
    if (!total) {
        (void)fprintf(stderr, "no symbol %.*s\n", (int)len, symbol);
        abort();
    }
    unsigned at = draw_below(g->d, total);
    for (size_t i = 0;; i++) {
        if (!is(symbol, len, GRAMMAR[i].symbol))
            continue;
        if (at < GRAMMAR[i].weight)
            return &GRAMMAR[i];
        at -= GRAMMAR[i].weight;
    }
}

static bool expand(struct gram *g, struct text *t, struct scope *s,
                   const char *symbol, size_t len)
{
    const size_t was = t->len, with = g->with.len, used = g->used->n;
    const unsigned depth = g->depth;
    struct scope *kept = malloc(sizeof *kept);
    bool done = false;
    if (!kept)
        abort();
    *kept = *s;
    for (int tries = 0; tries < TRIES && g->failed < FAILED_MAX; tries++) {
        const struct production *p = choose(g, symbol, len);
        const bool nests = strstr(p->text, "{from") != NULL;
        if (nests && g->nest == 0)
            continue;
        if (g->used->n < GRAMMAR_USED_MAX)
            g->used->at[g->used->n++] = (uint16_t)(p - GRAMMAR);
        g->depth = depth > 0 ? depth - 1 : 0;
        done = produce(g, t, s, p);
        g->depth = depth;
        if (done)
            break;
        g->failed++;
        t->len = was, g->with.len = with, g->used->n = used;
        t->s[was] = '\0';
        *s = *kept;
    }
    free(kept);
    return done;
}

void grammar_query(struct writer *w, struct draw *d, struct grammar_used *used)
{
    static struct grammar_used unseen;
    struct gram *g = malloc(sizeof *g);
    struct text *t = malloc(sizeof *t);
    struct scope *s = malloc(sizeof *s);
    if (!g || !t || !s)
        abort();
    /* Most are small: what a question costs to ask grows faster than what it
     * may find. */
    const bool deep = draw_chance(d, 10);
    do {
        *g = (struct gram){ .d = d, .used = used ? used : &unseen };
        g->depth = deep ? 14 : 4 + draw_below(d, 4);
        g->nest = deep ? 4 : 1 + draw_below(d, 2);
        g->used->n = 0;
        *t = (struct text){ .len = 0 };
        *s = (struct scope){ .n = 0 };
    } while (!expand(g, t, s, "settings", strlen("settings")) ||
             !expand(g, t, s, "question", strlen("question")));
    if (g->with.len)
        writer_printf(w, "WITH %.*s ", (int)g->with.len, g->with.s);
    writer_str(w, t->s);
    free(g);
    free(t);
    free(s);
}

size_t grammar_size(void)
{
    return GRAMMAR_N;
}

const char *grammar_feature(size_t i)
{
    return GRAMMAR[i].feature;
}
