#include "tests/neighbour/pair.h"

#include <stdio.h>
#include <stdlib.h>

#include "dp/notion.h"

const char PAIR_FAILED[] = "the engine failed";

/* `without` is neighbour shop.n. */
static struct side *side_of(struct pair *p, size_t i)
{
    return i < p->shop.n ? &p->with[i] : &p->without;
}

static void open_side(struct pair *p, size_t i, const char *policy)
{
    const struct shop *shop = &p->shop;
    struct side *s = side_of(p, i);
    side_open(s, policy, i < shop->n ? shop->with[i].dir : shop->without.dir);
    for (size_t e = 0; e < shop->n_events; e++)
        if (shop_has(shop, i, shop->events[e].person))
            side_decide(s, shop->events[e].person, shop->events[e].state);
    if (p->control != CONTROL_NONE)
        s->dataset.engine = control_engine(&s->spy, p->control);
}

static void open_sides(struct pair *p)
{
    char *policy = shop_policy_of(&p->shop);
    shop_write(&p->shop);
    p->last = 0;
    for (size_t i = 0; i <= p->shop.n; i++)
        open_side(p, i, policy);
    free(policy);
    /* Two statements for one plan give the same integers: half of the shops
     * have one on the one side and the other on the other. */
    p->without.spares = p->control == CONTROL_NONE && p->seed % 2;
}

static void close_side(struct side *s)
{
    engine_close(s->dataset.engine);
    side_close(s);
}

static void close_sides(struct pair *p)
{
    close_side(&p->without);
    for (size_t i = 0; i < p->shop.n; i++)
        close_side(&p->with[i]);
}

static void draw_pair(struct pair *p, uint64_t seed, enum shop_tables which,
                      enum control control)
{
    struct draw d = { seed };
    p->seed = seed;
    p->control = control;
    p->show = false;
    shop_draw(&p->shop, &d, which);
    if (control == CONTROL_ROLLUP)
        p->shop.policy = shop_policy(SHOP_ROLLED);
    if (control == CONTROL_GATE)
        p->shop.policy = shop_policy(SHOP_ASKED);
}

void pair_open(struct pair *p, uint64_t seed, enum shop_tables which,
               enum control control)
{
    draw_pair(p, seed, which, control);
    open_sides(p);
}

void pair_open_in(struct pair *p, uint64_t seed, enum shop_tables which,
                  enum control control, enum shop_source source)
{
    draw_pair(p, seed, which, control);
    p->shop.source = source;
    open_sides(p);
}

void pair_open_shop(struct pair *p, enum control control)
{
    p->seed = 0;
    p->control = control;
    p->show = false;
    open_sides(p);
}

void pair_close(struct pair *p)
{
    close_sides(p);
    shop_remove(&p->shop);
}

void pair_reopen(struct pair *p)
{
    close_sides(p);
    open_sides(p);
}

void pair_decide(struct pair *p, struct draw *d)
{
    const struct shop_event *e = shop_decide(&p->shop, d);
    for (size_t i = 0; e && i <= p->shop.n; i++)
        if (shop_has(&p->shop, i, e->person))
            side_decide(side_of(p, i), e->person, e->state);
}

void pair_renew(struct pair *p)
{
    side_renew(&p->without);
    for (size_t i = 0; i < p->shop.n; i++)
        side_renew(&p->with[i]);
}

void pair_keep(struct pair *p, size_t i)
{
    close_sides(p);
    shop_keep(&p->shop, i);
    open_sides(p);
}

static const char *judge(const struct pair *p, const struct tape *t,
                         const struct seen *with, const struct seen *without,
                         bool counts)
{
    if (t->wrong)
        return t->wrong;
    if (t->at != t->n)
        return "one side made more releases than the other";
    const char *differ = seen_differ(with, without);
    if (differ)
        return differ;
    if (!counts && (t->moved > 0 || t->cost.main > 0))
        return "a person who does not count moved an answer";
    if (with->code == ERR_INTERNAL)
        return "an internal error";
    if (with->code == ERR_MISS)
        return PAIR_FAILED;
    return tape_cost_wrong(&t->cost, p->without.dataset.policy->notion,
                           with->spent);
}

static void show(const struct seen *with, const struct seen *without)
{
    const struct seen *const sides[] = { with, without };
    for (size_t i = 0; i < 2; i++)
        (void)fprintf(stderr, "---- %s:\n%s%s%s%s%s", i ? "without" : "with",
                      sides[i]->text, sides[i]->log, sides[i]->metrics,
                      sides[i]->leaves, sides[i]->statements);
}

/* One neighbour's answer against that of all others, with the same noise. */
static struct pair_verdict ask_one(struct pair *p, size_t i, struct tape *tape,
                                   const struct seen *without, const char *sql)
{
    const enum dp_notion notion = p->without.dataset.policy->notion;
    const bool counts = side_counts(&p->with[i], p->shop.person[i]);
    struct seen with;
    tape_play(tape);
    side_ask(&with, &p->with[i], sql);
    const double charged =
        (double)dp_notion_units(notion, with.spent) * dp_notion_unit(notion);
    struct pair_verdict v = {
        .code = with.code,
        .wrong = judge(p, tape, &with, without, counts),
        .used = charged > 0 ? tape->cost.main / charged : 0,
        .moved = tape->moved,
        .charged = with.spent,
        .first = with.first,
    };
    (void)snprintf(v.said, sizeof v.said, "%s", with.text);
    if (p->show)
        show(&with, without);
    seen_fini(&with);
    return v;
}

struct pair_verdict pair_ask(struct pair *p, const char *sql)
{
    struct tape tape = { 0 };
    struct seen without;
    struct pair_verdict most = { 0 };
    control_start(p->control, sql);
    tape_record(&tape);
    side_ask(&without, &p->without, sql);
    for (size_t i = 0; i < p->shop.n; i++) {
        const struct pair_verdict v = ask_one(p, i, &tape, &without, sql);
        if (i > 0 && (most.wrong || (!v.wrong && v.used <= most.used)))
            continue;
        most = v;
        p->last = i;
    }
    tape_stop();
    control_start(CONTROL_NONE, "");
    seen_fini(&without);
    tape_fini(&tape);
    return most;
}
