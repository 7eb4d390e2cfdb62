"""pg8000: extended queries, text, no libpq."""

import ssl

import pg8000.native as p

from common import (BROWSE, BY_CATEGORY, BY_COUNTRY, CA, COLUMNS, HOST, OIDS, OTHER_CA, PASSWORD,
                    PORT, SINCE, TYPES, Client, refused)

client = Client("pg8000")


def connect(ca=CA, password=PASSWORD):
    return p.Connection("analyst", host=HOST, port=PORT, database="shop", password=password,
                        ssl_context=ssl.create_default_context(cafile=ca))


def one(c, sql):
    return [r[0] for r in c.run(sql)]


def asks(c):
    client.browses(one(c, BROWSE), one(c, COLUMNS))
    c.run("SELECT * FROM shop.orders LIMIT 0")
    client.check("describe", "LIMIT 0 tells columns and types",
                 [d["type_oid"] for d in c.columns] == [20, 1114, 25, 701, 25], c.columns)
    client.asks(c.run(BY_CATEGORY.format(":t", ":a"), t=SINCE, a=100))
    client.check("describe", "columns of an answer", [d["type_oid"] for d in c.columns] == OIDS, c.columns)
    client.hears(c.notices)
    client.reads_types(c.run(TYPES)[0])
    s = c.prepare("SELECT count(*) FROM shop.orders WHERE amount < :a")
    client.check("parameters", "prepared", s.run(a=100)[0][0] > 0)
    c.run("BEGIN")
    c.run(f"DECLARE c CURSOR FOR {BY_COUNTRY}")
    rows = []
    while page := c.run("FETCH 3 FROM c"):
        rows += page
    c.run("COMMIT")
    client.pages(rows)
    try:
        c.run("SELECT * FROM shop.orders")
    except p.DatabaseError as e:
        client.fails(e.args[0]["C"], e.args[0]["H"])


def main():
    client.check("tls", "another authority is refused",
                 refused(lambda: connect(OTHER_CA), "certificate verify failed", "SSL"))
    client.check("scram", "a wrong password is refused", refused(lambda: connect(password="wrong"), "28P01"))
    c = connect()
    c.run("SET halftone.purpose = 'improve_products'")
    client.check("binding", "always, over TLS", c.auth.mechanism_name == "SCRAM-SHA-256-PLUS", c.auth.mechanism_name)
    asks(c)
    client.none("binary", "asks for text only", c.columns is None or all(d["format"] == 0 for d in c.columns))
    client.none("cancel", "no call for it", not any("cancel" in n.lower() for n in dir(c)))
    c.close()
