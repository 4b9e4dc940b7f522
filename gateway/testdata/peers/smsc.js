// An SMSC written with npm's smpp, for the tests: it takes binds, prints every
// PDU as a line of JSON, and delivers what it reads from standard input.
//
// Without op and session (both 0) it is an SMS, in two parts by sar_* parameters, the last one first.
//
//   in:  {"source":"2557...", "destination":"*150*00#", "text":"1", "op":18, "session":7, "sequence":1}
//   out: {"pdu":"submit_sm", "op":2, "info":[7,2], "text":"...", "destination":"2557...", "dcs":15}
'use strict';
const path = require('path');
const readline = require('readline');
const smpp = require(path.join(process.env.NYOTA_PEERS, 'node_modules', 'smpp'));

const say = (line) => process.stdout.write(JSON.stringify(line) + '\n');
let bound = null;
let messages = 0;

const octets = (message) => {
  if (message === undefined || message === null) return Buffer.alloc(0);
  if (Buffer.isBuffer(message)) return message;
  if (Buffer.isBuffer(message.message)) return message.message;
  return Buffer.from(message.message === undefined ? String(message) : message.message, 'latin1');
};

const server = smpp.createServer({ autoPrependBuffer: false }, (session) => {
  session.on('bind_transceiver', (pdu) => {
    bound = session;
    session.send(pdu.response({ system_id: 'npm-smpp' }));
    say({ pdu: 'bind_transceiver', system_id: pdu.system_id, password: pdu.password });
  });
  session.on('submit_sm', (pdu) => {
    messages += 1;
    session.send(pdu.response({ message_id: 'npm' + messages }));
    const info = pdu.its_session_info;
    say({
      pdu: 'submit_sm',
      op: pdu.ussd_service_op === undefined ? null
        : Buffer.isBuffer(pdu.ussd_service_op) ? pdu.ussd_service_op[0] : pdu.ussd_service_op,
      info: info === undefined ? null : Buffer.isBuffer(info) ? [...info] : [(info >> 8) & 255, info & 255],
      hex: octets(pdu.short_message).toString('hex'),
      source: pdu.source_addr,
      destination: pdu.destination_addr,
      dcs: pdu.data_coding,
      esm: pdu.esm_class,
    });
  });
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    session.send(pdu.response());
    say({ pdu: 'unbind' });
    session.close();
  });
  session.on('close', () => {
    if (bound === session) bound = null;
    say({ pdu: 'closed' });
  });
  session.on('error', (err) => say({ pdu: 'error', error: String(err.message || err) }));
});

server.listen(Number(process.argv[2] || 0), '127.0.0.1', () => say({ listening: server.address().port }));

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const m = JSON.parse(line);
  if (m.op === 0 && m.session === 0) {
    const half = Math.ceil(m.text.length / 2);
    [m.text.slice(half), m.text.slice(0, half)].forEach((part, i) => bound.deliver_sm({
      source_addr_ton: 1, source_addr_npi: 1, source_addr: m.source, destination_addr: m.destination,
      data_coding: 1, short_message: Buffer.from(part, 'latin1'),
      sar_msg_ref_num: 300, sar_total_segments: 2, sar_segment_seqnum: 2 - i,
    }, (resp) => say({ pdu: 'deliver_sm_resp', status: resp.command_status, sequence: m.sequence })));
    return;
  }
  const pdu = {
    source_addr_ton: 1, source_addr_npi: 1, source_addr: m.source,
    dest_addr_ton: 0, dest_addr_npi: 1, destination_addr: m.destination,
    data_coding: 15, service_type: 'USSD',
    short_message: Buffer.from(m.text, 'latin1'),
    ussd_service_op: m.op,
    its_session_info: Buffer.from([m.session, (m.sequence << 1) | (m.end ? 1 : 0)]),
  };
  bound.deliver_sm(pdu, (resp) => say({ pdu: 'deliver_sm_resp', status: resp.command_status, sequence: m.sequence }));
});
