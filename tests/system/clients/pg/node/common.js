// What ask.js has to see of node-postgres; its lines are those of python/common.py.
const fs = require('fs');
const net = require('net');

let failed = false;
exports.failed = () => failed;
exports.check = (column, saw, right, ...seen) => {
  failed ||= !right;
  console.log(right ? 'ok' : 'FAILED', `node-postgres: ${column}: ${saw}`, ...(right ? [] : seen));
};
exports.where = (more = {}) => ({
  host: 'localhost', port: +process.env.PGPORT, user: 'analyst', database: 'shop',
  password: process.env.PGPASSWORD,
  ssl: { ca: fs.readFileSync(process.env.PGSSLROOTCERT) },
  options: '-c halftone.purpose=improve_products', ...more,
});
// A socket to this machine, whatever the name.
exports.toLoopback = () => {
  const socket = new net.Socket();
  const connect = socket.connect.bind(socket);
  socket.connect = (port) => connect(port, '127.0.0.1');
  return socket;
};
exports.otherCa = { ca: fs.readFileSync(process.env.PGOTHERCERT) };
exports.BY_CATEGORY = 'SELECT category, count(*) AS n, sum(amount) AS m FROM shop.orders ' +
  'WHERE ordered_at >= $1 AND amount < $2 GROUP BY category ORDER BY category';
exports.BY_COUNTRY = 'SELECT country, count(DISTINCT customer_id) AS n FROM shop.customers GROUP BY country ORDER BY country';
exports.TABLES = `SELECT c.relname FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n
  ON n.oid = c.relnamespace WHERE n.nspname = 'shop' AND c.relkind = 'r' ORDER BY 1`;
exports.COLUMNS = `SELECT column_name FROM information_schema.columns WHERE table_schema = $1
  AND table_name = $2 ORDER BY ordinal_position`;
exports.SLOT_MS = 3000; // until an answer of the dataset "slow" leaves

// A value of each type, and what node-postgres makes of its text.
const noon = new Date('2024-02-29T12:34:56.789Z');
exports.EACH_TYPE = [
  ['true', true], ['1::int2', 1], ['-2::int4', -2], ['3000000000::int8', '3000000000'], ['1.5::float4', 1.5],
  ['-2.5::float8', -2.5], ['1234.5::numeric', '1234.5'], ["'x'::text", 'x'], ["'y'::varchar", 'y'],
  ["timestamptz '2024-02-29 12:34:56.789+00'", noon], ["timestamp '2024-02-29 12:34:56.789'", noon],
  ["interval '1 day 02:03:04'", { days: 1, hours: 2, minutes: 3, seconds: 4 }], ['42::oid', 42],
  ["'nm'::name", 'nm'], ['ARRAY[1, 2]', [1, 2]], ["ARRAY['a', 'b']", ['a', 'b']], ['NULL::text', null],
];
// Those that survive its binary mode, which reads every field as UTF-8 first.
exports.BINARY = [0, 1, 7, 8];
exports.types = (rows) => 'SELECT ' + rows.map(([e], i) => `${e} AS c${i}`).join(', ');
exports.differ = (rows, got) =>
  rows.map(([e, want], i) => [e, want, got['c' + i]]).filter(([, want, v]) => JSON.stringify(want) !== JSON.stringify(v));
