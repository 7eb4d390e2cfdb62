"""What Python's PostgreSQL clients do with the port: NAME names one of them.

Prints 'ok NAME' or 'FAILED NAME' a line a test.  PGHOST and its like say where;
each asks with parameters, reads types, pages, fails, and cancels.
"""

import asyncio
import datetime
import decimal
import os
import ssl
import sys
import threading
import traceback

HOST, PORT, PASSWORD = "localhost", int(os.environ["PGPORT"]), os.environ["PGPASSWORD"]
CA = os.environ["PGSSLROOTCERT"]
DSN = dict(host=HOST, port=PORT, user="analyst", dbname="shop", password=PASSWORD,
           sslmode="verify-full", sslrootcert=CA,
           options="-c halftone.purpose=improve_products")
SINCE = datetime.datetime(2024, 1, 1)
BY_CATEGORY = ("SELECT category, count(*) AS n, sum(amount) AS m, round(sum(amount)::numeric, 2) AS r, "
               "sum(amount) AS s FROM shop.orders WHERE ordered_at >= {} AND amount < {} "
               "GROUP BY category ORDER BY category")
BY_COUNTRY = "SELECT country, count(DISTINCT customer_id) AS n FROM shop.customers GROUP BY country ORDER BY country"
OIDS = [25, 20, 701, 1700, 701]  # text, bigint, double precision, numeric, double precision
CATEGORIES = ["books", "fashion", "garden", "home", "sport"]
COUNTRIES = ["DE", "ES", "FR", "GB", "IT", "MT", "NL", "PL", "PT", "SE"]
failed = False


def check(name, right, *seen):
    global failed
    failed |= not right
    print("ok" if right else "FAILED", name, *([] if right else seen))


def check_rows(client, rows):
    rows = [tuple(r) for r in rows]
    kinds = [type(v) for v in rows[0]]
    check(f"{client} asks with parameters", [r[0] for r in rows] == CATEGORIES, rows)
    check(f"{client} gets PostgreSQL's types", kinds == [str, int, float, decimal.Decimal, float], kinds)


def check_pages(client, rows):
    check(f"{client} pages", [r[0] for r in rows] == COUNTRIES, rows)


def check_error(client, state, hint, want="0A000"):
    check(f"{client} reads errors and hints", state == want and bool(hint), state, hint)


def psycopg2():
    import psycopg2 as p

    with p.connect(**DSN) as c:
        k = c.cursor()
        k.execute(BY_CATEGORY.format("%s", "%s"), (SINCE, 100))
        check("psycopg2 is told types", [d[1] for d in k.description] == OIDS, k.description)
        check_rows("psycopg2", k.fetchall())
        check("psycopg2 hears the price", any("charged" in n for n in c.notices), c.notices)
        c.commit()
        k = c.cursor("named")
        k.itersize = 3
        k.execute(BY_COUNTRY)
        check_pages("psycopg2", list(k))
        k.close()
        c.commit()
        try:
            c.cursor().execute("SELECT * FROM shop.orders")
        except p.Error as e:
            check_error("psycopg2", e.pgcode, e.diag.message_hint)
        c.rollback()
        threading.Timer(0.05, c.cancel).start()
        try:
            k = c.cursor()
            for i in range(200):
                k.execute(f"SELECT count(*) FROM shop.orders WHERE amount > {i}.5")
            check("psycopg2 cancels", False, "nothing was cancelled")
        except p.errors.QueryCanceled as e:
            check("psycopg2 cancels", e.pgcode == "57014", e.pgcode)
        c.rollback()


def psycopg():
    import psycopg as p

    with p.connect(**DSN) as c:
        for binary in False, True:
            k = c.cursor(binary=binary)
            k.execute(BY_CATEGORY.format("%s", "%s"), (SINCE, 100))
            check("psycopg is told types", [d.type_code for d in k.description] == OIDS, k.description)
            check_rows(f"psycopg{' (binary)' if binary else ''}", k.fetchall())
        first = None
        for _ in range(8):
            row = k.execute(BY_CATEGORY.format("%s", "%s"), (SINCE, 100), prepare=True).fetchone()
            check("psycopg prepares, and the answer stays", first in (None, row), row)
            first = row
        with c.pipeline():
            one, two = c.execute(BY_COUNTRY), c.execute("SELECT 1")
        check("psycopg pipelines", len(one.fetchall()) == 10 and two.fetchone() == (1,))
        with c.cursor(name="named") as k:
            k.itersize = 3
            check_pages("psycopg", list(k.execute(BY_COUNTRY)))
        with c.cursor().copy(f"COPY ({BY_COUNTRY}) TO STDOUT") as copy:
            check("psycopg copies", [r[0] for r in copy.rows()] == COUNTRIES)
        c.commit()
        try:
            c.execute("SELECT nothing FROM shop.orders")
        except p.Error as e:
            check_error("psycopg", e.diag.sqlstate, e.diag.message_hint, "42703")
            check("psycopg reads where", e.diag.statement_position == "8", e.diag.statement_position)
        c.rollback()


def asyncpg():
    import asyncpg as p

    async def main():
        tls = ssl.create_default_context(cafile=CA)
        where = dict(host=HOST, port=PORT, user="analyst", database="shop", password=PASSWORD, ssl=tls,
                     server_settings={"halftone.purpose": "improve_products"})
        c = await p.connect(**where)
        s = await c.prepare(BY_CATEGORY.format("$1", "$2"))
        check("asyncpg is told parameters", [t.name for t in s.get_parameters()] == ["timestamp", "float8"],
              s.get_parameters())
        check("asyncpg is told types", [a.type.oid for a in s.get_attributes()] == OIDS, s.get_attributes())
        check_rows("asyncpg", await s.fetch(SINCE, 100))
        async with c.transaction():
            check_pages("asyncpg", [r async for r in c.cursor(BY_COUNTRY, prefetch=3)])
        try:
            await c.fetch("SELECT * FROM shop.orders")
        except p.PostgresError as e:
            check_error("asyncpg", e.sqlstate, e.hint)
        await c.reset()
        await c.close()
        async with p.create_pool(min_size=1, **where) as pool:
            check("asyncpg pools", await pool.fetchval("SELECT 1") == 1)

    asyncio.run(main())


def pg8000():
    import pg8000.native as p

    c = p.Connection("analyst", host=HOST, port=PORT, database="shop", password=PASSWORD,
                     ssl_context=ssl.create_default_context(cafile=CA))
    c.run("SET halftone.purpose = 'improve_products'")
    check_rows("pg8000", c.run(BY_CATEGORY.format(":t", ":a"), t=SINCE, a=100))
    check("pg8000 is told types", [d["type_oid"] for d in c.columns] == OIDS, c.columns)
    try:
        c.run("SELECT * FROM shop.orders")
    except p.DatabaseError as e:
        check_error("pg8000", e.args[0]["C"], e.args[0]["H"])
    c.close()


def sqlalchemy():
    import sqlalchemy as s

    for driver in "psycopg2", "psycopg":
        url = s.URL.create(f"postgresql+{driver}", "analyst", PASSWORD, HOST, PORT, "shop")
        args = {k: DSN[k] for k in ("sslmode", "sslrootcert", "options")}
        engine = s.create_engine(url, connect_args=args, pool_pre_ping=True)
        for _ in range(2):
            with engine.connect() as c:
                rows = c.execute(s.text(BY_CATEGORY.format(":t", ":a")), {"t": SINCE, "a": 100}).fetchall()
        check_rows(f"SQLAlchemy on {driver}", rows)
        engine.dispose()


for name in sys.argv[1:]:
    try:
        globals()[name]()
    except Exception:
        traceback.print_exc()
        check(f"{name} goes on to its end", False)
sys.exit(failed)
