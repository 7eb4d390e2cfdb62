#include "tests/neighbour/pair.h"

#include <stdio.h>

#include "dp/notion.h"

const char PAIR_FAILED[] = "the engine failed";

static void open_sides(struct pair *p)
{
    shop_write(&p->shop);
    side_open(&p->with, p->shop.policy, p->shop.with.dir);
    side_open(&p->without, p->shop.policy, p->shop.without.dir);
    if (p->control == CONTROL_NONE)
        return;
    p->with.dataset.engine = control_engine(&p->with.spy, p->control);
    p->without.dataset.engine = control_engine(&p->without.spy, p->control);
}

static void close_sides(struct pair *p)
{
    engine_close(p->with.dataset.engine);
    engine_close(p->without.dataset.engine);
    side_close(&p->with);
    side_close(&p->without);
}

void pair_open(struct pair *p, uint64_t seed, enum shop_tables which,
               enum control control)
{
    struct draw d = { seed };
    p->seed = seed;
    p->control = control;
    p->show = false;
    shop_draw(&p->shop, &d, which);
    if (control == CONTROL_ROLLUP)
        p->shop.policy = shop_policy(SHOP_ROLLED);
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

static const char *judge(const struct pair *p, const struct tape *t,
                         const struct seen *with, const struct seen *without)
{
    if (t->wrong)
        return t->wrong;
    if (t->at != t->n)
        return "one side made more releases than the other";
    const char *differ = seen_differ(with, without);
    if (differ)
        return differ;
    if (with->code == ERR_INTERNAL)
        return "an internal error";
    if (with->code == ERR_MISS)
        return PAIR_FAILED;
    return tape_cost_wrong(&t->cost, p->with.dataset.policy->notion,
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

struct pair_verdict pair_ask(struct pair *p, const char *sql)
{
    const enum dp_notion notion = p->with.dataset.policy->notion;
    struct tape tape = { 0 };
    struct seen with, without;
    control_start(p->control, sql);
    tape_record(&tape);
    side_ask(&without, &p->without, sql);
    tape_play(&tape);
    side_ask(&with, &p->with, sql);
    tape_stop();
    control_start(CONTROL_NONE, "");
    const double charged =
        (double)dp_notion_units(notion, with.spent) * dp_notion_unit(notion);
    struct pair_verdict v = {
        .code = with.code,
        .wrong = judge(p, &tape, &with, &without),
        .used = charged > 0 ? tape.cost.main / charged : 0,
        .moved = tape.moved,
        .charged = with.spent,
        .first = with.first,
    };
    (void)snprintf(v.said, sizeof v.said, "%s", with.text);
    if (p->show)
        show(&with, &without);
    seen_fini(&with);
    seen_fini(&without);
    tape_fini(&tape);
    return v;
}
