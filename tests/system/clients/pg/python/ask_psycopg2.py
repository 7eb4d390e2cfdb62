"""psycopg2: simple queries, literals, text."""

import psycopg2 as p
import psycopg2.extensions

from common import (BROWSE, BY_CATEGORY, BY_COUNTRY, COLUMNS, LIBPQ, OIDS, OTHER_CA, SINCE, TYPES,
                    Client, refused)

client = Client("psycopg2")


def one(k, sql):
    k.execute(sql)
    return [r[0] for r in k.fetchall()]


def doors():
    client.check("tls", "another authority is refused",
                 refused(lambda: p.connect(**dict(LIBPQ, sslrootcert=OTHER_CA)), "certificate verify failed"))
    client.check("tls", "another name is refused", refused(
        lambda: p.connect(**dict(LIBPQ, host="elsewhere", hostaddr="127.0.0.1")), "does not match"))
    client.check("scram", "a wrong password is refused", refused(
        lambda: p.connect(**dict(LIBPQ, password="wrong")), "password authentication failed"))
    with p.connect(**dict(LIBPQ, channel_binding="require")) as c:
        client.check("binding", "channel_binding=require", one(c.cursor(), "SELECT 1") == [1])


def asks(c):
    k = c.cursor()
    client.browses(one(k, BROWSE), one(k, COLUMNS))
    k.execute("SELECT * FROM shop.orders LIMIT 0")
    client.check("describe", "LIMIT 0 tells columns and types",
                 [d[1] for d in k.description] == [20, 1114, 25, 701, 25], k.description)
    k.execute(BY_CATEGORY.format("%s", "%s"), (SINCE, 100))
    client.check("describe", "columns of an answer", [d[1] for d in k.description] == OIDS, k.description)
    client.asks(k.fetchall())
    client.hears(c.notices)
    k.execute(TYPES)
    client.reads_types(k.fetchone())
    c.commit()
    k = c.cursor("named")
    k.itersize = 3
    k.execute(BY_COUNTRY)
    client.pages(list(k))
    k.close()
    c.commit()
    try:
        c.cursor().execute("SELECT * FROM shop.orders")
    except p.Error as e:
        client.fails(e.pgcode, e.diag.message_hint)
    c.rollback()


def cancels():
    c = p.connect(**dict(LIBPQ, dbname="slow"))
    c.autocommit = True
    k = c.cursor()
    client.cancels(k.execute, c.cancel, lambda e: e.pgcode, lambda: one(k, "SELECT 1") == [1])
    c.close()


def main():
    doors()
    with p.connect(**LIBPQ) as c:
        asks(c)
        client.none("binary", "asks for text only", not hasattr(p.extensions.cursor, "format"))
    cancels()
