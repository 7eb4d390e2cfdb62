#include "server/grpc/codec.h"

#include <halftone/v1/halftone.pb-c.h>
#include <string.h>

#include "tests/table.h"

/* Pack a request message into a fixed buffer. */
struct packed {
    uint8_t bytes[4096];
    size_t len;
};

static struct packed pack(const ProtobufCMessage *m)
{
    struct packed p = { .len = protobuf_c_message_get_packed_size(m) };
    assert_true(p.len <= sizeof p.bytes);
    (void)protobuf_c_message_pack(m, p.bytes);
    return p;
}

static enum err_code decode(struct request *out, const char *path,
                            const ProtobufCMessage *m, struct arena *a,
                            struct err *err)
{
    const struct packed p = pack(m);
    return codec_decode(out, codec_find(path), p.bytes, p.len, a, err);
}

#define QUERY "/halftone.v1.Halftone/Query"

/* Each row is a QueryRequest and what becomes of it. */
static Halftone__V1__Value TEXT = { .kind_case =
                                        HALFTONE__V1__VALUE__KIND_TEXT_VALUE,
                                    .text_value = (char *)0 };
static Halftone__V1__Ask ASK;
static Halftone__V1__Accuracy ACCURACY;

static const struct row {
    const char *name;
    const char *sql; /* NULL: no question */
    const char *key;
    double level, rho, half_width;
    enum err_code want;
} rows[] = {
    { "a plain question", "SELECT 1", "", 0, 0, 0, ERR_OK },
    { "a question with a key", "SELECT 1", "k", 0, 0, 0, ERR_OK },
    { "no question", NULL, "", 0, 0, 0, ERR_INVALID },
    { "level 1 is no confidence", "SELECT 1", "", 1, 0, 0, ERR_INVALID },
    { "negative level", "SELECT 1", "", -0.5, 0, 0, ERR_INVALID },
    { "a price", "SELECT 1", "", 0.9, 0.01, 0, ERR_OK },
    { "a negative price", "SELECT 1", "", 0, -1, 0, ERR_INVALID },
    { "an infinite price", "SELECT 1", "", 0, 1.0 / 0.0, 0, ERR_INVALID },
    { "a price that is no number", "SELECT 1", "", 0, 0.0 / 0.0, 0,
      ERR_INVALID },
    { "an accuracy", "SELECT 1", "", 0, 0, 100, ERR_OK },
    { "a negative accuracy", "SELECT 1", "", 0, 0, -100, ERR_INVALID },
    { "a key of 129 bytes", "SELECT 1",
      "0123456789012345678901234567890123456789012345678901234567890123"
      "01234567890123456789012345678901234567890123456789012345678901234",
      0, 0, 0, ERR_INVALID },
};

static void check_row(void **state)
{
    const struct row *row = *state;
    Halftone__V1__QueryRequest m = HALFTONE__V1__QUERY_REQUEST__INIT;
    struct request req;
    struct err err = { 0 };
    struct arena a;
    arena_init(&a, 1 << 20);

    halftone__v1__ask__init(&ASK);
    halftone__v1__accuracy__init(&ACCURACY);
    ASK.level = row->level;
    if (row->half_width != 0) {
        ASK.kind_case = HALFTONE__V1__ASK__KIND_ACCURACY;
        ASK.accuracy = &ACCURACY;
        ACCURACY.half_width = row->half_width;
    } else if (row->rho != 0) {
        ASK.kind_case = HALFTONE__V1__ASK__KIND_RHO;
        ASK.rho = row->rho;
    }
    m.ask = &ASK;
    m.idempotency_key = (char *)(uintptr_t)row->key;
    if (row->sql) {
        m.question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL;
        m.sql = (char *)(uintptr_t)row->sql;
    }
    assert_int_equal(decode(&req, QUERY, &m.base, &a, &err), row->want);
    assert_int_equal(err.msg[0] != '\0', row->want != ERR_OK);
    if (row->want == ERR_OK) {
        assert_string_equal(req.sql, row->sql);
        assert_string_equal(req.idempotency_key, row->key);
        assert_true(req.ask.level == (row->level > 0 ? row->level : 0.95));
    }
    arena_fini(&a);
}

/* SELECT country, count(*) FROM orders WHERE country = 'FR' AND country = 'FR'
 * ORDER BY count(*) DESC LIMIT 10, as messages; by hand, for each test to
 * spoil. */
struct structured {
    Halftone__V1__QueryRequest m;
    Halftone__V1__StructuredQuery q;
    Halftone__V1__Expression country, fr, same;
    Halftone__V1__Operation op;
    Halftone__V1__Aggregate count;
    Halftone__V1__Order order;
    Halftone__V1__Expression *args[2], *keys[1], *filters[2];
    Halftone__V1__Aggregate *aggregates[1];
    Halftone__V1__Order *orders[1];
    struct arena a;
    struct request req;
};

static void structured_filter(struct structured *s)
{
    halftone__v1__value__init(&TEXT);
    TEXT.kind_case = HALFTONE__V1__VALUE__KIND_TEXT_VALUE;
    TEXT.text_value = (char *)(uintptr_t) "FR";
    halftone__v1__expression__init(&s->country);
    s->country.kind_case = HALFTONE__V1__EXPRESSION__KIND_COLUMN;
    s->country.column = (char *)(uintptr_t) "country";
    halftone__v1__expression__init(&s->fr);
    s->fr.kind_case = HALFTONE__V1__EXPRESSION__KIND_CONSTANT;
    s->fr.constant = &TEXT;
    halftone__v1__operation__init(&s->op);
    s->op.op = (char *)(uintptr_t) "=";
    s->op.n_args = 2;
    s->op.args = s->args;
    halftone__v1__expression__init(&s->same);
    s->same.kind_case = HALFTONE__V1__EXPRESSION__KIND_OPERATION;
    s->same.operation = &s->op;
}

static void structured_init(struct structured *s)
{
    *s = (struct structured){ .args = { &s->country, &s->fr },
                              .keys = { &s->country },
                              .filters = { &s->same, &s->same },
                              .aggregates = { &s->count },
                              .orders = { &s->order } };
    structured_filter(s);
    halftone__v1__aggregate__init(&s->count);
    s->count.function = HALFTONE__V1__AGGREGATE__FUNCTION__COUNT_ROWS;
    halftone__v1__order__init(&s->order);
    s->order.column = (char *)(uintptr_t) "count";
    s->order.descending = 1;
    halftone__v1__structured_query__init(&s->q);
    s->q.table = (char *)(uintptr_t) "orders";
    s->q.n_keys = s->q.n_aggregates = s->q.n_orders = 1;
    s->q.n_filters = 2;
    s->q.keys = s->keys;
    s->q.aggregates = s->aggregates;
    s->q.filters = s->filters;
    s->q.orders = s->orders;
    s->q.limit = 10;
    halftone__v1__query_request__init(&s->m);
    s->m.question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_STRUCTURED;
    s->m.structured = &s->q;
    arena_init(&s->a, 1 << 20);
}

static enum err_code structured_decode(struct structured *s, struct err *err)
{
    return decode(&s->req, QUERY, &s->m.base, &s->a, err);
}

/* A structured query is the tree that its SQL would be. */
static void check_structured(void **state)
{
    struct structured q;
    struct err err = { 0 };
    (void)state;
    structured_init(&q);
    assert_int_equal(structured_decode(&q, &err), ERR_OK);
    assert_null(q.req.sql);
    const struct select *s = q.req.tree;
    assert_string_equal(s->from->table.name, "orders");
    assert_int_equal(s->n_items, 2);
    assert_int_equal(s->items[1].expr->agg.kind, AGG_COUNT);
    assert_int_equal(s->items[1].expr->agg.arg->kind, EXPR_STAR);
    assert_int_equal(s->where->call.op, OP_AND);
    assert_int_equal(s->where->call.args[1]->call.op, OP_EQ);
    assert_ptr_equal(s->orders[0].expr, s->items[1].expr);
    assert_true(s->orders[0].descending && s->has_limit && s->limit == 10);
    arena_fini(&q.a);
}

/* A fraction belongs to a percentile, and to nothing else. */
static void check_fraction(void **state)
{
    struct structured q;
    struct err err = { 0 };
    (void)state;
    structured_init(&q);
    q.count.function = HALFTONE__V1__AGGREGATE__FUNCTION__PERCENTILE_CONT;
    q.count.argument = &q.country;
    q.count.alias = (char *)(uintptr_t) "count";
    q.count.fraction = 0.9;
    assert_int_equal(structured_decode(&q, &err), ERR_OK);
    const struct expr *percentile = q.req.tree->items[1].expr;
    assert_int_equal(percentile->agg.kind, AGG_PERCENTILE_CONT);
    assert_true(percentile->agg.fraction->value.d == 0.9);
    q.count.function = HALFTONE__V1__AGGREGATE__FUNCTION__STDDEV_SAMP;
    assert_int_equal(structured_decode(&q, &err), ERR_INVALID);
    q.count.fraction = 0;
    assert_int_equal(structured_decode(&q, &err), ERR_OK);
    assert_int_equal(q.req.tree->items[1].expr->agg.kind, AGG_STDDEV_SAMP);
    arena_fini(&q.a);
}

static void check_structured_refused(void **state)
{
    struct structured q;
    struct err err = { 0 };
    (void)state;
    structured_init(&q);
    q.order.column = (char *)(uintptr_t) "nothing";
    assert_int_equal(structured_decode(&q, &err), ERR_INVALID);
    q.order.column = (char *)(uintptr_t) "count";
    q.op.op = (char *)(uintptr_t) "pg_sleep";
    assert_int_equal(structured_decode(&q, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "pg_sleep"));
    q.op.op = (char *)(uintptr_t) "=";
    q.op.n_args = 1;
    assert_int_equal(structured_decode(&q, &err), ERR_INVALID);
    arena_fini(&q.a);
}

/* Memory faults without a faulty allocator: every cap ends cleanly. */
static void check_caps(void **state)
{
    Halftone__V1__QueryRequest m = HALFTONE__V1__QUERY_REQUEST__INIT;
    enum err_code code = ERR_LIMIT;
    (void)state;
    m.question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL;
    m.sql = (char *)(uintptr_t) "SELECT count(*) FROM orders";
    m.dataset = (char *)(uintptr_t) "shop";
    for (size_t cap = 0; code != ERR_OK && cap < 8192; cap += 16) {
        struct request req;
        struct err err = { 0 };
        struct arena a;
        arena_init(&a, cap);
        code = decode(&req, QUERY, &m.base, &a, &err);
        assert_true(code == ERR_OK || code == ERR_LIMIT);
        arena_fini(&a);
    }
    assert_int_equal(code, ERR_OK);
}

/* The same bytes have one hash; to another method, another. */
static void check_hash(void **state)
{
    Halftone__V1__GetBudgetRequest m = HALFTONE__V1__GET_BUDGET_REQUEST__INIT;
    struct request get, watch, other;
    struct err err = { 0 };
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    m.dataset = (char *)(uintptr_t) "shop";
    assert_int_equal(
        decode(&get, "/halftone.v1.Halftone/GetBudget", &m.base, &a, &err), 0);
    assert_int_equal(
        decode(&watch, "/halftone.v1.Halftone/WatchBudget", &m.base, &a, &err),
        0);
    m.dataset = (char *)(uintptr_t) "shoq";
    assert_int_equal(
        decode(&other, "/halftone.v1.Halftone/GetBudget", &m.base, &a, &err),
        0);
    assert_memory_not_equal(get.hash, watch.hash, sizeof get.hash);
    assert_memory_not_equal(get.hash, other.hash, sizeof get.hash);
    arena_fini(&a);
}

#define BATCH    "/halftone.v1.Halftone/Batch"
#define ESTIMATE "/halftone.v1.Halftone/Estimate"

/* A batch is its questions, each as if it came alone; so is its estimate. */
static void check_batch(void **state)
{
    Halftone__V1__BatchRequest m = HALFTONE__V1__BATCH_REQUEST__INIT;
    Halftone__V1__EstimateRequest e = HALFTONE__V1__ESTIMATE_REQUEST__INIT;
    Halftone__V1__QueryRequest one = HALFTONE__V1__QUERY_REQUEST__INIT,
                               two = HALFTONE__V1__QUERY_REQUEST__INIT;
    Halftone__V1__QueryRequest *both[] = { &one, &two };
    Halftone__V1__Ask ask = HALFTONE__V1__ASK__INIT;
    struct request req;
    struct err err = { 0 };
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    one.question_case = HALFTONE__V1__QUERY_REQUEST__QUESTION_SQL;
    one.sql = (char *)(uintptr_t) "SELECT 1";
    m.queries = both;
    m.n_queries = 1;
    m.purpose = (char *)(uintptr_t) "reporting";
    m.idempotency_key = (char *)(uintptr_t) "k";
    ask.kind_case = HALFTONE__V1__ASK__KIND_RHO;
    ask.rho = 0.5;
    m.ask = &ask;
    assert_int_equal(decode(&req, BATCH, &m.base, &a, &err), ERR_OK);
    assert_true(req.is_batch && req.n_queries == 1 && req.op == REQUEST_BATCH);
    assert_string_equal(req.purpose, "reporting");
    assert_string_equal(req.idempotency_key, "k");
    assert_true(req.ask.kind == ASK_RHO && req.ask.price == 0.5);
    assert_string_equal(req.queries[0].sql, "SELECT 1");
    assert_int_equal(req.queries[0].ask.kind, ASK_DEFAULT);

    m.n_queries = 2; /* the second asks nothing */
    assert_int_equal(decode(&req, BATCH, &m.base, &a, &err), ERR_INVALID);
    assert_non_null(strstr(err.msg, "question 2 of 2: "));
    m.n_queries = 1;
    e.batch = &m;
    assert_int_equal(decode(&req, ESTIMATE, &e.base, &a, &err), ERR_OK);
    assert_true(req.is_batch && req.op == REQUEST_ESTIMATE);
    assert_string_equal(req.idempotency_key, "");
    e.query = &one;
    assert_int_equal(decode(&req, ESTIMATE, &e.base, &a, &err), ERR_INVALID);
    ask.rho = -1;
    assert_int_equal(decode(&req, BATCH, &m.base, &a, &err), ERR_INVALID);
    arena_fini(&a);
}

/* Answers in order, with what the whole cost; parts of a series. */
static void check_batch_reply(void **state)
{
    struct reply_part part = {
        "ab", 7, value_int(1), value_int(3), 3, 2, true
    };
    struct reply_table tables[2] = {
        { .receipt = { .query_id = "ab", .parts = &part, .n_parts = 1 } },
        { .receipt = { .query_id = "cd", .rho_pico = 5 } },
    };
    const struct reply reply = { .op = REQUEST_BATCH,
                                 .tables = tables,
                                 .n_tables = 2,
                                 .receipt = { .query_id = "cd",
                                              .rho_pico = 5 } };
    const uint8_t *msg;
    size_t len;
    struct err err = { 0 };
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(codec_encode(&msg, &len, &reply, &a, &err), ERR_OK);
    Halftone__V1__BatchReply *m =
        halftone__v1__batch_reply__unpack(NULL, len, msg);
    assert_non_null(m);
    assert_int_equal(m->n_answers, 2);
    assert_int_equal(m->answers[0]->receipt->parts[0]->last->int_value, 3);
    assert_int_equal(m->answers[0]->receipt->parts[0]->keys, 3);
    assert_int_equal(m->answers[1]->receipt->rho_pico, 5);
    assert_string_equal(m->receipt->query_id, "cd");
    halftone__v1__batch_reply__free_unpacked(m, NULL);
    arena_fini(&a);
}

/* What a reply says is what its message says. */
static void check_reply(void **state)
{
    struct reply_column columns[] = { { "country", VALUE_TEXT, true, false },
                                      { "n", VALUE_INT, false, false } };
    struct value cells[] = { value_text("FR", 2), value_int(41), value_null(),
                             value_int(-3) };
    struct reply_interval intervals[4] = {
        [1] = { INTERVAL_BOUNDED, 31, 51 }, [3] = { INTERVAL_UNBOUNDED, 0, 0 }
    };
    const char *notices[] = { "bounded" };
    const struct reply reply = {
        .op = REQUEST_QUERY,
        .table = { .columns = columns,
                   .n_columns = 2,
                   .cells = cells,
                   .intervals = intervals,
                   .n_rows = 2,
                   .level = 0.95,
                   .notices = notices,
                   .n_notices = 1,
                   .receipt = { .query_id = "ab", .rho_pico = 7 } },
    };
    const uint8_t *msg, *again;
    size_t len, len_again;
    struct err err = { 0 };
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_int_equal(codec_encode(&msg, &len, &reply, &a, &err), ERR_OK);
    assert_int_equal(codec_encode(&again, &len_again, &reply, &a, &err),
                     ERR_OK);
    assert_int_equal(len, len_again);
    assert_memory_equal(msg, again, len);

    Halftone__V1__QueryReply *m =
        halftone__v1__query_reply__unpack(NULL, len, msg);
    assert_non_null(m);
    assert_string_equal(m->rows[0]->cells[0]->text_value, "FR");
    assert_int_equal(m->rows[0]->cells[1]->int_value, 41);
    assert_int_equal(m->rows[1]->cells[0]->kind_case,
                     HALFTONE__V1__VALUE__KIND_NULL_VALUE);
    assert_true(m->rows[0]->intervals[1]->hi == 51);
    assert_int_equal(m->rows[1]->intervals[1]->kind,
                     HALFTONE__V1__INTERVAL__KIND__UNBOUNDED);
    assert_string_equal(m->notices[0], "bounded");
    assert_int_equal(m->receipt->rho_pico, 7);
    halftone__v1__query_reply__free_unpacked(m, NULL);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(check_structured),
        cmocka_unit_test(check_fraction),
        cmocka_unit_test(check_structured_refused),
        cmocka_unit_test(check_caps),
        cmocka_unit_test(check_hash),
        cmocka_unit_test(check_reply),
        cmocka_unit_test(check_batch),
        cmocka_unit_test(check_batch_reply),
    };
    return RUN_ROWS(rows, check_row) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
