"""psqlODBC by unixODBC, through pyodbc: the calls of ODBC itself, SQLCancel too.

PGODBC is the driver's library.
"""

import datetime
import os

import pyodbc as p

from common import BY_CATEGORY, BY_COUNTRY, HOST, OTHER_CA, PASSWORD, PORT, SINCE, TYPES, UTC, Client, refused

client = Client("psqlODBC")
p.pooling = False
SETTING = "SET halftone.purpose%3D'improve_products'"


# What ODBC has no type for comes as text, and true as "1".
DAY = datetime.timedelta(days=1, hours=2, minutes=3, seconds=4)
TEXTS = {
    0: lambda v: v in ("1", True), 11: lambda v: v.replace(tzinfo=UTC), 12: {"1 day 02:03:04": DAY}.get, 13: int,
    15: lambda v: [int(x) for x in v[1:-1].split(",")], 16: lambda v: v[1:-1].split(","),
}


def connect(database="shop", host=HOST, password=PASSWORD, autocommit=False, **more):
    words = dict(Driver=os.environ["PGODBC"], Servername=host, Port=PORT, Database=database, Username="analyst",
                 Password=password, SSLmode="verify-full", ConnSettings=SETTING, **more)
    return p.connect(";".join(f"{k}={v}" for k, v in words.items()), autocommit=autocommit)


def with_env(name, value, call):
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        return call()
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def doors():
    client.check("tls", "another authority is refused", with_env(
        "PGSSLROOTCERT", OTHER_CA, lambda: refused(connect, "certificate verify failed")))
    client.check("tls", "another name is refused", with_env(
        "PGHOSTADDR", "127.0.0.1", lambda: refused(lambda: connect(host="elsewhere"), "does not match")))
    client.check("scram", "a wrong password is refused",
                 refused(lambda: connect(password="wrong"), "password authentication failed"))
    bound = with_env("PGCHANNELBINDING", "require", connect)
    client.check("binding", "channel_binding=require, by libpq's environment",
                 bound.execute("SELECT 1").fetchone()[0] == 1)


def browses(c):
    k = c.cursor()
    tables = [r.table_name for r in k.tables(schema="shop", tableType="TABLE")]
    columns = [r.column_name for r in k.columns(table="orders", schema="shop")]
    client.browses(tables, columns)
    client.check("browse", "no keys, no indexes", not list(k.primaryKeys("orders", schema="shop")) and
                 not [r for r in k.statistics("orders", schema="shop") if r.index_name])
    client.check("browse", "types", any(r.type_name == "int8" for r in k.getTypeInfo()))
    client.check("describe", "types of columns", [r.type_name for r in k.columns(table="orders", schema="shop")] ==
                 ["int8", "timestamp", "text", "float8", "text"])


def asks(c):
    k = c.cursor()
    k.execute("SELECT * FROM shop.orders LIMIT 0")
    client.check("describe", "LIMIT 0 tells columns", [d[0] for d in k.description] ==
                 ["customer_id", "ordered_at", "category", "amount", "country"], k.description)
    k.execute(BY_CATEGORY.format("?", "?"), SINCE, 100.0)
    client.asks(k.fetchall())
    client.check("notices", "the price", any("charged" in m[1] for m in k.messages or []), k.messages)
    row = [TEXTS.get(i, lambda v: v)(v) for i, v in enumerate(k.execute(TYPES).fetchone())]
    client.reads_types(row)
    try:
        k.execute("SELECT * FROM shop.orders")
    except p.Error as e:
        client.check("errors", "state and words", e.args[0] == "0A000" and "rows of people" in e.args[1], e)


def pages():
    for fetches in 0, 1:
        c = connect(UseDeclareFetch=fetches, Fetch=3)
        rows = c.execute(BY_COUNTRY).fetchall()
        if fetches:
            client.pages(rows)
        else:
            client.check("page", "or all at once", len(rows) == 10)
        c.close()


def cancels():
    c = connect("slow", autocommit=True)
    k = c.cursor()
    client.cancels(lambda sql: k.execute(sql).fetchall(), k.cancel,
                   lambda e: "57014" if "canceling statement due to user request" in str(e) else str(e),
                   lambda: k.execute("SELECT 1").fetchone()[0] == 1)
    c.close()


def main():
    doors()
    c = connect()
    browses(c)
    asks(c)
    c.close()
    pages()
    client.none("binary", "it has no option for it", True)
    cancels()
