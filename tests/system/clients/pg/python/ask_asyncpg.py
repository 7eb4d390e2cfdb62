"""asyncpg: no parameter types, all binary, cursors by portals."""

import asyncio
import inspect
import ssl
import time

import asyncpg as p

from common import (BROWSE, BY_CATEGORY, BY_COUNTRY, CA, COLUMNS, HOST, OIDS, OTHER_CA, PASSWORD, PORT, SINCE, SLOT,
                    TYPES, Client, spent)

client = Client("asyncpg")
WHERE = dict(host=HOST, port=PORT, user="analyst", database="shop", password=PASSWORD,
             ssl=ssl.create_default_context(cafile=CA), server_settings={"halftone.purpose": "improve_products"})


async def refused(kind, **other):
    try:
        await p.connect(**dict(WHERE, **other))
    except kind:
        return True
    return False


async def doors():
    client.check("tls", "another authority is refused", await refused(
        ssl.SSLCertVerificationError, ssl=ssl.create_default_context(cafile=OTHER_CA)))
    client.check("scram", "a wrong password is refused", await refused(p.InvalidPasswordError, password="wrong"))
    client.none("binding", "it speaks SCRAM-SHA-256 only",
                "channel_binding" not in inspect.signature(p.connect).parameters)


async def asks(c):
    notices = []
    c.add_log_listener(lambda _, n: notices.append(n.message))
    client.browses([r[0] for r in await c.fetch(BROWSE)], [r[0] for r in await c.fetch(COLUMNS)])
    s = await c.prepare(BY_CATEGORY.format("$1", "$2"))
    client.check("describe", "the types of parameters",
                 [t.name for t in s.get_parameters()] == ["timestamp", "float8"], s.get_parameters())
    client.check("describe", "columns before anything is asked",
                 [a.type.oid for a in s.get_attributes()] == OIDS, s.get_attributes())
    client.asks(await s.fetch(SINCE, 100))
    client.reads_types(await c.fetchrow(TYPES))
    client.reads_types(await c.fetchrow(TYPES), "binary")
    await asyncio.sleep(0)
    client.hears(notices)
    async with c.transaction():
        client.pages([r async for r in c.cursor(BY_COUNTRY, prefetch=3)])
    try:
        await c.fetch("SELECT * FROM shop.orders")
    except p.PostgresError as e:
        client.fails(e.sqlstate, e.hint)
    await c.reset()


async def cancels():
    """Its way is to cancel the task, or to give it a time: either sends CancelRequest."""
    c = await p.connect(**dict(WHERE, database="slow"))
    sql = "SELECT count(*) FROM slow.orders WHERE category <> 'asyncpg'"
    before, began = spent(), time.monotonic()
    task = asyncio.create_task(c.fetch(sql))
    while spent() == before:
        await asyncio.sleep(0.02)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        pass
    one = await c.fetchval("SELECT 1")  # waits for the server's 57014, which it keeps to itself
    took, paid = time.monotonic() - began, spent() - before
    client.check("cancel", "stops before its slot, charged", took < SLOT and paid > 0, took, paid)
    client.check("cancel", "the connection is of use afterwards", one == 1)
    try:
        await c.fetch("SELECT count(*) FROM slow.orders WHERE category <> 'late'", timeout=1)
        client.check("cancel", "by a timeout", False)
    except asyncio.TimeoutError:
        client.check("cancel", "by a timeout", await c.fetchval("SELECT 1") == 1)
    before = spent()
    await c.fetch(sql)
    client.check("cancel", "its answer is read later, free", spent() == before)
    await c.close()


async def run():
    await doors()
    c = await p.connect(**WHERE)
    await asks(c)
    await c.close()
    async with p.create_pool(min_size=1, **WHERE) as pool:
        client.check("parameters", "from a pool", await pool.fetchval("SELECT $1::int8", 1) == 1)
    await cancels()


def main():
    asyncio.run(run())
