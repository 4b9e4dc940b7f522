// A load generator written with npm's smpp, to stand beside "gateway load submit":
// some binds in one process, each with a window of requests that are sent again as
// soon as they are answered. It prints one JSON object.
//
//   NYOTA_PEERS=.ci/cache/peers node submit.js 127.0.0.1:2775 [binds [window [seconds]]]
'use strict';
const path = require('path');
const smpp = require(path.join(path.resolve(process.env.NYOTA_PEERS), 'node_modules', 'smpp'));

const [host, port] = (process.argv[2] || '127.0.0.1:2775').split(':');
const binds = Number(process.argv[3] || 4);
const window = Number(process.argv[4] || 100);
const seconds = Number(process.argv[5] || 10);

// The message of "gateway load submit": 129 octets with its header.
const message = () => ({
  service_type: 'LOAD',
  source_addr_ton: 5, source_addr_npi: 0, source_addr: 'NYOTA',
  dest_addr_ton: 1, dest_addr_npi: 1, destination_addr: '255700000001',
  data_coding: 0,
  short_message: Buffer.from('7KD You sent TZS 5,000 to 255700000002. Fee TZS 100. Bal 994,900'),
  language_indicator: 1,
  user_message_reference: 1,
});

let responses = 0;
let open = 0; // requests without an answer
let end = 0n;
let start = 0n;
const errors = {};
const latencies = []; // microseconds, a sample of one in ten
const sessions = [];

const fail = (kind) => { errors[kind] = (errors[kind] || 0) + 1; };

function submit(session) {
  const sent = process.hrtime.bigint();
  open += 1;
  session.submit_sm(message(), (resp) => {
    const now = process.hrtime.bigint();
    open -= 1;
    responses += 1;
    if (resp.command_status !== 0) fail(resp.command_status);
    if (responses % 10 === 0) latencies.push(Number(now - sent) / 1000);
    if (now < end) submit(session);
    else if (open === 0) report(now);
  });
}

function report(now) {
  const duration = Number(now - start) / 1e9;
  latencies.sort((a, b) => a - b);
  const at = (p) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * p))];
  console.log(JSON.stringify({
    mode: 'npm smpp', binds, window, duration, responses, errors,
    per_second: responses / duration,
    latency_us: { p50: at(0.5), p90: at(0.9), p99: at(0.99), 'p99.9': at(0.999) },
  }));
  for (const s of sessions) s.close();
}

let bound = 0;
for (let i = 0; i < binds; i += 1) {
  const session = smpp.connect({ url: `smpp://${host}:${port}`, auto_enquire_link_period: 0 });
  sessions.push(session);
  session.on('error', (err) => { console.error(String(err.message || err)); process.exit(1); });
  session.on('connect', () => {
    session.bind_transceiver({ system_id: 'NPM', password: '' }, (resp) => {
      if (resp.command_status !== 0) { console.error('bind refused: ' + resp.command_status); process.exit(1); }
      bound += 1;
      if (bound < binds) return;
      start = process.hrtime.bigint();
      end = start + BigInt(Math.round(seconds * 1e9));
      for (const s of sessions) for (let n = 0; n < window; n += 1) submit(s);
    });
  });
}
