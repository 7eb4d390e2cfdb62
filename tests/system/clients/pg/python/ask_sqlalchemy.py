"""SQLAlchemy on psycopg2 and psycopg: inspector, reflection, expressions; and
pandas on it."""

import pandas
import sqlalchemy as s

from common import (BY_CATEGORY, BY_COUNTRY, CATEGORIES, COUNTRIES, HOST, LIBPQ, ORDERS, OTHER_CA, PASSWORD,
                    PORT, SINCE, TABLES, TYPES, Client, refused)

KEYS = "sslmode", "sslrootcert", "options"


def engine_of(driver, database="shop", password=PASSWORD, **other):
    url = s.URL.create(f"postgresql+{driver}", "analyst", password, HOST, PORT, database)
    return s.create_engine(url, connect_args={**{k: LIBPQ[k] for k in KEYS}, **other}, pool_pre_ping=True)


def browses(client, engine):
    look = s.inspect(engine)
    client.check("browse", "schemas", "shop" in look.get_schema_names(), look.get_schema_names())
    client.browses(look.get_table_names("shop"), [c["name"] for c in look.get_columns("orders", "shop")])
    client.check("browse", "comments are the policy's help",
                 look.get_table_comment("orders", "shop") == {"text": "One row per order."})
    client.check("browse", "domains are check constraints", {c["name"] for c in look.get_check_constraints(
        "orders", "shop")} == {"orders_category_check", "orders_country_check"})
    client.check("browse", "no keys, indexes, views", not look.get_foreign_keys("orders", "shop") and
                 not look.get_indexes("orders", "shop") and not look.get_view_names("shop") and
                 not look.get_pk_constraint("orders", "shop")["constrained_columns"])
    schema = s.MetaData()
    schema.reflect(engine, schema="shop")
    client.check("describe", "all tables reflected", sorted(schema.tables) == ["shop." + t for t in TABLES],
                 list(schema.tables))
    types = [type(c.type).__name__ for c in schema.tables["shop.orders"].columns]
    client.check("describe", "types of columns",
                 types == ["BIGINT", "TIMESTAMP", "TEXT", "DOUBLE_PRECISION", "TEXT"], types)
    return schema


def asks(client, engine, orders):
    with engine.connect() as c:
        client.asks(c.execute(s.text(BY_CATEGORY.format(":t", ":a")), {"t": SINCE, "a": 100}).fetchall())
        n = s.func.count().label("n")
        ask = (s.select(orders.c.category, n).where(orders.c.amount < 100, orders.c.country.in_(["DE", "FR"]))
               .group_by(orders.c.category).order_by(orders.c.category))
        rows = c.execute(ask).fetchall()
        client.check("parameters", "of an expression on a reflected table",
                     [r[0] for r in rows] == CATEGORIES, rows)
        client.reads_types(c.execute(s.text(TYPES.replace("::", "\\:\\:"))).fetchone())
        rows = c.execution_options(stream_results=True, max_row_buffer=3).execute(s.text(BY_COUNTRY)).fetchall()
        client.pages(rows)
    try:
        with engine.connect() as c:
            c.execute(s.select(orders))
    except s.exc.DBAPIError as e:
        state = getattr(e.orig, "sqlstate", None) or e.orig.pgcode
        client.fails(state, e.orig.diag.message_hint)


def cancels(client, driver):
    engine = engine_of(driver, "slow")
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as c:
        raw = c.connection.dbapi_connection
        client.cancels(lambda sql: c.execute(s.text(sql)).fetchall(),
                       raw.cancel, lambda e: getattr(e.orig, "sqlstate", None) or e.orig.pgcode,
                       lambda: c.execute(s.text("SELECT 1")).scalar() == 1)
    engine.dispose()


def pandas_asks(engine):
    client = Client("pandas")
    month = ("SELECT category, date_trunc('month', ordered_at) AS month, count(*) AS n, dp_low(n) AS low, "
             "dp_high(n) AS high FROM orders WHERE ordered_at >= %(t)s GROUP BY 1, 2 ORDER BY 1, 2")
    frame = pandas.read_sql(month, engine, params={"t": SINCE})
    kinds = [str(t) for t in frame.dtypes]
    client.check("parameters", "read_sql", set(frame["category"]) <= set(CATEGORIES) and len(frame), frame)
    client.check("types", "times and numbers are no objects", kinds[1].startswith("datetime64") and
                 kinds[2] == "int64" and "object" not in kinds[1:], kinds)
    pages = list(pandas.read_sql(BY_COUNTRY, engine.connect().execution_options(stream_results=True), chunksize=3))
    client.check("page", "chunksize", [len(p) for p in pages] == [3, 3, 3, 1] and
                 list(pandas.concat(pages)["country"]) == COUNTRIES, pages)
    client.check("describe", "LIMIT 0", list(pandas.read_sql("SELECT * FROM orders LIMIT 0", engine)) == ORDERS)
    client.check("errors", "a table's rows are refused", refused(
        lambda: pandas.read_sql_table("orders", engine, schema="shop"), "rows of people"))
    client.check("browse", "has_table", pandas.io.sql.pandasSQL_builder(engine).has_table("orders", "shop"))


def main():
    for driver in "psycopg2", "psycopg":
        client = Client(f"SQLAlchemy on {driver}")
        engine = engine_of(driver)
        client.check("tls", "another authority is refused", refused(
            lambda: engine_of(driver, sslrootcert=OTHER_CA).connect(), "certificate verify failed"))
        client.check("scram", "a wrong password is refused", refused(
            lambda: engine_of(driver, password="wrong").connect(), "password authentication failed"))
        with engine_of(driver, channel_binding="require").connect() as c:
            client.check("binding", "channel_binding=require", c.execute(s.text("SELECT 1")).scalar() == 1)
        asks(client, engine, browses(client, engine).tables["shop.orders"])
        cancels(client, driver)
        engine.dispose()
    pandas_asks(engine_of("psycopg2"))
