/** Two layers and a link that loses, repeats and delays: every transaction ends in the state that the RFC promises. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseMessage } from '../../../src/sip/message/parse.ts';
import { createResponse } from '../../../src/sip/message/response.ts';
import type { TransactionEffect, TransactionKey } from '../../../src/sip/transaction/effects.ts';
import type { Flow } from '../../../src/sip/transaction/flow.ts';
import { TransactionLayer } from '../../../src/sip/transaction/layer.ts';
import { countedIds, outgoing, PEER, US, udpFlow } from '../../unit/sip/support.ts';

interface Link {
  /** 0–1. */
  readonly loss: number;
  readonly repeat: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

/** Small and seeded (mulberry32): the same seed is the same run. */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Side {
  readonly layer: TransactionLayer;
  readonly flow: Flow;
  /** The user: what it does about an effect. */
  handle(now: number, effect: TransactionEffect): TransactionEffect[];
}

/** Runs both sides until nothing is in flight and no timer is armed; gives the virtual time that it took. */
function simulate(sides: readonly [Side, Side], link: Link, seed: number, begin: TransactionEffect[]): number {
  const random = randomFrom(seed);
  const inFlight: { at: number; to: 0 | 1; bytes: Uint8Array }[] = [];
  let now = 0;
  const put = (from: 0 | 1, bytes: Uint8Array) => {
    if (random() < link.loss) {
      return;
    }
    const copies = random() < link.repeat ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      const delay = link.minDelayMs + random() * (link.maxDelayMs - link.minDelayMs);
      inFlight.push({ at: now + delay, to: from === 0 ? 1 : 0, bytes });
    }
  };
  const perform = (side: 0 | 1, effects: readonly TransactionEffect[]) => {
    const queue = [...effects];
    for (let effect = queue.shift(); effect !== undefined; effect = queue.shift()) {
      if (effect.kind === 'send') {
        put(side, effect.bytes);
      }
      queue.push(...sides[side].handle(now, effect));
    }
  };
  perform(0, begin);
  for (let steps = 0; steps < 100_000; steps++) {
    inFlight.sort((a, b) => a.at - b.at);
    const arrival = inFlight[0]?.at ?? Number.POSITIVE_INFINITY;
    const timer = Math.min(sides[0].layer.nextTimeoutAt(), sides[1].layer.nextTimeoutAt());
    if (Math.min(arrival, timer) === Number.POSITIVE_INFINITY) {
      return now;
    }
    if (arrival <= timer) {
      const { to, bytes } = inFlight.shift() as { to: 0 | 1; bytes: Uint8Array };
      now = arrival;
      const message = parseMessage(bytes);
      assert.ok(message.ok);
      perform(to, sides[to].layer.handleMessage(now, message.value, sides[to].flow));
    } else {
      now = timer;
      for (const side of [0, 1] as const) {
        perform(side, sides[side].layer.handleTimeout(now));
      }
    }
  }
  assert.fail('the simulation does not come to rest');
}

/** A client's user that notes what it is told. */
function client(): Side & { readonly told: string[] } {
  const layer = new TransactionLayer({ ids: countedIds('client') });
  const flow = udpFlow(US, PEER);
  const told: string[] = [];
  return {
    layer,
    flow,
    told,
    handle(_now, effect) {
      if (effect.kind !== 'send') {
        told.push(effect.kind === 'response' ? String(effect.response.status) : effect.kind);
      }
      return [];
    },
  };
}

/** A server's user that answers each request with those statuses at once, a CANCEL with a 487. */
function server(statuses: readonly number[]): Side & { readonly told: string[] } {
  const layer = new TransactionLayer({ ids: countedIds('server') });
  const told: string[] = [];
  const requests = new Map<TransactionKey, Parameters<typeof createResponse>[0]>();
  return {
    layer,
    flow: udpFlow(PEER, US),
    told,
    handle(now, effect) {
      if (effect.kind === 'send') {
        return [];
      }
      told.push(effect.kind);
      if (effect.kind === 'request') {
        requests.set(effect.key, effect.request);
        return statuses.flatMap((status) =>
          layer.respond(now, effect.key, createResponse(effect.request, status, { toTag: 'us' })),
        );
      }
      const request = effect.kind === 'cancel' ? requests.get(effect.key) : undefined;
      return effect.kind === 'cancel' && request !== undefined
        ? layer.respond(now, effect.key, createResponse(request, 487, { toTag: 'us' }))
        : [];
    },
  };
}

const lossy = fc.record({
  loss: fc.constantFrom(0, 0.05, 0.2, 0.3),
  repeat: fc.constantFrom(0, 0.2),
  minDelayMs: fc.constantFrom(0, 10),
  maxDelayMs: fc.constantFrom(10, 300, 1200),
});

const RUNS = { numRuns: 300, seed: 2543 };

function assertAtRest(...sides: readonly Side[]): void {
  for (const { layer } of sides) {
    assert.equal(layer.clientCount + layer.serverCount, 0);
    assert.equal(layer.nextTimeoutAt(), Number.POSITIVE_INFINITY);
  }
}

test('a non-INVITE request is told once, and its client hears one end', () => {
  fc.assert(
    fc.property(lossy, fc.nat(), fc.constantFrom(200, 404, 503), (link, seed, status) => {
      const [alice, bob] = [client(), server([status])];
      const { effects } = alice.layer.request(0, outgoing({ method: 'MESSAGE' }), alice.flow);
      simulate([alice, bob], link, seed, effects);
      assert.ok(bob.told.filter((kind) => kind === 'request').length <= 1);
      const end = alice.told.filter((word) => word !== 'terminated');
      assert.deepEqual(end, [bob.told.includes('request') && end[0] !== 'timeout' ? String(status) : 'timeout']);
      assert.equal(alice.told.at(-1), 'terminated');
      assertAtRest(alice, bob);
    }),
    RUNS,
  );
});

test('a refused INVITE is told once, acknowledged in the end, and leaves nothing behind', () => {
  fc.assert(
    fc.property(lossy, fc.nat(), (link, seed) => {
      const [alice, bob] = [client(), server([180, 486])];
      const { effects } = alice.layer.request(0, outgoing(), alice.flow);
      simulate([alice, bob], link, seed, effects);
      assert.ok(bob.told.filter((kind) => kind === 'request').length <= 1);
      assert.equal(alice.told.filter((word) => word === '486' || word === 'timeout').length, 1);
      assertAtRest(alice, bob);
    }),
    RUNS,
  );
});

test('a cancelled INVITE ends with 487 at both sides, or in time-outs, never in between', () => {
  fc.assert(
    fc.property(lossy, fc.nat(), fc.boolean(), (link, seed, beforeRinging) => {
      const [alice, bob] = [client(), server([180])];
      const { key, effects } = alice.layer.request(0, outgoing(), alice.flow);
      let cancelled = false;
      const cancelling: Side = {
        ...alice,
        handle(now, effect) {
          const moment = beforeRinging || (effect.kind === 'response' && effect.response.status === 180);
          const wish = moment && !cancelled ? alice.layer.cancel(now, key) : [];
          cancelled ||= moment;
          return [...alice.handle(now, effect), ...wish];
        },
      };
      simulate([cancelling, bob], link, seed, effects);
      const finals = alice.told.filter((word) => word === '487' || word === 'timeout');
      assert.equal(finals.length, 1);
      assert.equal(alice.layer.clientCount, 0);
      // When no CANCEL got through, the callee still rings: that its user must end (Timer C), not the layer.
      if (alice.told.includes('487')) {
        assertAtRest(alice, bob);
      }
      assert.ok(bob.told.filter((kind) => kind === 'cancel').length <= 1);
    }),
    RUNS,
  );
});

test('without loss an INVITE costs one of each message', () => {
  const [alice, bob] = [client(), server([486])];
  const { effects } = alice.layer.request(0, outgoing(), alice.flow);
  const took = simulate([alice, bob], { loss: 0, repeat: 0, minDelayMs: 5, maxDelayMs: 5 }, 1, effects);
  assert.deepEqual(alice.told, ['486', 'terminated']);
  assert.deepEqual(bob.told, ['request', 'terminated']);
  assert.equal(took, 32_010, 'timer D is the last to fire');
});
