// A peer written with npm's smpp, for the tests of package smpp. It is either
// role and does what it is told, a line of JSON each:
//
//   in:  {"listen": 2775} or {"connect": 2775}
//        {"id": 3, "send": "submit_sm", "pdu": {...}}   the newest session sends it
//        {"destroy": true}                             the socket is cut
//   out: {"event": "listening"}, {"event": "connected"}, {"event": "closed"}
//        {"event": "pdu", "pdu": {...}}                 a request came, and was answered
//        {"event": "reply", "id": 3, "pdu": {...}}      the response came
//        {"event": "error", "error": "..."}
//
// Octets are {"hex": "..."} in both directions, dates {"date": "..."}.
'use strict';
const path = require('path');
const readline = require('readline');
const smpp = require(path.join(process.env.NYOTA_PEERS, 'node_modules', 'smpp'));

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');

// plain makes what the module decoded fit for JSON.
const plain = (v) => {
  if (Buffer.isBuffer(v)) return { hex: v.toString('hex') };
  if (v instanceof Date) return { date: v.toISOString() };
  if (Array.isArray(v)) return v.map(plain);
  if (v !== null && typeof v === 'object') {
    return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, plain(x)]));
  }
  return v;
};

const real = (v) => {
  if (Array.isArray(v)) return v.map(real);
  if (v === null || typeof v !== 'object') return v;
  if (typeof v.hex === 'string') return Buffer.from(v.hex, 'hex');
  if (typeof v.date === 'string') return new Date(v.date);
  return Object.fromEntries(Object.entries(v).map(([k, x]) => [k, real(x)]));
};

let session = null;
let messages = 0;

// answers has what the responses carry beside their header.
const answers = {
  submit_sm: () => ({ message_id: 'npm-' + ++messages }),
  submit_multi: () => ({
    message_id: 'npm-' + ++messages,
    unsuccess_sme: [{ dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '255700000009', error_status_code: 11 }],
  }),
  data_sm: () => ({ message_id: 'npm-' + ++messages }),
  broadcast_sm: () => ({ message_id: 'npm-' + ++messages }),
  query_sm: (pdu) => ({
    message_id: pdu.message_id, message_state: 2, error_code: 3, final_date: new Date('2026-11-23T12:34:56Z'),
  }),
  query_broadcast_sm: (pdu) => ({ message_id: pdu.message_id, message_state: 2 }),
};

const serve = (s, role) => {
  session = s;
  s.on('pdu', (pdu) => {
    if (pdu.isResponse()) return;
    say({ event: 'pdu', pdu: plain(pdu) });
    if (pdu.command === 'alert_notification' || pdu.command === 'outbind') return;
    if (pdu.command.startsWith('bind_')) {
      const ok = role === 'server' && pdu.password !== 'wrong';
      s.send(pdu.response(ok ? { system_id: 'npm-smpp', sc_interface_version: 0x34 } : { command_status: 14 }));
      return;
    }
    if (pdu.destination_addr === 'throttled') {
      s.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED })); // this module leaves out the body
      return;
    }
    s.send(pdu.response((answers[pdu.command] || (() => ({})))(pdu)));
    if (pdu.command === 'unbind') s.close();
  });
  s.on('close', () => say({ event: 'closed' }));
  s.on('error', (err) => say({ event: 'error', error: String(err.message || err) }));
};

const todo = {
  listen: (port) => smpp.createServer({}, (s) => serve(s, 'server'))
    .listen(port, '127.0.0.1', () => say({ event: 'listening' })),
  connect: (port) => {
    const s = smpp.connect({ host: '127.0.0.1', port }, () => say({ event: 'connected' }));
    serve(s, 'client');
  },
  send: (command, line) => session.send(new smpp.PDU(command, real(line.pdu || {})), (resp) => {
    say({ event: 'reply', id: line.id, pdu: plain(resp) });
    if (command === 'unbind') session.close();
  }),
  destroy: () => session.destroy(),
};

readline.createInterface({ input: process.stdin }).on('line', (text) => {
  const line = JSON.parse(text);
  try {
    for (const name of Object.keys(todo)) if (name in line) todo[name](line[name], line);
  } catch (err) {
    say({ event: 'error', error: String(err.stack || err) });
  }
}).on('close', () => process.exit(0));
