import assert from 'node:assert/strict';
import { test } from 'node:test';
import { splitRecords } from '../../../../src/cli/capture/records.ts';
import { LegTaps } from '../../../../src/io/leg-taps.ts';
import { LiveCaptures } from '../../../../src/io/recording/live-captures.ts';
import type { SessionId } from '../../../../src/relay/plane.ts';
import type { OpenLeg } from '../../../../src/relay/recording/open-leg.ts';
import { formatPcapHeader } from '../../../../src/relay/recording/pcap.ts';
import { parsePcap } from '../../../support/capture.ts';

const SESSION = 1 as SessionId;
const SOURCE = { address: '192.0.2.7', port: 4000 };
const CALLER_LEG: OpenLeg = { session: SESSION, side: 1, local: { address: '192.0.2.1', port: 10_000 } };
const CALLEE_LEG: OpenLeg = { session: SESSION, side: 0, local: { address: '192.0.2.1', port: 10_002 } };

function open() {
  const switched: string[] = [];
  const taps = new LegTaps((session, side, on) => switched.push(`${session}/${side} ${on ? 'on' : 'off'}`));
  let legs: OpenLeg[] = [CALLER_LEG];
  const captures = new LiveCaptures({ taps, openLegs: (calls) => (calls?.includes('other') ? [] : legs) });
  const fetch = (capture = 'one', { calls, end = false }: { calls?: readonly string[]; end?: boolean } = {}) =>
    captures.fetch({ what: 'media-capture', capture, calls, end });
  const talk = (side: 0 | 1, component: 'rtp' | 'rtcp' = 'rtp', bytes = 172) =>
    taps.packet(SESSION, side, component, new Uint8Array(bytes), SOURCE);
  return { captures, switched, fetch, talk, setLegs: (next: OpenLeg[]) => (legs = next) };
}

const recordsOf = ({ records }: { readonly records: string }) => splitRecords(Buffer.from(records, 'base64'));

test('what arrives between two fetches is told once, with both addresses; a leg that opens later is followed, too', (t) => {
  const { captures, switched, fetch, talk, setLegs } = open();
  t.after(() => captures.close());
  talk(1);
  const first = fetch();
  assert.deepEqual([first.legs, recordsOf(first).length, switched], [1, 0, ['1/1 on']]);
  talk(1);
  talk(1, 'rtcp');
  setLegs([CALLER_LEG, CALLEE_LEG]);
  captures.refresh();
  talk(0);
  const second = fetch();
  const datagrams = parsePcap(Buffer.concat([formatPcapHeader(), Buffer.from(second.records, 'base64')]));
  assert.deepEqual(
    datagrams.map(({ from, to }) => `${from} ${to}`),
    ['192.0.2.7:4000 192.0.2.1:10000', '192.0.2.7:4000 192.0.2.1:10001', '192.0.2.7:4000 192.0.2.1:10002'],
  );
  assert.ok(recordsOf(second).every(({ at }) => at <= second.at && at > first.at - 1000));
  assert.equal(recordsOf(fetch()).length, 0);
});

test('with the end the taps are gone; another capture of the same leg goes on', (t) => {
  const { captures, switched, fetch, talk } = open();
  t.after(() => captures.close());
  fetch('one');
  fetch('two');
  talk(1);
  assert.equal(recordsOf(fetch('one', { end: true })).length, 1);
  assert.deepEqual(switched, ['1/1 on']);
  talk(1);
  assert.equal(recordsOf(fetch('two', { end: true })).length, 2);
  assert.deepEqual(switched, ['1/1 on', '1/1 off']);
  assert.equal(fetch('three', { calls: ['other'], end: true }).legs, 0);
});

test('who stops fetching is forgotten after five seconds', (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const { captures, switched, fetch } = open();
  t.after(() => captures.close());
  fetch();
  t.mock.timers.tick(4999);
  fetch();
  t.mock.timers.tick(4999);
  assert.deepEqual(switched, ['1/1 on']);
  t.mock.timers.tick(1);
  assert.deepEqual(switched, ['1/1 on', '1/1 off']);
});

test('memory, answers and captures are bounded; what did not fit is counted', (t) => {
  const { captures, fetch, talk } = open();
  t.after(() => captures.close());
  fetch();
  const packets = 10_000;
  for (let count = 0; count < packets; count += 1) {
    talk(1, 'rtp', 1000);
  }
  let told = 0;
  for (let answers = 1; ; answers += 1) {
    const answer = fetch();
    told += recordsOf(answer).length;
    assert.ok(answer.records.length < 700_000);
    if (!answer.more) {
      assert.ok(answers > 5);
      assert.equal(told + answer.dropped, packets);
      assert.ok(answer.dropped > packets / 2);
      break;
    }
  }
  for (let count = 2; count <= 8; count += 1) {
    assert.equal(fetch(`${count}`).refused, null);
  }
  assert.match(fetch('nine').refused ?? '', /8 captures run already/);
});
