/** The client engine against a relay with rtpproxy's reply cache, in virtual time, over a link that loses, doubles and delays. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RtppClientEffect, RtppClientEngine } from '../../src/rtpp-client/client.ts';
import { RTPP_CLIENT_DEFAULTS } from '../../src/rtpp-client/policy.ts';

interface Delivery {
  readonly at: number;
  readonly to: 'relay' | 'client';
  readonly text: string;
}

/** A linear congruential generator: the same seed, the same losses. */
function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

function simulate(seed: number, loss: number, commands: number) {
  const chance = random(seed);
  const client = new RtppClientEngine('sim', RTPP_CLIENT_DEFAULTS);
  const wire: Delivery[] = [];
  const replies = new Map<string, string>();
  const executed = new Map<string, number>();
  const outcomes = new Map<number, string>();
  let now = 0;

  const transmit = (to: Delivery['to'], text: string): void => {
    const copies = chance() < loss ? 0 : chance() < 0.05 ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      wire.push({ at: now + 1 + chance() * 50, to, text });
    }
  };
  const apply = (effects: readonly RtppClientEffect[]): void => {
    for (const effect of effects) {
      if (effect.kind === 'send') {
        transmit('relay', Buffer.from(effect.datagram).toString());
      } else if (effect.kind === 'settled') {
        assert.ok(!outcomes.has(effect.id), 'settled once');
        const { outcome } = effect;
        outcomes.set(
          effect.id,
          outcome.kind === 'reply' && outcome.reply.kind === 'number' ? `${outcome.reply.value}` : outcome.kind,
        );
      }
    }
  };
  const relay = (text: string): void => {
    const [cookie = '', , argument = ''] = text.split(' ');
    if (!replies.has(cookie)) {
      executed.set(argument, (executed.get(argument) ?? 0) + 1);
      replies.set(cookie, `${cookie} ${argument}\n`);
    }
    transmit('client', replies.get(cookie) ?? '');
  };

  for (let i = 1; i <= commands; i++) {
    apply(client.request(now, `VF ${i}`).effects);
  }
  for (let steps = 0; client.inFlight > 0 || wire.length > 0; steps++) {
    assert.ok(steps < commands * 50, 'comes to an end');
    wire.sort((a, b) => a.at - b.at);
    const next = wire[0];
    const deadline = client.nextTimeoutAt();
    if (next !== undefined && next.at <= deadline) {
      wire.shift();
      now = next.at;
      if (next.to === 'relay') {
        relay(next.text);
      } else {
        apply(client.handleDatagram(now, next.text));
      }
    } else {
      now = deadline;
      apply(client.handleTimeout(now));
    }
  }
  return { outcomes, executed, now };
}

test('without loss every command is executed once and answered', () => {
  const { outcomes, executed, now } = simulate(1, 0, 200);
  assert.deepEqual(
    [...outcomes].filter(([id, value]) => value !== `${id}`),
    [],
  );
  assert.equal(executed.size, 200);
  assert.ok(now < 300);
});

test('at 20 % loss each way nearly all are answered, none twice executed, none answered by another’s reply', () => {
  for (let seed = 1; seed <= 20; seed++) {
    const { outcomes, executed, now } = simulate(seed, 0.2, 200);
    const wrong = [...outcomes].filter(([id, value]) => value !== `${id}` && value !== 'timeout');
    assert.deepEqual(wrong, []);
    assert.equal(outcomes.size, 200);
    const timedOut = [...outcomes.values()].filter((value) => value === 'timeout').length;
    // Four sends, each with a chance of 0.36 to fail: 1.7 %, so about 3 of 200.
    assert.ok(timedOut <= 12, `seed ${seed}: ${timedOut} timed out`);
    assert.ok([...executed.values()].every((count) => count === 1));
    assert.ok(now <= 3200, `over at ${now}`);
  }
});

test('a relay that hears nothing: every command ends as a timeout after the budget, and nothing stays behind', () => {
  const { outcomes, executed, now } = simulate(7, 1, 50);
  assert.deepEqual(new Set(outcomes.values()), new Set(['timeout']));
  assert.equal(executed.size, 0);
  assert.equal(now, 3000);
});
