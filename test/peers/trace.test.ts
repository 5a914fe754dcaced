/** `ims-launch trace`: what it tells of a call that went through. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TracedMessage } from '../../src/sip/message/traced-message.ts';
import { peersPresent } from '../support/peers.ts';
import { runProgram } from '../support/program.ts';
import { binary } from '../support/project.ts';
import { openScope } from '../support/scope.ts';
import { startSystem } from '../support/system.ts';
import { waitFor } from '../support/wait.ts';
import { placeCall, talkBothWays } from './calls.ts';

test('the ladder of a call has both legs in order, the relay’s ports, and no secret', async (t) => {
  if (!peersPresent(t, 'sipp')) return;
  const scope = openScope(t);
  const homer = createSocket('udp4');
  scope.defer(() => void homer.close());
  const mirrored: Buffer[] = [];
  homer.on('message', (bytes) => mirrored.push(bytes));
  homer.bind(0, '127.0.0.1');
  await once(homer, 'listening');
  const ims = { hepTarget: `127.0.0.1:${homer.address().port}`, hepPassword: 'homer' };
  const system = await startSystem(scope, { config: { ims } });
  const call = await placeCall(scope, system, { caller: 'caller', callee: 'callee' });
  await talkBothWays(call);
  await call.caller.proceed();
  await call.caller.completes();
  await call.callee.completes();
  const { callId, calleeCallId = '', id } = await system.cdr();
  const trace = (...words: string[]) =>
    runProgram(scope, {
      name: 'trace',
      command: [
        process.execPath,
        binary('ims-launch'),
        'trace',
        ...words,
        '--config',
        join(system.directory, 'config.json'),
      ],
      env: { XDG_RUNTIME_DIR: system.directory },
    });

  const { code, output } = await trace('--call', calleeCallId);
  assert.equal(code, 0, output);
  const rungs = output.split('\n').slice(1);
  const told = rungs.map((line) => /(INVITE|ACK|BYE|\d{3} [A-Z][a-z]+)/.exec(line)?.[0]).filter(Boolean);
  for (const [what, times] of [
    // The caller's first one was challenged; the callee's leg has one.
    ['INVITE', 3],
    ['407 Proxy', 1],
    ['180 Ringing', 2],
    ['ACK', 3],
    ['BYE', 2],
  ] as const) {
    assert.equal(told.filter((each) => each === what).length, times, `${what}\n${output}`);
  }
  assert.ok(
    told.indexOf('407 Proxy') < told.indexOf('180 Ringing') && told.indexOf('180 Ringing') < told.indexOf('BYE'),
  );
  assert.match(output, new RegExp(`audio 127\\.0\\.0\\.1:${call.callerMedia.port}$`, 'm'));

  const json = await trace('--call', id, '--json');
  const messages = json.output
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line) as TracedMessage);
  assert.deepEqual(new Set(messages.map((message) => message.callId)), new Set([callId, calleeCallId]));
  assert.ok(messages.every((message) => message.call === callId));
  const full = await trace('--full');
  for (const text of [json.output, full.output]) {
    assert.match(text, /username=\\?"1001/);
    assert.doesNotMatch(text, /response=\\?"?[0-9a-f]/);
  }
  // The launcher has asked at least once: before it was ready.
  assert.doesNotMatch(full.output, /OPTIONS sip:/);
  const byRelay = await trace('--call', `what the relay makes of it~${id}.1`);
  assert.equal(byRelay.output, output);

  // The capture server was told of the same, one datagram a message.
  await waitFor('every message at the capture server', () => mirrored.length >= messages.length);
  const text = Buffer.concat(mirrored).toString('latin1');
  assert.ok(
    mirrored.every((bytes) => bytes.toString('latin1', 0, 4) === 'HEP3' && bytes.readUInt16BE(4) === bytes.length),
  );
  assert.equal(text.match(/BYE sip:/g)?.length, 2);
  assert.match(text, /homer/);
  assert.doesNotMatch(text, /response="?[0-9a-f]/);

  const none = await trace('--call', 'nobody');
  assert.equal(none.code, 1);
  assert.match(none.output, /no SIP message of a call nobody/);
});
