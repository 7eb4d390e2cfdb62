"""psycopg 3: extended queries, text and binary, prepared, in pipelines."""

import psycopg as p

from common import (BROWSE, BY_CATEGORY, BY_COUNTRY, COLUMNS, COUNTRIES, LIBPQ, OIDS, OTHER_CA, SINCE, TYPES, Client,
                    refused)

client = Client("psycopg")
WHERE = dict(LIBPQ)


def one(c, sql):
    return [r[0] for r in c.execute(sql).fetchall()]


def doors():
    client.check("tls", "another authority is refused", refused(
        lambda: p.connect(**dict(WHERE, sslrootcert=OTHER_CA)), "certificate verify failed"))
    client.check("tls", "another name is refused", refused(
        lambda: p.connect(**dict(WHERE, host="elsewhere", hostaddr="127.0.0.1")), "does not match"))
    client.check("tls", "begins at once (sslnegotiation=direct)",
                 one(p.connect(**dict(WHERE, sslnegotiation="direct")), "SELECT 1") == [1])
    client.check("scram", "a wrong password is refused", refused(
        lambda: p.connect(**dict(WHERE, password="wrong")), "password authentication failed"))
    client.check("scram", "and nothing else is spoken (require_auth)",
                 one(p.connect(**dict(WHERE, require_auth="scram-sha-256")), "SELECT 1") == [1])
    client.check("binding", "channel_binding=require",
                 one(p.connect(**dict(WHERE, channel_binding="require")), "SELECT 1") == [1])


def asks(c):
    notices = []
    c.add_notice_handler(lambda d: notices.append(d.message_primary))
    client.browses(one(c, BROWSE), one(c, COLUMNS))
    with c.cursor(binary=True) as k:
        k.execute("SELECT * FROM shop.orders WHERE amount < %s LIMIT 0", (1,))
        client.check("describe", "LIMIT 0 tells columns and types",
                     [d.type_code for d in k.description] == [20, 1114, 25, 701, 25], k.description)
    for binary in False, True:
        k = c.cursor(binary=binary)
        k.execute(BY_CATEGORY.format("%s", "%s"), (SINCE, 100))
        client.check("describe", "columns of an answer", [d.type_code for d in k.description] == OIDS, k.description)
        client.asks(k.fetchall())
        client.reads_types(k.execute(TYPES).fetchone(), *(["binary"] if binary else []))
    client.hears(notices)


def prepares(c):
    first, same = None, True
    for _ in range(8):
        row = c.execute(BY_CATEGORY.format("%s", "%s"), (SINCE, 100), prepare=True).fetchone()
        same &= first in (None, row)
        first = row
    client.check("parameters", "prepared, and the answer stays", same)
    with c.pipeline():
        one, two = c.execute(BY_COUNTRY), c.execute("SELECT 1")
    client.check("parameters", "in a pipeline", len(one.fetchall()) == 10 and two.fetchone() == (1,))


def pages(c):
    with c.cursor(name="named", binary=True) as k:
        k.itersize = 3
        client.pages(list(k.execute(BY_COUNTRY)))
    rows = list(c.cursor().stream(BY_COUNTRY))
    client.check("page", "a row at a time (stream)", [r[0] for r in rows] == COUNTRIES, rows)
    with c.cursor().copy(f"COPY ({BY_COUNTRY}) TO STDOUT") as copy:
        client.check("page", "by COPY", [r[0] for r in copy.rows()] == COUNTRIES)
    c.commit()


def fails(c):
    try:
        c.execute("SELECT nothing FROM shop.orders")
    except p.Error as e:
        client.fails(e.diag.sqlstate, e.diag.message_hint, "42703")
        client.check("errors", "where", e.diag.statement_position == "8", e.diag.statement_position)
    c.rollback()


def main():
    doors()
    with p.connect(**WHERE) as c:
        asks(c)
        prepares(c)
        pages(c)
        fails(c)
    with p.connect(**dict(WHERE, dbname="slow"), autocommit=True) as c:
        client.cancels(c.execute, c.cancel_safe, lambda e: e.sqlstate, lambda: one(c, "SELECT 1") == [1])
