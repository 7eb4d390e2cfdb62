// node-postgres on the PostgreSQL port; prints 'ok node-postgres: COLUMN: ...' or 'FAILED ...'.
process.env.TZ = 'UTC';
const { Client, Pool } = require('pg');
const Cursor = require('pg-cursor');
const c = require('./common');
const { check, where } = c;

const failsWith = async (config, word) => {
  const client = new Client(config);
  client.on('error', () => {});
  try {
    await client.connect();
  } catch (e) {
    return `${e.code} ${e.message}`.includes(word) || e;
  }
  await client.end();
  return false;
};

async function doors() {
  check('tls', 'another authority is refused', await failsWith(where({ ssl: c.otherCa }), 'certificate') === true);
  check('tls', 'another name is refused', await failsWith(
    where({ host: 'elsewhere', stream: () => c.toLoopback() }), 'ALTNAME') === true);
  check('scram', 'a wrong password is refused', await failsWith(where({ password: 'wrong' }), '28P01') === true);
  const bound = new Client(where({ enableChannelBinding: true }));
  let mechanism;
  bound.connection.once('authenticationSASLContinue', () => { mechanism = bound.saslSession.mechanism; });
  await bound.connect();
  check('binding', 'enableChannelBinding', mechanism === 'SCRAM-SHA-256-PLUS', mechanism);
  await bound.end();
}

async function asks(client) {
  const notices = [];
  const first = async (sql, values) => (await client.query({ text: sql, values, rowMode: 'array' })).rows.map((r) => r[0]);
  client.on('notice', (n) => notices.push(n.message));
  check('browse', "the policy's tables and their columns",
    (await first(c.TABLES)).join() === 'conversions,customers,orders,touches' &&
    (await first(c.COLUMNS, ['shop', 'orders'])).join() === 'customer_id,ordered_at,category,amount,country');
  const none = await client.query('SELECT * FROM shop.orders LIMIT 0');
  check('describe', 'LIMIT 0 tells columns and types',
    none.fields.map((f) => f.dataTypeID).join() === '20,1114,25,701,25', none.fields);
  const got = await client.query(c.BY_CATEGORY, ['2024-01-01', 100]);
  check('parameters', 'by a time and a number',
    got.rows.map((r) => r.category).join() === 'books,fashion,garden,home,sport', got.rows);
  check('types', "PostgreSQL's, of an answer", got.fields.map((f) => f.dataTypeID).join() === '25,20,701', got.fields);
  check('notices', 'the price', notices.some((n) => n.includes('charged')), notices);
  const named = { name: 'by-category', text: c.BY_CATEGORY, values: [new Date('2024-01-01'), 100] };
  await client.query(named);
  check('parameters', 'prepared', (await client.query(named)).rowCount === 5);
  const wrong = c.differ(c.EACH_TYPE, (await client.query(c.types(c.EACH_TYPE))).rows[0]);
  check('types', 'a value of each type', wrong.length === 0, wrong);
  try {
    await client.query('SELECT * FROM shop.orders');
    check('errors', 'rows of people are refused', false);
  } catch (e) {
    check('errors', 'state and hint', e.code === '0A000' && !!e.hint, e.code, e.hint);
  }
}

async function readsBinary() {
  const client = new Client(where({ binary: true }));
  await client.connect();
  const some = c.BINARY.map((i) => c.EACH_TYPE[i]);
  const { rows, fields } = await client.query(c.types(some) + `, $1::int4 AS c${some.length}`, [9]);
  check('binary', 'bool, int2, int4 and texts: what its binary mode can read', c.differ(some, rows[0]).length === 0 &&
    fields.every((f) => f.format === 'binary') && rows[0]['c' + some.length] === 9, c.differ(some, rows[0]));
  await client.end();
}

async function pages(client) {
  const cursor = client.query(new Cursor(c.BY_COUNTRY, []));
  const sizes = [];
  for (let page = await cursor.read(3); page.length; page = await cursor.read(3))
    sizes.push(page.length);
  await cursor.close();
  check('page', 'pg-cursor, three rows at a time', sizes.join() === '3,3,3,1', sizes);
}

async function spent() {
  const client = new Client(where({ database: 'slow' }));
  await client.connect();
  const { rows } = await client.query('SELECT dataset, spent FROM halftone.budget');
  await client.end();
  return +rows.find((r) => r.dataset === 'slow').spent;
}

// Its call opens a connection of its own, without TLS, as CancelRequest may.
async function cancels() {
  const client = new Client(where({ database: 'slow' }));
  await client.connect();
  const sql = "SELECT count(*) FROM slow.orders WHERE category <> 'node'";
  const before = await spent(), began = Date.now();
  let code;
  const asked = client.query(sql).catch((e) => { code = e.code; });
  while (await spent() === before) ;
  const { ssl, ...plain } = where({ database: 'slow' });
  new Client(plain).cancel(client, client._activeQuery || client.activeQuery);
  await asked;
  const after = await spent();
  check('cancel', '57014 before its slot, charged',
    code === '57014' && Date.now() - began < c.SLOT_MS && after > before, code, Date.now() - began, after);
  check('cancel', 'the connection is of use afterwards', (await client.query('SELECT 1 AS one')).rows[0].one === 1);
  await client.query(sql);
  check('cancel', 'its answer is read later, free', await spent() === after);
  await client.end();
}

(async () => {
  await doors();
  const client = new Client(where());
  await client.connect();
  await asks(client);
  await pages(client);
  await readsBinary();
  await client.end();
  const pool = new Pool(where());
  check('parameters', 'from a pool', (await pool.query('SELECT $1::int4 AS one', [1])).rows[0].one === 1);
  await pool.end();
  await cancels();
  process.exit(c.failed() ? 1 : 0);
})().catch((e) => {
  check('end', 'is reached', false, e);
  process.exit(1);
});
