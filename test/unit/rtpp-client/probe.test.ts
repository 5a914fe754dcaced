import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPABILITIES } from '../../../src/rtpp/capabilities.ts';
import { parseReply } from '../../../src/rtpp/reply.ts';
import type { RtppOutcome } from '../../../src/rtpp-client/outcome.ts';
import { type ProbeEffect, type ProbeVerdict, RelayProbe } from '../../../src/rtpp-client/probe.ts';

function replied(text: string): RtppOutcome {
  const reply = parseReply(text);
  assert.ok(reply.ok);
  return { kind: 'reply', reply: reply.value };
}

/** The verdict on a relay that answers each command so. */
function probed(answer: (command: string) => RtppOutcome): ProbeVerdict | undefined {
  const probe = new RelayProbe();
  const queue: ProbeEffect[] = probe.start();
  for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
    if (effect.kind === 'verdict') {
      assert.equal(queue.length, 0, 'the verdict is the last word');
      return effect.verdict;
    }
    queue.push(...probe.handleOutcome(effect.command, answer(effect.command)));
  }
  return undefined;
}

test('a refusal means absent', () => {
  assert.deepEqual(
    probed(() => ({ kind: 'refused' })),
    { kind: 'absent' },
  );
});

test('three tries without an answer mean silent', () => {
  assert.deepEqual(
    probed(() => ({ kind: 'timeout' })),
    { kind: 'silent' },
  );
  const [ask] = new RelayProbe().start();
  assert.deepEqual(ask, { kind: 'ask', command: 'V', retry: { firstMs: 500, factor: 1, budgetMs: 1500 } });
});

test('a version is followed by one VF for each capability', () => {
  const asked: string[] = [];
  const verdict = probed((command) => {
    asked.push(command);
    return command === 'V' ? replied('20040107') : replied(command === 'VF 20050322' ? '1' : '0');
  });
  assert.deepEqual(verdict, {
    kind: 'rtpproxy',
    version: '20040107',
    ecode: undefined,
    capabilities: ['20050322'],
  });
  assert.equal(asked.length, CAPABILITIES.length + 1);
});

test('a VF that stays unanswered or is an error is a capability less', () => {
  const verdict = probed((command) => {
    if (command === 'V') {
      return replied('20040107');
    }
    return command === 'VF 20040107' ? replied('1') : command === 'VF 20050322' ? replied('E1') : { kind: 'timeout' };
  });
  assert.deepEqual(verdict?.kind === 'rtpproxy' && verdict.capabilities, ['20040107']);
});

test('an E-code in place of a version is a relay, too', () => {
  assert.deepEqual(
    probed(() => replied('E99')),
    { kind: 'rtpproxy', version: undefined, ecode: 99, capabilities: [] },
  );
});

test('our cookie with a text behind it is foreign: an echo service', () => {
  assert.deepEqual(
    probed(() => replied('V')),
    { kind: 'foreign', answer: 'V' },
  );
});

test('a version under another cookie is not for us: the right one counts, and without one it was foreign', () => {
  const probe = new RelayProbe();
  probe.start();
  assert.deepEqual(probe.handleStray('stale 20040107\n'), []);
  assert.deepEqual(probe.handleStray('stale E99\n'), []);
  assert.equal(probe.handleOutcome('V', replied('20040107')).length, CAPABILITIES.length);
  const other = new RelayProbe();
  other.start();
  other.handleStray('stale 20040107\n');
  assert.deepEqual(other.handleOutcome('V', { kind: 'timeout' }), [
    { kind: 'verdict', verdict: { kind: 'foreign', answer: 'stale 20040107\n' } },
  ]);
});

test('a datagram without our cookie is foreign, but not after a relay has spoken', () => {
  const probe = new RelayProbe();
  probe.start();
  assert.deepEqual(probe.handleStray('HTTP/1.1'), [
    { kind: 'verdict', verdict: { kind: 'foreign', answer: 'HTTP/1.1' } },
  ]);
  assert.deepEqual(probe.handleOutcome('V', replied('20040107')), [], 'one verdict only');
  const other = new RelayProbe();
  other.start();
  other.handleOutcome('V', replied('20040107'));
  assert.deepEqual(other.handleStray('HTTP/1.1'), []);
});
