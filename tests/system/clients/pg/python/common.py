"""What the programs of this folder share: where the server is, what is asked
of it, and what each client has to be seen doing.

A line is 'ok CLIENT: COLUMN: what was seen', or FAILED; where a client has no
such thing, 'ok CLIENT: COLUMN: none: why'.  tests/system/pg_matrix.sh makes
the table of docs/connect/README.md of them.
"""

import datetime
import decimal
import os
import threading
import time

HOST, PORT, PASSWORD = "localhost", int(os.environ["PGPORT"]), os.environ["PGPASSWORD"]
CA, OTHER_CA = os.environ["PGSSLROOTCERT"], os.environ["PGOTHERCERT"]
SETTING = {"options": "-c halftone.purpose=improve_products"}
LIBPQ = dict(host=HOST, port=PORT, user="analyst", dbname="shop", password=PASSWORD,
             sslmode="verify-full", sslrootcert=CA, **SETTING)

SINCE = datetime.datetime(2024, 1, 1)
BY_CATEGORY = ("SELECT category, count(*) AS n, sum(amount) AS m, round(sum(amount)::numeric, 2) AS r, "
               "sum(amount) AS s FROM shop.orders WHERE ordered_at >= {} AND amount < {} "
               "GROUP BY category ORDER BY category")
BY_COUNTRY = "SELECT country, count(DISTINCT customer_id) AS n FROM shop.customers GROUP BY country ORDER BY country"
OIDS = [25, 20, 701, 1700, 701]  # text, bigint, double precision, numeric, double precision
KINDS = [str, int, float, decimal.Decimal, float]
CATEGORIES = ["books", "fashion", "garden", "home", "sport"]
COUNTRIES = ["DE", "ES", "FR", "GB", "IT", "MT", "NL", "PL", "PT", "SE"]
TABLES = ["conversions", "customers", "orders", "touches"]
BROWSE = ("SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n "
          "ON n.oid = c.relnamespace WHERE n.nspname = 'shop' AND c.relkind = 'r' ORDER BY 1")
COLUMNS = ("SELECT column_name FROM information_schema.columns WHERE table_schema = 'shop' "
           "AND table_name = 'orders' ORDER BY ordinal_position")
ORDERS = ["customer_id", "ordered_at", "category", "amount", "country"]

UTC = datetime.timezone.utc
NOON = datetime.datetime(2024, 2, 29, 12, 34, 56, 789000)
# A value of each type, and what Python's clients make of it.
EACH_TYPE = [
    ("true", True), ("1::int2", 1), ("-2::int4", -2), ("3000000000::int8", 3000000000),
    ("1.5::float4", 1.5), ("-2.5::float8", -2.5), ("1234.5::numeric", decimal.Decimal("1234.5")),
    ("'x'::text", "x"), ("'y'::varchar", "y"), ("date '2024-02-29'", NOON.date()),
    ("timestamp '2024-02-29 12:34:56.789'", NOON),
    ("timestamptz '2024-02-29 12:34:56.789+00'", NOON.replace(tzinfo=UTC)),
    ("interval '1 day 02:03:04'", datetime.timedelta(days=1, hours=2, minutes=3, seconds=4)),
    ("42::oid", 42), ("'nm'::name", "nm"), ("ARRAY[1, 2]", [1, 2]), ("ARRAY['a', 'b']", ["a", "b"]),
    ("NULL::text", None),
]
TYPES = "SELECT " + ", ".join(f"{e} AS c{i}" for i, (e, _) in enumerate(EACH_TYPE))
SLOT = 3  # seconds until an answer of the dataset "slow" leaves
failed = False


class Client:
    """What is seen of one client."""

    def __init__(self, name):
        self.name = name

    def check(self, column, saw, right, *seen):
        global failed
        failed |= not right
        print("ok" if right else "FAILED", f"{self.name}: {column}: {saw}", *([] if right else seen), flush=True)

    def none(self, column, why, right):
        """The client has no such thing; RIGHT holds as long as that is so."""
        self.check(column, "none: " + why, right)

    def browses(self, tables, columns):
        self.check("browse", "the policy's tables and their columns", sorted(tables) == TABLES and
                   list(columns) == ORDERS, tables, columns)

    def asks(self, rows):
        rows = [tuple(r) for r in rows]
        kinds = [type(v) for v in rows[0]]
        self.check("parameters", "by a time and a number", [r[0] for r in rows] == CATEGORIES, rows)
        self.check("types", "PostgreSQL's, of an answer", kinds == KINDS, kinds)

    def reads_types(self, row, column="types", saw="a value of each type"):
        wrong = [(e, v) for (e, want), v in zip(EACH_TYPE, row) if v != want]
        self.check(column, saw, not wrong and len(row) == len(EACH_TYPE), wrong)

    def pages(self, rows):
        self.check("page", "all rows, three at a time", [r[0] for r in rows] == COUNTRIES, rows)

    def fails(self, state, hint, want="0A000"):
        self.check("errors", "state and hint", state == want and bool(hint), state, hint)

    def hears(self, notices):
        self.check("notices", "the price", any("charged" in str(n) for n in notices), notices)

    def cancels(self, run, cancel, state_of, usable):
        """RUN(sql) waits for its slot, charged, when CANCEL() is called."""
        sql = f"SELECT count(*) FROM slow.orders WHERE category <> '{self.name}'"
        before, began = spent(), time.monotonic()
        watcher = threading.Thread(target=lambda: when_charged(before, cancel))
        watcher.start()
        state = None
        try:
            run(sql)
        except Exception as e:
            state = state_of(e)
        took, paid = time.monotonic() - began, spent() - before
        self.check("cancel", "57014 before its slot, charged", state == "57014" and took < SLOT and paid > 0,
                   state, took, paid)
        watcher.join()
        self.check("cancel", "the connection is of use afterwards", usable())
        before = spent()
        run(sql)
        self.check("cancel", "its answer is read later, free", spent() == before)


def spent():
    """Rho spent from the dataset "slow"."""
    import psycopg2
    c = psycopg2.connect(**dict(LIBPQ, dbname="slow"))
    try:
        with c.cursor() as k:
            k.execute("SELECT dataset, spent FROM halftone.budget")
            return dict(k.fetchall())["slow"]
    finally:
        c.close()


def when_charged(before, act):
    """ACT(), as soon as more is spent than BEFORE."""
    for _ in range(SLOT * 50):
        if spent() > before:
            return act()
        time.sleep(0.02)
    return None


def refused(connect, *words):
    """Whether CONNECT() fails, and says one of WORDS."""
    try:
        connect()
    except Exception as e:
        return any(w in f"{type(e).__name__} {e}" for w in words) or print("   ", repr(e))
    return False
