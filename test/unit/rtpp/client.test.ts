/** What a client writes and reads. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseCommandLine } from '../../../src/rtpp/command-line.ts';
import { formatPort, grantedPort, joinResults, parseReply, type RtppReply } from '../../../src/rtpp/reply.ts';
import { formatCommand } from '../../../src/rtpp/request.ts';

function replyOf(text: string): RtppReply {
  const reply = parseReply(text);
  assert.ok(reply.ok, text);
  return reply.value;
}

test('commands are written as Kamailio writes them', () => {
  const peer = { address: '192.0.2.1', port: 4000 };
  assert.equal(
    formatCommand({ kind: 'update', callId: 'x@a', peer, fromTag: 'A;1', modifiers: { codecs: '0,8' } }),
    'UC0,8 x@a 192.0.2.1 4000 A;1',
  );
  assert.equal(
    formatCommand({ kind: 'lookup', callId: 'x@a', peer, fromTag: 'A', toTag: 'B' }),
    'L x@a 192.0.2.1 4000 A B',
  );
  assert.equal(formatCommand({ kind: 'delete', callId: 'x@a', fromTag: 'A', weak: true }), 'Dw x@a A');
  assert.equal(
    formatCommand({ kind: 'query', callId: 'c', fromTag: 'A', toTag: 'B', verbose: true, counters: ['ttl'] }),
    'Qv c A B ttl',
  );
  assert.equal(formatCommand({ kind: 'statistics', counters: ['nsess_created'] }), 'G nsess_created');
});

test('an IPv6 peer brings the modifier 6', () => {
  const peer = { address: '2001:db8::1', port: 4000 };
  assert.equal(formatCommand({ kind: 'update', callId: 'c', peer, fromTag: 'A' }), 'U6 c 2001:db8::1 4000 A');
});

test('no id becomes two words or a second command', () => {
  const id = fc.string({ unit: 'binary', maxLength: 40 });
  fc.assert(
    fc.property(id, id, id, (callId, fromTag, toTag) => {
      const line = parseCommandLine(formatCommand({ kind: 'delete', callId, fromTag, toTag }));
      assert.ok(line.ok);
      assert.equal(line.value.args.length, 3);
    }),
  );
});

test('a reply is an error, a number with or without an address, or a text', () => {
  assert.deepEqual(replyOf('E72\n'), { kind: 'error', code: 72 });
  assert.deepEqual(replyOf('35000\n'), { kind: 'number', value: 35000, address: undefined, family: 4, results: [] });
  assert.deepEqual(replyOf('35000 ::1 6'), { kind: 'number', value: 35000, address: '::1', family: 6, results: [] });
  assert.deepEqual(replyOf('sessions created: 0\nactive sessions: 0\n').kind, 'text');
  assert.deepEqual(replyOf('\n'), { kind: 'text', text: '', results: [] });
});

test('results of subcommands are split off before the address is looked for', () => {
  const reply = replyOf('24270 && 0 && -1\n');
  assert.deepEqual(reply, { kind: 'number', value: 24270, address: undefined, family: 4, results: ['0', '-1'] });
});

test('0, errors and numbers beyond 65535 grant no port', () => {
  assert.equal(grantedPort(replyOf('0'), '127.0.0.1'), undefined);
  assert.equal(grantedPort(replyOf('E71'), '127.0.0.1'), undefined);
  assert.equal(grantedPort(replyOf('20040107'), '127.0.0.1'), undefined);
  assert.deepEqual(grantedPort(replyOf('4000'), '127.0.0.1'), { address: '127.0.0.1', port: 4000 });
});

test('the 6 of a port reply follows the family that was bound', () => {
  assert.equal(formatPort(4000, undefined, 6), '4000');
  assert.equal(formatPort(4000, '192.0.2.1', 4), '4000 192.0.2.1');
  assert.equal(formatPort(4000, '1:2:3', 6), '4000 1:2:3 6');
});

test('silent subcommands are spelled 0 before one that speaks and left out after it', () => {
  assert.equal(joinResults('1', [undefined, undefined]), '1');
  assert.equal(joinResults('1', [undefined, '2', undefined]), '1 && 0 && 2');
});

test('no reply text throws', () => {
  fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 2000 }), (text) => void parseReply(text)));
});
