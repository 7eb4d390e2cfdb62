// node-postgres on the PostgreSQL port; prints 'ok NAME' or 'FAILED NAME'.
const fs = require('fs');
const { Client, Pool } = require('pg');

let failed = false;
const check = (name, right, ...seen) => {
  failed ||= !right;
  console.log(right ? 'ok' : 'FAILED', name, ...(right ? [] : seen));
};
const where = {
  host: 'localhost', port: +process.env.PGPORT, user: 'analyst', database: 'shop',
  password: process.env.PGPASSWORD,
  ssl: { ca: fs.readFileSync(process.env.PGSSLROOTCERT) },
  options: '-c halftone.purpose=improve_products',
};
const byCategory = 'SELECT category, count(*) AS n, sum(amount) AS m FROM shop.orders ' +
  'WHERE ordered_at >= $1 AND amount < $2 GROUP BY category ORDER BY category';

(async () => {
  const client = new Client(where);
  const notices = [];
  client.on('notice', (n) => notices.push(n.message));
  await client.connect();
  const since = '2024-01-01';
  const got = await client.query(byCategory, [since, 100]);
  check('node-postgres asks with parameters',
    got.rows.map((r) => r.category).join() === 'books,fashion,garden,home,sport', got.rows);
  check('node-postgres is told types', got.fields.map((f) => f.dataTypeID).join() === '25,20,701', got.fields);
  check('node-postgres hears the price', notices.some((n) => n.includes('charged')), notices);
  const named = { name: 'by-category', text: byCategory, values: [since, 100] };
  await client.query(named);
  check('node-postgres prepares', (await client.query(named)).rowCount === 5);
  try {
    await client.query('SELECT * FROM shop.orders');
    check('node-postgres reads errors', false);
  } catch (e) {
    check('node-postgres reads errors and hints', e.code === '0A000' && !!e.hint, e.code, e.hint);
  }
  await client.end();
  const pool = new Pool(where);
  check('node-postgres pools', (await pool.query('SELECT 1 AS one')).rows[0].one === 1);
  await pool.end();
  process.exit(failed ? 1 : 0);
})().catch((e) => {
  console.log('FAILED node-postgres goes on to its end', e);
  process.exit(1);
});
