// Lists every service by reflection, describes it, calls every unary method.
'use strict';
const fs = require('fs');
const grpc = require('@grpc/grpc-js');
const { Client } = require('grpc-reflection-js');

const { HALFTONE_TARGET, HALFTONE_CA, HALFTONE_TOKEN, HALFTONE_PURPOSE } = process.env;
const { HALFTONE_STEWARD_TOKEN, HALFTONE_AUDITOR_TOKEN } = process.env;
const { HALFTONE_SUBJECTS_TOKEN, HALFTONE_SENDER_TOKEN } = process.env;
const query = { sql: 'SELECT count(*) FROM shop.orders', purpose: HALFTONE_PURPOSE };
// What each method is asked, and a field that its reply must have.
const asked = {
  Query: [query, 'receipt'],
  Batch: [{ purpose: HALFTONE_PURPOSE, queries: [query] }, 'answers'],
  Estimate: [{ query: { ...query, sql: `${query.sql} WHERE amount > 3` } }, 'rho_pico'],
  ListDatasets: [{}, 'datasets'],
  DescribeDataset: [{ dataset: 'shop' }, 'dataset'],
  GetBudget: [{ dataset: 'shop' }, 'spent_rho_pico'],
  ListCharges: [{ dataset: 'shop' }, 'charges'],
  Check: [{}, 'status'],
  GetMisses: [{ dataset: 'shop' }, 'limit'],
  // There is nothing to lift, which is said.
  LiftMisses: [{ dataset: 'shop', reason: 'a test' }, null],
  ListErasures: [{ dataset: 'shop' }, 'counts'],
  RunErasures: [{ dataset: 'shop' }, 'dataset'],
  // The demo's policy names no key of an owner's, and no list was made.
  SignErasures: [{ dataset: 'shop' }, null],
  ConfirmErasures: [{ dataset: 'shop', note: 'none' }, null],
  // Nothing was held; and nothing is on a schedule, which is said.
  ConfirmRegister: [{ reason: 'a test' }, ''],
  GetConsentCounts: [{ dataset: 'shop' }, null],
  GetCheckpoint: [{}, 'note'],
  ListEntries: [{}, 'entries'],
  Grant: [{ subject: '1', purposes: ['measure_campaigns'] }, 'record'],
  Withdraw: [{ subject: '1', purposes: ['measure_campaigns'] }, 'record'],
  Object: [{ subject: '1', purposes: [HALFTONE_PURPOSE] }, 'record'],
  Expire: [{ subject: '1', purposes: ['measure_campaigns'] }, 'record'],
  Mark: [{ subject: '2' }, 'record'],
  Import: [{ subjects: ['1'] }, null],
  Signal: [{ subject: '1', gpc: true }, 'refused'],
  GetHistory: [{ subject: '1' }, 'events'],
  GetReceipt: [{ subject: '1' }, 'receipt'],
  CheckReceipt: [{ subject: '1', receipt: 'none' }, null],
  Erase: [{ subject: '3' }, 'places'],
  GetErasure: [{ subject: '3' }, 'places'],
  Choose: [{ subject: '1', channel: 'email', at_most: 'any' }, 'record'],
  // A no has no reason: 1 chose a channel and said yes to no purpose.
  MayContact: [{ subject: '1', purpose: 'send_offers', channel: 'email' }, ''],
  Prove: [{ index: 1 }, 'hashes'],
};
let failed = 0;

function report(name, good, why = '') {
  failed += good ? 0 : 1;
  console.log(`${good ? 'ok' : 'FAILED'} grpc-js: ${name} ${why}`.trim());
}

function call(client, root, service, method) {
  const Request = root.lookupType(method.requestType);
  const Reply = root.lookupType(method.responseType);
  const [words, field] = asked[method.name];
  const meta = new grpc.Metadata();
  const tokens = {
    Admin: HALFTONE_STEWARD_TOKEN,
    Audit: HALFTONE_AUDITOR_TOKEN,
    Consent: HALFTONE_SUBJECTS_TOKEN,
    Choose: HALFTONE_SUBJECTS_TOKEN,
    MayContact: HALFTONE_SENDER_TOKEN,
  };
  const token = tokens[method.name] || tokens[service.split('.').pop()] || HALFTONE_TOKEN;
  meta.set('authorization', `Bearer ${token}`);
  const outcome = (err, reply) => {
    const said = [grpc.status.INVALID_ARGUMENT, grpc.status.NOT_FOUND];
    if (field === null) return err && said.includes(err.code) ? '' : 'not refused';
    if (err) return err.message;
    return !field || Object.hasOwn(reply, field) ? '' : `no ${field}`;
  };
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      `/${service}/${method.name}`,
      (m) => Buffer.from(Request.encode(m).finish()),
      (bytes) => Reply.decode(bytes),
      Request.fromObject(words),
      meta,
      { deadline: Date.now() + 20000 },
      (err, reply) => resolve(outcome(err, reply)),
    );
  });
}

async function main() {
  const tls = grpc.credentials.createSsl(fs.readFileSync(HALFTONE_CA));
  const reflection = new Client(HALFTONE_TARGET, tls);
  const client = new grpc.Client(HALFTONE_TARGET, tls);
  const services = (await reflection.listServices()).map(String).sort();
  report('the services are listed', services.includes('halftone.v1.Halftone'), services.join(', '));
  const called = new Set();
  for (const name of services) {
    const root = await reflection.fileContainingSymbol(name);
    for (const method of root.lookupService(name).methodsArray) {
      if (method.requestStream || method.responseStream) continue;
      const why = asked[method.name] ? await call(client, root, name, method) : 'nobody knows what to ask';
      report(`${name}/${method.name}`, why === '', why);
      called.add(method.name);
    }
  }
  const left = Object.keys(asked).filter((m) => !called.has(m));
  report('nothing of the list is left', left.length === 0, left.join(', '));
  client.close();
  process.exit(failed ? 1 : 0);
}

main().catch((e) => {
  report('reflection', false, String(e));
  process.exit(1);
});
